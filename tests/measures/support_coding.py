"""The arithmetic coder whose length the measure `code_length` states, and a description sent with it and received.

Both ends know the alphabet 0..K-1 and the number of symbols, and learn the frequencies as they go: after n symbols,
n_k of them k, the next is k with probability (n_k + 1/2) / (n + K/2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate

import numpy as np

from grokbench.measures.code import Code

BITS = 32  # of the coder's window
TOP, HALF, QUARTER = 2**BITS - 1, 2 ** (BITS - 1), 2 ** (BITS - 2)


def sent(code: Code) -> dict[str, list[list[int]]]:
    """The bits of each array of a code, without the headers."""
    return {name: [encode(p.symbols.tolist(), p.size) for p in parts] for name, parts in code.parts.items()}


def received(code: Code, bits: dict[str, list[list[int]]]) -> dict[str, np.ndarray]:
    """What the receiver makes of the bits and of the headers (shape, step, range)."""
    symbols = {}
    for name, parts in code.parts.items():
        streams = zip(bits[name], parts, strict=True)
        symbols[name] = [np.array(decode(stream, p.size, len(p.symbols)), dtype=np.int64) for stream, p in streams]
    return code.arrays(symbols)


def encode(symbols: Iterable[int], size: int) -> list[int]:
    """The bits (0 or 1), at most two more than `code_length`, and some 1e-5 per symbol by rounding.

    Arithmetic coding with whole numbers (Witten, Neal & Cleary 1987).
    """
    bits: list[int] = []
    weights, low, high, pending = [1] * size, 0, TOP, 0  # weight 2 n_k + 1 of 2 n + K
    for symbol in symbols:
        low, high = _narrowed(low, high, weights, symbol)
        weights[symbol] += 2
        while (shift := _shift(low, high)) is not None:
            bit, offset = shift
            if bit is None:
                pending += 1
            else:
                bits += [bit, *[1 - bit] * pending]
                pending = 0
            low, high = 2 * (low - offset), 2 * (high - offset) + 1
    last = 0 if low < QUARTER else 1
    return [*bits, last, *[1 - last] * (pending + 1)]


def decode(bits: Iterable[int], size: int, n: int) -> list[int]:
    """The n symbols of `encode`."""
    stream = _endless(bits)
    weights, low, high, value = [1] * size, 0, TOP, 0
    for _ in range(BITS):
        value = 2 * value + next(stream)
    symbols = []
    for _ in range(n):
        total = sum(weights)
        place = ((value - low + 1) * total - 1) // (high - low + 1)
        symbol = next(k for k, above in enumerate(accumulate(weights)) if place < above)
        symbols.append(symbol)
        low, high = _narrowed(low, high, weights, symbol)
        weights[symbol] += 2
        while (shift := _shift(low, high)) is not None:
            low, high = 2 * (low - shift[1]), 2 * (high - shift[1]) + 1
            value = 2 * (value - shift[1]) + next(stream)
    return symbols


def _narrowed(low: int, high: int, weights: list[int], symbol: int) -> tuple[int, int]:
    """The part of the window that belongs to a symbol."""
    below, total, width = sum(weights[:symbol]), sum(weights), high - low + 1
    return low + width * below // total, low + width * (below + weights[symbol]) // total - 1


def _shift(low: int, high: int) -> tuple[int | None, int] | None:
    """The settled bit (None: it follows the next one, reversed) and what goes; None where the window is wide."""
    if high < HALF:
        return 0, 0
    if low >= HALF:
        return 1, HALF
    if low >= QUARTER and high < HALF + QUARTER:
        return None, QUARTER
    return None


def _endless(bits: Iterable[int]) -> Iterator[int]:
    yield from bits
    while True:
        yield 0
