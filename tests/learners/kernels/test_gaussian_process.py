"""Gaussian processes against scikit-learn, finite differences, brute-force quadrature and torch's Adam."""

import numpy as np
import pytest
from support_learners import at, start

from grokbench.errors import OptionError
from grokbench.learners.kernels import posterior
from grokbench.learners.kernels.evidence import evidence_terms
from grokbench.learners.kernels.gaussian_process import GaussianProcess
from grokbench.options import build
from grokbench.registry import learners, tasks
from grokbench.tasks.base import Split

INFERENCES = ["regression", "laplace", "variational", "whitened", "unwhitened"]


def parity(n=60, bits=6, seed=0):
    return tasks.create("parity", n_bits=bits, k=2, n_train=n // 2, n_test=n // 2).split(seed)


def begun(split, **options):
    return start(GaussianProcess(**options), split, None)


def anisotropic(learner, seed=1):
    """Hyperparameters away from the symmetric start, and the posterior under them."""
    rng = np.random.default_rng(seed)
    end = learner._n_hyperparameters
    learner._theta[:end] = rng.normal(scale=0.5, size=end)
    learner._theta[end:] += rng.normal(scale=0.1, size=len(learner._theta) - end)
    learner._infer()
    learner._time = 1
    return learner


def terms(learner, split):
    """Data fit and complexity per example, as the measures compute them."""
    return evidence_terms(learner.kernel(split.X_train), split.y_train, learner.description())


def sklearn_kernel(learner):
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel

    description = learner.description()
    return ConstantKernel(float(description["scale"])) * RBF(description["lengthscales"])


def real_split():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(40, 3))
    y = np.sin(X[:, 0]) + 0.1 * rng.normal(size=40)
    return Split(X[:25], y[:25], X[25:], y[25:], n_classes=0, tolerance=0.01)


# --- against scikit-learn --------------------------------------------------------------------------------------------


def test_regression_has_the_evidence_the_predictions_and_the_kernel_of_scikit_learn():
    from sklearn.gaussian_process import GaussianProcessRegressor

    split = real_split()
    learner = anisotropic(begun(split))
    description = learner.description()
    oracle = GaussianProcessRegressor(sklearn_kernel(learner), alpha=float(description["noise"]), optimizer=None)
    oracle.fit(split.X_train, split.y_train - description["mean"])
    evidence = -len(split.y_train) * sum(terms(learner, split))
    assert evidence == pytest.approx(oracle.log_marginal_likelihood(), rel=1e-9)
    predicted = oracle.predict(split.X_test) + description["mean"]
    np.testing.assert_allclose(learner.scores(split.X_test)[:, 0], predicted, atol=1e-9)
    np.testing.assert_allclose(learner.kernel(split.X_test), oracle.kernel(split.X_test), atol=1e-12)


def test_regression_on_classes_is_one_regression_per_column():
    from sklearn.gaussian_process import GaussianProcessRegressor

    split = tasks.create("modular", modulus=5, train_fraction=0.6).split(0)
    learner = anisotropic(begun(split))
    state, Y = learner.description(), np.eye(5)[split.y_train]
    one_hot = [np.hstack([np.eye(5)[X[:, 0]], np.eye(5)[X[:, 1]]]) for X in (split.X_train, split.X_test)]
    oracle = GaussianProcessRegressor(sklearn_kernel(learner), alpha=float(state["noise"]), optimizer=None)
    oracle.fit(one_hot[0], Y - state["mean"])
    np.testing.assert_allclose(learner.scores(split.X_test), oracle.predict(one_hot[1]) + state["mean"], atol=1e-9)
    evidence = -len(Y) * sum(terms(learner, split))
    assert evidence == pytest.approx(oracle.log_marginal_likelihood(), rel=1e-9)


def test_two_classes_regress_on_signs_and_report_on_the_one_hot_scale():
    split = parity()
    classes = anisotropic(begun(split))
    signs = Split(
        split.X_train.astype(float), 2.0 * split.y_train - 1, split.X_test, split.y_test, n_classes=0, tolerance=1.0
    )
    values = anisotropic(begun(signs))
    f = values.scores(split.X_test.astype(float))[:, 0]
    np.testing.assert_allclose(classes.scores(split.X_test), np.stack([1 - f, 1 + f], axis=1) / 2, atol=1e-12)


def test_laplace_has_the_mode_and_the_evidence_of_scikit_learn():
    from sklearn.gaussian_process import GaussianProcessClassifier

    split = parity()
    learner = anisotropic(begun(split, inference="laplace", mean=False))
    learner._theta[-1] = 0.0  # scikit-learn knows no constant mean
    learner._infer()
    X, Z = split.X_train.astype(float), split.X_test.astype(float)
    oracle = GaussianProcessClassifier(sklearn_kernel(learner), optimizer=None).fit(X, split.y_train)
    evidence = -len(X) * sum(terms(learner, split))
    # its Newton stops at a gain below 1e-10 of the objective: weights are then good to about 1e-5
    assert evidence == pytest.approx(oracle.log_marginal_likelihood(), abs=1e-8)
    base = oracle.base_estimator_
    np.testing.assert_allclose(learner.description()["weights"][:, 0], base.y_train_ - base.pi_, atol=1e-5)
    scores = learner.scores(split.X_test)
    ours = 1 / (1 + np.exp(scores[:, 0] - scores[:, 1]))
    # two approximations of one integral: MacKay's here, five error functions there
    np.testing.assert_allclose(ours, oracle.predict_proba(Z)[:, 1], atol=0.01)


# --- gradients -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [1.0, 0.3, 0.0])
@pytest.mark.parametrize("inference", INFERENCES)
def test_the_gradient_is_that_of_the_terms_at_the_refitted_posterior(inference, weight):
    split = parity()
    learner = anisotropic(begun(split, inference=inference, complexity_weight=weight))
    theta = learner._theta

    def objective(moved):
        learner._theta = moved
        if weight == 1 or inference != "variational":  # whose a and W are held otherwise
            learner._infer()
        fit, complexity = terms(learner, split)
        return fit + weight * complexity

    rng, end, h = np.random.default_rng(0), learner._n_hyperparameters, 1e-5
    directions = np.eye(len(theta))[:end]
    if len(theta) > end:
        q = rng.normal(size=(8, len(theta))) / np.sqrt(len(theta))
        directions = np.vstack([directions, q])
    gradient = directions @ learner._gradient()
    differences = [(objective(theta + h * e) - objective(theta - h * e)) / (2 * h) for e in directions]
    np.testing.assert_allclose(gradient, differences, rtol=1e-5, atol=1e-8)  # h^2 and rounding / h
    by_construction = inference == "unwhitened" and weight == 0
    assert (np.abs(gradient[: len(learner._inputs[0])]).max() > 1e-3) != by_construction


class Undivided:
    """What `posterior.Factored` stands for, by torch's own functions, with all their derivatives."""

    def __init__(self, A):
        self._A = A

    def solution(self, b):
        import torch

        return torch.linalg.solve(self._A, b)

    def log_determinant(self):
        import torch

        return torch.logdet(self._A)


@pytest.mark.parametrize("inference", INFERENCES)
def test_the_gradient_is_that_of_automatic_differentiation_all_the_way(inference, monkeypatch):
    """Through distances, exponent, solutions and determinants: to rounding."""
    import torch

    learner = anisotropic(begun(parity(), inference=inference))
    gradient = learner._gradient()
    monkeypatch.setattr(posterior, "Factored", Undivided)
    theta = torch.tensor(learner._theta, requires_grad=True)
    parts = learner._hyperparameters(theta)
    fit, complexity = learner._posterior.terms(learner._k(learner._inputs, learner._inputs, parts), *parts[2:])
    expected = torch.autograd.grad(fit + complexity, theta)[0].numpy()
    np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


def test_a_factored_matrix_is_exact_in_value_and_first_derivative():
    import torch

    rng = np.random.default_rng(0)
    root, b = torch.tensor(rng.normal(size=(6, 6))), torch.tensor(rng.normal(size=(6, 2)), requires_grad=True)
    A = (root @ root.T + torch.eye(6)).requires_grad_()
    for name, arguments in (("solution", (b,)), ("log_determinant", ())):
        mine, theirs = (getattr(cls(A), name)(*arguments) for cls in (posterior.Factored, Undivided))
        weights = torch.tensor(rng.normal(size=tuple(mine.shape)))
        slopes = [torch.autograd.grad((value * weights).sum(), (A, *arguments)) for value in (mine, theirs)]
        np.testing.assert_allclose(mine.detach(), theirs.detach(), rtol=1e-12)
        for first, second in zip(*slopes, strict=True):
            np.testing.assert_allclose(first, second, rtol=1e-10, atol=1e-13)


def test_adam_takes_the_steps_of_torch():
    import torch
    from torch.optim.adam import adam  # what its class calls; the class would import the compiler

    learner = begun(parity(), learning_rate=0.03, epsilon=1e-6)
    parameter = torch.tensor(learner._theta.copy())
    state = [torch.zeros_like(parameter)], [torch.zeros_like(parameter)], [], [torch.zeros(())]
    for time in range(1, 8):
        learner.advance(time)
        np.testing.assert_allclose(learner._theta, parameter.numpy(), rtol=1e-12)
        settings = {"lr": 0.03, "beta1": 0.9, "beta2": 0.999, "eps": 1e-6, "weight_decay": 0.0}
        adam([parameter], [torch.tensor(learner._gradient())], *state, **settings, amsgrad=False, maximize=False)


# --- variational inference against brute force -----------------------------------------------------------------------


def test_the_variational_posterior_is_the_best_of_all_normal_distributions():
    from scipy.optimize import minimize

    split = parity(n=8, bits=3)
    learner = anisotropic(begun(split, inference="variational"))
    K, y = learner.kernel(split.X_train), 2.0 * split.y_train - 1
    description, n = learner.description(), len(y)
    nodes, shares = np.polynomial.hermite_e.hermegauss(60)

    def bound(parameters):
        mean, root = parameters[:n], np.zeros((n, n))
        root[np.tril_indices(n)] = parameters[n:]
        S, off = root @ root.T, mean - description["mean"]
        f = mean[:, None] + np.sqrt(np.diag(S))[:, None] * nodes
        expected = (-np.logaddexp(0, -y[:, None] * f) @ shares).sum() / shares.sum()
        logdets = np.linalg.slogdet(K)[1] - np.linalg.slogdet(S)[1]
        divergence = (np.trace(np.linalg.solve(K, S)) + off @ np.linalg.solve(K, off) - n + logdets) / 2
        return -(expected - divergence)

    start = np.concatenate([np.zeros(n), np.eye(n)[np.tril_indices(n)]])
    best = minimize(bound, start, method="BFGS", options={"gtol": 1e-8})
    assert n * sum(terms(learner, split)) == pytest.approx(best.fun, abs=1e-6)
    np.testing.assert_allclose(K @ description["weights"][:, 0] + description["mean"], best.x[:n], atol=1e-4)


def test_the_variational_bound_lies_just_below_the_evidence():
    X, y = np.array([[0, 0], [0, 1]]), np.array([0, 1])
    split = Split(X, y, 1 - X, y, n_classes=2, alphabet=(2, 2))
    learner = anisotropic(begun(split, inference="variational"))
    nodes, shares = np.polynomial.hermite_e.hermegauss(60)
    K, mean = learner.kernel(X), learner.description()["mean"]
    grid = np.stack(np.meshgrid(nodes, nodes)).reshape(2, -1)
    f = np.linalg.cholesky(K) @ grid + mean
    likelihood = 1 / ((1 + np.exp(f[0])) * (1 + np.exp(-f[1])))
    evidence = np.log(likelihood @ np.outer(shares, shares).ravel() / shares.sum() ** 2)
    bound = -2 * sum(terms(learner, split))
    assert evidence - 0.02 < bound < evidence


@pytest.mark.slow
@pytest.mark.parametrize("inference", ["whitened", "unwhitened"])
def test_a_moving_q_goes_from_the_prior_to_the_best_normal_distribution(inference):
    split = parity(n=16, bits=4)
    options = {"lengthscale": 1.0, "frozen": True}
    best = at(begun(split, inference="variational", **options), 1)
    learner = begun(split, inference=inference, learning_rate=0.05, **options)
    fit, complexity = terms(learner, split)
    nodes, shares = np.polynomial.hermite_e.hermegauss(60)
    prior = np.logaddexp(0, np.sqrt(np.log(2) * (1 + 1e-6)) * nodes) @ shares / shares.sum()
    np.testing.assert_allclose([fit, complexity], [prior, 0], atol=1e-6)  # JITTER
    at(learner, 300)
    # 300 steps of Adam: near the optimum the terms move in opposite directions, their sum in second order
    np.testing.assert_allclose(terms(learner, split), terms(best, split), atol=5e-4)
    assert sum(terms(learner, split)) == pytest.approx(sum(terms(best, split)), abs=5e-5)
    np.testing.assert_allclose(learner.scores(split.X_test), best.scores(split.X_test), atol=2e-3)
    np.testing.assert_allclose(learner.kernel(split.X_train), best.kernel(split.X_train), atol=0)


def test_without_the_divergence_an_unwhitened_q_memorizes_and_nothing_else_can_move():
    split = tasks.create("parity", n_bits=12, k=2, n_train=120, n_test=200).split(0)
    ends = {}
    for inference in ("whitened", "unwhitened"):
        learner = begun(split, inference=inference, learning_rate=0.1, complexity_weight=0.0)
        start = learner._theta[: learner._n_hyperparameters].copy()
        at(learner, 40)
        right = [(learner.scores(X).argmax(1) == y).mean() for X, y in zip(*sides(split), strict=True)]
        ends[inference] = right, np.abs(learner._theta[: learner._n_hyperparameters] - start).max()
    assert ends["unwhitened"][0][0] == ends["whitened"][0][0] == 1
    assert ends["unwhitened"][0][1] < 0.9
    assert ends["unwhitened"][1] == 0
    assert ends["whitened"][0][1] == 1


def sides(split):
    return (split.X_train, split.X_test), (split.y_train, split.y_test)


# --- time, options, behaviour ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("inference", INFERENCES)
def test_time_0_is_ignorance_and_time_1_the_posterior_of_the_initial_hyperparameters(inference):
    split = parity(bits=20)
    learner = begun(split, inference=inference, lengthscale=1.0)
    assert (learner.scores(split.X_test) == 0).all()
    description = at(learner, 0 if learner._posterior.joint else 1).description()
    np.testing.assert_allclose(description["lengthscales"], 1.0, rtol=1e-12)
    assert float(description["scale"]) == pytest.approx(np.log(2))
    if not learner._posterior.joint:
        assert (learner.scores(split.X_train).argmax(1) == split.y_train).all()
    at(learner, 1)
    moved = at(learner, 2).description()["lengthscales"]
    assert (np.abs(moved - 1.0) > 1e-3).all()


@pytest.mark.parametrize("inference", INFERENCES[:3])
def test_frozen_hyperparameters_stay_and_so_do_the_scores(inference):
    split = parity()
    learner = at(begun(split, inference=inference, frozen=True), 1)
    first, kernel = learner.scores(split.X_test), learner.kernel(split.X_test)
    at(learner, np.inf)
    assert learner.scores(split.X_test).tobytes() == first.tobytes()
    assert learner.kernel(split.X_test).tobytes() == kernel.tobytes()


def test_scale_noise_and_mean_can_be_held():
    rng = np.random.default_rng(0)
    X = rng.integers(2, size=(30, 4))
    y = (X[:, 0] | X[:, 1]).astype(int)  # three quarters ones: the mean has something to learn
    split = Split(X, y, 1 - X, y, n_classes=2, alphabet=(2,) * 4)
    description = at(begun(split), 5).description()
    assert description["mean"][0] > 0.01
    assert abs(description["scale"] - np.log(2)) > 1e-3
    assert abs(description["noise"] - np.log(2)) > 1e-3
    held = at(begun(split, mean=False, train_scale=False), 5).description()
    assert held["mean"][0] == 0
    assert held["scale"] == pytest.approx(np.log(2), rel=1e-12)
    assert abs(held["noise"] - np.log(2)) > 1e-3
    assert np.abs(held["lengthscales"] - np.log(2)).min() > 1e-3
    held = at(begun(split, train_noise=False), 5).description()
    assert held["noise"] == pytest.approx(np.log(2), rel=1e-12)
    assert abs(held["scale"] - np.log(2)) > 1e-3


def test_the_lengthscales_have_a_rate_of_their_own():
    def moved(rate):
        learner = begun(parity(), lengthscale_rate=rate)
        start = learner._theta.copy()
        return np.abs(at(learner, 2)._theta - start)

    one, tenth, none = (moved(rate) for rate in (1.0, 0.1, 0.0))
    np.testing.assert_allclose(one[:6], 0.01, rtol=1e-4)  # Adam's first step, less epsilon
    np.testing.assert_allclose(tenth[:6], one[:6] / 10, rtol=1e-12)
    assert (none[:6] == 0).all()
    assert one[6:].max() > 0.009
    assert (tenth[6:] == one[6:]).all()
    assert (none[6:] == one[6:]).all()


@pytest.mark.parametrize("inference", INFERENCES)
def test_the_weights_predict_the_scores(inference):
    split = parity()
    learner = at(begun(split, inference=inference), 4)
    description, n = learner.description(), len(split.X_train)
    K = learner.kernel(np.vstack([split.X_test, split.X_train]))
    cross, inner = K[:-n, -n:], K[-n:, -n:]
    f = (cross @ description["weights"])[:, 0] + description["mean"]
    difference = learner.scores(split.X_test) @ [-1, 1]
    if inference == "regression":
        np.testing.assert_allclose(difference, f, atol=1e-12)
        return
    if "whitened_root" in description:
        white = np.linalg.solve(np.linalg.cholesky(inner + 1e-6 * description["scale"] * np.eye(n)), cross.T)
        variance = description["scale"] - (white**2).sum(0) + ((description["whitened_root"].T @ white) ** 2).sum(0)
    else:
        p = 1 / (1 + np.exp((inner @ description["weights"])[:, 0] + description["mean"]))
        curvature = description.get("curvature", p * (1 - p))
        variance = description["scale"] - np.diag(cross @ np.linalg.solve(inner + np.diag(1 / curvature), cross.T))
    np.testing.assert_allclose(difference, f / np.sqrt(1 + np.pi * variance / 8), atol=1e-8)  # CONVERGED


@pytest.mark.parametrize("inference", INFERENCES)
def test_the_scores_come_back_from_the_description_and_from_the_leading_inputs(inference):
    split = tasks.create("parity", n_bits=12, k=2, n_train=120, n_test=200).split(0)
    learner = at(begun(split, inference=inference, learning_rate=0.1), 20)
    description, scores = learner.description(), learner.scores(split.X_test)
    description = {name: array.copy() for name, array in description.items()}
    at(learner, 25)
    np.testing.assert_allclose(learner.scores_of(description, split.X_test), scores, atol=1e-8)  # CONVERGED
    now = learner.scores(split.X_test)
    assert np.abs(now - scores).max() > 1e-3
    gaps = [np.abs(learner.scores_of(learner.leading(k), split.X_test) - now).max() for k in range(13)]
    assert learner.parts() == 12
    assert gaps[12] < 1e-8
    assert gaps[0] > 0.1
    two = learner.leading(2)["lengthscales"]
    np.testing.assert_array_equal(two < np.inf, [True, True] + 10 * [False])
    assert (learner.scores_of(learner.leading(2), split.X_train).argmax(1) == split.y_train).all()


def test_sparse_parity_is_found_by_the_lengthscales():
    split = tasks.create("parity", n_bits=12, k=2, n_train=120, n_test=200).split(0)
    learner = at(begun(split, learning_rate=0.1), 1)
    assert (learner.scores(split.X_train).argmax(1) == split.y_train).all()
    assert (learner.scores(split.X_test).argmax(1) == split.y_test).mean() < 0.9
    at(learner, 30)
    lengthscales = learner.description()["lengthscales"]
    assert lengthscales[:2].max() < lengthscales[2:].min()
    assert (learner.scores(split.X_test).argmax(1) == split.y_test).all()


def test_classifications_read_two_classes():
    three = tasks.create("modular", modulus=3, train_fraction=0.6).split(0)
    for inference in INFERENCES[1:]:
        assert "3 classes" in GaussianProcess(inference=inference).cannot_read(three)
        assert "real values" in GaussianProcess(inference=inference).cannot_read(real_split())
        assert GaussianProcess(inference=inference).cannot_read(parity()) is None
        assert GaussianProcess(inference=inference).loss == "cross-entropy"
    assert GaussianProcess().cannot_read(three) is None
    assert GaussianProcess().loss == "mse"


@pytest.mark.parametrize("inference", INFERENCES[1:])
def test_the_classifications_keep_every_law(inference):
    from grokbench.learners.laws import check_learner

    laws = check_learner(lambda: learners.create("gaussian_process", inference=inference), parity())
    assert {law.status for law in laws} == {"passed"}


def test_options_are_checked():
    wrong = {"learning_rate": 0.0, "lengthscale": -1.0, "epsilon": -1e-8, "lengthscale_rate": -1.0}
    for name, value in (wrong | {"complexity_weight": -0.1}).items():
        with pytest.raises(OptionError, match=name):
            build(GaussianProcess, {name: value})
