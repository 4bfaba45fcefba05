"""Is what was learned so far what the initial kernel would have learned? A measure of scores and the first kernel."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from grokbench.curves.checkpoint import Checkpoint
from grokbench.curves.evaluate import accuracy
from grokbench.curves.faces import Faces
from grokbench.learners.encodings import one_hot
from grokbench.measures import probe
from grokbench.measures.base import Measure
from grokbench.registry import register_measure

FASTEST, SLOWEST, TIMES = 1e-2, 1e10, 49  # flow times in units of 1 / largest eigenvalue, four a decade


@register_measure("laziness")
class Laziness(Measure):
    """Likeness to the lazy predictor: the gradient flow of the initial kernel, at equal training accuracy.

    With K the kernel at time 0, f_0 the scores there and Y the one-hot labels, the flow of squares is
    ``g_s = f_0 + K_21 K_11^-1 (I - exp(-s K_11)) (Y - f_0)``. The value is the correlation, over held-out points and
    classes, of what the learner has added to its initial scores with what the flow has added when it is right on as
    many training points, the mean over classes taken off each point: at the first s (of four a decade) from which that
    many are right, or at a later one with the same number where it is higher (at the end they all are, for long).
    Undefined where there is no kernel at time 0 (trees without a forest), before anything is learned, and where the
    flow never gets that far.

    The trace kernel stands in for that of each class, so that a network with several outputs that is lazy to the letter
    stays below 1; and adaptive optimizers follow another kernel. Compare with the same at another time or output scale.
    laziness_other is the same likeness to the lazy predictor of another initialization: what any two learners of the
    same labels have in common. Of a learner without randomness the two are equal.

    Source: Chizat, Oyallon & Bach (arXiv 1812.07956), Kumar et al. (arXiv 2310.06110). Null: about 0; 1 for a machine
    of a fixed kernel. Cost: two eigendecompositions a run, and two forward passes of n m C a checkpoint.
    """

    columns = ("laziness", "laziness_other")
    version = 2  # laziness_other

    def __init__(self):
        self._lazy: list[LazyPredictor] = []

    def look(self, at: Checkpoint):
        """The correlations."""
        if at.time == 0:
            self._lazy = lazy_predictors(at)
        if not self._lazy or at.time == 0:
            return None
        likeness = [lazy.likeness(at) for lazy in self._lazy]
        return (*likeness, np.nan)[: len(self.columns)]


@dataclass(frozen=True, eq=False)
class LazyPredictor:
    """The flow of the initial kernel on the whole points of a run.

    values (n,) : of K_11 = U diag(values) U'. read (m, n) : K_21 U. residual (n, C) : U'(Y - f_0). start (m, C) : the
    learner's own scores on the held-out points at time 0. reached (times,) : training accuracy at the flow's times.
    """

    values: np.ndarray
    read: np.ndarray
    residual: np.ndarray
    start: np.ndarray
    reached: np.ndarray
    _directions: dict[int, np.ndarray | None] = field(default_factory=dict)

    def likeness(self, at: Checkpoint) -> float:
        """Correlation with what the learner has added to its initial scores; NaN where it is not defined."""
        points, split = at.once_a_run(probe.whole), at.split
        right = accuracy(at.train_scores[points.train], split.y_train[points.train], _tolerance(split))
        enough = np.flatnonzero(self.reached >= right - 1e-9)
        added = direction(at.test_scores[points.held_out] - self.start)
        if not enough.size or added is None:
            return np.nan
        alike = np.flatnonzero(self.reached == self.reached[enough[0]])
        lazy = [self._added(i) for i in alike if i >= enough[0]]
        return max((float((one * added).sum()) for one in lazy if one is not None), default=np.nan)

    def _added(self, i: int) -> np.ndarray | None:
        """(m, C) direction of what the flow has added on the held-out points at its i-th time."""
        if i not in self._directions:
            self._directions[i] = direction(self.read @ (gains(self.values, i)[:, None] * self.residual))
        return self._directions[i]


def lazy_predictors(at: Checkpoint) -> list[LazyPredictor]:
    """The flow that starts here, and that of another initialization (of learners by options); none without a kernel."""
    blocks, spectrum, points = at.once(probe.kernel_blocks), at.once(probe.spectrum), at.once_a_run(probe.whole)
    if spectrum is None:
        return []
    predictors = [lazy_predictor(at, blocks, spectrum, at.train_scores[points.train])]
    other = _begun_anew(at)
    if other is not None:
        other_blocks = probe.blocks_of(other.kernel(probe.inputs_of(at, points)), len(points.train))
        scores = other.scores(at.split.X_train[points.train])
        predictors.append(lazy_predictor(at, other_blocks, probe.decomposed(other_blocks.train), scores))
    return predictors


def lazy_predictor(at: Checkpoint, blocks, spectrum, start: np.ndarray) -> LazyPredictor:
    """The flow of a kernel from scores (n, C) on the training points."""
    split, points = at.split, at.once_a_run(probe.whole)
    y = split.y_train[points.train]
    residual = spectrum.vectors.T @ (one_hot(y, split.n_classes) - start)
    reached = np.empty(TIMES)
    for i in range(TIMES):
        moved = spectrum.vectors @ ((gains(spectrum.values, i) * spectrum.values)[:, None] * residual)
        reached[i] = accuracy(start + moved, y, _tolerance(split))
    added = at.test_scores[points.held_out]
    return LazyPredictor(spectrum.values, blocks.cross @ spectrum.vectors, residual, added, reached)


def _begun_anew(at: Checkpoint) -> Faces | None:
    """A learner of the same options at its time 0, from a seed that depends on the split alone."""
    split, other = at.split, at.learner.anew() if isinstance(at.learner, Faces) else None
    if other is not None:
        rng = probe.rng_of(split, "another start")
        other.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, rng)
    return other


def gains(values: np.ndarray, i: int) -> np.ndarray:
    """(n,) (1 - exp(-s r)) / r of eigenvalues r at the i-th time s; 0 where r is 0 up to rounding."""
    largest = values.max(initial=0.0)
    time = FASTEST * (SLOWEST / FASTEST) ** (i / (TIMES - 1)) / largest
    real = values > len(values) * np.finfo(np.float64).eps * largest
    return np.divide(-np.expm1(-time * values), values, out=np.zeros_like(values), where=real)


def direction(scores: np.ndarray) -> np.ndarray | None:
    """(m, C) the mean over classes taken off each row (of a regression, over rows), of norm 1; None for constants."""
    centred = scores - (scores.mean(axis=1, keepdims=True) if scores.shape[1] > 1 else scores.mean())
    size = np.linalg.norm(centred)
    return centred / size if size > 0 else None


def _tolerance(split) -> float | None:
    return None if split.n_classes else split.tolerance
