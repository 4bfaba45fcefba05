"""What a suite says and no single run knows, kept beside the runs."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

from grokbench.runs.store import regular_text, write_atomically
from grokbench.suites.plan import Plan, cell_keys
from grokbench.tables.grid import options_json
from grokbench.verdicts import rules


def write_suite_note(results: Path, plan: Plan) -> None:
    """Keep beside the runs what the suite says and no single run knows: its title and registered pairs.

    Where explanations are registered for the suite, also the keys of its cells.
    """
    cells: dict[str, list] = {}
    for cell_ in plan.suite.learners:
        cells.setdefault(cell_.id, []).append([cell_.name, options_json(cell_.given)])
    note = {
        "suite": plan.suite.name,
        "title": plan.suite.title,
        "comparisons": plan.suite.comparisons,
        "learners": cells,
        "not_applicable": [[task.id, learner.id, reason] for task, learner, reason in plan.not_applicable],
    }
    if rules.of_suite(plan.suite.name):
        note["cells"] = cell_keys(plan.suite)
    write_atomically(results / "suite.json", json.dumps(note, indent=1, sort_keys=True) + "\n")


def read_suite_note(results: Path) -> dict:
    """What `write_suite_note` kept; empty where there is none, or none that could be ours (with a warning)."""
    try:
        note = json.loads(regular_text(results / "suite.json"))
        _check_note(note)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        warnings.warn(f"{results / 'suite.json'} is not used ({error}): every comparison counts", stacklevel=2)
        return {}
    return note


def _check_note(note: object) -> None:
    """ValueError for what `write_suite_note` cannot have written."""
    if not isinstance(note, dict):
        raise ValueError("not a table")
    texts = [note.get("title", ""), note.get("suite", "")]
    pairs = note.get("comparisons")
    named = note.get("learners", {})
    fits = all(isinstance(text, str) for text in texts) and isinstance(named, dict)
    fits = fits and (pairs is None or (isinstance(pairs, list) and all(map(_two_texts, pairs))))
    fits = fits and _keys_by_cell(note.get("cells", {}))
    if not fits or not all(isinstance(cells, list) and all(map(_two_texts, cells)) for cells in named.values()):
        raise ValueError("not what a suite leaves")


def _keys_by_cell(cells: object) -> bool:
    return isinstance(cells, dict) and all(
        isinstance(keys, dict) and all(seed.isdecimal() and isinstance(key, str) for seed, key in keys.items())
        for keys in cells.values()
    )


def _two_texts(pair: object) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair)
