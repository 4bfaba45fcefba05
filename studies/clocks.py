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

from grokbench.curves.run import Run
from grokbench.suites.registered import registration
from grokbench.verdicts import rules
from grokbench.verdicts.cells import runs_by_cell
from grokbench.verdicts.judging import Runs, judge_explanation
from grokbench.verdicts.verdict import Verdict


def warped(runs: Runs, clock, unit: float = 1.0) -> Runs:
    """Runs on another clock, whose unit is `unit` times as long a number."""
    return {cell: {seed: _warped(run, clock, unit) for seed, run in stored.items()} for cell, stored in runs.items()}


def _warped(run: Run, clock, unit: float) -> Run:
    curve = run.curve.with_columns(time=np.where(run.curve.time > 0, clock(run.curve.time), 0.0))
    return replace(run, curve=replace(curve, unit=curve.unit * unit))


CLOCKS = {
    "10 t": lambda runs: warped(runs, lambda t: 10 * t, unit=10.0),
    "t + 1": lambda runs: warped(runs, lambda t: t + 1),
    "order of runs": lambda runs: {cell: dict(reversed(stored.items())) for cell, stored in reversed(runs.items())},
    "t^2": lambda runs: warped(runs, np.square),
}


def verdicts(explanation: Verdict) -> dict[tuple[str, str, str], str]:
    """The verdicts on every prediction, on families and overall."""
    words = {(leaf.name, leaf.design.family, leaf.design.task): leaf.word for leaf in explanation.predictions}
    words |= {("explanation", family.name, ""): family.word for family in explanation.families}
    return words | ({("explanation", "overall", ""): explanation.word} if explanation.families else {})


def main(folder: Path, name: str) -> None:
    """Print the changes."""
    from grokbench.runs.store import Store

    cells = json.loads((folder / "suite.json").read_text(encoding="utf-8"))["cells"]
    runs = runs_by_cell(cells, list(Store(folder).read_all()))
    registered = replace(registration(name), keys=None)  # whatever options the cells were run with
    before = verdicts(judge_explanation(rules.read(name), runs, registered))
    for clock, warp in CLOCKS.items():
        after = verdicts(judge_explanation(rules.read(name), warp(runs), registered))
        others = [
            f"{' '.join(key).strip()}: {before[key]} -> {after[key]}" for key in before if before[key] != after[key]
        ]
        print(f"{clock}: {len(others)} of {len(before)} verdicts change", *others, sep="\n    ", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
