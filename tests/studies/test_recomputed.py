"""The second computation of the primaries: crossings, intervals, ladders and falls with known answers."""

import numpy as np
import pandas as pd
import pytest
import recomputed as r

GRID = np.unique(np.r_[0:51, np.round(50 * 10 ** (np.arange(1, 41) / 20))])  # to 5000


def step(at, low=0.0, high=1.0):
    """Values that jump between the rows before and from the time `at`."""
    return np.where(at > GRID, low, high)


def made(train_at, test_at, **columns):
    """A run of two even classes on the grid, whose training and held-out accuracy jump from one half to 1."""
    accuracy = {"train_accuracy": step(train_at, 0.5), "test_accuracy": step(test_at, 0.5)}
    curve = {"time": GRID, "skill": 0.0, "rank_auc": step(test_at, 0.5), "train_loss": step(train_at, 1, 0)}
    record = {"unit": 1.0, "chance": 0.5, "ceiling": 1.0, "n_classes": 2}
    return r.Run(record, pd.DataFrame(curve | accuracy | columns))


class TestPassage:
    def test_lies_between_two_rows_in_log_time(self):
        value = np.where(GRID <= 1000, 0.0, 1.0)
        before, after = GRID[GRID <= 1000][-1], GRID[GRID > 1000][0]
        crossed = r.passage(GRID, value, 0.95, 1.0)
        assert crossed.before == before
        assert crossed.time == pytest.approx(before * (after / before) ** 0.95)

    def test_a_loss_that_lasts_begins_it_again(self):
        lost, short = step(100), step(100)
        lost[(GRID > 500) & (GRID < 998)] = 0.7
        short[(GRID > 500) & (GRID < 600)] = 0.7
        assert r.passage(GRID, lost, 0.95, 1.0).time == pytest.approx(1000, rel=0.06)
        assert r.passage(GRID, short, 0.95, 1.0).time == pytest.approx(100, rel=0.06)

    def test_a_dip_above_the_level_of_loss_is_none(self):
        dip = step(100)
        dip[(GRID > 500) & (GRID < 1000)] = 0.85
        assert r.passage(GRID, dip, 0.95, 1.0).time == pytest.approx(100, rel=0.06)

    def test_never_pending_and_at_once(self):
        assert r.passage(GRID, 0 * GRID, 0.95, 1.0) == r.Passage(np.inf, GRID[-1], held=False, pending=False)
        assert r.passage(GRID, step(GRID[-2]), 0.95, 1.0).pending
        assert r.passage(GRID, 1 + 0 * GRID, 0.95, 1.0) == r.Passage(1.0, 0.0)

    def test_a_lucky_row_before_does_not_begin_it(self):
        value = step(40)
        value[GRID == 37] = 1.0
        assert r.passage(GRID, value, 0.95, 1.0).time == pytest.approx(40, abs=1)


class TestLate:
    def test_half_a_decade_later_from_below_a_quarter(self):
        assert made(30, 1000).late(by_path=False) == 1
        assert made(30, 60).late(by_path=False) == 0
        assert made(30, 1000, test_accuracy=step(1000, 0.7)).late(by_path=False) == 0  # its head is .4

    def test_without_the_rule(self):
        assert made(30, 1e9).late(by_path=False) == -1
        assert np.isnan(made(1000, 1e9).late(by_path=False))  # fewer than ten times t_mem
        assert np.isnan(made(1e9, 1e9).late(by_path=False))

    def test_an_accuracy_that_lags_its_ranking_is_an_artifact(self):
        assert made(30, 1000, rank_auc=step(200, 0.5)).late(by_path=False) == 0

    def test_fitting_that_comes_and_goes_says_nothing(self):
        fits = step(100, 0.5)
        fits[-4:] = [0.5, 0.5, 1, 0.5]
        assert np.isnan(made(100, 1e9, train_accuracy=fits).late(by_path=False))

    def test_by_a_quarter_of_its_own_path(self):
        path = np.minimum(GRID, 2000.0)
        assert made(1, 1000, path=path).late(by_path=True) == 1
        assert made(1, 400, path=path).late(by_path=True) == 0


def test_newcombe_as_published():
    """The first of the chosen examples of Newcombe 1998 (Statistics in Medicine 17, 2635), method 10."""
    assert [round(float(end), 4) for end in r.newcombe(36, 12, 2, 0)] == [0.2, 0.0569, 0.3404]


def test_medians_have_the_ends_of_the_sign_test():
    assert r.median(list(range(10))) == (10, 4.5, 1, 8)  # P(B(10, 1/2) < 2) = .011
    assert r.median([-np.inf, *range(9)])[1:] == (3.5, 0, 7)
    assert r.median([1.0, np.nan]) == (1, 1.0, -np.inf, np.inf)


def test_tau_of_ladders():
    times = [(1.0, True), (2.0, True), (3.0, True)]
    assert r.tau([times] * 5) == (5, 1, 1, 1)
    assert r.tau([times[::-1]] * 5) == (5, -1, -1, -1)
    censored = [(1.0, True), (0.5, False), (3.0, True)]  # the second may be later or earlier than either
    assert [r.votes(censored, way) for way in (1, -1)] == [1, 0]
    assert r.votes([(1.0, True), (1.0, False)], 1) == 1  # at the same time, and not yet
    assert r.tau([[*times, (2.5, True)]])[1] == pytest.approx((5 - 1) / 6)


def test_a_fall_relative_to_the_twin():
    """From 400 to 100 parts in log time 1000 to 2000, where the twin keeps 200: log10 4 decades, and half at 250."""
    parts = np.interp(np.log(GRID + 1e-9), np.log([1000, 2000]), [400, 100])
    run, twin = made(30, 1000, parts=parts), made(30, 1e9, parts=np.full(GRID.size, 200.0))
    size, lead = r.fall("parts", run, run, twin)
    assert size == pytest.approx(np.log10(4), abs=0.01)
    assert lead == pytest.approx(-np.log10(2) / 2, abs=0.03)
    assert r.fall("parts", run, twin, run)[1] == -np.inf  # it rises
