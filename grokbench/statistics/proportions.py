"""Shares of runs: the exact interval of one, and the difference of two that were measured on the same splits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np


@lru_cache(maxsize=2**14)  # a millisecond each, and a report asks the same few thousands of times
def clopper_pearson(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The exact two-sided interval of a binomial proportion (Clopper and Pearson 1934); NaN, NaN without runs.

    A one-sided 95 % bound is the end of the interval at level .90. Raises ValueError unless 0 <= successes <= n.
    """
    from scipy.stats import binomtest

    if n == 0 == successes:
        return math.nan, math.nan
    interval = binomtest(int(successes), int(n)).proportion_ci(level, method="exact")
    return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class PairedDifference:
    """p1 - p2 over n pairs, its interval (Newcombe's method 10) and the exact McNemar p; NaN where n = 0."""

    difference: float
    low: float
    high: float
    p: float
    n: int


def paired_difference(first, second, level: float = 0.95) -> PairedDifference:
    """The difference of two shares measured on the same clusters.

    ``first`` and ``second`` : (n,) 1.0, 0.0 or NaN, the same (task, seed) at the same position; a pair with a
    NaN is left out. Raises ValueError for other values or unequal lengths.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"shapes {first.shape} and {second.shape}: expected the two sides of the same pairs")
    known = ~(np.isnan(first) | np.isnan(second))
    first, second = first[known], second[known]
    if not np.isin(np.concatenate([first, second]), (0.0, 1.0)).all():
        raise ValueError("a share is made of 1, 0 and NaN")
    counts = [int(np.count_nonzero((first == i) & (second == j))) for i, j in ((1, 1), (1, 0), (0, 1), (0, 0))]
    return paired_difference_of_counts(*counts, level=level)


def paired_difference_of_counts(e: int, f: int, g: int, h: int, level: float = 0.95) -> PairedDifference:
    """The difference and its interval from counts of pairs: e (1, 1), f (1, 0), g (0, 1), h (0, 0)."""
    n = e + f + g + h
    if n == 0:
        return PairedDifference(math.nan, math.nan, math.nan, math.nan, 0)
    low, high = newcombe_interval(e, f, g, h, level)
    return PairedDifference((f - g) / n, low, high, mcnemar_p(f, g), n)


def newcombe_interval(e: int, f: int, g: int, h: int, level: float = 0.95) -> tuple[float, float]:
    """The interval of p1 - p2 = (f - g)/n by Newcombe's method 10 (1998, Statist. Med. 17, 2635).

    The Wilson intervals (l, u) of the two margins are added in squares, less what the correlation phi of the
    pairs takes away; a positive phi is corrected for continuity. Raises ValueError for an empty or negative table.
    """
    n = e + f + g + h
    if min(e, f, g, h) < 0 or n == 0:
        raise ValueError(f"counts {(e, f, g, h)}: expected at least one pair and none negative")
    p1, p2 = (e + f) / n, (e + g) / n
    l1, u1 = _wilson(e + f, n, level)
    l2, u2 = _wilson(e + g, n, level)
    phi = _correlation(e, f, g, h)

    def half(one: float, other: float) -> float:  # rounding may leave -1e-17 under the root
        return math.sqrt(max(0.0, one**2 - 2 * phi * one * other + other**2))

    return p1 - p2 - half(p1 - l1, u2 - p2), p1 - p2 + half(u1 - p1, p2 - l2)


def mcnemar_p(f: int, g: int) -> float:
    """Exact two-sided p of equal margins: discordant pairs fall either way like a fair coin; 1 without any."""
    from scipy.stats import binomtest

    return float(binomtest(f, f + g, 0.5).pvalue) if f + g else 1.0


def _wilson(successes: int, n: int, level: float) -> tuple[float, float]:
    from scipy.stats import binomtest

    interval = binomtest(successes, n).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def _correlation(e: int, f: int, g: int, h: int) -> float:
    margins = (e + f) * (g + h) * (e + g) * (f + h)
    product = e * h - f * g
    if product > 0:
        product = max(product - (e + f + g + h) / 2, 0.0)
    return product / math.sqrt(margins) if margins else 0.0
