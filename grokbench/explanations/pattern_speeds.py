"""Pattern speeds: what generalizes is learned more slowly than what memorizes, and by larger models only.

Predictions PS1 to PS4 (Davies et al. 2303.06173; double descent: Belkin et al. 1812.11118), each a pure function of
`Cells`. For PS1, PS2 and the sizes of PS4 the clock is a size, features, hidden units or trees, and every size is
fitted anew: W* = t_mem is the size from which the labels are fitted. A size has a unit and an origin of its own, so
that its decades mean something where t_mem is small. Every estimate is turned so that larger favours the claim;
margins stand in the rules.
"""

from __future__ import annotations

import math

import numpy as np

from grokbench.curves.run import Run
from grokbench.explanations.base import Explanation
from grokbench.registry import register_explanation
from grokbench.verdicts.cells import Cells
from grokbench.verdicts.estimates import censored_share, delay_of, known, ladder, middle, middle_between, resolved_share
from grokbench.verdicts.finding import NOT_APPLICABLE, Finding, Gate

AROUND = (0.5, 4.0)  # factors of W* between which the peak is looked for
DECADES = 2.0  # over which sizes have to reach
PER_DECADE = 8  # sizes per decade
LEAST_TASKS = 8  # on which two kinds of delay are compared


@register_explanation("pattern-speeds")
class PatternSpeeds(Explanation):
    """What generalizes is learned more slowly than what memorizes, in time and in size: grokking and double descent."""


def later_along_size(cells: Cells) -> Finding:
    """PS1: a larger model is needed to generalize than to memorize.

    Part "delay": median over seeds of log10(size that generalizes / W*) of the free cell, both for good by the rule of
    three checkpoints. Where no size generalizes, or W* lies among the first ten, it is known by bounds: the interval's
    low end is that of the lower ones, its high end that of the upper. A seed of which no size fits says nothing. Gate:
    two decades of sizes, eight a decade.

    Fails where accuracy wavers from size to size by more than the rule forgives; and a slow average of many members
    makes a delay, too.
    """
    delays = np.array([_delay(cells, run) for run in cells.runs_of("free")], dtype=float).reshape(-1, 3)
    resolved, censored = resolved_share(cells, "free"), censored_share(cells, "free")
    gates = [_enough_sizes(cells)]
    n = known(delays[:, 0])
    return Finding({"delay": middle_between(*delays.T)}, n, resolved=resolved, censored=censored, gates=gates)


def passes_the_peak(cells: Cells) -> Finding:
    """PS2: on the way accuracy falls where the labels are just fitted, and more pressure removes that.

    dip = min(before, after) - trough: the trough is the lowest mean held-out kappa of two neighbouring sizes in
    [W*/2, 4 W*], before and after are the highest running medians of three sizes up to it and from it on. Part "dip":
    its median over seeds in the free cell. Part "cured": the median of dip - dip of the run under more pressure (role
    "cured": ridge, decay, larger leaves), of whose dips around its own W* and around that of the free run the larger
    counts. Control: the dip of the run on shuffled labels, which is noise.

    Two classes are told apart from half as many features on as fit them in squares, where the peak is: hence 4 W*. A
    search for the lowest value finds a dip in what wavers from size to size; a peak of one size alone is halved.
    """
    rows = zip(cells.runs_of("free"), cells.runs_of("cured"), strict=True)
    dip, cured = np.array([_dips(cells, *row) for row in rows], dtype=float).reshape(-1, 2).T
    noise = cells.values("shuffled", lambda run: _dip(run, cells.detection(run).t_mem))
    removed = dip - cured
    resolved, censored = resolved_share(cells, "free"), censored_share(cells, "free")
    return Finding(
        {"dip": middle(dip), "cured": middle(removed)},
        known(removed),
        resolved=resolved,
        censored=censored,
        gates=[_enough_sizes(cells)],
        control={"dip": middle(noise)},
    )


def early_bump(cells: Cells) -> Finding:
    """PS3: accuracy rises a little before the labels are fitted, and falls again while they are.

    Part "bump": median over seeds of the highest held-out kappa before t_mem of the free run, less that of its twin on
    shuffled labels at the same times: on finite tables memorizers lie below chance by counting. Part "fall": median
    of the depth from there to the lowest kappa up to t_gen, less the same of the twin. A gradual learner has the first
    without the second. Gate: t_mem leaves checkpoints before it.

    Noise of the held-out split is searched in run and twin alike.
    """
    imputed = (cells.imputed(-math.inf, math.inf),) * 2
    rows = zip(cells.runs_of("free"), cells.runs_of("shuffled"), strict=True)
    pairs = [_bump(cells, free, twin) if free.complete and twin.complete else imputed for free, twin in rows]
    bump, fall = np.array(pairs, dtype=float).reshape(-1, 2).T
    early = Gate("grain", known(bump) >= len(cells.seeds) / 2, "memorizes at the first tick", NOT_APPLICABLE)
    resolved, censored = resolved_share(cells, "free"), censored_share(cells, "free")
    parts = {"bump": middle(bump), "fall": middle(fall)}
    return Finding(parts, known(bump), resolved=resolved, censored=censored, gates=[early])


def delays_agree(cells: Cells) -> Finding:
    """PS4 (descriptive): tasks that are late in time are late in size.

    Roles "epochs" and "sizes": the same recipe on the same tasks, in one order, along its steps and along its size.
    Part "tau": concordance within seeds of the two delays over tasks; a delay in time may be censored, a task without
    a delay in size is left out. Gate: eight tasks.

    Tasks that differ in the number of examples alone are a ladder, not a sample of tasks.
    """
    timed = delay_of(cells, resolved=True)

    def paired(run: Run, step: int):
        delay, along = timed(run), cells.runs_of("sizes", step)[list(cells.seeds).index(run.seed)]
        return None if delay is None or not along.complete else (*delay, _observed_delay(cells, along))

    tasks = ladder(cells, "epochs", paired, rises=True, dose_of_imputed=lambda step: math.nan)
    number = min(len(cells.of_role("epochs")), len(cells.of_role("sizes")))
    gate = Gate("tasks", number >= LEAST_TASKS, f"{number} tasks, {LEAST_TASKS} needed")
    return Finding({"tau": tasks.later(cells, "PS4")}, tasks.seeds, censored=tasks.censored, gates=[gate])


def _delay(cells: Cells, run: Run) -> tuple[float, float, float]:
    """Decades of size from fitting to generalizing: lower bound, upper bound, and what is shown; NaN if none fits."""
    if not run.complete:
        return (cells.imputed(-math.inf, math.inf),) * 3
    detection = cells.detection(run)
    delay = math.nan if detection.t_mem_censoring == "right" else detection.delay
    if math.isnan(delay) or (detection.resolved and detection.delay_censoring == "observed"):
        return delay, delay, delay
    if detection.t_gen_censoring == "right":
        return delay, math.inf, delay
    low, high = detection.delay_low, detection.delay_high
    return -math.inf if math.isnan(low) else low, math.inf if math.isnan(high) else high, delay


def _observed_delay(cells: Cells, run: Run) -> float:
    """The delay in size where both events were seen; NaN otherwise."""
    detection = cells.detection(run)
    return detection.delay if detection.delay_censoring == "observed" else math.nan


def _dips(cells: Cells, free: Run, cured: Run) -> tuple[float, float]:
    """The dip of a run and the dip under more pressure; lost runs say what hurts the claim, or what hurts the rest."""
    dip, other = cells.imputed(-math.inf, math.inf), cells.imputed(math.inf, -math.inf)
    fitted = cells.detection(free).t_mem if free.complete else math.nan
    if free.complete:
        dip = _dip(free, fitted)
    if cured.complete:
        dips = [_dip(cured, size) for size in (fitted, cells.detection(cured).t_mem)]
        other = max((one for one in dips if not math.isnan(one)), default=math.nan)
    return dip, other


def _dip(run: Run, fitted: float) -> float:
    """min(before, after) - trough around a size from which labels are fitted; NaN where that or a size is missing."""
    kept = run.curve.time > 0
    sizes, kappa = run.curve.time[kept], run.curve.kappa_test[kept]
    window = np.flatnonzero((sizes >= AROUND[0] * fitted) & (sizes <= AROUND[1] * fitted))
    if len(window) < 2:
        return math.nan
    pairs, calm = (kappa[window[:-1]] + kappa[window[1:]]) / 2, _median_of_three(kappa)
    lowest = int(np.argmin(pairs))
    before, after = calm[: window[lowest] + 1].max(), calm[window[lowest + 1] :].max()
    return float(min(before, after) - pairs[lowest])


def _median_of_three(values: np.ndarray) -> np.ndarray:
    """(checkpoints,) running median of three; the first and the last value stand for their neighbours outside."""
    padded = np.concatenate([values[:1], values, values[-1:]])
    return np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)


def _bump(cells: Cells, free: Run, twin: Run) -> tuple[float, float]:
    """The bump before t_mem and the fall after it, each less that of the twin at the same times."""
    detection = cells.detection(free)
    end = free.curve.last if math.isnan(detection.t_gen) else detection.t_gen
    own, other = (_highest_and_fall(run, detection.t_mem, end) for run in (free, twin))
    return own[0] - other[0], own[1] - other[1]


def _highest_and_fall(run: Run, before: float, end: float) -> tuple[float, float]:
    """The highest held-out kappa before a time, and how far it falls from there until the end."""
    time, kappa = run.curve.time, run.curve.kappa_test
    early = np.flatnonzero((time > 0) & (time < before))
    if not early.size:
        return math.nan, math.nan
    top = int(early[np.argmax(kappa[early])])
    return float(kappa[top]), float(kappa[top] - kappa[top:][time[top:] <= end].min())


def _enough_sizes(cells: Cells) -> Gate:
    """The gate of a size axis: two decades, eight sizes a decade, in every run."""
    enough = [_reach(run.curve.time) for run in cells.runs_of("free") if run.complete]
    reason = f"fewer than {PER_DECADE} sizes a decade over {DECADES:g} decades"
    return Gate("sizes", bool(enough) and all(enough), reason, NOT_APPLICABLE)


def _reach(sizes: np.ndarray) -> bool:
    sizes = sizes[sizes > 0]
    decades = math.log10(sizes[-1] / sizes[0])
    return decades >= DECADES and len(sizes) >= PER_DECADE * decades
