"""What there is to see of a run at one checkpoint: the split, and the learner's three faces, as a measure gets them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from grokbench.curves.faces import Faces
from grokbench.learners.base import Learner
from grokbench.tasks.base import Split

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A learner at a time, beside what it learns.

    Parameters
    ----------
    learner : shows its faces (`scores`, `kernel`, `description`); a measure calls nothing else of it. In a run its
        answers are copies (`grokbench.curves.faces`).
    split : the data of the run.
    time : on the learner's clock.
    train_scores, test_scores : (n, C) float64, its scores on the two splits, read-only in a run.
    run : results of `once_a_run`, the same dict at all checkpoints of a run.
    """

    learner: Learner | Faces
    split: Split
    time: float
    train_scores: np.ndarray
    test_scores: np.ndarray
    run: dict[Callable, object] = field(default_factory=dict)
    _results: dict[Callable, object] = field(default_factory=dict)

    def once(self, function: Callable[[Checkpoint], Result]) -> Result:
        """``function(self)``, computed once however many measures need it."""
        if function not in self._results:
            self._results[function] = function(self)
        return self._results[function]

    def once_a_run(self, function: Callable[[Split], Result]) -> Result:
        """``function(split)``, computed at the first checkpoint that needs it."""
        if function not in self.run:
            self.run[function] = function(self.split)
        return self.run[function]
