"""Modular arithmetic among concealed bits: how late generalization comes as random bits are appended (2310.17247)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge

from grokbench.errors import OptionError
from grokbench.limits import check_size
from grokbench.options import Count, Whole
from grokbench.registry import register_task
from grokbench.tasks.base import Split, Task
from grokbench.tasks.modular import OPERATIONS, Modular, Operation


@register_task("concealed")
@dataclass(kw_only=True)
class Concealed(Task):
    """A modular operation on the first two tokens of an input; the random bits behind them mean nothing.

    Inputs (x, y, b_1, ..., b_m), m = `n_concealed`, are drawn uniformly without replacement over both splits,
    so that train and test share no input; where there are many more inputs than examples they do share pairs
    (x, y), and what has to be found out is that the bits do not matter (Miller et al., arXiv 2310.17247).

    Parameters
    ----------
    operation : the operation, taken mod p, as in the task "modular".
    modulus : p, at least 3 (mod 2 it is the task "parity", whose two classes are balanced); a prime where the
        operation divides.
    n_concealed : number of random bits appended to the pair.
    n_train, n_test : number of examples of the split.
    """

    operation: Operation = "x+y"
    modulus: Annotated[int, Ge(3)] = 7
    n_concealed: Whole = 10
    n_train: Count = 1000
    n_test: Count = 1000

    def __post_init__(self):
        Modular(operation=self.operation, modulus=self.modulus)  # raises where the operation needs a prime
        check_size("n_train", self.n_train, lambda n: 2 * n)
        check_size("n_test", self.n_test, lambda n: 2 * (n + self.n_train))
        check_size("n_concealed", self.n_concealed, lambda m: (self.n_train + self.n_test) * (2 + m))
        if self.n_train + self.n_test > self._n_inputs:
            expected = f"with n_test = {self.n_test} at most the {self._n_inputs} inputs that there are"
            raise OptionError("n_train", self.n_train, expected)

    def _pairs(self) -> np.ndarray:
        """(p^2, 2) the pairs (x, y); without those of y = 0 for "x/y"."""
        p = self.modulus
        pairs = np.stack(np.divmod(np.arange(p * p), p), axis=1)
        return pairs[pairs[:, 1] != 0] if self.operation == "x/y" else pairs

    @property
    def _n_inputs(self) -> int:
        p = self.modulus
        return p * (p - (self.operation == "x/y")) << self.n_concealed

    def sample(self, rng: np.random.Generator) -> Split:
        """Distinct random inputs: the first ones train, the next ones are held out."""
        p, n = self.modulus, self.n_train
        X = self._draw(n + self.n_test, rng)
        y = OPERATIONS[self.operation](X[:, 0], X[:, 1], p) % p
        return Split(X[:n], y[:n], X[n:], y[n:], n_classes=p, alphabet=(p, p) + (2,) * self.n_concealed)

    def _draw(self, needed: int, rng: np.random.Generator) -> np.ndarray:
        """(needed, 2 + m) distinct inputs, uniform without replacement, in random order."""
        pairs, m = self._pairs(), self.n_concealed
        if self._n_inputs < 4 * needed:  # few inputs: all of them, in random order
            pair, code = np.divmod(rng.permutation(self._n_inputs)[:needed], 2**m)
            return np.hstack([pairs[pair], (code[:, None] >> np.arange(m)) & 1])
        drawn = np.empty((0, 2 + m), dtype=np.int64)
        while len(drawn) < needed:  # repetitions are rejected: fewer than one draw in two
            size = needed + 16
            new = np.hstack([pairs[rng.integers(len(pairs), size=size)], rng.integers(2, size=(size, m))])
            drawn = np.concatenate([drawn, new])
            drawn = drawn[np.sort(np.unique(drawn, axis=0, return_index=True)[1])]
        return drawn[:needed]
