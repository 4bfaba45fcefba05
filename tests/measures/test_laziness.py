"""Likeness to the flow of the initial kernel: 1 for those flows themselves, 0 for strangers."""

import numpy as np
import pytest
from support_learners import Given

import grokbench
from grokbench.curves.checkpoint import Checkpoint
from grokbench.learners.encodings import one_hot
from grokbench.measures import laziness
from grokbench.tasks.base import Split


def watched(learner, split, budget, seed=0):
    curve = grokbench.trace(learner, split, budget, seed, points_per_decade=4, measures=["laziness"])
    return curve["laziness"].to_numpy()


def parity(**options):
    return grokbench.task("parity", n_bits=12, k=2, n_train=150, n_test=200, **options).split(0)


def test_a_kernel_flow_is_its_own_lazy_predictor():
    """Up to the distance of two times of the grid at which as many training points are right."""
    likeness = watched(grokbench.learner("kernel_flow", kernel="ntk"), parity(), 1e5)
    assert np.isnan(likeness[0])
    assert np.nanmin(likeness[1:]) > 0.97
    assert likeness[-1] == pytest.approx(1, abs=0.03)


def test_a_linearized_network_with_one_output_is_lazy_from_its_own_start():
    """Its initial function is not 0: both start from there."""
    split = grokbench.task("single_index", n_features=10, n_train=60, n_test=100, tolerance=0.3).split(0)
    twin = grokbench.learner("linearized", hidden=[64], loss="mse", solver="flow")
    assert np.nanmin(watched(twin, split, 300.0)[1:]) > 0.97


def test_a_network_leaves_the_lazy_predictor():
    likeness = watched(grokbench.learner("mlp", hidden=[64], bias=True, weight_decay=0.3), parity(), 300)
    assert likeness[2] > 0.9
    assert likeness[-1] < likeness[2] - 0.1


def test_another_initialization_is_less_alike():
    """A lazy network follows its own kernel; that of another seed is alike as far as both are near the wide limit."""
    twin = grokbench.learner("linearized", hidden=[16], bias=True, learning_rate=0.003)
    curve = grokbench.trace(twin, parity(), 100, points_per_decade=4, measures=["laziness"])
    own, other = (curve[name].to_numpy()[-5:] for name in ("laziness", "laziness_other"))
    assert (own > other).all()
    flow = grokbench.trace(grokbench.learner("kernel_flow"), parity(), 1e3, points_per_decade=2, measures=["laziness"])
    np.testing.assert_array_equal(flow["laziness"], flow["laziness_other"])  # nothing in it is random


def test_strangers_have_nothing_in_common():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 5)), np.arange(300) % 3
    split = Split(X[:100], y[:100], X[100:], y[100:], 3)
    gram = Given(lambda points: points @ points.T)
    zero = [np.zeros((100, 3)), np.zeros((200, 3))]
    measure = laziness.Laziness()
    run: dict = {}
    measure.row(Checkpoint(gram, split, 0.0, *zero, run))
    scores = rng.normal(size=(100, 3)), rng.normal(size=(200, 3))
    assert abs(measure.row(Checkpoint(gram, split, 1.0, *scores, run))["laziness"]) < 0.15


def test_the_flow_is_kernel_regression_in_the_end_and_the_gradient_at_first():
    rng = np.random.default_rng(1)
    A = rng.normal(size=(20, 20))
    K = A @ A.T
    values, vectors = np.linalg.eigh(K)
    Y = one_hot(np.arange(20) % 2, 2)
    last = vectors @ (laziness.gains(values, laziness.TIMES - 1)[:, None] * (vectors.T @ Y))
    np.testing.assert_allclose(K @ last, Y, atol=1e-6)
    first = laziness.gains(values, 0)
    np.testing.assert_allclose(first * values.max() / laziness.FASTEST, 1, rtol=laziness.FASTEST)


def test_class_names_and_added_constants_do_not_matter():
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(2, 50, 4))
    order = rng.permutation(4)
    moved = second[:, order] + rng.normal(size=(50, 1))
    alike = (laziness.direction(first[:, order]) * laziness.direction(moved)).sum()
    assert alike == pytest.approx((laziness.direction(first) * laziness.direction(second)).sum())
    assert laziness.direction(np.ones((50, 4))) is None


def test_without_a_first_kernel_there_is_nothing_to_compare():
    trees = grokbench.learner("xgboost", min_child_weight=0)
    assert np.isnan(watched(trees, parity(), 5)).all()
