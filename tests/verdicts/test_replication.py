"""From claims and hand-made runs to verdicts; every reading and every quantity against brute force."""

import math
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from support_handmade import NEVER, changed, made, recorded

from grokbench.curves.trace import COLUMNS
from grokbench.errors import UsageError
from grokbench.registry import measures
from grokbench.statistics.location import Location
from grokbench.suites.registered import Registration, registered_cells, registration, suite_of
from grokbench.suites.replications import Claims, replications
from grokbench.suites.suite import load_suite
from grokbench.verdicts.quantities import QUANTITIES, over_seeds
from grokbench.verdicts.readings import EVENTS, FORMS, Between, reading
from grokbench.verdicts.replication import (
    Claim,
    claims_of,
    decidable,
    held_against,
    judge_claim,
    judge_claims,
    of_seed,
    registered_seeds,
)

SEEDS = range(7000, 7010)
HASH = "claims"


def claim(**changes) -> Claim:
    fields = {
        **{"id": "1a", "sentence": "It is late.", "source": "Nobody", "quantity": "value", "of": ("late",)},
        **{"cells": ("add/net",), "published": "always", "tolerance": (0.5, 1.0), "why": "most"},
        **{"setting": "published"},
    }
    return Claim(**{**fields, **changes})


def run(seed, cell="add/net", **changes):
    registered = {"registered": {"replications/mine": HASH}, "key": f"{cell}-{seed}"}
    return recorded(made(seed=seed, **changes), **registered)


def runs(cell="add/net", seeds=SEEDS, **changes):
    return {seed: run(seed, cell, **changes) for seed in seeds}


def present(*cells, seeds=SEEDS) -> Registration:
    return Registration("replications/mine", HASH, keys={cell: {s: f"{cell}-{s}" for s in seeds} for cell in cells})


def judged(one: Claim, by_cell):
    return judge_claim(one, by_cell, present(*one.named))


# ---- readings


@pytest.mark.parametrize(
    ("words", "low", "high"),
    [
        ("t_mem", 20, 20),
        ("t_gen", 800, 800),
        ("delay", 40, 40),
        ("late", 1, 1),
        ("generalizes", 1, 1),
        ("fits", 1, 1),
    ],
)
def test_an_event_is_where_the_curve_was_made_to_have_it(words, low, high):
    """Events of hand-made runs are when a ramp ends; the level .95 comes a sixtieth of a decade earlier."""
    between = reading(words).of(made())
    assert between == pytest.approx((low, high), rel=0.05)


def test_what_did_not_come_lies_beyond_the_last_checkpoint():
    never = made(t_gen=NEVER)
    assert reading("t_gen").of(never) == (10_000, math.inf)
    assert reading("half_rise").of(never) == (10_000, math.inf)
    low, high = reading("delay").of(never)
    assert (low, high) == (pytest.approx(10_000 / 20, rel=0.05), math.inf)
    assert reading("late").of(never) == reading("generalizes").of(never) == (0, 0)


def test_the_half_rise_is_of_the_accuracy_also_where_the_ranking_is_earlier():
    """Claims speak of accuracy; the harness's own half-rise is of the ranking there."""
    one = made()
    lagging = changed(one, rank_auc=0.5 + made(t_gen=80.0).curve.kappa_test / 2)
    assert lagging.detections[0.95].offset
    assert reading("half_rise").of(lagging) == reading("half_rise").of(one)


def test_late_is_open_where_the_run_does_not_say():
    """The endpoint is empty, by the contract, of runs that never fit, collapse or are unconfirmed."""
    for given in ({"t_mem": NEVER, "t_gen": NEVER}, {"t_gen": NEVER, "budget": 150}):
        one = made(**given)
        assert math.isnan(one.detections[0.95].late)
        assert reading("late").of(one) == (0, 1)


def test_a_column_is_read_at_a_moment():
    one = made()
    time, norm = one.curve.time, one.curve.column("norm")
    at = float(np.interp(math.log(300), np.log(time[1:]), norm[1:]))
    assert reading("norm at 300").of(one) == pytest.approx((at, at))
    assert reading("norm at start").of(one)[0] == norm[0]
    assert reading("norm at end").of(one)[0] == norm[-1]
    assert reading("largest norm").of(one)[0] == norm.max()
    assert reading("smallest test_loss").of(one)[0] == one.curve.column("test_loss").min()
    assert reading("norm at t_gen").of(one)[0] == pytest.approx(1 + 800 / 10_000, rel=0.01)


def test_a_column_falls_and_rises_when_it_was_made_to():
    time = made().curve.time
    one = changed(made(), falling=np.exp(-time / 100), rising=5 + np.clip(time / 1000, 0, 1))
    assert reading("falling falls to 0.1").of(one)[0] == pytest.approx(100 * math.log(10), rel=0.02)
    assert reading("rising rises to 0.5").of(one)[0] == pytest.approx(500, rel=0.02)
    assert reading("rising reaches 5.5").of(one)[0] == pytest.approx(500, rel=0.02)
    assert reading("rising reaches 7").of(one) == (time[-1], math.inf)
    assert reading("rising falls to 0.1").of(one) == (time[-1], math.inf)


@pytest.mark.parametrize("words", ["unknown at end", "largest unknown", "unknown reaches 1", "unknown rises to 1"])
def test_a_column_that_was_not_measured_is_undefined(words):
    assert math.isnan(reading(words).of(made()).low)


@pytest.mark.parametrize(
    "words", ["norm at .", "norm at 1e", "norm reaches 1-2", "norm rises to e", "norm fall by . t_mem"]
)
def test_what_is_no_number_is_no_reading(words):
    with pytest.raises(UsageError, match="no reading"):
        reading(words)


def test_an_unknown_reading_names_the_known_ones():
    with pytest.raises(UsageError, match=r"no reading 'tgen'; expected one of: late; .* COLUMN at MOMENT"):
        reading("tgen")


# ---- quantities


def exactly(*values):
    return [Between(value, value) for value in values]


def test_ratio_and_difference_take_the_bounds_that_hurt():
    ratio, difference = QUANTITIES["ratio"].of, QUANTITIES["difference"].of
    assert ratio(exactly(6, 2), ()) == (3, 3)
    assert ratio([Between(100, math.inf), Between(10, 10)], ()) == (10, math.inf)
    assert ratio([Between(10, 10), Between(100, math.inf)], ()) == (0, 0.1)
    assert math.isnan(ratio([Between(10, math.inf), Between(100, math.inf)], ()).low)
    assert difference(exactly(1, 0), ()) == (1, 1)


@pytest.mark.parametrize(
    ("terms", "rises"),
    [
        (exactly(1, 2, 3), 1),
        (exactly(1, 3, 2), 0),
        (exactly(1, 1), 0),
        ([*exactly(5), Between(10, math.inf)], 1),
        ([Between(10, math.inf), *exactly(20)], 0),
    ],
)
def test_in_order_is_strict_and_counts_what_is_certain(terms, rises):
    assert QUANTITIES["in order"].of(terms, ()).low == rises


def test_slopes_along_doses_are_those_of_least_squares():
    rng, doses = np.random.default_rng(0), [0.3, 0.5, 1.0, 2.0]
    values = rng.uniform(1, 9, size=4)
    x, y = np.log10(doses), np.log10(values)
    slope = ((x - x.mean()) @ (y - y.mean())) / ((x - x.mean()) @ (x - x.mean()))
    assert QUANTITIES["exponent"].of(exactly(*values), doses).low == pytest.approx(slope)
    x = np.array(doses)
    slope = ((x - x.mean()) @ (y - y.mean())) / ((x - x.mean()) @ (x - x.mean()))
    assert QUANTITIES["rate"].of(exactly(*values), doses).low == pytest.approx(slope)
    residual = y - y.mean() - slope * (x - x.mean())
    straight = 1 - residual @ residual / ((y - y.mean()) @ (y - y.mean()))
    assert QUANTITIES["straightness"].of(exactly(*values), doses).low == pytest.approx(straight)
    ranks = stats.spearmanr(x, values).statistic
    assert QUANTITIES["rank correlation"].of(exactly(*values), doses).low == pytest.approx(ranks)
    assert math.isnan(QUANTITIES["exponent"].of([*exactly(1, 2, 3), Between(4, math.inf)], doses).low)


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_the_interval_is_students_over_seeds(scale):
    values = np.random.default_rng(1).lognormal(size=5)
    inside = np.log10(values) if scale == "log" else values
    ends = stats.t.interval(0.95, 4, loc=inside.mean(), scale=stats.sem(inside))
    expected = [inside.mean(), *ends]
    summary = over_seeds(exactly(*values), scale)
    actual = [summary.estimate, summary.low, summary.high]
    assert actual == pytest.approx([10**e for e in expected] if scale == "log" else expected)
    assert summary.n == 5


def test_the_interval_of_a_share_is_exact():
    summary = over_seeds(exactly(1, 1, 1, 0, 1), "share")
    expected = stats.binomtest(4, 5).proportion_ci(0.95, method="exact")
    assert (summary.estimate, summary.low, summary.high) == pytest.approx((0.8, expected.low, expected.high))


def test_a_share_that_is_not_sure_is_open_on_both_sides():
    """Seven seeds are, one is not, two do not say: between 7 and 9 of 10."""
    found = over_seeds([*exactly(*[1] * 7, 0), Between(0, 1), Between(0, 1)], "share")
    low, high = (stats.binomtest(k, 10).proportion_ci(0.95, method="exact") for k in (7, 9))
    assert (found.estimate, found.low, found.high) == pytest.approx((0.7, low.low, high.high))


def test_a_bound_opens_the_interval_on_its_side():
    summary = over_seeds([*exactly(100, 110), Between(120, math.inf)], "log")
    assert math.isinf(summary.high)
    assert 0 < summary.low < 110


def test_a_ratio_to_what_did_not_come_is_told_by_its_upper_bound():
    """Five seeds with 10 / (more than 100): at most a tenth, and nothing is known below."""
    found = over_seeds([QUANTITIES["ratio"].of([Between(10, 10), Between(100, math.inf)], ())] * 5, "log")
    assert (found.estimate, found.low, found.high) == pytest.approx((0.1, 0, 0.1))


# ---- verdicts


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.6, 0.9, "reproduced"),
        (0.5, 1.0, "reproduced"),
        (0.1, 0.4, "not reproduced"),
        (1.1, 2.0, "not reproduced"),
        (0.4, 0.6, "undecided"),
        (0.1, 2.0, "undecided"),
    ],
)
def test_the_interval_is_held_against_the_tolerance(low, high, word):
    assert held_against(Location((low + high) / 2, low, high, 10), (0.5, 1.0)) == word


def test_what_is_true_is_reproduced_and_what_is_false_is_not():
    assert judged(claim(), {"add/net": runs()}).verdict == "reproduced"
    assert judged(claim(), {"add/net": runs(t_gen=NEVER)}).verdict == "not reproduced"
    times = claim(of=("t_gen",), tolerance=(700.0, 900.0))
    assert judged(times, {"add/net": runs()}).verdict == "reproduced"
    assert judged(times, {"add/net": runs(t_gen=2000.0)}).verdict == "not reproduced"
    assert judged(times, {"add/net": runs(t_gen=NEVER)}).verdict == "not reproduced"


@pytest.mark.parametrize("tolerance", [(0.5, 1.0), (0.0, 0.5)])
def test_runs_that_do_not_say_whether_they_are_late_decide_no_claim(tolerance):
    """Neither one of lateness nor one of its absence."""
    found = judged(claim(tolerance=tolerance), {"add/net": runs(t_gen=NEVER, budget=150)})
    assert (found.verdict, found.ours.low, found.ours.high) == ("undecided", 0, 1)


def test_cells_are_paired_by_seed():
    one = claim(quantity="ratio", of=("t_gen",), cells=("add/slow", "add/fast"), tolerance=(1.9, 2.1))
    slow = {s: run(s, "add/slow", t_gen=800.0 * 1.5 ** (s % 3)) for s in SEEDS}
    fast = {s: run(s, "add/fast", t_gen=400.0 * 1.5 ** (s % 3)) for s in SEEDS}
    verdict = judged(one, {"add/slow": slow, "add/fast": fast})
    assert verdict.ours.estimate == pytest.approx(2, rel=0.02)
    assert verdict.verdict == "reproduced", "the seeds differ by more than the tolerance, the pairs do not"
    assert len(verdict.runs) == 20


def test_a_grid_is_read_by_its_best_or_its_middle():
    cells = (("add/a", "add/b", "add/c"), "add/d")
    one = claim(quantity="ratio", of=("t_gen",), cells=cells, tolerance=(0.0, 1.0))
    times = {"add/a": 900.0, "add/b": 300.0, "add/c": 600.0, "add/d": 300.0}
    by_cell = {cell: runs(cell, t_gen=time) for cell, time in times.items()}
    for which, expected in (("smallest", 1.0), ("median", 2.0), ("largest", 3.0)):
        assert of_seed(replace(one, of_grid=which), by_cell, 7000).low == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("which", ["smallest", "median", "largest"])
@pytest.mark.parametrize("place", range(3))
def test_a_grid_of_which_a_reading_is_undefined_is_undefined(which, place):
    """Wherever it stands: numbers beside NaN have no order."""
    times = [300.0, 500.0, 900.0]
    times[place] = NEVER
    cells = ("add/a", "add/b", "add/c")
    by_cell = {cell: runs(cell, t_gen=time) for cell, time in zip(cells, times, strict=True)}
    one = claim(of=("wait",), cells=(cells,), of_grid=which, tolerance=(1.0, 2.0))
    assert math.isnan(of_seed(one, by_cell, 7000).low)
    assert judged(one, by_cell).reason == "a number of 0 of 10 seeds only"


@pytest.mark.parametrize(
    ("by_cell", "reason"),
    [
        ({"add/net": runs(seeds=range(7000, 7009))}, "1 of 10 registered runs missing"),
        ({}, "10 of 10 registered runs missing"),
        ({"add/net": runs(seeds=range(60, 70))}, "10 of 10 registered runs missing"),
        (
            {"add/net": {s: recorded(r, registered={"replications/mine": "older"}) for s, r in runs().items()}},
            "10 of 10 runs predate the claim or differ from it",
        ),
        (
            {"add/net": {s: recorded(r, key="another") for s, r in runs().items()}},
            "10 of 10 runs predate the claim or differ from it",
        ),
        (
            {"add/net": {s: recorded(r, status="failed" if s < 7003 else "done") for s, r in runs().items()}},
            "a number of 7 of 10 seeds only",
        ),
    ],
)
def test_only_all_registered_runs_decide(by_cell, reason):
    verdict = judged(claim(), by_cell)
    assert (verdict.verdict, verdict.reason) == ("undecided", reason)


def test_exploratory_seeds_have_a_number_and_no_verdict():
    verdict = judged(claim(), {"add/net": runs(seeds=range(60, 70))})
    assert (verdict.ours.estimate, verdict.ours.n, verdict.verdict) == (1, 10, "undecided")


# ---- the claims that are registered

SHIPPED = [(file, one) for file in replications().values() for one in claims_of(file)]


def identity(value):
    return value.id if isinstance(value, Claim) else value.path.stem


@pytest.mark.parametrize(("file", "one"), SHIPPED, ids=identity)
def test_every_claim_can_come_out_either_way_on_its_seeds(file, one):
    there = registration(file.name)
    keys = registered_cells(suite_of(file.name))[1]
    assert [cell for cell in one.named if cell not in keys] == []
    assert there.cells_hash, "every run of the file's cells is registered"
    assert decidable(one, len(registered_seeds(one, there)))


def test_five_seeds_decide_no_share_and_six_do():
    assert not any(decidable(claim(tolerance=(border, 1.0)), 5) for border in (0.4, 0.45, 0.5, 0.55))
    assert decidable(claim(), 6)
    assert decidable(claim(of=("t_gen",), tolerance=(1.0, math.inf)), 3)
    assert not decidable(claim(of=("t_gen",), tolerance=(-math.inf, math.inf)), 3)
    assert not decidable(claim(of=("t_gen",), tolerance=(0.0, math.inf)), 3), "every time is positive"
    assert decidable(claim(of=("norm at end",), tolerance=(0.0, math.inf)), 3)


@pytest.mark.parametrize(("file", "one"), SHIPPED, ids=identity)
def test_what_a_claim_reads_is_measured_in_its_cells(file, one):
    """A column that no run has would leave the claim undecided, after all runs."""
    names = list(one.of) * one.terms if len(one.of) == 1 else one.of
    for words, grid in zip(names, one.grids, strict=True):
        for cell in grid:
            assert columns_read(words) <= measured(suite_of(file.name))[cell], (words, cell)


def columns_read(words: str) -> set[str]:
    """The columns of which a reading of a form is made; those of events are in every curve, but for the norm."""
    if words in EVENTS:
        return {"norm"} if "law" in words and "bare" not in words else set()
    matches = (re.fullmatch(pattern, words) for pattern, _, _ in FORMS)
    (match,) = (match for match in matches if match)
    return {match[2] if match[1] in ("largest", "smallest") else match[1]}


@cache
def measured(path: Path) -> dict[str, set[str]]:
    """Cell -> the columns of its curves, of a suite."""
    suite = load_suite(str(path))
    return {
        f"{task}/{learner.id}": {
            *COLUMNS,
            *(one for name in learner.measures for one in measures[name]().column_names()),
        }
        for learner in suite.learners
        for task in learner.only_tasks
    }


def test_no_claim_stands_twice():
    names = [one.id for _, one in SHIPPED]
    assert len(names) == len(set(names))


def test_a_folder_of_another_suite_has_no_claims():
    assert judge_claims("smoke", {}, []) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('quantity = "rato"', "no quantity 'rato'"),
        ('quantity = "ratio"', "ratio is made of 2 readings, not 1"),
        ("doses = [1.0]", "expected one dose per cell along a ladder, and none elsewhere"),
        ("tolerance = [1.0, 1.0]", "expected a range of numbers"),
        ('setting = "scaled"', "a scaled setting says in what it differs"),
        ('of = ["lat"]', "no reading 'lat'"),
        ("unknown = 1", "Unexpected keyword argument"),
    ],
)
def test_what_is_wrong_with_a_claim_is_one_line(tmp_path, text, message):
    texts = {
        **{"id": '"1a"', "sentence": '"It is late."', "source": '"Nobody"', "quantity": '"value"'},
        **{"of": '["late"]', "cells": '["add/net"]', "published": '"always"', "tolerance": "[0.5, 1.0]"},
        **{"why": '"most"', "setting": '"published"'},
    }
    name, _, value = text.partition(" = ")
    lines = [f"{key} = {shown}" for key, shown in {**texts, name: value}.items()]
    path = tmp_path / "mine.toml"
    path.write_text("\n".join(['suite = "smoke"', "[[claims]]", *lines]))
    with pytest.raises(UsageError, match=message):
        claims_of(Claims("replications/mine", path))


@pytest.mark.parametrize("path", sorted({suite_of(file.name) for file, _ in SHIPPED}), ids=lambda path: path.stem)
def test_every_cell_of_a_suite_is_behind_a_claim(path):
    named = {cell for file, one in SHIPPED if suite_of(file.name) == path for cell in one.named}
    assert set(registered_cells(path)[1]) == named


def test_no_claim_of_the_list_is_left_out():
    numbers = {int("".join(filter(str.isdigit, one.id))) for _, one in SHIPPED}
    assert set(range(1, 39)) == numbers


def test_verdicts_rest_on_fresh_seeds():
    settings = registered_cells(suite_of("replications/networks"))[0]
    assert settings["first_seed"] == 7000
