"""Whose folder it is: a results folder is ours if it says so, and nothing is written, moved or read in any other.

The marker ``grokbench.json`` is the first file that is written into a new folder. A folder that an earlier version
filled has none, and is known by its runs or its note; it gets the marker with the next command that writes to it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path

from grokbench.errors import UsageError
from grokbench.options import digest
from grokbench.runs.files import is_folder, open_regular

MARKER = "grokbench.json"
NAME, VALUE = "grokbench", "results"
CONTENT = {
    NAME: VALUE,
    "about": "runs/ is the store of grokbench; the tables beside it are derived from it and written over",
}
KEY = re.compile(r"[0-9a-f]{20}")
LARGEST = 2**24  # characters of a file that is looked into to see whose it is
FILES = ("run.json", "curve.csv")  # of a run
STAGING = re.compile(rf"\.{re.escape(MARKER)}-[0-9a-f]{{8}}")  # of the marker, before it is there
EMPTY = ("runs", "locks", "quarantine")  # folders that say nothing of whose they are as long as nothing is in them
NOTE = {"suite", "title", "comparisons", "learners", "not_applicable"}  # what every suite.json has had


def require_ours(results: Path, option: str = "--results") -> None:
    """UsageError for a folder that is neither ours nor empty, and for one whose runs/ is a link; nothing is touched.

    option : the one that names another folder.
    """
    if not is_ours(results):
        raise UsageError(
            f"{results}: not a results folder of grokbench, because it is not empty and has no {MARKER}; nothing was "
            f"touched; expected a folder that compare has made, or a new one: {option} DIR"
        )
    runs = results / "runs"
    if os.path.lexists(runs) and not is_folder(runs):
        raise UsageError(f"{runs}: a link or a file; expected a folder in {results} itself; nothing was touched")


def is_ours(results: Path) -> bool:
    """True for a results folder of grokbench, for an empty folder, and for none."""
    if is_marked(results):
        return True
    try:
        names = os.listdir(results)
    except (FileNotFoundError, NotADirectoryError):  # to write says what is wrong with a file
        return True
    if all(STAGING.fullmatch(name) or _is_empty_one(results / name) for name in names):
        return True
    if os.path.lexists(results / MARKER):  # another's; or another command has just made the folder ours
        return is_marked(results)
    return _is_of_an_earlier_version(results)


def _is_empty_one(path: Path) -> bool:
    if path.name not in EMPTY or not is_folder(path):
        return False
    return all(path.name == "locks" and name.endswith(".lock") for name in os.listdir(path))


def is_marked(folder: Path, value: str = VALUE) -> bool:
    """True for a folder with the marker; `value` says what it is a folder of."""
    content = _content(folder / MARKER)
    return isinstance(content, dict) and content.get(NAME) == value


def _is_of_an_earlier_version(results: Path) -> bool:
    """True for a folder without a marker that holds a run or a note of ours, and no table that is not."""
    runs = results / "runs"
    names = os.listdir(runs) if is_folder(runs) else []
    note = _content(results / "suite.json")
    noted = isinstance(note, dict) and note.keys() >= NOTE and all(re.match(r"\.|[0-9a-f]{20}$", n) for n in names)
    known = noted or any(KEY.fullmatch(name) and _is_run_of(runs / name) for name in names)
    return known and _is_our_table(results / "runs.csv") and _are_our_environments(results / "environment.json")


def _is_run_of(folder: Path) -> bool:
    """True for a folder with a run.json that belongs into a folder of this name."""
    record = _content(folder / "run.json") if is_folder(folder) else None
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        return isinstance(record, dict) and record.get("key") == folder.name == digest(record.get("config"))
    return False


def _is_our_table(path: Path) -> bool:
    """False for a table under the name of ours that begins otherwise. A link is replaced, not written through."""
    if path.is_symlink() or not path.is_file():
        return True
    with open(path, "rb") as file:
        return file.read(10) == b"key,suite,"


def _are_our_environments(path: Path) -> bool:
    """False for a file under the name of ours that says anything but the environments of runs by their hashes."""
    machines = _content(path)
    ours = isinstance(machines, dict) and all(
        isinstance(machine, dict) and machine.get("hash") == name for name, machine in machines.items()
    )
    return ours or path.is_symlink() or not path.is_file()


def is_somebody_elses(place: Path) -> bool:
    """True for what lies in the place of a run and is neither a run, sound or not, nor an empty folder.

    False where nothing lies there, or no longer: another process may be replacing the run.
    """
    try:
        names = set(os.listdir(place)) if is_folder(place) else None
    except OSError:
        names = None
    if names is None:
        return os.path.lexists(place) and not is_folder(place)
    if names <= set(FILES):
        return False
    record = _content(place / "run.json")
    ours = isinstance(record, dict) and {"key", "config"} <= record.keys()
    return not ours and is_folder(place)


def remove_run(folder: Path) -> None:
    """Remove a folder with the two files of a run; one with anything else in it stays, with that."""
    if is_folder(folder):
        for name in FILES:
            with contextlib.suppress(OSError):
                (folder / name).unlink()
        with contextlib.suppress(OSError):
            folder.rmdir()


def _content(path: Path) -> object:
    """What a file of JSON says; None where there is none, or it says nothing."""
    try:
        with open_regular(path) as file:
            text = file.read(LARGEST + 1)
        return json.loads(text) if len(text) <= LARGEST else None
    except (OSError, ValueError, RecursionError):
        return None
