"""The judgement of one cell in two result sets: is what differs more than noise?

B is read against A, run by run on the same split and seed. The change of a time is log10(b / a), in decades, and that
of a delay b - a. The rules, in the order in which they are asked:

1. Pairs with an obstacle (`pairing`) are left out. Without any other the cell is ``not comparable``.
2. A censored time is a bound: where one run of a pair reached the level and the other did not, the change is at least
   the distance from the one to the other's end, a win in one direction. Where neither did, the pair says nothing.
3. The median change and its interval are those of the sign test, on the bounds: exact for any distribution.
   Of late runs it is the exact test of McNemar; a non-event counts on a horizon of ten times the other run's t_gen.
4. A change is ``later`` or ``earlier`` if its interval excludes 0 and the median is more than `MARGIN` away from it.
   Each of the four questions has a quarter of the level, so a cell without a change is so named in 5 % at most.
5. Fewer than `FEWEST` pairs cannot reach the level. They are ``unchanged`` where no pair moved by more than the
   margin, else ``not comparable``. With as many or more, what is not shown to have changed is ``unchanged``.
6. The cell's word is that of the first of t_gen, delay, late and t_mem that is not ``unchanged``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from grokbench.statistics.location import median_interval, sign_cut
from grokbench.statistics.proportions import PairedDifference, paired_difference
from grokbench.verdicts.comparison import HORIZON
from grokbench.verdicts.pairing import ListedRun, Pair, PairedCell

WORDS = ("unchanged", "later", "earlier", "not comparable")
UNCHANGED, LATER, EARLIER, NOT_COMPARABLE = WORDS
MARGIN = 0.05  # decades: one bin of the harness's grid; what moves less has not moved
QUESTIONS = ("t_gen", "delay", "late", "t_mem")  # in the order in which they decide on the cell's word
ALPHA = 0.05 / len(QUESTIONS)
FEWEST = next(n for n in range(1, 100) if sign_cut(n, ALPHA / 2))  # 8 pairs: two in 2^8 is the first below .0125
ROUNDING = 1e-9  # exactly the margin or the horizon is enough, rounding aside
ANYTHING = (-math.inf, math.inf)


@dataclass(frozen=True)
class Shift:
    """The change of one quantity over the pairs of a cell, in decades; NaN where no pair says anything.

    Parameters
    ----------
    least, most : bounds of the median change; the same number where censoring leaves nothing open.
    low, high : the interval of the median at level 1 - `ALPHA`; infinite beyond the data.
    largest : the largest change that a pair may have had, in absolute value.
    n : pairs that say something. pairs : all that could be compared.
    """

    least: float
    most: float
    low: float
    high: float
    largest: float
    n: int
    pairs: int

    @property
    def estimate(self) -> float:
        """The median change; NaN where censoring leaves it open."""
        return self.least if self.least == self.most else math.nan

    @property
    def within(self) -> bool:
        """Whether no pair moved by more than the margin."""
        return self.n == 0 or self.largest <= MARGIN + ROUNDING

    @property
    def verdict(self) -> str:
        """One of `WORDS`."""
        if self.within:
            return UNCHANGED
        if self.pairs < FEWEST:
            return NOT_COMPARABLE
        if self.low > 0 and self.least > MARGIN:
            return LATER
        return EARLIER if self.high < 0 and self.most < -MARGIN else UNCHANGED


@dataclass(frozen=True)
class Change:
    """What became of a cell.

    Parameters
    ----------
    cell : its pairs.
    compared : the pairs without an obstacle.
    t_mem, t_gen, delay : the changes of these, from A to B.
    late : share of late runs of B less that of A, over the pairs that say it of both.
    """

    cell: PairedCell
    compared: tuple[Pair, ...]
    t_mem: Shift
    t_gen: Shift
    delay: Shift
    late: PairedDifference

    @property
    def words(self) -> dict[str, str]:
        """Question -> one of `WORDS`."""
        if not self.compared:
            return dict.fromkeys(QUESTIONS, NOT_COMPARABLE)
        words = {name: getattr(self, name).verdict for name in QUESTIONS if name != "late"}
        clear = self.late.n and self.late.p <= ALPHA
        return {**words, "late": (LATER if self.late.difference > 0 else EARLIER) if clear else UNCHANGED}

    @cached_property
    def verdict(self) -> str:
        """One of `WORDS`: that of the first question whose answer is not "unchanged"."""
        words = self.words
        return next((words[name] for name in QUESTIONS if words[name] != UNCHANGED), UNCHANGED)

    @property
    def identical(self) -> int | None:
        """How many of the compared pairs measured the same, digit for digit; None where that is not known of all."""
        same = [pair.identical for pair in self.compared]
        return None if None in same else sum(same)

    @property
    def changed(self) -> tuple[Pair, ...]:
        """The compared pairs with another outcome, or another late."""
        return tuple(pair for pair in self.compared if pair.changed)

    @property
    def obstacles(self) -> dict[str, int]:
        """What forbids to compare pairs -> how many of them."""
        named = [obstacle for pair in self.cell.pairs for obstacle in pair.obstacles]
        return {obstacle: named.count(obstacle) for obstacle in sorted(set(named))}

    @property
    def reason(self) -> str:
        """Why the word is what it is."""
        return "; ".join(filter(None, [self._why(), self._left_out()]))

    def _why(self) -> str:
        if not self.compared:
            return "" if self.cell.pairs else "no run of a seed that both sides have"
        words = self.words
        moved = [f"{name} {words[name]}" for name in QUESTIONS if words[name] in (LATER, EARLIER)]
        if moved:
            return ", ".join(moved)
        few = [name for name in QUESTIONS if words[name] == NOT_COMPARABLE]
        if few:
            return f"{len(self.compared)} pairs, and {', '.join(few)} moved: {FEWEST} are needed to tell it from noise"
        return self._how_unchanged()

    def _how_unchanged(self) -> str:
        if self.identical == len(self.compared):
            return "identical"
        wide = [name for name in QUESTIONS if name != "late" and not getattr(self, name).within]
        if wide:
            return f"no change shown of {', '.join(wide)}: pairs scatter by more than a bin"
        return "every pair within a bin"

    def _left_out(self) -> str:
        number = len(self.cell.pairs) - len(self.compared)
        return f"{number} pairs not compared: {', '.join(self.obstacles)}" if number else ""

    @property
    def is_change(self) -> bool:
        """Whether anything is not as it was, by whatever it may have come: a word, an outcome, or a pair left out."""
        left_out = len(self.cell.pairs) > len(self.compared)
        return bool(self.cell.pairs) and (self.verdict != UNCHANGED or bool(self.changed) or left_out)


def changes(cells: Iterable[PairedCell]) -> list[Change]:
    """What became of each cell."""
    return [change_of(cell) for cell in cells]


def change_of(cell: PairedCell) -> Change:
    """What became of a cell; the numbers of a side do not depend on the other cells."""
    pairs = tuple(pair for pair in cell.pairs if not pair.obstacles)
    shifts = {name: _shift([_time_change(pair, name) for pair in pairs]) for name in ("t_mem", "t_gen")}
    late = [(_late(pair.b, pair.a), _late(pair.a, pair.b)) for pair in pairs]
    second, first = zip(*late, strict=True) if late else ((), ())
    return Change(
        cell,
        pairs,
        **shifts,
        delay=_shift([_delay_change(pair) for pair in pairs]),
        late=paired_difference(second, first, level=1 - ALPHA),
    )


def _shift(bounds: Sequence[tuple[float, float]]) -> Shift:
    """The median change of pairs of which bounds are known, (n, 2); a pair that could be anything says nothing."""
    known = np.array([pair for pair in bounds if pair != ANYTHING], dtype=float).reshape(-1, 2)
    least, most = (median_interval(side, level=1 - ALPHA) for side in known.T)
    largest = float(np.abs(known).max()) if len(known) else math.nan
    return Shift(least.estimate, most.estimate, least.low, most.high, largest, len(known), len(bounds))


def _time_change(pair: Pair, name: str) -> tuple[float, float]:
    """Bounds of log10(b / a) of a time."""
    return _minus(*(_time_bounds(run, name) for run in (pair.b, pair.a)))


def _delay_change(pair: Pair) -> tuple[float, float]:
    """Bounds of the change of the delay."""
    return _minus(*(_delay_bounds(run) for run in (pair.b, pair.a)))


def _minus(b: tuple[float, float], a: tuple[float, float]) -> tuple[float, float]:
    """Bounds of b - a; where an end could be anything it is infinite."""
    low = b[0] - a[1] if b[0] > -math.inf and a[1] < math.inf else -math.inf
    high = b[1] - a[0] if b[1] < math.inf and a[0] > -math.inf else math.inf
    return low, high


def _time_bounds(run: ListedRun, name: str) -> tuple[float, float]:
    """Bounds of log10 of a time: the same twice where it is observed, its end or more where it is not reached."""
    time, censoring = getattr(run, name), getattr(run, f"{name}_censoring")
    if censoring == "right":
        return (math.log10(run.last) if run.last > 0 else -math.inf), math.inf
    if not time > 0:
        return ANYTHING
    return (-math.inf if censoring == "left" else math.log10(time)), math.log10(time)


def _delay_bounds(run: ListedRun) -> tuple[float, float]:
    if math.isnan(run.delay):
        return ANYTHING
    low = -math.inf if run.delay_censoring == "left" else run.delay
    return low, math.inf if run.delay_censoring == "right" else run.delay


def _late(run: ListedRun, other: ListedRun) -> float:
    """1, 0, or NaN where it is not known, or a run without t_gen was not watched for long enough."""
    if run.late == 0 and not run.generalizes and other.generalizes:
        return 0.0 if run.last * (1 + ROUNDING) >= HORIZON * other.t_gen else math.nan
    return run.late
