"""An explanation that was judged, as rows of ``explanations.csv``: predictions, then families, then overall."""

from __future__ import annotations

import math

from grokbench.verdicts.judging import Row, Told, by_family, of_role
from grokbench.verdicts.verdict import SUPPORT_LEVEL, Estimate, Explained, Prediction, judge

COLUMNS = (
    "explanation, prediction, role, family, task, n, statistic, estimate, low, high, p, p_holm, verdict, source, "
    "margin, rule, reason, censored, resolved, registered"
).split(", ")
PRIMARIES, EVERYWHERE = "(all primaries)", "(all)"
EXPLORATORY = "exploratory"


def explanation_rows(told: Told) -> list[dict[str, object]]:
    """All rows of one explanation, in the order of its rules."""
    head = {"explanation": told.rules.explanation, "registered": told.registered}
    rows = [head | prediction_cells(row) for row in told.rows]
    rows += [head | family_cells(told, name, found) for name, found in told.families.items()]
    if told.overall is not None:
        rows.append(head | overall_cells(told))
    return rows


def prediction_cells(row: Row) -> dict[str, object]:
    """One prediction in one family on one task. low, high: 95 % interval of the estimate that decides.

    Beside the columns, ``parts``: every estimate of the prediction with its interval, by name; and whether it was
    ``asked``: the rules name cells for what it uses.
    """
    found = {
        "prediction": row.rules.name,
        "role": EXPLORATORY if row.exploratory else row.rules.role,
        "family": row.design.family,
        "task": row.design.task,
        "statistic": row.rules.statistic,
        "verdict": row.judgement.verdict,
        "source": row.rules.source,
        "reason": row.judgement.reason,
        "asked": row.asked,
    }
    if row.finding is None:
        return found | {"n": 0}
    part, margins = row.deciding, row.rules.margins
    numbers = {name: _numbers(row.finding.estimates[name]) for name in margins}
    return found | {
        "n": row.finding.n,
        "statistic": f"{row.rules.statistic}: {part}" if len(margins) > 1 else row.rules.statistic,
        **dict(zip(("estimate", "low", "high"), numbers[part], strict=True)),
        "parts": numbers,
        "p": row.p,
        "p_holm": row.p_holm,
        "margin": "; ".join(
            f"{name}: {rule.margins}" if len(margins) > 1 else rule.margins for name, rule in margins.items()
        ),
        "rule": str(margins[part]),
        "censored": row.finding.censored,
        "resolved": row.finding.resolved,
    }


def _numbers(estimate: Estimate) -> tuple[float, float, float]:
    """The estimate and its 95 % interval; what is undefined has none."""
    if math.isnan(estimate.value):
        return (math.nan,) * 3
    low, high = estimate.interval(SUPPORT_LEVEL)
    return estimate.value + 0.0, low + 0.0, high + 0.0  # no negative zeros


def family_cells(told: Told, family: str, found: Explained) -> dict[str, object]:
    """The explanation in one family: supported by all primaries together, contradicted by any."""
    rows = of_role(by_family(told.rows)[family], "primary")
    applicable = sum(row.prediction.applicable for row in rows)
    return {
        "prediction": PRIMARIES,
        "role": EXPLORATORY if any(row.exploratory for row in rows) else "primary",
        "family": family,
        "task": EVERYWHERE,
        "n": applicable,
        "statistic": "applicable primaries",
        "verdict": found.verdict,
        "margin": f"contradicted: one-sided level {found.level:.3g}" if applicable else "",
        "rule": "all supported; any contradicted",
        "reason": found.reason,
        "p": math.nan,
    }


def overall_cells(told: Told) -> dict[str, object]:
    """The universal claim, with the counts that stand beside it."""
    found = told.overall
    counts = f"{found.supported} supported, {found.contradicted} contradicted, {found.applicable} applicable"
    primaries = of_role(told.rows, "primary")
    return {
        "prediction": PRIMARIES,
        "role": EXPLORATORY if primaries and all(row.exploratory for row in primaries) else "primary",
        "family": EVERYWHERE,
        "task": EVERYWHERE,
        "n": found.applicable,
        "statistic": "applicable families",
        "verdict": found.verdict,
        "rule": f"scope: {told.rules.scope}",
        "reason": "; ".join(filter(None, [counts, found.reason])),
    }


def sensitivity_rows(told: Told) -> list[dict[str, str]]:
    """For each row that has a verdict by its interval: the verdict as registered, and under every other threshold."""
    rows = []
    for row in (row for row in told.rows if row.prediction.variants):
        primary = row.rules.role == "primary"
        level = told.families[row.design.family].level if primary else SUPPORT_LEVEL
        versions = {"as registered": row.prediction.parts, **row.prediction.variants}
        verdicts = {
            name: judge(Prediction(row.rules.name, row.design.task, parts), level).verdict
            for name, parts in versions.items()
        }
        rows.append({"prediction": row.rules.name, "family": row.design.family, "task": row.design.task, **verdicts})
    return rows
