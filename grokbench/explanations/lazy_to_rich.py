"""Lazy to rich: first a fit with the initial, frozen features, later features that move where the task needs them.

Predictions L0 to L8 (Kumar et al. 2310.06110, Lyu et al. 2311.18817, Mohamadi et al. 2407.12332), each a pure function
of `Cells`; L7, which needs a factorial of networks, is `mediation`. Every estimate is turned so that larger favours the
claim; margins stand in the rules.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from grokbench.curves.run import Run
from grokbench.explanations.base import Explanation
from grokbench.registry import register_explanation
from grokbench.verdicts.cells import Cells
from grokbench.verdicts.estimates import (
    Ladder,
    censored_share,
    comparable,
    delay_of,
    difference,
    enough_doses,
    known,
    ladder,
    middle,
    mostly_resolved,
    resolved_share,
    share,
)
from grokbench.verdicts.finding import NOT_APPLICABLE, Finding, Gate

SUFFICIENT = 0.95  # R_0 at which the initial kernel is enough
LAZINESS = "laziness"  # column: likeness to the initial-kernel flow at equal training accuracy
OTHER = "laziness_other"  # column: the same with the kernel of another initialization


@register_explanation("lazy-to-rich")
class LazyToRich(Explanation):
    """First a fit with the initial, frozen features, later features that move where the task needs them."""


def memorizes_lazily(cells: Cells) -> Finding:
    """L0: what memorizes is the lazy predictor.

    q = correlation of the class-centred held-out scores with those of the gradient flow of the initial kernel at equal
    training accuracy (measure `laziness`), at t_mem. Part "likeness": the median of q over seeds of the free cell.

    Fails where the trace kernel stands in for a full one (several classes), and under adaptive optimizers, whose kernel
    is another. 1 by construction for kernel machines of the initial kernel.
    """
    q = cells.values("free", partial(_at_memorization, cells, column=LAZINESS), imputed=cells.imputed(0.0, 1.0))
    q0 = cells.values("free", partial(_at_memorization, cells, column=OTHER))
    measured = bool((~np.isnan(q)).any())
    gate = Gate("laziness", measured, "likeness to the lazy predictor is not measured", NOT_APPLICABLE)
    return Finding({"likeness": middle(q)}, known(q), gates=[gate], control={"likeness": middle(q0)})


def freezing_removes(cells: Cells) -> Finding:
    """L1: freezing the features removes late generalization.

    Part "difference": D_F = P(late | free) - P(late | frozen) at the family's natural pressure, paired by seed, with
    Newcombe's interval; a frozen run that does not generalize counts on an adequate horizon only.

    Fails where a frozen learner could not have succeeded whatever its data (kernels on one-hot modular addition): such
    a task is weak evidence, and the rules register one beside it where it could. By construction in RFM and GP.
    """
    free = cells.late("free", imputed=cells.imputed(0.0, 1.0))
    frozen = cells.late("frozen", imputed=cells.imputed(1.0, 0.0))
    pairs = int((~np.isnan(free) & ~np.isnan(frozen)).sum())
    resolved, censored = resolved_share(cells, "free"), censored_share(cells, "free")
    return Finding({"difference": difference(free, frozen)}, pairs, resolved=resolved, censored=censored)


def later_when_lazier(cells: Cells) -> Finding:
    """L2: the lazier, the later.

    Role "doses", from rich to lazy. Part "tau": concordance within seeds of dose and delay, at the grain of the clock
    of dose and t_gen; p by Gehan and Jonckheere with doses permuted within seeds. Doses whose median t_mem differs from
    that of the first by more than a factor of 2 change the speed of memorizing: they are left out. Gate: three are
    left. Manipulation check: 1 - movement of the kernel at t_mem rises with the dose, lower end of its tau > 0. At the
    grain, where t_mem is the first tick, it is read at the earliest t50 of the seed's runs, one clock time for all.

    Where kernels of frozen learners move as well (random trees that accumulate) the check does not apply as it stands,
    and fails.
    """
    resolved, kept = mostly_resolved(cells, "doses"), comparable(cells, "doses")
    timed = delay_of(cells, resolved)
    doses = ladder(cells, "doses", lambda run, step: _with(timed(run), step), rises=True, kept=kept)
    check = _laziness_of_doses(cells, kept, resolved).later(cells, "L2 manipulation")
    passed = check.interval(0.025)[0] > 0
    gates = [enough_doses(kept), Gate("manipulation", bool(passed), "dose does not make it lazier", NOT_APPLICABLE)]
    p = doses.p_later(cells, "L2")
    return Finding({"tau": doses.later(cells, "L2")}, doses.seeds, p, doses.censored, float(resolved), gates)


def features_in_time(cells: Cells) -> Finding:
    """L3: features are not ready at t_mem and are ready by the test rise.

    Of the free cell, with R the after-kernel score: part "not_ready" is minus the median of R(t_mem), part "ready" the
    median of l = log10(t50 / T_R50), both half-rises by the same rule in the same units. R that never crosses makes
    l = -inf; runs that never reach t50 are left out. Of a regression both are read as skill, 1 - squared error /
    variance, which a tolerance does not coarsen. Control: the run with too little data, where nothing should be ready.

    One-sided: a lead of R is not claimed. R is blind to a slow read-out, which is wanted. Where the learner is the
    kernel machine of its kernel (RFM, GP) R is its own accuracy: by construction.
    """
    ready = cells.values("free", partial(_readiness_at_memorization, cells), imputed=cells.imputed(1.0, 0.0))
    lead = cells.values("free", partial(_lead, cells), imputed=cells.imputed(-math.inf, math.inf))
    low = [cells.values("low", partial(of, cells)) for of in (_readiness_at_memorization, _lead)]
    resolved, censored = resolved_share(cells, "free"), censored_share(cells, "free")
    parts, control = ({"not_ready": middle(-r), "ready": middle(l)} for r, l in ((ready, lead), low))
    n = min(known(ready), known(lead))
    return Finding(parts, n, resolved=resolved, censored=censored, control=control)


def later_when_misaligned(cells: Cells) -> Finding:
    """L4: the less the initial kernel suffices, the later; and no delay where it suffices.

    Role "ladder": the same learner on rungs of a task (training examples, index of an eigenvector); x = R_0, the
    after-kernel score at time 0 on that split. Where there is no kernel at time 0 (trees) it is the final kappa of the
    frozen twin, role "ladder_frozen" in the same order. Part "tau": minus the concordance of x with the delay within
    seeds (at the grain: with t_gen). Part "sufficient": minus the median over seeds of the median delay over the rungs
    with x >= .95; at the grain the delay is a lower bound.

    Rungs without generalization carry censoring. Along n, n changes besides x.
    """
    resolved = mostly_resolved(cells, "ladder")
    timed = delay_of(cells, resolved)

    def at_rung(run: Run, step: int):
        delay, x = timed(run), _initial_skill(cells, run, step)
        return None if delay is None or math.isnan(x) else (*delay, -x)

    rungs = ladder(cells, "ladder", at_rung, rises=False, dose_of_imputed=partial(_usual_dose, cells))
    parts = {"tau": rungs.later(cells, "L4"), "sufficient": middle(-_delays_where_sufficient(cells))}
    return Finding(parts, rungs.seeds, rungs.p_later(cells, "L4"), rungs.censored, float(resolved))


def movement_is_specific(cells: Cells) -> Finding:
    """L5 (control): task-relevant movement is there where the rule is found, and not elsewhere.

    Part "difference": median over seeds of R at the end of the free run less the largest R, at the same clock time, of
    the run with too little data (role "low") and of the one in the other state of pressure. Random labels are left
    out: vacuous. Nearly implied by late generalization, hence a control.
    """
    other = "free_off" if cells.design.natural == "on" else "free_on"
    roles = [role for role in ("low", other) if cells.has(role)]
    rows = zip(cells.runs_of("free"), *(cells.runs_of(role) for role in roles), strict=True)
    ahead = np.array([_ahead(cells, free, [run for run in others if run.complete]) for free, *others in rows])
    return Finding({"difference": middle(ahead)}, known(ahead))


def without_pressure(cells: Cells) -> Finding:
    """L6: it happens without pressure and with rising norm.

    Part "share": share of the runs of the free cell without pressure that generalize late and have a larger norm at
    t_gen than at t_mem, Clopper and Pearson. The norm is that of the parameters; in the function space of the kernel
    where the run knows it (kernel machines). Asks for numerically healthy runs; a norm of trees only grows.
    """
    late = cells.late("free_off", imputed=cells.imputed(0.0, 1.0))
    rises = cells.values("free_off", partial(_norm_rises, cells), imputed=cells.imputed(0.0, 1.0))
    flags = np.where(np.isnan(late) | np.isnan(rises), math.nan, (late == 1) & (rises == 1))
    return Finding({"share": share(flags)}, known(flags), resolved=resolved_share(cells, "free_off"))


def frozen_at(cells: Cells) -> Finding:
    """L8: freezing all but the last layer at time t ends where the after-kernel score of time t says.

    Role "freezes": the recipe with a freeze at different times. Until then its curve is that of the free run, byte for
    byte, so that the freeze is the last checkpoint at which their training losses agree. Part "agreement": minus the
    median over seeds of the mean over freezes of |final kappa - R(freeze)|, R of the free run.

    R is that of the whole tangent kernel, of which the last hidden layer's is a part.
    """
    apart = np.full((len(cells.of_role("freezes")), len(cells.seeds)), math.nan)
    for step in range(len(apart)):
        pairs = zip(cells.runs_of("freezes", step), cells.runs_of("free"), strict=True)
        apart[step] = [_disagreement(cells, frozen, free) for frozen, free in pairs]
    whole = apart[:, ~np.isnan(apart).any(axis=0)].mean(axis=0) if len(apart) else np.empty(0)
    return Finding({"agreement": middle(-whole)}, len(whole))


def _with(delay: tuple[float, bool] | None, dose: float):
    return None if delay is None else (*delay, dose)


def _at_memorization(cells: Cells, run: Run, column: str) -> float:
    return run.curve.value_at(run.curve.column(column), cells.detection(run).t_mem)


def _readiness(cells: Cells, run: Run) -> np.ndarray:
    """(checkpoints,) the after-kernel score R; of a regression as skill."""
    return run.curve.column(cells.ridge if run.curve.n_classes else f"{cells.ridge}_skill")


def _readiness_at_memorization(cells: Cells, run: Run) -> float:
    return run.curve.value_at(_readiness(cells, run), cells.detection(run).t_mem)


def _half_rise(cells: Cells, run: Run) -> float:
    """t50 in the units of R: of the held-out accuracy, or of a regression's held-out skill."""
    return run.half_rise(cells.level) if run.curve.n_classes else run.curve.crossing(run.curve.skill, 0.5).time


def _lead(cells: Cells, run: Run) -> float:
    """log10(t50 / T_R50); NaN without t50 or without R."""
    rise, R = _half_rise(cells, run), _readiness(cells, run)
    if math.isnan(rise) or np.isnan(R).all():
        return math.nan
    ready = run.curve.crossing(R, 0.5)
    return math.log10(rise / ready.time) if ready.reached else -math.inf


def _laziness_of_doses(cells: Cells, kept: set[int], resolved: bool) -> Ladder:
    """1 - movement of each dose's run at the time at which laziness is asked for."""
    earliest: dict[int, float] = {}
    for run in (run for run in cells.all_runs("doses") if run.complete):
        rise = run.half_rise(cells.level)
        earliest[run.seed] = min(earliest.get(run.seed, math.inf), math.inf if math.isnan(rise) else rise)

    def still(run: Run, step: int):
        time = cells.detection(run).t_mem if resolved else earliest[run.seed]
        moved = run.curve.value_at(run.curve.column("movement"), time)
        return None if math.isnan(moved) else (1 - moved, True, float(step))

    return ladder(cells, "doses", still, rises=True, kept=kept)


def _initial_skill(cells: Cells, run: Run, step: int) -> float:
    """R at time 0, or the final kappa of the frozen twin."""
    at_start = _readiness(cells, run)[0]
    if not math.isnan(at_start) or not cells.has("ladder_frozen"):
        return float(at_start)
    frozen = cells.runs_of("ladder_frozen", step)[list(cells.seeds).index(run.seed)]
    return math.nan if not frozen.complete else float(frozen.curve.kappa_test[-1])


def _usual_dose(cells: Cells, step: int) -> float:
    """Minus the median R_0 of a rung, for a run that was lost."""
    skills = [_initial_skill(cells, run, step) for run in cells.runs_of("ladder", step) if run.complete]
    return -float(np.median(skills)) if skills else math.nan


def _delays_where_sufficient(cells: Cells) -> np.ndarray:
    """(seeds,) the median delay over the rungs with R_0 >= .95; +inf for what did not generalize, NaN without one."""
    delays: dict[int, list[float]] = {seed: [] for seed in cells.seeds}
    for step in range(len(cells.of_role("ladder"))):
        for run in cells.runs_of("ladder", step):
            if not run.complete or not _initial_skill(cells, run, step) >= SUFFICIENT:
                continue
            detection = cells.detection(run)
            if detection.t_mem_censoring != "right":
                never = detection.t_gen_censoring == "right"
                delays[run.seed].append(math.inf if never else detection.delay)
    return np.array([np.median(own) if own else math.nan for own in delays.values()])


def _ahead(cells: Cells, run: Run, others: list[Run]) -> float:
    if not run.complete or not others:
        return math.nan
    runs = (run, *others)
    end = min(one.curve.last for one in runs)
    score, *scores = (one.curve.value_at(_readiness(cells, one), end) for one in runs)
    return score - max(scores)


def _norm_rises(cells: Cells, run: Run) -> float:
    detection = cells.detection(run)
    if detection.t_gen_censoring == "right":
        return 0.0
    norm = run.curve.column("function_norm")
    norm = run.curve.column("norm") if np.isnan(norm).all() else norm
    before, after = (run.curve.value_at(norm, time) for time in (detection.t_mem, detection.t_gen))
    return math.nan if math.isnan(before) or math.isnan(after) else float(after > before)


def _disagreement(cells: Cells, frozen: Run, free: Run) -> float:
    if not (frozen.complete and free.complete):
        return math.nan
    shared = min(len(frozen.curve.time), len(free.curve.time))
    same = frozen.curve.column("train_loss")[:shared] == free.curve.column("train_loss")[:shared]
    if not same[0]:
        return math.nan
    last = shared - 1 if same.all() else int(np.argmin(same)) - 1
    end = float(np.median(frozen.curve.kappa_test[-5:]))
    return abs(end - free.curve.column(cells.ridge)[last])
