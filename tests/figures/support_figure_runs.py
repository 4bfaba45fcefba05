"""Runs made up for figures, whose events are known, and what a chart is drawn from."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import numpy as np

from grokbench.curves.curve import Curve
from grokbench.curves.run import Run
from grokbench.curves.schedule import checkpoints
from grokbench.figures.style import specification as specified
from grokbench.options import digest
from grokbench.tables.grid import Grid

NEVER, CHANCE, BUDGET = math.inf, 0.25, 5000


def run(learner="mlp", seed=0, t_mem=20.0, t_gen=200.0, *, family="neural", task="modular", budget=BUDGET, **changes):
    """A run whose accuracies jump from chance to 1 at t_mem and t_gen.

    changes : ``options`` of the learner, ``given`` of the task, ``status``.
    """
    options, given = changes.get("options", {}), changes.get("given", {})
    config = {
        **{"task": task, "task_options": {"labels": "true", **given}, "task_version": 1, "seed": seed},
        **{"learner": learner, "learner_options": options, "learner_version": 1, "budget": budget},
        **{"points_per_decade": 20, "settle": False, "device": "cpu", "definitions": 1},
    }
    facts = {"n_classes": 4, "chance": CHANCE, "ceiling": 1.0, "unit": 1.0, "baseline_loss": 1.4, "clock": "steps"}
    record = {
        **{"key": digest(config), "config": config, "task_given": given, "learner_given": options, "suite": "hand"},
        **{"status": changes.get("status", "done"), "error": "", "family": family, "environment": {"hash": "0"}},
        **{"cpu_seconds": 1.0, **facts},
    }
    return Run(record, Curve.of(_columns(t_mem, t_gen, budget), record))


def _columns(t_mem: float, t_gen: float, budget: float) -> dict[str, np.ndarray]:
    time = np.asarray(checkpoints(budget, 20), dtype=float)
    train, test = time >= t_mem, time >= t_gen
    accuracies = {"train_accuracy": CHANCE + 0.75 * train, "test_accuracy": CHANCE + 0.75 * test}
    losses = {"train_loss": 1.4 - 1.3 * train, "test_loss": 1.4 - 1.3 * test, "skill": 0.9 * test}
    return {"time": time, **accuracies, **losses, "rank_auc": 0.5 + 0.5 * test, "cpu_seconds": time / 1000}


def seeds(learner="mlp", t_gens=(), **facts) -> list[Run]:
    """A run per time of generalization, seeds 0, 1, ..."""
    return [run(learner, seed, t_gen=t_gen, **facts) for seed, t_gen in enumerate(t_gens)]


def drawn(figure, runs, title="Hand made") -> dict:
    """The specification of a figure of runs, as files and pages are made from it; no value in it is NaN."""
    grid = Grid(runs, title=title)
    assert figure.applies(grid)
    assert figure.title(grid).strip()
    assert figure.caption(grid).strip()
    specification = specified(figure.chart(grid), figure.title(grid))
    json.dumps(specification, allow_nan=False)
    return specification


def rows(specification: dict, *names: str) -> list[dict]:
    """The rows of all data of a specification that have these fields, in the order of its layers."""
    shared = specification.get("datasets", {})
    return [row for values in _values(specification, shared) for row in values if set(names) <= row.keys()]


def _values(part: object, shared: dict) -> Iterator[list[dict]]:
    if isinstance(part, dict):
        given = part.get("data", {})
        yield shared.get(given.get("name"), given.get("values", []))
        inner = [value for name, value in part.items() if name not in ("data", "datasets")]
    else:
        inner = part if isinstance(part, list) else []
    for one in inner:
        yield from _values(one, shared)
