"""Boolean rules among concealed bits: parity, majority and comparison of the first few of many random bits.

The bits that the rule does not read are what has to be found out: the delay of late generalization
grows with their number (Miller et al., arXiv 2310.17247).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grokbench.errors import OptionError
from grokbench.limits import check_size
from grokbench.options import AtLeastTwo, Count
from grokbench.registry import register_task
from grokbench.tasks.base import Split, Task

FEW = 8  # strings per example: where there are fewer, all of them are made and shuffled


@dataclass(kw_only=True)
class BooleanRule(Task):
    """Uniform bit strings of a rule with two classes, both splits balanced and without a common input.

    Examples are drawn without replacement over both splits. Each class has half of each split; where
    a split's size is odd, class 0 has one more in the training split, and whichever class has fewer
    so far (class 0 on a tie) in the held-out split.

    Parameters
    ----------
    n_bits : number of bits of an input.
    k : number of bits that the rule reads, counted from the first.
    n_train, n_test : number of examples of the split.
    """

    n_bits: Count = 40
    k: Count = 3
    n_train: AtLeastTwo = 1000
    n_test: AtLeastTwo = 1000

    def __post_init__(self):
        examples = self.n_train + self.n_test

        def numbers(n_bits: int) -> int:
            few = n_bits < 64 and 2**n_bits < FEW * examples  # then all strings are made
            return n_bits * (2**n_bits if few else examples)

        check_size("n_bits", self.n_bits, numbers)
        if self._bits_read() > self.n_bits:
            most = self.n_bits // (self._bits_read() // self.k)
            raise OptionError(
                "k", self.k, f"at most {most}: the rule reads {self._bits_read()} of n_bits = {self.n_bits}"
            )
        self._check_k()
        for label, (needed, there) in enumerate(zip(self._needed().sum(axis=0), self._class_sizes(), strict=True)):
            if needed > there:
                expected = f"both splits together to need at most the {there} inputs of class {label}, not {needed}"
                raise OptionError("n_train", self.n_train, expected)

    def _check_k(self) -> None:
        """OptionError for a k that the rule cannot have."""

    def _bits_read(self) -> int:
        """How many of the first bits the rule reads."""
        return self.k

    def _class_sizes(self) -> tuple[int, int]:
        """How many of the 2^n_bits strings are in class 0 and in class 1."""
        return 2 ** (self.n_bits - 1), 2 ** (self.n_bits - 1)

    def rule(self, bits: np.ndarray) -> np.ndarray:
        """(n,) classes 0 and 1 of the bit strings (n, n_bits)."""
        raise NotImplementedError

    def _needed(self) -> np.ndarray:
        """(2, 2): examples of class 0 and 1 (columns) in the training and the held-out split (rows)."""
        train_1, test_1 = self.n_train // 2, (self.n_test + self.n_train % 2) // 2
        return np.array([[self.n_train - train_1, train_1], [self.n_test - test_1, test_1]])

    def sample(self, rng: np.random.Generator) -> Split:
        """Per class, distinct random strings: the first ones train, the next ones are held out."""
        needed = self._needed()
        drawn = self._draw(needed.sum(axis=0), rng)
        parts = []
        for part, (first, last) in enumerate(((np.zeros(2, int), needed[0]), (needed[0], needed.sum(axis=0)))):
            X = np.concatenate([drawn[label][first[label] : last[label]] for label in (0, 1)])
            y = np.repeat([0, 1], needed[part])
            order = rng.permutation(len(y))
            parts += [X[order].astype(np.int64), y[order]]
        return Split(*parts, n_classes=2, alphabet=(2,) * self.n_bits)

    def _draw(self, needed: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
        """For each class `needed` distinct strings (m, n_bits) int8, uniform without replacement, in random order."""
        if any(there < FEW / 2 * count for there, count in zip(self._class_sizes(), needed, strict=True)):
            codes = np.arange(2**self.n_bits)[:, None]  # few strings: all of them, in random order
            bits = rng.permutation((codes >> np.arange(self.n_bits)) & 1).astype(np.int8)
        else:
            bits = np.empty((0, self.n_bits), dtype=np.int8)
        labels = self.rule(bits)
        while (np.bincount(labels, minlength=2) < needed).any():  # repetitions are rejected: at most one draw in four
            bits = np.concatenate([bits, rng.integers(2, size=(2 * needed.sum() + 16, self.n_bits), dtype=np.int8)])
            first = np.unique(np.packbits(bits, axis=1), axis=0, return_index=True)[1]
            bits = bits[np.sort(first)]
            labels = self.rule(bits)
        return [bits[labels == label][:count] for label, count in enumerate(needed)]


@register_task("parity")
@dataclass(kw_only=True)
class Parity(BooleanRule):
    """Sparse parity: the exclusive or of the first k bits, among concealed random bits."""

    def rule(self, bits: np.ndarray) -> np.ndarray:
        """Sum of the first k bits, mod 2."""
        return bits[:, : self.k].sum(axis=1, dtype=np.int64) % 2


@register_task("majority")
@dataclass(kw_only=True)
class Majority(BooleanRule):
    """Sparse majority: whether most of the first k bits (k odd) are 1, among concealed random bits."""

    def _check_k(self) -> None:
        if self.k % 2 == 0:
            raise OptionError("k", self.k, "an odd number of bits (an even number can tie)")

    def rule(self, bits: np.ndarray) -> np.ndarray:
        """1 where more than k / 2 of the first k bits are 1."""
        return (2 * bits[:, : self.k].sum(axis=1, dtype=np.int64) > self.k).astype(np.int64)


@register_task("comparison")
@dataclass(kw_only=True)
class Comparison(BooleanRule):
    """Is the number in the first k bits greater than the number in the next k (most significant bit first)?"""

    def _bits_read(self) -> int:
        return 2 * self.k

    def _class_sizes(self) -> tuple[int, int]:
        greater = (4**self.k - 2**self.k) // 2 * 2 ** (self.n_bits - 2 * self.k)
        return 2**self.n_bits - greater, greater

    def rule(self, bits: np.ndarray) -> np.ndarray:
        """1 where, at the first place at which the two numbers differ, the first one has the 1."""
        difference = bits[:, : self.k] - bits[:, self.k : 2 * self.k]
        first = np.argmax(difference != 0, axis=1)
        return (np.take_along_axis(difference, first[:, None], axis=1)[:, 0] > 0).astype(np.int64)
