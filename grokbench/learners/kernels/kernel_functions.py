"""Fixed kernels as pure functions: k(X, Z) -> (n, m) float64 for X : (n, d), Z : (m, d) float64.

With ``Z is X`` every matrix is exactly symmetric, distances are exactly zero on the diagonal and
correlations exactly one. All kernels are positive semi-definite on any inputs.
"""

from __future__ import annotations

import numpy as np

EPSILONS = 8  # rounding of a sum of products, relative to the norms that entered it
ROUNDING = EPSILONS * np.finfo(np.float64).eps
BLOCK = 16  # rows of a matrix that are worked on while they are in the cache


def squared_norms(X: np.ndarray, gram: np.ndarray | None = None) -> np.ndarray:
    """(n,) |x_i|^2; from the diagonal of X X^T where that is at hand, so that differences cancel exactly."""
    return np.einsum("ij,ij->i", X, X) if gram is None else gram.diagonal().copy()


def squared_distances(X: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """(n, m) |x_i - z_j|^2, never negative, and exactly 0 where it is 0 up to rounding."""
    distances = X @ Z.T
    same = distances if Z is X else None
    a, b = squared_norms(X, same), squared_norms(Z, same)
    rounding = EPSILONS * np.finfo(distances.dtype).eps
    for first in range(0, len(X), BLOCK):
        block = distances[first : first + BLOCK]
        sums = np.add.outer(a[first : first + BLOCK], b)  # first, so that the matrix stays symmetric to the last bit
        block *= -2
        block += sums
        sums *= rounding
        np.copyto(block, 0.0, where=block <= sums)
    return distances


def gaussian(X: np.ndarray, Z: np.ndarray, bandwidth: float) -> np.ndarray:
    """exp(-|x - z|^2 / (2 L^2)), L = `bandwidth`."""
    exponent = squared_distances(X, Z)
    exponent *= -1 / (2 * bandwidth**2)
    return np.exp(exponent, out=exponent)


def laplace(X: np.ndarray, Z: np.ndarray, bandwidth: float) -> np.ndarray:
    """exp(-|x - z| / L), L = `bandwidth`."""
    exponent = squared_distances(X, Z)
    np.sqrt(exponent, out=exponent)
    exponent *= -1 / bandwidth
    return np.exp(exponent, out=exponent)


def polynomial(
    X: np.ndarray, Z: np.ndarray, degree: int = 2, gamma: float = 1.0, coefficient: float = 0.0
) -> np.ndarray:
    """(gamma x.z + c)^degree, c = `coefficient` >= 0."""
    return (gamma * (X @ Z.T) + coefficient) ** degree


def nngp(X: np.ndarray, Z: np.ndarray, depth: int = 1) -> np.ndarray:
    """Covariance of the outputs of an infinitely wide random ReLU network (Cho & Saul 2009; 1711.00165).

    The network has `depth` hidden layers, no biases, and He scaling:
    h_1 = W_1 x / sqrt(d), h_{l+1} = sqrt(2 / m) W_{l+1} relu(h_l), the readout being the last of these,
    all entries of W ~ N(0, 1), width m -> infinity. Then Sigma_0 = x.z / d and
    Sigma_l = |x| |z| / d kappa_1(theta_{l-1}), theta_l the angle of Sigma_l, so that Sigma_l(x, x) = |x|^2 / d.
    """
    return _relu_network(X, Z, depth)[0]


def ntk(X: np.ndarray, Z: np.ndarray, depth: int = 1) -> np.ndarray:
    """Tangent kernel sum_W (df(x)/dW)(df(z)/dW) of the network of `nngp`, all weights trained (1806.07572).

    Theta_0 = Sigma_0, Theta_l = Sigma_l + Theta_{l-1} kappa_0(theta_{l-1}); Theta_l(x, x) = (l + 1) |x|^2 / d.
    """
    return _relu_network(X, Z, depth)[1]


def _relu_network(X: np.ndarray, Z: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """(Sigma_depth, Theta_depth). Both are |x| |z| / d times a function of the angle of x and z alone."""
    gram = X @ Z.T
    same = gram if Z is X else None
    scale = np.sqrt(np.multiply.outer(squared_norms(X, same), squared_norms(Z, same)))
    covariance = np.divide(gram, scale, out=np.zeros_like(gram), where=scale > 0)
    tangent = covariance
    for _ in range(depth):
        kappa_0, kappa_1 = arccos_kernels(covariance)
        covariance, tangent = kappa_1, kappa_1 + tangent * kappa_0
    scale /= X.shape[1]
    return scale * covariance, scale * tangent


def arccos_kernels(correlation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """kappa_0 = 2 E[u > 0, v > 0] and kappa_1 = 2 E[relu(u) relu(v)] of unit normals (Cho & Saul 2009).

    kappa_0 = (pi - theta) / pi, kappa_1 = (sin theta + (pi - theta) cos theta) / pi, theta = arccos(correlation).
    A correlation within rounding of +-1 counts as +-1: arccos has infinite slope there.
    """
    cosine = np.where(1 - np.abs(correlation) <= ROUNDING, np.sign(correlation), correlation)
    angle = np.arccos(cosine)
    kappa_0 = (np.pi - angle) / np.pi
    return kappa_0, np.sqrt(1 - cosine**2) / np.pi + kappa_0 * cosine
