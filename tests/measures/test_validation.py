"""Halves of the held-out split: they share nothing, leave nothing out, and are measured as the whole is."""

import numpy as np
import pytest

import grokbench
from grokbench.curves.evaluate import halves


@pytest.mark.parametrize("classes", [True, False])
def test_the_halves_are_a_partition(classes):
    y = np.random.default_rng(0).integers(5, size=101)
    first, second = halves(y, classes)
    assert sorted([*first, *second]) == list(range(101))
    if classes:
        counts = [np.bincount(y[half], minlength=5) for half in (first, second)]
        assert abs(counts[0] - counts[1]).max() <= 1


@pytest.mark.parametrize(
    ("task", "learner"),
    [
        (grokbench.task("parity", n_bits=8, k=2, n_train=40, n_test=200), grokbench.learner("mlp", hidden=[16])),
        (
            grokbench.task("single_index", n_features=5, n_train=20, n_test=200),
            grokbench.learner("kernel_flow", kernel="gaussian"),
        ),
    ],
)
def test_the_mean_of_equal_halves_is_the_whole(task, learner):
    curve = grokbench.trace(learner, task.split(0), 30, measures=["validation_loss"])
    mean = (curve["validation_accuracy"] + curve["remaining_accuracy"]) / 2
    np.testing.assert_allclose(mean, curve["test_accuracy"], atol=0.011)
    assert (curve["validation_loss"] != curve["test_loss"]).any()
    np.testing.assert_allclose(curve["validation_loss"], curve["test_loss"], rtol=0.6)
