"""An explanation that was judged, as rows of ``explanations.csv``: predictions, then families, then overall."""

from __future__ import annotations

import math

from grokbench.verdicts.finding import CONTRADICTED, SUPPORT_ALPHA, SUPPORTED, Estimate
from grokbench.verdicts.verdict import Verdict, by_interval

PRIMARIES, EVERYWHERE = "(all primaries)", "(all)"
EXPLORATORY = "exploratory"


def explanation_rows(explanation: Verdict) -> list[dict[str, object]]:
    """All rows of one explanation, in the order of its rules."""
    head = {"explanation": explanation.name, "registered": explanation.registration.hash}
    rows = [_prediction_row(leaf) for leaf in explanation.predictions]
    rows += [_family_row(family) for family in explanation.families]
    rows += [_overall_row(explanation)] if explanation.families else []
    return [head | row for row in rows]


def _prediction_row(leaf: Verdict) -> dict[str, object]:
    """One prediction in one family on one task. low, high: 95 % interval of the estimate that decides.

    Beside the columns, ``parts``: every estimate of the prediction with its interval, by name; and ``readable``: the
    rules name cells for what it uses, and some of their runs are there.
    """
    prediction, finding = leaf.prediction, leaf.finding
    row = {
        "prediction": prediction.name,
        "role": EXPLORATORY if leaf.exploratory else prediction.role,
        "family": leaf.design.family,
        "task": leaf.design.task,
        "statistic": prediction.statistic,
        "verdict": leaf.word,
        "source": prediction.source,
        "reason": leaf.reason,
        "readable": leaf.has_cells and leaf.has_runs,
        "n": finding.n,
    }
    return row | _numbers_of(leaf) if finding.estimates else row


def _numbers_of(leaf: Verdict) -> dict[str, object]:
    prediction, finding, deciding = leaf.prediction, leaf.finding, leaf.deciding
    several, margins = len(prediction.margins) > 1, prediction.margins
    numbers = {name: _numbers(finding.estimates[name]) for name in margins}
    return {
        "statistic": f"{prediction.statistic}: {deciding}" if several else prediction.statistic,
        **dict(zip(("estimate", "low", "high"), numbers[deciding], strict=True)),
        "parts": numbers,
        "p": leaf.p,
        "p_holm": leaf.p_holm,
        "margin": "; ".join(f"{name}: {margin.words}" if several else margin.words for name, margin in margins.items()),
        "rule": margins[deciding].rule,
        "censored": finding.censored,
        "resolved": finding.resolved,
    }


def _numbers(estimate: Estimate) -> tuple[float, float, float]:
    """The estimate and its 95 % interval; what is undefined has none."""
    if math.isnan(estimate.value):
        return (math.nan,) * 3
    low, high = estimate.interval(SUPPORT_ALPHA)
    return estimate.value + 0.0, low + 0.0, high + 0.0  # no negative zeros


def _family_row(family: Verdict) -> dict[str, object]:
    """The explanation in one family: supported by all primaries together, contradicted by any."""
    applicable = sum(leaf.applies for leaf in family.primaries)
    return {
        "prediction": PRIMARIES,
        "role": EXPLORATORY if any(leaf.exploratory for leaf in family.primaries) else "primary",
        "family": family.name,
        "task": EVERYWHERE,
        "readable": family.has_runs,
        "n": applicable,
        "statistic": "applicable primaries",
        "verdict": family.word,
        "margin": f"contradicted: one-sided level {family.level:.3g}" if applicable else "",
        "rule": "all supported; any contradicted",
        "reason": family.reason,
        "p": math.nan,
    }


def _overall_row(explanation: Verdict) -> dict[str, object]:
    """The universal claim, with the counts that stand beside it."""
    applicable, primaries = sum(family.applies for family in explanation.parts), explanation.primaries
    return {
        "prediction": PRIMARIES,
        "role": EXPLORATORY if primaries and all(leaf.exploratory for leaf in primaries) else "primary",
        "family": EVERYWHERE,
        "task": EVERYWHERE,
        "n": applicable,
        "statistic": "applicable families",
        "verdict": explanation.word,
        "rule": f"scope: {explanation.rules.scope}",
        "reason": "; ".join(filter(None, [f"{counts(explanation)}, {applicable} applicable", explanation.reason])),
    }


def counts(explanation: Verdict) -> str:
    """How many families support and contradict: "2 supported, 1 contradicted"."""
    return ", ".join(f"{explanation.count(word)} {word}" for word in (SUPPORTED, CONTRADICTED))


def sensitivity_rows(explanation: Verdict) -> list[dict[str, str]]:
    """For each row that has a verdict by its interval: the verdict as registered, and under every other threshold."""
    rows = []
    for family in explanation.parts:
        for leaf in family.parts:
            if leaf.finding.variants:
                level = family.level if leaf.prediction.role == "primary" else SUPPORT_ALPHA
                versions = {"as registered": leaf.finding, **leaf.finding.variants}
                words = {name: by_interval(leaf.prediction, finding, level) for name, finding in versions.items()}
                rows.append({"prediction": leaf.name, "family": family.name, "task": leaf.design.task, **words})
    return rows
