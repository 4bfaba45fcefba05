"""What a curve, or a pair of series, must be like to be judged; what it lacks is said in one line."""

from __future__ import annotations

import math

import numpy as np

from grokbench.curves.curve import Curve
from grokbench.errors import UsageError

LARGEST = 1e150  # of a time and of a skill: their ratios and differences are numbers
ACCURACIES = ("train_accuracy", "test_accuracy")


def check(curve: Curve) -> None:
    """UsageError for a curve that cannot be judged: what is missing, or out of its range, and what to do."""
    for name in ("time", *ACCURACIES):
        if name not in curve.columns:
            raise UsageError(f"the curve has no column {name!r}; it has: {', '.join(map(str, curve.columns))}")
    check_facts(curve.chance, curve.n_classes, curve.ceiling, curve.baseline_loss)
    check_times(curve.time)
    for name in ACCURACIES:
        check_accuracies(curve.time, curve.column(name))


def check_facts(chance: float, n_classes: int | None, ceiling: float, baseline_loss: float | None) -> None:
    """UsageError for a fact about a run that is not known, or cannot be."""
    if n_classes is not None and (n_classes < 0 or n_classes == 1):
        raise UsageError(f"n_classes = {n_classes!r}: expected at least 2, or 0 for a regression")
    if math.isnan(chance):
        raise UsageError("chance is not known: give the accuracy of the best constant answer (chance=1/classes)")
    if not 0 <= chance < 1:
        raise UsageError(f"chance = {chance!r}: expected a share in [0, 1)")
    if not 0 < ceiling <= 1:
        raise UsageError(f"ceiling = {ceiling!r}: expected a kappa in (0, 1]")
    if baseline_loss is not None and not 0 < baseline_loss < np.inf:
        raise UsageError(f"baseline_loss = {baseline_loss!r}: expected a positive number")


def check_times(times: np.ndarray) -> None:
    """UsageError for times that are none."""
    if len(times) < 2 or not (np.diff(times) > 0).all() or times[0] < 0 or times[-1] == np.inf:
        raise UsageError("times must be finite, increasing, not negative, and at least two")
    if times[-1] > LARGEST or times[times > 0][0] < 1 / LARGEST:
        raise UsageError(f"times must lie between {1 / LARGEST:g} and {LARGEST:g}, 0 aside: change the unit")


def check_accuracies(times: np.ndarray, values: np.ndarray) -> None:
    """UsageError for accuracies that are missing, or no shares."""
    if np.isnan(values).any():
        missing = times[np.isnan(values)]
        raise UsageError(f"accuracies are missing at {len(missing)} times, first at {missing[0]:g}: drop these rows")
    if ((values < 0) | (values > 1)).any():
        raise UsageError("accuracies must be shares between 0 and 1 (percentages: divide by 100)")
