"""The table of comparisons: two learners on a task, and two families over all tasks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grokbench.curves.run import Run
from grokbench.options import options_json
from grokbench.registry import register_table
from grokbench.statistics.resampling import rng_for
from grokbench.tables.base import Column, Table
from grokbench.tables.grid import Cell, Grid, Identity
from grokbench.verdicts.comparison import Comparison, compare, decide

CLAIMS = ("later", "earlier", "no evidence")  # verdicts of pairs that could be compared


@dataclass(frozen=True)
class Entry:
    """Two sides, learners or families, and what their comparison says."""

    task: str
    a: str
    b: str
    comparison: Comparison


Named = tuple[str, list[Run]]  # a learner or a family by its label, and its runs


def _compared(name: str, meaning: str, heading: str = "", rank: int = 0) -> Column:
    return Column(name, meaning, heading, value=lambda entry: getattr(entry.comparison, name), rank=rank)


@register_table("comparisons")
class Comparisons(Table):
    """two learners on a task, two families over all tasks: log-rank with sides swapped within (task, seed), Holm"""

    columns = (
        Column("task", "label of the task; `all` for two families", "task"),
        Column("a", "one side: a learner by its label, or a family", "a"),
        Column("b", "the other side", "b"),
        _compared("n_a", "runs of a on splits that b has too", "n", rank=4),
        _compared("n_b", "the same of b"),
        _compared(
            "late_a", "share of late runs of a; a non-event counts on an adequate horizon only", "late a", rank=2
        ),
        _compared("late_b", "the same of b", "late b", rank=2),
        _compared("delay_a", "Kaplan-Meier median delay of a, in decades", "delay a", rank=3),
        _compared("delay_b", "the same of b", "delay b", rank=3),
        _compared("difference", "delay_a - delay_b", "difference", rank=1),
        _compared("low", "lower end of its 95 % interval over seeds", "low", rank=5),
        _compared("high", "upper end of that interval", "high", rank=5),
        _compared("win", "P(a later) - P(b later)", "win", rank=5),
        _compared("p", "of the stratified log-rank test, sides swapped within (task, seed)"),
        _compared("p_holm", "the same, adjusted for the registered rows of the table", "p (Holm)", rank=1),
        _compared("verdict", "a is `later`, `earlier`; or `no evidence`, `too few runs`, `not comparable`", "a is"),
    )
    note = """
late: share of late runs (a non-event counts only on an adequate horizon). delay: Kaplan–Meier median in
decades, empty where half of the runs never generalized. difference: a − b with its 95 % interval over seeds.
win: P(a later) − P(b later). p: stratified log-rank, sides swapped within (task, seed); Holm over this table.
"""

    def entries(self, grid: Grid) -> Iterator[Entry]:
        """Every registered pair; tasks with shuffled labels are left out: nothing can generalize there."""
        cells = [cell for cell in grid.cells if not cell.shuffled]
        registered = _Registered(grid)
        pairs = [*_learner_pairs(cells, registered), *_family_pairs(cells, registered)]
        compared = [compare(a[1], b[1], _task, rng_for("comparisons", task, a[0], b[0])) for task, a, b in pairs]
        for (task, a, b), comparison in zip(pairs, decide(compared), strict=True):
            yield Entry(task, a[0], b[0], comparison)


class _Registered:
    """Which pairs are compared, and which side is a: those that the suite names, or all."""

    def __init__(self, grid: Grid):
        self.pairs = (
            None if grid.comparisons is None else [tuple(self._side(grid, s) for s in p) for p in grid.comparisons]
        )

    @staticmethod
    def _side(grid: Grid, name: str) -> set[Identity | str]:
        """The learners and the family that a suite calls so; what a report adds to their options does not matter."""
        wanted = {tuple(entry) for entry in grid.learners.get(name, ())}
        members = {cell.learner for cell in grid.cells if _as_given(cell) & wanted}
        return members | ({name} & {run.family for run in grid.runs})

    def ordered(self, a: Identity | str, b: Identity | str) -> list[tuple]:
        """The pair in its registered order, or nothing where it is not registered."""
        if self.pairs is None or any(a in first and b in second for first, second in self.pairs):
            return [(a, b)]
        return [(b, a)] if any(b in first and a in second for first, second in self.pairs) else []


def _as_given(cell: Cell) -> set[tuple[str, str]]:
    """The learner of a cell as its suite knows it: without the budget and the like that its row may add."""
    return {(cell.learner.name, options_json(run.record["learner_given"])) for run in cell.runs}


def _learner_pairs(cells: Sequence[Cell], registered: _Registered) -> Iterator[tuple[str, Named, Named]]:
    by_task: dict[str, dict[Identity, Cell]] = {}
    for cell in cells:
        by_task.setdefault(cell.task_label, {})[cell.learner] = cell
    for task, there in sorted(by_task.items()):
        by_label = sorted(there, key=lambda learner: there[learner].learner_label)
        for pair in itertools.combinations(by_label, 2):
            for ordered in registered.ordered(*pair):
                a, b = (there[learner] for learner in ordered)
                yield task, (a.learner_label, list(a.runs)), (b.learner_label, list(b.runs))


def _family_pairs(cells: Sequence[Cell], registered: _Registered) -> Iterator[tuple[str, Named, Named]]:
    members: dict[str, list[Run]] = {}
    for run in (run for cell in cells for run in cell.runs):
        members.setdefault(run.family, []).append(run)
    for pair in itertools.combinations(sorted(members), 2):
        for a, b in registered.ordered(*pair):
            yield "all", (a, members[a]), (b, members[b])


def _task(run: Run) -> str:
    """The task of a run with its options: runs of one task and seed share their split."""
    return f"{run.record['config']['task']} {options_json(run.record['task_given'])}"
