"""The widened bootstrap against Student's interval, its coverage at ten seeds, and differences over several tasks."""

import math

import numpy as np
import pytest
from scipy import stats

from grokbench.statistics.clusters import expanded_level, seed_interval, share_within
from grokbench.statistics.resampling import bootstrap_seeds


def mean_of(values):
    return lambda weights: weights @ values / weights.sum(axis=-1)


@pytest.mark.parametrize("level", [0.95, 1 - 0.1 / 3])
@pytest.mark.parametrize("n", [5, 10, 20])
def test_of_a_mean_it_is_nearly_students_interval(n, level):
    values = stats.norm.ppf((np.arange(n) + 0.5) / n)  # symmetric, so that skewness plays no part
    interval = seed_interval(mean_of(values), np.arange(n), rng=np.random.default_rng(0), level=level, draws=50_000)
    student = stats.t.ppf((1 + level) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n)
    # the bootstrap distribution of five values has lighter tails than the normal one that the level is chosen for
    assert (-interval.low, interval.high) == pytest.approx((student, student), rel=0.12 if n == 5 else 0.05)


def test_ends_cover_at_ten_seeds_where_the_plain_percentile_does_not():
    rng = np.random.default_rng(1)
    missed = {bootstrap_seeds: 0, seed_interval: 0}
    for _ in range(400):
        values = rng.normal(size=10)
        for interval in missed:
            ends = interval(mean_of(values), np.arange(10), rng=rng, draws=400)
            missed[interval] += not ends.low <= 0 <= ends.high
    assert missed[seed_interval] / 400 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)
    assert missed[bootstrap_seeds] / 400 > 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)  # about .09


def test_the_level_is_that_of_student():
    assert expanded_level(0.95, 10) == pytest.approx(1 - 2 * 0.00856, abs=1e-4)
    assert expanded_level(0.95, 10**6) == pytest.approx(0.95, abs=1e-5)


def test_few_seeds():
    one = seed_interval(mean_of(np.ones(3)), [7, 7, 7], rng=np.random.default_rng(0))
    assert (one.low, one.high) == (-math.inf, math.inf)
    none = seed_interval(mean_of(np.ones(0)), [], rng=np.random.default_rng(0))
    assert math.isnan(none.low)


def test_share_within_is_the_difference_of_two_survival_probabilities():
    rng = np.random.default_rng(2)
    time, event = np.round(rng.exponential(1.5, 40), 1), rng.random(40) < 0.7
    survival = stats.ecdf(stats.CensoredData.right_censored(time, ~event)).sf
    low, high = np.sort(time[event])[[3, 20]]  # both ends at events: the lower one belongs to the share
    estimate, interval = share_within(time, event, low, high, np.arange(40) % 20, rng=rng)
    assert estimate == pytest.approx(survival.evaluate(low - 1e-9) - survival.evaluate(high), abs=1e-12)
    assert 0 <= interval.low < estimate < interval.high <= 1


def test_share_within_without_censoring_is_the_share_and_counts_no_censored_run():
    time = np.array([0.5, 1.0, 1.5, 2.0, 2.5])
    seed, rng = np.arange(5), np.random.default_rng(0)
    assert share_within(time, np.ones(5, dtype=bool), 1, 2, seed, rng=rng)[0] == pytest.approx(3 / 5)
    assert share_within(time, np.zeros(5, dtype=bool), 1, 2, seed, rng=rng)[0] == 0
    assert math.isnan(share_within([], [], 1, 2, [], rng=rng)[0])
