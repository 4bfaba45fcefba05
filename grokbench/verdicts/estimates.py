"""The few kinds of estimate that predictions are told in: a middle, a share, a difference of shares, a trend.

Each returns an `Estimate`: the number, and its ends at any one-sided level. Where nothing is known the number is NaN
and the interval the whole line, which neither supports nor contradicts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from grokbench.curves.run import Run
from grokbench.statistics.clusters import seed_interval, share_within
from grokbench.statistics.location import Location, median_interval
from grokbench.statistics.proportions import clopper_pearson, paired_difference
from grokbench.statistics.trends import censored_slope, concordance, gehan_jonckheere
from grokbench.verdicts.cells import Cells
from grokbench.verdicts.finding import UNDECIDED, UNDEFINED, Estimate, Gate

EARLIEST = -99.0  # decades: before everything, for lost runs
DRAWS = 10_000
COMPARABLE = 2.0  # factor within which the t_mem of a dose may lie
LEAST_DOSES = 3


def middle(values: np.ndarray) -> Estimate:
    """The median over seeds with the sign-test interval (`median_interval`); NaN values are left out."""
    values = values[~np.isnan(values)]
    return Estimate.of(lambda alpha: median_interval(values, 1 - 2 * alpha)) if values.size else UNDEFINED


def middle_between(low: np.ndarray, high: np.ndarray, values: np.ndarray) -> Estimate:
    """The median over seeds of what lies between bounds: the low end is that of the lower ones, the high end likewise.

    (seeds,) each; a seed with a NaN is left out. ``values`` : what is shown as the number, within the bounds.
    """
    kept = ~(np.isnan(low) | np.isnan(high) | np.isnan(values))
    if not kept.any():
        return UNDEFINED
    least, most = middle(low[kept]), middle(high[kept])
    return Estimate(middle(values[kept]).value, lambda alpha: (least.interval(alpha)[0], most.interval(alpha)[1]))


def share(flags: np.ndarray) -> Estimate:
    """The share of seeds with flag 1 with Clopper and Pearson's interval; NaN flags are left out."""
    n, count = known(flags), int((flags == 1).sum())
    if not n:
        return UNDEFINED
    return Estimate.of(lambda alpha: Location(count / n, *clopper_pearson(count, n, 1 - 2 * alpha), n))


def difference(first: np.ndarray, second: np.ndarray) -> Estimate:
    """P(first) - P(second) of flags on the same seeds, Newcombe's interval; pairs with a NaN are left out."""
    if paired_difference(first, second).n == 0:
        return UNDEFINED

    def at(alpha: float) -> Location:
        pairs = paired_difference(first, second, 1 - 2 * alpha)
        return Location(pairs.difference, pairs.low, pairs.high, pairs.n)

    return Estimate.of(at)


def minus_largest(estimates: Sequence[Estimate]) -> Estimate:
    """Minus the largest modulus, with the ends that the moduli in the intervals can have."""
    if any(math.isnan(one.value) for one in estimates):
        return UNDEFINED

    def interval(alpha: float) -> tuple[float, float]:
        ends = [one.interval(alpha) for one in estimates]
        most = max(max(abs(low), abs(high)) for low, high in ends)
        least = max(0.0 if low <= 0 <= high else min(abs(low), abs(high)) for low, high in ends)
        return -most, -least

    return Estimate(-max(abs(one.value) for one in estimates), interval)


def within(delays: np.ndarray, observed: np.ndarray, seeds, low: float, high: float, cells: Cells) -> Estimate:
    """P(low <= delay <= high) by Kaplan-Meier with its interval over seeds; (n,) delays, flags and seeds."""
    if not len(delays):
        return UNDEFINED

    def at(alpha: float) -> Location:
        rng, level = cells.rng("share within"), 1 - 2 * alpha
        value, ends = share_within(delays, observed, low, high, seeds, rng=rng, level=level, draws=DRAWS)
        return Location(value, ends.low, ends.high, len(delays))

    return Estimate.of(at)


@dataclass(frozen=True)
class Ladder:
    """Runs along a ladder of doses: (n,) log times with events, doses and seeds. What says nothing is not in it."""

    time: np.ndarray
    event: np.ndarray
    dose: np.ndarray
    seed: np.ndarray

    def later(self, cells: Cells, name: str) -> Estimate:
        """The concordance tau_c of "later with dose" within seeds, with its interval over seeds."""
        if not len(self.time):
            return UNDEFINED
        runs = (self.time, self.event, self.dose, self.seed)
        return Estimate.of(lambda alpha: concordance(*runs, rng=cells.rng(name), level=1 - 2 * alpha, draws=DRAWS))

    def p_later(self, cells: Cells, name: str) -> float:
        """The p of Gehan and Jonckheere's test for "later with dose", doses permuted within seeds."""
        if not len(self.time):
            return math.nan
        return gehan_jonckheere(self.time, self.event, self.dose, self.seed, rng=cells.rng(name)).p_later

    def slope(self, cells: Cells, name: str) -> Estimate:
        """The slope of log time on dose by `censored_slope`, with its interval over seeds; doses are logarithms here.

        A lost run, which came before or after all others, is taken at the earliest or the latest time of these.
        """
        placed = np.isfinite(self.time) & (self.time > EARLIEST)
        if len(np.unique(self.dose[placed & self.event])) < 2:
            return UNDEFINED
        time = np.clip(self.time, self.time[placed].min(), self.time[placed].max())

        def slopes(weights: np.ndarray) -> np.ndarray:
            return censored_slope(self.dose, time, self.event, weights)

        def at(alpha: float) -> Location:
            rng, level = cells.rng(f"{name} slope"), 1 - 2 * alpha
            ends = seed_interval(slopes, self.seed, rng=rng, level=level)
            return Location(float(slopes(np.ones((1, len(time))))[0]), ends.low, ends.high, len(time))

        return Estimate.of(at)

    def reversed(self) -> Ladder:
        """The ladder with the order of its doses turned round."""
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
    kept: Collection[int] | None = None,
) -> Ladder:
    """The runs of a role's cells, each timed by a function of run and step; None leaves a run out.

    A lost run is taken to say what speaks against the claim, that times rise with the step (or fall, not ``rises``),
    or for it, as `Cells` asks: in one half of the ladder that it came before all others, in the other after; the middle
    one of an odd number nothing. Its dose is ``dose_of_imputed`` of its step. ``kept`` : the steps that count; all.
    """
    steps, rows = len(cells.of_role(role)), []
    against = cells.imputed(0.0, 1.0) == 0.0
    for step in range(steps) if kept is None else sorted(kept):
        late = ((step < steps // 2) == rises) == against
        for seed, run in zip(cells.seeds, cells.runs_of(role, step), strict=True):
            if not run.complete:
                if steps % 2 == 0 or step != steps // 2:
                    rows.append((math.inf if late else EARLIEST, not late, dose_of_imputed(step), seed))
            elif (row := timed(run, step)) is not None:
                rows.append((*row, seed))
    rows = [row for row in rows if not math.isnan(row[2])]
    columns = zip(*rows, strict=True) if rows else ([], [], [], [])
    time, event, dose, seed = (np.array(column) for column in columns)
    return Ladder(time.astype(float), event.astype(bool), dose.astype(float), seed)


def comparable(cells: Cells, role: str) -> set[int]:
    """The steps of a role's cells whose median t_mem lies within a factor of 2 of that of the first.

    The others change how fast the labels are memorized, and with it the delay, whatever else they do.
    """
    times = []
    for step in range(len(cells.of_role(role))):
        t_mem = cells.values(role, lambda run: cells.detection(run).t_mem, step=step)
        times.append(float(np.nanmedian(t_mem)) if known(t_mem) else math.nan)
    return {i for i, t in enumerate(times) if times[0] / COMPARABLE <= t <= times[0] * COMPARABLE}


def enough_doses(kept: set[int]) -> Gate:
    """The gate of a ladder of doses: three of them are comparable."""
    reason = f"{len(kept)} doses with t_mem within a factor of {COMPARABLE:g}"
    return Gate("doses", len(kept) >= LEAST_DOSES, reason, UNDECIDED)


def mostly_resolved(cells: Cells, role: str) -> bool:
    """Whether at least half of the runs that fit have a t_mem above the grain of their clock."""
    detections = [cells.detection(run) for run in cells.all_runs(role) if run.complete]
    fitted = [detection for detection in detections if detection.t_mem_censoring != "right"]
    return bool(fitted) and np.mean([detection.resolved for detection in fitted]) >= 0.5


def delay_of(cells: Cells, resolved: bool) -> Callable[[Run], tuple[float, bool] | None]:
    """The delay in decades of a run and whether it was observed; at the grain log10 t_gen in its place.

    None for what never fits, and for a run at the grain among resolved ones, whose unit is arbitrary.
    """

    def delay(run: Run) -> tuple[float, bool] | None:
        detection = cells.detection(run)
        if detection.t_mem_censoring == "right" or (resolved and not detection.resolved):
            return None
        if resolved:
            return detection.delay, detection.delay_censoring == "observed"
        return t_gen_of(cells, run)

    return delay


def t_gen_of(cells: Cells, run: Run) -> tuple[float, bool]:
    """log10 t_gen, or log10 of the last checkpoint for a run that did not generalize."""
    detection = cells.detection(run)
    reached = detection.t_gen_censoring != "right"
    return math.log10(detection.t_gen if reached else run.curve.last), reached


def resolved_share(cells: Cells, role: str) -> float:
    """Share of the runs of a role's first cell that have a resolved t_mem."""
    return _mean(cells.values(role, lambda run: float(cells.detection(run).resolved)))


def censored_share(cells: Cells, role: str) -> float:
    """Share of the runs of a role's first cell that did not generalize."""
    return _mean(cells.values(role, lambda run: float(cells.detection(run).t_gen_censoring == "right")))


def known(values: np.ndarray) -> int:
    """The number of values that are not NaN: the n of a finding."""
    return int((~np.isnan(values)).sum())


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if known(values) else math.nan
