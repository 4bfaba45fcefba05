"""Nearest neighbours, from all of them to one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grokbench.learners.encodings import Encoding
from grokbench.learners.scikit.estimator_clocks import Refits
from grokbench.learners.scikit.scikit_learn import ScikitLearner
from grokbench.options import NonNegative
from grokbench.registry import register_learner


@register_learner("nearest_neighbors")
@dataclass(kw_only=True, eq=False)
class NearestNeighbors(ScikitLearner):
    """The vote of the k nearest training examples; time is n / k, the effective number of parameters.

    The average of k neighbours is a linear smoother of trace n / k (Hastie, Tibshirani and Friedman, The Elements
    of Statistical Learning, 2.3): k = floor(n / t), so that time 1 is the majority of all n examples, time n the one
    nearest neighbour, which fits the training split, and later times change nothing. As on the other clocks,
    capacity grows; with the number of neighbours as clock a run would begin where it fits and end as a constant.
    A neighbour at Euclidean distance r has r^-power votes; those at distance 0, where there are any, have them all.
    Scores are shares of votes, for a regression the weighted mean. Of equally far examples scikit-learn's search takes
    those that it comes upon first.

    Parameters
    ----------
    power : how fast votes fall with distance: 0 for equal votes; above it every training example fits itself.
    encoding : how tokens become numbers; "auto" is "sign" for two-letter alphabets, else "one-hot".
    """

    power: NonNegative = 0.0
    encoding: Encoding = "auto"

    clock = "n / k"
    family = "neighbors"
    loss = "mse"
    deterministic = True

    def kernel(self, X):
        """None: whether two inputs share neighbours is no positive semi-definite similarity."""
        return

    def description(self):
        """The training targets: k is the clock's, and the receiver has the inputs."""
        return {"targets": self._clocked.y.copy()}

    def _estimator(self, regression):
        from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

        cls = KNeighborsRegressor if regression else KNeighborsClassifier
        # one way of searching at all times, so that ties are broken alike
        return cls(weights=self._votes if self.power else "uniform", algorithm="brute")

    def _votes(self, distances: np.ndarray) -> np.ndarray:
        """(n, k) votes of neighbours at these distances, those of the nearest being 1."""
        nearest = distances.min(axis=1, keepdims=True)
        ratios = np.divide(nearest, distances, out=np.ones_like(distances), where=distances > 0)
        return ratios**self.power  # nearest = 0: 1 for the examples at distance 0, 0 for the others

    def _clock(self, make, seed, X, y):
        return Refits(make, seed, X, y, setting=lambda time: {"n_neighbors": max(1, int(len(X) // time))})
