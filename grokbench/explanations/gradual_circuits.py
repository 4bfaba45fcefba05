"""Gradual circuits: a rule that grows all the while shows as a sudden rise, since accuracy is a threshold on it.

Predictions G1 to G3 (Nanda et al. 2301.05217, Varma et al. 2309.02390), each a pure function of `Cells`. Every estimate
is turned so that larger favours the claim; margins stand in the rules. That ranking or Fourier energy move before the
accuracy is no prediction here: accuracy is nearly a function of both, and a steep one.
"""

from __future__ import annotations

import math
from functools import partial
from itertools import combinations

import numpy as np

from grokbench.curves.curve import Curve, kappa_rank
from grokbench.curves.run import Run
from grokbench.explanations.base import Explanation
from grokbench.registry import register_explanation
from grokbench.statistics.clusters import seed_interval
from grokbench.statistics.location import Location
from grokbench.verdicts.cells import Cells
from grokbench.verdicts.estimates import (
    DRAWS,
    censored_share,
    comparable,
    known,
    ladder,
    middle,
    minus_largest,
    resolved_share,
    t_gen_of,
)
from grokbench.verdicts.finding import NOT_APPLICABLE, UNDEFINED, Estimate, Finding, Gate
from grokbench.verdicts.progress import end_of_rise

LEVELS = (0.10, 0.90)  # of a width
FULL = 0.95  # kappa at which the separation of the scores counts as complete
LEAST_POINTS = 3  # checkpoints in a rise for its width to be known
FREQUENCIES = 5  # of the restricted scores
ENERGIES = tuple(f"fourier_{k}" for k in range(1, 16))  # columns: the energy of each frequency
PRESSURES = ("weak", "usual", "strong")  # roles, each with the same ladder of training sizes
LEAST_BRACKETED = 0.75  # share of the seeds whose critical size must lie inside a ladder


@register_explanation("gradual-circuits")
class GradualCircuits(Explanation):
    """A rule grows gradually beside the memorized table, from a critical amount of data on, and accuracy hides it."""


def sudden_by_threshold(cells: Cells) -> Finding:
    """G1: the sudden rise of accuracy is a threshold on gradual progress.

    Of the free runs that generalize, from t_mem to t_end = min(last, 2 t_gen). Part "threshold": minus the median over
    seeds of the root mean square of kappa_test - kappa_rank over the checkpoints: accuracy is the fixed function of the
    ranking that equal Gaussian scores would give. Part "gradual": the median of the width of the separation d' over the
    width of the accuracy, both in decades from .10 to .90 and not before t_mem; d' = sqrt(2) ndtri(rank_auc) is
    relative to its value at kappa_rank .95, and 0 at chance.

    For more than two classes: with two the function is hardly steep. Fewer than 3 checkpoints in the rise (few ticks of
    an integer clock) give no width. What d' climbs below chance, where a finite table puts memorizers, does not count.
    """
    apart = cells.values("free", partial(_apart, cells), imputed=cells.imputed(math.inf, 0.0))
    wider = cells.values("free", partial(_relative_width, cells), imputed=cells.imputed(0.0, math.inf))
    many = all(run.curve.n_classes and run.curve.n_classes > 2 for run in cells.runs_of("free") if run.complete)
    gate = Gate("classes", many, "accuracy is no steep function of the ranking with two classes", NOT_APPLICABLE)
    resolved, censored = resolved_share(cells, "free"), censored_share(cells, "free")
    parts = {"threshold": middle(-apart), "gradual": middle(wider)}
    n = min(known(apart), known(wider))
    return Finding(parts, n, censored=censored, resolved=resolved, gates=[gate])


def restricted_before(cells: Cells) -> Finding:
    """G2: a good part of the rule is there before the accuracy shows it.

    On tables of a sum, measure `fourier_energy`. Of the free run the five frequencies with most energy at t_end =
    min(last, 2 t_gen) are chosen; part "present": median over seeds of their energy at t10, where kappa_test crosses
    .10, over that at t_end. Control (placebo): the same choice made on the run with too little data at its own t_end,
    its energy at the free run's t10 over the free run's at t_end: what a choice with hindsight finds in a memorizer.

    The choice uses the end of the run. Held-out pairs alone: memorized ones have energy in all frequencies.
    """
    present = cells.values("free", partial(_present, cells), imputed=cells.imputed(0.0, math.inf))
    pairs = zip(cells.runs_of("free"), cells.runs_of("low"), strict=True)
    placebo = np.array([_placebo(cells, free, low) for free, low in pairs])
    measured = known(present) > 0
    gate = Gate("measured", measured, "Fourier energies are not measured", NOT_APPLICABLE)
    return Finding({"present": middle(present)}, known(present), gates=[gate], control={"present": middle(placebo)})


def critical_size_is_constant(cells: Cells) -> Finding:
    """G3: the least amount of data from which it generalizes does not depend on the pressure.

    Roles "weak", "usual" and "strong": the same ladder of training sizes, which the rules number, under three
    pressures. The critical size of a seed under one of them is that of Spearman and Kärber: its log10 is the lower end
    of the ladder plus the widths of the rungs at which the run does not generalize by its end, a rung reaching half
    way to its neighbours. Part "equal": minus the largest modulus, of the three pairs of pressures, of the mean over
    seeds of the log ratio of their critical sizes. The interval of a pair is that over seeds, half a rung wider on
    either side, since the ladder cannot tell less; contradiction is read at a third of the level.

    Gates: the critical size lies inside each ladder in three quarters of the seeds; role "pressures", the three runs at
    one size that suffices, from weak to strong: t_mem within a factor of 2, and t_gen falls with the pressure, or rises
    (manipulation check).

    Budgets must grow as the pressure falls; the same at half of them is asked of every verdict, and the same with runs
    on too short a horizon taken to generalize. A lost run counts, in all seeds alike, as the outcome that moves the
    sizes apart.
    """
    pairs = list(combinations(PRESSURES, 2))
    ratios = [_log_ratio(cells, *pair) for pair in pairs]
    whole = minus_largest([_mean(cells, ratio) for ratio in ratios])
    equal = Estimate(
        whole.value, lambda alpha: (whole.interval(alpha)[0], whole.interval(alpha / len(pairs))[1])
    )  # all must be small to support, one that is large contradicts
    return Finding({"equal": equal}, min(known(ratio) for ratio in ratios), gates=_gates_of_sizes(cells))


def separation(curve: Curve) -> np.ndarray:
    """(checkpoints,) d' relative to its value at kappa_rank .95; 0 at chance, at most 1."""
    from scipy.special import ndtr, ndtri

    grid = np.linspace(0, 8, 1601)
    full = np.interp(FULL, kappa_rank(ndtr(grid / math.sqrt(2)), curve.n_classes), grid)
    auc = np.clip(curve.column("rank_auc"), 0.0, 1.0)
    return np.clip(math.sqrt(2) * ndtri(auc) / full, -1.0, 1.0)


def _apart(cells: Cells, run: Run) -> float:
    detection = cells.detection(run)
    if detection.t_gen_censoring == "right":
        return math.nan
    time = run.curve.time
    inside = (time >= detection.t_mem) & (time <= end_of_rise(run, cells.level))
    gap = (run.curve.kappa_test - run.curve.kappa_rank)[inside]
    return float(np.sqrt(np.mean(gap**2))) if gap.size else math.nan


def _relative_width(cells: Cells, run: Run) -> float:
    if cells.detection(run).t_gen_censoring == "right" or not run.curve.n_classes:
        return math.nan
    accuracy = run.curve.kappa_test
    points = int(((accuracy >= LEVELS[0]) & (accuracy <= LEVELS[1]) & (run.curve.time > 0)).sum())
    width = _width(cells, run, accuracy)
    return _width(cells, run, separation(run.curve)) / width if points >= LEAST_POINTS and width > 0 else math.nan


def _width(cells: Cells, run: Run, values: np.ndarray) -> float:
    """Decades from .10 to .90, counted from t_mem on; NaN where a level is not reached."""
    start, end = (run.curve.crossing(values, level).time for level in LEVELS)
    return math.log10(end / max(start, cells.detection(run).t_mem))


def _energies(run: Run, time: float) -> np.ndarray:
    """(frequencies,) at a time; those that the table has."""
    energies = np.array([run.curve.value_at(run.curve.column(name), time) for name in ENERGIES])
    return energies[~np.isnan(energies)]


def _restricted(run: Run, time: float, end: float) -> tuple[float, float]:
    """Energy of the five frequencies that are strongest at ``end``: at a time, and at the end; NaN unmeasured."""
    now, then = _energies(run, time), _energies(run, end)
    if not now.size or now.size != then.size:
        return math.nan, math.nan
    strongest = np.argsort(-then, kind="stable")[:FREQUENCIES]
    return float(now[strongest].sum()), float(then[strongest].sum())


def _times(cells: Cells, run: Run) -> tuple[float, float]:
    """t10 and t_end; NaN where the run does not generalize."""
    if cells.detection(run).t_gen_censoring == "right":
        return math.nan, math.nan
    return run.curve.crossing(run.curve.kappa_test, LEVELS[0]).time, end_of_rise(run, cells.level)


def _present(cells: Cells, run: Run) -> float:
    now, then = _restricted(run, *_times(cells, run))
    return now / then if then > 0 else math.nan


def _placebo(cells: Cells, free: Run, low: Run) -> float:
    if not (free.complete and low.complete):
        return math.nan
    time, end = _times(cells, free)
    reference, by_chance = _restricted(free, time, end)[1], _restricted(low, time, min(end, low.curve.last))[0]
    return by_chance / reference if reference > 0 else math.nan


def _borders(cells: Cells, role: str) -> np.ndarray:
    """(rungs + 1,) log10 sizes at which the rungs of a ladder begin and end: half way to their neighbours."""
    sizes = np.log10(cells.design.numbers[role])
    half = np.diff(sizes) / 2
    return np.concatenate([[sizes[0] - half[0]], sizes[:-1] + half, [sizes[-1] + half[-1]]])


def _fails(cells: Cells, role: str, lost: float) -> np.ndarray:
    """(rungs, seeds) 1 where a run does not generalize, 0 where it does, ``lost`` for lost runs.

    A run on too short a horizon counts as one that does not, or as `Cells` says of what is undecided.
    """
    steps, undecided = range(len(cells.of_role(role))), 1.0 - cells.undecided
    fails = [cells.values(role, lambda run: float(_fails_alone(cells, run)), imputed=lost, step=step) for step in steps]
    unwatched = np.array([cells.unwatched(role, step) for step in steps])
    return np.where(unwatched & ~math.isnan(undecided), undecided, np.array(fails))


def _fails_alone(cells: Cells, run: Run) -> bool:
    return cells.detection(run).t_gen_censoring == "right"


def critical_sizes(cells: Cells, role: str, lost: float = 1.0) -> np.ndarray:
    """(seeds,) log10 of the critical size under one pressure; ``lost`` : 1 where a lost run counts as a failure."""
    borders = _borders(cells, role)
    return borders[0] + np.diff(borders) @ _fails(cells, role, lost)


def _log_ratio(cells: Cells, first: str, second: str) -> np.ndarray:
    """(seeds,) log10 of the ratio of two critical sizes; lost runs move them apart, or together, in all seeds alike."""
    if not (cells.has(first) and cells.has(second)):
        return np.full(len(cells.seeds), math.nan)
    least = critical_sizes(cells, first, 0.0) - critical_sizes(cells, second, 1.0)
    most = critical_sizes(cells, first, 1.0) - critical_sizes(cells, second, 0.0)
    upwards = (least + most).mean() >= 0
    return most if upwards == (cells.imputed(1.0, 0.0) == 1.0) else least


def _mean(cells: Cells, ratio: np.ndarray) -> Estimate:
    """The mean over seeds, its interval half a rung wider on either side."""
    if np.isnan(ratio).any():
        return UNDEFINED
    half = max(np.diff(_borders(cells, role)).max() for role in PRESSURES) / 2

    def mean(weights: np.ndarray) -> np.ndarray:
        return weights @ ratio / weights.sum(axis=-1)

    def at(alpha: float) -> Location:
        ends = seed_interval(mean, np.array(cells.seeds), rng=cells.rng("G3"), level=1 - 2 * alpha, draws=DRAWS)
        return Location(float(ratio.mean()), ends.low - half, ends.high + half, len(ratio))

    return Estimate.of(at)


def _gates_of_sizes(cells: Cells) -> list[Gate]:
    inside = min(_bracketed(cells, role) for role in PRESSURES)
    kept = len(comparable(cells, "pressures"))
    doses = ladder(cells, "pressures", lambda run, step: (*t_gen_of(cells, run), float(step)), rises=False)
    low, high = doses.later(cells, "G3 manipulation").interval(0.025)
    return [
        Gate("bracketed", inside >= LEAST_BRACKETED, f"critical size inside the ladder in {inside:.0%} of the seeds"),
        Gate("comparable", kept == len(PRESSURES), f"{kept} of {len(PRESSURES)} pressures with t_mem within 2"),
        Gate("manipulation", bool(low > 0 or high < 0), "pressure does not move t_gen", NOT_APPLICABLE),
    ]


def _bracketed(cells: Cells, role: str) -> float:
    """Share of the seeds that fail on the first rung of a ladder and generalize on its last."""
    if not cells.has(role):
        return 0.0
    fails = _fails(cells, role, math.nan)
    return float(((fails[0] == 1) & (fails[-1] == 0)).mean())
