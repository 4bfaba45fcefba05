"""One run as explanations see it: its curve, judged at three levels, and when measures cross theirs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from grokbench.curves.detect import Crossing, Detection, crossing, detect_at, kappa, kappa_rank
from grokbench.errors import UsageError

LEVELS = (0.90, 0.95, 0.99)
COMPLETE = ("done", "settled")  # statuses of a run that came to its end; any other is a lost run
CONVERGED = 0.01  # change of the training loss over the last quarter decade, relative to that of the first checkpoint


@dataclass(frozen=True, eq=False)
class Trace:
    """One run as explanations see it.

    Parameters
    ----------
    task, cell : ids of the task and of the learner in the suite
    seed, status, clock : of the run
    curve : columns (checkpoints,) float64: those of ``curves.csv``, measures included
    chance, n_classes, ceiling, unit : what judging a curve needs (`curves.detect.detect`)
    registered : hash of the rules by explanation, as they stood when the run was made
    cpu_seconds : what it used
    """

    task: str
    cell: str
    seed: int
    curve: Mapping[str, np.ndarray]
    chance: float
    n_classes: int
    status: str = "done"
    clock: str = "steps"
    ceiling: float = 1.0
    unit: float = 1.0
    registered: Mapping[str, str] = field(default_factory=dict)
    cpu_seconds: float = 0.0

    @property
    def lost(self) -> bool:
        """True for a run that failed, diverged or ran out of time, or that cannot be judged."""
        return self.status not in COMPLETE or not self.detections

    @cached_property
    def detections(self) -> dict[float, Detection]:
        """By level; empty where the curve cannot be judged."""
        if len(self.time) < 2:
            return {}
        facts = {name: getattr(self, name) for name in ("chance", "n_classes", "ceiling", "unit")}
        try:
            return detect_at(LEVELS, self.curve, **facts)
        except UsageError:
            return {}

    @cached_property
    def time(self) -> np.ndarray:
        """Checkpoints on the learner's clock."""
        return np.asarray(self.curve["time"], dtype=float)

    @property
    def last(self) -> float:
        """The last checkpoint."""
        return float(self.time[-1]) if len(self.time) else math.nan

    def column(self, name: str) -> np.ndarray:
        """A column of the curve; all NaN where the run has none of this name."""
        values = self.curve.get(name)
        return np.full(len(self.time), math.nan) if values is None else np.asarray(values, dtype=float)

    @cached_property
    def kappa_train(self) -> np.ndarray:
        """Chance-corrected training accuracy."""
        return kappa(self.column("train_accuracy"), self.chance)

    @cached_property
    def kappa_test(self) -> np.ndarray:
        """Chance-corrected held-out accuracy as a share of the ceiling."""
        return kappa(self.column("test_accuracy"), self.chance) / self.ceiling

    @cached_property
    def kappa_rank(self) -> np.ndarray:
        """Threshold-free accuracy as a share of the ceiling; NaN for regressions."""
        if not self.n_classes:
            return np.full(len(self.time), math.nan)
        return kappa_rank(self.column("rank_auc"), self.n_classes) / self.ceiling

    def crossing(self, values: np.ndarray, level: float) -> Crossing:
        """When ``values`` (checkpoints,) cross the level for good. What was not measured is no checkpoint."""
        known = ~np.isnan(values)
        if np.count_nonzero(known & (self.time > 0)) < 2:
            return Crossing(math.nan, "right")
        return crossing(self.time[known], values[known], level)

    def half_rise(self, level: float = 0.95) -> float:
        """t50: when held-out accuracy crosses .5 (of the ranking, where accuracy lags it by an offset)."""
        detection = self.detections.get(level)
        offset = detection is not None and detection.offset
        return self.crossing(self.kappa_rank if offset else self.kappa_test, 0.5).time

    def value_at(self, values: np.ndarray, time: float) -> float:
        """``values`` (checkpoints,) at a time, linear in log time between measured checkpoints; NaN outside them."""
        known = ~np.isnan(values) & (self.time > 0)
        if not known.any() or not time > 0:
            return math.nan
        inside = np.log(self.time[known])
        found = np.interp(math.log(time), inside, values[known], left=math.nan, right=math.nan)
        return float(found)

    def truncated(self, end: float) -> Trace:
        """The same run as if it had ended at a time."""
        kept = self.time <= end
        curve = {name: np.asarray(values)[kept] for name, values in self.curve.items()}
        return replace(self, curve=curve)

    def converged(self) -> bool:
        """Whether training had come to rest: in the last quarter decade its loss moved by < 1 % of what it began with.

        Relative to the loss itself no separable problem without a penalty ever converges: its cross-entropy falls
        like 1/t, by 44 % in a quarter decade.
        """
        loss = self.column("train_loss")
        if not len(loss) or math.isnan(loss[0]):
            return False
        before = self.value_at(loss, self.last / 10**0.25)
        return abs(loss[-1] - before) <= CONVERGED * abs(loss[0])

    def arriving(self, level: float) -> bool:
        """Whether held-out accuracy, at its pace of the last quarter decade, would be there in another decade."""
        now, before = self.kappa_test[-1], self.value_at(self.kappa_test, self.last / 10**0.25)
        return bool(now + 4 * (now - before) >= level)
