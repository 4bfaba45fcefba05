"""Bits of weights under noise: closed forms, brute force, where they are undefined, what must not matter."""

import math

import numpy as np
import pytest

import grokbench
from grokbench.curves.checkpoint import Checkpoint
from grokbench.learners.base import Learner
from grokbench.measures import noise, probe
from grokbench.registry import measures
from grokbench.tasks.base import Split


class Linear(Learner):
    """Scores X W1 + b1 of arrays that it is given; `order` renames the classes."""

    def __init__(self, order=None, **arrays):
        self._arrays, self._order = arrays, slice(None) if order is None else order

    def description(self):
        return dict(self._arrays)

    def scores_of(self, description, X):
        return (X @ description["W1"] + description.get("b1", 0.0))[:, self._order]

    def scores(self, X):
        return self.scores_of(self._arrays, X)


def checkpoint(learner, split):
    return Checkpoint(learner, split, 1.0, learner.scores(split.X_train), learner.scores(split.X_test))


def bits(learner, split):
    return measures["weight_bits"]().row(checkpoint(learner, split))["weight_bits"]


def labelled(n=300, d=6, n_classes=3, seed=0, tolerance=None, **attributes):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(2 * n, d)), np.arange(2 * n) % max(n_classes, 1)
    split = Split(X[:n], y[:n], X[n:], y[n:], n_classes, tolerance=tolerance)
    vars(split).update(hash="ab", **attributes)
    return split


def weights(d=6, n_classes=3, seed=1):
    return np.random.default_rng(seed).normal(size=(d, n_classes))


def test_equal_weights_cost_the_capacity_of_the_channel():
    signs = np.where(weights() > 0, 0.3, -0.3)
    assert noise.channel_bits(signs, 0.1) == pytest.approx(18 / 2 * math.log2(101))
    assert noise.channel_bits(5 * signs, 0.1) == pytest.approx(18 / 2 * math.log2(101))
    assert noise.channel_bits(np.zeros(4), 0.1) == 0


@pytest.mark.parametrize("border", [2**-7.5, 0.03, 0.5, 3.0])
def test_the_largest_noise_is_where_the_share_passes(border):
    """A share that falls by .2 per octave of noise, .9 at the border."""
    largest = noise.largest_noise(lambda rho: np.clip(0.9 - 0.2 * np.log2(rho / border), 0, 1))
    assert largest == pytest.approx(border, rel=1e-9)


def test_noise_beyond_the_bracket():
    assert noise.largest_noise(lambda rho: 0.5) is None
    assert noise.largest_noise(lambda rho: 1.0) == 2**noise.MOST


@pytest.mark.parametrize("bias", [False, True])
def test_against_a_scan_of_the_noise(bias):
    """A fine scan of rho with the same draws: the bracket and the interpolation lose less than a hundredth."""
    split = labelled()
    arrays = {"W1": weights()} | ({"b1": weights(1)[0]} if bias else {})
    draws = noise.noise_of(arrays, probe.rng_of(split, "weight_bits"))
    learner = Linear(**arrays)
    answers = learner.scores(split.X_train).argmax(axis=1)

    def share(rho):
        noisy = [{name: W + rho * draw[name] for name, W in arrays.items()} for draw in draws]
        return np.mean([learner.scores_of(a, split.X_train).argmax(axis=1) == answers for a in noisy])

    scan = 2 ** np.arange(-8, 4, 0.002)
    rho = max(r for r in scan if share(r) >= 0.9)
    expected = sum(0.5 * np.log2(1 + W**2 / (rho**2 * np.mean(W**2))).sum() for W in arrays.values())
    assert bits(learner, split) == pytest.approx(expected, rel=0.01)


def test_a_linear_network_in_closed_form():
    """Two classes: point x keeps its answer with probability Phi(margin / (rho rms sqrt(2) |x|))."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    split, W = labelled(n=600, d=150, n_classes=2), weights(150, 2)
    margin = np.abs(split.X_train @ (W[:, 1] - W[:, 0]))
    unit = np.sqrt(2 * np.mean(W**2)) * np.linalg.norm(split.X_train, axis=1)
    rho = brentq(lambda r: norm.cdf(margin / (r * unit)).mean() - 0.9, 1e-3, 10)
    expected = 0.5 * np.log2(1 + W**2 / (rho**2 * np.mean(W**2))).sum()
    assert bits(Linear(W1=W), split) == pytest.approx(expected, rel=0.05)  # four draws of 300 weights


def test_of_a_network_it_is_that_of_its_arrays():
    split = grokbench.task("modular", modulus=7, train_fraction=0.6).split(0)
    learner = grokbench.learner("mlp", hidden=[12], activation="quadratic", dtype="float64")
    learner.begin(split.X_train, split.y_train, 7, split.alphabet, np.random.default_rng(0))
    learner.advance(40)
    X = np.hstack([np.eye(7)[split.X_train[:, 0]], np.eye(7)[split.X_train[:, 1]]])

    class ByHand(Linear):
        def scores_of(self, description, tokens):
            X = np.hstack([np.eye(7)[tokens[:, 0]], np.eye(7)[tokens[:, 1]]])
            return (X @ description["W1"]) ** 2 @ description["W2"]

    assert X.shape == (len(split.y_train), 14)
    assert bits(learner, split) == pytest.approx(bits(ByHand(**learner.description()), split), rel=1e-9)


def test_scale_and_names_of_classes_do_not_matter_and_no_label_enters():
    split, W = labelled(), weights()
    plain = bits(Linear(W1=W), split)
    assert bits(Linear(W1=4 * W), split) == pytest.approx(plain, rel=1e-12)
    assert bits(Linear(order=[2, 0, 1], W1=W), split) == pytest.approx(plain, rel=1e-12)
    others = np.random.default_rng(0).integers(3, size=300)
    assert bits(Linear(W1=W), labelled(y_train=others, y_test=others)) == pytest.approx(plain, rel=1e-12)


def test_a_regression_keeps_its_answers_within_the_tolerance():
    W = weights(n_classes=1)
    narrow, wide = (bits(Linear(W1=W), labelled(n_classes=0, tolerance=t)) for t in (1e-3, 1e-1))
    # an error is rho rms |x| times a standard normal: ten times the tolerance's root is ten times the noise
    assert narrow - wide == pytest.approx(6 * math.log2(10), rel=0.02)


def test_where_it_is_undefined():
    split = grokbench.task("modular", modulus=5, train_fraction=0.6).split(0)
    for name in ("rfm", "kernel_flow", "xgboost", "transformer"):
        curve = grokbench.trace(grokbench.learner(name), split, 1, measures=["weight_bits"])
        assert np.isnan(curve["weight_bits"]).all()
    centred = grokbench.learner("mlp", hidden=[12], centred=True)
    curve = grokbench.trace(centred, split, 2, measures=["weight_bits"])
    assert np.isnan(curve["weight_bits"].iloc[0])  # no answers yet
    assert np.isfinite(curve["weight_bits"].iloc[1:]).all()


def test_more_labels_need_more_bits():
    ends = []
    for share in (0.1, 0.6):
        split = grokbench.task("modular", modulus=13, train_fraction=share, labels="shuffled").split(0)
        learner = grokbench.learner("mlp", activation="quadratic", hidden=[48], weight_decay=1.0)
        ends.append(grokbench.trace(learner, split, 300, points_per_decade=1, measures=["weight_bits"]).iloc[-1])
    assert ends[0]["weight_bits"] < ends[1]["weight_bits"]
