"""Laws of the delay on runs whose norm decays as the law has it."""

import math

import numpy as np
import pytest
from support_handmade import NEVER, changed, made, recorded

from grokbench.verdicts import norm_laws
from grokbench.verdicts.readings import reading

RATE, DECAY = 0.01, 0.5
OPTIONS = {"config": {"seed": 1000, "learner_options": {"learning_rate": RATE, "weight_decay": DECAY}}}


def decaying(rate: float, start: float = 100.0, **changes):
    """A run whose norm is start exp(-rate t)."""
    one = recorded(made(**changes), **OPTIONS)
    return changed(one, norm=start * np.exp(-rate * one.curve.time))


def observed(run) -> tuple[float, float]:
    detection = run.detections[0.95]
    return detection.t_mem, detection.t_gen


def test_the_printed_law_holds_exactly_where_the_squared_norm_decays_at_its_rate():
    """V ~ exp(-eta lambda t) is a norm that decays at half of that; linear interpolation is right to a thousandth."""
    run = decaying(RATE * DECAY / 2)
    begin, end = observed(run)
    assert norm_laws.wait(run) == end - begin
    assert norm_laws.printed(run) == pytest.approx(end - begin, rel=0.005)
    assert norm_laws.error(norm_laws.printed)(run) < 0.005


def test_pure_decay_is_twice_as_fast_as_the_printed_law_and_half_the_delay_is_an_error_of_one():
    run = decaying(RATE * DECAY)
    assert norm_laws.error(norm_laws.printed)(run) == pytest.approx(1.0, rel=0.01)


def test_the_first_passage_is_when_a_norm_that_decays_at_kappa_times_the_rate_meets_the_threshold():
    rate = norm_laws.KAPPA * RATE * DECAY
    run = decaying(rate)
    begin, _ = observed(run)
    meets = math.log(100 / math.sqrt(norm_laws.V_STAR)) / rate
    assert norm_laws.first_passage(run) == pytest.approx(meets - begin, rel=1e-3)


def test_a_norm_below_the_threshold_forecasts_no_delay():
    run = decaying(1e-4, start=1.0)
    assert norm_laws.first_passage(run) < 0
    assert norm_laws.error(norm_laws.first_passage)(run) == 1.0


def test_the_bare_law_knows_no_norm():
    assert norm_laws.bare(decaying(1e-4)) == norm_laws.bare(decaying(1e-3)) == norm_laws.C / (RATE * DECAY)


def test_without_generalization_there_is_no_error():
    run = decaying(1e-4, t_gen=NEVER)
    assert math.isnan(norm_laws.error(norm_laws.bare)(run))
    assert math.isnan(reading("error of the bare law").of(run).low)
    assert math.isnan(reading("wait").of(run).low)
