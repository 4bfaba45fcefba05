"""Extremely randomized trees along their number."""

from __future__ import annotations

from dataclasses import dataclass

from grokbench.learners.trees.forest import Forest
from grokbench.registry import register_learner


@register_learner("extra_trees")
@dataclass(kw_only=True, eq=False)
class ExtraTrees(Forest):
    """Extremely randomized trees (scikit-learn), split at random points; time is the number of trees, exactly.

    As the forest, but of the features drawn at a split each is tried at one random threshold only, and every tree
    sees all examples (Geurts, Ernst and Wehenkel, Machine Learning 63, 2006).

    Parameters
    ----------
    bootstrap : grow each tree on a sample drawn with replacement.
    """

    bootstrap: bool = False

    def _classes(self):
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

        return ExtraTreesClassifier, ExtraTreesRegressor
