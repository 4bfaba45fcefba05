"""Modular arithmetic: the binary operation tables on which grokking was first seen (Power et al., arXiv 2201.02177)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Interval

from grokbench.errors import OptionError
from grokbench.options import ProperShare
from grokbench.registry import register_task
from grokbench.tasks.base import Split, Task


def _quotient(x: np.ndarray, y: np.ndarray, p: int) -> np.ndarray:
    """x * y^-1 mod the prime p; where y = 0 the value is meaningless and the caller discards it."""
    inverse = np.array([0, *(pow(value, -1, p) for value in range(1, p))])
    return x * inverse[y]


# The value is taken mod p afterwards; cubes of tokens fit 64 bits for every table that fits a memory.
# The last two are in the public code of the paper (openai/grok) only.
OPERATIONS = {
    "x+y": lambda x, y, p: x + y,
    "x-y": lambda x, y, p: x - y,
    "x*y": lambda x, y, p: x * y,
    "x/y": _quotient,
    "x^2+y^2": lambda x, y, p: x**2 + y**2,
    "x^2+xy+y^2": lambda x, y, p: x**2 + x * y + y**2,
    "x^2+xy+y^2+x": lambda x, y, p: x**2 + x * y + y**2 + x,
    "x^3+xy": lambda x, y, p: x**3 + x * y,
    "x^3+xy^2+y": lambda x, y, p: x**3 + x * y**2 + y,
    "x/y if y odd else x-y": lambda x, y, p: np.where(y % 2 == 1, _quotient(x, y, p), x - y),
    "x+y if x even else x*y": lambda x, y, p: np.where(x % 2 == 0, x + y, x * y),
    "x+y if x even else x-y": lambda x, y, p: np.where(x % 2 == 0, x + y, x - y),
}
LARGEST_MODULUS = 5000  # its table of 25 million rows takes a gigabyte
Operation = Literal[*OPERATIONS]


def _is_prime(n: int) -> bool:
    return n > 1 and all(n % divisor for divisor in range(2, int(n**0.5) + 1))


@register_task("modular")
@dataclass(kw_only=True)
class Modular(Task):
    """One binary operation on the integers mod p: its whole table, split at random.

    Inputs are the pairs (x, y) of tokens 0..p - 1, the class is the value of the operation mod p.
    "x/y" is x * y^-1 over y != 0; in "x/y if y odd else x-y" an even y, 0 included, subtracts.
    Oddness is that of the representative 0..p - 1.

    Parameters
    ----------
    operation : the operation, taken mod p.
    modulus : p, from 2 to 5000; a prime where the operation divides.
    train_fraction : share of the table that is the training split; the rest is held out.
    """

    operation: Operation = "x+y"
    modulus: Annotated[int, Interval(ge=2, le=LARGEST_MODULUS)] = 97
    train_fraction: ProperShare = 0.5

    def __post_init__(self):
        p = self.modulus
        if "/" in self.operation and not _is_prime(p):
            below = next(n for n in range(p, 1, -1) if _is_prime(n))
            above = next(n for n in range(p, 2 * p) if _is_prime(n))
            near = f"{below} and {above}"
            raise OptionError("modulus", p, f"a prime, because {self.operation!r} divides (the nearest are {near})")
        if not 0 < self._n_train < self._table_size:
            expected = f"a share of the table's {self._table_size} entries that leaves both splits non-empty"
            raise OptionError("train_fraction", self.train_fraction, expected)

    @property
    def _table_size(self) -> int:
        return self.modulus * (self.modulus - (self.operation == "x/y"))

    @property
    def _n_train(self) -> int:
        return round(self.train_fraction * self._table_size)

    def sample(self, rng: np.random.Generator) -> Split:
        """The table in random order, its first share for training."""
        p = self.modulus
        table = np.stack(np.divmod(np.arange(p * p), p), axis=1)
        if self.operation == "x/y":
            table = table[table[:, 1] != 0]
        X = table[rng.permutation(len(table))]
        y = OPERATIONS[self.operation](X[:, 0], X[:, 1], p) % p
        n = self._n_train
        return Split(X[:n], y[:n], X[n:], y[n:], n_classes=p, alphabet=(p, p))
