"""Boosting that goes back to its trees: their structure stays, their leaf values go on learning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from grokbench.learners import leaves
from grokbench.learners.trees.random_trees import Extremes, Tree, grow_with_leaves, newton_step, same

INPUTS_KEPT = 3  # whose leaves and margins are continued rather than begun again; the training inputs are kept besides


class Placed:
    """Inputs (n, d) float32, the leaf of each in the trees so far, and their margins after the rounds counted."""

    def __init__(self, X: np.ndarray):
        self.inputs = X
        self.margins = np.zeros(len(X))
        self.counted = 0
        self._places: list[np.ndarray] = []

    def leaf(self, trees: Sequence[Tree], number: int) -> np.ndarray:
        """(n,) int32 the leaf of each input in the tree of this number."""
        for tree in trees[len(self._places) : number + 1]:
            self._places.append(tree.leaves(self.inputs).astype(np.int32))
        return self._places[number]


@dataclass(eq=False)
class LeafSteps:
    """A forest that is there before the first round, the trees grown since, and the rounds that moved their leaves.

    With m_r the tree of round r and w_r what that round added to its leaves, f(x) = sum_r w_r(leaf of x in m_r). A
    round grows its tree where floor(s r) > floor(s (r - 1)), s the share of greedy rounds, and where there is none yet.
    Every other round takes the next tree in turn, and w_r = eta times the Newton step on its leaves.

    Parameters
    ----------
    options : of `BoostedTrees`.
    inputs : (n, d) float32 encoded training inputs.
    seed : of the forest's draws. Its trees are those of the rounds of `RandomRounds` with that seed.
    grow : from gradient and curvature (n, 1), a new tree and the values of its nodes.
    """

    options: object
    inputs: np.ndarray
    seed: int
    grow: Callable[[np.ndarray, np.ndarray], tuple[Tree, np.ndarray]]
    trees: list[Tree] = field(default_factory=list)
    rounds: list[tuple[int, np.ndarray]] = field(default_factory=list)  # number of the tree, what its nodes got

    def __post_init__(self):
        o, extremes = self.options, Extremes(self.inputs)
        shares = o.colsample_bytree, o.colsample_bylevel, o.colsample_bynode
        for number in range(o.forest):
            rng = np.random.default_rng([self.seed, number])
            self.trees.append(grow_with_leaves(self.inputs, rng, o.max_depth, shares, extremes)[0])
        self._values = [np.zeros(len(tree.feature)) for tree in self.trees]
        self._train, self._seen = Placed(self.inputs), []
        self._populations: list[np.ndarray] = []
        self._structures: list[dict[str, np.ndarray]] = []
        self._turn = 0

    def add(self, gradient: np.ndarray, curvature: np.ndarray) -> None:
        """One round, on the gradient and curvature (n, 1) at the margins now."""
        number, step = (self._new if self._grows() else self._next)(gradient, curvature)
        self._values[number] += step
        self.rounds.append((number, step))

    def _grows(self) -> bool:
        share, round_ = self.options.greedy_share, len(self.rounds)
        return not self.trees or int(share * (round_ + 1)) > int(share * round_)

    def _new(self, gradient, curvature) -> tuple[int, np.ndarray]:
        tree, value = self.grow(gradient, curvature)
        self.trees.append(tree)
        self._values.append(np.zeros(len(value)))
        return len(self.trees) - 1, value.astype(np.float64)

    def _next(self, gradient, curvature) -> tuple[int, np.ndarray]:
        o, number = self.options, self._turn if self._turn < len(self.trees) else 0
        self._turn = number + 1
        leaf = self._train.leaf(self.trees, number)
        inside = newton_step(leaf, gradient[:, 0], curvature[:, 0], o.lambda_, o.alpha, o.max_delta_step)
        step = np.zeros(len(self._values[number]))
        step[: len(inside)] = o.eta * inside
        return number, step

    def margins(self, X: np.ndarray) -> np.ndarray:
        """(n, 1) float64 sums over the rounds, in their order, at X (n, d) float32."""
        placed = self._placed(X)
        for number, step in self.rounds[placed.counted :]:
            placed.margins += step[placed.leaf(self.trees, number)]
        placed.counted = len(self.rounds)
        return placed.margins[:, None].copy()

    def _placed(self, X: np.ndarray) -> Placed:
        for placed in (self._train, *self._seen):
            if same(placed.inputs, X):
                return placed
        self._seen = [Placed(X.copy()), *self._seen[: INPUTS_KEPT - 1]]
        return self._seen[0]

    def kernel(self, X: np.ndarray) -> np.ndarray | None:
        """Leaf co-occurrence (n, n) of X, the mean over all trees, each counted once; None where there is none."""
        return self._co_occurrence(X, range(len(self.trees))) if self.trees else None

    def recent(self, X: np.ndarray, rounds: int) -> np.ndarray:
        """The mean over the trees of the last `rounds` rounds, each counted as often as it was moved."""
        return self._co_occurrence(X, [number for number, _ in self.rounds[-rounds:]])

    def _co_occurrence(self, X: np.ndarray, numbers: Sequence[int]) -> np.ndarray:
        for number in range(len(self._populations), len(self.trees)):
            self._populations.append(np.bincount(self._train.leaf(self.trees, number)))
        placed = self._placed(X)
        places = np.stack([placed.leaf(self.trees, number) for number in numbers], axis=1)
        return leaves.co_occurrence([self._populations[number] for number in numbers], places, self.options.lambda_)

    def described(self) -> list[dict[str, np.ndarray]]:
        """Each tree as `leaves.in_order` has it, with the sums of what its leaves got."""
        for tree in self.trees[len(self._structures) :]:
            numbers = np.arange(len(tree.feature))  # in the place of values: which node each leaf is
            self._structures.append(leaves.in_order([tree.arrays(numbers)]))
        pairs = zip(self._structures, self._values, strict=True)
        return [tree | {"leaf_value": value[tree["leaf_value"]]} for tree, value in pairs]
