"""How long runs wait for generalization, those that never got there included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from grokbench.curves.outcome import LATE_DECADES
from grokbench.figures.base import Figure
from grokbench.figures.controls import (
    PALE_LINE,
    UNKNOWN_FAMILY,
    Kind,
    by_kind,
    controls,
    of_most_families,
    tasks_left_out,
)
from grokbench.figures.style import INK, color_of, dash_of, data, heading
from grokbench.registry import register_figure
from grokbench.statistics.survival import kaplan_meier
from grokbench.tables.grid import Cell, Grid, Identity

if TYPE_CHECKING:
    import altair

MOST_PANELS, IN_A_ROW = 6, 3
WIDTHS = {1: 480, 2: 350}  # px of a panel, where there are fewer than three in a row
WIDTH, HEIGHT = 225, 140
MOST_STEPS = 60  # of a line: as many as can be told apart
BOLD = {"strokeWidth": 2.2}
APART = 0.05  # between lines that never fall, on the axis of shares
TICK = 7  # px, height of the mark of a run that ended
ENDED, AT_LEAST = "ended before it generalized", "memorized in the first tick: waits at least so long"


class Wait(NamedTuple):
    """Of one run: decades from t_mem to t_gen, whether that was observed, whether the run ended before t_gen.

    late : 1 or 0, the endpoint of all comparisons; NaN where it is undecided.
    """

    decades: float
    event: bool
    ended: bool
    late: float


@dataclass(frozen=True, eq=False)
class Waiting:
    """The runs of a learner of a family on a task that memorize, and how long they wait.

    decades : (n,) log10(t_gen / t_mem). event : (n,) whether it was observed; else it is a lower bound.
    ended : (n,) whether the run ended before it generalized. late : (n,) 1, 0 or, undecided, NaN.
    raised : how far above its share the line is drawn.
    """

    kind: Kind
    decades: np.ndarray
    event: np.ndarray
    ended: np.ndarray
    late: np.ndarray
    raised: float = 0.0

    @cached_property
    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """Distinct event times, and the share not yet generalized just after each."""
        return kaplan_meier(self.decades, self.event)

    @property
    def mostly_late(self) -> bool:
        """Whether more than half of the decided runs generalize late."""
        return bool(2 * np.nansum(self.late) > np.count_nonzero(~np.isnan(self.late)))

    def steps(self, begin: float) -> Iterator[dict[str, object]]:
        """The line from `begin` to the last run seen, thinned to `MOST_STEPS`."""
        times, left = self.curve
        shown = np.unique(np.linspace(0, len(times) - 1, MOST_STEPS).round().astype(int)) if len(times) else []
        yield self._row(begin, 1.0)
        yield from (self._row(times[i], left[i]) for i in shown)
        yield self._row(self.decades.max(), left[-1] if len(left) else 1.0)

    def bounds(self, ended: bool) -> Iterator[dict[str, object]]:
        """A row per place, to a hundredth of a decade, of runs whose wait is only known to be longer.

        ended : those that ended before they generalized; else those that memorized in the first tick of their clock.
        """
        times, left = self.curve
        places, counts = np.unique(self.decades[~self.event & (self.ended == ended)].round(2), return_counts=True)
        levels = np.concatenate([[1.0], left])[np.searchsorted(times, places, side="right")]
        for place, count, level in zip(places, counts, levels, strict=True):
            yield {**self._row(place, level), "why": ENDED if ended else AT_LEAST, "count": int(count)}

    def _row(self, decades: float, left: float) -> dict[str, object]:
        runs = "controls of " * self.kind.control + self.kind.family
        return {
            **{"family": self.kind.family, "of": runs, "decades": float(decades), "left": float(left)},
            **{"runs": len(self.decades), "height": float(left) + self.raised},
        }


@register_figure("survival")
class Survival(Figure):
    """share of runs that have not generalized yet against decades after memorization, a line per family"""

    rank = 7

    def applies(self, grid: Grid) -> bool:
        """Whether any run with true labels memorizes."""
        return bool(waiting(grid))

    def title(self, grid: Grid) -> str:
        """In how many families most runs are late."""
        lines = [line for lines in waiting(grid).values() for line in lines if not line.kind.control]
        late = sum(line.mostly_late for line in lines)
        counted = "pairs of task and family" if len(waiting(grid)) > 1 else "families"
        return f"Most runs generalize late in {late} of {len(lines)} {counted}"

    def caption(self, grid: Grid) -> str:
        """What lines and marks are."""
        return (
            "Kaplan-Meier over the runs that memorize, of each family those of the learner with most late runs, all "
            "settings together: a line falls where runs generalize, right of the dashed line half a decade or more "
            "after they memorize. Ticks are runs that "
            "ended before it, arrows runs that memorized in the first tick of their clock and waited at least so long. "
            "Lines that never fall lie side by side at the top; pale are controls, with frozen features or without "
            f"weight decay.{tasks_left_out(grid, len(waiting(grid)))}"
        )

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """A panel per task, on one axis of decades."""
        import altair as alt

        by_task = waiting(grid)
        lines = [line for lines in by_task.values() for line in lines]
        ends = [float(end(line.decades)) for line in lines for end in (np.min, np.max)]
        span = (min(0.0, *ends), max(1.0, *ends))
        families = [line.kind.family for line in lines]
        highest = 1.03 + max(line.raised for line in lines)
        width = WIDTHS.get(len(by_task), WIDTH)
        panels = [
            panel(lines, families, span, i % IN_A_ROW == 0, highest).properties(
                width=width, height=HEIGHT, title=heading(grid.tasks[task], (), width)
            )
            for i, (task, lines) in enumerate(by_task.items())
        ]
        return alt.concat(*panels, columns=IN_A_ROW, spacing=16)


def waiting(grid: Grid) -> dict[Identity, list[Waiting]]:
    """The lines of each task that is shown; tasks where nothing memorizes have none."""
    dimmed = controls(grid)
    parts = {task: by_kind(most_late(grid, task, dimmed), dimmed, waits_of) for task in grid.tasks}
    parts = {task: kinds for task, kinds in parts.items() if kinds}
    return {task: lines_of(parts[task]) for task in of_most_families(parts, MOST_PANELS)}


def most_late(grid: Grid, task: Identity, dimmed: Mapping[Cell, str]) -> Iterator[Cell]:
    """Of each family on a task, controls apart, all settings of the learner with the largest share of late runs.

    Learners whose runs end at different times would not make one Kaplan-Meier line: who is censored early would be
    another learner than who goes on.
    """
    kinds: dict[Kind, dict[str, list[Cell]]] = {}
    for cell in grid.cells:
        if cell.task == task and not cell.shuffled and waits_of(cell):
            kind = Kind(cell.family or UNKNOWN_FAMILY, cell in dimmed)
            kinds.setdefault(kind, {}).setdefault(cell.learner.name, []).append(cell)
    for learners in kinds.values():
        yield from max(learners.values(), key=share_late)


def share_late(cells: Sequence[Cell]) -> float:
    """Share of late runs among all that are decided; 0 without any."""
    late = [value for cell in cells for value in cell.late]
    return sum(late) / len(late) if late else 0.0


def waits_of(cell: Cell) -> list[Wait]:
    """The wait of each run of a cell that memorizes."""
    return [
        Wait(d.delay, d.delay_censoring != "right", d.t_gen_censoring == "right", d.late)
        for d in cell.detections()
        if not np.isnan(d.delay)
    ]


def lines_of(kinds: Mapping[Kind, Sequence[Wait]]) -> list[Waiting]:
    """A line per kind, the controls first, so that they lie below."""
    ordered = sorted(kinds, key=lambda kind: (not kind.control, kind.family))
    lines = [Waiting(kind, *(np.array(column) for column in zip(*kinds[kind], strict=True))) for kind in ordered]
    flat = [line for line in lines if not line.event.any()]
    return [replace(line, raised=APART * (1 + flat.index(line))) if line in flat else line for line in lines]


def panel(
    lines: Sequence[Waiting], families: Sequence[str], span: tuple[float, float], named: bool, highest: float
) -> altair.LayerChart:
    """The lines of one task, those that never fall side by side above 1, and where late begins."""
    import altair as alt

    begin = data([{"decades": LATE_DECADES, "rule": "late from here on"}])
    late = alt.Chart(begin).mark_rule(color=INK, strokeDash=[3, 3], opacity=0.7)
    axes = {"x": x_axis(span), "y": y_axis(named, highest), "color": color_of(families, legend=legend())}
    layers = [late.encode(x=axes["x"], tooltip=["rule:N", "decades:Q"])]
    for control, look in ((True, PALE_LINE), (False, BOLD)):
        layers += drawn([line for line in lines if line.kind.control is control], families, axes, span[0], look)
    return alt.layer(*layers)


def drawn(
    lines: Sequence[Waiting],
    families: Sequence[str],
    axes: Mapping[str, object],
    begin: float,
    look: Mapping[str, float],
) -> list[altair.Chart]:
    """Steps, ticks and arrows of lines in one look."""
    import altair as alt

    hover = ["of:N", alt.Tooltip("decades:Q", format=".2f"), alt.Tooltip("left:Q", format=".2f"), "runs:Q"]
    steps = alt.Chart(data(row for line in lines for row in line.steps(begin)))
    steps = steps.mark_line(interpolate="step-after", **look)
    steps = steps.encode(**axes, strokeDash=dash_of(families, legend=legend()), tooltip=hover)
    faint = {"opacity": look.get("opacity", 1)}
    ended, arrows = (alt.Chart(data(row for line in lines for row in line.bounds(ended))) for ended in (True, False))
    ticks = ended.mark_tick(orient="vertical", size=TICK, thickness=1.5, **faint)
    arrows = arrows.mark_point(shape="triangle-right", filled=True, size=45, **faint)
    return [steps, *(marks.encode(**axes, tooltip=[*hover, "why:N", "count:Q"]) for marks in (ticks, arrows))]


def legend() -> altair.Legend:
    """A piece of each line."""
    import altair as alt

    return alt.Legend(symbolType="stroke", symbolSize=500, symbolOpacity=1)


def x_axis(span: tuple[float, float]) -> altair.X:
    """Decades, the same in all panels."""
    import altair as alt

    scale = alt.Scale(domain=list(span), nice=False)
    return alt.X("decades:Q", title="decades from t_mem to t_gen", scale=scale, axis=alt.Axis(grid=False))


def y_axis(named: bool, highest: float) -> altair.Y:
    """The share; named in the first panel of a row."""
    import altair as alt

    scale, axis = alt.Scale(domain=[0, highest], nice=False), alt.Axis(values=[0, 0.5, 1])
    return alt.Y("height:Q", title="not yet generalized" if named else None, scale=scale, axis=axis)
