"""Learners that are scikit-learn estimators: the three faces of any of them, on the clock that a subclass chooses."""

from __future__ import annotations

import numpy as np

from grokbench.learners import leaves
from grokbench.learners.base import Learner
from grokbench.learners.encodings import Encoder
from grokbench.learners.scikit.estimator_clocks import Clock

WEIGHTS = ("coef_", "coefs_", "intercept_", "intercepts_", "dual_coef_", "support_")


class ScikitLearner(Learner):
    """Base of learners that are scikit-learn estimators; a subclass says which, on which clock.

    Scores by what the estimator offers (`method`), for the classes that occur in the training data:
    "decision_function": its values, where there is one column f the scores (-f/2, f/2), whose softmax is the
    logistic function of f and whose margin is f; "predict_log_proba": log max(p, eps), eps that of the numbers'
    precision, as in `sklearn.metrics.log_loss`; "predict_proba": p itself; "predict": the one-hot code of the answer.
    A class without training examples gets the lowest score of all: probability 0, or 1 less than the lowest.
    Time 0 is the zero function, before anything was fitted.
    """

    method = "predict_proba"

    def _estimator(self, regression: bool):
        """A fresh estimator."""
        raise NotImplementedError

    def _clock(self, make, seed: int, X: np.ndarray, y: np.ndarray) -> Clock:
        """The clock that moves it."""
        raise NotImplementedError

    def begin(self, X, y, n_classes, alphabet, rng):
        """Nothing is fitted yet; one number of `rng` seeds whatever the estimator draws."""
        self._n_classes, self._encode = n_classes, Encoder(alphabet, self.encoding)
        self._present, codes = np.unique(y, return_inverse=True) if n_classes else (None, np.array(y))
        self._train = self._encode(X)
        self._clocked = self._clock(
            lambda: self._estimator(n_classes == 0), int(rng.integers(2**31)), self._train, codes
        )

    def advance(self, time):
        """Take the estimator to `time`."""
        self._clocked.advance(time)

    def scores(self, X):
        """(n, C), from what the estimator says of X at this time."""
        scores = np.zeros((len(X), max(self._n_classes, 1)))
        if self._clocked.time == 0:
            return scores
        method = self.method if self._n_classes else "predict"
        offered = "predict_proba" if method == "predict_log_proba" else method
        answer = self._clocked.output(offered, self._encode(X))
        if not self._n_classes:
            return answer.reshape(len(X), 1).astype(np.float64)
        columns, lowest = class_columns(answer, method, len(self._present))
        scores[:] = lowest
        scores[:, self._present] = columns
        return scores

    def kernel(self, X):
        """Leaf co-occurrence of trees (`leaves.kernel`); None for others, and at time 0."""
        if not hasattr(self._clocked.model, "apply"):
            return None
        trained, places = (self._leaves(inputs) for inputs in (self._train, self._encode(X)))
        return leaves.kernel(trained, places)

    def _leaves(self, encoded: np.ndarray) -> np.ndarray:
        """(n, trees) the leaf of each example in each tree up to now."""
        places = np.asarray(self._clocked.model.apply(encoded)).astype(np.int64)
        places = places.reshape(len(encoded), -1) if places.ndim == 1 else places
        return places[:, : self._shown(places.shape[1])].reshape(len(encoded), -1)

    def _shown(self, fitted: int) -> int:
        """How many of the members that were fitted count at this time: `Stages` fits ahead of it."""
        ahead = getattr(self._clocked, "parameter", None) == "n_estimators"
        return min(fitted, int(self._clocked.time)) if ahead else fitted

    def description(self):
        """Its trees (`leaves.describe`) and what they need besides, or its weights; {} for other kinds."""
        model = self._clocked.model
        if model is None:
            return {}
        if hasattr(model, "tree_"):
            return leaves.describe([model.tree_])
        members = np.asarray(getattr(model, "estimators_", []), dtype=object)
        members = members[: self._shown(len(members))].ravel()
        drawn_features = hasattr(model, "estimators_features_")  # bagging: a tree counts its own features only
        if len(members) and not drawn_features and all(hasattr(member, "tree_") for member in members):
            return leaves.describe([member.tree_ for member in members]) | _around_trees(model, len(members))
        return _weights(model)


def class_columns(answer: np.ndarray, method: str, n_present: int) -> tuple[np.ndarray, np.ndarray | float]:
    """(n, n_present) float64 scores from an estimator's answer, and the score of classes that it has not seen.

    Raises ValueError for an answer that does not have one column per class.
    """
    if method == "predict":
        return np.eye(n_present)[answer.astype(np.int64)], 0.0
    if answer.ndim == 1 or answer.shape[1] == 1:
        f = answer.reshape(-1, 1).astype(np.float64)
        answer = np.hstack([-f, f]) / 2
    if answer.shape[1] != n_present:
        raise ValueError(f"{method} answered {answer.shape[1]} columns, expected one for each of {n_present} classes")
    if method == "predict_log_proba":
        floor = np.finfo(answer.dtype).eps
        return np.log(np.maximum(answer, floor)).astype(np.float64), float(np.log(floor))
    columns = answer.astype(np.float64)
    return columns, 0.0 if method == "predict_proba" else columns.min(axis=1, keepdims=True) - 1


def _around_trees(model, count: int) -> dict[str, np.ndarray]:
    """What a prediction needs besides the trees: their weights, or what boosting starts from."""
    initial = getattr(model, "init_", None)
    arrays = {
        "tree_weights": getattr(model, "estimator_weights_", [])[:count],
        "class_prior": getattr(initial, "class_prior_", []),
        "constant": getattr(initial, "constant_", []),
    }
    return {name: np.array(value, dtype=np.float64) for name, value in arrays.items() if len(value)}


def _weights(model) -> dict[str, np.ndarray]:
    """The fitted weights under scikit-learn's names; those of a list of layers numbered from 1."""
    arrays = {}
    for name in WEIGHTS:
        value = getattr(model, name, None)
        if isinstance(value, list):
            arrays |= {f"{name}{layer}": np.array(array) for layer, array in enumerate(value, start=1)}
        elif value is not None:
            arrays[name] = np.array(value)
    if "dual_coef_" in arrays:
        arrays.pop("coef_", None)  # of a linear kernel machine, the same once more
    return arrays
