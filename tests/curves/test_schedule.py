"""The checkpoints against the contract's sentence."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokbench.curves.schedule import checkpoints
from grokbench.errors import UsageError


def in_words(budget, points_per_decade):
    """Integer clocks: 0, every integer to 50, then geometric at points_per_decade, and the budget."""
    times = {t for t in range(51) if t <= budget} | {budget}
    k = 1
    while 50 * 10 ** (k / points_per_decade) < budget:
        times.add(min(budget, round(50 * 10 ** (k / points_per_decade))))
        k += 1
    return sorted(times)


@given(st.integers(1, 3_000_000), st.integers(1, 60))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_integer_clocks(budget, points_per_decade):
    times = checkpoints(budget, points_per_decade)
    assert times.dtype == np.float64
    assert times.tolist() == in_words(budget, points_per_decade)


@pytest.mark.parametrize("budget", [1, 2, 49, 50, 51, 52, 55, 56, 57, 500, 501, 5000, 20_000])
def test_integer_clocks_at_the_seams(budget):
    assert checkpoints(budget).tolist() == in_words(budget, 20)


def test_twenty_per_decade_is_the_default():
    times = checkpoints(50_000)
    assert len(times) == 51 + 60
    np.testing.assert_array_equal(times[50:54], [50, 56, 63, 71])
    assert times[70] == 500


@given(st.floats(1e-6, 1e3), st.floats(-2, 6), st.integers(1, 40))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_other_clocks(first_time, decades, points_per_decade):
    budget = first_time * 10**decades
    times = checkpoints(budget, points_per_decade, integer_clock=False, first_time=first_time)
    assert times[0] == 0
    assert times[-1] == budget
    assert (np.diff(times) > 0).all()
    grid = times[1:-1]
    expected = first_time * 10 ** (np.arange(len(grid)) / points_per_decade)
    np.testing.assert_allclose(grid, expected, rtol=1e-12)
    following = first_time * 10 ** (len(grid) / points_per_decade)
    assert budget <= following * (1 + 1e-6)  # the budget comes before, or is, the next of the grid


def test_a_budget_on_the_grid_is_no_second_checkpoint():
    for k in range(1, 60):
        for budget in (0.3 * 10 ** (k / 10), 10 ** (math.log10(0.3) + k / 10)):  # equal but for rounding
            times = checkpoints(budget, 10, integer_clock=False, first_time=0.3)
            assert len(times) == 1 + k + 1
            assert times[-1] == budget


def test_a_budget_before_the_first_time_is_the_only_checkpoint():
    assert checkpoints(0.5, integer_clock=False, first_time=2.0).tolist() == [0.0, 0.5]


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.integers(1, 40), st.booleans())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_longer_budget_keeps_the_checkpoints(budget, more, points_per_decade, integer):
    """All but the old budget itself: a longer run looks where the shorter one did."""
    clock = {"points_per_decade": points_per_decade, "integer_clock": integer, "first_time": 0.7}
    short, long = checkpoints(budget, **clock), checkpoints(budget + more, **clock)
    np.testing.assert_array_equal(short[:-1], long[: len(short) - 1])
    assert set(short[:-1]) <= set(long)
    between = long[(long > short[-2]) & (long < budget)] if len(short) > 1 else []
    assert len(between) == 0 or math.isclose(between[0], budget, rel_tol=1e-8)


def test_numbers_of_numpy_are_numbers():
    assert checkpoints(np.int64(60)).tolist() == checkpoints(60).tolist()
    assert checkpoints(np.float32(60)).tolist() == checkpoints(60.0).tolist()


@pytest.mark.parametrize("budget", [0, -1, math.inf, math.nan, "40", None, 2.5])
def test_impossible_budgets(budget):
    with pytest.raises(UsageError, match="budget"):
        checkpoints(budget)


@pytest.mark.parametrize("first_time", [0.0, -1.0, math.inf, math.nan])
def test_impossible_first_times(first_time):
    with pytest.raises(UsageError, match="first_time"):
        checkpoints(10.0, integer_clock=False, first_time=first_time)


def test_at_least_one_point_per_decade():
    with pytest.raises(UsageError, match="points_per_decade"):
        checkpoints(10, 0)
