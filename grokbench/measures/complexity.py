"""Measures of how much a learner carries: of the labels by the kernel, of redrawn labels by the scores, of capacity."""

from __future__ import annotations

import math

import numpy as np

from grokbench.curves.checkpoint import Checkpoint
from grokbench.curves.evaluate import accuracy
from grokbench.measures import probe
from grokbench.measures.base import Measure
from grokbench.registry import register_measure
from grokbench.tasks.base import Split

FIT = 0.98  # share of the training labels that counts as fitted
GHOSTS = 20  # draws of labels that were never shown
STRIDE = 8  # kernel directions that are taken away at once where none of them can matter


@register_measure("label_fit_rank")
class LabelFitRank(Measure):
    """Number of leading kernel directions that carry .98 of the training labels (k98).

    U: eigenvectors of the training block by falling eigenvalue, Y the one-hot labels, centred. k98 is the smallest k
    such that for all k' >= k the projection U_k' U_k'^T Y has its own class strictly highest for .98 of the training
    points (at most 1500). To be read relative to the random-label twin at the same time. Not on trees, whose leaves are
    pure. Of a regression: the squared error of the projection is below the tolerance.

    Source: kernel PCA's relevant dimensions (Braun, Buhmann & Mueller 2008, JMLR 9). Null: at most C - 1 for the kernel
    of the labels themselves, .98 n for the identity. Cost: the kernel, one eigendecomposition, and n^2 C.
    """

    def look(self, at: Checkpoint):
        """k98."""
        spectrum, split = at.once(probe.spectrum), at.split
        if spectrum is None:
            return None
        y = split.y_train[at.once_a_run(probe.whole).train]
        Y = probe.targets(y, split.n_classes)
        return label_fit_rank(spectrum.vectors, Y - Y.mean(axis=0), split.tolerance if split.n_classes == 0 else None)


@register_measure("memorized_bits")
class MemorizedBits(Measure):
    """Bits that the predictions carry of each redrawn training label: a lower bound on any description of them.

    For tasks with `label_noise`: of the training points whose label was redrawn uniformly over the C classes, e is the
    share whose shown label is not the predicted class. By Fano's inequality the predictions carry at least

        B(e) = log2 C - h2(e) - e log2(C - 1)

    bits of each of them, h2 the binary entropy; 0 at chance, e = 1 - 1/C. From it goes the mean of the same over 20
    draws of as many held-out points with labels redrawn alike and never shown (ghosts), which is the bias of few
    points. memorized_share: of the redrawn points with shown label != true label, the share predicted as shown;
    reverted_share: predicted as the true label. Interpolators (RFM without ridge) carry all by construction.

    Source: Fano 1961 (Cover & Thomas, section 2.10). Null: 0 where redrawn labels are not learned. Cost: none.
    """

    columns = ("memorized_bits", "memorized_share", "reverted_share")

    def look(self, at: Checkpoint):
        """Bits per redrawn label, shares kept and reverted."""
        split = at.split
        if split.n_classes < 2 or len(split.redrawn) == 0:
            return None
        answers = at.train_scores[split.redrawn].argmax(axis=1)
        shown, true = split.y_train[split.redrawn], split.y_true[split.redrawn]
        points, labels = at.once_a_run(ghosts)
        never_shown = at.test_scores.argmax(axis=1)[points] != labels  # (draws, points)
        bias = np.mean([fano_bits(e, split.n_classes) for e in never_shown.mean(axis=1)])
        other = shown != true  # where none is, the shares are undefined
        shares = [float((answers == labels)[other].mean()) if other.any() else math.nan for labels in (shown, true)]
        return (fano_bits(float((answers != shown).mean()), split.n_classes) - float(bias), *shares)


@register_measure("submodel_size")
class SubmodelSize(Measure):
    """Smallest part of the learner that still fits .98 of the training labels (sub-model capacity).

    The learner orders its own parts by weight (neurons, eigendirections of M, trees ...) and describes itself with the
    first k of them; the size is a k at which the scores from that description fit .98 of the training labels and with
    k - 1 they do not, found by bisection. submodel_share is k over the number of parts. Undefined while not even the
    whole fits. To be read relative to the random-label twin.

    Source: pruning as a description (Nanda et al. 2301.05217 ablate frequencies alike). Null: grows with the number of
    random labels that are memorized. Cost: about 8 forward passes over the training split.
    """

    columns = ("submodel_size", "submodel_share")

    def look(self, at: Checkpoint):
        """Parts needed, and their share."""
        parts = at.learner.parts()
        if not parts or not fits(at.train_scores, at.split):
            return None
        low, high = 0, parts  # high fits, low does not
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if still_fits(at, at.learner.leading(middle)) else (middle, high)
        return float(high), high / parts


def label_fit_rank(vectors: np.ndarray, Y: np.ndarray, tolerance: float | None = None) -> int:
    """k98 of eigenvectors (n, n), in columns by falling eigenvalue, and targets Y (n, C).

    Goes down from k = n, where the projection is Y itself, to the first k that does not fit. Directions go one by one
    only where they could change the answer: else, a stride of them at once.
    """
    n, coordinates, projection = len(Y), vectors.T @ Y, Y.copy()
    least, reach = math.ceil(FIT * n - 1e-9), np.abs(coordinates).max(axis=1)
    if tolerance is None:  # a margin between two classes moves by the difference of two entries
        reach = coordinates.max(axis=1) - coordinates.min(axis=1)
    for end in range(n, 0, -STRIDE):
        stride = slice(max(0, end - STRIDE), end)
        farthest = np.abs(vectors[:, stride]) @ reach[stride]
        if np.count_nonzero(_margins(projection, Y, tolerance) > farthest) >= least:
            projection -= vectors[:, stride] @ coordinates[stride]
            continue
        for k in range(stride.stop, stride.start, -1):
            projection -= np.outer(vectors[:, k - 1], coordinates[k - 1])
            if np.count_nonzero(_margins(projection, Y, tolerance) > 0) < least:
                return k
    return 0


def _margins(projection: np.ndarray, Y: np.ndarray, tolerance: float | None) -> np.ndarray:
    """(n,) own class less the highest other one; of real targets, what the error is short of its tolerance."""
    if tolerance is not None:
        return tolerance**0.5 - np.abs(projection - Y)[:, 0]
    rows, y = np.arange(len(Y)), Y.argmax(axis=1)
    others = projection.copy()
    others[rows, y] = -np.inf
    return projection[rows, y] - others.max(axis=1)


def fano_bits(e: float, n_classes: int) -> float:
    """Least information in bits between a uniform label of C classes and a guess that is wrong with share e."""
    h2 = -sum(p * math.log2(p) for p in (e, 1 - e) if p > 0)
    return max(0.0, math.log2(n_classes) - h2 - e * math.log2(max(n_classes - 1, 1)))


def ghosts(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Held-out points (20, m) and uniform labels (20, m), m the number of redrawn training labels."""
    rng = probe.rng_of(split, "ghosts")
    size = (GHOSTS, min(len(split.redrawn), len(split.y_test)))
    points = np.array([rng.permutation(len(split.y_test))[: size[1]] for _ in range(GHOSTS)])
    return points, rng.integers(split.n_classes, size=size)


def fits(scores: np.ndarray, split: Split) -> bool:
    """True where scores (n, C) are right on .98 of the training labels."""
    return _wrong(scores, split) <= _allowed(split)


def still_fits(at: Checkpoint, description: dict[str, np.ndarray]) -> bool:
    """True where the scores of a description fit; what is wrong on too many of the first inputs is not asked again."""
    split = at.split
    for inputs in (split.X_train[: 3 * int(_allowed(split)) + 20], split.X_train):
        scores = at.learner.scores_of(description, inputs)
        if not np.isfinite(scores).all() or _wrong(scores, split) > _allowed(split):
            return False
    return True


def _wrong(scores: np.ndarray, split: Split) -> float:
    """How many of the first training labels, as many as there are scores, are not the answer."""
    y = split.y_train[: len(scores)]
    return len(y) * (1 - accuracy(scores, y, None if split.n_classes else split.tolerance))


def _allowed(split: Split) -> float:
    return (1 - FIT) * len(split.y_train) + 1e-6
