"""Planes are those that a hand would find, tiles have the counts of the cells, axes stand where their numbers say."""

import json
from dataclasses import replace

import pytest
from support_figure_runs import NEVER, drawn, rows, run, seeds

from grokbench.figures.phase import MOST_PANELS, Phase
from grokbench.figures.planes import Axis, planes
from grokbench.registry import tables
from grokbench.tables.grid import Grid

pytest.importorskip("altair")
figure = Phase()
TIMES = {(0.0, 0.4): (NEVER, NEVER), (0.0, 0.6): (NEVER, 300), (1.0, 0.4): (25, 25), (1.0, 0.6): (300, 300)}


def plane_of(times, **facts):
    return [
        one
        for (decay, share), t_gens in times.items()
        for one in seeds(t_gens=t_gens, options={"weight_decay": decay}, given={"train_fraction": share}, **facts)
    ]


def tiles(runs):
    return {(row["x"], row["y"]): row for row in rows(drawn(figure, runs), "outcome", "x_low")}


def test_tiles_are_counted_by_hand_and_tell_what_the_tables_do():
    """Of two equally frequent outcomes the first in the order of the definitions is shown, with its count."""
    runs = plane_of(TIMES)
    made = tiles(runs)
    assert {place: row["text"] for place, row in made.items()} == {
        ("0.4", "0.0"): "M", ("0.6", "0.0"): "G 1/2", ("0.4", "1.0"): "I", ("0.6", "1.0"): "G",
    }  # fmt: skip
    for entry in tables["delays"]().known(Grid(runs)):
        options = {**entry.cell.task.given, **entry.cell.learner.given}
        row = made[json.dumps(options["train_fraction"]), json.dumps(options["weight_decay"])]
        assert (row["outcomes"], row["delay"]) == (entry.outcomes_text, entry.delay_text)


def test_the_title_counts_settings():
    runs = plane_of(TIMES)
    assert figure.title(Grid(runs)) == "mlp: in 2 of the 4 settings shown, groks is the most frequent outcome"
    assert figure.title(Grid([*runs, *plane_of(TIMES, learner="other")])).startswith("In 4 of the 8 settings")


def test_a_setting_in_several_planes_counts_once():
    runs = [run(options={"a": a, "b": b, "c": c}) for a in (0, 1, 2) for b in (0, 1) for c in (0, 1)]
    assert "in 12 of the 12 settings" in figure.title(Grid(runs))


@pytest.mark.parametrize("missing", TIMES)
def test_three_of_four_settings_are_no_plane(missing):
    runs = plane_of({place: times for place, times in TIMES.items() if place != missing})
    assert not figure.applies(Grid(runs))


def test_one_run_shuffled_labels_and_options_that_move_together_are_no_plane():
    assert not figure.applies(Grid([run()]))
    assert not figure.applies(Grid(plane_of(dict.fromkeys(TIMES, (NEVER,)), t_mem=NEVER)[:1]))
    together = [run(options={"rate": i, "scale": i}) for i in range(4)]
    assert not figure.applies(Grid(together))
    shuffled = [
        run(options={"a": a, "b": b}, given={"labels": "shuffled"}, t_gen=NEVER) for a in (0, 1) for b in (0, 1)
    ]
    assert not figure.applies(Grid(shuffled))


def test_nothing_late_and_all_censored_are_drawn():
    assert {row["text"] for row in tiles(plane_of(dict.fromkeys(TIMES, (NEVER,)))).values()} == {"M"}
    assert {row["text"] for row in tiles(plane_of(dict.fromkeys(TIMES, (20,)))).values()} == {"I"}


def test_all_other_options_are_the_same_within_a_plane():
    runs = [run(options={"a": a, "b": b, "c": c}) for a in (0, 1, 2) for b in (0, 1) for c in (0, 1)]
    made = planes(Grid(runs))
    assert {(plane.x.name, plane.y.name, plane.fixed) for plane in made[:4]} == {
        ("a", "b", "c=0"), ("a", "b", "c=1"), ("a", "c", "b=0"), ("a", "c", "b=1"),
    }  # fmt: skip
    assert [len(plane.cells) for plane in made] == [6, 6, 6, 6, 4, 4, 4]


def test_of_cells_that_differ_in_their_code_the_present_one_is_drawn():
    runs = plane_of(TIMES)
    earlier = [
        replace(one, record=one.record | {"config": one.record["config"] | {"source": {"f": "a"}}}) for one in runs
    ]
    present = [
        replace(one, record=one.record | {"config": one.record["config"] | {"source": {"f": "b"}}}) for one in runs
    ]
    (plane,) = planes(Grid([*present, *earlier], sources=["b"]))
    assert {cell.runs[0].record["config"]["source"]["f"] for cell in plane.cells.values()} == {"b"}


def test_learners_and_tasks_are_never_mixed():
    runs = [*plane_of(TIMES), *plane_of(TIMES, learner="other"), *plane_of(TIMES, task="parity")]
    assert len(planes(Grid(runs))) == 3


@pytest.mark.parametrize(
    ("values", "kind", "order"),
    [
        (["1.0", "0.01", "0.1"], "log", ("0.01", "0.1", "1.0")),
        (["0.8", "0.4", "0.6"], "linear", ("0.4", "0.6", "0.8")),
        (["0", "0.001", "1"], "steps", ("0", "0.001", "1")),
        (["0.5", "0.50001", "0.9"], "steps", ("0.5", "0.50001", "0.9")),
        (['"relu"', '"gelu"'], "steps", ('"gelu"', '"relu"')),
        (["true", "false"], "steps", ("false", "true")),
        (["[128]", "[16]", "[16, 2]"], "steps", ("[16]", "[16, 2]", "[128]")),
    ],
)
def test_axes(values, kind, order):
    axis = Axis.of(("learner", "option"), values)
    assert (axis.kind, axis.values) == (kind, order)


def test_tiles_meet_half_way_on_their_axis():
    log, linear = (Axis.of(("task", "n"), values) for values in (["1", "10", "100"], ["1", "2", "3"]))
    assert [log.tile(value) for value in log.values] == [
        pytest.approx((10**low, 10**at, 10 ** (at + 0.5))) for low, at in ((-0.5, 0), (0.5, 1), (1.5, 2))
    ]
    assert [linear.tile(value) for value in linear.values] == [(0.5, 1, 1.5), (1.5, 2, 2.5), (2.5, 3, 3.5)]


def test_at_most_six_planes_first_those_where_some_grok():
    quiet = [one for task in "abcdefgh" for one in plane_of(dict.fromkeys(TIMES, (NEVER,)), task=task)]
    runs = [*quiet, *plane_of(TIMES, task="z")]
    made = drawn(figure, runs)
    assert len(made["concat"]) == MOST_PANELS
    assert made["concat"][0]["title"]["subtitle"] == ["z"]
    assert "Not shown: 3 of 9 planes" in figure.caption(Grid(runs))
