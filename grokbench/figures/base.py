"""A figure is one chart, a function of the runs of a report: a Vega-Lite specification that print and page share.

SVG, PNG and the page come from it: a new figure is one file.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from grokbench.tables.grid import Grid

if TYPE_CHECKING:
    import altair


def left_out(most: int, of: int, what: str) -> str:
    """The sentence of a caption on what a figure has no room for; empty where it has at most so many things to show."""
    return f" Not shown: {of - most} of {of} {what}." if of > most else ""


class Figure:
    """Base class of figures. The first line of a subclass's docstring says what one sees.

    Attributes
    ----------
    numbers : name of the table in which its numbers stand.
    rank : its place among the figures of a results folder; the lowest come first, and are named on the screen.
    """

    name = "own"
    numbers = "delays"
    rank = 50
    version = 1

    def applies(self, grid: Grid) -> bool:
        """Whether these runs have something to show in it."""
        return bool(grid.runs)

    def title(self, grid: Grid) -> str:
        """What stands above it: what it shows of these runs."""
        return grid.title

    def caption(self, grid: Grid) -> str:
        """How to read it, in one or two sentences."""
        return self.description()

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """The chart, without a title and without a configuration: those are the same for all figures."""
        raise NotImplementedError

    @classmethod
    def description(cls) -> str:
        """What one sees."""
        return inspect.cleandoc(cls.__doc__ or "").partition("\n")[0]
