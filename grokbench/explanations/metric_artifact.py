"""Metric artefact: generalization only looks late, because accuracy is a threshold on something that is in time.

Predictions A1 to A3 (Levi et al. 2310.16441; Schaeffer et al. 2304.15004 of emergence), each a pure function of
`Cells`. Roles: "recipe", a run that looks late, and "strict", the same under a stricter threshold. Every estimate is
turned so that larger favours the claim; margins stand in the rules. At the grain of the clock a delay is a lower bound.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from grokbench.curves.outcome import HEAD, LATE_DECADES
from grokbench.curves.run import Run
from grokbench.explanations.base import Explanation
from grokbench.registry import register_explanation
from grokbench.verdicts.cells import Cells
from grokbench.verdicts.estimates import delay_of, known, middle, mostly_resolved, resolved_share
from grokbench.verdicts.finding import NOT_APPLICABLE, Finding, Gate

LENIENT, STRICT = 0.90, 0.99  # levels at which the roles are read where the threshold is varied
BEGUN = 0.10  # level at which an offset is read


@register_explanation("metric-artifact")
class MetricArtifact(Explanation):
    """Generalization only looks late: accuracy is a threshold on a loss, or on a ranking, that improves in time."""


def in_time_otherwise(cells: Cells) -> Finding:
    """A1: what is late in accuracy is not late in a measure without a threshold.

    Of the recipe's runs that look late (delay >= .5, accuracy's head < .25, whatever the flags of artefacts say). Part
    "elsewhere": minus the median over seeds of min(loss_delay, rank_delay), as far as they are measured, the delays in
    decades of skill one half and of the threshold-free accuracy. Part "delay": the median delay. Gate: half of the
    runs look late.

    A delay of skill that is censored is its lower bound. Skill one half of a regression is half of the variance, which
    may be easier than the task.
    """
    elsewhere = cells.values("recipe", partial(_elsewhere, cells), imputed=cells.imputed(math.inf, -math.inf))
    delay = cells.values("recipe", partial(_apparent, cells), imputed=cells.imputed(0.0, math.inf))
    parts, n = {"elsewhere": middle(-elsewhere), "delay": middle(delay)}, min(known(elsewhere), known(delay))
    return Finding(parts, n, resolved=resolved_share(cells, "recipe"), gates=[_looks_late(cells)])


def moves_with_threshold(cells: Cells) -> Finding:
    """A2: the delay depends on the threshold.

    Part "change": median over seeds of |delay of "strict" at level .99 - delay of "recipe" at level .90|, in decades,
    whatever the level of the other predictions. The role "strict" is the recipe itself, or, where answers are right
    within a tolerance, the same task with a smaller one. No run depends on the threshold: to read it at another one is
    to set what the claim names as the cause, and nothing else. Gate: half of the recipe's runs look late.

    Where most runs of either threshold fit at the grain of the clock the change is that of log t_gen. A seed with a run
    that does not generalize, or that alone is at the grain, is left out.
    """
    read = {"recipe": replace(cells, level=LENIENT), "strict": replace(cells, level=STRICT)}
    resolved = all(mostly_resolved(of, role) for role, of in read.items())
    lenient, strict = (_times(of, role, resolved) for role, of in read.items())
    change = np.abs(strict - lenient)
    lost = [not (a.complete and b.complete) for a, b in zip(*map(cells.runs_of, read), strict=True)]
    change[lost] = cells.imputed(0.0, math.inf)
    share = resolved_share(cells, "recipe")
    return Finding({"change": middle(change)}, known(change), resolved=share, gates=[_looks_late(cells)])


def offset(cells: Cells) -> Finding:
    """A3: accuracy lags the ranking, from which a constant added to one class hides it.

    Part "lag": median over seeds of log10(T_test(.10) / T_rank(.10)) of the recipe, decades between kappa_test and
    kappa_rank crossing .10; that of the last checkpoint where the accuracy never does. There is no ranking of a
    regression: not applicable.
    """
    lag = cells.values("recipe", _lag, imputed=cells.imputed(-math.inf, math.inf))
    ranked = any(run.curve.n_classes for run in cells.runs_of("recipe") if run.complete)
    gate = Gate("ranking", ranked, "a regression has no ranking", NOT_APPLICABLE)
    return Finding({"lag": middle(lag)}, known(lag), resolved=resolved_share(cells, "recipe"), gates=[gate])


def _seems_late(cells: Cells, run: Run) -> bool:
    """Whether a run generalizes late, whatever the flags of artefacts say."""
    detection = cells.detection(run)
    fits = detection.t_mem_censoring != "right" and detection.t_gen_censoring != "right"
    head = run.curve.value_at(run.curve.kappa_test, detection.t_mem)  # the detection's own may be of the ranking
    return fits and detection.delay >= LATE_DECADES and head < HEAD


def _looks_late(cells: Cells) -> Gate:
    late = int(cells.values("recipe", lambda run: float(_seems_late(cells, run)), imputed=0.0).sum())
    reason = f"does not look late here ({late}/{len(cells.seeds)} runs)"
    return Gate("looks late", late >= len(cells.seeds) / 2, reason, NOT_APPLICABLE)


def _elsewhere(cells: Cells, run: Run) -> float:
    detection = cells.detection(run)
    delays = [delay for delay in (detection.loss_delay, detection.rank_delay) if not math.isnan(delay)]
    return min(delays) if delays and _seems_late(cells, run) else math.nan


def _apparent(cells: Cells, run: Run) -> float:
    return cells.detection(run).delay if _seems_late(cells, run) else math.nan


def _times(cells: Cells, role: str, resolved: bool) -> np.ndarray:
    """(seeds,) observed delays in decades, or log10 t_gen at the grain; NaN where they are not observed."""
    timed = delay_of(cells, resolved)

    def observed(run: Run) -> float:
        time, observed = timed(run) or (math.nan, False)
        return time if observed else math.nan

    return cells.values(role, observed)


def _lag(run: Run) -> float:
    accuracy, ranking = (run.curve.crossing(values, BEGUN) for values in (run.curve.kappa_test, run.curve.kappa_rank))
    if not ranking.reached:
        return math.nan
    return math.log10((accuracy.time if accuracy.reached else run.curve.last) / ranking.time)
