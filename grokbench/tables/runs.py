"""The table of runs: what each was, how it ended, what its curve says, and what it cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from grokbench.curves.detect import LEVEL, Detection
from grokbench.curves.run import Run
from grokbench.registry import register_table
from grokbench.tables.base import Column, Table
from grokbench.tables.grid import Cell, Grid


@dataclass(frozen=True)
class Entry:
    """A run in its cell."""

    cell: Cell
    run: Run

    @property
    def detection(self) -> Detection | None:
        """What its curve says; None for a run that broke off, whose curve says nothing."""
        return self.run.detections[LEVEL] if self.run.counts else None


def _recorded(name: str, meaning: str, heading: str = "") -> Column:
    return Column(name, meaning, heading, value=lambda entry: entry.run.record.get(name))


def _detected(name: str, meaning: str, heading: str = "") -> Column:
    return Column(name, meaning, heading, value=lambda entry: getattr(entry.detection, name, None))


def _lost(event: str, accuracy: str) -> tuple[Column, ...]:
    return (
        _detected(f"{event}_lost", f"how often {accuracy} fell .15 below the level after that and came back"),
        _detected(f"{event}_lost_longest", "the longest of these episodes, in decades"),
        _detected(f"{event}_lost_deepest", "the lowest chance-corrected accuracy in them"),
    )


def _at_the_end(name: str, meaning: str, heading: str = "") -> Column:
    return Column(name, meaning, heading, value=lambda entry: entry.run.curve.end(name))


def _column(name: str, meaning: str, value: Callable, heading: str = "", text: Callable | None = None) -> Column:
    return Column(name, meaning, heading, value=value, text=text)


@register_table("runs")
class Runs(Table):
    """a run: what it was, its status and outcome, t_mem, t_gen, delay with censoring, and what it cost"""

    columns = (
        _recorded("key", "hash of all that the result depends on; `show KEY` prints the run", "key"),
        _recorded("suite", "the suite that it was first run for"),
        _column("task", "name of the task", lambda e: e.cell.task.name, "task", lambda e: e.cell.task_label),
        _column("task_options", "its options that are not at their defaults, as JSON", lambda e: e.cell.task.options),
        _column(
            "learner", "name of the learner", lambda e: e.cell.learner.name, "learner", lambda e: e.cell.learner_label
        ),
        _column(
            "learner_options",
            "its options that are not at their defaults, as JSON; also the budget and the like where they vary",
            lambda e: e.cell.learner.options,
        ),
        _recorded("family", "the learner's family"),
        _column("seed", "of split and learner", lambda e: e.run.seed, "seed"),
        _recorded("split", "hash of the data: equal hashes saw the same examples"),
        _recorded("clock", "what one unit of the learner's time is"),
        _recorded(
            "status",
            "`done`, `settled` (both criteria had held for long), `diverged`, `timeout`, `failed`, `crashed`",
            "status",
        ),
        _detected("outcome", "the label of the curve; docs/definitions.md says which applies when", "outcome"),
        _detected("t_mem", "when training accuracy reaches the level for good, on the learner's clock", "t mem"),
        _detected("t_mem_censoring", "`observed`, `left` (held from the start) or `right` (not reached)"),
        _detected("t_gen", "when held-out accuracy reaches the level for good, on the learner's clock", "t gen"),
        _detected("t_gen_censoring", "the same of t_gen"),
        _detected("delay", "log10(t_gen / t_mem), in decades; a lower bound where its censoring is `right`", "delay"),
        _detected(
            "delay_censoring",
            "`right`: the run ended before it generalized, or it memorized in the first tick of its clock",
            "delay censoring",
        ),
        _detected("loss_delay", "the delay from skill of one half in place of accuracy, in decades"),
        _detected("loss_delay_censoring", "the same of loss_delay"),
        _detected("width", "decades from .10 to .90 of held-out accuracy (of the ranking, where `offset`)"),
        _detected("head", "chance-corrected held-out accuracy at t_mem (of the ranking, where `offset`)"),
        _detected("skill_at_mem", "skill at t_mem"),
        _detected("rank_delay", "the delay of the threshold-free accuracy, in decades"),
        _detected("rank_width", "the width of the threshold-free accuracy, in decades"),
        _detected("offset", "whether the accuracy lags the ranking by more than .3 decade"),
        _detected("resolved", "whether t_mem surely lies 10 units beyond the clock's first one"),
        _detected("late", "late generalization: 1, 0, or empty where the run does not say"),
        _detected("t_mem_low", "the last checkpoint before t_mem: 0 where t_mem lies before the first positive one"),
        _detected("t_mem_high", "the first checkpoint from t_mem on; empty where there is none"),
        _detected("t_gen_low", "the last checkpoint before t_gen, likewise"),
        _detected("t_gen_high", "the first checkpoint from t_gen on; empty where there is none"),
        _detected("delay_low", "the least delay, in decades, that these checkpoints allow"),
        _detected("delay_high", "the largest one; empty where t_gen was not reached or t_mem lies in the first tick"),
        _detected(
            "t_mem_first", "when training accuracy first reaches the level for a span of time, lost again or not"
        ),
        _detected("t_gen_first", "the same of held-out accuracy"),
        *_lost("t_mem", "training accuracy"),
        *_lost("t_gen", "held-out accuracy"),
        _at_the_end("train_accuracy", "training accuracy at the last checkpoint"),
        _at_the_end("test_accuracy", "held-out accuracy at the last checkpoint", "test accuracy"),
        _at_the_end("train_loss", "the learner's own loss on the training split, at the last checkpoint"),
        _at_the_end("test_loss", "the same on the held-out split"),
        _recorded("n_train", "training examples"),
        _recorded("n_test", "held-out examples"),
        _recorded("n_classes", "classes; 0 for a regression"),
        _recorded("chance", "accuracy of the best constant answer on the held-out split"),
        _recorded("baseline_loss", "held-out loss of the best constant"),
        _column("budget", "the time asked for, on the learner's clock", lambda e: e.run.record["config"]["budget"]),
        _column("checkpoints", "number of checkpoints", lambda e: len(e.run.curve)),
        _recorded("cpu_seconds", "processor time", "cpu s"),
        _recorded("wall_seconds", "elapsed time"),
        _recorded("peak_memory_mb", "largest memory of the run's process, in MB"),
        _column(
            "environment",
            "hash of versions and machine; environment.json has them",
            lambda e: e.run.record["environment"]["hash"],
        ),
        _recorded("error", "last line of the error of a run that failed", "error"),
    )

    def entries(self, grid: Grid) -> Iterator[Entry]:
        """Every run, in its cell."""
        return (Entry(cell, run) for cell in grid.cells for run in cell.runs)
