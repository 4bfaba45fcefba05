"""Runs as a result set lists them, made by hand or drawn: two sides that differ by noise, by a shift, or not at all."""

from __future__ import annotations

import math

import numpy as np

from grokbench.verdicts.change import Change, changes
from grokbench.verdicts.pairing import CellName, ListedRun, paired_cells

CELL = CellName("modular", "", "mlp", "")


def listed(seed: int, t_mem: float = 30, t_gen: float = 500, last: float = 1e5, **facts) -> ListedRun:
    """A run that memorizes, and generalizes where t_gen lies within it."""
    reached = t_gen <= last
    delay = math.log10((t_gen if reached else last) / t_mem)
    known = {
        **{"key": f"{seed}", "cell": CELL, "seed": seed, "split": f"split{seed}", "clock": "steps"},
        **{"t_mem": t_mem, "t_mem_censoring": "observed", "budget": last, "last": last, "delay": delay},
        **{"t_gen": t_gen if reached else math.nan, "t_gen_censoring": "observed" if reached else "right"},
        **{"delay_censoring": "observed" if reached else "right", "late": float(reached and delay >= 0.5)},
        "outcome": "groks" if reached else "memorizes_only",
    }
    return ListedRun(**{**known, **facts})


def drawn(rng: np.random.Generator, seeds: int, noise: float, shift: float = 0.0, last: float = 1e5):
    """Two sides: log10 of B's t_gen is that of A plus `shift`, both times with noise on either side."""
    a, b = [], []
    for seed in range(seeds):
        t_mem, t_gen = rng.normal(1.5, 0.3), rng.normal(3, 0.3)
        for side, moved in ((a, 0.0), (b, shift)):
            scatter = rng.normal(0, noise, size=2) if noise else (0.0, 0.0)
            side.append(listed(seed, 10 ** (t_mem + scatter[0]), 10 ** (t_gen + scatter[1] + moved), last))
    return a, b


def judged(a, b) -> Change:
    """The change of the one cell that both sides are of."""
    (change,) = changes(paired_cells(a, b))
    return change
