"""Boosted trees of LightGBM: against the library's own training, and where it is not installed."""

from unittest import mock

import numpy as np
import pytest
from support_learners import start
from support_splits import product_of_two as random_split

import grokbench
from grokbench.learners.laws import check_learner
from grokbench.learners.trees import lightgbm as module

OPTIONS = {"learning_rate": 0.3, "num_leaves": 7, "min_child_samples": 3, "feature_fraction_bynode": 0.6}
TIMES = (0, 1, 2, 5, 12)


@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_scores_at_every_checkpoint_are_those_of_a_fresh_training(n_classes):
    """Neither the path nor predictions on the way leave a trace; two classes are (-f/2, f/2)."""
    library = pytest.importorskip("lightgbm")
    split = random_split(n_classes)
    learner = start(grokbench.learner("lightgbm", **OPTIONS), split)
    parameters = {"seed": int(np.random.default_rng(0).integers(2**31 - 1)), "num_threads": 1, "verbosity": -1}
    parameters |= {"deterministic": True, "force_row_wise": True, "boost_from_average": False} | OPTIONS
    parameters |= {0: {"objective": "regression"}, 2: {"objective": "binary"}, 3: {"objective": "multiclass"}}[
        n_classes
    ]
    parameters |= {"num_class": 3} if n_classes == 3 else {}
    for time in TIMES:
        learner.advance(time)
        if time == 0:
            np.testing.assert_array_equal(learner.scores(split.X_test), 0.0)
            continue
        booster = library.train(parameters, library.Dataset(split.X_train, split.y_train), num_boost_round=time)
        margin = booster.predict(split.X_test, raw_score=True).reshape(len(split.X_test), -1)
        expected = np.hstack([-margin, margin]) / 2 if n_classes == 2 else margin
        np.testing.assert_array_equal(learner.scores(split.X_test), expected)


def test_the_laws_hold():
    pytest.importorskip("lightgbm")
    split = random_split(2)
    laws = check_learner(lambda: grokbench.learner("lightgbm", **OPTIONS), split)
    assert not [law for law in laws if law.status == "failed"]


def test_without_the_library_a_plan_leaves_it_out_and_says_why():
    with mock.patch.object(module, "find_spec", return_value=None):
        reason = grokbench.learner("lightgbm").cannot_read(random_split(2))
    assert "not installed" in reason
