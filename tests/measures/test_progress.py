"""Gradients that round to 0, against torch's own."""

import math

import numpy as np
import pytest
import torch

import grokbench
from grokbench.curves.checkpoint import Checkpoint
from grokbench.learners.base import Learner
from grokbench.measures.progress import softmax_slopes
from grokbench.registry import measures
from grokbench.tasks.base import Split


def of_margin(margin, loss="cross-entropy", **attributes):
    split = Split(np.zeros((30, 1)), np.arange(30) % 3, np.zeros((3, 1)), np.arange(3), 3)
    learner = Learner()
    vars(learner).update(loss=loss, **attributes)
    scores = np.eye(3)[split.y_train] * margin
    return measures["zero_gradient"]().row(Checkpoint(learner, split, 1.0, scores, np.zeros((3, 3))))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_slopes_are_those_of_torch(dtype):
    rng = np.random.default_rng(0)
    scores = (10 * rng.normal(size=(40, 5))).astype(dtype)
    y = rng.integers(5, size=40)
    tensor = torch.tensor(scores, requires_grad=True)
    torch.nn.functional.cross_entropy(tensor, torch.tensor(y), reduction="sum").backward()
    own, slopes = softmax_slopes(scores, y)
    assert slopes.dtype == dtype
    np.testing.assert_allclose(slopes, tensor.grad.numpy(), atol=4 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(own, slopes[np.arange(40), y])


@pytest.mark.parametrize(
    ("margin", "dtype", "gradient", "loss"),
    [
        (10, "float32", 0, 0),
        (20, "float32", 0, 1),  # 2 exp(-20) is less than half of the last place of 1
        (20, "float64", 0, 0),
        (40, "float64", 0, 1),
        (110, "float32", 1, 1),  # exp(-110) is no number of single precision
        (110, "float64", 0, 1),
    ],
)
def test_what_rounds_to_nothing(margin, dtype, gradient, loss):
    assert of_margin(margin, dtype=dtype) == {"zero_gradient": gradient, "zero_loss": loss}


def test_other_losses():
    assert of_margin(1, loss="mse") == {"zero_gradient": 1, "zero_loss": 1}
    assert of_margin(0.5, loss="mse") == {"zero_gradient": 0, "zero_loss": 0}
    assert all(math.isnan(value) for value in of_margin(5, loss="hinge").values())


def test_cross_entropy_without_decay_collapses():
    """Prieto et al.: without weight decay the loss of the fitted examples rounds to 0 in single precision."""
    split = grokbench.task("modular", modulus=11, train_fraction=0.5).split(0)
    curves = {}
    for dtype in ("float32", "float64"):
        learner = grokbench.learner("mlp", activation="quadratic", hidden=[64], dtype=dtype)
        curves[dtype] = grokbench.trace(learner, split, budget=1200, points_per_decade=5, measures=["zero_gradient"])
    assert curves["float32"]["zero_loss"].iloc[0] == 0
    assert curves["float32"]["zero_loss"].iloc[-1] > 0.5
    assert curves["float64"]["zero_loss"].iloc[-1] < 0.5
