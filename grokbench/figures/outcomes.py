"""All learners on all tasks at a glance: how many runs generalize late, and what most of them do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from grokbench.curves.detect import LEVEL
from grokbench.curves.outcome import OUTCOMES
from grokbench.figures.base import Figure
from grokbench.figures.controls import UNKNOWN_FAMILY
from grokbench.figures.outcome_look import LETTERS, legend_name, letters_in_words, most_frequent
from grokbench.figures.style import GREY, INK, SMALL, data, families_in_order
from grokbench.registry import register_figure
from grokbench.tables.grid import Cell, Grid

if TYPE_CHECKING:
    import altair

MOST_LEARNERS, MOST_TASKS = 24, 14  # beyond them the settings of a name are one row, or one column
SHEET, TILE = 640, (50, 96)  # px: width of all columns, and the least and largest of one
HEIGHT = 26
SHADES = ("#E8EEF4", "#08306B")  # of a share of 0 and of 1: a blue that is darker in grey, too
WHITE_FROM = 0.45  # share from which text is white
TURNED = 12  # characters of a name per so many px of its column; longer ones are turned


@register_figure("outcomes")
class Outcomes(Figure):
    """a tile per learner and task: the share of runs that generalize late, and the most frequent outcome"""

    rank = 5

    def applies(self, grid: Grid) -> bool:
        """Whether there are any runs."""
        return bool(grid.runs)

    def title(self, grid: Grid) -> str:
        """Counts of runs and of tiles with true labels."""
        tiles = [tile for tile in tiles_of(grid) if not tile["shuffled"]] or tiles_of(grid)
        late, decided = (sum(tile[name] for tile in tiles) for name in ("late", "decided"))
        mostly = sum(2 * tile["late"] > tile["decided"] for tile in tiles)
        pairs = f"{mostly} of {len(tiles)} pairs of learner and task"
        return f"{late} of {decided} decided runs generalize late; in {pairs} most do"

    def caption(self, grid: Grid) -> str:
        """What tiles and letters are."""
        merged = " Settings of a learner or task are counted together." if by_name(grid) != (False, False) else ""
        return (
            "Late runs of those that are decided, the darker the more, and the letter of the most frequent outcome "
            f"({letters_of(grid)}). Dashed: no run is decided; white: no run of this pair. Tasks with shuffled labels "
            f"stand last, pale, and are not counted above.{merged}"
        )

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """Learners in rows, families together; tasks in columns, shuffled labels last."""
        import altair as alt

        tiles = tiles_of(grid)
        columns = in_order(tiles, "task", lambda tile: tile["shuffled"])
        order = families_in_order(tile["family"] for tile in tiles)
        learners = in_order(tiles, "learner", lambda tile: order.index(tile["family"]))
        width = min(TILE[1], max(TILE[0], SHEET // len(columns)))
        base = alt.Chart(data(tiles)).encode(x=task_axis(columns, width), y=learner_axis(learners), tooltip=hover())
        return alt.layer(*layers(base, letters_of(grid))).properties(width=alt.Step(width), height=alt.Step(HEIGHT))


def by_name(grid: Grid) -> tuple[bool, bool]:
    """Whether the settings of a learner, and those of a task, are taken together, for want of room."""
    learners = {cell.learner_label for cell in grid.cells}
    return len(learners) > MOST_LEARNERS, len(grid.tasks) > MOST_TASKS


def tiles_of(grid: Grid) -> list[dict[str, object]]:
    """A row per tile that has runs, in the order of the cells."""
    merged_learners, merged_tasks = by_name(grid)
    members: dict[tuple[str, str], list[Cell]] = {}
    for cell in grid.cells:
        task = cell.task.name + ", shuffled" * cell.shuffled if merged_tasks else cell.task_label
        learner = cell.learner.name if merged_learners else cell.learner_label
        members.setdefault((learner, task), []).append(cell)
    return [tile(learner, task, cells) for (learner, task), cells in members.items()]


def tile(learner: str, task: str, cells: Sequence[Cell]) -> dict[str, object]:
    """What the cells of a tile come to; the share is absent where no run is decided."""
    late = [value for cell in cells for value in cell.late]
    outcomes = [outcome for cell in cells for outcome in outcomes_of(cell)]
    common = most_frequent(outcomes)
    failed = sum(run.failed for cell in cells for run in cell.runs)
    counts = Counter(outcomes)
    return {
        **{"learner": learner, "task": task, "family": cells[0].family or UNKNOWN_FAMILY},
        **{"shuffled": cells[0].shuffled, "settings": len(cells), "late": int(sum(late)), "decided": len(late)},
        **{"share": sum(late) / len(late) if late else None, "failed": failed},
        **{
            "text": f"{int(sum(late))}/{len(late)} {LETTERS.get(common, '')}".strip()
            if outcomes
            else "failed"
            if failed
            else "no curve"
        },
        "outcomes": ", ".join(f"{counts[name]} {legend_name(name)[2:]}" for name in OUTCOMES if counts[name]),
        "runs": sum(len(cell.runs) for cell in cells),
    }


def outcomes_of(cell: Cell) -> Iterator[str]:
    """The outcome of each run whose curve can be judged."""
    return (run.detections[LEVEL].outcome for run in cell.readable)


def letters_of(grid: Grid) -> str:
    """The letters of all outcomes in words."""
    return letters_in_words(outcome for cell in grid.cells for outcome in outcomes_of(cell))


def in_order(tiles: Iterable[dict], name: str, key) -> list[str]:
    """The values of a field, each once, by `key` of the first tile that has it, and else as they come."""
    first = {}
    for tile in tiles:
        first.setdefault(tile[name], key(tile))
    return sorted(first, key=first.get)


def task_axis(columns: Sequence[str], width: int) -> altair.X:
    """The tasks above the tiles; names that are too long for a column are turned."""
    import altair as alt

    turned = any(len(name) * TURNED / 2 > width for name in columns)
    look = {"labelAngle": -35, "labelAlign": "left", "labelBaseline": "middle"} if turned else {"labelAngle": 0}
    axis = alt.Axis(orient="top", ticks=False, domain=False, labelPadding=6, labelLimit=250, **look)
    return alt.X("task:N", sort=list(columns), title=None, axis=axis, scale=alt.Scale(paddingInner=0.06))


def learner_axis(learners: Sequence[str]) -> altair.Y:
    """The learners beside the tiles."""
    import altair as alt

    axis = alt.Axis(ticks=False, domain=False, labelLimit=230)
    return alt.Y("learner:N", sort=list(learners), title=None, axis=axis, scale=alt.Scale(paddingInner=0.1))


def layers(base: altair.Chart, letters: str) -> list[altair.Chart]:
    """Frames where nothing is decided, tiles where something is, and text on both."""
    import altair as alt

    scale = alt.Scale(domain=[0, 1], range=list(SHADES))
    title = [f"most frequent outcome: {letters}", "share of runs that generalize late:"]
    legend = alt.Legend(
        format=".0%",
        gradientLength=160,
        values=[0, 0.5, 1],
        direction="horizontal",
        titleLimit=860,
        titleFontWeight=400,
    )
    fill = alt.Color("share:Q", scale=scale, title=title, legend=legend)
    pale = alt.condition("datum.shuffled", alt.value(0.6), alt.value(1))
    undecided, decided = base.transform_filter("datum.decided == 0"), base.transform_filter("datum.decided > 0")
    dark, light = f"datum.share >= {WHITE_FROM}", f"datum.decided > 0 && datum.share < {WHITE_FROM}"
    return [
        undecided.mark_rect(fill="white", stroke=GREY, strokeDash=[2, 2]),
        decided.mark_rect().encode(color=fill, opacity=pale),
        undecided.mark_text(fontSize=SMALL, color=GREY).encode(text="text:N"),
        base.transform_filter(light).mark_text(fontSize=SMALL, color=INK).encode(text="text:N"),
        base.transform_filter(f"datum.decided > 0 && {dark}")
        .mark_text(fontSize=SMALL, color="white", fontWeight=600)
        .encode(text="text:N"),
    ]


def hover() -> list[str]:
    """What hovering says of a tile."""
    names = ("learner:N", "family:N", "task:N", "late:Q", "decided:Q", "runs:Q", "failed:Q", "settings:Q", "outcomes:N")
    return list(names)
