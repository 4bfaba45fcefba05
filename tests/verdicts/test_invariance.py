"""Names of classes and the points at which measures look change no verdict: whole suites, run through the harness.

What the clock, the order of runs and further runs could change is in test_judging.py.
"""

from dataclasses import replace

import mechanisms
import numpy as np
from mechanisms import MECHANISMS, split_of, suite, verdicts

from grokbench.measures import probe

MECHANISM = MECHANISMS["read-out before features"]  # one that is contradicted through its kernel
RENAMED = np.array([2, 0, 3, 1])


def test_names_of_classes_change_no_verdict(monkeypatch):
    def renamed(seed, **task):
        split = split_of(seed, **task)
        new = {field: RENAMED[getattr(split, field)] for field in ("y_train", "y_test", "y_true")}
        return replace(split, **new)

    monkeypatch.setattr(mechanisms, "split_of", renamed)
    assert verdicts(MECHANISM, suite(MECHANISM, 0)) == MECHANISM.truth


def test_the_points_of_the_probe_change_no_verdict(monkeypatch):
    """Of 48 and 96 points, 40 and 64 are looked at, drawn otherwise than by the split's own hash."""
    own = probe.rng_of
    monkeypatch.setattr(probe, "MOST_TRAIN", 40)
    monkeypatch.setattr(probe, "MOST_HELD_OUT", 64)
    monkeypatch.setattr(probe, "rng_of", lambda split, purpose: own(split, f"other {purpose}"))
    assert verdicts(MECHANISM, suite(MECHANISM, 0)) == MECHANISM.truth
