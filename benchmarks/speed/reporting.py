"""`report` on thousands of stored runs, against its limits of time and memory."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache, partial

from speed.comparison import Comparison, Measured, Size
from speed.processes import ROOT, timed_command

LIMITS = {"s": 30.0, "MiB": 1024.0}  # for 8,000 runs
LEARNERS, SEEDS = ("mlp", "linearized", "rfm", "xgboost"), 10


def cases(size: Size) -> Iterator[Comparison]:
    """8,000 runs of 800 cells, quick a tenth of it."""
    runs = {"tiny": 80, "quick": 800}.get(size, 8000)
    for place, (unit, limit) in enumerate(LIMITS.items()):
        yield Measured(
            name=f"report on {runs:,} runs, {unit}",
            **{"unit": unit, "ours": "report", "theirs": f"the limit for 8,000 runs, {limit:g} {unit}"},
            at_most=1.0,
            once=partial(_limited, runs, place, limit),
        )


def _limited(runs: int, place: int, limit: float) -> tuple[float, float]:
    return _report(runs)[place], limit


@cache
def _report(runs: int) -> tuple[float, float]:
    """Seconds on the wall and peak MiB of `report` on so many made-up runs."""
    with tempfile.TemporaryDirectory() as folder:
        settings = str(runs // SEEDS // len(LEARNERS))
        program = [sys.executable, str(ROOT / "studies" / "stores.py"), folder, "--settings", settings]
        subprocess.run([*program, "--seeds", str(SEEDS), "--learners", *LEARNERS], check=True)
        return timed_command(["report", folder, "--quiet"])
