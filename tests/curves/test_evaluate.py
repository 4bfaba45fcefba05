"""What is measured at a checkpoint, against torch, scikit-learn, scipy and brute force."""

import math
from itertools import pairwise

import numpy as np
import pytest
import support_evaluate
from hypothesis import given, settings
from hypothesis import strategies as st

from grokbench.curves.evaluate import (
    Examination,
    accuracy,
    baseline_loss,
    declared_loss,
    evaluate,
    rank_auc,
    regression_skill,
    skill,
)
from grokbench.tasks.base import Split


def sample(seed, n=60, n_classes=5, ties=False, signal=1.0):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_classes), rng.integers(n_classes, size=n - n_classes)])  # every class occurs
    scores = rng.normal(size=(n, n_classes)) + signal * np.eye(n_classes)[y]
    return (np.round(scores) if ties else scores), y


def a_split(n_classes=5, n_train=40, n_test=60, seed=0, **given):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_train + n_test, 2))
    y = rng.integers(n_classes, size=n_train + n_test) if n_classes else X[:, 0]
    return Split(X[:n_train], y[:n_train], X[n_train:], y[n_train:], n_classes=n_classes, **given)


# --- The whole row ----------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["cross-entropy", "mse", "hinge", "stablemax"])
@pytest.mark.parametrize("n_classes", [2, 3, 31, 300])
@pytest.mark.parametrize("signal", [-1.0, 0.3, 5.0])
@pytest.mark.parametrize("ties", [True, False])
def test_a_row_is_that_of_the_definitions_example_by_example(loss, n_classes, signal, ties):
    """Twice with one examination, which keeps what follows from the labels."""
    split = a_split(n_classes, n_train=2 * n_classes, n_test=1200)  # halves of more than 500: a part of them is drawn
    examination = Examination(split, loss)
    for seed in (0, 1):
        rng = np.random.default_rng(seed)
        scores = [rng.normal(size=(len(y), n_classes)) + signal * np.eye(n_classes)[y]
                  for y in (split.y_train, split.y_test)]  # fmt: skip
        scores = [np.round(s) if ties else s for s in scores]
        expected = support_evaluate.evaluate(*scores, split, loss)
        # sums in another order: to 1e-12; tau amplifies that by the curvature, which is not small
        assert examination.row(*scores) == pytest.approx(expected, rel=1e-11, abs=1e-12)


def test_a_row_of_a_regression():
    split = a_split(0, tolerance=0.1)
    train, test = split.y_train[:, None] + 0.2, 0.5 * split.y_test[:, None]
    row = Examination(split, "mse").row(train, test)
    assert row["train_accuracy"] == accuracy(train, split.y_train, 0.1) == 1
    assert row["test_loss"] == declared_loss(test, split.y_test, "mse", 0)
    assert row["skill"] == regression_skill(test, split.y_test)
    assert math.isnan(row["rank_auc"])


# --- Accuracy ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3, 31])
def test_accuracy_without_ties_is_that_of_scikit_learn(n_classes):
    from sklearn.metrics import accuracy_score

    scores, y = sample(0, 200, n_classes)
    assert accuracy(scores, y) == pytest.approx(accuracy_score(y, scores.argmax(axis=1)), abs=1e-15)


def test_a_tie_counts_as_a_guess_among_the_tied():
    scores = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [2.0, 2.0, 2.0], [0.0, 0.0, 1.0]])
    assert accuracy(scores, np.array([0, 2, 1, 2])) == pytest.approx((1 / 2 + 0 + 1 / 3 + 1) / 4)


@given(st.integers(0, 1000), st.integers(2, 6))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_accuracy_with_ties_is_the_mean_of_random_tie_breaking(seed, n_classes):
    scores, y = sample(seed, 30, n_classes, ties=True)
    expected = [(y[i] in best) / len(best) for i, s in enumerate(scores) for best in [np.flatnonzero(s == s.max())]]
    assert accuracy(scores, y) == pytest.approx(np.mean(expected), abs=1e-14)


def test_constant_scores_do_not_beat_chance():
    split = a_split()
    for constant in (np.zeros(5), np.array([1.0, 1, 0, 0, 0]), *np.eye(5)):
        assert accuracy(np.tile(constant, (60, 1)), split.y_test) <= split.chance
    best = np.bincount(split.y_test).argmax()
    assert accuracy(np.tile(np.eye(5)[best], (60, 1)), split.y_test) == split.chance


def test_accuracy_of_a_regression_is_the_share_of_small_errors():
    scores = np.array([[0.0], [1.0], [2.0], [3.0]])
    assert accuracy(scores, np.array([0.05, 1.2, 2.0, 2.5]), tolerance=0.01) == 0.5


def test_constants_of_a_regression_do_not_beat_chance():
    split = a_split(0, tolerance=0.09)
    accuracies = [accuracy(np.full((60, 1), c), split.y_test, 0.09) for c in np.linspace(-3, 3, 20_001)]
    assert max(accuracies) == split.chance  # the grid is finer than any gap that matters at 60 examples


# --- Losses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("n_classes", [2, 3, 31])
def test_losses_are_those_of_torch(n_classes, scale):
    import torch
    from torch.nn import functional

    scores, y = sample(1, 100, n_classes)
    scores = scale * scores + 10
    s, t = torch.tensor(scores), torch.tensor(y)
    entropy = functional.cross_entropy(s, t).item()
    squares = functional.mse_loss(s, functional.one_hot(t, n_classes).double(), reduction="none").sum(1).mean().item()
    assert declared_loss(scores, y, "cross-entropy", n_classes) == pytest.approx(entropy, rel=1e-12)
    assert declared_loss(scores, y, "mse", n_classes) == pytest.approx(squares, rel=1e-12)


def test_losses_are_those_of_scikit_learn():
    from scipy.special import softmax
    from sklearn.metrics import hinge_loss, log_loss

    for n_classes in (3, 10):
        scores, y = sample(2, 100, n_classes)
        probabilities = softmax(scores, axis=1)
        assert declared_loss(scores, y, "cross-entropy", n_classes) == pytest.approx(log_loss(y, probabilities))
        expected = hinge_loss(y, scores, labels=np.arange(n_classes))  # Crammer and Singer
        assert declared_loss(scores, y, "hinge", n_classes) == pytest.approx(expected, rel=1e-12)
    scores, y = sample(2, 100, 2)
    expected = hinge_loss(2 * y - 1, scores[:, 1] - scores[:, 0])
    assert declared_loss(scores, y, "hinge", 2) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("n_classes", [2, 3, 31])
def test_stablemax_is_the_paper_s_formula(n_classes, scale):
    """p = g / sum g, g(s) = s + 1 above 0 and 1 / (1 - s) below (arXiv 2501.04697), one number at a time."""
    scores, y = sample(1, 100, n_classes)
    scores = scale * scores
    scores[0, 0], scores[1] = 1.0, 0.0  # the pole of the other branch, and the border
    g = [[s + 1 if s >= 0 else 1 / (1 - s) for s in row] for row in scores.tolist()]
    expected = np.mean([-math.log(row[c] / sum(row)) for row, c in zip(g, y, strict=True)])
    assert declared_loss(scores, y, "stablemax", n_classes) == pytest.approx(expected, rel=1e-12)


def test_the_losses_of_training_are_those_of_the_harness():
    import torch

    from grokbench.learners.neural.losses import objective

    scores, y = sample(4, 100, 5)
    for loss in ("cross-entropy", "mse", "hinge", "stablemax"):
        targets = np.eye(5)[y] if loss == "mse" else y
        trained = float(objective(torch.tensor(3 * scores), torch.tensor(targets), loss))
        assert declared_loss(3 * scores, y, loss, 5) == pytest.approx(trained, rel=1e-12)


def test_the_loss_of_a_regression_is_the_squared_error_whatever_is_declared():
    scores, y = np.array([[1.0], [3.0]]), np.array([0.0, 1.0])
    assert {declared_loss(scores, y, loss, 0) for loss in ("mse", "cross-entropy", "hinge")} == {2.5}


def test_the_squared_error_of_an_interpolator_is_not_rounding():
    scores, y = np.eye(3) + 1e-9, np.arange(3)
    assert declared_loss(scores, y, "mse", 3) == pytest.approx(
        3e-18, rel=1e-6
    )  # 1 + 1e-9 is stored to 1e-7 of the 1e-9
    assert declared_loss(np.eye(3) * (1 - 1e-9), y, "mse", 3) >= 0


def test_cross_entropy_does_not_lose_itself_in_a_common_offset():
    scores, y = sample(3)
    assert declared_loss(scores + 1e6, y, "cross-entropy", 5) == pytest.approx(
        declared_loss(scores, y, "cross-entropy", 5),
        rel=1e-9,  # a score near 1e6 is stored to 1e-10
    )


def test_an_unknown_loss_is_an_error():
    with pytest.raises(ValueError, match="cross-entropy"):
        declared_loss(*sample(0), "log", 5)


def best_constant_hinge(shares):
    """min over constant scores s of sum_c share_c max(0, 1 - (s_c - max of the others)), a linear program."""
    from scipy.optimize import linprog

    C = len(shares)
    rows = []  # s_c' - s_c - xi_c <= -1
    for c in range(C):
        for other in set(range(C)) - {c}:
            row = np.zeros(2 * C)
            row[other], row[c], row[C + c] = 1, -1, -1
            rows.append(row)
    bounds = [(None, None)] * C + [(0, None)] * C
    return linprog(np.r_[np.zeros(C), shares], np.array(rows), -np.ones(len(rows)), bounds=bounds).fun


@pytest.mark.parametrize("counts", [(5, 5), (9, 1), (3, 4, 5), (8, 1, 1), (6, 6, 0), (50, 1, 20, 29)])
def test_baselines_are_the_best_constants(counts):
    from scipy.optimize import minimize

    y, n_classes = np.repeat(np.arange(len(counts)), counts), len(counts)
    X = np.zeros((len(y), 1))
    split = Split(X, y, X, y, n_classes=n_classes)
    for loss, tolerance in (("cross-entropy", 1e-5), ("mse", 1e-8), ("stablemax", 2e-3)):  # an absent class wants -inf
        best = minimize(lambda s, loss=loss: declared_loss(np.tile(s, (len(y), 1)), y, loss, n_classes),
                         np.zeros(n_classes), tol=1e-10)  # fmt: skip
        assert baseline_loss(split, loss) == pytest.approx(best.fun, abs=tolerance)
    shares = np.array(counts) / sum(counts)
    assert baseline_loss(split, "hinge") == pytest.approx(best_constant_hinge(shares), abs=1e-9)


def test_the_baseline_of_a_regression_is_the_variance():
    split = a_split(0, tolerance=0.1)
    constant = np.full((60, 1), split.y_test.mean())
    assert baseline_loss(split, "mse") == pytest.approx(declared_loss(constant, split.y_test, "mse", 0), rel=1e-12)


# --- Ranking ----------------------------------------------------------------------------------------


@given(st.integers(0, 1000), st.booleans(), st.integers(0, 20))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_rank_auc_of_two_classes_is_that_of_scikit_learn(seed, ties, positives):
    from sklearn.metrics import roc_auc_score

    scores, _ = sample(seed, 40, 2, ties)
    y = np.random.default_rng(seed).permutation(np.arange(40) < positives + 1).astype(int)
    expected = roc_auc_score(y, scores[:, 1] - scores[:, 0])
    assert rank_auc(scores, y) == pytest.approx(expected, abs=1e-12)
    assert rank_auc(scores + np.array([0.0, 100.0]), y) == pytest.approx(expected, abs=1e-12)  # no offset matters


@given(st.integers(0, 1000), st.integers(3, 7), st.booleans())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_rank_auc_of_several_classes_by_brute_force(seed, n_classes, ties):
    scores, y = sample(seed, 25, n_classes, ties)
    wins = [
        (scores[i, y[i]] > scores[i, c]) + 0.5 * (scores[i, y[i]] == scores[i, c])
        for i in range(len(y))
        for c in range(n_classes)
        if c != y[i]
    ]
    assert rank_auc(scores, y) == pytest.approx(np.mean(wins), abs=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3, 31])
def test_rank_auc_at_its_ends(n_classes):
    y = np.arange(93) % n_classes
    right = np.eye(n_classes)[y]
    assert rank_auc(right, y) == 1
    assert rank_auc(-right, y) == 0
    assert rank_auc(np.zeros_like(right), y) == 0.5


def test_rank_auc_of_one_class_of_two_is_undefined():
    assert math.isnan(rank_auc(np.random.default_rng(0).normal(size=(9, 2)), np.ones(9, dtype=int)))


# --- Skill ------------------------------------------------------------------------------------------


def slow_skill(scores, y):
    """The definition, with scipy's minimizer over log tau; halves alternate within classes as they appear."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    order = sorted(range(len(y)), key=lambda i: list(y).index(y[i]))
    total = 0.0
    for chosen, judged in ((order[0::2], order[1::2]), (order[1::2], order[0::2])):
        s, t = scores[chosen], y[chosen]

        def objective(log_tau, s=s, t=t):
            log_p = log_softmax(np.exp(log_tau) * s, axis=1)
            own = log_p[np.arange(len(t)), t]
            return -(own.sum() + log_p.mean())  # and one pseudo-example of uniform class, spread over all inputs

        best = minimize_scalar(objective, bounds=(-15, 15), method="bounded", options={"xatol": 1e-9})
        tau = np.exp(best.x) if best.fun < objective(-np.inf) - 1e-12 else 0.0
        total -= log_softmax(tau * scores[judged], axis=1)[np.arange(len(judged)), y[judged]].sum()
    shares = np.bincount(y) / len(y)
    return 1 - total / len(y) / -sum(p * math.log(p) for p in shares if p > 0)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("signal", [-1.0, 0.0, 0.3, 1.0, 5.0, 30.0])
def test_skill_is_the_definition(n_classes, signal):
    scores, y = sample(n_classes, 101, n_classes, signal=signal)
    # scipy finds the minimum to about 1e-7 in log tau, and the other half is not at its minimum: first order
    assert skill(scores, y) == pytest.approx(slow_skill(scores, y), abs=3e-6)


@given(st.integers(0, 1000), st.sampled_from([1e-250, 1e-12, 1e-3, 7.0, 1e6, 1e200]))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_skill_does_not_depend_on_confidence(seed, scale):
    scores, y = sample(seed, 80, 4)
    assert skill(scale * scores, y) == pytest.approx(skill(scores, y), abs=1e-5)  # tau is found to 1e-6


@given(st.integers(0, 1000))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_skill_depends_on_no_name_of_a_class_and_no_offset_of_an_example(seed):
    scores, y = sample(seed, 81, 5)
    names = np.random.default_rng(seed).permutation(5)
    offsets = np.random.default_rng(seed).normal(size=(81, 1))
    assert skill(scores[:, np.argsort(names)], names[y]) == pytest.approx(skill(scores, y), abs=1e-5)
    assert skill(scores + offsets, y) == pytest.approx(skill(scores, y), abs=1e-5)


@pytest.mark.parametrize("n_classes", [2, 31])
def test_skill_of_random_scores_is_about_zero(n_classes):
    y = np.arange(2000) % n_classes
    skills = [skill(np.random.default_rng(seed).normal(size=(2000, n_classes)), y) for seed in range(10)]
    assert np.abs(skills).max() < 0.01  # chi-squared over 2 n H: .001 for the noise of tau


def test_skill_of_perfect_scores_is_about_one_whatever_their_margin():
    y = np.arange(400) % 4
    assert skill(np.eye(4)[y], y) > 0.98  # one pseudo-error among 200 costs 2 % of log 4 at most
    assert skill(1e-3 * np.eye(4)[y], y) > 0.98


def test_skill_of_wrong_scores_is_zero_and_not_negative():
    y = np.arange(400) % 4
    assert skill(-np.eye(4)[y], y) == pytest.approx(0, abs=1e-12)  # tau >= 0: the uniform answer
    assert skill(np.zeros((400, 4)), y) == pytest.approx(0, abs=1e-12)


def test_one_confident_error_does_not_make_an_expert_ignorant():
    y = np.arange(1000) % 4
    scores = np.eye(4)[y]
    scores[7] = np.roll(scores[7], 1)
    assert declared_loss(1e4 * scores, y, "cross-entropy", 4) > 5  # the raw loss is above the baseline, log 4
    assert skill(1e4 * scores, y) > 0.95


def test_tau_from_a_part_of_a_large_half_is_close():
    scores, y = sample(0, 6000, 4)
    assert skill(scores, y) == pytest.approx(slow_skill_of_all(scores, y), abs=0.005)


def slow_skill_of_all(scores, y):
    """With tau the best of all examples: what both halves estimate."""
    from scipy.optimize import minimize_scalar

    best = minimize_scalar(lambda tau: declared_loss(tau * scores, y, "cross-entropy", 4), bounds=(0, 9)).fun
    return 1 - best / math.log(4)  # balanced to a percent


@pytest.mark.parametrize("y", [[0], [0, 0, 0], [1, 1]])
def test_skill_of_one_class_is_undefined(y):
    assert math.isnan(skill(np.arange(3.0 * len(y)).reshape(-1, 3), np.array(y)))


def test_skill_of_two_examples():
    assert np.isfinite(skill(np.eye(2), np.array([0, 1])))


def test_regression_skill_by_least_squares():
    rng = np.random.default_rng(0)
    y = rng.normal(size=101)
    s = 0.3 * y + 0.1 * rng.normal(size=101)
    total = 0.0
    for chosen, judged in ((slice(0, None, 2), slice(1, None, 2)), (slice(1, None, 2), slice(0, None, 2))):
        factor = np.linalg.lstsq(s[chosen, None], y[chosen])[0][0]
        total += ((factor * s[judged] - y[judged]) ** 2).sum()
    assert regression_skill(s[:, None], y) == pytest.approx(1 - total / 101 / y.var(), rel=1e-12)
    assert regression_skill(1e-9 * s[:, None], y) == pytest.approx(regression_skill(s[:, None], y), rel=1e-9)


def test_regression_skill_at_its_ends():
    y = np.random.default_rng(1).normal(size=200)
    y -= y.mean()
    assert regression_skill(5 * y[:, None], y) == pytest.approx(1, abs=1e-12)
    assert regression_skill(-y[:, None], y) == pytest.approx(0, abs=1e-12)  # factor >= 0
    assert regression_skill(0 * y[:, None], y) == pytest.approx(0, abs=1e-12)
    assert math.isnan(regression_skill(y[:, None], np.ones(200)))
    assert math.isnan(regression_skill(np.ones((1, 1)), np.ones(1)))


# --- The row ----------------------------------------------------------------------------------------


def test_evaluate_puts_the_pieces_together():
    split = a_split()
    train, test = (np.random.default_rng(s).normal(size=(n, 5)) for s, n in ((0, 40), (1, 60)))
    assert evaluate(train, test, split, "hinge") == {
        "train_accuracy": accuracy(train, split.y_train),
        "test_accuracy": accuracy(test, split.y_test),
        "train_loss": declared_loss(train, split.y_train, "hinge", 5),
        "test_loss": declared_loss(test, split.y_test, "hinge", 5),
        "skill": skill(test, split.y_test),
        "rank_auc": rank_auc(test, split.y_test),
    }


def test_evaluate_of_a_regression():
    split = a_split(0, tolerance=0.01)
    row = evaluate(split.y_train[:, None] + 0.05, split.y_test[:, None] + 0.2, split, "mse")
    assert (row["train_accuracy"], row["test_accuracy"]) == (1, 0)
    assert row["test_loss"] == pytest.approx(0.04)
    assert row["skill"] > 0.9
    assert math.isnan(row["rank_auc"])


def test_a_tolerance_means_nothing_to_classes():
    split = a_split(tolerance=0.5)
    scores = np.eye(5)[split.y_test]
    assert evaluate(np.eye(5)[split.y_train], scores, split, "mse")["test_accuracy"] == 1


@pytest.mark.parametrize("loss", ["cross-entropy", "mse", "hinge"])
def test_finite_scores_of_any_size_give_a_row_without_warnings(loss):
    """Warnings are errors here; an infinite loss is the row's way to say that the learner diverged."""
    for magnitude in (1e-320, 1e-200, 1e200, 1.7e308):
        split = a_split()
        scores = magnitude * np.random.default_rng(0).choice([-1.0, 0.0, 1.0], size=(60, 5))
        row = evaluate(scores[:40], scores, split, loss)
        assert 0 <= row["test_accuracy"] <= 1
        assert not math.isnan(row["test_loss"])
        assert 0 <= row["rank_auc"] <= 1


def test_more_signal_is_more_of_everything():
    rows = [sample(0, 300, 4, signal=signal) for signal in (0.0, 0.5, 1.0, 2.0, 4.0)]
    for measure in (accuracy, skill, rank_auc):
        assert all(a < b for a, b in pairwise(measure(*row) for row in rows))
