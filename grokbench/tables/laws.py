"""The laws of tables: what lets every report write any of them, checked on one.

`check` is what ``grokbench check`` and the tests run over every registered table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from grokbench.curves.curve import Curve
from grokbench.curves.run import Run
from grokbench.laws import Broken, Law, NotApplicable, judge
from grokbench.options import digest
from grokbench.tables.base import Table
from grokbench.tables.grid import Grid
from grokbench.tables.text import csv_lines

LAWS = ("columns", "values", "texts", "order", "nothing")


def check(table: type[Table]) -> list[Law]:
    """The verdict on each law, tried on a few runs made up of two learners and a broken one."""
    case = _Case(table())
    return judge((name, getattr(case, name)) for name in LAWS)


@dataclass(frozen=True)
class _Case:
    """A table; one method per law."""

    table: Table

    def columns(self) -> None:
        """Every column has a name of its own and a meaning."""
        columns = self.table.columns_of(Grid(example_runs()))
        names = [column.name for column in columns]
        if not names or len(set(names)) < len(names) or not all(map(str.isidentifier, names)):
            raise Broken(f"columns: {', '.join(names)}; expected different names, such as t_mem")
        unexplained = [column.name for column in columns if not column.meaning.strip()]
        if unexplained:
            raise Broken(f"without a meaning: {', '.join(unexplained)}")

    def values(self) -> None:
        """The CSV file has plain values: numbers, texts, truth values, or nothing."""
        for row in self._applicable(Grid(example_runs())).rows(Grid(example_runs())):
            odd = {name: value for name, value in row.items() if not _plain(value)}
            if odd:
                raise Broken(f"no plain values: {odd}")

    def texts(self) -> None:
        """What people read are texts or plain values, under the headings of the table."""
        if not any(column.heading for column in self.table.columns):
            raise NotApplicable("no column has a heading: nothing of it is for reading")
        headings, rows = self._applicable(Grid(example_runs())).reading(Grid(example_runs()))
        for row in rows:
            if list(row) != list(headings) or not all(map(_plain, row.values())):
                raise Broken(f"row {row}: expected plain values for {', '.join(headings)}")

    def order(self) -> None:
        """The order in which the runs are read changes no byte."""
        runs = example_runs()
        table = self._applicable(Grid(runs))
        if _csv(table, Grid(runs)) != _csv(table, Grid(runs[::-1])):
            raise Broken("other bytes where the runs come in another order")

    def nothing(self) -> None:
        """A folder without runs has a table without rows, or the table does not apply."""
        grid = Grid([])
        if self.table.applies(grid) and list(self.table.rows(grid)):
            raise Broken("rows without runs")

    def _applicable(self, grid: Grid) -> Table:
        if not self.table.applies(grid):
            raise NotApplicable("it does not apply to runs without an explanation")
        return self.table


def _plain(value: object) -> bool:
    return value is None or isinstance(value, str | bool | int | float | np.number)


def _csv(table: Table, grid: Grid) -> str:
    names = [column.name for column in table.columns_of(grid)]
    return "".join(csv_lines(names, table.rows(grid), table.digits))


def example_runs() -> list[Run]:
    """Twelve seeds of two learners on a task and its control, one late and one not, and a run that failed."""
    runs = [
        _example(learner, seed, labels, t_gen)
        for seed in range(12)
        for learner, t_gen in (("mlp", 12), ("rfm", 30))
        for labels in ("true", "shuffled")
    ]
    failed = _example("mlp", 12, "true", 12)
    return [*runs, Run({**failed.record, "status": "failed", "error": "ValueError: an example"})]


def _example(learner: str, seed: int, labels: str, t_gen: int) -> Run:
    task_given = {} if labels == "true" else {"labels": labels}
    config = {
        **{"task": "modular", "task_options": {"labels": labels}, "learner": learner, "learner_options": {}},
        **{"seed": seed, "budget": 40, "points_per_decade": 20, "settle": False, "device": "cpu"},
        **{"task_version": 1, "learner_version": 1, "definitions": 1},
    }
    facts = {"n_classes": 4, "chance": 0.25, "ceiling": 1.0, "unit": 1.0, "baseline_loss": 1.4, "clock": "steps"}
    record = {
        **{"key": digest(config), "config": config, "task_given": task_given, "learner_given": {}, "suite": "example"},
        **{"status": "done", "error": "", "family": learner, "environment": {"hash": "0"}, "cpu_seconds": 1.0, **facts},
    }
    time = np.arange(41.0)
    train, test = time >= 3, (time >= t_gen) & (labels == "true")
    columns = {"train_accuracy": 0.25 + 0.75 * train, "test_accuracy": 0.25 + 0.75 * test, "skill": 0.9 * test}
    columns |= {
        "train_loss": 1.4 - train,
        "test_loss": 1.4 - test,
        "rank_auc": 0.5 + 0.5 * test,
        "cpu_seconds": time / 40,
    }
    return replace(Run(record), curve=Curve.of({"time": time, **columns}, record))
