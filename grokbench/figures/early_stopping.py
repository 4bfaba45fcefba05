"""What patience would have kept of runs that generalize, against how much of it there is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from grokbench.curves.early_stopping import CHECKS_PER_T_MEM, MOST_CHECKS
from grokbench.curves.stopping_rules import RULES, Patience
from grokbench.figures.base import Figure
from grokbench.figures.controls import Kind, by_kind, controls, of_most_families, tasks_left_out
from grokbench.figures.style import DASHES, OTHER_DASH, color_of, data, families_in_order, heading, shape_of
from grokbench.registry import register_figure, tables
from grokbench.statistics.location import median_interval
from grokbench.tables.early_stopping import Entry
from grokbench.tables.grid import Cell, Grid, Identity

if TYPE_CHECKING:
    import altair

PATIENCES = {rule.name: rule.checks for rule in RULES if isinstance(rule, Patience) and not rule.min_delta}
READS = "accuracy"
WHOLE = 3.0  # place of the whole run on the axis, in multiples of the largest patience
DODGE = 1.04  # factor between families, so that intervals lie side by side
MOST_PANELS, IN_A_ROW = 6, 3
WIDTHS, WIDTH, HEIGHT = {1: 420, 2: 330}, 215, 140  # px of a panel


@register_figure("early_stopping")
class EarlyStopping(Figure):
    """held-out accuracy that early stopping keeps of runs that generalize, against its patience, a line per family"""

    numbers = "early_stopping"
    rank = 10

    def applies(self, grid: Grid) -> bool:
        """Whether any run with true labels generalizes."""
        return bool(audited(grid))

    def title(self, grid: Grid) -> str:
        """How many runs the shortest usual patience and the longest one end too soon."""
        ends = {rule: np.concatenate([e.too_soon for e in entries(grid, rule)]) for rule in PATIENCES}
        longest = max(PATIENCES, key=PATIENCES.get)
        short, long = ends["patience 10"], ends[longest]
        few, many = f"{short.sum():.0f} of {short.size}", f"{long.sum():.0f}"
        return f"Patience 10 ends {few} runs before they generalize; {longest} ends {many}"

    def caption(self, grid: Grid) -> str:
        """What is kept, and of which runs."""
        return (
            "Patience 10 stops a run after 10 checks without a better held-out accuracy. Drawn is the accuracy of the "
            f"best checkpoint until then, with {CHECKS_PER_T_MEM} checks per t_mem: medians over the runs of a family, "
            "all its learners and settings of which any generalize together, with the 95 % interval of the sign test "
            f"where there are six runs or more; at the right end the whole run, as far as {MOST_CHECKS:,} checks go."
            f"{tasks_left_out(grid, len(audited(grid)))}"
        )

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """A panel per task."""
        import altair as alt

        by_task = audited(grid)
        families = families_in_order(kind.family for kinds in by_task.values() for kind in kinds)
        width = WIDTHS.get(len(by_task), WIDTH)
        panels = [
            panel(list(kept(kinds, families)), families, named=i % IN_A_ROW == 0).properties(
                width=width, height=HEIGHT, title=heading(grid.tasks[task], (), width)
            )
            for i, (task, kinds) in enumerate(by_task.items())
        ]
        return alt.concat(*panels, columns=IN_A_ROW, spacing=16)


def entries(grid: Grid, rule: str) -> list[Entry]:
    """The rows of the table of a rule on accuracy, true labels, of cells with a run that generalizes."""
    return [
        entry
        for entry in tables["early_stopping"]().known(grid)
        if entry.rule == rule and entry.reads == READS and not entry.cell.shuffled and entry.too_soon.size
    ]


def audited(grid: Grid) -> dict[Identity, dict[Kind, list[dict[str, Entry]]]]:
    """Of each task that is shown: family -> for each of its cells the rows of the table, by rule."""
    rules: dict[Cell, dict[str, Entry]] = {}
    for rule in PATIENCES:
        for entry in entries(grid, rule):
            rules.setdefault(entry.cell, {})[rule] = entry
    dimmed = dict.fromkeys(controls(grid).keys() & rules.keys(), "")
    by_task = {
        task: by_kind((cell for cell in rules if cell.task == task), dimmed, lambda cell: [rules[cell]])
        for task in grid.tasks
    }
    by_task = {task: kinds for task, kinds in by_task.items() if kinds}
    return {task: by_task[task] for task in of_most_families(by_task, MOST_PANELS)}


def kept(kinds: Mapping[Kind, Sequence[Mapping[str, Entry]]], families: Sequence[str]) -> Iterator[dict[str, object]]:
    """A row per family and patience: the median of what is kept, with its interval, and that of the whole run."""
    for kind, cells in kinds.items():
        beside = DODGE ** (families.index(kind.family) - (len(families) - 1) / 2)
        for rule, checks in PATIENCES.items():
            values = pooled(cells, rule, "test_accuracy_at_stop")
            soon = np.concatenate([cell[rule].too_soon for cell in cells])
            ended = f"{soon.sum():.0f} of {soon.size}"
            yield row_of(kind, checks * beside, str(checks), values, ended)
        whole, any_rule = WHOLE * max(PATIENCES.values()) * beside, next(iter(PATIENCES))
        yield row_of(kind, whole, "whole run", pooled(cells, any_rule, "final_test_accuracy"), "")


def pooled(cells: Sequence[Mapping[str, Entry]], rule: str, name: str) -> np.ndarray:
    """(runs,) a number of each run of some cells."""
    return np.concatenate([cell[rule].values(name) for cell in cells])


def row_of(kind: Kind, place: float, patience: str, values: np.ndarray, too_soon: str) -> dict[str, object]:
    """What a family has at one patience; fewer than six runs have no interval of 95 %."""
    at = median_interval(values)
    low, high = (end if math.isfinite(end) else math.nan for end in (at.low, at.high))
    return {
        **{"family": kind.family, "control": kind.control, "place": place, "patience": patience, "kept": at.estimate},
        **{"low": low, "high": high, "runs": at.n, "too_soon": too_soon},
    }


def panel(rows: Sequence[Mapping], families: Sequence[str], named: bool) -> altair.LayerChart:
    """The lines of a task; those of controls pale, with hollow marks."""
    import altair as alt

    layers = []
    for control in (True, False):
        layers += lines([row for row in rows if row["control"] is control], families, named, control)
    return alt.layer(*layers)


def lines(rows: Sequence[Mapping], families: Sequence[str], named: bool, control: bool) -> list[altair.Chart]:
    """Interval, line and mark of each family."""
    import altair as alt

    legend = alt.Legend(symbolOpacity=1)
    title, scale = "held-out accuracy kept" if named else None, alt.Scale(domain=[0, 1.03], nice=False)
    y, faint = alt.Y("kept:Q", title=title, scale=scale), {"opacity": 0.45 if control else 1.0}
    looks = {
        "x": patience_axis(),
        "color": color_of(families, legend=legend),
        "tooltip": ["family:N", "patience:N", "kept:Q", "low:Q", "high:Q", "runs:Q", "too_soon:N"],
    }
    base = alt.Chart(data(rows)).encode(**looks)
    marks = base.mark_point(filled=not control, size=34, opacity=1)
    return [
        base.mark_rule(strokeWidth=1.2, **faint).encode(y=alt.Y("low:Q"), y2="high:Q"),
        *(line.encode(**looks, y=y) for line in dashed(rows, families, strokeWidth=1.2 if control else 2, **faint)),
        marks.encode(y=y, shape=shape_of(families, legend=legend)),
    ]


def dashed(rows: Sequence[Mapping], families: Sequence[str], **look: float) -> Iterator[altair.Chart]:
    """A line for each family, in its dash. With dashes as an encoding the marks of the legend would be dashed, too."""
    import altair as alt

    for family in families:
        of_family = [row for row in rows if row["family"] == family]
        if of_family:
            yield alt.Chart(data(of_family)).mark_line(strokeDash=DASHES.get(family, OTHER_DASH), **look)


def patience_axis() -> altair.X:
    """Checks without improvement, logarithmic; the whole run stands beyond the largest."""
    import altair as alt

    checks = list(PATIENCES.values())
    whole = WHOLE * max(checks)
    text = f"datum.value > {max(checks)} ? 'all' : format(datum.value, '~s')"
    axis = alt.Axis(values=[*checks, whole], labelExpr=text, grid=False)
    scale = alt.Scale(type="log", domain=[min(checks) / 1.3, whole * 1.3], nice=False)
    return alt.X("place:Q", title=f"patience in checks ({CHECKS_PER_T_MEM} per t_mem)", scale=scale, axis=axis)
