"""Is the delay an artefact of the metric: accuracy beside skill and ranking, and what the learner's metric M does."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from grokbench.curves.curve import Curve
from grokbench.curves.detect import LEVEL
from grokbench.curves.outcome import LATE_DECADES
from grokbench.curves.run import Run
from grokbench.figures.bands import band
from grokbench.figures.base import Figure, left_out
from grokbench.figures.cast import families_on_one_task
from grokbench.figures.drawn_curves import LOWEST, POINTS, best_of_families, clock, mostly_late
from grokbench.figures.events import ends, event_lines
from grokbench.figures.style import INK, PANEL, color, data, heading, tooltips
from grokbench.registry import register_figure, tables
from grokbench.tables.delays import Entry
from grokbench.tables.grid import Cell, Grid

if TYPE_CHECKING:
    import altair

LEAST_FAMILIES = 3
SKILLED = 0.5  # skill at which the loss counts as generalized, as in `Detection.loss_delay`
MOST_PANELS, IN_A_ROW, WIDTH = 8, 4, PANEL - 30
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
        late = list(filter(mostly_late, shown(grid)))
        if not late:
            return "Accuracy, skill and ranking: no learner is late"
        waits = [skill_waits(cell) for cell in late]
        as_late = sum(2 * sum(map(Wait.is_late, of)) > len(of) for of in waits if of)
        unknown = f" (in {waits.count([])} not recorded)" if [] in waits else ""
        return (
            f"{len(late)} of {len(shown(grid))} learners are late in accuracy; of these {as_late} are late in skill, "
            f"a score without threshold, too{unknown}"
        )

    def caption(self, grid: Grid) -> str:
        """What the lines are, and what is not there."""
        scores = {name for cell in shown(grid) for name in row_names(cell)}
        further = [text for name, text in (("circulant", CIRCULANT), ("Fourier", FOURIER)) if name in scores]
        families = len(best_of_families(grid))
        return f"{CURVES} {' '.join(further) or NO_METRIC}{left_out(len(shown(grid)), families, 'families')}"

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """A panel per family, each on its own clock."""
        import altair as alt

        entries = entries_of(grid)
        names = [name for name in DASHES if any(name in row_names(entry.cell) for entry in entries)]
        panels = [panel(entry, names, first=i % IN_A_ROW == 0) for i, entry in enumerate(entries)]
        return alt.concat(*panels, columns=IN_A_ROW, spacing=18)


def shown(grid: Grid) -> Sequence[Cell]:
    """Of each family the cell with most late runs, on the shown task; on any, where that has fewer than three."""
    on_one_task = families_on_one_task(grid)
    cells = on_one_task if len(on_one_task) >= LEAST_FAMILIES else best_of_families(grid)
    return cells[:MOST_PANELS]


def entries_of(grid: Grid) -> Sequence[Entry]:
    """The entries of the table of delays of the cells to draw."""
    entries = {entry.cell: entry for entry in tables["delays"]().known(grid)}
    return [entries[cell] for cell in shown(grid)]


CURVES = (
    "Medians over seeds of held-out accuracy, of the ranking (what it is worth without a threshold) and of skill, the "
    "explained part of the loss; all 0 at guessing and 1 at perfection. Curves that rise together are no artefact."
)
CIRCULANT = (
    "Circulant: how far the learned metric M of two numbers depends on their sum or difference alone, as the rule does "
    "(1 less the circulant deviation). Where it rises first, features moved before any score showed it."
)
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


class Wait(NamedTuple):
    """Of one run: decades from t_mem to a skill of one half, whether that is a lower bound, whether skill got there."""

    decades: float
    bound: bool
    reached: bool

    def is_late(self) -> bool:
        """Whether skill got there, and half a decade or more after t_mem."""
        return self.reached and self.decades >= LATE_DECADES


def skill_waits(cell: Cell) -> list[Wait]:
    """The wait of each run that memorizes and whose skill was recorded, in order."""
    waits = [_wait(run) for run in cell.readable]
    return sorted(wait for wait in waits if not math.isnan(wait.decades))


def _wait(run: Run) -> Wait:
    detection, curve = run.detections[LEVEL], run.curve
    bound = detection.loss_delay_censoring == "right"
    return Wait(detection.loss_delay, bound, not bound or curve.crossing(curve.skill, SKILLED).reached)


def skill_text(entry: Entry) -> str:
    """The median delay of skill in words, as `tables.delays.delay_text` has that of accuracy; empty where unknown."""
    waits = skill_waits(entry.cell)
    if not waits or not math.isnan(entry.loss_delay):
        return f"{entry.loss_delay:.2f}" if waits else ""
    middle = waits[len(waits) // 2]
    return f"≥ {middle.decades:.2f}" if middle.reached else f"never (> {middle.decades:.2f})"


def score_rows(cell: Cell) -> Iterator[dict[str, object]]:
    """A row per score and time: the median over the runs, as far as at least half of them go; below -.1 drawn there."""
    scores = [scores_of(run.curve) for run in cell.readable]
    for name in row_names(cell):
        known = [(run.curve, of[name]) for run, of in zip(cell.readable, scores, strict=True) if name in of]
        for row in band(*zip(*known, strict=True), POINTS):
            yield {"score": name, "time": row["time"], "value": max(row["median"], LOWEST)}


def panel(entry: Entry, names: Sequence[str], first: bool) -> altair.LayerChart:
    """One cell: the scores in one colour, with a dash each; t_mem and t_gen as lines."""
    import altair as alt

    cell, y_title = entry.cell, "held-out score" if first else None
    axis, scale = alt.Axis(values=[0, 0.5, 1], format=".1f"), alt.Scale(domain=[LOWEST, 1.05])
    dashes = alt.Scale(domain=list(names), range=[DASHES[name] for name in names])
    legend = alt.Legend(title=None, symbolSize=400, symbolStrokeColor=INK)
    lines = alt.Chart(data(score_rows(cell))).mark_line(strokeWidth=2, color=color(cell.family))
    layers = [
        event_lines(ends(cell), clock(cell)),
        lines.encode(
            x=clock(cell),
            y=alt.Y("value:Q", scale=scale, title=y_title, axis=axis),
            strokeDash=alt.StrokeDash("score:N", scale=dashes, legend=legend),
            tooltip=tooltips(["score"], ("time", "value")),
        ),
    ]
    title = heading(cell.family, lines_of(entry), WIDTH)
    return alt.layer(*layers).properties(width=WIDTH, height=120, title=title)


def lines_of(entry: Entry) -> list[str]:
    """The task; the learner; its median delay in accuracy; that in skill."""
    accuracy, skill = entry.delay_text or "not known", skill_text(entry) or "not known"
    return [entry.cell.task_label, entry.cell.learner.name, f"delay {accuracy}", f"of skill {skill}"]
