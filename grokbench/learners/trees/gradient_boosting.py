"""Gradient boosting as scikit-learn has it, along its rounds."""

from __future__ import annotations

from dataclasses import dataclass

from grokbench.learners.encodings import Encoding
from grokbench.learners.scikit.scikit_learn import ScikitLearner
from grokbench.learners.trees.running_sums import Boosts
from grokbench.options import AtLeastTwo, Count, Positive, PositiveShare, Share, Whole, Zero
from grokbench.registry import register_learner


@register_learner("gradient_boosting")
@dataclass(kw_only=True, eq=False)
class GradientBoosting(ScikitLearner):
    """Gradient-boosted regression trees (scikit-learn, exact split search); time is boosting rounds.

    Trees fit the gradient alone and leaves then take a Newton step (Friedman, Annals of Statistics 29, 2001),
    while the learner xgboost fits gradient and curvature with penalties. From round 1 on the scores contain the
    log-odds of the class shares (regression: the mean), from which boosting starts. Two classes have one
    function f and the scores (-f/2, f/2). Adding rounds is the same as fitting them at once.

    Parameters
    ----------
    learning_rate : factor on each tree's leaf values.
    max_depth : largest depth of a tree; 0 is unlimited.
    subsample : share of the training examples drawn for each tree.
    max_features : share of the features drawn at each split; 0 is the square root of their number.
    min_samples_split : examples that a node needs to be split.
    min_samples_leaf : examples that each side of a split has to hold.
    max_leaf_nodes : largest number of leaves of a tree, best splits first; 0 is unlimited.
    encoding : how tokens become numbers; "auto" is "sign" for two-letter alphabets, else "one-hot".
    """

    learning_rate: Positive = 0.1
    max_depth: Whole = 3
    subsample: PositiveShare = 1.0
    max_features: Share = 1.0
    min_samples_split: AtLeastTwo = 2
    min_samples_leaf: Count = 1
    max_leaf_nodes: Zero | AtLeastTwo = 0
    encoding: Encoding = "auto"

    clock = "rounds"
    family = "trees"
    loss = "cross-entropy"
    method = "decision_function"

    def begin(self, X, y, n_classes, alphabet, rng):
        self.loss = "cross-entropy" if n_classes else "mse"
        super().begin(X, y, n_classes, alphabet, rng)

    def _estimator(self, regression):
        from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

        return (GradientBoostingRegressor if regression else GradientBoostingClassifier)(
            learning_rate=self.learning_rate,
            max_depth=self.max_depth or None,
            subsample=float(self.subsample),
            max_features=float(self.max_features) or "sqrt",
            min_samples_split=self.min_samples_split,
            min_samples_leaf=self.min_samples_leaf,
            max_leaf_nodes=self.max_leaf_nodes or None,
        )

    def _clock(self, make, seed, X, y):
        return Boosts(make, seed, X, y)
