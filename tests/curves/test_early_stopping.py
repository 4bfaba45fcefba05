"""What a rule costs, on curves of which the answer is known: steps, rises, double descent; patience by trying all."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokbench.curves.detect import judge
from grokbench.curves.early_stopping import (
    NOTHING,
    audit,
    checks_of,
    ending,
    in_words,
    is_even,
    least_patience,
    read_evenly,
    spacing,
)
from grokbench.curves.schedule import checkpoints
from grokbench.curves.stopping_rules import RULES, Checks, MemorizationPatience, Patience

TIMES = np.arange(10.0, 10_001.0, 10.0)  # a check every 10 steps
T_MEM, T_GEN = 100, 2000


def grokking():
    """Training jumps at 100, the held-out accuracy from .1 to 1 at 2,000; the held-out loss rises until then."""
    train, test = np.where(TIMES >= T_MEM, 1.0, 0.1), np.where(TIMES >= T_GEN, 1.0, 0.1)
    loss = np.where(TIMES >= T_GEN, 0.1, 2.3 + TIMES / 1000)
    detection = judge((TIMES, train), (TIMES, test), chance=0.1, n_classes=10)
    return detection, (TIMES, test), (TIMES, loss)


def rows_of(**more):
    detection, test, loss = grokking()
    return {(row["reads"], row["rule"]): row for row in audit(test, detection, test_loss=loss, **more)}


@pytest.mark.parametrize("reads", ["accuracy", "loss"])
def test_patience_stops_before_a_step_that_comes_later(reads):
    row = rows_of()[reads, "patience 10"]
    assert (row["check"], row["stop"], row["kept"]) == (11, 110, 10)
    assert row["stopped_before_generalizing"] == 1
    assert (row["test_accuracy_at_stop"], row["final_test_accuracy"]) == (0.1, 1.0)
    assert row["regret"] == pytest.approx(0.9)


def test_the_least_patience_is_the_wait_for_the_step():
    for row in rows_of().values():
        assert row["needed_checks"] == 199, "the best before is check 1, the step is check 200"
        t_mem = grokking()[0].t_mem  # between two checks, just below 100
        assert row["needed_time"] == pytest.approx(T_GEN - t_mem)
        assert row["needed_t_mems"] == pytest.approx((T_GEN - t_mem) / t_mem)


def test_what_loses_nothing_stops_after_the_step_or_never():
    rows = rows_of()
    assert rows["accuracy", "patience 100"]["regret"] == pytest.approx(0.9)
    patient = rows["accuracy", "30 t_mem"]
    assert (patient["regret"], patient["stopped_before_generalizing"], patient["kept"]) == (0, 0, T_GEN)
    assert patient["stop"] == pytest.approx(T_GEN + 30 * grokking()[0].t_mem, abs=10)


def test_one_row_for_each_rule_and_what_it_reads():
    assert list(rows_of()) == [(reads, rule.name) for reads in ("accuracy", "loss") for rule in RULES]
    detection, test, _ = grokking()
    assert len(audit(test, detection)) == len(RULES)


def test_checks_farther_apart_make_the_same_patience_longer():
    assert rows_of(every=100.0)["accuracy", "patience 20"]["regret"] == 0
    assert rows_of(every=100.0)["accuracy", "patience 10"]["stop"] == 1100


def test_a_run_that_never_generalizes_is_not_ended_too_soon():
    train, test = np.where(TIMES >= T_MEM, 1.0, 0.1), np.full(len(TIMES), 0.1)
    detection = judge((TIMES, train), (TIMES, test), chance=0.1)
    for row in audit((TIMES, test), detection):
        assert math.isnan(row["stopped_before_generalizing"])
        assert row["regret"] == 0
        assert row["needed_checks"] == 1


def test_no_rule_costs_anything_on_a_rise():
    test = np.linspace(0.1, 1.0, len(TIMES))
    detection = judge((TIMES, np.ones(len(TIMES))), (TIMES, test), chance=0.1)
    for row in audit((TIMES, test), detection, test_loss=(TIMES, 2 - test)):
        if row["rule"] != "patience 10, min delta 0.01":
            assert math.isnan(row["stop"]), row
            assert row["regret"] == 0


def test_double_descent_costs_what_the_second_descent_brings():
    """Accuracy rises to .8 at check 30, dips, and comes to .81 at the end: patience keeps .8 for a point."""
    test = np.interp(np.arange(1000), [0, 29, 60, 500, 999], [0.1, 0.8, 0.6, 0.79, 0.81])
    detection = judge((TIMES, np.ones(len(TIMES))), (TIMES, test), chance=0.1)
    rows = {row["rule"]: row for row in audit((TIMES, test), detection)}
    assert rows["patience 3"]["kept"] == 300
    assert rows["patience 3"]["regret"] == pytest.approx(0.01)
    assert rows["patience 3"]["needed_checks"] == 1, "a point is nothing"


def test_stopping_can_be_the_better_choice():
    test = np.where(TIMES < 1000, 0.9, 0.3)  # generalization that is lost
    detection = judge((TIMES, np.ones(len(TIMES))), (TIMES, test), chance=0.1)
    assert [row["regret"] for row in audit((TIMES, test), detection)] == pytest.approx([-0.6] * len(RULES))


def test_the_other_half_of_the_split_judges_what_the_rule_kept():
    detection, test, loss = grokking()
    half = (TIMES, test[1] - 0.05)
    row = audit(test, detection, test_loss=loss, evaluated=half)[0]
    assert (row["test_accuracy_at_stop"], row["final_test_accuracy"]) == (pytest.approx(0.05), pytest.approx(0.95))


STEPS = st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.505, 0.9, math.nan]), min_size=1, max_size=25)


@given(STEPS, STEPS)
def test_the_least_patience_is_found_by_trying_all(error, worth):
    n = min(len(error), len(worth))
    worth = np.nan_to_num(np.array(worth[:n]))
    checks = Checks(np.arange(1.0, n + 1), np.array(error[:n]), worth)
    fine = [ending(Patience(p), checks).regret <= NOTHING + 1e-9 for p in range(1, n + 2)]
    needed = least_patience(checks).checks
    if np.isnan(checks.error).all():
        assert needed == math.inf
    elif math.isinf(needed):
        assert not fine[-1]
    else:
        first = 1 + next((p for p in range(n, -1, -1) if not fine[p]), -1) + 1
        begin = int(np.flatnonzero(~np.isnan(checks.error))[0]) + 1  # less ends before anything is measured
        assert needed == max(first, begin)


@given(STEPS, st.integers(1, 12))
def test_the_least_patience_in_t_mem_loses_nothing(error, t_mem):
    checks = Checks(np.arange(1.0, len(error) + 1), np.array(error), 1 - np.nan_to_num(np.array(error)), float(t_mem))
    needed = least_patience(checks)
    if math.isfinite(needed.t_mems):
        assert needed.t_mems == needed.time / t_mem
        for more in (1e-9, 0.5, 3.0):
            assert ending(MemorizationPatience(needed.t_mems + more), checks).regret <= NOTHING + 1e-9


def test_even_rows_are_checks_and_others_are_read_evenly():
    assert is_even(TIMES)
    geometric = np.unique(np.round(10 ** np.linspace(0, 4, 81)))
    assert not is_even(geometric)
    values = np.where(geometric >= 100, 1.0, 0.0)
    series, t_mem = (geometric, values), 50.0
    assert checks_of(series, series, t_mem).times[:3].tolist() == [5, 10, 15]
    assert len(checks_of(series, series, math.nan).times) == 100
    assert checks_of((TIMES, TIMES / 1e4), (TIMES, TIMES / 1e4), t_mem).times.tolist() == TIMES.tolist()


def test_a_reading_between_rows_is_linear():
    assert read_evenly(np.array([0.0, 10.0, 40.0]), np.array([0.0, 1.0, 0.1]), 5.0).tolist() == pytest.approx(
        [0.5, 1.0, 0.85, 0.7, 0.55, 0.4, 0.25, 0.1]
    )


def test_long_runs_are_looked_at_as_far_as_checks_go():
    times = np.array([0.0, 1.0, 1e9])
    assert len(read_evenly(times, times, 1.0)) == 20_000


def test_in_words_it_says_what_to_do():
    detection, test, loss = grokking()
    first, second = in_words(audit(test, detection, test_loss=loss))
    multiple = (T_GEN - detection.t_mem) / detection.t_mem
    assert first == (
        "early stopping, patience 10 on held-out accuracy: would have stopped at 110, before the run generalized, "
        "keeping accuracy 0.100 (1.000 at the end); "
        f"a patience of 199 checks or more ({multiple:.2g} t_mem) comes within .01 of the end"
    )
    assert "on held-out loss" in second


def test_in_words_it_says_what_a_run_had_before_it_fell():
    """A patience that keeps more than the end has not kept the best: .7 at 10, .9 from 50 to 99, .6 at the end."""
    times = np.arange(1.0, 121.0)
    test = np.select([times < 10, times < 50, times < 100], [0.1, 0.7, 0.9], 0.6)
    detection = judge((times, np.ones(len(times))), (times, test), chance=0.1)
    (words,) = in_words(audit((times, test), detection))
    assert "stopped at 20, keeping accuracy 0.700 (0.600 at the end, 0.900 at best)" in words
    assert "a patience of 9 checks or more" in words  # 8 suffice to get past .1 at check 1 to .7 at check 10


def test_a_gap_in_a_log_leaves_its_rows_checks():
    times = np.delete(TIMES, [30, 31, 32])
    assert is_even(times)
    assert math.isnan(spacing(times, 50.0))
    assert spacing(np.geomspace(1, 1e4, 50), 50.0) == 5


def test_in_words_it_says_where_checks_are_not_rows():
    times = np.geomspace(1, 1e4, 81)
    test = np.where(times >= 3000, 1.0, 0.1)
    detection = judge((times, np.where(times >= 20, 1.0, 0.1)), (times, test), chance=0.1)
    (words,) = in_words(audit((times, test), detection))
    assert f"(rows are uneven: a check every {detection.t_mem / 10:.4g}): would have stopped" in words


@pytest.mark.slow
def test_a_thinned_run_says_what_the_dense_one_says():
    """Checks that are read between stored checkpoints against checks that were made, on a network that groks."""
    import grokbench

    split = grokbench.task("modular", operation="x+y", modulus=31, train_fraction=0.6).split(0)
    learner = grokbench.learner("mlp", activation="quadratic", weight_decay=1.0)
    curve = grokbench.trace(learner, split, budget=2000, seed=0, points_per_decade=2000)
    detection, times = grokbench.detect(curve), curve.time.to_numpy()
    stored = np.isin(times, checkpoints(times[-1]))
    every = float(round(detection.t_mem / 10))
    dense, thin = (
        audit(*_logged(curve, rows, detection), test_loss=(times[rows], curve.test_loss.to_numpy()[rows]), every=every)
        for rows in (np.ones(len(times), dtype=bool), stored)
    )
    assert stored.sum() < len(times) / 10
    for ours, theirs in zip(thin, dense, strict=True):
        assert ours["stopped_before_generalizing"] == theirs["stopped_before_generalizing"], ours
        assert ours["regret"] == pytest.approx(theirs["regret"], abs=0.01)
        assert ours["needed_checks"] == pytest.approx(theirs["needed_checks"], rel=0.05)


def _logged(curve, rows, detection):
    return (curve.time.to_numpy()[rows], curve.test_accuracy.to_numpy()[rows]), detection
