"""What is measured at a checkpoint, from the scores alone, by one function for all families.

Symbols: scores s (n, C) float64, classes y (n,). A regression has scores (n, 1) and targets y (n,). Most of the work is
on the columns of S = s' (C, n) contiguous: sums over classes are then sums of whole rows, five times as fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

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


@dataclass(frozen=True, eq=False)
class Labels:
    """Classes y (n,) of C, and what follows from them alone."""

    y: np.ndarray
    n_classes: int

    @cached_property
    def own(self) -> np.ndarray:
        """(n,) places of the true classes in the flat (C, n) scores."""
        return self.y * len(self.y) + np.arange(len(self.y))

    @cached_property
    def entropy(self) -> float:
        """Nats of the shares of the classes: the cross-entropy of the best constant."""
        return _entropy(self.y)

    @cached_property
    def both_ways(self) -> list[tuple[np.ndarray, Labels, np.ndarray, Labels]]:
        """Where the scalar of `skill` is chosen and where it is evaluated, indices and labels, for either half."""
        first, second = halves(self.y, True)
        return [(*self._part(_drawn(a)), *self._part(b)) for a, b in ((first, second), (second, first))]

    def _part(self, indices: np.ndarray) -> tuple[np.ndarray, Labels]:
        return indices, Labels(self.y[indices], self.n_classes)


@dataclass(frozen=True, eq=False)
class Examination:
    """What a run is measured by at every checkpoint. What follows from the labels is computed once.

    Parameters
    ----------
    split : what is learned.
    loss : what the learner declares.
    """

    split: Split
    loss: str

    @cached_property
    def _labels(self) -> tuple[Labels, Labels]:
        return tuple(Labels(y, self.split.n_classes) for y in (self.split.y_train, self.split.y_test))

    @np.errstate(over="ignore", invalid="ignore")  # finite scores whose loss is not: a `Course` says "diverged"
    def row(self, train_scores: np.ndarray, test_scores: np.ndarray) -> dict[str, float]:
        """Accuracies, declared losses, skill and rank_auc: one row of the curve without its time."""
        if not self.split.n_classes:
            return self._regression(train_scores, test_scores)
        train, test = self._labels
        S_train, S_test = (np.ascontiguousarray(scores.T) for scores in (train_scores, test_scores))
        places = _places(S_test, test)
        return {
            "train_accuracy": _accuracy(*_places(S_train, train), self.split.n_classes),
            "test_accuracy": _accuracy(*places, self.split.n_classes),
            "train_loss": _loss(S_train, train, self.loss),
            "test_loss": _loss(S_test, test, self.loss),
            "skill": _skill(S_test, test),
            "rank_auc": _rank_auc(*places, self.split.n_classes) if self.split.n_classes > 2 else _auc(S_test, test),
        }

    def _regression(self, train_scores: np.ndarray, test_scores: np.ndarray) -> dict[str, float]:
        split = self.split
        return {
            "train_accuracy": accuracy(train_scores, split.y_train, split.tolerance),
            "test_accuracy": accuracy(test_scores, split.y_test, split.tolerance),
            "train_loss": declared_loss(train_scores, split.y_train, self.loss, 0),
            "test_loss": declared_loss(test_scores, split.y_test, self.loss, 0),
            "skill": regression_skill(test_scores, split.y_test),
            "rank_auc": float("nan"),
        }


def evaluate(train_scores: np.ndarray, test_scores: np.ndarray, split: Split, loss: str) -> dict[str, float]:
    """`Examination.row` of one checkpoint."""
    return Examination(split, loss).row(train_scores, test_scores)


def accuracy(scores: np.ndarray, y: np.ndarray, tolerance: float | None = None) -> float:
    """Share of right answers; a tie for the highest score counts as a guess among the tied.

    Regression: share of squared errors below `tolerance`.
    """
    if tolerance is not None:
        return float(((scores[:, 0] - y) ** 2 < tolerance).mean())
    n_classes = scores.shape[1]
    return _accuracy(*_places(np.ascontiguousarray(scores.T), Labels(y, n_classes)), n_classes)


def declared_loss(scores: np.ndarray, y: np.ndarray, loss: str, n_classes: int) -> float:
    """Mean over examples of the loss that the learner declares.

    "cross-entropy" of softmax(s) in nats; "mse" against the one-hot code, summed over classes;
    "hinge" max(0, 1 - (s_y - max of the other scores)) (Crammer & Singer 2001); "stablemax" the
    cross-entropy of p = g / sum g with g(s) = s + 1 for s >= 0 and 1 / (1 - s) below (arXiv 2501.04697).
    """
    if n_classes == 0:
        return float(((scores[:, 0] - y) ** 2).mean())
    return _loss(np.ascontiguousarray(scores.T), Labels(y, n_classes), loss)


def _loss(S: np.ndarray, labels: Labels, loss: str) -> float:
    if loss == "cross-entropy":
        return float(_cross_entropy(S, labels).mean())
    if loss == "mse":
        residual = S.copy()  # not expanded into s^2 - 2 s_y + 1: near 0 that is rounding, even negative
        residual.flat[labels.own] -= 1
        return float(np.vdot(residual, residual)) / len(labels.y)
    if loss == "hinge":
        others = S.copy()
        others.flat[labels.own] = -np.inf
        return float(np.maximum(0, 1 - (S.take(labels.own) - others.max(axis=0))).mean())
    if loss == "stablemax":
        return float(_cross_entropy(np.sign(S) * np.log1p(np.abs(S)), labels).mean())  # log g, both branches
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


def _places(S: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
    """(n,) how many classes the true one outranks, and how many have its score, itself among them."""
    own = S.take(labels.own)
    count = np.uint8 if len(S) < 256 else np.intp  # bytes are added without a conversion
    return tuple(np.add.reduce(part.view(np.uint8), axis=0, dtype=count) for part in (own > S, own == S))


def _accuracy(below: np.ndarray, equal: np.ndarray, n_classes: int) -> float:
    right = below + equal == n_classes
    return float((1 / equal[right]).sum()) / len(equal)


def rank_auc(scores: np.ndarray, y: np.ndarray) -> float:
    """Probability that the true class outranks another one, ties counting one half.

    Several classes: within each example, mean over examples. Two classes: ROC AUC of s_1 - s_0 over
    pairs of examples (within an example the probability would be the accuracy itself); NaN where one
    class is absent. It does not depend on a constant added to the scores of a class (two classes).
    """
    S, labels = np.ascontiguousarray(scores.T), Labels(y, scores.shape[1])
    return _rank_auc(*_places(S, labels), len(S)) if len(S) > 2 else _auc(S, labels)


def _rank_auc(below: np.ndarray, equal: np.ndarray, n_classes: int) -> float:
    wins = below.sum() + 0.5 * (equal.sum() - len(equal))
    return float(wins) / len(equal) / (n_classes - 1)


def _auc(S: np.ndarray, labels: Labels) -> float:
    margin = S[1] - S[0]
    negatives, positives = np.sort(margin[labels.y == 0]), np.sort(margin[labels.y == 1])
    if not len(negatives) or not len(positives):
        return float("nan")
    wins = sum(int(negatives.searchsorted(positives, side).sum()) for side in ("left", "right"))
    return wins / 2 / (len(negatives) * len(positives))


def skill(scores: np.ndarray, y: np.ndarray) -> float:
    """1 - CE(softmax(tau·s)) / CE(best constant), tau >= 0 chosen on one half and evaluated on the other.

    Both ways are averaged; the halves alternate within each class. 0 knows nothing, 1 knows all, and
    confidence that is merely too high or too low does not count. tau is the minimizer of the
    cross-entropy of at most 500 examples plus one pseudo-example of uniformly drawn class, which keeps
    tau finite where a half has no error. NaN where all examples are of one class.
    """
    return _skill(np.ascontiguousarray(scores.T), Labels(y, scores.shape[1]))


def _skill(S: np.ndarray, labels: Labels) -> float:
    if not labels.entropy > 0:
        return float("nan")
    total = 0.0
    for sample, sampled, scored, remaining in labels.both_ways:
        scaled = S.take(scored, axis=1)  # in C order, which S[:, scored] is not
        scaled *= _scale(S.take(sample, axis=1), sampled)
        total += float(_cross_entropy(scaled, remaining).sum())
    return 1 - total / len(labels.y) / labels.entropy


def regression_skill(scores: np.ndarray, y: np.ndarray) -> float:
    """1 - squared error of a·s over the variance of y, the factor a >= 0 chosen on the other half."""
    s, total = scores[:, 0], 0.0
    parts = halves(y, False)
    for chosen, scored in (parts, parts[::-1]):
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


def _drawn(half: np.ndarray) -> np.ndarray:
    """At most 500 of a half, increasing; drawn, because a stride could follow a table's order."""
    return np.sort(np.random.default_rng(0).permutation(half)[:SCALE_EXAMPLES])


def _scale(S: np.ndarray, labels: Labels, tolerance: float = 1e-6) -> float:
    """argmin over tau >= 0 of the smoothed cross-entropy: a root of its increasing derivative.

    Newton steps inside a bracket (the derivative's derivative is the variance of s under softmax).
    """
    n = len(labels.y)
    s = S - S.mean(axis=0)
    peak = float(max(s.max(), -s.min()))
    if not 1e-300 < peak < np.inf:
        return 0.0
    s /= peak
    root = float(np.sqrt(np.vdot(s, s) / s.size))  # of any magnitude, without overflow
    s /= root
    target = float(s.take(labels.own).mean()) * n / (n + 1)  # the pseudo-example's mean score is 0
    if target <= 0:  # minus the derivative at 0
        return 0.0
    top = s.max(axis=0)
    s -= top  # so that no exponential overflows
    target -= float(top.mean())
    p = np.empty_like(s)

    def slope(tau: float) -> tuple[float, float]:
        np.exp(np.multiply(s, tau, out=p), out=p)
        inverse = 1 / np.add.reduce(p)
        mean = np.add.reduce(np.multiply(p, s, out=p))
        mean *= inverse
        second = np.add.reduce(np.multiply(p, s, out=p)) @ inverse
        return float(mean.sum()) / n - target, float(second - mean @ mean) / n

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
    return tau / (peak * root)


def _cross_entropy(S: np.ndarray, labels: Labels) -> np.ndarray:
    top = S.max(axis=0)
    shifted = S - top
    np.exp(shifted, out=shifted)
    return top - S.take(labels.own) + np.log(shifted.sum(axis=0))


def _entropy(y: np.ndarray) -> float:
    shares = np.bincount(y) / len(y)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())
