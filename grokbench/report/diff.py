"""Two result sets side by side: read, paired, judged, and written where a folder is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grokbench.errors import UsageError
from grokbench.report.result_set import ResultSet, read_result_set
from grokbench.runs.store import claim, write_atomically
from grokbench.tables.base import Table
from grokbench.tables.changes import ChangedRuns, Changes, diff_grid, environment_text, summary_text
from grokbench.tables.grid import Grid
from grokbench.tables.text import csv_lines, escape, markdown
from grokbench.verdicts.change import Change, changes
from grokbench.verdicts.pairing import paired_cells

TABLES = (Changes(), ChangedRuns())


@dataclass(frozen=True)
class Diff:
    """What differs between two result sets.

    Parameters
    ----------
    a, b : the two; B is read against A.
    changes : cell by cell.
    grid : what the tables are made of.
    """

    a: ResultSet
    b: ResultSet
    changes: Sequence[Change]
    grid: Grid

    @property
    def is_change(self) -> bool:
        """Whether anything is not as it was, by whatever it may have come."""
        return any(change.is_change for change in self.changes)

    @property
    def environments(self) -> str:
        """What differs between the environments of both sides; empty where nothing does."""
        return environment_text(pair for change in self.changes for pair in change.cell.pairs)

    def lines(self) -> Iterator[str]:
        """What is to be said below the tables."""
        yield summary_text(self.changes)
        if self.environments:
            yield f"environments differ: {self.environments}"
        for name, side in (("A", self.a), ("B", self.b)):
            if not side.stored:
                yield (
                    f"{name} ({side.folder}) has no runs/: its events are those that its runs.csv was written with, "
                    "and whether curves are identical is not known"
                )


def diff(a: Path, b: Path) -> Diff:
    """What differs between two results folders.

    Raises UsageError as `read_result_set` does, and where no run of the one is in the other.
    """
    first, second = read_result_set(a), read_result_set(b)
    judged = changes(paired_cells(first.runs, second.runs))
    if not any(change.cell.pairs for change in judged):
        raise UsageError(
            f"{a} ({len(first.runs)} runs) and {b} ({len(second.runs)} runs) have no run in common: expected the same "
            "task, learner, options and seed in both"
        )
    return Diff(first, second, judged, diff_grid(judged, title=f"{a} → {b}"))


def write_diff(out: Path, made: Diff) -> list[Path]:
    """Both tables as CSV in full, and ``diff.md`` as people read it; returns the files.

    Raises UsageError where a file cannot be written, and for a folder that is somebody else's.
    """
    try:
        claim(out, "--out")
    except OSError as error:
        raise UsageError(f"{out}: cannot be written: {error.strerror or error}") from error
    for table in TABLES:
        columns = [column.name for column in table.columns]
        write_atomically(out / f"{table.name}.csv", csv_lines(columns, table.rows(made.grid), table.digits))
    write_atomically(out / "diff.md", _page(made))
    return [*(out / f"{table.name}.csv" for table in TABLES), out / "diff.md"]


def _page(made: Diff) -> str:
    said = "\n".join(f"- {escape(line)}" for line in made.lines())
    return f"{TABLES[0].page(made.grid)}\n{said}\n\n## Runs with another outcome\n\n{_rows(TABLES[1], made.grid)}"


def _rows(table: Table, grid: Grid) -> str:
    headings, rows = table.reading(grid)
    return markdown(headings, rows) if rows else "None.\n"
