"""The faces of a learner as the harness sees them: what it is handed cannot be written to, what it answers is copied.

A learner may fill one buffer again and again, hand out its own weights, or go on writing into an array that it has
returned. Each answer is therefore copied when it comes, whether or not it shares memory with anything.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, fields, is_dataclass, replace

import numpy as np

from grokbench.learners.base import Learner

FIXED = (str, bytes, int, float, complex, np.generic, type(None))  # cannot be changed by whoever made them


@dataclass(eq=False)
class Faces:
    """A learner whose answers belong to whoever asks; all else of it is the learner's own.

    Parameters
    ----------
    learner : has begun, or not yet.
    """

    learner: Learner

    def __getattr__(self, name: str):
        if name.startswith("__"):  # what copying and pickling ask for before there is a learner
            raise AttributeError(name)
        return getattr(self.learner, name)

    def begin(self, X: np.ndarray, y: np.ndarray, n_classes: int, alphabet, rng: np.random.Generator) -> None:
        """Take the training data."""
        self.learner.begin(unwritable(X), unwritable(y), n_classes, alphabet, rng)

    def anew(self) -> Faces | None:
        """A learner of the same options that has not begun; None where these are not all it is made from."""
        made_from_options = is_dataclass(self.learner) and all(field.init for field in fields(self.learner))
        return Faces(replace(self.learner)) if made_from_options else None

    def scores(self, X: np.ndarray) -> np.ndarray:
        """What it predicts, (n, C)."""
        return own(self.learner.scores(unwritable(X)))

    def kernel(self, X: np.ndarray) -> np.ndarray | None:
        """What it finds similar, (n, n)."""
        return own(self.learner.kernel(unwritable(X)))

    def cross_kernel(self, X: np.ndarray, Z: np.ndarray) -> np.ndarray | None:
        """A block of what it finds similar, (n, m)."""
        return own(self.learner.cross_kernel(unwritable(X), unwritable(Z)))

    def other_kernels(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """Further kernels by name, (n, n) each."""
        return own(self.learner.other_kernels(unwritable(X)))

    def description(self) -> dict[str, np.ndarray]:
        """What one would have to send."""
        return own(self.learner.description())

    def leading(self, size: int) -> dict[str, np.ndarray]:
        """The description of its `size` weightiest parts."""
        return own(self.learner.leading(size))

    def scores_of(self, description: dict[str, np.ndarray], X: np.ndarray) -> np.ndarray | None:
        """The scores of a description, (n, C)."""
        return own(self.learner.scores_of(unwritable(description), unwritable(X)))


def own(answer: object) -> object:
    """A copy of an answer, with all arrays in it. What is no array, but can be read as one, becomes one."""
    if isinstance(answer, FIXED):
        return answer
    if isinstance(answer, dict):
        return {name: own(value) for name, value in answer.items()}
    if isinstance(answer, list | tuple):
        return [own(value) for value in answer]
    if hasattr(answer, "__array__") or _is_buffer(answer):
        answer = np.asarray(answer)  # of something of the learner's own, which need not copy when it is asked to
    return copy.deepcopy(answer)


def unwritable(answer: object) -> object:
    """The same numbers for a learner to read: arrays, and arrays in a dict, as views that cannot be written to."""
    if isinstance(answer, dict):
        return {name: unwritable(value) for name, value in answer.items()}
    if not isinstance(answer, np.ndarray) or not answer.flags.writeable:
        return answer
    view = answer.view()
    view.flags.writeable = False
    return view


def _is_buffer(answer: object) -> bool:
    try:
        memoryview(answer)
    except TypeError:
        return False
    return True
