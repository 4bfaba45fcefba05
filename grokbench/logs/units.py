"""What the numbers of a column are: shares, percentages, errors or losses. Where it is ambiguous, it is refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grokbench.errors import UsageError, shown
from grokbench.logs.candidates import Candidate
from grokbench.logs.reading import Unit

ROUNDING = 1e-6  # beyond 1 or 100, of sums that were divided in single precision
FEW = 0.05  # of the values: where no more are above 1.5, they are wrong rather than percentages
PERCENT = 1.5  # a share is never above it, a percentage of a curve that learns soon is
OPTION = {"train": "--train-unit", "held-out": "--test-unit"}


@dataclass(frozen=True, eq=False)
class Column:
    """The numbers of a curve, and what they are.

    values : (rows,) float64: shares from 0 to 1 of right answers, or a loss; NaN where there is none.
    unit : of the column in the file.
    """

    values: np.ndarray
    unit: Unit
    notes: tuple[str, ...] = ()

    @property
    def is_loss(self) -> bool:
        """Whether the values are a loss."""
        return self.unit == "loss"


def column_of(candidate: Candidate, named: Unit | None) -> Column:
    """The column of a candidate in its unit. UsageError where the unit cannot be told, or is none that can be."""
    values = candidate.table.numbers(candidate.name)
    known = values[~np.isnan(values)]
    if not len(known):
        raise UsageError(f"{candidate.table.file}: column {candidate.shown!r} has no values")
    unit = named or _unit(candidate, known)
    if unit == "loss":
        return Column(np.where(np.isfinite(values), values, np.nan), unit)
    _check_range(candidate, known, unit)
    shares = np.clip(values / 100 if "percent" in unit else values, 0, 1)
    shares = 1 - shares if "error" in unit else shares
    return Column(shares, unit, () if named else _notes(candidate, unit))


def _unit(candidate: Candidate, known: np.ndarray) -> Unit:
    """The unit by the name and by the range of the values."""
    metric = candidate.role.metric
    if metric == "loss":
        return "loss"
    option = OPTION[candidate.role.split or "train"]
    low, high = float(known.min()), float(known.max())
    if 1 + ROUNDING < high <= PERCENT:
        worst = _number(high)
        raise UsageError(
            f"{_named(candidate)}: expected shares from 0 to 1, got {worst}, and no percentage above {PERCENT}; "
            f"{option} share, percent, error, percent-error or loss says what it is"
        )
    percent = high > PERCENT
    if percent and _is_slip(known, metric == "error"):
        _refuse(candidate, high, f"{option} percent says that it is in percent")
    if metric == "error":
        return "percent-error" if percent else "error"
    if not metric and len(known) >= 5 and known[0] > known[-1] and low < 0.5 * high:
        raise UsageError(
            f"{_named(candidate)} falls from {known[0]:g} to {known[-1]:g}: an error or a loss? "
            f"{option} error or {option} loss (or {option} {'percent' if percent else 'share'}) says what it is"
        )
    return "percent" if percent else "share"


def _is_slip(known: np.ndarray, error: bool) -> bool:
    """Whether the few values that are no shares are more likely wrong than percentages: none at either end.

    An error is soon small, so that most of a percentage looks like a share; an accuracy is not.
    """
    few = np.count_nonzero(known > PERCENT) <= max(1, 0 if error else FEW * len(known))
    return bool(few and max(np.median(known[:3]), np.median(known[-3:])) <= PERCENT)


def _check_range(candidate: Candidate, known: np.ndarray, unit: Unit) -> None:
    most = 100.0 if "percent" in unit else 1.0
    if ((known < -ROUNDING * most) | (known > most * (1 + ROUNDING))).any():
        _refuse(candidate, max(known, key=lambda value: abs(value - most / 2)), "", most)


def _refuse(candidate: Candidate, worst: float, hint: str, most: float = 1.0) -> None:
    """UsageError for a value that is none, with its row."""
    row = int(candidate.table.frame.index[candidate.table.numbers(candidate.name) == worst][0])
    share = "percentages from 0 to 100" if most > 1 else "shares from 0 to 1"
    raise UsageError(
        f"{_named(candidate)}: row {row}: expected {share}, got {_number(worst)}" + (f"; {hint}" if hint else "")
    )


def _number(value: float) -> str:
    value = float(value)
    return shown(int(value) if value.is_integer() else value)  # 1.0000001 is not to be printed as 1


def _named(candidate: Candidate) -> str:
    return f"{candidate.table.file}: column {candidate.shown!r}"


def _notes(candidate: Candidate, unit: Unit) -> tuple[str, ...]:
    name = candidate.shown
    words = {
        "percent": f"{name!r} was taken for percentages",
        "error": f"{name!r} was taken for an error: accuracy is 1 minus it",
        "percent-error": f"{name!r} was taken for an error in percent: accuracy is 100 minus it",
    }
    return (words[unit],) if unit in words else ()


def check_together(train: Candidate, test: Candidate, ours: Column, theirs: Column, unit_given: bool) -> None:
    """UsageError where one curve is in percent and the other never above 1: a percentage, or a share?

    unit_given : one of the units was given by option.
    """
    percent = ["percent" in column.unit for column in (ours, theirs)]
    if unit_given or ours.is_loss or theirs.is_loss or percent[0] == percent[1]:
        return
    small, option = (test, "--test-unit") if percent[0] else (train, "--train-unit")
    large = train if percent[0] else test
    high = float(np.nanmax(small.table.numbers(small.name)))
    kind = "-error" if small.role.metric == "error" else ""
    raise UsageError(
        f"{_named(large)} is in percent, and {small.shown!r} never above {_number(high)}: percentages or shares? "
        f"{option} percent{kind} or {option} {kind[1:] or 'share'} says what it is"
    )
