"""The order in which training examples come."""

from __future__ import annotations

import numpy as np


class Batches:
    """Minibatches without replacement within an epoch; the last one of an epoch may be smaller.

    Parameters
    ----------
    size : examples per batch, 0 for all of them.
    n : training examples.
    rng : seeds the shuffling.

    Attributes
    ----------
    size : as given; 0 where a batch would hold all examples.
    """

    def __init__(self, size: int, n: int, rng: np.random.Generator):
        self.size = size if 0 < size < n else 0
        self._n = n
        self._shuffler = np.random.default_rng(rng.integers(2**63))
        self._order = np.empty(0, dtype=np.int64)  # what is left of the epoch

    def draw(self, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Indices of the examples of the next minibatches, one after the other, and where each ends.

        Both are empty where every batch holds all examples.
        """
        rows, ends = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
        drawn = 0
        while self.size and steps:
            if len(self._order) == 0:
                self._order = self._shuffler.permutation(self._n)
            batches = min(steps, -(-len(self._order) // self.size))
            part, self._order = np.split(self._order, [batches * self.size])
            rows.append(part)
            ends.append(drawn + np.minimum(np.arange(1, batches + 1) * self.size, len(part)))
            drawn, steps = drawn + len(part), steps - batches
        return np.concatenate(rows), np.concatenate(ends)
