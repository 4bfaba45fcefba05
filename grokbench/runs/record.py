"""What a stored run has to look like before anything is done with it: types and ranges of run.json and curve.csv.

A results folder may come from anyone. What passes these checks can be used everywhere without further care. Texts
may still hold anything, and are escaped where they are written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from grokbench.curves.trace import COLUMNS
from grokbench.errors import UsageError, shown
from grokbench.options import misfit

FORMAT = 1  # of run.json and suite.json; a file without a number was written before there were any, and counts as 0
Check = Callable[[object], bool]


def check_format(content: object, path: Path, intact: bool) -> None:
    """UsageError for a file that a newer grokbench has written, ValueError for a format that is none.

    What a newer one has written is neither damaged nor understood: it is left where it is, as it is. A number that is
    too large in a file whose own hash does not fit, in whatever format, is damage: not ``intact``.
    """
    number = content.get("format", 0) if isinstance(content, dict) else 0
    if not _whole(number) or (number > FORMAT and not intact):
        raise ValueError(f"format = {shown(number)} cannot be")
    if number > FORMAT:
        raise UsageError(
            f"{path}: made by a newer grokbench: it has format {number}, and this version reads up to {FORMAT}; "
            "upgrade grokbench, or name another results folder"
        )


def _text(value: object) -> bool:
    return isinstance(value, str)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def is_number(value: object) -> bool:
    """Whether a value is a number of ordinary size, as a run measures it; NaN and infinity are."""
    return isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63)


def _finite(value: object) -> bool:
    return is_number(value) and math.isfinite(value)


def _positive(value: object) -> bool:
    return _finite(value) and value > 0


def _plain(value: object) -> bool:
    return isinstance(value, dict) and not misfit(value)


def _measured(value: object) -> bool:
    return value is None or is_number(value)


def _truth(value: object) -> bool:
    return isinstance(value, bool)


def _versions(value: object) -> bool:
    return isinstance(value, dict) and all(map(_whole, value.values()))


def _hashes(value: object) -> bool:
    return isinstance(value, dict) and all(map(_text, value.values()))


CONFIG: dict[str, Check] = {
    **dict.fromkeys(("task", "learner", "device"), _text),
    **dict.fromkeys(("task_options", "learner_options"), _plain),
    **dict.fromkeys(("task_version", "learner_version", "definitions", "seed", "points_per_decade"), _whole),
    "budget": _positive,
    "settle": _truth,
}
OPTIONAL_CONFIG: dict[str, Check] = {"measures": _versions, "source": _hashes}
RECORD: dict[str, Check] = {
    **dict.fromkeys(("key", "status", "suite", "error"), _text),
    **dict.fromkeys(("config", "task_given", "learner_given", "environment"), _plain),
}
# a run that failed early does not know all of these
OPTIONAL: dict[str, Check] = {
    **dict.fromkeys(("family", "clock", "split", "traceback"), _text),
    **dict.fromkeys(("n_train", "n_test", "n_classes"), _whole),
    **dict.fromkeys(("chance", "ceiling"), _finite),
    **dict.fromkeys(("baseline_loss", "cpu_seconds", "wall_seconds", "peak_memory_mb"), _measured),
    "unit": _positive,
    **dict.fromkeys(("registered", "registered_cells"), _hashes),
}
KNOWN_WITH_UNIT = ("chance", "ceiling", "n_classes")  # known as soon as the unit of the clock is


def check_record(record: dict) -> None:
    """ValueError or LookupError for a run.json that does not have the shape of one."""
    _check("", record, RECORD)
    _check("config.", record["config"], CONFIG)
    _check("config.", record["config"], {name: c for name, c in OPTIONAL_CONFIG.items() if name in record["config"]})
    _check("", record, {name: check for name, check in OPTIONAL.items() if name in record})
    if "unit" in record:
        _check("", record, {name: OPTIONAL[name] for name in KNOWN_WITH_UNIT})
    if not _text(record["environment"].get("hash")):
        raise ValueError("environment has no hash")


def _check(prefix: str, values: dict, checks: dict[str, Check]) -> None:
    for name, fits in checks.items():
        if name not in values:
            raise ValueError(f"{prefix}{name} is missing")
        if not fits(values[name]):
            raise ValueError(f"{prefix}{name} = {shown(values[name])} cannot be")


def check_curve(header: list[str], columns: Mapping[str, Sequence[float]]) -> None:
    """ValueError for a curve.csv without the columns of a curve, or with times that are no times.

    header : names of the columns as the file has them, perhaps one twice.
    columns : name -> (checkpoints,) numbers.
    """
    check_columns(header)
    if not all(map(math.isfinite, columns["time"])):
        raise ValueError("curve.csv has times that are not finite")


def check_columns(names: Collection[str]) -> None:
    """ValueError for what cannot be the columns of a curve: `COLUMNS`, and names of measures."""
    measured = [name for name in names if name not in COLUMNS]
    if len(names) != len(set(names)) or not set(COLUMNS) <= set(names) or not all(map(str.isidentifier, measured)):
        raise ValueError(f"other columns than those of a curve: {shown(list(names))}")
