"""Stored runs as rows: the curve of each run judged at a level, beside what the run was."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass

from grokbench.curves.run import Run
from grokbench.options import digest
from grokbench.runs.store import Store

# shown as options where they vary within a cell, as when a newer version has run into an old folder
VARIANTS = (
    *("budget", "points_per_decade", "settle", "device"),
    *("learner_version", "task_version", "definitions", "measures"),
)


@dataclass(frozen=True)
class JudgedRun:
    """A stored run; task, learner: its cell, each (name, JSON of the options that are not defaults)."""

    run: Run
    task: tuple[str, str]
    learner: tuple[str, str]

    @property
    def detections(self):
        """By level."""
        return self.run.detections

    @property
    def record(self) -> dict:
        """run.json"""
        return self.run.record

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.run.seed

    @property
    def cpu_seconds(self) -> float:
        """Processor time of the run; 0 where it is not known."""
        return self.run.cpu_seconds

    @property
    def counts(self) -> bool:
        """True where the curve so far enters medians and shares."""
        return self.run.counts

    @property
    def order(self) -> tuple:
        """Sort key that depends on the configuration alone; shuffled labels come after the real ones."""
        control = self.record["config"]["task_options"].get("labels") == "shuffled"
        return (self.task[0], control, self.task[1], *self.learner, self.seed, self.record["key"])

    def last(self, column: str) -> float:
        """The last stored value of a column of the curve; NaN where there is none."""
        return self.run.curve.end(column)


def judge_store(store: Store) -> list[JudgedRun]:
    """All runs of a store, judged, in byte-stable order."""
    stored = list(store.read_all())
    varying = _varying(stored)
    return sorted((judged_run(run, varying) for run in stored), key=lambda run: run.order)


def _varying(stored: list[Run]) -> dict[tuple, list[str]]:
    """Per task × learner cell, the variants (budget, ...) that take more than one value."""
    seen: dict[tuple, list[set]] = {}
    for run in stored:
        values = seen.setdefault(_cell(run), [set() for _ in VARIANTS])
        for value, name in zip(values, VARIANTS, strict=True):
            value.add(digest(run.record["config"].get(name)))
    return {cell: [n for n, v in zip(VARIANTS, values, strict=True) if len(v) > 1] for cell, values in seen.items()}


def _cell(run: Run) -> tuple[str, str, str, str]:
    config, record = run.record["config"], run.record
    return (
        config["task"],
        options_json(record["task_given"]),
        config["learner"],
        options_json(record["learner_given"]),
    )


def judged_run(run: Run, varying: dict[tuple, list[str]] | None = None) -> JudgedRun:
    """A stored run, judged; `varying` as `judge_store` finds it."""
    cell, config = _cell(run), run.record["config"]
    extra = {name: config.get(name) for name in (varying or {}).get(cell, ())}
    learner = (cell[2], options_json({**run.record["learner_given"], **extra}))
    if run.unreadable and len(run.curve) > 1:
        warnings.warn(f"run {run.key}: {run.unreadable}", stacklevel=2)
    return JudgedRun(run, cell[:2], learner)


def options_json(options: dict) -> str:
    """Options as the cell of a table: JSON, empty for none."""
    return json.dumps(options, sort_keys=True, separators=(", ", ": "), ensure_ascii=False) if options else ""


def groups(runs: list[JudgedRun]) -> dict[tuple, list[JudgedRun]]:
    """Runs by task cell × learner cell, in the order of the runs."""
    found: dict[tuple, list[JudgedRun]] = {}
    for run in runs:
        found.setdefault((run.task, run.learner), []).append(run)
    return found


def run_row(run: JudgedRun) -> dict[str, object]:
    """The row of ``runs.csv``."""
    record, config = run.record, run.record["config"]
    judged = asdict(run.detections[0.95]) if run.counts else {}  # a run that broke off says nothing
    names = ("family", "split", "clock", "n_train", "n_test", "n_classes", "chance", "baseline_loss")
    used = ("cpu_seconds", "wall_seconds", "peak_memory_mb", "error")
    return {
        "key": record["key"],
        "suite": record["suite"],
        "task": run.task[0],
        "task_options": run.task[1],
        "learner": run.learner[0],
        "learner_options": run.learner[1],
        "seed": run.seed,
        "status": record["status"],
        **judged,
        **{name: run.last(name) for name in ("train_accuracy", "test_accuracy", "train_loss", "test_loss")},
        **{name: record.get(name) for name in (*names, *used)},
        "budget": config["budget"],
        "checkpoints": len(run.run.curve),
        "environment": record["environment"]["hash"],
    }
