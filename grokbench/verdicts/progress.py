"""Where a measure stands on its own way from t_mem to the end of the rise: what no change of the clock can change."""

from __future__ import annotations

import math

import numpy as np

from grokbench.curves.run import Run

NULL_DEVIATIONS = 3.0


def progress(run: Run, values: np.ndarray, level: float, null_deviation: float = 0.0) -> np.ndarray:
    """The share phi(t) = (m(t) - m(t_mem)) / (m(t_end) - m(t_mem)) of a measure m, t_end = min(last, 2 t_gen).

    ``values`` : (checkpoints,). NaN where t_mem or the values are undefined, or the denominator lies within three
    standard deviations of the measure's null.
    """
    start = run.curve.value_at(values, run.detections[level].t_mem)
    end = run.curve.value_at(values, end_of_rise(run, level))
    if not abs(end - start) > NULL_DEVIATIONS * null_deviation:
        return np.full(len(run.curve.time), math.nan)
    return (values - start) / (end - start)


def end_of_rise(run: Run, level: float) -> float:
    """The time t_end = min(last checkpoint, 2 t_gen); the last checkpoint where the run did not generalize."""
    t_gen = run.detections[level].t_gen
    return run.curve.last if math.isnan(t_gen) else min(run.curve.last, 2 * t_gen)


def clock_free_lead(run: Run, values: np.ndarray, level: float, null_deviation: float = 0.0) -> float:
    """phi(t50) - 1/2 of a measure: above 0 it moves before the test rise, whatever the clock."""
    phi = progress(run, values, level, null_deviation)
    return run.curve.value_at(phi, run.half_rise(level)) - 0.5
