"""Finite groups that need not commute: composition and conjugation of permutations (Power et al., arXiv 2201.02177)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

import numpy as np

from grokbench.errors import OptionError
from grokbench.limits import check_size
from grokbench.options import AtLeastTwo, ProperShare
from grokbench.registry import register_task
from grokbench.tasks.base import Split, Task

LARGEST = 6  # S_6 has 720 elements and a table of 518,400 entries; that of S_7 has 25 million


@register_task("permutation")
@dataclass(kw_only=True)
class Permutation(Task):
    """One operation on a group of permutations, S_n or D_n: its whole table, split at random.

    Inputs are the pairs (x, y) of tokens 0..order - 1, the class is the token of the operation's value.
    The product xy applies y first, (xy)(i) = x(y(i)). A token is the element's rank among the elements
    in lexicographic order of x(0), x(1), ..., x(n - 1); token 0 is the identity. For every operation
    and every fixed x the value runs through the whole group as y does, so all classes are equally frequent.

    Parameters
    ----------
    group : "symmetric" is S_n, all n! permutations; "dihedral" is D_n, the 2n symmetries of a polygon of n corners.
    n : number of things permuted; 2 to 6 for S_n, 3 to 292 for D_n.
    operation : "xy" is the product, "xyx^-1" the conjugate of y by x, "xyx" what the name says.
    train_fraction : share of the table that is the training split; the rest is held out.
    """

    group: Literal["symmetric", "dihedral"] = "symmetric"
    n: AtLeastTwo = 5
    operation: Literal["xy", "xyx^-1", "xyx"] = "xy"
    train_fraction: ProperShare = 0.5

    def __post_init__(self):
        if self.group == "symmetric" and self.n > LARGEST:
            raise OptionError("n", self.n, f"at most {LARGEST} for the symmetric group (its table has (n!)^2 entries)")
        if self.group == "dihedral":  # every pair of elements is composed
            check_size("n", self.n, lambda n: (2 * n) ** 2 * n)
        if self.n < 3 and self.group == "dihedral":
            raise OptionError("n", self.n, "at least 3 corners for a dihedral group")
        entries = self._order**2
        if not 0 < round(self.train_fraction * entries) < entries:
            expected = f"a share of the table's {entries} entries that leaves both splits non-empty"
            raise OptionError("train_fraction", self.train_fraction, expected)

    @property
    def _order(self) -> int:
        """Number of elements of the group."""
        return math.factorial(self.n) if self.group == "symmetric" else 2 * self.n

    def elements(self) -> np.ndarray:
        """(order, n) the permutations as rows x(0)..x(n - 1), in lexicographic order; row 0 is the identity."""
        if self.group == "symmetric":
            return np.array(list(permutations(range(self.n))))
        corners = np.arange(self.n)
        turns = (corners + corners[:, None]) % self.n  # i -> i + a, and the reflections i -> a - i
        return np.array(sorted(np.concatenate([turns, turns[:, ::-1]]).tolist()))

    def table(self) -> np.ndarray:
        """(order, order) tokens: entry (x, y) is the value of the operation."""
        elements = self.elements()
        token = {element.tobytes(): index for index, element in enumerate(elements)}
        product = np.array([[token[x[y].tobytes()] for y in elements] for x in elements])
        x = np.arange(len(elements))[:, None]
        if self.operation == "xy":
            return product
        if self.operation == "xyx":
            return product[product, x]
        inverse = np.argmin(product, axis=1)  # x x^-1 is token 0
        return product[product, inverse[x]]

    def sample(self, rng: np.random.Generator) -> Split:
        """The table in random order, its first share for training."""
        table = self.table()
        order = len(table)
        shuffled = rng.permutation(order**2)
        X, y = np.stack(np.divmod(shuffled, order), axis=1), table.ravel()[shuffled]
        n = round(self.train_fraction * order**2)
        return Split(X[:n], y[:n], X[n:], y[n:], n_classes=order, alphabet=(order, order))
