"""Signals of hand-made curves before they generalize, and how well signals separate and rank runs."""

import math

import numpy as np
import pytest
from scipy import stats
from support_handmade import NEVER, changed, made

from grokbench.verdicts import early_signals
from grokbench.verdicts.quantities import QUANTITIES
from grokbench.verdicts.readings import Between, reading


def test_a_column_falls_by_decades_from_t_mem():
    """t^-2 falls by 2 log10(3) from any time to three times it."""
    time = made().curve.time
    run = changed(made(), signal=1 / np.maximum(time, 1) ** 2)
    assert reading("signal fall by 3 t_mem").of(run).low == pytest.approx(2 * math.log10(3), abs=0.01)
    assert math.isnan(reading("signal fall by 1000 t_mem").of(run).low)


def test_a_loss_that_underflows_falls_to_the_smallest_number_of_its_precision():
    run = changed(made(), train_loss=np.where(made().curve.time < 50, 1.0, 0.0))
    assert early_signals.fall(run, "train_loss", 10) == pytest.approx(-math.log10(np.finfo(np.float32).tiny))


@pytest.mark.parametrize(("dip", "expected"), [(100, 0.2), (5000, 0.0)])
def test_what_is_lost_counts_before_the_rise_only(dip, expected):
    """The held-out accuracy of the hand-made run is half-way up at 540."""
    one = made()
    low = np.abs(np.log10(np.maximum(one.curve.time, 0.1) / dip)) < 0.05
    run = changed(one, train_accuracy=one.curve.column("train_accuracy") - 0.2 * low)
    assert early_signals.lost(run) == pytest.approx(expected)


def test_where_nothing_rises_the_whole_run_counts():
    one = made(t_gen=NEVER)
    run = changed(one, train_accuracy=one.curve.column("train_accuracy") - 0.3 * (one.curve.time == one.curve.last))
    assert reading("training accuracy lost").of(run).low == pytest.approx(0.3)


def test_what_is_lost_counts_until_the_accuracy_rises_also_where_the_ranking_is_earlier():
    one, early = made(), made(t_gen=80.0)
    low = np.abs(np.log10(np.maximum(one.curve.time, 0.1) / 200)) < 0.05
    run = changed(
        one,
        train_accuracy=one.curve.column("train_accuracy") - 0.2 * low,
        rank_auc=0.5 + early.curve.kappa_test / 2,
    )
    assert run.half_rise() < 80
    assert early_signals.lost(run) == pytest.approx(0.2)


def exactly(*values):
    return [Between(value, value) for value in values]


def test_separation_is_the_area_under_the_curve():
    """Mann and Whitney's U over the number of pairs, with ties as halves."""
    values, kinds = [3, 1, 2, 2, 5, 0], [1, 0, 1, 0, 1, 0]
    u = stats.mannwhitneyu([3, 2, 5], [1, 2, 0]).statistic
    assert QUANTITIES["separation"].of(exactly(*values), kinds).low == pytest.approx(u / 9)


def test_companions_are_ranked_against_each_other():
    first, second = [1, 5, 2, 8], [10, 30, 40, 90]
    expected = stats.spearmanr(first, second).statistic
    assert QUANTITIES["companions"].of(exactly(*first, *second), ()).low == pytest.approx(expected)
    assert math.isnan(QUANTITIES["companions"].of([*exactly(1, 2, 3), Between(9, math.inf)], ()).low)
