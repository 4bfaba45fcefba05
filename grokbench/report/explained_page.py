"""``explanations.md``: the verdicts for people who know the theories and not the code."""

from __future__ import annotations

from collections.abc import Mapping

from grokbench.registry import tables
from grokbench.tables.grid import Grid
from grokbench.tables.text import escape, markdown
from grokbench.verdicts.cross_table import CORNERS
from grokbench.verdicts.explanation_rows import counts, sensitivity_rows
from grokbench.verdicts.rules import Prediction
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
NEEDS_NOTE = """
with, without: late/decided runs with its exact 95 % interval. features: free or frozen; pressure: on or off; start: a
large initial function, or a small one. Needed: the difference is large (interval above .3, estimate .5 or more). Not
needed: the cell without it is late by itself (95 % bound above one half).
"""
NOTES = {"explanations": PREDICTION_NOTE, "cross_table": CROSS_NOTE, "needs": NEEDS_NOTE}  # by the name of the table
SHOWN = {
    **{role: f"{corner}: {role.replace('_', ', ')}" for corner, role in CORNERS.items()},
    "shuffled": "shuffled labels",
    "low": "too few data",
    "noise": "redrawn labels",
}


def explanations_page(grid: Grid) -> str:
    """The page, per explanation: truth table, predictions, verdicts, what each prediction means, cells, sensitivity."""
    texts = cell_texts(grid)
    parts = [
        f"# {escape(grid.title)}: explanations\n",
        *(_explanation(one, grid, texts) for one in grid.explained),
    ]
    return "\n".join(parts)


def cell_texts(grid: Grid) -> dict[str, tuple[str, str]]:
    """Cell "task/learner" -> task and learner with all options that are not defaults; of cells that were run."""
    texts = {}
    for name, keys in grid.cell_keys.items():
        cell = next((grid.by_key[key] for key in keys.values() if key in grid.by_key), None)
        if cell is not None:
            texts[name] = tuple(f"{variant.name}({variant.legend})" for variant in (cell.task, cell.learner))
    return texts


def _explanation(explained: Verdict, grid: Grid, texts: Mapping[str, tuple[str, str]]) -> str:
    name = explained.rules.explanation
    crossed = _entries_of("cross_table", name, grid)
    sections = [f"## {escape(name)}\n", f"{escape(explained.rules.claim)}\n"]
    needed = _entries_of("needs", name, grid)
    if needed:
        sections += ["### Who needs what\n", markdown(*tables["needs"]().reading(grid, needed)), NEEDS_NOTE]
    if crossed:
        sections += ["### Cross table\n", markdown(*tables["cross_table"]().reading(grid, crossed))]
        sections += [CROSS_NOTE, *_constructed(crossed)]
    predictions = _entries_of("explanations", name, grid)[: len(explained.predictions)]
    sections += ["### Predictions\n", markdown(*tables["explanations"]().reading(grid, predictions)), PREDICTION_NOTE]
    sections += ["### Verdicts\n", *_verdicts(explained)] if explained.families else [f"{_registered(explained)}\n"]
    sections += ["### What each prediction says\n", *map(_glossary, explained.rules.predictions), ""]
    sections += _cells(explained, texts)
    sections += ["### Sensitivity\n", _sensitivity(explained)]
    return "\n".join(sections)


def _entries_of(table: str, explanation: str, grid: Grid) -> list[Mapping]:
    """The entries of a table that are of one explanation."""
    return [entry for entry in tables[table]().known(grid) if entry["explanation"] == explanation]


def _constructed(rows: list[Mapping]) -> list[str]:
    lines = [
        f"- {escape(row['family'])}, {escape(row['task'])}: {escape(row['by_construction'])}"
        for row in rows
        if row["by_construction"]
    ]
    return ["By construction, hence no evidence:\n", *lines, ""] if lines else []


def _verdicts(explained: Verdict) -> list[str]:
    lines = [
        f"- **{escape(family.name)}**: {family.word}" + (f" ({escape(family.reason)})" if family.reason else "")
        for family in explained.families
    ]
    summary = f"{counts(explained)}, of {sum(family.applies for family in explained.parts)} applicable families"
    return [
        *lines,
        "",
        f"**Overall: {explained.word}** ({summary}"
        + (f"; {escape(explained.reason)}" if explained.reason else "")
        + ").",
        "",
        "A family supports an explanation if all its applicable primaries are supported in all its tasks, and",
        f"contradicts it if any is contradicted, at level .05 under Holm over them. {_registered(explained)}",
        "",
    ]


def _registered(explained: Verdict) -> str:
    """The seeds and the hash of the rules."""
    last = explained.rules.first_seed + explained.rules.seeds - 1
    rules = explained.registration.hash[:12]
    return f"Seeds registered: {explained.rules.first_seed} to {last}{_other_seeds(explained)}; rules {rules}."


def _other_seeds(explained: Verdict) -> str:
    """Designs that have another number of seeds: " (committee 20, trees 12)"."""
    others = {f"{design.family} {design.seeds}": None for design in explained.rules.designs if design.seeds}
    return f" ({', '.join(escape(name) for name in others)})" if others else ""


def rule_text(prediction: Prediction) -> str:
    """The rule of a prediction, who claims it, and what would change our mind; plain text."""
    rules = "; ".join(f"{name.replace('_', ' ')} {margin.words}" for name, margin in prediction.margins.items())
    test = "" if prediction.p is None else f", p ≤ {prediction.p:g}"
    source = f" Source: {prediction.source}." if prediction.source else ""
    return (
        f"Rule: {rules}{test}; n ≥ {prediction.least}.{source} What would change our mind: {prediction.change_of_mind}"
    )


def _glossary(prediction: Prediction) -> str:
    said = escape(f"{prediction.claim} {rule_text(prediction)}")
    return f"- **{escape(prediction.name)}** ({prediction.role}): {said}"


def _cells(explained: Verdict, texts: Mapping[str, tuple[str, str]]) -> list[str]:
    """What was run in the corners of the cross table and in the controls."""
    rows = []
    for design in explained.rules.designs:
        for role, cell in design.cells.items():
            if role in SHOWN and isinstance(cell, str) and cell in texts:
                task, learner = texts[cell]
                place = {"family": design.family, "task": design.task, "cell": SHOWN[role]}
                rows.append({**place, "data": task, "learner": learner})
    names = ("family", "task", "cell", "data", "learner")
    return ["### What was run\n", markdown({name: name for name in names}, rows), ""] if rows else []


def _sensitivity(explained: Verdict) -> str:
    rows = sensitivity_rows(explained)
    if not rows:
        return "No prediction has a verdict of its own that could change.\n"
    names = list(dict.fromkeys(name for row in rows for name in row))
    note = "\nThe verdict must be the same everywhere, else it is `undecided`; as registered: before that rule.\n"
    return markdown({name: name for name in names}, rows) + note
