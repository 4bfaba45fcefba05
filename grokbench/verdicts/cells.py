"""What predictions are told from: the traces of runs by role and seed, and the endpoint with its adequate horizon.

Built from stored runs by the report, or by hand from arrays: no learner, no store and no table is known here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

import numpy as np

from grokbench.curves.detect import Detection
from grokbench.curves.run import Run, missing_run
from grokbench.statistics.resampling import rng_for
from grokbench.verdicts.verdict import Estimate, Gate

HORIZON = 10.0  # last checkpoint over t_gen of the paired free run, for a non-event to count
NULL_DEVIATIONS = 3.0


@dataclass(frozen=True)
class Finding:
    """What a prediction's statistic says of one family and task.

    Parameters
    ----------
    estimates : by the names that the rules give margins to; each turned so that larger favours the claim
    n : clusters (pairs, seeds) that entered
    p : of the test that the rules may require, one-sided in the direction of the claim
    censored, resolved : shares of the runs that entered
    gates : what had to be in order besides (a manipulation check)
    """

    estimates: Mapping[str, Estimate]
    n: int
    p: float | None = None
    censored: float = math.nan
    resolved: float = math.nan
    gates: Sequence[Gate] = ()


@dataclass(frozen=True, eq=False)
class Cells:
    """The runs of one family on one task, by role, and under which thresholds they are read.

    Parameters
    ----------
    family, task : names of the family and of the registered task
    roles : role -> its cells in order (a ladder of doses has several), each "task/learner", ids of the suite
    runs : cell -> seed -> trace
    seeds : the registered ones, in order: every array below is over them
    natural : "on" or "off", the state of the explicit pressure in which the family is used
    complexity : column of the complexity measure that is registered for the family; "" for none
    closed_form : roles that are evaluated to t = infinity, whose non-events always count
    numbers : role -> one number per cell, where the rules give them
    level : of t_mem, t_gen and late
    ridge : column of the after-kernel score
    lost_runs : "against" or "for" the claim: what a failed, diverged, timed-out or missing run is taken to say
    horizon : last checkpoint over t_gen of the paired free run, for a non-event to count
    """

    family: str
    task: str
    roles: Mapping[str, Sequence[str]]
    runs: Mapping[str, Mapping[int, Run]]
    seeds: Sequence[int]
    natural: str = "on"
    complexity: str = ""
    closed_form: frozenset[str] = frozenset()
    numbers: Mapping[str, Sequence[float]] = field(default_factory=dict)
    level: float = 0.95
    ridge: str = "after_kernel"
    lost_runs: str = "against"
    horizon: float = HORIZON

    def resolve(self, role: str) -> str:
        """A role with "free" and "frozen" read in the family's natural state: "free" -> "free_on"."""
        return f"{role}_{self.natural}" if role in ("free", "frozen") else role

    def has(self, role: str) -> bool:
        """Whether the rules name cells for this role, and at least one run of each is there."""
        cells = self.roles.get(self.resolve(role), ())
        return bool(cells) and all(self.runs.get(cell) for cell in cells)

    def cells(self, role: str) -> tuple[str, ...]:
        """The cells of a role in the order of the rules; empty where it has none."""
        return tuple(self.roles.get(self.resolve(role), ()))

    def traces(self, role: str, step: int = 0) -> list[Run]:
        """One run per registered seed of the role's cell number ``step``."""
        cells = self.cells(role)
        found = self.runs.get(cells[step], {}) if cells else {}
        return [found.get(seed) or missing_run(seed) for seed in self.seeds]

    def imputed(self, against: float, favouring: float) -> float:
        """The value of a lost run: what hurts the claim, or what hurts its contradiction."""
        return against if self.lost_runs == "against" else favouring

    def values(self, role: str, value: Callable[[Run], float], imputed: float = math.nan, step: int = 0) -> np.ndarray:
        """(seeds,) of a function of the trace; lost and missing runs have the value given."""
        found = [value(trace) if trace.complete else imputed for trace in self.traces(role, step)]
        return np.array(found, dtype=float)

    def detection(self, trace: Run) -> Detection:
        """The trace judged at the level of these cells; for traces that are not lost."""
        return trace.detections[self.level]

    def late(self, role: str, imputed: float = math.nan, step: int = 0) -> np.ndarray:
        """(seeds,) late generalization: 1; 0 where that is known on an adequate horizon; NaN; lost runs as given."""
        enough = [self._adequate(role, i, trace) for i, trace in enumerate(self.traces(role, step))]
        late = self.values(role, lambda trace: self.detection(trace).late, imputed, step)
        real = [trace.complete for trace in self.traces(role, step)]
        return np.where(np.array(real, dtype=bool) & ~np.array(enough, dtype=bool), math.nan, late)

    def _adequate(self, role: str, place: int, trace: Run) -> bool:
        """Whether a run that did not generalize was watched long enough; what did is always decided."""
        if not trace.complete or self.detection(trace).t_gen_censoring != "right":
            return True
        if self.resolve(role) in self.closed_form:
            return True
        reference = self._t_gen_of_free(role, place, trace.clock)
        long_enough = trace.curve.last >= self.horizon * reference * (1 - 1e-9)  # False for NaN
        return long_enough and trace.curve.at_rest and not trace.curve.arriving(self.level)

    def _t_gen_of_free(self, role: str, place: int, clock: str) -> float:
        """t_gen of the free run of the same seed and clock, else the largest one of other seeds; NaN without any.

        A frozen run is watched as long as the free one under the same pressure asks, where there is one, and every
        other run as long as the recipe does.
        """
        paired = self.resolve(role).replace("frozen", "free")
        free = self.traces(paired if paired != self.resolve(role) and self.has(paired) else "free")
        found = [self.detection(trace).t_gen if trace.complete and trace.clock == clock else math.nan for trace in free]
        if found and not math.isnan(found[place]):
            return found[place]
        return max((time for time in found if not math.isnan(time)), default=math.nan)

    def rng(self, prediction: str) -> np.random.Generator:
        """The generator of a prediction's intervals; make it inside the function of alpha, so that ends repeat."""
        return rng_for("explanations", prediction, self.family, self.task)

    def at_level(self, level: float) -> Cells:
        """Judged at another level."""
        return replace(self, level=level)

    def at_ridge(self, column: str) -> Cells:
        """With the after-kernel score at another ridge."""
        return replace(self, ridge=column)

    def with_lost(self, lost_runs: str) -> Cells:
        """With lost runs taken the other way."""
        return replace(self, lost_runs=lost_runs)

    @cached_property
    def at_half_budget(self) -> Cells:
        """Every run as if it had ended at half its budget; the horizon that non-events need is halved with it."""
        runs = {
            cell: {seed: trace.truncated(trace.curve.last / 2) for seed, trace in found.items()}
            for cell, found in self.runs.items()
        }
        return replace(self, runs=runs, horizon=self.horizon / 2)


def estimate(found_at: Callable[[float], object]) -> Estimate:
    """An `Estimate` from a function of the one-sided alpha that returns something with estimate, low and high."""
    found_at = cache(found_at)

    def interval(alpha: float) -> tuple[float, float]:
        found = found_at(alpha)
        return found.low, found.high

    return Estimate(found_at(0.025).estimate, interval)


def progress(trace: Run, values: np.ndarray, level: float, null_deviation: float = 0.0) -> np.ndarray:
    """phi(t) = (m(t) - m(t_mem)) / (m(t_end) - m(t_mem)) of a measure m, t_end = min(last, 2 t_gen): clock-free.

    ``values`` : (checkpoints,). NaN where t_mem or the values are undefined, or the denominator lies within three
    standard deviations of the measure's null.
    """
    detection = trace.detections[level]
    start, end = trace.curve.value_at(values, detection.t_mem), trace.curve.value_at(values, end_of_rise(trace, level))
    if not abs(end - start) > NULL_DEVIATIONS * null_deviation:
        return np.full(len(trace.curve.time), math.nan)
    return (values - start) / (end - start)


def end_of_rise(trace: Run, level: float) -> float:
    """t_end = min(last checkpoint, 2 t_gen); the last checkpoint where the run did not generalize."""
    t_gen = trace.detections[level].t_gen
    return trace.curve.last if math.isnan(t_gen) else min(trace.curve.last, 2 * t_gen)


def clock_free_lead(trace: Run, values: np.ndarray, level: float, null_deviation: float = 0.0) -> float:
    """phi(t50) - 1/2: above 0 the measure moves before the test rise, whatever the clock."""
    phi = progress(trace, values, level, null_deviation)
    return trace.curve.value_at(phi, trace.half_rise(level)) - 0.5
