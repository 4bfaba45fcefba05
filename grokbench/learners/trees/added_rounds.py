"""Boosting in which every round adds trees, grown by the library or drawn, that nothing changes afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from grokbench.learners import leaves
from grokbench.learners.trees import library
from grokbench.learners.trees.random_trees import RandomRounds, same

ARRAYS_KEPT = 3  # whose leaves are


@dataclass(eq=False)
class AddedRounds:
    """The rounds so far, which of them were drawn, and what their trees say of inputs X.

    With s the `random_structure` of the options, round t = 1, 2, ... is drawn where floor(s t) > floor(s (t - 1)). The
    leaves of inputs are kept from call to call, because no tree changes.

    Parameters
    ----------
    options : of `BoostedTrees`.
    booster : of the library, with its rounds.
    drawn : the other rounds.
    matrices : inputs in the library's form, and as numbers.
    """

    options: object
    booster: object
    drawn: RandomRounds
    matrices: library.Matrices
    _places: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)  # inputs, their leaves
    _populations: list[np.ndarray] = field(default_factory=list)  # by tree
    _described: list[dict[str, np.ndarray]] = field(default_factory=list)  # by round

    def __len__(self) -> int:
        return self.booster.num_boosted_rounds() + len(self.drawn.trees)

    def is_drawn(self, number: int) -> bool:
        """Whether the trees of a round, counted from 0, are drawn."""
        return self._grown_before(number + 1) == self._grown_before(number)

    def _grown_before(self, number: int) -> int:
        """How many of the rounds 0..number - 1 are the library's."""
        return number - int(self.options.random_structure * number)

    def margins(self, X: np.ndarray) -> np.ndarray:
        """(n, columns) float32 sums over all trees."""
        margin = self.booster.predict(self.matrices(X), output_margin=True).reshape(len(X), -1)
        return margin + self.drawn.margins(self.matrices.numbers(X)) if self.options.random_structure else margin

    def recent(self, X: np.ndarray, rounds: int) -> np.ndarray:
        """(n, n) leaf co-occurrence of X, the mean over the trees of the last `rounds` rounds."""
        per_round = self.drawn.per_round
        trained = self._leaves_from(len(self._populations) // per_round, self.matrices.X)
        self._populations += leaves.populations(trained.reshape(len(trained), -1))
        places = self.leaves(X)[:, -rounds:].reshape(len(X), -1)
        return leaves.co_occurrence(self._populations[-rounds * per_round :], places, self.options.lambda_)

    def leaves(self, X: np.ndarray) -> np.ndarray:
        """(n, rounds, trees per round) int64: the leaf of each example in each tree."""
        known = next((places for inputs, places in self._places if same(inputs, X)), None)
        known = np.empty((len(X), 0, self.drawn.per_round), dtype=np.int64) if known is None else known
        places = np.concatenate([known, self._leaves_from(known.shape[1], X)], axis=1)
        others = [kept for kept in self._places if not same(kept[0], X)]
        self._places = [(np.array(X), places), *others[: ARRAYS_KEPT - 1]]
        return places

    def _leaves_from(self, first: int, X: np.ndarray) -> np.ndarray:
        """(n, rounds from `first` on, trees per round) int64."""
        drawn = np.array([self.is_drawn(number) for number in range(first, len(self))], dtype=bool)
        places = np.empty((len(X), len(drawn), self.drawn.per_round), dtype=np.int64)
        if drawn.any():
            places[:, drawn] = self.drawn.leaves(self.matrices.numbers(X), first - self._grown_before(first))
        if not drawn.all():
            new = self.booster[self._grown_before(first) : self._grown_before(len(self))]
            grown = new.predict(self.matrices(X), pred_leaf=True, strict_shape=True)
            places[:, ~drawn] = grown.reshape(len(X), -1, self.drawn.per_round)
        return places

    def described(self) -> list[dict[str, np.ndarray]]:
        """The trees of each round as `leaves.in_order` has them."""
        first, rounds = len(self._described), len(self)
        if first < rounds:
            grown = iter(self._grown(self._grown_before(first), self._grown_before(rounds)))
            drawn = iter(self.drawn.described(first - self._grown_before(first)))
            self._described += [next(drawn if self.is_drawn(number) else grown) for number in range(first, rounds)]
        return self._described

    def _grown(self, first: int, last: int) -> list[dict[str, np.ndarray]]:
        """The trees of the library's rounds first..last - 1, one entry per round."""
        trees, per_round = library.grown(self.booster, first, last), self.drawn.per_round
        return [leaves.in_order(trees[i : i + per_round]) for i in range(0, len(trees), per_round)]
