"""The participation ratio of features: eigenvalues, singular values, limits, what must not matter."""

import math

import numpy as np
import pytest

import grokbench
from grokbench.curves.checkpoint import Checkpoint
from grokbench.learners.base import Learner
from grokbench.measures.dimension import participation_ratio
from grokbench.registry import measures
from grokbench.tasks.base import Split


class Featured(Learner):
    """Shows features of the inputs as its last layer."""

    def __init__(self, features):
        self._features = features

    def other_kernels(self, X):
        F = self._features(X)
        return {"last_layer": F @ F.T}


def value(learner, split):
    scores = [np.zeros((len(X), split.n_classes)) for X in (split.X_train, split.X_test)]
    return measures["feature_dimension"]().row(Checkpoint(learner, split, 1.0, *scores))["feature_dimension"]


def labelled(y=None, held_out=None, n=60):
    X = np.random.default_rng(0).normal(size=(2 * n, 5))
    y = np.arange(n) % 3 if y is None else y
    return Split(X[:n], y, X[n:], np.arange(n) % 3 if held_out is None else held_out, 3)


def network(split, **options):
    learner = grokbench.learner("mlp", hidden=[12], activation="tanh", dtype="float64", **options)
    learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, np.random.default_rng(0))
    learner.advance(20)
    return learner


def test_it_is_the_ratio_of_eigenvalues_and_of_singular_values():
    rng = np.random.default_rng(1)
    F = rng.normal(size=(40, 6)) * [5, 3, 1, 1, 0.5, 0.1] + 4
    K = F @ F.T
    H = np.eye(40) - 1 / 40
    eigenvalues = np.linalg.eigvalsh(H @ K @ H)
    squares = np.linalg.svd(F - F.mean(axis=0), compute_uv=False) ** 2
    for r in (eigenvalues, squares):
        assert participation_ratio(K) == pytest.approx(r.sum() ** 2 / (r**2).sum(), rel=1e-9)


@pytest.mark.parametrize("bias", [False, True])
def test_of_a_network_it_is_that_of_its_features(bias):
    """The constant that a bias adds to the kernel of the last layer is no direction."""
    split = grokbench.task("modular", modulus=7, train_fraction=0.6).split(0)
    learner = network(split, bias=bias)
    described = learner.description()
    X = np.hstack([np.eye(7)[split.X_train[:, 0]], np.eye(7)[split.X_train[:, 1]]])
    h = np.tanh(X @ described["W1"] + (described["b1"] if bias else 0))
    r = np.linalg.svd(h - h.mean(axis=0), compute_uv=False) ** 2
    assert value(learner, split) == pytest.approx(r.sum() ** 2 / (r**2).sum(), rel=1e-9)


def test_limits():
    split = labelled()
    assert value(Featured(lambda X: X[:, :1] * [1.0, -2.0, 3.0] + 7), split) == pytest.approx(1, rel=1e-9)
    assert value(Featured(lambda X: np.eye(len(X))), split) == pytest.approx(59, rel=1e-9)
    assert math.isnan(value(Featured(lambda X: np.ones((len(X), 4))), split))
    assert math.isnan(value(grokbench.learner("rfm"), split))
    rng = np.random.default_rng(0)
    G = rng.normal(size=(600, 200))
    assert participation_ratio(G @ G.T) == pytest.approx(600 * 200 / 800, rel=0.02)  # docstring: n width / (n + width)


def test_order_and_scale_of_the_hidden_units_do_not_matter():
    split, order = labelled(), np.random.default_rng(2).permutation(5)
    plain = value(Featured(lambda X: np.exp(X)), split)
    assert value(Featured(lambda X: np.exp(X)[:, order]), split) == pytest.approx(plain, rel=1e-12)
    assert value(Featured(lambda X: 30 * np.exp(X)), split) == pytest.approx(plain, rel=1e-12)


def test_names_of_classes_do_not_matter_and_no_label_enters():
    split, learner = labelled(), Featured(np.exp)
    plain = value(learner, split)
    assert value(learner, labelled(y=(np.arange(60) + 1) % 3)) == pytest.approx(plain, rel=1e-12)
    assert value(learner, labelled(y=np.random.default_rng(0).integers(3, size=60))) == pytest.approx(plain, rel=1e-12)
    assert value(learner, labelled(held_out=np.zeros(60, dtype=int))) == pytest.approx(plain, rel=1e-12)


def test_it_is_there_before_anything_is_learned():
    split = grokbench.task("modular", modulus=7, train_fraction=0.6).split(0)
    curve = grokbench.trace(grokbench.learner("mlp", hidden=[12]), split, 3, measures=["feature_dimension"])
    assert (curve["feature_dimension"] > 1).all()
