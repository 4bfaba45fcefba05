"""Nested lists and dicts of numbers as tables: what JSON files and arrays hold.

A list of dicts is a table of records. A list of numbers is a column, named by the keys that lead to it, and the dict in
which it stands is its table. A clock that stands further out serves the tables within.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from grokbench.errors import UsageError
from grokbench.limits import MOST_COLUMNS
from grokbench.logs.table import Table
from grokbench.logs.words import is_run, rank_of_clock

TENSORBOARD = ("Wall time", "Step", "Value")  # of each row of a JSON download


def tables_of_tree(file: Path, tree: object, place: tuple[str, ...] = ()) -> list[Table]:
    """All tables in a tree. UsageError where there is none."""
    tables = [*_tables(file, tree, place, (), {})]
    if not tables:
        raise UsageError(f"{file}: no rows: neither a list of records nor lists of numbers in it")
    return tables


def _tables(
    file: Path, node: object, place: tuple[str, ...], path: tuple[str, ...], clocks: dict[str, Sequence]
) -> Iterator[Table]:
    if _are_records(node):
        yield table_of_records(file, node, (*place, *path))
    elif _are_rows(node):
        yield _table_of_rows(file, node, (*place, *path))
    elif isinstance(node, Mapping):
        columns = {str(key): values for key, value in node.items() if (values := _column(value)) is not None}
        clocks = clocks | {key: values for key, values in columns.items() if rank_of_clock(key) is not None}
        yield from _tables_of_columns(file, columns, place, path, clocks)
        for key, value in node.items():
            if str(key) not in columns:
                yield from _tables(file, value, place, (*path, str(key)), clocks)
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _tables(file, value, place, (*path, _called(number, value)), clocks)


def _called(number: int, value: object) -> str:
    """What an item of a list is called by a text or number of its own that names a run, or else by its place."""
    named = (item for key, item in value.items() if is_run(str(key))) if isinstance(value, Mapping) else ()
    return next((str(item)[:80] for item in named if isinstance(item, str | int)), str(number))


def _are_records(node: object) -> bool:
    return isinstance(node, list) and len(node) > 0 and all(isinstance(item, Mapping) for item in node) and any(
        _is_number(value) for item in node[:1000] for value in _flat(item).values()
    )  # fmt: skip


def _are_rows(node: object) -> bool:
    """Whether a node is a list of [step, value] or of [wall time, step, value]."""
    return (
        isinstance(node, list)
        and len(node) > 1
        and all(isinstance(row, list) and len(row) == len(node[0]) and all(map(_is_number, row)) for row in node)
        and len(node[0]) in (2, 3)
    )


def _column(value: object) -> Sequence | None:
    """The numbers of a list, or of a dict whose keys are the numbers of its rows; None for anything else."""
    if isinstance(value, Mapping) and value and all(str(key).isdecimal() for key in value):
        rows = sorted(value, key=lambda key: int(str(key)[:300]))
        value = [value[key] for key in rows]
    if not isinstance(value, list) or len(value) < 2:
        return None
    known = [item for item in value if item is not None]
    return value if known and all(map(_is_number, known)) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _tables_of_columns(
    file: Path, columns: dict[str, Sequence], place: tuple[str, ...], path: tuple[str, ...], clocks: dict[str, Sequence]
) -> Iterator[Table]:
    """One table per length of the columns, each with the clocks of that length."""
    metrics = {key: values for key, values in columns.items() if rank_of_clock(key) is None}
    for length in dict.fromkeys(len(values) for values in metrics.values()):
        fitting = {key: values for key, values in clocks.items() if len(values) == length}
        named = {"/".join((*path, key)): values for key, values in metrics.items() if len(values) == length}
        yield _table(file, fitting | named, place, not clocks)


def _table(file: Path, columns: dict[str, Sequence], place: tuple[str, ...], counted: bool) -> Table:
    import pandas as pd

    if len(columns) > MOST_COLUMNS:
        raise UsageError(f"{file}: more columns than any log (at most {MOST_COLUMNS:,})")
    series = {name: _series(values) for name, values in columns.items()}
    frame = pd.DataFrame(series)
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return Table(file, frame, place, counted=counted)


def _series(values: Sequence):
    """Values as pandas holds them; a whole number beyond all floats is infinite."""
    import numpy as np
    import pandas as pd

    if isinstance(values, np.ndarray):
        return pd.Series(values)
    try:
        return pd.Series([np.nan if value is None else float(value) for value in values], dtype=float)
    except OverflowError:
        return pd.Series([np.inf if isinstance(value, int) else value for value in values], dtype=float)
    except (TypeError, ValueError):
        texts = [value if _is_number(value) or value is None else str(value) for value in values]
        return pd.Series(texts, dtype=object)


def table_of_records(file: Path, records: Sequence[Mapping], place: tuple[str, ...]) -> Table:
    """A table with a row per record; nested keys are joined by a slash; what is neither number nor text is left out."""
    flat = [_flat(record) for record in records]
    names = dict.fromkeys(name for record in flat for name in record)
    if len(names) > MOST_COLUMNS:
        raise UsageError(f"{file}: more columns than any log (at most {MOST_COLUMNS:,})")
    return _table(file, {name: [record.get(name) for record in flat] for name in names}, place, counted=False)


def _flat(record: Mapping, before: str = "") -> dict[str, object]:
    values = {}
    for key, value in record.items():
        if isinstance(value, Mapping):
            values |= _flat(value, f"{before}{key}/")
        elif _is_number(value) or isinstance(value, str | bool):
            values[f"{before}{key}"] = value
        elif value is None:
            values.setdefault(f"{before}{key}", None)
    return values


def _table_of_rows(file: Path, rows: Sequence[Sequence], place: tuple[str, ...]) -> Table:
    names = TENSORBOARD[-len(rows[0]) :]
    return _table(file, {name: [row[n] for row in rows] for n, name in enumerate(names)}, place, counted=False)
