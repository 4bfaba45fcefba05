"""A table on a screen of some width: columns that have no room are left out, the least important first.

What is shown is readable: no word is broken as long as two columns have room.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FILE_WIDTH = 180  # characters where the output is no terminal
LEAST_COLUMNS = 2
COMFORTABLE = 12  # characters that a column of longer texts gets at least, so that it does not become a tower of words
BETWEEN = 3  # characters from one column to the next: a blank, a line and a blank
EDGES = 2


@dataclass(frozen=True)
class Layout:
    """Which columns are shown, and how wide.

    Parameters
    ----------
    widths : column -> characters, of those that are shown.
    left_out : columns for which there is no room, in the order of the table.
    """

    widths: Mapping[str, int]
    left_out: Sequence[str]


def file_width() -> int:
    """Characters of a line where the output is no terminal: COLUMNS of the environment, or else 180."""
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isascii() and columns.isdecimal() and 0 < int(columns) < 100_000 else FILE_WIDTH


def fitted(texts: Mapping[str, Sequence[str]], ranks: Mapping[str, int], width: int) -> Layout:
    """The layout of a table.

    texts : column -> all that stands in it, its heading among them.
    ranks : column -> how soon it is left out; the highest first, of equals the one on the right; 0 where not given.
    width : characters of the screen.
    """
    from rich.cells import cell_len

    full = {name: max(map(cell_len, column), default=0) for name, column in texts.items()}
    words = {n: max((cell_len(w) for text in column for w in text.split()), default=0) for n, column in texts.items()}
    least = {name: max(words[name], min(full[name], COMFORTABLE), 1) for name in texts}
    shown = list(texts)
    while _total(shown, least) > width and len(shown) > LEAST_COLUMNS:
        shown.remove(max(shown, key=lambda name: (ranks.get(name, 0), list(texts).index(name))))
    widths = {name: least[name] for name in shown}
    spare = width - _total(shown, least)
    while spare > 0 and (name := max(shown, key=lambda n: full[n] - widths[n], default=None)):
        if widths[name] >= full[name]:
            break
        widths[name] += 1
        spare -= 1
    while _total(shown, widths) > width and (name := max(widths, key=widths.get)) and widths[name] > 1:
        widths[name] -= 1  # two columns alone are too wide: words have to break
    return Layout(widths, [name for name in texts if name not in widths])


def _total(names: Sequence[str], widths: Mapping[str, int]) -> int:
    return sum(widths[name] for name in names) + BETWEEN * max(len(names) - 1, 0) + EDGES
