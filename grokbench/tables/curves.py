"""The table of curves, one row per checkpoint: far the longest, written row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from grokbench.curves.trace import COLUMNS
from grokbench.registry import register_table
from grokbench.tables.base import Column, Table
from grokbench.tables.grid import Grid

MEANINGS = {
    "time": "on the learner's clock",
    "cpu_seconds": "processor time that the learner has used so far, without the measuring",
    "train_accuracy": "share of right answers on the training split",
    "test_accuracy": "the same on the held-out split",
    "train_loss": "the learner's own loss on the training split; not comparable between families",
    "test_loss": "the same on the held-out split",
    "skill": "1 - held-out cross-entropy over that of the best constant, the scale of the scores calibrated",
    "rank_auc": "probability that the true class outranks another one, held out",
}


@register_table("curves")
class Curves(Table):
    """a checkpoint of a run, with a column per measure"""

    columns = (
        Column("key", "the run that it belongs to"),
        *(Column(name, MEANINGS[name]) for name in COLUMNS),
    )
    digits = 10
    own_page = False

    def columns_of(self, grid: Grid) -> Sequence[Column]:
        """After what every run has, one column per measure of any run, in alphabetical order."""
        measured = {name for run in grid.runs for name in run.curve.columns} - {column.name for column in self.columns}
        return (*self.columns, *(Column(name, f"the measure: show {name}") for name in sorted(measured)))

    def rows(self, grid: Grid) -> Iterator[Mapping[str, object]]:
        """Every checkpoint, one at a time; a measure that was not taken has no value."""
        for run in grid.runs:
            names = ("key", *run.curve.columns)
            for values in zip(*run.curve.columns.values(), strict=True):
                yield dict(zip(names, (run.key, *values), strict=True))
