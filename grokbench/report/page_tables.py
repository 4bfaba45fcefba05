"""The tables of a page: what people read of each, what it is sorted by, and the runs behind each row."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grokbench.errors import UsageError
from grokbench.limits import LARGEST_TABLE
from grokbench.registry import tables as registry
from grokbench.report.explained_page import NOTES
from grokbench.report.result_set import read_result_set
from grokbench.runs.files import is_file
from grokbench.runs.store import regular_text
from grokbench.tables.base import Column, Table, in_reading_order
from grokbench.tables.grid import Grid
from grokbench.tables.text import FORMULA, readable
from grokbench.verdicts.explanation_rows import EVERYWHERE, PRIMARIES

FIRST = (
    *("replications", "explanations", "needs", "cross_table", "delays", "comparisons", "early_stopping"),
    *("prevalence", "sensitivity"),
)
LEFT_OUT = ("curves",)  # drawn, not listed
MOST_ROWS = 12_000  # of a table in a page; the CSV file has all
MOST_RUNS = 60  # named behind a row
IN_SIGHT = {"explanations": ("verdict", "task")}  # of a wide table, the column to see first, and the one before it
TEXTS = ("key", "split", "environment", "registered")  # columns of hashes: one of digits alone is no number
WHOLE = re.compile(r"-?[0-9]{1,15}")
NEEDED = {  # columns that sentences are made of
    "runs": ("family",),
    "replications": ("claim", "verdict"),
    "explanations": ("explanation", "prediction", "role", "family", "verdict"),
    "early_stopping": ("reads", "rule", "task_options", "generalizing", "stopped_before_generalizing"),
}
CELL = ("task", "task_options", "learner", "learner_options")  # what rows of one cell share in the CSV files


@dataclass(frozen=True)
class PageTable:
    """A table as a page has it.

    Parameters
    ----------
    name, description, note : of the table.
    columns : all of them, with their meanings.
    read : those that people read, in their order.
    texts : per row, what people read in each of these.
    values : per row, the values of the CSV file by column.
    runs : per row, the places of its runs in the table of runs.
    legend : what labels in its rows stand for, a line each.
    remarks : what readers have to know of these runs besides the note, a line each.
    """

    name: str
    description: str
    note: str
    columns: Sequence[Column]
    read: Sequence[Column]
    texts: Sequence[Sequence[str]]
    values: Sequence[Mapping[str, object]]
    runs: Sequence[Sequence[int]]
    legend: Sequence[str] = ()
    remarks: Sequence[str] = ()

    @property
    def title(self) -> str:
        """Its name as people write it."""
        return self.name.replace("_", " ")

    def data(self) -> dict[str, object]:
        """What the script of the page gets."""
        kept = slice(MOST_ROWS)
        columns = [_column(i, column, self.texts[kept], self.values[kept]) for i, column in enumerate(self.read)]
        behind = [list(runs[:MOST_RUNS]) for runs in self.runs[kept]]
        counts = [len(runs) for runs in self.runs[kept]]
        more = {"behind": behind, "counts": counts, "under": self.under()} if self.name != "runs" else {}
        return {"name": self.name, "rows": len(self.texts), "columns": columns, **more}

    def under(self) -> dict[int, list[int]]:
        """Of a verdict that rests on others, the rows of those: of a family its primaries, of all families each."""
        if self.name != "explanations":
            return {}
        together = [number for number, row in enumerate(self.values) if row["prediction"] == PRIMARIES]
        return {number: self._rests_on(self.values[number]) for number in together}

    def _rests_on(self, verdict: Mapping[str, object]) -> list[int]:
        overall = verdict["family"] == EVERYWHERE
        return [
            number
            for number, row in enumerate(self.values)
            if row["explanation"] == verdict["explanation"] and row is not verdict
            if (row["prediction"] == PRIMARIES if overall else row["family"] == verdict["family"])
            if overall or row["role"] not in ("secondary", "control", "descriptive")
        ]


def _column(place: int, column: Column, texts: Sequence, values: Sequence[Mapping]) -> dict[str, object]:
    """One column: its texts, each once where they recur, and the numbers to sort by where texts do not say them."""
    shown = [row[place] for row in texts]
    distinct = {text: number for number, text in enumerate(dict.fromkeys(shown))}
    packed = {"texts": list(distinct), "places": [distinct[text] for text in shown]}
    written = packed if len(distinct) < len(shown) / 2 else {"texts": shown}
    numbers = [_number(row.get(column.name)) for row in values]
    is_number = any(number is not None for number in numbers)
    said = all(_parsed(text) is not None or not text for text in distinct)
    sorting = {} if not is_number or said else {"numbers": numbers}
    return {"name": column.name, "heading": column.heading, "numeric": is_number, **written, **sorting}


def _number(value: object) -> float | None:
    is_number = hasattr(value, "__float__") and not isinstance(value, bool)
    return float(f"{float(value):.5g}") if is_number and math.isfinite(value) else None


def _parsed(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def tables_of_grid(grid: Grid, tables: Iterable[Table]) -> list[PageTable]:
    """The tables of a report, the first to look at first."""
    places = {run.key: place for place, run in enumerate(grid.runs)}
    return _in_order(_of_grid(table, grid, places) for table in tables if table.name not in LEFT_OUT)


def _in_order(tables: Iterable[PageTable]) -> list[PageTable]:
    """Verdicts, then what they rest on, then tables of others, the runs last."""
    order = {name: place for place, name in enumerate(FIRST)}
    made = [table for table in tables if table.read]
    return sorted(made, key=lambda table: (table.name == "runs", order.get(table.name, len(FIRST)), table.name))


def _of_grid(table: Table, grid: Grid, places: Mapping[str, int]) -> PageTable:
    entries = [entry for entry in table.known(grid) if table.readable(entry)]
    headings, rows = table.reading(grid)
    columns = table.columns_of(grid)
    by_name = {column.name: column for column in columns}
    read = _in_sight(table, [by_name[name] for name in headings])
    return PageTable(
        *(table.name, table.description(), NOTES.get(table.name, table.note)),
        columns,
        _explained(table, read),
        _texts(table, entries, [[readable(row[column.name]) for column in read] for row in rows]),
        [{column.name: column.of(entry) for column in columns} for entry in entries],
        [[places[run.key] for run in table.runs_of(grid, entry) if run.key in places] for entry in entries],
        table.legend(grid),
        table.remarks(grid),
    )


def _in_sight(table: Table, read: list[Column]) -> list[Column]:
    """What people read of a table, what they look for first where a window shows it."""
    name, after = IN_SIGHT.get(table.name, ("", ""))
    moved = [column for column in read if column.name == name]
    left = [column for column in read if column.name != name]
    place = next((i for i, column in enumerate(left) if column.name == after), -1) + 1
    return [*left[:place], *moved, *left[place:]]


def _several(table: Table) -> bool:
    """Whether rows of several explanations stand in one table, under no heading of their own."""
    return any(column.name == "explanation" and not column.heading for column in table.columns)


def _explained(table: Table, read: Sequence[Column]) -> list[Column]:
    shown = [Column("explanation", "the explanation", "explanation")] if _several(table) else []
    return [*shown, *read]


def _texts(table: Table, entries: Sequence, texts: list[list[str]]) -> list[list[str]]:
    if not _several(table):
        return texts
    return [[entry["explanation"], *row] for entry, row in zip(entries, texts, strict=True)]


def tables_of_folder(folder: Path) -> list[PageTable]:
    """The tables of a folder that has no runs, from its CSV files; those of which no table is registered are not read.

    Raises UsageError for a file that cannot be read, or that no report has written.
    """
    if is_file(folder / "runs.csv"):
        read_result_set(folder)  # every row is checked there
    made = (registry[name]() for name in registry.names() if name not in LEFT_OUT)
    files = {table: folder / f"{table.name}.csv" for table in made}
    contents = {table: list(_rows(path)) for table, path in files.items() if is_file(path)}
    for table, rows in contents.items():
        _check_columns(folder / f"{table.name}.csv", table, rows)
    runs = next((rows for table, rows in contents.items() if table.name == "runs"), [])
    return _in_order(_of_rows(table, rows, runs) for table, rows in contents.items() if rows)


def _check_columns(path: Path, table: Table, rows: list[dict]) -> None:
    missing = [name for name in NEEDED.get(table.name, ()) for row in rows if name not in row]
    if missing:
        raise UsageError(f"{path}: no column {missing[0]!r}; expected the table that report writes")


def _rows(path: Path) -> Iterator[dict[str, object]]:
    try:
        for row in csv.DictReader(io.StringIO(regular_text(path, LARGEST_TABLE), newline="")):
            yield {name: _value(name, text) for name, text in row.items() if name and isinstance(text, str)}
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _value(name: str, text: str) -> object:
    """A cell of a CSV file: a number, or a text without the apostrophe that keeps spreadsheets from calculating it."""
    if text[:1] == "'" and text[1:2] in FORMULA:
        return text[1:]
    if name in TEXTS:
        return text
    if WHOLE.fullmatch(text):  # all its digits are read, where those of a float are rounded
        return int(text)
    number = _parsed(text) if text else None
    return text if number is None or not math.isfinite(number) else number


def _of_rows(table: Table, rows: list[dict], runs: list[dict]) -> PageTable:
    columns = [column for column in table.columns if column.name in rows[0]]
    read = [column for column in in_reading_order(columns) if any(row.get(column.name) != "" for row in rows)]
    read = _explained(table, _in_sight(table, read))
    places = _places(runs)
    return PageTable(
        *(table.name, table.description(), NOTES.get(table.name, table.note), columns, read),
        [[_text(row, column.name) for column in read] for row in rows],
        rows,
        [places.get(_cell(row), []) if table.name != "runs" else [i] for i, row in enumerate(rows)],
    )


def _text(row: Mapping[str, object], name: str) -> str:
    """What people read of a cell of a CSV file; of a task and a learner with their options."""
    options = row.get(f"{name}_options")
    return f"{row.get(name, '')} {options}" if options else readable(row.get(name, ""))


def _cell(row: Mapping[str, object]) -> tuple:
    return tuple(row.get(name) for name in CELL)


def _places(runs: Sequence[Mapping]) -> dict[tuple, list[int]]:
    places: dict[tuple, list[int]] = {}
    for place, row in enumerate(runs):
        places.setdefault(_cell(row), []).append(place)
    return places
