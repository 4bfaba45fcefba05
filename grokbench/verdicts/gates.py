"""What must be in order before a prediction is asked of a family on a task: the assay, its controls, its health.

Each function looks at the cells and returns one `Gate`, whose reason names what failed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from grokbench.statistics.proportions import clopper_pearson
from grokbench.verdicts.cells import Cells, Run
from grokbench.verdicts.rules import Design, Rules
from grokbench.verdicts.verdict import NOT_APPLICABLE, Gate

MOST_LOST = 0.10
LEAST_FITTED = 0.90
ZERO_GRADIENT = "zero_gradient"  # column; runs that do not measure it are held to be healthy


def groks_here(cells: Cells) -> Gate:
    """G-a: the recipe generalizes late: one-sided 95 % Clopper-Pearson bound of its share > .5; all seeds count."""
    late = int(np.sum(cells.late("free", imputed=0.0) == 1))
    n = len(cells.seeds)
    low = clopper_pearson(late, n, 0.90)[0]
    return Gate("assay", bool(low > 0.5), f"does not grok here ({late}/{n} late)", NOT_APPLICABLE)


def shuffled_never(cells: Cells) -> Gate:
    """G-b: with shuffled labels no run generalizes, late or not."""
    found = [trace for trace in cells.traces("shuffled") if trace.complete]
    wrong = sum(not math.isnan(cells.detection(trace).t_gen) for trace in found)
    reason = f"{wrong} shuffled runs generalize" if found else "no run with shuffled labels"
    return Gate("shuffled", bool(found) and wrong == 0, reason)


def registered(cells: Cells, roles: Sequence[str], rules: Rules, design: Design, rules_hash: str) -> Gate:
    """G-c, first half: all registered seeds of these roles were run, as registered, and after the rules were fixed.

    Nobody stops when the answer pleases, and nobody fits the rules to the runs. A row that fails is exploratory.
    """
    if tuple(cells.seeds) != rules.registered_seeds(design):
        return Gate("registered", False, "exploration: other seeds than the registered ones")
    places = [(cell, seed) for cell in _named(cells, roles) for seed in cells.seeds]
    missing = [place for place in places if place[1] not in _runs(cells, place[0])]
    if missing:
        return Gate("registered", False, f"{len(missing)} of {len(places)} registered runs missing")
    early = [place for place in places if _hash(cells, rules.explanation, *place) != rules_hash]
    return Gate("registered", not early, f"{len(early)} of {len(places)} runs predate the rules or differ from them")


def _hash(cells: Cells, explanation: str, cell: str, seed: int) -> str | None:
    return _runs(cells, cell)[seed].registered.get(explanation)


def few_lost(cells: Cells, roles: Sequence[str]) -> Gate:
    """G-c, second half: in each cell at most 10 % failed, diverged or ran out of time; they are imputed."""
    for cell in _named(cells, roles):
        found = [_runs(cells, cell)[seed] for seed in cells.seeds if seed in _runs(cells, cell)]
        lost = sum(not trace.complete for trace in found)
        if lost > MOST_LOST * len(cells.seeds):
            return Gate("failed runs", False, f"{lost} of {len(found)} runs of {cell} failed")
    return Gate("failed runs", True, "")


def frozen_fits(cells: Cells, roles: Sequence[str]) -> Gate:
    """G-d: frozen cells reach the train criterion (in 90 % of the runs): who cannot memorize says nothing."""
    for role in roles:
        found = cells.values(role, lambda trace: float(cells.detection(trace).t_mem_censoring != "right"), imputed=0.0)
        if not found.size or found.mean() < LEAST_FITTED:
            return Gate("frozen fits", False, f"{role.replace('_', ' ')} fits in {int(found.sum())}/{found.size} runs")
    return Gate("frozen fits", True, "")


def not_too_easy(cells: Cells, roles: Sequence[str]) -> Gate:
    """A frozen cell that generalizes at once in half of its runs makes the task too easy to tell anything."""
    for role in roles:
        at_once = cells.values(role, lambda trace: float(cells.detection(trace).outcome == "immediate"), imputed=0.0)
        if at_once.size and at_once.mean() >= 0.5:
            return Gate("too easy", False, f"too easy: {role.replace('_', ' ')} generalizes at once")
    return Gate("too easy", True, "")


def healthy(cells: Cells, roles: Sequence[str]) -> Gate:
    """G-e: at t_mem and later at most half of the examples have a gradient of exactly zero."""
    for cell in _named(cells, roles):
        sick = sum(_collapsed(cells, trace) for trace in _runs(cells, cell).values() if trace.complete)
        if sick > MOST_LOST * len(cells.seeds):
            return Gate("numerical health", False, f"gradients vanish in {sick} runs of {cell}")
    return Gate("numerical health", True, "")


def _collapsed(cells: Cells, trace: Run) -> bool:
    shares = trace.curve.column(ZERO_GRADIENT)[trace.curve.time >= cells.detection(trace).t_mem]
    return bool((shares >= 0.5).any())


def _named(cells: Cells, roles: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(cell for role in roles for cell in cells.cells(role)))


def _runs(cells: Cells, cell: str) -> dict:
    return cells.runs.get(cell, {})
