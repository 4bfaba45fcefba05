"""Weight decay: it causes late generalization, by shrinking a large memorizing solution until a smaller rule is left.

Predictions W1 to W6 (Power et al. 2201.02177, Liu et al. 2210.01117; the delay law of 2603.13331), each a pure function
of `Cells`. The norm is that of all parameters theta. Every estimate is turned so that larger favours the claim; margins
stand in the rules.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from grokbench.curves.run import Run
from grokbench.explanations.base import Explanation
from grokbench.explanations.complexity import pressure_is_necessary
from grokbench.explanations.numerical_stability import stalled
from grokbench.registry import register_explanation
from grokbench.verdicts.cells import Cells
from grokbench.verdicts.estimates import (
    Ladder,
    censored_share,
    comparable,
    difference,
    enough_doses,
    known,
    ladder,
    middle,
    resolved_share,
    share,
    t_gen_of,
)
from grokbench.verdicts.finding import NOT_APPLICABLE, Finding, Gate
from grokbench.verdicts.gates import MOST_LOST

GENERALIZES = 0.95  # held-out kappa at the end of a clamped run
STEEPEST, FLATTEST = -1.2, -0.8  # slopes of log t_gen on log decay that still count as 1/decay
LEAST_POINTS = 3  # of a line


@register_explanation("weight-decay")
class WeightDecay(Explanation):
    """Weight decay shrinks a memorizing solution until a rule of smaller norm is left; without decay it stays."""


def decay_is_necessary(cells: Cells) -> Finding:
    """W1: without weight decay no late generalization.

    C5 of complexity for decay alone: parts "difference" and "off", the same loss and precision with it and without.
    Gate: at most a tenth of the runs without decay stall, softmax having collapsed (N1): nothing is known of those.

    In double precision softmax does not collapse, but Adam's epsilon may hold back what its gradients still say.
    """
    return replace(pressure_is_necessary(cells), gates=[_collapses(cells)])


def earlier_with_dose(cells: Cells) -> Finding:
    """W2: the more weight decay, the earlier.

    Role "decays", from weak to strong; the rules number its cells by learning rate times decay. Part "slope": minus the
    slope b of log10 t_gen on log10 dose, with normal errors and runs that did not generalize censored; seeds resampled
    with all their runs. Doses whose median t_mem differs from that of the weakest by more than a factor of 2 are left
    out. Gate: three are left.

    Fails where strong decay hinders generalization itself: the line is not straight then.
    """
    kept = comparable(cells, "decays")
    doses = _along_decay(cells, kept)
    parts = {"slope": doses.slope(cells, "W2").reversed()}
    return Finding(parts, doses.seeds, censored=doses.censored, gates=[enough_doses(kept)])


def clamp_removes(cells: Cells) -> Finding:
    """W3: holding the norm from the start removes the delay.

    Role "clamped": no decay, theta scaled after every step to the norm that the recipe has at t_gen, as a multiple of
    the initial one found on exploratory seeds. Part "difference": P(late | decay) - P(late | clamped), paired by seed,
    Newcombe. Part "generalizes": share of the clamped runs that end at a held-out kappa of .95, Clopper and Pearson; 10
    of 12 lie above one half: a clamp that prevents generalization does not remove a delay.

    A norm is one number: what decay does to the balance of neurons or of layers a clamp does not do.
    """
    on = cells.late("free_on", imputed=cells.imputed(0.0, 1.0))
    clamped = cells.late("clamped", imputed=cells.imputed(1.0, 0.0))
    ends = cells.values("clamped", _ends_general, imputed=cells.imputed(0.0, 1.0))
    pairs = int((~np.isnan(on) & ~np.isnan(clamped)).sum())
    resolved, censored = resolved_share(cells, "free_on"), censored_share(cells, "free_on")
    parts = {"difference": difference(on, clamped), "generalizes": share(ends)}
    return Finding(parts, pairs, resolved=resolved, censored=censored)


def norm_falls_first(cells: Cells) -> Finding:
    """W4: the norm falls between t_mem and the test rise.

    Part "fall": minus the median over seeds of log10(|theta(t50)| / |theta(t_mem)|) of the free cell with decay; runs
    that never reach t50 are left out. Control: the same of the run without decay between the same clock times, where
    nothing should make it fall.

    Watched, not done: a norm that falls by itself is no cause (W3). Depends on the initial scale.
    """
    fall = cells.values("free_on", partial(_fall, cells), imputed=cells.imputed(-math.inf, math.inf))
    resolved, censored = resolved_share(cells, "free_on"), censored_share(cells, "free_on")
    control = {}
    if cells.has("free_off"):
        pairs = zip(cells.runs_of("free_off"), cells.runs_of("free_on"), strict=True)
        control = {"fall": middle(np.array([_fall_beside(cells, *pair) for pair in pairs]))}
    return Finding({"fall": middle(fall)}, known(fall), resolved=resolved, censored=censored, control=control)


def delay_follows_norms(cells: Cells) -> Finding:
    """W5: the delay is the time that decay takes to shrink the norm from its value at t_mem to that at t_gen.

    The law is t_gen - t_mem = log(|theta(t_mem)| / |theta(t_gen)|) / gamma up to a constant; decay alone has gamma =
    learning rate times decay, AdamW no less. Role "decays", numbered by that product. Part "proportional": minus the
    median over seeds of |s - 1|, s the least-squares slope over the doses of log10(t_gen - t_mem) on log10 of the right
    side with that gamma. Part "rate": median over seeds of the median over doses of log10(gamma / that product).

    Runs whose norm is not smaller at t_gen have no such time. Gate: in half of the seeds three doses have one. Both
    sides are read at the same events, so that the law is described, not tested by prediction.
    """
    lines = [_of_seed(cells, place) for place in range(len(cells.seeds))]
    slopes, rates = (np.array(column) for column in zip(*lines, strict=True))
    falls = Gate("falls", known(slopes) >= len(lines) / 2, "the norm does not fall from t_mem to t_gen", NOT_APPLICABLE)
    parts = {"proportional": middle(-abs(slopes - 1)), "rate": middle(rates)}
    return Finding(parts, known(slopes), gates=[falls])


def inverse_in_decay(cells: Cells) -> Finding:
    """W6: t_gen is inversely proportional to weight decay.

    With the slope b of W2: part "not_steeper" is b, part "not_flatter" is -b; the margins are -1.2 and .8.
    """
    kept = comparable(cells, "decays")
    doses = _along_decay(cells, kept)
    slope = doses.slope(cells, "W2")
    parts = {"not_steeper": slope, "not_flatter": slope.reversed()}
    return Finding(parts, doses.seeds, censored=doses.censored, gates=[enough_doses(kept)])


def _collapses(cells: Cells) -> Gate:
    runs = [run for run in cells.runs_of("free_off") if run.complete]
    count = sum(stalled(cells, run) for run in runs)
    reason = f"softmax collapses in {count} of {len(runs)} runs without decay"
    return Gate("collapse", count <= MOST_LOST * len(cells.seeds), reason)


def _doses(cells: Cells) -> np.ndarray:
    """(cells,) learning rate times decay; without numbers, powers of 2 in the order of the cells."""
    return np.array(cells.design.numbers.get("decays") or [2.0**step for step in range(len(cells.of_role("decays")))])


def _along_decay(cells: Cells, kept: set[int]) -> Ladder:
    """log10 t_gen along log10 dose."""
    dose = np.log10(_doses(cells))
    return ladder(
        cells,
        "decays",
        lambda run, step: (*t_gen_of(cells, run), dose[step]),
        rises=False,
        dose_of_imputed=lambda step: float(dose[step]),
        kept=kept,
    )


def _ends_general(run: Run) -> float:
    return float(np.median(run.curve.kappa_test[-5:]) >= GENERALIZES)


def _fall(cells: Cells, run: Run) -> float:
    return _fall_beside(cells, run, run)


def _fall_beside(cells: Cells, run: Run, free: Run) -> float:
    """Decades by which the norm of a run falls from t_mem to t50 of the free one; NaN where one is missing."""
    if not (run.complete and free.complete):
        return math.nan
    norm = run.curve.column("norm")
    times = cells.detection(free).t_mem, free.half_rise(cells.level)
    before, after = (run.curve.value_at(norm, time) for time in times)
    return math.log10(before / after)


def _of_seed(cells: Cells, place: int) -> tuple[float, float]:
    """Slope and log10(gamma / dose) of one seed's runs; NaN from fewer than three with a falling norm."""
    rows = []
    for step, dose in enumerate(_doses(cells)):
        run = cells.runs_of("decays", step)[place]
        time, shrinkage = _contraction(cells, run) if run.complete else (math.nan, math.nan)
        if time > 0 and shrinkage > 0:
            rows.append((math.log10(time), math.log10(shrinkage / dose)))
    if len(rows) < LEAST_POINTS:
        return math.nan, math.nan
    delay, law = np.array(rows).T
    return float(np.polyfit(law, delay, 1)[0]), float(np.median(law - delay))


def _contraction(cells: Cells, run: Run) -> tuple[float, float]:
    """t_gen - t_mem and log(|theta(t_mem)| / |theta(t_gen)|); NaN where one of the two was not observed."""
    detection, norm = cells.detection(run), run.curve.column("norm")
    before, after = (run.curve.value_at(norm, time) for time in (detection.t_mem, detection.t_gen))
    return detection.t_gen - detection.t_mem, math.log(before / after)
