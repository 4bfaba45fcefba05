"""What a run shows before it generalizes: signals that are said to foretell it, and what it has lost by then."""

from __future__ import annotations

import math

import numpy as np

from grokbench.curves.detect import LEVEL
from grokbench.curves.run import Run


def fall(run: Run, column: str, factor: float) -> float:
    """Decades by which a column falls from t_mem to `factor` times t_mem; NaN where it is not known at both.

    A column at 0, as a training loss that underflows, counts as the smallest positive number of single precision.
    """
    memorized = run.detections[LEVEL].t_mem
    if not factor * memorized <= run.curve.last:
        return math.nan
    values = np.maximum(run.curve.column(column), np.finfo(np.float32).tiny)
    before, after = (run.curve.value_at(values, time) for time in (memorized, factor * memorized))
    return math.log10(before / after)


def half_way(run: Run) -> float:
    """When the held-out accuracy crosses one half for good, whatever the ranking says; NaN where it never does."""
    return run.curve.crossing(run.curve.kappa_test, 0.5).time


def lost(run: Run) -> float:
    """The most that training accuracy falls below what it was, before the held-out accuracy is half-way up.

    The whole run counts where the held-out accuracy never is.
    """
    rise = half_way(run)
    before = run.curve.time < (math.inf if math.isnan(rise) else rise)
    accuracy = run.curve.column("train_accuracy")[before]
    return float((np.maximum.accumulate(accuracy) - accuracy).max()) if len(accuracy) else math.nan
