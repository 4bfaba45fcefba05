"""Boosted trees of the library LightGBM, where it is installed.

Inside this module ``import lightgbm`` is the library (imports are absolute).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from grokbench.learners.base import Learner
from grokbench.learners.encodings import Encoder, Encoding
from grokbench.options import AtLeastTwo, Count, NonNegative, Positive, PositiveShare, Whole
from grokbench.registry import register_learner


@register_learner("lightgbm")
@dataclass(kw_only=True, eq=False)
class LeafwiseTrees(Learner):
    """Gradient-boosted trees of the library LightGBM, grown leaf by leaf; the clock is boosting rounds.

    Of all leaves the one whose split gains most is split next (Ke et al., NIPS 2017). Boosting starts at 0, two classes
    have one margin f and the scores (-f/2, f/2), a regression has squared loss. The library is an extra of the
    package: without it, a plan leaves the learner out and says so.

    Parameters
    ----------
    learning_rate : factor on each tree's leaf values.
    num_leaves : largest number of leaves of a tree.
    max_depth : largest depth; 0 is unlimited.
    min_child_samples : training examples that each side of a split has to hold.
    min_child_weight : sum of curvatures that each side has to hold.
    lambda_l2 : L2 penalty on leaf values.
    feature_fraction_bynode : share of the features drawn for each node.
    encoding : how tokens become numbers; "auto" is "sign" for two-letter alphabets, else "one-hot".
    """

    learning_rate: Positive = 0.1
    num_leaves: AtLeastTwo = 31
    max_depth: Whole = 0
    min_child_samples: Count = 20
    min_child_weight: NonNegative = 1e-3
    lambda_l2: NonNegative = 0.0
    feature_fraction_bynode: PositiveShare = 1.0
    encoding: Encoding = "auto"

    clock = "rounds"
    family = "trees"
    loss = "cross-entropy"

    def cannot_read(self, split):
        """The library is not installed, or what the encoding cannot read."""
        if find_spec("lightgbm") is None:
            return "the library lightgbm is not installed (extra: integrations)"
        return super().cannot_read(split)

    def begin(self, X, y, n_classes, alphabet, rng):
        import lightgbm

        self._encode, self._n_classes, self._round = Encoder(alphabet, self.encoding), n_classes, 0
        self.loss = "cross-entropy" if n_classes else "mse"
        parameters = self._parameters(int(rng.integers(2**31 - 1)))
        train = lightgbm.Dataset(self._encode(X), label=y, params=parameters, free_raw_data=False)
        self._booster = lightgbm.Booster(parameters, train)

    def _parameters(self, seed: int) -> dict[str, object]:
        """The library's parameters; one thread and `deterministic`, so that the same seed is the same run."""
        many = self._n_classes if self._n_classes > 2 else 1
        objective = {0: "regression", 2: "binary"}.get(self._n_classes, "multiclass")
        machine = {"seed": seed, "num_threads": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1}
        return machine | {
            "objective": objective,
            "num_class": many,
            "boost_from_average": False,
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "max_depth": self.max_depth or -1,
            "min_child_samples": self.min_child_samples,
            "min_child_weight": self.min_child_weight,
            "lambda_l2": self.lambda_l2,
            "feature_fraction_bynode": float(self.feature_fraction_bynode),
        }

    def advance(self, time):
        """Add trees up to round `time`."""
        while self._round < int(time):
            self._booster.update()
            self._round += 1

    def scores(self, X):
        """Margins of all trees so far, two classes as (-f/2, f/2)."""
        if self._round == 0:
            return np.zeros((len(X), max(self._n_classes, 1)))
        margin = self._booster.predict(self._encode(X), raw_score=True).reshape(len(X), -1)
        return np.hstack([-margin, margin]) / 2 if self._n_classes == 2 else margin
