"""The families of an explanation as figures draw them: each in the colour and the mark of its learners.

Rules name families as they like ("mlp, large start"); a figure has one colour per family of learners.
"""

from __future__ import annotations

from collections.abc import Mapping

from grokbench.tables.grid import Grid
from grokbench.verdicts.cells import Cells

Place = tuple[str, str, str]  # explanation, family, task: what a row of a table of verdicts is of


def place_of(entry: Mapping) -> Place:
    """What a row of a table of verdicts is of."""
    return entry["explanation"], entry["family"], entry["task"]


def learner_families(grid: Grid) -> dict[Place, str]:
    """The family of the learners behind each family of an explanation; "" where none of them was run."""
    return {
        (explained.name, leaf.design.family, leaf.design.task): _family_of(leaf.cells)
        for explained in grid.explained
        for leaf in explained.predictions
    }


def _family_of(cells: Cells) -> str:
    """Of the first run of the free cell in its natural state; where there is none, of any cell."""
    names = [*cells.of_role("free"), *(name for role in cells.design.roles.values() for name in role)]
    runs = (run for name in names for _, run in sorted(cells.runs.get(name, {}).items()))
    return next((run.family for run in runs if run.family), "")
