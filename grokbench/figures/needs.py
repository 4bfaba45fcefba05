"""Who needs what, as dumbbells: late with a factor and without it, family by family."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from grokbench.figures.base import Figure
from grokbench.figures.explained import learner_families, place_of
from grokbench.figures.style import GREY, INK, SMALL, color_of, data, of_field, shape_of, tooltips
from grokbench.registry import register_figure, tables
from grokbench.tables.grid import Grid
from grokbench.verdicts.needs import FACTORS, NEEDED, NOT_NEEDED

if TYPE_CHECKING:
    import altair

WIDTH, ROW, NAME_WIDTH = 130, 30, 165
SIDES = {"with": -6, "without": 6}  # px from the middle of a row
HEADINGS = {"features": "features to learn", "pressure": "explicit pressure", "start": "a large start"}


@register_figure("needs")
class Needs(Figure):
    """who needs what to be late: share of late runs with and without features, pressure or a large start"""

    numbers = "needs"
    rank = 2

    def applies(self, grid: Grid) -> bool:
        """Whether any family was run without a factor."""
        return bool(decided(grid))

    def title(self, grid: Grid) -> str:
        """How often each factor is needed, and how often it is not."""
        clauses = []
        for factor in FACTORS:
            answers = [entry["answer"] for entry in decided(grid) if entry["factor"] == factor]
            if answers:
                yes, no = answers.count(NEEDED), answers.count(NOT_NEEDED)
                clauses.append(f"{HEADINGS[factor]} {yes} yes, {no} no, of {len(answers)}")
        return f"Needed to be late? {'; '.join(clauses)}"

    def caption(self, grid: Grid) -> str:
        """What filled and hollow marks are."""
        return (
            "Filled: share of runs that generalize late with the factor; hollow, below it: without; bars: exact 95 % "
            "intervals. The farther apart the two, the more the factor is needed. No filled mark: the factor cannot be "
            "had; an empty row: not compared."
        )

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """A panel per factor, families in rows that all panels share."""
        import altair as alt

        families = learner_families(grid)
        rows = list(side_rows(decided(grid), families))
        names = list(dict.fromkeys(row["name"] for row in rows))
        factors = [factor for factor in FACTORS if any(row["factor"] == factor for row in rows)]
        panels = [
            panel(factor, [row for row in rows if row["factor"] == factor], names, families, first=not i)
            for i, factor in enumerate(factors)
        ]
        return alt.hconcat(*panels, spacing=12)


def decided(grid: Grid) -> Sequence[Mapping]:
    """The entries of the table of which a run without the factor is decided."""
    return [entry for entry in tables["needs"]().known(grid) if entry["without_n"]]


def side_rows(entries: Sequence[Mapping], families: Mapping) -> Iterator[dict[str, object]]:
    """A row per entry and side: its share of late runs with its interval, and the answer."""
    for entry in entries:
        head = {"name": f"{entry['family']}, {entry['task']}", "family": families.get(place_of(entry), "")}
        head |= {"factor": entry["factor"], "answer": entry["answer"]}
        for side in SIDES:
            n = entry.get(f"{side}_n")
            if n:
                numbers = {"late": entry[side], "low": entry[f"{side}_low"], "high": entry[f"{side}_high"]}
                yield {**head, "side": side, **numbers, "runs": f"{round(entry[side] * n)}/{n}"}


def panel(
    factor: str, rows: Sequence[Mapping], names: Sequence[str], families: Mapping, first: bool
) -> altair.LayerChart:
    """One factor: two marks per row with a line between them, and the answer in words."""
    import altair as alt

    looks = {
        "domain": False,
        "ticks": False,
        "labels": first,
        "labelLimit": NAME_WIDTH,
        "labelPadding": 10,
        "grid": True,
    }
    axes = {
        "x": alt.X("late:Q", scale=alt.Scale(domain=[0, 1]), title="share late", axis=alt.Axis(values=[0, 0.5, 1])),
        "y": alt.Y("name:N", scale=alt.Scale(domain=list(names)), title=None, axis=alt.Axis(**looks)),
    }
    color, shape = (of(families.values(), legend=None) for of in (color_of, shape_of))
    layers = [layer for side in SIDES for layer in side_layers(side, rows, axes, color, shape)]
    layers.append(answers([row for row in rows if row["side"] == "without"], axes))
    title = alt.TitleParams(HEADINGS[factor], anchor="start", fontSize=12, limit=WIDTH + 80)
    return alt.layer(*layers).properties(width=WIDTH, height=ROW * len(names), title=title)


def side_layers(side: str, rows: Sequence[Mapping], axes: Mapping, color, shape) -> Iterator[altair.Chart]:
    """The interval and the point of one side; without the factor they are hollow and thin."""
    import altair as alt

    known = alt.Chart(data(row for row in rows if row["side"] == side))
    hover = tooltips(("name", "factor", "side", "runs", "answer"), ("late", "low", "high"))
    looks = {"color": color, "tooltip": hover}
    bar_x = of_field(axes["x"], "low")
    thick, offset = (2 if side == "with" else 1.2), SIDES[side]
    fill = {"filled": True} if side == "with" else {"filled": False, "fill": "white", "strokeWidth": 1.8}
    yield known.mark_rule(strokeWidth=thick, yOffset=offset).encode(x=bar_x, x2="high:Q", y=axes["y"], **looks)
    yield known.mark_point(size=55, opacity=1, yOffset=offset, **fill).encode(**axes, **looks, shape=shape)


def answers(rows: Sequence[Mapping], axes: Mapping) -> altair.Chart:
    """What follows, at the right of each row."""
    import altair as alt

    texts = alt.Chart(data(rows)).mark_text(align="left", fontSize=SMALL)
    color = alt.condition(f"datum.answer == '{NEEDED}'", alt.value(INK), alt.value(GREY))
    hover = tooltips(("name", "factor", "answer"))
    return texts.encode(x=alt.value(WIDTH + 8), y=axes["y"], text="answer:N", color=color, tooltip=hover)
