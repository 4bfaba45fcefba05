"""A measure of complexity beside the same of a twin on random labels, and where the ratio peaks and falls.

c(t) = measure of the run / measure of its twin, at the same clock time: decay shrinks both, and a ratio of 1 says that
nothing is simpler than memorizing.
"""

from __future__ import annotations

import math

import numpy as np

from grokbench.curves.run import Run
from grokbench.verdicts.cells import Cells
from grokbench.verdicts.progress import end_of_rise

BEGUN = 0.2  # training kappa from which something is memorized


def ratio_to_twin(cells: Cells, run: Run, twin: Run) -> np.ndarray:
    """The ratio c(t), (checkpoints,) float64; NaN at time 0 and where either is undefined."""
    values, others = run.curve.column(cells.complexity), twin.curve.column(cells.complexity)
    at_twin = np.array([twin.curve.value_at(others, time) for time in run.curve.time])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = values / at_twin
    return np.where(np.isfinite(ratio) & (ratio > 0), ratio, math.nan)


def window(cells: Cells, free: Run) -> tuple[float, float, float] | None:
    """The times t_mem, t50 and t_end of the free run; None where it is lost or did not fit."""
    if not free.complete or cells.detection(free).t_mem_censoring == "right":
        return None
    end, rise = end_of_rise(free, cells.level), free.half_rise(cells.level)
    return cells.detection(free).t_mem, end if math.isnan(rise) else min(end, rise), end


def _peak(run: Run, c: np.ndarray, times: tuple[float, float, float]) -> int | None:
    """The checkpoint of the largest c in [t_mem, t50]."""
    inside = np.flatnonzero((run.curve.time >= times[0] * (1 - 1e-9)) & (run.curve.time <= times[1]) & ~np.isnan(c))
    return int(inside[np.argmax(c[inside])]) if inside.size else None


def fall(cells: Cells, run: Run, twin: Run, times: tuple[float, float, float]) -> float:
    """log10 c(t_end) - log10 c(t_mem+); NaN where one of the two is missing."""
    if not (run.complete and twin.complete):
        return math.nan
    c = ratio_to_twin(cells, run, twin)
    peak = _peak(run, c, times)
    return math.nan if peak is None else run.curve.value_at(np.log10(c), times[2]) - math.log10(c[peak])


def lead_of_fall(cells: Cells, free: Run, twin: Run, imputed: float) -> float:
    """log10(t50 / T_fall50), -inf where c does not fall; NaN without a test rise or a twin, `imputed` for lost runs."""
    if window(cells, free) is None:
        return imputed
    rise, passed = free.half_rise(cells.level), fallen(cells, free, twin)
    if math.isnan(rise) or passed is None:
        return math.nan
    passage = free.curve.crossing(passed, 0.5)
    return math.log10(rise / passage.time) if passage.reached else -math.inf


def fallen(cells: Cells, free: Run, twin: Run) -> np.ndarray | None:
    """(checkpoints,) share of its fall that c has behind it: 0 up to its peak, 1 at t_end.

    0 everywhere where c does not fall; None where a run or the peak is missing.
    """
    times = window(cells, free)
    if times is None or not twin.complete:
        return None
    c = ratio_to_twin(cells, free, twin)
    peak = _peak(free, c, times)
    if peak is None:
        return None
    depth = c[peak] - free.curve.value_at(c, times[2])
    if not depth > 0:
        return np.zeros(len(c))
    return np.where(np.arange(len(c)) < peak, 0.0, (c[peak] - c) / depth)


def rise_before(cells: Cells, run: Run) -> float:
    """log10 of the measure's largest value up to t50 over that where memorizing begins; NaN at the grain.

    NaN as well where the measure is not known by t_mem: then nobody saw it rise.
    """
    values, rise, t_mem = (
        run.curve.column(cells.complexity),
        run.half_rise(cells.level),
        cells.detection(run).t_mem,
    )
    begun = np.flatnonzero((run.curve.kappa_train > BEGUN) & (run.curve.time > 0) & ~np.isnan(values))
    if not cells.detection(run).resolved or math.isnan(rise) or not begun.size or run.curve.time[begun[0]] >= t_mem:
        return math.nan
    inside = begun[run.curve.time[begun] <= rise]
    return math.log10(values[inside].max() / values[begun[0]]) if inside.size else math.nan
