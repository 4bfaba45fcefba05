"""Fixed kernels against scikit-learn, scipy, and random networks of large width."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel

from grokbench.learners.kernels import kernel_functions

KERNELS = {
    "gaussian": lambda X, Z: kernel_functions.gaussian(X, Z, 1.7),
    "laplace": lambda X, Z: kernel_functions.laplace(X, Z, 1.7),
    "polynomial": lambda X, Z: kernel_functions.polynomial(X, Z, 3, 0.4, 0.7),
    "nngp": lambda X, Z: kernel_functions.nngp(X, Z, 3),
    "ntk": lambda X, Z: kernel_functions.ntk(X, Z, 3),
}


def points(n=9, d=4, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def test_distances_and_kernels_agree_with_other_libraries():
    X, Z = points(), points(7, seed=1)
    np.testing.assert_allclose(kernel_functions.squared_distances(X, Z), cdist(X, Z) ** 2, rtol=1e-12)
    np.testing.assert_allclose(
        kernel_functions.gaussian(X, Z, 1.7), rbf_kernel(X, Z, gamma=1 / (2 * 1.7**2)), rtol=1e-12
    )
    np.testing.assert_allclose(kernel_functions.laplace(X, Z, 1.7), np.exp(-cdist(X, Z) / 1.7), rtol=1e-12)
    expected = polynomial_kernel(X, Z, degree=3, gamma=0.4, coef0=0.7)
    np.testing.assert_allclose(kernel_functions.polynomial(X, Z, 3, 0.4, 0.7), expected, rtol=1e-12)


def test_more_rows_than_one_block():
    X, Z = points(3 * kernel_functions.BLOCK + 5), points(7, seed=1)
    np.testing.assert_allclose(kernel_functions.squared_distances(X, Z), cdist(X, Z) ** 2, rtol=1e-11)


def test_the_diagonal_is_exact():
    X = 1e3 * points(200, 30)
    assert (kernel_functions.squared_distances(X, X).diagonal() == 0).all()
    assert (kernel_functions.laplace(X, X, 1e-3).diagonal() == 1).all()  # the kernel that would show a distance of 1e-5
    norms = (X**2).sum(axis=1) / 30
    np.testing.assert_allclose(kernel_functions.nngp(X, X, 4).diagonal(), norms, rtol=1e-14)
    np.testing.assert_allclose(kernel_functions.ntk(X, X, 4).diagonal(), 5 * norms, rtol=1e-14)


@pytest.mark.parametrize("name", KERNELS)
def test_symmetric_to_the_last_bit(name):
    X = points(150, 6)
    K = KERNELS[name](X, X)
    assert (K == K.T).all()


@pytest.mark.parametrize("name", KERNELS)
def test_a_copy_of_the_inputs_gives_the_same_kernel(name):
    """X X^T is a symmetric product in BLAS, X Z^T a general one: equal up to rounding, where arccos is steepest too."""
    X = points(150, 6)
    np.testing.assert_allclose(KERNELS[name](X, X.copy()), KERNELS[name](X, X), rtol=1e-12, atol=1e-12)


def test_equal_points_are_at_distance_zero_and_near_ones_are_not():
    X = points(1, 5)
    near = X + 1e-6 * np.eye(5)[0]
    assert kernel_functions.squared_distances(X, X.copy())[0, 0] == 0
    # (1e-6)^2 as a difference of numbers of size 10 has a rounding error of about 1e-15
    np.testing.assert_allclose(kernel_functions.squared_distances(X, near)[0, 0], 1e-12, atol=1e-14)


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(sorted(KERNELS)), n=st.integers(1, 12), d=st.integers(1, 5), seed=st.integers(0, 10**6))
def test_positive_semi_definite_on_any_inputs(name, n, d, seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(-1, 2, size=(n, d)) * 1.0  # repeated points, zero vectors, antipodes
    values = np.linalg.eigvalsh(KERNELS[name](X, X))
    assert values[0] >= -1e-12 * max(values[-1], 1)


def test_zero_vectors_and_antipodes():
    X = np.array([[0.0, 0.0], [1.0, 2.0], [-1.0, -2.0]])
    for kernel in (kernel_functions.nngp, kernel_functions.ntk):
        K = kernel(X, X, 1)
        assert (K[0] == 0).all()
        assert np.isfinite(K).all()
        assert abs(K[1, 2]) < 1e-15  # no hidden unit sees both x and -x


def test_depth_zero_is_the_linear_kernel():
    X, Z = points(), points(5, seed=1)
    for kernel in (kernel_functions.nngp, kernel_functions.ntk):
        np.testing.assert_allclose(kernel(X, Z, 0), X @ Z.T / 4, rtol=1e-12)


def random_network(X, depth, width, rng):
    """Empirical covariance of the last layer (NNGP) and tangent kernel of one random network, both (n, n)."""
    import torch

    sizes = [X.shape[1]] + [width] * depth + [1]
    weights = [torch.from_numpy(rng.standard_normal((b, a))).requires_grad_() for a, b in pairwise(sizes)]
    h = torch.from_numpy(X) @ weights[0].T / np.sqrt(sizes[0])
    for W, size in zip(weights[1:], sizes[1:], strict=False):
        features = np.sqrt(2 / size) * torch.relu(h)
        h = features @ W.T
    rows = [torch.cat([g.ravel() for g in torch.autograd.grad(f, weights, retain_graph=True)]) for f in h[:, 0]]
    J = torch.stack(rows)
    return (features @ features.T).detach().numpy(), (J @ J.T).numpy()


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "width", "draws"), [(1, 4096, 60), (2, 512, 60)])
def test_ntk_and_nngp_are_the_kernels_of_wide_random_networks(depth, width, draws):
    """Monte Carlo: the mean over draws is within 4.5 of its standard deviations, plus a bias of order 1 / width."""
    rng = np.random.default_rng(depth)
    X = rng.standard_normal((4, 5))
    X[1] = X[0] + 0.3 * X[1]
    samples = [
        np.array(kind) for kind in zip(*(random_network(X, depth, width, rng) for _ in range(draws)), strict=True)
    ]
    for sample, kernel in zip(samples, (kernel_functions.nngp, kernel_functions.ntk), strict=True):
        sd = sample.std(axis=0, ddof=1) / np.sqrt(draws)
        exact = kernel(X, X, depth)
        bias = 0 if depth == 1 else 3 / width * np.abs(exact).max()
        assert (np.abs(sample.mean(axis=0) - exact) <= 4.5 * sd + bias).all()
        assert sd.max() < 0.02 * np.abs(exact).max()  # sharp enough to see a wrong factor


def test_arccos_kernels_against_quadrature():
    """E over u = (cos s, sin s) r: the radius integrates out, the angle is a quadrature of a periodic function."""
    s = (np.arange(200_000) + 0.5) * 2 * np.pi / 200_000
    for angle in (0.0, 0.3, 1.5, 3.0, np.pi):
        u, v = np.cos(s), np.cos(s - angle)
        kappa_0, kappa_1 = kernel_functions.arccos_kernels(np.array(np.cos(angle)))
        assert kappa_0 == pytest.approx(2 * ((u > 0) & (v > 0)).mean(), abs=1e-5)  # a step function: 1 / points
        assert kappa_1 == pytest.approx(2 * 2 * (np.maximum(u, 0) * np.maximum(v, 0)).mean(), abs=1e-8)
