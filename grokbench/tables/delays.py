"""The table of delays, the first one to look at: how late each learner generalizes on each task."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from grokbench.curves.detect import LEVEL, Detection
from grokbench.registry import register_table
from grokbench.statistics.proportions import clopper_pearson
from grokbench.statistics.resampling import bootstrap_seeds, rng_for
from grokbench.statistics.survival import median
from grokbench.tables.base import Column, Table, learner_columns
from grokbench.tables.environments import environments, in_words
from grokbench.tables.grid import Cell, Grid, finite, median_of
from grokbench.tables.text import escape

LEAST_FOR_INTERVAL = 6  # seeds: with fewer no 95 % interval of a median exists (2·.5^5 > .05)


def late_interval(cell: Cell) -> tuple[float, float]:
    """Clopper and Pearson's 95 % interval of the share of late runs; NaN ends without a run that is decided."""
    return clopper_pearson(int(sum(cell.late)), len(cell.late)) if cell.late else (math.nan, math.nan)


def delay_interval(cell: Cell) -> tuple[float, float]:
    """95 % bootstrap interval over seeds of the median delay; NaN ends where they lie beyond the data."""
    delays = [(run.seed, run.detections[LEVEL]) for run in cell.readable]
    rows = [(seed, d.delay, d.delay_censoring != "right") for seed, d in delays if not math.isnan(d.delay)]
    if len({seed for seed, *_ in rows}) < LEAST_FOR_INTERVAL:
        return math.nan, math.nan
    seeds, values, events = (np.array(column) for column in zip(*rows, strict=True))
    rng = rng_for("delays", *cell.task, *cell.learner)
    interval = bootstrap_seeds(lambda weights: median(values, events, weights), seeds, rng=rng)
    return finite(interval.low), finite(interval.high)


class Entry:
    """A cell, with the intervals that its row needs and the number of its environments, computed once."""

    def __init__(self, cell: Cell):
        self.cell, self.summary = cell, cell.summary()
        self.environments = environments(cell.runs)
        self.late_low, self.late_high = late_interval(cell)
        self.delay_low, self.delay_high = delay_interval(cell)

    @property
    def resolved(self) -> float:
        """Share of the runs with a t_mem whose t_mem lies well above the grain of the clock; NaN without any."""
        resolved = [d.resolved for d in self.cell.detections() if not math.isnan(d.t_mem)]
        return float(np.mean(resolved)) if resolved else math.nan

    @property
    def loss_delay(self) -> float:
        """Kaplan-Meier median of the delay from skill."""
        return median_of((d.loss_delay, d.loss_delay_censoring) for d in self.cell.detections())

    @property
    def test_accuracy(self) -> float:
        """Median held-out accuracy at the last checkpoint."""
        return _median([run.curve.end("test_accuracy") for run in self.cell.readable])

    @property
    def cpu_seconds(self) -> float:
        """Median processor time."""
        return _median([run.cpu_seconds for run in self.cell.readable])

    @property
    def outcomes_text(self) -> str:
        """Counts of outcomes, and of the runs that ended without any."""
        return ", ".join(filter(None, [self.summary.outcomes, self.cell.statuses]))

    @property
    def late_text(self) -> str:
        """Late runs of those that are decided: "10/10"."""
        return f"{int(sum(self.cell.late))}/{len(self.cell.late)}" if self.cell.late else ""

    @property
    def bound(self) -> tuple[float, bool]:
        """The bound that stands where there is no median delay, and whether it is one of a run without t_gen."""
        return median_bound(self.cell.detections())

    @property
    def delay_text(self) -> str:
        """The median delay as people read it."""
        return delay_text(self.summary.delay, self.delay_low, self.delay_high, self.cell.detections())


def delay_text(delay: float, low: float, high: float, detections: Sequence[Detection]) -> str:
    """A median delay with its interval, both in decades, in words; that of the runs where there is no median.

    "1.62 [1.58, 1.66]"; "≥ 1.1" memorized at the grain of the clock; "never (> 2.3)" not within the run.
    """
    if not math.isnan(delay):
        return f"{delay:.2f}" if math.isnan(low) or math.isnan(high) else f"{delay:.2f} [{low:.2f}, {high:.2f}]"
    bound, never = median_bound(detections)
    if math.isnan(bound):
        return ""
    return f"never (> {bound:.2f})" if never else f"≥ {bound:.2f}"


def median_bound(detections: Sequence[Detection]) -> tuple[float, bool]:
    """The bound that stands where there is no median delay, in decades, and whether it is one of a run without t_gen.

    It is that of the middle run; NaN where no run memorizes.
    """
    bounds = sorted((d.delay, d.t_gen_censoring) for d in detections if not math.isnan(d.delay))
    bound, censoring = bounds[len(bounds) // 2] if bounds else (math.nan, "")
    return bound, censoring == "right"


def _median(values: list[float]) -> float:
    return float(np.median(values)) if values else math.nan


@register_table("delays")
class Delays(Table):
    """task × learner: share of late runs with exact interval, Kaplan–Meier medians, bootstrap interval of the delay"""

    columns = (
        Column("task", "name of the task", "task", value=lambda e: e.cell.task.name, text=lambda e: e.cell.task_label),
        Column(
            "task_options", "its options that are not at their defaults, as JSON", value=lambda e: e.cell.task.options
        ),
        *learner_columns(),
        Column("family", "the learner's family", "family", value=lambda e: e.cell.family, rank=3),
        Column("runs", "runs of the cell", value=lambda e: len(e.cell.runs)),
        Column(
            "failed", "those that raised, died or ran out of time", value=lambda e: sum(r.failed for r in e.cell.runs)
        ),
        Column(
            "late",
            "share of runs that generalize late, among those that are decided",
            "late",
            value=lambda e: e.summary.late,
            text=lambda e: e.late_text,
            after="outcomes",
        ),
        Column("late_low", "lower end of its exact 95 % interval (Clopper and Pearson)"),
        Column("late_high", "upper end of that interval"),
        Column(
            "outcomes",
            "how many runs have each outcome",
            "outcomes",
            value=lambda e: e.summary.outcomes,
            text=lambda e: e.outcomes_text,
            rank=2,
        ),
        Column(
            "t_mem",
            "Kaplan-Meier median of t_mem, on the learner's clock",
            "t_mem",
            value=lambda e: e.summary.t_mem,
            rank=4,
        ),
        Column(
            "t_gen",
            "Kaplan-Meier median of t_gen, on the learner's clock",
            "t_gen",
            value=lambda e: e.summary.t_gen,
            rank=4,
        ),
        Column(
            "delay",
            "Kaplan-Meier median of the delay, in decades",
            "delay (decades)",
            value=lambda e: e.summary.delay,
            text=lambda e: e.delay_text,
        ),
        Column("delay_low", "lower end of its 95 % interval (bootstrap over seeds)"),
        Column("delay_high", "upper end of that interval"),
        Column("loss_delay", "Kaplan-Meier median of the delay from skill, in decades"),
        Column("resolved", "share of runs whose t_mem lies well above the grain of the clock"),
        Column("test_accuracy", "median held-out accuracy at the end", "test accuracy", rank=3),
        Column("cpu_seconds", "median processor time of a run", "cpu s", rank=5),
        Column("environments", "environments of its runs that may give other numbers; read where a cell has several"),
    )
    note = """
t_mem, t_gen: medians on each learner's own clock. delay: log10(t_gen / t_mem), median [95 % interval];
≥: memorized in the first tick of its clock, a lower bound; never: censored at the end of the run.

"""

    def entries(self, grid: Grid) -> Iterable[Entry]:
        """Every cell."""
        return map(Entry, grid.cells)

    def columns_of(self, grid: Grid) -> Sequence[Column]:
        """The last column is one that people read where a cell mixes environments."""
        *others, last = self.columns
        mixed = any(entry.environments > 1 for entry in self.known(grid))
        return (*others, replace(last, heading="environments") if mixed else last)

    def legend(self, grid: Grid) -> list[str]:
        """Each label of a task or a learner, and all of its options."""
        named = sorted({(cell.learner_label, cell.learner) for cell in grid.cells})
        tasks = [f"{label}: {task.legend}" for task, label in sorted(grid.tasks.items())]
        return [*tasks, *(f"{label}: {learner.legend}" for label, learner in named)]

    def remarks(self, grid: Grid) -> list[str]:
        """What the environments of a cell differ in."""
        return [_mix(entry.cell) for entry in self.known(grid) if entry.environments > 1]

    def footnote(self, grid: Grid) -> str:
        """The note, what each label stands for, and what the environments of a cell differ in."""
        lines = [*self.legend(grid), *self.remarks(grid)]
        return self.note + "".join(f"- {escape(line)}\n" for line in lines)


def _mix(cell: Cell) -> str:
    """The line on a cell whose runs were made in several environments."""
    return f"{cell.task_label}, {cell.learner_label} mixes environments: {in_words(cell.runs)}"
