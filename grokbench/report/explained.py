"""Stored runs of a suite for which explanations are registered, handed over to be judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from grokbench.curves.run import Run
from grokbench.report import explanation_rows
from grokbench.report.judged import JudgedRun
from grokbench.report.labels import legend
from grokbench.suites.plan import Keys, cell_keys
from grokbench.suites.registered import registered_rules, registered_suite
from grokbench.suites.suite import load_suite
from grokbench.verdicts import cross_table, rules
from grokbench.verdicts.judging import Told, tell


def cell_texts(note: dict, runs: list[JudgedRun]) -> dict[str, tuple[str, str]]:
    """Cell "task/learner" -> task and learner with all options that are not defaults; of cells that were run."""
    by_key = {run.record["key"]: run for run in runs}
    found = {}
    for cell, keys in note.get("cells", {}).items():
        run = next((by_key[key] for key in keys.values() if key in by_key), None)
        if run is not None:
            found[cell] = tuple(f"{name}({legend((name, given))})" for name, given in (run.task, run.learner))
    return found


def explain_suite(note: dict, runs: list[JudgedRun]) -> tuple[list[Told], dict[str, tuple]]:
    """The explanations registered for the suite of a results folder, judged, and their tables: name -> columns, rows.

    ``note`` : what `write_suite_note` kept. Nothing where no explanation is registered for the suite.
    """
    told, crossed = [], []
    for found in rules.of_suite(note.get("suite", "")):
        confirmatory = _confirmatory(found.suite)
        cells = note.get("cells") or confirmatory
        traces = traces_by_cell(cells, runs, {key for keys in confirmatory.values() for key in keys.values()})
        told.append(tell(found, traces, registered_rules().get(found.explanation, "")))
        crossed += cross_table.cross_table(found, traces)
    if not told:
        return [], {}
    rows = [row for one in told for row in explanation_rows.explanation_rows(one)]
    return told, {"explanations": (explanation_rows.COLUMNS, rows), "cross_table": (cross_table.COLUMNS, crossed)}


def _confirmatory(suite: str) -> Keys:
    """The runs of the suite as it is shipped: no override, no other seeds."""
    path: Path | None = registered_suite(suite)
    return {} if path is None else cell_keys(load_suite(str(path)))


def traces_by_cell(cells: Mapping[str, Mapping], runs: list[JudgedRun], confirmatory: set[str]) -> dict:
    """Cell "task/learner" -> seed -> trace, from the keys of each cell.

    A run whose key is not among the confirmatory ones has other options than those registered: it carries no hash.
    """
    by_key = {run.record["key"]: run for run in runs}
    found: dict[str, dict[int, Run]] = {}
    for cell, keys in cells.items():
        here = {int(seed): by_key[key] for seed, key in keys.items() if key in by_key}
        if here:
            found[cell] = {seed: trace_of(run.run, confirmatory) for seed, run in here.items()}
    return found


def trace_of(run: Run, key_registered: set[str]) -> Run:
    """A stored run, without the hashes of rules where its options are not those registered."""
    return run if run.key in key_registered else replace(run, record={**run.record, "registered": {}})
