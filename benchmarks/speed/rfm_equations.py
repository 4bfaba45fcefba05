"""The recursive feature machine as its papers write it (arXiv 2212.13881, 2407.20199), with one Jacobian per example.

A transcription of the equations for comparison, in time and in numbers, in torch, as the papers' own experiments are:
no step is rearranged, nothing is shared between steps.
"""

from __future__ import annotations

import numpy as np
import torch


def equations(
    X: np.ndarray, y_onehot: np.ndarray, X_test: np.ndarray, bandwidth: float, ridge: float, iterations: int
) -> list[np.ndarray]:
    """Held-out scores (m, C) at iterations 1, 2, .. of the Gaussian machine, gradients centred, M not scaled.

    f(x) = sum_j alpha_j k_M(x, x_j), (K_M + ridge I) alpha = Y, k_M(x, z) = exp(-(x - z)' M (x - z) / (2 L^2)), M = I
    at first; then M <- (1/n sum_i G_i' G_i)^(1/2), G_i (C, d) the Jacobian of f at x_i less the mean of all.

    X : (n, d) encoded training inputs. y_onehot : (n, C). X_test : (m, d). bandwidth : L. All in the dtype of X.
    """
    X, Y, X_test = (torch.tensor(array, dtype=getattr(torch, X.dtype.name)) for array in (X, y_onehot, X_test))
    (n, d), scores = X.shape, []
    M, identity = torch.eye(d, dtype=X.dtype), torch.eye(n, dtype=X.dtype)
    for _ in range(iterations):
        K = gaussian(X, X, M, bandwidth)
        alpha = torch.linalg.solve(K + ridge * identity, Y)
        scores.append((gaussian(X_test, X, M, bandwidth) @ alpha).numpy())
        G = jacobians(X, M, K, alpha, bandwidth)
        G = G - G.mean(dim=0)
        M = square_root(torch.einsum("icd,ice->de", G, G) / n)
    return scores


def gaussian(X, Z, M, bandwidth: float):
    """(n, m) exp(-(x - z)' M (x - z) / (2 L^2))."""
    XM, ZM = X @ M, Z @ M
    distances = (XM * X).sum(dim=1)[:, None] - 2 * XM @ Z.T + (ZM * Z).sum(dim=1)
    return torch.exp(-distances.clamp(min=0) / (2 * bandwidth**2))


def jacobians(X, M, K, alpha, bandwidth: float):
    """(n, C, d) G_i = sum_j alpha_j k(x_i, x_j) (M (x_j - x_i))' / L^2."""
    n, d = X.shape
    XM = X @ M
    products = (alpha[:, :, None] * XM[:, None, :]).reshape(n, -1)  # alpha_j (M x_j)'
    drawn = (K @ products).reshape(n, -1, d)
    return (drawn - (K @ alpha)[:, :, None] * XM[:, None, :]) / bandwidth**2


def square_root(A):
    """A^(1/2) of a symmetric positive semi-definite matrix."""
    values, vectors = torch.linalg.eigh((A + A.T) / 2)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T
