"""The trace a learner leaves on a geometric clock: the only place where learners are run."""

from __future__ import annotations

import time as wall
from collections.abc import Iterator, Sequence

import numpy as np

from grokbench.curves.checkpoint import Checkpoint
from grokbench.curves.crossing import ROUNDING
from grokbench.curves.detect import LEVEL
from grokbench.curves.evaluate import baseline_loss, evaluate
from grokbench.curves.schedule import checkpoints
from grokbench.errors import UsageError
from grokbench.learners.base import Learner
from grokbench.registry import measures as known_measures
from grokbench.tasks.base import Split
from grokbench.threads import one_thread

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


def follow(
    learner: Learner,
    split: Split,
    budget: float,
    seed: int = 0,
    points_per_decade: int = 20,
    settle: bool = False,
    measures: Sequence[str] = (),
) -> Iterator[dict[str, float]]:
    """Run a learner and yield one row of `COLUMNS` and of measures per checkpoint; the generator returns the status.

    "done": the budget was reached. "settled" (only with `settle`): both criteria have held over the
    last half decade and at least 10 checkpoints. "diverged": scores or losses are not finite; the
    row of that checkpoint is not yielded. `cpu_seconds` counts what the learner used, not the judging.
    Raises UsageError for an unknown measure, ValueError for scores of the wrong shape, and whatever the learner raises.
    """
    rows: list[dict[str, float]] = []
    asked, run = measures_of_a_run(measures), {}
    started = wall.process_time()
    learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, learner_rng(seed))
    used = wall.process_time() - started
    for time in checkpoints(budget, points_per_decade, learner.integer_clock, learner.first_time):
        started = wall.process_time()
        if time > 0:
            learner.advance(int(time) if learner.integer_clock else float(time))
        used += wall.process_time() - started
        scores = [_scores(learner, X, split) for X in (split.X_train, split.X_test)]
        if not all(np.isfinite(s).all() for s in scores):
            return "diverged"
        row = {"time": float(time), "cpu_seconds": used, **evaluate(*scores, split, learner.loss)}
        if not np.isfinite([row["train_loss"], row["test_loss"]]).all():
            return "diverged"
        at = Checkpoint(learner, split, float(time), *scores, run)
        for measure in asked:
            row |= measure.row(at)
        rows.append(row)
        yield row
        if settle and _settled(rows, split):
            return "settled"
    return "done"


def measures_of_a_run(names: Sequence[str]) -> list:
    """New instances of measures, in alphabetical order. UsageError for an unknown name, or a column that is taken."""
    found, columns = [known_measures[name]() for name in sorted(set(names))], list(COLUMNS)
    for measure in found:
        for column in measure.column_names():
            if column in columns or not column.isidentifier():
                raise UsageError(f"measure {measure.name}: the column {column!r} is taken, or no name of a column")
            columns.append(column)
    return found


def _scores(learner: Learner, X: np.ndarray, split: Split) -> np.ndarray:
    scores = np.asarray(learner.scores(X))
    expected = (len(X), split.n_classes or 1)
    if scores.shape != expected:
        raise ValueError(f"{learner.name}.scores returned shape {scores.shape}, expected {expected}")
    return scores.astype(np.float64, copy=False)


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

    `budget` is in the learner's own clock; `measures` are names (see: list measures). ``curve.attrs`` holds what
    `grokbench.detect` needs besides:
    chance, n_classes, ceiling, unit, and the run's clock and status. Runs on one thread; global random
    states are untouched. A learner that diverges returns the curve so far.
    Raises UsageError for an impossible budget or an unknown measure, ValueError for scores of the wrong shape.
    """
    import pandas as pd

    rows, status = [], "done"
    with one_thread():
        steps = follow(learner, split, budget, seed, points_per_decade, settle, measures)
        while True:
            try:
                rows.append(next(steps))
            except StopIteration as end:
                status = end.value
                break
    measured = [column for measure in measures_of_a_run(measures) for column in measure.column_names()]
    curve = pd.DataFrame(rows, columns=[*COLUMNS, *measured])
    curve.attrs = {"status": status, **facts(learner, split)}
    return curve


def facts(learner: Learner, split: Split) -> dict[str, object]:
    """What the judging of a curve needs to know of the run besides the curve (after `begin`)."""
    return {
        "clock": learner.clock,
        "unit": 1.0 if learner.integer_clock else float(learner.first_time),
        "chance": split.chance,
        "ceiling": float(split.ceiling),
        "n_classes": split.n_classes,
        "baseline_loss": baseline_loss(split, learner.loss),
    }
