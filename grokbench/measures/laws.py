"""The laws of measures: what lets a run ask for any of them, checked on one.

`check_measure` is what ``grokbench check`` and the tests run over every registered measure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grokbench.curves.checkpoint import Checkpoint
from grokbench.curves.faces import Faces
from grokbench.curves.schedule import checkpoints
from grokbench.curves.trace import learner_rng, measures_of_a_run
from grokbench.laws import Broken, Law, global_random_states, global_random_states_kept, judge
from grokbench.learners.base import Learner
from grokbench.measures.base import Measure
from grokbench.registry import learners, tasks
from grokbench.tasks.base import Split

LAWS = ("columns", "form", "purity", "repeatable", "isolation")


def check(cls: type[Measure]) -> list[Law]:
    """The laws on a class, tried on a kernel machine that learns a small table."""
    split = tasks.create("modular", modulus=5, train_fraction=0.6).split(0)
    return check_measure(cls, learners["kernel_flow"], split)


def check_measure(measure: type[Measure], learner: type[Learner], split: Split, budget: float = 4) -> list[Law]:
    """The verdict on each law, tried at the first checkpoints of a learner on a split."""
    case = _Case(measure, learner, split, budget)
    with global_random_states_kept():
        return judge((name, getattr(case, name)) for name in LAWS)


@dataclass(frozen=True)
class _Case:
    """A measure, and the short run that it is tried on; one method per law."""

    measure: type[Measure]
    learner: type[Learner]
    split: Split
    budget: float

    def columns(self) -> None:
        """Its columns are names, and no column of every curve."""
        measures_of_a_run([self.measure.name])

    def form(self) -> None:
        """Each column has a number at each checkpoint, NaN where it is undefined."""
        for row in self._rows():
            if list(row) != list(self.measure.column_names()):
                raise Broken(f"row has {', '.join(row)}; expected {', '.join(self.measure.column_names())}")

    def purity(self) -> None:
        """Looking changes nothing that the learner shows."""
        for measure, at in self._looks():
            before = at.learner.scores(self.split.X_test)
            measure.row(at)
            if not np.array_equal(before, at.learner.scores(self.split.X_test)):
                raise Broken(f"the held-out scores at time {at.time:g} are others after it has looked")

    def repeatable(self) -> None:
        """The same run has the same numbers, to the last bit."""
        first, second = list(self._rows()), list(self._rows())
        if not all(
            np.array_equal([*a.values()], [*b.values()], equal_nan=True) for a, b in zip(first, second, strict=True)
        ):
            raise Broken("two runs alike have other numbers")

    def isolation(self) -> None:
        """Global random states are untouched."""
        for measure, at in self._looks():
            before = global_random_states()
            measure.row(at)
            if global_random_states() != before:
                raise Broken("a global random state has moved")

    def _rows(self):
        return (measure.row(at) for measure, at in self._looks())

    def _looks(self):
        """A new instance of the measure, with each checkpoint of a new run."""
        split, learner, measure, shared = self.split, Faces(self.learner()), self.measure(), {}
        learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, learner_rng(0))
        for time in checkpoints(self.budget, 20, learner.integer_clock, learner.first_time):
            if time > 0:
                learner.advance(int(time) if learner.integer_clock else float(time))
            scores = [learner.scores(X) for X in (split.X_train, split.X_test)]
            yield measure, Checkpoint(learner, split, float(time), *scores, shared)
