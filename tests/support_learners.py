"""Learners that have begun, and what their descriptions hold: parameters as one vector, trees as nested tuples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

import grokbench
from grokbench.learners.base import Learner


def start(learner: str | Learner, split, seed: int | None = 0, **options) -> Learner:
    """A learner that has begun on the training part of a split.

    learner : an instance, or a name, whose options follow.
    seed : of the generator that it gets; None for no generator, where it must not need one.
    """
    learner = grokbench.learner(learner, **options) if isinstance(learner, str) else learner
    rng = None if seed is None else np.random.default_rng(seed)
    learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, rng)
    return learner


def at(learner: Learner, time: float) -> Learner:
    """The same learner, advanced to a time."""
    learner.advance(time)
    return learner


def flat(learner: Learner) -> np.ndarray:
    """All arrays of the description, one behind the other: (parameters,) float64 or float32."""
    return np.concatenate([array.ravel() for array in learner.description().values()])


class Given(Learner):
    """Shows the kernel that it is given: a function of the inputs."""

    def __init__(self, kernel, first_time=1.0):
        self._kernel, self.first_time = kernel, first_time

    def kernel(self, X):
        return self._kernel(X)


def read_trees(arrays: Mapping[str, Sequence]) -> list:
    """Described trees, nodes in preorder, as nested tuples (feature, threshold, left, right) or leaf values.

    AssertionError where something is left over in one of the arrays.
    """
    nodes = {name: iter(array) for name, array in arrays.items()}

    def grow(is_leaf):
        if is_leaf:
            return next(nodes["leaf_value"])
        return (
            next(nodes["split_feature"]),
            next(nodes["threshold"]),
            grow(next(nodes["is_leaf"])),
            grow(next(nodes["is_leaf"])),
        )

    trees = [grow(is_leaf) for is_leaf in nodes["is_leaf"]]
    assert all(next(left, None) is None for left in nodes.values())
    return trees


def leaf_of(tree, x: np.ndarray, path: str = "") -> tuple:
    """Value of the leaf that x (d,) falls into, and the way there, which names it; left is below the threshold."""
    if not isinstance(tree, tuple):
        return tree, path
    feature, threshold, left, right = tree
    return leaf_of(left, x, path + "l") if x[feature] < threshold else leaf_of(right, x, path + "r")
