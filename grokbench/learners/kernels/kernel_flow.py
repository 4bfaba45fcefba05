"""Gradient flow of a fixed kernel machine: what a learner does whose features never move."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from grokbench.learners.base import Learner
from grokbench.learners.encodings import Encoder, Encoding, one_hot
from grokbench.learners.kernels import kernel_functions, random_functions
from grokbench.options import Count, NonNegative, Positive
from grokbench.registry import register_learner

REMEMBERED = 2  # inputs whose kernel rows are kept: the training and the held-out ones of a run


@register_learner("kernel_flow")
@dataclass(kw_only=True, eq=False)
class KernelFlow(Learner):
    """Kernel ridge regression by gradient flow; exact at every time, t = inf included.

    f_t(x) = k(x, X_train) a_t with da/dt = (2 / n) (Y - (K + ridge I) a), a_0 = 0: in function space the
    gradient flow of mean_i |f(x_i) - Y_i|^2 + (ridge / n) |f|_H^2, without a factor 1/2, Y the one-hot labels.
    With K = U diag(s) U^T, a_t = U diag((1 - exp(-2 (s_i + ridge) t / n)) / (s_i + ridge)) U^T Y, and
    a_inf = (K + ridge I)^-1 Y. One eigendecomposition serves all times. Directions with s_i + ridge zero
    up to rounding contribute nothing at any time: their kernel rows are nothing but rounding errors.

    With `start` the flow begins at a random function f_0: `start` times a draw of the Gaussian process of the kernel,
    one for each output. The ridge, which pulls every function to 0, removes it: with g = exp(-2 ridge t / n) and
    p = U^T f_0(X_train), ``f_t(x) = g f_0(x) + k(x, X_train) a_t``, where a_t of the above loses
    ``U diag(g (1 - exp(-2 s_i t / n)) / s_i) p``. Without a ridge what the examples do not tell of f_0 stays for ever
    (arXiv 2601.19791: such a machine of fixed features generalizes late). f_0 is drawn by random features, see
    `random_functions`.

    Parameters
    ----------
    kernel : "gaussian" exp(-|x-z|^2 / (2 L^2)), "laplace" exp(-|x-z| / L), "polynomial"
        (gamma x.z + coefficient)^degree, "ntk" and "nngp" of an infinitely wide ReLU network with He scaling.
    bandwidth : L; 0 is the median distance of two encoded training inputs.
    degree : of the polynomial.
    gamma : factor of x.z in the polynomial.
    coefficient : constant of the polynomial; 0 makes it homogeneous.
    depth : hidden layers of the ReLU network.
    ridge : added to the eigenvalues of K.
    start : size of the random function at time 0; 0 is the zero function.
    encoding : how tokens become numbers; "auto" is "sign" for two-letter alphabets, else "one-hot".
    """

    kernel_: Literal["gaussian", "laplace", "polynomial", "ntk", "nngp"] = "gaussian"
    bandwidth: NonNegative = 0.0
    degree: Count = 2
    gamma: Positive = 1.0
    coefficient: NonNegative = 1.0
    depth: Count = 1
    ridge: NonNegative = 0.0
    start: NonNegative = 0.0
    encoding: Encoding = "auto"

    clock = "flow time"
    family = "kernel"
    loss = "mse"
    integer_clock = False
    added_options = ("start",)

    def __post_init__(self):
        self.deterministic = self.start == 0

    def begin(self, X, y, n_classes, alphabet, rng):
        self._encode = Encoder(alphabet, self.encoding)
        self._inputs = self._encode(X)
        self._scale = self.bandwidth or median_distance(self._inputs)
        self._rows = []  # of (X, k(X, X_train) U), the most recent last
        self._time = 0.0
        eigenvalues, self._vectors = np.linalg.eigh(self._k(self._inputs, self._inputs))
        eigenvalues = np.maximum(eigenvalues, 0.0)  # K is positive semi-definite: below 0 is rounding
        self._rates = eigenvalues + self.ridge
        fastest = self._rates[-1]
        self._rates[self._rates <= len(X) * np.finfo(np.float64).eps * fastest] = 0.0
        self.first_time = 0.1 * len(X) / (2 * fastest) if fastest > 0 else 1.0
        targets = one_hot(y, n_classes)
        # Column by column: the same bytes for a class whatever its name.
        self._targets = np.stack([self._vectors.T @ column for column in targets.T.copy()], axis=1)
        if self.start:
            self._eigenvalues = np.where(self._rates > 0, eigenvalues, 0.0)
            self._random = self._draw(self._inputs.shape[1], targets.shape[1], rng)
            self._begins = self._vectors.T @ self._initial(X)

    def advance(self, time):
        """Go to a flow time; `math.inf` is allowed and gives (K + ridge I)^-1 Y."""
        self._time = float(time)

    def scores(self, X):
        scores = self._projected(X)[0] @ self._coefficients()
        return scores + self._left() * self._initial(X) if self.start else scores

    def kernel(self, X):
        inputs = self._encode(X)
        return self._k(inputs, inputs)

    def cross_kernel(self, X, Z):
        return self._k(self._encode(X), self._encode(Z))

    def description(self):
        """The dual coefficients a_t (n, outputs); with a `start` also the share "initial_left" (1,) of f_0."""
        return self._described(self._vectors @ self._coefficients())

    def scores_of(self, description, X):
        """Kernel rows times any dual coefficients, and any share of f_0."""
        scores = self._projected(X)[0] @ (self._vectors.T @ description["dual_coefficients"])
        return scores + description["initial_left"] * self._initial(X) if self.start else scores

    def parts(self):
        """The number of eigendirections of the training kernel."""
        return len(self._vectors)

    def leading(self, size):
        """The dual coefficients' part along the eigendirections of the `size` largest eigenvalues."""
        return self._described(self._vectors[:, -size:] @ self._coefficients()[-size:])

    def _described(self, coefficients: np.ndarray) -> dict[str, np.ndarray]:
        left = {"initial_left": np.array([self._left()])} if self.start else {}
        return {"dual_coefficients": coefficients} | left

    def _coefficients(self) -> np.ndarray:
        """(n, outputs) U^T a_t."""
        time = 2 * self._time / len(self._inputs)
        learned = flow_gain(self._rates, time)[:, None] * self._targets
        if not self.start:
            return learned
        return learned - self._left() * flow_gain(self._eigenvalues, time)[:, None] * self._begins

    def _left(self) -> float:
        """g, the share of f_0 that is left; 1 without a ridge."""
        return math.exp(-2 * self.ridge * self._time / len(self._inputs)) if self.ridge else 1.0

    def _initial(self, X: np.ndarray) -> np.ndarray:
        """f_0 (n, outputs)."""
        return self._projected(X)[1]

    def _projected(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """k(X, X_train) U, and f_0 where there is one, kept for the inputs that a run asks for at every checkpoint."""
        for earlier, *known in self._rows:
            if np.array_equal(earlier, X):  # by content: the caller may have written into his array
                return tuple(known)
        inputs = self._encode(X)
        rows = self._k(inputs, self._inputs) @ self._vectors
        initial = self.start * self._random(inputs) if self.start else None
        self._rows = [*self._rows, (np.array(X), rows, initial)][-REMEMBERED:]
        return rows, initial

    def _draw(self, d: int, outputs: int, rng: np.random.Generator) -> random_functions.Function:
        match self.kernel_:
            case "gaussian":
                return random_functions.gaussian(d, outputs, self._scale, rng)
            case "laplace":
                return random_functions.laplace(d, outputs, self._scale, rng)
            case "polynomial":
                return random_functions.polynomial(d, outputs, self.degree, self.gamma, self.coefficient, rng)
            case "nngp":
                return random_functions.nngp(d, outputs, self.depth, rng)
            case _:
                return random_functions.ntk(d, outputs, self.depth, rng)

    def _k(self, X: np.ndarray, Z: np.ndarray) -> np.ndarray:
        match self.kernel_:
            case "gaussian":
                return kernel_functions.gaussian(X, Z, self._scale)
            case "laplace":
                return kernel_functions.laplace(X, Z, self._scale)
            case "polynomial":
                return kernel_functions.polynomial(X, Z, self.degree, self.gamma, self.coefficient)
            case "nngp":
                return kernel_functions.nngp(X, Z, self.depth)
            case _:
                return kernel_functions.ntk(X, Z, self.depth)


def flow_gain(rates: np.ndarray, time: float) -> np.ndarray:
    """(n,) (1 - exp(-r t)) / r for rates r >= 0: 1 / r at t = inf, and 0 where r = 0 (a direction without signal)."""
    positive = rates > 0
    if math.isinf(time):
        return np.divide(1.0, rates, out=np.zeros_like(rates), where=positive)
    return np.divide(-np.expm1(-rates * time), rates, out=np.zeros_like(rates), where=positive)


def descent_gain(rates: np.ndarray, steps: np.ndarray, time: float) -> np.ndarray:
    """(n,) (1 - (1 - s r)^t) / r for rates r >= 0 and steps s r of each: 1 / r at t = inf, and 0 where r = 0.

    Steps of 2 or more have no limit: infinite, as where any other time overflows.
    """
    left = np.where(steps < 2, 1.0, np.inf) if math.isinf(time) else 1 - (1 - steps) ** float(time)
    return np.divide(left, rates, out=np.zeros_like(left), where=rates > 0)


def median_distance(X: np.ndarray) -> float:
    """Median of |x_i - x_j| over pairs i < j; 1 where it is 0 or there is no pair."""
    if len(X) < 2:
        return 1.0
    distances = np.sqrt(kernel_functions.squared_distances(X, X)[np.tri(len(X), k=-1, dtype=bool)])
    return float(np.median(distances)) or 1.0
