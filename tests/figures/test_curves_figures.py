"""Figures of curves: what is shaded lies between two events, names keep apart, what has no room is said."""

import itertools
import math

import numpy as np
import pytest
from support_figure_runs import NEVER, drawn, rows, run, seeds

from grokbench.figures.cast import Cast, families_on_one_task, waits
from grokbench.figures.curves import MOST_PANELS, Curves
from grokbench.figures.drawn_curves import LOWEST, middle_rows
from grokbench.figures.events import sides
from grokbench.figures.outcomes import Outcomes
from grokbench.figures.style import HEADING, SMALL, heading, specification, wrapped
from grokbench.registry import figures
from grokbench.tables.grid import Grid

pytest.importorskip("altair")
FAMILIES = ("neural", "trees", "lazy", "kernel", "linear", "neighbors")
MANY = [one for family in FAMILIES for one in seeds(family, (200, 300), family=family)]


@pytest.mark.parametrize(
    ("events", "shaded"),
    [
        ({"memorized": 10, "generalized": 100}, (10, 100)),
        ({"memorized": 10}, (10, 1000)),
        ({"memorized": 100, "generalized": 10}, None),  # the rule came first
        ({"generalized": 10}, None),  # half never learn their examples by heart
        ({"memorized": 1000}, None),
        ({}, None),
    ],
)
def test_what_is_shaded(events, shaded):
    made = waits([{"event": event, "time": time} for event, time in events.items()], 1000)
    assert [(row["time"], row["until"]) for row in made] == ([] if shaded is None else [shaded])


def test_the_band_is_drawn_between_the_medians():
    runs = [*seeds(t_gens=(200, 200)), *seeds("late", (25, 25), t_mem=400, family="trees")]
    (band,) = rows(drawn(Cast(), runs), "until")
    step = 10 ** (1 / 20)  # a crossing lies between two checkpoints
    assert band["time"] == pytest.approx(20, rel=step - 1)
    assert band["until"] == pytest.approx(200, rel=step - 1)


def test_families_without_room_are_named():
    assert "Not shown: linear, neighbors." in Cast().caption(Grid(MANY))
    assert Cast().title(Grid(MANY)) == "4 of 4 learners generalize late on modular"
    assert "Not shown" not in Cast().caption(Grid(MANY[:8]))


def test_a_control_stands_for_its_family_only_where_nothing_else_does():
    frozen, free = (seeds("rfm", (NEVER,), options={"frozen": frozen}, family="rfm") for frozen in (True, False))
    late_control = seeds("mlp", (200,), options={"frozen": True})
    others = [*late_control, *seeds("mlp", (20,), options={"frozen": False})]
    chosen = [cell.learner.given for cell in families_on_one_task(Grid([*frozen, *free, *others]))]
    assert chosen == [{"frozen": False}, {"frozen": False}]
    assert len(families_on_one_task(Grid([*frozen, *late_control]))) == 2


def test_panels_without_room_are_counted():
    runs = [run(options={"width": width}) for width in range(MOST_PANELS + 3)]
    assert f"Not shown: 3 of {len(runs)} pairs" in Curves().caption(Grid(runs))
    assert len(drawn(Curves(), runs)["concat"]) == MOST_PANELS


def test_the_middle_is_that_of_the_runs_at_each_time():
    """Each curve read off at the times drawn, linear in log time."""
    runs = seeds(t_gens=(90, 200, 700))
    (cell,) = Grid([runs[0].truncated(900), *runs[1:]]).cells
    curves = [one.curve for one in cell.readable]
    held_out = [row for row in middle_rows(cell) if row["split"] == "held out"]
    assert held_out[-1]["time"] == pytest.approx(5000)
    for row in held_out[1:-1]:  # rounding moves the ends beyond the curves
        known = [curve.value_at(curve.kappa_test, row["time"]) for curve in curves]
        known = [value for value in known if not math.isnan(value)]
        expected = np.maximum(np.quantile(known, [0.25, 0.5, 0.75]), LOWEST)
        assert [row["low"], row["kappa"], row["high"]] == pytest.approx(list(expected), abs=1e-6)


def test_names_that_have_room_stand_on_the_right_and_others_apart():
    assert sides([0.1, 0.5], [0.3, 0.3]) == ("right", "right")
    assert sides([0.4, 0.5], [0.3, 0.3]) == ("left", "right")
    assert sides([0.1, 0.9], [0.3, 0.3]) == ("right", "left")
    assert sides([0.95], [0.3]) == ("left",)
    assert sides([], []) == ()


@pytest.mark.parametrize("places", list(itertools.combinations([0.0, 0.2, 0.45, 0.5, 0.7, 0.9, 1.0], 2)))
def test_names_overlap_in_no_place_where_they_need_not(places):
    def overlap(way):
        (a, b), wide = (at - 0.3 * (side == "left") for at, side in zip(places, way, strict=True)), 0.3
        return max(0.0, min(a, b) + wide - max(a, b))

    ways = list(itertools.product(("right", "left"), repeat=2))
    assert overlap(sides(places, [0.3, 0.3])) == pytest.approx(min(map(overlap, ways)))


def test_a_first_run_that_broke_off_takes_no_family_and_no_clock_away():
    broken = run(seed=0, status="failed")
    record = {name: value for name, value in broken.record.items() if name not in ("family", "clock")}
    runs = [
        type(broken)({**record, "family": None}),
        *seeds(t_gens=(200, 300))[1:],
        *seeds("xgboost", (20,), family="trees"),
    ]
    (cell, _) = Grid(runs).cells
    assert cell.family == "neural"
    panel = drawn(Curves(), runs)["concat"][0]
    assert panel["title"]["subtitle"][0].startswith("neural")
    assert "steps" in str(panel)
    assert {row["family"] for row in rows(drawn(Outcomes(), runs), "family", "share")} == {"neural", "trees"}


def test_headings_are_wrapped_and_tell_settings_apart():
    long = "mlp(activation=quadratic, centred=false, hidden=[128, 128], weight_decay={})"
    one, other = (heading(long.format(decay)).to_dict()["text"] for decay in (0, 1))
    assert len(one) == len(other) > 1
    assert one != other
    assert wrapped("", 100, SMALL) == [""]
    assert len(wrapped("word " * 100, 100, HEADING)) == 3


@pytest.mark.parametrize("name", figures.names())
def test_no_text_is_smaller_than_the_smallest(name):
    figure, grid = figures[name](), Grid([*MANY, *seeds(t_gens=(NEVER,), given={"labels": "shuffled"})])
    if figure.applies(grid):
        made = specification(figure.chart(grid), figure.title(grid))
        assert min(sizes_in(made)) >= SMALL


def sizes_in(part):
    """All font sizes of a specification."""
    if isinstance(part, dict):
        for name, value in part.items():
            yield from [value] if name.lower().endswith("fontsize") else sizes_in(value)
    elif isinstance(part, list):
        for one in part:
            yield from sizes_in(one)


@pytest.mark.parametrize("value", ["auto", None, [0.1], True])
def test_a_weight_decay_that_is_no_number_makes_no_control(value):
    from grokbench.figures.controls import controls

    assert controls(Grid([run(options={"weight_decay": value}), run(options={"weight_decay": 0})])) == {}
