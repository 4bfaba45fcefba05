"""What is measured at a checkpoint, from the scores alone, by one function for all families.

Symbols: scores s (n, C) float64, classes y (n,). A regression has scores (n, 1) and targets y (n,).
"""

from __future__ import annotations

import numpy as np

from grokbench.tasks.base import Split

#: What is measured at every checkpoint, for `list measures`; docs/definitions.md has the whole of it.
MEASURES = {
    "train_accuracy": "share of right answers on the training split; a tie counts as a guess among the tied",
    "test_accuracy": "the same on the held-out split",
    "train_loss": "the learner's declared loss on the training split; not comparable between families",
    "test_loss": "the same on the held-out split",
    "skill": "1 - cross-entropy of softmax(tau * scores) over that of the best constant, held out, tau calibrated",
    "rank_auc": "probability that the true class outranks another one, held out; moves before the accuracy can",
}
SCALE_EXAMPLES = 500  # examples of a half on which the scalar of `skill` is chosen: its error is ~1/n


@np.errstate(over="ignore", invalid="ignore")  # finite scores whose loss is not: a `Course` says "diverged"
def evaluate(train_scores: np.ndarray, test_scores: np.ndarray, split: Split, loss: str) -> dict[str, float]:
    """Accuracies, declared losses, skill and rank_auc: one row of the curve without its time."""
    tolerance = None if split.n_classes else split.tolerance
    return {
        "train_accuracy": accuracy(train_scores, split.y_train, tolerance),
        "test_accuracy": accuracy(test_scores, split.y_test, tolerance),
        "train_loss": declared_loss(train_scores, split.y_train, loss, split.n_classes),
        "test_loss": declared_loss(test_scores, split.y_test, loss, split.n_classes),
        "skill": skill(test_scores, split.y_test) if split.n_classes else regression_skill(test_scores, split.y_test),
        "rank_auc": rank_auc(test_scores, split.y_test) if split.n_classes else float("nan"),
    }


def accuracy(scores: np.ndarray, y: np.ndarray, tolerance: float | None = None) -> float:
    """Share of right answers; a tie for the highest score counts as a guess among the tied.

    Regression: share of squared errors below `tolerance`.
    """
    if tolerance is not None:
        return float(((scores[:, 0] - y) ** 2 < tolerance).mean())
    best = scores == scores.max(axis=1, keepdims=True)
    return float((best[np.arange(len(y)), y] / best.sum(axis=1)).mean())


def declared_loss(scores: np.ndarray, y: np.ndarray, loss: str, n_classes: int) -> float:
    """Mean over examples of the loss that the learner declares.

    "cross-entropy" of softmax(s) in nats; "mse" against the one-hot code, summed over classes;
    "hinge" max(0, 1 - (s_y - max of the other scores)) (Crammer & Singer 2001); "stablemax" the
    cross-entropy of p = g / sum g with g(s) = s + 1 for s >= 0 and 1 / (1 - s) below (arXiv 2501.04697).
    """
    if n_classes == 0:
        return float(((scores[:, 0] - y) ** 2).mean())
    rows = np.arange(len(y))
    if loss == "cross-entropy":
        return float(_cross_entropy(scores, y).mean())
    if loss == "mse":
        residual = scores.copy()  # not expanded into s^2 - 2 s_y + 1: near 0 that is rounding, even negative
        residual[rows, y] -= 1
        return float((residual**2).sum(axis=1).mean())
    if loss == "hinge":
        others = scores.copy()
        others[rows, y] = -np.inf
        return float(np.maximum(0, 1 - (scores[rows, y] - others.max(axis=1))).mean())
    if loss == "stablemax":
        return float(_cross_entropy(np.sign(scores) * np.log1p(np.abs(scores)), y).mean())  # log g, both branches
    raise ValueError(f'loss {loss!r}: expected "cross-entropy", "mse", "hinge" or "stablemax"')


def baseline_loss(split: Split, loss: str) -> float:
    """Held-out loss of the best constant scores: what a learner that ignores its input can reach."""
    if split.n_classes == 0:
        return float(split.y_test.var())
    shares = np.bincount(split.y_test, minlength=split.n_classes) / len(split.y_test)
    if loss in ("cross-entropy", "stablemax"):  # both reach every positive distribution
        return _entropy(split.y_test)
    if loss == "mse":
        return float(1 - (shares**2).sum())
    return float(min(1.0, 2 * (1 - shares.max())))  # hinge: no preference, or a margin of 1 for the majority


def rank_auc(scores: np.ndarray, y: np.ndarray) -> float:
    """Probability that the true class outranks another one, ties counting one half.

    Several classes: within each example, mean over examples. Two classes: ROC AUC of s_1 - s_0 over
    pairs of examples (within an example the probability would be the accuracy itself); NaN where one
    class is absent. It does not depend on a constant added to the scores of a class (two classes).
    """
    n_classes = scores.shape[1]
    if n_classes > 2:
        own = scores[np.arange(len(y)), y][:, None]
        wins = (scores < own).sum(axis=1) + 0.5 * ((scores == own).sum(axis=1) - 1)
        return float((wins / (n_classes - 1)).mean())
    from scipy.stats import rankdata

    positives = int(y.sum())
    pairs = positives * (len(y) - positives)
    if pairs == 0:
        return float("nan")
    ranks = rankdata(scores[:, 1] - scores[:, 0])
    return float((ranks[y == 1].sum() - positives * (positives + 1) / 2) / pairs)


def skill(scores: np.ndarray, y: np.ndarray) -> float:
    """1 - CE(softmax(tau·s)) / CE(best constant), tau >= 0 chosen on one half and evaluated on the other.

    Both ways are averaged; the halves alternate within each class. 0 knows nothing, 1 knows all, and
    confidence that is merely too high or too low does not count. tau is the minimizer of the
    cross-entropy of at most 500 examples plus one pseudo-example of uniformly drawn class, which keeps
    tau finite where a half has no error. NaN where all examples are of one class.
    """
    if not _entropy(y) > 0:
        return float("nan")
    first, second = halves(y, True)
    total = 0.0
    for chosen, scored in ((first, second), (second, first)):
        drawn = np.random.default_rng(0).permutation(chosen)[:SCALE_EXAMPLES]  # a stride could follow a table's order
        sample = np.sort(drawn)
        scaled = _scale(scores[sample], y[sample]) * scores[scored]
        total += float(_cross_entropy(scaled, y[scored]).sum())
    return 1 - total / len(y) / _entropy(y)


def regression_skill(scores: np.ndarray, y: np.ndarray) -> float:
    """1 - squared error of a·s over the variance of y, the factor a >= 0 chosen on the other half."""
    s, total = scores[:, 0], 0.0
    both = halves(y, False)
    for chosen, scored in (both, both[::-1]):
        power = float((s[chosen] ** 2).sum())
        factor = max(0.0, float(s[chosen] @ y[chosen]) / power) if power > 0 else 0.0
        total += float(((factor * s[scored] - y[scored]) ** 2).sum())
    return 1 - total / len(y) / float(y.var()) if y.var() > 0 else float("nan")


def halves(y: np.ndarray, classes: bool) -> tuple[np.ndarray, np.ndarray]:
    """Indices of two halves of a split, which alternate, of classes within each class."""
    if not classes:
        return np.arange(0, len(y), 2), np.arange(1, len(y), 2)
    _, first, which = np.unique(y, return_index=True, return_inverse=True)
    by_class = np.argsort(first[which], kind="stable")  # classes as they appear: their names do not matter
    return np.sort(by_class[0::2]), np.sort(by_class[1::2])


def _scale(scores: np.ndarray, y: np.ndarray, tolerance: float = 1e-6) -> float:
    """argmin over tau >= 0 of the smoothed cross-entropy: a root of its increasing derivative.

    Newton steps inside a bracket (the derivative's derivative is the variance of s under softmax).
    """
    n = len(y)
    centred = scores - scores.mean(axis=1, keepdims=True)
    peak = float(np.abs(centred).max())
    if not 1e-300 < peak < np.inf:
        return 0.0
    size = peak * float(np.sqrt(((centred / peak) ** 2).mean()))  # of any magnitude, without overflow
    s = centred / size
    target = float(s[np.arange(n), y].mean()) * n / (n + 1)  # the pseudo-example's mean score is 0

    def slope(tau: float) -> tuple[float, float]:
        p = np.exp(tau * s - (tau * s).max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        mean = (p * s).sum(axis=1)
        return float(mean.mean()) - target, float(((p * s**2).sum(axis=1) - mean**2).mean())

    if slope(0.0)[0] >= 0:
        return 0.0
    low, high, tau = 0.0, np.inf, 1.0
    for _ in range(100):
        value, curvature = slope(tau)
        low, high = (tau, high) if value < 0 else (low, tau)
        step = tau - value / curvature if curvature > 0 else np.inf
        inside = low < step < min(high, 10 * tau)
        proposal = step if inside else (0.5 * (low + high) if np.isfinite(high) else 10 * tau)
        if abs(proposal - tau) <= tolerance * tau or proposal > 1e12:
            break
        tau = proposal
    return tau / size


def _cross_entropy(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    top = scores.max(axis=1)
    return top - scores[np.arange(len(y)), y] + np.log(np.exp(scores - top[:, None]).sum(axis=1))


def _entropy(y: np.ndarray) -> float:
    shares = np.bincount(y) / len(y)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())
