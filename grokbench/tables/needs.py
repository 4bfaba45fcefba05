"""The table of who needs what to be late: features, explicit pressure, a large initial function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from grokbench.curves.run import Run
from grokbench.registry import register_table
from grokbench.tables.base import Column, Table, share_columns
from grokbench.tables.behind import registered_runs
from grokbench.tables.grid import Grid
from grokbench.tables.text import interval_text
from grokbench.verdicts.needs import Need, needs


@register_table("needs")
class Needs(Table):
    """family × task × factor: late runs with and without features, pressure or a large start; is it needed?"""

    columns = (
        Column("explanation", "the explanation whose rules name the cells"),
        Column("family", "the family", "family"),
        Column("task", "the task", "task"),
        Column(
            "factor",
            "`features` (free or frozen), `pressure` (on or off), `start` (a large initial function, or a small one)",
            "factor",
        ),
        *share_columns(
            "with", "share of late runs with the factor; none where it cannot be had", "late with", "that cell"
        ),
        *share_columns("without", "share of late runs without it", "late without", "that cell"),
        Column(
            "difference",
            "the first share less the second, over the seeds that are decided in both",
            "difference [95 %]",
            text=lambda row: interval_text(row["difference"], row["low"], row["high"]),
            rank=2,
        ),
        Column("low", "lower end of its 95 % interval (Newcombe)"),
        Column("high", "upper end of that interval"),
        Column("p", "McNemar's exact p"),
        Column(
            "answer",
            "`needed`: the difference is large (interval above .3, estimate .5 or more); `not needed`: the cell "
            "without it is late (95 % bound above one half); `by construction`; else `undecided`",
            "to be late it is",
        ),
    )
    own_page = False

    def applies(self, grid: Grid) -> bool:
        """Where explanations are registered for the suite."""
        return bool(grid.explained)

    def entries(self, grid: Grid) -> Iterator[Mapping]:
        """One per family, task and factor of which there are cells."""
        return (_row(explained.name, need) for explained in grid.explained for need in needs(explained))

    def runs_of(self, grid: Grid, entry: Mapping) -> Sequence[Run]:
        """The registered ones of the family on the task."""
        return registered_runs(grid, entry)


def _row(explanation: str, need: Need) -> dict[str, object]:
    design = need.cells.design
    row = {"explanation": explanation, "family": design.family, "task": design.task, "factor": need.factor}
    sides = {"with": need.given, "without": need.without} if need.roles[0] else {"without": need.without}
    for side, share in sides.items():
        row |= {side: share.value, f"{side}_n": share.n, f"{side}_low": share.low, f"{side}_high": share.high}
    return row | dict(zip(("difference", "low", "high", "p"), need.difference, strict=True)) | {"answer": need.answer}
