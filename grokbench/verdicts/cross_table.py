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
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grokbench.statistics.clusters import seed_interval
from grokbench.statistics.proportions import clopper_pearson, paired_difference
from grokbench.verdicts.cells import Cells
from grokbench.verdicts.finding import ALPHA
from grokbench.verdicts.gates import groks_here
from grokbench.verdicts.rules import Prediction
from grokbench.verdicts.verdict import Verdict

CORNERS = {"a": "free_on", "b": "free_off", "c": "frozen_on", "d": "frozen_off"}
EFFECTS = ("features", "pressure", "interaction")
LARGE, SMALL = 0.3, 0.5  # a large difference lies above the one, a small one below the other
NONE = (math.nan,) * 4


@dataclass(frozen=True)
class Share:
    """Late runs of one cell: their number among the decided ones, and the Clopper-Pearson interval of the share."""

    late: int
    n: int
    low: float
    high: float

    @classmethod
    def of(cls, late: np.ndarray) -> Share:
        """The share of an array of 1, 0 and NaN (undecided)."""
        decided = late[~np.isnan(late)]
        return cls(int(decided.sum()), decided.size, *clopper_pearson(int(decided.sum()), decided.size))

    @property
    def value(self) -> float:
        """The share; NaN without decided runs."""
        return self.late / self.n if self.n else math.nan

    @property
    def large(self) -> bool:
        """Whether the one-sided 95 % bound of the share lies above 1/2: the cell is late."""
        return self.exceeds_half(ALPHA)

    def exceeds_half(self, level: float) -> bool:
        """Whether the exact bound of the share at a one-sided level lies above 1/2."""
        return bool(self.n) and clopper_pearson(self.late, self.n, 1 - 2 * level)[0] > 0.5


def cross_table(explanation: Verdict) -> list[dict[str, object]]:
    """One row per family x task that has at least two of the four cells, or is always frozen."""
    corners = set(CORNERS.values())
    everywhere = dict.fromkeys(leaf.cells for leaf in explanation.predictions)
    predictions = explanation.rules.predictions
    rows = [
        _row(predictions, cells)
        for cells in everywhere
        if len(corners & cells.design.cells.keys()) > 1 or cells.design.always_frozen
    ]
    return [{"explanation": explanation.name} | row for row in rows]


def _row(predictions: Sequence[Prediction], cells: Cells) -> dict[str, object]:
    design = cells.design
    shares = {corner: Share.of(cells.late(role)) for corner, role in CORNERS.items() if cells.has(role)}
    effects = dict(zip(EFFECTS, (_features(cells), _pressure(cells), _interaction(cells)), strict=True))
    row: dict[str, object] = {
        "family": design.family,
        "task": design.task,
        "natural": f"pressure {design.natural}",
        "n": len(cells.seeds),
    }
    for corner, share in shares.items():
        row |= {corner: share.value, f"{corner}_n": share.n, f"{corner}_low": share.low, f"{corner}_high": share.high}
    for effect, numbers in effects.items():
        row |= dict(zip((effect, f"{effect}_low", f"{effect}_high", f"{effect}_p"), numbers, strict=True))
    constructed = constructed_features(predictions, cells)
    row |= {"horizon": _horizon(cells), "reading": _reading(cells, shares, effects, bool(constructed))}
    return row | {"by_construction": "; ".join(constructed)}


def constructed_features(predictions: Sequence[Prediction], cells: Cells) -> list[str]:
    """What the rules say is true by construction here, else what the runs show to be: frozen ones that stand still."""
    reasons = cells.design.by_construction
    named = [f"{p.name}: {reasons[p.name]}" for p in predictions if p.name in reasons and _uses_corners(p)]
    if not named and cells.has("free") and any(_stands_still(cells, role) for role in ("frozen_on", "frozen_off")):
        return ["features: frozen, it predicts the same at all times, and cannot be late"]
    return named


def _stands_still(cells: Cells, role: str) -> bool:
    """Whether no run of a role changes its accuracies, training and held-out, at any time after 0."""
    curves = [run.curve for run in cells.runs_of(role) if run.complete]
    later = [kappa[curve.time > 0] for curve in curves for kappa in (curve.kappa_train, curve.kappa_test)]
    return bool(later) and not any(np.ptp(kappa) for kappa in later)


def _uses_corners(prediction: Prediction) -> bool:
    """Whether a prediction compares cells of this table."""
    return sum(role in ("free", "frozen", *CORNERS.values()) for role in prediction.uses) > 1


def _features(cells: Cells) -> tuple[float, float, float, float]:
    """The effect of features D_F with its interval and p; NaN where a cell is missing."""
    return _difference(cells, "free", "frozen")


def _pressure(cells: Cells) -> tuple[float, float, float, float]:
    """The effect of pressure D_P with its interval and p; NaN where a cell is missing."""
    return _difference(cells, "free_on", "free_off")


def _difference(cells: Cells, first: str, second: str) -> tuple[float, float, float, float]:
    if not (cells.has(first) and cells.has(second)):
        return NONE
    pairs = paired_difference(cells.late(first), cells.late(second))
    return pairs.difference, pairs.low, pairs.high, pairs.p


def _interaction(cells: Cells) -> tuple[float, float, float, float]:
    """The interaction I with its interval over seeds; no p. NaN unless all four cells are there."""
    if not all(cells.has(role) for role in CORNERS.values()):
        return NONE
    a, b, c, d = (cells.late(role) for role in CORNERS.values())
    differences = (a - b) - (c - d)
    known = ~np.isnan(differences)
    if not known.any():
        return NONE
    values, seeds = differences[known], np.asarray(cells.seeds)[known]
    interval = seed_interval(lambda w: w @ values / w.sum(axis=-1), seeds, rng=cells.rng("interaction"))
    return float(values.mean()), interval.low, interval.high, math.nan


def _horizon(cells: Cells) -> float:
    """The horizon H: median over the natural free runs of log10(last checkpoint / t_mem), in decades."""
    role = "free" if cells.has("free") else "frozen"
    decades = cells.values(role, lambda run: math.log10(run.curve.last / cells.detection(run).t_mem))
    decades = decades[~np.isnan(decades)]
    return float(np.median(decades)) if decades.size else math.nan


def _reading(cells: Cells, shares: dict[str, Share], effects: dict[str, tuple], constructed: bool) -> str:
    """What the numbers say, by rule: a cell is late where the one-sided 95 % bound of its share lies above 1/2.

    `constructed` : the effect of features could not have come out otherwise, and is no evidence.
    """
    late = {corner for corner, share in shares.items() if share.large}
    if cells.design.always_frozen:
        decided = any(share.n for share in shares.values())
        return "features not necessary" if late else "not late without features" if decided else "undecided"
    if not groks_here(cells).passed:
        return "late generalization not established"
    clauses = [_weighed(effects, constructed)]
    clauses += ["features not necessary"] if late & {"c", "d"} else []
    clauses += ["explicit pressure not necessary"] if "b" in late else []
    return "; ".join(clauses)


def _weighed(effects: dict[str, tuple], constructed: bool) -> str:
    sizes = tuple(size_of(effects[name]) for name in EFFECTS[:2])
    if constructed:
        weight = {"large": "pressure", "small": "pressure small", "": "pressure undecided"}[sizes[1]]
        return f"{weight}; features by construction"
    named = {
        ("large", "small"): "features",
        ("small", "large"): "pressure",
        ("large", "large"): "conjunction of features and pressure",
        ("small", "small"): "neither",
        ("large", ""): "features; pressure undecided",
        ("", "large"): "pressure; features undecided",
    }
    return named.get(sizes, "undecided")


def size_of(effect: tuple[float, float, float, float]) -> str:
    """Large or small by the margins of the predictions L1 and C5; neither where the interval leaves it open."""
    value, low, high, _ = effect
    if low > LARGE and value >= SMALL:
        return "large"
    return "small" if high < SMALL and value <= LARGE else ""
