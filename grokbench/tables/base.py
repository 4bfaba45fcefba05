"""A table is its columns and its rows, both functions of the runs of a report.

CSV, Markdown, the terminal, `load`, `list tables`, `show NAME` and the documentation all come from here: a new table is
one file, and a new column one `Column`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grokbench.curves.run import Run
from grokbench.tables.grid import Grid
from grokbench.tables.text import escape, markdown


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : in the CSV file and in `grokbench.load`.
    meaning : what it says, with its unit; the documentation prints it.
    heading : above the column where people read it; empty for one that stands in the CSV file only.
    value : of an entry, what the CSV file holds; default: the entry's attribute (or item) of the column's name.
    text : of an entry, what people read; default: the value, with three significant digits.
    after : name of the column after which people read it, where that is another place than in the CSV file.
    optional : left out of what people read where it has no value in any row.
    rank : how soon it is left out where a screen is narrow: the highest first, 0 last.
    """

    name: str
    meaning: str
    heading: str = ""
    value: Callable[[Any], object] | None = None
    text: Callable[[Any], str] | None = None
    after: str = ""
    optional: bool = False
    rank: int = 0

    def of(self, entry: object) -> object:
        """The value of an entry; None where it has none."""
        if self.value is not None:
            return self.value(entry)
        return entry.get(self.name) if isinstance(entry, Mapping) else getattr(entry, self.name)

    def known(self, entry: object) -> bool:
        """Whether the entry has a value."""
        value = self.of(entry)
        return value is not None and not (isinstance(value, float) and math.isnan(value))

    def read(self, entry: object) -> object:
        """What people read of an entry: its text, or a value that is still to be rounded."""
        return self.of(entry) if self.text is None else self.text(entry)


class Table:
    """Base class of tables. The first line of a subclass's docstring says what one row is.

    Attributes
    ----------
    columns : in the order of the CSV file, each a `column_class`.
    digits : significant digits of the numbers in the CSV file.
    note : what stands below the table where people read it.
    own_page : whether it has a Markdown file of its own.
    """

    name = "own"
    columns: Sequence[Column] = ()
    column_class = Column
    digits = 6
    note = ""
    own_page = True
    version = 1

    def entries(self, grid: Grid) -> Iterable[object]:
        """What the rows are of, in a byte-stable order: runs, cells, pairs, or mappings of names to values."""
        raise NotImplementedError

    def known(self, grid: Grid) -> Sequence[object]:
        """The entries, computed once for the CSV file, for Markdown and for the screen."""
        if self.name not in grid.entries:
            grid.entries[self.name] = list(self.entries(grid))
        return grid.entries[self.name]

    def applies(self, grid: Grid) -> bool:
        """Whether the results folder has this table."""
        return True

    def columns_of(self, grid: Grid) -> Sequence[Column]:
        """The columns for these runs, where they are not the same for all."""
        return self.columns

    def rows(self, grid: Grid) -> Iterator[dict[str, object]]:
        """The rows as the CSV file has them: column names to values."""
        columns = self.columns_of(grid)
        for entry in self.known(grid):
            yield {column.name: column.of(entry) for column in columns}

    def readable(self, entry: object) -> bool:
        """Whether people read the row of an entry; the CSV file has all."""
        return True

    def reading(self, grid: Grid, entries: Sequence[object] | None = None) -> tuple[dict[str, str], list[dict]]:
        """Column names to headings, and the rows, as people read them on the screen and in Markdown.

        entries : some of the table's; default: all.
        """
        entries = [entry for entry in (self.known(grid) if entries is None else entries) if self.readable(entry)]
        columns = [c for c in in_reading_order(self.columns_of(grid)) if not c.optional or any(map(c.known, entries))]
        rows = [{column.name: column.read(entry) for column in columns} for entry in entries]
        return {column.name: column.heading for column in columns}, rows

    def runs_of(self, grid: Grid, entry: object) -> Sequence[Run]:
        """The runs that an entry is made of: its `run`, or those of its `cell`; none where it has neither."""
        if hasattr(entry, "run"):
            return [entry.run]
        return entry.cell.runs if hasattr(entry, "cell") else ()

    def ranks(self, grid: Grid) -> dict[str, int]:
        """Column names to how soon each is left out of a narrow screen."""
        return {column.name: column.rank for column in self.columns_of(grid)}

    def page(self, grid: Grid) -> str:
        """The Markdown file."""
        return f"# {escape(grid.title)}\n\n{markdown(*self.reading(grid))}{self.footnote(grid)}"

    def legend(self, grid: Grid) -> Sequence[str]:
        """What the labels in its rows stand for, a line each, as plain text."""
        return ()

    def remarks(self, grid: Grid) -> Sequence[str]:
        """What readers have to know of these runs besides the note, a line each, as plain text."""
        return ()

    def footnote(self, grid: Grid) -> str:
        """What stands below the table in its Markdown file."""
        return self.note

    @classmethod
    def description(cls) -> str:
        """What one row is."""
        return inspect.cleandoc(cls.__doc__ or "").partition("\n")[0]


def share_columns(name: str, meaning: str, heading: str, cell: str, **column: object) -> tuple[Column, ...]:
    """A share of late runs (keys NAME, NAME_n, NAME_low, NAME_high), read as "9/10 [0.55, 1.00]".

    cell : what the runs are of, in the meaning of their number. column : further arguments of the first column.
    """

    def text(row: Mapping) -> str:
        n = row.get(f"{name}_n")
        if not n:
            return "" if n is None else "0 decided"
        return f"{round(row[name] * n)}/{n} [{row[f'{name}_low']:.2f}, {row[f'{name}_high']:.2f}]"

    return (
        Column(name, meaning, heading, text=text, **column),
        Column(f"{name}_n", f"runs of {cell} that are decided"),
        Column(f"{name}_low", "lower end of the exact 95 % interval of the share"),
        Column(f"{name}_high", "upper end of that interval"),
    )


def learner_columns() -> tuple[Column, Column]:
    """The learner of an entry that has a `cell`, by name (and, where people read it, by label), and its options."""
    return (
        Column(
            "learner",
            "name of the learner",
            "learner",
            value=lambda entry: entry.cell.learner.name,
            text=lambda entry: entry.cell.learner_label,
        ),
        Column(
            "learner_options",
            "its options that are not at their defaults, as JSON",
            value=lambda entry: entry.cell.learner.options,
        ),
    )


def in_reading_order(columns: Sequence[Column]) -> list[Column]:
    """The columns that people read, each in its place."""
    ordered = [column for column in columns if column.heading and not column.after]
    for moved in (column for column in columns if column.heading and column.after):
        places = [i for i, column in enumerate(ordered) if column.name == moved.after]
        ordered.insert(places[0] + 1 if places else len(ordered), moved)
    return ordered
