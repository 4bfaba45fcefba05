"""The first time at which a curve reaches a level for good."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

Censoring = Literal["observed", "left", "right", ""]

SUSTAINED = 3  # consecutive checkpoints that count as reaching, or as losing, a level
HYSTERESIS = 0.15  # how far below the level it has to fall to be lost
ROUNDING = 1e-12  # a kappa that is exactly at a level may miss it by rounding: (.95 - .5) / .5 < .9


@dataclass(frozen=True)
class Crossing:
    """When a curve reached a level for good.

    time : NaN where it never did; the first positive checkpoint where it held from the start.
    censoring : "observed", "left" (held at time 0) or "right" (never reached).
    pending : it holds at the last one or two checkpoints only.
    held : it was at or above the level on 3 consecutive checkpoints at some time, perhaps lost again.
    index : position of the checkpoint that starts the run; -1 where censored to the right.
    """

    time: float
    censoring: Censoring
    pending: bool = False
    held: bool = False
    index: int = -1

    @property
    def reached(self) -> bool:
        """True unless right-censored."""
        return self.censoring != "right"


def crossing(times: np.ndarray, values: np.ndarray, level: float) -> Crossing:
    """First sustained passage of `values` through `level`.

    The start, interpolated in log time, of the first run of 3 consecutive checkpoints at or above the
    level that is not followed by 3 consecutive checkpoints below level - .15. NaN values are below.
    """
    values = np.where(np.isnan(values), -np.inf, values)
    above, below = values >= level - ROUNDING, values < level - HYSTERESIS - ROUNDING
    starts = _streaks(above)
    losses = _streaks(below)
    for start in starts:
        if not (losses > start).any():
            return _observed(times, values, level, int(start))
    ends_above = 0
    while ends_above < len(above) and above[len(above) - 1 - ends_above]:
        ends_above += 1
    pending = 0 < ends_above < SUSTAINED
    return Crossing(math.nan, "right", pending=pending, held=len(starts) > 0)


def _streaks(flags: np.ndarray) -> np.ndarray:
    """Indices at which SUSTAINED consecutive true flags start."""
    starts = max(0, len(flags) - SUSTAINED + 1)
    streak = flags[:starts]
    for later in range(1, SUSTAINED):  # a report does this thirty times a run: no view of windows, which costs more
        streak = streak & flags[later : later + starts]
    return streak.nonzero()[0]


def _observed(times: np.ndarray, values: np.ndarray, level: float, start: int) -> Crossing:
    if start == 0:
        first_positive = float(times[times > 0][0])
        return Crossing(first_positive, "left", held=True, index=int(np.flatnonzero(times > 0)[0]))
    before, after = times[start - 1], times[start]
    time = float(after)
    if before > 0 and np.isfinite(values[start - 1]):
        share = min(1.0, (level - values[start - 1]) / (values[start] - values[start - 1]))
        time = float(before * (after / before) ** share)
    return Crossing(time, "observed", held=True, index=start)
