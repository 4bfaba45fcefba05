"""Linear and logistic regression against scikit-learn, loops, a kernel's flow and the sums of 2310.16441."""

import math

import numpy as np
import pytest
from support_learners import at

from grokbench.errors import OptionError
from grokbench.learners.kernels.kernel_flow import KernelFlow
from grokbench.learners.linear.linear import Linear, monomials
from grokbench.options import build
from grokbench.registry import tasks
from grokbench.tasks.base import Split


def data(n=30, d=4, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    y = rng.integers(n_classes, size=n) if n_classes else X @ rng.normal(size=d) + rng.normal(size=n)
    return X, y, rng.normal(size=(12, d))


def begun(X, y, n_classes=3, alphabet=None, **options):
    learner = Linear(**options)
    learner.begin(X, y, n_classes, alphabet, None)
    return learner


# --- every time against a loop ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("ridge", [0.0, 0.7])
@pytest.mark.parametrize("n", [30, 3])  # more and fewer examples than features
def test_descent_on_squares_is_the_loop(n, ridge):
    X, y, Z = data(n)
    Y, W = np.eye(3)[y], np.zeros((4, 3))
    for _ in range(25):
        W = W - 0.05 * (2 * X.T @ (X @ W - Y) + 2 * ridge * W) / n
    learner = at(begun(X, y, learning_rate=0.05, ridge=ridge), 25)
    np.testing.assert_allclose(learner.description()["weights"], W, atol=1e-12)
    np.testing.assert_allclose(learner.scores(Z), Z @ W, atol=1e-12)


@pytest.mark.parametrize("ridge", [0.0, 0.7])
@pytest.mark.parametrize("n", [30, 3])
@pytest.mark.parametrize("twice", [False, True])  # a feature twice: a direction that is nothing but rounding
def test_initial_weights_fall_as_in_the_loop(n, ridge, twice):
    X, y, Z = data(n)
    X = X[:, [0, 0, 2, 3]] if twice else X
    start = [0.5, -2.0, 1.0, 3.0]
    Y, W = np.eye(3)[y], np.repeat(np.array(start)[:, None], 3, axis=1)
    descent = begun(X, y, learning_rate=0.05, ridge=ridge, initial_weights=start)
    np.testing.assert_array_equal(descent.scores(Z), Z @ W)
    np.testing.assert_array_equal(at(descent, 0).scores(Z), Z @ W)
    flow = begun(X, y, solver="flow", ridge=ridge, initial_weights=start)
    small = begun(X, y, learning_rate=1e-4, ridge=ridge, initial_weights=start)
    for _ in range(25):
        W = W - 0.05 * (2 * X.T @ (X @ W - Y) + 2 * ridge * W) / n
    np.testing.assert_allclose(at(descent, 25).description()["weights"], W, atol=1e-12)
    # Euler's error is of the order of the step
    np.testing.assert_allclose(at(flow, 2.0).scores(Z), at(small, 20_000).scores(Z), rtol=2e-3, atol=2e-3)
    ends = [at(learner, math.inf).scores(Z) for learner in (descent, flow)]
    np.testing.assert_allclose(*ends, atol=1e-12)
    if ridge:  # forgets where it began
        np.testing.assert_allclose(ends[1], at(begun(X, y, solver="flow", ridge=ridge), math.inf).scores(Z), atol=1e-12)


def test_initial_weights_of_logistic_regression_are_its_first_scores():
    X, y, Z = data()
    learner = begun(X, y, loss="cross-entropy", initial_weights=[1.0, 0.0, 0.0, 2.0])
    np.testing.assert_array_equal(learner.scores(Z), np.repeat(Z @ [[1.0], [0.0], [0.0], [2.0]], 3, axis=1))


def test_initial_weights_are_as_many_as_the_features():
    X, y, _ = data()
    with pytest.raises(OptionError, match=r"initial_weights = \[1\.0, 2\.0\]: expected 5 numbers"):
        begun(X, y, intercept=True, initial_weights=[1.0, 2.0])
    split = Split(X[:20], y[:20], X[20:], y[20:], n_classes=3)
    assert "2 numbers, expected 15" in Linear(degree=2, intercept=True, initial_weights=[1.0, 2.0]).cannot_read(split)
    assert build(Linear, {"initial_weights": [1, 2, 3.5, 4]}).cannot_read(split) is None


def test_logistic_descent_follows_torchs_gradient():
    import torch

    X, y, _ = data()
    W = torch.zeros(4, 3, dtype=torch.float64, requires_grad=True)
    for _ in range(25):
        penalty = 0.7 / len(X) * W.square().sum()
        objective = torch.nn.functional.cross_entropy(torch.tensor(X) @ W, torch.tensor(y)) + penalty
        W = (W - 0.3 * torch.autograd.grad(objective, W)[0]).detach().requires_grad_()
    learner = at(begun(X, y, loss="cross-entropy", learning_rate=0.3, ridge=0.7), 25)
    np.testing.assert_allclose(learner.description()["weights"], W.detach().numpy(), atol=1e-12)


@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_the_flow_is_that_of_its_kernel(ridge):
    split = tasks.create("parity", n_bits=8, k=2, n_train=30, n_test=30).split(0)
    arguments = (split.X_train, split.y_train, 2, split.alphabet, None)
    kernel = KernelFlow(kernel_="polynomial", coefficient=0.0, degree=1, ridge=ridge)
    kernel.begin(*arguments)
    learner = begun(*arguments[:-1], solver="flow", ridge=ridge)
    assert learner.first_time == pytest.approx(kernel.first_time)
    for time in (0.0, 0.1, 3.0, 1e4, math.inf):
        np.testing.assert_allclose(
            at(learner, time).scores(split.X_test), at(kernel, time).scores(split.X_test), atol=1e-10
        )
    np.testing.assert_allclose(learner.kernel(split.X_test), kernel.kernel(split.X_test), atol=1e-12)


def test_small_steps_of_descent_follow_the_flow():
    X, y, Z = data(n_classes=0)
    flow = at(begun(X, y, 0, solver="flow", ridge=0.1), 2.0).scores(Z)
    steps = at(begun(X, y, 0, learning_rate=1e-4, ridge=0.1), 20_000).scores(Z)
    assert flow.shape == (12, 1)
    np.testing.assert_allclose(steps, flow, rtol=1e-3, atol=1e-3)  # Euler's error is of the order of the step


def test_too_large_a_step_diverges_without_a_warning():
    X, y, Z = data()
    assert not np.isfinite(at(begun(X, y, learning_rate=100.0), 10_000).scores(Z)).all()


# --- the ends of time against scikit-learn ---------------------------------------------------------------------------


def test_infinite_time_is_ridge_regression():
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import PolynomialFeatures

    X, y, Z = data(n_classes=0)
    features = PolynomialFeatures(3, include_bias=False)
    oracle = Ridge(alpha=0.7, fit_intercept=False, tol=1e-12).fit(features.fit_transform(X), y)
    learner = at(begun(X, y, 0, solver="flow", ridge=0.7, degree=3), math.inf)
    np.testing.assert_allclose(learner.scores(Z)[:, 0], oracle.predict(features.transform(Z)), atol=1e-9)


@pytest.mark.parametrize("ridge", [0.0, 0.7])
def test_descent_ends_where_the_flow_does(ridge):
    """Directions far slower than any budget included; a step that is too large ends nowhere."""
    X, y, Z = data(n_classes=0)
    X, Z = X * [1.0, *[1e-6] * (X.shape[1] - 1)], Z * [1.0, *[1e-6] * (X.shape[1] - 1)]
    flow = at(begun(X, y, 0, solver="flow", ridge=ridge), math.inf).scores(Z)
    np.testing.assert_array_equal(at(begun(X, y, 0, learning_rate=0.1, ridge=ridge), math.inf).scores(Z), flow)
    assert np.abs(flow - at(begun(X, y, 0, learning_rate=0.1), 10**5).scores(Z)).max() > 1e-3
    assert not np.isfinite(at(begun(X, y, 0, learning_rate=100.0), math.inf).scores(Z)).all()


def test_the_end_of_logistic_descent_is_scikit_learns():
    from sklearn.linear_model import LogisticRegression

    X, y, Z = data(n=60)
    oracle = LogisticRegression(C=0.25, fit_intercept=False, tol=1e-10, max_iter=1000).fit(X, y)
    learner = at(begun(X, y, loss="cross-entropy", ridge=2.0, learning_rate=0.5), 2000)
    np.testing.assert_allclose(learner.scores(Z), Z @ oracle.coef_.T, atol=1e-6)


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_monomials_are_scikit_learns(degree):
    from sklearn.preprocessing import PolynomialFeatures

    X, _, _ = data(d=3)
    expected = PolynomialFeatures(degree, include_bias=False).fit_transform(X)
    np.testing.assert_allclose(monomials(X, degree), expected, rtol=1e-12)


def test_an_intercept_is_one_more_feature():
    X, y, Z = data()
    learner = at(begun(X, y, intercept=True, ridge=0.3), 40)
    ones = at(begun(np.hstack([X, np.ones((30, 1))]), y, ridge=0.3), 40)
    np.testing.assert_allclose(learner.scores(Z), ones.scores(np.hstack([Z, np.ones((12, 1))])), atol=1e-12)


# --- Levi et al. 2310.16441 ------------------------------------------------------------------------------------------


def spectral_losses(ratio, times):
    """(2, times) L_train, L_test at flow times eta t by the Marchenko-Pastur law of d / n = ratio, teacher of norm 1.

    With nu = centre - width cos(theta), the bulk nu-integral is a smooth periodic one in theta.
    """
    theta = (np.arange(20_000) + 0.5) * np.pi / 20_000
    low, high = (1 - math.sqrt(ratio)) ** 2, (1 + math.sqrt(ratio)) ** 2
    nu = (low + high) / 2 - (high - low) / 2 * np.cos(theta)
    density = ((high - low) / 2 * np.sin(theta)) ** 2 / (2 * np.pi * ratio * nu) * np.pi / 20_000
    decay = np.exp(-4 * nu * np.asarray(times)[:, None])
    null = max(0.0, 1 - 1 / ratio)
    return np.stack([(decay * nu) @ density, decay @ density + null])


def crossing(times, losses, tolerance, level=0.95):
    """First time at which normal errors of these mean squares are within the tolerance often enough."""
    from scipy.special import erf

    above = np.flatnonzero(erf(np.sqrt(tolerance / (2 * np.asarray(losses)))) >= level)
    return float(times[above[0]]) if len(above) else math.inf


def teacher(d, n, seed, n_test=1):
    """Normal inputs and the real answers of a linear teacher: the split, and the teacher.

    It has the same weight in every singular direction of the training inputs: losses are those of the average teacher
    of norm 1, and nothing but the spectrum can differ from the sums.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n + n_test, d))
    beta = np.linalg.svd(X[:n])[2].T @ rng.choice([-1.0, 1.0], size=d) / np.sqrt(d)
    y = X @ beta
    return Split(X[:n], y[:n], X[n:], y[n:], n_classes=0, tolerance=0.01), beta


@pytest.mark.parametrize(
    ("ratio", "d", "published"),
    [(0.1, 80, (180, 198)), (0.5, 200, (353, 670)), (0.9, 450, (572, 9814)), (1.2, 240, (None, math.inf))],
)
def test_linear_teacher_takes_the_times_of_levi(ratio, d, published):
    eta, times = 0.01, np.geomspace(0.5, 300, 200)
    n, seeds = round(d / ratio), range(3)
    losses = np.zeros((2, len(times)))
    for seed in seeds:
        split, beta = teacher(d, n, seed)
        learner = begun(split.X_train, split.y_train, 0, solver="flow")
        wrong = np.stack([at(learner, time).description()["weights"][:, 0] - beta for time in times])
        losses += np.stack([((split.X_train @ wrong.T) ** 2).mean(0), (wrong**2).sum(1)]) / len(seeds)
    expected = spectral_losses(ratio, times)
    np.testing.assert_allclose(losses[:, times < 2], expected[:, times < 2], rtol=0.05)
    for part in (0, 1):
        ours = crossing(times, losses[part], 0.01)
        assert ours == pytest.approx(crossing(times, expected[part], 0.01), rel=0.1)
        if published[part] is not None:
            assert ours / eta == pytest.approx(published[part], rel=0.1)


def test_the_share_of_small_errors_is_that_of_normal_errors():
    from scipy.special import erf

    from grokbench.curves.evaluate import accuracy

    split, beta = teacher(100, 200, seed=0, n_test=4000)
    learner = begun(split.X_train, split.y_train, 0, solver="flow")
    for time in (1.0, 4.0, 10.0):
        loss = ((at(learner, time).description()["weights"][:, 0] - beta) ** 2).sum()
        share = accuracy(learner.scores(split.X_test), split.y_test, split.tolerance)
        assert share == pytest.approx(erf(np.sqrt(split.tolerance / (2 * loss))), abs=0.025)  # 3 sd of 4000 draws


# --- options ---------------------------------------------------------------------------------------------------------


def test_options_are_checked():
    for name, value in (("learning_rate", 0.0), ("ridge", -1.0), ("degree", 0)):
        with pytest.raises(OptionError, match=name):
            build(Linear, {name: value})
    with pytest.raises(OptionError, match="descent"):
        build(Linear, {"solver": "flow", "loss": "cross-entropy"})
    bits = tasks.create("parity", n_bits=40, k=2, n_train=8, n_test=8).split(0)
    assert Linear(degree=3).cannot_read(bits) is None
    assert "135750 monomials" in Linear(degree=4).cannot_read(bits)


@pytest.mark.parametrize(
    "options", [{"loss": "cross-entropy"}, {"solver": "flow", "degree": 2}, {"initial_weights": [0.5] * 8}]
)
def test_the_other_solvers_keep_every_law(options):
    from grokbench.learners.laws import check_learner

    split = tasks.create("parity", n_bits=8, k=2, n_train=48, n_test=40).split(0)
    assert {law.status for law in check_learner(lambda: Linear(**options), split)} == {"passed"}
