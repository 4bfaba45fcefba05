"""The description face as bits: the shortest code on a fixed grid whose decoded predictor still fits the labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from grokbench.curves.checkpoint import Checkpoint
from grokbench.measures.base import Measure
from grokbench.measures.complexity import fits, still_fits
from grokbench.registry import register_measure

ENERGIES = (1.0, 0.99, 0.97, 0.9, 0.8, 0.6)  # shares of the squared singular values that are kept
HALVINGS = range(10)  # step = root mean square of an array / 2^j
RANK_BITS, HEADER_BITS = 16, 32  # per matrix; per array: its step and its range, 16 bits each
LARGEST = 2**15 - 1  # of a quantized entry


@register_measure("code_length")
class CodeLength(Measure):
    """Bits of the description after rate-distortion coding, at .98 of the training labels right.

    Sent are the arrays of the description; the receiver has the code, the options, the seed and the inputs, not the
    labels. Grid: each matrix by its leading singular directions with share .6 ... 1 of the squared singular values
    (as two factors where that saves entries), each real array in whole multiples of 2^-j times its root mean square,
    j = 0..9, the same share and j for all; whole numbers as they are. Each array is coded by the estimate of
    Krichevsky and Trofimov, with 32 bits for step and range, a matrix with 16 bits for its rank. The value is the
    least length on the grid at which the decoded predictor is right on .98 of the training labels; undefined where
    there is none. code_share is its ratio to n log2 C, the training labels themselves: above 1 the code is vacuous,
    because labels and seed are a shorter description of the same predictor. To be read relative to the random-label
    twin only; it did not qualify on MLPs, where it is not monotone in the number of memorized labels.

    Source: DeMoss et al. (arXiv 2412.09810); Krichevsky & Trofimov 1981. Null: none. Cost: 60 codes and the forward
    passes until one fits.
    """

    columns = ("code_length", "code_share")

    def look(self, at: Checkpoint):
        """Bits, and bits over those of the training labels."""
        if not fits(at.train_scores, at.split):
            return None
        description = at.learner.description()
        if not description or not all(np.isfinite(array).all() for array in description.values()):
            return None
        if at.learner.scores_of(description, at.split.X_train[:1]) is None:
            return None
        for code in codes(description):
            if still_fits(at, code.arrays()):
                labels = len(at.split.y_train) * math.log2(at.split.n_classes) if at.split.n_classes > 1 else math.nan
                return code.length, code.length / labels
        return None


@dataclass(frozen=True, eq=False)
class CodedArray:
    """An array as whole numbers: ``step * (symbols - offset)`` in its shape.

    symbols : (n,) int64 from 0..size-1. step : 1 for whole numbers.
    """

    symbols: np.ndarray
    offset: int
    size: int
    step: float
    shape: tuple[int, ...]
    dtype: np.dtype

    @cached_property
    def length(self) -> float:
        """Bits, header included."""
        return HEADER_BITS + code_length(self.symbols, self.size)

    def decoded(self, symbols: np.ndarray) -> np.ndarray:
        """The array from its symbols."""
        return (self.step * (symbols - self.offset)).reshape(self.shape).astype(self.dtype)


@dataclass(frozen=True, eq=False)
class Code:
    """A description as coded arrays: one per array, or the two factors of a matrix."""

    parts: dict[str, tuple[CodedArray, ...]]

    @cached_property
    def length(self) -> float:
        """Bits of all parts."""
        ranks = sum(RANK_BITS for parts in self.parts.values() if len(parts[0].shape) == 2)
        return ranks + sum(part.length for parts in self.parts.values() for part in parts)

    def arrays(self, symbols: dict[str, list[np.ndarray]] | None = None) -> dict[str, np.ndarray]:
        """What the receiver has, of the symbols that arrived; default: those that were sent."""
        arrays_by_name = {}
        for name, parts in self.parts.items():
            arrived = [part.symbols for part in parts] if symbols is None else symbols[name]
            arrays = [part.decoded(values) for part, values in zip(parts, arrived, strict=True)]
            arrays_by_name[name] = arrays[0] if len(arrays) == 1 else arrays[0] @ arrays[1]
        return arrays_by_name


def codes(description: dict[str, np.ndarray]) -> list[Code]:
    """All points of the grid, the shortest first."""
    grid = [
        Code({name: tuple(quantized(array, halvings) for array in arrays) for name, arrays in factors.items()})
        for factors in _factorizations(description)
        for halvings in HALVINGS
    ]
    return sorted(grid, key=lambda code: code.length)


def _factorizations(description: dict[str, np.ndarray]) -> list[dict[str, list[np.ndarray]]]:
    """The arrays by name, one or two factors each, at every share of energy that makes a difference."""
    decomposed = {
        name: np.linalg.svd(array, full_matrices=False)
        for name, array in description.items()
        if array.ndim == 2 and array.dtype.kind == "f" and array.size
    }
    distinct = {}
    for energy in ENERGIES:
        factors = {name: _factors(array, decomposed.get(name), energy) for name, array in description.items()}
        distinct.setdefault(tuple(tuple(a.shape for a in arrays) for arrays in factors.values()), factors)
    return list(distinct.values())


def _factors(array: np.ndarray, decomposed, energy: float) -> list[np.ndarray]:
    if decomposed is None:
        return [array]
    U, values, Vt = decomposed
    kept = np.cumsum(values**2)
    rank = int(np.searchsorted(kept, energy * kept[-1] * (1 - 1e-12))) + 1
    if rank * sum(array.shape) >= array.size:
        return [array]
    root = np.sqrt(values[:rank])
    return [U[:, :rank] * root, root[:, None] * Vt[:rank]]


def quantized(array: np.ndarray, halvings: int) -> CodedArray:
    """An array in whole multiples of 2^-halvings of its root mean square, rounded to the 16 bits that are sent."""
    whole = array.dtype.kind in "iub"
    step = 1.0 if whole else _sixteen_bits(float(np.sqrt(np.mean(array**2))) if array.size else 0.0) * 2.0**-halvings
    multiples = np.rint(array / step).astype(np.int64).ravel() if step else np.zeros(array.size, dtype=np.int64)
    if not whole:
        multiples = np.clip(multiples, -LARGEST, LARGEST)
    low, high = (int(multiples.min()), int(multiples.max())) if array.size else (0, 0)
    offset = max(-low, high) if low < 0 else 0  # a bit of the range says whether there are negative ones
    size = high + 1 if low >= 0 else 2 * offset + 1
    return CodedArray(multiples + offset, offset, size, step, array.shape, array.dtype)


def _sixteen_bits(value: float) -> float:
    """A positive number with the leading 16 bits of its 32-bit form (8 of them for the size)."""
    return float((np.array(value, dtype=np.float32).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32))


def code_length(symbols: np.ndarray, size: int) -> float:
    """Bits of the code of Krichevsky and Trofimov of symbols from 0..size-1; 0 for an alphabet of one.

    Both ends learn the frequencies as they go: after n symbols, n_k of them k, the next is k with probability
    (n_k + 1/2) / (n + K/2), K the size. So the length does not depend on the order of the symbols.

    ``[ln G(n + K/2) - ln G(K/2) - sum_k (ln G(n_k + 1/2) - ln G(1/2))] / ln 2``; an absent symbol adds nothing.
    """
    if size == 1:
        return 0.0
    from scipy.special import gammaln

    counts = np.bincount(symbols)
    counts = counts[counts > 0]
    nats = math.lgamma(len(symbols) + size / 2) - math.lgamma(size / 2)
    return float(nats - (gammaln(counts + 0.5) - math.lgamma(0.5)).sum()) / math.log(2)
