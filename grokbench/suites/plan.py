"""A plan is the product of a suite's tasks, learners and seeds: runs, each known by its key."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch

from grokbench.curves import DEFINITIONS
from grokbench.errors import UsageError, closest
from grokbench.options import KEY_DIGITS, canonical, canonical_json, digest
from grokbench.registry import learners, tasks
from grokbench.suites.suite import Suite
from grokbench.suites.variants import Variant
from grokbench.tasks.base import Split

MOST_RUNS = 1_000_000  # of one plan; about ten seconds of planning, and 400 MB


class _Known:
    """Places for what is computed of a run once: a million of these stand in one plan, without a dictionary each."""

    __slots__ = ("_config", "_key")


@dataclass(frozen=True, slots=True)
class RunSpec(_Known):
    """The order of one run: everything that its result depends on, and the names under which a suite knows it."""

    task: Variant
    learner: Variant
    seed: int
    points_per_decade: int
    settle: bool
    device: str
    suite: str

    @property
    def config(self) -> dict[str, object]:
        """The canonical configuration whose hash is the key; measures and source are part of it where there are any."""
        if not hasattr(self, "_config"):
            object.__setattr__(self, "_config", self._configuration())
        return self._config

    def _configuration(self) -> dict[str, object]:
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
                **({"source": self.source} if self.source else {}),
            }
        )

    @property
    def source(self) -> dict[str, str]:
        """Where the code of the run comes from, of all that is not built in; named as `registry.sources` does."""
        of_measures = {f"measure {name}": source for name, source in self.learner.measure_sources.items()}
        named = {"task": self.task.source, "learner": self.learner.source, **of_measures}
        return {kind: source for kind, source in named.items() if source}

    @property
    def key(self) -> str:
        """20 hexadecimal digits that identify the run in the store: the hash of its configuration."""
        if not hasattr(self, "_key"):
            object.__setattr__(self, "_key", digest(self.config))
        return self._key

    def with_seeds(self, seeds: Iterable[int]) -> Iterator[RunSpec]:
        """The same run with other seeds, and their keys: the hash of all but the seed is begun once for all."""
        config = self.config
        before, after = ({name: config[name] for name in config if (name < "seed") is first} for first in (True, False))
        del after["seed"]
        begun = hashlib.sha256(f'{canonical_json(before)[:-1]},"seed":'.encode())
        tail = f",{canonical_json(after)[1:]}"
        for seed in seeds:
            ended = begun.copy()
            ended.update(f"{seed}{tail}".encode())
            spec = RunSpec(self.task, self.learner, seed, self.points_per_decade, self.settle, self.device, self.suite)
            object.__setattr__(spec, "_key", ended.hexdigest()[:KEY_DIGITS])
            yield spec

    def matches(self, patterns: tuple[str, ...]) -> bool:
        """True if any pattern is (part of, or a glob of) the task's or learner's id or name, or starts the key."""
        names = (self.task.id, self.task.name, self.learner.id, self.learner.name)
        return not patterns or any(
            self.key.startswith(pattern) or any(fnmatch(name, f"*{pattern}*") for name in names) for pattern in patterns
        )


@dataclass(frozen=True)
class Plan:
    """The runs of a suite, seed by seed, so that an interrupted suite already shows every cell.

    Parameters
    ----------
    suite : where the runs come from.
    specs : the runs, each key once.
    not_applicable : (task, learner, reason) of the pairs that cannot be.
    """

    suite: Suite
    specs: tuple[RunSpec, ...]
    not_applicable: tuple[tuple[Variant, Variant, str], ...] = field(default=())

    def only(self, patterns: tuple[str, ...]) -> Plan:
        """The part of the plan that matches; UsageError if nothing does."""
        if not patterns:
            return self
        kept = tuple(spec for spec in self.specs if spec.matches(patterns))
        if not kept:
            variants = [variant for spec in self.specs for variant in (spec.task, spec.learner)]
            names = {variant.id for variant in variants} | {variant.name for variant in variants}
            words = " ".join(patterns)
            raise UsageError(f"--only {words}: no run of {self.suite.name} matches{closest(words, sorted(names))}")
        return replace(self, specs=kept)


def make_plan(suite: Suite) -> Plan:
    """The product of tasks, learners and seeds, without duplicates, less the pairs that cannot be.

    Raises UsageError for a plan without runs or with too many, and for a task of which no split can be drawn.
    """
    pairs, impossible = [], []
    for task, its_learners in _tasks_with_learners(suite):
        split = _first_split(suite, task)
        for learner in its_learners:
            reason = learner.make(learners).cannot_read(split)
            if reason:
                impossible.append((task, learner, reason))
            else:
                pairs.append((task, learner))
    specs: dict[str, RunSpec] = {}
    by_pair = [_spec(suite, task, learner, 0).with_seeds(_seeds(suite, learner)) for task, learner in pairs]
    for turn in itertools.zip_longest(*by_pair):  # every learner's first seed is the suite's
        for spec in filter(None, turn):
            specs.setdefault(spec.key, spec)
    if not specs:
        raise UsageError(f"{suite.source}: the plan is empty: no learner applies to any task")
    return Plan(suite, tuple(specs.values()), tuple(impossible))


Keys = dict[str, dict[int, str]]  # "task/learner" -> seed -> key


def cell_keys(suite: Suite) -> Keys:
    """The keys of the runs by cell, "task id/learner id". Two cells may share runs, and then have the same keys.

    Ids with more than one set of options name no single cell: they are left out.
    """
    pairs: dict[str, list[tuple[Variant, Variant]]] = {}
    for task, its_learners in _tasks_with_learners(suite):
        for learner in its_learners:
            pairs.setdefault(f"{task.id}/{learner.id}", []).append((task, learner))
    return {cell: _keys(suite, *same_ids[0]) for cell, same_ids in pairs.items() if len(same_ids) == 1}


def _keys(suite: Suite, task: Variant, learner: Variant) -> dict[int, str]:
    return {spec.seed: spec.key for spec in _spec(suite, task, learner, 0).with_seeds(_seeds(suite, learner))}


def _seeds(suite: Suite, learner: Variant) -> range:
    return range(suite.first_seed, suite.first_seed + (learner.seeds or suite.seeds))


def _spec(suite: Suite, task: Variant, learner: Variant, seed: int) -> RunSpec:
    return RunSpec(task, learner, seed, suite.points_per_decade, suite.settle, suite.device, suite.name)


def _tasks_with_learners(suite: Suite) -> list[tuple[Variant, list[Variant]]]:
    """Each task with the learners that run on it; UsageError where that makes more runs than can be planned."""
    pairs, runs = [], 0
    for task in suite.tasks:
        its_learners = [
            learner for learner in suite.learners if learner.only_tasks is None or task.id in learner.only_tasks
        ]
        runs += sum(learner.seeds or suite.seeds for learner in its_learners)
        if runs > MOST_RUNS:
            raise UsageError(f"{suite.source}: more than {MOST_RUNS:,} runs; split the suite, or take fewer seeds")
        if its_learners:
            pairs.append((task, its_learners))
    return pairs


def _first_split(suite: Suite, task: Variant) -> Split:
    try:
        return task.make(tasks).split(suite.first_seed)
    except Exception as error:  # whatever a user's own task raises, or a table too large for memory
        kind = "" if isinstance(error, UsageError) else f"no split can be drawn: {type(error).__name__}: "
        raise UsageError(f"{suite.source}: [[tasks]] {task.id}: {kind}{error}") from error
