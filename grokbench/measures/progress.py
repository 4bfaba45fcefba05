"""Measures of the score face: whether training can still go on."""

from __future__ import annotations

import numpy as np

from grokbench.curves.checkpoint import Checkpoint
from grokbench.measures.base import Measure
from grokbench.registry import register_measure


@register_measure("zero_gradient")
class ZeroGradient(Measure):
    """Share of the training examples whose loss is so small that it rounds to 0, in the precision of training.

    From the scores, rounded to the learner's `dtype` (float64 where it has none). zero_gradient: the gradient of the
    example's declared loss in the scores is exactly 0 in every component. zero_loss: it is so in the component of the
    true class, as soon as softmax gives it probability 1 (softmax collapse): for cross-entropy in single precision from
    a margin of about 17, while the gradient of the other classes underflows at 103 only. A run in which it passes one
    half has stopped for numerical reasons. Undefined for a hinge, which is exactly 0 on purpose, and for "stablemax",
    which is made not to collapse.

    Source: Prieto et al. (arXiv 2501.04697). Null: 0. Cost: none.
    """

    columns = ("zero_gradient", "zero_loss")

    def look(self, at: Checkpoint):
        """Both shares."""
        n_classes, y = at.split.n_classes, at.split.y_train
        scores = at.train_scores.astype(getattr(at.learner, "dtype", "float64"))
        if at.learner.loss == "cross-entropy" and n_classes:
            own, slopes = softmax_slopes(scores, y)
        elif at.learner.loss == "mse" and n_classes:
            slopes = scores - np.eye(n_classes, dtype=scores.dtype)[y]
            own = slopes[np.arange(len(y)), y]
        else:
            return None
        return float((slopes == 0).all(axis=1).mean()), float((own == 0).mean())


@np.errstate(under="ignore")
def softmax_slopes(scores: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradient of the cross-entropy in the scores: of the true class (n,), of all (n, C), in the scores' precision."""
    rows = np.arange(len(y))
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    slopes = shifted / shifted.sum(axis=1, keepdims=True)
    slopes[rows, y] -= 1
    return slopes[rows, y], slopes
