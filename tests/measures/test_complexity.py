"""Measures of what is carried: brute force, Fano's values, planted memorizers."""

import math

import numpy as np
import pytest

import grokbench
from grokbench.curves.checkpoint import Checkpoint
from grokbench.learners.base import Learner
from grokbench.measures import complexity, probe
from grokbench.registry import measures
from grokbench.tasks.base import Split


def checkpoint(split, train_scores, test_scores=None, learner=None):
    test_scores = np.zeros((len(split.y_test), split.n_classes)) if test_scores is None else test_scores
    return Checkpoint(learner or Learner(), split, 0.0, train_scores, test_scores)


# ------------------------------------------------- label-fit rank


def brute_force(vectors, Y):
    fitted = []
    for k in range(len(Y) + 1):
        P = vectors[:, :k] @ vectors[:, :k].T @ Y
        own = P[np.arange(len(Y)), Y.argmax(1)]
        others = np.where(Y > 0, -np.inf, P).max(1)
        fitted.append((own > others).mean() >= 0.98)
    return len(Y) - int(np.argmin(fitted[::-1])) + 1 if not all(fitted) else 0


@pytest.mark.parametrize("n_classes", [2, 5, 31])
@pytest.mark.parametrize("signal", [0.0, 1.0, 30.0])
def test_label_fit_rank_is_the_first_from_which_all_fit(n_classes, signal):
    rng = np.random.default_rng(n_classes)
    y = rng.integers(n_classes, size=150)
    Y, F = probe.targets(y, n_classes), rng.normal(size=(150, 60))
    vectors = np.linalg.eigh(signal * Y @ Y.T + F @ F.T)[1][:, ::-1]
    assert complexity.label_fit_rank(vectors, Y) == brute_force(vectors, Y)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_the_kernel_of_the_labels_needs_one_direction_less_than_classes(n_classes):
    """At most: with equal classes the directions are any basis, and one may be spared without changing an argmax."""
    y = np.arange(20 * n_classes) % n_classes
    Y = probe.targets(y, n_classes)
    vectors = np.linalg.eigh(Y @ Y.T)[1][:, ::-1]
    assert complexity.label_fit_rank(vectors, Y) == brute_force(vectors, Y) <= n_classes - 1
    if n_classes < 4:
        assert complexity.label_fit_rank(vectors, Y) == n_classes - 1


def test_the_identity_needs_a_direction_per_fitted_label():
    Y = probe.targets(np.arange(100) % 4, 4)
    assert complexity.label_fit_rank(np.eye(100), Y) == 98


def test_label_fit_rank_of_real_targets():
    rng = np.random.default_rng(0)
    F = rng.normal(size=(60, 4))
    y = F @ [1.0, 2.0, -1.0, 0.5]
    Y = probe.targets(y, 0)
    vectors = np.linalg.eigh(F @ F.T)[1][:, ::-1]
    tolerance = 0.01 + float(Y.mean())
    rank = complexity.label_fit_rank(vectors, F @ [[1.0], [2.0], [-1.0], [0.5]], tolerance)
    assert rank == 4
    assert complexity.label_fit_rank(np.eye(60), Y, 1e-6) == pytest.approx(59, abs=1)


def test_more_random_labels_need_more_directions():
    """Calibration on a fixed kernel: the rank rises with the number of labels that it has to carry."""
    ranks = []
    for n in (50, 100, 200, 400):
        rng = np.random.default_rng(n)
        F = rng.normal(size=(n, 20))
        Y = probe.targets(rng.integers(10, size=n), 10)
        ranks.append(complexity.label_fit_rank(np.linalg.eigh(np.exp(F @ F.T / 20))[1][:, ::-1], Y))
    assert ranks == sorted(ranks)
    assert ranks[0] < ranks[-1]


# ------------------------------------------------- memorized bits


@pytest.mark.parametrize(
    ("e", "n_classes", "bits"),
    [
        (0.0, 2, 1.0),
        (0.0, 31, math.log2(31)),
        (0.5, 2, 0.0),
        (30 / 31, 31, 0.0),
        (0.11, 2, 0.5),  # capacity of the binary symmetric channel
        (1.0, 4, 2 - math.log2(3)),
    ],
)
def test_fano(e, n_classes, bits):
    assert complexity.fano_bits(e, n_classes) == pytest.approx(bits, abs=1e-3)


def test_fano_is_the_information_of_a_symmetric_channel():
    """Mutual information of label and guess where errors are uniform, from their joint distribution."""
    for e, C in ((0.3, 5), (0.7, 12), (0.9, 3)):
        joint = np.full((C, C), e / (C - 1) / C)
        np.fill_diagonal(joint, (1 - e) / C)
        assert complexity.fano_bits(e, C) == pytest.approx((joint * np.log2(joint * C * C)).sum(), rel=1e-9)


def noisy_split():
    return grokbench.task("modular", modulus=31, train_fraction=0.8, label_noise=0.2).split(0)


def test_a_memorizer_keeps_every_label_and_a_rule_none():
    split = noisy_split()
    by_heart, by_rule = np.eye(31)[split.y_train], np.eye(31)[split.y_true]
    held_out = np.eye(31)[split.y_test]
    kept = measures["memorized_bits"]().row(checkpoint(split, by_heart, held_out))
    dropped = measures["memorized_bits"]().row(checkpoint(split, by_rule, held_out))
    assert kept["memorized_share"] == 1
    assert kept["reverted_share"] == 0
    assert kept["memorized_bits"] == pytest.approx(math.log2(31), abs=0.1)
    assert dropped["memorized_share"] == 0
    assert dropped["reverted_share"] == 1
    assert dropped["memorized_bits"] == pytest.approx(0, abs=0.1)


def test_ghosts_take_the_bias_of_few_points_away():
    """A guesser that never saw the labels carries nothing: on average exactly."""
    split, bits = noisy_split(), []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        guesses = [rng.normal(size=(len(X), 31)) for X in (split.X_train, split.X_test)]
        bits.append(measures["memorized_bits"]().row(checkpoint(split, *guesses))["memorized_bits"])
    assert np.mean(bits) == pytest.approx(0, abs=4 * np.std(bits) / 10)
    assert np.std(bits) < 0.03


def test_half_of_the_labels_kept_is_half_a_share():
    split = noisy_split()
    scores = np.eye(31)[split.y_true]
    changed = split.redrawn[split.y_train[split.redrawn] != split.y_true[split.redrawn]]
    half = changed[: len(changed) // 2]
    scores[half] = np.eye(31)[split.y_train[half]]
    measured = measures["memorized_bits"]().row(checkpoint(split, scores, np.eye(31)[split.y_test]))
    assert measured["memorized_share"] == pytest.approx(len(half) / len(changed))
    assert measured["reverted_share"] == pytest.approx(1 - len(half) / len(changed))


def test_without_redrawn_labels_there_is_nothing_to_count():
    split = grokbench.task("modular", modulus=7, train_fraction=0.6).split(0)
    measured = measures["memorized_bits"]().row(checkpoint(split, np.eye(7)[split.y_train]))
    assert all(math.isnan(value) for value in measured.values())


def test_memorized_bits_know_no_scale_and_no_names():
    split = noisy_split()
    rng = np.random.default_rng(0)
    scores = [np.eye(31)[y] + 0.3 * rng.normal(size=(len(y), 31)) for y in (split.y_train, split.y_test)]
    plain = measures["memorized_bits"]().row(checkpoint(split, *scores))
    scaled = measures["memorized_bits"]().row(checkpoint(split, *(40 * s for s in scores)))
    assert plain == scaled
    rename = rng.permutation(31)
    renamed = Split(
        split.X_train,
        rename[split.y_train],
        split.X_test,
        rename[split.y_test],
        31,
        split.alphabet,
        redrawn=split.redrawn,
        y_true=rename[split.y_true],
    )
    there = measures["memorized_bits"]().row(checkpoint(renamed, *(s[:, np.argsort(rename)] for s in scores)))
    # the ghosts are others; their mean is the same up to their noise
    assert there == pytest.approx(plain, abs=0.02)


def test_complexity_sees_no_held_out_label():
    """Q4: other held-out labels change nothing but the ghosts' points, which the hash draws."""
    split = noisy_split()
    other = Split(
        split.X_train,
        split.y_train,
        split.X_test,
        np.roll(split.y_test, 1),
        31,
        split.alphabet,
        redrawn=split.redrawn,
        y_true=split.y_true,
    )
    vars(other)["hash"] = split.hash
    rng = np.random.default_rng(0)
    scores = [rng.normal(size=(len(X), 31)) for X in (split.X_train, split.X_test)]
    learner = grokbench.learner("mlp", activation="quadratic")
    learner.begin(split.X_train, split.y_train, 31, split.alphabet, rng)
    scores[0] = np.eye(31)[split.y_train]
    for name in ("label_fit_rank", "memorized_bits", "submodel_size", "code_length"):
        plain, renamed = (measures[name]().row(checkpoint(s, *scores, learner=learner)) for s in (split, other))
        assert list(plain.values()) == pytest.approx(list(renamed.values()), nan_ok=True, abs=0), name


# ------------------------------------------------- sub-models


class Prefix(Learner):
    """Fits as soon as `needed` of its 100 parts are there."""

    def __init__(self, needed, known=30):
        self.needed, self.known, self.asked = needed, known, []

    def begin(self, X, y, n_classes, alphabet, rng):
        self.y, self.n_classes = y, n_classes

    def parts(self):
        return 100

    def leading(self, size):
        self.asked.append(size)
        return {"size": np.array(size)}

    def scores_of(self, description, X):
        known = len(self.y) if description["size"] >= self.needed else self.known
        right = np.arange(len(X)) < known
        return np.eye(self.n_classes)[np.where(right, self.y[: len(X)], (self.y[: len(X)] + 1) % self.n_classes)]


@pytest.mark.parametrize("known", [0, 10, 50, 58])  # wrong on the first inputs already, or on the last ones only
@pytest.mark.parametrize("needed", [1, 2, 37, 99, 100])
def test_the_submodel_is_found_by_halving(needed, known):
    split = grokbench.task("modular", modulus=11, train_fraction=0.5).split(0)
    learner = Prefix(needed, known)
    learner.begin(split.X_train, split.y_train, 11, None, None)
    measured = measures["submodel_size"]().row(checkpoint(split, np.eye(11)[split.y_train], learner=learner))
    assert measured == {"submodel_size": needed, "submodel_share": needed / 100}
    assert len(learner.asked) <= 7


def test_a_learner_that_does_not_fit_has_no_submodel():
    split = grokbench.task("modular", modulus=11, train_fraction=0.5).split(0)
    learner = Prefix(3)
    learner.begin(split.X_train, split.y_train, 11, None, None)
    at = checkpoint(split, np.zeros((len(split.y_train), 11)), learner=learner)
    assert math.isnan(measures["submodel_size"]().row(at)["submodel_size"])
    assert math.isnan(measures["submodel_size"]().row(checkpoint(split, np.eye(11)[split.y_train]))["submodel_size"])


def test_order_of_neurons_does_not_matter():
    split = grokbench.task("modular", modulus=11, train_fraction=0.5).split(0)
    sizes, lengths = [], []
    for order in (np.arange(40), np.random.default_rng(0).permutation(40)):
        learner = grokbench.learner("mlp", activation="quadratic", hidden=[40], dtype="float64")
        learner.begin(split.X_train, split.y_train, 11, split.alphabet, np.random.default_rng(0))
        learner.advance(100)
        with __import__("torch").no_grad():
            for tensor, axis in zip(learner._trained, (1, 0), strict=True):
                tensor.copy_(tensor.detach().clone().index_select(axis, __import__("torch").tensor(order)))
        at = checkpoint(split, learner.scores(split.X_train), learner=learner)
        sizes.append(measures["submodel_size"]().row(at)["submodel_size"])
        lengths.append(measures["code_length"]().row(at)["code_length"])
    assert sizes[0] == sizes[1] < 40
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-6)  # singular vectors up to sign and rounding
