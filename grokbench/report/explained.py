"""Stored runs of a suite for which explanations are registered, handed over to be judged."""

from __future__ import annotations

from grokbench.report.judged import JudgedRun
from grokbench.report.labels import legend
from grokbench.verdicts import cross_table, explanation_rows
from grokbench.verdicts.judging import judge_suite
from grokbench.verdicts.verdict import Verdict


def cell_texts(note: dict, runs: list[JudgedRun]) -> dict[str, tuple[str, str]]:
    """Cell "task/learner" -> task and learner with all options that are not defaults; of cells that were run."""
    by_key = {run.record["key"]: run for run in runs}
    found = {}
    for cell, keys in note.get("cells", {}).items():
        run = next((by_key[key] for key in keys.values() if key in by_key), None)
        if run is not None:
            found[cell] = tuple(f"{name}({legend((name, given))})" for name, given in (run.task, run.learner))
    return found


def explain_suite(note: dict, runs: list[JudgedRun]) -> tuple[list[Verdict], dict[str, tuple]]:
    """The explanations registered for the suite of a results folder, judged, and their tables: name -> columns, rows.

    ``note`` : what `write_suite_note` kept. Nothing where no explanation is registered for the suite.
    """
    judged = judge_suite(note.get("suite", ""), note.get("cells", {}), [run.run for run in runs])
    if not judged:
        return [], {}
    rows = [row for one in judged for row in explanation_rows.explanation_rows(one)]
    crossed = [row for one in judged for row in cross_table.cross_table(one)]
    return judged, {"explanations": (explanation_rows.COLUMNS, rows), "cross_table": (cross_table.COLUMNS, crossed)}
