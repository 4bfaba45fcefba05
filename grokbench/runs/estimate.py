"""What a plan still needs: counted per cell, timed by the runs that are stored already."""

from __future__ import annotations

from statistics import median

from grokbench.runs.store import Store
from grokbench.suites.plan import Plan, RunSpec
from grokbench.suites.variants import Variant


def plan_rows(plan: Plan, store: Store, todo: list[RunSpec]) -> list[dict[str, object]]:
    """One row per task × learner: runs, done, to do, and the median CPU seconds of a run where one is stored."""
    waiting = {spec.key for spec in todo}
    cells: dict[tuple, list[RunSpec]] = {}
    for spec in plan.specs:
        cells.setdefault((_text(spec.task), _text(spec.learner)), []).append(spec)
    rows = []
    for (task, learner), specs in cells.items():
        stored = [store.read(spec.key) for spec in specs if spec.key not in waiting]
        spent = [run.record["cpu_seconds"] for run in stored if run and run.record.get("cpu_seconds")]
        to_do = sum(spec.key in waiting for spec in specs)
        done = {"runs": len(specs), "done": len(specs) - to_do, "to_do": to_do}
        rows.append({"task": task, "learner": learner, **done, "cpu_seconds": median(spent) if spent else None})
    return rows


def estimate_seconds(rows: list[dict[str, object]], jobs: int) -> float | None:
    """Wall-clock seconds of what is to do; None while a cell to do has no stored run to go by."""
    if any(row["to_do"] and row["cpu_seconds"] is None for row in rows):
        return None
    return sum(row["to_do"] * (row["cpu_seconds"] or 0.0) for row in rows) / max(jobs, 1)


def _text(variant: Variant) -> str:
    options = ", ".join(f"{name}={value}" for name, value in variant.given.items())
    return f"{variant.id} ({options})" if options else variant.id
