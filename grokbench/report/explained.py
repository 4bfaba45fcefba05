"""Stored runs of a suite for which explanations are registered, handed over to be judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from grokbench.curves.run import Run
from grokbench.runs.note import Note
from grokbench.suites.plan import Keys, cell_keys
from grokbench.suites.registered import registered_rules, registered_suite
from grokbench.suites.suite import load_suite
from grokbench.verdicts import cross_table, rules
from grokbench.verdicts.judging import Told, tell


@dataclass(frozen=True)
class Explained:
    """An explanation judged, and the rows of its cross table."""

    told: Told
    crossed: list[dict]


def explain_suite(note: Note, runs: Sequence[Run]) -> list[Explained]:
    """The explanations registered for the suite of a results folder, judged."""
    found = []
    for one in rules.of_suite(note.suite):
        confirmatory = _confirmatory(one.suite)
        cells = note.cells or confirmatory
        by_cell = runs_by_cell(cells, runs, {key for keys in confirmatory.values() for key in keys.values()})
        told = tell(one, by_cell, registered_rules().get(one.explanation, ""))
        found.append(Explained(told, cross_table.cross_table(one, by_cell)))
    return found


def _confirmatory(suite: str) -> Keys:
    path = registered_suite(suite)
    return {} if path is None else cell_keys(load_suite(str(path)))


def runs_by_cell(cells: Mapping[str, Mapping], runs: Sequence[Run], confirmatory: set[str]) -> dict:
    """Cell "task/learner" -> seed -> run, from the keys of each cell."""
    by_key = {run.key: run for run in runs}
    found: dict[str, dict[int, Run]] = {}
    for cell, keys in cells.items():
        there = {int(seed): by_key[key] for seed, key in keys.items() if key in by_key}
        if there:
            found[cell] = {seed: _marked(run, confirmatory) for seed, run in there.items()}
    return found


def _marked(run: Run, confirmatory: set[str]) -> Run:
    return run if run.key in confirmatory else replace(run, record={**run.record, "registered": {}})
