"""What was planted comes out of the shipped rules: a suite of ten seeds per mechanism (`mechanisms.py` has more)."""

import numpy as np
import pytest
from mechanisms import MECHANISMS, run, split_of, suite, verdicts

from grokbench.explanations import lazy_to_rich


@pytest.mark.parametrize("name", MECHANISMS)
def test_the_shipped_rules_say_what_was_planted(name):
    mechanism = MECHANISMS[name]
    assert verdicts(mechanism, suite(mechanism, 0)) == mechanism.truth


def test_a_decaying_offset_never_passes_for_grokking():
    mechanism = MECHANISMS["decaying offset"]
    judged = [run(mechanism, mechanism.cells["free_on"], seed).detections[0.95] for seed in range(5)]
    assert {detection.outcome for detection in judged} == {"metric_artifact"}
    assert all(detection.late == 0 for detection in judged)


def test_the_lag_between_features_and_read_out_is_the_one_that_was_set():
    for lag in (-0.2, 0.2):
        name = "read-out after features" if lag > 0 else "read-out before features"
        mechanism = MECHANISMS[name]
        free = run(mechanism, mechanism.cells["free_on"], 7)
        rise, ready = free.half_rise(), free.curve.crossing(free.curve.column("after_kernel"), 0.5).time
        assert abs(np.log10(rise / ready) - lag) < 0.06  # half a checkpoint of 1/8 decade
    assert lazy_to_rich.features_in_time.__doc__.startswith("L3")


def test_shuffled_and_redrawn_labels_keep_the_inputs():
    plain, shuffled, noisy = split_of(3), split_of(3, shuffled=True), split_of(3, redrawn=0.25)
    for other in (shuffled, noisy):
        assert (other.X_train == plain.X_train).all()
        assert (other.X_test == plain.X_test).all()
    assert len(noisy.redrawn) == round(0.25 * len(plain.y_train))
    assert (noisy.y_true == plain.y_train).all()
