"""What all figures share: one colour, dash and mark per family, fonts, sizes, and data without NaN.

The colours are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), which people with any of the usual colour
vision deficiencies tell apart. In grey some are alike, so that dash and mark differ, too.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from grokbench.errors import printable

if TYPE_CHECKING:
    import altair
    import pandas

COLORS = {
    "neural": "#0072B2",
    "feature-learning kernel": "#D55E00",
    "trees": "#009E73",
    "lazy": "#E69F00",
    "kernel": "#56B4E9",
    "Gaussian process": "#CC79A7",
    "linear": "#666666",
    "random features": "#8A6D00",
    "neighbors": "#000000",
}
DASHES = {
    "neural": [1, 0],
    "feature-learning kernel": [8, 3],
    "trees": [2, 2],
    "lazy": [6, 2, 2, 2],
    "kernel": [4, 4],
    "Gaussian process": [10, 2, 2, 2, 2, 2],
    "linear": [1, 3],
    "random features": [12, 4],
    "neighbors": [3, 1],
}
SHAPES = {
    "neural": "circle",
    "feature-learning kernel": "square",
    "trees": "triangle-up",
    "lazy": "diamond",
    "kernel": "cross",
    "Gaussian process": "triangle-down",
    "linear": "triangle-right",
    "random features": "triangle-left",
    "neighbors": "M-1,-0.3h2v0.6h-2z",  # a bar; the shape called stroke has no inside to fill
}
OTHER_COLOR, OTHER_DASH, OTHER_SHAPE = "#8C564B", [6, 6], "circle"  # families that somebody else registered
INK, GREY, PALE = "#222222", "#767676", "#DDDDDD"
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
SMALL = 11  # px, the smallest text: 8 px where a figure of 860 px is printed on 170 mm
TITLE_LETTERS = 120  # in a line of 860 px
TITLE = {"anchor": "start", "fontSize": 13, "fontWeight": 600, "offset": 10}
LOOK = {  # the config of Vega-Lite
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        **{"gridColor": PALE, "gridOpacity": 0.6, "domainColor": GREY, "tickColor": GREY, "tickCount": 5},
        **{"labelColor": INK, "labelFontSize": SMALL, "labelLimit": 320},
        **{"titleColor": INK, "titleFontSize": SMALL, "titleFontWeight": "normal"},
    },
    "legend": {
        "labelFontSize": SMALL,
        "titleFontSize": SMALL,
        "orient": "bottom",
        "symbolStrokeWidth": 2,
        "labelLimit": 320,
    },
    "header": {"labelFontSize": SMALL, "labelFontWeight": 600, "titleFontSize": SMALL, "labelLimit": 320},
    "title": {"color": INK, "subtitleColor": GREY},
}
HEADING, LETTER = 12, 0.5  # px of the name of a panel; mean width of a letter, in multiples of the size
PANEL = 190  # px, width of one of four panels of a page that is 860 px wide


def families_in_order(families: Iterable[str]) -> list[str]:
    """Each family once, in the order of `COLORS`; those of others last."""
    present = set(families)
    return [family for family in COLORS if family in present] + sorted(present - set(COLORS))


def color_of(families: Iterable[str], **encoding: object) -> altair.Color:
    """The encoding of a field `family` as colour."""
    import altair as alt

    domain = families_in_order(families)
    scale = alt.Scale(domain=domain, range=[COLORS.get(family, OTHER_COLOR) for family in domain])
    return alt.Color("family:N", scale=scale, **{"title": None, **encoding})


def dash_of(families: Iterable[str], **encoding: object) -> altair.StrokeDash:
    """The encoding of a field `family` as dash of a line."""
    import altair as alt

    domain = families_in_order(families)
    scale = alt.Scale(domain=domain, range=[DASHES.get(family, OTHER_DASH) for family in domain])
    return alt.StrokeDash("family:N", scale=scale, **{"title": None, **encoding})


def shape_of(families: Iterable[str], **encoding: object) -> altair.Shape:
    """The encoding of a field `family` as shape of a mark."""
    import altair as alt

    domain = families_in_order(families)
    scale = alt.Scale(domain=domain, range=[SHAPES.get(family, OTHER_SHAPE) for family in domain])
    return alt.Shape("family:N", scale=scale, **{"title": None, **encoding})


def color(family: str) -> str:
    """The colour of a family of learners."""
    return COLORS.get(family, OTHER_COLOR)


def marks_of(family: str) -> dict[str, str]:
    """Colour and shape of the points of a family of learners."""
    return {"color": color(family), "shape": SHAPES.get(family, OTHER_SHAPE)}


def tooltips(names: Iterable[str], numbers: Iterable[str] = ()) -> list[altair.Tooltip]:
    """What a mark says where a pointer rests on it: texts as they are, numbers with three digits."""
    import altair as alt

    number = partial(alt.Tooltip, type="quantitative", format=".3g")
    return [*(alt.Tooltip(name, type="nominal") for name in names), *map(number, numbers)]


def of_field(channel: altair.X | altair.Y, field: str) -> altair.X | altair.Y:
    """The same axis for another field."""
    return type(channel).from_dict(channel.to_dict() | {"field": field})


def heading(name: str, lines: Iterable[str] = (), width: int = PANEL) -> altair.TitleParams:
    """What stands above a panel: its name in bold, below it further lines, all wrapped to its width in px."""
    import altair as alt

    subtitle = [part for line in lines for part in wrapped(line, width, SMALL)]
    below = {"subtitle": subtitle, "subtitleFontSize": SMALL, "subtitleColor": GREY} if subtitle else {}
    above = wrapped(name, width, 1.1 * HEADING)  # bold letters are wider
    return alt.TitleParams(above, fontSize=HEADING, anchor="start", frame="group", limit=width, **below)


def wrapped(text: str, width: int, size: float) -> list[str]:
    """At least one and at most three lines of a text in letters of a size, for a width, both in px."""
    letters = max(8, int(width / (LETTER * size)))
    text = text.replace("(", " (", 1) if len(text) > letters else text  # of a name, its options go to the next line
    return textwrap.wrap(text, letters, max_lines=3, placeholder=" …", break_long_words=False) or [""]


def data(rows: Iterable[Mapping[str, object]]) -> pandas.DataFrame:
    """Rows as the data of a chart; floats have five significant digits, and NaN will be absent.

    A frame, because Altair copies a chart dozens of times while it is put together, plain rows with it and frames not.
    """
    import pandas as pd

    return pd.DataFrame([{name: _rounded(value) for name, value in row.items()} for row in rows])


def _rounded(value: object) -> object:
    return float(f"{value:.5g}") if isinstance(value, float) else value


def specification(chart: altair.TopLevelMixin, title: str) -> dict:
    """A chart with its title and the look that all share, as a Vega-Lite specification of plain values."""
    import altair as alt

    with alt.data_transformers.enable("default", max_rows=None):
        plain = chart.to_dict()
    return _drawable(
        {
            **plain,
            "title": {"text": textwrap.wrap(title, TITLE_LETTERS) or "", **TITLE},
            "background": "white",
            "config": LOOK,
        }
    )


def _drawable(part: object) -> object:
    """The same with escape sequences for what an SVG file cannot hold, and without ends of lines.

    The drawing library dies of the former, and makes expressions of the names of axes that the latter break.
    """
    if isinstance(part, str):
        return printable(part).replace("\n", " ")
    if isinstance(part, dict):
        return {_drawable(name): _drawable(value) for name, value in part.items()}
    return list(map(_drawable, part)) if isinstance(part, list) else part
