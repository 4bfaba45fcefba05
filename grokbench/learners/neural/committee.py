"""The polynomial-regression network of Kumar et al.: the smallest network that can be lazy or rich by one number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grokbench.learners.base import Learner
from grokbench.learners.encodings import Encoder, Encoding
from grokbench.learners.kernels.kernel_flow import descent_gain
from grokbench.options import Count, NonNegative, Positive, Unbounded
from grokbench.registry import register_learner


@register_learner("committee")
@dataclass(kw_only=True, eq=False)
class Committee(Learner):
    """Committee of quadratic neurons with fixed readout, full-batch gradient descent on squares (arXiv 2310.06110).

    ``f(x) = (alpha / N) sum_i phi(w_i . x)``, ``phi(h) = h + epsilon h^2 / 2``, w_i ~ N(0, I): it depends on
    the mean weight m = sum_i w_i / N and the second moment M = sum_i w_i w_i^T / N alone, by
    ``f(x) = alpha (m . x + epsilon x^T M x / 2)``. A step of size eta = N learning_rate on the mean of
    ``(f(x_j) - y_j)^2`` over the n examples, residuals r_j, is

        w_i <- A w_i - learning_rate g,   g = 2 alpha sum_j r_j x_j / n,   G = 2 alpha sum_j r_j x_j x_j^T / n,
        A = (1 - learning_rate weight_decay) I - learning_rate epsilon G,

    and closes on (m, M), so that the width N is met at the start only. The decay is the descent of
    ``weight_decay / (2 N) sum_i |w_i|^2``.

    Parameters
    ----------
    width : N, the number of neurons.
    alpha : scale of the output; large is lazy, if the learning rate falls with its square.
    epsilon : share of the quadratic part of a neuron.
    learning_rate : eta / N, the step per neuron.
    scale_learning_rate : divide the step by alpha^2, so that the scores' initial pace does not depend on alpha.
    centred : subtract the initial output, so that the scores start at exactly 0; with many neurons that output grows
        with alpha, and so does what has to be unlearned.
    reduced : train (m, M); false trains the N weight vectors, to the same scores up to rounding.
    weight_decay : pulls the weights to 0; the frozen twin's function to its start, which leaves it the ridge
        n weight_decay / 2. That is the zero function where `centred`; elsewhere the initial function stays.
    frozen : train the linearization in the weights at their start, features fixed: the lazy control.
    encoding : how tokens become numbers; "auto" is "sign" for two-letter alphabets, else "one-hot".
    """

    width: Count = 500
    alpha: Positive = 1.0
    epsilon: Unbounded = 0.25
    learning_rate: Positive = 0.5
    scale_learning_rate: bool = False
    centred: bool = False
    weight_decay: NonNegative = 0.0
    reduced: bool = True
    frozen: bool = False
    encoding: Encoding = "auto"

    family = "neural"
    loss = "mse"

    def cannot_read(self, split):
        """Classes: the network has one real output."""
        if split.n_classes:
            return "a committee has one real output: it reads regressions only"
        return super().cannot_read(split)

    def begin(self, X, y, n_classes, alphabet, rng):
        """Draw the weights; scores start at the network's random function."""
        self._encode, self._time = Encoder(alphabet, self.encoding), 0
        self._inputs, self._targets = self._encode(X), np.asarray(y, dtype=np.float64)
        self._step = 2 * self.learning_rate / (self.alpha**2 if self.scale_learning_rate else 1.0)
        self._kept = 1 - self._step / 2 * self.weight_decay
        self._weights = rng.standard_normal((self.width, self._inputs.shape[1]))
        self._moments = self._read_moments()
        self._base = [part * self.centred for part in self._moments]
        self._dual = np.zeros(len(y))
        if self.frozen:
            self._residual = self._function(self._inputs, *self._moments) - self._targets
            self._values, self._vectors = np.linalg.eigh(self._tangent(self._inputs, self._inputs))

    @np.errstate(over="ignore", invalid="ignore")  # too large a step: scores overflow, the run "diverged"
    def advance(self, time):
        """Take steps of gradient descent; the frozen twin goes straight to its closed form, `math.inf` included."""
        if self.frozen:
            self._dual = self._vectors @ (self._gain(time) * (self._vectors.T @ self._residual))
            return
        for _ in range(time - self._time):
            self._descend()
        if not self.reduced:
            self._moments = self._read_moments()
        self._time = time

    @np.errstate(over="ignore", invalid="ignore")
    def scores(self, X):
        return self._scores(X, *self._moments, self._dual)

    @np.errstate(over="ignore", invalid="ignore")
    def scores_of(self, description, X):
        """The scores of any m and M; of the frozen twin, with any dual coefficients."""
        return self._scores(X, description["m"], description["M"], description.get("dual_coefficients"))

    def parts(self):
        """The number of eigendirections of M - m m^T, the spread of the neurons' weights."""
        return 0 if self.frozen else len(self._moments[0])

    def leading(self, size):
        """m as it is, and M by the `size` directions in which the neurons' weights spread most."""
        mean, second = self._moments
        values, vectors = np.linalg.eigh(second - np.outer(mean, mean))
        kept = vectors[:, -size:]
        return {"m": mean, "M": np.outer(mean, mean) + (kept * values[-size:]) @ kept.T}

    def _scores(self, X, mean, second, dual) -> np.ndarray:
        inputs = self._encode(X)
        scores = self._function(inputs, mean, second)
        if self.frozen:
            scores = scores - self._tangent(inputs, self._inputs) @ dual
        return scores[:, None]

    def kernel(self, X):
        """Tangent kernel of the network, ``alpha^2 / N (x.x') (1 + epsilon m.(x + x') + epsilon^2 x^T M x')``."""
        inputs = self._encode(X)
        return self._tangent(inputs, inputs) / self.width

    def cross_kernel(self, X, Z):
        """`kernel` between two sets of inputs."""
        return self._tangent(self._encode(X), self._encode(Z)) / self.width

    def description(self):
        """m (d,) and M (d, d); of the frozen twin also its dual coefficients (n,). The start is known from the seed."""
        mean, second = self._moments
        return {"m": mean, "M": second} | ({"dual_coefficients": self._dual} if self.frozen else {})

    def _read_moments(self) -> tuple[np.ndarray, np.ndarray]:
        return self._weights.mean(axis=0), self._weights.T @ self._weights / self.width

    def _function(self, X: np.ndarray, *moments: np.ndarray) -> np.ndarray:
        """(n,) f of these moments, less the start's where centred."""
        mean, second = (now - base for now, base in zip(moments, self._base, strict=True))
        return self.alpha * (X @ mean + self.epsilon / 2 * np.einsum("nd,nd->n", X @ second, X))

    def _tangent(self, X: np.ndarray, Z: np.ndarray) -> np.ndarray:
        """N times the tangent kernel: the width is in the step."""
        mean, second = self._moments
        linear = (X @ mean)[:, None] + Z @ mean
        return self.alpha**2 * (X @ Z.T) * (1 + self.epsilon * linear + self.epsilon**2 * (X @ second @ Z.T))

    def _gain(self, time: int) -> np.ndarray:
        """(n,) (1 - (1 - s r / n)^t) / r, r = q + n weight_decay / 2 of the eigenvalues q, s = 2 eta / N.

        The residuals and what the decay leaves of them shrink by 1 - s r / n.
        """
        n = len(self._values)
        positive = self._values > n * np.finfo(np.float64).eps * self._values[-1]
        rates = np.where(positive, self._values + n * self.weight_decay / 2, 0.0)
        return descent_gain(rates, self._step * rates / n, time)

    def _descend(self) -> None:
        X, n = self._inputs, len(self._inputs)
        if not self.reduced:
            h = X @ self._weights.T
            self._moments = self._read_moments()
            residuals = self._function(X, *self._moments) - self._targets
            slopes = residuals[:, None] * (1 + self.epsilon * h)  # (n, N)
            self._weights = self._kept * self._weights - self._step * self.alpha / n * (slopes.T @ X)
            return
        mean, second = self._moments
        residuals = self.alpha / n * (self._function(X, mean, second) - self._targets)
        residuals *= self._step
        pull, A = residuals @ X, X.T @ (residuals[:, None] * X)
        A *= -self.epsilon
        A.flat[:: len(A) + 1] += self._kept
        moved = A @ mean
        cross = (moved - pull / 2)[:, None] * pull  # with its transpose, half of the square of pull is in each
        self._moments = moved - pull, A @ second @ A - (cross + cross.T)
