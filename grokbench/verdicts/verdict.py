"""One rule for all predictions: gates, then an interval against two margins, then the same answer at other thresholds.

Every estimand is turned so that larger favours the claim. A prediction is judged per family and task (`judge`), an
explanation per family from its primaries (`explain`), and as a universal claim over families (`overall`):

- *supported* only together: every primary in every task, each at the level of its own interval (intersection-union,
  hence no correction);
- *contradicted* by any: each at level .05 divided by the number of primaries that could do it (Bonferroni), and
  divided by the number of families besides where the universal claim is at stake;
- *undecided* otherwise. What does not apply (true by construction, nothing to explain) is left out, not counted.

Pure functions: who computes the estimates, and from what, is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from grokbench.statistics.multiplicity import holm

SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"
NOT_APPLICABLE = "not applicable"
VERDICTS = (SUPPORTED, CONTRADICTED, UNDECIDED, NOT_APPLICABLE)
LEVEL = 0.05
SUPPORT_LEVEL = LEVEL / 2  # one-sided: the lower end of the two-sided 95 % interval
LEAST_PRIMARIES = 2
_FROM_WORST = (CONTRADICTED, UNDECIDED, SUPPORTED)


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

    def reversed(self) -> Estimate:
        """Of the estimand with the other sign, for claims that something is small."""

        def interval(alpha: float) -> tuple[float, float]:
            low, high = self.interval(alpha)
            return -high, -low

        return Estimate(-self.value, interval)


@dataclass(frozen=True)
class Margins:
    """An estimate that must lie above one margin to support the claim, and below another to contradict it.

    Supported where low > support, contradicted where high < contradict. Where support < contradict (effects that
    must be large) both can hold of an interval between them: so support needs the estimate >= contradict besides,
    and contradiction the estimate <= support. None switches a direction off: a margin that is only there to refute
    does not stand in the way of support, and one that is only needed for support refutes nothing.
    """

    estimate: Estimate
    support: float | None
    contradict: float | None

    def __post_init__(self):
        if self.support is None and self.contradict is None:
            raise ValueError("expected a margin for support, for contradiction, or for both")

    def verdict(self, level: float) -> str:
        """Support is read at one-sided .025, contradiction at the one-sided level given."""
        value, s, c = self.estimate.value, self.support, self.contradict
        if math.isnan(value):
            return UNDECIDED
        if s is not None and self.estimate.interval(SUPPORT_LEVEL)[0] > s and (c is None or value >= c):
            return SUPPORTED
        if c is not None and self.estimate.interval(level)[1] < c and (s is None or value <= s):
            return CONTRADICTED
        return UNDECIDED if s is not None else SUPPORTED


@dataclass(frozen=True)
class Required:
    """A condition that support needs besides (a p value at its level); it contradicts nothing."""

    holds: bool

    def verdict(self, level: float) -> str:
        """Supported or undecided, at any level."""
        return SUPPORTED if self.holds else UNDECIDED


@dataclass(frozen=True)
class Gate:
    """What must be in order before a prediction is asked at all; a failed one gives the verdict and its reason."""

    name: str
    passed: bool
    reason: str
    verdict: str = UNDECIDED

    def __post_init__(self):
        if self.verdict not in (UNDECIDED, NOT_APPLICABLE):
            raise ValueError(f"gate {self.name} gives {self.verdict!r}: a gate caps, it finds nothing")


@dataclass(frozen=True)
class Judgement:
    """A verdict and why it is no other: the gate or the cap, or what refuted; empty for plain support."""

    verdict: str
    reason: str = ""


@dataclass(frozen=True)
class Prediction:
    """What is known of one prediction in one family and task.

    Parameters
    ----------
    name, task : of the prediction; an explanation counts its predictions by name
    parts : all must support, any contradicts (a rule on two quantities is two parts, a two-sided one as well)
    gates : asked in this order; the first that fails decides
    variants : the same parts under other thresholds (accuracy levels, ridges, imputations), by name: the verdict
        must be the same in all of them
    intervention : something was done to the learner, rather than watched
    """

    name: str
    task: str
    parts: Sequence[Margins | Required]
    gates: Sequence[Gate] = ()
    variants: Mapping[str, Sequence[Margins | Required]] = field(default_factory=dict)
    intervention: bool = False

    @property
    def applicable(self) -> bool:
        """Whether the gates leave anything to judge; known without looking at an estimate."""
        failed = next((gate for gate in self.gates if not gate.passed), None)
        return failed is None or failed.verdict != NOT_APPLICABLE


def judge(prediction: Prediction, level: float = SUPPORT_LEVEL) -> Judgement:
    """The verdict on one prediction in one family and task, ``level`` being the one-sided one of contradiction."""
    for gate in prediction.gates:
        if not gate.passed:
            return Judgement(gate.verdict, gate.reason)
    verdict = _worst(prediction.parts, level)
    if verdict == UNDECIDED:
        return Judgement(UNDECIDED, "interval")
    other = next((name for name, parts in prediction.variants.items() if _worst(parts, level) != verdict), None)
    return Judgement(verdict) if other is None else Judgement(UNDECIDED, f"threshold-sensitive: {other}")


def _worst(parts: Sequence[Margins | Required], level: float) -> str:
    return min((part.verdict(level) for part in parts), key=_FROM_WORST.index)


@dataclass(frozen=True)
class Explained:
    """An explanation in one family: the verdict, the level of contradiction, and one judgement for each primary."""

    verdict: str
    reason: str
    level: float
    judgements: tuple[Judgement, ...]


def explain(primaries: Sequence[Prediction], families: int = 1) -> Explained:
    """The verdict on an explanation in one family.

    Applicable are the primaries that no gate takes out: at least two different ones, and an intervention among
    them. Contradiction is read at one-sided level .05/(N families), where N is the number of applicable rows, a
    primary in two tasks being two, since any of them contradicts. ``families`` is 1 but within `overall`.
    """
    rows = [primary for primary in primaries if primary.applicable]
    level = LEVEL / (max(1, len(rows)) * families)
    judgements = tuple(judge(primary, level) for primary in primaries)
    verdict, reason = _family(rows, [judgement for judgement in judgements if judgement.verdict != NOT_APPLICABLE])
    return Explained(verdict, reason, level, judgements)


def _family(rows: Sequence[Prediction], judgements: Sequence[Judgement]) -> tuple[str, str]:
    names = {row.name for row in rows}
    if len(names) < LEAST_PRIMARIES:
        return NOT_APPLICABLE, f"{len(names)} applicable primaries, {LEAST_PRIMARIES} needed"
    if not any(row.intervention for row in rows):
        return NOT_APPLICABLE, "no intervention among the applicable primaries"

    def told(verdict: str) -> list[str]:
        return [f"{row.name} {row.task}" for row, j in zip(rows, judgements, strict=True) if j.verdict == verdict]

    if len(told(SUPPORTED)) == len(rows):
        return SUPPORTED, ""
    if told(CONTRADICTED):
        return CONTRADICTED, ", ".join(told(CONTRADICTED))
    return UNDECIDED, ", ".join(told(UNDECIDED))


@dataclass(frozen=True)
class Family:
    """The primaries of one explanation in one family, and whether it is a neural one."""

    name: str
    primaries: Sequence[Prediction]
    neural: bool


@dataclass(frozen=True)
class Scope:
    """In how many families a claim must be supported, and whether among them must be networks and others."""

    families: int
    both_kinds: bool


UNIVERSAL = Scope(3, both_kinds=True)
NETWORKS = Scope(2, both_kinds=False)  # weight decay, numerics: a "family" is an architecture or a loss


@dataclass(frozen=True)
class Overall:
    """The universal claim: its verdict, and in how many families it was supported, contradicted and applicable."""

    verdict: str
    reason: str
    supported: int
    contradicted: int
    applicable: int


def overall(families: Sequence[Family], scope: Scope = UNIVERSAL, counterexamples: Sequence[str] = ()) -> Overall:
    """The verdict on "late generalization is X".

    Contradicted where one of the m families to which it applies contradicts it even at a level divided by m, or where
    a counterexample (a cell that refutes necessity by itself, Holm over such cells) is named; supported where enough
    families of the kinds that ``scope`` asks for support it and none contradicts; else undecided. Estimates are
    never pooled over families.
    """
    found = [(family, explain(family.primaries).verdict) for family in families]
    applicable = [family for family, verdict in found if verdict != NOT_APPLICABLE]
    supported = [family for family, verdict in found if verdict == SUPPORTED]
    contradicted = [family for family, verdict in found if verdict == CONTRADICTED]
    strictly = [f.name for f in contradicted if explain(f.primaries, len(applicable)).verdict == CONTRADICTED]
    verdict, reason = _universal(supported, contradicted, [*strictly, *counterexamples], scope)
    if not applicable and not counterexamples:
        verdict, reason = NOT_APPLICABLE, "no family to which it applies"
    return Overall(verdict, reason, len(supported), len(contradicted), len(applicable))


def _universal(supported, contradicted, refuting: Sequence[str], scope: Scope) -> tuple[str, str]:
    if refuting:
        return CONTRADICTED, ", ".join(refuting)
    if contradicted:
        return UNDECIDED, f"contradicted in {contradicted[0].name}, but not at the level of all families"
    if len(supported) < scope.families:
        return UNDECIDED, f"supported in {len(supported)} families, {scope.families} needed"
    if scope.both_kinds and len({family.neural for family in supported}) < 2:
        return UNDECIDED, "supported in one kind of family only, networks and others needed"
    return SUPPORTED, ""


def secondaries(judgements: Sequence[Judgement], p_values: Sequence[float | None]) -> list[tuple[Judgement, float]]:
    """Each secondary of an explanation in a family with its Holm-adjusted p: support needs that to be <= .05.

    A row without a p (None, NaN) cannot be supported. Rows that a gate took out are no tests.
    """
    tested = [
        None if judgement.verdict == NOT_APPLICABLE else p for judgement, p in zip(judgements, p_values, strict=True)
    ]
    found = []
    for judgement, p in zip(judgements, holm(tested), strict=True):
        capped = judgement.verdict == SUPPORTED and not p <= LEVEL
        found.append((Judgement(UNDECIDED, "Holm over the secondaries") if capped else judgement, p))
    return found
