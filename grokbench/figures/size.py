"""Model-wise: accuracy against the size of the learner, from too small to fit to far larger than needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from grokbench.figures.base import Figure, left_out
from grokbench.figures.drawn_curves import SPLITS, TRAINING, clock, kappa, middle_rows, readable
from grokbench.figures.events import GENERALIZED, HIGHEST, MEMORIZED, ends, event_lines, event_names, never_arrow
from grokbench.figures.style import GREY, PANEL, color, data, families_in_order, heading, of_field, tooltips
from grokbench.registry import register_figure
from grokbench.tables.grid import Cell, Grid

if TYPE_CHECKING:
    import altair

SIZES = ("features", "width", "trees", "n / k", "max_leaf_nodes", "max_depth", "n_estimators")  # clocks
NAMES = {MEMORIZED: "fits", GENERALIZED: "generalizes"}
MOST_PANELS, IN_A_ROW, WIDTH = 12, 4, PANEL - 36


@register_figure("size")
class Size(Figure):
    """training and held-out accuracy against the size of the learner, where its clock is a size"""

    numbers = "runs"
    rank = 9

    def applies(self, grid: Grid) -> bool:
        """Whether a learner's clock is a size."""
        return bool(sized(grid))

    def title(self, grid: Grid) -> str:
        """How many learners fit at one size and generalize at a larger one, those without room among them."""
        sizes = [{row["event"]: row["time"] for row in ends(cell)} for cell in sized(grid)]
        fits = [size for size in sizes if MEMORIZED in size]
        larger = sum(size.get(GENERALIZED, 0) > 2 * size[MEMORIZED] for size in fits)
        never = sum(GENERALIZED not in size for size in fits)
        return (
            f"Of {len(fits)} pairs of learner and task that fit, {larger} generalize only at more than twice that "
            f"size, {never} at none"
        )

    def caption(self, grid: Grid) -> str:
        """What lines and marks are."""
        return (
            "Grey, dashed: training; colour: held out; lines: the median over seeds, bands their middle half; 0 is "
            "guessing. Vertical lines: the size that fits the labels (interpolation), and the one that generalizes, "
            "both medians over seeds; an arrow says that half of the runs generalize at none. Of each learner the "
            "settings that do both are drawn first."
            f"{left_out(MOST_PANELS, len(sized(grid)), 'pairs of learner and task')}"
        )

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """A panel per learner and task, each on its own size."""
        import altair as alt

        panels = [panel(cell, first=i % IN_A_ROW == 0) for i, cell in enumerate(shown(grid))]
        return alt.concat(*panels, columns=IN_A_ROW, spacing=14)


def sized(grid: Grid) -> Sequence[Cell]:
    """The cells of true labels whose clock is a size."""
    return [cell for cell in grid.cells if readable(cell) and cell.readable[0].clock in SIZES]


def shown(grid: Grid) -> Sequence[Cell]:
    """At most `MOST_PANELS` of them, in turn of each learner one that fits and generalizes; the families together."""
    cells, turns = sized(grid), Counter()
    ranked = []
    for place, cell in sorted(enumerate(cells), key=lambda one: len(ends(one[1])), reverse=True):
        turns[cell.learner.name] += 1
        ranked.append((turns[cell.learner.name], place))
    chosen = [cells[place] for place in sorted(place for _, place in sorted(ranked)[:MOST_PANELS])]
    order = families_in_order(cell.family for cell in chosen)
    return sorted(chosen, key=lambda cell: order.index(cell.family))


def panel(cell: Cell, first: bool) -> altair.LayerChart:
    """One learner on one task."""
    import altair as alt

    axes, rows = {"x": clock(cell), "y": kappa(first, HIGHEST)}, list(middle_rows(cell))
    band = {"x": axes["x"], "y": of_field(axes["y"], "low"), "y2": "high:Q"}
    hover = tooltips(["split"], ("time", "kappa", "low", "high"))
    events = [{**row, "event": NAMES[row["event"]]} for row in ends(cell)]
    layers = [
        event_lines(events, axes["x"]),
        *event_names(events, (rows[0]["time"], rows[-1]["time"]), axes, WIDTH),
        *never_arrow(cell, ends(cell), axes, "no size that was run generalizes"),
    ]
    for split, look in zip(SPLITS, ({"color": GREY}, {"color": color(cell.family)}), strict=True):
        known = alt.Chart(data(row for row in rows if row["split"] == split))
        dash = TRAINING if split == "training" else [1, 0]
        layers.append(known.mark_area(opacity=0.25, **look).encode(**band, tooltip=hover))
        layers.append(known.mark_line(strokeWidth=2.2, strokeDash=dash, **look).encode(**axes, tooltip=hover))
    title = heading(cell.learner_label, [f"{cell.family}; {cell.task_label}"], WIDTH)
    return alt.layer(*layers).properties(width=WIDTH, height=115, title=title)
