"""Kernels against the learners' own and against random networks; eigenvectors against their equation."""

import numpy as np
import pytest
from support_tasks import assert_refused, both, controls

import grokbench
from grokbench.errors import OptionError
from grokbench.learners.kernels import kernel_functions
from grokbench.tasks.eigenvector import eigenvector, kernel_matrix

SMALL = {"n_train": 60, "n_test": 40, "n_features": 5}
LEARNERS = {
    "ntk": lambda X: kernel_functions.ntk(X, X, 1),
    "nngp": lambda X: kernel_functions.nngp(X, X, 1),
    "gaussian": lambda X: kernel_functions.gaussian(X, X, np.sqrt(X.shape[1])),
    "linear": lambda X: kernel_functions.polynomial(X, X, 1, 1 / X.shape[1], 0.0),
}


@pytest.mark.parametrize("kernel", LEARNERS)
def test_kernels_are_those_of_the_learners(kernel):
    X = np.random.default_rng(0).normal(size=(80, 7))
    # two ways to write one closed form: arccos near 1 loses half of the digits
    np.testing.assert_allclose(kernel_matrix(X, kernel), LEARNERS[kernel](X), rtol=1e-7, atol=1e-9)


def test_tangent_kernel_is_that_of_a_wide_random_network():
    """f = sqrt(2/m) v.relu(W x / sqrt d): gradients with respect to v and W, summed over 200,000 hidden units."""
    rng, m, d = np.random.default_rng(1), 200_000, 4
    X = rng.normal(size=(5, d))
    W, v = rng.normal(size=(m, d)), rng.normal(size=m)
    hidden = X @ W.T / np.sqrt(d)
    of_v = np.maximum(hidden, 0) @ np.maximum(hidden, 0).T * 2 / m
    slopes = (hidden > 0) * v
    of_w = (slopes @ slopes.T) * (X @ X.T / d) * 2 / m
    # Monte Carlo: entries are of order 1 with standard errors of about 2/sqrt(m) = .005
    np.testing.assert_allclose(kernel_matrix(X, "nngp"), of_v, atol=0.03)
    np.testing.assert_allclose(kernel_matrix(X, "ntk"), of_v + of_w, atol=0.04)


@pytest.mark.parametrize("index", [0, 3, 40])
@pytest.mark.parametrize("kernel", ["ntk", "nngp", "gaussian"])
def test_values_solve_the_eigenvalue_equation(kernel, index):
    split = grokbench.task("eigenvector", kernel=kernel, index=index, target="value", **SMALL).split(0)
    X, y = both(split)
    assert (split.y_train.shape, split.y_test.shape) == ((60,), (40,))
    assert split.n_classes == 0
    assert split.tolerance == 0.01
    assert y @ y == pytest.approx(100)
    assert y[np.argmax(np.abs(y))] > 0
    K = LEARNERS[kernel](X)
    eigenvalues = np.linalg.eigvalsh(K)[::-1]
    rayleigh = y @ K @ y / 100
    assert rayleigh == pytest.approx(eigenvalues[index], rel=1e-8)
    # the residual of a computed eigenpair is rounding of the matrix, relative to its largest eigenvalue
    np.testing.assert_allclose(K @ y, rayleigh * y, atol=1e-7 * eigenvalues[0])


@pytest.mark.parametrize("index", [1, 5, 60])
def test_classes_are_the_upper_and_the_lower_half_in_both_splits(index):
    split = grokbench.task("eigenvector", index=index, target="class", **SMALL).split(0)
    X, y = both(split)
    assert split.n_classes == 2
    assert split.y_train.sum() == 30
    assert split.y_test.sum() == 20
    v = np.linalg.eigh(LEARNERS["ntk"](X))[1][:, 99 - index]
    v = v if v[np.argmax(np.abs(v))] > 0 else -v
    np.testing.assert_array_equal(y, v > np.median(v))


def test_a_nearly_constant_eigenvector_has_no_classes():
    """A kernel with positive entries has a top eigenvector of one sign (Perron and Frobenius)."""
    task = grokbench.task("eigenvector", kernel="nngp", index=0, target="class", **SMALL)
    with pytest.raises(OptionError, match="no two signs"):
        task.split(0)


def test_linear_kernel_eigenvectors_are_the_principal_components():
    split = grokbench.task("eigenvector", kernel="linear", index=2, target="value", **SMALL).split(0)
    X, y = both(split)
    component = np.linalg.svd(X, full_matrices=False)[0][:, 2]
    assert abs(component @ y) == pytest.approx(10)


def test_inputs_are_the_same_law_whatever_the_index():
    """Which inputs train depends on the labels, but only within a class: the mean of 200 rows stays N(0, 1/200)."""
    X = grokbench.task("eigenvector", n_features=50, target="class").split(0).X_train
    assert np.abs(X.mean(axis=0)).max() < 5 / np.sqrt(200)
    assert abs(X.var() - 1) < 5 * np.sqrt(2 / X.size)


def test_an_own_kernel_machine_learns_the_top_and_not_the_bottom():
    """The dose: held-out accuracy of the interpolating machine with the task's own kernel falls with the index."""
    accuracies = []
    for index in (1, 300):
        split = grokbench.task("eigenvector", index=index).split(0)
        learner = grokbench.learner("kernel_flow", kernel="ntk")
        learner.begin(split.X_train, split.y_train, 0, None, np.random.default_rng(0))
        learner.advance(np.inf)
        np.testing.assert_allclose(learner.scores(split.X_train)[:, 0], split.y_train, atol=1e-6)
        right = (learner.scores(split.X_test)[:, 0] - split.y_test) ** 2 < split.tolerance
        accuracies.append(right.mean())
    assert accuracies[0] > 0.95
    assert accuracies[1] < 0.2  # chance .1


def test_an_eigenvalue_that_is_zero_up_to_rounding_is_refused():
    X = np.random.default_rng(0).normal(size=(40, 3))
    K = X @ X.T
    assert eigenvector(K, 2) @ eigenvector(K, 2) == pytest.approx(1)
    with pytest.raises(OptionError, match="at most 2"):
        eigenvector(K, 3)


def test_controls_keep_the_inputs():
    for target in ("class", "value"):
        controls(lambda **options: grokbench.task("eigenvector", target=target, **SMALL, **options).split(0))  # noqa: B023


@pytest.mark.parametrize(
    ("options", "named", "sentence"),
    [
        ({"index": -1}, "index", "a whole number of at least 0"),
        ({"index": 400}, "index", "0 to 399"),
        ({"kernel": "linear", "index": 10}, "index", "0 to 9"),
        ({"n_train": 201, "target": "class"}, "n_train", "even"),
        ({"n_test": 201, "target": "class"}, "n_test", "even"),
        ({"n_features": 0}, "n_features", "at least 1"),
        ({"n_test": 1}, "n_test", "at least 2"),
        ({"tolerance": -1.0}, "tolerance", "a positive number"),
        ({"kernel": "ntkk"}, "kernel", "did you mean"),
    ],
)
def test_impossible_options(options, named, sentence):
    assert_refused("eigenvector", options, named, sentence)
