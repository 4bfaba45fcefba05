"""A task is a distribution over splits; a split is all that a learner and its judge get to see.

A split depends on the task, its options and the seed only, never on the learner, so that learners
are compared on identical data. The label controls live here, once for every task: they change the
labels of a split and never its inputs, so that a control is paired with the real thing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np

from grokbench.options import Optioned, Share, digest, options_of


@dataclass(frozen=True, eq=False)
class Split:
    """Training and held-out data.

    The arrays are copies that nobody can write to, so that no learner changes what it is judged on.

    Parameters
    ----------
    X_train : (n, arity) integer tokens, or (n, d) float features.
    y_train : (n,) integer classes; float targets of a regression.
    X_test, y_test : the same for the held-out examples.
    n_classes : number of classes; 0 for a regression.
    alphabet : size of each token position; None for real-valued features.
    tolerance : regression only: an answer is right if its squared error is below it.
    ceiling : the highest attainable chance-corrected held-out accuracy; 1 where a rule is right everywhere.
    redrawn : (m,) indices of the training examples whose label was redrawn (``label_noise``).
    y_true : (n,) training labels before any was redrawn; default: y_train. Not part of the hash.

    Raises
    ------
    ValueError : shapes, ranges or types that do not fit together.
    """

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    n_classes: int
    alphabet: tuple[int, ...] | None = None
    tolerance: float | None = None
    ceiling: float = 1.0
    redrawn: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    y_true: np.ndarray | None = None

    def __post_init__(self):
        symbolic, classes = self.alphabet is not None, self.n_classes > 0
        for name, integer in (("X_train", symbolic), ("X_test", symbolic), ("y_train", classes), ("y_test", classes)):
            array = np.asarray(getattr(self, name))
            if integer and not np.issubdtype(array.dtype, np.integer):
                raise ValueError(f"{name}: expected integers (tokens or classes), got {array.dtype}")
            object.__setattr__(self, name, _immutable(array.astype(np.int64 if integer else np.float64)))
        if symbolic:
            object.__setattr__(self, "alphabet", tuple(int(size) for size in self.alphabet))
        true = self.y_train if self.y_true is None else np.asarray(self.y_true, dtype=self.y_train.dtype)
        object.__setattr__(self, "y_true", _immutable(true))
        object.__setattr__(self, "redrawn", _immutable(np.asarray(self.redrawn)))
        self._check()

    def _check(self) -> None:
        for part in ("train", "test"):
            X, y = getattr(self, f"X_{part}"), getattr(self, f"y_{part}")
            if X.ndim != 2 or y.ndim != 1 or len(X) != len(y) or len(y) == 0:
                raise ValueError(f"X_{part} {X.shape} and y_{part} {y.shape}: expected (n, d) and (n,) with n > 0")
            if self.n_classes and (y.min() < 0 or y.max() >= self.n_classes):
                raise ValueError(f"y_{part}: classes {y.min()}..{y.max()}, expected 0..{self.n_classes - 1}")
            if self.alphabet is not None:
                if len(self.alphabet) != X.shape[1]:
                    raise ValueError(f"alphabet has {len(self.alphabet)} positions, X_{part} has {X.shape[1]}")
                if X.min() < 0 or (X.max(axis=0) >= self.alphabet).any():
                    raise ValueError(f"X_{part}: a token lies outside its alphabet {self.alphabet}")
        if self.y_true.shape != self.y_train.shape:
            raise ValueError(f"y_true {self.y_true.shape}: expected one per training example, {self.y_train.shape}")
        if self.X_train.shape[1] != self.X_test.shape[1]:
            raise ValueError("X_train and X_test have different numbers of columns")
        if not self.n_classes and not (self.tolerance and self.tolerance > 0):
            raise ValueError("a regression (n_classes = 0) needs a positive tolerance")

    @cached_property
    def chance(self) -> float:
        """Accuracy of the best constant answer on the held-out split; one number for both splits."""
        if self.n_classes:
            return float(np.bincount(self.y_test, minlength=self.n_classes).max() / len(self.y_test))
        y, radius = np.sort(self.y_test), np.sqrt(self.tolerance)
        return float((np.searchsorted(y, y + 2 * radius, side="left") - np.arange(len(y))).max() / len(y))

    @cached_property
    def hash(self) -> str:
        """SHA-256 over all arrays: two runs with equal hashes saw the same data."""
        sha = hashlib.sha256(repr((self.n_classes, self.alphabet, self.tolerance)).encode())
        for array in (self.X_train, self.y_train, self.X_test, self.y_test):
            sha.update(repr(array.shape).encode() + array.tobytes())
        return sha.hexdigest()[:16]


def _immutable(array: np.ndarray) -> np.ndarray:
    """A copy, in the order of C, of which no flag makes a writeable one: its memory is that of a `bytes`."""
    if array.size == 0:
        array = np.empty(array.shape, array.dtype)
        array.flags.writeable = False
        return array
    return np.frombuffer(array.tobytes(), dtype=array.dtype).reshape(array.shape)


@dataclass(kw_only=True)
class Task(Optioned):
    """Base class of tasks: a subclass says how to sample a split, this class does the rest.

    A constructor raises OptionError for an option outside the range that its annotation gives (`grokbench.options`).

    Parameters
    ----------
    labels : "shuffled" permutes the labels within each split, so that nothing can be learned but by heart.
    label_noise : share of the training labels that is redrawn uniformly over all classes (the true one included).
    """

    labels: Literal["true", "shuffled"] = "true"
    label_noise: Share = 0.0

    name = "own"
    version = 1
    symmetry = None
    exact = True
    overlap = False  # True only for a task whose splits may share inputs on purpose

    def sample(self, rng: np.random.Generator) -> Split:
        """A split with true labels, drawn with `rng` alone."""
        raise NotImplementedError

    def split(self, seed: int) -> Split:
        """The split of a seed: sampled inputs, then the label controls.

        The inputs are the same for every setting of the controls.
        """
        inputs = {k: v for k, v in options_of(self).items() if k not in ("labels", "label_noise")}
        identity = int(digest([self.name, self.version, inputs, int(seed)], 32), 16)
        draw, relabel = (np.random.default_rng(s) for s in np.random.SeedSequence(identity).spawn(2))
        return self._relabel(self.sample(draw), relabel)

    def _relabel(self, split: Split, rng: np.random.Generator) -> Split:
        if self.labels == "shuffled":
            y = rng.permutation(split.y_train)
            split = replace(split, y_train=y, y_test=rng.permutation(split.y_test), y_true=y)
        if self.label_noise > 0:
            n = len(split.y_train)
            redrawn = np.sort(rng.choice(n, size=round(self.label_noise * n), replace=False))
            y = split.y_train.copy()
            draws = rng.integers(split.n_classes, size=n) if split.n_classes else rng.permutation(y)
            y[redrawn] = draws[redrawn]
            split = replace(split, y_train=y, redrawn=redrawn)
        return split
