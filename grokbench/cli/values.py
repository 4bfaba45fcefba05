"""What an option of the command line may be: numbers that are numbers, and names that are not empty.

An empty text comes from a variable of the shell that was never set. It must not mean "here", "all" or "not given".
"""

from __future__ import annotations

import math
from pathlib import Path

import click

MOST_JOBS = 4096  # processes at a time on one machine


class Number(click.FloatRange):
    """A finite number in a range."""

    name = "number"

    def convert(self, value, param, ctx):
        """The number; a complaint for NaN and infinity, which no range keeps out."""
        number = click.FLOAT.convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return super().convert(number, param, ctx)

    def _describe_range(self) -> str:
        """The bounds as --help has them; nothing where there are none, of which click says "x<=None"."""
        return "" if self.min is None and self.max is None else super()._describe_range()


class Text(click.ParamType):
    """A text that is not empty and has no zero byte."""

    name = "text"

    def convert(self, value, param, ctx):
        """The text."""
        if not str(value).strip() or "\0" in str(value):
            self.fail("expected a text that is not empty; is a variable of the shell not set?", param, ctx)
        return value


class Location(Text):
    """The path of a file or a folder, whether it exists or not."""

    name = "path"

    def convert(self, value, param, ctx) -> Path:
        """The path."""
        return Path(super().convert(value, param, ctx))


NAME, PATH = Text(), Location()
