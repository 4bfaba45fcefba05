"""Draws of Gaussian processes against their kernels, and flows that start there against their differential equation."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import solve

import grokbench
from grokbench.learners.kernels import kernel_functions, random_functions

KERNELS = {
    "gaussian": (random_functions.gaussian, kernel_functions.gaussian, {"bandwidth": 1.5}),
    "laplace": (random_functions.laplace, kernel_functions.laplace, {"bandwidth": 2.0}),
    "polynomial": (
        random_functions.polynomial,
        kernel_functions.polynomial,
        {"degree": 2, "gamma": 0.5, "coefficient": 1.0},
    ),
    "nngp": (random_functions.nngp, kernel_functions.nngp, {"depth": 1}),
    "ntk": (random_functions.ntk, kernel_functions.ntk, {"depth": 1}),
}


@pytest.mark.parametrize("name", KERNELS)
def test_the_covariance_of_draws_is_the_kernel(name, monkeypatch):
    monkeypatch.setattr(random_functions, "FEATURES", 512)
    draw, kernel, options = KERNELS[name]
    X = np.random.default_rng(0).standard_normal((6, 3))
    outputs, sets = 20, 60  # draws share their features within a set
    values = np.hstack([draw(3, outputs, rng=np.random.default_rng(s), **options)(X) for s in range(sets)])
    K = kernel(X, X, **options)
    covariance = values @ values.T / values.shape[1]
    size = np.sqrt(np.outer(np.diag(K), np.diag(K)))
    # four deviations of 1200 draws, and of 60 x 512 features, whose fourth moment is 9 (products of two normals)
    deviation = math.sqrt(2 / values.shape[1]) + math.sqrt(9 / (sets * 512))
    assert np.abs(covariance - K).max() < 4 * deviation * size.max()
    assert np.abs(values.mean(axis=1)).max() < 4 * np.sqrt(np.diag(K).max() / values.shape[1])


def test_deeper_networks_have_their_kernels_too(monkeypatch):
    monkeypatch.setattr(random_functions, "WIDTH", 256)
    X = np.random.default_rng(0).standard_normal((5, 3))
    for draw, kernel in (
        (random_functions.nngp, kernel_functions.nngp),
        (random_functions.ntk, kernel_functions.ntk),
    ):
        values = np.hstack([draw(3, 10, depth=2, rng=np.random.default_rng(s))(X) for s in range(60)])
        K = kernel(X, X, 2)
        # four deviations of 600 draws, and of 60 x 256 features
        deviation = math.sqrt(2 / values.shape[1]) + math.sqrt(9 / (60 * 256))
        assert np.abs(values @ values.T / values.shape[1] - K).max() < 4 * deviation * K.max()


def flow(split, **options):
    learner = grokbench.learner("kernel_flow", **options)
    learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, np.random.default_rng(3))
    return learner


SPLIT = grokbench.task("parity", n_bits=8, k=2, n_train=30, n_test=20).split(0)


@pytest.mark.parametrize("kernel", list(KERNELS))
@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_a_flow_from_a_random_function_solves_its_equation(kernel, ridge):
    """df(x)/dt = 2/n (k(x, X) (Y - f(X)) - ridge f(x)), from f_0, on training and held-out inputs together."""
    learner = flow(SPLIT, kernel=kernel, ridge=ridge, start=2.0)
    inputs = np.concatenate([SPLIT.X_train, SPLIT.X_test])
    K, n = learner.kernel(inputs), len(SPLIT.y_train)
    Y, begin = np.eye(2)[SPLIT.y_train], learner.scores(inputs)
    assert np.abs(begin).max() > 0.5

    def slope(_, flat):
        f = flat.reshape(begin.shape)
        return (2 / n * (K[:, :n] @ (Y - f[:n]) - ridge * f)).ravel()

    for time in (0.5, 20.0):
        expected = solve_ivp(slope, (0, time), begin.ravel(), rtol=1e-9, atol=1e-10).y[:, -1].reshape(begin.shape)
        learner.advance(time)
        np.testing.assert_allclose(learner.scores(inputs), expected, atol=1e-5)


def test_the_ridge_forgets_the_start_and_nothing_else_does():
    X, n = SPLIT.X_test, len(SPLIT.y_train)
    learner = flow(SPLIT, ridge=0.1, start=5.0)
    inputs = np.concatenate([SPLIT.X_train, X])
    K = learner.kernel(inputs)
    learner.advance(math.inf)
    ridge = K[n:, :n] @ solve(K[:n, :n] + 0.1 * np.eye(n), np.eye(2)[SPLIT.y_train])
    np.testing.assert_allclose(learner.scores(X), ridge, atol=1e-9)
    free = flow(SPLIT, start=5.0)
    begin = free.scores(inputs)
    free.advance(math.inf)
    np.testing.assert_allclose(free.scores(SPLIT.X_train), np.eye(2)[SPLIT.y_train], atol=1e-5)
    left = begin[n:] - K[n:, :n] @ solve(K[:n, :n], begin[:n])  # what the examples do not tell of it
    np.testing.assert_allclose(free.scores(X), left + K[n:, :n] @ solve(K[:n, :n], np.eye(2)[SPLIT.y_train]), atol=1e-5)


def test_the_start_is_a_function():
    learner = flow(SPLIT, start=3.0, ridge=0.1)
    whole = learner.scores(SPLIT.X_test)
    again = flow(SPLIT, start=3.0, ridge=0.1)
    again.scores(SPLIT.X_test[5:9])
    np.testing.assert_allclose(again.scores(SPLIT.X_test[::-1])[::-1], whole, rtol=1e-9)
    learner.advance(10.0)
    np.testing.assert_allclose(
        learner.scores_of(learner.description(), SPLIT.X_test), learner.scores(SPLIT.X_test), atol=1e-9
    )


@pytest.mark.parametrize("solver", ["flow", "descent"])
def test_linear_regression_from_random_weights(solver):
    """The weights at time 0 are drawn; what becomes of given ones is tested with `initial_weights`."""
    split = grokbench.task("linear_teacher", n_features=12, n_train=8, n_test=5).split(0)

    def learner(**options):
        linear = grokbench.learner("linear", solver=solver, ridge=0.2, **options)
        linear.begin(split.X_train, split.y_train, 0, split.alphabet, np.random.default_rng(1))
        return linear

    drawn = learner(start=2.0)
    weights = drawn.description()["weights"][:, 0]
    np.testing.assert_array_equal(weights, 2.0 * np.random.default_rng(1).standard_normal((12, 1))[:, 0])
    weighted = learner(initial_weights=list(weights))
    for one in (drawn, weighted):
        one.advance(50)
    np.testing.assert_array_equal(drawn.scores(split.X_test), weighted.scores(split.X_test))
    with pytest.raises(grokbench.errors.OptionError, match="initial_weights"):
        grokbench.learner("linear", start=1.0, initial_weights=[1.0])
