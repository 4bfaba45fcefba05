"""The few kinds of estimate that predictions are told in: a middle, a share, a difference of shares, a trend.

Each returns an `Estimate`: the number, and its ends at any one-sided level. Where nothing is known the number is NaN
and the interval the whole line, which neither supports nor contradicts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from grokbench.curves.run import Run
from grokbench.statistics.clusters import share_within
from grokbench.statistics.location import Location, median_interval
from grokbench.statistics.proportions import clopper_pearson, paired_difference
from grokbench.statistics.trends import concordance, gehan_jonckheere
from grokbench.verdicts.cells import Cells, estimate
from grokbench.verdicts.verdict import Estimate

EARLIEST = -99.0  # decades: before everything, for lost runs
DRAWS = 10_000
UNDEFINED = Estimate(math.nan, lambda alpha: (-math.inf, math.inf))


def middle(values: np.ndarray) -> Estimate:
    """The median over seeds with the sign-test interval (`median_interval`); NaN values are left out."""
    known = values[~np.isnan(values)]
    return estimate(lambda alpha: median_interval(known, 1 - 2 * alpha)) if known.size else UNDEFINED


def share(flags: np.ndarray) -> Estimate:
    """The share of seeds with flag 1 with Clopper and Pearson's interval; NaN flags are left out."""
    known = flags[~np.isnan(flags)]
    if not known.size:
        return UNDEFINED
    found = int((known == 1).sum())
    return estimate(
        lambda alpha: Location(found / known.size, *clopper_pearson(found, known.size, 1 - 2 * alpha), known.size)
    )


def difference(first: np.ndarray, second: np.ndarray) -> Estimate:
    """P(first) - P(second) of flags on the same seeds, Newcombe's interval; pairs with a NaN are left out."""
    if paired_difference(first, second).n == 0:
        return UNDEFINED

    def at(alpha: float) -> Location:
        found = paired_difference(first, second, 1 - 2 * alpha)
        return Location(found.difference, found.low, found.high, found.n)

    return estimate(at)


def within(delays: np.ndarray, observed: np.ndarray, seeds, low: float, high: float, cells: Cells) -> Estimate:
    """P(low <= delay <= high) by Kaplan-Meier with its interval over seeds; (n,) delays, flags and seeds."""
    if not len(delays):
        return UNDEFINED

    def at(alpha: float) -> Location:
        rng, level = cells.rng("share within"), 1 - 2 * alpha
        value, ends = share_within(delays, observed, low, high, seeds, rng=rng, level=level, draws=DRAWS)
        return Location(value, ends.low, ends.high, len(delays))

    return estimate(at)


@dataclass(frozen=True)
class Ladder:
    """Runs along a ladder of doses: (n,) log times with events, doses and seeds. What says nothing is not in it."""

    time: np.ndarray
    event: np.ndarray
    dose: np.ndarray
    seed: np.ndarray

    def later(self, cells: Cells, name: str) -> Estimate:
        """tau_c of "later with dose" within seeds, with its interval over seeds."""
        if not len(self.time):
            return UNDEFINED
        runs = (self.time, self.event, self.dose, self.seed)
        return estimate(lambda alpha: concordance(*runs, rng=cells.rng(name), level=1 - 2 * alpha, draws=DRAWS))

    def p_later(self, cells: Cells, name: str) -> float:
        """p of Gehan and Jonckheere for "later with dose", doses permuted within seeds."""
        if not len(self.time):
            return math.nan
        return gehan_jonckheere(self.time, self.event, self.dose, self.seed, rng=cells.rng(name)).p_later

    def reversed(self) -> Ladder:
        """The same with the order of the doses turned round."""
        return Ladder(self.time, self.event, -self.dose, self.seed)

    @property
    def seeds(self) -> int:
        """How many seeds have a run in it."""
        return len(np.unique(self.seed))

    @property
    def censored(self) -> float:
        """Share of the runs whose time is a lower bound."""
        return float(1 - self.event.mean()) if len(self.event) else math.nan


Timed = tuple[float, bool, float]  # log time, whether it is an event, dose


def ladder(
    cells: Cells,
    role: str,
    timed: Callable[[Run, int], Timed | None],
    rises: bool,
    dose_of_imputed: Callable[[int], float] = float,
) -> Ladder:
    """The runs of a role's cells, each timed by a function of trace and step; None leaves a run out.

    A lost run is taken to say what speaks against the claim, that times rise with the step (or fall, not ``rises``),
    or for it, as `Cells` asks: in one half of the ladder that it came before all others, in the other after; the middle
    one of an odd number nothing. Its dose is ``dose_of_imputed`` of its step.
    """
    steps, rows = len(cells.cells(role)), []
    against = cells.imputed(0.0, 1.0) == 0.0
    for step in range(steps):
        late = ((step < steps // 2) == rises) == against
        for seed, trace in zip(cells.seeds, cells.traces(role, step), strict=True):
            if not trace.complete:
                if steps % 2 == 0 or step != steps // 2:
                    rows.append((math.inf if late else EARLIEST, not late, dose_of_imputed(step), seed))
            elif (row := timed(trace, step)) is not None:
                rows.append((*row, seed))
    columns = zip(*(row for row in rows if not math.isnan(row[2])), strict=True) if rows else ([], [], [], [])
    time, event, dose, seed = (np.array(column) for column in columns)
    return Ladder(time.astype(float), event.astype(bool), dose.astype(float), seed)


def mostly_resolved(cells: Cells, role: str) -> bool:
    """Whether at least half of the runs that fit have a t_mem above the grain of their clock."""
    fitted = [
        cells.detection(trace)
        for step in range(len(cells.cells(role)))
        for trace in cells.traces(role, step)
        if trace.complete and cells.detection(trace).t_mem_censoring != "right"
    ]
    return bool(fitted) and np.mean([detection.resolved for detection in fitted]) >= 0.5


def delay_of(cells: Cells, resolved: bool) -> Callable[[Run], tuple[float, bool] | None]:
    """The delay in decades of a trace and whether it was observed; at the grain log10 t_gen in its place.

    None for what never fits, and for a run at the grain among resolved ones, whose unit is arbitrary.
    """

    def found(trace: Run) -> tuple[float, bool] | None:
        detection = cells.detection(trace)
        if detection.t_mem_censoring == "right" or (resolved and not detection.resolved):
            return None
        if resolved:
            return detection.delay, detection.delay_censoring == "observed"
        return t_gen_of(cells, trace)

    return found


def t_gen_of(cells: Cells, trace: Run) -> tuple[float, bool]:
    """log10 t_gen, or log10 of the last checkpoint for a run that did not generalize."""
    detection = cells.detection(trace)
    reached = detection.t_gen_censoring != "right"
    return math.log10(detection.t_gen if reached else trace.curve.last), reached


def resolved_share(cells: Cells, role: str) -> float:
    """Share of the runs of a role's first cell that have a resolved t_mem."""
    return _mean(cells.values(role, lambda trace: float(cells.detection(trace).resolved)))


def censored_share(cells: Cells, role: str) -> float:
    """Share of the runs of a role's first cell that did not generalize."""
    return _mean(cells.values(role, lambda trace: float(cells.detection(trace).t_gen_censoring == "right")))


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if (~np.isnan(values)).any() else math.nan
