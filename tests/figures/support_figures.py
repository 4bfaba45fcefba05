"""Hand-made runs of an explanation in a grid, and the rows that a specification draws."""

from __future__ import annotations

from support_handmade import REGISTRATION, lazy_to_rich, recorded, suite

from grokbench.tables.grid import Grid
from grokbench.verdicts.judging import judge_explanation


def stored(name: str, run, **changes):
    """A hand-made run with what a stored one has: the learner's option `place` tells cells apart."""
    task, learner = name.split("/")
    options = {"place": learner}
    config = {"task": task, "task_options": {}, "learner": "mlp", "learner_options": options, "seed": run.seed}
    facts = {"key": f"{name}-{run.seed}", "task_given": {}, "learner_given": options, "family": "neural"}
    return recorded(run, **{**facts, "config": config, **changes})


def explained_grid(cells=None, *designs) -> Grid:
    """A grid of the runs of `suite`, or of other cells, judged by lazy to rich."""
    cells = suite() if cells is None else cells
    runs = {name: {seed: stored(name, run) for seed, run in of.items()} for name, of in cells.items()}
    keys = {name: {str(seed): run.key for seed, run in of.items()} for name, of in runs.items()}
    judged = judge_explanation(lazy_to_rich(*designs), runs, REGISTRATION)
    return Grid([run for of in runs.values() for run in of.values()], "Hand", explained=[judged], cells=keys)


def drawn(figure, grid: Grid, *names: str) -> list[dict]:
    """The different rows with all these names, wherever they stand in a figure's specification."""
    rows: list[dict] = []

    def walk(node):
        if isinstance(node, dict):
            rows.extend([node] if set(names) <= set(node) and node not in rows else [])
            node = list(node.values())
        if isinstance(node, list):
            for part in node:
                walk(part)

    walk(figure.chart(grid).to_dict())
    return rows
