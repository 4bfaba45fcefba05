"""Which cells, and which compared pairs, have runs that were made in environments that may give other numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable

from grokbench.curves.run import NUMERICAL, Run
from grokbench.registry import tables
from grokbench.tables.grid import Grid

MOST_NAMED = 3  # differences in one line


def environments(runs: Iterable[Run]) -> int:
    """How many environments with other numbers the runs were made in."""
    return len({run.numerics for run in runs})


def differences(runs: Iterable[Run]) -> dict[str, list[str]]:
    """What is not the same in all of the environments, such as a library, to its versions there."""
    known = [json.loads(text) if text else {} for text in {run.numerics for run in runs}]
    versions = {name: sorted({str(one.get(name, "unknown")) for one in known}) for name in NUMERICAL}
    return {name: several for name, several in versions.items() if len(several) > 1}


def in_words(runs: Iterable[Run]) -> str:
    """The differences in one line: "xgboost 3.2.0 / 3.4.1, blas openblas 0.3.30 / openblas 0.3.31"."""
    named = [f"{name} {' / '.join(versions)}" for name, versions in differences(runs).items()]
    more = f", and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return ", ".join(named[:MOST_NAMED]) + more


def mixes(grid: Grid) -> str:
    """Which share of the cells and compared pairs mixes environments, in one line; empty where none does."""
    in_cells = [entry.environments > 1 for entry in tables["delays"]().known(grid)]
    in_pairs = [entry.environments > 1 for entry in tables["comparisons"]().known(grid)]
    shares = [
        f"{sum(mixed)} of {len(mixed)} {noun}"
        for noun, mixed in (("cells", in_cells), ("compared pairs", in_pairs))
        if any(mixed)
    ]
    if not shares:
        return ""
    return f"{' and '.join(shares)} mix environments that may give other numbers: {in_words(grid.runs)}"
