"""The runs behind a row of a table of verdicts: those of the cells that the rules name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from grokbench.curves.run import Run
from grokbench.tables.grid import Grid
from grokbench.verdicts.cells import Design
from grokbench.verdicts.explanation_rows import EVERYWHERE


def registered_runs(grid: Grid, row: Mapping[str, object]) -> list[Run]:
    """The stored runs of the cells that a row's explanation registers for its family and task, each once.

    row : with `explanation`, `family` and `task`; each of the last two may stand for all.
    """
    names = dict.fromkeys(name for design in _designs(grid, row) for cells in design.roles.values() for name in cells)
    keys = dict.fromkeys(key for name in names for key in grid.cell_keys.get(name, {}).values())
    cells = dict.fromkeys(grid.by_key[key] for key in keys if key in grid.by_key)
    return [run for cell in cells for run in cell.runs if run.key in keys]


def _designs(grid: Grid, row: Mapping[str, object]) -> Iterator[Design]:
    registered = (explained.rules for explained in grid.explained if explained.name == row["explanation"])
    designs = (design for rules in registered for design in rules.designs)
    return (design for design in designs if _fits(design.family, row["family"]) and _fits(design.task, row["task"]))


def _fits(name: str, covered: object) -> bool:
    return covered in (name, EVERYWHERE)
