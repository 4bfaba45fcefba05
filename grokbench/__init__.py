"""grokbench: one harness that asks of any learner whether it groks.

Public names (all of them loaded on first use, so that ``import grokbench`` takes milliseconds):
`task`, `learner`, `trace`, `detect`, `judge`, `load`, `allow`; `Recorder` with its `MemorizedWarning`; the bases of
what people add, `Task`, `Learner`, `Measure`, `Table` with its `Column`, `Figure`, `Explanation`, each with its
`register_...`; `Split`; the ranges of options: `Positive`, `NonNegative`, `Unbounded`, `Share`, `PositiveShare`,
`ShareBelowOne`, `ProperShare`, `Whole`, `Count`, `AtLeastTwo`; and for the statistics of an explanation `Cells`,
`Finding`, `Gate`, `Estimate` and the estimates `middle`, `share`, `difference`.
"""

from __future__ import annotations

__version__ = "0.1.0"

_HOMES = {
    "Learner": "grokbench.learners.base",
    "Task": "grokbench.tasks.base",
    "Split": "grokbench.tasks.base",
    "Measure": "grokbench.measures.base",
    "Table": "grokbench.tables.base",
    "Column": "grokbench.tables.base",
    "Figure": "grokbench.figures.base",
    "Explanation": "grokbench.explanations.base",
    "register_explanation": "grokbench.registry",
    "register_learner": "grokbench.registry",
    "register_module": "grokbench.learners.neural.module",
    "register_measure": "grokbench.registry",
    "register_task": "grokbench.registry",
    "register_table": "grokbench.registry",
    "register_figure": "grokbench.registry",
    "trace": "grokbench.curves.trace",
    "detect": "grokbench.curves.detect",
    "judge": "grokbench.curves.detect",
    "Detection": "grokbench.curves.detect",
    "Series": "grokbench.curves.series",
    "Recorder": "grokbench.recorder.record",
    "MemorizedWarning": "grokbench.recorder.record",
    "Cells": "grokbench.verdicts.cells",
    "Finding": "grokbench.verdicts.finding",
    "Gate": "grokbench.verdicts.finding",
    "Estimate": "grokbench.verdicts.finding",
    "middle": "grokbench.verdicts.estimates",
    "share": "grokbench.verdicts.estimates",
    "difference": "grokbench.verdicts.estimates",
    "load": "grokbench.report.load",
    "allow": "grokbench.allowed",
    "OptionError": "grokbench.errors",
    "UsageError": "grokbench.errors",
    "Positive": "grokbench.options",
    "NonNegative": "grokbench.options",
    "Unbounded": "grokbench.options",
    "Share": "grokbench.options",
    "PositiveShare": "grokbench.options",
    "ShareBelowOne": "grokbench.options",
    "ProperShare": "grokbench.options",
    "Whole": "grokbench.options",
    "Count": "grokbench.options",
    "AtLeastTwo": "grokbench.options",
}
__all__ = ["learner", "task", *_HOMES]


def task(name: str, **options):
    """A task by its registered name; UsageError for an unknown name, option or value."""
    from grokbench.registry import tasks

    return tasks.create(name, **options)


def learner(name: str, **options):
    """A learner by its registered name; UsageError for an unknown name, option or value."""
    from grokbench.registry import learners

    return learners.create(name, **options)


def __getattr__(name: str):
    if name in _HOMES:
        from importlib import import_module

        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value  # also where a submodule of that name would shadow it
        return value
    raise AttributeError(f"module 'grokbench' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
