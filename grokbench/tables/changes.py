"""The tables of `diff`: what became of each cell of two result sets, and of each pair of runs.

They are of two folders, so that no report writes them, and they are not registered. `diff_grid` makes what they are of.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from grokbench.curves.run import NUMERICAL
from grokbench.tables.base import Column, Table
from grokbench.tables.grid import Grid, Identity, labels
from grokbench.tables.text import interval_text, plain, readable
from grokbench.verdicts.change import QUESTIONS, WORDS, Change, Shift
from grokbench.verdicts.pairing import CellName, ListedRun, Pair, given_options

NAMED = (*NUMERICAL, "device", "revision")  # of an environment, what is named where it differs
TIMES = tuple(name for name in QUESTIONS if name != "late")
MOST_NAMED = 6  # differences of environments in one line
DIGITS = 4  # decimals of a change in decades that people read: less than a hundredth of the margin


@dataclass(frozen=True)
class Entry:
    """A cell with the labels that tell its task and learner from their namesakes."""

    task_label: str
    learner_label: str
    change: Change

    @property
    def name(self) -> CellName:
        """Task and learner, with their options."""
        return self.change.cell.name


@dataclass(frozen=True)
class PairEntry:
    """A pair of runs in its cell."""

    cell: Entry
    pair: Pair


def diff_grid(changes: Iterable[Change], title: str) -> Grid:
    """What both tables are made of: their entries, in the order of the cells."""
    cells = _entries(list(changes))
    grid = Grid([], title=title)
    pairs = [PairEntry(cell, pair) for cell in cells for pair in cell.change.cell.pairs]
    grid.entries = {Changes.name: cells, ChangedRuns.name: pairs}
    return grid


def _entries(changes: Sequence[Change]) -> list[Entry]:
    names = [change.cell.name for change in changes]
    tasks = labels({_task(name): given_options(name.task_options) for name in names})
    learners: dict[Identity, dict[Identity, dict]] = {}
    for name in names:
        budget = {"budget": name.budget} if name.budget else {}
        learners.setdefault(_task(name), {})[_learner(name)] = given_options(name.learner_options) | budget
    short = {task: labels(variants) for task, variants in learners.items()}
    return [
        Entry(tasks[_task(change.cell.name)], short[_task(change.cell.name)][_learner(change.cell.name)], change)
        for change in changes
    ]


def _task(name: CellName) -> Identity:
    return Identity(name.task, name.task_options)


def _learner(name: CellName) -> Identity:
    return Identity(name.learner, f"{name.learner_options} {name.budget or ''}")


def environment_text(pairs: Iterable[Pair]) -> str:
    """What both sides say of their environments and differ in: "torch 2.13.0 / 2.14.0"; empty where they do not."""
    pairs = list(pairs)
    a, b = [pair.a for pair in pairs], [pair.b for pair in pairs]
    sides = [(name, _facts(a, name), _facts(b, name)) for name in NAMED]
    named = [f"{name} {first} / {second}" for name, first, second in sides if first and second and first != second]
    named += [f"nothing is known of {name}" for name, runs in (("A", a), ("B", b)) if runs and not _known(runs)]
    more = f", and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return ", ".join(named[:MOST_NAMED]) + more


def _known(runs: Iterable[ListedRun]) -> bool:
    """Whether any run says anything of its environment."""
    return any(run.environment for run in runs)


def _facts(runs: Sequence[ListedRun], name: str) -> str:
    """A fact of the environments of runs, or several; empty where none of them says it."""
    known = {plain(run.environment[name]) for run in runs if name in run.environment}
    return " and ".join(sorted(known))


def _change(name: str) -> tuple[Column, ...]:
    """Four columns of a quantity."""
    unit = "B less A" if name == "delay" else "log10(B / A)"

    def shift(entry: Entry) -> Shift:
        return getattr(entry.change, name)

    return (
        Column(
            f"{name}_change",
            f"median {unit} over pairs, in decades; empty where censoring leaves it open",
            f"{name} change",
            value=lambda entry: shift(entry).estimate,
            text=lambda entry: shift_text(shift(entry)),
            rank=2 if name == "t_gen" else 4,
        ),
        Column(f"{name}_low", "lower end of its 98.75 % interval", value=lambda entry: shift(entry).low),
        Column(f"{name}_high", "upper end of that interval", value=lambda entry: shift(entry).high),
        Column(f"{name}_verdict", "the word for this change alone", value=lambda entry: entry.change.words[name]),
    )


def shift_text(shift: Shift) -> str:
    """A change with its interval; a bound where censoring leaves the median open, empty where no pair says anything."""
    if not shift.n:
        return ""
    least, most, low, high = (_rounded(value) for value in (shift.least, shift.most, shift.low, shift.high))
    if least == most and math.isinf(low) and math.isinf(high):
        return readable(least)  # too few pairs for an interval
    if least == most:
        return interval_text(least, low, high)
    if math.isfinite(least):
        return f"≥ {interval_text(least, low, high)}"
    return f"≤ {interval_text(most, low, high)}" if math.isfinite(most) else "open"


def _rounded(value: float) -> float:
    return round(value, DIGITS) + 0.0  # no minus zero


def changed_text(pairs: Iterable[Pair]) -> str:
    """What outcomes and late runs became: "2 groks → partial, 1 late 1 → 0"."""
    kinds = Counter(_kind(pair) for pair in pairs)
    return ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))


def _kind(pair: Pair) -> str:
    if pair.a.label != pair.b.label:
        return f"{pair.a.label} → {pair.b.label}"
    return f"late {_number(pair.a.late)} → {_number(pair.b.late)}"


def _number(value: float) -> str:
    return readable(value) or "unknown"


def _late(name: str, meaning: str, **reading) -> Column:
    return Column(f"late_{name}", meaning, value=lambda entry: getattr(entry.change.late, name), **reading)


def _named(name: str, meaning: str, label: str = "") -> Column:
    text = (lambda entry: getattr(entry, label)) if label else None
    heading = name if label else ""
    return Column(name, meaning, heading, value=lambda entry: getattr(entry.name, name), text=text)


class Changes(Table):
    """a cell of two result sets: the change of t_gen, delay, late and t_mem from A to B, with intervals, and a word"""

    name = "diff"
    columns = (
        _named("task", "name of the task", "task_label"),
        _named("task_options", "its options that are not at their defaults, as JSON"),
        _named("learner", "name of the learner", "learner_label"),
        _named("learner_options", "its options that are not at their defaults, as JSON"),
        Column(
            "budget",
            "of its runs, where a side has several budgets in the cell",
            value=lambda entry: entry.name.budget or None,
        ),
        Column("pairs", "pairs of runs that are compared", "pairs", value=lambda e: len(e.change.compared), rank=3),
        Column(
            "left_out",
            "pairs of the same seed that are not compared",
            value=lambda e: len(e.change.cell.pairs) - len(e.change.compared),
        ),
        Column("only_a", "runs that only A has", value=lambda entry: entry.change.cell.only_a),
        Column("only_b", "runs that only B has", value=lambda entry: entry.change.cell.only_b),
        Column(
            "identical",
            "pairs whose curves are the same, digit for digit; empty without `runs/` on both sides",
            "identical",
            value=lambda entry: entry.change.identical if entry.change.compared else None,
            optional=True,
            rank=5,
        ),
        *(column for name in ("t_mem", "t_gen", "delay") for column in _change(name)),
        _late(
            "difference",
            "share of late runs in B less that in A",
            heading="late change",
            text=lambda entry: readable(entry.change.late.difference),
            rank=4,
        ),
        _late("low", "lower end of its 98.75 % interval"),
        _late("high", "upper end of that interval"),
        _late("p", "exact two-sided p of McNemar's test"),
        Column("late_verdict", "the word for this change alone", value=lambda entry: entry.change.words["late"]),
        Column(
            "changed",
            "how many pairs have another outcome, or another `late`, and which",
            "outcomes",
            value=lambda entry: changed_text(entry.change.changed),
            rank=1,
        ),
        Column(
            "verdict",
            f"B is {', '.join(f'`{word}`' for word in WORDS)}",
            "B is",
            value=lambda entry: entry.change.verdict,
        ),
        Column("reason", "why", "why", value=lambda entry: entry.change.reason, rank=1),
        Column(
            "environments",
            "what differs between the environments of both sides",
            value=lambda entry: environment_text(entry.change.compared),
        ),
    )
    note = """
Change: from A to B over pairs of equal task, learner, options, seed and split. Times: median log10(B / A) in decades,
with the interval of the sign test at 98.75 %, which is 95 % for the four questions of a cell together. B is later or
earlier: the interval excludes 0, and the median is more than .05 decade away from it. Unchanged: no more than that
was shown. A list of all pairs is in diff_runs.csv.
"""

    def readable(self, entry: Entry) -> bool:
        """Cells that only one side has are counted, not read."""
        return bool(entry.change.cell.pairs)


def _of_run(side: str, name: str, meaning: str, heading: str = "") -> Column:
    return Column(f"{name}_{side}", meaning, heading, value=lambda entry: getattr(getattr(entry.pair, side), name))


def _of_both(name: str, meaning: str, heading: str = "") -> tuple[Column, Column]:
    """The two columns of a fact of a run."""
    headings = [f"{heading} {side}" if heading else "" for side in "ab"]
    return (
        _of_run("a", name, f"{meaning}, of A", headings[0]),
        _of_run("b", name, "the same of B", headings[1]),
    )


class ChangedRuns(Table):
    """a pair of runs of two result sets: outcome, late, t_mem, t_gen and delay of both"""

    name = "diff_runs"
    columns = (
        Column("task", "label of the task", "task", value=lambda entry: entry.cell.task_label),
        Column("learner", "label of the learner", "learner", value=lambda entry: entry.cell.learner_label),
        Column("seed", "of split and learner", "seed", value=lambda entry: entry.pair.a.seed),
        *_of_both("key", "hash of all that the result depends on"),
        *_of_both("label", "outcome, or the status of a run that has none", "outcome"),
        *_of_both("late", "1, 0, or empty", "late"),
        *_of_both("t_mem", "on the learner's clock", "t mem"),
        *_of_both("t_gen", "on the learner's clock", "t gen"),
        *_of_both("delay", "in decades; a lower bound where it is right-censored"),
        Column("identical", "whether the curves are the same, digit for digit", value=lambda e: e.pair.identical),
        Column("changed", "whether outcome or late are not the same", value=lambda entry: entry.pair.changed),
        Column("obstacles", "why the pair is not compared", value=lambda e: "; ".join(e.pair.obstacles)),
    )

    def readable(self, entry: PairEntry) -> bool:
        """People read the pairs with another outcome."""
        return entry.pair.changed and not entry.pair.obstacles


def summary(changes: Sequence[Change]) -> dict[str, object]:
    """How many cells have each word, and how many pairs and runs there are."""
    words = Counter(change.verdict for change in changes if change.cell.pairs)
    return {
        **{word: words[word] for word in WORDS},
        "pairs": sum(len(change.compared) for change in changes),
        "changed": sum(len(change.changed) for change in changes),
        "only_a": sum(change.cell.only_a for change in changes),
        "only_b": sum(change.cell.only_b for change in changes),
    }


def summary_text(changes: Sequence[Change]) -> str:
    """The same in one line."""
    counts: Mapping = summary(changes)
    words = ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word])
    return (
        f"cells: {words}; {counts['pairs']} pairs of runs compared, {counts['changed']} with another outcome; "
        f"{counts['only_a']} runs only in A, {counts['only_b']} only in B"
    )
