"""Linear and logistic regression on given features: what can be said of grokking without any feature learning."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, reduce
from itertools import combinations_with_replacement
from math import comb
from typing import Literal

import numpy as np

from grokbench.errors import OptionError
from grokbench.learners.base import Learner
from grokbench.learners.encodings import Encoder, Encoding, one_hot
from grokbench.learners.kernels.kernel_flow import descent_gain, flow_gain
from grokbench.options import Count, NonNegative, Positive, Unbounded
from grokbench.registry import register_learner

MOST_FEATURES = 20_000


@register_learner("linear")
@dataclass(kw_only=True, eq=False)
class Linear(Learner):
    """Linear or logistic regression from given weights, by gradient descent or gradient flow (arXiv 2310.16441).

    ``s(x) = W^T phi(x)`` with phi the encoded input or all its monomials up to a degree. What falls is
    ``mean_i loss(s(x_i), y_i) + (ridge / n) |W|^2``, without factors 1/2, "mse" summed over the one-hot classes.
    With "mse" every time is exact: of Phi = U diag(r) V^T, the weights are ``V diag(r g(r^2 + ridge)) U^T Y`` with
    ``g(q) = (1 - exp(-2 q t / n)) / q`` at flow time t, ``(1 - (1 - 2 eta q / n)^t) / q`` after t steps of size eta.
    Initial weights along a row of V^T of rate q = r^2 + ridge shrink to their (1 - q g(q))-fold, those orthogonal to
    all examples to the (1 - ridge g(ridge))-fold: without a ridge these stay, for no example corrects them.
    One unit of flow time is 1 / learning_rate steps. "cross-entropy" takes its steps one by one.

    Parameters
    ----------
    loss : "mse" (linear regression) or "cross-entropy" (logistic); a regression always takes "mse".
    solver : "descent", full-batch gradient descent, or "flow", gradient flow at any time for loss "mse".
    learning_rate : eta, the step size of "descent"; with "mse", steps above n / (max r^2 + ridge) diverge.
    ridge : the penalty; 0 is none. After infinite time it is scikit-learn's alpha, for "cross-entropy" 1 / (2 C).
    degree : of the monomials of the encoded input; 1 is the input itself.
    intercept : a feature that is always 1, penalized like the others.
    initial_weights : at time 0, one number per feature, the same for all outputs; none is 0 for all.
    start : deviation of random initial weights, normal and independent; 0 is none. The function at time 0 is then this
        times a draw of the Gaussian process of the learner's kernel. In place of `initial_weights`.
    encoding : how tokens become numbers; "auto" is "sign" for two-letter alphabets, else "one-hot".

    Raises
    ------
    OptionError : solver "flow" with loss "cross-entropy"; start with initial_weights; from `begin`, initial weights
        that are not as many as the features.
    """

    loss: Literal["mse", "cross-entropy"] = "mse"
    solver: Literal["descent", "flow"] = "descent"
    learning_rate: Positive = 0.01
    ridge: NonNegative = 0.0
    degree: Count = 1
    intercept: bool = False
    initial_weights: list[Unbounded] = ()  # a dataclass refuses a list as default; as options the two are equal
    start: NonNegative = 0.0
    encoding: Encoding = "auto"

    family = "linear"
    added_options = ("start",)

    def __post_init__(self):
        self.deterministic = self.start == 0
        if self.start and len(self.initial_weights):
            raise OptionError("start", self.start, "0, or no initial_weights")
        if self.solver == "flow":
            if self.loss != "mse":
                raise OptionError("solver", self.solver, f'"descent" with loss {self.loss!r}; "flow" needs "mse"')
            self.clock, self.integer_clock = "flow time", False

    def cannot_read(self, split):
        """The reason of the encoding, too many monomials, or initial weights that are not as many."""
        reason = super().cannot_read(split)
        if reason is None:
            d = Encoder(split.alphabet, self.encoding)(split.X_train[:1]).shape[1]
            count = comb(d + self.degree, self.degree) - 1
            length, expected = len(self.initial_weights), count + self.intercept
            if count > MOST_FEATURES:
                reason = f"degree {self.degree} of {d} inputs makes {count} monomials, at most {MOST_FEATURES}"
            elif length and length != expected:
                reason = f"initial_weights has {length} numbers, expected {expected}, one per feature"
        return reason

    def begin(self, X, y, n_classes, alphabet, rng):
        """Stand at the initial weights; "mse" takes one singular value decomposition for all times."""
        self._encode, self._time = Encoder(alphabet, self.encoding), 0
        self._squared = self.loss == "mse" or n_classes == 0
        self._features = self._phi(X)
        targets = one_hot(y, n_classes)
        self._targets, self._weights = targets, self._start(self._features.shape[1], targets.shape[1], rng)
        if self._squared:
            self._decompose()

    def _start(self, features: int, outputs: int, rng: np.random.Generator) -> np.ndarray:
        """(features, outputs) the weights at time 0."""
        if self.start:
            return self.start * rng.standard_normal((features, outputs))
        if not len(self.initial_weights):
            return np.zeros((features, outputs))
        if len(self.initial_weights) != features:
            raise OptionError("initial_weights", self.initial_weights, f"{features} numbers, one per feature")
        return np.repeat(np.array(self.initial_weights, dtype=np.float64)[:, None], outputs, axis=1)

    def _decompose(self) -> None:
        """Singular directions of the features, and the targets and initial weights along them."""
        left, self._singular, self._right = np.linalg.svd(self._features, full_matrices=False)
        rates = self._singular**2 + self.ridge
        # Column by column: the same bytes for a class whatever its name.
        self._projected = np.stack([left.T @ column for column in self._targets.T.copy()], axis=1)
        # directions that are nothing but rounding carry no signal
        real = self._singular > max(self._features.shape) * np.finfo(np.float64).eps * self._singular.max(initial=0)
        self._rates = np.where(real, rates, 0.0)
        self._initial = self._weights
        self._seen = np.where(real[:, None], self._right @ self._initial, 0.0)
        self._unseen = self._initial - self._right.T @ self._seen
        if self.solver == "flow":
            self.first_time = 0.1 * len(self._features) / (2 * rates.max()) if rates.max() > 0 else 1.0

    def advance(self, time):
        """Go to a time; with "mse" straight there, `math.inf` included."""
        if self._squared:
            with np.errstate(over="ignore", invalid="ignore"):  # too large a step: scores overflow, the run "diverged"
                self._weights = self._weights_at(time)
        else:
            for _ in range(time - self._time):
                self._weights = self._weights - self.learning_rate * self._gradient()
        self._time = time

    def scores(self, X):
        with np.errstate(invalid="ignore"):
            return self._phi(X) @ self._weights

    def kernel(self, X):
        """The fixed kernel phi(x) . phi(z)."""
        features = self._phi(X)
        return features @ features.T

    def cross_kernel(self, X, Z):
        """`kernel` between two sets of inputs."""
        return self._phi(X) @ self._phi(Z).T

    def description(self):
        """The weights (features, outputs), in the order of `monomials`, the intercept last."""
        return {"weights": self._weights}

    def scores_of(self, description, X):
        """phi(x) times any weights."""
        return self._phi(X) @ description["weights"]

    def _weights_at(self, time: float) -> np.ndarray:
        """(features, outputs) the class's formulas."""
        gain = self._gain(self._rates, time)
        if not (self.start or len(self.initial_weights)):
            return self._right.T @ ((self._singular * gain)[:, None] * self._projected)
        change = self._singular[:, None] * self._projected - self._rates[:, None] * self._seen
        forgotten = self.ridge * self._gain(np.array([self.ridge]), time) * self._unseen
        return self._initial + self._right.T @ (gain[:, None] * change) - forgotten

    def _gain(self, rates: np.ndarray, time: float) -> np.ndarray:
        """(r,) g(q) of the class's formula for these q; 0 where q is 0."""
        n = len(self._features)
        if self.solver == "flow":
            return flow_gain(rates, 2 * time / n)
        return descent_gain(rates, 2 * self.learning_rate * rates / n, time)

    def _gradient(self) -> np.ndarray:
        """Gradient of mean cross-entropy of softmax(s) plus the penalty."""
        scores = self._features @ self._weights
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return (self._features.T @ (shares - self._targets) + 2 * self.ridge * self._weights) / len(scores)

    def _phi(self, X: np.ndarray) -> np.ndarray:
        features = monomials(self._encode(X), self.degree)
        return np.hstack([features, np.ones((len(X), 1))]) if self.intercept else features


def monomials(X: np.ndarray, degree: int) -> np.ndarray:
    """(n, comb(d + degree, degree) - 1) products of 1 to `degree` columns of X (n, d), with repetition."""
    d, blocks = X.shape[1], [X]
    for many in range(2, degree + 1):
        blocks.append(reduce(np.multiply, (X.take(factor, axis=1) for factor in _factors(d, many))))
    return np.hstack(blocks)


@cache
def _factors(d: int, many: int) -> np.ndarray:
    """(many, monomials) the columns whose product is each monomial of degree `many`."""
    return np.array(list(combinations_with_replacement(range(d), many))).T
