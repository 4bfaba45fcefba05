"""The table of who needs what to be late: features, explicit pressure, a large initial function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from grokbench.registry import register_table
from grokbench.tables.base import Column, Table
from grokbench.tables.grid import Grid
from grokbench.tables.text import interval_text
from grokbench.verdicts.needs import Need, needs


def _share_text(side: str):
    def text(row: Mapping) -> str:
        n = row[f"{side}_n"]
        return f"{round(row[side] * n)}/{n} [{row[f'{side}_low']:.2f}, {row[f'{side}_high']:.2f}]" if n else ""

    return text


def _share_columns(side: str, meaning: str) -> tuple[Column, ...]:
    return (
        Column(side, f"share of late runs {meaning}", f"late {side}", text=_share_text(side)),
        Column(f"{side}_n", "runs of that cell that are decided"),
        Column(f"{side}_low", "lower end of the exact 95 % interval of the share"),
        Column(f"{side}_high", "upper end of that interval"),
    )


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
        *_share_columns("with", "with the factor; empty where the family cannot have it"),
        *_share_columns("without", "without it"),
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


def _row(explanation: str, need: Need) -> dict[str, object]:
    design = need.cells.design
    row = {"explanation": explanation, "family": design.family, "task": design.task, "factor": need.factor}
    for side, share in (("with", need.given), ("without", need.without)):
        row |= {side: share.value, f"{side}_n": share.n, f"{side}_low": share.low, f"{side}_high": share.high}
    return row | dict(zip(("difference", "low", "high", "p"), need.difference, strict=True)) | {"answer": need.answer}
