"""What a comparison is: two ways to the same numbers, timed in turn, beside a goal for their ratio."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

import numpy as np

Size = Literal["tiny", "quick", "full"]
ROUNDS = {"tiny": 1, "quick": 5, "full": 7}  # of which the median counts
SECONDS = {"tiny": 0.0, "quick": 0.08, "full": 0.3}  # that one side of a round takes at least


class Unequal(Exception):
    """The two sides do different work: their ratio would say nothing."""


class Skipped(Exception):
    """What a comparison needs is not there."""


@dataclass(frozen=True)
class Timed:
    """What was measured.

    Parameters
    ----------
    ours, theirs : medians, in the comparison's unit.
    ratios : one a round.
    """

    ours: float
    theirs: float
    ratios: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.ratios)


@dataclass(frozen=True)
class Comparison:
    """A ratio with a goal. A subclass says how the two sides are measured.

    Parameters
    ----------
    name : of the file's case, such as "mlp p 31".
    unit : of the two numbers: "ms a step".
    ours, theirs : what each side does, in words.
    at_least : goal of theirs / ours; 0 for none.
    at_most : goal of ours / theirs; 0 for none. The ratio is theirs / ours unless there is such a goal.
    """

    name: str
    unit: str
    ours: str
    theirs: str
    at_least: float = 0.0
    at_most: float = 0.0

    @property
    def goal(self) -> str:
        """The goal in words; empty where there is none."""
        return f"≥ {self.at_least:g}" if self.at_least else f"≤ {self.at_most:g}" if self.at_most else ""

    def met(self, ratio: float) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if not (self.at_least or self.at_most):
            return None
        return ratio >= self.at_least if self.at_least else ratio <= self.at_most

    def ratio(self, ours: float, theirs: float) -> float:
        """Theirs / ours, or the other way round for a goal that is not to be exceeded."""
        over, under = (ours, theirs) if self.at_most else (theirs, ours)
        return over / under if under else math.nan

    def check(self) -> None:
        """Raise `Unequal` where the two sides do different work, `Skipped` where one cannot be had."""

    def measure(self, size: Size) -> Timed:
        """Both sides, in this process or in processes of their own."""
        raise NotImplementedError


@dataclass(frozen=True)
class Pair:
    """Both sides in the same state. Each function carries out so many units more.

    Parameters
    ----------
    ours, theirs : take a number of units.
    differ : after equal numbers of units on both sides, a sentence on what differs; empty where nothing does.
    """

    ours: Callable[[int], object]
    theirs: Callable[[int], object]
    differ: Callable[[], str]


@dataclass(frozen=True)
class InTurn(Comparison):
    """Two sides in one process, on one thread and in processor time, from the same state in every round.

    Parameters
    ----------
    prepare : makes the pair at its start; none of it is timed.
    steps : units after which the sides are held against each other.
    most : units of a round at most.
    scale : the comparison's unit in seconds: .001 for "ms a step".
    """

    prepare: Callable[[], Pair] = None
    steps: int = 20
    most: int = 100_000
    scale: float = 1e-3

    def check(self):
        """Both sides take the same steps and stand at the same place."""
        pair = self.prepare()
        pair.ours(self.steps)
        pair.theirs(self.steps)
        difference = pair.differ()
        if difference:
            raise Unequal(f"{self.name}: {difference}")

    def measure(self, size):
        """The median over rounds that begin with either side in turn."""
        units = self._units(SECONDS[size])
        taken = [self._round(units, ours_first=bool(number % 2)) for number in range(ROUNDS[size])]
        ours, theirs = (statistics.median(side) / units / self.scale for side in zip(*taken, strict=True))
        return Timed(ours, theirs, tuple(self.ratio(*pair) for pair in taken))

    def _units(self, seconds: float) -> int:
        """As many as the quicker side needs for some seconds, by a warm round of its own."""
        pair, least = self.prepare(), min(self.steps, self.most)
        for side in (pair.ours, pair.theirs):
            side(1)
        quicker = min(_seconds(side, least) for side in (pair.ours, pair.theirs))
        return int(min(self.most, max(least, least * seconds / max(quicker, 1e-9))))

    def _round(self, units: int, ours_first: bool) -> tuple[float, float]:
        pair = self.prepare()
        if ours_first:
            ours = _seconds(pair.ours, units)
            return ours, _seconds(pair.theirs, units)
        theirs = _seconds(pair.theirs, units)
        return _seconds(pair.ours, units), theirs


@dataclass(frozen=True)
class Measured(Comparison):
    """Two numbers that are measured together, as the wall time of a suite and the processor time of its runs.

    Parameters
    ----------
    once : measures both.
    rounds : how often, at most.
    """

    once: Callable[[], tuple[float, float]] = None
    rounds: int = 1

    def measure(self, size):
        """The medians over the rounds."""
        taken = [self.once() for _ in range(min(self.rounds, ROUNDS[size]))]
        ours, theirs = map(statistics.median, zip(*taken, strict=True))
        return Timed(ours, theirs, tuple(self.ratio(*pair) for pair in taken))


def _seconds(side: Callable[[int], object], units: int) -> float:
    begun = time.process_time()
    side(units)
    return time.process_time() - begun


def relative(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference of two arrays, relative to the largest entry."""
    return float(np.abs(a - b).max() / np.abs(b).max())


def apart(what: str, ours: np.ndarray, theirs: np.ndarray, tolerance: float) -> str:
    """A sentence where two arrays differ by more than a relative tolerance; else empty."""
    difference = relative(np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float))
    return "" if difference <= tolerance else f"{what} differ by {difference:.2g}, expected at most {tolerance:g}"


def comparisons(size: Size) -> Iterator[Comparison]:
    """Those of all files of this folder that have any, in alphabetical order of the files."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if not path.stem.startswith("__"):
            yield from getattr(import_module(f"speed.{path.stem}"), "cases", lambda size: ())(size)
