"""Random features against numpy's pseudo-inverse and normal equations, and the curve along their number."""

from functools import partial

import numpy as np
import pytest
from support_learners import start

import grokbench
from grokbench.errors import OptionError
from grokbench.learners.encodings import encode, one_hot
from grokbench.learners.linear.random_features import least_squares

begun = partial(start, "random_features")


def parity(n_bits=8, n_train=60, seed=0):
    return grokbench.task("parity", n_bits=n_bits, k=3, n_train=n_train, n_test=40).split(seed)


@pytest.mark.parametrize("shape", [(40, 10), (40, 39), (40, 40), (40, 90)])
def test_minimum_norm_is_the_pseudo_inverse(shape):
    rng = np.random.default_rng(0)
    F, Y = rng.normal(size=shape), rng.normal(size=(shape[0], 3))
    W = least_squares(F, Y, 0.0)
    # both are backward stable: they differ by eps times the square of the condition number
    tolerance = 1e-15 * np.linalg.cond(F) ** 2 + 1e-13
    np.testing.assert_allclose(W, np.linalg.pinv(F) @ Y, atol=tolerance)
    np.testing.assert_allclose(W, np.linalg.lstsq(F, Y)[0], atol=tolerance)


def test_minimum_norm_of_features_that_repeat():
    rng = np.random.default_rng(1)
    F, Y = rng.normal(size=(30, 6)) @ rng.normal(size=(6, 50)), rng.normal(size=(30, 2))
    np.testing.assert_allclose(least_squares(F, Y, 0.0), np.linalg.pinv(F, rcond=1e-12) @ Y, atol=1e-12)


@pytest.mark.parametrize("shape", [(40, 10), (40, 40), (40, 90)])
def test_ridge_solves_the_normal_equations(shape):
    rng = np.random.default_rng(2)
    F, Y = rng.normal(size=shape), rng.normal(size=(shape[0], 3))
    W = least_squares(F, Y, 0.7)
    expected = np.linalg.solve(F.T @ F + 0.7 * np.eye(shape[1]), F.T @ Y)
    np.testing.assert_allclose(W, expected, atol=1e-12)
    tall = np.vstack([F, np.sqrt(0.7) * np.eye(shape[1])])  # the same as a least squares problem
    augmented = np.linalg.lstsq(tall, np.vstack([Y, np.zeros((shape[1], 3))]))[0]
    np.testing.assert_allclose(W, augmented, atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"features": "fourier"}, {"ridge": 0.01, "bias": 1.5}], ids=str)
def test_scores_are_the_fit_on_the_features_drawn(options):
    split = parity()
    learner = begun(split, **options)
    for size in (3, 20, 100):
        learner.advance(size)
        P = learner._projection
        arguments = [encode(X, split.alphabet) @ P[:-1] + P[-1] for X in (split.X_train, split.X_test)]
        phi = (lambda a: np.sqrt(2) * np.cos(a)) if "features" in options else (lambda a: np.where(a > 0, a, 0))
        F, G = (phi(a) / np.sqrt(size) for a in arguments)
        ridge, Y = options.get("ridge", 0.0), one_hot(split.y_train, 2)
        W = np.linalg.pinv(F) @ Y if ridge == 0 else np.linalg.solve(F.T @ F + ridge * np.eye(size), F.T @ Y)
        np.testing.assert_allclose(learner.scores(split.X_test), G @ W, atol=1e-8)  # conditions up to 1e3
        np.testing.assert_allclose(learner.kernel(split.X_test), G @ G.T, atol=1e-14)


def test_many_features_are_their_kernel():
    """Fourier: exp(-|x - z|^2 / (2 L^2)). ReLU without biases: |x||z| (sin a + (pi - a) cos a) / (2 pi s)."""
    split, size = parity(), 200_000
    Z = encode(split.X_test, split.alphabet)[:6]
    fourier = begun(split, features="fourier", bandwidth=2.0)
    relu = begun(split, bias=0.0)
    for learner in (fourier, relu):
        learner._size = size
        learner._projection = learner._drawn(size)
    distances = ((Z[:, None] - Z[None]) ** 2).sum(axis=2)
    cosine = Z @ Z.T / 8
    angle = np.arccos(np.clip(cosine, -1, 1))
    arccos = (np.sin(angle) + (np.pi - angle) * cosine) / (2 * np.pi)
    # a mean of 2e5 numbers of variance up to 5: four standard errors
    np.testing.assert_allclose(fourier.kernel(split.X_test[:6]), np.exp(-distances / 8), atol=0.01)
    np.testing.assert_allclose(relu.kernel(split.X_test[:6]), arccos, atol=0.02)


def test_sizes_draw_their_own_features_or_share_one_sequence():
    split = parity()
    nested, own = begun(split, nested=True), begun(split)
    drawn = {name: [learner._drawn(size) for size in (5, 9)] for name, learner in (("nested", nested), ("own", own))}
    np.testing.assert_array_equal(drawn["nested"][0], drawn["nested"][1][:, :5])
    assert not np.isin(drawn["own"][0], drawn["own"][1]).any()
    assert not np.isin(drawn["nested"][0], begun(split, seed=1, nested=True)._drawn(5)).any()


@pytest.mark.parametrize(
    "options", [{"bias": -1.0}, {"bandwidth": -1.0}, {"ridge": -1.0}, {"features": "tanh"}], ids=str
)
def test_impossible_options(options):
    with pytest.raises(OptionError) as error:
        grokbench.learner("random_features", **options)
    assert error.value.option in options


@pytest.mark.slow
def test_three_parity_along_the_number_of_features():
    """It fits before it generalizes, is worst where features equal examples, and a ridge takes that dip away."""
    split = grokbench.task("parity", n_bits=10, k=3, n_train=768, n_test=256).split(0)

    def accuracies(sizes, **options):
        learner = begun(split, **options)
        shares = []
        for size in sizes:
            learner.advance(size)
            for X, y in ((split.X_train, split.y_train), (split.X_test, split.y_test)):
                shares.append(np.mean(learner.scores(X).argmax(axis=1) == y))
        return shares

    (fits, below, still_fits, peak, _, beyond) = accuracies((576, 768, 3072))
    assert fits > 0.98
    assert below < 0.95
    assert still_fits == 1.0
    assert peak < below - 0.1
    assert beyond > 0.98
    assert accuracies((768,), ridge=0.01)[1] > peak + 0.1
    assert accuracies((768,), bias=0.0)[1] < 0.5  # an even function and a linear one: never an odd parity
