"""Does the time rise with the dose? Gehan's scores in Jonckheere's sum, for censored times and shared seeds.

W_ij in {-1, 0, 1} says whether run i is surely earlier or later than run j (`survival.surely_later`); censoring that
depends on the dose makes scores 0 and nothing else, where a rank correlation with times set to the limit would see a
trend. Doses enter by their order alone: equidistant or not, linear or logarithmic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grokbench.statistics.clusters import seed_interval
from grokbench.statistics.resampling import BOOTSTRAP_DRAWS
from grokbench.statistics.survival import observed, surely_later

TREND_DRAWS = 4_999
MOST_STEPS, CLOSE_ENOUGH = 500, 1e-5  # of expectation and maximization; change of the slope at which it ends
_CHUNK = 2**20  # numbers held at a time


@dataclass(frozen=True)
class Trend:
    """J and its permutation p for "later with dose" (``p_later``), for "earlier", and two-sided."""

    statistic: float
    p_later: float
    p_earlier: float

    @property
    def p(self) -> float:
        """Two-sided: twice the smaller one, at most 1."""
        return min(1.0, 2 * min(self.p_later, self.p_earlier))


@dataclass(frozen=True)
class Concordance:
    """tau_c = (#later - #earlier)/#decided among pairs of doses within a block; NaN where no pair is decided."""

    estimate: float
    low: float
    high: float
    decided: int
    blocks: int


def gehan_scores(time, event) -> np.ndarray:
    """W (n, n): +1 where run i is surely later than run j, -1 where surely earlier, 0 undecided; antisymmetric."""
    time, event = observed(time, event)
    later = surely_later(time[:, None], event[:, None], time, event).astype(float)
    return later - later.T


def gehan_jonckheere(
    time, event, dose, block, *, rng: np.random.Generator, draws: int = TREND_DRAWS, stratum=None
) -> Trend:
    """J = sum over pairs i < j of W_ij sign(x_i - x_j), against permutations of the doses within blocks.

    All pairs of a stratum count, also those between blocks, but doses are exchanged only within a block (a seed's
    split, which its runs share): p = (1 + #{J* >= J})/(1 + draws). A block with one dose cannot be permuted and adds
    the same to every draw. Without a block that can be, p = 1.

    Parameters
    ----------
    time, event : (n,) the observations, as in `survival`
    dose : (n,) numbers, of which the order is used
    block : (n,) labels within which doses are exchangeable under the hypothesis
    stratum : (n,) labels of a coarser kind (the task) between which runs are not compared; default one stratum

    Raises ValueError for lengths that differ or a dose that is NaN.
    """
    scores, levels = gehan_scores(time, event), _levels(dose, np.size(time))
    if stratum is not None:
        scores *= np.equal.outer(np.asarray(stratum), np.asarray(stratum))
    code = np.unique(np.asarray(block), return_inverse=True)[1]
    if code.size != levels.size:
        raise ValueError(f"{code.size} blocks for {levels.size} runs")
    statistic = _jonckheere(scores, levels[None])[0]
    step = max(1, _CHUNK // max(1, levels.size * (levels.max(initial=0) + 1)))
    null = np.concatenate(
        [_jonckheere(scores, _permuted(levels, code, rng, min(step, draws - start))) for start in range(0, draws, step)]
    )
    return Trend(
        float(statistic),
        (1 + int(np.count_nonzero(null >= statistic))) / (1 + draws),
        (1 + int(np.count_nonzero(null <= statistic))) / (1 + draws),
    )


def concordance(
    time,
    event,
    dose,
    block,
    *,
    rng: np.random.Generator,
    seed=None,
    among=None,
    level: float = 0.95,
    draws: int = BOOTSTRAP_DRAWS,
) -> Concordance:
    """tau_c over the pairs within blocks, with the bootstrap interval over seeds (`clusters.seed_interval`).

    Parameters
    ----------
    time, event, dose : as for `gehan_jonckheere`
    block : (n,) labels of the (task, seed) within which runs are compared
    seed : (n,) the seed of each run, resampled with all its blocks; default the block itself
    among : (n, n), symmetric: the pairs that count (say, those alike in a third variable), or weights; default all
    """
    scores, levels = gehan_scores(time, event), _levels(dose, np.size(time))
    labels, first, code = np.unique(np.asarray(block), return_index=True, return_inverse=True)
    if code.size != levels.size:
        raise ValueError(f"{code.size} blocks for {levels.size} runs")
    signs = scores * np.sign(levels[:, None] - levels) * np.equal.outer(code, code)
    signs *= 1 if among is None else among
    net, decided = (np.bincount(code, rows.sum(axis=1) / 2, labels.size) for rows in (signs, np.abs(signs)))
    seeds = labels if seed is None else np.asarray(seed)[first]

    def tau(weights):
        total = weights @ decided
        return np.divide(weights @ net, total, out=np.full(total.shape, np.nan), where=total > 0)

    interval = seed_interval(tau, seeds, rng=rng, draws=draws, level=level)
    estimate = float(tau(np.ones((1, labels.size)))[0])
    return Concordance(estimate, interval.low, interval.high, int(decided.sum()), labels.size)


def censored_slope(x, time, event, weights=None) -> np.ndarray:
    """The slope b of ``time = a + b x + sigma e``, e standard normal, where censored times are lower bounds (Tobit).

    Maximum likelihood by expectation and maximization: a censored time is replaced by its expectation beyond the bound,
    and its variance there enters sigma. Without censored times it is the least-squares slope.

    Parameters
    ----------
    x, time : (n,) float64; time as a logarithm, say
    event : (n,) bool; False where the time is a lower bound only
    weights : (..., n) how often each run counts; default once each, a result of shape (1,)

    Returns the slopes (...,); NaN where the events have fewer than two values of x.

    Source: Tobin (1958, Econometrica 26, 24); Schmee & Hahn (1979, Technometrics 21, 417).
    """
    from scipy.special import log_ndtr

    x, time, event = (np.asarray(column, dtype=kind) for column, kind in ((x, float), (time, float), (event, bool)))
    weights = np.ones((1, x.size)) if weights is None else np.asarray(weights, dtype=float)
    full, variance = np.broadcast_to(time, weights.shape), np.zeros(weights.shape)
    on_events = np.where(event, weights, 0.0)
    a, b = _line(x, full, on_events)
    if event.all():
        return b[..., 0]
    sigma = _spread(full - a - b * x, variance, on_events)
    for _ in range(MOST_STEPS):
        mean, before = a + b * x, b
        beyond = (time - mean) / sigma
        hazard = np.exp(_log_density(beyond) - log_ndtr(-beyond))
        full = np.where(event, time, mean + sigma * hazard)
        variance = np.where(event, 0.0, sigma**2 * (1 + beyond * hazard - hazard**2))
        a, b = _line(x, full, weights)
        sigma = _spread(full - a - b * x, variance, weights)
        if np.nanmax(np.abs(b - before), initial=0.0) < CLOSE_ENOUGH:
            break
    return b[..., 0]


def _line(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intercept and slope (..., 1) of the weighted least-squares line; NaN where x has one value only."""
    with np.errstate(invalid="ignore", divide="ignore"):
        total = weights.sum(axis=-1, keepdims=True)
        mx, my = ((weights * v).sum(axis=-1, keepdims=True) / total for v in (x, y))
        spread = (weights * (x - mx) ** 2).sum(axis=-1, keepdims=True)
        slope = np.where(spread > 0, (weights * (x - mx) * (y - my)).sum(axis=-1, keepdims=True) / spread, np.nan)
    return my - slope * mx, slope


def _spread(residual: np.ndarray, variance: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """sigma (..., 1), not below 1e-6: on an exact line a censored time is at its bound."""
    with np.errstate(invalid="ignore", divide="ignore"):
        total = weights.sum(axis=-1, keepdims=True)
        sigma = np.sqrt((weights * (residual**2 + variance)).sum(axis=-1, keepdims=True) / total)
    return np.maximum(sigma, 1e-6)


def _log_density(z: np.ndarray) -> np.ndarray:
    return -(z**2) / 2 - np.log(2 * np.pi) / 2


def _levels(dose, n: int) -> np.ndarray:
    """The rank of each run's dose among the distinct doses."""
    dose = np.asarray(dose, dtype=float)
    if dose.shape != (n,) or np.isnan(dose).any():
        raise ValueError(f"doses of shape {dose.shape}: expected one number for each of {n} runs")
    return np.unique(dose, return_inverse=True)[1]


def _jonckheere(scores: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """J (draws,) of doses ``levels`` (draws, n): with A_ik = sign(x_i - k) it is half the sum of W_ij A_i,x(j)."""
    against = np.sign(levels[..., None] - np.arange(levels.max(initial=0) + 1)).astype(float)
    summed = scores.T @ against  # (draws, n, k): sum over i of W_ij sign(x_i - k)
    return np.take_along_axis(summed, levels[..., None], axis=-1)[..., 0].sum(axis=-1) / 2


def _permuted(levels: np.ndarray, code: np.ndarray, rng: np.random.Generator, draws: int) -> np.ndarray:
    """(draws, n) doses, shuffled within each block: sorting random keys block by block permutes its places."""
    places = np.argsort(code, kind="stable")
    shuffled = np.argsort(code + rng.random((draws, code.size)), axis=-1)
    permuted = np.empty((draws, code.size), dtype=levels.dtype)
    permuted[:, places] = levels[shuffled]
    return permuted
