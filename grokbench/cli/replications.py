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
from grokbench.verdicts.cells import runs_by_cell
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
    judged = judge_claim(claim, stored, registration(file.name))
    fields = {"name": name, "kind": "claim", "description": claim.sentence, "suite": suite, **asdict(claim)}
    fields |= {"tolerance": tolerance_text(claim), "setting": setting_of(claim)}
    fields |= {"verdict": judged.verdict, "ours": asdict(judged.ours), "reason": judged.reason}
    fields["runs"] = [run.key for runs in stored.values() for run in runs.values()]
    return fields, _text(judged, suite, folder, stored)


def _stored_runs(file: Claims, claim: Claim, folder: Path) -> dict[str, dict[int, Run]]:
    """Cell -> seed -> the registered runs of its cells that a folder has."""
    from grokbench.runs.store import Store

    registered, store = registration(file.name).keys or {}, Store(folder)
    keys, there = {cell: registered.get(cell, {}) for cell in claim.named}, set(store.keys())
    read = (store.read(key) for cell in keys.values() for key in cell.values() if key in there)
    return runs_by_cell(keys, [run for run in read if run is not None])


def _text(judged: Replicated, suite: str, folder: Path, stored: dict[str, dict[int, Run]]) -> str:
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
        *(
            f"  {run.key}  {cell} seed {seed}: {finding(run)}"
            for cell, runs in stored.items()
            for seed, run in sorted(runs.items())
        ),
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
