"""The cross table: late runs with features free or frozen, and with explicit pressure on or off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from grokbench.curves.run import Run
from grokbench.registry import register_table
from grokbench.tables.base import Column, Table, share_columns
from grokbench.tables.behind import registered_runs
from grokbench.tables.grid import Grid
from grokbench.tables.text import interval_text
from grokbench.verdicts.cross_table import CORNERS, EFFECTS, cross_table

EFFECT_MEANINGS = {
    "features": "P(late | free) - P(late | frozen) in the family's natural state of pressure",
    "pressure": "P(late | on) - P(late | off) with free features",
    "interaction": "(a - b) - (c - d)",
}


def corner_heading(corner: str) -> str:
    """The letter and the state of a corner: "a: free, on"."""
    return f"{corner}: {CORNERS[corner].replace('_', ', ')}"


def _effect_text(effect: str):
    return lambda row: interval_text(*(row[name] for name in (effect, f"{effect}_low", f"{effect}_high")))


def _corner_columns(corner: str) -> tuple[Column, ...]:
    state = CORNERS[corner].replace("_", ", ")
    meaning = f"share of late runs with features and pressure {state}"
    return share_columns(corner, meaning, corner_heading(corner), "that corner", optional=True, rank=1)


def _effect_columns(effect: str) -> tuple[Column, ...]:
    return (
        Column(effect, EFFECT_MEANINGS[effect], effect, text=_effect_text(effect), optional=True),
        Column(f"{effect}_low", "lower end of its 95 % interval"),
        Column(f"{effect}_high", "upper end of that interval"),
        Column(f"{effect}_p", "McNemar's exact p; none for the interaction"),
    )


@register_table("cross_table")
class CrossTable(Table):
    """family × task: shares of late runs with features free or frozen and pressure on or off, and their differences"""

    columns = (
        Column("explanation", "the explanation whose rules name the cells"),
        Column("family", "the family", "family"),
        Column("task", "the task", "task"),
        Column("natural", "the state of the explicit pressure in which the family is used", "natural", rank=3),
        Column("n", "registered seeds"),
        *(column for corner in CORNERS for column in _corner_columns(corner)),
        *(column for effect in EFFECTS for column in _effect_columns(effect)),
        Column("horizon", "median decades from t_mem to the end of the natural free runs", "H", rank=4),
        Column("reading", "what the numbers say, by rule", "reading", rank=2),
        Column("by_construction", "what could not have come out otherwise"),
    )
    own_page = False

    def applies(self, grid: Grid) -> bool:
        """Where explanations are registered for the suite."""
        return bool(grid.explained)

    def entries(self, grid: Grid) -> Iterator[Mapping]:
        """One per family and task that has at least two of the four corners, or is always frozen."""
        return (row for explained in grid.explained for row in cross_table(explained))

    def readable(self, entry: Mapping) -> bool:
        """Where runs of any corner are there."""
        return any(entry.get(corner) is not None for corner in CORNERS)

    def runs_of(self, grid: Grid, entry: Mapping) -> Sequence[Run]:
        """The registered ones of the family on the task."""
        return registered_runs(grid, entry)
