"""What a plan still needs: counted per cell, timed by the runs that are stored already."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from grokbench.runs.store import Store
from grokbench.suites.plan import Plan, RunSpec
from grokbench.suites.variants import Variant


def plan_rows(plan: Plan, store: Store, todo: list[RunSpec]) -> list[dict[str, object]]:
    """One row per task × learner: runs, done, to do, and the median CPU seconds of a run where one is stored.

    ``todo`` : runs of the plan, in its order.
    """
    texts = {id(variant): _text(variant) for variant in {id(v): v for v in _variants(plan)}.values()}
    counts: dict[tuple[str, str], list[int]] = {}
    spent: dict[tuple[str, str], list[float]] = {}
    waiting = iter(todo)
    expected = next(waiting, None)
    for spec in plan.specs:
        cell = (texts[id(spec.task)], texts[id(spec.learner)])
        runs = counts.setdefault(cell, [0, 0])
        runs[0] += 1
        if spec is expected:  # what is to do stands in the order of the plan
            runs[1] += 1
            expected = next(waiting, None)
        else:
            run = store.read(spec.key)
            spent.setdefault(cell, []).extend([run.record["cpu_seconds"]] if run and run.cpu_seconds else [])
    return [_row(*cell, *counts[cell], spent.get(cell)) for cell in counts]


def _variants(plan: Plan) -> Iterator[Variant]:
    return (variant for spec in plan.specs for variant in (spec.task, spec.learner))


def _row(task: str, learner: str, runs: int, to_do: int, spent: list[float] | None) -> dict[str, object]:
    done = {"runs": runs, "done": runs - to_do, "to_do": to_do}
    return {"task": task, "learner": learner, **done, "cpu_seconds": median(spent) if spent else None}


def estimate_seconds(rows: list[dict[str, object]], jobs: int) -> float | None:
    """Wall-clock seconds of what is to do; None while a cell to do has no stored run to go by."""
    if any(row["to_do"] and row["cpu_seconds"] is None for row in rows):
        return None
    return sum(row["to_do"] * (row["cpu_seconds"] or 0.0) for row in rows) / max(jobs, 1)


def _text(variant: Variant) -> str:
    options = ", ".join(f"{name}={value}" for name, value in variant.given.items())
    return f"{variant.id} ({options})" if options else variant.id
