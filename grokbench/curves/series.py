"""A quantity over time as it was logged, and as every log is read: in bins of 1/20 decade.

Spans are spans of time. So a log that is denser than the harness's own is read by the median in each bin, and
thinning it, or repeating its rows, changes nothing but the bins that an event cuts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from grokbench.curves.schedule import DENSE_UNTIL

BINS_PER_DECADE = 20  # as the schedule has by default


class Series(NamedTuple):
    """What was logged of one quantity, on times of its own.

    times : (rows,) increasing. values : (rows,) numbers.
    """

    times: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Timeline:
    """Rows of a log and the bins in which it is read.

    The centres of the bins are those of the schedule, 50·10^(k/20) units of the clock. As in the schedule the last
    row is a checkpoint, too: to it belong the rows that are nearer to it than to the last centre before it, in log
    time. Time 0 is a bin. Where rows are farther apart than bins, each is read as it is; so is our own schedule beyond
    50 units of its clock.

    Parameters
    ----------
    times : (rows,) float64, increasing.
    unit : one unit of the clock.
    """

    times: np.ndarray
    unit: float = 1.0

    @cached_property
    def starts(self) -> np.ndarray:
        """(bins,) position of the first row of each bin that has rows."""
        bins = self._bins
        return np.flatnonzero(np.concatenate([[True], bins[1:] != bins[:-1]]))

    @cached_property
    def checkpoints(self) -> np.ndarray:
        """(bins,) median time of the rows of each bin."""
        return self.read(self.times)

    @property
    def last(self) -> float:
        """The time of the last row."""
        return float(self.times[-1])

    @property
    def first_positive(self) -> int:
        """Position of the first row after time 0."""
        return int(np.searchsorted(self.times, 0.0, side="right"))

    @property
    def _bins(self) -> np.ndarray:
        """(rows,) number of each row's bin; -inf for time 0, inf for the last one."""
        with np.errstate(divide="ignore"):
            bins = np.floor(BINS_PER_DECADE * np.log10(self.times / (DENSE_UNTIL * self.unit)) + 0.5)
        before, last = bins[-1], self.last
        if last < self._centre(before):
            before -= 1
        nearest = self.times >= math.sqrt(self._centre(before)) * math.sqrt(last)
        return np.where(nearest, np.inf, np.minimum(bins, before))

    def _centre(self, number: float) -> float:
        return DENSE_UNTIL * self.unit * 10.0 ** (number / BINS_PER_DECADE)

    @cached_property
    def units(self) -> np.ndarray:
        """(parts,) position of the first row of each part of a bin: up to 50 units, one for each unit."""
        bins, units = self._bins, np.minimum(np.floor(self.times / self.unit + 0.5), DENSE_UNTIL + 1)
        return np.flatnonzero(np.concatenate([[True], (bins[1:] != bins[:-1]) | (units[1:] != units[:-1])]))

    def read(self, values: np.ndarray) -> np.ndarray:
        """(bins,) median in each bin of `values` (rows,), without what was not measured; NaN where nothing was."""
        return _medians(values, self.starts)


def _medians(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """(groups,) median of each group of consecutive `values`, NaN left out; `starts` is where each begins."""
    if len(starts) == len(values):
        return values
    of_row = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(values)))
    ordered = values[np.lexsort((values, of_row))]  # NaN comes last in each group
    known = np.add.reduceat((~np.isnan(values)).astype(np.int64), starts)
    last = np.maximum(known - 1, 0)
    return ordered[starts + last // 2] / 2 + ordered[starts + np.minimum(known // 2, last)] / 2


@dataclass(frozen=True, eq=False)
class Quantity:
    """One quantity of a run on its timeline.

    values : (rows,) float64; NaN where it was not measured.
    """

    timeline: Timeline
    values: np.ndarray

    @cached_property
    def read(self) -> np.ndarray:
        """(bins,) what it is at the checkpoints of its timeline."""
        return self.timeline.read(self.values)

    @cached_property
    def passages(self) -> dict[float, object]:
        """Level -> its crossing, as far as `grokbench.curves.crossing` has computed it."""
        return {}

    @property
    def measured(self) -> bool:
        """Whether it says anything at all."""
        return not np.isnan(self.values).all()

    def at(self, time: float) -> float:
        """Its value at a time, linear in log time between medians; NaN where nothing was measured.

        The medians are those of the bins, but up to 50 units of the clock of each unit: our own rows are read as they
        are.
        """
        if math.isnan(time) or not self.measured:
            return math.nan
        return float(np.interp(math.log(time), *self._by_unit))

    @cached_property
    def _by_unit(self) -> tuple[np.ndarray, np.ndarray]:
        """Log time and value, medians of the rows after time 0 in each bin or unit."""
        groups = self.timeline.units
        times, values = _medians(self.timeline.times, groups), _medians(self.values, groups)
        return np.log(times[times > 0]), values[times > 0]

    def around(self, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
        """Times and values, (rows,) each, of its rows from the last one up to `low` to the first one from `high` on."""
        times = self.timeline.times
        begin = max(0, int(np.searchsorted(times, low, side="right")) - 1)
        end = min(len(times), int(np.searchsorted(times, high, side="left")) + 1)
        return times[begin:end], self.values[begin:end]
