"""What a reader of a stranger's log should know besides: where it begins too late, and how it ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from grokbench.curves.series import Quantity

if TYPE_CHECKING:  # which writes the notes of its detections with this module
    from grokbench.curves.detect import Detection
    from grokbench.curves.evidence import Evidence

QUARTER_DECADE = 10**0.25
STILL = 0.05  # kappa: what moves by less over the last quarter decade is flat
FEWEST = 3  # checkpoints in that quarter decade, to say so


@dataclass(frozen=True)
class Ending:
    """The last quarter decade of a quantity.

    way : "rising", "falling", "flat", or "" where there are too few checkpoints to say.
    level : its median there; for what moves, its last checkpoint.
    """

    way: Literal["rising", "falling", "flat", ""]
    level: float


def ending_of(quantity: Quantity) -> Ending:
    """How a quantity ends."""
    times, values, last = quantity.timeline.checkpoints, quantity.read, quantity.timeline.last
    late = times >= last / QUARTER_DECADE
    if np.count_nonzero(late) < FEWEST or times[0] > last / QUARTER_DECADE:
        return Ending("", float(values[-1]))
    moved = float(values[-1]) - quantity.at(last / QUARTER_DECADE)
    if abs(moved) <= STILL:
        return Ending("flat", float(np.median(values[late])))
    return Ending("rising" if moved > 0 else "falling", float(values[-1]))


def beginning_note(evidence: Evidence, detection: Detection) -> str:
    """What a log does not say because it begins too late, or has rows too far apart; empty where there is nothing."""
    if detection.outcome != "unjudged":
        return ""
    if math.isnan(detection.delay):
        begins = max(one.timeline.times[0] for one in (evidence.train, evidence.test))
        return f"cannot be judged: the log begins at {begins:,.6g} with both accuracies held, after both events"
    mem, gen = (
        f"between {low:,.6g} and {high:,.6g}"
        for low, high in ((detection.t_mem_low, detection.t_mem_high), (detection.t_gen_low, detection.t_gen_high))
    )
    return f"cannot be judged: its rows are too far apart (t_mem lies {mem}, t_gen {gen})"


def ending_note(
    test: Quantity, detection: Detection, chance: float, ceiling: float, relative_to: Callable[[float], Detection]
) -> str:
    """How a held-out accuracy ends that never reached its level; empty where it only memorized, or has just got there.

    relative_to : share of the ceiling -> the detection with a ceiling as low as that.
    """
    outcome, end = detection.outcome, ending_of(test)
    if outcome not in ("partial", "unconfirmed") or detection.t_gen_censoring != "right" or not 0.2 <= end.level < 1:
        return ""
    accuracy = _short(chance + (1 - chance) * end.level * ceiling)
    if end.way in ("rising", "falling"):
        return f"{outcome}: still {end.way} at the end (held-out accuracy {accuracy} at {test.timeline.last:,.6g})"
    if not end.way:
        return ""
    attained = round(end.level * ceiling, 2 - math.floor(math.log10(end.level * ceiling)))
    other = relative_to(attained / ceiling)
    share, since = f"{attained:g}".removeprefix("0"), f"{other.t_gen_high:,.6g}"
    if math.isnan(other.t_gen):
        return f"{outcome}: flat at {accuracy}"
    return (
        f"{outcome}: flat at {accuracy} since {since}; "
        f"relative to that ceiling (--ceiling {share}) it would be {other.outcome}"
    )


def _short(share: float) -> str:
    """A share as people write it: .30."""
    return f"{share:.2f}".removeprefix("0")
