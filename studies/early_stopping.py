"""What stopping rules would have done to the late runs of stored results: the figures of docs/early_stopping.md.

python studies/early_stopping.py                                     # writes the tables of the page
python studies/early_stopping.py results/modular results/parity      # prints other results, with intervals

Each folder has its runs, or runs.tar.xz. A learner has a table of its own, all tasks and options together. The page is
made from the reference of modular and parity.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from blocks import ROOT, write_blocks

from grokbench.curves.detect import LEVEL
from grokbench.curves.run import Run
from grokbench.report.archive import with_runs
from grokbench.runs.store import Store
from grokbench.statistics.location import median_interval
from grokbench.statistics.proportions import clopper_pearson
from grokbench.tables.early_stopping import audit_of
from grokbench.tables.text import markdown

PAGE = ROOT / "docs" / "early_stopping.md"
SUITES = ("modular", "parity")
READS = ("accuracy", "loss")
Audits = dict[tuple[str, str], list[list[dict]]]  # (suite, learner) -> what every rule would have done to each late run


def main(folders: list[str]) -> None:
    """Print the tables of these folders; without any, write those of the reference into the page."""
    if folders:
        print_tables(folders)
    else:
        write_blocks(PAGE, blocks_of(audits_of(ROOT / "results" / "reference" / suite for suite in SUITES)))


def print_tables(folders: list[str]) -> None:
    """A table per folder and learner, and the patience that loses nothing."""
    for (suite, learner), ends in audits_of(map(Path, folders)).items():
        print(f"{suite}: {learner}, {len(ends)} late runs\n\n{markdown(*summary(ends))}")
        for reads in READS:
            print(f"needed on {reads}: {needed(ends, reads)}\n")


def audits_of(folders: Iterable[Path]) -> Audits:
    """The late runs of each learner of each folder."""
    audits: Audits = {}
    for folder in folders:
        for run in sorted(late_runs(folder), key=lambda run: (run.record["config"]["learner"], run.key)):
            audits.setdefault((folder.name, run.record["config"]["learner"]), []).append(audit_of(run))
    return audits


def blocks_of(audits: Audits) -> dict[str, str]:
    """The blocks of the page by name: networks, study, needed."""
    return {"networks": networks(audits), "study": study(audits), "needed": needs(audits)}


def networks(audits: Audits) -> str:
    """What the usual rules would have done to the late networks of all suites: the advice of the page in numbers."""
    ends = [end for (_, learner), members in audits.items() if learner == "mlp" for end in members]
    rows = [
        {"rule": rule} | {reads: stopped([end_of(audit, rule, reads) for audit in ends]) for reads in READS}
        for rule in ("patience 10", "patience 100", "10 t_mem", "30 t_mem")
    ]
    return markdown({"rule": "rule", "accuracy": "reading accuracy", "loss": "reading loss"}, rows)


def study(audits: Audits) -> str:
    """A row per rule: of the late runs of each suite and learner, those that it ends before they generalize."""
    first = next(iter(audits.values()))[0]
    rows = [
        {"rule": f"{end['rule']} ({end['reads']})"}
        | {place: stopped([audit[i] for audit in ends]) for place, ends in audits.items()}
        for i, end in enumerate(first)
    ]
    return markdown({"rule": "rule (what it reads)"} | _headings(audits), rows)


def needs(audits: Audits) -> str:
    """Median and largest of the least patience that loses nothing, in checks and in multiples of t_mem."""
    rows = [
        {"what": f"on {reads}, in {unit.replace('_mems', '_mem')}"}
        | {place: _median_and_largest(patience(ends, reads, unit), digits) for place, ends in audits.items()}
        for reads in READS
        for unit, digits in (("checks", 0), ("t_mems", 1))
    ]
    return markdown({"what": "least patience that loses at most .01"} | _headings(audits), rows)


def end_of(audit: list[dict], rule: str, reads: str) -> dict:
    """What a rule would have done to a run."""
    return next(end for end in audit if (end["rule"], end["reads"]) == (rule, reads))


def stopped(ends: list[dict]) -> str:
    """How many of these runs are ended before they generalize, of those of which it is known."""
    soon = np.array([end["stopped_before_generalizing"] for end in ends])
    return f"{np.nansum(soon):.0f}/{(~np.isnan(soon)).sum()}"


def patience(audits: list[list[dict]], reads: str, unit: str) -> np.ndarray:
    """The least patience per run that loses nothing, in `checks` or `t_mems`."""
    return np.array([next(end for end in audit if end["reads"] == reads)[f"needed_{unit}"] for audit in audits])


def _median_and_largest(values: np.ndarray, digits: int) -> str:
    return f"{np.median(values):.{digits}f}, {values.max():.{digits}f}"


def _headings(audits: Audits) -> dict:
    return {place: ", ".join(place) for place in audits}


def late_runs(folder: Path) -> Iterator[Run]:
    """The runs of a results folder that generalize late, stored or in its archive."""
    with with_runs(folder) as place:
        for run in Store(place).read_all():
            if run.counts and run.detections[LEVEL].late == 1:
                yield run


def summary(audits: list[list[dict]]) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Headings, and a row per rule: runs stopped too soon with exact interval, median accuracy kept, and regret."""
    rows = []
    for ends in zip(*audits, strict=True):
        soon = np.array([end["stopped_before_generalizing"] for end in ends])
        known = soon[~np.isnan(soon)]
        regret = median_interval([end["regret"] for end in ends])
        low, high = clopper_pearson(int(known.sum()), len(known)) if len(known) else (np.nan, np.nan)
        rows.append(
            {
                "rule": f"{ends[0]['rule']} ({ends[0]['reads']})",
                "soon": f"{known.sum():.0f}/{len(known)} [{low:.2f}, {high:.2f}]",
                "kept": f"{np.median([end['test_accuracy_at_stop'] for end in ends]):.3f}",
                "regret": f"{regret.estimate:.3f} [{regret.low:.3f}, {regret.high:.3f}]",
            }
        )
    return {"rule": "rule", "soon": "stopped too soon", "kept": "keeps (median)", "regret": "regret (median)"}, rows


def needed(audits: list[list[dict]], reads: str) -> str:
    """Median and largest of the least patience that loses nothing, in checks and in multiples of t_mem."""
    checks, t_mems = (patience(audits, reads, unit) for unit in ("checks", "t_mems"))
    return (
        f"median {np.median(checks):.0f} checks, {np.median(t_mems):.1f} t_mem; "
        f"9 of 10: {np.quantile(checks, 0.9, method='higher'):.0f} checks, "
        f"{np.quantile(t_mems, 0.9, method='higher'):.1f} t_mem; largest: {checks.max():.0f} and {t_mems.max():.1f}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
