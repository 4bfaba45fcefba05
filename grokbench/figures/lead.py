"""What moves inside while held-out accuracy rises: measures around the half-rise, each on its own range."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from grokbench.curves.run import Run
from grokbench.figures.bands import middle
from grokbench.figures.base import Figure, left_out
from grokbench.figures.drawn_curves import mostly_late, readable
from grokbench.figures.style import GREY, PANEL, color, data, families_in_order, heading, of_field, tooltips
from grokbench.registry import register_figure
from grokbench.tables.grid import Cell, Grid

if TYPE_CHECKING:
    import altair

MOST_PANELS, IN_A_ROW, WIDTH, HEIGHT = 8, 4, PANEL - 32, 110
BEFORE, AFTER, POINTS = -2.0, 1.0, 31  # decades around the half-rise
LEAST_RANGE = 0.05  # of the largest value: scaled to its own range, less than that is noise
ACCURACY = "held-out accuracy"
LOOKS = {"#222222": [1, 0], "#AA3377": [5, 2], "#228833": [2, 2], "#997700": [7, 2, 2, 2]}  # of up to four measures
COLUMNS = (  # the first ones that most cells have are drawn; what is to be read in one family alone comes late
    *("after_kernel", "movement", "circulant_deviation", "fourier_energy", "norm", "alignment", "laziness"),
    *("submodel_size", "memorized_bits", "label_fit_rank", "code_length", "effective_rank", "effective_dimension"),
    *("evidence_complexity", "leaves", "weight_bits", "feature_dimension", "path", "zero_gradient"),
)


@register_figure("lead")
class Lead(Figure):
    """measures of what moves inside, in time from the half-rise of held-out accuracy, a panel per late learner"""

    numbers = "runs"
    rank = 12

    def applies(self, grid: Grid) -> bool:
        """Whether a late learner has a measure that varies."""
        return bool(shown(grid)[0])

    def title(self, grid: Grid) -> str:
        """Which measures."""
        _, columns = shown(grid)
        return f"What moves inside as runs generalize late: {', '.join(column.replace('_', ' ') for column in columns)}"

    def caption(self, grid: Grid) -> str:
        """What the lines are."""
        return (
            "Each run's measure between its own least (0) and largest (1) value, whatever its size; lines: median over "
            "seeds; bands: the middle half. Time 0 is where held-out accuracy (bold, in the family's colour) is "
            "half-way up, the half-rise; what rises left of it comes before. Of the settings of a learner that with "
            "most measures is drawn."
            f"{left_out(MOST_PANELS, len(candidates(grid)), 'pairs of learner and task')}"
        )

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """Panels on one axis of decades."""
        import altair as alt

        cells, columns = shown(grid)
        panels = [panel(cell, columns, first=i % IN_A_ROW == 0) for i, cell in enumerate(cells)]
        return alt.concat(*panels, columns=IN_A_ROW, spacing=14)


def shown(grid: Grid) -> tuple[list[Cell], list[str]]:
    """The cells to draw, those with most measures first chosen, and the measures that most of them have."""
    columns = dict(list(candidates(grid).items())[:MOST_PANELS])
    count = Counter(name for names in columns.values() for name in names)
    chosen = sorted(count, key=lambda name: (-count[name], COLUMNS.index(name)))[: len(LOOKS)]
    order = families_in_order(cell.family for cell in columns)
    cells = [cell for cell in columns if set(chosen) & set(columns[cell])]
    return sorted(cells, key=lambda cell: order.index(cell.family)), sorted(chosen, key=COLUMNS.index)


def candidates(grid: Grid) -> dict[Cell, tuple[str, ...]]:
    """Per late learner and task the setting with most measures that vary, and these; those with most first."""
    measures = {cell: varying(cell) for cell in grid.cells if readable(cell) and mostly_late(cell)}
    best: dict[tuple, Cell] = {}
    for cell in sorted(filter(measures.get, measures), key=lambda cell: -len(measures[cell])):
        best.setdefault((cell.task, cell.learner.name), cell)
    return {cell: measures[cell] for cell in best.values()}


def varying(cell: Cell) -> tuple[str, ...]:
    """The measures that in half of a cell's runs or more move by over a twentieth of their largest size."""
    count: Counter[str] = Counter()
    for run in cell.readable:
        measured = any(name in run.curve.columns for name in COLUMNS)
        columns = dict(run.curve.columns.items()) if measured else {}
        count.update(name for name in COLUMNS if name in columns and _varies(columns[name]))
    return tuple(name for name in COLUMNS if 2 * count[name] >= len(cell.readable))


def _varies(values: Sequence[float]) -> bool:
    known = np.asarray(values, dtype=float)
    known = known[~np.isnan(known)]
    return known.size > 1 and bool(np.ptp(known) > LEAST_RANGE * np.abs(known).max())


def lead_rows(cell: Cell, columns: Iterable[str]) -> Iterator[dict[str, object]]:
    """A row per measure and time from the half-rise: median and quartiles over the runs, each on its own range."""
    decades = np.linspace(BEFORE, AFTER, POINTS)
    runs = [run for run in cell.readable if not math.isnan(run.half_rise())]
    curves = [dict(run.curve.columns.items()) | {ACCURACY: run.curve.kappa_test} for run in runs]
    varied = varying(cell)
    for name in (*(column for column in columns if column in varied), ACCURACY):
        known = [(run, np.asarray(of[name])) for run, of in zip(runs, curves, strict=True) if name in of]
        for place, low, median, high in middle(np.array([along(*one, decades) for one in known])):
            yield {"measure": name, "decades": float(decades[place]), "low": low, "value": median, "high": high}


def along(run: Run, values: np.ndarray, decades: np.ndarray) -> np.ndarray:
    """(decades,) values of one run at those times from its half-rise, 0 its least and 1 its largest value; else NaN."""
    time = run.curve.time
    known = ~np.isnan(values) & (time > 0)
    if known.sum() < 2 or not np.ptp(values[known]) > 0:
        return np.full(decades.shape, math.nan)
    scaled = (values[known] - values[known].min()) / np.ptp(values[known])
    at = np.log10(time[known] / run.half_rise())
    return np.interp(decades, at, scaled, left=math.nan, right=math.nan)


def panel(cell: Cell, columns: Sequence[str], first: bool) -> altair.LayerChart:
    """One cell: thin lines in the dashes of the measures, accuracy bold in the colour of the family."""
    import altair as alt

    rows = alt.Chart()  # all layers share the data of the panel
    looks = dict(zip(columns, LOOKS.items(), strict=False))
    scales = [alt.Scale(domain=list(looks), range=[look[part] for look in looks.values()]) for part in (0, 1)]
    legend = alt.Legend(title=None, symbolSize=400)
    axes = axes_of(first)
    hover = tooltips(["measure"], ("decades", "value", "low", "high"))
    measures = rows.transform_filter(f"datum.measure != '{ACCURACY}'")
    accuracy = rows.transform_filter(f"datum.measure == '{ACCURACY}'")
    by_measure = {
        "color": alt.Color("measure:N", scale=scales[0], legend=legend),
        "strokeDash": alt.StrokeDash("measure:N", scale=scales[1], legend=legend),
    }
    band = {"x": axes["x"], "y": of_field(axes["y"], "low"), "y2": "high:Q"}
    shaded = [
        rows.transform_filter(f"datum.measure == '{name}'").mark_area(opacity=0.15, color=look[0])
        for name, look in looks.items()  # a scale of its own would take the legend of the lines away
    ]
    layers = [
        *(area.encode(**band, tooltip=hover) for area in shaded),
        alt.Chart(data([{"decades": 0.0}])).mark_rule(color=GREY, strokeDash=[3, 3]).encode(x=axes["x"]),
        accuracy.mark_line(strokeWidth=3.5, color=color(cell.family)).encode(**axes, tooltip=hover),
        measures.mark_line(strokeWidth=1.6).encode(**axes, **by_measure, tooltip=hover),
    ]
    title = heading(cell.learner_label, [cell.family, cell.task_label], WIDTH)
    drawn = alt.layer(*layers, data=data(lead_rows(cell, columns)))
    return drawn.properties(width=WIDTH, height=HEIGHT, title=title)


def axes_of(first: bool) -> Mapping[str, object]:
    """Decades from the half-rise, and the share of the own range."""
    import altair as alt

    x = alt.Scale(domain=[BEFORE, AFTER], nice=False)
    axis = alt.Axis(values=[-2, -1, 0, 1], grid=False)
    title = "share of own range" if first else None
    return {
        "x": alt.X("decades:Q", scale=x, title="decades from the half-rise", axis=axis),
        "y": alt.Y("value:Q", scale=alt.Scale(domain=[0, 1]), title=title, axis=alt.Axis(values=[0, 0.5, 1])),
    }
