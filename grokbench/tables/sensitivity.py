"""The table of levels: how much hangs on the accuracy that counts as learned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from grokbench.curves.run import LEVELS
from grokbench.registry import register_table
from grokbench.tables.base import Column, Table, learner_columns
from grokbench.tables.grid import Cell, Grid, Summary


@dataclass(frozen=True)
class Entry:
    """A cell at a level."""

    cell: Cell
    level: float

    @property
    def summary(self) -> Summary:
        """Its medians and shares there."""
        return self.cell.summary(self.level)


def _summarized(name: str, meaning: str) -> Column:
    return Column(name, meaning, name, value=lambda entry: getattr(entry.summary, name))


@register_table("sensitivity")
class Sensitivity(Table):
    """the same medians at the levels .90, .95, .99"""

    columns = (
        Column("task", "label of the task", "task", value=lambda e: e.cell.task_label),
        *learner_columns(),
        Column("level", "chance-corrected accuracy that counts as learned", "level"),
        Column("runs", "runs whose curve says something", "runs", value=lambda e: len(e.cell.readable)),
        _summarized("t_mem", "Kaplan-Meier median of t_mem at that level"),
        _summarized("t_gen", "Kaplan-Meier median of t_gen at that level"),
        _summarized("delay", "Kaplan-Meier median of the delay, in decades"),
        _summarized("late", "share of late runs among those that are decided"),
        _summarized("outcomes", "how many runs have each outcome at that level"),
    )

    def entries(self, grid: Grid) -> Iterator[Entry]:
        """Every cell at every level."""
        return (Entry(cell, level) for cell in grid.cells for level in LEVELS)
