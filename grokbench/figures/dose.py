"""Ladders of doses: the delay against how lazy the training is, how strong the pressure, how many the examples."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grokbench.curves.detect import LEVEL
from grokbench.figures.base import Figure, left_out
from grokbench.figures.explained import learner_families
from grokbench.figures.style import LETTER, PANEL, SMALL, color_of, data, heading, of_field, shape_of, tooltips
from grokbench.registry import register_figure, tables
from grokbench.tables.grid import Cell, Grid
from grokbench.verdicts.finding import VERDICTS
from grokbench.verdicts.verdict import Verdict

if TYPE_CHECKING:
    import altair

MOST_PANELS, IN_A_ROW, WIDTH, HEIGHT = 8, 4, PANEL - 30, 150
ARROW = "M0,1L0,-1M-0.8,-0.2L0,-1L0.8,-0.2"  # up, with a shaft: triangles are the mark of a family
LEAST = 3  # doses
ROLES = {  # role of the rules -> what grows along it
    "doses": "richer → lazier",
    "pressures": "less → more pressure",
    "decays": "learning rate × weight decay",
    "ladder": "rung of the task",
}


@dataclass(frozen=True, eq=False)
class Ladder:
    """The cells of a role, in the order of the rules, and the verdict on the first prediction that uses it."""

    leaf: Verdict
    role: str
    cells: Sequence[Cell]
    numbers: Sequence[float]
    family: str

    @property
    def name(self) -> str:
        """Family and task of the rules."""
        return f"{self.leaf.design.family}, {self.leaf.design.task}"

    @property
    def option(self) -> str:
        """The option that takes most values along it, the last by name of several; "" without any."""
        values = _options_of(self.cells)
        count = {name: len(set(map(json.dumps, varying))) for name, varying in values.items()}
        return max((name for name in count if count[name] > 1), key=lambda name: (count[name], name), default="")

    @property
    def labels(self) -> list[str]:
        """What stands below each dose: its number in the rules, else the value of the option; all different."""
        values = self.numbers or _options_of(self.cells).get(self.option) or range(1, len(self.cells) + 1)
        labels = [f"{value:.3g}" if isinstance(value, int | float) else str(value) for value in values]
        return labels if len(set(labels)) == len(labels) else [f"{i + 1}: {label}" for i, label in enumerate(labels)]


def _options_of(cells: Sequence[Cell]) -> dict[str, list]:
    """Every option of task and learner, with its value in each cell."""
    options = []
    for cell in cells:
        config = cell.runs[0].record["config"]
        options.append({**config.get("task_options", {}), **config.get("learner_options", {})})
    return {name: [one.get(name) for one in options] for name in sorted({n for one in options for n in one})}


@register_figure("dose")
class Dose(Figure):
    """delay against the dose of laziness, of pressure or of data, a panel per ladder of the rules"""

    rank = 13

    def applies(self, grid: Grid) -> bool:
        """Whether the rules have a ladder of which three doses were run."""
        return bool(ladders(grid))

    def title(self, grid: Grid) -> str:
        """How many ladders, and what became of the predictions on them."""
        words = [ladder.leaf.word for ladder in ladders(grid)[:MOST_PANELS]]
        counts = ", ".join(f"{words.count(word)} {word}" for word in VERDICTS if word in words)
        return f"The delay along {len(words)} ladders of doses; the verdicts on their predictions: {counts}"

    def caption(self, grid: Grid) -> str:
        """What points, bars and arrows are."""
        return (
            "Large: median delay with its 95 % interval, in decades, log10(t_gen / t_mem); a thin line up where that "
            "has no upper end; small: the runs. Arrows: longer than that, not generalized by the end of the run (or "
            "memorized at the first tick of the clock); the line of medians stops before them. A dose without a mark: "
            "no run memorizes."
            f"{left_out(MOST_PANELS, len(ladders(grid)), 'ladders')}"
        )

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """A panel per ladder, all on one scale of delays."""
        import altair as alt

        shown = ladders(grid)[:MOST_PANELS]
        entries = {entry.cell: entry for entry in tables["delays"]().known(grid)}
        rows = [list(dose_rows(ladder, entries)) for ladder in shown]
        delays = [row["delay"] for of in rows for row in of]
        span = (min(0.0, *delays), 1.08 * max(0.1, *delays))
        families = [ladder.family for ladder in shown]
        panels = [
            panel(ladder, of, families, span, first=i % IN_A_ROW == 0)
            for i, (ladder, of) in enumerate(zip(shown, rows, strict=True))
        ]
        return alt.concat(*panels, columns=IN_A_ROW, spacing=16)


def ladders(grid: Grid) -> list[Ladder]:
    """The ladders of the rules, each once, of which three doses have runs that can be judged."""
    named = {name: key for name, keys in grid.cell_keys.items() for key in keys.values() if key in grid.by_key}
    families, made = learner_families(grid), {}
    for explained in grid.explained:
        for leaf in explained.predictions:
            for role in (role for role in ROLES if role in leaf.prediction.uses):
                names = leaf.design.roles.get(role, ())
                cells = [grid.by_key[named[name]] for name in names if name in named]
                place = (explained.name, leaf.design.family, leaf.design.task)
                if len(cells) >= LEAST and len(cells) == len(names) and names not in made:
                    numbers = leaf.design.numbers.get(role, ())
                    made[names] = Ladder(leaf, role, cells, numbers, families[place])
    return list(made.values())


def dose_rows(ladder: Ladder, entries: Mapping) -> Iterator[dict[str, object]]:
    """Per dose its median with the interval of the table, or a bound; and its runs, with a bound where censored."""
    for label, cell in zip(ladder.labels, ladder.cells, strict=True):
        head = {"dose": label, "family": ladder.family, "learner": cell.learner_label}
        runs = [run for run in cell.readable if not math.isnan(run.detections[LEVEL].delay)]
        entry = entries[cell]
        known, bound = not math.isnan(entry.summary.delay), entry.bound[0]
        numbers = {"delay": entry.summary.delay if known else bound, "low": entry.delay_low, "high": entry.delay_high}
        if runs:
            yield {**head, "what": "median", "censored": not known, **numbers, "seed": ""}
        for run in runs:
            detection = run.detections[LEVEL]
            censored = detection.delay_censoring == "right"
            yield {**head, "what": "run", "censored": censored, "delay": detection.delay, "seed": str(run.seed)}


def panel(
    ladder: Ladder, rows: Sequence[Mapping], families: Sequence[str], span: tuple[float, float], first: bool
) -> altair.LayerChart:
    """One ladder: runs small, medians large and joined, what is censored as arrows."""
    import altair as alt

    axes = axes_of(ladder, span, first)
    looks = {"color": color_of(families, legend=None), "tooltip": hover()}
    runs, medians = ([row for row in rows if row["what"] == what] for what in ("run", "median"))
    observed, bounds = (
        alt.Chart(data(row for row in runs if row["censored"] is censored)) for censored in (False, True)
    )
    layers = [
        observed.mark_circle(size=14, opacity=0.35).encode(**axes, **looks),
        bounds.mark_point(size=50, strokeWidth=0.8, opacity=0.5, shape=ARROW, filled=False).encode(**axes, **looks),
        *median_layers(medians, axes, looks, shape_of(families, legend=None)),
    ]
    above = heading(ladder.name, [f"{ladder.leaf.name} {ladder.leaf.word}"], WIDTH)
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT, title=above)


def axes_of(ladder: Ladder, span: tuple[float, float], first: bool) -> dict[str, object]:
    """The doses in their order, their labels turned where they have no room, and the delays."""
    import altair as alt

    title = f"{ladder.option}: {ROLES[ladder.role]}" if ladder.option and not ladder.numbers else ROLES[ladder.role]
    longest = max(map(len, ladder.labels)) * LETTER * SMALL
    axis = alt.Axis(labelAngle=0 if longest < WIDTH / len(ladder.labels) else -45, labelOverlap=False)
    scale = alt.Scale(domain=list(span), nice=False)
    return {
        "x": alt.X("dose:O", scale=alt.Scale(domain=ladder.labels), title=title, axis=axis),
        "y": alt.Y("delay:Q", scale=scale, title="delay (decades)" if first else None),
    }


def median_layers(
    rows: Sequence[Mapping], axes: Mapping[str, object], looks: Mapping[str, object], shape: altair.Shape
) -> Iterator[altair.Chart]:
    """A line that stops before bounds, intervals with and without an upper end, medians, and bounds as arrows."""
    import altair as alt

    known, bounds = ([row for row in rows if row["censored"] is censored] for censored in (False, True))
    low, joined = (of_field(axes["y"], field) for field in ("low", "joined"))
    heights = ((row, math.nan if row["censored"] else row["delay"]) for row in rows)
    line = alt.Chart(data({"dose": row["dose"], "family": row["family"], "joined": y} for row, y in heights))
    yield line.mark_line(strokeWidth=1.2).encode(x=axes["x"], y=joined, color=looks["color"])
    endless = alt.Chart(data(row for row in known if math.isnan(row["high"])))
    yield endless.mark_rule(strokeWidth=0.8).encode(x=axes["x"], y=low, y2=alt.value(0), **looks)
    medians, arrows = alt.Chart(data(known)), alt.Chart(data(bounds))
    yield medians.mark_rule(strokeWidth=2).encode(x=axes["x"], y=low, y2="high:Q", **looks)
    yield medians.mark_point(size=65, filled=True, opacity=1).encode(**axes, **looks, shape=shape)
    arrow = arrows.mark_point(size=150, opacity=1, strokeWidth=1.8, shape=ARROW, filled=False)
    yield arrow.encode(**axes, **looks)


def hover() -> list[altair.Tooltip]:
    """What a mark says of itself."""
    return tooltips(("learner", "dose", "what", "seed", "censored"), ("delay", "low", "high"))
