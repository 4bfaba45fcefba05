"""Stopping rules against a loop over the checks that is written as their papers and libraries say it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokbench.curves.stopping_rules import (
    RULES,
    Checks,
    GeneralizationLoss,
    MemorizationPatience,
    Patience,
    RelativePatience,
    Upwards,
)

ERRORS = st.lists(st.sampled_from([0.0, 0.1, 0.11, 0.2, 0.25, 0.3, 1.0, math.nan, math.inf]), min_size=1, max_size=60)


def checks_of(error, t_mem=math.nan, times=None):
    error = np.array(error, dtype=float)
    return Checks(np.arange(1.0, len(error) + 1) if times is None else times, error, 1 - error, t_mem)


def wait(error, patience, min_delta):
    """The counter of Keras and Lightning: reset by an improvement of more than min_delta, else one more."""
    best, count = math.inf, 0
    for at, value in enumerate(error):
        if value < best - min_delta:
            best, count = value, 0
        else:
            count += 1
            if count >= patience:
                return at
    return None


@given(ERRORS, st.integers(1, 20), st.sampled_from([0.0, 0.05, 0.15]))
def test_patience_is_the_counter_of_the_libraries(error, patience, min_delta):
    assert Patience(patience, min_delta).stop(checks_of(error)) == wait(error, patience, min_delta)


def overdue(error, waits):
    """The first check at which `waits(now, best)` is over, where `best` is the time of the last improvement."""
    lowest, best = math.inf, None
    for at, value in enumerate(error):
        if value < lowest:
            lowest, best = value, at + 1
        elif best is not None and waits(at + 1, best):
            return at
    return None


@given(ERRORS, st.sampled_from([0.25, 0.5, 0.9]))
def test_relative_patience_waits_for_a_share_of_the_time_so_far(error, share):
    expected = overdue(error, lambda now, best: now - best >= share * now - 1e-9)
    assert RelativePatience(share).stop(checks_of(error)) == expected


@given(ERRORS, st.integers(1, 30), st.sampled_from([0.5, 1.0, 3.0]))
def test_patience_in_t_mem_counts_from_t_mem_on(error, t_mem, multiple):
    expected = overdue(error, lambda now, best: now - max(best, t_mem) >= multiple * t_mem - 1e-9)
    assert MemorizationPatience(multiple).stop(checks_of(error, t_mem)) == expected


def test_patience_in_t_mem_never_stops_what_does_not_memorize():
    assert MemorizationPatience(1.0).stop(checks_of([0.1] * 50)) is None


@given(ERRORS, st.sampled_from([1, 10, 100]))
def test_gl_is_prechelt_s(error, alpha):
    """GL(t) = 100 (E(t)/min E - 1), stop at the first t with GL(t) > alpha."""
    expected, lowest = None, math.inf
    for at, value in enumerate(error):
        lowest = min(lowest, value) if not math.isnan(value) else lowest
        loss = 0.0 if value == lowest else 100 * (value / lowest - 1) if lowest else math.inf
        if not math.isnan(value) and value > lowest and loss > alpha * (1 + 1e-12):
            expected = at
            break
    assert GeneralizationLoss(alpha).stop(checks_of(error)) == expected


def rises(error, t, strips, length):
    """UP_s stops after t if UP_(s-1) stops after t - k and E(t) > E(t - k); UP_0 always does."""
    if strips == 0:
        return True
    if t - length < length:  # in checks from 1: the first strip ends at k
        return False
    return error[t - 1] > error[t - 1 - length] and rises(error, t - length, strips - 1, length)


@given(ERRORS, st.integers(1, 4), st.integers(1, 6))
def test_up_is_prechelt_s(error, strips, length):
    ends = range(length, len(error) + 1, length)
    expected = next((t - 1 for t in ends if rises(error, t, strips, length)), None)
    assert Upwards(strips, length).stop(checks_of(error)) == expected


@pytest.mark.parametrize("rule", [r for r in RULES if not getattr(r, "min_delta", 0)], ids=lambda r: r.name)
def test_no_rule_ends_what_improves_at_every_check(rule):
    assert rule.stop(checks_of(np.linspace(1, 0.5, 300), t_mem=20.0)) is None


def test_a_min_delta_ends_what_improves_by_less():
    error = 1 - 0.0005 * np.arange(300)
    assert Patience(10, 0.01).stop(checks_of(error)) == 10, "ten checks bring .005"
    assert Patience(30, 0.01).stop(checks_of(error)) is None, "21 checks bring .0105"


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_a_rise_after_check_50_is_seen_when_it_must_be(rule):
    """The error falls to check 50 and rises by 1 % of itself per check."""
    error = np.concatenate([np.linspace(1, 0.5, 50), 0.5 * 1.01 ** np.arange(1, 1000)])
    due = {
        "patience": getattr(rule, "checks", 0),
        "GL": math.floor(math.log1p(getattr(rule, "alpha", 0) / 100) / 0.00995) + 1,
    }
    due |= {"UP": 5 * getattr(rule, "strips", 0), "0.5": 50, "0.9": 450}
    due |= {f"{multiple}": 20 * multiple for multiple in (10, 30)}
    expected = due.get(rule.name.split()[0])
    assert rule.stop(checks_of(error, t_mem=20.0)) == (None if expected is None else 49 + expected)


def test_names_are_different():
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_a_best_check_at_time_zero_is_not_overdue_at_once():
    assert RelativePatience(0.5).stop(checks_of([0.1, 0.2, 0.2], times=np.array([0.0, 1.0, 2.0]))) == 1
