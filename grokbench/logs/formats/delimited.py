"""Delimited text: commas, semicolons, tabs, bars or blanks; decimal points or commas; names in the first line."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from grokbench.errors import UsageError, shown
from grokbench.limits import LARGEST_HEADER, LARGEST_UNPACKED, MOST_COLUMNS
from grokbench.logs.compressed import DAMAGED, opened
from grokbench.logs.formats.base import Format
from grokbench.logs.table import RANGE, TWICE, Table
from grokbench.logs.words import SPLIT_COLUMN, TAG_COLUMN, is_run, words_of

DELIMITERS = ",;\t|"
SAMPLE = 2**16  # bytes after the first line in which decimal commas are looked for
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")
_SAID = re.compile(r"\w+\s*[:=]\s*[+-]?\.?\d[\d.]*")  # "loss: 0.5", "loss=0.5": a sentence of a console
_NUMBER = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class Dialect:
    """How the text is delimited.

    Parameters
    ----------
    names : the names in the first line, or in the last line of comments before the first row.
    delimiter : between cells; a regular expression for blanks.
    decimal, thousands : signs inside numbers; "" for no sign of thousands.
    skipped : lines before the first row.
    encoding : of the file.
    """

    names: Sequence[str]
    delimiter: str
    decimal: str
    thousands: str
    skipped: int
    encoding: str


def read(path: Path) -> list[Table]:
    """The table of a file. UsageError for what is none, in one line."""
    import pandas as pd

    try:
        with opened(path, LARGEST_UNPACKED) as file, warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            dialect = _dialect(path, file)
            file.seek(0)
            frame = _frame(file, dialect)
    except pd.errors.ParserWarning as error:
        raise UsageError(f"{path}: its rows have more values than its first line has names") from error
    except (ValueError, OverflowError, OSError, EOFError, csv.Error, *DAMAGED) as error:
        reason = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
        raise UsageError(f"{path}: not a CSV table: {reason}; docs/logs.md says which files are read") from error
    if frame.empty:
        raise UsageError(f"{path}: no rows")
    return [_without_headers(Table(path, frame))]


def _frame(file: BinaryIO, dialect: Dialect):
    """The rows as pandas reads them; the names of runs, splits and tags are texts, as they stand there: "001", "NA"."""
    import pandas as pd

    names = _distinct(dialect.names)
    texts = {name: str for name in names if _is_text(name)}
    kept = [name for name in names if not name.endswith(RANGE)]  # two thirds of a panel
    frame = pd.read_csv(
        file,
        sep=dialect.delimiter,
        names=names,
        usecols=kept if len(kept) < len(names) else None,
        header=None,
        skiprows=dialect.skipped,
        decimal=dialect.decimal,
        thousands=dialect.thousands or None,
        encoding=dialect.encoding,
        encoding_errors="replace",
        converters=texts,
        low_memory=False,
        index_col=False,  # a row longer than the header must not turn its first columns into an index
    )
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame


def _is_text(name: str) -> bool:
    return is_run(name) or bool(set(words_of(name)) & (SPLIT_COLUMN | TAG_COLUMN) and len(words_of(name)) == 1)


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, each once: a name that is there again gets the number of its column, and can be told apart."""
    distinct, taken = [], set()
    for position, name in enumerate(names):
        while name in taken:
            name = f"{name}{TWICE}{position + 1}"
        taken.add(name)
        distinct.append(name)
    return distinct


def _dialect(path: Path, file: BinaryIO) -> Dialect:
    """The dialect by the first line and a sample of the rows."""
    start = file.read(4)
    wide = start.startswith((b"\xff\xfe", b"\xfe\xff"))
    encoding = "utf-16" if wide else "utf-8-sig"
    file.seek(0)
    head = file.readline(LARGEST_HEADER + 1) if not wide else file.read(LARGEST_HEADER // 2)
    if len(head) > LARGEST_HEADER or max(head.count(sign.encode()) for sign in DELIMITERS) >= MOST_COLUMNS:
        raise UsageError(f"{path}: its first line has more columns than any log (at most {MOST_COLUMNS:,})")
    text = (head + file.read(SAMPLE)).decode(encoding, errors="replace")
    lines = text.splitlines()[:200]
    comments = next((n for n, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), 0)
    blank = next((n for n, line in enumerate(lines) if line.strip()), 0)
    header, rows, skipped = _header(lines, comments, blank)
    delimiter = _delimiter(header, rows)
    _check_names(path, header, delimiter)
    names, (decimal, thousands) = _cells(header, delimiter), _signs(rows, delimiter)
    return Dialect(names, r"\s+" if delimiter == " " else delimiter, decimal, thousands, skipped, encoding)


def _header(lines: Sequence[str], comments: int, blank: int) -> tuple[str, Sequence[str], int]:
    """The line of names, the rows after it, and how many lines come before the first row."""
    if not lines:
        return "", [], 0
    first = lines[comments]
    numeric = all(_NUMBER.fullmatch(word) for word in re.split(r"[\s,;|]+", first.strip()) if word)
    if numeric and comments > blank:  # numpy.savetxt writes the names as a comment
        return lines[comments - 1].lstrip().lstrip("#").strip(), lines[comments:], comments
    return first, lines[comments + 1 :], comments + 1


def _delimiter(header: str, rows: Sequence[str]) -> str:
    """The sign that makes most cells of the header, and as many of the first row if any sign does."""
    row = next((row for row in rows if row.strip()), "")
    counts = {sign: (len(_cells(header, sign)), len(_cells(row, sign))) for sign in DELIMITERS}
    sign = max(DELIMITERS, key=lambda s: (counts[s][0] > 1 and counts[s][0] == counts[s][1], counts[s][0]))
    return " " if counts[sign][0] == 1 and len(header.split()) > 1 and '"' not in header else sign


def _cells(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return line.split()
    try:
        return [cell.strip() for cell in next(csv.reader([line.replace("\0", "")], delimiter=delimiter), [])]
    except csv.Error:  # a cell longer than any, where the sign is not the one that delimits
        return [line]


def _check_names(path: Path, header: str, delimiter: str) -> None:
    filled = [name for name in _cells(header, delimiter) if name]
    if not filled:
        raise UsageError(f"{path}: no rows: the file is empty")
    if all(_NUMBER.fullmatch(name) for name in filled):
        raise UsageError(
            f"{path}: its first line has numbers ({shown(', '.join(filled[:3]))}) and no names of columns; "
            f"put one before it, as: step,train_accuracy,test_accuracy"
        )
    said = _SAID.findall(header)
    if said and (delimiter == " " or len(said) >= len(filled)):
        raise UsageError(
            f"{path}: its first line has numbers behind words ({shown(said[0])}), as the output of a console, and no "
            "names of columns; write a table that begins with, for example: step,train_accuracy,test_accuracy"
        )


def _signs(rows: Sequence[str], delimiter: str) -> tuple[str, str]:
    """The sign of decimals and that of thousands, by the numbers of a sample."""
    cells = [cell for row in rows for cell in _cells(row, delimiter)]
    if not any(_DECIMAL_COMMA.fullmatch(cell) for cell in cells):
        return ".", ""
    return (".", ",") if any(_DECIMAL_POINT.fullmatch(cell) for cell in cells) else (",", "")


def _without_headers(table: Table) -> Table:
    """The table without rows that repeat the line of names, as a program that is started again writes it."""
    frame = table.frame
    mask = None
    for name in frame.columns:
        if frame[name].dtype == object:
            same = frame[name] == name
            mask = same if mask is None else mask & same
            if not mask.any():
                break
    if mask is None or not mask.any():
        return table
    rows = [int(row) for row in frame.index[mask]]
    note = f"the line of names stands again at row {rows[0]}" + (f" and {len(rows) - 1} more" if rows[1:] else "")
    return table.changed(frame=frame[~mask]).noted(f"{note}: a program was started again there")


FORMAT = Format("delimited text", 9, lambda path, head: True, read, (".csv", ".tsv", ".log", ".txt", ".dat"))
