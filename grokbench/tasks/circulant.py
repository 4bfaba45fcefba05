"""Modular addition in random features of the form that recursive feature machines end with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Interval

from grokbench.options import ProperShare
from grokbench.registry import register_task
from grokbench.tasks.base import Split, Task
from grokbench.tasks.modular import Modular

LARGEST_MODULUS = 500  # the root of a matrix of 1000 rows takes a second


@register_task("circulant")
@dataclass(kw_only=True)
class Circulant(Task):
    """The table of x + y mod p, its one-hot pairs seen through a random metric that knows the group (2407.20199).

    The pair (x, y) is read as ``(e_x, e_y) Q`` with ``Q = M^(1/4)``, where the blocks of M are ``I - 1/p`` on the
    diagonal and C beside it, ``C[x, y] = c[(x - y) mod p]`` with c uniform in (0, 1) less its mean. Negative
    eigenvalues of M count as 0. The metric is of the paper's control: its kernel machine takes M^(1/2) for the metric,
    so that distances are those of the inputs times Q, and its network is trained on inputs times Q.

    Parameters
    ----------
    modulus : p.
    train_fraction : share of the table that is the training split; the rest is held out.
    block : C, "circulant" as above; "unstructured" has independent entries of the same distribution, and knows nothing.
    """

    modulus: Annotated[int, Interval(ge=2, le=LARGEST_MODULUS)] = 61
    train_fraction: ProperShare = 0.5
    block: Literal["circulant", "unstructured"] = "circulant"

    def __post_init__(self):
        Modular(modulus=self.modulus, train_fraction=self.train_fraction)  # refuses a split with an empty part

    def sample(self, rng: np.random.Generator) -> Split:
        """The metric first, then the order of the table."""
        p = self.modulus
        Q = fourth_root(self.metric(rng))
        split = Modular(modulus=p, train_fraction=self.train_fraction).sample(rng)
        train, test = (np.eye(p)[X].reshape(len(X), 2 * p) @ Q for X in (split.X_train, split.X_test))
        return Split(train, split.y_train, test, split.y_test, n_classes=p)

    def metric(self, rng: np.random.Generator) -> np.ndarray:
        """(2p, 2p) float64 symmetric M."""
        p = self.modulus
        if self.block == "circulant":
            c = rng.uniform(size=p)
            C = (c - c.mean())[np.subtract.outer(np.arange(p), np.arange(p)) % p]
        else:
            C = rng.uniform(size=(p, p))
            C -= C.mean()
        own = np.eye(p) - 1 / p
        return np.block([[own, C], [C.T, own]])


def fourth_root(M: np.ndarray) -> np.ndarray:
    """The fourth root of the positive part of a symmetric matrix."""
    values, vectors = np.linalg.eigh(M)
    return (vectors * np.maximum(values, 0.0) ** 0.25) @ vectors.T
