"""The first time at which a quantity reaches a level for good, and what it lost of it on the way.

The reading in bins of 1/20 decade decides what is held and what is lost; the rows say when.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from grokbench.curves.series import Quantity

Censoring = Literal["observed", "left", "right", ""]

SUSTAINED = 3  # consecutive checkpoints that count as reaching, or as losing, a level: about .1 decade
SPAN = 10**0.15  # ratio of times: rows as far apart as three bins count as reaching or losing it without one between
HYSTERESIS = 0.15  # how far below the level it has to fall to be lost
ROUNDING = 1e-12  # a kappa that is exactly at a level may miss it by rounding: (.95 - .5) / .5 < .9


@dataclass(frozen=True)
class Crossing:
    """When a quantity reached a level for good.

    time : NaN where it never did; the first positive row where it held from the start.
    censoring : "observed", "left" (held at the first checkpoint) or "right" (never reached).
    low, high : the rows between which it lies. low is 0 where that is before the first positive row, and where it was
        never reached the last row that is surely below; high is then NaN.
    first : time of the first sustained passage, lost again or not; NaN without any.
    pending : it holds at the last one or two checkpoints only.
    index : position of the row that starts the passage, a pending one, too; -1 where there is none.
    begins : the same of the first sustained passage.
    """

    time: float
    censoring: Censoring
    low: float = 0.0
    high: float = math.nan
    first: float = math.nan
    pending: bool = False
    index: int = -1
    begins: int = -1

    @property
    def reached(self) -> bool:
        """True unless right-censored."""
        return self.censoring != "right"

    def coarse(self, unit: float) -> bool:
        """Whether the rows around it are farther apart than a span, and than a unit of the clock: than our own ever."""
        return self.reached and wide(self.low, self.high, unit)

    @property
    def held(self) -> bool:
        """Whether it was at or above the level on 3 consecutive checkpoints at some time, perhaps lost again."""
        return self.begins >= 0


class Episodes(NamedTuple):
    """What was lost and regained after the first sustained passage, or a pending one.

    count : stretches of rows that begin below level - .15 and end where the level is reached again; NaN where the
        level was never held.
    longest : decades of the longest; NaN without any. deepest : the lowest value in them; NaN without any.
    """

    count: float
    longest: float = math.nan
    deepest: float = math.nan


def wide(low: float, high: float, unit: float) -> bool:
    """Whether two times are farther apart than a span, and than a unit of the clock."""
    return high - low > unit * (1 + 1e-9) and high > low * SPAN


def crossing(quantity: Quantity, level: float) -> Crossing:
    """The first sustained passage through `level` that is not lost afterwards, interpolated in log time.

    Held is what is at or above the level for a span: on 3 consecutive checkpoints, or on 2 that are as far apart as
    three bins. Lost is what is below level - .15 for as long. NaN values are below.
    """
    if level not in quantity.passages:  # detections at three levels ask for the widths of one
        quantity.passages[level] = _crossing(quantity, level)
    return quantity.passages[level]


def _crossing(quantity: Quantity, level: float) -> Crossing:
    read = np.where(np.isnan(quantity.read), -np.inf, quantity.read)
    above = read >= level - ROUNDING
    starts = _streaks(above, quantity.timeline.checkpoints)
    losses = _streaks(read < level - HYSTERESIS - ROUNDING, quantity.timeline.checkpoints)
    if not starts.size:
        return _never(quantity, level, above)
    first = _located(quantity, level, int(starts[0]))
    passage = {"first": first.time, "begins": first.index}
    lasting = starts[starts > losses.max(initial=-1)]
    if not lasting.size:
        return _never(quantity, level, above, **passage)
    last = first if lasting[0] == starts[0] else _located(quantity, level, int(lasting[0]))
    return Crossing(last.time, last.censoring, low=last.low, high=last.high, index=last.index, **passage)


def episodes(quantity: Quantity, level: float, passage: Crossing) -> Episodes:
    """What `quantity` lost and regained of a level, by `passage` through it."""
    begins = passage.begins if passage.held else passage.index
    if begins < 0:
        return Episodes(math.nan)
    times, values = quantity.timeline.times[begins:], quantity.values[begins:]
    above, below = values >= level - ROUNDING, values < level - HYSTERESIS - ROUNDING
    decided = np.flatnonzero(above | below)
    ends = 1 + np.flatnonzero(below[decided][:-1] & above[decided][1:])
    falls = np.flatnonzero(below[decided] & ~np.concatenate([[False], below[decided][:-1]]))[: len(ends)]
    if not ends.size:
        return Episodes(0.0)
    falls, ends = decided[falls], decided[ends]
    bounds = np.stack([falls, ends], axis=1).ravel()
    return Episodes(
        float(len(ends)),
        float(np.log10(times[ends] / times[falls]).max()),
        float(np.minimum.reduceat(values, bounds)[::2].min()),
    )


def _streaks(flags: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Indices at which flags are true for a span."""
    twice = flags[:-1] & flags[1:]
    far = (times[1:] >= times[:-1] * SPAN) & (times[:-1] > 0)
    thrice = np.concatenate([flags[SUSTAINED - 1 :], [False]])[: len(twice)]
    return (twice & (far | thrice)).nonzero()[0]


def _never(quantity: Quantity, level: float, above: np.ndarray, **passage: float) -> Crossing:
    """What is not held at the end; it is bounded from below by the last row below the level before the end holds."""
    ends_above = 0
    while ends_above < len(above) and above[len(above) - 1 - ends_above]:
        ends_above += 1
    starts, times = quantity.timeline.starts, quantity.timeline.times
    begin = int(starts[len(above) - ends_above]) if ends_above else len(times)  # of the stretch that holds at the end
    under = np.flatnonzero(~(quantity.values[:begin] >= level - ROUNDING))
    low = float(times[under[-1]]) if under.size else 0.0
    pending = 0 < ends_above < SUSTAINED
    return Crossing(math.nan, "right", low=low, pending=pending, index=begin if pending else -1, **passage)


def _located(quantity: Quantity, level: float, start: int) -> Crossing:
    """The passage that begins at a checkpoint: between two rows of it and of the checkpoint before."""
    timeline, values = quantity.timeline, quantity.values
    times, starts = timeline.times, timeline.starts
    if start == 0:
        index = timeline.first_positive
        return Crossing(float(times[index]), "left", high=float(times[index]), index=index)
    begin, end = starts[start - 1], starts[start + 1]  # a passage has two or more checkpoints
    index = int(begin) + _split(values[begin:end] >= level - ROUNDING)
    before, after = float(times[index - 1]), float(times[index])
    time = after
    if before > 0 and np.isfinite(values[index - 1]):
        share = min(1.0, (level - values[index - 1]) / (values[index] - values[index - 1]))
        time = float(before * (after / before) ** share)
    return Crossing(time, "observed", low=before, high=after, index=index)


def _split(above: np.ndarray) -> int:
    """Where a passage begins: a row above after one below, with fewest rows above before it and below after it.

    The checkpoint before is below by its median and the one that begins is above by its own, so there is such a row.
    """
    rises = 1 + np.flatnonzero(~above[:-1] & above[1:])
    before = np.cumsum(above)  # of the rows up to each one, itself included
    wrong = before[rises - 1] + (len(above) - rises) - (before[-1] - before[rises - 1])
    return int(rises[np.argmin(wrong)])
