"""Exact location intervals against enumeration, scipy's signed-rank test, and the cuts of published tables."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from grokbench.statistics.location import (
    hodges_lehmann,
    median_interval,
    sign_cut,
    signed_rank_cut,
    walsh_averages,
)


@pytest.mark.parametrize(
    ("n", "alpha", "cut"), [(10, 0.025, 9), (10, 0.05 / 3, 7), (20, 0.025, 53), (20, 0.05 / 3, 49)]
)
def test_cuts_of_the_signed_rank_table(n, alpha, cut):
    assert signed_rank_cut(n, alpha) == cut


@pytest.mark.parametrize("n", [1, 2, 5, 9])
@pytest.mark.parametrize("alpha", [0.5, 0.1, 0.025, 1 / 32, 0.001])
def test_cuts_against_all_subsets(n, alpha):
    sums = [sum(subset) for k in range(n + 1) for subset in itertools.combinations(range(1, n + 1), k)]
    ranks = [k for k in range(n * (n + 1) // 2 + 2) if sum(s < k for s in sums) <= alpha * 2**n]
    assert signed_rank_cut(n, alpha) == max(ranks)
    assert sign_cut(n, alpha) == max(k for k in range(n + 2) if k == 0 or stats.binom.cdf(k - 1, n, 0.5) <= alpha)


def test_ends_are_the_named_walsh_averages():
    values = np.random.default_rng(0).normal(size=20)
    for n, low, high in ((10, 9, 47), (20, 53, 158)):
        walsh = np.sort([(x + y) / 2 for i, x in enumerate(values[:n]) for y in values[i:n]])
        estimate = hodges_lehmann(values[:n])
        assert (estimate.low, estimate.high) == pytest.approx((walsh[low - 1], walsh[high - 1]), abs=1e-15)
        assert estimate.estimate == pytest.approx(np.median(walsh), abs=1e-15)


@pytest.mark.parametrize("n", [6, 10, 15])
def test_interval_holds_just_the_centres_that_wilcoxon_does_not_reject(n):
    values = np.random.default_rng(n).normal(size=n)
    estimate = hodges_lehmann(values)
    for centre in np.linspace(-2, 2, 81):
        kept = stats.wilcoxon(values - centre, method="exact").pvalue > 0.05
        assert kept == (estimate.low < centre < estimate.high)


def test_an_end_at_a_one_sided_level_is_that_of_the_test():
    values = np.random.default_rng(3).normal(0.3, 1, size=10)
    low = hodges_lehmann(values, level=1 - 2 * 0.05 / 3).low
    for step in (-1e-9, 1e-9):
        p = stats.wilcoxon(values - low - step, alternative="greater", method="exact").pvalue
        assert (p <= 0.05 / 3) == (step < 0)


@pytest.mark.parametrize("interval", [hodges_lehmann, median_interval])
@pytest.mark.parametrize("level", [0.95, 1 - 0.1 / 3])
def test_coverage_with_ties_is_at_least_the_level(interval, level):
    rng = np.random.default_rng(5)
    inside = [f.low <= 0 <= f.high for f in (interval(rng.integers(-2, 3, 10), level) for _ in range(400))]
    assert np.mean(inside) >= level - 3 * np.sqrt(level * (1 - level) / 400)


def test_the_median_interval_covers_a_skewed_median():
    # log 2 is the median of the exponential; the sign test needs no symmetry: 2 P(B < 2) = .021 misses.
    rng = np.random.default_rng(6)
    estimate = [median_interval(rng.exponential(size=10)) for _ in range(2000)]
    missed = np.mean([not f.low <= np.log(2) <= f.high for f in estimate])
    assert missed == pytest.approx(2 * stats.binom.cdf(1, 10, 0.5), abs=4 * np.sqrt(0.021 / 2000))


def test_infinite_values_are_values():
    values = [-np.inf, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    estimate = hodges_lehmann(values)
    assert estimate.low == -np.inf  # ten averages hold the stray value, nine may be cut
    assert 0 < estimate.estimate < estimate.high < 1
    assert median_interval(values).low == 0.1  # the second smallest: one stray value does not reach the end
    assert hodges_lehmann([np.inf] * 10).low == np.inf


def test_opposite_infinities_are_undecided():
    values = [-np.inf, np.inf, *np.linspace(-1, 1, 18)]
    walsh = walsh_averages(values)
    assert np.isnan(walsh).sum() == 1
    finite_ends = hodges_lehmann(values)
    replaced = [np.sort(np.where(np.isnan(walsh), side, walsh)) for side in (-np.inf, np.inf)]
    assert (finite_ends.low, finite_ends.high) == (replaced[0][52], replaced[1][157])
    assert finite_ends.estimate == pytest.approx(0, abs=1e-12)


def test_too_few_values_say_nothing_and_missing_ones_are_refused():
    for interval in (hodges_lehmann, median_interval):
        assert (interval([1.0] * 5).low, interval([1.0] * 5).high) == (-np.inf, np.inf)  # 2/2^5 > .05
        assert interval([1.0] * 6).low == 1
        assert np.isnan([interval([]).estimate, interval([]).low]).all()
        with pytest.raises(ValueError, match="NaN"):
            interval([1.0, np.nan])


numbers = st.lists(st.integers(-20, 20) | st.sampled_from([-np.inf, np.inf]), min_size=1, max_size=14)


@given(numbers)
def test_mirror_order_and_nesting(values):
    for interval in (hodges_lehmann, median_interval):
        located, mirrored = interval(values), interval([-v for v in values][::-1])
        assert (mirrored.low, mirrored.high) == (-located.high, -located.low)
        wider = interval(values, level=0.99)
        assert wider.low <= located.low <= located.high <= wider.high
        assert np.isnan(located.estimate) or located.low <= located.estimate <= located.high
