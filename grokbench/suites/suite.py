"""A suite is data: a TOML file whose product of axes is a plan of runs.

A mistake in the file is one line that names the file, the table and the key, and the closest valid name.
"""

from __future__ import annotations

import itertools
import tomllib
from dataclasses import dataclass
from pathlib import Path

from grokbench.errors import UsageError, closest, shown
from grokbench.limits import LARGEST_SUITE
from grokbench.registry import learners, tasks
from grokbench.suites.variants import RESERVED, Variant, check_plain, is_number, is_whole, measure_versions, variants

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


@dataclass(frozen=True)
class Suite:
    """A suite file with its overrides applied and every option checked.

    Parameters
    ----------
    name : the file's name without its suffix.
    path : the file.
    title, seeds, first_seed, points_per_decade, time_limit_s, settle : as in the file, or the defaults.
    tasks, learners : every point of the product of axes of every table, in the order of the file.
    comparisons : the pairs of learner ids or families that are compared; None where the file names none.
    device : where neural learners compute, "cpu" or "cuda".
    overrides : the ``--set`` arguments that have been applied.
    """

    name: str
    path: Path
    title: str
    seeds: int
    first_seed: int
    points_per_decade: int
    time_limit_s: float
    settle: bool
    tasks: tuple[Variant, ...]
    learners: tuple[Variant, ...]
    comparisons: tuple[tuple[str, str], ...] | None
    device: str = "cpu"
    overrides: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """What an error blames: the file, and the ``--set`` arguments that have changed it."""
        return " with --set ".join((str(self.path), *self.overrides))


def shipped_suites() -> dict[str, Path]:
    """Names and files of the suites that a name finds: those of ./benchmarks first, then the shipped ones."""
    files: dict[str, Path] = {}
    for folder in (Path("benchmarks"), *SHIPPED):
        for path in sorted(folder.glob("*.toml")):
            files.setdefault(path.stem, path)
    return files


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
    """A suite from its name or path, with every value checked.

    overrides : the ``--set`` arguments, applied in turn.
    seeds : in place of every number of seeds that the file gives.

    Raises UsageError that names the file, or the ``--set`` that is to blame, the table and the key.
    """
    path = find_suite(name)
    raw = read_toml(path)
    _check_top(path, raw)
    stages = [raw]  # the data of the file, and what each --set has made of it
    for override in overrides:
        stages.append(_overridden(stages[-1], override))
    try:
        values = _checked(stages[-1], seeds)
    except UsageError as error:
        innocent = [number for number, stage in enumerate(stages[:-1]) if _complaint(stage, seeds) != str(error)]
        blamed = f"--set {overrides[innocent[-1]]}" if innocent else path
        raise UsageError(f"{blamed}: {error}") from error
    return Suite(name=path.stem, path=path, device=device, overrides=overrides, **values)


def _complaint(raw: dict, seeds: int | None) -> str:
    """What is wrong with the data of a suite; empty where nothing is."""
    try:
        _checked(raw, seeds)
    except UsageError as error:
        return str(error)
    return ""


def _checked(raw: dict, seeds: int | None) -> dict[str, object]:
    """The fields of a `Suite`, from the data of its file. Raises UsageError that names the table and the key."""
    raw = _copied(raw)
    if seeds is not None:
        raw["seeds"] = seeds
        for table in raw["learners"]:
            table.pop("seeds", None)
    values = {**DEFAULTS, **{key: value for key, value in raw.items() if key not in RESERVED}}
    _check_values(values)
    measures_of_all = values.pop("measures")
    values["tasks"] = tuple(variants("tasks", raw["tasks"], tasks))
    for table in raw["learners"]:
        table.setdefault("measures", measures_of_all)
    values["learners"] = tuple(variants("learners", raw["learners"], learners))
    _check_references(values)
    pairs = values["comparisons"]
    return {**values, "comparisons": None if pairs is None else tuple((a, b) for a, b in pairs)}


def _copied(raw: dict) -> dict:
    """The data of a suite; its own keys and those of its tables can be set without changing the original."""
    return {key: [dict(table) for table in value] if key in RESERVED else value for key, value in raw.items()}


def read_toml(path: Path) -> dict:
    """The data of a TOML file. UsageError for what is not TOML, or larger or deeper than any suite."""
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_SUITE + 1)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    if len(content) > LARGEST_SUITE:
        raise UsageError(f"{path}: larger than any suite (at most {LARGEST_SUITE:,} bytes)")
    return _parse(text, str(path))


def _parse(text: str, source: str) -> dict:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, a number of too many digits, endless nesting
        raise UsageError(f"{source}: not valid TOML: {error}") from error


def _check_top(path: Path, raw: dict) -> None:
    known = [*DEFAULTS, *RESERVED]
    for key in raw:
        if key not in known:
            raise UsageError(f"{path}: unknown key {key!r}{closest(key, known)}")
        if key not in RESERVED:
            check_plain(f"{path}: {key}", raw[key])
    for section in RESERVED:
        tables = raw.get(section)
        if not isinstance(tables, list) or not tables or not all(isinstance(t, dict) for t in tables):
            raise UsageError(f"{path}: expected at least one [[{section}]] table")


def _check_values(values: dict) -> None:
    checks = {
        "title": (isinstance(values["title"], str), "a text"),
        "seeds": (is_whole(values["seeds"]) and values["seeds"] >= 1, "a whole number of at least 1"),
        "first_seed": (is_whole(values["first_seed"]) and values["first_seed"] >= 0, "a whole number of at least 0"),
        "points_per_decade": (
            is_whole(values["points_per_decade"]) and 1 <= values["points_per_decade"] <= 1000,
            "a whole number from 1 to 1000",
        ),
        "time_limit_s": (is_number(values["time_limit_s"]) and values["time_limit_s"] > 0, "a positive number"),
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
    for key, (fits, expected) in checks.items():
        if not fits:
            raise UsageError(f"{key} = {shown(values[key])}: expected {expected}")
    measure_versions(values["measures"])


def _check_references(values: dict) -> None:
    """UsageError for the id of a task, a learner or a family that the suite does not have."""
    ids = sorted({task.id for task in values["tasks"]})
    for learner in values["learners"]:
        for task in learner.only_tasks or ():
            if task not in ids:
                raise UsageError(f"[[learners]] {learner.id}: tasks: no task {task!r}{closest(task, ids)}")
    families = sorted({learners[learner.name].family for learner in values["learners"]})
    sides = sorted({learner.id for learner in values["learners"]}) + families
    for side in itertools.chain.from_iterable(values["comparisons"] or ()):
        if side not in sides:
            raise UsageError(f"comparisons: no learner or family {side!r}{closest(side, sides)}")


def _overridden(raw: dict, assignment: str) -> dict:
    """The data with one ``--set``: ``points_per_decade=40`` or ``learners.mlp.weight_decay=0.3`` (by id or name)."""
    target, equals, text = assignment.partition("=")
    if not equals:
        raise UsageError(f"--set {assignment}: expected KEY=VALUE, such as learners.mlp.weight_decay=0.3")
    value = _value(text)
    check_plain(f"--set {target}", value)
    raw = _copied(raw)
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
    return raw


def _value(text: str) -> object:
    """A value as TOML writes it; what is not one TOML value is an unquoted word."""
    try:
        (value,) = _parse(f"value = {text}", "").values()
    except (UsageError, ValueError):
        return text
    return value
