"""The ways in which people lay out several curves in one table, each turned into one column per curve.

A column of a curve has a value where the curve has one, and NaN elsewhere: rows need not be moved.
"""

from __future__ import annotations

import numpy as np

from grokbench.errors import UsageError, shown
from grokbench.logs.table import RANGE, Table
from grokbench.logs.words import (
    SPLIT_COLUMN,
    TAG_COLUMN,
    VALUE_COLUMN,
    is_run,
    is_wall_clock,
    rank_of_clock,
    role_of,
    split_of,
    words_of,
)

PANEL = " - "  # between the run and the metric
MOST_TAGS = 1000


def arranged(table: Table) -> Table:
    """The table with a column per curve, whatever its layout."""
    return _of_one_tag(_of_tags(_of_splits(_of_a_panel(table))))


def _of_a_panel(table: Table) -> Table:
    """The export of a panel of W&B: ``run - metric``, with the run told apart from the metric."""
    kept = [name for name in table.names if not name.endswith(RANGE)]
    parts = {name: name.rpartition(PANEL) for name in kept if PANEL in name}
    known = {name: (run, metric) for name, (run, _, metric) in parts.items() if role_of(metric).metric}
    if not known:
        return table.changed(frame=table.frame[kept]) if len(kept) < len(table.names) else table
    runs = {name: run for name, (run, _) in known.items()}
    metrics = {name: metric for name, (_, metric) in known.items()}
    return table.changed(frame=table.frame[kept], runs={**table.runs, **runs}, aliases={**table.aliases, **metrics})


def _of_splits(table: Table) -> Table:
    """A column of splits beside columns of metrics: one column per split and metric."""
    column = next((name for name in table.names if _tells_splits(table, name)), None)
    if column is None:
        return table
    metrics = [name for name in table.names if role_of(name).metric and not role_of(name).split]
    values = table.frame[column].astype(str)
    frame = table.frame.drop(columns=metrics)
    for split in dict.fromkeys(value for value in values if split_of(words_of(value))):
        for name in metrics:
            frame[f"{split}/{name}"] = table.frame[name].where(values == split)
    return table.changed(frame=frame.drop(columns=column))


def _tells_splits(table: Table, name: str) -> bool:
    words = words_of(name)
    if len(words) != 1 or words[0] not in SPLIT_COLUMN or table.frame[name].dtype != object:
        return False
    splits = {split_of(words_of(str(value))) for value in set(table.frame[name].astype(str))}
    return {"train", "held-out"} <= splits


def _of_tags(table: Table) -> Table:
    """A column of names and a column of values: one column per name."""
    tag = next((n for n in table.names if set(words_of(n)) & TAG_COLUMN and len(words_of(n)) == 1), None)
    value = _value_column(table)
    if tag is None or value is None or table.frame[tag].dtype != object:
        return table
    tags = table.frame[tag].astype(str)
    names = list(dict.fromkeys(tags))
    if not any(role_of(name).metric for name in names):
        return table
    if len(names) > MOST_TAGS:
        raise UsageError(f"{table.file}: column {tag!r} has {len(names):,} names (at most {MOST_TAGS:,})")
    frame = table.frame.drop(columns=[tag, value])
    for name in names:
        frame[name] = table.frame[value].where(tags == name)
    return table.changed(frame=frame)


def _of_one_tag(table: Table) -> Table:
    """One curve in a file of its own, as TensorBoard writes it: its name is that of the file."""
    value = _value_column(table)
    if value is None or any(role_of(name).metric for name in table.names):
        return table
    name = "/".join(table.place) or table.file.stem
    if name in table.names:
        return table
    frame = table.frame.rename(columns={value: name})
    return table.changed(frame=frame, aliases={**table.aliases, name: value})


def _value_column(table: Table) -> str | None:
    return next((n for n in table.names if len(words_of(n)) == 1 and words_of(n)[0] in VALUE_COLUMN), None)


def telling_columns(table: Table, times: np.ndarray, rows: np.ndarray) -> list[str]:
    """Columns that tell the rows of one time apart: with each of their values, every time stands there once.

    times : (rows,) clock. rows : (rows,) bool, those that matter.
    """
    import pandas as pd

    names = []
    for name in table.names:
        if rank_of_clock(name) is not None or role_of(name).metric or is_wall_clock(name):
            continue
        values = table.frame[name][rows]
        distinct = values.nunique()
        if not 2 <= distinct <= max(2, rows.sum() // 3) or values.isna().any():
            continue
        pairs = pd.DataFrame({"time": times[rows], "value": values.to_numpy()})
        if not pairs.duplicated().any():
            names.append(name)
    return sorted(names, key=lambda name: not is_run(name))


def series_columns(table: Table, named: tuple[str, ...]) -> list[str]:
    """The columns that tell the runs of a table apart: those that were named, or whose names say so."""
    for name in named:
        if name not in table.names:
            raise UsageError(f"{table.file}: no column {name!r} for --series; it has {shown(', '.join(table.names))}")
    if named:
        return list(named)
    if "key" in table.names:
        return ["key"]
    chosen: list[str] = []
    for name in table.names:
        if is_run(name) and 2 <= table.frame[name].nunique() <= max(2, len(table.frame) // 2):
            chosen.append(name)
    return _without_repetition(table, chosen)


def _without_repetition(table: Table, names: list[str]) -> list[str]:
    """The names without those that say no more than the ones before them."""
    kept: list[str] = []
    for name in names:
        before = table.frame.groupby(kept, sort=False).ngroups if kept else 1
        if table.frame.groupby([*kept, name], sort=False).ngroups > before:
            kept.append(name)
    return kept
