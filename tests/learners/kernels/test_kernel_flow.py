"""Gradient flow of a kernel machine against explicit descent, an ODE solver, scikit-learn and its own laws."""

import math
from functools import partial

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.spatial.distance import pdist
from sklearn.kernel_ridge import KernelRidge
from support_learners import at
from support_splits import addition
from support_splits import real_data as noise

from grokbench.errors import OptionError, UsageError
from grokbench.learners.kernels import kernel_functions
from grokbench.learners.kernels.kernel_flow import KernelFlow, flow_gain, median_distance
from grokbench.options import build, options

KINDS = ["gaussian", "laplace", "polynomial", "ntk", "nngp"]
real_data = partial(noise, n=20, d=4)


def modular_addition(modulus=23, fraction=0.6):
    return addition(modulus, int(fraction * modulus**2))


def begun(X, y, n_classes=3, alphabet=None, **options):
    learner = KernelFlow(**options)
    learner.begin(X, y, n_classes, alphabet, np.random.default_rng(0))
    return learner


# --- the mathematics -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ridge", [0.0, 0.3])
@pytest.mark.parametrize("kind", KINDS)
def test_the_dual_coefficients_solve_their_differential_equation(kind, ridge):
    X, y, Z = real_data(n=12)  # fewer than the 15 monomials of degree <= 2, so that every kernel has full rank
    learner = begun(X, y, kernel_=kind, ridge=ridge)
    K, Y, n = learner.kernel(X), np.eye(3)[y], len(X)
    path = solve_ivp(
        lambda _, a: (2 / n * (Y - (K + ridge * np.eye(n)) @ a.reshape(n, 3))).ravel(),
        (0, 50), np.zeros(3 * n), t_eval=[0.5, 5, 50], method="DOP853", rtol=1e-10, atol=1e-12,
    )  # fmt: skip
    both = learner._k(np.vstack([Z, X]), X)
    for time, a in zip(path.t, path.y.T, strict=True):
        learner.advance(time)
        np.testing.assert_allclose(learner.description()["dual_coefficients"], a.reshape(n, 3), rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(learner.scores(np.vstack([Z, X])), both @ a.reshape(n, 3), rtol=1e-6, atol=1e-7)


def test_gradient_descent_on_primal_weights_with_small_steps():
    """A homogeneous polynomial of degree 1 is the linear model: descend on w the mean of summed squared errors."""
    X, y, Z = real_data()
    learner = begun(X, y, kernel_="polynomial", degree=1, coefficient=0.0)
    Y, W, step = np.eye(3)[y], np.zeros((4, 3)), 1e-4
    for k in range(1, 20_001):
        W -= step * 2 / len(X) * X.T @ (X @ W - Y)
        if k in (500, 5000, 20_000):
            learner.advance(k * step)
            np.testing.assert_allclose(learner.scores(Z), Z @ W, atol=5e-4 * np.abs(W).max())  # Euler: error ~ step


@pytest.mark.parametrize("kind", KINDS)
def test_infinite_time_is_kernel_ridge_regression(kind):
    X, y, Z = real_data()
    learner = at(begun(X, y, kernel_=kind, ridge=0.2), math.inf)
    oracle = KernelRidge(alpha=0.2, kernel="precomputed").fit(learner.kernel(X), np.eye(3)[y])
    np.testing.assert_allclose(learner.scores(Z), oracle.predict(learner._k(Z, X)), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(learner.description()["dual_coefficients"], oracle.dual_coef_, rtol=1e-9, atol=1e-10)
    late = at(begun(X, y, kernel_=kind, ridge=0.2), 1e9)
    np.testing.assert_allclose(late.scores(Z), learner.scores(Z), rtol=1e-12)


def test_without_ridge_it_interpolates_and_is_the_minimum_norm_solution():
    X, y, Z = real_data()
    learner = at(begun(X, y, kernel_="laplace"), math.inf)
    np.testing.assert_allclose(learner.scores(X), np.eye(3)[y], atol=1e-10)
    expected = learner._k(Z, X) @ np.linalg.pinv(learner.kernel(X)) @ np.eye(3)[y]
    np.testing.assert_allclose(learner.scores(Z), expected, atol=1e-10)


def test_contradictory_examples_do_no_harm_at_any_time():
    """Repeated inputs make K singular: the limit is the mean label, reached and kept up to t = 1e300 and infinity."""
    X, y, Z = real_data(n=10)
    X, y = np.vstack([X, X]), np.concatenate([y, (y + 1) % 3])
    learner = begun(X, y, kernel_="laplace")
    mean = (np.eye(3)[y[:10]] + np.eye(3)[y[10:]]) / 2
    for time in (1e9, 1e20, 1e300, math.inf):
        learner.advance(time)
        np.testing.assert_allclose(learner.scores(X[:10]), mean, atol=1e-9)
        assert np.abs(learner.scores(Z)).max() < 10


def test_flow_gain_limits():
    rates = np.array([0.0, 1e-300, 1e-8, 1.0, 50.0])
    np.testing.assert_allclose(flow_gain(rates, 3.0)[1:3], 3.0, rtol=1e-7)  # r t -> 0: the gain is t
    assert flow_gain(rates, 3.0)[3] == pytest.approx(1 - math.exp(-3), rel=1e-15)
    np.testing.assert_allclose(flow_gain(rates, math.inf)[2:], 1 / rates[2:])
    assert flow_gain(rates, math.inf)[0] == flow_gain(rates, 3.0)[0] == 0


def test_regression():
    X, _, Z = real_data()
    y = np.sin(X[:, 0])
    learner = at(begun(X, y, n_classes=0, ridge=0.1, bandwidth=1.3), math.inf)
    oracle = KernelRidge(alpha=0.1, kernel="rbf", gamma=1 / (2 * 1.3**2)).fit(X, y)
    np.testing.assert_allclose(learner.scores(Z), oracle.predict(Z)[:, None], rtol=1e-10)


def test_bandwidth_and_first_time_come_from_the_training_data():
    X, y, _ = real_data()
    assert median_distance(X) == pytest.approx(np.median(pdist(X)), rel=1e-12)
    assert median_distance(X[:1]) == median_distance(np.ones((4, 2))) == 1.0
    learner = begun(X, y, ridge=0.5)
    np.testing.assert_allclose(learner.kernel(X), kernel_functions.gaussian(X, X, np.median(pdist(X))), rtol=1e-12)
    fastest = np.linalg.eigvalsh(learner.kernel(X))[-1] + 0.5
    assert learner.first_time == pytest.approx(0.1 * len(X) / (2 * fastest), rel=1e-12)
    assert KernelFlow.first_time == 1.0  # the class is untouched


# --- fixed features do not learn modular addition --------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_one_hot_modular_addition_is_memorized_and_never_generalizes(kind):
    X, y, Z, target = modular_addition()
    chance = np.bincount(target).max() / len(target)
    learner = begun(X, y, 23, (23, 23), kernel_=kind)
    for time in [learner.first_time * 10 ** (k / 2) for k in range(24)] + [math.inf]:
        learner.advance(time)
        assert (learner.scores(Z).argmax(axis=1) == target).mean() <= chance
    assert (learner.scores(X).argmax(axis=1) == y).all()


def test_a_fixed_kernel_can_learn_what_it_is_aligned_with():
    """The control of the control: a linear rule on the same one-hot inputs is generalized."""
    X, _, Z, _ = modular_addition()
    rule = np.arange(23) % 3
    learner = at(begun(X, rule[X[:, 0]], 3, (23, 23), kernel_="ntk"), math.inf)
    assert (learner.scores(Z).argmax(axis=1) == rule[Z[:, 0]]).all()


# --- laws ------------------------------------------------------------------------------------------------------------


def test_time_zero_is_the_zero_function():
    X, y, Z = real_data()
    assert (begun(X, y).scores(Z) == 0).all()
    assert begun(X, y).scores(Z).shape == (15, 3)


def test_any_schedule_gives_the_same_bytes():
    X, y, Z, _ = modular_addition()
    direct = at(begun(X, y, 23, (23, 23)), 7.25).scores(Z)
    stepped = begun(X, y, 23, (23, 23))
    for time in (0.1, 0.5, 3, 7.25):
        stepped.advance(time)
        stepped.scores(X), stepped.kernel(Z), stepped.description(), stepped.scores(Z)
    assert stepped.scores(Z).tobytes() == direct.tobytes()
    stepped.begin(X, y, 23, (23, 23), None)
    assert (stepped.scores(Z) == 0).all()


@pytest.mark.parametrize("ridge", [0.0, 1e-3])
@pytest.mark.parametrize("kind", KINDS)
def test_renamed_classes_permute_the_columns(kind, ridge):
    X, y, Z, _ = modular_addition()
    name = np.random.default_rng(1).permutation(23)
    a, b = (
        begun(X, y, 23, (23, 23), kernel_=kind, ridge=ridge),
        begun(X, name[y], 23, (23, 23), kernel_=kind, ridge=ridge),
    )
    for time in (1.0, 1e4, math.inf):
        scores = at(a, time).scores(Z)
        np.testing.assert_allclose(at(b, time).scores(Z)[:, name], scores, rtol=0, atol=1e-8 * np.abs(scores).max())


def test_rows_are_remembered_by_content(monkeypatch):
    X, y, Z = real_data()
    learner = at(begun(X, y), 2.0)
    calls = []
    compute = KernelFlow._k
    monkeypatch.setattr(KernelFlow, "_k", lambda self, A, B: calls.append(len(A)) or compute(self, A, B))
    first = learner.scores(Z)
    learner.scores(X)
    for time in (3.0, 4.0):
        learner.advance(time)
        learner.scores(Z), learner.scores(X)
    assert len(calls) == 2
    Z[0] += 1  # written into by its owner
    changed = learner.scores(Z)
    assert len(calls) == 3
    assert (changed[0] != first[0]).all()
    assert changed.tobytes() == at(begun(X, y), 4.0).scores(Z).tobytes()


# --- options ---------------------------------------------------------------------------------------------------------


def test_options_are_read_documented_and_checked():
    learner = build(KernelFlow, {"kernel": "ntk", "depth": 3})
    assert learner.kernel_ == "ntk"
    assert learner.options["kernel"] == "ntk"
    assert callable(learner.kernel)
    assert all(option.description for option in options(KernelFlow).values())
    for name, value in [
        ("bandwidth", -1.0),
        ("degree", 0),
        ("depth", 0),
        ("gamma", 0.0),
        ("coefficient", -1.0),
        ("ridge", -1.0),
    ]:
        with pytest.raises(OptionError, match=name):
            build(KernelFlow, {name: value})
    with pytest.raises(UsageError, match="laplace"):
        build(KernelFlow, {"kernel": "laplacian"})
