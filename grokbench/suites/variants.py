"""The variants of a suite: each [[tasks]] and [[learners]] table is a product of axes, and a point of it a variant."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from grokbench.curves.schedule import checkpoints
from grokbench.errors import UsageError, closest, shown
from grokbench.options import FINITE, misfit, non_default, options
from grokbench.registry import Registry, measures

MOST_VARIANTS = 10_000  # points of the product of axes of one table
RESERVED = {"tasks": ("id", "name"), "learners": ("id", "name", "budget", "seeds", "tasks", "measures")}


@dataclass(frozen=True)
class Variant:
    """One task or one learner with one set of options.

    Parameters
    ----------
    id : name of its table in the suite; the tables of one name may share it.
    name : name in the registry.
    options : all options by name, defaults included.
    given : the options that differ from the defaults, which tables show.
    version : version of the task or learner.
    budget : of a learner, in its own clock; None for a task.
    only_tasks : of a learner, the ids of the tasks that it runs on; None for all.
    seeds : of a learner, where it has another number of seeds than the suite.
    measures : of a learner, the versions by name of the measures that are taken at each checkpoint.
    source : where its code comes from, if it is not built in.
    measure_sources : the same of its measures, by name.
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
    source: str = ""
    measure_sources: dict[str, str] = field(default_factory=dict)

    def make(self, registry: Registry):
        """The task or learner itself, new; `registry` is the one of its kind."""
        return registry.create(self.name, **self.options)


def variants(section: str, tables: list[dict], registry: Registry) -> Iterator[Variant]:
    """Every point of every table's product of axes, with defaults resolved and values checked.

    section : "tasks" or "learners".
    tables : the tables of the section, as TOML has them.
    registry : of the tasks or of the learners.

    Raises UsageError that names the table and the key.
    """
    for position, table in enumerate(tables, start=1):
        label = table.get("id", table.get("name", f"number {position}"))
        heading = f"[[{section}]] {label if isinstance(label, str) else shown(label)}"
        try:
            for key, value in table.items():
                check_plain(key, value)
            if not isinstance(table.get("name"), str):
                raise UsageError(f"needs a name{closest('', registry.names())}")
            yield from _variants_of_table(section, table, registry)
        except UsageError as error:
            raise UsageError(f"{heading}: {error}") from error


def _variants_of_table(section: str, table: dict, registry: Registry) -> Iterator[Variant]:
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
    if size > MOST_VARIANTS:
        raise UsageError(f"its axes have {size:,} points; expected at most {MOST_VARIANTS:,}: split the suite")
    versions = measure_versions(table.get("measures", []))
    source, taken_from = registry.source(table["name"]), {name: measures.source(name) for name in versions}
    for values in itertools.product(*axes.values()):
        instance = _instance(registry, table["name"], dict(zip(axes, values, strict=True)))
        budget = _budget(table, instance) if section == "learners" else None
        only = table.get("tasks")
        if only is not None and not (isinstance(only, list) and all(isinstance(name, str) for name in only)):
            raise UsageError(f'tasks = {shown(only)}: expected a list of task ids: ["add"]')
        yield Variant(
            id=identity,
            name=table["name"],
            options=instance.options,
            given=non_default(cls, instance.options),
            version=int(cls.version),
            budget=budget,
            only_tasks=None if only is None else tuple(only),
            seeds=_own_seeds(table),
            measures=versions,
            source=source,
            measure_sources=taken_from,
        )


def _instance(registry: Registry, name: str, values: dict[str, object]):
    """An instance with some options; UsageError for whatever its constructor raises."""
    try:
        return registry.create(name, **values)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"its constructor raises {type(error).__name__}: {error}") from error


def _axis(option, value: object) -> list[object]:
    """The values of one key: a list is an axis, except that a list-valued option nests its values."""
    if not isinstance(value, list):
        return [option.check(value)]
    if not value:
        raise UsageError(f"{option.name} = []: an axis needs at least one value")
    return [option.check(item) for item in value]


def _budget(table: dict, learner) -> float:
    if "budget" not in table:
        raise UsageError(f"needs a budget in its own clock: budget = NUMBER ({learner.clock})")
    if not is_number(table["budget"]):
        raise UsageError(f"budget = {shown(table['budget'])}: expected one number of {learner.clock}")
    checkpoints(table["budget"], integer_clock=learner.integer_clock)  # says what is wrong with it
    return table["budget"]


def _own_seeds(table: dict) -> int | None:
    seeds = table.get("seeds")
    if seeds is not None and not (is_whole(seeds) and seeds >= 1):
        raise UsageError(f"seeds = {shown(seeds)}: expected a whole number of at least 1")
    return seeds


def check_plain(key: str, value: object) -> None:
    """UsageError for dates, endless nesting and numbers beyond 64 bits. Whether a float fits depends on the key."""
    expected = misfit(value)
    if expected and expected != FINITE:
        raise UsageError(f"{key} = {shown(value)}: expected {expected}")


def measure_versions(names: object) -> dict[str, int]:
    """Versions by name of measures. UsageError for what is no list of names, or an unknown name."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError(f'measures = {shown(names)}: expected a list of names: ["after_kernel"]')
    unknown = [name for name in names if name not in measures]
    if unknown:
        raise UsageError(f"measures: no measure {unknown[0]!r}{closest(unknown[0], measures.names())}")
    return {name: int(measures[name].version) for name in sorted(set(names))}


def is_whole(value: object) -> bool:
    """Whether a value of a TOML file is a whole number; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether a value of a TOML file is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
