"""Shares of a grid: counted by hand, with every run in the denominator and the controls apart."""

import math
from itertools import count
from types import SimpleNamespace

import pytest
from scipy.stats import beta

from grokbench.tables.grid import Grid
from grokbench.tables.prevalence import Prevalence

NAN, NUMBERS = math.nan, count()


def run(task="add", learner="mlp", options="", late=0.0, family="neural", labels="true", counts=True):
    task_given = {} if labels == "true" else {"labels": "shuffled"}
    option = {"option": options} if options else {}
    config = {"task": task, "task_options": {"labels": labels}, "learner": learner, "learner_options": option}
    record = {"family": family, "config": config, "task_given": task_given, "learner_given": option}
    detections, number = {0.95: SimpleNamespace(late=late)}, next(NUMBERS)
    facts = {"record": record, "counts": counts, "detections": detections, "family": family}
    return SimpleNamespace(**facts, seed=number, key=str(number))


def runs_of(options, *lates, **facts):
    return [run(options=options, late=late, **facts) for late in lates]


GRID = [
    *runs_of("a", 1.0, 1.0, 0.0),  # mostly late
    *runs_of("b", 1.0, 0.0, NAN),
    *runs_of("a", 1.0, 1.0, NAN, task="times"),  # mostly late
    *runs_of("b", 0.0, 0.0, 0.0, task="times"),
    *runs_of("a", 1.0, 1.0, 1.0, labels="shuffled"),
    *runs_of("b", 0.0, 0.0, 0.0, labels="shuffled"),
    *runs_of("c", 0.0, 0.0, learner="forest", family="trees"),
    *runs_of("d", 0.0, 1.0, learner="forest", family="trees"),  # one half is not more than one half
]


def rows_of(runs):
    table = list(Prevalence().rows(Grid(runs)))
    assert all(tuple(row) == tuple(column.name for column in Prevalence.columns) for row in table)
    rows = {(row["task"], row["task_options"], row["family"]): row for row in table}
    assert len(rows) == len(table)
    return rows


@pytest.mark.parametrize(
    ("place", "learners", "settings", "mostly", "runs", "undecided", "late"),
    [
        (("add", "", "neural"), 1, 2, 1, 6, 1, 3),
        (("times", "", "neural"), 1, 2, 1, 6, 1, 2),
        (("add", '{"labels": "shuffled"}', "neural"), 1, 2, 1, 6, 0, 3),
        (("add", "", "trees"), 1, 2, 0, 4, 0, 1),
        (("all", "", "neural"), 1, 4, 2, 12, 2, 5),  # without the shuffled labels
        (("all", "", "trees"), 1, 2, 0, 4, 0, 1),
    ],
)
def test_shares_are_counted_as_by_hand(place, learners, settings, mostly, runs, undecided, late):
    row = rows_of(GRID)[place]
    assert (row["learners"], row["settings"], row["settings_late"]) == (learners, settings, mostly)
    assert (row["runs"], row["undecided"], row["late"], row["share"]) == (runs, undecided, late, late / runs)
    assert row["low"] == pytest.approx(beta.ppf(0.025, late, runs - late + 1))
    assert row["high"] == pytest.approx(beta.ppf(0.975, late + 1, runs - late))


def test_every_family_has_a_row_over_all_tasks_first():
    assert [row["task"] for row in Prevalence().rows(Grid(GRID))] == ["all", "all", "add", "add", "add", "times"]
    assert list(Prevalence().rows(Grid([]))) == []


def test_a_run_that_broke_off_is_not_late_however_its_curve_began():
    (_, row) = Prevalence().rows(Grid([run(late=1.0, counts=False), run(late=1.0)]))
    assert (row["runs"], row["undecided"], row["late"]) == (2, 1, 1)


def test_two_learners_of_a_family_are_counted_together_and_their_equal_options_apart():
    row = rows_of([*runs_of("a", 1.0), *runs_of("a", 0.0, learner="transformer")])["add", "", "neural"]
    assert (row["learners"], row["settings"], row["settings_late"], row["share"]) == (2, 2, 1, 0.5)


def test_a_grid_has_as_many_settings_for_every_learner_on_every_task():
    assert Grid(GRID).is_sweep
    assert not Grid([*GRID, *runs_of("c", 0.0, task="times", learner="forest", family="trees")]).is_sweep
    assert not Grid(runs_of("a", 1.0, 0.0)).is_sweep, "one setting is no grid"
    assert not Grid([]).is_sweep


SUITE = """
title = "Ridges"
seeds = 1

[[tasks]]
name = "modular"
modulus = 5

[[learners]]
name = "kernel_flow"
ridge = [0.0, 0.1]
budget = 100

[[learners]]
name = "nearest_neighbors"
budget = 20
"""


def test_the_headline_of_a_grid_is_the_share_and_not_a_setting(grokbench, write_suite, tmp_path):
    settings = {"two": SUITE.replace("budget = 20", "power = [0.0, 1.0]\nbudget = 20"), "one": SUITE}
    shown = {}
    for name, text in settings.items():
        path = write_suite(text, name)
        status, shown[name], _ = grokbench("compare", path, "--results", tmp_path / name, "--jobs", 0)
        assert status == 0
        assert (tmp_path / name / "prevalence.md").is_file()
    assert "0/2" in shown["two"]
    assert "mostly late" in shown["two"]
    assert "mostly late" not in shown["one"]
