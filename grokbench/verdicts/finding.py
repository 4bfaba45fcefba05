"""What a statistic finds of one prediction, and what it is held against: estimates with intervals, margins and gates.

Every estimand is turned so that larger favours the claim. Pure numbers: no run, no rule and no learner is known here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"
NOT_APPLICABLE = "not applicable"
VERDICTS = (SUPPORTED, CONTRADICTED, UNDECIDED, NOT_APPLICABLE)
ALPHA = 0.05
SUPPORT_ALPHA = ALPHA / 2  # one-sided: the lower end of the two-sided 95 % interval


@dataclass(frozen=True)
class Estimate:
    """A number and its intervals.

    Parameters
    ----------
    value : the estimate; NaN (undefined) can neither support nor contradict
    interval : one-sided level alpha -> (low, high), each end missing the truth with probability at most alpha;
        .025 gives the two-sided 95 % interval. The same alpha must always give the same ends.
    """

    value: float
    interval: Callable[[float], tuple[float, float]]

    @classmethod
    def of(cls, located: Callable[[float], object]) -> Estimate:
        """An estimate from a function of the one-sided alpha that returns something with estimate, low and high."""
        located = cache(located)

        def interval(alpha: float) -> tuple[float, float]:
            location = located(alpha)
            return location.low, location.high

        return cls(located(SUPPORT_ALPHA).estimate, interval)

    def reversed(self) -> Estimate:
        """The estimate of the estimand with the other sign, for claims that something is small."""

        def interval(alpha: float) -> tuple[float, float]:
            low, high = self.interval(alpha)
            return -high, -low

        return Estimate(-self.value, interval)


UNDEFINED = Estimate(math.nan, lambda alpha: (-math.inf, math.inf))


@dataclass(frozen=True)
class Margin:
    """The bounds of one estimate: above the first it supports the claim, below the second it contradicts it.

    Supported where low > support, contradicted where high < contradict. Where support < contradict (effects that
    must be large) both can hold of an interval between them: so support needs the estimate >= contradict besides,
    and contradiction the estimate <= support. None switches a direction off: a margin that is only there to refute
    does not stand in the way of support, and one that is only needed for support refutes nothing.

    Raises ValueError where both directions are switched off.
    """

    support: float | None = None
    contradict: float | None = None

    def __post_init__(self):
        if self.support is None and self.contradict is None:
            raise ValueError("expected a margin for support, for contradiction, or for both")

    def verdict(self, estimate: Estimate, level: float) -> str:
        """The verdict on an estimate: support is read at one-sided .025, contradiction at the one-sided level given."""
        value, s, c = estimate.value, self.support, self.contradict
        if math.isnan(value):
            return UNDECIDED
        if s is not None and estimate.interval(SUPPORT_ALPHA)[0] > s and (c is None or value >= c):
            return SUPPORTED
        if c is not None and estimate.interval(level)[1] < c and (s is None or value <= s):
            return CONTRADICTED
        return UNDECIDED if s is not None else SUPPORTED

    @property
    def rule(self) -> str:
        """The margin as a rule, whose last word is the verdict of the interval's end before it."""
        clauses = [] if self.support is None else [f"low > {self.support:g} supported"]
        clauses += [] if self.contradict is None else [f"high < {self.contradict:g} contradicted"]
        return ", ".join([*clauses, "else undecided"])

    @property
    def words(self) -> str:
        """The two numbers in words: "supported above .3, contradicted below .5"."""
        clauses = [] if self.support is None else [f"supported above {self.support:g}"]
        clauses += [] if self.contradict is None else [f"contradicted below {self.contradict:g}"]
        return ", ".join(clauses)


@dataclass(frozen=True)
class Gate:
    """A condition of asking at all: where it fails, it gives the verdict and its reason."""

    name: str
    passed: bool
    reason: str
    verdict: str = UNDECIDED

    def __post_init__(self):
        if self.verdict not in (UNDECIDED, NOT_APPLICABLE):
            raise ValueError(f"gate {self.name} gives {self.verdict!r}: a gate caps, it finds nothing")


@dataclass(frozen=True)
class Finding:
    """What a prediction's statistic says of one family on one task.

    Parameters
    ----------
    estimates : by the names that the rules give margins to, each turned so that larger favours the claim; empty
        where nothing was run
    n : clusters (pairs, seeds) that entered
    p : of the test that the rules may require, one-sided in the direction of the claim
    censored, resolved : shares of the runs that entered
    gates : what had to be in order, in the order in which it is asked. A statistic gives its own (a manipulation
        check); the engine puts those that the rules ask for around them.
    control : the same estimates where the claim cannot hold (its own control), by name: if these satisfy the margins as
        well, nothing is supported. A statistic gives those that it has.
    variants : the findings under other thresholds (accuracy levels, ridges, measures, imputations), by name: the
        verdict must be the same in all of them. Filled in by the engine.
    """

    estimates: Mapping[str, Estimate]
    n: int
    p: float | None = None
    censored: float = math.nan
    resolved: float = math.nan
    gates: Sequence[Gate] = ()
    control: Mapping[str, Estimate] = field(default_factory=dict)
    variants: Mapping[str, Finding] = field(default_factory=dict)

    @property
    def of_control(self) -> Finding:
        """What the prediction would be judged from in its own control; without any estimates where it has none."""
        estimates = {**self.estimates, **self.control} if self.control else dict.fromkeys(self.estimates, UNDEFINED)
        return replace(self, estimates=estimates)

    @property
    def failed(self) -> Gate | None:
        """The first gate that failed, which decides; None where all passed."""
        return next((gate for gate in self.gates if not gate.passed), None)

    def reason(self, gate: str) -> str:
        """Why the gate of a name failed; empty where it passed, or was not asked."""
        return next((failed.reason for failed in self.gates if failed.name == gate and not failed.passed), "")
