"""The figures of explanations draw the numbers of their tables: those of hand-made runs, counted by hand."""

import math

import pytest
from support_figures import drawn, explained_grid
from support_handmade import NEVER, SEEDS, made, suite

from grokbench.figures.cross_table import CrossTable
from grokbench.figures.dose import Dose
from grokbench.figures.explained import learner_families
from grokbench.figures.needs import Needs
from grokbench.figures.quantities import WORDS, in_words
from grokbench.figures.verdicts import Verdicts, domain_of, panels_of, point_rows
from grokbench.registry import tables
from grokbench.tables.grid import Grid
from grokbench.verdicts import rules

pytest.importorskip("altair")
ALL = (1.0, 0.025 ** (1 / len(SEEDS)), 1.0)  # Clopper and Pearson where all runs are late: low^n = .025
NONE = (0.0, 0.0, 1 - 0.025 ** (1 / len(SEEDS)))


@pytest.fixture(scope="module")
def grid() -> Grid:
    return explained_grid()


@pytest.mark.parametrize("figure", [CrossTable, Verdicts, Needs, Dose])
def test_without_an_explanation_there_is_nothing_to_show(figure):
    assert not figure().applies(Grid([]))


@pytest.mark.parametrize("figure", [CrossTable, Verdicts, Needs])
def test_where_nothing_was_run_there_is_nothing_to_show(figure):
    assert not figure().applies(explained_grid({}))


def test_the_cross_table_draws_its_four_shares(grid):
    rows = {row["cell"]: row for row in drawn(CrossTable(), grid, "cell", "late")}
    expected = {"free": ALL, "frozen": NONE}
    assert len(rows) == 4
    for features, numbers in expected.items():
        for pressure in ("on", "off"):
            row = rows[f"features {features}, pressure {pressure}"]
            assert (row["late"], row["low"], row["high"]) == pytest.approx(numbers, abs=1e-4)
            assert row["runs"] == f"{round(10 * numbers[0])}/10"
            assert row["frozen"] == (features == "frozen")
    assert CrossTable().title(grid) == (
        "Generalizes late with frozen features in 0 of 1 cases, "
        "with free features and no explicit pressure in 1 of 1 cases"
    )


def test_a_cell_that_was_not_run_has_no_point():
    cells = {name: runs for name, runs in suite().items() if name != "add/net-frozen-off"}
    assert len(drawn(CrossTable(), explained_grid(cells), "cell", "late")) == 3


def test_verdicts_draw_the_estimates_of_the_table(grid):
    entries = {entry["prediction"]: entry for entry in tables["explanations"]().known(grid)}
    panels = panels_of(grid)
    assert [panel.prediction.name for panel in panels][:3] == ["L1", "L2", "L3"]
    for panel in panels:
        (row,) = point_rows(panel, learner_families(grid))
        entry = entries[panel.prediction.name]
        assert (row["estimate"], row["low"], row["high"]) == entry["parts"][panel.estimate]
        assert row["verdict"].rstrip("*") == entry["verdict"]
        assert row["family"] == "neural"
        low, high = domain_of(panel, [row])
        bounds = [bound for bound in (panel.margin.support, panel.margin.contradict) if bound is not None]
        assert all(low < number < high for number in [row["estimate"], *bounds])
    drawn_estimates = {row["estimate"] for row in drawn(Verdicts(), grid, "verdict", "estimate")}
    assert drawn_estimates == {
        float(f"{e['parts'][p.estimate][0]:.5g}") for p in panels for e in [entries[p.prediction.name]]
    }
    assert Verdicts().title(grid).startswith("lazy-to-rich is undecided: supported in 1")


def test_an_endless_interval_ends_with_the_axis(grid):
    (panel, *_) = panels_of(grid)
    row = next(iter(point_rows(panel, {})))
    low, high = domain_of(panel, [{**row, "low": -math.inf, "high": math.inf}])
    assert math.isfinite(low)
    assert math.isfinite(high)


def test_needs_draw_both_sides(grid):
    rows = {(row["factor"], row["side"]): row for row in drawn(Needs(), grid, "factor", "side", "late")}
    expected = {("features", "with"): ALL, ("features", "without"): NONE}
    expected |= {("pressure", "with"): ALL, ("pressure", "without"): ALL}
    for place, numbers in expected.items():
        row = rows[place]
        assert (row["late"], row["low"], row["high"]) == pytest.approx(numbers, abs=1e-4)
    answers = {factor: row["answer"] for (factor, _), row in rows.items()}
    assert answers == {"features": "needed", "pressure": "not needed"}


def test_doses_draw_their_median_delays(grid):
    rows = drawn(Dose(), grid, "dose", "delay")
    medians = {row["dose"]: row for row in rows if row["what"] == "median"}
    assert list(medians) == [f"net-dose{i}" for i in range(1, 6)]
    for i, row in enumerate(medians.values(), start=1):
        assert row["delay"] == pytest.approx(math.log10(150 * 2**i / 20), abs=0.02)  # crossings lie between checkpoints
        assert row["low"] <= row["delay"] <= row["high"]
        assert not row["censored"]
    assert sum(row["what"] == "run" for row in rows) == 5 * len(SEEDS)


def test_a_dose_that_never_generalizes_is_an_arrow():
    rows = drawn(Dose(), explained_grid(suite(**{"net-dose5": {"t_gen": NEVER}})), "dose", "delay")
    (last,) = (row for row in rows if row["what"] == "median" and row["dose"] == "net-dose5")
    assert last["censored"]
    assert last["low"] is None
    assert last["delay"] == pytest.approx(math.log10(10_000 / 20), abs=0.05)  # to the end of the run


def test_an_interval_without_an_upper_end_is_drawn_up_to_the_top():
    """Four of ten runs never generalize: the median is known, and nothing says how large it may be."""
    cells = suite()
    for seed in SEEDS[:4]:
        cells["add/net-dose5"][seed] = made(seed=seed, t_gen=NEVER)
    grid = explained_grid(cells)
    (last,) = (r for r in drawn(Dose(), grid, "dose", "high") if r["what"] == "median" and r["dose"] == "net-dose5")
    assert last["high"] is None
    assert not last["censored"]
    layers = Dose().chart(grid).to_dict()["concat"][0]["layer"]
    endless = [layer for layer in layers if layer.get("encoding", {}).get("y2") == {"value": 0}]
    assert len(endless) == 1


def test_what_generalizes_first_lies_on_the_axis():
    grid = explained_grid(suite(**{"net-dose1": {"t_mem": 200.0, "t_gen": 100.0}}))
    rows = drawn(Dose(), grid, "dose", "delay")
    low, high = Dose().chart(grid).to_dict()["concat"][0]["layer"][0]["encoding"]["y"]["scale"]["domain"]
    assert low == pytest.approx(min(row["delay"] for row in rows), rel=1e-4)
    assert low < -0.2
    assert high > max(row["delay"] for row in rows if row["delay"] is not None)


def test_predictions_without_room_are_counted(grid, monkeypatch):
    assert "Not shown" not in Verdicts().caption(grid)
    monkeypatch.setattr("grokbench.figures.verdicts.MOST_PANELS", 2)
    assert f"Not shown: {len(panels_of(grid)) - 2} of {len(panels_of(grid))} predictions" in Verdicts().caption(grid)
    assert len(Verdicts().chart(grid).to_dict()["concat"]) == 2


def test_the_title_of_needs_counts_answers(grid):
    assert Needs().title(grid) == (
        "Needed to be late? features to learn 1 yes, 0 no, of 1; explicit pressure 0 yes, 1 no, of 1"
    )


def test_a_dose_at_which_nothing_memorizes_keeps_its_place():
    grid = explained_grid(suite(**{"net-dose3": {"t_mem": NEVER, "t_gen": NEVER}}))
    assert "net-dose3" not in {row["dose"] for row in drawn(Dose(), grid, "dose", "delay")}
    x = Dose().chart(grid).to_dict()["concat"][0]["layer"][0]["encoding"]["x"]
    assert x["scale"]["domain"] == [f"net-dose{i}" for i in range(1, 6)]


def test_two_doses_are_no_ladder():
    cells = {name: runs for name, runs in suite().items() if not name.endswith(("dose3", "dose4", "dose5"))}
    assert not Dose().applies(explained_grid(cells))


def test_words_are_of_estimates_that_exist():
    known = {(p.statistic, name) for one in rules.names() for p in rules.read(one).predictions for name in p.margins}
    assert set(WORDS) <= known
    assert in_words("somebody", "of_their_own") == "of their own"
