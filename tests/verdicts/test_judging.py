"""From runs to verdicts: the shipped rules of lazy to rich on hand-made runs."""

import math
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest
import support_handmade
from clocks import CLOCKS
from support_handmade import CELLS, HASH, NEVER, REGISTRATION, SEEDS, lazy_to_rich, made, recorded, suite

from grokbench.explanations.lazy_to_rich import freezing_removes as L1
from grokbench.statistics.location import median_interval
from grokbench.statistics.trends import gehan_jonckheere
from grokbench.tables.cross_table import CrossTable
from grokbench.tables.explanations import Explanations
from grokbench.verdicts import estimates
from grokbench.verdicts.cells import Cells, Design
from grokbench.verdicts.cross_table import cross_table
from grokbench.verdicts.explanation_rows import explanation_rows, sensitivity_rows
from grokbench.verdicts.finding import Estimate, Finding, Margin
from grokbench.verdicts.judging import counterexamples, judge_explanation
from grokbench.verdicts.needs import needs
from grokbench.verdicts.verdict import Verdict, support_p

COLUMNS, CROSS_COLUMNS = ([column.name for column in table.columns] for table in (Explanations, CrossTable))


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    """Verdicts here are clear: a tenth of the bootstrap and permutation draws tells them as well."""
    monkeypatch.setattr(estimates, "DRAWS", 1_000)
    monkeypatch.setattr(estimates, "gehan_jonckheere", partial(gehan_jonckheere, draws=499))


def judged(runs, *designs) -> Verdict:
    return judge_explanation(lazy_to_rich(*designs), runs, REGISTRATION)


def of(explanation: Verdict, name: str) -> Verdict:
    """The first verdict on a prediction."""
    return next(leaf for leaf in explanation.predictions if leaf.name == name)


def family(explanation: Verdict, name: str = "net") -> Verdict:
    return next(one for one in explanation.families if one.name == name)


def verdicts(runs, *designs) -> dict[str, str]:
    """Prediction -> verdict, and the family's and the overall one."""
    explanation = judged(runs, *designs)
    words = {leaf.name: leaf.word for leaf in explanation.predictions}
    return words | {"family": family(explanation).word, "overall": explanation.word}


def reasons(runs) -> dict[str, str]:
    return {leaf.name: leaf.reason for leaf in judged(runs).predictions}


def test_what_is_true_is_supported():
    words = verdicts(suite())
    assert [words[name] for name in ("L1", "L2", "L3", "family")] == ["supported"] * 4
    assert words["overall"] == "undecided"  # one family is no universal claim
    assert words["L8"] == words["L4"] == "not applicable"


@pytest.mark.parametrize(
    ("changes", "prediction"),
    [
        ({"net-frozen": {}}, "L1"),
        ({f"net-dose{i}": {"t_gen": 800.0 + (-1) ** i} for i in range(1, 6)}, "L2"),
        ({"net": {"ready": 8.0}}, "L3"),  # features were there: slow read-out
        ({"net": {"ready": 2400.0}}, "L3"),  # features come after
    ],
)
def test_what_is_false_is_contradicted(changes, prediction):
    words = verdicts(suite(**changes))
    assert words[prediction] == "contradicted"
    assert words["family"] == "contradicted"
    assert words["overall"] == "contradicted"


def test_three_families_of_two_kinds_make_it_universal():
    runs = suite()
    designs = [Design(name, "add", neural, CELLS) for name, neural in (("net", True), ("trees", False), ("deep", True))]
    assert verdicts(runs, *designs)["overall"] == "supported"
    assert verdicts(runs, *(replace(design, neural=True) for design in designs))["overall"] == "undecided"


def test_gates_name_what_failed():
    assert reasons(suite(net={"t_gen": NEVER}))["L3"] == "does not grok here (0/10 late)"
    assert reasons(suite(**{"net-frozen": {"t_mem": NEVER, "t_gen": NEVER}}))["L1"] == "frozen fits in 0/10 runs"
    assert "too easy" in reasons(suite(**{"net-frozen": {"t_gen": 30.0}}))["L1"]
    runs = suite()
    runs["add-shuffled/net"][1003] = made(seed=1003)
    assert reasons(runs)["L1"] == "1 shuffled runs generalize"
    runs = suite()
    for seed in (1000, 1001):
        runs["add/net"][seed] = made(seed=seed, status="failed")
    assert reasons(runs)["L3"] == "does not grok here (8/10 late)"


@pytest.mark.parametrize(("lost", "reason"), [(1, ""), (2, "frozen fits in 8/10 runs")])
def test_a_tenth_of_the_runs_may_be_lost(lost, reason):
    runs = suite()
    for seed in range(1000, 1000 + lost):
        runs["add/net-frozen"][seed] = made(seed=seed, status="crashed", t_gen=NEVER)
    assert reasons(runs)["L1"] == reason


def test_by_construction_is_not_applicable():
    built = Design("net", "add", True, CELLS, by_construction={"L1": "the kernel is the learner"})
    leaf = of(judged(suite(), built), "L1")
    assert (leaf.word, leaf.reason) == (
        "not applicable",
        "by construction: the kernel is the learner",
    )


def test_a_design_may_make_some_predictions_only():
    """The doses on one task, the cells on another: together they are the family."""
    cells = {role: cell for role, cell in CELLS.items() if role != "doses"}
    designs = [Design("net", "add", True, cells), Design("net", "dosed", True, CELLS, predictions=("L2",))]
    explanation = judged(suite(), *designs)
    assert [leaf.name for leaf in explanation.predictions if leaf.design.task == "dosed"] == ["L2"]
    assert family(explanation).word == "supported"


@pytest.mark.parametrize("case", ["other hash", "no hash", "a seed missing", "exploration"])
def test_what_was_not_registered_is_exploratory_and_has_no_verdict(case):
    runs = suite(seeds=range(10)) if case == "exploration" else suite()
    if case == "other hash":
        runs["add/net"][1004] = recorded(runs["add/net"][1004], registered={"lazy-to-rich": "earlier"})
    if case == "no hash":
        runs["add/net"] = {seed: recorded(run, registered={}) for seed, run in runs["add/net"].items()}
    if case == "a seed missing":
        del runs["add/net"][1009]
    rows = {row["prediction"]: row for row in explanation_rows(judged(runs)) if row["family"] == "net"}
    for name in ("L1", "L3"):
        assert (rows[name]["role"], rows[name]["verdict"]) == ("exploratory", "undecided")
        assert rows[name]["reason"]
    assert rows["(all primaries)"]["verdict"] != "supported"
    assert rows["(all primaries)"]["role"] == "exploratory"
    if case == "exploration":  # seen, but not judged
        assert rows["L1"]["estimate"] == 1.0


def test_a_non_event_counts_only_on_an_adequate_horizon():
    short = suite(**{"net-frozen": {"t_gen": NEVER, "budget": 5_000}})  # 10 t_gen is 8000
    rules, (design,) = lazy_to_rich(), lazy_to_rich().designs
    assert np.isnan(rules.cells(design, short).late("frozen")).sum() >= 9
    closed = replace(design, closed_form=("frozen_on",))
    assert (rules.cells(closed, short).late("frozen") == 0).all()
    falling = suite()
    for run in falling["add/net-frozen"].values():  # its training has not come to rest
        run.curve.columns["train_loss"][:] = 1 / (1 + run.curve.time / 1e5)
    assert np.isnan(rules.cells(design, falling).late("frozen")).all()
    other_clock = suite()
    other_clock["add/net-frozen"] = {
        s: recorded(t, clock="flow time") for s, t in other_clock["add/net-frozen"].items()
    }
    assert np.isnan(rules.cells(design, other_clock).late("frozen")).all()


def test_a_frozen_run_is_watched_as_long_as_its_own_free_twin_asks():
    """Without pressure the free runs need longer: ten times that, and not ten times t_gen of the recipe."""
    slow = suite(**{"net-off": {"t_gen": 2500, "budget": 30_000}})
    rules, (design,) = lazy_to_rich(), lazy_to_rich().designs
    cells = rules.cells(design, slow)
    assert (cells.late("frozen_on") == 0).all()
    assert np.isnan(cells.late("frozen_off")).all()
    long = suite(**{"net-off": {"t_gen": 2500, "budget": 30_000}, "net-frozen-off": {"t_gen": NEVER, "budget": 30_000}})
    assert (rules.cells(design, long).late("frozen_off") == 0).all()
    unpaired = replace(design, cells={role: cell for role, cell in CELLS.items() if role != "free_off"})
    assert (rules.cells(unpaired, slow).late("frozen_off") == 0).all()


def test_lost_runs_hurt_whatever_is_asked():
    """One frozen run lost of ten: against the claim it is late, in its favour it is not; support survives, or not."""
    runs = suite()
    runs["add/net-frozen"][1002] = made(seed=1002, status="timeout")
    rules, (design,) = lazy_to_rich(), lazy_to_rich().designs
    cells = rules.cells(design, runs)
    l1 = rules.statistic(next(p for p in rules.predictions if p.name == "L1"))
    assert l1(cells).estimates["difference"].value == pytest.approx(0.9)
    assert l1(replace(cells, lost_runs="for")).estimates["difference"].value == pytest.approx(1.0)
    assert verdicts(runs)["L1"] == "supported"


def test_a_threshold_that_turns_the_verdict_leaves_it_undecided():
    runs = suite()
    for run in runs["add/net"].values():  # at the other ridge the features were ready
        run.curve.columns["after_kernel_ridge"][:] = 0.9
    explanation = judged(runs)
    leaf = of(explanation, "L3")
    assert (leaf.word, leaf.reason) == ("undecided", "threshold-sensitive: contradicted at ridge 1e-3")
    listed = next(row for row in sensitivity_rows(explanation) if row["prediction"] == "L3")
    assert (listed["as registered"], listed["ridge 1e-3"]) == ("supported", "contradicted")


def test_rows_have_the_columns_and_say_what_the_interval_says():
    rows = explanation_rows(judged(suite()))
    assert all(set(row) <= {*COLUMNS, "parts", "readable"} for row in rows)
    assert [row["family"] for row in rows[-2:]] == ["net", "(all)"]
    l1 = next(row for row in rows if row["prediction"] == "L1")
    assert (l1["n"], l1["estimate"], l1["verdict"]) == (10, 1.0, "supported")
    assert l1["low"] > 0.3
    assert l1["rule"] == "low > 0.3 supported, high < 0.5 contradicted, else undecided"
    assert l1["registered"] == HASH


def test_holm_is_over_secondaries_alone():
    rows = explanation_rows(judged(suite()))
    corrected = {row["prediction"] for row in rows if not math.isnan(row.get("p_holm", math.nan))}
    assert corrected <= {"L0", "L4", "L6", "L8", "(all primaries)"}


def test_the_inverted_interval_is_a_p_value():
    """Ten values of one sign: the sign test's p is 2^-10; against the support margin of the median it is the same."""
    values = np.arange(1.0, 11.0)
    median = Estimate(5.5, lambda a: (median_interval(values, 1 - 2 * a).low, math.inf))
    shipped = lazy_to_rich().predictions[0]

    def p(margin: float, estimate: Estimate = median) -> float:
        return support_p(replace(shipped, margins={"median": Margin(margin)}), Finding({"median": estimate}, 10))

    assert p(0.0) == pytest.approx(2.0**-10, rel=0.01)
    assert p(6.0) == 1
    assert math.isnan(p(0.0, Estimate(math.nan, median.interval)))


def test_frozen_runs_that_ended_too_soon_are_counted_both_ways():
    """Eight that never generalize, and two that may yet: left out, then taken to be late, and then never to be."""
    runs = suite()
    runs["add/net-frozen"] |= {s: made(seed=s, t_gen=NEVER, budget=7_000) for s in (1000, 1001)}
    cells = lazy_to_rich().cells(lazy_to_rich().designs[0], runs)
    assert cells.unwatched("frozen").sum() == 2
    differences = [
        of(judged(runs), "L1").finding.estimates["difference"].value,
        *(L1(replace(cells, undecided=late)).estimates["difference"].value for late in (0.0, 1.0)),
    ]
    assert differences == pytest.approx([1.0, 1.0, 0.8])
    rules = lazy_to_rich()
    rules = replace(rules, predictions=tuple(replace(prediction, least=8) for prediction in rules.predictions))
    variants = of(judge_explanation(rules, runs, REGISTRATION), "L1").finding.variants
    assert [name for name in variants if name.startswith("undecided")] == [
        "undecided runs late",
        "undecided runs never",
    ]


def test_a_frozen_run_that_never_fits_is_no_undecided_one():
    runs = suite(**{"net-frozen": {"t_mem": NEVER, "t_gen": NEVER}})
    assert not lazy_to_rich().cells(lazy_to_rich().designs[0], runs).unwatched("frozen").any()


def on_path(seed, behind: float, **changes):
    """A run that fits at its first tick, with a share of its path behind it at the half-rise."""
    run = made(seed, t_mem=1.0, **changes)
    path = np.interp(run.curve.time, [1.0, run.half_rise(), run.curve.last], [0.0, behind, 1.0])
    return support_handmade.changed(run, path=path)


@pytest.mark.parametrize(("behind", "late"), [(0.1, 0.0), (0.6, 1.0)])
def test_without_a_clock_late_is_told_by_the_path(behind, late):
    design = Design("machine", "add", False, CELLS, endpoint="path")
    run = on_path(1000, behind)
    assert Cells(design, {}, [1000]).endpoint(run) == late
    squared = support_handmade.changed(run, time=run.curve.time**2)
    assert Cells(design, {}, [1000]).endpoint(squared) == late
    assert math.isnan(Cells(design, {}, [1000]).endpoint(made(t_mem=1.0)))  # nobody measured the path
    assert Cells(replace(design, endpoint="clock"), {}, [1000]).endpoint(run) == run.detections[0.95].late


FROZEN = Design(
    "kernel", "add", False, {"frozen_on": "add/flow-ridge", "frozen_off": "add/flow"}, closed_form=("frozen_off",)
)


@pytest.mark.parametrize(("late", "refuted"), [(10, True), (7, False)])
def test_an_always_frozen_learner_that_groks_refutes_necessity(late, refuted):
    runs = {"add/flow": {s: made(seed=s, t_gen=800 if s < 1000 + late else NEVER) for s in SEEDS}}
    assert bool(counterexamples(lazy_to_rich(FROZEN), runs, REGISTRATION)) == refuted


def test_cross_table_reads_what_is_there():
    designs = Design("net", "add", True, CELLS), FROZEN
    runs = suite() | {"add/flow": {s: made(seed=s, t_gen=NEVER) for s in SEEDS}}
    row, flow = cross_table(judged(runs, *designs))
    assert set(row) <= set(CROSS_COLUMNS)
    assert (row["a"], row["b"], row["c"], row["d"]) == (1, 1, 0, 0)
    assert row["c_high"] == pytest.approx(1 - 0.025**0.1)  # Clopper-Pearson of 0/10
    assert (row["features"], row["pressure"], row["interaction"]) == (1, 0, 0)
    assert row["features_p"] == pytest.approx(2 / 2**10)
    assert row["reading"] == "features; explicit pressure not necessary"
    assert row["horizon"] == pytest.approx(math.log10(10_000 / 20), abs=0.1)
    assert flow["reading"] == "not late without features"
    late_without = suite(**{"net-off": {"t_gen": NEVER}, "net-frozen": {}})
    assert cross_table(judged(late_without))[0]["reading"] == "pressure; features not necessary"


def answers(runs, *designs) -> dict[tuple[str, str], str]:
    """(family, factor) -> answer."""
    return {(need.cells.design.family, need.factor): need.answer for need in needs(judged(runs, *designs))}


def test_who_needs_what():
    assert answers(suite()) == {("net", "features"): "needed", ("net", "pressure"): "not needed"}
    never = {"t_gen": NEVER, "budget": 20_000}
    assert answers(suite(**{"net-off": never, "net-frozen": {}})) == {
        ("net", "features"): "not needed",
        ("net", "pressure"): "needed",
    }
    assert set(answers(suite(net=never, **{"net-off": never})).values()) == {"undecided"}  # late nowhere
    half = suite()
    half["add/net-frozen"] |= {s: made(seed=s) for s in range(1000, 1005)}
    assert answers(half)["net", "features"] == "undecided"


def test_who_needs_a_large_start():
    """Always frozen: late from a large start under pressure, and never otherwise."""
    cells = {"frozen_on": "add/flow", "frozen_off": "add/flow-off", "small_frozen_on": "add/flow-small"}
    machine = Design("kernel", "add", False, cells, closed_form=tuple(cells))
    runs = {cell: {s: made(seed=s, t_gen=NEVER) for s in SEEDS} for cell in cells.values()}
    runs["add/flow"] = {s: made(seed=s) for s in SEEDS}
    assert answers(runs, machine) == {
        ("kernel", "features"): "not needed",
        ("kernel", "pressure"): "needed",
        ("kernel", "start"): "needed",
    }
    first, *_ = needs(judged(runs, machine))
    assert (first.given.n, first.without.value) == (0, 1.0)
    # 7 of 8 clear .05 and not half of it, at which the later of two cells is read
    runs["add/flow"] |= {1000: made(seed=1000, t_gen=NEVER)}
    runs["add/flow"] |= {s: made(seed=s, t_mem=NEVER, t_gen=NEVER) for s in (1008, 1009)}
    first, *_ = needs(judged(runs, machine))
    assert (first.without.late, first.without.n, first.without.large, first.answer) == (7, 8, True, "undecided")
    runs["add/flow"] = {s: made(seed=s) for s in SEEDS}
    fixed = replace(machine, cells={**CELLS, **cells}, by_construction={"L1": "it cannot move"})
    assert answers(suite() | runs, fixed)["kernel", "features"] == "not needed"  # what is late is no construction


def test_a_frozen_learner_that_stands_still_is_no_evidence():
    moving = suite()
    assert cross_table(judged(moving))[0]["by_construction"] == ""
    still = {seed: made(seed=seed, t_mem=0.5, t_gen=NEVER) for seed in SEEDS}  # right at the first tick
    row = cross_table(judged({**moving, "add/net-frozen": still}))[0]
    assert row["by_construction"] == "features: frozen, it predicts the same at all times, and cannot be late"
    assert row["reading"] == "pressure small; features by construction; explicit pressure not necessary"


# ---- invariance


@cache
def judged_before(late_features: bool):
    runs = suite(net={"ready": 2400.0}) if late_features else suite()
    return runs, verdicts(runs)


@pytest.mark.slow
@pytest.mark.parametrize("late_features", [False, True])
@pytest.mark.parametrize("change", [*CLOCKS, "an extra failed run", "extra seeds"])
def test_no_verdict_depends_on_the_clock_or_on_what_else_is_there(change, late_features):
    runs, before = judged_before(late_features)
    changes = CLOCKS | {
        "an extra failed run": lambda runs: with_more(runs, {1010: made(seed=1010, status="failed")}),
        "extra seeds": lambda runs: with_more(runs, support_handmade.suite(range(20))["add/net"]),
    }
    assert verdicts(changes[change](runs)) == before


def with_more(runs, more):
    """Further runs of the free cell."""
    return {**runs, "add/net": {**runs["add/net"], **more}}


def test_people_read_of_families_that_were_run_only():
    """`compare SUITE --only mlp` shows no row of what it did not run; the CSV file has all."""
    elsewhere = {role: f"bits/{role}" for role in CELLS}
    explanation = judged(suite(), Design("net", "add", True, CELLS), Design("trees", "bits", False, elsewhere))
    rows = explanation_rows(explanation)
    assert {row["family"] for row in rows} == {"net", "trees", "(all)"}
    assert {row["family"] for row in rows if Explanations().readable(row)} == {"net", "(all)"}
    shares = cross_table(explanation)
    assert {row["family"] for row in shares if CrossTable().readable(row)} == {"net"}
