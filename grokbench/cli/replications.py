"""A published claim for `show`: what was published, its tolerance, and the stored runs behind it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from grokbench.curves.run import Run
from grokbench.errors import one_line, printable
from grokbench.report.archive import with_runs
from grokbench.suites.registered import registration, suite_name
from grokbench.suites.replications import Claims, replications
from grokbench.tables.replications import quantity_text, setting_of, setting_text, tolerance_text
from grokbench.tables.text import interval_text
from grokbench.verdicts.replication import Claim, Replicated, claims_of, judge_claim


def known_claims() -> dict[str, tuple[Claims, Claim]]:
    """Claim by its number, with its file."""
    return {claim.id: (file, claim) for file in replications().values() for claim in claims_of(file)}


def show_claim(name: str, results: Path | None) -> tuple[dict, str]:
    """A claim as data and as text, with the stored runs of a results folder (default: that of its suite)."""
    file, claim = known_claims()[name]
    suite = suite_name(str(file.toml()["suite"]))
    folder = results or Path("results") / suite
    with with_runs(folder) as whole:
        stored = _stored_runs(file, claim, whole)
    judged = judge_claim(claim, _by_cell(stored), registration(file.name))
    fields = {"name": name, "kind": "claim", "description": claim.sentence, "suite": suite, **asdict(claim)}
    fields |= {"tolerance": tolerance_text(claim), "setting": setting_of(claim)}
    fields |= {"verdict": judged.verdict, "ours": asdict(judged.ours), "reason": judged.reason}
    fields["runs"] = [run.key for _, run in stored]
    return fields, _text(judged, suite, folder, stored)


def _stored_runs(file: Claims, claim: Claim, folder: Path) -> list[tuple[str, Run]]:
    """The registered runs of its cells that a folder has, each with its cell."""
    from grokbench.runs.store import Store

    keys, store = registration(file.name).keys or {}, Store(folder)
    there = set(store.keys())
    read = [(cell, store.read(key)) for cell in claim.named for key in keys.get(cell, {}).values() if key in there]
    return [(cell, run) for cell, run in read if run is not None]


def _by_cell(stored: list[tuple[str, Run]]) -> dict[str, dict[int, Run]]:
    cells: dict[str, dict[int, Run]] = {}
    for cell, run in stored:
        cells.setdefault(cell, {})[run.seed] = run
    return cells


def _text(judged: Replicated, suite: str, folder: Path, stored: list[tuple[str, Run]]) -> str:
    from grokbench.cli.display import finding

    claim = judged.claim
    lines = [
        f"claim {claim.id} (suite: {suite}): {claim.sentence}",
        "",
        f"source: {claim.source}",
        f"quantity: {quantity_text(claim)}",
        f"published: {claim.published}",
        f"tolerance: {tolerance_text(claim)} ({claim.why})",
        f"setting: {setting_text(claim)}",
        f"cells: {json.dumps(claim.cells)}",
        f"ours: {_ours(judged)}",
        "",
        f"runs in {folder}; show KEY prints one with its curve:",
        *(f"  {run.key}  {cell} seed {run.seed}: {finding(run)}" for cell, run in stored),
        *(
            []
            if stored
            else [f"  none of those that are registered; this makes them: python -m grokbench compare {suite}"]
        ),
    ]
    return printable("\n".join(one_line(line, 2000) for line in lines))


def _ours(judged: Replicated) -> str:
    """Our number with its 95 % interval, its seeds and the verdict."""
    ours = judged.ours
    number = interval_text(ours.estimate, ours.low, ours.high) or "no number"
    reason = f" ({judged.reason})" if judged.reason else ""
    return f"{number} over {ours.n} seeds, {judged.verdict}{reason}"
