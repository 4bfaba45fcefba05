"""Tables for reading: Markdown with the columns that people look at, and the delays in words."""

from __future__ import annotations

import math
import re

from grokbench.curves.detect import Detection
from grokbench.curves.run import FAILED, LEVELS
from grokbench.errors import one_line
from grokbench.report.judged import JudgedRun, groups
from grokbench.report.labels import Cell, Labels, label_all, legend

LONGEST_CELL = 10_000  # characters: a list of options has hundreds
# Code, emphasis, deletion, mathematics and cells; an underscore inside a word is none, a bracket alone no link, and
# at the start of a line a sign is a list only before a blank.
_MARKUP = re.compile(r"[`*~$|]|(?<![^\W_])_|_(?![^\W_])|^\[|\](?=[\[(:])|^[#>=]|^[+-](?![\d.])|(?<=^\d)[.)](?=\s|$)")

Rows = list[dict[str, object]]


def cell(value: object, digits: int = 6) -> str:
    """A value as text: empty where undefined or infinite, true/false, floats with `digits` significant digits."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(value, f".{digits}g") if math.isfinite(value) else ""
    return one_line(str(value), LONGEST_CELL)


def readable(value: object) -> str:
    """A value with the precision that people read: three significant digits, and no exponent below a billion."""
    if isinstance(value, float) and math.isfinite(value) and abs(value) < 1e9:
        value = float(f"{value:.3g}")
        return cell(value, 10 if abs(value) >= 1 else 3)
    return cell(value, 3)


def markdown(columns: dict[str, str], rows: Rows) -> str:
    """A Markdown table; `columns` maps keys of a row to headings. Cells cannot break out of the table."""
    lines = ["| " + " | ".join(columns.values()) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(escape(readable(row.get(key))) for key in columns) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Text that Markdown (CommonMark, and the tables and mathematics of GitHub) and HTML show as it is, on one line."""
    text = one_line(text, LONGEST_CELL).strip().replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;")
    return _MARKUP.sub(r"\\\g<0>", text)


def markdown_tables(title: str, built: dict[str, Rows], runs: list[JudgedRun]) -> dict[str, str]:
    """The Markdown files by name."""
    labels = label_all(runs)
    head = f"# {escape(title)}\n\n"
    return {
        "runs": head
        + markdown(RUN_COLUMNS, _labelled(built["runs"], [(run.task, run.learner) for run in runs], labels)),
        "delays": head + markdown(DELAY_COLUMNS, readable_delays(built["delays"], runs)) + _key(labels),
        "sensitivity": head
        + markdown(
            SENSITIVITY_COLUMNS,
            _labelled(built["sensitivity"], [cell for cell in groups(runs) for _ in LEVELS], labels),
        ),
        "comparisons": head + markdown(COMPARISON_COLUMNS, built["comparisons"]) + COMPARISON_NOTE,
        "prevalence": head
        + markdown(PREVALENCE_COLUMNS, readable_prevalence(built["prevalence"], runs))
        + PREVALENCE_NOTE,
    }


def _labelled(rows: Rows, cells: list[tuple[Cell, Cell]], labels: Labels) -> Rows:
    """The rows with the labels of their (task, learner) cells."""
    return [
        {**row, "task": labels.tasks[task], "learner": labels.learners[task, learner]}
        for row, (task, learner) in zip(rows, cells, strict=True)
    ]


RUN_COLUMNS = {
    name: name.replace("_", " ")
    for name in ("key", "task", "learner", "seed", "status", "outcome", "t_mem", "t_gen", "delay", "delay_censoring")
}
RUN_COLUMNS |= {"test_accuracy": "test accuracy", "cpu_seconds": "cpu s", "error": "error"}
SENSITIVITY_COLUMNS = {
    name: name for name in ("task", "learner", "level", "runs", "t_mem", "t_gen", "delay", "late", "outcomes")
}
DELAY_COLUMNS = {
    "task": "task",
    "learner": "learner",
    "family": "family",
    "outcomes": "outcomes",
    "late_text": "late",
    "t_mem": "t_mem",
    "t_gen": "t_gen",
    "delay_text": "delay (decades)",
    "test_accuracy": "test accuracy",
    "cpu_seconds": "cpu s",
}
COMPARISON_COLUMNS = {
    "task": "task",
    "a": "a",
    "b": "b",
    "n_a": "n",
    "late_a": "late a",
    "late_b": "late b",
    "delay_a": "delay a",
    "delay_b": "delay b",
    "difference": "difference",
    "low": "low",
    "high": "high",
    "win": "win",
    "p_holm": "p (Holm)",
    "verdict": "a is",
}
COMPARISON_NOTE = """
late: share of late runs (a non-event counts only on an adequate horizon). delay: Kaplan–Meier median in
decades, empty where half of the runs never generalized. difference: a − b with its 95 % interval over seeds.
win: P(a later) − P(b later). p: stratified log-rank, sides swapped within (task, seed); Holm over this table.
"""

PREVALENCE_COLUMNS = {
    "task": "task",
    "family": "family",
    "learners": "learners",
    "settings": "settings",
    "settings_late": "mostly late",
    "undecided": "undecided",
    "late_text": "late",
    "share_text": "share [95 % interval]",
}
PREVALENCE_NOTE = """
late: runs that generalize late among all runs of the family's settings (option sets of its learners). mostly late:
settings with more than half of their runs late. undecided: runs that cannot be judged (never fit, too short, broken
off); they count as not late. Interval: Clopper–Pearson, every (setting, seed) as if independent, although runs of a
seed share their split. all: the tasks with true labels.
"""


def readable_prevalence(rows: Rows, runs: list[JudgedRun]) -> Rows:
    """The rows of `prevalence` with the labels of their tasks, and with counts and shares as text."""
    tasks = label_all(runs).tasks
    return [
        {
            **row,
            "task": tasks.get((row["task"], row["task_options"]), row["task"]),
            "late_text": f"{row['late']}/{row['runs']}",
            "share_text": f"{row['share']:.2f} [{row['low']:.2f}, {row['high']:.2f}]",
        }
        for row in rows
    ]


def readable_delays(rows: Rows, runs: list[JudgedRun]) -> Rows:
    """The rows of `delays`, which follow `groups` of the runs, with labels and with delays and shares as text."""
    grouped, readable = groups(runs), []
    for row, members in zip(_labelled(rows, list(grouped), label_all(runs)), grouped.values(), strict=True):
        found = [run.detections[0.95] for run in members if run.counts]
        outcomes = ", ".join(filter(None, [row["outcomes"], _broken(members)]))
        texts = {"outcomes": outcomes, "late_text": _late_text(found), "delay_text": delay_text(row, found)}
        readable.append({**row, **texts})
    return readable


def _broken(members: list[JudgedRun]) -> str:
    """What runs came to that did not end as results: "1 crashed, 2 timeout"."""
    statuses = [run.record["status"] for run in members]
    return ", ".join(f"{statuses.count(status)} {status}" for status in FAILED if status in statuses)


def _late_text(found: list[Detection]) -> str:
    late = [d.late for d in found if d.late == d.late]
    return f"{int(sum(late))}/{len(late)}" if late else ""


def delay_text(row: dict, found: list[Detection]) -> str:
    """The median delay as people read it.

    "1.62 [1.58, 1.66]"; "≥ 1.1" memorized at the grain of the clock; "never (> 2.3)" not within the run.
    """
    if row["delay"] == row["delay"]:
        known = row["delay_low"] == row["delay_low"] and row["delay_high"] == row["delay_high"]
        return f"{row['delay']:.2f}" + (f" [{row['delay_low']:.2f}, {row['delay_high']:.2f}]" if known else "")
    bounds = sorted((d.delay, d.t_gen_censoring) for d in found if d.delay == d.delay)
    if not bounds:
        return ""
    bound, censoring = bounds[len(bounds) // 2]
    return f"never (> {bound:.2f})" if censoring == "right" else f"≥ {bound:.2f}"


def _key(labels: Labels) -> str:
    lines = [
        "",
        "t_mem, t_gen: medians on each learner's own clock. delay: log10(t_gen / t_mem), median [95 % interval];",
        "≥: memorized at the grain of its clock, a lower bound; never: censored at the end of the run.",
        "",
    ]
    lines += [f"- {escape(label)}: {escape(legend(task))}" for task, label in sorted(labels.tasks.items())]
    named = sorted({(label, learner) for (_, learner), label in labels.learners.items()})
    lines += [f"- {escape(label)}: {escape(legend(learner))}" for label, learner in named]
    return "\n".join(lines) + "\n"
