"""detect.py against hand-made curves, a slow reading of the contract's sentence, simulation, and its own laws."""

import json
import math
import statistics
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support_detection import (
    BESIDE,
    CASES,
    GROKS,
    TEST,
    TIMES,
    TRAIN,
    binary_auc,
    curve,
    differences,
    expected_kappa_rank,
)

from grokbench.curves import curve as curve_module
from grokbench.curves import detect as detect_module
from grokbench.curves.crossing import crossing
from grokbench.curves.curve import kappa_rank
from grokbench.curves.detect import Detection, detect
from grokbench.curves.outcome import OUTCOMES
from grokbench.curves.series import Quantity, Timeline
from grokbench.errors import UsageError


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hand_made_curves(case):
    assert differences(case, SimpleNamespace(**(vars(curve_module) | vars(detect_module)))) == []


def test_the_cases_have_names_of_their_own_and_every_outcome():
    assert len({case.name for case in CASES}) == len(CASES)
    assert {case.expected.get("outcome") for case in CASES} - {None} == set(OUTCOMES)
    assert {case.expected.get("late") for case in CASES if case.expected.get("late") in (0.0, 1.0)} == {0.0, 1.0}


def test_columns_are_those_of_the_table_and_plain_values():
    assert [*Detection.columns(), "notes"] == [*list(GROKS)[:-1], *BESIDE, "notes"]
    detection = detect(curve(TRAIN, TEST, skill=0.1, rank_auc=binary_auc(TEST)), chance=0.25, n_classes=2)
    assert json.loads(json.dumps(vars(detection)))["resolved"] is True  # numpy's own bool would not pass


def slow_bins(times):
    """The rows of each bin of 1/20 decade around 50·10^(k/20), the last row a checkpoint of its own, by loops."""
    last = times[-1]
    before = max(k for k in range(-400, 400) if 50 * 10 ** (k / 20) <= last)
    bins = {}
    for row, time in enumerate(times):
        if time == 0:
            k = -math.inf
        elif math.log10(last / time) <= math.log10(time / (50 * 10 ** (before / 20))):
            k = math.inf  # nearer to the last row than to the last centre before it
        else:
            k = min(before, math.floor(20 * math.log10(time / 50) + 0.5))
        bins.setdefault(k, []).append(row)
    return [bins[k] for k in sorted(bins)]


def slow_crossing(times, values, level):
    """(time, censoring, pending, held) by the sentence of the definitions, word by word."""
    bins = slow_bins(times)
    read = [statistics.median(values[row] for row in rows) for rows in bins]
    at = [statistics.median(times[row] for row in rows) for rows in bins]
    n = len(read)

    def span(flags, start):
        far = start + 2 <= n and at[start] > 0 and at[start + 1] / at[start] >= 10**0.15
        return all(flags[start : start + 2]) if far else start + 3 <= n and all(flags[start : start + 3])

    above = [v >= level for v in read]
    below = [v < level - 0.15 for v in read]
    held = [i for i in range(n) if span(above, i)]
    for i in held:
        if not any(span(below, j) for j in range(i + 1, n)):
            if i == 0:  # held at the start: ratios use the first positive row
                return min(t for t in times if t > 0), "left", False, True
            return slow_time(times, values, level, bins[i - 1] + bins[i]), "observed", False, True
    return math.nan, "right", above[-1], bool(held)


def slow_time(times, values, level, rows):
    """Log time between the two of `rows` that part best those below the level from those at it; the first such two."""

    def wrong(row):
        return sum(values[r] >= level for r in rows if r < row) + sum(values[r] < level for r in rows if r >= row)

    row = min((r for r in rows[1:] if values[r - 1] < level <= values[r]), key=lambda r: (wrong(r), r))
    if times[row - 1] == 0:  # the row before is time 0: the row itself
        return times[row]
    share = (level - values[row - 1]) / (values[row] - values[row - 1])
    return 10 ** (math.log10(times[row - 1]) * (1 - share) + math.log10(times[row]) * share)


def passage(times, values, level):
    return crossing(Quantity(Timeline(np.asarray(times, dtype=float)), np.asarray(values, dtype=float)), level)


# Values around both borders of a level of .6: at it, just below it, around .45, and far away.
curves = st.lists(st.sampled_from([-0.5, 0.0, 0.4, 0.449, 0.451, 0.5, 0.599, 0.6, 0.7, 1.0]), min_size=2, max_size=40)


@given(curves, st.booleans(), st.floats(0.01, 3))
@settings(max_examples=800, deadline=None, derandomize=True)
def test_crossing_is_the_contracts_sentence(values, with_zero, ratio):
    times = (1 + ratio) ** np.arange(len(values), dtype=float)
    if with_zero:
        times = np.concatenate([[0.0], times[:-1]])
    crossed = passage(times, values, 0.6)
    time, censoring, pending, held = slow_crossing(times, values, 0.6)
    assert (crossed.censoring, crossed.pending, crossed.held) == (censoring, pending, held)
    np.testing.assert_allclose(crossed.time, time, rtol=1e-12)  # rounding of one logarithm
    if ratio > 0.13:  # rows farther apart than bins: every row is a checkpoint
        assert [len(rows) for rows in slow_bins(times)] == [1] * len(values)


@given(st.lists(st.floats(-0.5, 1.0), min_size=2, max_size=200))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_crossing_of_arbitrary_values(values):
    times = np.arange(len(values), dtype=float)
    crossed, (time, censoring, pending, held) = passage(times, values, 0.3), slow_crossing(times, values, 0.3)
    assert (crossed.censoring, crossed.pending, crossed.held) == (censoring, pending, held)
    np.testing.assert_allclose(crossed.time, time, rtol=1e-12)


def test_a_crossing_lies_between_its_checkpoints():
    crossed = passage([1.0, 10.0, 100.0, 1000.0], [0.0, 0.5, 0.5, 0.5], 0.5 * (1 + 1e-15))
    assert crossed.time == 10.0  # at the level up to rounding: not beyond the checkpoint
    assert (crossed.index, crossed.low, crossed.high) == (1, 1.0, 10.0)


# --- Laws ------------------------------------------------------------------------------------------


SCALED = [f"{event}{end}" for event in ("t_mem", "t_gen") for end in ("", "_low", "_high", "_first")]


@given(st.integers(0, 10**6), st.sampled_from([0.1, 7.0, 1000.0]))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_unit_of_the_clock_changes_no_ratio(seed, factor):
    columns = random_curve(np.random.default_rng(seed))
    one = vars(detect(columns, chance=0.5, n_classes=2))
    other = vars(detect({**columns, "time": factor * columns["time"]}, chance=0.5, n_classes=2, unit=factor))
    for name, value in one.items():
        if name in SCALED:
            value = factor * value
        if isinstance(value, float):
            np.testing.assert_allclose(other[name], value, rtol=1e-9, atol=1e-9, err_msg=name)
        elif name != "notes":
            assert other[name] == value, name


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_power_of_the_clock_stretches_delays_and_moves_no_event(seed):
    columns = random_curve(np.random.default_rng(seed))
    one = detect(columns, chance=0.5, n_classes=2)
    other = detect({**columns, "time": columns["time"] ** 2}, chance=0.5, n_classes=2)
    # width and head change their meaning where `offset` does, which is decided in decades
    for name in ("delay", "rank_delay", "rank_width", *(["width"] if one.offset == other.offset else [])):
        np.testing.assert_allclose(getattr(other, name), 2 * getattr(one, name), rtol=1e-9, atol=1e-9, err_msg=name)
    np.testing.assert_allclose([other.t_mem, other.t_gen], [one.t_mem**2, one.t_gen**2], rtol=1e-9)
    assert (other.t_mem_censoring, other.t_gen_censoring) == (one.t_mem_censoring, one.t_gen_censoring)


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.1, 0.9]))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_late_follows_from_the_other_columns(seed, chance):
    """The endpoint by the contract's sentence, from the fields of a detection alone."""
    columns = random_curve(np.random.default_rng(seed), chance)
    detection = detect(columns, chance=chance, n_classes=2)
    artifact = detection.skill_at_mem >= 0.5 or detection.delay - detection.rank_delay > 0.3
    if detection.outcome in ("never_fits", "collapses", "unconfirmed"):
        assert math.isnan(detection.late)
    elif detection.outcome in ("memorizes_only", "partial"):
        assert detection.late == 0
    else:
        far = detection.resolved or detection.t_gen >= 5
        assert detection.late == (detection.delay >= 0.5 and detection.head < 0.25 and not artifact and far)


def random_curve(rng, chance=0.5):
    """Rises at random times with noise, so that spikes, losses and plateaus occur."""

    def rise(low, high, latest=4.5):
        start, length = rng.uniform(-0.5, latest), rng.uniform(0.05, 1.5)
        with np.errstate(divide="ignore"):
            share = np.clip((np.log10(TIMES) - start) / length, 0, 1)
        return low + (high - low) * share + rng.choice([0, 0, 0.05]) * rng.normal(size=len(TIMES))

    test = rise(rng.choice([-0.1, 0.0, 0.3]), rng.choice([0.1, 0.6, 1.1, 1.1]))
    train = rise(0.0, rng.choice([0.9, 1.1, 1.1, 1.1]), latest=2.0)
    auc = binary_auc(np.clip(rise(0, 1.05), -1, 1))
    columns = curve(train, test, chance, skill=rise(-0.2, 0.9), rank_auc=auc)
    return {name: np.clip(column, 0, 1) if "accuracy" in name else column for name, column in columns.items()}


# --- Threshold-free accuracy ---------------------------------------------------------------------------


def simulated(d, classes, n=400_000):
    """Two examples' AUC (two classes) or within-example AUC, and accuracy, of Gaussian scores at distance d."""
    rng = np.random.default_rng([int(100 * d), classes])
    if classes == 2:  # decision variable N(0, 1) or N(d, 1); the optimal threshold is halfway
        negative, positive = rng.normal(size=n), d + rng.normal(size=n)
        return (positive > negative).mean(), ((positive > d / 2).mean() + (negative < d / 2).mean()) / 2
    others = rng.normal(size=(n // 20, classes - 1))
    own = d + rng.normal(size=(n // 20, 1))
    return (own > others).mean(), (own > others).all(axis=1).mean()


@pytest.mark.parametrize("d", [0.5, 1.0, 2.0, 3.5])
@pytest.mark.parametrize("classes", [2, 3, 31])
def test_kappa_rank_is_the_accuracy_of_simulated_gaussians(d, classes):
    auc, accuracy = simulated(d, classes)
    kappa = (accuracy - 1 / classes) / (1 - 1 / classes)
    # 20,000 examples (C > 2): the accuracy's standard error is at most .0035, that of kappa at C = 3 1.5 times it,
    # and the error of the AUC moves the prediction by as much; four standard errors of the difference.
    assert kappa_rank(np.array([auc]), classes)[0] == pytest.approx(kappa, abs=0.006 if classes == 2 else 0.02)


def test_with_two_classes_the_integral_would_be_the_auc_itself():
    """Why two classes are their own case: by the integral, accuracy at the best threshold would lag its own ranking."""
    from scipy.integrate import quad
    from scipy.stats import norm

    d = 2.0
    auc, accuracy = simulated(d, 2)
    integral = quad(lambda x: norm.pdf(x - d) * norm.cdf(x), d - 10, d + 10)[0]
    assert integral == pytest.approx(norm.cdf(d / math.sqrt(2)), abs=1e-9)
    assert integral == pytest.approx(auc, abs=0.002)  # standard error .0004
    assert integral - accuracy > 0.07
    assert (1 + kappa_rank(np.array([integral]), 2)[0]) / 2 == pytest.approx(accuracy, abs=0.003)


@pytest.mark.parametrize("classes", [2, 3, 10, 97, 1000])
def test_kappa_rank_by_quadrature(classes):
    auc = np.concatenate([np.linspace(0.01, 0.99, 15), 1 - 10.0 ** np.arange(-8, -2)])
    expected = [expected_kappa_rank(a, classes) for a in auc]
    np.testing.assert_allclose(kappa_rank(auc, classes), expected, atol=1e-9)  # quad's own 1e-13, our trapezium 1e-10


@pytest.mark.parametrize("classes", [2, 3, 97])
def test_kappa_rank_at_its_ends(classes):
    kappas = kappa_rank(np.array([0.0, 0.5, 1.0, np.nan]), classes)
    np.testing.assert_allclose(kappas, [-1 / (classes - 1), 0, 1, np.nan], atol=1e-12)
    assert (np.diff(kappa_rank(np.linspace(0, 1, 400), classes)) >= 0).all()


def test_a_ranking_of_equal_gaussians_without_offset_is_no_artifact():
    """Scores that separate slowly, two classes: accuracy at the right threshold, AUC of the same scores."""
    from scipy.special import ndtr

    d = 8 * np.clip(np.log10(np.maximum(TIMES, 1)) - 2, 0, None) / 3
    columns = curve(TRAIN, 2 * ndtr(d / 2) - 1, chance=0.5, rank_auc=ndtr(d / np.sqrt(2)))
    detection = detect(columns, chance=0.5, n_classes=2)
    assert not detection.offset
    assert detection.rank_delay == pytest.approx(detection.delay, abs=1e-9)
    assert detection.rank_width == pytest.approx(detection.width, abs=1e-9)


def test_a_path_is_no_curve():
    with pytest.raises(UsageError, match=r"^curve = 'log\.csv': expected a DataFrame; python -m grokbench detect"):
        detect("log.csv")


def test_a_frame_and_a_mapping_are_judged_alike():
    columns = curve(TRAIN, TEST, skill=0.1, rank_auc=0.7)
    assert detect(pd.DataFrame(columns), chance=0.25, n_classes=4) == detect(columns, chance=0.25, n_classes=4)
    lists = {name: list(column) for name, column in columns.items()}
    assert detect(lists, chance=0.25, n_classes=4) == detect(columns, chance=0.25, n_classes=4)
