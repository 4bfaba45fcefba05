"""Which two options a suite has varied together: all pairs of values of them, everything else the same."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from grokbench.tables.grid import Cell, Grid

DECADE = 10.0  # ratio of the largest to the least value from which an axis is logarithmic
NARROWEST = 0.65  # of an even step: with a tile narrower than this all steps are drawn even
Option = tuple[str, str]  # "task" or "learner", and the name
Settings = Mapping[Option, str]  # JSON of each value


@dataclass(frozen=True)
class Axis:
    """One option and its values.

    values : JSON, in order. kind : "log", "linear", or "steps" of one width where numbers do not say where to stand.
    """

    option: Option
    values: tuple[str, ...]
    kind: str

    @classmethod
    def of(cls, option: Option, values: Sequence[str]) -> Axis:
        """The axis of some values."""
        known = [json.loads(value) for value in values]
        if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
            return cls(option, tuple(sorted(values, key=_order)), "steps")
        ordered = tuple(sorted(values, key=json.loads))
        spread = min(known) > 0 and max(known) >= DECADE * min(known)
        decades_from_zero = min(known) <= 0 and _spans_decades([abs(value) for value in known if value])
        axis = cls(option, ordered, "log" if spread else "steps" if decades_from_zero else "linear")
        return axis if axis._is_even() else cls(option, ordered, "steps")

    @property
    def name(self) -> str:
        """Of the option."""
        return self.option[1]

    def tile(self, value: str) -> tuple[float, float, float]:
        """Where the tile of a value begins, is centred and ends: half-way to its neighbours on the axis."""
        at, edges, i = self._places(), self._edges(), self.values.index(value)
        ends = (edges[i], at[i], edges[i + 1])
        return tuple(10.0**end for end in ends) if self.kind == "log" else ends

    def _places(self) -> list[float]:
        if self.kind == "steps":
            return list(map(float, range(len(self.values))))
        numbers = [float(json.loads(value)) for value in self.values]
        return [math.log10(number) for number in numbers] if self.kind == "log" else numbers

    def _edges(self) -> list[float]:
        at = self._places()
        middles = [(a + b) / 2 for a, b in itertools.pairwise(at)]
        return [2 * at[0] - middles[0], *middles, 2 * at[-1] - middles[-1]]

    def _is_even(self) -> bool:
        edges = self._edges()
        even = (edges[-1] - edges[0]) / len(self.values)
        return min(b - a for a, b in itertools.pairwise(edges)) >= NARROWEST * even


@dataclass(frozen=True, eq=False)
class Plane:
    """The cells of a learner on a task where two options vary and all others are the same.

    cells : by the JSON of both values. fixed : what the others are, of those that vary elsewhere.
    """

    learner: str
    task: str
    x: Axis
    y: Axis
    cells: Mapping[tuple[str, str], Cell]
    fixed: str


def planes(grid: Grid) -> list[Plane]:
    """All planes with at least two by two cells, those with most cells first; none within another one."""
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in grid.cells:
        if not cell.shuffled and cell.readable:
            groups.setdefault((cell.learner.name, cell.task.name), []).append(cell)
    every = [plane for (learner, task), cells in groups.items() for plane in _planes_of(learner, task, cells)]
    kept: list[Plane] = []
    for plane in sorted(every, key=lambda plane: -len(plane.cells)):
        if not any(set(plane.cells.values()) <= set(larger.cells.values()) for larger in kept):
            kept.append(plane)
    return kept


def _planes_of(learner: str, task: str, cells: Sequence[Cell]) -> Iterator[Plane]:
    settings = {cell: _settings(cell) for cell in cells}
    values: dict[Option, set[str]] = {}
    for option, value in itertools.chain(*(one.items() for one in settings.values())):
        values.setdefault(option, set()).add(value)
    varying = sorted(option for option in values if len(values[option]) > 1)
    for pair in itertools.combinations(varying, 2):
        others = [option for option in varying if option not in pair]
        for fixed, members in _by_fixed(settings, pair, others).items():
            if _has_square(members):
                yield _plane(learner, task, pair, members, fixed)


def _settings(cell: Cell) -> dict[Option, str]:
    config = cell.runs[0].record["config"]
    return {
        (kind, name): json.dumps(value)
        for kind in ("task", "learner")
        for name, value in config.get(f"{kind}_options", {}).items()
    }


def _by_fixed(settings: Mapping[Cell, Settings], pair: tuple[Option, Option], others: Sequence[Option]) -> dict:
    """What the other options are, in words -> both values -> the last cell that has them.

    Several have them where runs of earlier code, or of other budgets, lie in the same folder; the present code is last.
    """
    members: dict[str, dict[tuple[str, str], Cell]] = {}
    for cell, own in settings.items():
        fixed = ", ".join(f"{option[1]}={text_of(own[option])}" for option in others if option in own)
        if all(option in own for option in pair):
            members.setdefault(fixed, {})[own[pair[0]], own[pair[1]]] = cell
    return members


def _has_square(members: Mapping[tuple[str, str], Cell]) -> bool:
    """Whether two values of the one option meet two of the other in all four ways."""
    columns: dict[str, set[str]] = {}
    for first, second in members:
        columns.setdefault(first, set()).add(second)
    return any(len(a & b) > 1 for a, b in itertools.combinations(columns.values(), 2))


def _plane(learner: str, task: str, pair: Sequence[Option], members: Mapping, fixed: str) -> Plane:
    """Options of the task lie across, and else that with more values."""
    axes = [Axis.of(option, sorted({key[i] for key in members})) for i, option in enumerate(pair)]
    swap = (axes[0].option[0] != "task") and (axes[1].option[0] == "task" or len(axes[1].values) > len(axes[0].values))
    if swap:
        axes, members = axes[::-1], {key[::-1]: cell for key, cell in members.items()}
    return Plane(learner, task, *axes, members, fixed)


def text_of(value: str) -> str:
    """The JSON of a value as people read it: a text without its quotes."""
    known = json.loads(value)
    return known if isinstance(known, str) else value


def _order(value: str) -> tuple[list, str]:
    """Lists of numbers by their numbers, and all else by its text."""
    known = json.loads(value)
    numbers = isinstance(known, list) and all(isinstance(one, int | float) for one in known)
    return (known if numbers else [], value)


def _spans_decades(numbers: Sequence[float]) -> bool:
    return bool(numbers) and max(numbers) >= DECADE * min(numbers)
