"""Model-wise: accuracy against the size of the learner, from too small to fit to far larger than needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from grokbench.figures.bands import middle, on_log, times_of
from grokbench.figures.base import Figure
from grokbench.figures.curves import heading
from grokbench.figures.drawn_curves import LOWEST, POINTS, SPLITS, clock, ends, kappa, readable
from grokbench.figures.explained import color, tooltips
from grokbench.figures.style import GREY, INK, PANEL, data, families_in_order
from grokbench.registry import register_figure
from grokbench.tables.grid import Cell, Grid

if TYPE_CHECKING:
    import altair

SIZES = ("features", "width", "trees", "n / k", "max_leaf_nodes", "max_depth", "n_estimators")  # clocks
MOST_PANELS, IN_A_ROW, WIDTH = 12, 4, PANEL - 36
NAMED_AT = 1.12  # height of the names of the events, above the curves


@register_figure("size")
class Size(Figure):
    """training and held-out accuracy against the size of the learner, where its clock is a size"""

    numbers = "runs"
    rank = 9

    def applies(self, grid: Grid) -> bool:
        """Whether a learner's clock is a size."""
        return bool(sized(grid))

    def title(self, grid: Grid) -> str:
        """How many learners fit at one size and generalize at a larger one."""
        cells = sized(grid)
        fits = [cell.summary() for cell in cells]
        fits = [summary for summary in fits if summary.t_mem == summary.t_mem]
        larger = sum(summary.delay > 0.3 for summary in fits)
        never = sum(summary.t_gen != summary.t_gen for summary in fits)
        return (
            f"Of {len(fits)} learners that fit, {larger} generalize only at more than twice that size, "
            f"{never} at no size that was run"
        )

    def caption(self, grid: Grid) -> str:
        """What lines and marks are."""
        return (
            "Grey: training; colour: held out; lines: the median over seeds, bands their middle half; 0 is guessing. "
            "Vertical lines: the size that fits the labels (interpolation), and the one that generalizes; an arrow "
            "says that none does."
        )

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """A panel per learner and task, each on its own size."""
        import altair as alt

        cells = sized(grid)
        panels = [panel(cell, first=i % IN_A_ROW == 0) for i, cell in enumerate(cells)]
        return alt.concat(*panels, columns=IN_A_ROW, spacing=14)


def sized(grid: Grid) -> Sequence[Cell]:
    """The cells of true labels whose clock is a size, the families together."""
    cells = [cell for cell in grid.cells if readable(cell) and cell.readable[0].clock in SIZES]
    order = families_in_order(cell.family for cell in cells)
    return sorted(cells, key=lambda cell: order.index(cell.family))[:MOST_PANELS]


def size_rows(cell: Cell) -> Iterator[dict[str, object]]:
    """A row per split and size: median and quartiles over the runs, as far as half of them go; clipped below."""
    curves = [run.curve for run in cell.readable]
    sizes = times_of(curves, POINTS)
    for split, attribute in SPLITS.items():
        table = np.array([on_log(curve.time, getattr(curve, attribute), sizes) for curve in curves])
        for place, *quartiles in middle(np.maximum(table, LOWEST)):
            low, median, high = quartiles
            yield {"split": split, "time": float(sizes[place]), "kappa": median, "low": low, "high": high}


def panel(cell: Cell, first: bool) -> altair.LayerChart:
    """One learner on one task."""
    import altair as alt

    axes = {"x": clock(cell), "y": kappa(first, highest=1.2)}
    band = {"x": axes["x"], "y": alt.Y.from_dict(axes["y"].to_dict() | {"field": "low"}), "y2": "high:Q"}
    hover, rows = tooltips(["split"], ("time", "kappa", "low", "high")), list(size_rows(cell))
    layers = marks(cell, rows, axes)
    for split, look in zip(SPLITS, (GREY, color(cell.family)), strict=True):
        known = alt.Chart(data(row for row in rows if row["split"] == split))
        layers.append(known.mark_area(color=look, opacity=0.25).encode(**band, tooltip=hover))
        layers.append(known.mark_line(color=look, strokeWidth=2.2).encode(**axes, tooltip=hover))
    title = heading(cell, named=False)
    title.subtitle = f"{cell.family}; {cell.task_label}"
    return alt.layer(*layers).properties(width=WIDTH, height=115, title=title)


def marks(cell: Cell, rows: Sequence[Mapping], axes: Mapping) -> list[altair.Chart]:
    """The interpolation point and the size that generalizes, named; an arrow at the end where none does."""
    import altair as alt

    names = {"memorized": "fits", "generalized": "generalizes"}
    events = [{**event, "event": names[event["event"]], "kappa": NAMED_AT} for event in ends(cell)]
    at, hover = alt.Chart(data(events)), tooltips(["event"], ["time"])
    drawn = [at.mark_rule(color=INK, strokeDash=[3, 3]).encode(x=axes["x"], tooltip=hover)]
    for event in events:
        room = event["time"] > 3 * rows[0]["time"]
        left = room and event["event"] == "fits" and len(events) > 1
        side = {"align": "right", "dx": -3} if left else {"align": "left", "dx": 3}
        text = alt.Chart(data([event])).mark_text(color=INK, fontSize=10, **side)
        drawn.append(text.encode(**axes, text="event:N", tooltip=hover))
    if not any(event["event"] == "generalizes" for event in events):
        last = max(run.curve.last for run in cell.readable)
        end = alt.Chart(data([{"time": last, "kappa": 1.0, "event": "no size that was run generalizes"}]))
        arrow = end.mark_point(shape="triangle-right", size=70, filled=True, color=INK, opacity=1)
        drawn.append(arrow.encode(**axes, tooltip=hover))
    return drawn
