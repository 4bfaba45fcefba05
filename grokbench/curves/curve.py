"""The curve of a run: what was measured at its checkpoints, and the few facts that reading it needs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property

import numpy as np

from grokbench.curves.crossing import Crossing, crossing
from grokbench.curves.packed import Packed
from grokbench.curves.series import Quantity, Timeline

QUARTER_DECADE = 10**0.25
AT_REST = 0.01  # change of the training loss over the last quarter decade, relative to that of the first checkpoint


@dataclass(frozen=True, eq=False)
class Curve:
    """Columns over the checkpoints of one run, on the clock of its learner.

    Parameters
    ----------
    columns : name -> (checkpoints,) numbers: those of ``curves.csv``, measures included. A number that was not
        measured is NaN.
    chance : accuracy of the best constant answer; NaN where it is not known.
    n_classes : number of classes; 0 for a regression, None where it is not known.
    ceiling : highest attainable chance-corrected held-out accuracy.
    unit : one unit of the clock, in the numbers of the column ``time``.
    baseline_loss : held-out loss of the best constant; gives skill where there is no such column.
    """

    columns: Mapping[str, Sequence[float]] = field(default_factory=dict)
    chance: float = math.nan
    n_classes: int | None = None
    ceiling: float = 1.0
    unit: float = 1.0
    baseline_loss: float | None = None

    @classmethod
    def of(cls, columns: Mapping[str, Sequence[float]], known: Mapping[str, object]) -> Curve:
        """A curve with the facts that a record, or the ``attrs`` of a DataFrame, has of it; None is not known."""
        names = [fact.name for fact in fields(cls) if fact.name != "columns"]
        return cls(columns, **{name: known[name] for name in names if known.get(name) is not None})

    def __len__(self) -> int:
        return self.columns.checkpoints if isinstance(self.columns, Packed) else len(self.time)

    @cached_property
    def time(self) -> np.ndarray:
        """(checkpoints,) float64, increasing."""
        return self.column("time")

    @cached_property
    def timeline(self) -> Timeline:
        """Its checkpoints as rows of a log, and the bins in which they are read."""
        return Timeline(self.time, self.unit)

    @property
    def last(self) -> float:
        """The last checkpoint; NaN without any."""
        return self.end("time")

    def column(self, name: str) -> np.ndarray:
        """(checkpoints,) float64 of a column; all NaN where the curve has none of this name."""
        if name in self.columns:
            return np.asarray(self.columns[name], dtype=np.float64)
        return np.full(0 if name == "time" else len(self), math.nan)

    def end(self, name: str) -> float:
        """The value of a column at the last checkpoint; NaN where there is none."""
        if isinstance(self.columns, Packed):
            return self.columns.ends.get(name, math.nan)
        values = self.column(name)
        return float(values[-1]) if len(values) else math.nan

    @cached_property
    def kappa_train(self) -> np.ndarray:
        """(checkpoints,) chance-corrected training accuracy."""
        return kappa(self.column("train_accuracy"), self.chance)

    @cached_property
    def kappa_test(self) -> np.ndarray:
        """(checkpoints,) chance-corrected held-out accuracy, as a share of the ceiling."""
        return kappa(self.column("test_accuracy"), self.chance) / self.ceiling

    @cached_property
    def kappa_rank(self) -> np.ndarray:
        """(checkpoints,) threshold-free accuracy, as a share of the ceiling; all NaN for regressions."""
        if not self.n_classes:
            return np.full(len(self), math.nan)
        return kappa_rank(self.column("rank_auc"), self.n_classes) / self.ceiling

    @cached_property
    def skill(self) -> np.ndarray:
        """(checkpoints,) skill: its column, or else 1 - held-out loss / baseline; all NaN where neither is known."""
        values = self.column("skill")
        if self.baseline_loss is None or not np.isnan(values).all():
            return values
        with np.errstate(over="ignore"):  # an infinite loss is no skill, too
            return 1 - self.column("test_loss") / self.baseline_loss

    def crossing(self, values: np.ndarray, level: float) -> Crossing:
        """When ``values`` (checkpoints,) reach a level for good. What was not measured is no checkpoint."""
        known = ~np.isnan(values)
        if np.count_nonzero(known & (self.time > 0)) < 2:
            return Crossing(math.nan, "right")
        timeline = self.timeline if known.all() else Timeline(self.time[known], self.unit)
        return crossing(Quantity(timeline, values[known]), level)

    def value_at(self, values: np.ndarray, time: float) -> float:
        """``values`` (checkpoints,) at a time, linear in log time between measured checkpoints; NaN outside them."""
        known = ~np.isnan(values) & (self.time > 0)
        if not known.any() or not time > 0:
            return math.nan
        return float(np.interp(math.log(time), np.log(self.time[known]), values[known], left=math.nan, right=math.nan))

    def packed(self) -> Curve:
        """The same curve in a fraction of the memory, for those of whom little will be asked."""
        return replace(self, columns=Packed(self.columns))

    def with_columns(self, **columns: Sequence[float]) -> Curve:
        """The curve with further columns, or others in place of those of the same name."""
        return replace(self, columns={**self.columns, **columns})

    def truncated(self, end: float) -> Curve:
        """The curve of the same run if it had ended at a time."""
        kept = self.time <= end
        return replace(self, columns={name: self.column(name)[kept] for name in self.columns})

    @property
    def at_rest(self) -> bool:
        """Whether training had come to rest: in the last quarter decade its loss moved by < 1 % of what it began with.

        Relative to the loss itself no separable problem without a penalty ever comes to rest: its cross-entropy falls
        like 1/t, by 44 % in a quarter decade.
        """
        loss = self.column("train_loss")
        if not len(loss) or math.isnan(loss[0]):
            return False
        before = self.value_at(loss, self.last / QUARTER_DECADE)
        return bool(abs(loss[-1] - before) <= AT_REST * abs(loss[0]))

    def arriving(self, level: float) -> bool:
        """Whether held-out accuracy, at its pace of the last quarter decade, gets to the level in another decade."""
        now, before = self.kappa_test[-1], self.value_at(self.kappa_test, self.last / QUARTER_DECADE)
        return bool(now + 4 * (now - before) >= level)


def kappa(accuracy: np.ndarray, chance: float) -> np.ndarray:
    """Chance-corrected accuracy; 0 at chance, 1 at perfection, negative below chance, never clipped."""
    return (np.asarray(accuracy, dtype=np.float64) - chance) / (1 - chance)


def kappa_rank(rank_auc: np.ndarray, n_classes: int) -> np.ndarray:
    """Threshold-free accuracy, chance-corrected: what the ranking is worth without offsets.

    C > 2: the true class scores N(d, 1), each other one N(0, 1), so rank_auc = Phi(d / sqrt 2) and the
    accuracy is g = ∫ phi(x - d) Phi(x)^(C-1) dx. C = 2: rank_auc is a ROC AUC between examples; with
    equal Gaussians it is Phi(sqrt 2 · z) and the accuracy at the optimal threshold Phi(z).
    """
    from scipy.special import ndtr, ndtri

    auc = np.clip(np.asarray(rank_auc, dtype=np.float64), 0.0, 1.0)
    if n_classes == 2:
        g = ndtr(ndtri(auc) / math.sqrt(2))
    else:
        d = np.clip(math.sqrt(2) * ndtri(auc), -12, 12)[:, None]
        z = np.linspace(-9, 9, 181)  # trapezium on a smooth integrand with vanishing ends: exact to 1e-10
        weights = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
        g = (weights * ndtr(z + d) ** (n_classes - 1)).sum(axis=1)
    return (g - 1 / n_classes) / (1 - 1 / n_classes)
