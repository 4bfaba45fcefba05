"""The optional faces: scores from a description, and a learner cut down to its weightiest parts."""

import numpy as np
import pytest

import grokbench
from grokbench.curves.trace import learner_rng
from grokbench.measures.complexity import fits
from grokbench.registry import learners

TASKS = {
    "modular": grokbench.task("modular", modulus=7, train_fraction=0.6),
    "parity": grokbench.task("parity", n_bits=8, k=2, n_train=40, n_test=40),
}
OPTIONS = [
    ("mlp", {"activation": "quadratic"}),
    ("mlp", {"hidden": [16, 12], "bias": True, "centred": True}),
    ("mlp", {"hidden": [16, 16], "residual": True}),
    ("linearized", {"activation": "quadratic"}),
    ("rfm", {}),
    ("rfm", {"kernel": "quadratic", "ridge": 1e-3}),
]


def at(name, options, split, time=5):
    learner = learners.create(name, **options)
    learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, learner_rng(0))
    learner.advance(time)
    return learner


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)
def test_a_description_predicts_what_the_learner_predicts(name, options, task):
    split = TASKS[task].split(0)
    learner = at(name, options, split)
    for X in (split.X_train, split.X_test):
        mine, theirs = learner.scores(X), learner.scores_of(learner.description(), X)
        assert theirs.dtype == np.float64
        # float32 arithmetic in another order at most; RFM's fitted values are summed in another shape
        np.testing.assert_allclose(theirs, mine, atol=1e-5 * np.abs(mine).max())


@pytest.mark.parametrize("name", learners.names())
def test_every_learner_answers(name):
    """The whole of its parts is the learner, and the protocol's defaults are told apart from an offer."""
    from grokbench.options import options

    if any(option.required for option in options(learners[name]).values()):
        pytest.skip("needs options")
    for task in TASKS.values():
        split, learner = task.split(0), learners.create(name)
        if learner.cannot_read(split):
            continue
        learner = at(name, {}, split, 3 * (1 if learner.integer_clock else 0) or 3 * learner.first_time)
        scores = learner.scores_of(learner.description(), split.X_test)
        if learner.parts():
            whole = learner.scores_of(learner.leading(learner.parts()), split.X_test)
            np.testing.assert_allclose(whole, scores, atol=1e-5 * np.abs(scores).max())
        if scores is not None:
            mine = learner.scores(split.X_test)
            np.testing.assert_allclose(scores, mine, atol=1e-5 * np.abs(mine).max())


def test_neurons_go_by_the_product_of_their_weights():
    split = TASKS["modular"].split(0)
    learner = at("mlp", {"activation": "quadratic", "hidden": [6]}, split, 3)
    described = learner.description()
    strength = np.linalg.norm(described["W1"], axis=0) * np.linalg.norm(described["W2"], axis=1)
    kept = np.sort(np.argsort(-strength)[:2])
    small = learner.leading(2)
    np.testing.assert_array_equal(small["W1"], described["W1"][:, kept])
    np.testing.assert_array_equal(small["W2"], described["W2"][kept])


def test_a_neuron_that_does_nothing_goes_first():
    split = TASKS["modular"].split(0)
    learner = at("mlp", {"hidden": [8, 8], "bias": True}, split, 40)
    learner.description()
    silent = learner._trained
    with __import__("torch").no_grad():
        silent[2][:, 3] = 0  # W2: nothing comes in
        silent[3][3] = 0
    np.testing.assert_allclose(
        learner.scores_of(learner.leading(15), split.X_test), learner.scores(split.X_test), atol=1e-6
    )


def test_eigendirections_of_the_metric_go_from_the_smallest():
    split = TASKS["modular"].split(0)
    learner = at("rfm", {}, split, 6)
    metric = learner.leading(3)["M"]
    values = np.linalg.eigvalsh(learner.description()["M"])
    np.testing.assert_allclose(np.linalg.eigvalsh(metric)[-3:], values[-3:], rtol=1e-9)
    assert np.linalg.matrix_rank(metric) == 3


def test_fitting_means_98_of_100():
    split = grokbench.Split(np.zeros((100, 1)), np.arange(100) % 4, np.zeros((4, 1)), np.arange(4), 4)
    scores = np.eye(4)[split.y_train]
    wrong = scores.copy()
    wrong[:2] = np.eye(4)[(split.y_train[:2] + 1) % 4]
    assert fits(wrong, split)
    wrong[2] = np.eye(4)[3]
    assert not fits(wrong, split)
