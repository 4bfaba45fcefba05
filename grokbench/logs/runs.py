"""The runs of logs: of each its two curves, on grids of their own, and what was said while they were read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from grokbench.errors import UsageError
from grokbench.logs.candidates import Candidate, Pair
from grokbench.logs.clocks import Clock, clock_of
from grokbench.logs.layouts import series_columns, telling_columns
from grokbench.logs.order import Piece, merged, pieces
from grokbench.logs.reading import Reading
from grokbench.logs.table import Table
from grokbench.logs.units import Column, check_together, column_of
from grokbench.logs.words import STEP, is_smoothed, words_of

HOLES = 0.25  # of the rows: where more have no value, a curve has a grid of its own
SHARED = 0.5  # of its points: where fewer are in rows of the other curve, it has one, too
Grid = tuple[np.ndarray, np.ndarray]  # times and values, each (points,) float64


@dataclass(frozen=True, eq=False)
class LoggedRun:
    """One run as its log has it.

    Parameters
    ----------
    file : where its training curve stands.
    name : that tells it from others.
    curves : "train", "test", and where they are there "test_loss", "skill", "rank_auc" -> times and values; training
        and held-out values are shares from 0 to 1, or losses.
    losses : which of "train" and "test" are losses.
    columns : "time", "train", "test" -> the name of the column that was taken.
    notes : what was done to the rows and the values.
    """

    file: Path
    name: str
    curves: Mapping[str, Grid]
    losses: frozenset[str]
    columns: Mapping[str, str]
    notes: tuple[str, ...] = ()
    counted: bool = field(default=False)


def runs_of(pair: Pair, reading: Reading) -> Iterator[tuple[str, LoggedRun]]:
    """All runs of a pair of columns, by what tells them apart ("" for one alone).

    Raises UsageError where rows, units or clocks are ambiguous.
    """
    ours, theirs = column_of(pair.train, reading.train_unit), column_of(pair.test, reading.test_unit)
    unit_given = reading.train_unit is not None or reading.test_unit is not None
    check_together(pair.train, pair.test, ours, theirs, unit_given)
    notes = (*pair.notes, *ours.notes, *theirs.notes, *_smoothed(pair))
    losses = frozenset(name for name, column in (("train", ours), ("test", theirs)) if column.is_loss)
    if pair.train.table is pair.test.table:
        groups = _of_one_table(pair, ours, theirs, reading)
    else:
        groups = _of_two_tables(pair, ours, theirs, reading)
    for name, curves, clock, own_notes in groups:
        columns = {"time": clock.name, "train": pair.train.shown, "test": pair.test.shown}
        all_notes = tuple(dict.fromkeys((*notes, *clock.notes, *own_notes)))
        yield name, LoggedRun(pair.train.table.file, pair.run, curves, losses, columns, all_notes, clock.counted)


def _smoothed(pair: Pair) -> tuple[str, ...]:
    names = [c.shown for c in (pair.train, pair.test) if is_smoothed(c.shown)]
    return tuple(f"{n!r} is smoothed by its name: smoothing delays every event, and cannot be undone" for n in names)


Group = tuple[str, dict[str, Grid], Clock, tuple[str, ...]]


def _of_one_table(pair: Pair, ours: Column, theirs: Column, reading: Reading) -> Iterator[Group]:
    table = pair.train.table
    clock = clock_of(table, [pair.train.name, pair.test.name], "", reading.time_column)
    values = {"train": ours.values, "test": theirs.values, **_held_out_columns(pair.test, reading)}
    for name, curves, notes in _curves(table, clock, values, reading):
        yield name, curves, clock, (*table.notes, *notes)


def _of_two_tables(pair: Pair, ours: Column, theirs: Column, reading: Reading) -> Iterator[Group]:
    """Curves of two files, or of two parts of one: the runs of each, by name."""
    sides = []
    for split, candidate, column in (("train", pair.train, ours), ("held-out", pair.test, theirs)):
        clock = clock_of(candidate.table, [candidate.name], split, reading.time_column)
        values = {"train" if split == "train" else "test": column.values}
        values |= _held_out_columns(candidate, reading) if split != "train" else {}
        sides.append((clock, list(_curves(candidate.table, clock, values, reading))))
    (clock, train), (other, test) = sides
    _check_clocks(pair, clock, other)
    if [name for name, *_ in train] != [name for name, *_ in test]:
        raise UsageError(
            f"{pair.train.table.file}: its runs are not those of {pair.test.table.file}: {len(train)} and {len(test)}"
        )
    table_notes = (*pair.train.table.notes, *pair.test.table.notes)
    for (name, curves, notes), (_, others, more) in zip(train, test, strict=True):
        yield name, curves | others, clock, (*table_notes, *notes, *more, *other.notes)


def _check_clocks(pair: Pair, ours: Clock, theirs: Clock) -> None:
    kinds = [_kind(clock.name) for clock in (ours, theirs)]
    if kinds[0] != kinds[1] or ours.counted != theirs.counted:
        raise UsageError(
            f"{pair.train.table.file}: training counts {ours.name!r}, held-out {theirs.name!r} "
            f"({pair.test.table.file}): give --time NAME that both have"
        )


def _kind(name: str) -> str:
    return next((str(STEP[word]) for word in words_of(name) if word in STEP), name)


def _held_out_columns(test: Candidate, reading: Reading) -> dict[str, np.ndarray]:
    """Held-out loss, skill and rank_auc, where the table of held-out accuracy has them."""
    table, values = test.table, {}
    named = {"test_loss": reading.loss_column, "skill": reading.skill_column, "rank_auc": reading.auc_column}
    for ours, name in named.items():
        name = name or (ours if ours in table.names else None)
        if name is None and ours == "test_loss":
            name = _held_out_loss(test)
        if name is not None and name in table.names:
            table.check_once(name)
            values[ours] = table.numbers(name)
    return values


def _held_out_loss(test: Candidate) -> str | None:
    """The loss beside the accuracy, with the same words but for the metric's."""
    table = test.table
    for name, role in table.roles.items():
        same = table.runs.get(name) == table.runs.get(test.name) and role.label == test.role.label
        if role.metric == "loss" and role.split == "held-out" and same and name != test.name:
            return name
    return None


def _curves(
    table: Table, clock: Clock, values: dict[str, np.ndarray], reading: Reading
) -> Iterator[tuple[str, dict[str, Grid], tuple[str, ...]]]:
    """The curves of each run of a table: its rows by series and in order, one value per time."""
    for name, rows in _series(table, reading.series):
        yield from _of_series(table, clock, name, rows, values, reading)


def _series(table: Table, named: tuple[str, ...]) -> list[tuple[str, np.ndarray]]:
    """The runs that columns tell apart: their names, and the positions of their rows."""
    columns = series_columns(table, named)
    for column in columns:
        table.check_once(column)
        nameless = int((table.frame[column].isna() | (table.frame[column].astype(str) == "")).sum())
        if nameless:
            raise UsageError(f"{table.file}: column {column!r}: {nameless} rows belong to no series")
    if not columns:
        return [("", np.arange(len(table.frame)))]
    groups = table.frame.groupby(columns if len(columns) > 1 else columns[0], sort=False).indices
    keys = sorted(groups, key=lambda key: groups[key][0])
    return [(_series_name(columns, key, bool(named)), groups[key]) for key in keys]


def _series_name(columns: Sequence[str], key: object, named: bool) -> str:
    """What stands in the column; a bare number with the name of the column, where nobody has named that."""
    if len(columns) == 1:
        text = str(key)
        return f"{columns[0]} {text}" if _is_number(text) and columns != ["key"] and not named else text
    return ", ".join(f"{column} {value}" for column, value in zip(columns, key, strict=True))


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal() and len(text) < 4


def _of_series(
    table: Table, clock: Clock, name: str, rows: np.ndarray, values: dict[str, np.ndarray], reading: Reading
) -> Iterator[tuple[str, dict[str, Grid], tuple[str, ...]]]:
    judged = [curve for curve in values if curve in ("train", "test")]
    filled = np.column_stack([~np.isnan(values[curve][rows]) for curve in judged])
    timed = np.isfinite(clock.times[rows])
    kept = rows[timed & filled.any(axis=1)]
    where = f"{table.file}: series {name}" if name else f"{table.file}"
    notes = _untimed(clock, int((filled.any(axis=1) & ~timed).sum()))
    numbers = table.frame.index.to_numpy()
    hint = _hint(table, clock, kept, judged, values) if not _plain(clock.times[kept]) else ""
    own = np.column_stack([values[curve][kept] for curve in judged])
    parts = pieces(where, clock.name, clock.times[kept], numbers[kept], own, reading.order, hint)
    for number, part in enumerate(parts):
        curves, own_notes = _grids(clock, part, kept, numbers, values, judged)
        label = name if len(parts) == 1 else "/".join(filter(None, (name, f"piece {number + 1}")))
        yield label, curves, (*notes, *part.notes, *own_notes)


def _plain(times: np.ndarray) -> bool:
    return bool((times[1:] > times[:-1]).all())


def _untimed(clock: Clock, rows: int) -> tuple[str, ...]:
    return (f"{rows} rows have no {clock.name} and are left out",) if rows else ()


def _hint(table: Table, clock: Clock, rows: np.ndarray, judged: Sequence[str], values: dict[str, np.ndarray]) -> str:
    """Which option would tell the rows of one time apart."""
    mask = np.zeros(len(table.frame), dtype=bool)
    mask[rows] = True
    names = telling_columns(table, clock.times, mask) if len(judged) > 1 else []
    return f"--series {names[0]} tells them apart" if names else "--series NAME names the column that tells them apart"


def _grids(
    clock: Clock,
    part: Piece,
    kept: np.ndarray,
    numbers: np.ndarray,
    values: dict[str, np.ndarray],
    judged: Sequence[str],
) -> tuple[dict[str, Grid], list[str]]:
    """Each curve on its own times, and notes on its holes and on times with two values."""
    rows, curves, notes = kept[part.rows], {}, []
    shared = np.all([~np.isnan(values[curve][rows]) for curve in judged], axis=0).sum()
    for curve, column in values.items():
        known = ~np.isnan(column[rows])
        times, own, differ = merged(part.times[known], column[rows][known])
        curves[curve] = (times, own)
        if curve not in judged:
            continue
        holes = rows[~known]
        if 0 < len(holes) <= HOLES * len(rows) and shared >= SHARED * (len(rows) - len(holes)):
            kind = "training" if curve == "train" else "held-out"
            notes.append(
                f"{len(holes)} of {len(rows)} rows have no {kind} value and are left out, first row "
                f"{numbers[holes[0]]} ({clock.name} {clock.times[holes[0]]:g})"
            )
        if differ:
            notes.append(f"at {differ} times there are several values: the last counts")
    return curves, notes
