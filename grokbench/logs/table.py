"""One table of a log: named columns over rows, as they stand in a file, before anything is judged."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from grokbench.errors import UsageError, shown
from grokbench.logs.words import Role, role_of

if TYPE_CHECKING:
    import pandas as pd


RANGE = ("__MIN", "__MAX")  # beside each column of a panel of W&B: the least and the greatest in a bin
TWICE = "\0"  # begins what was added to a name that stands there twice
_PRINTED = re.compile(
    r"(?:tensor\(|array\(|np\.float\d+\()?\[?([+-]?\d*\.?\d+(?:[eE][+-]?\d+)?)\s*%?\]?(?:, [\w=.':]+)*\)?", re.A
)


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of one file, or of one part of it.

    Parameters
    ----------
    file : where it stands, for messages.
    frame : (rows, columns); names are texts and differ; what is not there is NaN. The index is the number of the row
        in the file, from 1.
    place : names of the folders and of the file, below what was given, and of the part of the file: they may name the
        split, and tell runs apart.
    aliases : column -> the name under which an option may call it, too: the metric of a panel, "Value" of a tag.
    runs : column -> name of the run that it belongs to, where its own name says so.
    counted : it has no clock by its nature: a list of values, one per round or epoch.
    notes : what was done to its rows while they were read.
    """

    file: Path
    frame: pd.DataFrame
    place: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    runs: Mapping[str, str] = field(default_factory=dict)
    counted: bool = False
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return list(self.frame.columns)

    @cached_property
    def roles(self) -> dict[str, Role]:
        """The roles of the columns whose names speak of an accuracy, an error or a loss, by name."""
        kept = (name for name in self.names if TWICE not in name)
        roles = {name: role_of(self.aliases.get(name, name) if name in self.runs else name) for name in kept}
        return {name: role for name, role in roles.items() if role.metric}

    @cached_property
    def _repeated(self) -> Counter[str]:
        return Counter(name.split(TWICE)[0] for name in self.names if TWICE in name)

    def check_once(self, name: str) -> None:
        """UsageError for a column whose name stands there several times."""
        if self._repeated[name]:
            times = self._repeated[name] + 1
            raise UsageError(f"{self.file}: column {name!r} stands there {times} times; rename all but one")

    def changed(self, **fields) -> Table:
        """The table with other fields."""
        return replace(self, **fields)

    def noted(self, *notes: str) -> Table:
        """The table with further notes."""
        return replace(self, notes=(*self.notes, *notes))

    def numbers(self, name: str) -> np.ndarray:
        """(rows,) float64 of a column; UsageError for what is no number, with its row."""
        import pandas as pd

        column = self.frame[name]
        numbers = pd.to_numeric(column, errors="coerce")
        wrong = column[numbers.isna() & column.notna()]
        wrong = wrong[[str(value).strip() != "" for value in wrong]]
        for row, value in wrong.items():
            numbers = numbers.astype(float)
            numbers[row] = self._number(name, row, str(value))
        return numbers.to_numpy(dtype=float)

    def _number(self, name: str, row: int, text: str) -> float:
        """What programs print for a number: ``96.5%``, ``tensor(0.965)``, ``[0.965]``. UsageError for other texts."""
        match = _PRINTED.fullmatch(text.strip())
        if match is None:
            raise UsageError(f"{self.file}: row {row}: column {name!r}: expected numbers, got {shown(text)}")
        return float(match[1])
