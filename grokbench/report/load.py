"""A results folder as DataFrames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grokbench.errors import UsageError, closest
from grokbench.registry import tables


@dataclass(frozen=True)
class Results:
    """The tables of a results folder: ``.runs``, ``.curves``, ``.delays`` and whatever else is registered.

    Each is a pandas.DataFrame with the columns of its CSV file, read when it is first asked for.

    Raises UsageError for a table that the folder does not have, AttributeError for a name that is no table.
    """

    folder: Path

    def __getattr__(self, name: str):
        if name.startswith("_") or name not in tables:
            raise AttributeError(f"no table {name!r}{closest(name, tables.names())}")
        frame = self._read(name)
        self.__dict__[name] = frame
        return frame

    def __dir__(self):
        return sorted([*super().__dir__(), *tables.names()])

    def _read(self, name: str):
        import pandas as pd

        path = self.folder / f"{name}.csv"
        if path.is_symlink() or not path.is_file():
            raise UsageError(f"{path}: no such table; rebuild it with: python -m grokbench report {self.folder}")
        return pd.read_csv(path, dtype={"key": str, "split": str, "environment": str}, keep_default_na=True)


def load(folder: str | Path) -> Results:
    """The results stored in `folder`; UsageError where there is no such folder."""
    folder = Path(folder)
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such results folder")
    return Results(folder)
