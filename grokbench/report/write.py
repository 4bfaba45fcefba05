"""Tables to files: CSV in full, Markdown with the columns that people read.

An undefined or censored value is an empty cell; floats have six significant digits (curves ten).
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from grokbench.report import tables
from grokbench.report.explained import cell_texts, explain_suite
from grokbench.report.explained_page import explanations_page
from grokbench.report.judged import JudgedRun, judge_store, options_json
from grokbench.report.markdown import Rows, cell, markdown_tables
from grokbench.report.prevalence import PREVALENCE, prevalence_table
from grokbench.runs.claims import tables_claimed
from grokbench.runs.store import Store, regular_text, write_atomically
from grokbench.suites.plan import Plan, cell_keys
from grokbench.verdicts import rules

FORMULA = ("=", "+", "-", "@")  # what begins a formula in a spreadsheet


def write_report(results: str | Path) -> tuple[dict[str, Rows], list[JudgedRun]]:
    """Rebuild every derived file of a results folder from its stored runs.

    Returns the tables by name, all but the curves, and the judged runs. Raises UsageError where a file cannot be
    written.
    """
    with tables_claimed(Path(results)):
        return _write_report(Path(results))


def _write_report(results: Path) -> tuple[dict[str, Rows], list[JudgedRun]]:
    runs = judge_store(Store(results))
    suite = read_suite_note(results)
    built = {
        "runs": (tables.RUNS, tables.runs_table(runs)),
        "delays": (tables.DELAYS, tables.delays_table(runs)),
        "sensitivity": (tables.SENSITIVITY, tables.sensitivity_table(runs)),
        "comparisons": (tables.COMPARISONS, tables.comparisons_table(runs, registered_pairs(suite, runs))),
        "prevalence": (PREVALENCE, prevalence_table(runs)),
    }
    told, explained = explain_suite(suite, runs)
    for name, (columns, rows) in {**built, **explained}.items():
        write_atomically(results / f"{name}.csv", csv_lines(columns, rows, 6))
    curves = csv_lines(tables.curves_columns(runs), tables.curves_table(runs), 10)
    write_atomically(results / "curves.csv", curves)
    title = suite.get("title") or suite.get("suite") or results.name
    for name, text in markdown_tables(title, {name: rows for name, (_, rows) in built.items()}, runs).items():
        write_atomically(results / f"{name}.md", text)
    if told:
        page = explanations_page(title, told, explained["cross_table"][1], cell_texts(suite, runs))
        write_atomically(results / "explanations.md", page)
    environments = {run.record["environment"]["hash"]: run.record["environment"] for run in runs}
    text = json.dumps({key: environments[key] for key in sorted(environments)}, indent=1, sort_keys=True) + "\n"
    write_atomically(results / "environment.json", text)
    return {name: rows for name, (_, rows) in {**built, **explained}.items()}, runs


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


def registered_pairs(suite: dict, runs: list[JudgedRun]) -> list[tuple[set, set]] | None:
    """The sides of each registered comparison as sets of learner cells, or of one family name."""
    if suite.get("comparisons") is None:
        return None
    families = {run.record.get("family") for run in runs}
    # as the suite knows a cell: without the budget and the like that a label may add
    cells = {run.learner: (run.record["config"]["learner"], options_json(run.record["learner_given"])) for run in runs}

    def side(name: str) -> set:
        wanted = {(entry[0], entry[1]) for entry in suite.get("learners", {}).get(name, [])}
        return {cell for cell, plain in cells.items() if plain in wanted} | ({name} & families)

    return [(side(a), side(b)) for a, b in suite["comparisons"]]


def csv_lines(columns: Iterable[str], rows: Iterable[dict], digits: int) -> Iterator[str]:
    """Lines of CSV with a header; what is undefined is empty, and no text is a formula to a spreadsheet."""
    columns, line = list(columns), io.StringIO()
    writer = csv.writer(line, lineterminator="\n")
    for cells in itertools.chain([columns], ([_harmless(row.get(name), digits) for name in columns] for row in rows)):
        writer.writerow(cells)
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def _harmless(value: object, digits: int) -> str:
    """A cell; a text that a spreadsheet would calculate gets an apostrophe before it, as spreadsheets themselves do."""
    text = cell(value, digits)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA) else text
