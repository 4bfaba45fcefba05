"""Numerical stability: without decay a network stops for want of digits, not for want of pressure.

Predictions N1 to N4 (Prieto et al. 2501.04697), each a pure function of `Cells`. z(t) is the share of the training
examples whose loss has a gradient of exactly 0 in the score of their own class, in the precision of training: softmax
gives it probability 1 (softmax collapse). Every estimate is turned so that larger favours the claim; margins stand in
the rules.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from grokbench.curves.run import Run
from grokbench.explanations.base import Explanation
from grokbench.registry import register_explanation
from grokbench.verdicts.cells import Cells
from grokbench.verdicts.estimates import difference, known, ladder, share
from grokbench.verdicts.finding import NOT_APPLICABLE, Finding, Gate

COLLAPSED = "zero_loss"  # column: z(t), the share of examples without a gradient in the score of their own class
HALF = 0.5  # z at which a run has collapsed


@register_explanation("numerical-stability")
class NumericalStability(Explanation):
    """Without decay cross-entropy runs out of digits before the rule is found; with enough of them it is found."""


def stalls(cells: Cells) -> Finding:
    """N1: without decay cross-entropy in single precision stalls before the rule is found.

    Part "share": share of the runs without decay (role "single") in which z reaches one half before the budget ends,
    and which do not generalize, Clopper and Pearson. Control: the same of the free cell, which decays and generalizes.

    It shows that both happen, not that one causes the other: that is asked by N2 and N3. A collapse after the rule was
    found does not count.
    """
    single = cells.values("single", partial(_stalls, cells), imputed=cells.imputed(0.0, 1.0))
    free = cells.values("free", partial(_stalls, cells))
    gates = [_measured(cells, "single")]
    return Finding({"share": share(single)}, known(single), gates=gates, control={"share": share(free)})


def later_when_more_precise(cells: Cells) -> Finding:
    """N2: the more digits, the later the collapse.

    Role "precisions", from few digits to many: the same run without decay. Part "tau": concordance within seeds of
    precision and T, the first checkpoint with z of one half or more; a run that never gets there is censored at its
    last checkpoint. p by Gehan and Jonckheere, precisions permuted within seeds.

    Single and double precision are two doses only. Where neither collapses nothing is decided: no estimate. In double
    precision Adam's epsilon may slow the run down before the digits are used up, which delays T as well.
    """
    doses = ladder(cells, "precisions", lambda run, step: (*_collapse_of(run), float(step)), rises=True)
    gates = [_measured(cells, "precisions")]
    return Finding(
        {"tau": doses.later(cells, "N2")}, doses.seeds, doses.p_later(cells, "N2"), doses.censored, gates=gates
    )


def cure_helps(cells: Cells) -> Finding:
    """N3: what prevents the collapse lets the rule be found without decay.

    Role "cured": the recipe without decay under a loss or a gradient that cannot collapse (StableMax, orthogonal
    gradients). Part "difference": P(cured generalizes) - P(plain cross-entropy generalizes), by the end of the budget,
    early or late, paired by seed, Newcombe; role "plain" is the same run without the cure.

    Generalization, not lateness, is asked: the cure may remove the delay. Orthogonal gradients hold back the growth of
    the norm besides, so that a success of theirs alone does not say that digits are the reason.
    """
    cured = cells.values("cured", partial(_generalizes, cells), imputed=cells.imputed(0.0, 1.0))
    plain = cells.values("plain", partial(_generalizes, cells), imputed=cells.imputed(1.0, 0.0))
    pairs = int((~np.isnan(cured) & ~np.isnan(plain)).sum())
    return Finding({"difference": difference(cured, plain)}, pairs)


def squares_are_immune(cells: Cells) -> Finding:
    """N4: squares do not collapse, and digits change nothing about them.

    Roles "single" and "double": squares without decay in both precisions. Part "untouched": minus the share of seeds in
    which z reaches one half in either. Parts "not_less" and "not_more": P(late | double) - P(late | single) and its
    negative, paired by seed, Newcombe. Both together support that the two are equal, either contradicts it.

    Twelve pairs without a difference give an interval of .24 to either side. Learners in closed form have one
    precision, and are not asked.
    """
    each = [cells.values(role, _collapses, imputed=cells.imputed(1.0, 0.0)) for role in ("single", "double")]
    pairs = [_late_pairs(cells, first, second) for first, second in (("double", "single"), ("single", "double"))]
    not_less, not_more = (difference(*pair) for pair in pairs)
    parts = {"untouched": share(np.max(each, axis=0)).reversed(), "not_less": not_less, "not_more": not_more}
    n = min(int((~np.isnan(first) & ~np.isnan(second)).sum()) for first, second in pairs)
    return Finding(parts, n, gates=[_measured(cells, "single")])


def collapse(run: Run) -> float:
    """The first checkpoint with z of one half or more; infinite where there is none, or z was not measured."""
    there = np.flatnonzero(run.curve.column(COLLAPSED) >= HALF)
    return float(run.curve.time[there[0]]) if there.size else math.inf


def stalled(cells: Cells, run: Run) -> bool:
    """Whether a run collapses and does not generalize."""
    return math.isfinite(collapse(run)) and not _generalizes(cells, run)


def _stalls(cells: Cells, run: Run) -> float:
    return float(stalled(cells, run))


def _collapses(run: Run) -> float:
    return float(math.isfinite(collapse(run)))


def _generalizes(cells: Cells, run: Run) -> float:
    return float(cells.detection(run).t_gen_censoring != "right")


def _collapse_of(run: Run) -> tuple[float, bool]:
    """log10 of the first collapse and that it was seen; of the last checkpoint where there was none."""
    time = collapse(run)
    return math.log10(min(time, run.curve.last)), math.isfinite(time)


def _late_pairs(cells: Cells, first: str, second: str) -> tuple[np.ndarray, np.ndarray]:
    """Late generalization in two roles, for the claim that the first is late no less often."""
    return (
        cells.late(first, imputed=cells.imputed(0.0, 1.0)),
        cells.late(second, imputed=cells.imputed(1.0, 0.0)),
    )


def _measured(cells: Cells, role: str) -> Gate:
    known_somewhere = any((~np.isnan(run.curve.column(COLLAPSED))).any() for run in cells.all_runs(role))
    return Gate("collapse", known_somewhere, "vanishing gradients are not measured", NOT_APPLICABLE)
