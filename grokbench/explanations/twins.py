"""A measure of complexity beside the same of a twin on random labels, and where the ratio peaks and falls.

c(t) = measure of the run / measure of its twin, at the same clock time: decay shrinks both, and a ratio of 1 says that
nothing is simpler than memorizing.
"""

from __future__ import annotations

import math

import numpy as np

from grokbench.curves.run import Run
from grokbench.verdicts.cells import Cells, end_of_rise

BEGUN = 0.2  # training kappa from which something is memorized


def ratio_to_twin(cells: Cells, trace: Run, twin: Run) -> np.ndarray:
    """(checkpoints,) c(t); NaN at time 0 and where either is undefined."""
    values, others = trace.curve.column(cells.complexity), twin.curve.column(cells.complexity)
    at_twin = np.array([twin.curve.value_at(others, time) for time in trace.curve.time])
    with np.errstate(divide="ignore", invalid="ignore"):
        found = values / at_twin
    return np.where(np.isfinite(found) & (found > 0), found, math.nan)


def window(cells: Cells, free: Run) -> tuple[float, float, float] | None:
    """t_mem, t50 and t_end of the free run; None where it is lost or did not fit."""
    if not free.complete or cells.detection(free).t_mem_censoring == "right":
        return None
    end, rise = end_of_rise(free, cells.level), free.half_rise(cells.level)
    return cells.detection(free).t_mem, min(end, rise) if rise == rise else end, end


def _peak(trace: Run, c: np.ndarray, times: tuple[float, float, float]) -> int | None:
    """The checkpoint of the largest c in [t_mem, t50]."""
    inside = np.flatnonzero((trace.curve.time >= times[0] * (1 - 1e-9)) & (trace.curve.time <= times[1]) & ~np.isnan(c))
    return int(inside[np.argmax(c[inside])]) if inside.size else None


def fall(cells: Cells, trace: Run, twin: Run, times: tuple[float, float, float]) -> float:
    """log10 c(t_end) - log10 c(t_mem+); NaN where one of the two is missing."""
    if not (trace.complete and twin.complete):
        return math.nan
    c = ratio_to_twin(cells, trace, twin)
    peak = _peak(trace, c, times)
    return math.nan if peak is None else trace.curve.value_at(np.log10(c), times[2]) - math.log10(c[peak])


def lead_of_fall(cells: Cells, free: Run, twin: Run, lost: float) -> float:
    """log10(t50 / T_fall50), -inf where c does not fall; NaN without a test rise or a twin, `lost` for lost runs."""
    if window(cells, free) is None:
        return lost
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


def rise_before(cells: Cells, trace: Run) -> float:
    """log10 of the measure's largest value up to t50 over that where memorizing begins; NaN at the grain.

    NaN as well where the measure is not known by t_mem: then nobody saw it rise.
    """
    values, rise, t_mem = (
        trace.curve.column(cells.complexity),
        trace.half_rise(cells.level),
        cells.detection(trace).t_mem,
    )
    begun = np.flatnonzero((trace.curve.kappa_train > BEGUN) & (trace.curve.time > 0) & ~np.isnan(values))
    if not cells.detection(trace).resolved or math.isnan(rise) or not begun.size or trace.curve.time[begun[0]] >= t_mem:
        return math.nan
    inside = begun[trace.curve.time[begun] <= rise]
    return math.log10(values[inside].max() / values[begun[0]]) if inside.size else math.nan
