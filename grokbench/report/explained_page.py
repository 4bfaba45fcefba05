"""``explanations.md``: the verdicts for people who know the theories and not the code."""

from __future__ import annotations

from collections.abc import Mapping

from grokbench.report.markdown import Rows, escape, markdown, readable
from grokbench.verdicts.cross_table import CORNERS, EFFECTS
from grokbench.verdicts.explanation_rows import counts, explanation_rows, sensitivity_rows
from grokbench.verdicts.verdict import Verdict

CROSS_NOTE = """
Share of late runs (late/decided, with its exact 95 % interval) with features free or frozen and explicit pressure on
or off. features: P(free) − P(frozen) in the family's natural state of pressure; pressure: P(on) − P(off) with free
features; both paired by split, Newcombe's 95 % interval. interaction: (a − b) − (c − d). H: decades from t_mem to the
end of the run. A run that did not generalize counts only if it was watched for ten times t_gen of its free twin.
"""
PREDICTION_NOTE = """
Every estimate is turned so that larger favours the claim (a median that should be small has a minus sign). Supported:
the low end of each 95 % interval above its margin; contradicted: the high end of one below its own. n: seeds, or pairs
of them. p: of the prediction's own test, or else the level at which its interval would just support. What is not
applicable is no evidence, whatever its estimate. A prediction without cells in a family has a row in the CSV only.
"""
SHOWN = {
    **{role: f"{corner}: {role.replace('_', ', ')}" for corner, role in CORNERS.items()},
    "shuffled": "shuffled labels",
    "low": "too few data",
    "noise": "redrawn labels",
}
PREDICTION_COLUMNS = {
    "prediction": "prediction",
    "role": "role",
    "family": "family",
    "task": "task",
    "n": "n",
    "interval": "estimate [95 %]",
    "margin": "margins",
    "p": "p",
    "p_holm": "p (Holm)",
    "verdict": "verdict",
    "reason": "reason",
}


def explanations_page(title: str, told: list[Verdict], crossed: Rows, cells: Mapping[str, tuple[str, str]]) -> str:
    """The page, per explanation: truth table, predictions, verdicts, what each prediction means, cells, sensitivity.

    ``cells`` : cell "task/learner" -> task and learner with their options.
    """
    parts = [f"# {escape(title)}: explanations\n", *(_explanation(one, crossed, cells) for one in told)]
    return "\n".join(parts)


def _explanation(told: Verdict, crossed: Rows, cells: Mapping[str, tuple[str, str]]) -> str:
    name = told.rules.explanation
    here = [row for row in crossed if row["explanation"] == name]
    sections = [f"## {escape(name)}\n", f"{escape(told.rules.claim)}\n"]
    if here:
        sections += ["### Cross table\n", markdown(cross_columns(here), readable_cross_table(here))]
        sections += [CROSS_NOTE, *_constructed(here)]
    rows = readable_explanations(explanation_rows(told)[: len(told.predictions)])
    sections += ["### Predictions\n", markdown(PREDICTION_COLUMNS, rows), PREDICTION_NOTE]
    sections += ["### Verdicts\n", *_verdicts(told)] if told.families else [f"{_registered(told)}\n"]
    sections += ["### What each prediction says\n", *map(_glossary, told.rules.predictions), ""]
    sections += _cells(told, cells)
    sections += ["### Sensitivity\n", _sensitivity(told)]
    return "\n".join(sections)


def cross_columns(rows: Rows) -> dict[str, str]:
    """The columns that people read, without the cells and effects that no row has."""
    corners = {corner: SHOWN[role] for corner, role in CORNERS.items()}
    effects = {effect: effect for effect in EFFECTS}
    known = {name: text for name, text in (corners | effects).items() if any(_known(row, name) for row in rows)}
    return {"family": "family", "task": "task", "natural": "natural", **known, "horizon": "H", "reading": "reading"}


def _known(row: Mapping, name: str) -> bool:
    return name in row and row[name] == row[name]


def readable_cross_table(rows: Rows) -> Rows:
    """The rows of `cross_table` with shares, effects and their intervals as text."""
    found = []
    for row in rows:
        texts = {corner: _share(row, corner) for corner in CORNERS if corner in row}
        texts |= {effect: _interval(*(row[name] for name in _ends(effect))) for effect in EFFECTS}
        found.append({**row, **texts})
    return found


def _ends(effect: str) -> tuple[str, str, str]:
    return effect, f"{effect}_low", f"{effect}_high"


def _share(row: Mapping, corner: str) -> str:
    n = row[f"{corner}_n"]
    if not n:
        return "0 decided"
    return f"{round(row[corner] * n)}/{n} [{row[f'{corner}_low']:.2f}, {row[f'{corner}_high']:.2f}]"


def _interval(value: float, low: float, high: float) -> str:
    """A number with its interval; an end beyond the data is written as infinite."""
    if value != value:
        return ""
    return f"{_number(value)} [{_number(low)}, {_number(high)}]"


def _number(value: float) -> str:
    if abs(value) == float("inf"):
        return "∞" if value > 0 else "−∞"
    return readable(value)


def _constructed(rows: Rows) -> list[str]:
    found = [
        f"- {escape(row['family'])}, {escape(row['task'])}: {escape(row['by_construction'])}"
        for row in rows
        if row["by_construction"]
    ]
    return ["By construction, hence no evidence:\n", *found, ""] if found else []


def readable_explanations(rows: Rows) -> Rows:
    """The rows of `explanations` for which there are cells, with all estimates and their intervals as text."""
    return [{**row, "interval": _parts(row.get("parts", {}))} for row in rows if row.get("asked", True)]


def _parts(parts: Mapping[str, tuple[float, float, float]]) -> str:
    """Estimates with their intervals, by name where there are several."""
    texts = {name: _interval(*numbers) or "undefined" for name, numbers in parts.items()}
    return "; ".join(f"{name}: {text}" if len(texts) > 1 else text for name, text in texts.items())


def _verdicts(told: Verdict) -> list[str]:
    lines = [
        f"- **{escape(found.name)}**: {found.word}" + (f" ({escape(found.reason)})" if found.reason else "")
        for found in told.families
    ]
    summary = f"{counts(told)}, of {sum(family.applies for family in told.parts)} applicable families"
    return [
        *lines,
        "",
        f"**Overall: {told.word}** ({summary}" + (f"; {escape(told.reason)}" if told.reason else "") + ").",
        "",
        "A family supports an explanation if all its applicable primaries are supported in all its tasks, and",
        f"contradicts it if any is contradicted at level .05 divided by their number. {_registered(told)}",
        "",
    ]


def _registered(told: Verdict) -> str:
    """The seeds and the hash of the rules."""
    last = told.rules.first_seed + told.rules.seeds - 1
    rules = told.registration.hash[:12]
    return f"Seeds registered: {told.rules.first_seed} to {last}{_other_seeds(told)}; rules {rules}."


def _other_seeds(told: Verdict) -> str:
    """Designs that have another number of seeds: " (committee 20, trees 12)"."""
    others = {f"{design.family} {design.seeds}": None for design in told.rules.designs if design.seeds}
    return f" ({', '.join(escape(name) for name in others)})" if others else ""


def _glossary(prediction) -> str:
    rules = "; ".join(f"{name.replace('_', ' ')} {margin.words}" for name, margin in prediction.margins.items())
    test = "" if prediction.p is None else f", p ≤ {prediction.p:g}"
    text = f"{prediction.claim} Rule: {rules}{test}; n ≥ {prediction.least}."
    source = f" Source: {prediction.source}." if prediction.source else ""
    return f"- **{escape(prediction.name)}** ({prediction.role}): " + escape(
        f"{text}{source} What would change our mind: {prediction.change_of_mind}"
    )


def _cells(told: Verdict, texts: Mapping[str, tuple[str, str]]) -> list[str]:
    """What was run in the corners of the cross table and in the controls."""
    rows = []
    for design in told.rules.designs:
        for role, cell in design.cells.items():
            if role in SHOWN and isinstance(cell, str) and cell in texts:
                task, learner = texts[cell]
                place = {"family": design.family, "task": design.task, "cell": SHOWN[role]}
                rows.append({**place, "data": task, "learner": learner})
    names = ("family", "task", "cell", "data", "learner")
    return ["### What was run\n", markdown({name: name for name in names}, rows), ""] if rows else []


def _sensitivity(told: Verdict) -> str:
    rows = sensitivity_rows(told)
    if not rows:
        return "No prediction has a verdict of its own that could change.\n"
    names = list(dict.fromkeys(name for row in rows for name in row))
    note = "\nThe verdict must be the same everywhere, else it is `undecided`; as registered: before that rule.\n"
    return markdown({name: name for name in names}, rows) + note
