"""Complexity transition: complexity rises while the labels are memorized, and falls as a simpler rule takes over.

Predictions C0 to C8 (DeMoss et al. 2412.09810, Miller et al. 2310.17247, Nanda et al. 2301.05217, Varma et al.
2309.02390), each a pure function of `Cells`. Every estimate is turned so that larger favours the claim; margins stand
in the rules. The measure of a family is the column that the rules register for it (`Design.complexity`); c(t) is its
ratio to that of the twin on random labels (`twins`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from grokbench.curves.run import Run
from grokbench.explanations import twins
from grokbench.explanations.base import Explanation
from grokbench.registry import register_explanation
from grokbench.statistics.clusters import seed_interval
from grokbench.statistics.location import Location
from grokbench.verdicts.cells import Cells
from grokbench.verdicts.estimates import (
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
from grokbench.verdicts.finding import NOT_APPLICABLE, UNDEFINED, Estimate, Finding, Gate
from grokbench.verdicts.progress import end_of_rise

GENERALIZES = 0.9  # held-out kappa with redrawn training labels
FITTED = 0.98  # training accuracy that counts as fitted, of a size
LEARNED = 0.95  # both kappas, of a size that generalizes
LEAST_RUNS = 3  # of a rank correlation


@register_explanation("complexity")
class Complexity(Explanation):
    """Complexity rises while the labels are memorized, and falls as a simpler rule takes over."""


def measure_qualifies(cells: Cells) -> Finding:
    """C0 (control): the measure rises with the number of random labels that are memorized (3.5, Q1).

    Role "calibration": the recipe on random labels, from few training examples to many. Part "slope": median over
    seeds of the least-squares slope of log measure at the last checkpoint on log rank of the cell (sizes double).
    Gate: the medians over seeds rise from cell to cell.

    Runs that do not fit .98 of the labels say nothing. Positive control, invariance and blindness (Q2 to Q4) are tests
    of the measures, not of runs.
    """
    steps = len(cells.of_role("calibration"))
    sizes = np.array([cells.values("calibration", partial(_final, cells), step=step) for step in range(steps)])
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log2(sizes)
    slopes = np.array([_slope(np.arange(steps), column) for column in logs.T]) if steps else np.empty(0)
    medians = [float(np.nanmedian(column)) if known(column) else math.nan for column in logs]
    ordered = len(medians) > 2 and bool((np.diff(medians) > 0).all())
    gate = Gate("order", ordered, "not monotone in the number of memorized labels")
    return Finding({"slope": middle(slopes)}, known(slopes), gates=[_measured(cells), gate])


def falls_after_memorizing(cells: Cells) -> Finding:
    """C1: complexity falls after memorization, and more than where nothing can be learned.

    Delta = log10 c(t_end) - log10 c(t_mem+), t_mem+ = argmax of c in [t_mem, t50], t_end = min(last, 2 t_gen) of the
    free run. Part "fall": minus the median of Delta over seeds. Part "beyond_low": minus the median of Delta -
    Delta_low, the same search in the same clock window of the run with too little data and its own twin (roles "low",
    "low_random"). Control: a fall by itself where too few data are there.

    The search for the peak biases Delta downwards, in both alike.
    """
    imputed = cells.imputed(math.inf, -math.inf)
    fall, low = np.full((2, len(cells.seeds)), math.nan)
    rows = zip(*(cells.runs_of(role) for role in ("free", "random", "low", "low_random")), strict=True)
    for i, (free, twin, less, less_twin) in enumerate(rows):
        window = twins.window(cells, free)
        fall[i] = imputed if window is None else twins.fall(cells, free, twin, window)
        low[i] = math.nan if window is None else twins.fall(cells, less, less_twin, window)
    parts = {"fall": middle(-fall), "beyond_low": middle(_minus(low, fall))}
    resolved, censored = resolved_share(cells, "free"), censored_share(cells, "free")
    control, gates = {"fall": middle(-low)}, [_measured(cells)]
    return Finding(parts, known(fall), resolved=resolved, censored=censored, gates=gates, control=control)


def rises_first(cells: Cells) -> Finding:
    """C2: complexity rises before it falls.

    Part "rise": median over seeds of log10(largest measure in [t_1, t50] / measure at t_1) of the free run, t_1 the
    first checkpoint with training kappa above .2. Families that memorize at the first tick of their clock have no rise
    to be seen: not applicable at the grain. Nor has a measure that is not defined before the labels are fitted, as the
    size of the sub-model that fits them is not.
    """
    rise = cells.values("free", partial(twins.rise_before, cells), imputed=cells.imputed(0.0, math.inf))
    resolved = resolved_share(cells, "free")
    grain = Gate("grain", resolved >= 0.5, "memorizes at the first ticks of its clock", NOT_APPLICABLE)
    defined = known(rise) >= len(cells.seeds) / 2
    begins = Gate("begins", defined, "the measure is undefined while the labels are being fitted", NOT_APPLICABLE)
    return Finding({"rise": middle(rise)}, known(rise), resolved=resolved, gates=[_measured(cells), grain, begins])


def memorizing_needs_more(cells: Cells) -> Finding:
    """C3: memorizing needs more capacity than the rule does, and the more, the more examples there are.

    Roles "sizes_true" and "sizes_random": the recipe at growing sizes on true and on random labels, at several n, which
    the rules number; each run has the measure `submodel_size`, whose ratio to `submodel_share` is the number of parts.
    W_random(n) is the least size that fits .98 of n random labels at its end, W_true(n) the least size with both
    kappas >= .95 on true ones. Part "capacity": median over seeds of the mean over n of log10(W_random / W_true). Part
    "slope": median over seeds of the least-squares slope of log W_random on log n less that of log W_true.

    A failure to optimize a small network looks like a lack of capacity. An n at which no size will do leaves its seed
    out, in the mean, and in the slope where fewer than three are left.
    """
    random, true = least_sizes(cells, "sizes_random", memorizes), least_sizes(cells, "sizes_true", learns)
    examples = np.log10(sorted(random))
    logs = [np.array([least[n] for n in sorted(least)]) for least in (random, true)]  # each (n, seeds)
    capacity = _minus(*logs).mean(axis=0) if sorted(random) == sorted(true) else np.full(len(cells.seeds), math.nan)
    slopes = [np.array([_slope(examples, column) for column in log.T]) for log in logs]
    parts = {"capacity": middle(capacity), "slope": middle(_minus(*slopes))}
    return Finding(parts, known(capacity))


def falls_in_time(cells: Cells) -> Finding:
    """C4: the fall does not come after the test rise.

    Part "not_after": median over seeds of log10(t50 / T_fall50) of the free run, T_fall50 the time at which c(t) has
    fallen for good through the middle between its peak in [t_mem, t50] and c(t_end). No fall: -inf. Control: the same
    of the runs with too little data (roles "low", "low_random"), which should have no rise to be in time for.

    Measure and accuracy are different functionals, so that only "not after" is claimed; t50 is that of the ranking
    where the accuracy lags it by an offset.
    """
    lead = _leads_of_fall(cells, "free", "random", cells.imputed(-math.inf, math.inf))
    low = _leads_of_fall(cells, "low", "low_random", math.nan)
    resolved, censored = resolved_share(cells, "free"), censored_share(cells, "free")
    parts, control = {"not_after": middle(lead)}, {"not_after": middle(low)}
    gates = [_measured(cells)]
    return Finding(parts, known(lead), resolved=resolved, censored=censored, gates=gates, control=control)


def pressure_is_necessary(cells: Cells) -> Finding:
    """C5: without explicit pressure no late generalization.

    Part "difference": D_P = P(late | on) - P(late | off) with free features, paired by seed, Newcombe. Part "off":
    minus P(late | off), Clopper and Pearson: most runs late without pressure refute necessity by themselves.

    The off cell must be numerically healthy (cross-entropy in float32 stalls) and as long as 4.4 asks.
    """
    on = cells.late("free_on", imputed=cells.imputed(0.0, 1.0))
    off = cells.late("free_off", imputed=cells.imputed(1.0, 0.0))
    pairs = int((~np.isnan(on) & ~np.isnan(off)).sum())
    resolved, censored = resolved_share(cells, "free_on"), censored_share(cells, "free_on")
    return Finding(
        {"difference": difference(on, off), "off": share(off).reversed()}, pairs, resolved=resolved, censored=censored
    )


def lookup_is_dropped(cells: Cells) -> Finding:
    """C6: the lookup table is dropped.

    Role "noise": the recipe with a tenth of its labels redrawn. Part "dropped": minus the median over seeds of
    B(t_end) / log2 C, the memorized bits per redrawn label, among runs that fit their labels, redrawn ones included,
    and end at a held-out kappa >= .9; the others say nothing: where the labels were never fitted, generalization is not
    late. Gates: at least half of the runs fit, and at least half generalize besides.

    Redrawn labels delay or prevent generalization. By construction 1 for interpolators.
    """
    left = cells.values("noise", partial(_bits_left, cells), imputed=cells.imputed(1.0, 0.0))
    fitted = int(cells.values("noise", lambda run: float(_fits(cells, run)), imputed=0.0).sum())
    n, half = len(cells.seeds), len(cells.seeds) / 2
    gates = [
        Gate("fits", fitted >= half, f"{fitted} of {n} runs fit their labels", NOT_APPLICABLE),
        Gate("generalizes", known(left) >= half, f"{known(left)} of {n} runs generalize from redrawn labels"),
    ]
    return Finding({"dropped": middle(-left)}, known(left), gates=gates)


def follows_pressure(cells: Cells) -> Finding:
    """C7: the more pressure, the earlier.

    Role "pressures", from weak to strong. Part "tau": minus the concordance within seeds of dose and t_gen; p by Gehan
    and Jonckheere. Doses whose median t_mem differs from that of the weakest by more than a factor of 2 are left out:
    they delay memorizing itself. Gate: three doses are left.
    """
    kept = comparable(cells, "pressures")
    doses = ladder(
        cells, "pressures", lambda run, step: (*t_gen_of(cells, run), float(step)), rises=False, kept=kept
    ).reversed()
    tau, p = doses.later(cells, "C7"), doses.p_later(cells, "C7")
    return Finding({"tau": tau}, doses.seeds, p, doses.censored, gates=[enough_doses(kept)])


def end_state(cells: Cells) -> Finding:
    """C8 (descriptive): where c(t_end) is small, held-out accuracy is high.

    Part "rank": minus Spearman's correlation of c at the end with the final held-out kappa over the runs of the free
    cell, of the one with too little data and of the one in the other state of pressure; seeds resampled.
    """
    other = "free_off" if cells.design.natural == "on" else "free_on"
    twin_of = {"free": "random", other: "random", "low": "low_random"}
    rows = [
        (_final(cells, run) / _final(cells, twin), float(run.curve.kappa_test[-1]), seed)
        for role, of in twin_of.items()
        for seed, run, twin in zip(cells.seeds, cells.runs_of(role), cells.runs_of(of), strict=True)
        if run.complete and twin.complete
    ]
    rows = [row for row in rows if row[0] > 0]
    return Finding({"rank": _rank_correlation(rows, cells)}, len(rows), gates=[_measured(cells)])


def _leads_of_fall(cells: Cells, role: str, twin: str, imputed: float) -> np.ndarray:
    """(seeds,) decades by which half of the fall of c comes before the half-rise; ``imputed`` for lost runs."""
    pairs = zip(cells.runs_of(role), cells.runs_of(twin), strict=True)
    return np.array([twins.lead_of_fall(cells, *pair, imputed) for pair in pairs])


def _measured(cells: Cells) -> Gate:
    return Gate("measure", bool(cells.complexity), "no qualified measure of complexity", NOT_APPLICABLE)


def _minus(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # inf - inf is NaN: unknown
        return first - second


def _final(cells: Cells, run: Run) -> float:
    """The last known value of the family's measure."""
    values = run.curve.column(cells.complexity)
    values = values[~np.isnan(values)]
    return float(values[-1]) if values.size else math.nan


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    """The slope of the least-squares line through the known points; NaN from fewer than three."""
    defined = ~np.isnan(y)
    return float(np.polyfit(x[defined], y[defined], 1)[0]) if defined.sum() > 2 else math.nan


def memorizes(run: Run) -> bool:
    """Whether a run ends with .98 of its labels fitted."""
    return bool(run.curve.column("train_accuracy")[-1] >= FITTED)


def learns(run: Run) -> bool:
    """Whether a run ends with both kappas at .95 or more."""
    return bool(min(run.curve.kappa_train[-1], run.curve.kappa_test[-1]) >= LEARNED)


def least_sizes(cells: Cells, role: str, holds: Callable[[Run], bool]) -> dict[float, np.ndarray]:
    """n -> (seeds,) log10 of the least size whose run holds; NaN where none does. Without numbers there is one n."""

    def size(run: Run) -> float:
        with np.errstate(invalid="ignore"):
            parts = run.curve.column("submodel_size") / run.curve.column("submodel_share")
        parts = parts[~np.isnan(parts)]
        return math.log10(parts[-1]) if parts.size and holds(run) else math.inf

    steps = range(len(cells.of_role(role)))
    examples = cells.design.numbers.get(role) or [1.0] * len(steps)
    sizes: dict[float, list[np.ndarray]] = {}
    for step, n in zip(steps, examples, strict=True):
        sizes.setdefault(n, []).append(cells.values(role, size, imputed=math.inf, step=step))
    least = {n: np.min(rows, axis=0) for n, rows in sizes.items()}
    return {n: np.where(np.isinf(row), math.nan, row) for n, row in least.items()}


def _fits(cells: Cells, run: Run) -> bool:
    """Whether the labels were fitted at some time: for good they are not, where the table is dropped."""
    return run.curve.crossing(run.curve.kappa_train, cells.level).held


def _bits_left(cells: Cells, run: Run) -> float:
    if not _fits(cells, run) or not float(np.median(run.curve.kappa_test[-5:])) >= GENERALIZES:
        return math.nan
    return run.curve.value_at(run.curve.column("memorized_bits"), end_of_rise(run, cells.level)) / math.log2(
        run.curve.n_classes
    )


def _rank_correlation(rows: list[tuple[float, float, int]], cells: Cells) -> Estimate:
    from scipy.stats import rankdata

    if len(rows) < LEAST_RUNS:
        return UNDEFINED
    c, score, seed = (np.array(column) for column in zip(*rows, strict=True))
    x, y = rankdata(c), rankdata(score)

    def minus_rho(weights: np.ndarray) -> np.ndarray:
        total = weights.sum(axis=-1, keepdims=True)
        dx, dy = (v - (weights * v).sum(axis=-1, keepdims=True) / total for v in (x, y))
        spread = np.sqrt((weights * dx**2).sum(axis=-1) * (weights * dy**2).sum(axis=-1))
        with np.errstate(invalid="ignore", divide="ignore"):
            return -(weights * dx * dy).sum(axis=-1) / spread

    def at(alpha: float) -> Location:
        ends = seed_interval(minus_rho, seed, rng=cells.rng("C8"), level=1 - 2 * alpha)
        return Location(float(minus_rho(np.ones((1, len(x))))[0]), ends.low, ends.high, len(x))

    return Estimate.of(at)
