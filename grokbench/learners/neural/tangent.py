"""The trace tangent kernel of a fully connected network, layer by layer, without a Jacobian.

``K(x, z) = (1/C) sum_c <grad f_c(x), grad f_c(z)> = sum_l (h_{l-1} . h'_{l-1} + [bias]) (1/C) sum_c <g_l, g'_l>`` with
features h and sensitivities ``g_l = df_c/da_l = u_l * phi'(a_l)``, ``u_l = df_c/dh_l = g_{l+1} W_{l+1}^T + [residual]
u_{l+1}``. The last hidden layer's sum needs only the squared row norms of ``W_L``; below it, classes are stacked.
All in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

WORKSPACE = 2**22  # numbers of the sensitivities that are held at once (32 MB)
LETTER = 2**19  # products of two numbers that take as long as it takes to find where a letter stands


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the kernel needs to know of n inputs.

    Parameters
    ----------
    features : h_0 (n, d), h_1, .., the last of the hidden layers' (n, width).
    slopes : phi'(a_l) of each hidden layer (n, width).
    tokens : (n, arity) where h_0 is their one-hot code: then h_0 . h'_0 counts the equal ones. None for other inputs.
    """

    features: list[np.ndarray]
    slopes: list[np.ndarray]
    tokens: np.ndarray | None = None


def trace_kernel(weights: list[np.ndarray], bias: bool, residual: bool, X: Inputs, Z: Inputs) -> np.ndarray:
    """(n, m) K between inputs X and Z; exactly symmetric where they are one object.

    weights : W_1, .., W_L, (fan-in, fan-out) each. bias : every layer has one. residual : h_{l-1} is added to h_l.
    """
    kernel = gram(X.features[-1], Z.features[-1], bias)
    if not X.slopes:
        return kernel
    root = np.sqrt(np.square(weights[-1]).mean(axis=1))
    _add(kernel, len(X.slopes) - 1, [_pair(X, Z, lambda inputs: inputs.slopes[-1] * root)], bias, X, Z)
    for layer in range(len(X.slopes) - 1):
        _add(kernel, layer, _sensitivities(weights, residual, layer, X, Z), bias, X, Z)
    return kernel


def gram(A: np.ndarray, B: np.ndarray, bias: bool = False) -> np.ndarray:
    """(n, m) inner products of rows, plus 1 with `bias`. Where A is B, numpy takes the product that is half as dear."""
    products = A @ B.T
    if bias:
        products += 1.0
    return products


def _pair(X: Inputs, Z: Inputs, function) -> tuple[np.ndarray, np.ndarray]:
    first = function(X)
    return first, first if Z is X else function(Z)


def _sensitivities(
    weights: list[np.ndarray], residual: bool, layer: int, X: Inputs, Z: Inputs
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """g / sqrt(C) of the layer's preactivations, (n, classes * width) and (m, classes * width), some classes each."""
    readout = weights[-1].T / np.sqrt(weights[-1].shape[1])  # (C, width)
    widest = max(slopes.shape[1] for slopes in X.slopes)
    at_once = max(1, WORKSPACE // (max(len(X.features[0]), len(Z.features[0])) * widest))
    for first in range(0, len(readout), at_once):
        classes = readout[first : first + at_once]
        yield _pair(X, Z, lambda inputs, classes=classes: _below(weights, residual, layer, inputs, classes))


def _below(weights, residual, layer, inputs, readout) -> np.ndarray:
    u = readout[None]
    for l in range(len(inputs.slopes) - 1, layer, -1):
        below = (u * inputs.slopes[l][:, None]) @ weights[l].T
        u = below + u if residual else below
    return (u * inputs.slopes[layer][:, None]).reshape(len(inputs.slopes[layer]), -1)


def _add(kernel: np.ndarray, layer: int, pairs, bias: bool, X: Inputs, Z: Inputs) -> None:
    """Add (h . h' + [bias]) <g, g'> of the layer above the features h, g in some parts."""
    by_letter, products = layer == 0 and X.tokens is not None and not bias, []
    for first, second in pairs:
        if by_letter and first.size * len(second) >= LETTER * np.ptp(X.tokens, axis=0).sum():
            add_where_equal(kernel, first, second, X.tokens, Z.tokens)
        else:
            products = [sum(products, start=gram(first, second))]
    if products:
        products[0] *= gram(X.features[layer], Z.features[layer], bias)
        kernel += products[0]


def add_where_equal(kernel: np.ndarray, A: np.ndarray, B: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    """Add to (n, m) the inner products of rows of A and B, as often as their tokens are equal.

    Of p letters in a position, one pair in p is equal: block by block this is p times cheaper than all products.
    """
    for a, b in zip(first.T, second.T, strict=True):
        for rows, columns in zip(*_by_letter(a, b), strict=True):
            left = A[rows]
            kernel[rows[:, None], columns] += left @ (left if B is A else B[columns]).T


def _by_letter(*positions: np.ndarray) -> list[list[np.ndarray]]:
    """Where each letter stands: for each of some arrays of tokens a list of indices, by letter."""
    letters, places = np.arange(1 + max(int(tokens.max()) for tokens in positions)), []
    for tokens in positions:
        order = np.argsort(tokens, kind="stable")
        starts = [*np.searchsorted(tokens, letters, sorter=order), len(tokens)]
        places.append([order[a:b] for a, b in pairwise(starts)])
    return places
