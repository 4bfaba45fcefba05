"""Boosted trees whose structure is drawn without a look at the labels: the frozen twin of greedy trees."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from grokbench.learners import leaves

INPUTS_KEPT = 3  # whose sums are continued rather than begun again


@dataclass(frozen=True, eq=False)
class Tree:
    """A binary tree; node 0 is the root, and x goes left where x[feature] < threshold.

    Parameters
    ----------
    feature : (nodes,) int64; -1 marks a leaf.
    threshold : (nodes,) float32.
    left : (nodes,) int64 the left child; the right one is the next number.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray

    def leaves(self, X: np.ndarray) -> np.ndarray:
        """(n,) int64 the leaf of each row of X (n, d) float32."""
        node, moving = np.zeros(len(X), dtype=np.int64), np.arange(len(X))
        while len(moving := moving[self.feature[node[moving]] >= 0]):
            at = node[moving]
            node[moving] = self.left[at] + (X[moving, self.feature[at]] >= self.threshold[at])
        return node

    def arrays(self, value: np.ndarray) -> list[np.ndarray]:
        """Left and right children (-1 for a leaf), features, thresholds and values (nodes,)."""
        inner = self.feature >= 0
        return [
            *(np.where(inner, child, -1) for child in (self.left, self.left + 1)),
            self.feature,
            self.threshold,
            value,
        ]


class Extremes:
    """The smallest and the largest value of each feature in groups of examples.

    Where every feature has at most two values, as one-hot codes and signs have, an example is a row of bits, 64 a
    word: the smallest is the higher value where all bits are set, the largest where any is.

    Parameters
    ----------
    X : (n, d) float32 without NaN.
    """

    def __init__(self, X: np.ndarray):
        self._inputs = X
        self._values = X.min(axis=0), X.max(axis=0)
        low, high = self._values
        lower, upper = np.equal(X, low), np.equal(X, high)
        self._words = _words(upper) if (lower | upper).all() else None

    def __call__(self, rows: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(groups, d) float32 each; `rows` (m,) are the examples, group by group, `starts` where each begins."""
        if self._words is None:
            inside = self._inputs[rows]
            return np.minimum.reduceat(inside, starts), np.maximum.reduceat(inside, starts)
        low, high = self._values
        inside = self._words[rows]
        reduced = (extreme.reduceat(inside, starts) for extreme in (np.bitwise_and, np.bitwise_or))
        every, some = (_bits(words, len(low)) for words in reduced)
        return np.where(every, high, low), np.where(some, high, low)


def _words(bits: np.ndarray) -> np.ndarray:
    """(n, words) uint64 from (n, d) bool; `_bits` undoes it."""
    packed = np.packbits(bits, axis=1)
    return np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8))).view(np.uint64)


def _bits(words: np.ndarray, d: int) -> np.ndarray:
    return np.unpackbits(words.view(np.uint8), axis=1, count=d).view(bool)


def grow(
    X: np.ndarray,
    rng: np.random.Generator,
    max_depth: int,
    shares: tuple[float, float, float],
) -> Tree:
    """A totally random tree: `grow_with_leaves` without the leaves."""
    return grow_with_leaves(X, rng, max_depth, shares, Extremes(X))[0]


def grow_with_leaves(X, rng, max_depth: int, shares: tuple, extremes: Extremes) -> tuple[Tree, np.ndarray]:
    """A totally random tree (Geurts, Ernst and Wehenkel, Machine Learning 63, 2006), and its leaves (n,) of X.

    A node is split wherever its examples differ in one of its candidate features: the feature is drawn uniformly
    among those candidates, the threshold uniformly between its extremes in the node.

    Parameters
    ----------
    X : (n, d) float32 training inputs.
    max_depth : 0 is unlimited.
    shares : of the features that are candidates in the tree, of those in each level, of those in each node.
    extremes : of X.
    """
    in_tree = _candidates(np.ones((1, X.shape[1]), dtype=bool), shares[0], rng)
    levels, depth, place = [], 0, np.empty(len(X), dtype=np.int64)
    rows, owner = np.arange(len(X)), np.zeros(len(X), dtype=np.int64)  # examples, sorted by their node in this level
    while len(rows):
        starts = np.flatnonzero(np.diff(owner, prepend=-1))
        low = high = np.zeros((len(starts), X.shape[1]), dtype=np.float32)
        if depth < (max_depth or np.inf):  # else nothing is split, whatever the extremes
            low, high = extremes(rows, starts)
        allowed = np.repeat(_candidates(in_tree, shares[1], rng), len(starts), axis=0)
        open_ = _candidates(allowed, shares[2], rng) & (low < high)
        feature, threshold = _draw_splits(low, high, open_, rng)
        child = 2 * np.cumsum(feature >= 0) - 2  # number within the next level
        above = sum(len(level[0]) for level in levels)
        levels.append((feature, threshold, child + len(starts) + above))
        inside = feature[owner] >= 0
        place[rows[~inside]] = above + owner[~inside]
        rows, owner = rows[inside], owner[inside]
        owner = child[owner] + (X[rows, feature[owner]] >= threshold[owner])
        order = np.argsort(owner, kind="stable")
        rows, owner, depth = rows[order], owner[order], depth + 1
    return Tree(*(np.concatenate(part) for part in zip(*levels, strict=True))), place


def _candidates(allowed: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """(nodes, d) in each row a uniformly drawn share of the True ones, rounded down but at least one."""
    if share == 1:
        return allowed
    keys = np.where(allowed, rng.random(allowed.shape), np.inf)
    last = max(1, int(share * allowed[0].sum())) - 1
    return keys <= np.sort(keys, axis=1)[:, last, None]


def _draw_splits(low, high, open_, rng) -> tuple[np.ndarray, np.ndarray]:
    """Per node a feature, uniform over the open ones, -1 where there is none, and its threshold (float32)."""
    keys, place = np.where(open_, rng.random(low.shape), -1.0), rng.random(len(low))
    feature, node = keys.argmax(axis=1), np.arange(len(low))
    a, b = low[node, feature], high[node, feature]
    drawn = (a + place * (b.astype(np.float64) - a)).astype(np.float32)
    threshold = np.clip(drawn, np.nextafter(a, b), b)  # whatever is rounded: the lowest goes left, the highest right
    return np.where(open_.any(axis=1), feature, -1), threshold


def newton_step(leaf, gradient, curvature, lambda_: float, alpha: float, max_delta_step: float) -> np.ndarray:
    """(nodes,) float64 leaf values -S(G, alpha) / (H + lambda), S the soft threshold (Chen and Guestrin, 1603.02754).

    G and H are the sums of gradient and curvature (n,) over the examples in a leaf (n,); a node without curvature
    gets 0.
    """
    G, H = (np.bincount(leaf, weights=part) for part in (gradient, curvature))
    G = np.sign(G) * np.maximum(np.abs(G) - alpha, 0)
    step = np.divide(-G, H + lambda_, out=np.zeros_like(G), where=H > 0)
    return np.clip(step, -max_delta_step, max_delta_step) if max_delta_step else step


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays are equal; at once where they are one."""
    return a is b or np.array_equal(a, b)


@dataclass(eq=False)
class RandomRounds:
    """Those rounds of boosting whose trees are drawn; what they are is a function of seed, round and inputs alone.

    Parameters
    ----------
    options : of `BoostedTrees`; gamma and min_child_weight, which ask gradients whether to split, are not used.
    inputs : (n, d) float32 encoded training inputs.
    columns : margins per example.
    seed : of all draws.
    """

    options: object
    inputs: np.ndarray
    columns: int
    seed: int
    trees: list[list[tuple[Tree, np.ndarray]]] = field(default_factory=list)  # by round: trees and their node values

    def __post_init__(self):
        self.per_round = self.columns * self.options.num_parallel_tree
        self._extremes = Extremes(self.inputs)
        self._newest: list[np.ndarray] = []  # leaves of the training inputs in the trees of the last round
        self._sums: list[tuple[np.ndarray, int, np.ndarray]] = []

    def add(self, round_: int, gradient: np.ndarray, curvature: np.ndarray) -> None:
        """Draw this round's trees and give their leaves a Newton step on gradient and curvature (n, columns)."""
        o, rng = self.options, np.random.default_rng([self.seed, round_])
        shares = o.colsample_bytree, o.colsample_bylevel, o.colsample_bynode
        trees, places = [], []
        for column in np.repeat(np.arange(self.columns), o.num_parallel_tree):
            tree, leaf = grow_with_leaves(self.inputs, rng, o.max_depth, shares, self._extremes)
            sampled = rng.random(len(self.inputs)) < o.subsample
            g, h = (np.where(sampled, part[:, column], 0.0) for part in (gradient, curvature))
            step = newton_step(leaf, g, h, o.lambda_, o.alpha, o.max_delta_step)
            value = np.zeros(len(tree.feature), dtype=np.float32)
            value[: len(step)] = o.eta / o.num_parallel_tree * step
            trees.append((tree, value))
            places.append(leaf)
        self.trees.append(trees)
        self._newest = places

    def margins(self, X: np.ndarray) -> np.ndarray:
        """(n, columns) float32 sums of the leaf values of X (n, d) float32; kept, for the next round."""
        counted, sums = 0, np.zeros((len(X), self.columns), dtype=np.float32)
        for inputs, *kept in self._sums:
            if same(inputs, X):
                counted, sums = kept
        sums, trained = sums.copy(), same(X, self.inputs)
        for round_, trees in enumerate(self.trees[counted:], start=counted + 1):
            known = trained and round_ == len(self.trees)
            for number, (tree, value) in enumerate(trees):
                leaf = self._newest[number] if known else tree.leaves(X)
                sums[:, number // self.options.num_parallel_tree] += value[leaf]
        others = [kept for kept in self._sums if not same(kept[0], X)]
        self._sums = [(self.inputs if trained else X.copy(), len(self.trees), sums), *others[: INPUTS_KEPT - 1]]
        return sums.copy()

    def leaves(self, X: np.ndarray, first: int = 0) -> np.ndarray:
        """(n, rounds from the `first` on, trees per round) int64 leaves of X (n, d) float32."""
        places = [tree.leaves(X) for trees in self.trees[first:] for tree, _ in trees]
        return np.array(places, dtype=np.int64).T.reshape(len(X), -1, self.per_round)

    def described(self, first: int) -> list[dict[str, np.ndarray]]:
        """The trees of these rounds from the `first` on, as `leaves.in_order` has them."""
        return [leaves.in_order([tree.arrays(value) for tree, value in trees]) for trees in self.trees[first:]]
