"""The picture that says what grokking is: a learner of each family on one split, each on its own clock."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from grokbench.figures.base import Figure
from grokbench.figures.drawn_curves import (
    clock,
    ends,
    kappa,
    late_share,
    median_rows,
    readable,
    shown_task,
    split_lines,
)
from grokbench.figures.style import INK, PALE, PANEL, color_of, data, families_in_order
from grokbench.registry import register_figure
from grokbench.tables.grid import Cell, Grid

if TYPE_CHECKING:
    import altair

MOST_PANELS = 4
NAME = 0.34  # of the width of a panel: the name of an event
NAMED_AT = 1.12  # height of the names of the events, above the curves


@register_figure("cast")
class Cast(Figure):
    """one learner of each family on the same task: who learns by heart first and finds the rule later"""

    numbers = "runs"
    rank = 3

    def applies(self, grid: Grid) -> bool:
        """Whether two families have curves on one task."""
        return len(members(grid)) > 1

    def title(self, grid: Grid) -> str:
        """What came out, counted."""
        cells = members(grid)
        late = sum(late_share(cell) > 0.5 for cell in cells)
        return f"{grid.title}, {cells[0].task_label}: {late} of {len(cells)} generalize long after they memorize"

    def caption(self, grid: Grid) -> str:
        """What the lines and the band are."""
        return (
            "Grey: accuracy on the training examples; colour: on held-out ones; both the median over seeds, 0 is "
            "guessing. In the shaded time the training set is known by heart and the rule is not found."
        )

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """At most four panels in a row."""
        import altair as alt

        cells = members(grid)
        color = color_of([cell.family for cell in cells], legend=None)
        return alt.hconcat(*(scene(cell, color, first=not i) for i, cell in enumerate(cells)), spacing=18)


def members(grid: Grid) -> Sequence[Cell]:
    """Of each family the cell with the largest share of late runs on the shown task; the first families in order."""
    task = shown_task(grid)
    best: dict[str, Cell] = {}
    for cell in grid.cells:
        better = cell.family not in best or late_share(cell) > late_share(best[cell.family])
        if cell.task == task and readable(cell) and better:
            best[cell.family] = cell
    return [best[family] for family in families_in_order(best)][:MOST_PANELS]


def scene(cell: Cell, color: altair.Color, first: bool) -> altair.LayerChart:
    """Median curves of one cell, the delay as a band, its two ends named."""
    import altair as alt

    axes = {"x": clock(cell), "y": kappa(first, highest=1.2)}
    events, rows = ends(cell), list(median_rows(cell))
    lasts = [rows[-1]["time"]] if len(events) == 1 else []
    times = [row["time"] for row in events] + lasts
    band = data([{"time": times[0], "until": times[1]}] if len(times) == 2 else [])
    layers = [
        alt.Chart(band).mark_rect(color=PALE, opacity=0.5).encode(x=axes["x"], x2="until:Q"),
        alt.Chart(data(events)).mark_rule(color=INK, strokeDash=[3, 3]).encode(x=axes["x"]),
        *split_lines(rows, cell, color, axes, strokeWidth=2.5),
        *(event_name(row, rows, events, axes) for row in events),
    ]
    looks = {"fontSize": 12, "subtitleFontSize": 10, "limit": PANEL}
    title = alt.TitleParams(cell.family, subtitle=cell.learner_label, anchor="start", **looks)
    return alt.layer(*layers).properties(width=PANEL, height=130, title=title)


def event_name(event: dict, rows: Sequence[dict], events: Sequence[dict], axes: dict) -> altair.Chart:
    """The name of an event beside its line, on the side that has room."""
    import altair as alt

    first, last = math.log(rows[0]["time"]), math.log(rows[-1]["time"])
    place = {row["event"]: (math.log(row["time"]) - first) / ((last - first) or 1) for row in events}
    room = place.get("generalized", 1) - place["memorized"] if "memorized" in place else 1
    is_first = event["event"] == "memorized"
    on_the_left = (room < NAME and place["memorized"] > NAME) if is_first else place["generalized"] > 1 - NAME < room
    looks = {"align": "right", "dx": -3} if on_the_left else {"align": "left", "dx": 3}
    text = alt.Chart(data([{**event, "kappa": NAMED_AT}])).mark_text(color=INK, fontSize=10, **looks)
    return text.encode(**axes, text="event:N")
