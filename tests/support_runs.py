"""Plans from a suite's text, carrying them out, the tables that come of it, and watches that interfere."""

from __future__ import annotations

import csv
import os
import signal
from collections.abc import Callable
from pathlib import Path

from conftest import SABOTEURS

from grokbench.report.write import write_report
from grokbench.runs.execute import Interruption, Watch, execute
from grokbench.runs.process import Limits
from grokbench.runs.store import Store
from grokbench.suites.plan import Plan, make_plan
from grokbench.suites.suite import load_suite

NOT_COMPARED = {"cpu_seconds", "wall_seconds", "peak_memory_mb", "environment"}  # two machines may differ in them
ONE_TASK = """
title = "saboteurs"
seeds = 1
[[tasks]]
name = "modular"
modulus = 5
"""
MINE = """
title = "Mine"
seeds = {seeds}
first_seed = {first_seed}

[[tasks]]
id = "add"
name = "modular"
modulus = 5
train_fraction = 0.6

[[learners]]
id = "flow"
name = "kernel_flow"
budget = 50
"""  # the one cell, add/flow, of what is judged
FAMILIES = """
title = "families"
seeds = 1
time_limit_s = 60
[[tasks]]
name = "modular"
modulus = 5
[[tasks]]
name = "parity"
n_bits = 6
k = 2
n_train = 20
n_test = 20
[[learners]]
name = "mlp"
hidden = [[8]]
batch_size = [0, 4]
budget = 12
[[learners]]
name = "linearized"
hidden = [[8]]
budget = 12
tasks = ["parity"]
[[learners]]
name = "kernel_flow"
budget = 10
[[learners]]
name = "rfm"
budget = 3
[[learners]]
name = "xgboost"
budget = 6
"""


def plan_of(text: str, folder: Path) -> Plan:
    """The plan of a suite that is written into a folder as ``suite.toml``."""
    path = folder / "suite.toml"
    path.write_text(text)
    return make_plan(load_suite(str(path)))


def carry_out(plan, results: Path, watch=None, interruption=None, jobs=2, limit=60.0, included=(str(SABOTEURS),)):
    """`execute` on the whole plan; True if it was not interrupted."""
    with interruption or Interruption() as interruption:
        return execute(list(plan.specs), Store(results), watch or Watch(), interruption, jobs, Limits(limit), included)


def table(results: Path, name: str) -> list[list[str]]:
    """Header and rows of a table, without the columns that two machines may fill differently."""
    with open(results / f"{name}.csv", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    kept = [i for i, column in enumerate(header) if column not in NOT_COMPARED]
    return [[row[i] for i in kept] for row in [header, *rows]]


def assert_same_tables(results: Path, reference: Path) -> None:
    """A report on the one folder has the tables of the other, cell for cell."""
    write_report(results)
    for name in ("runs", "curves", "sensitivity", "comparisons"):
        assert table(results, name) == table(reference, name)


class Trigger(Watch):
    """Does something when so many runs have started or finished; once, or `again` after as many more.

    at : "started" or "finished".
    """

    def __init__(self, deed: Callable[[], object], after: int, at: str, again: bool = False):
        self.deed, self.after, self.at, self.again, self.seen = deed, after, at, again, 0

    def _count(self, at: str) -> None:
        if at == self.at:
            self.seen += 1
            if self.seen == self.after or (self.again and self.seen % self.after == 0):
                self.deed()

    def started(self, spec):
        self._count("started")

    def finished(self, spec, run):
        self._count("finished")


class Impatient(Trigger):
    """Presses Ctrl-C, by a real signal to this process, when a number of runs has finished or started."""

    def __init__(self, after: int, presses: int = 1, at: str = "finished"):
        super().__init__(lambda: [os.kill(os.getpid(), signal.SIGINT) for _ in range(presses)], after, at)
        self.heard = self.begun = 0

    def started(self, spec):
        self.begun += 1
        super().started(spec)

    def interrupted(self):
        self.heard += 1
