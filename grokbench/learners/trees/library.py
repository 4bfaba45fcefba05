"""The library xgboost as the boosted trees use it: parameters in, inputs in its own form, trees out as arrays."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np

from grokbench.learners import leaves
from grokbench.learners.trees.random_trees import Tree, same

ARRAYS_KEPT = 3  # the training split is kept besides


def objective(n_classes: int) -> dict[str, object]:
    """The loss of the booster, and where its margin starts.

    base_score is given, because the library would else estimate it from the labels; 0.5 is the probability of margin 0.
    """
    name = {0: "reg:squarederror", 2: "binary:logistic"}.get(n_classes, "multi:softprob")
    loss = {"objective": name, "base_score": 0.5 if n_classes == 2 else 0.0}
    return loss | ({"num_class": n_classes} if n_classes > 2 else {})


def machine(seed: int, device: str) -> dict[str, object]:
    """Where and by which draws the booster works.

    seed_per_iteration makes a round's draws a function of seed and round: the library's generator is shared by all
    boosters of a thread, so that without it the rows drawn here would depend on what else is trained in the process.
    """
    return {"seed": seed, "seed_per_iteration": True, "nthread": 1, "device": device, "verbosity": 0}


class Matrices:
    """xgboost's form of inputs; the same object for equal arrays, because its predictions so far are cached with it.

    The training inputs stay: ``X``, ``train`` their form with the labels, and ``inputs`` (n, d) float32.

    Parameters
    ----------
    X, y : the training split.
    encode : inputs (n, d) as numbers.
    """

    def __init__(self, X: np.ndarray, y: np.ndarray, encode: Callable[[np.ndarray], np.ndarray]):
        import xgboost

        numbers = encode(X)
        self.X, self.train = np.array(X), xgboost.DMatrix(numbers, label=y, nthread=1)
        self.inputs, self._encode = numbers.astype(np.float32), encode
        self._others: list[tuple[np.ndarray, object]] = []

    def __call__(self, X: np.ndarray):
        """The DMatrix of X."""
        for inputs, matrix in ((self.X, self.train), *self._others):
            if same(inputs, X):
                return matrix
        import xgboost

        matrix = xgboost.DMatrix(self._encode(X), nthread=1)
        self._others = [(np.array(X), matrix), *self._others[: ARRAYS_KEPT - 1]]
        return matrix

    def numbers(self, X: np.ndarray) -> np.ndarray:
        """(n, d) float32."""
        return self.inputs if X is self.X else self._encode(X).astype(np.float32)


def grown(booster, first: int, last: int) -> list[list[np.ndarray]]:
    """The trees of the rounds first..last - 1, as `leaves.in_order` takes them; trees never change once grown."""
    if first == last:
        return []
    model = json.loads(booster[first:last].save_raw(raw_format="json"))
    return [leaves.of_xgboost(tree) for tree in model["learner"]["gradient_booster"]["model"]["trees"]]


def as_tree(left: np.ndarray, right: np.ndarray, feature: np.ndarray, threshold: np.ndarray) -> Tree:
    """A tree of the library whose children stand side by side, as all that it grows depth by depth do."""
    inner = left >= 0
    if (right[inner] != left[inner] + 1).any():
        raise AssertionError("a right child is not the node behind its left one")
    return Tree(np.where(inner, feature, -1), threshold, left)
