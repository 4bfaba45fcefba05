"""Runs of two result sets, paired where task, learner, all given options and seed are the same, and what forbids it.

A pair is compared only if both runs answer the same question: one split, one clock, one budget and resolution, the
same versions of task, learner and definitions. Another environment is no obstacle: it is what one may want to see.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from grokbench.errors import shown

OPTIONS = ("task_options", "learner_options")
NO_OBSTACLE = ("seed", "task", "learner", "device", "measures")  # the same by the pairing, or without an effect on it
UNKNOWN = "a setting, version or definition that a folder without runs/ does not name"


class CellName(NamedTuple):
    """What the runs of a cell have in common; the options are JSON of those given, and `budget` is 0 for any."""

    task: str
    task_options: str
    learner: str
    learner_options: str
    budget: float = 0.0


def given_options(text: str) -> dict[str, object]:
    """Options by name from their JSON; a text that was cut, or never was JSON of a table, is one option as a whole."""
    with contextlib.suppress(ValueError, RecursionError):
        options = json.loads(text or "{}")
        if isinstance(options, dict):
            return options
    return {"options": text}


@dataclass(frozen=True)
class ListedRun:
    """A run as a result set lists it, in ``runs/`` or in ``runs.csv`` alone.

    Parameters
    ----------
    key : hash of its configuration.
    cell : its task and learner.
    split, clock : hash of the data, name of the clock; empty where the run did not get so far.
    status : how it ended.
    outcome : the label of its curve; empty where the curve cannot be judged.
    late : 1.0, 0.0 or NaN.
    t_mem, t_gen : times on its clock; NaN where right-censored.
    delay : decades; the lower bound where its censoring is "right".
    t_mem_censoring, t_gen_censoring, delay_censoring : "observed", "left" or "right"; empty where undefined.
    budget : the time asked for. last : the last checkpoint; NaN where it is not known.
    config : the whole configuration behind the key; None where it is not known.
    environment : versions and machine; without those that are not known.
    curve : hash of what was measured; empty where it is not known.
    """

    key: str
    cell: CellName
    seed: int
    split: str = ""
    clock: str = ""
    status: str = "done"
    outcome: str = ""
    late: float = math.nan
    t_mem: float = math.nan
    t_mem_censoring: str = ""
    t_gen: float = math.nan
    t_gen_censoring: str = ""
    delay: float = math.nan
    delay_censoring: str = ""
    budget: float = math.nan
    last: float = math.nan
    config: Mapping[str, object] | None = None
    environment: Mapping[str, object] = field(default_factory=dict)
    curve: str = ""

    @property
    def label(self) -> str:
        """The outcome, or how it ended where there is none."""
        return self.outcome or self.status

    @property
    def generalizes(self) -> bool:
        """Whether t_gen is known to lie within the run."""
        return self.t_gen_censoring in ("observed", "left")


@dataclass(frozen=True)
class Pair:
    """A run of either result set, of one cell and seed."""

    a: ListedRun
    b: ListedRun

    @cached_property
    def obstacles(self) -> tuple[str, ...]:
        """Why the two cannot be compared: what differs, with both values; empty where they can."""
        differing = [
            f"{name} {_shown(first)} / {_shown(second)}"
            for name, first, second in (("clock", self.a.clock, self.b.clock), ("split", self.a.split, self.b.split))
            if first and second and first != second
        ]
        return (*differing, *_settings(self.a, self.b))

    @property
    def identical(self) -> bool | None:
        """Whether all that was measured is the same, digit for digit; None where that is not known."""
        return self.a.curve == self.b.curve if self.a.curve and self.b.curve else None

    @property
    def changed(self) -> bool:
        """Whether outcome or late are not the same."""
        return self.a.label != self.b.label or not _same(self.a.late, self.b.late)


@dataclass(frozen=True)
class PairedCell:
    """A cell of two result sets: its pairs in the order of seeds, and the runs that only one side has."""

    name: CellName
    pairs: tuple[Pair, ...]
    only_a: int
    only_b: int


def paired_cells(a: Iterable[ListedRun], b: Iterable[ListedRun]) -> list[PairedCell]:
    """Two result sets, cell by cell, in an order that depends on the names of the cells alone."""
    cells: dict[CellName, tuple[list, list]] = {}
    for side, runs in enumerate((a, b)):
        for run in runs:
            cells.setdefault(run.cell, ([], []))[side].append(run)
    return [cell for name in sorted(cells) for cell in _by_budget(name, *cells[name])]


def _by_budget(name: CellName, a: Sequence[ListedRun], b: Sequence[ListedRun]) -> Iterable[PairedCell]:
    """One cell, or one for each budget where a side has several."""
    if all(len({run.budget for run in side}) <= 1 for side in (a, b)):
        return [_paired(name, a, b)]
    budgets = sorted({run.budget for run in (*a, *b)})
    sides = ([[run for run in side if run.budget == budget] for side in (a, b)] for budget in budgets)
    return [_paired(name._replace(budget=budget), *side) for budget, side in zip(budgets, sides, strict=True)]


def _paired(name: CellName, a: Sequence[ListedRun], b: Sequence[ListedRun]) -> PairedCell:
    pairs = []
    for seed in sorted({run.seed for run in a} & {run.seed for run in b}):
        pairs += _of_seed(*([run for run in side if run.seed == seed] for side in (a, b)))
    return PairedCell(name, tuple(pairs), len(a) - len(pairs), len(b) - len(pairs))


def _of_seed(a: Sequence[ListedRun], b: Sequence[ListedRun]) -> list[Pair]:
    """Runs of one key are a pair; of those that are left, the last one of either side."""
    of_key = {run.key: run for run in b}
    pairs = [Pair(run, of_key[run.key]) for run in a if run.key in of_key]
    keys = {pair.a.key for pair in pairs}
    left = [[run for run in side if run.key not in keys] for side in (a, b)]
    return pairs + ([Pair(left[0][0], left[1][0])] if [len(side) for side in left] == [1, 1] else [])


def _settings(a: ListedRun, b: ListedRun) -> list[str]:
    """The settings behind two keys that are not the same."""
    if a.key == b.key:
        return []
    if a.config is None or b.config is None:
        return [f"budget {a.budget:g} / {b.budget:g}"] if a.budget != b.budget else [UNKNOWN]
    names = sorted((a.config.keys() | b.config.keys()) - set(NO_OBSTACLE))
    flat = [pair for name in names for pair in _flat(name, a.config.get(name), b.config.get(name))]
    return [f"{name} {_shown(first)} / {_shown(second)}" for name, first, second in flat if first != second]


def _flat(name: str, first: object, second: object) -> list[tuple[str, object, object]]:
    """A setting by name, or the options within it, each by its own."""
    if name not in OPTIONS or not (isinstance(first, Mapping) and isinstance(second, Mapping)):
        return [(name, first, second)]
    return [(option, first.get(option), second.get(option)) for option in sorted(first.keys() | second.keys())]


def _shown(value: object) -> str:
    return value if isinstance(value, str) else "none" if value is None else shown(value)


def _same(first: float, second: float) -> bool:
    return first == second or (math.isnan(first) and math.isnan(second))
