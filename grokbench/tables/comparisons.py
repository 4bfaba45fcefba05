"""The table of comparisons: two learners on a task, and two families over all tasks."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from grokbench.curves.run import Run
from grokbench.options import options_json
from grokbench.registry import register_table
from grokbench.statistics.resampling import rng_for
from grokbench.tables.base import Column, Table
from grokbench.tables.environments import environments
from grokbench.tables.grid import Cell, Grid, Identity
from grokbench.verdicts.comparison import Comparison, compare, decide

MOST_PAIRS = 1_000  # of learners on a task, where the suite names none: 45 settings of one learner on one task
CLAIMS = ("later", "earlier", "no evidence")  # verdicts of pairs that could be compared


@dataclass(frozen=True)
class Entry:
    """Two sides, learners or families, and what their comparison says.

    environments : of the runs of both sides, those that may give other numbers.
    runs : of both sides.
    """

    task: str
    a: str
    b: str
    comparison: Comparison
    environments: int = 1
    runs: tuple[Run, ...] = ()


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
        Column("environments", "environments of both sides' runs that may give other numbers; several are a mix"),
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
        many = _too_many(grid)
        if many:
            warnings.warn(many, stacklevel=2)
        pairs = [*([] if many else _learner_pairs(cells, registered)), *_family_pairs(cells, registered)]
        compared = [compare(a[1], b[1], _task, rng_for("comparisons", task, a[0], b[0])) for task, a, b in pairs]
        for (task, a, b), comparison in zip(pairs, decide(compared), strict=True):
            runs = (*a[1], *b[1])
            yield Entry(task, a[0], b[0], comparison, environments(runs), runs)

    def runs_of(self, grid: Grid, entry: Entry) -> Sequence[Run]:
        """Those of both sides."""
        return entry.runs

    def remarks(self, grid: Grid) -> list[str]:
        """Which pairs it leaves out."""
        return list(filter(None, [_too_many(grid)]))

    def footnote(self, grid: Grid) -> str:
        """The note, and which pairs it leaves out."""
        return self.note + "".join(f"\n{line}\n" for line in self.remarks(grid))


def _too_many(grid: Grid) -> str:
    """Why learners are not compared with each other: their pairs grow with the square of the settings. Else ''."""
    settings: dict[Identity, int] = {}
    for cell in grid.cells:
        settings[cell.task] = settings.get(cell.task, 0) + (not cell.shuffled)
    pairs = sum(number * (number - 1) // 2 for number in settings.values())
    if grid.comparisons is not None or pairs <= MOST_PAIRS:
        return ""
    return (
        f"only families are compared: there are {pairs:,} pairs of learners, and the suite names none; "
        'to compare some: comparisons = [["a", "b"]] in the suite, with ids of its learners'
    )


class _Registered:
    """Which pairs are compared, and which side is a: those that the suite names, or all."""

    def __init__(self, grid: Grid):
        self.pairs = None
        if grid.comparisons is not None:
            known: dict[Identity, set] = {}
            for cell in grid.cells:
                known.setdefault(cell.learner, set()).update(_as_given(cell))
            families = {run.family for run in grid.runs}
            self.pairs = [tuple(_side(grid, name, known, families) for name in pair) for pair in grid.comparisons]

    def of(self, present: Sequence[Identity | str]) -> list[tuple]:
        """The pairs of those that are present, each in its registered order, by the places of both.

        Only registered pairs are looked at, however many are present.
        """
        if self.pairs is None:
            return list(itertools.combinations(present, 2))
        place = {side: number for number, side in enumerate(present)}
        chosen: dict[tuple[int, int], tuple] = {}
        for first, second in self.pairs:
            for a, b in itertools.product(first & place.keys(), second & place.keys()):
                i, j = place[a], place[b]
                if i < j:
                    chosen[i, j] = (a, b)
                elif i > j:
                    chosen.setdefault((j, i), (a, b))
        return [chosen[places] for places in sorted(chosen)]


def _side(grid: Grid, name: str, known: Mapping[Identity, set], families: set[str]) -> set[Identity | str]:
    """The learners and the family that a suite calls so; what a report adds to their options does not matter."""
    named = {tuple(entry) for entry in grid.learners.get(name, ())}
    return {learner for learner, as_given in known.items() if as_given & named} | ({name} & families)


def _as_given(cell: Cell) -> set[tuple[str, str]]:
    """The learner of a cell as its suite knows it: without the budget and the like that its row may add."""
    return {(cell.learner.name, options_json(run.record["learner_given"])) for run in cell.runs}


def _learner_pairs(cells: Sequence[Cell], registered: _Registered) -> Iterator[tuple[str, Named, Named]]:
    by_task: dict[str, dict[Identity, Cell]] = {}
    for cell in cells:
        by_task.setdefault(cell.task_label, {})[cell.learner] = cell
    for task, there in sorted(by_task.items()):
        by_label = sorted(there, key=lambda learner: there[learner].learner_label)
        for a, b in registered.of(by_label):
            a, b = there[a], there[b]
            yield task, (a.learner_label, list(a.runs)), (b.learner_label, list(b.runs))


def _family_pairs(cells: Sequence[Cell], registered: _Registered) -> Iterator[tuple[str, Named, Named]]:
    members: dict[str, list[Run]] = {}
    for run in (run for cell in cells for run in cell.runs):
        members.setdefault(run.family, []).append(run)
    for a, b in registered.of(sorted(members)):
        yield "all", (a, members[a]), (b, members[b])


def _task(run: Run) -> str:
    """The task of a run with its options: runs of one task and seed share their split."""
    return f"{run.record['config']['task']} {options_json(run.record['task_given'])}"
