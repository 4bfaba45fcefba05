"""What is always said of grokking, whatever explains it: late by 10 to 100 times, abrupt, after a plateau, unforeseen.

Predictions P1 to P4 (Power et al. 2201.02177, Nanda et al. 2301.05217, Liu et al. 2205.10343), each a pure function of
the free cell's `Cells`. Every estimate is turned so that larger favours the claim; margins stand in the rules. Runs
that memorize at the grain of their clock are left out of what is told in decades.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from grokbench.curves.run import Run
from grokbench.explanations.base import Explanation
from grokbench.registry import register_explanation
from grokbench.verdicts.cells import Cells
from grokbench.verdicts.estimates import censored_share, known, middle, resolved_share, share, within
from grokbench.verdicts.finding import NOT_APPLICABLE, Finding, Gate

DECADES = (1.0, 2.0)  # "10 to 100 times"
LEAST_POINTS = 5  # checkpoints in a rise for its width to be known
PATIENCE = 2.0  # the rule of P4 gives up at that many times the age at which the loss was best


@register_explanation("phenomenon")
class Phenomenon(Explanation):
    """What is always said of grokking: late by 10 to 100 times, abrupt, after a plateau, unforeseen."""


def ten_to_hundred_times(cells: Cells) -> Finding:
    """P1: generalization comes 10 to 100 times later.

    Part "share": the Kaplan-Meier estimate of P(1 <= delay <= 2), delay in decades, over the free runs with a resolved
    t_mem, interval by resampling seeds. A lost run is one outside (or, favouring, inside).

    Cautious: what is censored before two decades counts outside. Unit-dependent at the grain: not applicable there.
    """
    rows = []
    for seed, run in zip(cells.seeds, cells.runs_of("free"), strict=True):
        if not run.complete:
            rows.append((cells.imputed(-1.0, 1.5), True, seed))
        elif cells.detection(run).resolved:
            detection = cells.detection(run)
            rows.append((detection.delay, detection.delay_censoring == "observed", seed))
    delays, observed, seeds = (np.array(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    share_inside = within(delays, observed, seeds, *DECADES, cells)
    resolved, censored = resolved_share(cells, "free"), censored_share(cells, "free")
    return Finding(
        {"share": share_inside}, len(rows), censored=censored, resolved=resolved, gates=[_above_grain(cells)]
    )


def abrupt(cells: Cells) -> Finding:
    """P2: the rise is abrupt.

    Part "width": minus the median over seeds of width / delay, width the decades from .10 to .90 of held-out accuracy
    (of the ranking, where the accuracy lags it), of the free runs that generalize, with at least 5 checkpoints in the
    rise.
    """
    width = cells.values("free", partial(_relative_width, cells), imputed=cells.imputed(math.inf, 0.0))
    return _in_decades(cells, "width", -width)


def plateau(cells: Cells) -> Finding:
    """P3: between the two events nothing is to be seen.

    Part "rise": minus the median over seeds of the largest rise of the threshold-free kappa (of the accuracy where
    there is no ranking) over its value at t_mem, between t_mem and the middle of the delay in decades, of the free
    runs that generalize.
    """
    rise = cells.values("free", partial(_rise_on_the_way, cells), imputed=cells.imputed(1.0, 0.0))
    return _in_decades(cells, "rise", -rise)


def stopped_by_loss(cells: Cells) -> Finding:
    """P4: early stopping on the held-out loss quits before generalization.

    Part "stopped": share of the free runs that generalize late whose training ends before t_gen under the rule "stop
    once the run is more than twice as old as its best loss" (the declared loss), Clopper and Pearson. The rule sees one
    half of the held-out split (measure `validation_loss`). Patience is relative to the age, as on a geometric grid a
    number of checkpoints is: 6 of 20 a decade are a factor of 2.
    """
    return _stopped_before(cells, lambda run: run.curve.column("validation_loss"))


def stopped_by_accuracy(cells: Cells) -> Finding:
    """P4a: the same where the rule watches the accuracy, of which a plateau is a series of ties: the first counts."""
    return _stopped_before(cells, lambda run: -run.curve.column("validation_accuracy"))


def regret_of_stopping(cells: Cells) -> Finding:
    """P4r: what is lost by the rule of P4, which keeps the checkpoint of the best loss.

    Part "regret": median over the free runs that generalize late of the difference in kappa, on the half of the
    held-out split that the rule does not see, between the last checkpoint and the one that is kept.
    """
    late = cells.late("free", imputed=0.0)
    regret = cells.values("free", _regret, imputed=cells.imputed(0.0, 1.0))
    regret = np.where(late == 1, regret, math.nan)
    return Finding({"regret": middle(regret)}, known(regret), gates=[_halved(cells)])


def _in_decades(cells: Cells, part: str, values: np.ndarray) -> Finding:
    resolved, censored = resolved_share(cells, "free"), censored_share(cells, "free")
    return Finding(
        {part: middle(values)}, known(values), censored=censored, resolved=resolved, gates=[_above_grain(cells)]
    )


def _above_grain(cells: Cells) -> Gate:
    resolved = resolved_share(cells, "free") >= 0.5
    return Gate("grain", bool(resolved), "memorizes at the grain of its clock", NOT_APPLICABLE)


def _generalizes(cells: Cells, run: Run) -> bool:
    detection = cells.detection(run)
    return detection.resolved and detection.t_gen_censoring == "observed" and detection.delay > 0


def _relative_width(cells: Cells, run: Run) -> float:
    detection = cells.detection(run)
    values = run.curve.kappa_rank if detection.offset else run.curve.kappa_test
    points = int(((values >= 0.10) & (values <= 0.90) & (run.curve.time > 0)).sum())
    if not _generalizes(cells, run) or points < LEAST_POINTS:
        return math.nan
    return detection.width / detection.delay


def _rise_on_the_way(cells: Cells, run: Run) -> float:
    if not _generalizes(cells, run):
        return math.nan
    detection = cells.detection(run)
    values = run.curve.kappa_test if np.isnan(run.curve.kappa_rank).all() else run.curve.kappa_rank
    middle_of_delay = detection.t_mem * 10 ** (detection.delay / 2)
    inside = (run.curve.time >= detection.t_mem) & (run.curve.time <= middle_of_delay)
    ends = [run.curve.value_at(values, middle_of_delay), *values[inside]]
    return float(np.nanmax(ends)) - run.curve.value_at(values, detection.t_mem)


def _stopped_before(cells: Cells, watched: Callable[[Run], np.ndarray]) -> Finding:
    """Share of the late runs that a rule which wants ``watched`` to fall stops before t_gen."""

    def stopped(run: Run) -> float:
        return float(_stop(run, watched(run))[0] < cells.detection(run).t_gen)

    late = cells.late("free", imputed=0.0)
    flags = np.where(late == 1, cells.values("free", stopped, imputed=cells.imputed(0.0, 1.0)), math.nan)
    return Finding({"stopped": share(flags)}, known(flags), gates=[_halved(cells)])


def _stop(run: Run, watched: np.ndarray) -> tuple[float, int]:
    """When the rule gives up (inf: never), and the checkpoint that it keeps, the best until then."""
    best = np.array([int(np.argmin(watched[: i + 1])) for i in range(len(watched))])
    age = np.maximum(run.curve.time[best], run.curve.time[run.curve.time > 0][0])
    gave_up = np.flatnonzero(run.curve.time > PATIENCE * age)
    return (float(run.curve.time[gave_up[0]]), int(best[gave_up[0]])) if gave_up.size else (math.inf, int(best[-1]))


def _regret(run: Run) -> float:
    accuracy = run.curve.column("remaining_accuracy")
    kept = _stop(run, run.curve.column("validation_loss"))[1]
    return float(accuracy[-1] - accuracy[kept]) / (1 - run.curve.chance)


def _halved(cells: Cells) -> Gate:
    runs = [run for run in cells.runs_of("free") if run.complete]
    missing = any(np.isnan(run.curve.column("remaining_accuracy")).any() for run in runs)
    return Gate("halves", bool(runs) and not missing, "halves of the held-out split are not measured", NOT_APPLICABLE)
