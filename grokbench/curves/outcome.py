"""What the two crossings of a curve come to: one label, and the endpoint of every comparison."""

from __future__ import annotations

import math

import numpy as np

from grokbench.curves.crossing import Crossing, wide
from grokbench.curves.series import Quantity

OUTCOMES = (
    "groks",
    "gradual",
    "metric_artifact",
    "immediate",
    "partial",
    "memorizes_only",
    "unconfirmed",
    "collapses",
    "never_fits",
    "unjudged",
)
UNDECIDED = ("never_fits", "collapses", "unconfirmed", "unjudged")  # labels that leave the endpoint empty

LATE_DECADES = 0.5
HEAD = 0.25


def end_of(quantity: Quantity, passage: Crossing) -> float:
    """The median of the last 5 checkpoints, as far as they lie after the first sustained passage."""
    begin = int(np.searchsorted(quantity.timeline.starts, max(passage.begins, 0), side="right")) - 1
    return float(np.median(quantity.read[begin:][-5:]))


def begins_after(train: Quantity, test: Quantity, mem: Crossing, gen: Crossing) -> bool:
    """Whether a log begins past the first unit of its clock with both accuracies held: both events lie before it."""
    rows = (train.timeline, test.timeline)
    return mem.low == gen.low == 0 and all(row.times[0] > row.unit for row in rows)


def too_sparse(mem: Crossing, gen: Crossing, shown: Quantity, delay_low: float, delay_high: float, unit: float) -> bool:
    """Whether rows are so far apart that they do not say which side of a border delay or head is on.

    shown : what the head is of. delay_low, delay_high : NaN where there is no bound.
    Rows that are no farther apart than a span, or than a unit of the clock, always say.
    """
    if not (mem.reached and gen.reached):
        return False
    late, soon = not delay_high < LATE_DECADES, not delay_low >= LATE_DECADES
    times, heads = shown.around(mem.low, mem.high)
    lower = np.nanmin(heads) < HEAD or times[0] > mem.low  # before its first row a log says nothing
    before = wide(min(times[0], mem.low), times[-1], unit) and lower and np.nanmax(heads) >= HEAD
    return bool(late and ((soon and (mem.coarse(unit) or gen.coarse(unit))) or before))


def outcome_of(
    train: Quantity,
    test: Quantity,
    mem: Crossing,
    gen: Crossing,
    delay: float,
    head: float,
    width: float,
    artifact: bool,
    sparse: bool,
) -> str:
    """The first label that applies, in the order of the contract."""
    end_train, end_test = end_of(train, mem), end_of(test, gen)
    if not (mem.reached or mem.pending or mem.held):
        return "never_fits"
    if (mem.held and end_train < 0.5) or (gen.held and end_test < 0.5):
        return "collapses"
    if begins_after(train, test, mem, gen):
        return "unjudged"
    if not mem.reached or gen.pending or (not gen.reached and test.timeline.last < 10 * mem.time):
        return "unconfirmed"
    if not gen.reached:
        return "memorizes_only" if end_test < 0.2 else "partial"
    if sparse:
        return "unjudged"
    if delay < LATE_DECADES:
        return "immediate"
    if artifact:
        return "metric_artifact"
    if head >= HEAD or width > 1:
        return "gradual"
    return "groks"


def late_of(
    outcome: str, gen: Crossing, delay: float, head: float, artifact: bool, resolved: bool, unit: float
) -> float:
    """Late generalization: 1, 0, or NaN where the run neither fits for good nor is decided."""
    if outcome in UNDECIDED:
        return math.nan
    if not gen.reached:
        return 0.0
    separated = resolved or gen.time >= 5 * unit
    return float(delay >= LATE_DECADES and head < HEAD and not artifact and separated)
