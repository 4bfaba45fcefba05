"""The two events of a cell on its clock: lines, names above the curves, an arrow where the second never came."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from grokbench.figures.style import INK, SMALL, data
from grokbench.tables.grid import Cell

if TYPE_CHECKING:
    import altair

MEMORIZED, GENERALIZED = "memorized", "generalized"
NAMED_AT, HIGHEST = 1.12, 1.2  # height of the names, and end of the axis of accuracies that leaves room for them
LETTER = 5.8  # px, mean width of a letter of a name


def ends(cell: Cell) -> list[dict[str, object]]:
    """The median times of memorization and generalization, in this order; those that half of the runs have reached."""
    summary = cell.summary()
    times = ((MEMORIZED, summary.t_mem), (GENERALIZED, summary.t_gen))
    return [{"event": event, "time": time} for event, time in times if not math.isnan(time)]


def event_lines(events: Sequence[Mapping], x: altair.X) -> altair.Chart:
    """A dashed vertical line at each event."""
    import altair as alt

    hover = [alt.Tooltip("event:N"), alt.Tooltip("time:Q", format=".4g")]
    return alt.Chart(data(events)).mark_rule(color=INK, strokeDash=[3, 3]).encode(x=x, tooltip=hover)


def event_names(
    events: Sequence[Mapping], clock: tuple[float, float], axes: Mapping[str, object], width: float
) -> Iterator[altair.Chart]:
    """The name of each event beside its line, on the side that has room.

    clock : first and last time of the panel. width : of the panel, in px.
    """
    import altair as alt

    first, last = map(math.log, clock)
    places = [(math.log(event["time"]) - first) / ((last - first) or 1) for event in events]
    chosen = sides(places, [LETTER * len(event["event"]) / width for event in events])
    for event, side in zip(events, chosen, strict=True):
        look = {"align": "left", "dx": 3} if side == "right" else {"align": "right", "dx": -3}
        text = alt.Chart(data([{**event, "kappa": NAMED_AT}])).mark_text(color=INK, fontSize=SMALL, **look)
        yield text.encode(**axes, text="event:N")


def sides(places: Sequence[float], widths: Sequence[float]) -> tuple[str, ...]:
    """The side of its line, "right" or "left", on which each name stands.

    places, widths : of the lines and names, as shares of the width of the panel. Of all ways the one with the least
    overlap of names and overhang over the panel, overlap counted ten times; of equals the first from the right.
    """

    def cost(way: Sequence[str]) -> float:
        begins = [at if side == "right" else at - wide for at, wide, side in zip(places, widths, way, strict=True)]
        spans = [(begin, begin + wide) for begin, wide in zip(begins, widths, strict=True)]
        overhang = sum(max(0.0, -begin) + max(0.0, end - 1) for begin, end in spans)
        overlap = sum(max(0.0, min(a[1], b[1]) - max(a[0], b[0])) for a, b in itertools.combinations(spans, 2))
        return round(overhang + 10 * overlap, 9)

    return min(itertools.product(("right", "left"), repeat=len(places)), key=cost)


def never_arrow(cell: Cell, events: Sequence[Mapping], axes: Mapping[str, object], words: str) -> list[altair.Chart]:
    """An arrow at the end of the clock where fewer than half of the runs generalize; else nothing.

    words : what hovering says.
    """
    import altair as alt

    if any(row["event"] == GENERALIZED for row in events):
        return []
    end = data([{"time": max(run.curve.last for run in cell.readable), "kappa": 1.0, "event": words}])
    mark = alt.Chart(end).mark_point(shape="triangle-right", size=70, filled=True, color=INK, opacity=1)
    return [mark.encode(**axes, tooltip=["event:N", alt.Tooltip("time:Q", format=".4g")])]
