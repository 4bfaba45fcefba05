"""Energies in the waves of a sum: planted tables, a transform in three dimensions, and where they are undefined."""

import math

import numpy as np
import pytest

import grokbench
from grokbench.curves.checkpoint import Checkpoint
from grokbench.measures.fourier import wave_energies
from grokbench.registry import measures
from grokbench.tasks.base import Split


def pairs(p):
    return np.stack(np.divmod(np.arange(p * p), p), axis=1)


def looked(X, scores, p, y=None):
    """What the measure says of held-out scores (n, p) on pairs X."""
    y = X.sum(axis=1) % p if y is None else y
    split = Split(X[:1], y[:1], X, y, n_classes=p, alphabet=(p, p))
    return measures["fourier_energy"]().row(Checkpoint(None, split, 1.0, scores[:1], scores))


def wave(p, k, phase=0.0):
    """(p^2, p) the wave of frequency k in a + b - c."""
    shift = pairs(p).sum(axis=1)[:, None] - np.arange(p)
    return np.cos(2 * np.pi * k * shift / p + phase)


@pytest.mark.parametrize("p", [5, 6, 31])
def test_a_planted_wave_has_its_energy_and_no_other(p):
    measured = looked(pairs(p), 3 * wave(p, 2, phase=0.4), p)
    assert measured["fourier_2"] == pytest.approx(4.5)
    assert measured["fourier_energy"] == pytest.approx(4.5)
    assert measured["fourier_1"] == pytest.approx(0, abs=1e-20)
    assert measured["fourier_excluded"] == pytest.approx(0, abs=1e-12)
    assert math.isnan(measured["fourier_15"]) == (p < 31)


@pytest.mark.parametrize("p", [6, 7, 12])
def test_of_a_whole_table_it_is_a_diagonal_of_its_transform_in_three_dimensions(p):
    """The coefficient of exp(2 pi i k (a + b - c) / p) is the transform at (k, k, -k), over p^3."""
    scores = np.random.default_rng(0).normal(size=(p * p, p)) + wave(p, 1)
    transform = np.fft.fftn(scores.reshape(p, p, p)) / p**3
    frequencies = np.arange(1, p // 2 + 1)
    expected = np.abs(transform[frequencies, frequencies, -frequencies]) ** 2 * np.where(2 * frequencies == p, 1, 2)
    measured = looked(pairs(p), scores, p)
    np.testing.assert_allclose([measured[f"fourier_{k}"] for k in frequencies], expected, rtol=1e-9)
    centred = scores - scores.mean(axis=1, keepdims=True)
    assert measured["fourier_energy"] + measured["fourier_excluded"] == pytest.approx((centred**2).mean())


def test_the_energies_are_the_mean_square_of_the_mean_over_pairs():
    """Parseval, on some of the pairs: nothing of the mean is lost or counted twice."""
    for p in (8, 9):
        X = pairs(p)[np.random.default_rng(1).permutation(p * p)[:40]]
        scores = np.random.default_rng(2).normal(size=(40, p))
        scores -= scores.mean(axis=1, keepdims=True)
        mean = np.mean([np.roll(row, -int(total)) for row, total in zip(scores, X.sum(axis=1), strict=True)], axis=0)
        assert wave_energies(scores, X.sum(axis=1)).sum() == pytest.approx((mean**2).mean())


def test_of_independent_scores_it_is_one_in_as_many_as_there_are_pairs():
    p, n = 31, 400
    X = pairs(p)[np.random.default_rng(3).permutation(p * p)[:n]]
    shares = []
    for seed in range(20):
        measured = looked(X, np.random.default_rng(seed).normal(size=(n, p)), p)
        shares.append(measured["fourier_energy"] / (measured["fourier_energy"] + measured["fourier_excluded"]))
    assert np.mean(shares) == pytest.approx(1 / n, rel=0.2)  # 20 draws of 30 degrees of freedom: 6 % standard error


def test_another_operation_has_no_energy_in_these_waves():
    p = 31
    difference = np.cos(2 * np.pi * 3 * ((pairs(p) @ [1, -1])[:, None] - np.arange(p)) / p)
    assert looked(pairs(p), difference, p)["fourier_energy"] == pytest.approx(0, abs=1e-20)


def test_no_label_and_no_training_score_enters():
    split = grokbench.task("modular", modulus=7, train_fraction=0.6).split(0)
    scores = np.random.default_rng(0).normal(size=(len(split.y_test), 7))
    others = np.random.default_rng(1).integers(7, size=len(split.y_test))
    assert looked(split.X_test, scores, 7) == pytest.approx(looked(split.X_test, scores, 7, others), nan_ok=True)


@pytest.mark.parametrize(
    ("name", "options"),
    [("modular", {"modulus": 37}), ("modular", {"modulus": 2}), ("parity", {"n_bits": 8, "n_train": 60, "n_test": 60})],
)
def test_where_it_is_undefined(name, options):
    curve = grokbench.trace(
        grokbench.learner("kernel_flow"), grokbench.task(name, **options).split(0), 1, measures=["fourier_energy"]
    )
    assert np.isnan(curve["fourier_energy"]).all()


def test_it_grows_where_a_rule_is_learned():
    split = grokbench.task("modular", modulus=13, train_fraction=0.8).split(0)
    curve = grokbench.trace(grokbench.learner("rfm"), split, 15, measures=["fourier_energy"])
    energy = curve["fourier_energy"].to_numpy()
    assert curve["test_accuracy"].iloc[-1] > 0.9
    assert energy[0] == 0
    assert energy[-1] > 10 * energy[1]


def test_memorized_pairs_would_have_their_share_squared():
    """Why held-out pairs alone are looked at: one-hot answers on a share of the table, nothing on the others."""
    p, share = 31, 0.6
    X = pairs(p)
    scores = np.eye(p)[X.sum(axis=1) % p] - 1 / p
    known = np.random.default_rng(0).permutation(p * p) < share * p * p
    whole, memorized = (wave_energies(s, X.sum(axis=1)).sum() for s in (scores, scores * known[:, None]))
    assert memorized / whole == pytest.approx(share**2, rel=0.01)
