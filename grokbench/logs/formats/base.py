"""What a format is: how a file of it is recognized, and how its tables are read."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grokbench.errors import UsageError
from grokbench.limits import LARGEST_UNPACKED
from grokbench.logs.compressed import OPENERS
from grokbench.logs.table import Table


@dataclass(frozen=True)
class Format:
    """A form of file.

    Parameters
    ----------
    name : what people call it.
    rank : formats of a lower rank are asked first.
    recognizes : of the path and of the first bytes, unpacked, whether a file is of this form.
    read : the tables of a file. UsageError for one that cannot be read, OSError and EOFError for one that is damaged.
    suffixes : of the names of such files, in a folder that is searched for logs.
    """

    name: str
    rank: int
    recognizes: Callable[[Path, bytes], bool]
    read: Callable[[Path], list[Table]]
    suffixes: tuple[str, ...] = ()


def plain_suffix(path: Path) -> str:
    """The suffix of a name in lower case, that of a compression left out: ".csv" of ``log.csv.gz``."""
    name = Path(path.stem) if path.suffix.lower() in OPENERS else path
    return name.suffix.lower()


def check_readable(path: Path, library: str, conversion: str) -> None:
    """UsageError, with the conversion, where the library that reads a file is not installed; or for one too large."""
    if importlib.util.find_spec(library) is None:
        raise UsageError(f"{path}: {conversion}")
    if path.stat().st_size > LARGEST_UNPACKED:
        raise UsageError(f"{path}: larger than what is read as a whole (at most {LARGEST_UNPACKED:,} bytes)")
