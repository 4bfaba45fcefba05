"""The first figure to look at: training and held-out accuracy of every learner on one task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grokbench.figures.base import Figure, left_out
from grokbench.figures.drawn_curves import clock, kappa, median_rows, panels, readable, seed_rows, split_lines
from grokbench.figures.events import ends, event_lines, never_arrow
from grokbench.figures.style import PANEL, color_of, families_in_order, heading
from grokbench.registry import register_figure
from grokbench.tables.grid import Cell, Grid

if TYPE_CHECKING:
    import altair

MOST_PANELS, IN_A_ROW = 12, 4


@register_figure("curves")
class Curves(Figure):
    """training and held-out accuracy against the learner's own clock, a panel per learner"""

    numbers = "runs"
    rank = 4

    def applies(self, grid: Grid) -> bool:
        """Whether any run with true labels has a curve."""
        return any(map(readable, grid.cells))

    def title(self, grid: Grid) -> str:
        """The suite, and the task where it is one."""
        tasks = {cell.task_label for cell in panels(grid, MOST_PANELS)}
        return f"{grid.title}: {tasks.pop()}" if len(tasks) == 1 else grid.title

    def caption(self, grid: Grid) -> str:
        """What lines and marks are."""
        return (
            "Grey, dashed: training; colour: held out; thin: one seed; bold: the median. 0 is guessing, 1 all right. "
            "The first vertical line is the median time at which the training set is learned, the second that of "
            "generalization; an arrow at the right end says that half of the runs had not generalized when they ended."
            f"{left_out(MOST_PANELS, sum(map(readable, grid.cells)), 'pairs of learner and task')}"
        )

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """Panels in rows, the families together, each on its own clock."""
        import altair as alt

        cells = panels(grid, MOST_PANELS)
        order = families_in_order(cell.family for cell in cells)
        cells = sorted(cells, key=lambda cell: order.index(cell.family))
        named = len({cell.task for cell in cells}) > 1
        color = color_of(order, legend=None)
        charts = [panel(cell, color, i % IN_A_ROW == 0, named) for i, cell in enumerate(cells)]
        return alt.concat(*charts, columns=IN_A_ROW, spacing=14)


def panel(cell: Cell, color: altair.Color, first: bool, named: bool) -> altair.LayerChart:
    """One cell: seeds thin, medians bold, t_mem and t_gen as vertical lines, an arrow where t_gen is not reached.

    first : whether it stands at the left, where the axis has its title. named : whether the heading names the task.
    """
    import altair as alt

    axes, events = {"x": clock(cell), "y": kappa(first)}, ends(cell)
    layers = [
        event_lines(events, axes["x"]),
        *never_arrow(cell, events, axes, "not generalized by then"),
        *split_lines(seed_rows(cell), cell, color, axes, strokeWidth=0.7, opacity=0.35),
        *split_lines(median_rows(cell), cell, color, axes, strokeWidth=2.2),
    ]
    return alt.layer(*layers).properties(
        width=PANEL, height=110, title=heading(cell.learner_label, lines_of(cell, named))
    )


def lines_of(cell: Cell, named: bool) -> list[str]:
    """The family, how many of its runs are late, and on what task where panels are of several."""
    late = f"{int(sum(cell.late))} of {len(cell.late)} late" if cell.late else "undecided"
    return [cell.family, f"{late}, {cell.task_label}" if named else late]
