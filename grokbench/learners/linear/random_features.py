"""Least squares on random features along their number: model-wise generalization and its double descent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from grokbench.learners.base import Learner
from grokbench.learners.encodings import Encoder, Encoding, one_hot
from grokbench.options import NonNegative
from grokbench.registry import register_learner


@register_learner("random_features")
@dataclass(kw_only=True, eq=False)
class RandomFeatures(Learner):
    """Minimum-norm or ridge regression on D random features of the inputs; time is D (1412.6614, 1812.11118).

    F_ij = phi(w_j . x_i + b_j) / sqrt(D), W minimizes |F W - Y|^2 + ridge |W|^2 with Y the one-hot labels; ridge 0
    is the solution of minimum norm among those of least error. Scores are F W. Every D is a fit of its own.
    With x_i of mean squared norm s: "relu" has w ~ N(0, 1/s), b ~ N(0, bias^2) and phi(a) = max(a, 0); "fourier"
    has w ~ N(0, 1 / bandwidth^2), b ~ U(0, 2 pi) and phi = sqrt(2) cos, the random features of the Gaussian kernel.
    Without biases ReLU features see only even functions of x and linear ones: no parity of three or more signs
    that is odd.

    Parameters
    ----------
    features : phi.
    bias : standard deviation of the biases of "relu".
    bandwidth : L of the Gaussian kernel that "fourier" approximates; 0 is sqrt(s).
    ridge : added to the eigenvalues of F^T F; 0 is the minimum-norm solution.
    nested : the features of a size are the first of one sequence; otherwise each size draws its own.
    encoding : how tokens become numbers; "auto" is "sign" for two-letter alphabets, else "one-hot".
    """

    features: Literal["relu", "fourier"] = "relu"
    bias: NonNegative = 0.5
    bandwidth: NonNegative = 0.0
    ridge: NonNegative = 0.0
    nested: bool = False
    encoding: Encoding = "auto"

    clock = "features"
    family = "random features"
    loss = "mse"

    def begin(self, X, y, n_classes, alphabet, rng):
        self._encode, self._size = Encoder(alphabet, self.encoding), 0
        self._inputs = self._encode(X)
        self._targets = one_hot(y, n_classes)
        self._norm = float((self._inputs**2).sum(axis=1).mean()) ** 0.5 or 1.0
        self._seed = int(rng.integers(2**63))
        self._projection = np.zeros((self._inputs.shape[1] + 1, 0))
        self._weights = np.zeros((0, self._targets.shape[1]))

    def advance(self, time):
        """Draw `time` features and fit them."""
        if time > self._size:
            self._size = int(time)
            self._projection = self._drawn(self._size)
            self._weights = least_squares(self._map(self._inputs), self._targets, self.ridge)

    def scores(self, X):
        return self._map(self._encode(X)) @ self._weights

    def kernel(self, X):
        """F F^T of this size; None at time 0, where there is no feature."""
        if self._size == 0:
            return None
        F = self._map(self._encode(X))
        return F @ F.T

    def description(self):
        """The weights; the features are drawn, and known from the seed."""
        return {"weights": self._weights.copy()}

    def scores_of(self, description, X):
        """The features of this size times any weights."""
        return self._map(self._encode(X)) @ description["weights"]

    def _drawn(self, size: int) -> np.ndarray:
        """(d + 1, D) directions w_j and, in the last row, biases b_j; one row of random numbers per feature."""
        rng = np.random.default_rng([self._seed, 0 if self.nested else size])
        d = self._inputs.shape[1]
        rows = rng.standard_normal((size, d + 1))
        if self.features == "relu":
            rows[:, :d] /= self._norm
            rows[:, d] *= self.bias
        else:
            from scipy.special import ndtr

            rows[:, :d] /= self.bandwidth or self._norm
            rows[:, d] = 2 * np.pi * ndtr(rows[:, d])  # uniform
        return rows.T.copy()

    def _map(self, inputs: np.ndarray) -> np.ndarray:
        """(n, D) F."""
        arguments = inputs @ self._projection[:-1] + self._projection[-1]
        F = np.maximum(arguments, 0) if self.features == "relu" else 2**0.5 * np.cos(arguments)
        return F / max(self._size, 1) ** 0.5


def least_squares(F: np.ndarray, Y: np.ndarray, ridge: float) -> np.ndarray:
    """(D, outputs) argmin |F W - Y|^2 + ridge |W|^2; at ridge 0 the one of minimum norm.

    F : (n, D). Y : (n, outputs). Singular values below max(n, D) eps of the largest count as 0. With a ridge, the
    smaller of the two Gram matrices is solved: (F^T F + ridge I) W = F^T Y, or W = F^T (F F^T + ridge I)^-1 Y.
    """
    from scipy.linalg import lstsq, solve

    n, size = F.shape
    if ridge == 0:  # a complete orthogonal factorization: a fifth of the time of singular values
        return lstsq(F, Y, cond=max(n, size) * np.finfo(np.float64).eps, lapack_driver="gelsy", check_finite=False)[0]
    wide = size > n
    gram = F @ F.T if wide else F.T @ F
    gram.flat[:: len(gram) + 1] += ridge
    solution = solve(gram, Y if wide else F.T @ Y, assume_a="pos", check_finite=False)
    return F.T @ solution if wide else solution
