"""Gradient and curvature of the losses of boosting in the margins, without cancellation."""

from __future__ import annotations

import numpy as np


def derivatives(margin: np.ndarray, y: np.ndarray, n_classes: int, weight: float) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and curvature (n, columns) float64 of xgboost's losses in the margins (n, columns).

    "binary:logistic" for two classes, of which the second has this weight; "multi:softprob", whose curvature is
    xgboost's 2 p (1 - p); "reg:squarederror" for none. 1 - p is not taken from a rounded p: an example with a margin
    of 100 still has its e^-100, of which xgboost's own single precision knows nothing from margins of 15 on.
    """
    if n_classes == 0:
        return margin.astype(np.float64) - y[:, None], np.ones(margin.shape)
    if n_classes == 2:
        from scipy.special import expit

        margin, sign = margin.astype(np.float64), np.where(y == 1, 1.0, -1.0)[:, None]
        factor = np.where(y == 1, weight, 1.0)[:, None]
        return -factor * sign * expit(-sign * margin), factor * expit(margin) * expit(-margin)
    p, complement = probabilities(margin.astype(np.float64))
    own = np.arange(n_classes) == y[:, None]
    return np.where(own, -complement, p), 2 * p * complement


def probabilities(margin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, C) softmax p and 1 - p, each with its own relative precision."""
    share = np.exp(margin - margin.max(axis=1, keepdims=True))
    largest = margin.argmax(axis=1)[:, None]
    others = share.copy()
    np.put_along_axis(others, largest, 0.0, axis=1)
    p, total = share, others.sum(axis=1, keepdims=True)
    complement = 1 + total - share  # far from cancelling but for the largest
    np.put_along_axis(complement, largest, total, axis=1)
    return p / (1 + total), complement / (1 + total)
