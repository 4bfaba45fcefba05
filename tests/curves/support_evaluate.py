"""What is measured at a checkpoint, spelled out example by example: the oracle of `grokbench.curves.evaluate`."""

import numpy as np

from grokbench.curves.evaluate import SCALE_EXAMPLES, halves


@np.errstate(over="ignore", invalid="ignore")  # finite scores whose loss is not: a `Course` says "diverged"
def evaluate(train_scores, test_scores, split, loss):
    """Accuracies, declared losses, skill and rank_auc: one row of the curve without its time."""
    return {
        "train_accuracy": accuracy(train_scores, split.y_train),
        "test_accuracy": accuracy(test_scores, split.y_test),
        "train_loss": declared_loss(train_scores, split.y_train, loss, split.n_classes),
        "test_loss": declared_loss(test_scores, split.y_test, loss, split.n_classes),
        "skill": skill(test_scores, split.y_test),
        "rank_auc": rank_auc(test_scores, split.y_test),
    }


def accuracy(scores, y):
    """Share of right answers; a tie for the highest score counts as a guess among the tied."""
    best = scores == scores.max(axis=1, keepdims=True)
    return float((best[np.arange(len(y)), y] / best.sum(axis=1)).mean())


def declared_loss(scores, y, loss, n_classes):
    """Mean over examples of the loss that the learner declares.

    "cross-entropy" of softmax(s) in nats; "mse" against the one-hot code, summed over classes;
    "hinge" max(0, 1 - (s_y - max of the other scores)) (Crammer & Singer 2001); "stablemax" the
    cross-entropy of p = g / sum g with g(s) = s + 1 for s >= 0 and 1 / (1 - s) below (arXiv 2501.04697).
    """
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


def rank_auc(scores, y):
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


def skill(scores, y):
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
        drawn = np.random.default_rng(0).permutation(chosen)[:SCALE_EXAMPLES]
        sample = np.sort(drawn)
        scaled = _scale(scores[sample], y[sample]) * scores[scored]
        total += float(_cross_entropy(scaled, y[scored]).sum())
    return 1 - total / len(y) / _entropy(y)


def _scale(scores, y, tolerance=1e-6):
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

    def slope(tau):
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


def _cross_entropy(scores, y):
    top = scores.max(axis=1)
    return top - scores[np.arange(len(y)), y] + np.log(np.exp(scores - top[:, None]).sum(axis=1))


def _entropy(y):
    shares = np.bincount(y) / len(y)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())
