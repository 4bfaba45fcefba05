"""Which runs of two result sets are a pair, and which pairs may be compared."""

from dataclasses import replace

import pytest
from support_listed import CELL, judged, listed

from grokbench.verdicts.pairing import Pair, given_options, paired_cells

CONFIG = {
    **{"definitions": 1, "task_version": 1, "learner_version": 1, "budget": 5, "points_per_decade": 20},
    **{"task_options": {"modulus": 7}, "learner_options": {"width": 8}, "seed": 0, "device": "cpu", "settle": False},
}


def configured(key: str, **changed):
    return listed(0, key=key, config={**CONFIG, **changed})


def test_runs_of_one_cell_and_seed_are_a_pair_and_the_others_are_counted():
    (cell,) = paired_cells([listed(0), listed(1), listed(2)], [listed(2), listed(3)])
    assert [(pair.a.seed, pair.b.seed) for pair in cell.pairs] == [(2, 2)]
    assert (cell.only_a, cell.only_b) == (2, 1)


@pytest.mark.parametrize("field", ["task", "task_options", "learner", "learner_options"])
def test_what_differs_in_task_learner_or_options_is_another_cell(field):
    other = CELL._replace(**{field: "other"})
    cells = paired_cells([listed(0)], [listed(0, cell=other)])
    assert [cell.name for cell in cells] == sorted([CELL, other])
    assert not any(cell.pairs for cell in cells)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"definitions": 2}, "definitions 1 / 2"),
        ({"learner_version": 3}, "learner_version 1 / 3"),
        ({"task_version": 3}, "task_version 1 / 3"),
        ({"budget": 6}, "budget 5 / 6"),
        ({"points_per_decade": 40}, "points_per_decade 20 / 40"),
        ({"settle": True}, "settle False / True"),
        ({"learner_options": {"width": 9}}, "width 8 / 9"),
        ({"task_options": {"modulus": 7, "more": "x"}}, "more none / x"),
        ({"source": {"learner": "abc"}}, "source none / {'learner': 'abc'}"),
    ],
)
def test_another_configuration_is_not_comparable_and_named(changed, reason):
    change = judged([configured("a")], [configured("b", **changed)])
    assert change.verdict == "not comparable"
    assert change.reason == f"1 pairs not compared: {reason}"
    assert change.is_change


@pytest.mark.parametrize("changed", [{"device": "cuda"}, {"measures": {"after_kernel": 1}}])
def test_another_device_or_measure_is_no_obstacle(changed):
    assert Pair(configured("a"), configured("b", **changed)).obstacles == ()


@pytest.mark.parametrize(
    ("facts", "reason"), [({"split": "z"}, "split split0 / z"), ({"clock": "rounds"}, "clock steps / rounds")]
)
def test_another_split_or_clock_is_not_comparable(facts, reason):
    assert Pair(listed(0), listed(0, **facts)).obstacles == (reason,)


@pytest.mark.parametrize(("budget", "reason"), [(9, "budget 100000 / 9"), (1e5, "a setting, version or definition")])
def test_without_configurations_another_key_is_not_comparable(budget, reason):
    (obstacle,) = Pair(listed(0), listed(0, key="other", budget=budget)).obstacles
    assert obstacle.startswith(reason)


def test_a_pair_with_an_obstacle_does_not_take_the_others_with_it():
    a = [listed(s) for s in range(10)]
    change = judged(a, [replace(a[0], split="z"), *a[1:]])
    assert (len(change.compared), change.verdict, change.is_change) == (9, "unchanged", True)
    assert change.reason == "every pair within a bin; 1 pairs not compared: split split0 / z"


def test_a_run_with_two_budgets_meets_its_own():
    a = [listed(0, key="short", last=1e4), listed(0, key="long", last=1e5)]
    cells = paired_cells(a, a[::-1])
    assert [(cell.name.budget, [pair.a.key for pair in cell.pairs]) for cell in cells] == [
        (1e4, ["short"]),
        (1e5, ["long"]),
    ]
    assert [pair.obstacles for cell in cells for pair in cell.pairs] == [(), ()]
    alone = paired_cells(a, a[:1])
    assert [(len(cell.pairs), cell.only_a) for cell in alone] == [(1, 0), (0, 1)]


def test_equal_keys_are_a_pair_before_anything_else():
    a = [listed(0, key="old"), listed(0, key="new")]
    (cell,) = paired_cells(a, [listed(0, key="new")])
    assert [(pair.a.key, pair.b.key) for pair in cell.pairs] == [("new", "new")]
    assert (cell.only_a, cell.only_b) == (1, 0)


@pytest.mark.parametrize(
    ("text", "options"), [("", {}), ('{"a": 1}', {"a": 1}), ("{", {"options": "{"}), ("[1]", {"options": "[1]"})]
)
def test_options_that_are_no_table_are_one_option(text, options):
    assert given_options(text) == options


def test_endless_nesting_is_one_option():
    assert list(given_options("[" * 100_000)) == ["options"]
