"""The first figure to look at: training and held-out accuracy of every learner on one task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grokbench.figures.base import Figure
from grokbench.figures.drawn_curves import clock, ends, kappa, median_rows, panels, readable, seed_rows, split_lines
from grokbench.figures.style import INK, PANEL, color_of, data, families_in_order
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
            "Grey: training; colour: held out; thin: one seed; bold: the median. 0 is guessing, 1 is all right. "
            "The first vertical line is the median time at which the training set is learned, the second that of "
            "generalization; an arrow at the right end says that half of the runs had not generalized when they ended."
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

    axes = {"x": clock(cell), "y": kappa(first)}
    layers = [
        *event_marks(cell, axes),
        *split_lines(seed_rows(cell), cell, color, axes, strokeWidth=0.7, opacity=0.35),
        *split_lines(median_rows(cell), cell, color, axes, strokeWidth=2.2),
    ]
    return alt.layer(*layers).properties(width=PANEL, height=110, title=heading(cell, named))


def heading(cell: Cell, named: bool) -> altair.TitleParams:
    """The learner, its family, how many of its runs are late, and on what task where panels are of several."""
    import altair as alt

    late = f"{int(sum(cell.late))} of {len(cell.late)} late" if cell.late else "undecided"
    sizes = {"fontSize": 11, "subtitleFontSize": 10, "limit": PANEL}
    lines = [f"{cell.family}; {late}", *([cell.task_label] if named else [])]
    return alt.TitleParams(cell.learner_label, subtitle=lines, anchor="start", **sizes)


def event_marks(cell: Cell, axes: dict) -> list[altair.Chart]:
    """Median t_mem and t_gen; an arrow at the end of the clock where fewer than half of the runs got to t_gen."""
    import altair as alt

    hover = [alt.Tooltip("event:N"), alt.Tooltip("time:Q", format=".4g")]
    events = ends(cell)
    lines = alt.Chart(data(events)).mark_rule(color=INK, strokeDash=[3, 3]).encode(x=axes["x"], tooltip=hover)
    if any(row["event"] == "generalized" for row in events):
        return [lines]
    last = max(run.curve.last for run in cell.readable)
    end = data([{"time": last, "kappa": 1.0, "event": "not generalized by then"}])
    arrow = alt.Chart(end).mark_point(shape="triangle-right", size=70, filled=True, color=INK, opacity=1)
    return [lines, arrow.encode(**axes, tooltip=hover)]
