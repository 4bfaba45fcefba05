"""Which column is the clock. Seconds, and amounts of data, are none unless they are named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grokbench.errors import UsageError, closest, shown
from grokbench.logs.table import TWICE, Table
from grokbench.logs.words import is_size, is_wall_clock, rank_of_clock, role_of, split_of, words_of

COVERED = 0.75  # of the rows with a value that a clock has a time for
INDEX = ("", "index", "unnamed: 0")  # what pandas writes beside a table
DATES = 1e8  # seconds: a number beyond is a date, and its ratios mean nothing


@dataclass(frozen=True, eq=False)
class Clock:
    """Times of the rows of a table.

    name : of its column; "row" where rows are counted.
    times : (rows,) float64; NaN where a row has none.
    counted : rows are counted, from 1.
    """

    name: str
    times: np.ndarray
    counted: bool = False
    notes: tuple[str, ...] = ()


def clock_of(table: Table, columns: Sequence[str], split: str, named: str | None) -> Clock:
    """The clock of the columns of a table. UsageError where none is, with the option that names one.

    split : "train" or "held-out" for a clock of this split alone; "" where the columns are of both.
    """
    if named is not None:
        return _named(table, named)
    filled = table.frame[list(columns)].notna().any(axis=1).to_numpy()
    usable = []
    for name in table.names:
        rank = rank_of_clock(name)
        if rank is None or TWICE in name or name in columns:
            continue
        other = split_of(words_of(name))
        times = _numbers(table, name)
        if times is not None and _covers(times, filled):
            wrong_split = other != "" and other != split
            usable.append((wrong_split, not _in_order(times[filled]), rank, name, times))
    if usable and not all(wrong for wrong, *_ in usable):
        _, _, _, name, times = min(usable, key=lambda clock: clock[:3])
        table.check_once(name)
        return Clock(name, times)
    return _without(table, columns)


def _numbers(table: Table, name: str) -> np.ndarray | None:
    """The times of a column; None for one of texts, such as dates."""
    if table.frame[name].dtype != object:
        return table.numbers(name)
    import pandas as pd

    times = pd.to_numeric(table.frame[name], errors="coerce").to_numpy(dtype=float)
    return table.numbers(name) if np.isfinite(times).mean() > COVERED else None


def _covers(times: np.ndarray, filled: np.ndarray) -> bool:
    known = np.isfinite(times[filled])
    varies = len(np.unique(times[filled][known])) > 1 or np.count_nonzero(filled) < 2
    return bool(known.any() and known.mean() >= COVERED and varies)


def _in_order(times: np.ndarray) -> bool:
    known = times[np.isfinite(times)]
    return bool((known[1:] >= known[:-1]).all())


def _named(table: Table, named: str) -> Clock:
    """The clock that was named, with a note where its name says that it is none."""
    if named not in table.names:
        clocks = [name for name in table.names if rank_of_clock(name) is not None or is_wall_clock(name)]
        raise UsageError(f"{table.file}: no column {named!r} for --time{closest(named, clocks or table.names)}")
    table.check_once(named)
    times = table.numbers(named)
    if is_wall_clock(named):
        return _wall(named, times)
    notes = ()
    if is_size(named):
        notes = (
            f"column {named!r} counts data or parameters: each row is another model, and this is no training log; "
            "t_mem, t_gen and delay are no times",
        )
    return Clock(named, times, notes=notes)


def _wall(name: str, times: np.ndarray) -> Clock:
    """Seconds, from the first row on where they are dates."""
    known = times[np.isfinite(times)]
    dates = len(known) and known.min() > DATES
    since = ", counted from the first row" if dates else ""
    note = f"the clock is wall-clock time, column {name!r}{since}: delays depend on the machine"
    return Clock(name, times - known.min() if dates else times, notes=(note,))


def _without(table: Table, columns: Sequence[str]) -> Clock:
    """Rows counted from 1, where nothing else can be meant."""
    known = [name for name in table.names if rank_of_clock(name) is not None]
    sizes = [name for name in table.names if is_size(name)]
    walls = [name for name in table.names if is_wall_clock(name)]
    if sizes and not known:
        raise UsageError(
            f"{table.file}: column {sizes[0]!r} counts data or parameters: each row is another model, and this is no "
            f"training log; --time {sizes[0]} reads it all the same"
        )
    if known and not table.counted:
        raise UsageError(
            f"{table.file}: column {known[0]!r} has no times for most rows of {columns[0]!r}; give --time NAME"
        )
    if walls:
        raise UsageError(
            f"{table.file}: no column of steps or epochs, only of wall-clock time: --time {shown(walls[0])} takes it"
        )
    if not table.counted and (likely := _increasing(table, columns)):
        raise UsageError(
            f"{table.file}: no column is called a step or an epoch; {likely!r} increases: --time {likely} takes it"
        )
    times = np.arange(1, len(table.frame) + 1, dtype=float)
    noun = "values" if table.counted else "rows"
    note = f"no clock is in the log: {noun} are counted from 1 (--offset N shifts them)"
    return Clock("row", times, counted=True, notes=(note,))


def _increases(values: np.ndarray) -> bool:
    return bool((values[1:] > values[:-1]).all())


def _increasing(table: Table, columns: Sequence[str]) -> str:
    """A column that may be a clock by its values: numbers that increase from row to row; "" where there is none."""
    for name in table.names:
        if name in columns or TWICE in name or role_of(name).metric or name.lower() in INDEX or len(table.frame) < 3:
            continue
        values = table.frame[name]
        if values.dtype.kind in "iuf" and _increases(values.to_numpy(dtype=float)):
            return name
    return ""
