"""Where in a plane of two options runs grok, and what they do elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from grokbench.curves.detect import LEVEL
from grokbench.figures.base import Figure, left_out
from grokbench.figures.outcome_look import DARK, LETTERS, fill_of, legend_name, letters_in_words, most_frequent
from grokbench.figures.planes import Axis, Plane, planes, text_of
from grokbench.figures.style import INK, SMALL, data, heading
from grokbench.registry import register_figure, tables
from grokbench.tables.grid import Cell, Grid

if TYPE_CHECKING:
    import altair

MOST_PANELS, IN_A_ROW = 6, 3
WIDTHS, WIDTH = {1: 420, 2: 320}, 200  # px of a panel
TALL, STEP = (90, 260), 28  # px: least and largest height of a panel, and of a row
MOST_WITH_COUNTS = 6  # columns of a panel up to which tiles have room for a count


@register_figure("phase")
class Phase(Figure):
    """the most frequent outcome in the plane of two options that a suite varies together"""

    rank = 8

    def applies(self, grid: Grid) -> bool:
        """Whether any learner has at least two by two settings of two options, everything else the same."""
        return bool(planes(grid))

    def title(self, grid: Grid) -> str:
        """In how many settings most runs grok; a setting that stands in several planes counts once."""
        chosen = shown(grid)
        cells = {cell for plane in chosen for cell in plane.cells.values()}
        grok = sum(common(cell)[0] == "groks" for cell in cells)
        begin = f"{chosen[0].learner}: in" if len({plane.learner for plane in chosen}) == 1 else "In"
        return f"{begin} {grok} of the {len(cells)} settings shown, groks is the most frequent outcome"

    def caption(self, grid: Grid) -> str:
        """What letters are, and what is left out."""
        letters = letters_in_words(common(cell)[0] for plane in shown(grid) for cell in plane.cells.values())
        more = left_out(len(shown(grid)), len(planes(grid)), "planes, with fewer settings or outcomes")
        return (
            f"Letter and colour are the most frequent outcome over seeds ({letters}), with its count where not all "
            f"runs have it; empty: not run. Options that are not on an axis are the same within a panel.{more}"
        )

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """A panel per plane."""
        import altair as alt

        chosen = shown(grid)
        outcomes = [common(cell)[0] for plane in chosen for cell in plane.cells.values()]
        delays = {entry.cell: entry.delay_text for entry in tables["delays"]().known(grid)}
        panels = [panel(plane, delays, outcomes, WIDTHS.get(len(chosen), WIDTH)) for plane in chosen]
        return alt.concat(*panels, columns=IN_A_ROW, spacing=18)


def shown(grid: Grid) -> Sequence[Plane]:
    """At most six planes: those with most cells, and of equals those where some grok, then most outcomes."""
    every = planes(grid)

    def order(plane: Plane) -> tuple[int, bool, int]:
        outcomes = {common(cell)[0] for cell in plane.cells.values()}
        return -len(plane.cells), not (len(outcomes) > 1 and "groks" in outcomes), -len(outcomes)

    return sorted(every, key=order)[:MOST_PANELS]


def common(cell: Cell) -> tuple[str, int, int]:
    """The most frequent outcome of a cell, how many runs have it, and how many runs can be judged."""
    outcomes = [run.detections[LEVEL].outcome for run in cell.readable]
    outcome = most_frequent(outcomes)
    return outcome, outcomes.count(outcome), len(outcomes)


def tiles(plane: Plane, delays: dict[Cell, str]) -> Iterator[dict[str, object]]:
    """A row per cell."""
    roomy = len(plane.x.values) <= MOST_WITH_COUNTS
    for (x, y), cell in plane.cells.items():
        outcome, count, runs = common(cell)
        letter = LETTERS[outcome]
        yield {
            **{"x": text_of(x), "y": text_of(y), "outcome": legend_name(outcome), "dark": outcome in DARK},
            **dict(zip(("x_low", "x_at", "x_high"), plane.x.tile(x), strict=True)),
            **dict(zip(("y_low", "y_at", "y_high"), plane.y.tile(y), strict=True)),
            **{"text": f"{letter} {count}/{runs}" if roomy and count < runs else letter, "runs": runs},
            **{"outcomes": cell.summary().outcomes, "delay": delays[cell]},
            **{"learner": cell.learner_label, "task": cell.task_label, "fixed": plane.fixed},
        }


def panel(plane: Plane, delays: dict[Cell, str], outcomes: Sequence[str], width: int) -> altair.LayerChart:
    """Tiles and letters of a plane."""
    import altair as alt

    hover = [alt.Tooltip("x:N", title=plane.x.name), alt.Tooltip("y:N", title=plane.y.name)]
    hover += ["learner:N", "task:N", "fixed:N", "outcomes:N", "delay:N", "runs:Q"]
    base = alt.Chart(data(tiles(plane, delays))).encode(tooltip=hover)
    rect = base.mark_rect(stroke="white", strokeWidth=1).encode(
        **extent(plane.x, "x"), **extent(plane.y, "y"), color=fill_of(outcomes)
    )
    texts = [
        base.transform_filter(f"datum.dark == {str(dark).lower()}")
        .mark_text(fontSize=SMALL, fontWeight=600, color="white" if dark else INK)
        .encode(**centre(plane.x, "x"), **centre(plane.y, "y"), text="text:N")
        for dark in (False, True)
    ]
    height = min(TALL[1], max(TALL[0], STEP * len(plane.y.values)))
    title = heading(plane.learner, [", ".join(filter(None, [plane.task, plane.fixed]))], width)
    return alt.layer(rect, *texts).properties(width=width, height=height, title=title)


def extent(axis: Axis, name: str) -> dict[str, object]:
    """The encoding of the sides of tiles along an axis."""
    import altair as alt

    channel, second = (alt.X, alt.X2) if name == "x" else (alt.Y, alt.Y2)
    labels = list(map(text_of, axis.values))
    looks = {"grid": False, "labelAngle": 0, "domain": False, "labelLimit": 90, "titlePadding": 8}
    if axis.kind == "steps":
        order = labels if name == "x" else labels[::-1]
        return {name: channel(f"{name}:O", sort=order, title=axis.name, axis=alt.Axis(**looks))}
    edges = [edge for value in (axis.values[0], axis.values[-1]) for edge in axis.tile(value)]
    scale = alt.Scale(type=axis.kind, domain=[min(edges), max(edges)], nice=False, zero=False)
    look = alt.Axis(values=[float(label) for label in labels], format=".6~g", labelOverlap=True, **looks)
    return {
        name: channel(f"{name}_low:Q", title=axis.name, scale=scale, axis=look),
        f"{name}2": second(f"{name}_high:Q"),
    }


def centre(axis: Axis, name: str) -> dict[str, object]:
    """The encoding of the middle of tiles along an axis."""
    import altair as alt

    channel = alt.X if name == "x" else alt.Y
    if axis.kind == "steps":
        return extent(axis, name)
    return {name: channel(f"{name}_at:Q")}
