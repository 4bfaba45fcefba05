"""The curves of cells as lines of a figure: which cells, at which checkpoints, on which axes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from grokbench.curves.run import Run
from grokbench.figures.bands import band
from grokbench.figures.controls import controls
from grokbench.figures.style import GREY, data, families_in_order
from grokbench.tables.grid import Cell, Grid, Identity

if TYPE_CHECKING:
    import altair

POINTS = 60  # checkpoints of a curve in a figure: as many as a panel has room to tell apart
LOWEST = -0.1  # chance-corrected accuracies below are drawn there
TRAINING = [5, 2]  # dash of training curves
SPLITS = {"training": "kappa_train", "held out": "kappa_test"}


def times_of(run: Run, points: int = POINTS) -> np.ndarray:
    """At most `points` of a run's positive checkpoints, evenly on the log of its clock, first and last among them."""
    times = run.curve.time[run.curve.time > 0]
    if len(times) <= points:
        return times
    wanted = np.geomspace(times[0], times[-1], points)
    return times[np.unique(np.abs(np.log(times)[:, None] - np.log(wanted)).argmin(axis=0))]


def seed_rows(cell: Cell, points: int = POINTS) -> Iterator[dict[str, object]]:
    """A row per run, split and checkpoint: time, kappa (clipped below), seed."""
    for run in cell.readable:
        times = times_of(run, points)
        kept = np.isin(run.curve.time, times)
        for split, attribute in SPLITS.items():
            values = getattr(run.curve, attribute)[kept]
            for time, value in zip(times, values, strict=True):
                yield {"split": split, "seed": str(run.seed), "time": float(time), "kappa": max(float(value), LOWEST)}


def middle_rows(cell: Cell, points: int = POINTS) -> Iterator[dict[str, object]]:
    """A row per split and time: median kappa and quartiles over the runs (clipped below), as far as half of them go."""
    curves = [run.curve for run in cell.readable]
    for split, attribute in SPLITS.items() if curves else ():
        for row in band(curves, [getattr(curve, attribute) for curve in curves], points):
            low, kappa, high = (max(row[name], LOWEST) for name in ("low", "median", "high"))
            yield {"split": split, "time": row["time"], "kappa": kappa, "low": low, "high": high}


def median_rows(cell: Cell, points: int = POINTS) -> Iterator[dict[str, object]]:
    """The same without the quartiles."""
    for row in middle_rows(cell, points):
        yield {name: row[name] for name in ("split", "time", "kappa")}


def clock(cell: Cell) -> altair.X:
    """The axis of a cell's own clock, logarithmic, with its name."""
    import altair as alt

    axis = alt.Axis(tickCount=4, format="~s", grid=False, labelSeparation=6)
    return alt.X("time:Q", scale=alt.Scale(type="log", nice=False), title=cell.readable[0].clock, axis=axis)


def kappa(named: bool, highest: float = 1.05) -> altair.Y:
    """The axis of chance-corrected accuracy; named in the first panel of a row."""
    import altair as alt

    title = "accuracy above chance" if named else None
    scale = alt.Scale(domain=[LOWEST, highest])
    return alt.Y("kappa:Q", scale=scale, title=title, axis=alt.Axis(values=[0, 0.5, 1], format=".1f"))


def split_lines(
    rows: Iterable[Mapping], cell: Cell, color: altair.Color, axes: Mapping[str, object], **look: float
) -> list[altair.Chart]:
    """Training grey and dashed, held out in the colour of the family; a line per seed where rows have one.

    In print without colours the dashes tell the two apart.
    """
    import altair as alt

    hover = [alt.Tooltip("split:N"), alt.Tooltip("time:Q", format=".4g"), alt.Tooltip("kappa:Q", format=".3f")]
    lines = alt.Chart(data({"seed": "", **row, "family": cell.family} for row in rows)).mark_line(**look)
    lines = lines.encode(**axes, detail="seed:N", tooltip=hover)
    training, held_out = (lines.transform_filter(f"datum.split == '{split}'") for split in SPLITS)
    return [training.encode(color=alt.value(GREY), strokeDash=alt.value(TRAINING)), held_out.encode(color=color)]


def shown_task(grid: Grid) -> Identity | None:
    """The task on which most families have runs, true labels; of several the first one where most runs are late."""
    tasks = [task for task in grid.tasks if any(readable(cell) for cell in grid.cells if cell.task == task)]

    def weight(task: Identity) -> tuple[int, float]:
        cells = [cell for cell in grid.cells if cell.task == task and readable(cell)]
        return len({cell.family for cell in cells}), sum(sum(cell.late) for cell in cells)

    return max(tasks, key=weight, default=None)


def readable(cell: Cell) -> bool:
    """Whether a cell has curves of true labels to draw."""
    return bool(cell.readable) and not cell.shuffled


def panels(grid: Grid, most: int) -> Sequence[Cell]:
    """The cells to draw, at most so many: those of the shown task, then of the others that of each family by turns.

    Of a learner with several settings the one with most late runs comes first, then the next.
    """
    shown, taken = shown_task(grid), Counter()
    ranked = []
    for cell in sorted(filter(readable, grid.cells), key=lambda cell: (cell.task != shown, -late_share(cell))):
        turn = taken[cell.task, cell.learner.name] = taken[cell.task, cell.learner.name] + 1
        ranked.append((cell.task != shown, turn, len(ranked), cell))
    chosen = {id(cell) for *_, cell in sorted(ranked, key=lambda place: place[:3])[:most]}
    return [cell for cell in grid.cells if id(cell) in chosen]


def best_of_families(grid: Grid, task: Identity | None = None) -> list[Cell]:
    """Of each family the readable cell with the largest share of late runs, on a task or on all; families in order.

    A control stands for its family where there is nothing else; of equals the first is taken.
    """
    dimmed, members = controls(grid), {}
    for cell in filter(readable, grid.cells):
        if task in (None, cell.task):
            members.setdefault(cell.family, []).append(cell)
    best = {family: max(of, key=lambda cell: (cell not in dimmed, late_share(cell))) for family, of in members.items()}
    return [best[family] for family in families_in_order(best)]


def mostly_late(cell: Cell) -> bool:
    """Whether more than half of the decided runs are late."""
    return late_share(cell) > 0.5


def late_share(cell: Cell) -> float:
    """Share of late runs; 0 where none is decided."""
    return sum(cell.late) / len(cell.late) if cell.late else 0.0
