"""Random forests along the number of their trees."""

from __future__ import annotations

from dataclasses import dataclass

from grokbench.learners.encodings import Encoding
from grokbench.learners.scikit.scikit_learn import ScikitLearner
from grokbench.learners.trees.running_sums import Votes
from grokbench.options import AtLeastTwo, Count, Share, Whole, Zero
from grokbench.registry import register_learner


@register_learner("forest")
@dataclass(kw_only=True, eq=False)
class Forest(ScikitLearner):
    """Random forest (scikit-learn); time is the number of trees, and growing it is the same as growing it at once.

    Scores are the mean over trees of the class shares in the leaf of an input, for a regression the mean target
    (Breiman, Machine Learning 45, 2001). Trees are grown without limit unless one is set.

    Parameters
    ----------
    max_depth : largest depth of a tree; 0 is unlimited.
    min_samples_split : examples that a node needs to be split.
    min_samples_leaf : examples that each side of a split has to hold.
    max_features : share of the features drawn at each split; 0 is the square root of their number.
    max_leaf_nodes : largest number of leaves of a tree, best splits first; 0 is unlimited.
    bootstrap : grow each tree on a sample drawn with replacement.
    encoding : how tokens become numbers; "auto" is "sign" for two-letter alphabets, else "one-hot".
    """

    max_depth: Whole = 0
    min_samples_split: AtLeastTwo = 2
    min_samples_leaf: Count = 1
    max_features: Share = 0.0
    max_leaf_nodes: Zero | AtLeastTwo = 0
    bootstrap: bool = True
    encoding: Encoding = "auto"

    clock = "trees"
    family = "trees"
    loss = "mse"

    def _classes(self) -> tuple[type, type]:
        """The classifier and the regressor."""
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        return RandomForestClassifier, RandomForestRegressor

    def _estimator(self, regression):
        return self._classes()[regression](
            max_depth=self.max_depth or None,
            min_samples_split=self.min_samples_split,
            min_samples_leaf=self.min_samples_leaf,
            max_features=float(self.max_features) or "sqrt",
            max_leaf_nodes=self.max_leaf_nodes or None,
            bootstrap=self.bootstrap,
        )

    def _clock(self, make, seed, X, y):
        return Votes(make, seed, X, y)
