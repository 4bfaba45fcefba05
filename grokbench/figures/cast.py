"""The picture that says what grokking is: a learner of each family on one split, each on its own clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from grokbench.figures.base import Figure
from grokbench.figures.drawn_curves import (
    best_of_families,
    clock,
    kappa,
    median_rows,
    mostly_late,
    shown_task,
    split_lines,
)
from grokbench.figures.events import GENERALIZED, HIGHEST, MEMORIZED, ends, event_lines, event_names
from grokbench.figures.style import PALE, PANEL, color_of, data, heading
from grokbench.registry import register_figure
from grokbench.tables.grid import Cell, Grid

if TYPE_CHECKING:
    import altair

MOST_PANELS = 4


@register_figure("cast")
class Cast(Figure):
    """one learner of each family on the same task: who learns by heart first and finds the rule later"""

    numbers = "runs"
    rank = 3

    def applies(self, grid: Grid) -> bool:
        """Whether two families have curves on one task."""
        return len(families_on_one_task(grid)) > 1

    def title(self, grid: Grid) -> str:
        """What came out, counted."""
        cells = families_on_one_task(grid)[:MOST_PANELS]
        late = sum(map(mostly_late, cells))
        return f"{late} of {len(cells)} learners generalize late on {cells[0].task_label}"

    def caption(self, grid: Grid) -> str:
        """What the lines and the band are, and which families have no room."""
        others = ", ".join(cell.family for cell in families_on_one_task(grid)[MOST_PANELS:])
        return (
            "Of each family the learner with most late runs, no control. Grey, dashed: accuracy on the training "
            "examples; colour: on held-out ones; both the median over seeds, 0 is guessing. In the shaded time the "
            f"training set is known by heart, held-out examples are not.{f' Not shown: {others}.' if others else ''}"
        )

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """At most four panels in a row."""
        import altair as alt

        cells = families_on_one_task(grid)[:MOST_PANELS]
        color = color_of([cell.family for cell in cells], legend=None)
        return alt.hconcat(*(scene(cell, color, first=not i) for i, cell in enumerate(cells)), spacing=18)


def families_on_one_task(grid: Grid) -> list[Cell]:
    """Of each family the cell with the largest share of late runs on the shown task."""
    task = shown_task(grid)
    return best_of_families(grid, task) if task else []


def scene(cell: Cell, color: altair.Color, first: bool) -> altair.LayerChart:
    """Median curves of one cell, the delay as a band, its two ends named."""
    import altair as alt

    axes = {"x": clock(cell), "y": kappa(first, HIGHEST)}
    events, rows = ends(cell), list(median_rows(cell))
    span = (rows[0]["time"], rows[-1]["time"])
    band = alt.Chart(data(waits(events, span[1]))).mark_rect(color=PALE, opacity=0.5)
    layers = [
        band.encode(x=axes["x"], x2="until:Q"),
        event_lines(events, axes["x"]),
        *split_lines(rows, cell, color, axes, strokeWidth=2.5),
        *event_names(events, span, axes, PANEL),
    ]
    title = heading(cell.family, [cell.learner_label])
    return alt.layer(*layers).properties(width=PANEL, height=130, title=title)


def waits(events: Sequence[Mapping], last: float) -> list[dict[str, float]]:
    """The time from memorization to generalization, or to the last one drawn; none where it does not come first."""
    times = {row["event"]: row["time"] for row in events}
    begin, until = times.get(MEMORIZED, last), times.get(GENERALIZED, last)
    return [{"time": begin, "until": until}] if begin < until else []
