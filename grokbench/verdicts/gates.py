"""What must be in order before a prediction is asked of a family on a task: the assay, its controls, its health.

Each function looks at the cells and returns one `Gate`, whose reason names what failed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from grokbench.curves.run import Run
from grokbench.statistics.proportions import clopper_pearson
from grokbench.suites.registered import Registration
from grokbench.verdicts.cells import Cells
from grokbench.verdicts.finding import NOT_APPLICABLE, Gate
from grokbench.verdicts.rules import Rules

MOST_LOST = 0.10
LEAST_FITTED = 0.90
ZERO_GRADIENT = "zero_gradient"  # column; runs that do not measure it are held to be healthy
NAMED, REGISTERED = "cells", "registered"  # names of gates that verdicts are asked about


def constructed(cells: Cells, prediction: str) -> Gate:
    """What the rules say is true by construction here is no evidence."""
    reason = cells.design.by_construction.get(prediction, "")
    return Gate("construction", not reason, f"by construction: {reason}", NOT_APPLICABLE)


def named(cells: Cells, roles: Sequence[str]) -> Gate:
    """The rules name cells for all of these roles."""
    missing = [role for role in roles if not cells.of_role(role)]
    return Gate(NAMED, not missing, f"no cells for {', '.join(missing)}", NOT_APPLICABLE)


def groks_here(cells: Cells) -> Gate:
    """G-a: the recipe generalizes late: one-sided 95 % Clopper-Pearson bound of its share > .5; all seeds count."""
    late = int(np.sum(cells.late("free", imputed=0.0) == 1))
    n = len(cells.seeds)
    low = clopper_pearson(late, n, 0.90)[0]
    return Gate("assay", bool(low > 0.5), f"does not grok here ({late}/{n} late)", NOT_APPLICABLE)


def shuffled_never(cells: Cells) -> Gate:
    """G-b: with shuffled labels no run generalizes, late or not."""
    complete = [run for run in cells.runs_of("shuffled") if run.complete]
    wrong = sum(not math.isnan(cells.detection(run).t_gen) for run in complete)
    reason = f"{wrong} shuffled runs generalize" if complete else "no run with shuffled labels"
    return Gate("shuffled", bool(complete) and wrong == 0, reason)


def registered(cells: Cells, roles: Sequence[str], rules: Rules, registration: Registration) -> Gate:
    """G-c, first half: all registered seeds of these roles were run, as registered, and after the rules were fixed.

    Nobody stops when the answer pleases, and nobody fits the rules to the runs. A row that fails is exploratory.
    """
    if tuple(cells.seeds) != rules.registered_seeds(cells.design):
        return Gate(REGISTERED, False, "exploration: other seeds than the registered ones")
    places = [(cell, seed) for cell in _cells(cells, roles) for seed in cells.seeds]
    runs = [(_stored(cells, cell)[seed], cell) for cell, seed in places if seed in _stored(cells, cell)]
    if len(runs) < len(places):
        return Gate(REGISTERED, False, f"{len(places) - len(runs)} of {len(places)} registered runs missing")
    early = sum(not registration.holds(*run) for run in runs)
    return Gate(REGISTERED, not early, f"{early} of {len(runs)} runs predate the rules or differ from them")


def few_lost(cells: Cells, roles: Sequence[str]) -> Gate:
    """G-c, second half: in each cell at most 10 % failed, diverged or ran out of time; they are imputed."""
    for cell in _cells(cells, roles):
        runs = [_stored(cells, cell)[seed] for seed in cells.seeds if seed in _stored(cells, cell)]
        lost = sum(not run.complete for run in runs)
        if lost > MOST_LOST * len(cells.seeds):
            return Gate("failed runs", False, f"{lost} of {len(runs)} runs of {cell} failed")
    return Gate("failed runs", True, "")


def frozen_fits(cells: Cells, roles: Sequence[str]) -> Gate:
    """G-d: frozen cells reach the train criterion (in 90 % of the runs): who cannot memorize says nothing."""
    for role in roles:
        fits = cells.values(role, lambda run: float(cells.detection(run).t_mem_censoring != "right"), imputed=0.0)
        if not fits.size or fits.mean() < LEAST_FITTED:
            return Gate("frozen fits", False, f"{role.replace('_', ' ')} fits in {int(fits.sum())}/{fits.size} runs")
    return Gate("frozen fits", True, "")


def not_too_easy(cells: Cells, roles: Sequence[str]) -> Gate:
    """A frozen cell that generalizes at once in half of its runs makes the task too easy to tell anything."""
    for role in roles:
        at_once = cells.values(role, lambda run: float(cells.detection(run).outcome == "immediate"), imputed=0.0)
        if at_once.size and at_once.mean() >= 0.5:
            return Gate("too easy", False, f"too easy: {role.replace('_', ' ')} generalizes at once")
    return Gate("too easy", True, "")


def healthy(cells: Cells, roles: Sequence[str]) -> Gate:
    """G-e: at t_mem and later at most half of the examples have a gradient of exactly zero."""
    for cell in _cells(cells, roles):
        sick = sum(_collapsed(cells, run) for run in _stored(cells, cell).values() if run.complete)
        if sick > MOST_LOST * len(cells.seeds):
            return Gate("numerical health", False, f"gradients vanish in {sick} runs of {cell}")
    return Gate("numerical health", True, "")


def _collapsed(cells: Cells, run: Run) -> bool:
    shares = run.curve.column(ZERO_GRADIENT)[run.curve.time >= cells.detection(run).t_mem]
    return bool((shares >= 0.5).any())


def _cells(cells: Cells, roles: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(cell for role in roles for cell in cells.of_role(role)))


def _stored(cells: Cells, cell: str) -> dict[int, Run]:
    return cells.runs.get(cell, {})
