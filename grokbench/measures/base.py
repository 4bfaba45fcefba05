"""A measure is a named function of what a learner shows at a checkpoint: one or several columns of the curve.

It knows no family: what a learner does not show leaves its cells empty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from grokbench.curves.checkpoint import Checkpoint
from grokbench.curves.trace import COLUMNS


class Measure:
    """Base class of measures. Every run makes its own instances, so that a measure may remember earlier checkpoints.

    The docstring of a subclass says what is computed, from which face, its source, what it is where there is nothing
    to find (null), and its cost. `grokbench show NAME` prints it.

    Attributes
    ----------
    columns : names of its columns in ``curves.csv``, the measure's own name first; default: that name alone.
    version : raised when its results change on purpose; part of the key of a run that asks for it.
    columns_of_every_curve : names that no measure may take.
    """

    name = "own"
    version = 1
    columns: Sequence[str] = ()
    columns_of_every_curve = COLUMNS

    @classmethod
    def column_names(cls) -> tuple[str, ...]:
        """Its columns in ``curves.csv``."""
        return tuple(cls.columns) or (cls.name,)

    def look(self, at: Checkpoint) -> float | tuple[float, ...] | None:
        """Its value, or one value per column; None where it is undefined. Changes nothing in the learner."""
        raise NotImplementedError

    def row(self, at: Checkpoint) -> dict[str, float]:
        """Its columns at a checkpoint; what is undefined or not finite is NaN."""
        columns, answer = self.column_names(), self.look(at)
        if answer is None:
            answer = (math.nan,) * len(columns)
        values = [float(value) for value in (answer if isinstance(answer, tuple) else (answer,))]
        return {
            column: value if math.isfinite(value) else math.nan for column, value in zip(columns, values, strict=True)
        }
