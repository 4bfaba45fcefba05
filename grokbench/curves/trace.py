"""The trace a learner leaves on a geometric clock: the only place where learners are run."""

from __future__ import annotations

import time as wall
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from grokbench.curves.checkpoint import Checkpoint
from grokbench.curves.crossing import ROUNDING
from grokbench.curves.detect import LEVEL
from grokbench.curves.evaluate import Examination, baseline_loss
from grokbench.curves.faces import Faces
from grokbench.curves.schedule import checkpoints
from grokbench.errors import UsageError, shown
from grokbench.learners.base import Learner
from grokbench.registry import measures as known_measures
from grokbench.tasks.base import Split
from grokbench.threads import one_thread, seconds_of_processes

COLUMNS = (
    "time",
    "cpu_seconds",
    "train_accuracy",
    "test_accuracy",
    "train_loss",
    "test_loss",
    "skill",
    "rank_auc",
)


def learner_rng(seed: int) -> np.random.Generator:
    """The generator a learner gets: of the seed alone, so that twins start alike."""
    return np.random.default_rng(np.random.SeedSequence([int(seed), 0x6C6561726E]))


@dataclass(eq=False)
class Course:
    """The way of a learner through one run: a row of numbers at each checkpoint, and in the end a status.

    Parameters
    ----------
    learner : a new one, which has not begun.
    split : what it learns.
    budget : the last checkpoint, in the learner's own clock.
    seed : of the learner's randomness.
    points_per_decade : density of the checkpoints.
    settle : whether the run may end before its budget, as "settled".
    measures : names of further numbers at each checkpoint.

    Attributes
    ----------
    status : empty until `rows` has ended. "done": the budget was reached. "settled": both criteria have held over the
        last half decade and at least 10 checkpoints. "diverged": scores or losses are not finite.
    """

    learner: Learner
    split: Split
    budget: float
    seed: int = 0
    points_per_decade: int = 20
    settle: bool = False
    measures: Sequence[str] = ()
    status: str = field(default="", init=False)

    @cached_property
    def _examination(self) -> Examination:
        return Examination(self.split, self.learner.loss)

    def rows(self) -> Iterator[dict[str, float]]:
        """Run the learner: column -> number, of `COLUMNS` and of the measures, as each checkpoint is reached.

        The checkpoint at which a learner diverges gives no row. ``cpu_seconds`` counts what the learner and the
        processes that it started used, without evaluation and measures.

        Raises UsageError for an impossible budget or an unknown measure, ValueError for scores of the wrong shape, and
        whatever the learner raises.
        """
        learner, instances, shared = Faces(self.learner), measures_of_a_run(self.measures), {}
        rows: list[dict[str, float]] = []
        begun = _clocks()
        rng = learner_rng(self.seed)
        learner.begin(self.split.X_train, self.split.y_train, self.split.n_classes, self.split.alphabet, rng)
        used = _used_since(begun)
        for time in checkpoints(self.budget, self.points_per_decade, learner.integer_clock, learner.first_time):
            begun = _clocks()
            if time > 0:
                learner.advance(int(time) if learner.integer_clock else float(time))
            used += _used_since(begun)
            row = self._row(learner, float(time), used, instances, shared)
            if row is None:
                self.status = "diverged"
                return
            rows.append(row)
            yield row
            if self.settle and _settled(rows, self.split):
                self.status = "settled"
                return
        self.status = "done"

    def _row(
        self, learner: Faces, time: float, cpu_seconds: float, instances: list, shared: dict
    ) -> dict[str, float] | None:
        """The numbers of the learner as it is now; None where its scores or losses are not finite."""
        split = self.split
        scores = [_scores(learner, X, split) for X in (split.X_train, split.X_test)]
        if not all(np.isfinite(s).all() for s in scores):
            return None
        row = {"time": time, "cpu_seconds": cpu_seconds, **self._examination.row(*scores)}
        if not np.isfinite([row["train_loss"], row["test_loss"]]).all():
            return None
        checkpoint = Checkpoint(learner, split, time, *scores, shared)
        for measure in instances:
            row |= measure.row(checkpoint)
        return row


def _clocks() -> tuple[float, float]:
    """Processor seconds of this process with all its threads, and of the processes that it has started."""
    return wall.process_time(), seconds_of_processes()


def _used_since(begun: tuple[float, float]) -> float:
    """Processor seconds since the clocks stood like this."""
    return sum(max(now - then, 0.0) for now, then in zip(_clocks(), begun, strict=True))


def measures_of_a_run(names: Sequence[str]) -> list:
    """New instances of measures, in alphabetical order. UsageError for an unknown name, or a column that is taken."""
    instances, columns = [known_measures[name]() for name in sorted(set(names))], list(COLUMNS)
    for measure in instances:
        for column in measure.column_names():
            if column in columns or not column.isidentifier():
                raise UsageError(f"measure {measure.name}: the column {column!r} is taken, or no name of a column")
            columns.append(column)
    return instances


def _scores(learner: Faces, X: np.ndarray, split: Split) -> np.ndarray:
    """(n, C) float64 that nobody writes to, neither the learner nor a measure."""
    scores = np.asarray(learner.scores(X))
    expected = (len(X), split.n_classes or 1)
    if scores.shape != expected:
        raise ValueError(f"{learner.name}.scores returned shape {scores.shape}, expected {expected}")
    scores = scores.astype(np.float64, copy=False)
    scores.flags.writeable = False
    return scores


def _settled(rows: list[dict[str, float]], split: Split) -> bool:
    if split.chance == 1:  # one class: there is nothing to learn
        return False
    for held, row in enumerate(reversed(rows), start=1):
        train = (row["train_accuracy"] - split.chance) / (1 - split.chance)
        test = (row["test_accuracy"] - split.chance) / (1 - split.chance) / split.ceiling
        if min(train, test) < LEVEL - ROUNDING:
            return False
        if held >= 10 and row["time"] * 10**0.5 <= rows[-1]["time"]:
            return True
    return False


def trace(
    learner: Learner,
    split: Split,
    budget: float,
    seed: int = 0,
    points_per_decade: int = 20,
    settle: bool = False,
    measures: Sequence[str] = (),
):
    """The curve of one run as a pandas DataFrame with the columns of ``curves.csv``, less ``key``.

    The arguments are those of `Course`. ``curve.attrs`` holds what `grokbench.detect` needs besides: chance, n_classes,
    ceiling, unit and baseline_loss, and the run's clock and status. Runs on one thread; global random states are
    untouched. The curve of a learner that diverges ends there.

    Raises UsageError for what is no learner or no split, an impossible budget or an unknown measure, ValueError for
    scores of the wrong shape.
    """
    import pandas as pd

    _check(learner, split)
    course = Course(learner, split, budget, seed, points_per_decade, settle, measures)
    with one_thread():
        rows = list(course.rows())
    measured = [column for measure in measures_of_a_run(measures) for column in measure.column_names()]
    curve = pd.DataFrame(rows, columns=[*COLUMNS, *measured])
    curve.attrs = {"status": course.status, **facts(learner, split)}
    return curve


def _check(learner: Learner, split: Split) -> None:
    """UsageError for a name in place of a learner, and a task in place of its split."""
    if not isinstance(learner, Learner):
        raise UsageError(f'learner = {shown(learner)}: expected a learner, such as grokbench.learner("mlp")')
    if not isinstance(split, Split):
        raise UsageError(f"split = {shown(split)}: expected a split of a task, such as task.split(seed=0)")


def facts(learner: Learner, split: Split) -> dict[str, object]:
    """What a detection needs to know of a run besides its curve; known once the learner has begun."""
    return {
        "clock": learner.clock,
        "unit": 1.0 if learner.integer_clock else float(learner.first_time),
        "chance": split.chance,
        "ceiling": float(split.ceiling),
        "n_classes": split.n_classes,
        "baseline_loss": baseline_loss(split, learner.loss),
    }
