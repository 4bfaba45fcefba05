"""One run as explanations see it, and cells of runs, against closed forms of hand-made ramps."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support_handmade import CELLS, NEVER, changed, lazy_to_rich, made, suite

from grokbench.curves.curve import Curve
from grokbench.curves.detect import detect
from grokbench.curves.run import Run
from grokbench.statistics.location import median_interval
from grokbench.verdicts import gates
from grokbench.verdicts.cells import Design
from grokbench.verdicts.finding import Estimate
from grokbench.verdicts.progress import clock_free_lead, end_of_rise, progress

T_GEN = 800 * 10 ** (-0.05 / 3)  # where a ramp that ends at 800 passes .95
T50 = 800 * 10 ** (-0.5 / 3)
EXACT = 1e-3  # decades: a ramp has two kinks, which a grid of 20 points a decade cuts


def test_detections_are_those_of_the_detector():
    trace = made()
    detection = detect(trace.curve.columns, chance=trace.curve.chance, n_classes=trace.curve.n_classes)
    assert trace.detections[0.95] == detection
    assert math.log10(detection.t_gen / T_GEN) == pytest.approx(0, abs=EXACT)
    assert trace.complete


@pytest.mark.parametrize("status", ["failed", "crashed", "timeout", "diverged"])
def test_a_run_that_did_not_end_is_lost_whatever_its_curve(status):
    assert not made(status=status).complete


def test_a_curve_that_cannot_be_judged_is_lost():
    trace = made()
    assert not replace(trace, curve=Curve()).complete
    assert not changed(trace, train_accuracy=np.full(len(trace.curve), math.nan)).complete


def test_half_rise_is_of_the_ranking_where_accuracy_lags_it():
    assert math.log10(made().half_rise() / T50) == pytest.approx(0, abs=EXACT)
    trace, early = made(), made(t_gen=80.0)
    lagging = changed(trace, rank_auc=0.5 + early.curve.kappa_test / 2)
    assert lagging.detections[0.95].offset
    assert lagging.half_rise() < 80


def test_what_was_not_measured_is_no_checkpoint():
    trace, values = made(), made().curve.column("after_kernel").copy()
    values[::2] = math.nan
    crossing = trace.curve.crossing(values, 0.5)
    assert math.log10(crossing.time / T50) == pytest.approx(0, abs=0.01)  # every other point of the ramp
    assert not trace.curve.crossing(np.full(len(values), math.nan), 0.5).reached
    assert np.isnan(trace.curve.column("no such measure")).all()


def test_values_between_checkpoints_are_linear_in_log_time():
    trace = made()
    with np.errstate(divide="ignore"):
        values = np.log10(trace.curve.time)
    assert trace.curve.value_at(values, 777.0) == pytest.approx(math.log10(777), abs=1e-12)
    assert math.isnan(trace.curve.value_at(values, 1e6))
    assert math.isnan(trace.curve.value_at(values, math.nan))


def test_training_comes_to_rest_relative_to_where_it_began():
    trace = made()
    assert trace.curve.at_rest
    loss = 1 / (
        1 + trace.curve.time / 10
    )  # 1/t: falls by 44 % in a quarter decade, but from .001 to .0018 of its start
    assert changed(trace, train_loss=loss).curve.at_rest
    assert not changed(trace, train_loss=1 / (1 + trace.curve.time / 1e4)).curve.at_rest


def test_a_rise_that_would_be_there_within_another_decade_is_arriving():
    trace = made()
    log = np.log10(np.maximum(trace.curve.time, 1.0))
    for pace, arrives in ((0.5, True), (0.2, False)):  # of kappa per decade, ending at .6
        accuracy = trace.curve.chance + (1 - trace.curve.chance) * (0.6 + pace * (log - log[-1]))
        slow = changed(trace, test_accuracy=accuracy)
        assert slow.curve.arriving(0.95) is arrives
    assert trace.curve.arriving(0.95)  # it is there


def test_progress_and_clock_free_lead():
    trace = made()
    m = trace.curve.kappa_test
    phi = progress(trace, m, 0.95)
    assert end_of_rise(trace, 0.95) == pytest.approx(2 * trace.detections[0.95].t_gen)
    assert trace.curve.value_at(phi, trace.detections[0.95].t_mem) == pytest.approx(0)
    assert clock_free_lead(trace, m, 0.95) == pytest.approx(0, abs=0.01)  # it is the accuracy itself
    ahead = made(t_gen=300.0).curve.kappa_test
    assert clock_free_lead(trace, ahead, 0.95) == pytest.approx(0.5, abs=0.01)
    assert clock_free_lead(trace, 7 - 3 * ahead, 0.95) == pytest.approx(0.5, abs=0.01)  # unit and sign are no matter
    assert np.isnan(progress(trace, m, 0.95, null_deviation=0.4)).all()  # within three deviations of nothing


def test_progress_does_not_depend_on_the_clock():
    trace = made(ready=300.0)
    squared = changed(trace, time=trace.curve.time**2)
    leads = [clock_free_lead(t, t.curve.column("after_kernel"), 0.95) for t in (trace, squared)]
    assert leads[0] == pytest.approx(leads[1], abs=1e-9)
    assert leads[0] > 0.4


def test_half_the_budget_asks_for_the_whole_horizon():
    def frozen(budget):
        runs = suite(**{"net-frozen": {"t_gen": NEVER, "budget": budget}})
        return lazy_to_rich().cells(lazy_to_rich().designs[0], runs)

    long, short = frozen(20_000), frozen(9_000)
    assert long.at_half_budget.runs_of("frozen")[0].curve.last <= 10_000
    assert (long.at_half_budget.late("frozen") == 0).all()
    assert (short.late("frozen") == 0).all()
    assert np.isnan(short.at_half_budget.late("frozen")).all()  # 4,500 are less than ten times 800


def test_natural_roles_and_ladders():
    off = Design("net", "add", True, CELLS, natural="off")
    cells = lazy_to_rich(off).cells(off, suite())
    assert cells.of_role("free") == ("add/net-off",)
    assert cells.of_role("frozen") == ("add/net-frozen-off",)
    assert cells.has("doses")
    assert not cells.has("ladder")
    assert [len(cells.runs_of("doses", step)) for step in range(5)] == [10] * 5
    del cells.runs["add/net-dose3"]
    assert not cells.has("doses")


def test_vanished_gradients_are_unhealthy():
    runs = suite()
    for trace in list(runs["add/net-off"].values())[:2]:
        trace.curve.columns["zero_gradient"] = (trace.curve.time > 100).astype(float)
    cells = lazy_to_rich().cells(lazy_to_rich().designs[0], runs)
    assert gates.healthy(cells, ["free_on"]).passed
    gate = gates.healthy(cells, ["free_off"])
    assert (gate.passed, gate.reason) == (False, "gradients vanish in 2 runs of add/net-off")


def test_an_estimate_repeats_its_ends():
    values = np.arange(10.0)
    estimate = Estimate.of(lambda alpha: median_interval(values, 1 - 2 * alpha))
    assert estimate.value == 4.5
    assert estimate.interval(0.025) == estimate.interval(0.025) == (1, 8)


def test_a_trace_can_be_made_from_anyones_arrays():
    curve = {"time": [0, 1, 2, 4], "train_accuracy": [0.5] * 4, "test_accuracy": [0.5] * 4}
    trace = Run({"status": "done"}, Curve(curve, chance=0.5, n_classes=2))
    assert trace.detections[0.95].outcome == "never_fits"
    assert np.isnan(trace.curve.kappa_rank).all()
