"""The laws of figures: what lets every report draw any of them, checked on one.

`check` is what ``grokbench check`` and the tests run over every registered figure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property

from grokbench.figures.base import Figure
from grokbench.figures.style import specification
from grokbench.laws import Broken, Law, NotApplicable, judge
from grokbench.tables.grid import Grid
from grokbench.tables.laws import example_runs

LAWS = ("words", "nothing", "chart", "order")


def check(figure: type[Figure]) -> list[Law]:
    """The verdict on each law, tried on a few runs made up of two learners and a broken one."""
    case = _Case(figure())
    return judge((name, getattr(case, name)) for name in LAWS)


@dataclass(frozen=True)
class _Case:
    """A figure; one method per law."""

    figure: Figure

    @cached_property
    def runs(self) -> list:
        """Runs made up."""
        return list(example_runs())

    def _grid(self, runs) -> Grid:
        return Grid(runs, title="Example")

    def _applicable(self, grid: Grid) -> Grid:
        if not self.figure.applies(grid):
            raise NotApplicable("these runs have nothing to show in it")
        return grid

    def _specification(self, grid: Grid) -> str:
        chart = specification(self.figure.chart(grid), self.figure.title(grid))
        return json.dumps(chart, sort_keys=True, allow_nan=False)

    def words(self) -> None:
        """It says what one sees."""
        if not self.figure.description():
            raise Broken("no docstring: its first line says what one sees")

    def nothing(self) -> None:
        """A results folder without runs has nothing to show, and does not break it."""
        if self.figure.applies(Grid([])):
            raise Broken("it applies to a folder without runs")

    def chart(self) -> None:
        """The chart is a specification of plain values, with a title and a caption."""
        grid = self._applicable(self._grid(self.runs))
        self._specification(grid)
        if not (self.figure.title(grid).strip() and self.figure.caption(grid).strip()):
            raise Broken("no title, or no caption")

    def order(self) -> None:
        """The same runs in another order give the same figure."""
        forward = self._specification(self._applicable(self._grid(self.runs)))
        if forward != self._specification(self._grid(reversed(self.runs))):
            raise Broken("another order of the runs draws another figure")
