"""Boosted trees on the clock of boosting rounds: the family that finds features by greedy splitting.

Inside this module ``import xgboost`` is the library (imports are absolute).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from grokbench.errors import OptionError
from grokbench.learners import leaves
from grokbench.learners.base import Learner
from grokbench.learners.encodings import Encoder, Encoding
from grokbench.learners.trees import library
from grokbench.learners.trees.added_rounds import AddedRounds
from grokbench.learners.trees.leaf_steps import LeafSteps
from grokbench.learners.trees.loss_derivatives import derivatives
from grokbench.learners.trees.random_trees import RandomRounds, Tree
from grokbench.options import AtLeastTwo, Count, NonNegative, Positive, PositiveShare, Share, Whole
from grokbench.registry import register_learner

PENALTIES = ("gamma", "min_child_weight", "lambda", "alpha")  # in the units of gradient or curvature
GREEDY_ONLY = {"max_leaves": 0, "grow_policy": "depthwise", "sampling_method": "uniform"}
WHOLE_ROUNDS = {"subsample": 1.0, "num_parallel_tree": 1}  # one tree a round, on all examples
OWN = ("random_structure", "forest", "greedy_share", "stable_gradients", "encoding")  # options that are not xgboost's
RECENT, FEWEST, MOST = 0.2, 5, 40  # the recent kernel is that of this share of the rounds, within these bounds


@register_learner("xgboost")
@dataclass(kw_only=True, eq=False)
class BoostedTrees(Learner):
    """Gradient-boosted decision trees of the library xgboost; the clock is boosting rounds.

    After T rounds the margin of class c is f_c(x) = sum over its trees m of w_m(leaf of x in m), where
    each round adds one tree per class (one in all for two classes and for a regression), fitted to
    gradient and curvature of the loss at the current margins (Chen and Guestrin, arXiv 1603.02754).
    Two classes have one margin f and the scores (-f/2, f/2), whose softmax is xgboost's probability;
    more classes have their margins as scores; a regression has its prediction and the loss "mse".
    Round 0 is the zero function: nothing is estimated from the labels before the first tree.
    Memorizing needs `min_child_weight` 0 where a leaf may have to hold a single example.

    With `random_structure` s, the trees of round t are totally random (Geurts, Ernst and Wehenkel 2006) wherever
    floor(s t) > floor(s (t - 1)), that is, evenly spaced. Their structure is drawn from seed, t and the training inputs
    alone, to the depth and with the column sampling of the greedy trees; their leaf values are the same Newton steps
    times eta. gamma and min_child_weight, which ask the gradients whether to split, are for greedy trees only.

    With `forest` or `greedy_share` s below 1, boosting goes back to trees that are there. A round grows a greedy tree
    wherever floor(s t) > floor(s (t - 1)), and where there is none yet. Every other round takes one Newton step times
    eta on the leaves of the next tree in turn, those of the forest first: its values change, its structure does not.
    The forest is totally random trees with leaf values 0, drawn from seed and training inputs alone. So the function
    is 0 at time 0, but has a kernel. For regressions and two classes.

    Parameters
    ----------
    eta : learning rate, the factor on each tree's leaf values.
    gamma : loss reduction that a split has to bring.
    max_depth : depth of a tree; 0 is unlimited.
    min_child_weight : sum of curvatures that each side of a split has to hold.
    max_delta_step : largest leaf value before `eta`; 0 is unlimited.
    subsample : share of the training examples drawn for each tree.
    sampling_method : how examples are drawn, all alike or by the size of their gradient.
    colsample_bytree : share of the features drawn for each tree.
    colsample_bylevel : share of those drawn for each level of depth.
    colsample_bynode : share of those drawn for each node.
    lambda : L2 penalty on leaf values.
    alpha : L1 penalty on leaf values.
    tree_method : how split points are searched; "auto" is "hist".
    scale_pos_weight : weight of class 1; two classes only.
    grow_policy : which leaf is split next, the shallowest or the one with the highest gain.
    max_leaves : largest number of leaves of a tree; 0 is unlimited.
    max_bin : number of candidate split points per feature ("hist" and "approx").
    num_parallel_tree : trees per class and round (a boosted forest).
    random_structure : share of the rounds whose trees are drawn without a look at the labels; 1 is the frozen twin,
        whose leaf values alone learn.
    forest : totally random trees that are there before the first round.
    greedy_share : share of the rounds that grow a tree, while the others step on the leaves of one that is there; with
        a forest, 0 is the frozen twin, whose kernel does not move.
    stable_gradients : slopes are computed in double precision and without cancellation, and handed over divided by the
        largest curvature, as are the penalties: the same trees in real numbers. Without, at lambda 0, the library's
        single precision grows no more trees once margins reach 15, after 15 / eta rounds.
    encoding : how tokens become features.
    """

    eta: Positive = 0.3
    gamma: NonNegative = 0.0
    max_depth: Whole = 6
    min_child_weight: NonNegative = 1.0
    max_delta_step: NonNegative = 0.0
    subsample: PositiveShare = 1.0
    sampling_method: Literal["uniform", "gradient_based"] = "uniform"
    colsample_bytree: PositiveShare = 1.0
    colsample_bylevel: PositiveShare = 1.0
    colsample_bynode: PositiveShare = 1.0
    lambda_: NonNegative = 1.0
    alpha: NonNegative = 0.0
    tree_method: Literal["auto", "exact", "approx", "hist"] = "auto"
    scale_pos_weight: Positive = 1.0
    grow_policy: Literal["depthwise", "lossguide"] = "depthwise"
    max_leaves: Whole = 0
    max_bin: AtLeastTwo = 256
    num_parallel_tree: Count = 1
    random_structure: Share = 0.0
    forest: Whole = 0
    greedy_share: Share = 1.0
    stable_gradients: bool = False
    encoding: Encoding = "auto"

    clock = "rounds"
    family = "trees"
    loss = "cross-entropy"
    added_options = ("forest", "greedy_share")

    def __post_init__(self):
        tree_options = self._tree_options()
        if self.tree_method == "exact":  # what the library refuses only after training has begun
            plain = {"max_depth": self.max_depth > 0, "colsample_bynode": self.colsample_bynode == 1}
            plain["sampling_method"] = self.sampling_method == "uniform"
            self._require(plain, 'a tree_method other than "exact"')
        if self.random_structure:  # what ranks splits or examples by their gradients
            plain = {name: tree_options[name] == default for name, default in GREEDY_ONLY.items()}
            self._require(plain, "random_structure 0")
        if self._goes_back():
            self._check_going_back(tree_options)

    def _goes_back(self) -> bool:
        """Whether rounds return to trees that are there."""
        return self.forest > 0 or self.greedy_share < 1

    def _check_going_back(self, tree_options: dict[str, object]) -> None:
        alone = {name: tree_options[name] == default for name, default in (GREEDY_ONLY | WHOLE_ROUNDS).items()}
        self._require(alone, "forest 0 and greedy_share 1")
        if self.random_structure:
            raise OptionError("random_structure", self.random_structure, "0, or forest 0 and greedy_share 1")
        if not (self.forest or self.greedy_share):
            raise OptionError("greedy_share", self.greedy_share, "a share above 0, or a forest to step on")

    def _require(self, fine: dict[str, bool], otherwise: str) -> None:
        for name, holds in fine.items():
            if not holds:
                raise OptionError(name, self._tree_options()[name], f"another value, or {otherwise}")

    def _tree_options(self) -> dict[str, object]:
        """xgboost's own parameters among the options, under xgboost's names."""
        return {f.name.rstrip("_"): getattr(self, f.name) for f in fields(self) if f.name not in OWN}

    def cannot_read(self, split) -> str | None:
        """Why these options do not apply to a split, or None."""
        if self.scale_pos_weight != 1 and split.n_classes != 2:
            return "scale_pos_weight applies to two classes only"
        if self._goes_back() and split.n_classes > 2:
            return "forest and greedy_share apply to two classes and to regressions only"
        return super().cannot_read(split)

    def _parameters(self, n_classes: int, seed: int) -> dict[str, object]:
        """The parameters of the booster."""
        return self._tree_options() | library.objective(n_classes) | library.machine(seed, self.device)

    def begin(self, X, y, n_classes, alphabet, rng) -> None:
        """An empty ensemble."""
        import xgboost

        self._n_classes, self._labels = n_classes, np.array(y)
        self.loss = "cross-entropy" if n_classes else "mse"
        self._round = 0
        self._matrices = library.Matrices(X, y, Encoder(alphabet, self.encoding))
        seed = int(rng.integers(2**31))
        self._booster = xgboost.Booster(self._parameters(n_classes, seed), [self._matrices.train])
        inputs = self._matrices.inputs
        self._random = RandomRounds(self, inputs, n_classes if n_classes > 2 else 1, seed)
        self._added = AddedRounds(self, self._booster, self._random, self._matrices)
        self._steps = LeafSteps(self, inputs, seed, self._grow) if self._goes_back() else None

    def advance(self, time: float) -> None:
        """Add trees up to round `time`."""
        while self._round < int(time):
            self._add_round()
            self._round += 1

    def _add_round(self) -> None:
        if not (self._steps or self.random_structure or self.stable_gradients):
            self._booster.update(self._matrices.train, iteration=self._round)
            return
        slopes = derivatives(self._margins(self._matrices.X), self._labels, self._n_classes, self.scale_pos_weight)
        if self._steps:
            self._steps.add(*slopes)
        elif self._added.is_drawn(self._round):
            self._random.add(self._round, *slopes)
        else:
            self._boost(*slopes)

    def _boost(self, gradient: np.ndarray, curvature: np.ndarray) -> None:
        """A round of the library, which is told the slopes, because it does not know of what is not its own."""
        if self.stable_gradients:
            scale = curvature.max() or 1.0
            gradient, curvature = gradient / scale, curvature / scale
            self._booster.set_param({name: self._tree_options()[name] / scale for name in PENALTIES})
        slopes = {"grad": gradient.astype(np.float32), "hess": curvature.astype(np.float32)}
        self._booster.boost(self._matrices.train, self._round, **slopes)

    def _grow(self, gradient: np.ndarray, curvature: np.ndarray) -> tuple[Tree, np.ndarray]:
        """A new tree of the library, and the values of its nodes."""
        before = self._booster.num_boosted_rounds()
        self._boost(gradient, curvature)
        ((*structure, value),) = library.grown(self._booster, before, before + 1)
        return library.as_tree(*structure), value

    def _margins(self, X: np.ndarray) -> np.ndarray:
        """(n, columns) float32 sums over all trees; float64 where rounds go back to their trees."""
        if self._steps:
            return self._steps.margins(self._matrices.numbers(X))
        return self._added.margins(X)

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Margins of all trees so far, two classes as (-f/2, f/2)."""
        if self._round == 0:
            return np.zeros((len(X), max(self._n_classes, 1)))
        return self._as_scores(self._margins(X).astype(np.float64))

    def _as_scores(self, margin: np.ndarray) -> np.ndarray:
        return np.hstack([-margin, margin]) / 2 if self._n_classes == 2 else margin

    def kernel(self, X: np.ndarray) -> np.ndarray | None:
        """Cumulative leaf co-occurrence, the mean over trees of sum_leaf 1[x in l] 1[x' in l] / (n_l + lambda).

        n_l is the number of training examples in leaf l. For squared error, one round with eta 1 is
        f(x) = sum_i K(x, x_i) y_i. Each tree counts once, those of a forest too, however often its leaves were moved.
        None where there is no tree: at time 0 without a forest.
        """
        if self._steps:
            return self._steps.kernel(self._matrices.numbers(X))
        return self._added.recent(X, self._round) if self._round else None

    def other_kernels(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """ "recent": the same over the last fifth of the rounds alone, at least 5 and at most 40; {} at time 0.

        It is what the next residual meets, as a tangent kernel is; the cumulative one still averages the first trees.
        """
        rounds = min(self._round, max(FEWEST, min(MOST, round(RECENT * self._round))))
        return {"recent": self._recent(X, rounds)} if rounds else {}

    def _recent(self, X: np.ndarray, rounds: int) -> np.ndarray:
        """(n, n) over the trees of the last `rounds` rounds."""
        if self._steps:
            return self._steps.recent(self._matrices.numbers(X), rounds)
        return self._added.recent(X, rounds)

    def description(self) -> dict[str, np.ndarray]:
        """All trees, each in preorder (left before right; left means x[split_feature] < threshold).

        Trees come round by round, then by class, then parallel trees. ``is_leaf`` (nodes,) tells leaves
        from splits and so where a tree ends; ``split_feature``, ``threshold`` (splits,) and
        ``leaf_value`` (leaves,) follow in the same order. A forest comes first; a leaf that was moved
        more than once has the sum.
        """
        return leaves.joined(self._described())

    def _described(self) -> list[dict[str, np.ndarray]]:
        """One entry per round, or per tree where rounds go back to theirs."""
        return (self._steps or self._added).described()

    def scores_of(self, description, X):
        """The sums of the leaf values of whole rounds of trees."""
        values = leaves.values(description, self._matrices.numbers(X))
        shape = values.shape[1] // self._random.per_round, self._random.columns, self.num_parallel_tree
        return self._as_scores(values.reshape(len(X), *shape).sum(axis=(1, 3)))

    def parts(self):
        """The number of rounds, or of trees where rounds go back to theirs."""
        return len(self._steps.trees) if self._steps else self._round

    def leading(self, size):
        """The `size` parts that move the training scores most (mean square of their trees), in their order."""
        moved = (leaves.values(self.description(), self._matrices.inputs) ** 2).mean(axis=0)
        heaviest = np.argsort(-moved.reshape(self.parts(), -1).sum(axis=1), kind="stable")[:size]
        described = self._described()
        return leaves.joined([described[part] for part in np.sort(heaviest)])
