"""What a claim reads of one run: an event, a flag, or a column of its curve at a moment.

A reading is a number known between two bounds: a time that a run did not live to see lies between its last checkpoint
and infinity, and a flag of which it says nothing between 0 and 1. `reading` turns the words of a claim into a function;
`READINGS` lists them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from grokbench.curves.detect import LEVEL
from grokbench.curves.run import Run
from grokbench.errors import UsageError
from grokbench.verdicts import early_signals, norm_laws


class Between(NamedTuple):
    """A number that lies between two bounds: equal where it is known, NaN where nothing is."""

    low: float
    high: float


UNKNOWN = Between(math.nan, math.nan)


@dataclass(frozen=True)
class Reading:
    """What is read of a run.

    Parameters
    ----------
    of : the function of the run
    kind : "flag" (0 or 1), "time" (positive, told by its logarithm) or "number"
    """

    of: Callable[[Run], Between]
    kind: str


def _exactly(value: float) -> Between:
    return Between(float(value), float(value))


def _number(of: Callable[[Run], float]) -> Callable[[Run], Between]:
    """A number that a run has or has not."""
    return lambda run: _exactly(of(run))


def _late(run: Run) -> Between:
    """Whether it generalizes late; anything between where the endpoint is empty: the run does not say."""
    late = run.detections[LEVEL].late
    return Between(0.0, 1.0) if math.isnan(late) else _exactly(late)


def _event(name: str) -> Callable[[Run], Between]:
    """The time of t_mem or t_gen."""

    def time(run: Run) -> Between:
        detection = run.detections[LEVEL]
        if getattr(detection, f"{name}_censoring") == "right":
            return Between(run.curve.last, math.inf)
        return _exactly(getattr(detection, name))

    return time


def _delay(run: Run) -> Between:
    """t_gen / t_mem; only a lower bound where the run ended before, or fits at the grain of its clock."""
    detection = run.detections[LEVEL]
    if math.isnan(detection.delay):
        return UNKNOWN
    factor = 10**detection.delay
    return Between(factor, math.inf) if detection.delay_censoring == "right" else _exactly(factor)


def _half_rise(run: Run) -> Between:
    """When the held-out accuracy itself crosses one half, also where it lags the ranking: claims are of accuracy."""
    time = early_signals.half_way(run)
    return Between(run.curve.last, math.inf) if math.isnan(time) else _exactly(time)


EVENTS: dict[str, Reading] = {
    "late": Reading(_late, "flag"),
    "generalizes": Reading(lambda run: _exactly(run.detections[LEVEL].t_gen_censoring != "right"), "flag"),
    "fits": Reading(lambda run: _exactly(run.detections[LEVEL].t_mem_censoring != "right"), "flag"),
    "t_mem": Reading(_event("t_mem"), "time"),
    "t_gen": Reading(_event("t_gen"), "time"),
    "half_rise": Reading(_half_rise, "time"),
    "delay": Reading(_delay, "time"),
    "wait": Reading(_number(norm_laws.wait), "time"),
    "error of the printed norm law": Reading(_number(norm_laws.error(norm_laws.printed)), "number"),
    "error of the first-passage law": Reading(_number(norm_laws.error(norm_laws.first_passage)), "number"),
    "error of the bare law": Reading(_number(norm_laws.error(norm_laws.bare)), "number"),
    "training accuracy lost": Reading(_number(early_signals.lost), "number"),
}


def _at(column: str, moment: str) -> Callable[[Run], Between]:
    """A column at a moment, linear in log time between checkpoints."""

    def value(run: Run) -> Between:
        values = run.curve.column(column)
        known = values[~np.isnan(values)]
        if moment in ("start", "end"):
            return _exactly(known[0 if moment == "start" else -1]) if known.size else UNKNOWN
        at = getattr(run.detections[LEVEL], moment) if moment in ("t_mem", "t_gen") else float(moment)
        return _exactly(run.curve.value_at(values, at))

    return value


def _extreme(column: str, extreme: Callable) -> Callable[[Run], Between]:
    def value(run: Run) -> Between:
        values = run.curve.column(column)
        return UNKNOWN if np.isnan(values).all() else _exactly(extreme(values))

    return value


def _reaches(column: str, level: float) -> Callable[[Run], Between]:
    """When a column reaches a level for good."""

    def time(run: Run) -> Between:
        values = run.curve.column(column)
        if np.isnan(values).all():
            return UNKNOWN
        crossing = run.curve.crossing(values, level)
        return _exactly(crossing.time) if crossing.reached else Between(run.curve.last, math.inf)

    return time


def _rises(column: str, share: float) -> Callable[[Run], Between]:
    """When a column, from what it is at first, has for good gone a share of its way to where it ends."""

    def time(run: Run) -> Between:
        values = run.curve.column(column)
        known = values[~np.isnan(values)]
        if known.size < 2 or not known[-1] > known[0]:
            return UNKNOWN
        way = (values - known[0]) / (known[-1] - known[0])
        return _exactly(run.curve.crossing(way, share).time)

    return time


def _falls(column: str, share: float) -> Callable[[Run], Between]:
    """When a column first falls to a share of what it is at the first checkpoint, linear in log time."""

    def time(run: Run) -> Between:
        values, times = run.curve.column(column), run.curve.time
        if np.isnan(values).any() or len(values) < 2:
            return UNKNOWN
        below = np.flatnonzero(values <= share * values[0])
        if not below.size:
            return Between(run.curve.last, math.inf)
        i = int(below[0])
        if times[i - 1] <= 0:
            return _exactly(times[i])
        rise = (share * values[0] - values[i - 1]) / (values[i] - values[i - 1])
        return _exactly(10 ** (math.log10(times[i - 1]) + rise * math.log10(times[i] / times[i - 1])))

    return time


NUMBER = r"-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
FORMS: tuple[tuple[str, str, Callable[..., Reading]], ...] = (
    (
        rf"(\w+) at (start|end|t_mem|t_gen|{NUMBER})",
        "COLUMN at MOMENT: start, end, t_mem, t_gen or a time",
        lambda column, moment: Reading(_at(column, moment), "number"),
    ),
    (
        r"(largest|smallest) (\w+)",
        "largest COLUMN, smallest COLUMN: over all checkpoints",
        lambda which, column: Reading(_extreme(column, np.nanmax if which == "largest" else np.nanmin), "number"),
    ),
    (
        rf"(\w+) reaches ({NUMBER})",
        "COLUMN reaches LEVEL: the time from which it is at or above, dips of less than .15 below it aside",
        lambda column, level: Reading(_reaches(column, float(level)), "time"),
    ),
    (
        rf"(\w+) rises to ({NUMBER})",
        "COLUMN rises to SHARE: the time from which it has gone that share of its way from first to last",
        lambda column, share: Reading(_rises(column, float(share)), "time"),
    ),
    (
        rf"(\w+) falls to ({NUMBER})",
        "COLUMN falls to SHARE: the time at which it is that share of what it began with",
        lambda column, share: Reading(_falls(column, float(share)), "time"),
    ),
    (
        rf"(\w+) fall by ({NUMBER}) t_mem",
        "COLUMN fall by FACTOR t_mem: decades from t_mem to that multiple of it",
        lambda column, factor: Reading(
            _number(partial(early_signals.fall, column=column, factor=float(factor))), "number"
        ),
    ),
)
READINGS = (*EVENTS, *(form for _, form, _ in FORMS))


def reading(words: str) -> Reading:
    """The reading that a claim names. UsageError with all forms where there is none of these words."""
    if words in EVENTS:
        return EVENTS[words]
    for pattern, _, make in FORMS:
        if match := re.fullmatch(pattern, words):
            return make(*match.groups())
    raise UsageError(f"no reading {words!r}; expected one of: {'; '.join(READINGS)}")
