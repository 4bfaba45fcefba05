"""Tables and figures to files: tables as CSV in full and as Markdown, figures as SVG and PNG, and a page of both.

An undefined or censored value is an empty cell; floats have six significant digits (curves ten).
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from grokbench.curves.run import Run
from grokbench.registry import tables as registry
from grokbench.report.draw import Drawn, drawn, why_tables_alone, write_figures
from grokbench.report.explained_page import explanations_page
from grokbench.report.page import NAME, Content, content_of_grid, page
from grokbench.runs.claims import tables_claimed
from grokbench.runs.note import Note
from grokbench.runs.store import Store, claim, write_atomically
from grokbench.tables.base import Table
from grokbench.tables.grid import Grid
from grokbench.tables.text import csv_lines
from grokbench.verdicts import replication
from grokbench.verdicts.judging import judge_suite
from grokbench.verdicts.rules import of_suite


def write_report(results: str | Path) -> Grid:
    """Rebuild every derived file of a results folder from its stored runs; returns what the tables were made of.

    Raises UsageError where a file cannot be written, and for a folder that is somebody else's.
    """
    results = Path(results)
    claim(results)
    with tables_claimed(results):
        grid = read_grid(results)
        for table in tables_of(grid):
            write_atomically(results / f"{table.name}.csv", table_lines(table, grid))
            if table.own_page:
                write_atomically(results / f"{table.name}.md", table.page(grid))
        if grid.explained:
            write_atomically(results / "explanations.md", explanations_page(grid))
        write_atomically(results / "environment.json", _environments(grid))
        if not why_tables_alone():
            figures = drawn(grid)
            write_figures(results, figures)
            write_atomically(results / NAME, page(read_content(results, grid, figures)))
    return grid


def read_content(results: Path, grid: Grid, figures: Sequence[Drawn] | None = None) -> Content:
    """What the page of a results folder says; its figures are drawn where they are not there yet."""
    with warnings.catch_warnings(action="ignore"):  # `read_grid` has said it
        note = Note.read(results)
    figures = drawn(grid) if figures is None else figures
    return content_of_grid(grid, tables_of(grid), figures, note, results.resolve().name)


def table_lines(table: Table, grid: Grid) -> Iterator[str]:
    """The CSV file of a table, line by line."""
    return csv_lines([column.name for column in table.columns_of(grid)], table.rows(grid), table.digits)


def tables_of(grid: Grid) -> list[Table]:
    """The registered tables that the results folder has."""
    made = (registry[name]() for name in registry.names())
    return [table for table in made if table.applies(grid)]


def read_grid(results: Path) -> Grid:
    """The stored runs of a results folder, beside what its suite says of them."""
    note = Note.read(results)
    runs = list(_runs(results, packed=not of_suite(note.suite)))
    return Grid(
        runs,
        title=note.title or note.suite or results.name,
        comparisons=note.comparisons,
        learners=note.learners,
        explained=judge_suite(note.suite, note.cells or {}, runs),
        cells=note.cells,
        sources=note.sources,
        replicated=replication.judge_claims(note.suite, note.cells or {}, runs),
    )


def _runs(results: Path, packed: bool) -> Iterator[Run]:
    """The stored runs, one at a time; packed where no explanation will look at their curves over and over."""
    for run in Store(results).read_all():
        if len(run.curve) > 1 and run.unreadable:
            warnings.warn(f"run {run.key}: {run.unreadable}", stacklevel=2)
        yield run.packed() if packed else run


def _environments(grid: Grid) -> str:
    machines = {run.record["environment"]["hash"]: run.record["environment"] for run in grid.runs}
    return json.dumps({key: machines[key] for key in sorted(machines)}, indent=1, sort_keys=True) + "\n"
