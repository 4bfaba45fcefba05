"""Kaplan-Meier, log-rank and win difference against lifelines, scipy and the definitions written as loops."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from grokbench.statistics.survival import kaplan_meier, log_rank, median, risk_sets, win_difference

# Small integers make ties between events, and between events and censorings, the rule.
runs = st.lists(
    st.tuples(st.integers(0, 6), st.booleans(), st.booleans(), st.integers(0, 2)), min_size=2, max_size=24
).map(lambda rows: [np.array(column) for column in zip(*rows, strict=True)])


def censored(time, event):
    return stats.CensoredData(uncensored=time[event], right=time[~event])


@given(runs)
@settings(max_examples=60, deadline=None)
def test_kaplan_meier_is_that_of_scipy_and_lifelines(sample):
    from lifelines import KaplanMeierFitter

    time, event = sample[0].astype(float), sample[1]
    times, survival = kaplan_meier(time, event)
    fitted = KaplanMeierFitter().fit(time, event)
    np.testing.assert_allclose(survival, fitted.predict(times) if times.size else [], atol=1e-12)  # rounding only
    if event.any():
        np.testing.assert_allclose(stats.ecdf(censored(time, event)).sf.evaluate(times), survival, atol=1e-12)
    reached = [t for t, s in zip(times, survival, strict=True) if s <= 0.5 + 1e-9]
    assert median(time, event) == (reached[0] if reached else math.inf)


def test_median_agrees_with_lifelines_on_continuous_times():
    from lifelines import KaplanMeierFitter

    rng = np.random.default_rng(0)
    for n in range(3, 40, 2):  # odd n: S never equals 1/2 without censoring, where lifelines' rounding differs
        time, event = rng.lognormal(size=n), rng.random(n) < 0.7
        assert median(time, event) == KaplanMeierFitter().fit(time, event).median_survival_time_


@pytest.mark.parametrize("n", range(1, 80))
def test_median_without_censoring_is_the_order_statistic_at_half(n):
    time = np.random.default_rng(n).permutation(n) + 1.0
    assert median(time, np.ones(n, bool)) == math.ceil(n / 2)  # smallest t with S(t) <= 1/2, whatever the rounding


def test_median_beyond_the_data_is_infinite_and_of_nothing_undefined():
    assert median([1, 2, 3], [True, False, False]) == math.inf
    assert median([1, 2, 3], [False] * 3) == math.inf
    assert math.isnan(median([], []))
    np.testing.assert_array_equal(median([1.0, 2.0], [True, True], np.array([[0, 0], [2, 0], [0, 3]])), [np.nan, 1, 2])


def test_an_infinite_time_is_censored_whatever_event_says():
    time = [1.0, 2.0, np.inf, np.inf]
    assert median(time, [True] * 4) == median([1.0, 2.0, 9.0, 9.0], [True, True, False, False]) == 2
    assert log_rank(time, [True] * 4, [1, 0, 1, 0]) == log_rank([1, 2, 9, 9], [1, 1, 0, 0], [1, 0, 1, 0])
    assert kaplan_meier(time, [True] * 4)[0].tolist() == [1, 2]
    assert win_difference([np.inf, np.inf], [True, False], [True, False]) == 0  # neither is known to be earlier


@pytest.mark.parametrize("bad", [[np.nan, 1.0], [-np.inf, 1.0], [1.0]])
def test_times_that_mean_nothing_are_refused(bad):
    with pytest.raises(ValueError, match=r"NaN or -inf|equal lengths"):
        median(bad, [True, False])


@given(runs, st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_weights_count_runs_as_often_as_they_say(sample, seed):
    time, event = sample[0].astype(float), sample[1]
    weights = np.random.default_rng(seed).integers(0, 4, size=(5, time.size))
    times, survival = kaplan_meier(time, event, weights)
    for row, curve, middle in zip(weights, survival, median(time, event, weights), strict=True):
        repeated = np.repeat(time, row), np.repeat(event, row)
        own_times, own = kaplan_meier(*repeated)
        np.testing.assert_array_equal(curve[np.isin(times, own_times)], own)
        np.testing.assert_equal(middle, median(*repeated))


def log_rank_by_definition(time, event, first, stratum):
    """Observed minus expected and variance at each event time, from scipy's hypergeometric distribution."""
    score = variance = 0.0
    for label in set(stratum.tolist()):
        inside = stratum == label
        for t in set(time[inside & event].tolist()):
            at_risk, dying = inside & (time >= t), inside & event & (time == t)
            law = stats.hypergeom(at_risk.sum(), (at_risk & first).sum(), dying.sum())
            with np.errstate(divide="ignore", invalid="ignore"):  # scipy computes the kurtosis besides, 0/0 here
                score += (dying & first).sum() - law.mean()
                variance += law.var() if at_risk.sum() > 1 else 0  # 0/0 for the last one at risk
    return -score / math.sqrt(variance) if variance > 1e-12 else 0.0


@given(runs)
@settings(max_examples=100, deadline=None)
def test_stratified_log_rank_is_the_hypergeometric_one(sample):
    time, event, first, stratum = sample[0].astype(float), *sample[1:]
    expected = log_rank_by_definition(time, event, first, stratum)
    assert log_rank(time, event, first, stratum) == pytest.approx(expected, abs=1e-9)  # sqrt of sums of rounded terms
    assert log_rank(time, event, ~first, stratum) == pytest.approx(-expected, abs=1e-9)


def test_unstratified_log_rank_is_that_of_lifelines_and_scipy():
    from lifelines.statistics import logrank_test

    rng = np.random.default_rng(1)
    for _ in range(10):
        time, event, first = rng.integers(1, 12, 30).astype(float), rng.random(30) < 0.7, rng.random(30) < 0.5
        z = log_rank(time, event, first)
        theirs = logrank_test(time[first], time[~first], event[first], event[~first]).test_statistic
        assert z**2 == pytest.approx(theirs, rel=1e-9)
        x, y = (censored(time[side], event[side]) for side in (first, ~first))
        assert z == pytest.approx(-stats.logrank(x, y).statistic, rel=1e-9)  # scipy: positive if x has more events


def test_log_rank_without_variance_is_zero():
    assert log_rank([1, 2], [False, False], [True, False]) == 0  # no event
    assert log_rank([1, 2, 3], [True] * 3, [True] * 3) == 0  # one side
    assert log_rank([1, 2, 1, 2], [True] * 4, [1, 1, 0, 0], ["u", "u", "v", "v"]) == 0  # one side in each stratum
    assert risk_sets([1.0], [True]).factor.tolist() == [0.0]


@given(runs)
@settings(max_examples=100, deadline=None)
def test_win_difference_counts_decided_pairs(sample):
    time, event, first, stratum = sample[0].astype(float), *sample[1:]
    decided = []
    for i in np.flatnonzero(first):
        for j in np.flatnonzero(~first & (stratum == stratum[i])):
            # An event at t is known to be t; a censoring at t means anything after t.
            low_i, high_i = (time[i], time[i]) if event[i] else (time[i] + 0.5, np.inf)
            low_j, high_j = (time[j], time[j]) if event[j] else (time[j] + 0.5, np.inf)
            decided.append(int(low_i > high_j) - int(high_i < low_j))
    expected = np.mean(decided) if decided else np.nan
    np.testing.assert_allclose(win_difference(time, event, first, stratum), expected, atol=1e-12)


def test_win_difference_without_censoring_is_mann_whitney():
    x, y = np.random.default_rng(2).normal(size=(2, 15))
    wins = stats.mannwhitneyu(x, y).statistic
    time, first = np.concatenate([x, y]), np.arange(30) < 15
    assert win_difference(time, np.ones(30, bool), first) == pytest.approx(2 * wins / 225 - 1)
