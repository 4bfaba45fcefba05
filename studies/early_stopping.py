"""What stopping rules would have done to the late runs of stored results: the figures of docs/early_stopping.md.

python studies/early_stopping.py results/reference/modular results/reference/parity

Each folder has curves.csv and runs.csv. A learner has a table of its own, all tasks and options together.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from grokbench.curves.curve import Curve
from grokbench.curves.detect import LEVEL
from grokbench.curves.run import Run
from grokbench.statistics.location import median_interval
from grokbench.statistics.proportions import clopper_pearson
from grokbench.tables.early_stopping import audit_of
from grokbench.tables.text import markdown


def main(folders: list[str]) -> None:
    """Print a table per folder and learner, and the patience that loses nothing."""
    for folder in folders:
        audits: dict[str, list] = {}
        for run in late_runs(Path(folder)):
            audits.setdefault(run.record["learner"], []).append(audit_of(run))
        for learner, ends in audits.items():
            print(f"{folder}: {learner}, {len(ends)} late runs\n\n{markdown(*summary(ends))}")
            for reads in ("accuracy", "loss"):
                print(f"needed on {reads}: {needed(ends, reads)}\n")


def late_runs(folder: Path) -> Iterator[Run]:
    """The runs of a results folder that generalize late, from its tables."""
    import pandas as pd

    rows = pd.read_csv(folder / "runs.csv", dtype={"key": str}, low_memory=False).set_index("key", drop=False)
    for key, group in pd.read_csv(folder / "curves.csv", dtype={"key": str}).groupby("key", sort=False):
        row = rows.loc[key]
        columns = {name: group[name].to_numpy(dtype=float) for name in group if name != "key"}
        times = columns["time"]
        # the clock's unit is not in the table: 1 on a clock of whole numbers, or else its first time
        unit = 1.0 if (times == times.round()).all() else float(times[times > 0][0])
        curve = Curve(columns, row["chance"], int(row["n_classes"]), 1.0, unit, row["baseline_loss"])
        run = Run({"key": key, "status": row["status"], "learner": row["learner"]}, curve)
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
    ends = [next(end for end in audit if end["reads"] == reads) for audit in audits]
    checks, t_mems = (np.array([end[f"needed_{name}"] for end in ends]) for name in ("checks", "t_mems"))
    return (
        f"median {np.median(checks):.0f} checks, {np.median(t_mems):.1f} t_mem; "
        f"9 of 10: {np.quantile(checks, 0.9, method='higher'):.0f} checks, "
        f"{np.quantile(t_mems, 0.9, method='higher'):.1f} t_mem; largest: {checks.max():.0f} and {t_mems.max():.1f}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
