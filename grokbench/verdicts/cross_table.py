"""The cross table: features {free, frozen} x explicit pressure {on, off}, one binary endpoint, paired by seed.

With a = free and on, b = free and off, c = frozen and on, d = frozen and off, and P the share of late runs:

    D_F = P(free) - P(frozen)   at the family's natural pressure
    D_P = P(a) - P(b)           with free features
    I   = (a - b) - (c - d)

D_F and D_P with Newcombe's interval for paired shares and McNemar's exact p, I with the interval over seeds. The
reading follows mechanically; no posterior, no ranking and no score stands behind it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from grokbench.statistics.clusters import seed_interval
from grokbench.statistics.proportions import clopper_pearson, paired_difference
from grokbench.verdicts.cells import Cells
from grokbench.verdicts.gates import groks_here
from grokbench.verdicts.rules import Design, PredictionRules, Rules

CORNERS = {"a": "free_on", "b": "free_off", "c": "frozen_on", "d": "frozen_off"}
EFFECTS = ("features", "pressure", "interaction")
COLUMNS = (
    "explanation, family, task, natural, n, "
    + ", ".join(f"{corner}, {corner}_n, {corner}_low, {corner}_high" for corner in CORNERS)
    + ", "
    + ", ".join(f"{effect}, {effect}_low, {effect}_high, {effect}_p" for effect in EFFECTS)
    + ", horizon, reading, by_construction"
).split(", ")
LARGE, SMALL = 0.3, 0.5  # a large difference lies above the one, a small one below the other
NONE = (math.nan,) * 4


@dataclass(frozen=True)
class Share:
    """Late runs of one cell: their number among the decided ones, and the Clopper-Pearson interval of the share."""

    late: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share; NaN without decided runs."""
        return self.late / self.n if self.n else math.nan


def cross_table(rules: Rules, runs) -> list[dict[str, object]]:
    """One row per family x task that has at least two of the four cells, or is always frozen.

    ``runs`` : cell -> seed -> trace.
    """
    cells = set(CORNERS.values())
    designs = [design for design in rules.designs if len(cells & design.cells.keys()) > 1 or design.always_frozen]
    return [_row(rules, design, rules.cells(design, runs)) for design in designs]


def _row(rules: Rules, design: Design, cells: Cells) -> dict[str, object]:
    late = {corner: cells.late(role) for corner, role in CORNERS.items() if cells.has(role)}
    shares = {corner: share(found) for corner, found in late.items()}
    effects = dict(zip(EFFECTS, (features(cells), pressure(cells), interaction(cells)), strict=True))
    row: dict[str, object] = {
        "explanation": rules.explanation,
        "family": design.family,
        "task": design.task,
        "natural": f"pressure {design.natural}",
        "n": len(cells.seeds),
    }
    for corner, found in shares.items():
        row |= {corner: found.value, f"{corner}_n": found.n, f"{corner}_low": found.low, f"{corner}_high": found.high}
    for effect, numbers in effects.items():
        row |= dict(zip((effect, f"{effect}_low", f"{effect}_high", f"{effect}_p"), numbers, strict=True))
    constructed = _constructed(rules, design, cells)
    row |= {"horizon": horizon(cells), "reading": reading(design, cells, shares, effects, bool(constructed))}
    return row | {"by_construction": "; ".join(constructed)}


def _constructed(rules: Rules, design: Design, cells: Cells) -> list[str]:
    """What the rules say is true by construction here, else what the runs show to be: frozen ones that stand still."""
    named = [p.name for p in rules.predictions if p.name in design.by_construction and uses_corners(p)]
    found = [f"{name}: {design.by_construction[name]}" for name in named]
    if not found and cells.has("free") and any(stands_still(cells, role) for role in ("frozen_on", "frozen_off")):
        found = ["features: frozen, it predicts the same at all times, and cannot be late"]
    return found


def stands_still(cells: Cells, role: str) -> bool:
    """Whether no run of a role changes its accuracies, training and held-out, at any time after 0."""
    runs = [trace for trace in cells.traces(role) if trace.complete]
    curves = [
        kappa[trace.curve.time > 0] for trace in runs for kappa in (trace.curve.kappa_train, trace.curve.kappa_test)
    ]
    return bool(curves) and not any(np.ptp(curve) for curve in curves)


def uses_corners(prediction: PredictionRules) -> bool:
    """Whether a prediction compares cells of this table."""
    return sum(role in ("free", "frozen", *CORNERS.values()) for role in prediction.uses) > 1


def share(late: np.ndarray) -> Share:
    """Of an array of 1, 0 and NaN (undecided)."""
    decided = late[~np.isnan(late)]
    low, high = clopper_pearson(int(decided.sum()), decided.size)
    return Share(int(decided.sum()), decided.size, low, high)


def features(cells: Cells) -> tuple[float, float, float, float]:
    """D_F with its interval and p; NaN where a cell is missing."""
    return _difference(cells, "free", "frozen")


def pressure(cells: Cells) -> tuple[float, float, float, float]:
    """D_P with its interval and p; NaN where a cell is missing."""
    return _difference(cells, "free_on", "free_off")


def _difference(cells: Cells, first: str, second: str) -> tuple[float, float, float, float]:
    if not (cells.has(first) and cells.has(second)):
        return NONE
    found = paired_difference(cells.late(first), cells.late(second))
    return found.difference, found.low, found.high, found.p


def interaction(cells: Cells) -> tuple[float, float, float, float]:
    """I with its interval over seeds; no p. NaN unless all four cells are there."""
    if not all(cells.has(role) for role in CORNERS.values()):
        return NONE
    a, b, c, d = (cells.late(role) for role in CORNERS.values())
    found = (a - b) - (c - d)
    known = ~np.isnan(found)
    if not known.any():
        return NONE
    values, seeds = found[known], np.asarray(cells.seeds)[known]
    interval = seed_interval(lambda w: w @ values / w.sum(axis=-1), seeds, rng=cells.rng("interaction"))
    return float(values.mean()), interval.low, interval.high, math.nan


def horizon(cells: Cells) -> float:
    """H: median over the natural free runs of log10(last checkpoint / t_mem), in decades."""
    role = "free" if cells.has("free") else "frozen"
    found = cells.values(role, lambda trace: math.log10(trace.curve.last / cells.detection(trace).t_mem))
    found = found[~np.isnan(found)]
    return float(np.median(found)) if found.size else math.nan


def reading(
    design: Design, cells: Cells, shares: dict[str, Share], effects: dict[str, tuple], constructed: bool
) -> str:
    """What the numbers say, by rule: a cell is late where the one-sided 95 % bound of its share lies above 1/2.

    `constructed` : the effect of features could not have come out otherwise, and is no evidence.
    """
    late = {corner for corner, s in shares.items() if s.n and clopper_pearson(s.late, s.n, 0.90)[0] > 0.5}
    if design.always_frozen:
        decided = any(s.n for s in shares.values())
        return "features not necessary" if late else "not late without features" if decided else "undecided"
    if not groks_here(cells).passed:
        return "late generalization not established"
    words = [_weighed(effects, constructed)]
    words += ["features not necessary"] if late & {"c", "d"} else []
    words += ["explicit pressure not necessary"] if "b" in late else []
    return "; ".join(words)


def _weighed(effects: dict[str, tuple], constructed: bool) -> str:
    sizes = tuple(_size(effects[name]) for name in EFFECTS[:2])
    if constructed:
        told = {"large": "pressure", "small": "pressure small", "": "pressure undecided"}[sizes[1]]
        return f"{told}; features by construction"
    named = {
        ("large", "small"): "features",
        ("small", "large"): "pressure",
        ("large", "large"): "conjunction of features and pressure",
        ("small", "small"): "neither",
        ("large", ""): "features; pressure undecided",
        ("", "large"): "pressure; features undecided",
    }
    return named.get(sizes, "undecided")


def _size(effect: tuple[float, float, float, float]) -> str:
    """Large or small by the margins of the predictions L1 and C5; neither where the interval leaves it open."""
    value, low, high, _ = effect
    if low > LARGE and value >= SMALL:
        return "large"
    return "small" if high < SMALL and value <= LARGE else ""
