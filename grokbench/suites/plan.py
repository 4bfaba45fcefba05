"""A plan is the product of a suite's tasks, learners and seeds: runs, each known by its key."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from functools import cached_property

from grokbench.curves import DEFINITIONS
from grokbench.errors import UsageError, closest
from grokbench.options import canonical, digest
from grokbench.registry import learners, tasks
from grokbench.suites.suite import Cell, Suite
from grokbench.tasks.base import Split

MOST_RUNS = 1_000_000  # of one plan; a minute of planning


@dataclass(frozen=True)
class RunSpec:
    """One run: everything that its result depends on, and the names under which a suite knows it."""

    task: Cell
    learner: Cell
    seed: int
    points_per_decade: int
    settle: bool
    device: str
    suite: str

    @cached_property
    def config(self) -> dict[str, object]:
        """The canonical configuration whose hash is the key; measures are part of it where there are any."""
        return canonical(
            {
                "task": self.task.name,
                "task_options": self.task.options,
                "task_version": self.task.version,
                "learner": self.learner.name,
                "learner_options": self.learner.options,
                "learner_version": self.learner.version,
                "seed": self.seed,
                "budget": self.learner.budget,
                "points_per_decade": self.points_per_decade,
                "settle": self.settle,
                "device": self.device,
                "definitions": DEFINITIONS,
                **({"measures": self.learner.measures} if self.learner.measures else {}),
            }
        )

    @cached_property
    def key(self) -> str:
        """20 hexadecimal digits that identify the run in the store."""
        return digest(self.config)

    def matches(self, patterns: tuple[str, ...]) -> bool:
        """True if any pattern is (part of, or a glob of) the task's or learner's id or name, or starts the key."""
        names = (self.task.id, self.task.name, self.learner.id, self.learner.name)
        return not patterns or any(
            self.key.startswith(pattern) or any(fnmatch(name, f"*{pattern}*") for name in names) for pattern in patterns
        )


@dataclass(frozen=True)
class Plan:
    """The runs of a suite, seed by seed, so that an interrupted suite already shows every cell.

    not_applicable : (task cell, learner cell, reason) of the pairs that cannot be.
    """

    suite: Suite
    specs: tuple[RunSpec, ...]
    not_applicable: tuple[tuple[Cell, Cell, str], ...] = field(default=())

    def only(self, patterns: tuple[str, ...]) -> Plan:
        """The part of the plan that matches; UsageError if nothing does."""
        kept = tuple(spec for spec in self.specs if spec.matches(patterns))
        if not kept:
            cells = [cell for spec in self.specs for cell in (spec.task, spec.learner)]
            names = {cell.id for cell in cells} | {cell.name for cell in cells}
            wanted = " ".join(patterns)
            raise UsageError(f"--only {wanted}: no run of {self.suite.name} matches{closest(wanted, sorted(names))}")
        return replace(self, specs=kept)


def make_plan(suite: Suite) -> Plan:
    """The product of tasks, learners and seeds, without duplicates, less the pairs that cannot be."""
    pairs, impossible = [], []
    for task, its_learners in _wanted_pairs(suite):
        split = _first_split(suite, task)
        for learner in its_learners:
            reason = learner.make(learners).cannot_read(split)
            if reason:
                impossible.append((task, learner, reason))
            else:
                pairs.append((task, learner))
    specs: dict[str, RunSpec] = {}
    most = max((len(_seeds(suite, learner)) for _, learner in pairs), default=0)
    for seed in range(suite.first_seed, suite.first_seed + most):
        for task, learner in pairs:
            if seed in _seeds(suite, learner):
                spec = _spec(suite, task, learner, seed)
                specs.setdefault(spec.key, spec)
    if not specs:
        raise UsageError(f"{suite.path}: the plan is empty: no learner applies to any task")
    return Plan(suite, tuple(specs.values()), tuple(impossible))


Keys = dict[str, dict[int, str]]  # "task/learner" -> seed -> key


def cell_keys(suite: Suite) -> Keys:
    """The keys of the runs by cell, "task id/learner id"; two cells may share runs, and have the same keys then.

    Ids with more than one set of options name no single cell: they are left out.
    """
    cells: dict[str, list[tuple[Cell, Cell]]] = {}
    for task, its_learners in _wanted_pairs(suite):
        for learner in its_learners:
            cells.setdefault(f"{task.id}/{learner.id}", []).append((task, learner))
    return {name: _keys(suite, *pairs[0]) for name, pairs in cells.items() if len(pairs) == 1}


def _keys(suite: Suite, task: Cell, learner: Cell) -> dict[int, str]:
    return {seed: _spec(suite, task, learner, seed).key for seed in _seeds(suite, learner)}


def _seeds(suite: Suite, learner: Cell) -> range:
    return range(suite.first_seed, suite.first_seed + (learner.seeds or suite.seeds))


def _spec(suite: Suite, task: Cell, learner: Cell, seed: int) -> RunSpec:
    return RunSpec(task, learner, seed, suite.points_per_decade, suite.settle, suite.device, suite.name)


def _wanted_pairs(suite: Suite) -> list[tuple[Cell, list[Cell]]]:
    """Each task with the learners that are asked of it; UsageError where that makes more runs than can be planned."""
    wanted, runs = [], 0
    for task in suite.tasks:
        here = [learner for learner in suite.learners if learner.only_tasks is None or task.id in learner.only_tasks]
        runs += sum(learner.seeds or suite.seeds for learner in here)
        if runs > MOST_RUNS:
            raise UsageError(f"{suite.path}: more than {MOST_RUNS:,} runs; split the suite, or take fewer seeds")
        if here:
            wanted.append((task, here))
    return wanted


def _first_split(suite: Suite, task: Cell) -> Split:
    try:
        return task.make(tasks).split(suite.first_seed)
    except Exception as error:  # whatever a user's own task raises, or a table too large for memory
        what = "" if isinstance(error, UsageError) else f"no split can be drawn: {type(error).__name__}: "
        raise UsageError(f"{suite.path}: [[tasks]] {task.id}: {what}{error}") from error
