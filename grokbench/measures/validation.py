"""What somebody sees who stops early: half of the held-out examples; the other half says what stopping costs."""

from __future__ import annotations

import numpy as np

from grokbench.curves.checkpoint import Checkpoint
from grokbench.curves.evaluate import accuracy, declared_loss, halves
from grokbench.measures.base import Measure
from grokbench.registry import register_measure
from grokbench.tasks.base import Split


@register_measure("validation_loss")
class Validation(Measure):
    """The held-out split in two halves: a rule of early stopping may see the first, and is judged on the second.

    validation_loss is the learner's declared loss and validation_accuracy the accuracy on the first half,
    remaining_accuracy the accuracy on the second. The halves alternate within each class.

    Source: Prechelt 1998 (Neural Networks 11). Null: two halves of one split agree up to sampling. Cost: two passes
    over the held-out scores.
    """

    columns = ("validation_loss", "validation_accuracy", "remaining_accuracy")

    def look(self, at: Checkpoint):
        """Loss and accuracy of the first half, accuracy of the second."""
        split, scores = at.split, at.test_scores
        validation, remaining = at.once_a_run(held_out_halves)
        if not len(remaining):
            return None
        tolerance = None if split.n_classes else split.tolerance
        return (
            declared_loss(scores[validation], split.y_test[validation], at.learner.loss, split.n_classes),
            *(accuracy(scores[half], split.y_test[half], tolerance) for half in (validation, remaining)),
        )


def held_out_halves(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Indices of both halves of the held-out examples."""
    return halves(split.y_test, bool(split.n_classes))
