"""Elementwise functions against scipy's, over the whole range and where they are hardest."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

numba = pytest.importorskip("numba")

from grokbench.compiled import elementary  # noqa: E402

X = np.concatenate([np.linspace(-120, 0, 4001), -np.logspace(-30, 3, 500), [0.0, -np.inf]])


def mapped(function, x):
    """A function of numbers, in machine code, of each entry."""

    @numba.njit
    def loop(x, out):
        for i in range(len(x)):
            out[i] = function(x[i])

    out = np.empty_like(x)
    loop(x, out)
    return out


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_exponential(kind):
    x = X.astype(kind)
    expected = np.exp(x.astype(np.float64))
    expected[expected < np.finfo(kind).tiny * 2] = 0  # the smallest normal numbers count as 0
    values = mapped(elementary.exponential, x)
    np.testing.assert_allclose(values, expected, rtol=2 * np.finfo(kind).eps, atol=np.finfo(kind).tiny * 4)
    assert np.isnan(mapped(elementary.exponential, np.array([np.nan], kind)))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_hyperbolic_tangent(kind):
    x = np.concatenate([X, -X]).astype(kind)
    expected = np.tanh(x.astype(np.float64))
    np.testing.assert_allclose(mapped(elementary.hyperbolic_tangent, x), expected, rtol=4 * np.finfo(kind).eps)
    assert np.isnan(mapped(elementary.hyperbolic_tangent, np.array([np.nan], kind)))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_normal_share(kind):
    x = np.concatenate([np.linspace(-12, 12, 4001), np.logspace(-30, 3, 500)]).astype(kind)
    values = mapped(elementary.normal_share, x)
    np.testing.assert_allclose(values, ndtr(x.astype(np.float64)), rtol=0, atol=10 * np.finfo(kind).eps)
    assert np.isnan(mapped(elementary.normal_share, np.array([np.nan], kind)))


@pytest.mark.parametrize("activation", elementary.ACTIVATIONS)
def test_activations_are_those_of_torch(activation):
    import torch

    from grokbench.learners.neural.mlp import activate, slope

    a = np.random.default_rng(0).normal(size=(30, 7)) * 3
    a[0] = 0
    h, slopes = np.empty_like(a), a.copy()
    numba.njit(lambda a, h, kind: elementary.activate(a, h, kind))(slopes, h, elementary.ACTIVATIONS[activation])
    tensor = torch.tensor(a)
    np.testing.assert_allclose(h, activate(tensor, activation).numpy(), atol=1e-13)
    np.testing.assert_allclose(slopes, slope(tensor, activation).numpy(), atol=1e-13)
