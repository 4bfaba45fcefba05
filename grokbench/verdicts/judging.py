"""From rules and runs to verdicts: each prediction per family and task, each explanation per family, and overall."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from grokbench.statistics.multiplicity import holm
from grokbench.verdicts import gates
from grokbench.verdicts.cells import Cells, Finding, Run
from grokbench.verdicts.rules import Design, PredictionRules, Rules
from grokbench.verdicts.verdict import (
    LEVEL,
    NETWORKS,
    NOT_APPLICABLE,
    UNDECIDED,
    UNIVERSAL,
    Explained,
    Family,
    Gate,
    Judgement,
    Margins,
    Overall,
    Prediction,
    Required,
    explain,
    judge,
    overall,
    secondaries,
)

Runs = Mapping[str, Mapping[int, Run]]  # cell "task/learner" -> seed -> trace
SMALLEST_P, HALVINGS = 1e-4, 14
CELLS = "cells"  # the gate that asks whether there are any


@dataclass(frozen=True, eq=False)
class Row:
    """A prediction in one family on one task: what was registered, what was found, what it comes to."""

    design: Design
    rules: PredictionRules
    finding: Finding | None
    prediction: Prediction
    exploratory: str = ""
    judgement: Judgement = field(default_factory=lambda: Judgement(UNDECIDED))
    p_holm: float = math.nan

    @property
    def asked(self) -> bool:
        """Whether the rules name cells for what the prediction uses."""
        return all(gate.passed for gate in self.prediction.gates if gate.name == CELLS)

    @cached_property
    def p(self) -> float:
        """Of the statistic's own test; where it has none, the smallest level at which its interval supports."""
        if self.finding is None:
            return math.nan
        return support_p(self.prediction.parts) if self.finding.p is None else self.finding.p

    @property
    def deciding(self) -> str:
        """The name of the estimate that speaks for the row: the first with the row's own verdict, else the first."""
        named = zip(self.rules.margins, self.prediction.parts, strict=False)
        told = {name: part.verdict(LEVEL) for name, part in named}
        return next((name for name, verdict in told.items() if verdict == self.judgement.verdict), next(iter(told)))


@dataclass(frozen=True, eq=False)
class Told:
    """An explanation judged: its rows, its verdict per family, and overall. ``families`` are those with primaries."""

    rules: Rules
    registered: str
    rows: Sequence[Row]
    families: Mapping[str, Explained] = field(default_factory=dict)
    overall: Overall | None = None


def tell(rules: Rules, runs: Runs, registered: str) -> Told:
    """Judge an explanation on runs. ``registered`` : hash of the rules, which the runs must carry."""
    cells = [rules.cells(design, runs) for design in rules.designs]
    rows = [
        _predicted(rules, design, prediction, here, registered)
        for design, here in zip(rules.designs, cells, strict=True)
        for prediction in rules.predictions
        if design.makes(prediction.name)
    ]
    neural = {design.family: design.neural for design in rules.designs}
    families = [
        Family(name, [row.prediction for row in primaries], neural[name])
        for name, found in by_family(rows).items()
        if (primaries := of_role(found, "primary"))
    ]
    explained = {family.name: explain(family.primaries) for family in families}
    universal = None
    if families:
        scope = UNIVERSAL if rules.scope == "universal" else NETWORKS
        universal = overall(families, scope, counterexamples(rules, runs, registered))
    return Told(rules, registered, _judged(rows, explained), explained, universal)


def by_family(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each family, in the order of the rules."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.design.family, []).append(row)
    return found


def of_role(rows: Sequence[Row], role: str) -> list[Row]:
    """The rows whose prediction has a role."""
    return [row for row in rows if row.rules.role == role]


def _judged(rows: list[Row], explained: Mapping[str, Explained]) -> list[Row]:
    """The rows with their judgements: primaries as their family has them, secondaries under Holm, others alone."""
    found: dict[int, tuple[Judgement, float]] = {id(row): (judge(row.prediction), math.nan) for row in rows}
    for family, members in by_family(rows).items():
        primaries, others = of_role(members, "primary"), of_role(members, "secondary")
        if primaries:
            found |= {id(r): (j, math.nan) for r, j in zip(primaries, explained[family].judgements, strict=True)}
        corrected = secondaries([judge(row.prediction) for row in others], [row.p for row in others])
        found |= {id(row): told for row, told in zip(others, corrected, strict=True)}
    return [replace(row, judgement=found[id(row)][0], p_holm=found[id(row)][1]) for row in rows]


def _predicted(rules: Rules, design: Design, asked: PredictionRules, cells: Cells, registered: str) -> Row:
    """One prediction of one family on one task, not yet judged."""
    finding = rules.statistic(asked)(cells) if all(cells.has(role) for role in asked.uses) else None
    prediction = Prediction(
        name=asked.name,
        task=design.task,
        parts=parts(asked, finding),
        gates=_gates(rules, design, asked, cells, finding, registered),
        intervention=asked.intervention,
    )
    confirmed = gates.registered(cells, _needed(asked), rules, design, registered)
    if judge(prediction, LEVEL).verdict not in (UNDECIDED, NOT_APPLICABLE):
        prediction = replace(prediction, variants=variants(rules, asked, cells))
    return Row(design, asked, finding, prediction, "" if confirmed.passed else confirmed.reason)


def parts(asked: PredictionRules, finding: Finding | None) -> list[Margins | Required]:
    """The statistic's estimates beside the margins of the rules; none where there is no finding."""
    if finding is None:
        return []
    found = [Margins(finding.estimates[name], rule.support, rule.contradict) for name, rule in asked.margins.items()]
    return found if asked.p is None else [*found, Required(finding.p is not None and finding.p <= asked.p)]


def variants(rules: Rules, asked: PredictionRules, cells: Cells) -> dict[str, list[Margins | Required]]:
    """The same prediction under the other thresholds, by name: its verdict must be the same under all of them."""
    changed = {
        "level 0.90": cells.at_level(0.90),
        "level 0.99": cells.at_level(0.99),
        "ridge 1e-3": cells.at_ridge("after_kernel_ridge"),
        "half the budget": cells.at_half_budget,
    }
    if any(not trace.complete for role in asked.uses for trace in _all(cells, role)):
        changed["failed runs"] = cells.with_lost("for")
    statistic = rules.statistic(asked)
    return {name: parts(asked, statistic(other)) for name, other in changed.items()}


def _all(cells: Cells, role: str) -> list[Run]:
    return [trace for step in range(len(cells.cells(role))) for trace in cells.traces(role, step)]


def _gates(rules, design: Design, asked: PredictionRules, cells: Cells, finding, registered: str) -> list[Gate]:
    """In the order in which they are asked: what takes a row out first, then what leaves it undecided."""
    reason = design.by_construction.get(asked.name, "")
    missing = [role for role in asked.uses if not cells.cells(role)]
    frozen = [role for role in asked.uses if cells.resolve(role).startswith("frozen")]
    assay = {
        "assay": lambda: gates.groks_here(cells),
        "shuffled": lambda: gates.shuffled_never(cells),
        "frozen_fits": lambda: gates.frozen_fits(cells, frozen),
        "not_too_easy": lambda: gates.not_too_easy(cells, frozen),
    }
    found = [
        Gate("construction", not reason, f"by construction: {reason}", NOT_APPLICABLE),
        Gate(CELLS, not missing, f"no cells for {', '.join(missing)}", NOT_APPLICABLE),
        gates.registered(cells, _needed(asked), rules, design, registered),
        *(assay[name]() for name in asked.gates),
        gates.few_lost(cells, asked.uses),
        gates.healthy(cells, asked.uses),
    ]
    if finding is None:
        return [*found, Gate("runs", False, "no runs")]
    enough = Gate("enough", finding.n >= asked.least, f"too few runs ({finding.n} of {asked.least})")
    return [*found, *finding.gates, enough]


def _needed(asked: PredictionRules) -> list[str]:
    """The roles that a prediction and its gates look at."""
    looked_at = {"assay": "free", "shuffled": "shuffled"}
    return [*asked.uses, *(role for gate, role in looked_at.items() if gate in asked.gates)]


def support_p(found: Sequence[Margins | Required]) -> float:
    """The smallest one-sided level at which every interval lies above its support margin, to within a hundredth of it.

    1 where none does; NaN for estimates that are undefined or have no such margin. Not below 1e-4.
    """
    margins = [part for part in found if isinstance(part, Margins) and part.support is not None]
    if not margins or any(math.isnan(part.estimate.value) for part in margins):
        return math.nan
    return max(_smallest_level(part) for part in margins)


def _smallest_level(part: Margins) -> float:
    def supports(alpha: float) -> bool:
        return part.estimate.interval(alpha)[0] > part.support

    low, high = math.log10(SMALLEST_P), math.log10(0.5)
    if supports(10**low):
        return SMALLEST_P
    if not supports(10**high):
        return 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if supports(10**middle) else (middle, high)
    return 10**high


def counterexamples(rules: Rules, runs: Runs, registered: str) -> list[str]:
    """Always-frozen learners that generalize late in more than half of their runs (exact test, Holm over the cells).

    They refute, by themselves, that late generalization needs features to be learned. Empty unless the rules name a
    prediction of necessity.
    """
    from scipy.stats import binomtest

    found = {}
    for design in rules.designs if rules.necessity else ():
        cells = rules.cells(design, runs)
        for role in ("frozen_on", "frozen_off") if design.always_frozen else ():
            if cells.has(role) and gates.registered(cells, [role], rules, design, registered).passed:
                late = int((cells.late(role, imputed=0.0) == 1).sum())
                p = binomtest(late, len(cells.seeds), 0.5, alternative="greater").pvalue
                found[f"{cells.cells(role)[0]} ({late}/{len(cells.seeds)} late)"] = float(p)
    return [name for name, p in zip(found, holm(list(found.values())), strict=True) if p <= LEVEL]
