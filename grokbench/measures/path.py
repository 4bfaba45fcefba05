"""How far the learner has come on its own way: a clock that no choice of unit can stretch."""

from __future__ import annotations

import numpy as np

from grokbench.curves.checkpoint import Checkpoint
from grokbench.measures.base import Measure
from grokbench.registry import register_measure


@register_measure("path")
class Path(Measure):
    """Length of the way that the scores on held-out inputs have gone since the first fit.

    The sum over checkpoints of the mean over held-out inputs of |f_t(x) - f_{t-1}(x)|, Euclidean in the outputs. It is
    0 at the first checkpoint after time 0: the way begins at the first fit. Chords between checkpoints make it a lower
    bound of the length of the way. No label enters. Other numbers for the same checkpoints leave it as it is, so that
    its share at an event says how late that is for learners that fit at their first tick.

    Source: arc length; for learners whose first tick fits the labels (RFM, Gaussian process), where t_mem has no unit.
    Null: 0 for a function that stands still. Cost: a difference of the scores that are there anyway.
    """

    def __init__(self):
        self._before: np.ndarray | None = None
        self._length = 0.0

    def look(self, at: Checkpoint):
        """The length so far; undefined at time 0."""
        if at.time == 0:
            return None
        if self._before is not None:
            self._length += float(np.linalg.norm(at.test_scores - self._before, axis=1).mean())
        self._before = np.array(at.test_scores, dtype=np.float64)
        return self._length
