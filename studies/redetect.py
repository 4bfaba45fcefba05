"""What today's definitions say otherwise of stored curves than the table of runs beside them, run by run.

python studies/redetect.py results/reference/smoke

Each folder has curves.csv and runs.csv. A column that the table does not have yet is not compared.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from grokbench.curves.curve import Curve
from grokbench.curves.detect import Detection, detection_at

ROUNDING = 1e-5  # relative: the table has six digits


def main(folders: list[str]) -> None:
    """Print every change, and how many there are of each column."""
    for folder in folders:
        runs, changes = 0, Counter()
        for row, detection in redetected(Path(folder)):
            runs += 1
            for name, before, after in differences(row, detection):
                changes[name] += 1
                print(f"{folder}: {row['key']} {row['learner']} on {row['task']}: {name} {before} -> {after}")
        print(f"{folder}: {runs} runs; changed: {dict(changes) or 'nothing'}")


def redetected(folder: Path) -> Iterator[tuple[dict, Detection]]:
    """The rows of a table of runs that have a detection, each with that of its curve as the code stands."""
    import pandas as pd

    rows = pd.read_csv(folder / "runs.csv", dtype={"key": str}, low_memory=False).set_index("key", drop=False)
    for key, group in pd.read_csv(folder / "curves.csv", dtype={"key": str}).groupby("key", sort=False):
        row = rows.loc[key].to_dict()
        if isinstance(row["outcome"], str):
            yield (
                row,
                detection_at(_curve(row, {name: group[name].to_numpy(dtype=float) for name in group if name != "key"})),
            )


def differences(row: dict, detection: Detection) -> Iterator[tuple[str, object, object]]:
    """Column, what the table says, and what the detection says, where that is not the same."""
    for name, after in vars(detection).items():
        if name in row and not _same(row[name], after):
            yield name, row[name], after


def _curve(row: dict, columns: dict) -> Curve:
    # the clock's unit is not in the table: it is the first time of a clock of its own, and 1 on one of whole numbers
    times = columns["time"]
    unit = 1.0 if (times == times.round()).all() else float(times[times > 0][0])
    facts = {name: row[name] for name in ("chance", "baseline_loss") if not math.isnan(row[name])}
    return Curve.of(columns, {**facts, "n_classes": int(row["n_classes"]), "unit": unit})


def _same(before: object, after: object) -> bool:
    if isinstance(after, str):
        return after == ("" if isinstance(before, float) else before)
    before, after = (math.nan if value == "" else float(value) for value in (before, after))
    return math.isclose(before, after, rel_tol=ROUNDING, abs_tol=ROUNDING) or (math.isnan(before) and math.isnan(after))


if __name__ == "__main__":
    main(sys.argv[1:])
