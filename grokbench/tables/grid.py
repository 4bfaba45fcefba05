"""The runs of a report in their cells, with all that several tables and figures need of them, computed once."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from grokbench.curves.detect import LEVEL, Detection
from grokbench.curves.outcome import OUTCOMES
from grokbench.curves.run import FAILED, Run
from grokbench.options import digest, options_json
from grokbench.statistics.survival import median

# shown as options of the learner where they vary within a cell, as when a newer version has run into an old folder
RUN_OPTIONS = (
    *("budget", "points_per_decade", "settle", "device"),
    *("learner_version", "task_version", "definitions", "measures", "source"),
)
HASH_SHOWN = 8  # digits by which two sources of one learner are told apart


class Identity(NamedTuple):
    """What tells a task, or a learner, with its options from all others.

    name : registered name. options : JSON of the options that are not at their defaults; empty for none.
    """

    name: str
    options: str

    @property
    def given(self) -> dict[str, object]:
        """The options that are not at their defaults."""
        return json.loads(self.options) if self.options else {}

    @property
    def legend(self) -> str:
        """All that is not at its default, in one line."""
        return ", ".join(f"{name} = {_plain(value)}" for name, value in self.given.items()) or "defaults"


@dataclass(frozen=True)
class Summary:
    """What the runs of a cell come to at one level.

    Parameters
    ----------
    late : share of the runs that generalize late among those of which that is known; NaN where of none.
    t_mem, t_gen, delay : Kaplan-Meier medians, on the learner's clock and in decades; NaN where half never got there.
    outcomes : how many runs have each label: "2 groks, 1 partial".
    """

    late: float
    t_mem: float
    t_gen: float
    delay: float
    outcomes: str


@dataclass(frozen=True, eq=False)
class Cell:
    """One task x one learner with one set of options each: runs that differ in their seed alone.

    Parameters
    ----------
    task, learner : what the runs are of.
    task_label, learner_label : short names that tell them from their namesakes in the same report.
    runs : in the order of seed and key.
    """

    task: Identity
    learner: Identity
    task_label: str
    learner_label: str
    runs: tuple[Run, ...]

    @property
    def shuffled(self) -> bool:
        """Whether the labels are shuffled, so that nothing can generalize."""
        return is_shuffled(self.runs[0])

    @property
    def family(self) -> str | None:
        """The family of the learner, as the first run that got so far has it; None where none did."""
        return next((run.family for run in self.runs if run.family), None)

    @cached_property
    def readable(self) -> list[Run]:
        """The runs whose curves enter medians and shares."""
        return [run for run in self.runs if run.counts]

    def detections(self, level: float = LEVEL) -> list[Detection]:
        """Of the readable runs, at a level."""
        return [run.detections[level] for run in self.readable]

    @cached_property
    def late(self) -> list[float]:
        """1 or 0 of each readable run of which it is known whether it generalizes late."""
        return [d.late for d in self.detections() if not math.isnan(d.late)]

    @cached_property
    def statuses(self) -> str:
        """How many runs ended in each way that is no result: "1 crashed, 2 timeout"."""
        ends = [run.status for run in self.runs]
        return ", ".join(f"{ends.count(status)} {status}" for status in FAILED if status in ends)

    def summary(self, level: float = LEVEL) -> Summary:
        """Medians, share of late runs and counts of outcomes at a level; computed once."""
        if level not in self._summaries:
            self._summaries[level] = _summary(self, level)
        return self._summaries[level]

    @cached_property
    def _summaries(self) -> dict[float, Summary]:
        return {}


class Grid:
    """The runs of a results folder, by cell.

    Parameters
    ----------
    runs : in any order.
    title : of the suite.
    comparisons : registered pairs of learners or families, each side a set of learners or one family; None for all.
    learners : id of a learner in the suite -> the (name, JSON of options) that it stands for.
    explained : the explanations of the suite, judged on these runs.
    replicated : the published claims of the suite, judged on these runs.
    cells : "task/learner", ids of the suite -> seed -> key of the run.
    sources : hashes of the code of what is not built in, as it stood at the last command; None where all is. Cells of
        earlier code stand before those of the present one.

    Attributes
    ----------
    entries : what `Table.known` has computed, by table.
    """

    def __init__(
        self,
        runs: Iterable[Run],
        title: str = "",
        comparisons: Sequence[tuple[str, str]] | None = None,
        learners: Mapping[str, Sequence[Sequence[str]]] | None = None,
        explained: Sequence = (),
        cells: Mapping[str, Mapping[str, str]] | None = None,
        sources: Sequence[str] | None = None,
        replicated: Sequence = (),
    ):
        self.title, self.explained, self.cell_keys = title, explained, cells or {}
        self.replicated = replicated
        self.comparisons, self.learners = comparisons, learners or {}
        self.cells = tuple(_cells(runs, frozenset(sources or ())))
        self.entries: dict[str, list] = {}

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """All runs, in byte-stable order."""
        return tuple(run for cell in self.cells for run in cell.runs)

    @cached_property
    def tasks(self) -> dict[Identity, str]:
        """Tasks and their labels, in order."""
        return {cell.task: cell.task_label for cell in self.cells}

    @cached_property
    def by_key(self) -> dict[str, Cell]:
        """The cell of each run, by the run's key."""
        return {run.key: cell for cell in self.cells for run in cell.runs}

    @property
    def is_sweep(self) -> bool:
        """Whether every learner has the same number of settings, more than one, on each task that it has runs of."""
        settings: dict[tuple, set] = {}
        for cell in self.cells:
            settings.setdefault((cell.task, cell.learner.name), set()).add(cell.learner)
        counts = {len(learners) for learners in settings.values()}
        return len(counts) == 1 and counts != {1}


def is_shuffled(run: Run) -> bool:
    """Whether a run is one of the control with shuffled labels."""
    return run.record["config"]["task_options"].get("labels") == "shuffled"


def _cells(runs: Iterable[Run], sources: frozenset[str]) -> list[Cell]:
    members: dict[tuple[Identity, Identity], list[Run]] = {}
    for variants, same in _by_given(runs).items():
        varying = _varying(same)
        for run in same:
            extra = {name: _run_option(run, name) for name in varying}
            learner = Identity(variants[1].name, options_json({**run.record["learner_given"], **extra}))
            members.setdefault((variants[0], learner), []).append(run)
    ordered = sorted(members, key=lambda place: _order(*place, members[place][0], sources))
    tasks = labels({task: members[task, learner][0].record["task_given"] for task, learner in ordered})
    learners: dict[Identity, dict[Identity, dict]] = {}
    for task, learner in ordered:
        options = members[task, learner][0].record["config"]["learner_options"]
        learners.setdefault(task, {})[learner] = {**options, **learner.given}
    names = {task: labels(there) for task, there in learners.items()}
    return [
        Cell(t, l, tasks[t], names[t][l], tuple(sorted(members[t, l], key=lambda run: (run.seed, run.key))))
        for t, l in ordered
    ]


def _order(task: Identity, learner: Identity, run: Run, sources: frozenset[str]) -> tuple:
    """Depends on the configuration and on `sources` alone; shuffled labels come after the real ones."""
    present = sources.issuperset(run.record["config"].get("source", {}).values())
    return (task.name, is_shuffled(run), task.options, learner.name, present, learner.options)


def _by_given(runs: Iterable[Run]) -> dict[tuple[Identity, Identity], list[Run]]:
    """Runs by the task and learner that a suite asked for."""
    members: dict[tuple[Identity, Identity], list[Run]] = {}
    for run in runs:
        config, record = run.record["config"], run.record
        task = Identity(config["task"], options_json(record["task_given"]))
        learner = Identity(config["learner"], options_json(record["learner_given"]))
        members.setdefault((task, learner), []).append(run)
    return members


def _varying(runs: list[Run]) -> list[str]:
    """The entries of `RUN_OPTIONS` that take more than one value among runs."""
    return [name for name in RUN_OPTIONS if len({digest(run.record["config"].get(name)) for run in runs}) > 1]


def _run_option(run: Run, name: str) -> object:
    """One of `RUN_OPTIONS` as tables show it; of the source of own code the beginning of each hash."""
    value = run.record["config"].get(name)
    if name != "source":
        return value
    short = (f"{kind} {text if '==' in text else text[:HASH_SHOWN]}" for kind, text in sorted((value or {}).items()))
    return ", ".join(short) or "unknown"


def labels(variants: Mapping[Identity, Mapping[str, object]]) -> dict[Identity, str]:
    """``mlp(weight_decay=0)`` where another mlp differs in that, ``rfm`` where it is alone.

    variants : with the options by which each may be told from its namesakes.
    """
    namesakes: dict[str, list[Mapping[str, object]]] = {}
    for variant, options in variants.items():
        namesakes.setdefault(variant.name, []).append(options)
    varying = {name: _differing(options) for name, options in namesakes.items()}
    return {variant: _label(variant.name, options, varying[variant.name]) for variant, options in variants.items()}


def _differing(options: Sequence[Mapping[str, object]]) -> list[str]:
    """Names of the options that are not the same in all; one that is missing counts as None."""
    names = sorted({name for one in options for name in one})
    return [name for name in names if len({json.dumps(one.get(name)) for one in options}) > 1]


def _label(name: str, options: Mapping[str, object], varying: Sequence[str]) -> str:
    shown = ", ".join(f"{option}={_plain(options[option])}" for option in varying if option in options)
    return f"{name}({shown})" if shown else name


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _summary(cell: Cell, level: float) -> Summary:
    detections = cell.detections(level)
    ends = [run.curve.last for run in cell.readable]
    late = [d.late for d in detections if not math.isnan(d.late)]
    counts = [(sum(d.outcome == name for d in detections), name) for name in OUTCOMES]
    return Summary(
        late=float(np.mean(late)) if late else math.nan,
        t_mem=median_of([_time(d.t_mem, d.t_mem_censoring, end) for d, end in zip(detections, ends, strict=True)]),
        t_gen=median_of([_time(d.t_gen, d.t_gen_censoring, end) for d, end in zip(detections, ends, strict=True)]),
        delay=median_of([(d.delay, d.delay_censoring) for d in detections]),
        outcomes=", ".join(f"{count} {name}" for count, name in counts if count),
    )


def _time(time: float, censoring: str, end: float) -> tuple[float, str]:
    return (end, "right") if censoring == "right" else (time, censoring)


def median_of(values: Iterable[tuple[float, str]]) -> float:
    """Kaplan-Meier median of (value, censoring) pairs, those without a value left out; NaN where it is not reached."""
    known = [(value, censoring != "right") for value, censoring in values if not math.isnan(value)]
    if not known:
        return math.nan
    return finite(median(*(np.array(part) for part in zip(*known, strict=True))))


def finite(value: float) -> float:
    """The value; NaN, an empty cell, where it lies beyond the data."""
    return value if math.isfinite(value) else math.nan
