"""Results folders to damage: runs as the store would write them, forged where a forger would."""

import hashlib
import json
import os
from pathlib import Path

from grokbench.curves.curve import Curve
from grokbench.curves.schedule import checkpoints
from grokbench.options import digest
from grokbench.runs.store import curve_text
from grokbench.runs.store import sealed as sealed_record

CHANCE = 0.25
CELLS = """
[[tasks]]
name = "modular"
modulus = 5
[[learners]]
name = "kernel_flow"
budget = 50
"""  # of a suite with one run per seed


def curve(t_mem: float, t_gen: float, budget: float = 2000) -> str:
    """curve.csv of accuracies that jump at t_mem and t_gen."""
    rows = []
    for time in checkpoints(budget, 10):
        fits, generalizes = time >= t_mem, time >= t_gen
        rows.append(
            {
                **{"time": float(time), "cpu_seconds": time / 1000, "train_accuracy": 1.0 if fits else CHANCE},
                **{"test_accuracy": 1.0 if generalizes else CHANCE, "train_loss": 0.1 if fits else 1.0},
                **{"test_loss": 0.1 if generalizes else 1.0, "skill": 0.9 if generalizes else -0.1},
                "rank_auc": 1.0 if generalizes else 0.5,
            }
        )
    return curve_text(Curve({name: [row[name] for row in rows] for name in rows[0]}))


def run(learner: str, seed: int, t_mem: float, t_gen: float, **changes) -> tuple[dict, str]:
    """run.json as data, and curve.csv."""
    config = {
        **{"task": "modular", "task_options": {"modulus": 7, "labels": "true"}, "task_version": 1},
        **{"learner": learner, "learner_options": {"width": 8, "hidden": [8, 8]}, "learner_version": 1},
        **{"seed": seed, "budget": 2000, "points_per_decade": 10, "settle": False, "device": "cpu", "definitions": 1},
    }
    record = {
        **{"key": "", "config": config, "suite": "hand", "task_given": {"modulus": 7}, "learner_given": {"width": 8}},
        **{"family": {"mlp": "neural", "rfm": "kernel"}[learner], "split": f"split{seed}", "clock": "steps"},
        **{"n_train": 24, "n_test": 25, "n_classes": 4, "chance": CHANCE, "ceiling": 1.0, "baseline_loss": 1.0},
        **{"unit": 1.0, "status": "done", "error": "", "traceback": "", "cpu_seconds": 1.5, "wall_seconds": 2.0},
        **{"peak_memory_mb": 300.0, "environment": {"hash": "abc123", "python": "3.11"}, **changes},
    }
    return record, curve(t_mem, t_gen)


RUNS = [
    run("mlp", 0, 20, 400),
    run("mlp", 1, 25, 500),
    run("rfm", 0, 1, 30),
    run("rfm", 1, 30, 1e9, status="failed", error="ValueError: no", traceback="Traceback ...\nValueError: no"),
]
NOTE = {
    "suite": "hand",
    "title": "Made by hand",
    "comparisons": [["mlp", "kernel"], ["mlp", "rfm"]],
    "learners": {"mlp": [["mlp", '{"width": 8}']], "rfm": [["rfm", '{"width": 8}']]},
    "not_applicable": [],
}


def sealed(record: object, text: str) -> object:
    """A record with key and hashes that fit, as far as it has the shape for them: a forger can compute them, too."""
    if not isinstance(record, dict):
        return record
    try:
        record = {**record, "key": digest(record["config"])}
        return sealed_record(
            {**record, "curve_sha256": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()}
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return record


def key_of(record: object) -> str:
    """The folder of a record; some name for what has none."""
    key = record.get("key") if isinstance(record, dict) else None
    return key if isinstance(key, str) and len(key) == 20 and key.isalnum() else "0" * 20


def put(results: Path, record: object, text: str) -> Path:
    """Write a run without asking the store."""
    folder = results / "runs" / key_of(record)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        content = json.dumps(record, default=str)
    except (ValueError, RecursionError):  # a number of thousands of digits
        content = "{}"
    (folder / "run.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    (folder / "curve.csv").write_bytes(text.encode("utf-8", "surrogatepass"))
    return folder


def fill(results: Path) -> list[Path]:
    """The sound folder: four runs and the suite's note; returns the folders of the runs."""
    folders = [put(results, sealed(record, text), text) for record, text in RUNS]
    (results / "suite.json").write_text(json.dumps(NOTE), encoding="utf-8")
    return folders


def misshape(folder: Path, name: str, outside: Path) -> None:
    """Put something else where a run, or a file of it, was expected. `outside` is a folder that nobody may touch."""
    target = folder if name in ("runs", "quarantine") or name.startswith("run is") else folder / name.split()[0]
    kind = name.split()[-1]
    moved = outside / f"{folder.name}-{kind}"
    if kind == "link":
        if target.exists():
            os.rename(target, moved)
        os.symlink(moved, target)
        return
    if target.is_dir():
        os.rename(target, moved)
    else:
        target.unlink(missing_ok=True)
    if kind == "folder":
        target.mkdir()
    elif kind == "pipe":
        os.mkfifo(target)
    elif kind == "file":
        target.write_text("x", encoding="utf-8")


SHAPES = [
    f"{what} {kind}"
    for what in ("run.json is a", "curve.csv is a", "run is a")
    for kind in ("link", "folder", "pipe", "file", "missing")
]  # fmt: skip
