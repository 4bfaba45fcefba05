"""The laws of tasks: what makes learners comparable on a task, checked on one.

`check_task` is what ``grokbench check`` and the tests run over every registered task.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np

from grokbench.laws import (
    Broken,
    Law,
    NotApplicable,
    consume_global_random_states,
    global_random_states,
    global_random_states_kept,
    judge,
)
from grokbench.options import require_defaults
from grokbench.tasks.base import Split, Task

LAWS = ("deterministic", "disjoint", "in range", "independent", "isolation")


def check(cls: type[Task]) -> list[Law]:
    """The laws on a class with its default options. Raises UsageError where an option has no default."""
    require_defaults(cls)
    return check_task(cls())


def check_task(task: Task, seeds: Sequence[int] = (0, 1)) -> list[Law]:
    """The verdict on each law, tried on the splits of `seeds`. `task` itself is left alone (copies are asked)."""
    case = _Case(task, tuple(seeds))
    with global_random_states_kept():
        return judge((name, getattr(case, name.replace(" ", "_"))) for name in LAWS)


def _difference(a: Split, b: Split) -> str | None:
    """The first field in which two splits differ, or None."""
    for field in fields(Split):
        mine, theirs = getattr(a, field.name), getattr(b, field.name)
        same = np.array_equal(mine, theirs) if isinstance(mine, np.ndarray) else mine == theirs
        if not same:
            return field.name
    return None


@dataclass(frozen=True)
class _Case:
    """A task and the seeds it is tried on; one method per law."""

    task: Task
    seeds: tuple[int, ...]

    def splits(self) -> Iterator[tuple[int, Split]]:
        task = copy.deepcopy(self.task)
        return ((seed, task.split(seed)) for seed in self.seeds)

    def deterministic(self) -> None:
        """The seed fixes the split, in whatever order seeds are asked and whatever ran before."""
        first = dict(self.splits())
        again = copy.deepcopy(self.task)
        for seed in reversed(self.seeds):
            consume_global_random_states()
            differs = _difference(first[seed], again.split(seed))
            if differs:
                raise Broken(f"seed {seed}: {differs} differs between two calls")

    def disjoint(self) -> None:
        """No input stands in both splits."""
        if self.task.overlap:
            raise NotApplicable("the task shares inputs between its splits on purpose (overlap)")
        for seed, split in self.splits():
            shared = {row.tobytes() for row in split.X_train} & {row.tobytes() for row in split.X_test}
            if shared:
                raise Broken(f"seed {seed}: {len(shared)} inputs stand in both splits")

    def in_range(self) -> None:
        """Labels are classes 0..n_classes - 1 (or finite), inputs lie in their alphabet (or are finite)."""
        for seed, split in self.splits():
            for part in ("train", "test"):
                X, y = getattr(split, f"X_{part}"), getattr(split, f"y_{part}")
                if split.n_classes and not ((y >= 0) & (y < split.n_classes)).all():
                    raise Broken(f"seed {seed}: y_{part} {y.min()}..{y.max()}, expected 0..{split.n_classes - 1}")
                if split.alphabet is not None and not ((X >= 0) & (np.array(split.alphabet) > X)).all():
                    raise Broken(f"seed {seed}: a token of X_{part} lies outside its alphabet {split.alphabet}")
                if not (np.isfinite(X).all() and np.isfinite(y).all()):
                    raise Broken(f"seed {seed}: X_{part} or y_{part} is not finite")

    def independent(self) -> None:
        """Whatever a learner does to the arrays of a split, the next learner gets the same split."""
        task = copy.deepcopy(self.task)
        for seed in self.seeds:
            untouched = copy.deepcopy(task.split(seed))  # a task that keeps its splits hands out one object twice
            spoilt = task.split(seed)
            for field in fields(Split):
                array = getattr(spoilt, field.name)
                if isinstance(array, np.ndarray) and array.flags.writeable:
                    array[...] = 0
            differs = _difference(untouched, task.split(seed))
            if differs:
                raise Broken(f"seed {seed}: {differs} of the next split changed when a learner wrote into this one")

    def isolation(self) -> None:
        """Global random states (numpy, torch, Python) are untouched."""
        before = global_random_states()
        for _ in self.splits():
            pass
        after = global_random_states()
        touched = [name for name, state in before.items() if after[name] != state]
        if touched:
            raise Broken(f"global random state touched: {', '.join(touched)}")
