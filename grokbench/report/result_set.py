"""A result set as a list of its runs: from the store, or from ``runs.csv`` where a folder has only its tables.

The folders of `results/reference` are of the second kind. Their events are those of the grokbench that wrote them,
while those of a store are judged anew; the curves, and settings that ``runs.csv`` has no column for, are not known.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grokbench.curves.detect import LEVEL
from grokbench.curves.run import Run
from grokbench.curves.trace import COLUMNS
from grokbench.errors import UsageError, shown
from grokbench.limits import LARGEST_NOTE, LARGEST_TABLE
from grokbench.options import options_json
from grokbench.runs.store import Store, regular_text
from grokbench.tables.grid import RUN_OPTIONS
from grokbench.tables.text import FORMULA, plain
from grokbench.verdicts.pairing import CellName, ListedRun, given_options

MEASURED = tuple(name for name in COLUMNS if name != "cpu_seconds")  # of a curve, what two machines may share
TEXTS = ("key", "split", "clock", "status", "outcome", "t_mem_censoring", "t_gen_censoring", "delay_censoring")
NUMBERS = ("t_mem", "t_gen", "delay", "late", "budget")
NAMES = ("task", "task_options", "learner", "learner_options")
JUDGED = ("outcome", "late", *(f"{name}{part}" for name in ("t_mem", "t_gen", "delay") for part in ("", "_censoring")))
COLUMNS_READ = (*NAMES, *TEXTS, *NUMBERS, "seed", "environment")


@dataclass(frozen=True)
class ResultSet:
    """The runs of a results folder.

    Parameters
    ----------
    folder : where they are.
    runs : in the order of their keys, or of the table.
    stored : whether they come from ``runs/``, so that curves and whole configurations are known.
    """

    folder: Path
    runs: tuple[ListedRun, ...]
    stored: bool


def read_result_set(folder: Path) -> ResultSet:
    """The runs of a results folder, from ``runs/`` or else from ``runs.csv``.

    Raises UsageError for a folder that does not exist, is somebody else's or has neither, and for a table that no
    report has written.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such results folder")
    if os.path.lexists(folder / "runs") and Store(folder).keys():
        return ResultSet(folder, tuple(map(_listed, Store(folder).read_all())), stored=True)
    if os.path.lexists(folder / "runs.csv"):
        return ResultSet(folder, tuple(_of_table(folder)), stored=False)
    raise UsageError(f"{folder}: no stored runs there (expected {folder}/runs, or the table runs.csv)")


def _listed(run: Run) -> ListedRun:
    """A stored run, judged anew."""
    config, detection = run.record["config"], run.detections[LEVEL] if run.counts else None
    return ListedRun(
        key=run.key,
        cell=_cell(
            *(config["task"], options_json(run.record["task_given"])),
            *(config["learner"], options_json(run.record["learner_given"])),
        ),
        seed=run.seed,
        split=plain(run.record.get("split", "")),
        clock=plain(run.clock),
        status=run.status,
        budget=float(config["budget"]),
        last=run.curve.last,
        config=config,
        environment={**run.record["environment"], "device": config["device"]},
        curve=_hash(run),
        **({name: getattr(detection, name) for name in JUDGED} if detection else {}),
    )


def _cell(task: str, task_options: str, learner: str, learner_options: str) -> CellName:
    """The name of a cell as a table has it, so that a stored run meets itself in ``runs.csv``."""
    return CellName(*map(plain, (task, task_options, learner, learner_options)))


def _hash(run: Run) -> str:
    """SHA-256 of the columns that every curve has, processor time aside; empty without checkpoints."""
    if not len(run.curve):
        return ""
    return hashlib.sha256(b"".join(np.asarray(run.curve.column(name)).tobytes() for name in MEASURED)).hexdigest()


def _of_table(folder: Path) -> Iterator[ListedRun]:
    """The rows of ``runs.csv``. UsageError, with the line, for one that no report has written."""
    path, machines = folder / "runs.csv", _environments(folder / "environment.json")
    reader = csv.DictReader(io.StringIO(_content(path), newline=""))
    try:
        missing = [name for name in COLUMNS_READ if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"no column {missing[0]!r}")
        for row in reader:
            yield _of_row(row, machines)
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{path}: line {reader.line_num}: {error}; expected the table that report writes") from error


def _content(path: Path) -> str:
    try:
        return regular_text(path, LARGEST_TABLE)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _of_row(row: Mapping[str, str | None], machines: Mapping[str, Mapping]) -> ListedRun:
    texts = {name: _text(row, name) for name in (*NAMES, *TEXTS, "environment")}
    numbers = {name: _number(row, name) for name in NUMBERS}
    _check_numbers(numbers)
    cell = _cell(*(texts["task"], texts["task_options"], texts["learner"], _without_run_options(texts)))
    return ListedRun(
        cell=cell,
        seed=_whole(row, "seed"),
        last=_last(texts, numbers),
        environment=machines.get(texts["environment"], {}),
        **{name: texts[name] for name in TEXTS},
        **numbers,
    )


def _check_numbers(numbers: Mapping[str, float]) -> None:
    """ValueError for what no run can have; an empty cell is NaN, and a delay is any number."""
    wrong = [name for name in ("t_mem", "t_gen") if numbers[name] < 0]
    wrong += [] if numbers["budget"] > 0 else ["budget"]
    wrong += [] if numbers["late"] in (0, 1) or math.isnan(numbers["late"]) else ["late"]
    if wrong:
        raise ValueError(f"{wrong[0]} = {numbers[wrong[0]]:g} cannot be")


def _text(row: Mapping[str, str | None], name: str) -> str:
    """A text as it was before a spreadsheet was kept from calculating it."""
    text = row[name]
    if text is None:
        raise ValueError(f"it has no {name}, so that the line is too short")
    return text[1:] if text[:1] == "'" and text[1:2] in FORMULA else text


def _number(row: Mapping[str, str | None], name: str, read: Callable = float) -> float:
    text = _text(row, name)
    try:
        value = read(text) if text else math.nan
    except ValueError as error:
        raise ValueError(f"{name} = {shown(text)}: expected a number") from error
    return value if abs(value) < math.inf else math.nan


def _whole(row: Mapping[str, str | None], name: str) -> int:
    value = _number(row, name, int)
    if not isinstance(value, int):
        raise ValueError(f"{name} = '': expected a number")
    return value


def _last(texts: Mapping[str, str], numbers: Mapping[str, float]) -> float:
    """The last checkpoint of a run that is done is its budget; of others the table does not say it."""
    return numbers["budget"] if texts["status"] == "done" else math.nan


def _without_run_options(texts: Mapping[str, str]) -> str:
    """The learner's options without the budget and the like, which a report adds where they vary."""
    text = texts["learner_options"]
    given = given_options(text)
    kept = {name: value for name, value in given.items() if name not in RUN_OPTIONS}
    return text if len(kept) == len(given) else options_json(kept)


def _environments(path: Path) -> dict[str, Mapping]:
    """Hash -> versions and machine; empty where there is no such file, or it says nothing of the kind."""
    try:
        machines = json.loads(regular_text(path, LARGEST_NOTE))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(machines, dict):
        return {}
    return {name: facts for name, facts in machines.items() if isinstance(facts, dict)}
