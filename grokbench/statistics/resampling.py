"""Uncertainty where runs are not independent: learners share splits, and cells share seeds.

`swap_permutation` tests two sides by exchanging them within what they share, `bootstrap_seeds` resamples whole
seeds. Generators are arguments; `rng_for` derives one from the identity of a table's row, so that the same runs
give the same bytes whatever else is in the table.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from grokbench.statistics.survival import RiskSets, observed, risk_sets, strata_of

EXACT_CLUSTERS = 12  # up to 2^12 = 4096 patterns all of them are visited
DRAWS = 9_999
BOOTSTRAP_DRAWS = 2_000
_CHUNK = 2**20  # numbers held at a time in the widest matrix: 8 MB
_TIE = 1e-12  # statistics this close are the same one up to rounding


def rng_for(*identity: str) -> np.random.Generator:
    """A generator whose seed is the SHA-256 of the given strings, in this order.

    ``rng_for("comparisons", "modular", "mlp", "rfm")`` is the same stream on every machine.
    """
    text = json.dumps([str(part) for part in identity])
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest(), "big"))


def smallest_p(clusters: int, draws: int = DRAWS) -> float:
    """The smallest p that `swap_permutation` can reach with this many clusters: ask before testing.

    Swapping everything only turns the sign of Z, so that no two-sided p is below 2 / 2^m in the exact test.
    """
    if clusters <= EXACT_CLUSTERS:
        return min(1.0, 2.0 / 2**clusters)
    return 1.0 / (1 + draws)


@dataclass(frozen=True)
class SwapTest:
    """A two-sided permutation test. z > 0: the first side is later; ``clusters``: how many could be swapped."""

    z: float
    p: float
    clusters: int


def swap_permutation(
    time, event, first, cluster, stratum=None, *, rng: np.random.Generator, draws: int = DRAWS
) -> SwapTest:
    """The studentized stratified log-rank against swaps of the two labels within clusters.

    Under the hypothesis the two sides of a cluster (a task's split, which learners share) are exchangeable, so
    each of the 2^m swap patterns is equally likely. A cluster may hold several runs on each side: they swap as
    blocks (exchangeable if equally large; otherwise, as under unequal censoring, the level rests on the
    studentization). With m <= 12 every pattern is visited and p = #{|Z*| >= |Z|} / 2^m, the identity included;
    otherwise p = (1 + #) / (1 + draws) over random patterns. V = 0 gives Z = 0, hence p = 1 where nothing can
    be told.

    Parameters
    ----------
    time, event : (n,) the observations
    first : (n,) bool, the side that Z speaks of
    cluster : (n,) labels of what is swapped together
    stratum : (n,) labels within which runs are compared; default one stratum
    rng : used only beyond 12 clusters
    """
    time, event = observed(time, event)
    first = np.asarray(first, dtype=bool)
    labels, code = np.unique(np.asarray(cluster), return_inverse=True)
    clusters = labels.size
    exact = clusters <= EXACT_CLUSTERS
    sides = _Sides.of(time, event, first, code, stratum)
    z = float(sides.statistics(np.zeros((1, clusters), dtype=np.int8))[0])
    step = _draws_at_a_time(max(clusters, time.size))
    extreme = visited = 0
    for swaps in [_all_patterns(clusters)] if exact else _random_patterns(clusters, draws, step, rng):
        for start in range(0, len(swaps), step):
            statistics = sides.statistics(swaps[start : start + step])
            extreme += int(np.count_nonzero(np.abs(statistics) >= abs(z) - _TIE))
        visited += len(swaps)
    return SwapTest(z, extreme / visited if exact else (1 + extreme) / (1 + draws), clusters)


def _all_patterns(clusters: int) -> np.ndarray:
    return (np.arange(2**clusters)[:, None] >> np.arange(clusters) & 1).astype(np.int8)


def _random_patterns(clusters: int, draws: int, step: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """(at most step, clusters) int8 patterns, draws of them in all: the numbers that one call for all would draw.

    The generator makes four of them of one word, and forgets the remains of a word between calls: `step` is a
    multiple of four.
    """
    for start in range(0, draws, step):
        yield rng.integers(0, 2, size=(min(step, draws - start), clusters), dtype=np.int8)


def _draws_at_a_time(width: int) -> int:
    """How many draws of `width` numbers each are held at a time: a multiple of four."""
    return max(4, _CHUNK // max(1, width) // 4 * 4)


@dataclass(frozen=True)
class _Sides:
    """The two sides under any swap pattern s in {0, 1}^clusters: run i belongs to the first if m_i xor s[code_i].

    score, score_change : of all strata, U(s) = score + s @ score_change; the change is (clusters,).
    strata : the risk sets of each stratum, and of its runs the membership m and the cluster's code.
    """

    score: float
    score_change: np.ndarray
    strata: list[tuple[RiskSets, np.ndarray, np.ndarray]]

    @classmethod
    def of(cls, time, event, first, code, stratum) -> _Sides:
        score, strata = np.zeros(time.size), []
        for rows in strata_of(stratum, time.size):
            sets = risk_sets(time[rows], event[rows])
            score[rows] = sets.score
            strata.append((sets, first[rows], code[rows]))
        return cls(float(score[first].sum()), np.bincount(code, np.where(first, -score, score)), strata)

    def statistics(self, swaps: np.ndarray) -> np.ndarray:
        """Z for each row of ``swaps`` (draws, clusters)."""
        score = -(self.score + swaps @ self.score_change)
        variance = np.zeros(len(swaps))
        for sets, members, code in self.strata:
            variance += sets.variance(sets.at_risk(swaps[:, code] != members))
        return np.divide(score, np.sqrt(variance), out=np.zeros(len(swaps)), where=variance > 0)


@dataclass(frozen=True)
class Interval:
    """A percentile interval; ends may be infinite (writers turn them into empty cells).

    ``infinite`` and ``undefined`` are the shares of the draws whose statistic was +-inf and NaN.
    """

    low: float
    high: float
    infinite: float = 0.0
    undefined: float = 0.0


def percentile_interval(draws: np.ndarray, level: float = 0.95) -> Interval:
    """The order statistics that cut (1 - level)/2 of the draws off at each end; no interpolation, so +-inf is fine.

    An undefined draw (NaN: the difference of two medians beyond the data) could have been anything: it counts as
    -inf for the low end and as +inf for the high one. So a few of them widen the interval, and more than
    (1 - level)/2 of them make both ends infinite; dropping them would claim precision just where there is none.
    """
    draws = np.asarray(draws, dtype=float)
    if not draws.size:
        return Interval(np.nan, np.nan)
    undefined = np.isnan(draws)
    cut = int((1 - level) / 2 * draws.size + 1e-9)
    low = np.sort(np.where(undefined, -np.inf, draws))[cut]
    high = np.sort(np.where(undefined, np.inf, draws))[draws.size - 1 - cut]
    return Interval(float(low), float(high), float(np.isinf(draws).mean()), float(undefined.mean()))


def seed_counts(seeds: int, rng: np.random.Generator, draws: int = BOOTSTRAP_DRAWS) -> np.ndarray:
    """How often each of `seeds` seeds is drawn, with replacement, in each bootstrap sample: (draws, seeds)."""
    return rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=draws)


def bootstrap_seeds(
    statistic: Callable[[np.ndarray], np.ndarray],
    seed,
    *,
    rng: np.random.Generator,
    draws: int = BOOTSTRAP_DRAWS,
    level: float = 0.95,
) -> Interval:
    """The percentile bootstrap interval of a statistic of runs, resampling seeds (all runs of a seed together).

    Parameters
    ----------
    statistic : takes multiplicities (k, n) of the runs, returns (k,) values, for any k; censored runs are its own
        affair (``survival.median(time, event, weights)`` counts them as +inf)
    seed : (n,) the seed of each run, of whatever task and side; without runs the interval is NaN, NaN
    """
    labels, code = np.unique(np.asarray(seed), return_inverse=True)
    if not labels.size:
        return percentile_interval(np.array([]), level)
    step = max(1, _CHUNK // code.size)
    sizes = (min(step, draws - start) for start in range(0, draws, step))
    values = [statistic(seed_counts(labels.size, rng, size)[:, code]) for size in sizes]
    return percentile_interval(np.concatenate(values), level)
