"""How late each learner generalizes, with the interval of the median and a bound where there is none."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from grokbench.curves.outcome import LATE_DECADES
from grokbench.figures.base import Figure
from grokbench.figures.controls import UNKNOWN_FAMILY, controls
from grokbench.figures.style import GREY, INK, SMALL, color_of, data, families_in_order, shape_of
from grokbench.registry import register_figure, tables
from grokbench.tables.delays import Entry
from grokbench.tables.grid import Grid, Identity

if TYPE_CHECKING:
    import altair

MOST_ROWS, MOST_LINES = 40, 52  # a line is a row or the name of a task
WIDTH, LINE = 330, 16  # px
NAMES, DELAYS, LATE = -330, WIDTH + 14, WIDTH + 150  # px from the axis: where the columns of text begin
LEAST_EDGE, ROOM = 3.0, 1.15  # right end of the axis, in decades and in multiples of the largest number on it
CHEVRON = "M-1,-1L0,0L-1,1"
ROW = ("task", "learner", "family", "delay_text", "late", "outcomes", "control")


@register_figure("delays")
class Delays(Figure):
    """median delay of every task and learner in decades, with its interval, or the bound where there is no median"""

    rank = 6

    def applies(self, grid: Grid) -> bool:
        """Whether any cell has a median delay or a bound."""
        return bool(shown(grid))

    def title(self, grid: Grid) -> str:
        """In how many cells that are no controls the median run generalizes late."""
        dimmed = controls(grid)
        entries = [entry for entry in drawable(grid) if entry.cell not in dimmed]
        late = sum(map(surely_late, entries))
        return f"The median run generalizes half a decade or more after memorizing in {late} of {len(entries)} cases"

    def caption(self, grid: Grid) -> str:
        """What marks mean, and which rows are left out."""
        rows, left = len(drawable(grid)), len(drawable(grid)) - len(shown(grid))
        chosen = (
            f" {left} of {rows} rows are left out: kept are, of each task and family in turn, those with most late "
            "runs; shuffled labels last."
        )
        none = len(grid.cells) - rows
        silent = f" {none} more have no run that memorizes." if none else ""
        return (
            "Median delay from memorization to generalization with its 95 % interval (bootstrap over seeds); an arrow "
            "where it is only known to be longer. Hollow and grey: controls, with shuffled labels, frozen features or "
            "no weight decay. Dashed: half a decade. A case is a learner on a task that is no control."
            f"{chosen if left else ''}{silent}"
        )

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """A line of text and marks per row, headed by its task."""
        import altair as alt

        rows = list(forest(grid))
        bodies = [row for row in rows if "learner" in row]
        families = [row["family"] for row in bodies]
        layers = [late_line(), *headings(rows)]
        for control in (True, False):
            layers += marks([row for row in bodies if bool(row["control"]) is control], rows, families, control)
        return alt.layer(*layers).properties(width=WIDTH, height=alt.Step(LINE))


def surely_late(entry: Entry) -> bool:
    """Whether the median delay, or its bound where the runs do generalize, is half a decade or more."""
    bound, never = entry.bound
    return entry.summary.delay >= LATE_DECADES or (
        math.isnan(entry.summary.delay) and not never and bound >= LATE_DECADES
    )


def drawable(grid: Grid) -> list[Entry]:
    """The rows of the table of delays that have a median or a bound."""
    return [entry for entry in tables["delays"]().known(grid) if not math.isnan(entry.bound[0])]


def shown(grid: Grid) -> list[Entry]:
    """At most `MOST_ROWS` of them: in turn of each task and family the one with most late runs, shuffled ones last."""
    entries = drawable(grid)
    turns: dict[tuple[Identity, str | None], int] = {}
    ranked = []
    for entry in sorted(entries, key=lambda entry: -_late(entry)):
        place = (entry.cell.task, entry.cell.family)
        turn = turns[place] = turns.get(place, -1) + 1
        ranked.append((entry.cell.shuffled, turn, -_late(entry), entries.index(entry)))
    return [entries[i] for i in sorted(fitting(entries, [i for *_, i in sorted(ranked)]))]


def fitting(entries: Sequence[Entry], order: Sequence[int]) -> Sequence[int]:
    """The first of `order` for which there is room, with a line for the name of each task."""
    tasks: set[Identity] = set()
    for number, i in enumerate(order):
        tasks.add(entries[i].cell.task)
        if number == MOST_ROWS or number + 1 + len(tasks) > MOST_LINES:
            return order[:number]
    return order


def _late(entry: Entry) -> float:
    return 0.0 if math.isnan(entry.summary.late) else entry.summary.late


def forest(grid: Grid) -> Iterator[dict[str, object]]:
    """The lines from top to bottom: a heading for each task, below it a row per learner, families together."""
    entries, dimmed = shown(grid), controls(grid)
    order = families_in_order(entry.cell.family or UNKNOWN_FAMILY for entry in entries)
    edge = edge_of(entries)
    place = 0
    for task, label in grid.tasks.items():
        members = [entry for entry in entries if entry.cell.task == task]
        members.sort(key=lambda entry: order.index(entry.cell.family or UNKNOWN_FAMILY))
        if members:
            yield {"place": (place := place + 1), "heading": label}
        for entry in members:
            yield {"place": (place := place + 1), **row_of(entry, dimmed.get(entry.cell, ""), edge)}


def edge_of(entries: Sequence[Entry]) -> float:
    """Right end of the axis: all medians and ends of intervals lie left of it; of the bounds not all need to."""
    ends = [end for entry in entries for end in (entry.summary.delay, entry.delay_high) if not math.isnan(end)]
    return max(LEAST_EDGE, ROOM * max(ends, default=0.0))


def row_of(entry: Entry, control: str, edge: float) -> dict[str, object]:
    """What stands in a row; `begin` and `edge` are where its open end begins and leaves the axis."""
    cell, delay = entry.cell, entry.summary.delay
    known = not math.isnan(delay)
    open_end = math.isnan(entry.delay_high) and not math.isnan(entry.delay_low)
    begin = (entry.delay_low if open_end else math.nan) if known else entry.bound[0]
    return {
        **{"task": cell.task_label, "learner": cell.learner_label, "family": cell.family or UNKNOWN_FAMILY},
        **{"control": control, "delay_text": entry.delay_text, "late": entry.late_text},
        **{"outcomes": entry.outcomes_text, "delay": delay, "low": entry.delay_low, "high": entry.delay_high},
        **{"begin": begin if begin < edge else math.nan, "edge": edge if not known or open_end else math.nan},
        "right": edge,
    }


def late_line() -> altair.Chart:
    """Where late begins."""
    import altair as alt

    begin = data([{"delay": LATE_DECADES, "rule": "late from here on"}])
    rule = alt.Chart(begin).mark_rule(color=INK, strokeDash=[3, 3], opacity=0.7)
    return rule.encode(x=alt.X("delay:Q"), tooltip=["rule:N", "delay:Q"])


def headings(rows: Sequence[dict]) -> list[altair.Chart]:
    """The names of the tasks, and beside the first what the columns of numbers are."""
    import altair as alt

    tasks = data(row for row in rows if "heading" in row)
    title = alt.Chart(tasks).mark_text(align="left", fontWeight=600, color=INK, fontSize=SMALL, limit=-NAMES + WIDTH)
    columns = [(DELAYS, "median [95 %]"), (LATE, "late")]
    return [
        title.encode(y=place_of(rows), x=alt.value(NAMES), text="heading:N"),
        *(
            alt.Chart(data([{"place": 1, "column": text}]))
            .mark_text(align="left", color=GREY, fontSize=SMALL)
            .encode(y=place_of(rows), x=alt.value(x), text="column:N")
            for x, text in columns
        ),
    ]


def place_of(rows: Sequence[dict]) -> altair.Y:
    """The line of a row."""
    import altair as alt

    return alt.Y("place:O", axis=None, scale=alt.Scale(domain=[row["place"] for row in rows]))


def marks(members: Sequence[dict], rows: Sequence[dict], families: Sequence[str], control: bool) -> list[altair.Chart]:
    """Text, interval, median and open end of rows that are all controls, or all none."""
    import altair as alt

    base = alt.Chart(data(members)).encode(y=place_of(rows), tooltip=[f"{name}:N" for name in ROW])
    legend = alt.Legend(columns=4, symbolOpacity=1)
    color = color_of(families, legend=legend)
    faint = {"opacity": 0.6 if control else 1.0}
    texts = base.mark_text(align="left", fontSize=SMALL, color=GREY if control else INK, limit=-NAMES - 20)
    columns = ((NAMES + 10, "learner:N"), (DELAYS, "delay_text:N"), (LATE, "late:N"))
    left, edge = delay_axis(rows), alt.X2("edge:Q")
    tick = base.mark_tick(orient="vertical", size=7, thickness=1.5, **faint).encode(x=alt.X("begin:Q"), color=color)
    arrow = base.mark_point(shape=CHEVRON, size=60, filled=False, strokeWidth=1.5, **faint)
    look = {"filled": not control, "size": 55, "strokeWidth": 1.5, "opacity": 1}
    return [
        *(texts.encode(x=alt.value(x), text=field) for x, field in columns),
        base.mark_rule(strokeWidth=2, **faint).encode(x=alt.X("low:Q"), x2="high:Q", color=color),
        base.mark_rule(strokeWidth=1, **faint).encode(x=alt.X("begin:Q"), x2=edge, color=color),
        tick,
        arrow.encode(x=alt.X("edge:Q"), color=color),
        base.mark_point(**look).encode(x=left, color=color, shape=shape_of(families, legend=legend)),
    ]


def delay_axis(rows: Sequence[dict]) -> altair.X:
    """The axis of decades, as far as all medians and intervals go."""
    import altair as alt

    bodies = [row for row in rows if "learner" in row]
    lowest = min((row[name] for row in bodies for name in ("delay", "low", "begin") if row[name] < 0), default=0.0)
    scale = alt.Scale(domain=[lowest, bodies[0]["right"]], nice=False)
    return alt.X("delay:Q", scale=scale, title="delay in decades, log10(t_gen / t_mem)", axis=alt.Axis(grid=True))
