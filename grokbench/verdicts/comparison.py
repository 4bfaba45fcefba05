"""The judgement of two sides that share splits: who generalizes later, in decades of each one's own clock.

A side is the runs of a learner or of a family; nothing here knows what made them. The rules, in the order in which
they are asked:

1. Only clusters (task, seed) with runs on both sides count. ``n_a``, ``n_b`` and the shares of late runs speak of
   those; a non-event counts in a share only on an adequate horizon (`_adequate_horizon`).
2. A side is *unresolved* if most of its fitted runs are: the unit of its delay is arbitrary. If the clocks differ
   besides, no number of runs helps: ``not comparable``, asked before ``too few runs``; only the shares are shown.
3. On one and the same clock the unit is shared, so an unresolved side is compared by t_gen instead:
   log10(t_gen / first clock value), censored at the last checkpoint, ``basis = "t_gen"``.
   Differences are decades all the same. The first clock value is the smallest of the runs compared, one
   for both sides, so that the difference is that of the t_gen whatever the grids.
4. Left out are runs without t_mem and, where delays are compared, runs at the grain (their delay is a bound in an
   arbitrary unit). If they are more than a fifth of a side, if fewer than 10 seeds have both sides, or if the
   clusters that remain cannot reach the level whatever their order: ``too few runs``.
5. Medians by Kaplan-Meier over all tasks, their difference with a bootstrap over seeds; p by swapping the
   sides within clusters; win over pairs within tasks. Censored runs stay in, on whatever horizon.
6. ``later`` / ``earlier`` where Holm's p over the registered rows of the table reaches the level, by the sign of
   win; ``no evidence`` otherwise, and where win and log-rank point in opposite directions (crossing curves).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grokbench.curves.run import Run
from grokbench.statistics.multiplicity import holm
from grokbench.statistics.resampling import bootstrap_seeds, smallest_p, swap_permutation
from grokbench.statistics.survival import median, win_difference
from grokbench.verdicts.side import Side, shared_clusters

ALPHA = 0.05
MINIMUM_SEEDS = 10
LARGEST_LOSS = 0.2  # share of a side's runs that may be left out of the delays
HORIZON = 10.0  # how many times the paired run's t_gen a run must have lasted for its non-event to count
_NO_TEST = ("too few runs", "not comparable")
VERDICTS = ("later", "earlier", "no evidence", *_NO_TEST)


@dataclass(frozen=True)
class Comparison:
    """One row of `comparisons`: NaN is undefined and inf beyond the data, both empty cells in a table.

    Parameters
    ----------
    n_a, n_b : runs in the clusters that both sides have
    late_a, late_b : shares of late runs
    delay_a, delay_b : Kaplan-Meier medians in decades (of t_gen in first clock values if ``basis`` is "t_gen")
    difference, low, high : delay_a - delay_b and its 95 % interval
    win : P(a later) - P(b later)
    z, p : log-rank (positive: a later) and its two-sided permutation p
    p_holm : p adjusted for the registered rows of the table, from `decide`
    verdict : one of `VERDICTS`; None before `decide`, and after it for a row that is not registered
    basis : "delay" or "t_gen"
    reason : why a verdict is "too few runs" or "not comparable"
    """

    n_a: int
    n_b: int
    late_a: float
    late_b: float
    delay_a: float = math.nan
    delay_b: float = math.nan
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    win: float = math.nan
    z: float = math.nan
    p: float = math.nan
    p_holm: float = math.nan
    verdict: str | None = None
    basis: str = "delay"
    reason: str = ""


def compare(a: Sequence[Run], b: Sequence[Run], stratum: Callable[[Run], str], rng: np.random.Generator) -> Comparison:
    """Everything about two sides that can be said without knowing the other rows of the table.

    ``stratum`` : of a run, its task: runs of both sides with the same stratum and seed share a split.
    ``verdict`` is "not comparable", "too few runs", or None where `decide` says more. The result depends neither on
    the order of runs nor, but for signs, on which side is called a.
    """
    return _compare(Side.of(a, stratum), Side.of(b, stratum), rng)


def _compare(a: Side, b: Side, rng: np.random.Generator) -> Comparison:
    a, b = shared_clusters(a, b)
    shares = Comparison(len(a), len(b), _late_share(a, b), _late_share(b, a))
    basis = "delay"
    if a.unresolved or b.unresolved:
        clocks = sorted({*a.clock, *b.clock})
        if len(clocks) > 1:
            reason = f"t_mem at the grain, and clocks differ ({', '.join(clocks)})"
            return replace(shares, verdict="not comparable", reason=reason)
        basis = "t_gen"
    kept_a, kept_b = shared_clusters(a.take(_usable(a, basis)), b.take(_usable(b, basis)))
    reason = _too_few(a, b, basis, clusters=len(set(kept_a.clusters)))
    row = replace(shares, basis=basis, reason=reason, verdict="too few runs" if reason else None)
    return replace(row, **_differences(kept_a, kept_b, basis, rng)) if len(kept_a) else row


def decide(
    comparisons: Iterable[Comparison], registered: Iterable[bool] | None = None, level: float = ALPHA
) -> list[Comparison]:
    """The rows of a table with p_holm and verdict: Holm over the registered rows that can be judged.

    Rows with too few runs or nothing comparable are no tests (which ones they are is settled without looking at p)
    and take no share of the level. A row that is not registered keeps an empty p_holm and, where it would have
    been judged, no verdict: it is exploratory. By default all rows are registered.
    """
    rows = list(comparisons)
    confirmatory = [True] * len(rows) if registered is None else list(registered)
    if len(confirmatory) != len(rows):
        raise ValueError(f"{len(confirmatory)} registrations for {len(rows)} comparisons")
    tested = [counts and row.verdict not in _NO_TEST for row, counts in zip(rows, confirmatory, strict=True)]
    adjusted = holm(row.p if test else None for row, test in zip(rows, tested, strict=True))
    return [
        replace(row, p_holm=p, verdict=_direction(row, p, level)) if test else row
        for row, p, test in zip(rows, adjusted, tested, strict=True)
    ]


def _direction(row: Comparison, p: float, level: float) -> str:
    opposed = row.win * row.z < 0
    if not p <= level or row.win == 0 or opposed:
        return "no evidence"
    return "later" if row.win > 0 else "earlier"


def _usable(side: Side, basis: str) -> np.ndarray:
    return side.fitted & side.resolved if basis == "delay" else side.fitted


def _late_share(side: Side, other: Side) -> float:
    """The share of late runs among those with late in {0, 1}; NaN if there are none.

    A run that did not generalize is a 0 only if its horizon was adequate against the runs it is paired with.
    """
    late = np.where((side.late == 0) & ~side.generalizes & ~_adequate_horizon(side, other), np.nan, side.late)
    known = ~np.isnan(late)
    return float(late[known].mean()) if known.any() else math.nan


def _adequate_horizon(side: Side, other: Side) -> np.ndarray:
    """Whether each run, (n,) bool, lasted 10 times as long as the earliest run it is paired with took to generalize.

    Paired are the runs of ``other`` with the same (task, seed). On the same clock "as long" is t_gen itself,
    between clocks it is t_gen / t_mem, to be set against last / t_mem (a pair without a t_mem shows nothing).
    Where no paired run generalized there is nothing to wait for, and the horizon is adequate.
    """
    soonest, adequate = _soonest(other), np.ones(len(side), dtype=bool)
    for i, (cluster, clock) in enumerate(zip(side.clusters, side.clock.tolist(), strict=True)):
        there = soonest.get(cluster, {}).items()
        if there:
            needed = min(_needed(side.t_mem[i], *times, same=theirs == clock) for theirs, times in there)
            adequate[i] = side.last[i] * (1 + 1e-9) >= needed  # exactly 10 times is enough, rounding aside
    return adequate


def _needed(t_mem: float, t_gen: float, ratio: float, same: bool) -> float:
    """The horizon that a run needs against others of its own clock, or of another one; infinite without a t_mem."""
    if same:
        return HORIZON * t_gen
    return HORIZON * t_mem * ratio if math.isfinite(t_mem) else math.inf


def _soonest(side: Side) -> dict[tuple, dict[str, tuple[float, float]]]:
    """Cluster -> clock -> the smallest t_gen, and the smallest t_gen / t_mem, of its runs that generalize."""
    soonest: dict[tuple, dict[str, tuple[float, float]]] = {}
    columns = (side.clusters, side.clock.tolist(), side.t_gen.tolist(), side.t_mem.tolist())
    for (cluster, clock, t_gen, t_mem), generalizes in zip(zip(*columns, strict=True), side.generalizes, strict=True):
        if generalizes:
            there = soonest.setdefault(cluster, {})
            ratio = t_gen / t_mem if math.isfinite(t_mem) else math.inf
            least = there.get(clock, (math.inf, math.inf))
            there[clock] = min(least[0], t_gen), min(least[1], ratio)
    return soonest


def _too_few(a: Side, b: Side, basis: str, clusters: int) -> str:
    """Why these runs cannot carry a claim, or ''."""
    seeds = len(set(a.seed.tolist()))
    if seeds < MINIMUM_SEEDS:
        return f"{seeds} seeds with both sides, {MINIMUM_SEEDS} needed"
    for name, side in (("a", a), ("b", b)):
        lost = np.count_nonzero(~_usable(side, basis))
        if lost > LARGEST_LOSS * len(side):
            return f"{lost} of {len(side)} runs of {name} without a usable t_mem, at most a fifth allowed"
    if smallest_p(clusters) > ALPHA:
        return f"{clusters} pairs of splits cannot reach p = {ALPHA}"
    return ""


def _times(side: Side, basis: str, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """What is compared, in decades, and whether it was observed."""
    if basis == "delay":
        return side.delay, side.event
    reached = side.generalizes
    time = np.where(reached, side.t_gen, side.last)
    return np.log10(np.maximum(time, unit) / unit), reached  # held from time 0: the first clock value


def _differences(a: Side, b: Side, basis: str, rng: np.random.Generator) -> dict[str, float]:
    """Medians, difference with interval, win, z and p of two sides that cover the same clusters."""
    unit = float(min(a.first.min(), b.first.min()))
    time, event = (np.concatenate(pair) for pair in zip(_times(a, basis, unit), _times(b, basis, unit), strict=True))
    first = np.arange(time.size) < len(a)
    task, seed = np.concatenate([a.task, b.task]), np.concatenate([a.seed, b.seed])
    clusters = a.clusters + b.clusters
    numbers = {cluster: number for number, cluster in enumerate(sorted(set(clusters)))}
    test = swap_permutation(time, event, first, [numbers[c] for c in clusters], task, rng=rng)

    def medians(weights):
        return tuple(median(time[side], event[side], weights[..., side]) for side in (first, ~first))

    interval = bootstrap_seeds(lambda weights: _minus(*medians(weights)), seed, rng=rng)
    delay_a, delay_b = (float(value) for value in medians(np.ones(time.size)))
    return {
        "delay_a": delay_a,
        "delay_b": delay_b,
        "difference": float(_minus(delay_a, delay_b)),
        "low": interval.low,
        "high": interval.high,
        "win": win_difference(time, event, first, task),
        "z": test.z,
        "p": test.p,
    }


def _minus(x, y):
    with np.errstate(invalid="ignore"):  # inf - inf is undefined, and NaN says so
        return np.subtract(x, y)
