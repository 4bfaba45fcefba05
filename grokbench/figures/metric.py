"""Is the delay an artefact of the metric: accuracy beside skill and ranking, and what the learner's metric M does."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from grokbench.curves.curve import Curve
from grokbench.figures.bands import middle, on_log, times_of
from grokbench.figures.base import Figure
from grokbench.figures.cast import members
from grokbench.figures.drawn_curves import LOWEST, clock, ends, late_share, readable
from grokbench.figures.explained import color, tooltips
from grokbench.figures.style import INK, PANEL, data, families_in_order
from grokbench.registry import register_figure, tables
from grokbench.tables.delays import Entry
from grokbench.tables.grid import Cell, Grid

if TYPE_CHECKING:
    import altair

POINTS, LEAST_DELAY, LEAST_FAMILIES = 60, 0.5, 3
MOST_PANELS, IN_A_ROW = 8, 4
DASHES = {"accuracy": [1, 0], "ranking": [6, 3], "skill": [2, 2], "circulant": [8, 2, 2, 2], "Fourier": [1, 3]}


@register_figure("metric")
class Metric(Figure):
    """held-out accuracy, skill and ranking on one task, a panel per family: is the delay one of accuracy alone?"""

    rank = 11

    def applies(self, grid: Grid) -> bool:
        """Whether two families are drawn, and a continuous score was recorded."""
        cells = shown(grid)
        return len(cells) > 1 and any(set(row_names(cell)) - {"accuracy"} for cell in cells)

    def title(self, grid: Grid) -> str:
        """Of how many late learners the skill is late as well."""
        late = [entry for entry in entries_of(grid) if entry.summary.late > 0.5]
        if not late:
            return "Accuracy, skill and ranking: no learner is late"
        as_late = sum(entry.loss_delay >= LEAST_DELAY for entry in late)
        open_ones = sum(math.isnan(entry.loss_delay) for entry in late)
        unknown = f" ({open_ones} without a median)" if open_ones else ""
        return f"Late in accuracy: {len(late)} learners; late in skill, a score without threshold: {as_late}{unknown}"

    def caption(self, grid: Grid) -> str:
        """What the lines are, and what is not there."""
        scores = {name for cell in shown(grid) for name in row_names(cell)}
        further = [text for name, text in (("circulant", CIRCULANT), ("Fourier", FOURIER)) if name in scores]
        return f"{CURVES} {' '.join(further) or NO_METRIC}"

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """A row of panels, one per family, each on its own clock."""
        import altair as alt

        entries = entries_of(grid)
        names = [name for name in DASHES if any(name in row_names(entry.cell) for entry in entries)]
        panels = [panel(entry, names, first=i % IN_A_ROW == 0) for i, entry in enumerate(entries)]
        return alt.concat(*panels, columns=IN_A_ROW, spacing=18)


def shown(grid: Grid) -> Sequence[Cell]:
    """Of each family the cell with most late runs, on the shown task; on any, where that has fewer than three."""
    on_one_task = members(grid)
    if len(on_one_task) >= LEAST_FAMILIES:
        return on_one_task
    best: dict[str, Cell] = {}
    for cell in filter(readable, grid.cells):
        if cell.family not in best or late_share(cell) > late_share(best[cell.family]):
            best[cell.family] = cell
    return [best[family] for family in families_in_order(best)][:MOST_PANELS]


def entries_of(grid: Grid) -> Sequence[Entry]:
    """The entries of the table of delays of the cells to draw."""
    entries = {entry.cell: entry for entry in tables["delays"]().known(grid)}
    return [entries[cell] for cell in shown(grid)]


CURVES = (
    "Medians over seeds of held-out accuracy, of the ranking (what it is worth without a threshold) and of skill, the "
    "explained part of the loss; all 0 at guessing and 1 at perfection. Curves that rise together are no artefact."
)
CIRCULANT = "Circulant part: 1 less the circulant deviation of the learned metric M."
FOURIER = "Fourier: share of the energy of held-out scores that lies in waves of the sum."
NO_METRIC = "The circulant deviation of a learned metric was not recorded in these runs."


def scores_of(curve: Curve) -> dict[str, np.ndarray]:
    """Name -> (checkpoints,) of the scores that a curve has, all 1 at best."""
    scores = {"accuracy": curve.kappa_test, "ranking": curve.kappa_rank, "skill": curve.skill}
    scores["circulant"] = 1 - curve.column("circulant_deviation")
    with np.errstate(invalid="ignore"):
        whole = curve.column("fourier_energy") + curve.column("fourier_excluded")
        scores["Fourier"] = curve.column("fourier_energy") / np.where(whole > 0, whole, math.nan)
    return {name: values for name, values in scores.items() if not np.isnan(values).all()}


def row_names(cell: Cell) -> Sequence[str]:
    """The scores that the first run of a cell has."""
    return list(scores_of(cell.readable[0].curve))


def score_rows(cell: Cell) -> Iterator[dict[str, object]]:
    """A row per score and time: the median over the runs, as far as at least half of them go; below -.1 drawn there."""
    curves = [run.curve for run in cell.readable]
    scores, times = [scores_of(curve) for curve in curves], times_of(curves, POINTS)
    for name in row_names(cell):
        known = [(curve, of[name]) for curve, of in zip(curves, scores, strict=True) if name in of]
        for place, _, median, _ in middle(np.array([on_log(curve.time, values, times) for curve, values in known])):
            yield {"score": name, "time": float(times[place]), "value": max(median, LOWEST)}


def panel(entry: Entry, names: Sequence[str], first: bool) -> altair.LayerChart:
    """One cell: the scores in one colour, told apart by their dashes; t_mem and t_gen as lines."""
    import altair as alt

    cell, title = entry.cell, "held-out score" if first else None
    axis, scale = alt.Axis(values=[0, 0.5, 1], format=".1f"), alt.Scale(domain=[LOWEST, 1.05])
    dashes = alt.Scale(domain=list(names), range=[DASHES[name] for name in names])
    legend = alt.Legend(title=None, symbolSize=400, symbolStrokeColor=INK)
    lines = alt.Chart(data(score_rows(cell))).mark_line(strokeWidth=2, color=color(cell.family))
    events = alt.Chart(data(ends(cell))).mark_rule(color=INK, strokeWidth=0.8, opacity=0.6)
    layers = [
        events.encode(x=clock(cell), tooltip=tooltips(["event"], ["time"])),
        lines.encode(
            x=clock(cell),
            y=alt.Y("value:Q", scale=scale, title=title, axis=axis),
            strokeDash=alt.StrokeDash("score:N", scale=dashes, legend=legend),
            tooltip=tooltips(["score"], ("time", "value")),
        ),
    ]
    return alt.layer(*layers).properties(width=PANEL - 30, height=120, title=heading(entry))


def heading(entry: Entry) -> altair.TitleParams:
    """Family and learner; the task; the median delays in accuracy and in skill."""
    import altair as alt

    cell = entry.cell
    skill = "without a median" if math.isnan(entry.loss_delay) else f"{entry.loss_delay:.2f}"
    subtitle = [
        cell.task_label,
        f"{cell.learner.name}: delay {entry.delay_text or 'not known'}",
        f"delay of skill {skill}",
    ]
    sizes = {"fontSize": 12, "subtitleFontSize": 10, "limit": PANEL}
    return alt.TitleParams(cell.family, subtitle=subtitle, anchor="start", **sizes)
