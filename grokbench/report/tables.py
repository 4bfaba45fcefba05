"""The tables, each a pure function of the judged runs: same runs, same bytes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

from grokbench.curves.detect import OUTCOMES
from grokbench.curves.run import FAILED, LEVELS
from grokbench.curves.trace import COLUMNS
from grokbench.report.judged import JudgedRun, groups, run_row
from grokbench.report.labels import label_all
from grokbench.statistics.proportions import clopper_pearson
from grokbench.statistics.resampling import bootstrap_seeds, rng_for
from grokbench.statistics.survival import median
from grokbench.verdicts.comparison import compare, decide

RUNS = (
    "key, suite, task, task_options, learner, learner_options, family, seed, split, clock, status, outcome, "
    "t_mem, t_mem_censoring, t_gen, t_gen_censoring, delay, delay_censoring, loss_delay, loss_delay_censoring, "
    "width, head, skill_at_mem, rank_delay, rank_width, offset, resolved, late, train_accuracy, test_accuracy, "
    "train_loss, test_loss, n_train, n_test, n_classes, chance, baseline_loss, budget, checkpoints, cpu_seconds, "
    "wall_seconds, peak_memory_mb, environment, error"
).split(", ")
SENSITIVITY = "task, learner, learner_options, level, runs, t_mem, t_gen, delay, late, outcomes".split(", ")
DELAYS = (
    "task, task_options, learner, learner_options, family, runs, failed, late, late_low, late_high, outcomes, "
    "t_mem, t_gen, delay, delay_low, delay_high, loss_delay, resolved, test_accuracy, cpu_seconds"
).split(", ")
COMPARISONS = (
    "task, a, b, n_a, n_b, late_a, late_b, delay_a, delay_b, difference, low, high, win, p, p_holm, verdict"
).split(", ")
LEAST_FOR_INTERVAL = 6  # seeds: with fewer no 95 % interval of a median exists (2·.5^5 > .05)


def runs_table(runs: list[JudgedRun]) -> list[dict]:
    """One row per run."""
    return [run_row(run) for run in runs]


def curves_columns(runs: list[JudgedRun]) -> tuple[str, ...]:
    """Columns of ``curves.csv``: one per measure of any run, in alphabetical order, after what every run has."""
    measured = {name for run in runs for name in run.run.curve.columns} - set(COLUMNS)
    return ("key", *COLUMNS, *sorted(measured))


def curves_table(runs: list[JudgedRun]) -> Iterator[dict]:
    """One row per checkpoint of a run; a measure that was not taken has no cell. Far the longest table: row by row."""
    for run in runs:
        names, columns = ("key", *run.run.curve.columns), run.run.curve.columns.values()
        for values in zip(*columns, strict=True):
            yield dict(zip(names, (run.record["key"], *values), strict=True))


def delays_table(runs: list[JudgedRun]) -> list[dict]:
    """One row per task × learner: shares of late runs, Kaplan–Meier medians, 95 % intervals."""
    return [_delays_row(task, learner, members) for (task, learner), members in groups(runs).items()]


def _delays_row(task: tuple, learner: tuple, members: list[JudgedRun]) -> dict:
    counted = [run for run in members if run.counts]
    summary = _summary(counted, 0.95)
    late = [d.late for d in _detections(counted, 0.95) if d.late == d.late]
    low, high = clopper_pearson(int(sum(late)), len(late)) if late else (math.nan, math.nan)
    resolved = [d.resolved for d in _detections(counted, 0.95) if d.t_mem == d.t_mem]
    delay_low, delay_high = _delay_interval(counted, ("delays", *task, *learner))
    return {
        "task": task[0],
        "task_options": task[1],
        "learner": learner[0],
        "learner_options": learner[1],
        "family": members[0].record.get("family"),
        "runs": len(members),
        "failed": sum(run.record["status"] in FAILED for run in members),
        **summary,
        "late_low": low,
        "late_high": high,
        "delay_low": delay_low,
        "delay_high": delay_high,
        "loss_delay": _median([(d.loss_delay, d.loss_delay_censoring) for d in _detections(counted, 0.95)]),
        "resolved": float(np.mean(resolved)) if resolved else math.nan,
        "test_accuracy": float(np.median([run.last("test_accuracy") for run in counted])) if counted else math.nan,
        "cpu_seconds": float(np.median([run.cpu_seconds for run in counted])) if counted else math.nan,
    }


def _detections(runs: list[JudgedRun], level: float) -> list:
    return [run.detections[level] for run in runs]


def _summary(counted: list[JudgedRun], level: float) -> dict[str, object]:
    """What `delays` and `sensitivity` share: medians, the share of late runs, counts of outcomes."""
    found = _detections(counted, level)
    late = [d.late for d in found if d.late == d.late]
    ends = [run.last("time") for run in counted]
    return {
        "t_mem": _median([_time(d.t_mem, d.t_mem_censoring, end) for d, end in zip(found, ends, strict=True)]),
        "t_gen": _median([_time(d.t_gen, d.t_gen_censoring, end) for d, end in zip(found, ends, strict=True)]),
        "delay": _median([(d.delay, d.delay_censoring) for d in found]),
        "late": float(np.mean(late)) if late else math.nan,
        "outcomes": ", ".join(f"{n} {name}" for name in OUTCOMES if (n := sum(d.outcome == name for d in found))),
    }


def _time(time: float, censoring: str, end: float) -> tuple[float, str]:
    return (end, "right") if censoring == "right" else (time, censoring)


def _median(values: list[tuple[float, str]]) -> float:
    """Kaplan–Meier median of (value, censoring) pairs, NaN values left out; NaN where it is not reached."""
    known = [(value, censoring != "right") for value, censoring in values if value == value]
    if not known:
        return math.nan
    return _finite(median(*(np.array(part) for part in zip(*known, strict=True))))


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan


def _delay_interval(counted: list[JudgedRun], identity: tuple) -> tuple[float, float]:
    """95 % bootstrap interval over seeds of the median delay; NaN ends where they lie beyond the data."""
    found = [(run.seed, d.delay, d.delay_censoring != "right") for run, d in _with_delay(counted)]
    if len({seed for seed, *_ in found}) < LEAST_FOR_INTERVAL:
        return math.nan, math.nan
    seeds, delays, events = (np.array(part) for part in zip(*found, strict=True))
    interval = bootstrap_seeds(lambda weights: median(delays, events, weights), seeds, rng=rng_for(*identity))
    return _finite(interval.low), _finite(interval.high)


def _with_delay(counted: list[JudgedRun]) -> Iterator[tuple]:
    for run in counted:
        detection = run.detections[0.95]
        if detection.delay == detection.delay:
            yield run, detection


def sensitivity_table(runs: list[JudgedRun]) -> list[dict]:
    """One row per task × learner × level of the criterion."""
    labels = label_all(runs)
    rows = []
    for (task, learner), members in groups(runs).items():
        counted = [run for run in members if run.counts]
        for level in LEVELS:
            cell = {
                "task": labels.tasks[task],
                "learner": learner[0],
                "learner_options": learner[1],
            }
            rows.append({**cell, "level": level, "runs": len(counted), **_summary(counted, level)})
    return rows


def comparisons_table(runs: list[JudgedRun], registered: list[tuple[set, set]] | None) -> list[dict]:
    """Two learners on a task, and two families over all tasks; Holm over the rows of the table.

    `registered` lists the pairs, each side a set of learner cells or of one family name; None
    registers every pair. Tasks with shuffled labels are left out: nothing can generalize there.
    """
    hopeful = [run for run in runs if run.record["config"]["task_options"].get("labels") != "shuffled"]
    rows = [*_learner_pairs(hopeful, registered), *_family_pairs(hopeful, registered)]
    tasks = {run.run.key: " ".join(run.task) for run in hopeful}
    compared = [
        compare(
            [run.run for run in a], [run.run for run in b], lambda run: tasks[run.key], rng_for("comparisons", *names)
        )
        for names, a, b in rows
    ]
    return [
        {**dict(zip(("task", "a", "b"), names, strict=True)), **_comparison_cells(comparison)}
        for (names, _, _), comparison in zip(rows, decide(compared), strict=True)
    ]


Pair = tuple[tuple[str, str, str], list[JudgedRun], list[JudgedRun]]  # names of task, a and b; runs of a; runs of b


def _learner_pairs(runs: list[JudgedRun], registered) -> Iterator[Pair]:
    labels = label_all(runs)
    by_cell = groups(runs)
    for task in sorted(labels.tasks, key=labels.tasks.get):
        named = {learner: label for (where, learner), label in labels.learners.items() if where == task}
        for a, b in itertools.combinations(sorted(named, key=named.get), 2):
            for first, second in _registered(a, b, registered):
                names = (labels.tasks[task], named[first], named[second])
                yield names, by_cell[task, first], by_cell[task, second]


def _family_pairs(runs: list[JudgedRun], registered) -> Iterator[Pair]:
    members: dict[str, list[JudgedRun]] = {}
    for run in runs:
        members.setdefault(run.record.get("family", ""), []).append(run)
    for a, b in itertools.combinations(sorted(members), 2):
        for first, second in _registered(a, b, registered):
            yield ("all", first, second), members[first], members[second]


def _registered(a, b, registered: list[tuple[set, set]] | None) -> list[tuple]:
    """The pair in its registered order, or nothing where it is not registered."""
    if registered is None or any(a in first and b in second for first, second in registered):
        return [(a, b)]
    return [(b, a)] if any(b in first and a in second for first, second in registered) else []


def _comparison_cells(comparison) -> dict[str, object]:
    return {name: getattr(comparison, name) for name in COMPARISONS[3:]}
