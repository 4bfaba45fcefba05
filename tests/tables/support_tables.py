"""Hand-made runs in a store, and the tables that a report makes of them, as text."""

from __future__ import annotations

import csv
import math

from grokbench.curves.curve import Curve
from grokbench.curves.run import Run
from grokbench.curves.schedule import checkpoints
from grokbench.options import digest
from grokbench.report.write import write_report
from grokbench.runs.folder import MARKER
from grokbench.runs.store import Store

NEVER = math.inf
CHANCE = 0.25


def curve(t_mem: float, t_gen: float, budget: float) -> list[dict[str, float]]:
    """Both accuracies jump from chance to 1, at the first checkpoint from t_mem and t_gen on."""
    rows = []
    for time in checkpoints(budget):
        fits, generalizes = time >= t_mem, time >= t_gen
        row = {"time": float(time), "cpu_seconds": time / 1000, "train_accuracy": 1.0 if fits else CHANCE}
        row |= {"test_accuracy": 1.0 if generalizes else CHANCE, "train_loss": 0.1 if fits else 1.0}
        row |= {"test_loss": 0.1 if generalizes else 1.0, "skill": 0.9 if generalizes else -0.1}
        rows.append({**row, "rank_auc": 1.0 if generalizes else 0.5})
    return rows


def crossing(time: float, budget: float) -> float:
    """Where a jump at `time` passes .95, interpolated in log time: the oracle of t_mem and t_gen."""
    times = checkpoints(budget)
    after = times[times >= time][0]
    before = times[times < time][-1]
    return before * (after / before) ** 0.95


def put(
    store: Store,
    learner: str = "mlp",
    seed: int = 0,
    t_mem: float = 20,
    t_gen: float = 200,
    *,
    family: str = "neural",
    budget: float = 5000,
    task: dict | None = None,
    options: dict | None = None,
    status: str = "done",
    rows: list | None = None,
    error: str = "",
    config: dict | None = None,
    **facts,
) -> str:
    """Store a hand-made run; returns its key."""
    config = {
        **{"task": "modular", "task_options": {"modulus": 7, "labels": "true", **(task or {})}, "task_version": 1},
        **{"learner": learner, "learner_options": {"width": 8, **(options or {})}, "learner_version": 1},
        **{"seed": seed, "budget": budget, "points_per_decade": 20, "settle": False, "device": "cpu"},
        **{"definitions": 1, **(config or {})},
    }
    record = {
        **{"key": digest(config), "config": config, "suite": "hand", "task_given": task or {}},
        **{"learner_given": options or {}, "family": family, "split": f"split{seed}", "clock": "steps"},
        **{"n_train": 24, "n_test": 25, "n_classes": 4, "chance": CHANCE, "ceiling": 1.0, "baseline_loss": 1.0},
        **{"unit": 1.0, "status": status, "error": error, "traceback": "", "cpu_seconds": 1.5, "wall_seconds": 2.0},
        **{"peak_memory_mb": 300.0, "environment": {"hash": "abc123", "python": "3.11"}, **facts},
    }
    rows = curve(t_mem, t_gen, budget) if rows is None else rows
    columns = {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
    store.write(Run(record, Curve(columns)))
    return record["key"]


def read(store: Store, name: str) -> list[dict[str, str]]:
    with open(store.results / f"{name}.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def report(store: Store, *names: str) -> list:
    """The rows of the tables, as text, after a report."""
    write_report(store.results)
    return [read(store, name) for name in names] if len(names) != 1 else read(store, names[0])


def derived(store: Store) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in store.results.iterdir() if path.is_file() and path.name != MARKER}


def fill(store: Store, order=lambda seeds: seeds) -> None:
    """Twelve seeds of a late learner, a never generalizing one and one of another family, and the odd ones out."""
    for seed in order(list(range(12))):
        put(store, "mlp", seed, t_gen=200 + 10 * seed)
        put(store, "linearized", seed, t_gen=NEVER, family="lazy")
        put(store, "xgboost", seed, t_mem=20, t_gen=22 + seed % 3, family="trees")
        put(store, "mlp", seed, t_gen=NEVER, task={"labels": "shuffled"})
    put(store, "mlp", 50, status="failed", rows=[], error="ValueError: a|b <c>\\", options={"width": 9})
    put(store, "mlp", 51, status="crashed", rows=curve(20, NEVER, 5000)[:9], error="killed by SIGABRT")
    put(store, "mlp", 52, status="diverged", rows=curve(20, NEVER, 5000)[:40])
