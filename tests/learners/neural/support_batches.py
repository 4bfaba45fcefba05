"""Which minibatches a network takes."""

from __future__ import annotations

import numpy as np


def drawn_batches(learner) -> list[np.ndarray]:
    """A list that fills with the rows of each minibatch as the network trains."""
    recorded: list[np.ndarray] = []
    batches = learner._descent.batches
    draw = batches.draw

    def recording(steps: int):
        rows, ends = draw(steps)
        recorded.extend(np.split(rows, ends)[:-1])
        return rows, ends

    batches.draw = recording
    return recorded
