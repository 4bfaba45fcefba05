"""What a Gaussian process trades off: data fit and complexity, from its kernel, labels and description alone."""

from __future__ import annotations

import numpy as np

NODES = 20  # of Gauss-Hermite quadrature over a latent value: exact to 1e-9 for the logistic at variances below 4
JITTER = 1e-6  # share of the kernel's mean diagonal that is added to it before its Cholesky factor whitens


def evidence_terms(kernel: np.ndarray, y: np.ndarray, description: dict[str, np.ndarray]) -> tuple[float, float]:
    """Data fit and complexity per example, in nats; their sum is minus the log evidence, or minus its lower bound.

    Parameters
    ----------
    kernel : (n, n) of the training inputs, without noise.
    y : (n,) training labels: integer classes, or the floats of a regression.
    description : of the learner "gaussian_process"; which of its keys are there says which inference it was:
        "noise" the exact regression, "curvature" the variational optimum, "whitened_root" a q that moves, none of
        these Laplace's approximation. What the terms are stands in that learner's docstring.
    """
    K, mean, weights = np.asarray(kernel), description["mean"], description["weights"]
    labels = _labels(np.asarray(y), weights.shape[1])
    if "noise" in description:
        terms = _regression(K, labels - mean, float(description["noise"]))
    elif "whitened_root" in description:
        terms = _whitened(K, labels, mean, description["whitened_mean"], description["whitened_root"])
    elif "curvature" in description:
        terms = _variational(K, labels, mean, weights[:, 0], description["curvature"])
    else:
        terms = _laplace(K, labels, mean, weights[:, 0])
    return float(terms[0]) / len(K), float(terms[1]) / len(K)


def _labels(y: np.ndarray, columns: int) -> np.ndarray:
    """(n, columns): values as they are, -1 and +1 of two classes, one-hot of more."""
    if not np.issubdtype(y.dtype, np.integer):
        return y[:, None]
    return 2.0 * y[:, None] - 1.0 if columns == 1 else np.eye(columns)[y]


def _regression(K, residuals, noise):
    n, columns = residuals.shape
    covariance = K + noise * np.eye(n)
    fit = (residuals * np.linalg.solve(covariance, residuals)).sum() / 2 + columns * n * np.log(2 * np.pi) / 2
    return fit, columns * np.linalg.slogdet(covariance)[1] / 2


def _laplace(K, labels, mean, weights):
    centred = K @ weights
    margin = labels[:, 0] * (centred + mean)
    root = 1 / (np.exp(margin / 2) + np.exp(-margin / 2))  # W^.5, W = p (1 - p)
    fit = np.logaddexp(0, -margin).sum() + weights @ centred / 2
    return fit, np.linalg.slogdet(np.eye(len(K)) + root[:, None] * K * root)[1] / 2


def _variational(K, labels, mean, weights, curvature):
    """KL(q | prior) = (a'Ka + tr B^-1 - n + log|B|) / 2, with B = I + W^.5 K W^.5."""
    n, root, centred = len(K), np.sqrt(curvature), K @ weights
    B = np.eye(n) + root[:, None] * K * root
    variance = K.diagonal() - (root[:, None] * K * np.linalg.solve(B, root[:, None] * K)).sum(axis=0)
    fit = _expected(labels, centred + mean, variance)
    return fit, (weights @ centred + np.trace(np.linalg.inv(B)) - n + np.linalg.slogdet(B)[1]) / 2


def _whitened(K, labels, mean, whitened_mean, root):
    """q(f) = N(L m + mu, L R R'L'), L the Cholesky factor of K: KL = (|R|^2 + |m|^2 - n) / 2 - log|det R|."""
    n = len(K)
    lower = np.linalg.cholesky(K + JITTER * K.diagonal().mean() * np.eye(n))
    fit = _expected(labels, lower @ whitened_mean + mean, ((lower @ root) ** 2).sum(axis=1))
    return fit, ((root**2).sum() + whitened_mean @ whitened_mean - n) / 2 - np.log(np.abs(root.diagonal())).sum()


def _expected(labels, mean, variance):
    """Sum of -E log p(y|f) = E log(1 + exp(-y f)) over f ~ N(mean, variance)."""
    nodes, shares = np.polynomial.hermite_e.hermegauss(NODES)
    f = mean[:, None] + np.sqrt(np.clip(variance, 0, None))[:, None] * nodes
    return (np.logaddexp(0, -labels * f) @ shares).sum() / shares.sum()
