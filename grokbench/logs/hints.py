"""Curves that are not what they seem: counted from 0, smoothed, of unbalanced classes, the same twice."""

from __future__ import annotations

import numpy as np

from grokbench.curves.detect import LEVEL
from grokbench.logs.runs import LoggedRun
from grokbench.logs.words import counts_from_zero

TRAINED = 0.1  # kappa of the first row beyond which a run has been trained before it
HEAD_START = 0.25  # kappa at which held-out accuracy may begin flat before chance is doubted
FLAT = 0.005
DECAYING = 12  # rows in a row whose distance to the end shrinks by one factor
SAME_FACTOR = 0.02  # spread of that factor, relative to what it lacks to 1
ROUNDED = 2e-4  # of accuracies, and of factors of them


def trained_at_zero(run: LoggedRun, chance: float) -> bool:
    """Whether the run has learned something by time 0."""
    times, values = run.curves["train"]
    return bool(len(times) and times[0] == 0 and (values[0] - chance) / (1 - chance) > TRAINED)


def offset_of(run: LoggedRun, chance: float) -> tuple[float, tuple[str, ...]]:
    """What has to be added to the times, and the note: epochs and rounds are counted from 0 by those who log them."""
    times, values = run.curves["train"]
    if not trained_at_zero(run, chance) or begins_flat(run, chance):
        return 0.0, ()
    name, start = run.columns["time"], f"training accuracy {values[0]:.3g}, chance {chance:.3g}"
    whole = bool((times == np.round(times)).all())
    if counts_from_zero(name) and whole:
        return 1.0, (
            f"{name} 0 is already trained ({start}): it is counted from 0 and over when its row is written, so 1 is "
            "added to every time (--offset 0 takes them as they are)",
        )
    return 0.0, (f"{name} 0 is already trained ({start}): --offset 1 counts from 1, if the row was written after it",)


def begins_flat(run: LoggedRun, chance: float) -> bool:
    """Whether held-out accuracy begins flat and well above chance, where training begins: the share of one class."""
    _, values = run.curves["test"]
    start = values[:5]
    head = (start[0] - chance) / (1 - chance) if len(start) == 5 else 0.0
    if np.ptp(values[:5]) > FLAT or not HEAD_START <= head < LEVEL:
        return False
    train = run.curves["train"][1]
    return bool(len(train) and abs(train[0] - start[0]) < 0.1)


def notes_of(run: LoggedRun, chance: float, chance_given: bool) -> list[str]:
    """Notes on the shape of the curves."""
    notes = []
    start = run.curves["test"][1][0]
    if not chance_given and not run.losses and begins_flat(run, chance):
        notes.append(
            f"held-out accuracy begins flat at {start:.3g}, where chance was taken for {chance:.3g}: are the classes "
            f"unbalanced? --chance {start:.3g} says so"
        )
    if any(is_averaged(run.curves[name][1]) for name in ("train", "test") if name not in run.losses):
        notes.append(
            "a curve approaches its level as an exponential average does: a smoothed export? smoothing delays every "
            "event and cannot be undone; export the raw values"
        )
    if _same(run):
        notes.append("training and held-out values are the same at all times: is it one column twice?")
    return notes


def is_averaged(values: np.ndarray) -> bool:
    """Whether a curve nears its highest value by one factor per row for many rows, as an exponential average does."""
    if len(values) < 2 * DECAYING:
        return False
    distance = float(values.max()) - values
    near = distance <= ROUNDED  # rounding shows in the factors
    factor = np.where(near[1:] | near[:-1], np.nan, distance[1:] / np.where(near[:-1], 1, distance[:-1]))
    factor[~((factor > 0.3) & (factor < 0.9995))] = np.nan
    steady = np.abs(np.diff(factor)) <= SAME_FACTOR * (1 - factor[1:]) + ROUNDED  # never where one is NaN
    starts = np.flatnonzero(_streaks(steady, DECAYING - 1))
    return any(_alike(factor[start : start + DECAYING]) for start in starts)


def _streaks(flags: np.ndarray, length: int) -> np.ndarray:
    """Where so many true flags in a row begin."""
    total = np.concatenate([[0], np.cumsum(flags)])
    return total[length:] - total[:-length] == length


def _alike(factors: np.ndarray) -> bool:
    spread = float(np.ptp(factors))
    return spread < SAME_FACTOR * (1 - float(np.mean(factors))) + ROUNDED and float(np.prod(factors)) < 0.9


def _same(run: LoggedRun) -> bool:
    (times, values), (others, theirs) = run.curves["train"], run.curves["test"]
    return len(times) > 2 and np.array_equal(times, others) and np.array_equal(values, theirs) and np.ptp(values) > 0
