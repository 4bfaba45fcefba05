"""The table of early stopping: would a practitioner's rule have ended runs too soon, and what would it have cost?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from grokbench.curves.detect import LEVEL
from grokbench.curves.early_stopping import CHECKS_PER_T_MEM, audit
from grokbench.curves.run import Run
from grokbench.registry import register_table
from grokbench.statistics.location import Location, median_interval
from grokbench.statistics.proportions import clopper_pearson
from grokbench.tables.base import Column, Table, learner_columns
from grokbench.tables.grid import Cell, Grid, finite

READ = ("patience 10", "patience 100", "0.9 of the time so far", "30 t_mem", "GL 5", "UP 4")  # rules that people read
HALVES = (
    "validation_accuracy",
    "validation_loss",
)  # what rules may see where the measure validation_loss was asked for
NUMBERS = (
    *("stop", "stopped_before_generalizing", "test_accuracy_at_stop", "final_test_accuracy", "regret"),
    *("needed_checks", "needed_t_mems"),
)


@dataclass(frozen=True, eq=False)
class Entry:
    """A rule on what it reads, over the runs of a cell that memorize.

    numbers : (len(NUMBERS), runs) float64, what `audit` says of each run. t_mem : (runs,).
    halved : whether the regret is of another half of the held-out split than the one that the rule reads.
    """

    cell: Cell
    reads: str
    rule: str
    numbers: np.ndarray
    t_mem: np.ndarray
    halved: bool

    def values(self, name: str) -> np.ndarray:
        """(runs,) one of `NUMBERS` of each run; NaN where it has none."""
        return self.numbers[NUMBERS.index(name)]

    @property
    def too_soon(self) -> np.ndarray:
        """1 or 0 of each run that generalizes: whether the rule ends it before."""
        values = self.values("stopped_before_generalizing")
        return values[~np.isnan(values)]

    @property
    def stopped_before_generalizing(self) -> float:
        """Share of the runs that generalize; NaN without any."""
        return float(self.too_soon.mean()) if self.too_soon.size else math.nan

    @cached_property
    def too_soon_interval(self) -> tuple[float, float]:
        """Clopper and Pearson's of that share."""
        stopped, runs = int(self.too_soon.sum()), self.too_soon.size
        return clopper_pearson(stopped, runs) if runs else (math.nan, math.nan)

    @cached_property
    def regret(self) -> Location:
        """The median over runs with the interval of the sign test."""
        return median_interval(self.values("regret"))

    def median(self, name: str) -> float:
        """The median over runs, a NaN taken for what never came; NaN where half never did."""
        values = self.values(name)
        return finite(float(np.median(np.where(np.isnan(values), np.inf, values))))

    @property
    def stop_t_mems(self) -> float:
        """Median of when the rule stops, in multiples of t_mem; NaN where it ends less than half of the runs."""
        stops = self.values("stop") / self.t_mem
        return finite(float(np.median(np.where(np.isnan(stops), np.inf, stops))))

    @property
    def too_soon_text(self) -> str:
        """Runs that are ended too soon of those that generalize: "9/10"."""
        return f"{int(self.too_soon.sum())}/{self.too_soon.size}" if self.too_soon.size else ""

    @property
    def regret_text(self) -> str:
        """The median regret with its interval: "0.98 [0.95, 0.99]"."""
        at = self.regret
        ends = f" [{at.low:.3f}, {at.high:.3f}]" if math.isfinite(at.low) and math.isfinite(at.high) else ""
        return f"{at.estimate:.3f}{ends}"


@register_table("early_stopping")
class EarlyStopping(Table):
    """task × learner × stopping rule: share of runs ended before they generalize, what is kept, and the regret"""

    columns = (
        Column("task", "name of the task", "task", value=lambda e: e.cell.task.name, text=lambda e: e.cell.task_label),
        Column(
            "task_options", "its options that are not at their defaults, as JSON", value=lambda e: e.cell.task.options
        ),
        *learner_columns(),
        Column("reads", "what the rule reads, held out: `accuracy` or `loss`", "reads"),
        Column("rule", "the rule; docs/early_stopping.md defines it", "rule"),
        Column(
            "judged_on",
            "`other half` of the held-out split, where all runs have the measure validation_loss, or the `same split`",
            value=lambda e: "other half" if e.halved else "same split",
        ),
        Column("runs", "runs that memorize, among those whose curve can be judged", value=lambda e: len(e.t_mem)),
        Column("generalizing", "those that generalize", value=lambda e: e.too_soon.size),
        Column(
            "stopped_before_generalizing",
            "share of those that the rule ends before t_gen",
            "stopped too soon",
            text=lambda e: e.too_soon_text,
        ),
        Column("stopped_low", "lower end of its exact 95 % interval", value=lambda e: e.too_soon_interval[0]),
        Column("stopped_high", "upper end of that interval", value=lambda e: e.too_soon_interval[1]),
        Column(
            "stop_t_mems",
            "median of when it stops, in multiples of t_mem; empty where it ends less than half of the runs",
            "stops at (t_mem)",
            rank=2,
        ),
        Column(
            "test_accuracy_at_stop",
            "median held-out accuracy of the best checkpoint up to there, by what the rule reads",
            "keeps",
            value=lambda e: e.median("test_accuracy_at_stop"),
            rank=3,
        ),
        Column(
            "final_test_accuracy",
            "median held-out accuracy at the end of the run",
            "at the end",
            value=lambda e: e.median("final_test_accuracy"),
            rank=4,
        ),
        Column(
            "regret",
            "median of final less kept accuracy; negative where stopping was better",
            "regret",
            value=lambda e: e.regret.estimate,
            text=lambda e: e.regret_text,
        ),
        Column(
            "regret_low",
            "lower end of its 95 % interval over seeds (sign test)",
            value=lambda e: finite(e.regret.low),
        ),
        Column("regret_high", "upper end of that interval", value=lambda e: finite(e.regret.high)),
        Column(
            "needed_checks",
            "median of the least patience on what the rule reads that loses at most .01, in checks; empty: none does",
            "needed checks",
            value=lambda e: e.median("needed_checks"),
            rank=5,
        ),
        Column(
            "needed_t_mems",
            "the same in multiples of t_mem, counted from t_mem on",
            "needed t_mem",
            value=lambda e: e.median("needed_t_mems"),
            rank=5,
        ),
    )
    note = """
What a rule would have done, with a check every t_mem/10 and linear readings between stored checkpoints. A rule keeps
the best checkpoint so far by what it reads. stopped too soon: of the runs that generalize. regret: final less kept
accuracy, median [95 % interval]. needed: the least patience that loses at most .01. With the measure validation_loss a
rule reads one half of the held-out split and is judged on the other; without it both are the same split, which flatters
rules. The CSV file has all rules.
"""

    def entries(self, grid: Grid) -> Iterator[Entry]:
        """Every rule on each cell that has a run that memorizes."""
        for cell in grid.cells:
            runs = [run for run in cell.readable if run.detections[LEVEL].t_mem > 0]
            audits = [audit_of(run) for run in runs]
            t_mem = np.array([run.detections[LEVEL].t_mem for run in runs])
            halved = all(_halved(run.curve.columns) for run in runs)
            for ends in zip(*audits, strict=True):
                numbers = np.array([[end[name] for end in ends] for name in NUMBERS])
                yield Entry(cell, ends[0]["reads"], ends[0]["rule"], numbers, t_mem, halved)

    def readable(self, entry: Entry) -> bool:
        """A few rules, where something generalizes."""
        return entry.rule in READ and entry.too_soon.size > 0

    def headline(self, grid: Grid) -> str:
        """What two rules on accuracy do to all runs with true labels that generalize, in one line; "" without any."""
        ends = {name: [] for name in ("patience 10", "30 t_mem")}
        for entry in self.known(grid):
            if entry.reads == "accuracy" and entry.rule in ends and not entry.cell.shuffled:
                ends[entry.rule] += entry.too_soon.tolist()
        short, patient = ends.values()
        if not short:
            return ""
        return (
            f"early stopping: patience 10 on held-out accuracy, with a check every t_mem/{CHECKS_PER_T_MEM}, ends "
            f"{sum(short):.0f} of {len(short)} runs before they generalize; "
            f"a patience of 30 t_mem ends {sum(patient):.0f}"
        )


def audit_of(run: Run) -> list[dict[str, object]]:
    """What each rule does to a run, with a check every t_mem/10, but not more often than the clock ticks."""
    detection, curve = run.detections[LEVEL], run.curve
    columns = {name: np.asarray(values, dtype=float) for name, values in curve.columns.items()}  # unpacked once
    time, halved = columns["time"], _halved(columns)
    test, loss = HALVES if halved else ("test_accuracy", "test_loss")
    return audit(
        (time, columns[test]),
        detection,
        test_loss=(time, columns[loss]) if loss in columns else None,
        evaluated=(time, columns["remaining_accuracy"]) if halved else None,
        every=max(detection.t_mem / CHECKS_PER_T_MEM, curve.unit),
    )


def _halved(columns: Mapping[str, Sequence[float]]) -> bool:
    """Whether the measure `validation_loss` has seen the run."""
    return all(name in columns and not np.isnan(columns[name]).any() for name in (*HALVES, "remaining_accuracy"))
