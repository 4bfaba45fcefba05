"""The order of rows: runs that were resumed, started again, written out of order, or several in one file.

Each has its own message with the row and the values, and the option that solves it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grokbench.errors import UsageError
from grokbench.logs.reading import Order

MANY_DESCENTS = 0.1  # of the rows: more are not pieces of runs, but rows out of order
FEW_REPEATS = 0.1  # of the times: an evaluation at the end that is made again at a resumption


@dataclass(frozen=True)
class Piece:
    """Rows that belong to one run, in the order of time.

    rows : (n,) int, positions in the table, by increasing time; a time may stand there for several curves.
    times : (n,) float64, after what was done to them.
    notes : what was done.
    """

    rows: np.ndarray
    times: np.ndarray
    notes: tuple[str, ...] = ()


def pieces(
    where: str, clock: str, times: np.ndarray, numbers: np.ndarray, values: np.ndarray, order: Order | None, hint: str
) -> list[Piece]:
    """The runs in rows, in the order of the file.

    Parameters
    ----------
    where : the file and the series, for messages.
    clock : name of the column of the clock.
    times : (rows,) float64, no NaN.
    numbers : (rows,) int, the numbers of the rows in the file.
    values : (rows, curves) float64, NaN where a row has no value of a curve.
    order : what was asked for by option.
    hint : which column would tell the rows of one time apart, for messages.

    Raises
    ------
    UsageError : what the rows mean cannot be told.
    """
    starts = np.flatnonzero(times[1:] < times[:-1]) + 1
    if not len(starts):
        return [_in_order(where, clock, times, numbers, values, order, hint)]
    if not _repeats(times, values):
        return [_sorted(clock, times, numbers, starts)]
    return _of_pieces(where, clock, times, numbers, starts, order, hint)


def _repeats(times: np.ndarray, values: np.ndarray) -> bool:
    """Whether some curve has two values of one time."""
    known = ~np.isnan(values)
    return any(len(np.unique(times[column])) < np.count_nonzero(column) for column in known.T)


def _sorted(clock: str, times: np.ndarray, numbers: np.ndarray, starts: np.ndarray) -> Piece:
    rows = np.argsort(times, kind="stable")
    first = _back(clock, times, numbers, int(starts[0]))
    return Piece(rows, times[rows], (f"rows are not in order ({first}) and were sorted: no time stands there twice",))


def _in_order(
    where: str,
    clock: str,
    times: np.ndarray,
    numbers: np.ndarray,
    values: np.ndarray,
    order: Order | None,
    hint: str,
) -> Piece:
    """Rows whose time never goes back; where many times have two values of one curve, they are several runs."""
    for column in values.T if order is None else ():
        known = ~np.isnan(column)
        own, rows, number = times[known], numbers[known], len(np.unique(times[known]))
        again = np.flatnonzero(own[1:] == own[:-1])
        other = again[column[known][again] != column[known][again + 1]]
        if len(other) > max(FEW_REPEATS * number, 1) or (len(other) and len(again) > number / 2):
            first = int(again[0])
            raise UsageError(
                f"{where}: {clock} {own[first]:g} stands in rows {rows[first]} and {rows[first + 1]}, and so do "
                f"{len(again)} more: several runs? {hint}; --order last takes the last row of each time"
            )
    return Piece(np.arange(len(times)), times)


def _of_pieces(
    where: str,
    clock: str,
    times: np.ndarray,
    numbers: np.ndarray,
    starts: np.ndarray,
    order: Order | None,
    hint: str,
) -> list[Piece]:
    """Rows whose time goes back to times that were there before."""
    again = [int(start) for start in starts if times[start] <= times[: starts[0]].min()]
    if order == "runs":
        return _runs(clock, times, numbers, starts)
    if order == "segments":
        return [_continued(clock, times, numbers, starts)]
    few = len(starts) <= max(1, MANY_DESCENTS * len(times))
    if few and (order == "last" or not again):
        return [_resumed(clock, times, numbers, starts)]
    if order == "last":
        rows = np.argsort(times, kind="stable")
        return [Piece(rows, times[rows], ("rows are not in order and were sorted; the last of each time counts",))]
    if few:
        raise UsageError(
            f"{where}: {_back(clock, times, numbers, again[0])}: a second fit, or another run? --order segments goes "
            f"on counting, --order runs makes each piece a run, --order last takes the later row of each {clock}"
            + (f"; {hint}" if hint and not hint.startswith("--series NAME") else "")
        )
    raise UsageError(
        f"{where}: rows are not in order ({_back(clock, times, numbers, int(starts[0]))}) and times stand there twice: "
        f"several runs? {hint}; --order last takes the last row of each time"
    )


def _back(clock: str, times: np.ndarray, numbers: np.ndarray, row: int) -> str:
    return f"{clock} goes from {times[row - 1]:g} back to {times[row]:g} at row {numbers[row]}"


def _resumed(clock: str, times: np.ndarray, numbers: np.ndarray, starts: Sequence[int]) -> Piece:
    """The later row of a time wins: what comes after a resumption replaces all from its first time on."""
    kept = np.ones(len(times), dtype=bool)
    for start in starts:
        kept[:start] &= times[:start] < times[start]
    rows = np.flatnonzero(kept)
    rows = rows[np.argsort(times[rows], kind="stable")]
    step = _back(clock, times, numbers, int(starts[0]))
    times_more = f", and {len(starts) - 1} times more" if len(starts) > 1 else ""
    note = f"{step}{times_more}: taken as resumed; the later rows count, {int((~kept).sum())} earlier ones are left out"
    return Piece(rows, times[rows], (note,))


def _continued(clock: str, times: np.ndarray, numbers: np.ndarray, starts: np.ndarray) -> Piece:
    """The count goes on where a piece begins again: its times follow those before it, one unit of its own later."""
    continued = times.copy()
    for start, end in zip(starts, [*starts[1:], len(times)], strict=True):
        with np.errstate(over="ignore", invalid="ignore"):  # times that are beyond all ratios are refused later
            gaps = np.diff(np.unique(times[start:end]))
            gap = float(np.median(gaps)) if len(gaps) else 1.0
            continued[start:end] += continued[start - 1] + gap - times[start]
    note = f"{_back(clock, times, numbers, int(starts[0]))}: the count goes on, as --order segments says"
    return Piece(np.arange(len(times)), continued, (note,))


def _runs(clock: str, times: np.ndarray, numbers: np.ndarray, starts: np.ndarray) -> list[Piece]:
    bounds = [0, *map(int, starts), len(times)]
    note = f"{_back(clock, times, numbers, int(starts[0]))}: each piece is a run, as --order runs says"
    parts = [np.arange(begin, end) for begin, end in itertools.pairwise(bounds)]
    return [Piece(rows, times[rows], (note,)) for rows in parts]


def merged(times: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """One value per time, the last; and at how many times values differed. Times do not decrease."""
    same = times[1:] == times[:-1]
    last = np.append(~same, True) if len(times) else np.zeros(0, dtype=bool)
    differ = int(np.count_nonzero(same & (values[1:] != values[:-1])))
    return times[last], values[last], differ
