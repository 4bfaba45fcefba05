"""One rule for all predictions: gates, then an interval against two margins, then the same answer at other thresholds.

A prediction is judged per family and task (`judge`), an explanation per family from its primaries (`explain`), and as
a universal claim over families (`overall`):

- *supported* only together: every primary in every task, each at the level of its own interval (intersection-union,
  hence no correction);
- *contradicted* by any: each at level .05 divided by the number of primaries that could do it (Bonferroni), and
  divided by the number of families besides where the universal claim is at stake;
- *undecided* otherwise. What does not apply (true by construction, nothing to explain) is left out, not counted.

Pure functions: who computes the estimates, and from what, is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from grokbench.statistics.multiplicity import holm
from grokbench.suites.registered import Registration
from grokbench.verdicts.cells import Cells, Design
from grokbench.verdicts.finding import (
    ALPHA,
    CONTRADICTED,
    NOT_APPLICABLE,
    SUPPORT_ALPHA,
    SUPPORTED,
    UNDECIDED,
    Estimate,
    Finding,
    Margin,
)
from grokbench.verdicts.gates import NAMED, REGISTERED
from grokbench.verdicts.rules import Prediction, Rules

LEAST_PRIMARIES = 2
SCOPES = {"universal": (3, True), "networks": (2, False)}  # families that must support; whether of both kinds
SMALLEST_P, HALVINGS = 1e-4, 14
_FROM_WORST = (CONTRADICTED, UNDECIDED, SUPPORTED)


@dataclass(frozen=True, eq=False)
class Verdict:
    """A claim that was judged, and the claims under it: a tree of an explanation, its families, their predictions.

    Parameters
    ----------
    word : one of `VERDICTS`
    reason : the gate or the cap, or what refuted; empty for plain support
    name : of the explanation, of the family, or of the prediction
    level : one-sided level at which contradiction was read
    parts : the verdicts under it, in the order of the rules; none under a prediction
    prediction, cells, finding : under a leaf, what was registered, from which runs it was judged, and what they say
    p_holm : of a secondary prediction, its p after Holm over the secondaries of its family
    rules, registration : under the root, the explanation as it was registered
    """

    word: str
    reason: str = ""
    name: str = ""
    level: float = SUPPORT_ALPHA
    parts: tuple[Verdict, ...] = ()
    prediction: Prediction | None = None
    cells: Cells | None = None
    finding: Finding | None = None
    p_holm: float = math.nan
    rules: Rules | None = None
    registration: Registration | None = None

    @property
    def applies(self) -> bool:
        """Whether the claim says anything; of a prediction its gates decide that, before any estimate is looked at."""
        return self.word != NOT_APPLICABLE

    @property
    def predictions(self) -> list[Verdict]:
        """The leaves under it, in the order of the rules."""
        return [leaf for part in self.parts for leaf in (part.predictions or [part])]

    @property
    def primaries(self) -> list[Verdict]:
        """The leaves whose prediction is a primary."""
        return [leaf for leaf in self.predictions if leaf.prediction.role == "primary"]

    @property
    def families(self) -> list[Verdict]:
        """Under the root, the families that have primaries."""
        return [family for family in self.parts if family.primaries]

    @property
    def design(self) -> Design:
        """Under a leaf, the family and the task."""
        return self.cells.design

    @property
    def neural(self) -> bool:
        """Whether a family counts as a network."""
        return self.predictions[-1].design.neural

    @property
    def exploratory(self) -> str:
        """Why a prediction was not judged on its registered runs; empty where it was."""
        return self.finding.reason(REGISTERED)

    @property
    def has_cells(self) -> bool:
        """Whether the rules name cells for all that a prediction uses."""
        return not self.finding.reason(NAMED)

    @property
    def has_runs(self) -> bool:
        """Whether any run is there of what a prediction uses; of a family, of what any of its predictions uses."""
        if self.prediction is None:
            return any(leaf.has_runs for leaf in self.predictions)
        return any(not run.missing for role in self.prediction.uses for run in self.cells.all_runs(role))

    @property
    def p(self) -> float:
        """p of a statistic's own test; where it has none, the smallest level at which its interval supports."""
        if not self.finding.estimates:
            return math.nan
        return support_p(self.prediction, self.finding) if self.finding.p is None else self.finding.p

    @property
    def deciding(self) -> str:
        """The name of the estimate that speaks for a prediction: the first with its own verdict, else the first."""
        estimates, margins = self.finding.estimates, self.prediction.margins
        words = {name: margin.verdict(estimates[name], ALPHA) for name, margin in margins.items()}
        return next((name for name, word in words.items() if word == self.word), next(iter(words)))

    def count(self, word: str) -> int:
        """How many of its parts have a verdict."""
        return sum(part.word == word for part in self.parts)


def judge(prediction: Prediction, cells: Cells, finding: Finding, level: float = SUPPORT_ALPHA) -> Verdict:
    """The verdict on one prediction in one family and task, ``level`` being the one-sided one of contradiction."""
    word, reason = _judged(prediction, finding, level)
    return Verdict(word, reason, prediction.name, level, prediction=prediction, cells=cells, finding=finding)


def _judged(prediction: Prediction, finding: Finding, level: float) -> tuple[str, str]:
    if finding.failed is not None:
        return finding.failed.verdict, finding.failed.reason
    word = by_interval(prediction, finding, level)
    if word == UNDECIDED:
        return UNDECIDED, "interval"
    if word == SUPPORTED and by_interval(prediction, finding.of_control, level) == SUPPORTED:
        return UNDECIDED, "its own control satisfies the rule"
    for name, variant in finding.variants.items():
        other = by_interval(prediction, variant, level)
        if other != word:
            return UNDECIDED, f"threshold-sensitive: {other} at {name}"
    return word, ""


def by_interval(prediction: Prediction, finding: Finding, level: float) -> str:
    """The worst of the verdicts on the estimates: all must support, and any contradicts.

    A p above the one that the prediction asks for leaves it undecided at best, and contradicts nothing.
    """
    words = [margin.verdict(finding.estimates[name], level) for name, margin in prediction.margins.items()]
    if prediction.p is not None and not (finding.p is not None and finding.p <= prediction.p):
        words.append(UNDECIDED)
    return min(words, key=_FROM_WORST.index)


def _again(leaf: Verdict, level: float) -> Verdict:
    """The verdict on a prediction at another level."""
    return judge(leaf.prediction, leaf.cells, leaf.finding, level)


def explain(name: str, predictions: Sequence[Verdict], families: int = 1) -> Verdict:
    """The verdict on an explanation in one family, from its predictions there.

    Primaries decide, of which those are applicable that no gate takes out: at least two different ones, and an
    intervention among them. Since any of them contradicts, contradictions are read under Holm (`refuted`).
    ``families`` is 1 but within `overall`. Secondaries are listed under Holm, and change nothing.
    """
    primaries = [leaf for leaf in predictions if leaf.prediction.role == "primary"]
    level = ALPHA / (max(1, sum(leaf.applies for leaf in primaries)) * families)
    judged = {id(leaf): again for leaf, again in zip(primaries, refuted(primaries, families), strict=True)}
    secondary = [leaf for leaf in predictions if leaf.prediction.role == "secondary"]
    judged |= {id(leaf): corrected for leaf, corrected in zip(secondary, secondaries(secondary), strict=True)}
    word, reason = _family([judged[id(leaf)] for leaf in primaries if leaf.applies])
    return Verdict(word, reason, name, level, tuple(judged.get(id(leaf), leaf) for leaf in predictions))


def refuted(primaries: Sequence[Verdict], families: int = 1) -> list[Verdict]:
    """The primaries of a family, contradictions read under Holm over the applicable rows, each task being one.

    The first is read at one-sided level .05/(N families), N being their number; each that contradicts leaves one row
    less for the others. The chance of any false contradiction stays below .05/families under any dependence.
    """
    rows, judged = sum(leaf.applies for leaf in primaries), list(primaries)
    for done in range(max(1, rows)):
        level = ALPHA / (max(1, rows - done) * families)
        judged = [leaf if done and leaf.word == CONTRADICTED else _again(leaf, level) for leaf in judged]
        if sum(leaf.word == CONTRADICTED for leaf in judged) <= done:
            break
    return judged


def _family(primaries: Sequence[Verdict]) -> tuple[str, str]:
    names = {leaf.name for leaf in primaries}
    if len(names) < LEAST_PRIMARIES:
        return NOT_APPLICABLE, f"{len(names)} applicable primaries, {LEAST_PRIMARIES} needed"
    if not any(leaf.prediction.intervention for leaf in primaries):
        return NOT_APPLICABLE, "no intervention among the applicable primaries"
    by_word = {
        word: [f"{leaf.name} {leaf.design.task}" for leaf in primaries if leaf.word == word] for word in _FROM_WORST
    }
    if len(by_word[SUPPORTED]) == len(primaries):
        return SUPPORTED, ""
    word = CONTRADICTED if by_word[CONTRADICTED] else UNDECIDED
    return word, ", ".join(by_word[word])


def secondaries(judged: Sequence[Verdict]) -> list[Verdict]:
    """Each secondary of an explanation in a family with its Holm-adjusted p: support needs that to be <= .05.

    A row without a p (NaN) cannot be supported. Rows that a gate took out are no tests.
    """
    adjusted = holm([leaf.p if leaf.applies else None for leaf in judged])
    corrected = []
    for leaf, p in zip(judged, adjusted, strict=True):
        capped = leaf.word == SUPPORTED and not p <= ALPHA
        caps = {"word": UNDECIDED, "reason": "Holm over the secondaries"} if capped else {}
        corrected.append(replace(leaf, p_holm=p, **caps))
    return corrected


def overall(
    name: str, families: Sequence[Verdict], scope: str = "universal", counterexamples: Sequence[str] = ()
) -> Verdict:
    """The verdict on the universal claim "late generalization is X", from its families.

    Contradicted where one of the m families to which it applies contradicts it even at a level divided by m, or where
    a counterexample (a cell that refutes necessity by itself, Holm over such cells) is named; supported where enough
    families of the kinds that ``scope`` asks for support it and none contradicts; else undecided. Estimates are
    never pooled over families.
    """
    m = sum(family.applies for family in families)
    contradicted = [family for family in families if family.word == CONTRADICTED]
    strictly = [family.name for family in contradicted if explain(family.name, family.parts, m).word == CONTRADICTED]
    word, reason = _universal(families, contradicted, [*strictly, *counterexamples], *SCOPES[scope])
    if not m and not counterexamples:
        word, reason = NOT_APPLICABLE, "no family to which it applies"
    return Verdict(word, reason, name, ALPHA, tuple(families))


def _universal(families, contradicted, refuting: Sequence[str], least: int, both_kinds: bool) -> tuple[str, str]:
    if refuting:
        return CONTRADICTED, ", ".join(refuting)
    if contradicted:
        return UNDECIDED, f"contradicted in {contradicted[0].name}, but not at the level of all families"
    supported = [family for family in families if family.word == SUPPORTED]
    if len(supported) < least:
        return UNDECIDED, f"supported in {len(supported)} families, {least} needed"
    if both_kinds and len({family.neural for family in supported}) < 2:
        return UNDECIDED, "supported in one kind of family only, networks and others needed"
    return SUPPORTED, ""


def support_p(prediction: Prediction, finding: Finding) -> float:
    """The smallest one-sided level at which every interval lies above its support margin, to within a hundredth of it.

    1 where none does; NaN for estimates that are undefined or have no such margin. Not below 1e-4.
    """
    needed = [
        (margin, finding.estimates[name]) for name, margin in prediction.margins.items() if margin.support is not None
    ]
    if not needed or any(math.isnan(estimate.value) for _, estimate in needed):
        return math.nan
    return max(_smallest_level(margin, estimate) for margin, estimate in needed)


def _smallest_level(margin: Margin, estimate: Estimate) -> float:
    def supports(alpha: float) -> bool:
        return estimate.interval(alpha)[0] > margin.support

    low, high = math.log10(SMALLEST_P), math.log10(0.5)
    if supports(10**low):
        return SMALLEST_P
    if not supports(10**high):
        return 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if supports(10**middle) else (middle, high)
    return 10**high
