"""How common late generalization is: the share of a grid of settings, which no choice of a best recipe can raise."""

from __future__ import annotations

import math

from grokbench.report.judged import JudgedRun
from grokbench.statistics.proportions import clopper_pearson

PREVALENCE = (
    "task, task_options, family, learners, settings, settings_late, runs, undecided, late, share, low, high"
).split(", ")
EVERYWHERE = ("all", "")  # in place of a task: all tasks with true labels


def prevalence_table(runs: list[JudgedRun]) -> list[dict]:
    """One row per family over all tasks with true labels, then one per task × family.

    share : late runs among all runs of the family there. A run that cannot be judged (`undecided`: it never fits, is
        too short, broke off) is one that does not generalize late, because the grid was stated before it was run.
    low, high : the Clopper–Pearson interval of the share, with every (setting, seed) as if it were independent. Runs
        of a seed share their split and runs of a setting their recipe, so that it is rather too narrow.
    settings_late : settings (of one learner on one task) with more than half of their runs late.
    """
    members: dict[tuple, list[JudgedRun]] = {}
    for run in runs:
        family = run.record.get("family") or ""
        members.setdefault((run.task, family), []).append(run)
        if run.record["config"]["task_options"].get("labels") != "shuffled":
            members.setdefault((EVERYWHERE, family), []).append(run)
    tasks = [EVERYWHERE, *dict.fromkeys(run.task for run in runs)]
    order = sorted(members, key=lambda place: (tasks.index(place[0]), place[1]))
    return [_row(task, family, members[task, family]) for task, family in order]


def _row(task: tuple[str, str], family: str, runs: list[JudgedRun]) -> dict[str, object]:
    settings: dict[tuple, list[float]] = {}
    for run in runs:
        settings.setdefault((run.task, run.learner), []).append(_late(run))
    found = [value for values in settings.values() for value in values]
    late = sum(value == 1 for value in found)
    low, high = clopper_pearson(late, len(found))
    return {
        "task": task[0],
        "task_options": task[1],
        "family": family,
        "learners": len({learner for _, (learner, _) in settings}),
        "settings": len(settings),
        "settings_late": sum(sum(value == 1 for value in values) > len(values) / 2 for values in settings.values()),
        "runs": len(found),
        "undecided": sum(math.isnan(value) for value in found),
        "late": late,
        "share": late / len(found),
        "low": low,
        "high": high,
    }


def _late(run: JudgedRun) -> float:
    return run.detections[0.95].late if run.counts else math.nan


def is_grid(runs: list[JudgedRun]) -> bool:
    """True where every learner has the same number of settings, more than one, on each task that it has runs of."""
    settings: dict[tuple, set] = {}
    for run in runs:
        settings.setdefault((run.task, run.learner[0]), set()).add(run.learner)
    counts = {len(found) for found in settings.values()}
    return len(counts) == 1 and counts != {1}
