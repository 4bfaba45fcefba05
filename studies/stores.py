"""Results folders of thousands of made-up runs: what the scale of `report` in docs/robustness.md was measured on.

python studies/stores.py FOLDER --settings 200 --seeds 10      one learner with so many settings
python studies/stores.py FOLDER --settings 1 --seeds 10000 --learners mlp rfm
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from grokbench.curves.curve import Curve
from grokbench.curves.run import Run
from grokbench.options import digest
from grokbench.runs.store import Store

FACTS = {"n_classes": 4, "chance": 0.25, "ceiling": 1.0, "unit": 1.0, "baseline_loss": 1.4, "clock": "steps"}
COSTS = {"cpu_seconds": 1.0, "wall_seconds": 1.1, "peak_memory_mb": 100.0}


def made_up(learner: str, setting: int, seed: int, checkpoints: int, rng: np.random.Generator) -> Run:
    """A run that memorizes at about 12 steps and generalizes at about 100, both log-normal."""
    options = {"weight_decay": setting / 1000} if setting else {}
    config = {
        **{"task": "modular", "task_options": {"labels": "true"}, "learner": learner, "learner_options": options},
        **{"seed": seed, "budget": 1000, "points_per_decade": 20, "settle": False, "device": "cpu"},
        **{"task_version": 1, "learner_version": 1, "definitions": 1},
    }
    record = {
        **{"key": digest(config), "config": config, "task_given": {}, "learner_given": options, "suite": "made-up"},
        **{"status": "done", "error": "", "family": learner, "environment": {"hash": "0"}, **COSTS, **FACTS},
    }
    time = np.concatenate([[0.0], np.unique(np.round(np.logspace(0, 3, checkpoints)))])
    t_mem, t_gen = 12 * np.exp(rng.normal(0, 0.1)), 100 * np.exp(rng.normal(0, 0.5))
    train, test = (np.minimum(1, 1.02 / (1 + (np.maximum(time, 0.1) / t) ** -8)) for t in (t_mem, t_gen))
    columns = {
        **{"time": time, "cpu_seconds": time / 1000, "train_accuracy": 0.25 + 0.75 * train, "skill": 0.9 * test},
        **{"test_accuracy": 0.25 + 0.75 * test, "train_loss": 1.4 - train, "test_loss": 1.4 - test},
        "rank_auc": 0.5 + 0.5 * test,
    }
    return Run(record, Curve.of(columns, record))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the runs into the folder; those that are there stay."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder")
    for name, number in (("settings", 50), ("seeds", 10), ("checkpoints", 60)):
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--learners", nargs="+", default=["mlp"])
    options = parser.parse_args(arguments)
    store, rng = Store(options.folder), np.random.default_rng(0)
    store.prepare()
    for learner in options.learners:
        for setting in range(options.settings):
            for seed in range(options.seeds):
                store.write(made_up(learner, setting, seed, options.checkpoints, rng))


if __name__ == "__main__":
    main()
