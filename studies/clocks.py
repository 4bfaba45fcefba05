"""The same runs on other clocks: which verdicts change?

`python studies/clocks.py results/complexity complexity` judges the stored runs of a results folder again,
with time replaced by 10 t, t + 1 and t^2 and in another order, and names every verdict that is another one. Thresholds
and margins in decades are those of the learner's own clock: t^2, which doubles delays and leads, can pass them.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from grokbench.verdicts import rules
from grokbench.verdicts.judging import Runs, Told, tell


def warped(runs: Runs, clock, unit: float = 1.0) -> Runs:
    """The same runs on another clock, whose unit is `unit` times as long a number."""
    found = {}
    for cell, traces in runs.items():
        found[cell] = {}
        for seed, trace in traces.items():
            curve = trace.curve.with_columns(time=np.where(trace.curve.time > 0, clock(trace.curve.time), 0.0))
            found[cell][seed] = replace(trace, curve=replace(curve, unit=curve.unit * unit))
    return found


CLOCKS = {
    "10 t": lambda runs: warped(runs, lambda t: 10 * t, unit=10.0),
    "t + 1": lambda runs: warped(runs, lambda t: t + 1),
    "order of runs": lambda runs: {cell: dict(reversed(found.items())) for cell, found in reversed(runs.items())},
    "t^2": lambda runs: warped(runs, np.square),
}


def verdicts(told: Told) -> dict[tuple[str, str, str], str]:
    """Of every prediction, of families and overall."""
    found = {(row.rules.name, row.design.family, row.design.task): row.judgement.verdict for row in told.rows}
    found |= {("explanation", family, ""): explained.verdict for family, explained in told.families.items()}
    return found if told.overall is None else found | {("explanation", "overall", ""): told.overall.verdict}


def main(folder: Path, name: str) -> None:
    """Print the changes."""
    from grokbench.report.explained import runs_by_cell
    from grokbench.runs.store import Store
    from grokbench.suites.registered import registered_rules

    cells = json.loads((folder / "suite.json").read_text(encoding="utf-8"))["cells"]
    everything = {key for keys in cells.values() for key in keys.values()}
    runs = runs_by_cell(cells, list(Store(folder).read_all()), everything)
    found, registered = rules.read(name), registered_rules()[name]
    before = verdicts(tell(found, runs, registered))
    for clock, changed in CLOCKS.items():
        after = verdicts(tell(found, changed(runs), registered))
        others = [
            f"{' '.join(key).strip()}: {before[key]} -> {after[key]}" for key in before if before[key] != after[key]
        ]
        print(f"{clock}: {len(others)} of {len(before)} verdicts change", *others, sep="\n    ", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
