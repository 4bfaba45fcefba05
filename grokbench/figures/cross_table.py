"""The cross table as a picture: who is late with features free or frozen, with explicit pressure on or off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from grokbench.figures.base import Figure, left_out
from grokbench.figures.explained import learner_families, place_of
from grokbench.figures.style import INK, SMALL, data, heading, marks_of, of_field, tooltips
from grokbench.registry import register_figure, tables
from grokbench.tables.grid import Grid
from grokbench.verdicts.cross_table import CORNERS

if TYPE_CHECKING:
    import altair

MOST_PANELS, IN_A_ROW, WIDTH, HEIGHT = 16, 4, 126, 84
NAMES = {corner: "features {}, pressure {}".format(*role.split("_")) for corner, role in CORNERS.items()}


@register_figure("cross_table")
class CrossTable(Figure):
    """share of late runs with features free or frozen and explicit pressure on or off, a panel per family and task"""

    numbers = "cross_table"
    rank = 0

    def applies(self, grid: Grid) -> bool:
        """Whether any cell of the table was run and decided."""
        return any(True for entry in crossed(grid) for _ in corner_rows(entry))

    def title(self, grid: Grid) -> str:
        """How often it is late without the one and without the other."""
        entries = crossed(grid)
        frozen = [entry for entry in entries if entry.get("c_n") or entry.get("d_n")]
        off = [entry for entry in entries if entry.get("b_n")]
        clauses = [
            f"{states} in {sum(reading in entry['reading'].split('; ') for entry in of)} of {len(of)} cases"
            for states, of, reading in (
                ("with frozen features", frozen, "features not necessary"),
                ("with free features and no explicit pressure", off, "explicit pressure not necessary"),
            )
            if of
        ]
        return f"Generalizes late {', '.join(clauses)}" if clauses else grid.title

    def caption(self, grid: Grid) -> str:
        """What points, bars and hollow marks are."""
        return (
            "Points: share of the decided runs that generalize late (their number beside it); bars: its exact 95 % "
            "interval; hollow: features frozen. A line without a point was not run, or is undecided."
            f"{left_out(MOST_PANELS, len(crossed(grid)), 'cases')}"
        )

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """Panels of four lines each, the same four everywhere, in rows of four panels."""
        import altair as alt

        families, entries = learner_families(grid), crossed(grid)[:MOST_PANELS]
        panels = [
            panel(entry, families.get(place_of(entry), ""), first=i % IN_A_ROW == 0) for i, entry in enumerate(entries)
        ]
        return alt.concat(*panels, columns=IN_A_ROW, spacing=14)


def crossed(grid: Grid) -> Sequence[Mapping]:
    """The entries of the table that have a decided run."""
    return [entry for entry in tables["cross_table"]().known(grid) if any(corner_rows(entry))]


def corner_rows(entry: Mapping) -> Iterator[dict[str, object]]:
    """A row per decided cell of an entry: its share with its interval, late and decided runs."""
    for corner, name in NAMES.items():
        n = entry.get(f"{corner}_n")
        if n:
            share = {"late": entry[corner], "low": entry[f"{corner}_low"], "high": entry[f"{corner}_high"]}
            known = {name: entry[name] for name in ("family", "task", "reading", "by_construction")}
            runs = f"{round(entry[corner] * n)}/{n}"
            yield {**known, "cell": name, "frozen": CORNERS[corner].startswith("frozen"), **share, "runs": runs}


def panel(entry: Mapping, family: str, first: bool) -> altair.LayerChart:
    """One family on one task."""
    import altair as alt

    look, hover = marks_of(family), tooltips(("family", "task", "cell", "runs", "reading"), ("late", "low", "high"))
    axis = alt.Axis(domain=False, ticks=False, labels=first, labelPadding=12)
    axes = {
        "x": alt.X("late:Q", scale=alt.Scale(domain=[0, 1]), title="share late", axis=alt.Axis(values=[0, 0.5, 1])),
        "y": alt.Y("cell:N", scale=alt.Scale(domain=list(NAMES.values())), title=None, axis=axis),
    }
    rows = alt.Chart(data(corner_rows(entry)))
    fill = alt.condition("datum.frozen", alt.value("white"), alt.value(look["color"]))
    interval = {"x": of_field(axes["x"], "low"), "x2": "high:Q", "y": axes["y"]}
    layers = [
        rows.mark_rule(color=look["color"], strokeWidth=2).encode(**interval, tooltip=hover),
        rows.mark_point(**look, size=60, opacity=1, strokeWidth=2).encode(**axes, fill=fill, tooltip=hover),
        rows.mark_text(align="left", color=INK, fontSize=SMALL).encode(
            x=alt.value(WIDTH + 8), y=axes["y"], text="runs:N", tooltip=hover
        ),
    ]
    return alt.layer(*layers).properties(
        width=WIDTH, height=HEIGHT, title=heading(entry["family"], lines_of(entry), WIDTH + 20)
    )


def lines_of(entry: Mapping) -> list[str]:
    """The task; that frozen features cannot be late, where that is so by construction."""
    return [entry["task"], *(["frozen, it cannot be late"] if entry["by_construction"] else [])]
