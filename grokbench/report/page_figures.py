"""The figures of a page: specifications with each data set written once, by column; those too large are pictures."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from grokbench.report.draw import Drawn
from grokbench.report.page_curves import compact

LARGEST = 700_000  # characters of one figure; a larger one is a picture
LARGEST_TOGETHER = 1_200_000
PICTURE_SCALE = 1.0


@dataclass(frozen=True)
class PageFigure:
    """A figure as a page has it.

    Parameters
    ----------
    name, title, caption, numbers : of the figure.
    drawn : its specification and data for the script of the page; None for a picture.
    picture : a PNG file as a data URL; empty for one that the script draws.
    """

    name: str
    title: str
    caption: str
    numbers: str
    drawn: dict | None
    picture: str = ""


@dataclass
class _Data:
    """Data sets by their content. Each is columns by name, and each of these as `_packed` has it."""

    sets: dict[str, dict] = field(default_factory=dict)

    def place(self, rows: list[dict]) -> int:
        """The place of rows among the data sets."""
        columns = list(dict.fromkeys(name for row in rows for name in row))
        values = {name: _packed([row.get(name) for row in rows]) for name in columns}
        text = compact(values)
        if text not in self.sets:
            self.sets[text] = values
        return list(self.sets).index(text)


def _packed(values: list) -> dict[str, list]:
    """Values as they are, or the distinct ones and their places, whichever is shorter."""
    distinct: dict[str, int] = {}
    places = [distinct.setdefault(compact(value), len(distinct)) for value in values]
    packed = {"distinct": list(map(json.loads, distinct)), "places": places}
    return min({"values": values}, packed, key=lambda way: len(compact(way)))


def page_figures(figures: Iterable[Drawn]) -> Iterator[PageFigure]:
    """The figures of a page, in their order."""
    taken = 0
    for figure in figures:
        made = figure.specification
        words = (figure.name, figure.title, figure.caption, figure.numbers)
        drawn = shared({name: value for name, value in made.items() if name != "title"})  # the page has it as a heading
        size = len(compact(drawn))
        if size > LARGEST or taken + size > LARGEST_TOGETHER:
            yield PageFigure(*words, None, _picture(made))
        else:
            taken += size
            yield PageFigure(*words, drawn)


def shared(specification: dict) -> dict[str, object]:
    """A specification whose inline data are ``{"name": "data N"}``, and the data sets themselves, in this order."""
    data = _Data()
    named = specification.get("datasets", {})

    def without(value: object) -> object:
        if isinstance(value, list):
            return [without(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            name: _reference(item, named, data) if name == "data" else without(item) for name, item in value.items()
        }

    plain = without({name: value for name, value in specification.items() if name != "datasets"})
    return {"specification": plain, "data": list(data.sets.values())}


def _reference(value: object, named: dict, data: _Data) -> object:
    """A data set by its place; what is no inline table of rows stays as it is."""
    rows = named.get(value.get("name"), value.get("values")) if isinstance(value, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return value
    return {"name": f"data {data.place(rows)}"}


def _picture(specification: dict) -> str:
    import vl_convert

    png = vl_convert.vegalite_to_png(specification, scale=PICTURE_SCALE)
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
