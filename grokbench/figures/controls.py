"""Which cells are controls, drawn pale or hollow: nothing can generalize in them, or what is said to matter is off."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from grokbench.figures.base import left_out
from grokbench.tables.grid import Cell, Grid, Identity

SHUFFLED, FROZEN, NO_DECAY = "shuffled labels", "frozen features", "no weight decay"
UNKNOWN_FAMILY = "unknown"  # of a run that broke off before its family was known
PALE_LINE = {"opacity": 0.45, "strokeWidth": 1.2}
Part = TypeVar("Part")


class Kind(NamedTuple):
    """A family, and whether it is that of its controls."""

    family: str
    control: bool


def controls(grid: Grid) -> dict[Cell, str]:
    """What makes each control one; cells that are none are absent.

    A learner without weight decay is a control where the same learner has some on the same task.
    """
    decayed = {(cell.task, cell.learner.name) for cell in grid.cells if _decay(cell) > 0}
    reasons = {cell: _reason(cell, decayed) for cell in grid.cells}
    return {cell: reason for cell, reason in reasons.items() if reason}


def by_kind(cells: Iterable[Cell], dimmed: Mapping[Cell, str], parts: Callable[[Cell], Iterable[Part]]) -> dict:
    """`Kind` -> the parts of its cells in one list, in the order of the cells; kinds without a part are absent."""
    members: dict[Kind, list[Part]] = {}
    for cell in cells:
        for part in parts(cell):
            members.setdefault(Kind(cell.family or UNKNOWN_FAMILY, cell in dimmed), []).append(part)
    return members


def of_most_families(by_task: Mapping[Identity, Mapping[Kind, Sequence]], most: int) -> list[Identity]:
    """At most so many tasks: those with most families that are no controls, then with most parts; in their order."""

    def weight(task: Identity) -> tuple[int, int]:
        kinds = by_task[task]
        return sum(not kind.control for kind in kinds), sum(map(len, kinds.values()))

    chosen = sorted(by_task, key=weight, reverse=True)[:most]
    return [task for task in by_task if task in chosen]


def tasks_left_out(grid: Grid, shown: int) -> str:
    """The sentence of a caption on the tasks with true labels that are not among those shown; empty where all are."""
    tasks = {cell.task for cell in grid.cells if not cell.shuffled}
    return left_out(shown, len(tasks), "tasks, with fewer families or nothing to show")


def _reason(cell: Cell, decayed: set[tuple[Identity, str]]) -> str:
    if cell.shuffled:
        return SHUFFLED
    if _option(cell, "frozen") is True:
        return FROZEN
    without = _decay(cell) == 0
    return NO_DECAY if without and (cell.task, cell.learner.name) in decayed else ""


def _option(cell: Cell, name: str) -> object:
    return cell.runs[0].record["config"].get("learner_options", {}).get(name)


def _decay(cell: Cell) -> float:
    """Weight decay; NaN where the learner has none, or one that is no number."""
    value = _option(cell, "weight_decay")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
