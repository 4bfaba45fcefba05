"""What a detection reads of a run: four quantities, each on times of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from grokbench.curves.checks import LARGEST, check_accuracies, check_times
from grokbench.curves.curve import Curve, kappa, kappa_rank
from grokbench.curves.series import Quantity, Series, Timeline
from grokbench.errors import UsageError

Pair = Series | tuple[Sequence[float], Sequence[float]]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Four quantities, each on its own timeline.

    train, test : chance-corrected accuracies, the held-out one as a share of the ceiling.
    rank : threshold-free accuracy, likewise. skill : skill. Both are all NaN where they were not measured.
    """

    train: Quantity
    test: Quantity
    rank: Quantity
    skill: Quantity

    @classmethod
    def of(cls, curve: Curve) -> Evidence:
        """That of a curve, whose columns share one timeline."""
        columns = (curve.kappa_train, curve.kappa_test, curve.kappa_rank, _bounded(curve.skill))
        return cls(*(Quantity(curve.timeline, values) for values in columns))

    @classmethod
    def logged(
        cls,
        train: Pair,
        test: Pair,
        rank_auc: Pair | None,
        skill: Pair | None,
        *,
        chance: float,
        n_classes: int | None,
        ceiling: float,
        unit: float,
    ) -> Evidence:
        """That of series with times of their own. UsageError for what cannot be, with the name of the series."""
        fits, holds = _accuracy("training accuracy", train, unit), _accuracy("held-out accuracy", test, unit)
        nothing = Quantity(holds.timeline, np.full(len(holds.values), math.nan))
        ranks = _logged("rank_auc", rank_auc, unit) if rank_auc is not None and n_classes else None
        skills = _logged("skill", skill, unit) if skill is not None else None
        return cls(
            Quantity(fits.timeline, kappa(fits.values, chance)),
            Quantity(holds.timeline, kappa(holds.values, chance) / ceiling),
            Quantity(ranks.timeline, kappa_rank(ranks.values, n_classes) / ceiling) if ranks else nothing,
            Quantity(skills.timeline, _bounded(skills.values)) if skills else nothing,
        )

    def relative_to(self, share: float) -> Evidence:
        """The same with another ceiling, a share of the present one."""
        scaled = (Quantity(one.timeline, one.values / share) for one in (self.test, self.rank))
        return replace(self, **dict(zip(("test", "rank"), scaled, strict=True)))


def skill_of_loss(test_loss: Pair, baseline_loss: float) -> Series:
    """1 - held-out loss / baseline."""
    with np.errstate(over="ignore"):  # an infinite loss is no skill, too
        return Series(test_loss[0], 1 - np.asarray(test_loss[1], dtype=np.float64) / baseline_loss)


def _bounded(skill: np.ndarray) -> np.ndarray:
    return np.clip(skill, -LARGEST, LARGEST)


def _accuracy(name: str, series: Pair, unit: float) -> Quantity:
    quantity = _logged(name, series, unit)
    try:
        check_accuracies(quantity.timeline.times, quantity.values)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error
    return quantity


def _logged(name: str, series: Pair, unit: float) -> Quantity:
    """A series without the rows that say again what the row before has said at the same time."""
    times, values = (np.asarray(column, dtype=np.float64) for column in series)
    if times.shape != values.shape or times.ndim != 1:
        raise UsageError(f"{name}: expected as many times as values, got {times.shape} and {values.shape}")
    again = np.zeros(len(times), dtype=bool)
    again[1:] = (times[1:] == times[:-1]) & (values[1:] == values[:-1])
    times, values = times[~again], values[~again]
    try:
        check_times(times)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error
    return Quantity(Timeline(times, unit), values)
