"""One definition on any grid: thinning a log and repeating its rows change nothing, or leave it undecided."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grokbench.curves.crossing import crossing
from grokbench.curves.curve import Curve
from grokbench.curves.detect import Detection, detect, judge
from grokbench.curves.schedule import checkpoints
from grokbench.curves.series import Quantity, Series, Timeline
from grokbench.errors import UsageError

BIN = 0.05  # decades
FACTORS = (2, 5, 10)
UNDECIDED = ("unjudged", "unconfirmed")
SEEDS = st.integers(0, 10**6)


def rise(times, decade, length, height=1.0):
    """Kappa that goes from 0 to `height` over `length` decades from 10^decade on."""
    with np.errstate(divide="ignore"):
        return height * np.clip((np.log10(times) - decade) / length, 0, 1)


def unstable(rng):
    """A log with a row every step or every hundred: two rises, slingshots of less than a bin, noise, and spikes.

    Every event stands clear of the next border: t_mem has a hundred rows in its bin, a slingshot is half a decade from
    another, no height is near a level, and the rises are either .1 or .9 decade apart.
    """
    times = np.arange(rng.integers(30_000, 40_000)) * float(rng.choice([1, 100]))
    end, row = math.log10(times[-1]), math.log10(times[1])
    mem = row + rng.uniform(2.95, 3.05)
    gen = mem + rng.choice([0.1, 0.9])
    train, test = rise(times, mem, 0.05), rise(times, gen, 0.05, rng.choice([1.0, 0.6, 0.05]))
    noise, spikes = rng.choice([0.0, 0.01, 0.03]), rng.choice([0.0, 0.02])
    for values, event in ((train, mem), (test, gen)):
        for start in np.arange(event + 0.3, end - 0.25, 0.5):
            inside = (times >= 10 ** (start + rng.uniform(0, 0.1))) & (times < 10 ** (start + 0.1))
            values[inside] *= rng.uniform(0, 0.7) if inside.mean() and rng.random() < 0.7 else 1.0
        values += noise * rng.normal(size=len(times))
        struck = (rng.random(len(times)) < spikes) & (times > times[100])
        values[struck] = rng.uniform(0, 1, np.count_nonzero(struck))
    return Series(times, np.clip(train, 0, 1)), Series(times, np.clip(test, 0, 1))


def thinned(series, factor, first=0):
    return Series(*(column[first::factor] for column in series))


def decades(one, other):
    """How far apart two times are; 0 where neither is known, infinite where one is not."""
    if math.isnan(one) or math.isnan(other):
        return 0.0 if math.isnan(one) and math.isnan(other) else math.inf
    return abs(math.log10(one / other))


def same(one, other):
    return one == other or (math.isnan(one) and math.isnan(other))


@pytest.mark.slow
@given(SEEDS, st.sampled_from(FACTORS), st.integers(0, 9))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_thinning_a_dense_log_moves_no_event_by_more_than_a_bin(seed, factor, first):
    train, test = unstable(np.random.default_rng(seed))
    whole = judge(train, test, chance=0.0)
    part = judge(thinned(train, factor, first % factor), thinned(test, factor, first % factor), chance=0.0)
    assert part.outcome == whole.outcome
    assert same(part.late, whole.late)
    assert part.resolved == whole.resolved
    for event in ("t_mem", "t_gen", "t_mem_first", "t_gen_first"):
        assert decades(getattr(part, event), getattr(whole, event)) <= BIN, event
    assert whole.outcome in ("groks", "immediate", "partial", "memorizes_only")  # it is judged at all


@pytest.mark.slow
@given(SEEDS, st.integers(2, 5))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_repeating_rows_changes_nothing(seed, times):
    train, test = unstable(np.random.default_rng(seed))
    repeated = [Series(*(np.repeat(column, times) for column in series)) for series in (train, test)]
    assert repr(judge(*repeated, chance=0.0)) == repr(judge(train, test, chance=0.0))


@pytest.mark.slow
@given(SEEDS, st.integers(2, 60), st.integers(0, 59))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_thinning_below_the_grid_may_leave_a_log_undecided_but_never_says_otherwise(seed, factor, first):
    """Smooth curves on any number of rows: brackets always share a time, and late never turns into its contrary."""
    rng = np.random.default_rng(seed)
    rows = np.arange(rng.integers(0, 2), rng.integers(500, 4000)) * float(rng.choice([1, 100]))
    end, row = math.log10(rows[-1]), math.log10(rows[-1] - rows[-2])
    mem = row + rng.uniform(-0.5, end - row - 1)
    delay, length = rng.choice([-0.1, 1.0]), rng.uniform(0.05, 0.2)
    train = Series(rows, rise(rows, mem, length))
    test = Series(rows, rise(rows, mem + delay, length, rng.choice([1.0, 1.0, 0.6, 0.05])))
    whole = judge(train, test, chance=0.0)
    part = judge(*(thinned(series, factor, first % factor) for series in (train, test)), chance=0.0)
    assert part.outcome in (whole.outcome, *UNDECIDED) or whole.outcome in UNDECIDED
    for event in ("t_mem", "t_gen"):
        low, high = (
            choose(bounds(whole, event)[end], bounds(part, event)[end]) for end, choose in ((0, max), (1, min))
        )
        assert low <= high * (1 + 1e-9), event


def bounds(detection: Detection, event: str) -> tuple[float, float]:
    high = getattr(detection, f"{event}_high")
    return getattr(detection, f"{event}_low"), math.inf if math.isnan(high) else high


@given(SEEDS)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_delay_lies_between_its_bounds_whatever_the_rows(seed):
    """The true delay of a smooth curve, known from its formula, on rows drawn at random."""
    rng = np.random.default_rng(seed)
    times = np.unique(10 ** rng.uniform(0, 4, rng.integers(8, 200)))
    mem, delay = rng.uniform(0.2, 1.5), rng.uniform(-0.2, 2)
    detection = judge((times, rise(times, mem, 0.2)), (times, rise(times, mem + delay, 0.2)), chance=0.0)
    low, high = bounds(detection, "delay")
    if not math.isnan(detection.t_mem):
        assert not low > delay + 1e-9
        assert delay <= high + 1e-9 or math.isnan(detection.delay)


@pytest.mark.parametrize("points_per_decade", [10, 20])
@pytest.mark.parametrize(("integer", "first_time"), [(True, 1.0), (False, 1.0), (False, 0.0809), (False, 3e7)])
@pytest.mark.parametrize("budget", [40, 50, 56, 100, 1000, 19_905, 20_000, 20_001, 10**6])
def test_our_own_schedule_beyond_fifty_units_is_read_as_it_is(budget, integer, first_time, points_per_decade):
    unit = 1.0 if integer else first_time
    times = checkpoints(budget * unit if not integer else budget, points_per_decade, integer, first_time)
    timeline = Timeline(times, unit)
    beyond = np.flatnonzero(times > 50) if integer else np.arange(len(times))
    assert np.isin(beyond, timeline.starts).all()
    assert len(timeline.units) == len(times)  # values are taken from each row


@given(st.lists(st.floats(0, 1), min_size=3, max_size=60), st.floats(0, 4))
@settings(max_examples=100, deadline=None, derandomize=True)
@example([0.0, 1.0, 1.0], 2.0)
def test_bins_depend_on_the_ratio_of_time_and_unit_alone(steps, decade):
    times = np.cumsum(np.array(steps) + 1e-3)
    scale = 2.0 ** round(decade)  # a power of two: no rounding
    assert (Timeline(times * scale, scale).starts == Timeline(times).starts).all()


def test_medians_are_numpys_and_leave_out_what_was_not_measured():
    rng = np.random.default_rng(3)
    timeline = Timeline(np.arange(5000.0))
    values = np.where(rng.random(5000) < 0.3, math.nan, rng.normal(size=5000))
    values[timeline.starts[-4] : timeline.starts[-3]] = math.nan
    parts = np.split(values, timeline.starts[1:])
    known = [part[~np.isnan(part)] for part in parts]
    np.testing.assert_allclose(timeline.read(values), [np.median(k) if k.size else math.nan for k in known], rtol=1e-15)


def test_splits_may_be_logged_at_different_times():
    fine, coarse = np.arange(0.0, 20_000, 3), np.arange(0.0, 20_000, 200)
    detection = judge((fine, rise(fine, 2, 0.1)), (coarse, rise(coarse, 3.5, 0.1)), chance=0.0)
    assert detection.outcome == "groks"
    assert (detection.t_mem_low, detection.t_mem_high) == (123, 126)
    assert (detection.t_gen_low, detection.t_gen_high) == (3800, 4000)
    assert detection.delay_low == math.log10(3800 / 126)


def test_one_grid_is_the_same_as_two_equal_ones():
    times = np.arange(0.0, 20_000, 50)
    train, test, loss = rise(times, 2, 0.1), rise(times, 3.5, 0.1), 2 - rise(times, 3.4, 0.1)
    columns = {"time": times, "train_accuracy": train, "test_accuracy": test, "test_loss": loss, "rank_auc": test}
    one = detect(columns, chance=0.0, n_classes=5, baseline_loss=2.0)
    two = judge(
        (times, train),
        (times, test),
        chance=0.0,
        n_classes=5,
        test_loss=(times, loss),
        baseline_loss=2.0,
        rank_auc=Series(times, test),
    )
    assert one == two
    assert one.loss_delay_censoring


@pytest.mark.parametrize(
    ("train", "words"),
    [
        (([0, 1, 1], [0, 0, 1]), "training accuracy: times must be"),
        (([0, 1, 2], [0, 0, 2]), "training accuracy: accuracies must be shares"),
        (([0, 1, 2], [0, math.nan, 1]), "training accuracy: accuracies are missing at 1 times"),
        (([0, 1, 2], [0, 1]), "training accuracy: expected as many times as values"),
        (([1, 1], [1, 1]), "training accuracy: times must be"),
    ],
)
def test_a_series_that_cannot_be_is_refused_by_its_name(train, words):
    with pytest.raises(UsageError, match=words):
        judge(train, ([0, 1, 2], [0, 0, 0]), chance=0.0)


def test_a_regular_log_with_slingshots():
    """A row every 50 steps, t_mem at 100, t_gen at 6500; both lost for hundreds of steps again and again."""
    times = np.arange(50.0, 20_001, 50)
    train, test = np.where(times >= 100, 1.0, 0.3), np.where(times >= 6500, 0.997, 0.004)
    for start, length in ((1400, 150), (4000, 300), (8000, 450), (12_000, 400), (15_000, 150), (18_000, 450)):
        train[(times >= start) & (times <= start + length)] = 0.03
    for start in (8000, 12_000, 18_000):
        test[(times >= start) & (times <= start + 400)] = 0.02
    one = judge((times, train), (times, test), chance=1 / 97)
    assert (one.outcome, one.late, one.resolved) == ("groks", 1.0, True)
    assert (one.t_mem_low, one.t_mem_high, one.t_gen_low, one.t_gen_high) == (
        50,
        100,
        6450,
        6500,
    )
    assert (round(one.delay_low, 2), round(one.delay_high, 2)) == (1.81, 2.11)
    assert (one.t_mem_lost, one.t_gen_lost) == (6, 3)


def test_a_curve_crosses_where_its_series_does():
    times = np.arange(0.0, 5000)
    values = rise(times, 2.5, 0.2)
    curve = Curve({"time": times, "other": values})
    assert curve.crossing(values, 0.5) == crossing(Quantity(Timeline(times), values), 0.5)
