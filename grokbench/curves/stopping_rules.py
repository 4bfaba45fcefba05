"""Rules by which practitioners end a training run: what each reads is a sequence of checks, and it says where it stops.

All of them read an error, lower is better: the held-out loss, or one minus the held-out accuracy. A check that was not
measured (NaN) improves nothing and stops nothing, but it is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np


@dataclass(frozen=True, eq=False)
class Checks:
    """What is known at each look at the held-out split.

    Parameters
    ----------
    times : (checks,) increasing, on the clock of the run.
    error : (checks,) held-out error that a rule reads; NaN where it was not measured.
    accuracy : (checks,) held-out accuracy that the checkpoint of that check is worth.
    t_mem : when training accuracy reached its level; NaN if never.
    """

    times: np.ndarray
    error: np.ndarray
    accuracy: np.ndarray
    t_mem: float = float("nan")

    def __len__(self) -> int:
        return len(self.times)

    @cached_property
    def known(self) -> np.ndarray:
        """(checks,) the error, infinite where it was not measured."""
        return np.where(np.isnan(self.error), np.inf, self.error)

    @cached_property
    def best(self) -> np.ndarray:
        """Positions of the checks that are better than all before them."""
        return improvements(self.known)


class Rule(Protocol):
    """A stopping rule; `name` is what tables call it."""

    name: str

    def stop(self, checks: Checks) -> int | None:
        """Position of the check after which it stops; None if it never does."""


def improvements(error: np.ndarray, min_delta: float = 0.0) -> np.ndarray:
    """Positions of the checks whose error is lower than the reference by more than `min_delta`.

    error : (checks,) without NaN. The reference is the error of the improvement before, infinite at first.
    """
    lowest = np.minimum.accumulate(error)
    if min_delta == 0:
        return np.flatnonzero(lowest < np.concatenate([[np.inf], lowest[:-1]]))
    positions, reference = [], np.inf
    while (at := int(np.searchsorted(-lowest, -(reference - min_delta), side="right"))) < len(error):
        positions.append(at)
        reference = lowest[at]
        if reference == -np.inf:
            break
    return np.array(positions, dtype=int)


def _first_overdue(due: np.ndarray, best: np.ndarray, checks: int) -> int | None:
    """The first check that is due before the next improvement: (improvements,) `due`, positions of `best`.

    It is a check after the best one, even where the best one is at time 0.
    """
    following, due = np.append(best[1:], checks), np.maximum(due, best + 1)
    overdue = np.flatnonzero(due < following)
    return int(due[overdue[0]]) if overdue.size else None


@dataclass(frozen=True)
class Patience:
    """Stops once `checks` checks in a row have not improved by more than `min_delta`: Keras, Lightning, Trainer."""

    checks: int
    min_delta: float = 0.0

    @property
    def name(self) -> str:
        """As tables call it."""
        return f"patience {self.checks}" + (f", min delta {self.min_delta:g}" if self.min_delta else "")

    def stop(self, checks: Checks) -> int | None:
        """Position of the check after which it stops; None if it never does."""
        best = improvements(checks.known, self.min_delta) if self.min_delta else checks.best
        best = np.concatenate([[-1], best])
        return _first_overdue(best + self.checks, best, len(checks))


@dataclass(frozen=True)
class RelativePatience:
    """Stops once there was no improvement for a `share` of the time so far: t - t_best >= share · t."""

    share: float

    @property
    def name(self) -> str:
        """As tables call it."""
        return f"{self.share:g} of the time so far"

    def stop(self, checks: Checks) -> int | None:
        """Position of the check after which it stops; None if it never does."""
        best = checks.best
        return _first_overdue(_reached(checks.times, checks.times[best] / (1 - self.share)), best, len(checks))


@dataclass(frozen=True)
class MemorizationPatience:
    """Stops once there was no improvement for `multiple` · t_mem, counted from t_mem on; never before t_mem."""

    multiple: float

    @property
    def name(self) -> str:
        """As tables call it."""
        return f"{self.multiple:g} t_mem"

    def stop(self, checks: Checks) -> int | None:
        """Position of the check after which it stops; None if it never does."""
        if np.isnan(checks.t_mem):
            return None
        best = checks.best
        begins = np.maximum(checks.times[best], checks.t_mem)
        return _first_overdue(_reached(checks.times, begins + self.multiple * checks.t_mem), best, len(checks))


def _reached(times: np.ndarray, due: np.ndarray) -> np.ndarray:
    """Positions of the first times at or after `due`, up to rounding."""
    return np.searchsorted(times, due * (1 - 1e-12), side="left")


@dataclass(frozen=True)
class GeneralizationLoss:
    """GL of Prechelt (1998): stops once 100 · (E / E_opt - 1) > alpha, E_opt the lowest error so far.

    Early stopping - but when? In: Neural Networks: Tricks of the Trade, 55-69. doi:10.1007/3-540-49430-8_3
    """

    alpha: float

    @property
    def name(self) -> str:
        """As tables call it."""
        return f"GL {self.alpha:g}"

    def stop(self, checks: Checks) -> int | None:
        """Position of the check after which it stops; None if it never does."""
        above = checks.known > np.minimum.accumulate(checks.known) * (1 + self.alpha / 100)
        above &= ~np.isnan(checks.error)
        return int(above.argmax()) if above.any() else None


@dataclass(frozen=True)
class Upwards:
    """UP of Prechelt (1998): stops once the error has risen in `strips` successive strips of `length` checks.

    The error at the end of a strip is compared to that at the end of the strip before.
    """

    strips: int
    length: int = 5

    @property
    def name(self) -> str:
        """As tables call it."""
        return f"UP {self.strips}"

    def stop(self, checks: Checks) -> int | None:
        """Position of the check after which it stops; None if it never does."""
        ends = np.arange(self.length - 1, len(checks), self.length)
        error = checks.error[ends]
        rises = np.concatenate([[0], np.cumsum(error[1:] > error[:-1])])
        all_rise = np.flatnonzero(rises[self.strips :] - rises[: -self.strips] == self.strips)
        return int(ends[all_rise[0] + self.strips]) if all_rise.size else None


RULES: tuple[Rule, ...] = (
    *(Patience(checks) for checks in (3, 5, 10, 20, 50, 100)),
    Patience(10, min_delta=0.01),
    *(RelativePatience(share) for share in (0.5, 0.9)),
    *(MemorizationPatience(multiple) for multiple in (10, 30, 100)),
    *(GeneralizationLoss(alpha) for alpha in (2, 5)),
    *(Upwards(strips) for strips in (2, 4)),
)
