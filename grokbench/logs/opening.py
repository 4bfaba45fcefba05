"""Files and folders to tables: each file by the first format that recognizes it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from grokbench.errors import UsageError
from grokbench.logs.compressed import OPENERS, head_of
from grokbench.logs.formats import format_of, formats
from grokbench.logs.formats.base import plain_suffix
from grokbench.logs.layouts import arranged
from grokbench.logs.table import Table

MOST_FILES = 10_000  # of a folder
MARKER = "grokbench.json"  # in a results folder of ours


def tables_of(paths: Sequence[Path]) -> list[Table]:
    """The tables in files and folders, laid out with a column per curve.

    Raises UsageError for a file that is not there, or is none that is read; in a folder such files are passed over.
    """
    tables: list[Table] = []
    files = list(dict.fromkeys(path for named in paths for path in _files(named)))
    root = _root(files)
    for file, searched in files:
        try:
            tables += [_placed(arranged_table, file, root) for arranged_table in _tables(file)]
        except UsageError:
            if not searched:
                raise
    if not tables:
        raise UsageError(f"{paths[0]}: no logs in it: of {len(files)} files none can be read")
    return tables


def _files(path: Path) -> Iterator[tuple[Path, bool]]:
    """The files that a path names, and whether it was searched for them."""
    if path.is_dir():
        if (path / MARKER).is_file():  # its curves are all in one table
            yield path / "curves.csv", False
            return
        logs = [file for file in _below(path) if _is_log(file)]
        if not logs:
            raise UsageError(f"{path}: no logs in this folder (looked for {', '.join(_suffixes())} and event files)")
        yield from ((file, len(logs) > 1) for file in logs)
    elif path.is_file():
        yield path, False
    else:
        raise UsageError(f"{path}: no such file")


def _below(folder: Path) -> list[Path]:
    """The files of a folder and of those in it, in the order of their names; no link is followed, nothing hidden."""
    files: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(place) / name for name in sorted(names) if not name.startswith(".")]
        if len(files) > MOST_FILES:
            raise UsageError(f"{folder}: more than {MOST_FILES:,} files: name those that are logs")
    return [file for file in files if file.is_file() and not file.is_symlink()]


def _is_log(file: Path) -> bool:
    return plain_suffix(file) in _suffixes() or "tfevents" in file.name


def _suffixes() -> list[str]:
    return [suffix for form in formats() for suffix in form.suffixes]


def _root(files: Sequence[tuple[Path, bool]]) -> Path:
    """The folder that all files share."""
    parents = [str(file.absolute().parent) for file, _ in files]
    return Path(os.path.commonpath(parents)) if parents else Path()


def _tables(file: Path) -> list[Table]:
    return format_of(file, head_of(file)).read(file)


def _placed(table: Table, file: Path, root: Path) -> Table:
    """The table laid out; its place begins with the names of its folders, below the shared one, and of its file."""
    parts = file.absolute().relative_to(root).parts
    stem = Path(parts[-1]).stem if Path(parts[-1]).suffix.lower() in OPENERS else parts[-1]
    stem = Path(stem).stem if "tfevents" not in stem else ""
    return arranged(table.changed(place=tuple(part for part in (*parts[:-1], stem, *table.place) if part)))
