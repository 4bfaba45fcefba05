"""A curve in a line of text: held-out accuracy as blocks along the log of the clock, beside its row of a table."""

from __future__ import annotations

from grokbench.figures import events
from grokbench.figures.drawn_curves import median_rows
from grokbench.tables.grid import Cell

BLOCKS = "▁▂▃▄▅▆▇█"
MEMORIZED = "│"
WIDTH = 16
HEADING = f"held out ({MEMORIZED} memorized)"


def small_curve(cell: Cell, width: int = WIDTH) -> str:
    """The median held-out accuracy at `width` times; the one at which half of the runs have memorized is marked.

    A block is an eighth of the way from guessing to all answers right. Empty where no run can be read.
    """
    rows = [row for row in median_rows(cell, width) if row["split"] == "held out"]
    blocks = [BLOCKS[min(max(int(row["kappa"] * len(BLOCKS)), 0), len(BLOCKS) - 1)] for row in rows]
    for event in events.ends(cell)[:1] if rows else []:
        if event["event"] == events.MEMORIZED:
            reached = (i for i, row in enumerate(rows) if row["time"] >= event["time"] * (1 - 1e-9))
            blocks[next(reached, len(rows) - 1)] = MEMORIZED
    return "".join(blocks)
