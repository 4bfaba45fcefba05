"""A suite is data: a TOML file whose product of axes is a plan of runs.

A mistake in the file is one line that names the file, the table and the key, and the closest valid name.
"""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from grokbench.curves.schedule import checkpoints
from grokbench.errors import UsageError, closest, shown
from grokbench.options import FINITE, misfit, non_default, options
from grokbench.registry import Registry, learners, measures, tasks

SHIPPED = (Path(__file__).parents[1] / "benchmarks", Path(__file__).parents[2] / "benchmarks")  # a wheel, a checkout
DEFAULTS = {
    "title": "",
    "seeds": 10,
    "first_seed": 0,
    "points_per_decade": 20,
    "time_limit_s": 600.0,
    "settle": False,
    "comparisons": None,
    "measures": [],
}
LARGEST_FILE = 2**20  # bytes; the largest shipped suite has 3000
MOST_CELLS = 10_000  # points of the product of axes, of all [[tasks]] and of all [[learners]]
RESERVED = {"tasks": ("id", "name"), "learners": ("id", "name", "budget", "seeds", "tasks", "measures")}


@dataclass(frozen=True)
class Cell:
    """One task or one learner with one set of options: a point of a suite's product of axes.

    given : the options that differ from the defaults: what a table shows.
    seeds : of a learner, where not as many as the suite's.
    measures : versions by name of the measures that are taken of a learner at each checkpoint.
    """

    id: str
    name: str
    options: dict[str, object]
    given: dict[str, object]
    version: int
    budget: float | None = None
    only_tasks: tuple[str, ...] | None = None
    seeds: int | None = None
    measures: dict[str, int] = field(default_factory=dict)

    def make(self, registry: Registry):
        """The object that the cell describes."""
        return registry.create(self.name, **self.options)


@dataclass(frozen=True)
class Suite:
    """A suite file with its overrides applied and every option checked."""

    name: str
    path: Path
    title: str
    seeds: int
    first_seed: int
    points_per_decade: int
    time_limit_s: float
    settle: bool
    tasks: tuple[Cell, ...]
    learners: tuple[Cell, ...]
    comparisons: tuple[tuple[str, str], ...] | None
    device: str = "cpu"


def shipped_suites() -> dict[str, Path]:
    """Names and files of the suites that a name finds: those of ./benchmarks first, then the shipped ones."""
    found: dict[str, Path] = {}
    for folder in (Path("benchmarks"), *SHIPPED):
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return found


def find_suite(name: str) -> Path:
    """The file of a suite, from its name or path; UsageError with the closest name where there is none."""
    path = Path(name)
    if path.suffix == ".toml" or len(path.parts) > 1:
        if not path.is_file():
            raise UsageError(f"{name}: no such suite file")
        if not path.stem.strip("."):  # its results would go to results/.. or the like
            raise UsageError(f"{name}: a suite file needs a name before .toml")
        return path
    known = shipped_suites()
    if name not in known:
        raise UsageError(f"no suite {name!r}{closest(name, known)}")
    return known[name]


def load_suite(name: str, overrides: tuple[str, ...] = (), seeds: int | None = None, device: str = "cpu") -> Suite:
    """Read and check a suite. `overrides` are the ``--set`` arguments. Raises UsageError."""
    path = find_suite(name)
    raw = read_toml(path)
    _check_top(path, raw)
    for override in overrides:
        _override(raw, override)
    if seeds is not None:
        raw["seeds"] = seeds
        for table in raw["learners"]:
            table.pop("seeds", None)
    values = {**DEFAULTS, **{k: v for k, v in raw.items() if k not in RESERVED}}
    _check_values(path, values)
    task_cells = tuple(_cells(path, "tasks", raw["tasks"], tasks))
    asked = values.pop("measures")
    for table in raw["learners"]:
        table.setdefault("measures", asked)
    learner_cells = tuple(_cells(path, "learners", raw["learners"], learners))
    _check_references(path, values, task_cells, learner_cells)
    pairs = values.pop("comparisons")
    return Suite(
        name=path.stem,
        path=path,
        tasks=task_cells,
        learners=learner_cells,
        comparisons=None if pairs is None else tuple((a, b) for a, b in pairs),
        device=device,
        **values,
    )


def read_toml(path: Path) -> dict:
    """The data of a TOML file. UsageError for what is not TOML, or larger or deeper than any suite."""
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_FILE + 1)
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    if len(data) > LARGEST_FILE:
        raise UsageError(f"{path}: larger than any suite (at most {LARGEST_FILE:,} bytes)")
    return _parse(text, str(path))


def _parse(text: str, where: str) -> dict:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, a number of too many digits, endless nesting
        raise UsageError(f"{where}: not valid TOML: {error}") from error


def _check_top(path: Path, raw: dict) -> None:
    known = [*DEFAULTS, *RESERVED]
    for key in raw:
        if key not in known:
            raise UsageError(f"{path}: unknown key {key!r}{closest(key, known)}")
        if key not in RESERVED:
            _check_plain(f"{path}: {key}", raw[key])
    for section in RESERVED:
        tables = raw.get(section)
        if not isinstance(tables, list) or not tables or not all(isinstance(t, dict) for t in tables):
            raise UsageError(f"{path}: expected at least one [[{section}]] table")


def _check_plain(key: str, value: object) -> None:
    """UsageError for dates, endless nesting and numbers beyond 64 bits; which floats fit, the key knows."""
    wanted = misfit(value)
    if wanted and wanted != FINITE:
        raise UsageError(f"{key} = {shown(value)}: expected {wanted}")


def _check_values(path: Path, values: dict) -> None:
    expected = {
        "title": (isinstance(values["title"], str), "a text"),
        "seeds": (_whole(values["seeds"]) and values["seeds"] >= 1, "a whole number of at least 1"),
        "first_seed": (_whole(values["first_seed"]) and values["first_seed"] >= 0, "a whole number of at least 0"),
        "points_per_decade": (
            _whole(values["points_per_decade"]) and 1 <= values["points_per_decade"] <= 1000,
            "a whole number from 1 to 1000",
        ),
        "time_limit_s": (_number(values["time_limit_s"]) and values["time_limit_s"] > 0, "a positive number"),
        "settle": (isinstance(values["settle"], bool), "true or false"),
        "comparisons": (
            values["comparisons"] is None
            or (
                isinstance(values["comparisons"], list)
                and all(isinstance(p, list) and len(p) == 2 for p in values["comparisons"])
            ),
            'a list of pairs of learner ids or families: [["mlp", "linearized"]]',
        ),
    }
    for key, (fits, wanted) in expected.items():
        if not fits:
            raise UsageError(f"{path}: {key} = {shown(values[key])}: expected {wanted}")
    try:
        _measures(values["measures"])
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _measures(names: object) -> dict[str, int]:
    """Versions of the measures that are asked for, by name."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError(f'measures = {shown(names)}: expected a list of names: ["after_kernel"]')
    unknown = [name for name in names if name not in measures]
    if unknown:
        raise UsageError(f"measures: no measure {unknown[0]!r}{closest(unknown[0], measures.names())}")
    return {name: int(measures[name].version) for name in sorted(set(names))}


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cells(path: Path, section: str, tables: list[dict], registry: Registry) -> Iterator[Cell]:
    """Every point of every table's product of axes, with defaults resolved and values checked."""
    for position, table in enumerate(tables, start=1):
        label = table.get("id", table.get("name", f"number {position}"))
        where = f"{path}: [[{section}]] {label if isinstance(label, str) else shown(label)}"
        try:
            for key, value in table.items():
                _check_plain(key, value)
            if not isinstance(table.get("name"), str):
                raise UsageError(f"needs a name{closest('', registry.names())}")
            yield from _table_cells(section, table, registry)
        except UsageError as error:
            raise UsageError(f"{where}: {error}") from error


def _table_cells(section: str, table: dict, registry: Registry) -> Iterator[Cell]:
    cls = registry[table["name"]]
    known = options(cls)
    axes = {}
    for key, value in table.items():
        if key in RESERVED[section]:
            continue
        if key not in known:
            raise UsageError(f"unknown key {key!r}{closest(key, [*known, *RESERVED[section]])}")
        axes[key] = _axis(known[key], value)
    identity = table.get("id", table["name"])
    if not isinstance(identity, str):
        raise UsageError(f"id = {shown(identity)}: expected a text")
    size = math.prod(map(len, axes.values()))
    if size > MOST_CELLS:
        raise UsageError(f"its axes have {size:,} points; expected at most {MOST_CELLS:,}: split the suite")
    for values in itertools.product(*axes.values()):
        made = registry.create(table["name"], **dict(zip(axes, values, strict=True)))
        budget = _budget(table, made) if section == "learners" else None
        only = table.get("tasks")
        if only is not None and not (isinstance(only, list) and all(isinstance(name, str) for name in only)):
            raise UsageError(f'tasks = {shown(only)}: expected a list of task ids: ["add"]')
        yield Cell(
            id=identity,
            name=table["name"],
            options=made.options,
            given=non_default(cls, made.options),
            version=int(cls.version),
            budget=budget,
            only_tasks=None if only is None else tuple(only),
            seeds=_own_seeds(table),
            measures=_measures(table.get("measures", [])),
        )


def _axis(option, value: object) -> list[object]:
    """The values of one key: a list is an axis, except that a list-valued option nests its values."""
    if not isinstance(value, list):
        return [option.check(value)]
    if not value:
        raise UsageError(f"{option.name} = []: an axis needs at least one value")
    return [option.check(item) for item in value]


def _budget(table: dict, made) -> float:
    if "budget" not in table:
        raise UsageError(f"needs a budget in its own clock: budget = NUMBER ({made.clock})")
    if not _number(table["budget"]):
        raise UsageError(f"budget = {shown(table['budget'])}: expected one number of {made.clock}")
    checkpoints(table["budget"], integer_clock=made.integer_clock)  # says what is wrong with it
    return table["budget"]


def _own_seeds(table: dict) -> int | None:
    seeds = table.get("seeds")
    if seeds is not None and not (_whole(seeds) and seeds >= 1):
        raise UsageError(f"seeds = {shown(seeds)}: expected a whole number of at least 1")
    return seeds


def _check_references(path: Path, values: dict, task_cells, learner_cells) -> None:
    ids = sorted({cell.id for cell in task_cells})
    for cell in learner_cells:
        for wanted in cell.only_tasks or ():
            if wanted not in ids:
                raise UsageError(f"{path}: [[learners]] {cell.id}: tasks: no task {wanted!r}{closest(wanted, ids)}")
    families = sorted({learners[cell.name].family for cell in learner_cells})
    sides = sorted({cell.id for cell in learner_cells}) + families
    for pair in values["comparisons"] or ():
        for side in pair:
            if side not in sides:
                raise UsageError(f"{path}: comparisons: no learner or family {side!r}{closest(side, sides)}")


def _override(raw: dict, assignment: str) -> None:
    """Apply one ``--set``: ``points_per_decade=40`` or ``learners.mlp.weight_decay=0.3`` (by id or name)."""
    target, found, text = assignment.partition("=")
    if not found:
        raise UsageError(f"--set {assignment}: expected KEY=VALUE, such as learners.mlp.weight_decay=0.3")
    value = _value(text)
    _check_plain(f"--set {target}", value)
    match target.strip().split(".", 2):
        case [key] if key in DEFAULTS:
            raw[key] = value
        case [section, name, key] if section in RESERVED:
            tables = [t for t in raw[section] if name in (t.get("id"), t.get("name"))]
            if not tables:
                names = [t.get("id", t.get("name")) for t in raw[section]]
                raise UsageError(f"--set {assignment}: no {name!r} in {section}{closest(name, names)}")
            for table in tables:
                table[key] = value
        case _:
            valid = [*DEFAULTS, "learners.NAME.OPTION", "tasks.NAME.OPTION"]
            raise UsageError(f"--set {assignment}: unknown key {target!r}{closest(target, valid)}")


def _value(text: str) -> object:
    """A value as TOML writes it; what is not one TOML value is an unquoted word."""
    try:
        (found,) = _parse(f"value = {text}", "").values()
    except (UsageError, ValueError):
        return text
    return found
