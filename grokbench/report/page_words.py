"""What was asked and what came out, in sentences made from the tables of a page; each leads to the table it is from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from grokbench.curves.run import FAILED
from grokbench.figures.style import families_in_order
from grokbench.report.page_tables import PageTable
from grokbench.verdicts.explanation_rows import EVERYWHERE, EXPLORATORY, PRIMARIES
from grokbench.verdicts.finding import NOT_APPLICABLE
from grokbench.verdicts.replication import REPRODUCED

EXPLANATION, VERDICTS = "Explanation", "Verdicts on"  # how sentences on one begin
MOST_NAMED = 12  # learners or tasks of a sentence
SHORT, PATIENT = "patience 10", "30 t_mem"  # the rules of early stopping that sentences speak of


@dataclass(frozen=True)
class Part:
    """A part of a sentence with the numbers of one place.

    text : plain. table : name of the table that it is from; row : the row in it, None for the whole table.
    """

    text: str
    table: str
    row: int | None = None

    @property
    def link(self) -> str:
        """What follows the address of the page: the table, or the row in it."""
        return f"#table-{self.table}" if self.row is None else f"#row-{self.table}-{self.row}"


@dataclass(frozen=True)
class Sentence:
    """A sentence: a beginning in plain text, and parts that lead to where their numbers are from."""

    beginning: str
    parts: tuple[Part, ...] = ()

    @property
    def between(self) -> str:
        """What stands between its parts: a semicolon where a part has a comma of its own."""
        return "; " if any("," in part.text for part in self.parts) else ", "

    @property
    def text(self) -> str:
        """The whole of it, plain."""
        return " ".join(filter(None, [self.beginning, self.between.join(part.text for part in self.parts)])) + "."


@dataclass(frozen=True)
class Claim:
    """What a prediction says, or an explanation as a whole.

    Parameters
    ----------
    name, text : of the prediction or the explanation.
    role : of the prediction; empty for an explanation.
    rule : when it is supported or contradicted, who says it, and what would change our mind.
    parts : of an explanation, its predictions.
    """

    name: str
    text: str
    role: str = ""
    rule: str = ""
    parts: tuple[Claim, ...] = ()


def claims(said: Sequence[Claim]) -> list[Sentence]:
    """The explanations that are tested, in their own words."""
    return [Sentence(f"{EXPLANATION} {one.name}:", (Part(one.text.rstrip("."), "explanations"),)) for one in said]


def asked(tables: Mapping[str, PageTable]) -> list[Sentence]:
    """Learners, tasks and seeds."""
    runs = runs_of(tables)
    if not runs:
        return [Sentence("No run is stored yet")]
    learners, tasks = (list(dict.fromkeys(str(row[name]) for row in runs)) for name in ("learner", "task"))
    settings = len({(row["learner"], row["learner_options"]) for row in runs})
    seeds = sorted({int(row["seed"]) for row in runs})
    counts = f"{_counted(len(learners), 'learner')} in {_counted(settings, 'setting')}"
    return [
        Sentence("", (Part(f"{counts}: {_named(learners)}", "runs"),)),
        Sentence("", (Part(f"{_counted(len(tasks), 'task')}: {_named(tasks)}", "runs"),)),
        Sentence("", (Part(f"{_counted(len(seeds), 'seed')}: {_range(seeds)}", "runs"),)),
    ]


def impossible(pairs: Sequence[Sequence[str]]) -> list[Sentence]:
    """How many pairs of a learner and a task cannot be, and one of them.

    pairs : task, learner and reason, one for each setting.
    """
    reasons = {(task, learner): reason for task, learner, reason in pairs}
    if not reasons:
        return []
    (task, learner), reason = next(iter(reasons.items()))
    said = f"{_counted(len(reasons), 'pair')} of a task and a learner not applicable, such as"
    return [Sentence(f"{said} {learner} on {task}: {reason.rstrip('.')}")]


def runs_of(tables: Mapping[str, PageTable]) -> Sequence[Mapping]:
    """The rows of the table of runs; none without it."""
    return tables["runs"].values if "runs" in tables else ()


def came_out(tables: Mapping[str, PageTable]) -> list[Sentence]:
    """How many runs, published claims, verdicts, late runs per family, and what early stopping would do."""
    runs = runs_of(tables)
    return [*_counts(runs), *replications(tables), *verdicts(tables), *_late(runs), *early_stopping(tables)]


def _counts(runs: Sequence[Mapping]) -> list[Sentence]:
    if not runs:
        return []
    failed = sum(row["status"] in FAILED for row in runs)
    end = "all came to an end" if not failed else f"{failed:,} failed, crashed or ran out of time"
    return [Sentence("", (Part(f"{_counted(len(runs), 'run')}: {end}", "runs"),))]


def _late(runs: Sequence[Mapping]) -> list[Sentence]:
    """Per family, with true labels; the control with shuffled labels in one sentence."""
    true = [row for row in runs if not _shuffled(row) and _decided(row)]
    control = [row for row in runs if _shuffled(row) and _decided(row)]
    families = families_in_order(str(row["family"]) for row in true)
    of_each = {family: [row for row in true if str(row["family"]) == family] for family in families}
    parts = tuple(Part(f"{family} {_late_of(rows)}", "delays") for family, rows in of_each.items())
    made = [Sentence("Late generalization, of the runs that are decided:", parts)] if parts else []
    if control:
        made.append(Sentence("With shuffled labels, as a control:", (Part(_late_of(control), "delays"),)))
    return made


def _late_of(rows: Sequence[Mapping]) -> str:
    return f"{sum(row['late'] == 1 for row in rows):,} of {len(rows):,}"


def _decided(row: Mapping) -> bool:
    return row.get("late") in (0, 1)


def _shuffled(row: Mapping) -> bool:
    return '"shuffled"' in str(row["task_options"])


def replications(tables: Mapping[str, PageTable]) -> list[Sentence]:
    """The published claims with each verdict, by their numbers."""
    parts: dict[str, list[Part]] = {}
    for number, row in enumerate(tables["replications"].values if "replications" in tables else ()):
        parts.setdefault(str(row["verdict"]), []).append(Part(str(row["claim"]), "replications", number))
    return [
        Sentence(f"{_counted(len(those), 'published claim')} {verdict}:", tuple(those))
        for verdict, those in sorted(parts.items(), key=lambda one: (one[0] != REPRODUCED, one[0]))
    ]


def verdicts(tables: Mapping[str, PageTable]) -> list[Sentence]:
    """Of each explanation overall and in each family; those to which it does not apply come last, in one part."""
    rows = list(enumerate(tables["explanations"].values)) if "explanations" in tables else []
    names = dict.fromkeys(row["explanation"] for _, row in rows if row["prediction"] == PRIMARIES)
    return [Sentence(f"{VERDICTS} {name}:", tuple(_verdicts_on(name, rows))) for name in names]


def _verdicts_on(explanation: str, rows: Sequence[tuple[int, Mapping]]) -> Iterator[Part]:
    together = [(i, row) for i, row in rows if row["prediction"] == PRIMARIES and row["explanation"] == explanation]
    apart = [(i, row) for i, row in together if row["verdict"] == NOT_APPLICABLE and row["family"] != EVERYWHERE]
    for number, row in together:
        if (number, row) not in apart:
            place = "over all families" if row["family"] == EVERYWHERE else row["family"]
            text = f"{place} {row['verdict']}{' (exploratory)' if row['role'] == EXPLORATORY else ''}"
            yield Part(text, "explanations", number)
    if apart:
        yield Part(f"not applicable to {' / '.join(row['family'] for _, row in apart)}", "explanations", apart[0][0])


def early_stopping(tables: Mapping[str, PageTable]) -> list[Sentence]:
    """What a short and a patient rule on accuracy would do to the runs with true labels that generalize."""
    if "early_stopping" not in tables:
        return []
    rows = [row for row in tables["early_stopping"].values if row["reads"] == "accuracy" and not _shuffled(row)]
    rows = [row for row in rows if _is_number(row["generalizing"]) and _is_number(row["stopped_before_generalizing"])]
    parts = []
    for rule in (SHORT, PATIENT):
        of_rule = [row for row in rows if row["rule"] == rule and row["generalizing"] > 0]
        total = int(sum(row["generalizing"] for row in of_rule))
        stopped = round(sum(row["generalizing"] * row["stopped_before_generalizing"] for row in of_rule))
        if total:
            parts.append(Part(f"{rule}: {stopped:,} of {total:,}", "early_stopping"))
    beginning = "Early stopping on accuracy would have ended too soon, of the runs that generalize, with"
    return [Sentence(beginning, tuple(parts))] if parts else []


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _range(seeds: Sequence[int]) -> str:
    """Seeds in runs of neighbours: "0 to 9", "0 to 9, 20"."""
    ends = []
    for seed in seeds:
        if ends and seed == ends[-1][1] + 1:
            ends[-1][1] = seed
        else:
            ends.append([seed, seed])
    texts = [str(first) if first == last else f"{first} to {last}" for first, last in ends]
    return _named(texts)
