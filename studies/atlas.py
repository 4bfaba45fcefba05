"""The tables of docs/atlas.md, from the tables of its results.

python studies/atlas.py                           # writes them into the page, from results/reference/atlas
python studies/atlas.py results/atlas             # the same, from other results
"""

from __future__ import annotations

import csv
import json
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from blocks import ROOT, write_blocks

from grokbench.tables.text import markdown

PAGE = ROOT / "docs" / "atlas.md"
REFERENCE = ROOT / "results" / "reference" / "atlas"
EVERYWHERE = "all"  # in place of a task: all tasks with true labels
SLOW = 3.0  # CPU seconds above which a run is counted


def blocks_of(folder: Path) -> dict[str, str]:
    """The blocks of the page by name: families, places, learners, cost."""
    prevalence, runs = _rows(folder / "prevalence.csv"), _rows(folder / "runs.csv")
    return {
        "families": families(prevalence),
        "places": places(runs),
        "learners": learners(runs),
        "cost": cost(runs),
    }


def families(prevalence: list[dict[str, str]]) -> str:
    """One row per family, the most often late first: late runs on true labels with their interval, and on shuffled."""
    shuffled = defaultdict(list)
    for row in prevalence:
        if _shuffled(row):
            shuffled[row["family"]].append(row)
    everywhere = [row for row in prevalence if row["task"] == EVERYWHERE]
    rows = [
        {
            "family": row["family"],
            "late": f"{row['late']} of {row['runs']}",
            "share": f"{_percent(row['share'])} [{_percent(row['low'])}, {_percent(row['high'])}]",
            "settings_late": f"{row['settings_late']} of {row['settings']}",
            "undecided": row["undecided"],
            "shuffled": _of_all(shuffled[row["family"]]),
        }
        for row in sorted(everywhere, key=lambda row: (-float(row["share"]), row["family"]))
    ]
    headings = {
        "family": "family",
        "late": "late runs",
        "share": "in per cent [95 %]",
        "settings_late": "settings mostly late",
        "undecided": "undecided",
        "shuffled": "late on shuffled labels",
    }
    return markdown(headings, rows)


def places(runs: list[dict[str, str]]) -> str:
    """One row per setting of a learner on a task with a late run: the options that tell it from its other settings."""
    cells = defaultdict(list)
    for row in _on_true_labels(runs):
        cells[row["learner"], row["task"], row["learner_options"]].append(row)
    settings = defaultdict(list)
    for learner, task, options in cells:
        settings[learner, task].append(json.loads(options or "{}"))
    rows = [
        {
            "learner": learner,
            "task": task,
            "setting": told_apart(json.loads(options or "{}"), settings[learner, task]),
            "late": f"{_late(members)} of {len(members)}",
        }
        for (learner, task, options), members in sorted(cells.items())
        if _late(members)
    ]
    return markdown({"learner": "learner", "task": "task", "setting": "setting", "late": "late runs"}, rows)


def told_apart(options: dict, others: Iterable[dict]) -> str:
    """The options of a setting that another setting of its learner on the task has otherwise; "usual" without any."""
    others = list(others)
    varied = sorted({name for other in others for name in other if any(o.get(name) != other[name] for o in others)})
    return ", ".join(f"{name} {options[name]}" for name in varied if name in options) or "usual"


def learners(runs: list[dict[str, str]]) -> str:
    """One row per learner: late and undecided runs on true labels, CPU seconds of all its runs."""
    by_learner = defaultdict(list)
    for row in runs:
        by_learner[row["learner"]].append(row)
    rows = []
    for name, members in sorted(by_learner.items()):
        true = _on_true_labels(members)
        seconds = [float(row["cpu_seconds"]) for row in members if row["cpu_seconds"]]
        rows.append(
            {
                "learner": name,
                "late": f"{_late(true)} of {len(true)}",
                "undecided": sum(row["late"] == "" for row in true),
                "median": f"{statistics.median(seconds):.2g}" if seconds else "",
                "highest": f"{max(seconds):.2g}" if seconds else "",
            }
        )
    headings = {"learner": "learner", "late": "late runs", "undecided": "undecided", "median": "median CPU s"}
    return markdown(headings | {"highest": "highest"}, rows)


def cost(runs: list[dict[str, str]]) -> str:
    """What was run and what it took, in two sentences."""
    statuses = Counter(row["status"] for row in runs)
    seeds = sorted({int(row["seed"]) for row in runs})
    seconds = [float(row["cpu_seconds"]) for row in runs if row["cpu_seconds"]]
    ends = ", ".join(f"{n} {status}" for status, n in statuses.most_common())
    return (
        f"{len(runs)} runs of the seeds {seeds[0]} to {seeds[-1]}: {ends}. They took {sum(seconds):.0f} CPU seconds in "
        f"all; {sum(s > SLOW for s in seconds)} runs took more than {SLOW:g}, and the longest {max(seconds):.1f}."
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _shuffled(row: dict[str, str]) -> bool:
    return json.loads(row["task_options"] or "{}").get("labels") == "shuffled"


def _on_true_labels(runs: list[dict[str, str]]) -> list[dict[str, str]]:
    return [row for row in runs if not _shuffled(row)]


def _late(runs: list[dict[str, str]]) -> int:
    return sum(row["late"] == "1" for row in runs)


def _of_all(rows: list[dict[str, str]]) -> str:
    runs = sum(int(row["runs"]) for row in rows)
    return f"{sum(int(row['late']) for row in rows)} of {runs}" if runs else ""


def _percent(share: str) -> str:
    return f"{100 * float(share):.1f}"


def main(folder: Path = REFERENCE) -> None:
    """Write the blocks of a folder into the page."""
    write_blocks(PAGE, blocks_of(folder))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
