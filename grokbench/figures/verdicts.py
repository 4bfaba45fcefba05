"""The verdicts as a forest: the estimate of each prediction in each family, against the margins fixed before."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grokbench.figures.base import Figure, left_out
from grokbench.figures.explained import learner_families, place_of
from grokbench.figures.quantities import in_words
from grokbench.figures.style import GREY, HEADING, INK, SMALL, color_of, data, of_field, shape_of, tooltips
from grokbench.registry import register_figure, tables
from grokbench.tables.grid import Grid
from grokbench.verdicts.finding import CONTRADICTED, NOT_APPLICABLE, SUPPORTED, UNDECIDED, Margin
from grokbench.verdicts.rules import Prediction
from grokbench.verdicts.verdict import Verdict

if TYPE_CHECKING:
    import altair

MOST_PANELS, WIDTH, ROW = 6, 156, 16
WRAPPED = 58  # characters of a claim in a line
NAME_WIDTH = 172  # px, longest name of a row
ORDER = (CONTRADICTED, UNDECIDED, SUPPORTED, NOT_APPLICABLE)


@dataclass(frozen=True)
class Panel:
    """A prediction in each family that it is about.

    estimate : the one that decides in most of the rows, the first of several.
    rows : entries of the table of explanations.
    """

    explained: Verdict
    prediction: Prediction
    estimate: str
    rows: Sequence[Mapping]

    @property
    def margin(self) -> Margin:
        """What the estimate is held against."""
        return self.prediction.margins[self.estimate]


@register_figure("verdicts")
class Verdicts(Figure):
    """each prediction's estimate with its interval, family by family, against the margins that were fixed before"""

    numbers = "explanations"
    rank = 1

    def applies(self, grid: Grid) -> bool:
        """Whether any prediction has a number."""
        return bool(panels_of(grid))

    def title(self, grid: Grid) -> str:
        """What each explanation comes to; of a single one, in which families."""
        judged = [one for one in grid.explained if one.families]
        if len(judged) == 1:
            return f"{judged[0].name} is {judged[0].word}{by_family(judged[0])}"
        words = {word: [one.name for one in judged if one.word == word] for word in ORDER}
        clauses = [f"{word}: {', '.join(names)}" for word, names in words.items() if names]
        return "; ".join(clauses) or grid.title

    def caption(self, grid: Grid) -> str:
        """What points, lines and words are."""
        return (
            "Points: estimates with their 95 % intervals, larger favours the claim above; an interval wholly right of "
            "the solid line supports it, one wholly left of the dashed line contradicts it. Hollow and pale: "
            "undecided, or not applicable and no evidence; a bar to the edge has no end. *: decided by another "
            "estimate of the same prediction."
            f"{left_out(MOST_PANELS, len(panels_of(grid)), 'predictions with a number')}"
        )

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """Two panels in a row, each on its own scale."""
        import altair as alt

        families = learner_families(grid)
        shown = [forest(panel, families) for panel in panels_of(grid)[:MOST_PANELS]]
        return alt.concat(*shown, columns=2, spacing={"row": 14, "column": 16})


def by_family(explained: Verdict) -> str:
    """In how many families an explanation is supported and contradicted."""
    applicable = sum(family.applies for family in explained.families)
    counts = [f"{word} in {explained.count(word)}" for word in (SUPPORTED, CONTRADICTED)]
    return f": {', '.join(counts)} of {applicable} families to which it applies" if applicable else ""


def panels_of(grid: Grid) -> list[Panel]:
    """The predictions that have a number, those to draw first.

    These are `MOST_PANELS`, primaries before others and the first of each explanation before its further ones; among
    themselves they stand by explanation.
    """
    entries = tables["explanations"]().known(grid) if grid.explained else []
    ranked = []
    for place, explained in enumerate(grid.explained):
        for turn, prediction in enumerate(explained.rules.predictions):
            rows = [row for row in entries if _is_of(row, explained, prediction)]
            if any(not math.isnan(row["estimate"]) for row in rows):
                panel = Panel(explained, prediction, _shown_estimate(prediction, rows), rows)
                ranked.append(((prediction.role != "primary", turn, place), panel))
    ranked.sort(key=lambda one: one[0])
    first = sorted(ranked[:MOST_PANELS], key=lambda one: (one[0][2], *one[0]))
    return [panel for _, panel in (*first, *ranked[MOST_PANELS:])]


def _is_of(row: Mapping, explained: Verdict, prediction: Prediction) -> bool:
    named = row["explanation"] == explained.name and row["prediction"] == prediction.name
    return named and row.get("readable", False) and "parts" in row


def _shown_estimate(prediction: Prediction, rows: Sequence[Mapping]) -> str:
    deciding = [_deciding(prediction, row) for row in rows]
    return max(prediction.margins, key=deciding.count)


def _deciding(prediction: Prediction, row: Mapping) -> str:
    """The estimate that decides a row."""
    return row["statistic"].partition(": ")[2] or next(iter(prediction.margins))


def point_rows(panel: Panel, families: Mapping) -> Iterator[dict[str, object]]:
    """A row per family and task: the estimate, its interval, and the verdict with its reason."""
    for row in panel.rows:
        value, low, high = row["parts"][panel.estimate]
        decided = row["verdict"] in (SUPPORTED, CONTRADICTED)
        elsewhere = decided and _deciding(panel.prediction, row) != panel.estimate
        yield {
            **{"name": f"{row['family']}, {row['task']}", "family": families.get(place_of(row), "")},
            **{"estimate": value, "low": low, "high": high, "n": row["n"]},
            **{"verdict": row["verdict"] + "*" * elsewhere, "reason": row["reason"], "decided": decided},
        }


def domain_of(panel: Panel, rows: Sequence[Mapping]) -> tuple[float, float]:
    """Both ends of the axis: all that is finite, margins among it, with a little room."""
    margins = [bound for bound in (panel.margin.support, panel.margin.contradict) if bound is not None]
    values = [row[name] for row in rows for name in ("estimate", "low", "high")]
    known = [value for value in [*values, *margins] if math.isfinite(value)]
    low, high = min(known), max(known)
    room = 0.06 * (high - low or 1.0)
    return low - room, high + room


def forest(panel: Panel, families: Mapping) -> altair.LayerChart:
    """Rows of points with intervals, verdicts in words at their right, margins as lines."""
    import altair as alt

    rows = list(point_rows(panel, families))
    domain = domain_of(panel, rows)
    axes = axes_of(panel, rows, domain)
    looks = {"color": color_of(families.values(), legend=None), "shape": shape_of(families.values(), legend=None)}
    marks = interval_layers(rows, domain, axes, **looks)
    layers = [*margin_layers(panel.margin, axes["x"]), *marks, words(rows, axes)]
    claim = textwrap.wrap(f"{panel.prediction.name}. {panel.prediction.claim}", WRAPPED)
    sizes = {"fontSize": HEADING, "subtitleFontSize": SMALL}
    title = alt.TitleParams(claim, subtitle=panel.explained.name, anchor="start", frame="bounds", **sizes)
    return alt.layer(*layers).properties(width=WIDTH, height=ROW * len(rows), title=title)


def axes_of(panel: Panel, rows: Sequence[Mapping], domain: tuple[float, float]) -> dict[str, object]:
    """The quantity in words, and the names of the rows."""
    import altair as alt

    looks = {"domain": False, "ticks": False, "labelLimit": NAME_WIDTH, "minExtent": NAME_WIDTH}
    title = in_words(panel.prediction.statistic, panel.estimate)
    scale = alt.Scale(domain=list(domain), nice=False, zero=False)
    names = [row["name"] for row in rows]
    return {
        "x": alt.X("estimate:Q", scale=scale, title=title, axis=alt.Axis(tickCount=4)),
        "y": alt.Y("name:N", scale=alt.Scale(domain=names), title=None, axis=alt.Axis(**looks)),
    }


def margin_layers(margin: Margin, x: altair.X) -> Iterator[altair.Chart]:
    """A line where support begins, and a dashed one where contradiction ends, each with its word above the panel."""
    import altair as alt

    sides = (
        ("supports →", margin.support, [1, 0], {"align": "left", "dx": -1, "dy": -6}),
        ("← contradicts", margin.contradict, [4, 3], {"align": "right", "dx": 1, "dy": -19}),
    )
    for word, bound, dash, look in sides:
        if bound is not None:
            at = alt.Chart(data([{"estimate": bound, "word": word}]))
            says = {"x": x, "tooltip": tooltips(["word"], ["estimate"])}
            yield at.mark_rule(color=INK, strokeDash=dash).encode(**says)
            yield at.mark_text(color=GREY, fontSize=SMALL, **look).encode(**says, y=alt.value(0), text="word:N")


def interval_layers(
    rows: Sequence[Mapping], domain: tuple[float, float], axes: Mapping, color: altair.Color, shape: altair.Shape
) -> Iterator[altair.Chart]:
    """Bars as far as the axis goes, and points: hollow and pale where nothing is decided."""
    import altair as alt

    known = [row for row in rows if not math.isnan(row["estimate"])]
    opacity = alt.condition("datum.decided", alt.value(1.0), alt.value(0.55))
    looks = {"color": color, "opacity": opacity, "tooltip": hover()}
    ends = [{**row, "from": max(row["low"], domain[0]), "to": min(row["high"], domain[1])} for row in known]
    bar_x = of_field(axes["x"], "from")
    yield alt.Chart(data(ends)).mark_rule(strokeWidth=2).encode(x=bar_x, x2="to:Q", y=axes["y"], **looks)
    for decided in (True, False):
        points = alt.Chart(data(row for row in known if row["decided"] == decided and math.isfinite(row["estimate"])))
        look = {"filled": True} if decided else {"filled": False, "fill": "white", "strokeWidth": 1.5}
        yield points.mark_point(size=50, **look).encode(**axes, **looks, shape=shape)


def hover() -> list[altair.Tooltip]:
    """What a row says of itself."""
    return tooltips(("name", "verdict", "reason"), ("estimate", "low", "high", "n"))


def words(rows: Sequence[Mapping], axes: Mapping) -> altair.Chart:
    """The verdicts in words."""
    import altair as alt

    texts = alt.Chart(data(rows)).mark_text(align="left", fontSize=SMALL, color=INK)
    color = alt.condition("datum.decided", alt.value(INK), alt.value(GREY))
    return texts.encode(x=alt.value(WIDTH + 8), y=axes["y"], text="verdict:N", color=color, tooltip=hover())
