"""One run, from the store to the page: what was asked and how it ended, and the curve that it left."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from grokbench.curves.curve import Curve
from grokbench.curves.detect import LEVEL, Detection, check, detections_at
from grokbench.errors import UsageError
from grokbench.options import options_json

LEVELS = (0.90, LEVEL, 0.99)  # the registered one, and those that a verdict must not depend on
COMPLETE = ("done", "settled")  # a run that came to its end
FINISHED = (*COMPLETE, "diverged")  # results; what has another status is a failure, and done again by --retry
STATUSES = (*FINISHED, "timeout", "failed", "crashed")
FAILED = ("failed", "crashed", "timeout")
READABLE = (*FINISHED, "timeout")  # statuses of which the curve so far says something
# of an environment, what can change the numbers of a run: its Python and pandas only write them down
NUMERICAL = (
    *("grokbench", "numpy", "scipy", "torch", "numba", "compiled", "xgboost", "scikit-learn"),
    *("blas", "platform", "processor"),
)
MISSING = "missing"  # in place of a status: there is no such run


@dataclass(frozen=True, eq=False)
class Run:
    """One run.

    Parameters
    ----------
    record : what ``run.json`` holds: configuration, status, facts and costs, and under ``registered`` the rules in
        force when it was made. A run that broke off early does not know all of them.
    curve : what was measured; without checkpoints where the run has none.
    """

    record: Mapping[str, object]
    curve: Curve = field(default_factory=Curve)

    @property
    def key(self) -> str:
        """What identifies the run in the store."""
        return self.record["key"]

    @property
    def seed(self) -> int:
        """The seed of split and learner."""
        return self.record["config"]["seed"]

    @property
    def status(self) -> str:
        """One of `STATUSES`, or `MISSING`."""
        return self.record["status"]

    @property
    def clock(self) -> str:
        """The name of the learner's clock; empty where the run did not get so far."""
        return self.record.get("clock", "")

    @property
    def family(self) -> str:
        """The learner's family; empty where the run did not get so far."""
        return self.record.get("family") or ""

    @property
    def cpu_seconds(self) -> float:
        """Processor time; 0 where it is not known."""
        return self.record.get("cpu_seconds") or 0.0

    @property
    def registered(self) -> Mapping[str, str]:
        """Explanation -> hash of its rules as they stood when the run was made."""
        return self.record.get("registered", {})

    @cached_property
    def numerics(self) -> str:
        """Versions and machine that can change its numbers, as far as they are known, as JSON."""
        environment = self.record.get("environment", {})
        known = {name: environment[name] for name in NUMERICAL if name in environment}
        return sys.intern(options_json(known))  # one text for all runs of a machine

    @cached_property
    def detections(self) -> dict[float, Detection]:
        """By level; empty where the curve cannot be judged."""
        if self.unreadable:
            return {}
        return detections_at(self.curve, LEVELS)

    @cached_property
    def unreadable(self) -> str:
        """Why the curve cannot be judged; empty where it can."""
        if len(self.curve) < 2:
            return "fewer than two checkpoints"
        try:
            check(self.curve)
        except UsageError as error:
            return str(error)
        return ""

    @property
    def missing(self) -> bool:
        """Whether there is no such run."""
        return self.status == MISSING

    @property
    def failed(self) -> bool:
        """Whether it raised, died or ran out of time."""
        return self.status in FAILED

    @property
    def complete(self) -> bool:
        """Whether it came to its end with a curve that can be judged; False for a missing run."""
        return self.status in COMPLETE and not self.unreadable

    @property
    def counts(self) -> bool:
        """Whether its curve, as far as it goes, enters medians and shares."""
        return self.status in READABLE and not self.unreadable

    def half_rise(self, level: float = LEVEL) -> float:
        """t50: when held-out accuracy crosses .5 (the ranking, where accuracy lags it by an offset at the level)."""
        offset = level in self.detections and self.detections[level].offset
        return self.curve.crossing(self.curve.kappa_rank if offset else self.curve.kappa_test, 0.5).time

    def packed(self) -> Run:
        """The same run, its curve judged and then packed: what a report holds of the runs of a large suite."""
        run = replace(self, curve=self.curve.packed())
        run.__dict__.update(unreadable=self.unreadable, detections=self.detections)
        return run

    def truncated(self, end: float) -> Run:
        """The same run as if it had ended at a time."""
        return replace(self, curve=self.curve.truncated(end))


def missing_run(seed: int) -> Run:
    """What stands in the place of a run that was not made, or is not stored."""
    return Run({"status": MISSING, "config": {"seed": seed}})
