"""What a description says: the scores come back from it, and it can be cut down to its weightiest parts.

Every learner that offers `scores_of` is asked, and held against its own scores; the ladder of parts against its ends.
"""

from itertools import pairwise

import numpy as np
import pytest
from support_learners import start

import grokbench
from grokbench.learners.base import Learner
from grokbench.registry import learners
from grokbench.tasks.base import Split

SETTINGS = {
    "linear": [{}, {"solver": "flow", "degree": 2, "ridge": 0.1}, {"start": 1.0, "ridge": 0.1}],
    "kernel_flow": [{}, {"kernel": "ntk", "ridge": 0.1}, {"start": 2.0, "ridge": 0.1}],
    "random_features": [{}, {"features": "fourier", "ridge": 0.1}],
    "rfm": [{}, {"frozen": True}, {"kernel": "laplace", "ridge": 0.01, "scaling": "trace"}],
    "gaussian_process": [{}],
    "committee": [{}, {"frozen": True}, {"centred": True, "weight_decay": 0.01}, {"reduced": False, "width": 20}],
    "xgboost": [
        {},
        {"random_structure": 0.5, "num_parallel_tree": 2},
        {"random_structure": 1.0},
        {"greedy_share": 0.5},
    ],
}
CASES = [(name, options) for name, many in SETTINGS.items() for options in many]


def split_for(n_classes, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 4))
    rule = X[:, 0] * X[:, 1] + X[:, 2]
    if not n_classes:
        return Split(X[:40], rule[:40], X[40:], rule[40:], n_classes=0, tolerance=0.01)
    y = np.digitize(rule, np.quantile(rule, np.linspace(0, 1, n_classes + 1)[1:-1]))
    return Split(X[:40], y[:40], X[40:], y[40:], n_classes=n_classes)


def begun(name, options, split):
    return start(name, split, 1, **options)


@pytest.mark.parametrize("n_classes", [0, 2, 3])
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_scores_follow_from_the_description(name, options, n_classes):
    """On new inputs, from arrays that were copied out, after the learner itself has moved on."""
    split = split_for(n_classes)
    if grokbench.learner(name, **options).cannot_read(split):
        pytest.skip("not for this task")
    learner = begun(name, options, split)
    descriptions, scores = {}, {}
    for units in (1, 4, 12):
        time = units * learner.first_time * (1 if learner.integer_clock else 30)
        if name == "random_features":  # the receiver draws the features of the present size
            descriptions, scores = {}, {}
        learner.advance(int(time) if learner.integer_clock else time)
        descriptions[units] = {key: array.copy() for key, array in learner.description().items()}
        scores[units] = learner.scores(split.X_test)
    for units, expected in scores.items():
        answers = learner.scores_of(descriptions[units], split.X_test)
        # an interpolating kernel machine at its rounding, trees in single precision
        np.testing.assert_allclose(answers, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    assert name == "random_features" or np.abs(scores[1] - scores[12]).max() > 0 or options.get("frozen")
    np.testing.assert_array_equal(learner.scores(split.X_test), scores[12])  # asking changed nothing


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_leading_parts_are_a_ladder_to_the_whole(name, options):
    split = split_for(0)
    learner = begun(name, options, split)
    learner.advance(12 if learner.integer_clock else 300 * learner.first_time)
    if not (parts := learner.parts()):
        return
    expected = learner.scores(split.X_train)
    gaps = [
        np.linalg.norm(learner.scores_of(learner.leading(k), split.X_train) - expected) for k in range(1, parts + 1)
    ]
    assert gaps[-1] <= 1e-6 * np.linalg.norm(expected)
    assert gaps[0] > 100 * gaps[-1]
    trees = 7 if options.get("greedy_share") else 12  # one, and then every second round
    assert parts == {"xgboost": trees, "kernel_flow": 40}.get(name, 4)


def test_the_heaviest_round_of_trees_leads():
    """By brute force: the round whose own margins on the training split are the largest."""
    split = split_for(2)
    learner = begun("xgboost", {"colsample_bynode": 0.5}, split)
    margins = [learner.scores(split.X_train)]
    for time in range(1, 9):
        learner.advance(time)
        margins.append(learner.scores(split.X_train))
    sizes = [np.square(after - before).sum() for before, after in pairwise(margins)]
    best = int(np.argmax(sizes))
    scores = learner.scores_of(learner.leading(1), split.X_train)
    np.testing.assert_allclose(scores, margins[best + 1] - margins[best], atol=1e-6)


def test_eigendirections_of_the_dual_coefficients_are_projected_targets():
    """At infinite time without a ridge, the first k directions give U_k U_k^T Y on the training split."""
    split = split_for(3)
    learner = begun("kernel_flow", {}, split)
    learner.advance(np.inf)
    vectors = np.linalg.eigh(learner.kernel(split.X_train))[1][:, -7:]
    expected = vectors @ vectors.T @ np.eye(3)[split.y_train]
    np.testing.assert_allclose(learner.scores_of(learner.leading(7), split.X_train), expected, atol=1e-9)


@pytest.mark.parametrize("name", learners.names())
def test_the_kernel_is_symmetric_and_positive_semi_definite_or_none(name):
    """On training and held-out inputs together, at two times: float64, eigenvalues above minus rounding."""
    readable = [s for s in map(split_for, (2, 0)) if learners.create(name).cannot_read(s) is None]
    if not readable:
        pytest.skip("reads tokens only")
    split = readable[0]
    learner = begun(name, {}, split)
    X = np.vstack([split.X_train, split.X_test])
    for units in (1, 3):
        learner.advance(int(units) if learner.integer_clock else units * learner.first_time)
        kernel = learner.kernel(X)
        if kernel is None:
            assert name == "nearest_neighbors" or type(learner).kernel is Learner.kernel or name == "estimator"
            continue
        assert kernel.dtype == np.float64
        assert kernel.shape == (60, 60)
        # sums of squares in another order; tangent kernels of networks are in single precision
        size = np.abs(kernel).max()
        np.testing.assert_allclose(kernel, kernel.T, rtol=0, atol=1e-6 * size)
        assert np.linalg.eigvalsh((kernel + kernel.T) / 2)[0] > -1e-5 * size
