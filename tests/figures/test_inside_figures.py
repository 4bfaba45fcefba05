"""Figures of curves draw what the runs hold: oracles are ramps whose places are known."""

import math

import numpy as np
import pytest
from support_figures import drawn, stored
from support_handmade import NEVER, changed, made, recorded

from grokbench.figures.bands import middle, on_log
from grokbench.figures.events import ends
from grokbench.figures.lead import ACCURACY, Lead, varying
from grokbench.figures.metric import Metric, entries_of, skill_text
from grokbench.figures.size import MOST_PANELS, Size, shown
from grokbench.tables.grid import Grid

pytest.importorskip("altair")


def grid_of(family="neural", clock="steps", name="modular/net", **given) -> list:
    return [stored(name, made(seed=seed, **given), family=family, clock=clock) for seed in range(4)]


def test_the_middle_of_runs():
    values = np.array([[1.0, np.nan, np.nan], [2.0, 5.0, np.nan], [4.0, 6.0, np.nan], [8.0, np.nan, 1.0]])
    assert list(middle(values)) == [
        (0, *np.quantile([1, 2, 4, 8], [0.25, 0.5, 0.75])),
        (1, 5.25, 5.5, 5.75),  # half of the runs are enough, fewer are not
    ]


def test_between_checkpoints_it_is_linear_in_log_time():
    time, values = np.array([0.0, 1.0, 100.0]), np.array([9.0, 0.0, 1.0])
    assert on_log(time, values, np.array([0.5, 10.0, 200.0]))[1] == pytest.approx(0.5)
    assert np.isnan(on_log(time, values, np.array([0.5, 200.0]))).all()
    assert np.isnan(on_log(time, np.full(3, np.nan), np.array([10.0]))).all()


def test_what_comes_a_decade_before_is_drawn_a_decade_before():
    rows = drawn(Lead(), Grid(grid_of(t_gen=2000.0, ready=200.0)), "measure", "value")
    half = {}
    for name in ("after_kernel", ACCURACY):
        known = [(row["value"], row["decades"]) for row in rows if row["measure"] == name]
        half[name] = np.interp(0.5, *zip(*known, strict=True))
    assert half[ACCURACY] == pytest.approx(0, abs=0.03)  # checkpoints are 1/20 decade apart
    assert half["after_kernel"] == pytest.approx(-1, abs=0.05)


def test_nothing_moves_where_nothing_was_measured_or_nobody_is_late():
    assert not Lead().applies(Grid(grid_of(t_gen=NEVER)))
    flat = [
        changed(run, **dict.fromkeys(("after_kernel", "movement", "norm"), np.ones(len(run.curve))))
        for run in grid_of()
    ]
    assert not Lead().applies(Grid(flat))


def test_size_draws_the_medians_and_both_sizes():
    grid = Grid(grid_of(clock="width"))
    rows = drawn(Size(), grid, "split", "kappa")
    for row in (row for row in rows if row["split"] == "held out"):
        expected = np.clip((math.log10(row["time"]) - math.log10(800)) * 3 + 1, 0, 1)
        assert row["kappa"] == pytest.approx(expected, abs=0.08)  # a checkpoint of 1/20 decade at the kinks
    events = {row["event"]: row["time"] for row in drawn(Size(), grid, "event", "time")}
    assert events == pytest.approx({"fits": 20, "generalizes": 800}, rel=0.1)
    assert Size().title(grid) == (
        "Of 1 pairs of learner and task that fit, 1 generalize only at more than twice that size, 0 at none"
    )


def test_what_fits_at_its_first_size_counts_by_the_sizes_that_are_drawn():
    """Its delay is a bound, and has no median; both sizes have one."""
    grid = Grid(grid_of(clock="width", t_mem=1.0))
    (cell,) = grid.cells
    assert math.isnan(cell.summary().delay)
    assert "1 generalize only at more than twice that size" in Size().title(grid)


def test_every_learner_of_a_size_has_a_panel_before_one_has_two():
    many = [one for i in range(20) for one in grid_of(clock="width", name=f"modular/net{i}", t_gen=NEVER)]
    trees = [recorded(one, config={**one.record["config"], "learner": "forest"}) for one in grid_of("trees", "trees")]
    cells = shown(Grid([*many, *trees, *grid_of(clock="width", name="modular/good")]))
    assert len(cells) == MOST_PANELS
    assert {cell.learner.name for cell in cells} == {"mlp", "forest"}
    assert sum(len(ends(cell)) == 2 for cell in cells) == 2  # those that generalize come first
    assert [cell.family for cell in cells] == ["neural"] * 11 + ["trees"]
    assert Size().title(Grid([*many, *trees])).startswith("Of 21 pairs")  # not of those that were chosen for it


def test_size_needs_a_clock_that_is_one():
    assert not Size().applies(Grid(grid_of()))
    never = drawn(Size(), Grid(grid_of(clock="width", t_gen=NEVER)), "event", "time")
    assert {row["event"] for row in never} == {"fits", "no size that was run generalizes"}


def test_scores_without_a_threshold_stand_beside_accuracy():
    grid = Grid([*grid_of(), *grid_of("trees", name="modular/trees")])
    rows = drawn(Metric(), grid, "score", "value")
    assert {row["score"] for row in rows} == {"accuracy", "skill"}
    accuracy, skill = ({r["time"]: r["value"] for r in rows if r["score"] == name} for name in ("accuracy", "skill"))
    assert all(accuracy[time] - skill[time] == pytest.approx(0.01, abs=1e-4) for time in accuracy)
    assert Metric().title(grid) == (
        "2 of 2 learners are late in accuracy; of these 2 are late in skill, a score without threshold, too"
    )
    assert "was not recorded" in Metric().caption(grid)


def test_the_metric_of_a_kernel_is_drawn_where_it_was_recorded():
    turning = [changed(run, circulant_deviation=1 - run.curve.kappa_test) for run in grid_of("feature-learning kernel")]
    grid = Grid([*turning, *grid_of("trees", name="modular/trees")])
    rows = drawn(Metric(), grid, "score", "value")
    circulant, accuracy = ({r["time"]: r["value"] for r in rows if r["score"] == s} for s in ("circulant", "accuracy"))
    assert circulant == pytest.approx(accuracy)
    assert "circulant deviation" in Metric().caption(grid)


def test_skill_of_a_learner_that_fits_at_once_has_a_bound():
    """By hand: skill passes one half at 800 / 10^(.49 / 3) = 549 steps, t_mem is the first step at the latest.

    Crossings lie between checkpoints, which are 1/20 decade apart.
    """
    grid = Grid([*grid_of(t_mem=1.0), *grid_of("trees", name="modular/trees", t_gen=NEVER)])
    exact, never = (skill_text(entry) for entry in entries_of(grid))
    assert float(exact.removeprefix("≥ ")) == pytest.approx(math.log10(549), abs=0.05)
    assert float(never.removeprefix("never (> ").removesuffix(")")) == pytest.approx(math.log10(10_000 / 20), abs=0.05)
    assert "1 of 2 learners are late in accuracy; of these 1 are late in skill" in Metric().title(grid)


def test_without_skill_its_delay_is_not_known():
    blank = [changed(run, skill=np.full(len(run.curve), math.nan)) for run in grid_of()]
    grid = Grid([*blank, *grid_of("trees", name="modular/trees")])
    assert skill_text(entries_of(grid)[0]) == ""
    assert "of these 1 are late in skill" in Metric().title(grid)
    assert "(in 1 not recorded)" in Metric().title(grid)


def test_a_measure_that_moves_in_few_runs_is_not_drawn():
    still = [changed(run, after_kernel=np.ones(len(run.curve))) for run in grid_of()]
    assert "after_kernel" not in varying(Grid([*grid_of()[:1], *still[1:]]).cells[0])
    assert "after_kernel" in varying(Grid([*grid_of()[:2], *still[2:]]).cells[0])


def test_one_family_is_no_comparison():
    assert not Metric().applies(Grid(grid_of()))
