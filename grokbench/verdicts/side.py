"""The runs of one side of a comparison as arrays, and those of two sides that share splits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from grokbench.curves.detect import LEVEL
from grokbench.curves.run import Run


@dataclass(frozen=True, eq=False)
class Side:
    """The runs of one side as arrays of one length n (single values are repeated).

    Parameters
    ----------
    task : (n,) the stratum
    seed : (n,) with the task the cluster: runs of both sides with the same (task, seed) share a split
    delay : (n,) log10(t_gen / t_mem) in decades; its lower bound where not observed; NaN where not fitted
    event : (n,) bool, the delay is observed
    fitted : (n,) bool, t_mem is observed
    resolved : (n,) bool, t_mem is far enough from the clock's first value for its unit to mean something
    late : (n,) 1.0, 0.0 or NaN
    clock : (n,) the name of the clock
    t_mem, t_gen : (n,) on that clock; +inf or NaN where never
    last : (n,) the last checkpoint; +inf for a run known in closed form to t = infinity
    first : (n,) the clock's first value

    Raises ValueError for unequal lengths, or a fitted and resolved run whose delay is NaN.
    """

    task: np.ndarray
    seed: np.ndarray
    delay: np.ndarray
    event: np.ndarray
    fitted: np.ndarray
    resolved: np.ndarray
    late: np.ndarray
    clock: np.ndarray
    t_mem: np.ndarray
    t_gen: np.ndarray
    last: np.ndarray
    first: np.ndarray

    def __post_init__(self):
        kinds = {"task": str, "clock": str, "seed": None, "event": bool, "fitted": bool, "resolved": bool}
        n = np.size(self.seed)
        for field in fields(self):
            values = np.asarray(getattr(self, field.name), dtype=kinds.get(field.name, float))
            if values.ndim > 1 or values.size not in (1, n):
                raise ValueError(f"{field.name} has shape {values.shape}: expected one value for each of {n} runs")
            object.__setattr__(self, field.name, np.broadcast_to(values.reshape(-1), n))
        if np.isnan(self.delay[self.fitted & self.resolved]).any():
            raise ValueError("a fitted run has no delay: where it is censored, expected its lower bound")

    @classmethod
    def of(cls, runs: Sequence[Run], stratum: Callable[[Run], str]) -> Side:
        """The side of some runs; one whose curve cannot be judged is one without a t_mem."""
        nothing = dict.fromkeys(("late", "t_mem", "t_gen", "delay"), math.nan)
        detections = [vars(run.detections[LEVEL]) if run.counts else nothing for run in runs]
        return cls(
            task=[stratum(run) for run in runs],
            seed=[run.seed for run in runs],
            event=[events.get("delay_censoring") == "observed" for events in detections],
            fitted=[events.get("t_mem_censoring", "right") != "right" for events in detections],
            resolved=[events.get("resolved", False) for events in detections],
            clock=[run.clock for run in runs],
            last=[run.curve.last for run in runs],
            first=[run.curve.unit for run in runs],
            **{name: [events[name] for events in detections] for name in nothing},
        )

    def __len__(self) -> int:
        return self.seed.size

    def take(self, rows: np.ndarray) -> Side:
        """The runs at the given positions (or where a mask is true)."""
        return Side(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @property
    def clusters(self) -> list[tuple]:
        """The (task, seed) of each run, n of them: a split of the data each."""
        return list(zip(self.task.tolist(), self.seed.tolist(), strict=True))

    @property
    def generalizes(self) -> np.ndarray:
        """Whether t_gen is observed, (n,) bool."""
        return np.isfinite(self.t_gen)

    @property
    def unresolved(self) -> bool:
        """Whether most of the fitted runs are at the grain of their clock."""
        return 2 * np.count_nonzero(self.fitted & self.resolved) < np.count_nonzero(self.fitted)


def shared_clusters(a: Side, b: Side) -> tuple[Side, Side]:
    """The runs of each side whose (task, seed) the other side has too, in an order that is theirs alone."""
    shared = set(a.clusters) & set(b.clusters)
    return tuple(_sorted(side.take(np.array([c in shared for c in side.clusters], dtype=bool))) for side in (a, b))


def _sorted(side: Side) -> Side:
    return side.take(np.lexsort((side.last, side.t_gen, side.t_mem, side.event, side.delay, side.seed, side.task)))
