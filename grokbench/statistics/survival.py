"""Times of which some are only known to be larger: Kaplan-Meier, the stratified log-rank, the win difference.

Everywhere in this room a run is a pair (time, event): ``event`` true says that the time was observed,
false that it is a lower bound (right-censored). ``time = +inf`` is allowed and means censored, whatever
``event`` says. ``scipy.stats`` takes neither infinite times, nor strata, nor a matrix of bootstrap weights;
where it has the quantity at all (``ecdf``, ``logrank``) it is the oracle of the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# A Kaplan-Meier product such as 9/10 * 8/9 * ... * 5/6 is .5 only up to rounding, which must not move the median.
_HALF = 0.5 + 1e-9


def observed(time, event) -> tuple[np.ndarray, np.ndarray]:
    """``time`` as float64 and ``event`` as bool, equally long; an infinite time is never an event.

    Raises ValueError where the lengths differ or a time is NaN or -inf.
    """
    time = np.atleast_1d(np.asarray(time, dtype=float))
    event = np.atleast_1d(np.asarray(event, dtype=bool))
    if time.ndim != 1 or time.shape != event.shape:
        raise ValueError(f"times of shape {time.shape} and events of shape {event.shape}: expected two equal lengths")
    if np.isnan(time).any() or np.isneginf(time).any():
        raise ValueError("a time is NaN or -inf; expected a number, or +inf for a run that is censored for ever")
    return time, event & np.isfinite(time)


def kaplan_meier(time, event, weights=None) -> tuple[np.ndarray, np.ndarray]:
    """The product-limit estimate S(t) = prod over event times s <= t of (1 - d(s) / Y(s)).

    d(s) is the number of events at s and Y(s) the number at risk, i.e. with time >= s: a run censored
    at s is still at risk there.

    Parameters
    ----------
    time, event : (n,) the observations
    weights : (..., n) how often each run counts (bootstrap multiplicities); default once

    Returns
    -------
    times : (k,) the distinct event times, increasing
    survival : (..., k) S just after each of them
    """
    time, event = observed(time, event)
    weights = np.ones(time.size) if weights is None else np.asarray(weights, dtype=float)
    times, first = np.unique(np.sort(time), return_index=True)
    if not times.size:
        return times, np.ones((*weights.shape[:-1], 0))
    order = np.argsort(time, kind="stable")
    sorted_weights = weights[..., order]
    leaving = np.add.reduceat(sorted_weights, first, axis=-1)
    deaths = np.add.reduceat(sorted_weights * event[order], first, axis=-1)
    at_risk = np.cumsum(leaving[..., ::-1], axis=-1)[..., ::-1]
    factors = 1 - np.divide(deaths, at_risk, out=np.zeros_like(deaths), where=at_risk > 0)
    kept = np.logical_or.reduceat(event[order], first)
    return times[kept], np.cumprod(factors, axis=-1)[..., kept]


def median(time, event, weights=None) -> np.ndarray | float:
    """The Kaplan-Meier median: the smallest time with S(t) <= 1/2, +inf if S stays above it, NaN without runs.

    With `weights` (..., n) one median for each row of weights, shape (...); otherwise a float.
    """
    times, survival = kaplan_meier(time, event, weights)
    total = np.size(time) if weights is None else np.sum(weights, axis=-1)
    reached = survival <= _HALF
    position = np.where(reached.any(axis=-1), reached.argmax(axis=-1), times.size) if times.size else 0
    reached = np.append(times, np.inf)[position]
    medians = np.where(np.asarray(total) > 0, reached, np.nan)
    return float(medians) if weights is None else medians


@dataclass(frozen=True)
class RiskSets:
    """What a log-rank statistic needs to know of one stratum of n runs, apart from who belongs to which side.

    With Y_k runs at risk and d_k events at the k-th event time, and membership m in {0, 1}^n, the observed
    minus the expected events of the members and the hypergeometric variance of that number are
    ``U = m @ score`` and ``V = sum_k factor_k * a_k * (Y_k - a_k)``, a_k the members at risk at that time. Memory
    grows with n, not with n k: who is at risk is a suffix of the runs in the order of their times.

    Parameters
    ----------
    order : (n,) the runs by time
    start : (k,) place in that order of the first run that is at risk at the k-th event time
    score : (n,) event - sum over event times up to its own time of d_k / Y_k
    total : (k,) Y_k
    factor : (k,) d_k (Y_k - d_k) / (Y_k^2 (Y_k - 1)), 0 where Y_k = 1
    """

    order: np.ndarray
    start: np.ndarray
    score: np.ndarray
    total: np.ndarray
    factor: np.ndarray

    def at_risk(self, members: np.ndarray) -> np.ndarray:
        """How many of the members (..., n) are at risk at each event time: (..., k) float64, whole numbers."""
        backwards = np.cumsum(members[..., self.order[::-1]], axis=-1, dtype=np.int32)
        return backwards[..., self.order.size - 1 - self.start].astype(float)

    def variance(self, members_at_risk: np.ndarray) -> np.ndarray:
        """V (...) from a (..., k); the sides enter symmetrically, so relabelling them leaves the same number."""
        return (members_at_risk * (self.total - members_at_risk)) @ self.factor


def risk_sets(time, event) -> RiskSets:
    """The risk sets of one stratum: ``time`` (n,), ``event`` (n,)."""
    time, event = observed(time, event)
    times, deaths = np.unique(time[event], return_counts=True)
    order = np.argsort(time, kind="stable")
    start = np.searchsorted(time[order], times)
    total = (time.size - start).astype(float)
    factor = deaths * (total - deaths) / (total**2 * np.maximum(total - 1, 1))
    hazard = np.concatenate([[0.0], np.cumsum(deaths / total)])
    return RiskSets(order, start, event - hazard[np.searchsorted(times, time, side="right")], total, factor)


def log_rank(time, event, first, stratum=None) -> float:
    """The studentized stratified log-rank Z = sum_strata -U / sqrt(sum_strata V), 0 where V is 0.

    Z > 0 says that the runs marked ``first`` are *later*: they have fewer events than expected (hence -U).
    Asymptotically standard normal for independent runs; for runs that share splits see
    ``grokbench.statistics.resampling.swap_permutation``.

    Parameters
    ----------
    time, event : (n,) the observations
    first : (n,) bool, true on the side that Z speaks of
    stratum : (n,) labels within which runs are compared; default one stratum
    """
    time, event = observed(time, event)
    members = np.asarray(first, dtype=bool)
    score = variance = 0.0
    for rows in strata_of(stratum, time.size):
        sets = risk_sets(time[rows], event[rows])
        score -= members[rows] @ sets.score
        variance += sets.variance(sets.at_risk(members[rows]))
    return float(score / np.sqrt(variance)) if variance > 0 else 0.0


def win_difference(time, event, first, stratum=None) -> float:
    """P(first later) - P(other later) over all pairs (a run marked ``first``, another run) of the same stratum.

    A pair is decided where one time is surely the larger: t_i > t_j with j an event, or t_i = t_j with j an
    event and i censored (the convention of Gehan). Undecided pairs count 0 but stay in the denominator, so that
    the value is defined, and cautious, where medians are infinite. NaN if no stratum has both sides.
    Arguments as in `log_rank`.
    """
    time, event = observed(time, event)
    first = np.asarray(first, dtype=bool)
    wins = pairs = 0
    for rows in strata_of(stratum, time.size):
        ours, theirs = rows[first[rows]], rows[~first[rows]]
        wins += _wins(time[ours], event[ours], time[theirs], event[theirs])
        wins -= _wins(time[theirs], event[theirs], time[ours], event[ours])
        pairs += ours.size * theirs.size
    return wins / pairs if pairs else np.nan


def _wins(time_i, event_i, time_j, event_j) -> int:
    """The number of pairs in which `surely_later` holds, by sorting: time and memory grow with runs, not pairs."""
    events = np.sort(time_j[event_j])
    before, until = np.searchsorted(events, time_i, side="left"), np.searchsorted(events, time_i, side="right")
    return int(np.where(event_i, before, until).sum())


def surely_later(time_i, event_i, time_j, event_j) -> np.ndarray:
    """Whether run i's time surely exceeds run j's, elementwise with broadcasting (bool)."""
    return event_j & ((time_i > time_j) | ((time_i == time_j) & ~event_i))


def strata_of(stratum, n: int) -> list[np.ndarray]:
    """The row indices of each stratum, strata in sorted order; everything in one if ``stratum`` is None."""
    if stratum is None:
        return [np.arange(n)]
    labels, code = np.unique(np.asarray(stratum), return_inverse=True)
    order = np.argsort(code, kind="stable")
    return np.split(order, np.cumsum(np.bincount(code, minlength=labels.size))[:-1]) if labels.size else []
