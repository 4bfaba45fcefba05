"""What the harness costs beside its runs: suites on all cores, and the smoke suite from nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from grokbench.runs.store import Store
from grokbench.threads import usable_cores
from speed.comparison import Comparison, Measured, Size
from speed.processes import timed_command

SUITE = """title = "Runs of equal length"
seeds = {seeds}
points_per_decade = 20
time_limit_s = 60
[[tasks]]
name = "equal_task"
[[learners]]
name = "equal_length"
seconds = {seconds}
budget = 100
"""
RUNS = '''"""Runs that take a given processor time."""

import time
from dataclasses import dataclass

import numpy as np

import grokbench


@grokbench.register_task("equal_task")
@dataclass(kw_only=True)
class EqualTask(grokbench.Task):
    """Eight bits, one of which is the class."""

    def sample(self, rng):
        X = rng.permutation(2)[:, None].repeat(4, axis=0)
        return grokbench.Split(X, X[:, 0], X, X[:, 0], n_classes=2, alphabet=(2,))


@grokbench.register_learner("equal_length")
@dataclass(kw_only=True, eq=False)
class EqualLength(grokbench.Learner):
    """The same scores at all times, at a price.

    Parameters
    ----------
    seconds : of processor time for a hundred units.
    """

    seconds: grokbench.Positive = 0.5

    def begin(self, X, y, n_classes, alphabet, rng):
        self.n_classes, self.begun = n_classes, time.process_time()

    def advance(self, time_):
        while time.process_time() - self.begun < self.seconds * time_ / 100:
            sum(range(100))

    def scores(self, X):
        return np.zeros((len(X), self.n_classes))
'''


def cases(size: Size) -> Iterator[Comparison]:
    """Half-second runs; then the README's first command."""
    seeds, seconds = {"tiny": (2, 0.05), "quick": (40, 0.5)}.get(size, (120, 0.5))
    sides = {"unit": "s", "theirs": f"the time within its runs, by {usable_cores()} cores"}
    yield Measured(
        name=f"suite of {seeds} runs of {seconds:g} s",
        **{**sides, "ours": "run SUITE, on the wall", "at_most": 1.1},
        once=partial(_equal, seeds, seconds),
    )
    if size == "full":
        yield Measured(name="compare smoke from nothing", **sides, ours="compare, on the wall", once=_smoke)


def _equal(seeds: int, seconds: float) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        suite, runs = Path(folder) / "equal.toml", Path(folder) / "equal_length.py"
        suite.write_text(SUITE.format(seeds=seeds, seconds=seconds))
        runs.write_text(RUNS)
        return _wall_and_share(["run", str(suite), "--include", str(runs)], Path(folder) / "results")


def _smoke() -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        return _wall_and_share(["compare", "smoke"], Path(folder) / "results")


def _wall_and_share(arguments: list[str], results: Path) -> tuple[float, float]:
    """Seconds on the wall of a command, and those within its runs for each core.

    Both stretch where the machine does other work besides. What is left between them are starts, ends and idle cores.
    """
    wall, _ = timed_command([*arguments, "--results", str(results), "--quiet"])
    within = sum(run.record["wall_seconds"] for run in Store(results).read_all())
    return wall, within / usable_cores()
