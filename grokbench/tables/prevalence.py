"""The table of prevalence: the share of a grid of settings, which no choice of a best recipe can raise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from grokbench.curves.detect import LEVEL
from grokbench.curves.run import Run
from grokbench.registry import register_table
from grokbench.statistics.proportions import clopper_pearson
from grokbench.tables.base import Column, Table
from grokbench.tables.grid import Cell, Grid, Identity

EVERYWHERE = Identity("all", "")  # in place of a task: all tasks with true labels


@dataclass(frozen=True)
class Entry:
    """The cells of a family on a task, or on all tasks with true labels.

    A run that cannot be judged (it never fits, is too short, broke off) is one that does not generalize late, because
    the grid was stated before it was run.
    """

    task: Identity
    task_label: str
    family: str
    cells: list[tuple[Cell, list[Run]]]

    @cached_property
    def late_by_cell(self) -> list[list[float]]:
        """Per cell and run 1, 0, or NaN where it is not known whether the run generalizes late."""
        return [[r.detections[LEVEL].late if r.counts else math.nan for r in runs] for _, runs in self.cells]

    @cached_property
    def values(self) -> list[float]:
        """The same of all cells in one list."""
        return [value for values in self.late_by_cell for value in values]

    @property
    def late(self) -> int:
        """Runs that generalize late."""
        return sum(value == 1 for value in self.values)

    @property
    def share(self) -> float:
        """Late runs among all."""
        return self.late / len(self.values)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Clopper and Pearson's of the share, every (setting, seed) as if independent."""
        return clopper_pearson(self.late, len(self.values))


@register_table("prevalence")
class Prevalence(Table):
    """family × task: the share of all runs of its settings that are late, with exact interval: what a grid says"""

    columns = (
        Column(
            "task",
            "name of the task; `all` for those with true labels together",
            "task",
            value=lambda e: e.task.name,
            text=lambda e: e.task_label,
        ),
        Column("task_options", "its options that are not at their defaults, as JSON", value=lambda e: e.task.options),
        Column("family", "the family", "family"),
        Column(
            "learners", "its learners", "learners", value=lambda e: len({c.learner.name for c, _ in e.cells}), rank=5
        ),
        Column(
            "settings",
            "its settings: learners with one set of options, per task",
            "settings",
            value=lambda e: len(e.cells),
            rank=4,
        ),
        Column(
            "settings_late",
            "settings with more than half of their runs late",
            "mostly late",
            value=lambda e: sum(sum(v == 1 for v in values) > len(values) / 2 for values in e.late_by_cell),
            rank=3,
        ),
        Column("runs", "all runs of the family", value=lambda e: len(e.values)),
        Column(
            "undecided",
            "runs that cannot be judged; they count as not late",
            "undecided",
            value=lambda e: sum(math.isnan(value) for value in e.values),
            rank=2,
        ),
        Column("late", "late runs", "late", text=lambda e: f"{e.late}/{len(e.values)}", rank=1),
        Column(
            "share",
            "late runs among all",
            "share [95 % interval]",
            text=lambda e: f"{e.share:.2f} [{e.interval[0]:.2f}, {e.interval[1]:.2f}]",
        ),
        Column(
            "low", "lower end of its exact 95 % interval, every run as if independent", value=lambda e: e.interval[0]
        ),
        Column("high", "upper end of that interval", value=lambda e: e.interval[1]),
    )
    note = """
late: runs that generalize late among all runs of the family's settings (option sets of its learners). mostly late:
settings with more than half of their runs late. undecided: runs that cannot be judged (never fit, too short, broken
off); they count as not late. Interval: Clopper–Pearson, every (setting, seed) as if independent, although runs of a
seed share their split. all: the tasks with true labels.
"""

    def entries(self, grid: Grid) -> Iterator[Entry]:
        """One per family over all tasks with true labels, then one per task and family."""
        members: dict[tuple[Identity, str], list[tuple[Cell, list[Run]]]] = {}
        for cell in grid.cells:
            for family, runs in _by_family(cell.runs).items():
                for place in (cell.task,) if cell.shuffled else (cell.task, EVERYWHERE):
                    members.setdefault((place, family), []).append((cell, runs))
        places = {task: number for number, task in enumerate([EVERYWHERE, *grid.tasks])}
        labels = {**grid.tasks, EVERYWHERE: EVERYWHERE.name}
        for task, family in sorted(members, key=lambda key: (places[key[0]], key[1])):
            yield Entry(task, labels[task], family, members[task, family])

    def runs_of(self, grid: Grid, entry: Entry) -> list[Run]:
        """Those of the family on the task."""
        return [run for _, runs in entry.cells for run in runs]


def _by_family(runs: tuple[Run, ...]) -> dict[str, list[Run]]:
    """Runs by family; one that broke off before it was known belongs to the family of no name."""
    members: dict[str, list[Run]] = {}
    for run in runs:
        members.setdefault(run.family, []).append(run)
    return members
