"""The curves behind published claims that did not reproduce, beside those of the parts that did."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from grokbench.figures.base import Figure, left_out
from grokbench.figures.drawn_curves import clock, kappa, median_rows, readable
from grokbench.figures.replications import LOOKS, UNDECIDED, letter_of, number_of
from grokbench.figures.style import INK, PANEL, SMALL, data, heading, tooltips
from grokbench.registry import register_figure
from grokbench.tables.grid import Cell, Grid
from grokbench.verdicts.replication import NOT_REPRODUCED, REPRODUCED, Replicated

if TYPE_CHECKING:
    import altair

# readings that held-out accuracy against time shows
SHOWN = ("late", "generalizes", "t_gen", "delay", "half_rise", "test_accuracy", "largest test_accuracy")
MOST_PANELS, IN_A_ROW, MOST_CELLS, POINTS = 12, 4, 8, 40
CLOSE = 0.12  # of the axis: names of curves that are nearer stand in one
DASHES = {REPRODUCED: [1, 0], NOT_REPRODUCED: [6, 3], UNDECIDED: [2, 2]}  # in print without colours
LINES = {**LOOKS, UNDECIDED: "#8A8A8A"}  # darker than the mark of `replications`, which has a letter on it


@dataclass(frozen=True)
class Line:
    """The cell of one or more parts of a claim: their letters, and the verdict that one looks for first."""

    letters: str
    verdict: str
    cell: Cell

    @cached_property
    def rows(self) -> list[dict[str, object]]:
        """A row per time: median held-out accuracy above chance, and what hovering says."""
        words = {"parts": self.letters, "verdict": self.verdict, "learner": self.cell.learner_label}
        words["place"] = f"{self.letters} {self.cell.learner_label}"
        return [{**row, **words} for row in median_rows(self.cell, POINTS) if row["split"] == "held out"]


@register_figure("claims")
class ClaimCurves(Figure):
    """held-out accuracy behind every claim of which a part did not reproduce, a line per part"""

    numbers = "replications"
    rank = 1

    def applies(self, grid: Grid) -> bool:
        """Whether such a claim is about held-out accuracy, and has curves."""
        return bool(panels(grid))

    def title(self, grid: Grid) -> str:
        """How many panels there are, of how many claims."""
        numbers = {number for number, _, _ in panels(grid)}
        return f"Claims of which a part did not reproduce, and their curves: {len(numbers)}"

    def caption(self, grid: Grid) -> str:
        """What lines and letters are."""
        return (
            "Median held-out accuracy over seeds, above chance. A line has the letters of the parts of the claim that "
            "it is behind; its colour is their verdict, not reproduced where one of them is."
            f"{left_out(MOST_PANELS, len(panels(grid)), 'claims')}"
        )

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """A panel for each claim on each of its tasks, in the order of their numbers."""
        import altair as alt

        charts = [
            panel(number, task, lines, first=i % IN_A_ROW == 0)
            for i, (number, task, lines) in enumerate(panels(grid)[:MOST_PANELS])
        ]
        return alt.concat(*charts, columns=IN_A_ROW, spacing=14)


def panels(grid: Grid) -> list[tuple[int, str, list[Line]]]:
    """Number, task and lines of each panel: claims with a part that did not reproduce and that curves show."""
    shown = [one for one in grid.replicated if one.claim.of[0].split(" at ")[0].split(" reaches ")[0] in SHOWN]
    made = []
    for number, parts in itertools.groupby(sorted(shown, key=number_of), key=number_of):
        lines = lines_of(grid, list(parts))
        for task in dict.fromkeys(line.cell.task_label for line in lines):
            of_task = [line for line in lines if line.cell.task_label == task]
            if any(line.verdict == NOT_REPRODUCED for line in of_task) and len(of_task) <= MOST_CELLS:
                made.append((number, task, of_task))
    return made


def lines_of(grid: Grid, parts: Sequence[Replicated]) -> list[Line]:
    """The cells behind the parts of a claim, each once; a part that takes the best of a grid of settings has none."""
    behind: dict[int, list[Replicated]] = {}
    cells: dict[int, Cell] = {}
    for one in parts:
        if all(len(settings) == 1 for settings in one.claim.grids):
            for cell in {id(cell): cell for cell in cells_of(grid, one)}.values():
                cells[id(cell)] = cell
                behind.setdefault(id(cell), []).append(one)
    return [_line(cells[place], ones) for place, ones in behind.items() if readable(cells[place])]


def cells_of(grid: Grid, one: Replicated) -> Iterator[Cell]:
    """The cell of each of the runs of a part."""
    return (grid.by_key[key] for key in one.runs if key in grid.by_key)


def _line(cell: Cell, parts: Sequence[Replicated]) -> Line:
    verdicts = [one.verdict for one in parts]
    verdict = next(word for word in (NOT_REPRODUCED, UNDECIDED, *LOOKS) if word in verdicts)
    return Line("".join(map(letter_of, parts)), verdict, cell)


def panel(number: int, task: str, lines: Sequence[Line], first: bool) -> altair.LayerChart:
    """One claim on one task: a curve per line in the colour of its verdict, with its letters."""
    import altair as alt

    axes = {"x": clock(lines[0].cell), "y": kappa(first)}
    scale = alt.Scale(domain=list(LINES), range=list(LINES.values()))
    color = alt.Color("verdict:N", scale=scale, title=None)
    dash = alt.StrokeDash(
        "verdict:N", scale=alt.Scale(domain=list(LINES), range=[DASHES[v] for v in LINES]), title=None
    )
    drawn = data(row for line in lines for row in line.rows)
    curves = alt.Chart(drawn).mark_line(strokeWidth=2)
    names = alt.Chart(data(names_of(lines))).mark_text(align="left", dx=4, dy=-6, fontSize=SMALL, fontWeight=600)
    hover = tooltips(["parts", "learner", "verdict"], ["time", "kappa"])
    layers = [
        curves.encode(**axes, color=color, strokeDash=dash, detail="place:N", tooltip=hover),
        names.encode(**axes, color=alt.value(INK), text="parts:N"),
    ]
    return alt.layer(*layers).properties(width=PANEL, height=110, title=heading(f"Claim {number}", [task]))


def names_of(lines: Sequence[Line]) -> list[dict[str, object]]:
    """Where the letters stand: beside the half-rise of a curve that has one, else above its end; close ones in one."""
    places = [(*_place(line), line.letters) for line in lines]
    times = [row["time"] for line in lines for row in line.rows]
    wide = math.log(max(times) / min(times)) or 1.0
    named: list[list] = []
    for time, height, letters in sorted(places):
        for other in named:
            if abs(math.log(time / other[0])) < CLOSE * wide and abs(height - other[1]) < CLOSE:
                other[2] += f" {letters}"
                break
        else:
            named.append([time, height, letters])
    return [{"time": time, "kappa": height, "parts": letters} for time, height, letters in named]


def _place(line: Line) -> tuple[float, float]:
    """Time and height of a curve's letters."""
    above = next((row for row in line.rows if row["kappa"] >= 0.5), None)
    if above is not None:
        return above["time"], 0.5
    row = line.rows[2 * len(line.rows) // 3]
    return row["time"], row["kappa"]
