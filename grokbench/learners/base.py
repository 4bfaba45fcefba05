"""A learner is something that can be advanced to a time, and shows three faces: scores, kernel, description.

The harness knows learners by this protocol alone; whatever differs between families lives in the
family's one file. The laws of the protocol are in `grokbench.learners.laws`.
"""

from __future__ import annotations

import numpy as np

from grokbench.learners.encodings import Encoding, cannot_encode
from grokbench.options import Optioned
from grokbench.tasks.base import Split


class Learner(Optioned):
    """Base class of learners. Options are the keyword arguments of the subclass's constructor.

    A constructor raises OptionError for an option outside the range that its annotation gives (`grokbench.options`).

    Attributes
    ----------
    clock : what one unit of time is: "steps", "rounds", "iterations", "flow time" ...
    family : "neural", "lazy", "kernel", "feature-learning kernel", "trees" ... or "own".
    loss : what it minimizes: "cross-entropy", "mse" (one-hot, summed over classes), "hinge" or "stablemax".
    integer_clock : asked at whole numbers only.
    first_time : the first positive checkpoint (known after `begin`, for flows); the clock's natural unit.
    deterministic : ignores `rng`.
    compiles : loads torch's compiler, as every optimizer of torch does, which the fork server then has ready.
    encoding : how tokens become numbers (`grokbench.learners.encodings`); where it is a choice, an option.
    version : raised when results change on purpose.
    device : "cpu" or "cuda"; set by the harness before `begin`.
    """

    name = "own"
    clock = "steps"
    family = "own"
    loss = "cross-entropy"
    integer_clock = True
    first_time = 1.0
    deterministic = False
    compiles = False
    encoding: Encoding = "auto"
    version = 1
    device = "cpu"

    def begin(self, X: np.ndarray, y: np.ndarray, n_classes: int, alphabet, rng: np.random.Generator) -> None:
        """Take the training data and stand at time 0, where the scores do not depend on `y`.

        X : (n, arity) integer tokens (`alphabet` gives the size of each position) or (n, d) floats
        (`alphabet` is None). y : (n,) integer classes; floats where `n_classes` is 0.
        """
        raise NotImplementedError

    def advance(self, time: float) -> None:
        """Go to `time`, not earlier than now, on the learner's own clock."""
        raise NotImplementedError

    def scores(self, X: np.ndarray) -> np.ndarray:
        """(n, n_classes) float64, or (n, 1) for a regression: what it predicts now. Changes nothing."""
        raise NotImplementedError

    def kernel(self, X: np.ndarray) -> np.ndarray | None:
        """(n, n) float64: what it finds similar now; None where undefined. Changes nothing."""
        return None

    def cross_kernel(self, X: np.ndarray, Z: np.ndarray) -> np.ndarray | None:
        """(n, m) float64: the block of `kernel` between inputs X and Z; None where not offered, or undefined.

        Measures that read only some blocks are then spared the others.
        """
        return None

    def other_kernels(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """Further kernels (n, n) by name: "recent", of what was learned last; "last_layer", of the last features."""
        return {}

    def description(self) -> dict[str, np.ndarray]:
        """What one would have to send, to somebody who has the training inputs, to predict the same."""
        return {}

    def scores_of(self, description: dict[str, np.ndarray], X: np.ndarray) -> np.ndarray | None:
        """The scores of what a description describes, its arrays coarsened or cut by `leading`; None where not offered.

        From the learner's own description they are its scores. Uses options, seed and training inputs besides, never
        labels; changes nothing.
        """
        return None

    def parts(self) -> int:
        """Number of parts by which it can be cut down: neurons, eigendirections, trees; 0 where not offered."""
        return 0

    def leading(self, size: int) -> dict[str, np.ndarray]:
        """The description of its `size` weightiest parts, for `scores_of`."""
        raise NotImplementedError

    def cannot_read(self, split: Split) -> str | None:
        """Why this learner cannot take this split, or None if it can; it keeps a pair out of a plan.

        That is an encoding which does not fit the alphabet; a subclass with reasons of its own calls this one too.
        """
        return cannot_encode(split, self.encoding)
