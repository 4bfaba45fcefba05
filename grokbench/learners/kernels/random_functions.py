"""Random functions: draws of the Gaussian process of a kernel, each a function that can be asked at any input.

A draw is f(x) = sum_j a_j phi_j(x) with a_j ~ N(0, 1). The features phi are drawn, too, so that the kernel is the mean
of sum_j phi_j(x) phi_j(z) (Rahimi & Recht 2007). Given the features a draw is Gaussian; its covariance is that of the
kernel up to 1 / sqrt(features). The same input has the same value whatever else is asked, and in whatever order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

FEATURES = 8192
WIDTH = 2048  # of random networks, whose layers are square
ROWS = 256  # inputs whose features are in memory at a time: 16 MB

Function = Callable[[np.ndarray], np.ndarray]  # (n, d) float64 -> (n, outputs) float64


def gaussian(d: int, outputs: int, bandwidth: float, rng: np.random.Generator) -> Function:
    """Of exp(-|x - z|^2 / (2 L^2)): waves with normal frequencies of deviation 1 / L."""
    return _waves(rng.standard_normal((d, FEATURES)) / bandwidth, outputs, rng)


def laplace(d: int, outputs: int, bandwidth: float, rng: np.random.Generator) -> Function:
    """Of exp(-|x - z| / L): waves with frequencies of the multivariate Cauchy distribution of scale 1 / L."""
    frequencies = rng.standard_normal((d, FEATURES)) / np.abs(rng.standard_normal(FEATURES))
    return _waves(frequencies / bandwidth, outputs, rng)


def _waves(frequencies: np.ndarray, outputs: int, rng: np.random.Generator) -> Function:
    """sqrt(2 / m) cos(w.x + b), b uniform on [0, 2 pi)."""
    phases = rng.uniform(0, 2 * np.pi, FEATURES)
    weights = rng.standard_normal((FEATURES, outputs)) * np.sqrt(2 / FEATURES)
    return _in_rows(lambda X: np.cos(X @ frequencies + phases) @ weights)


def polynomial(
    d: int, outputs: int, degree: int, gamma: float, coefficient: float, rng: np.random.Generator
) -> Function:
    """Of (gamma x.z + c)^degree: products of as many normal linear forms of (sqrt(gamma) x, sqrt(c))."""
    forms = rng.standard_normal((degree, d, FEATURES)) * np.sqrt(gamma)
    constants = rng.standard_normal((degree, FEATURES)) * np.sqrt(coefficient)
    weights = rng.standard_normal((FEATURES, outputs)) / np.sqrt(FEATURES)
    return _in_rows(lambda X: np.prod([X @ f + c for f, c in zip(forms, constants, strict=True)], axis=0) @ weights)


def nngp(d: int, outputs: int, depth: int, rng: np.random.Generator) -> Function:
    """Of `kernel_functions.nngp`: the outputs of a wide random network of that form."""
    layers = _layers(d, depth, rng)
    weights = rng.standard_normal((layers[-1].shape[1], outputs))

    def values(X):
        h = X @ layers[0] / np.sqrt(d)
        for W in [*layers[1:], weights]:
            h = np.sqrt(2 / len(W)) * np.maximum(h, 0) @ W
        return h

    return _in_rows(values)


def ntk(d: int, outputs: int, depth: int, rng: np.random.Generator) -> Function:
    """Of `kernel_functions.ntk`: the derivative of a wide random network along a normal change of its weights.

    h and its change dh go through the layers together: dh_{l+1} = sqrt(2/m) (relu'(h_l) dh_l W + relu(h_l) dW).
    """
    layers = [*_layers(d, depth, rng), rng.standard_normal((WIDTH if depth > 1 else FEATURES, 1))]
    changes = [[rng.standard_normal(W.shape) for W in layers] for _ in range(outputs)]

    def along(change, X):
        h, moved = X @ layers[0] / np.sqrt(d), X @ change[0] / np.sqrt(d)
        for W, dW in zip(layers[1:], change[1:], strict=True):
            moved = np.sqrt(2 / len(W)) * (((h > 0) * moved) @ W + np.maximum(h, 0) @ dW)
            h = np.sqrt(2 / len(W)) * np.maximum(h, 0) @ W
        return moved

    return _in_rows(lambda X: np.hstack([along(change, X) for change in changes]))


def _layers(d: int, depth: int, rng: np.random.Generator) -> list[np.ndarray]:
    """The hidden layers of a random network, standard normal; deeper ones are narrower."""
    width = WIDTH if depth > 1 else FEATURES
    return [rng.standard_normal((rows, width)) for rows in [d, *[width] * (depth - 1)]]


def _in_rows(values: Function) -> Function:
    return lambda X: np.concatenate([values(X[i : i + ROWS]) for i in range(0, len(X), ROWS)])
