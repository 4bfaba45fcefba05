"""The columns of a curve at rest: a report holds thousands of curves, and looks into each of them once."""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import ItemsView, Iterator, Mapping, Sequence, ValuesView


class Packed(Mapping[str, array]):
    """Name -> (checkpoints,) doubles, all columns in one compressed block; equal to those it was made of.

    Attributes
    ----------
    checkpoints : their number.
    ends : name -> number at the last checkpoint; empty without checkpoints.
    """

    __slots__ = ("_block", "_ends", "_names", "checkpoints")

    def __init__(self, columns: Mapping[str, Sequence[float]]):
        columns = {sys.intern(name): array("d", values) for name, values in columns.items()}
        self._names = tuple(columns)
        self.checkpoints = len(next(iter(columns.values()), ()))
        self._ends = array("d", [values[-1] for values in columns.values() if values])
        self._block = zlib.compress(b"".join(values.tobytes() for values in columns.values()), 1)

    @property
    def ends(self) -> dict[str, float]:
        """Each column's number at the last checkpoint."""
        return dict(zip(self._names, self._ends, strict=False))

    def unpacked(self) -> dict[str, array]:
        """The columns themselves."""
        numbers, n = array("d", zlib.decompress(self._block)), self.checkpoints
        return {name: numbers[i * n : (i + 1) * n] for i, name in enumerate(self._names)}

    def __getitem__(self, name: str) -> array:
        return self.unpacked()[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def items(self) -> ItemsView[str, array]:
        """Names and columns, unpacked once for all."""
        return self.unpacked().items()

    def values(self) -> ValuesView[array]:
        """The columns, unpacked once for all."""
        return self.unpacked().values()
