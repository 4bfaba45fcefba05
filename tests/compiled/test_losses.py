"""Gradients of the losses against automatic differentiation, also where exponentials over- and underflow."""

from __future__ import annotations

import numpy as np
import pytest
import torch

numba = pytest.importorskip("numba")

from grokbench.compiled.losses import LOSSES, differentiate  # noqa: E402
from grokbench.learners.neural.losses import objective  # noqa: E402


@numba.njit
def differentiated(scores, outputs, classes, values, loss, factor):
    differentiate(scores, outputs, classes, values, loss, factor)


@pytest.mark.parametrize("size", [0.0, 1e-3, 1.0, 30.0, 1e4])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_the_losses(loss, kind, size):
    rng = np.random.default_rng(0)
    scores = np.concatenate([size * rng.normal(size=(40, 5)), np.full((1, 5), size)]).astype(kind)  # all equal: ties
    classes, values = rng.integers(5, size=41), rng.normal(size=(41, 5)).astype(kind)
    leaf = torch.tensor(scores.astype(np.float64), requires_grad=True)
    targets = torch.tensor(values.astype(np.float64)) if loss == "mse" else torch.tensor(classes)
    (3 * objective(leaf, targets, loss)).backward()
    wide = np.pad(scores, ((0, 0), (0, 3)))
    differentiated(wide, 5, classes, np.pad(values, ((0, 0), (0, 3))), LOSSES[loss], 3.0)
    expected = leaf.grad.numpy()
    rounding = 20 * np.finfo(kind).eps * max(1.0, size if loss == "mse" else 1.0)
    np.testing.assert_allclose(wide[:, :5], expected, rtol=0, atol=rounding)
    assert not wide[:, 5:].any()


@pytest.mark.parametrize("loss", ["cross-entropy", "mse", "stablemax"])
def test_what_is_not_finite_stays_so(loss):
    """A run that diverges must not look as if it had stopped."""
    scores = np.array([[np.nan, 1.0], [np.inf, 0.0]])
    differentiated(scores, 2, np.zeros(2, dtype=np.int64), np.zeros((2, 2)), LOSSES[loss], 1.0)
    assert not np.isfinite(scores).all()
