"""Data of several tests: addition tables, noise with labels, and a rule of two features."""

from __future__ import annotations

import numpy as np

import grokbench
from grokbench.tasks.base import Split


def addition(modulus: int, n: int, seed: int = 0, order: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """X (n, 2), y (n,), and X and y of the other pairs: all sums modulo `modulus`, shuffled by a seed or as ordered.

    order : (modulus**2,) int, a pair (a, b) as a * modulus + b.
    """
    order = np.random.default_rng(seed).permutation(modulus**2) if order is None else order
    pairs = np.stack(np.divmod(order, modulus), axis=1)
    sums = pairs.sum(axis=1) % modulus
    return pairs[:n], sums[:n], pairs[n:], sums[n:]


def addition_split(modulus: int, train_fraction: float = 0.5, seed: int = 0) -> Split:
    """The addition table as a split."""
    n = round(train_fraction * modulus**2)
    return Split(*addition(modulus, n, seed), modulus, (modulus, modulus))


def modular(modulus: int = 5, train_fraction: float = 0.5) -> Split:
    """The task `modular` with seed 0."""
    return grokbench.task("modular", modulus=modulus, train_fraction=train_fraction).split(0)


def real_data(n: int, d: int, n_classes: int = 3, seed: int = 0) -> tuple[np.ndarray, ...]:
    """X (n, d) normal, y (n,) labels that have nothing to do with it, and 15 other inputs."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.integers(n_classes, size=n), rng.standard_normal((15, d))


def product_of_two(n_classes: int, n: int = 120, d: int = 4, seed: int = 0, single: bool = False) -> Split:
    """Real features; values (n_classes 0), or classes by their quantiles, of a noisy product of the first two.

    single : whether the features are exact in single precision.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    X = X.astype(np.float32).astype(float) if single else X
    rule = X[:, 0] * X[:, 1] + 0.3 * rng.normal(size=n)
    if n_classes == 0:
        return Split(X[:80], rule[:80] + 1, X[80:], rule[80:] + 1, n_classes=0, tolerance=0.01)
    y = np.digitize(rule, np.quantile(rule, np.linspace(0, 1, n_classes + 1)[1:-1]))
    return Split(X[:80], y[:80], X[80:], y[80:], n_classes=n_classes)
