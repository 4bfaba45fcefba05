"""The table of verdicts: what each prediction says of each family, and what that comes to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from grokbench.curves.run import Run
from grokbench.registry import register_table
from grokbench.tables.base import Column, Table
from grokbench.tables.behind import registered_runs
from grokbench.tables.grid import Grid
from grokbench.tables.text import interval_text
from grokbench.verdicts.explanation_rows import explanation_rows


def parts_text(row: Mapping) -> str:
    """All estimates of a row with their intervals, by name where there are several."""
    parts = row.get("parts", {})
    texts = {name: interval_text(*numbers) or "undefined" for name, numbers in parts.items()}
    return "; ".join(f"{name}: {text}" if len(texts) > 1 else text for name, text in texts.items())


@register_table("explanations")
class Explanations(Table):
    """a prediction of an explanation per family and task, an explanation per family, and overall: estimate, verdict"""

    columns = (
        Column("explanation", "the explanation"),
        Column("prediction", "its prediction; `(all primaries)` for the explanation itself", "prediction"),
        Column(
            "role",
            "`primary`, `secondary`, `control`, `descriptive`; `exploratory` where runs are not the registered ones",
            "role",
            rank=4,
        ),
        Column("family", "the family; `(all)` for the universal claim", "family"),
        Column("task", "the task; `(all)` for the explanation", "task", rank=1),
        Column("n", "seeds, or pairs of them, that entered; applicable primaries, or families", "n", rank=3),
        Column("statistic", "what was computed, and the part of it that decides"),
        Column(
            "estimate",
            "the estimate that decides, turned so that larger favours the claim",
            "estimate [95 %]",
            text=parts_text,
        ),
        Column("low", "lower end of its 95 % interval"),
        Column("high", "upper end of that interval"),
        Column("p", "of the prediction's own test, or the level at which its interval would just support", "p", rank=5),
        Column("p_holm", "the same, adjusted for the secondary predictions of the family", "p (Holm)", rank=4),
        Column("verdict", "`supported`, `contradicted`, `undecided`, `not applicable`", "verdict"),
        Column("source", "who claims it"),
        Column(
            "margin",
            "above which number it is supported, and below which contradicted",
            "margins",
            after="estimate",
            rank=5,
        ),
        Column("rule", "how the interval is read"),
        Column("reason", "why the verdict is no other", "reason", rank=6),
        Column("censored", "share of the runs that did not generalize"),
        Column("resolved", "share of the runs whose t_mem lies well above the grain of the clock"),
        Column("registered", "hash of the rules"),
    )
    own_page = False

    def applies(self, grid: Grid) -> bool:
        """Where explanations are registered for the suite."""
        return bool(grid.explained)

    def entries(self, grid: Grid) -> Iterator[Mapping]:
        """Predictions, then families, then the universal claim, explanation by explanation."""
        for explained in grid.explained:
            yield from explanation_rows(explained)

    def runs_of(self, grid: Grid, entry: Mapping) -> Sequence[Run]:
        """The registered ones of the family on the task."""
        return registered_runs(grid, entry)

    def readable(self, entry: Mapping) -> bool:
        """Where the rules name cells for what the prediction uses, and some of their runs are there."""
        return entry.get("readable", True)
