"""The recursive feature machine: a kernel machine that learns features without a neural network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from grokbench.learners.base import Learner
from grokbench.learners.encodings import Encoder, Encoding, one_hot
from grokbench.learners.kernels import kernel_functions
from grokbench.options import NonNegative, Positive, PositiveShare
from grokbench.registry import register_learner

WORKSPACE = 2**20  # numbers of the gradients that are held at once (8 MB): what stays in a cache


@register_learner("rfm")
@dataclass(kw_only=True, eq=False)
class RecursiveFeatureMachine(Learner):
    """Kernel ridge regression whose metric M follows the average gradient outer product (2212.13881, 2407.20199).

    f(x) = sum_j alpha_j K_M(x, x_j), (K_M + ridge I) alpha = Y (one-hot labels), then
    M <- (1/n sum_i G_i^T G_i)^power, G_i : (outputs, d) the Jacobian of f at the training input x_i.
    With d_M^2 = (x - z)^T M (x - z). Time 0 is the zero function, time 1 the solve with M = I, time t the solve
    after t - 1 updates of M.

    Parameters
    ----------
    kernel : "gaussian" exp(-d_M^2 / (2 L^2)), "laplace" exp(-d_M / L), "quadratic" (x^T M z)^2.
    bandwidth : L.
    ridge : added to the diagonal of K; 0 interpolates (minimum norm where K is singular).
    agop_power : exponent of the average gradient outer product.
    agop_share : s in M <- (1 - s) M + s AGOP^power; below 1 the features move more slowly.
    centred : gradients are centred over the training inputs before they are averaged.
    scaling : of M after each update: "none", "max-diagonal" (largest diagonal entry 1) or "trace" (trace d).
        Use one with a ridge: unscaled, M shrinks until the ridge dominates.
    frozen : M stays I.
    encoding : how tokens become numbers; "auto" is "sign" for two-letter alphabets, else "one-hot".
    dtype : precision of kernel, solution and gradients; M and its roots are always in float64. In "float32" directions
        of K below n 1e-7 of the largest are rounding, which without a ridge comes within some iterations.
    """

    kernel_: Literal["gaussian", "laplace", "quadratic"] = "gaussian"
    bandwidth: Positive = 2.5
    ridge: NonNegative = 0.0
    agop_power: Positive = 0.5
    agop_share: PositiveShare = 1.0
    centred: bool = True
    scaling: Literal["none", "max-diagonal", "trace"] = "none"
    frozen: bool = False
    encoding: Encoding = "auto"
    dtype: Literal["float32", "float64"] = "float64"

    clock = "iterations"
    family = "feature-learning kernel"
    added_options = ("dtype",)
    loss = "mse"
    deterministic = True

    def begin(self, X, y, n_classes, alphabet, rng):
        self._encode = Encoder(alphabet, self.encoding)
        self._tokens = np.array(X)
        self._inputs = self._encode(X).astype(self.dtype)
        self._targets = one_hot(y, n_classes).astype(self.dtype)
        self._time = 0
        self._use(np.eye(self._inputs.shape[1]))
        self._dual = np.zeros_like(self._targets)
        self._fitted = np.zeros_like(self._targets)

    def advance(self, time):
        with np.errstate(all="ignore"):  # a state that overflows is a result: the run has diverged
            if self.frozen:  # one solve serves all times, math.inf included
                if self._time == 0 < time:
                    self._solve()
                self._time = time
                return
            while self._time < time:
                if self._time > 0:
                    self._use(self._updated())
                self._solve()
                self._time += 1

    def scores(self, X):
        if np.array_equal(X, self._tokens):
            return self._fitted.astype(np.float64)
        with np.errstate(all="ignore"):
            return (self._k(self._transformed(X), self._points) @ self._dual).astype(np.float64)

    def kernel(self, X):
        points = self._transformed(X)
        with np.errstate(all="ignore"):
            return self._k(points, points).astype(np.float64, copy=False)

    def cross_kernel(self, X, Z):
        with np.errstate(all="ignore"):
            return self._k(self._transformed(X), self._transformed(Z)).astype(np.float64, copy=False)

    def description(self):
        return {"M": self._metric.copy(), "dual_coefficients": self._dual.astype(np.float64)}

    def scores_of(self, description, X):
        """The scores of any M (its positive part) and dual coefficients."""
        root = psd_power(description["M"], 0.5)
        points, training = self._encode(X) @ root, self._inputs @ root
        return self._k(points, training) @ description["dual_coefficients"]

    def parts(self):
        """The number of eigendirections of M."""
        return len(self._metric)

    def leading(self, size):
        """M by its `size` largest eigenvalues, with the dual coefficients as they are."""
        values, vectors = np.linalg.eigh(self._metric)
        kept = vectors[:, -size:] * np.sqrt(np.maximum(values[-size:], 0.0))
        return {**self.description(), "M": kept @ kept.T}

    def _use(self, metric: np.ndarray) -> None:
        """Take M. d_M is the Euclidean distance of the points x M^(1/2), so the kernels are the ordinary ones."""
        self._metric = metric
        self._root = psd_power(metric, 0.5)
        self._points = self._inputs @ self._root.astype(self.dtype)

    def _transformed(self, X: np.ndarray) -> np.ndarray:
        return self._encode(X).astype(self.dtype, copy=False) @ self._root.astype(self.dtype)

    def _k(self, X: np.ndarray, Z: np.ndarray) -> np.ndarray:
        match self.kernel_:
            case "gaussian":
                return kernel_functions.gaussian(X, Z, self.bandwidth)
            case "laplace":
                return kernel_functions.laplace(X, Z, self.bandwidth)
            case _:
                return kernel_functions.polynomial(X, Z, degree=2)

    def _solve(self) -> None:
        self._train_kernel = self._k(self._points, self._points)
        self._dual = solve_psd(self._train_kernel, self.ridge, self._targets)
        self._fitted = self._train_kernel @ self._dual

    def _updated(self) -> np.ndarray:
        """M after one more update."""
        root = psd_power(self._agop(), 0.5, np.finfo(self.dtype).eps)
        power = gram_power(self._metric @ root, self.agop_power)
        metric = (1 - self.agop_share) * self._metric + self.agop_share * power
        size = {"none": 1.0, "max-diagonal": metric.diagonal().max(), "trace": metric.trace() / len(metric)}
        return metric / (size[self.scaling] or 1.0)

    def _agop(self) -> np.ndarray:
        """(d, d) average outer product of the Jacobians, before their factor M on either side."""
        K, L = self._train_kernel, self.bandwidth
        match self.kernel_:
            case "gaussian":  # dk/dx = k (z - x)^T M / L^2
                return agop(self._inputs, self._dual / L**2, K, self._fitted / L**2, self.centred)
            case "laplace":  # dk/dx = k (z - x)^T M / (L d), taken as 0 at d = 0, where there is a kink
                distances = np.sqrt(kernel_functions.squared_distances(self._points, self._points))
                slopes = np.divide(K, distances, out=np.zeros_like(K), where=distances > 0)
                return agop(self._inputs, self._dual / L, slopes, slopes @ self._dual / L, self.centred)
            case _:  # dk/dx = 2 (x^T M z) z^T M
                return agop(self._inputs, 2 * self._dual, self._points @ self._points.T, None, self.centred)


def agop(X: np.ndarray, dual: np.ndarray, slopes: np.ndarray, pull: np.ndarray | None, centred: bool) -> np.ndarray:
    """(d, d) float64 1/n sum_i D_i^T D_i, D_i = sum_j W_ij alpha_j (x_j - [pull] x_i)^T : (outputs, d).

    X : (n, d). dual : alpha (n, outputs). slopes : W (n, n), symmetric. pull : (n, outputs) W alpha of a radial kernel.
    With `centred`, the mean over i is taken from D_i first. D is computed feature by feature from those rows alone in
    which the feature is not 0: for one-hot inputs of arity r this takes 2 r n^2 operations per output instead of
    2 d n^2. It is held for as many i at once as stay in the cache.
    """
    total, at_once = np.zeros((X.shape[1],) * 2), max(1, WORKSPACE // max(1, np.count_nonzero(X)))
    for first in range(0, dual.shape[1], at_once):
        outputs = slice(first, first + at_once)
        for D in _gradients(X, dual[:, outputs], slopes, None if pull is None else pull[:, outputs], centred):
            total += D @ D.T
    return total / len(X)


def _gradients(X, alpha, slopes, pull, centred) -> Iterator[np.ndarray]:
    """D (d, outputs * some) of some training inputs after the other, in one array."""
    (n, d), outputs = X.shape, alpha.shape[1]
    weights = _weights(X, alpha, slopes, pull, centred)
    width = min(n, max(1, WORKSPACE // (d * outputs)))
    workspace, gathered = np.empty(d * outputs * width, slopes.dtype), np.empty((n + 1, width), slopes.dtype)
    for first in range(0, n, width):
        columns = slice(first, first + width)
        size, block = len(X[columns]), slopes[:, columns].copy()  # a strided one would be copied by every `take`
        D = workspace[: d * outputs * size].reshape(d, outputs, size)
        for features, rows, weighted in weights:
            operand = gathered[: weighted.shape[1], :size]
            np.take(block, rows, axis=0, out=operand[:-1], mode="clip")  # the mode that needs no copy
            operand[-1] = 1.0
            np.matmul(weighted, operand, out=D[features].reshape(-1, size))
        if pull is not None:
            places, features = np.nonzero(X[columns])
            D[features, :, places] -= X[columns][places, features][:, None] * pull[columns][places]
        yield D.reshape(d, -1)


def _weights(X, alpha, slopes, pull, centred) -> list[tuple[slice, np.ndarray, np.ndarray]]:
    """(features, rows j, (features * outputs, rows + 1)): x_j alpha_j, and minus the mean of D, which meets a 1."""
    moved = slopes.sum(axis=0)[:, None] * alpha - (0.0 if pull is None else pull)
    mean = X.T @ moved / len(X) if centred else np.zeros((X.shape[1], alpha.shape[1]), alpha.dtype)
    weights = []
    for features, rows in shared_supports(X):
        weighted = X[rows, features].T[:, None] * alpha[rows].T  # (features, outputs, rows)
        weighted = np.concatenate([weighted, -mean[features, :, None]], axis=2)
        weights.append((features, rows, weighted.reshape(-1, weighted.shape[2])))
    return weights


def shared_supports(X: np.ndarray) -> list[tuple[slice, np.ndarray]]:
    """(features, rows) for each run of neighbouring features that are nonzero in the same rows of X : (n, d)."""
    nonzero = X != 0
    starts = np.flatnonzero((nonzero[:, 1:] != nonzero[:, :-1]).any(axis=0)) + 1
    runs = [slice(a, b) for a, b in pairwise([0, *starts, X.shape[1]])]
    return [(run, np.flatnonzero(nonzero[:, run.start])) for run in runs]


def psd_power(A: np.ndarray, power: float, epsilon: float = np.finfo(np.float64).eps) -> np.ndarray:
    """A^power of a symmetric positive semi-definite matrix, exactly symmetric; NaN where A is not finite.

    Eigenvalues below d `epsilon` of the largest are rounding and count as 0 (their root would not be small).
    """
    if not np.isfinite(A).all():
        return np.full_like(A, np.nan)
    values, vectors = np.linalg.eigh((A + A.T) / 2)
    values[values <= len(A) * epsilon * values[-1]] = 0.0
    half = vectors * values ** (power / 2)
    return half @ half.T


def gram_power(B: np.ndarray, power: float) -> np.ndarray:
    """(B B^T)^power; NaN where B is not finite.

    By singular values, because B B^T would lose those below 1e-8 of the largest: M gets such eigenvalues within some
    hundred iterations, and without them the scores are right to 1e-7 only.
    """
    if not np.isfinite(B).all():
        return np.full_like(B, np.nan)
    vectors, values, _ = np.linalg.svd(B)
    half = vectors * values**power
    return half @ half.T


def solve_psd(K: np.ndarray, ridge: float, Y: np.ndarray) -> np.ndarray:
    """(K + ridge I)^-1 Y; the minimum-norm solution where that is numerically singular; NaN where K is not finite."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    if not np.isfinite(K).all():
        return np.full_like(Y, np.nan)
    A = K.copy()
    A.flat[:: len(A) + 1] += ridge
    rounding, largest = len(A) * np.finfo(A.dtype).eps, A.diagonal().max()
    try:
        factor = cho_factor(A.T, lower=True, overwrite_a=True, check_finite=False)  # in place: A.T is in Fortran order
        if factor[0].diagonal().min() ** 2 > rounding * largest:
            return cho_solve(factor, Y, check_finite=False)
    except LinAlgError:
        pass
    A = K + ridge * np.eye(len(K), dtype=K.dtype)
    values, vectors = np.linalg.eigh(A)
    kept = values > rounding * values[-1]
    return vectors[:, kept] @ ((vectors[:, kept].T @ Y) / values[kept, None])
