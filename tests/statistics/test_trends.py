"""The censored trend against brute force over pairs, enumeration of permutations, scipy and simulated error rates."""

import itertools

import numpy as np
import pytest
from scipy import optimize, stats

from grokbench.statistics import trends
from grokbench.statistics.trends import censored_slope, concordance, gehan_jonckheere, gehan_scores


def later(a, b):
    """Whether run a = (time, event) surely is later than run b."""
    return b[1] and (a[0] > b[0] or (a[0] == b[0] and not a[1]))


def jonckheere(time, event, dose, together=lambda i, j: True):
    """J and the number of decided pairs, by going through them."""
    runs, total, decided = list(zip(time, event, strict=True)), 0, 0
    for i, j in itertools.combinations(range(len(runs)), 2):
        w = int(later(runs[i], runs[j])) - int(later(runs[j], runs[i]))
        term = w * int(np.sign(dose[i] - dose[j])) if together(i, j) else 0
        total, decided = total + term, decided + abs(term)
    return total, decided


def ladder(rng, blocks=4, doses=3):
    dose = np.tile(np.geomspace(0.1, 10, doses), blocks)
    return rng.integers(1, 12, dose.size), rng.random(dose.size) < 0.7, dose, np.repeat(np.arange(blocks), doses)


@pytest.mark.parametrize("seed", range(5))
def test_statistic_and_tau_are_the_sums_over_pairs(seed):
    rng = np.random.default_rng(seed)
    time, event, dose, block = ladder(rng, 6, 5)
    order = rng.permutation(dose.size)  # runs come in any order
    time, event, dose, block = time[order], event[order], dose[order], block[order]
    assert gehan_jonckheere(time, event, dose, block, rng=rng, draws=1).statistic == jonckheere(time, event, dose)[0]
    net, decided = jonckheere(time, event, dose, lambda i, j: block[i] == block[j])
    test = concordance(time, event, dose, block, rng=rng)
    assert (test.estimate, test.decided, test.blocks) == (pytest.approx(net / decided), decided, 6)
    third = rng.random(dose.size)
    alike = np.abs(third[:, None] - third) < 0.3
    net, decided = jonckheere(time, event, dose, lambda i, j: block[i] == block[j] and alike[i, j])
    test = concordance(time, event, dose, block, among=alike, rng=rng)
    assert (test.estimate, test.decided) == (pytest.approx(net / decided), decided)
    task = block % 2
    within = jonckheere(time, event, dose, lambda i, j: task[i] == task[j])[0]
    assert gehan_jonckheere(time, event, dose, block, rng=rng, draws=1, stratum=task).statistic == within


def test_scores_of_every_kind_of_pair():
    # event at 1, censored at 1, event at 2, censored for ever
    expected = [[0, -1, -1, -1], [1, 0, 0, 0], [1, 0, 0, -1], [1, 0, 1, 0]]
    assert gehan_scores([1, 1, 2, np.inf], [True, False, True, True]).tolist() == expected


@pytest.mark.parametrize("seed", range(4))
def test_p_approaches_that_of_all_permutations(seed):
    time, event, dose, block = ladder(np.random.default_rng(seed), 4, 3)
    shown = jonckheere(time, event, dose)[0]
    null = np.array(
        [
            jonckheere(time, event, np.concatenate(patterns))[0]
            for patterns in itertools.product(list(itertools.permutations(dose[:3])), repeat=4)
        ]
    )
    order = np.random.default_rng(seed + 10).permutation(dose.size)  # blocks need not stand together
    test = gehan_jonckheere(time[order], event[order], dose[order], block[order], rng=np.random.default_rng(0))
    for p, exact in ((test.p_later, np.mean(null >= shown)), (test.p_earlier, np.mean(null <= shown))):
        assert p == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / trends.TREND_DRAWS) + 2e-4)
    assert test.p == min(1, 2 * min(test.p_later, test.p_earlier))


def test_without_censoring_it_is_kendall():
    rng = np.random.default_rng(1)
    time, dose = rng.random(30), np.arange(30.0)
    test = concordance(time, np.ones(30, dtype=bool), dose, np.zeros(30), rng=rng)
    assert test.estimate == pytest.approx(stats.kendalltau(time, dose).statistic, abs=1e-12)
    one_block = gehan_jonckheere(time, np.ones(30, dtype=bool), dose, np.zeros(30), rng=rng)
    assert one_block.p == pytest.approx(stats.kendalltau(time, dose).pvalue, abs=0.03)


def test_doses_count_by_order_and_runs_in_any_order():
    rng = np.random.default_rng(2)
    time, event, dose, block = ladder(rng, 5, 4)
    one = concordance(time, event, dose, block, rng=np.random.default_rng(0))
    assert concordance(time**3, event, np.log(dose), block, rng=np.random.default_rng(0)) == one
    back = concordance(time, event, -dose, block, rng=np.random.default_rng(0))
    assert back.estimate == -one.estimate
    order = rng.permutation(dose.size)
    assert concordance(time[order], event[order], dose[order], block[order], rng=np.random.default_rng(0)) == one


def test_seeds_are_resampled_with_all_their_blocks():
    time, event, dose, block = ladder(np.random.default_rng(4), 8, 4)
    twice = [np.concatenate([x, x]) for x in (time, event, dose)]
    task = np.repeat(["a", "b"], dose.size)
    labels = np.array([f"{t}{b}" for t, b in zip(task, np.tile(block, 2), strict=True)])
    doubled = concordance(*twice, labels, seed=np.tile(block, 2), rng=np.random.default_rng(0))
    single = concordance(time, event, dose, block, rng=np.random.default_rng(0))
    assert (doubled.low, doubled.high) == (single.low, single.high)  # the same seeds again are no new evidence
    assert doubled.decided == 2 * single.decided


def test_nothing_to_tell():
    nothing = gehan_jonckheere([1.0, 2, 3], [False] * 3, [1, 2, 3], [0, 0, 0], rng=np.random.default_rng(0))
    assert (nothing.statistic, nothing.p) == (0, 1)
    one_dose = gehan_jonckheere([1.0, 2, 3], [True] * 3, [1, 1, 1], [0, 0, 0], rng=np.random.default_rng(0))
    assert one_dose.p == 1
    test = concordance([1.0, 2, 3], [False] * 3, [1, 2, 3], [0, 0, 0], rng=np.random.default_rng(0))
    assert np.isnan(test.estimate)
    assert (test.low, test.high) == (-np.inf, np.inf)
    with pytest.raises(ValueError, match="one number for each"):
        concordance([1.0, 2], [True] * 2, [1, np.nan], [0, 0], rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="blocks"):
        gehan_jonckheere([1.0, 2], [True] * 2, [1, 2], [0], rng=np.random.default_rng(0))


def test_p_does_not_depend_on_the_memory_bound(monkeypatch):
    doses = ladder(np.random.default_rng(6), 6, 4)
    whole = gehan_jonckheere(*doses, rng=np.random.default_rng(1))
    monkeypatch.setattr(trends, "_CHUNK", 1)
    assert gehan_jonckheere(*doses, rng=np.random.default_rng(1), draws=trends.TREND_DRAWS) == whole


def test_censoring_that_grows_with_the_dose_is_no_trend():
    """Constant delay, t_mem and so the limit of the delay dependent on the dose, seed correlation .7 (7.2)."""
    rng = np.random.default_rng(7)
    rejected = []
    for _ in range(200):
        dose, block = np.tile(np.arange(5), 10), np.repeat(np.arange(10), 5)
        delay = 1.5 + 0.3 * (np.sqrt(0.7) * rng.normal(size=10)[block] + np.sqrt(0.3) * rng.normal(size=50))
        limit = 2.0 - 0.2 * dose
        test = gehan_jonckheere(np.minimum(delay, limit), delay <= limit, dose, block, rng=rng, draws=199)
        rejected.append(test.p <= 0.05)
        # (times set to their limits would fall with the dose: rejected in nearly every suite)
    assert np.mean(rejected) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def tobit(x, time, event):
    """The slope that maximizes the censored normal likelihood, by a general optimizer."""

    def minus_log_likelihood(p):
        z = (time - p[0] - p[1] * x) / np.exp(p[2])
        return -np.where(event, stats.norm.logpdf(z) - p[2], stats.norm.logsf(z)).sum()

    start = [*np.polyfit(x, time, 1)[::-1], -1.0]
    options = {"xatol": 1e-8, "fatol": 1e-10, "maxiter": 10_000}
    return optimize.minimize(minus_log_likelihood, start, method="Nelder-Mead", options=options).x[1]


@pytest.mark.parametrize("limit", [3.05, 3.1, 3.3])
def test_the_censored_slope_maximizes_the_likelihood(limit):
    rng = np.random.default_rng(5)
    x = np.tile(np.log10([0.35, 0.6, 1, 1.7]), 12)
    y = 3 - 0.9 * x + 0.05 * rng.standard_normal(x.size)
    time, event = np.minimum(y, limit), y < limit
    assert censored_slope(x, time, event)[0] == pytest.approx(tobit(x, time, event), abs=1e-3)


def test_the_censored_slope_is_the_line_of_least_squares_where_nothing_is_censored():
    rng = np.random.default_rng(6)
    x, y = rng.standard_normal((2, 30))
    weights = rng.integers(0, 3, (4, 30))
    lines = [np.polyfit(np.repeat(x, w), np.repeat(y, w), 1)[0] for w in weights]
    assert censored_slope(x, y, np.ones(30, bool), weights) == pytest.approx(lines)


def test_weights_of_the_censored_slope_are_repetitions():
    rng = np.random.default_rng(7)
    x, time, event = rng.standard_normal(30), rng.standard_normal(30), rng.random(30) < 0.7
    weights = rng.integers(0, 3, (1, 30))
    repeated = (np.repeat(column, weights[0]) for column in (x, time, event))
    assert censored_slope(x, time, event, weights) == pytest.approx(censored_slope(*repeated), abs=1e-3)


def test_one_dose_has_no_slope():
    assert np.isnan(censored_slope([1, 1], [2, 3], [True, True])[0])
