"""Where a measure stands on its own way from t_mem to the end of the rise: what no change of the clock can change."""

from __future__ import annotations

import math

import numpy as np

from grokbench.curves.outcome import HEAD
from grokbench.curves.run import Run

NULL_DEVIATIONS = 3.0
PATH = "path"  # column: length of the machine's own path so far
BEHIND = 0.25  # share of its path that a machine has behind it at the half-rise, if that comes late


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


def path_behind(run: Run, time: float) -> float:
    """The share of its own path that a machine has behind it at a time: 0 at its first fit, 1 at the last checkpoint.

    Its path is the sum of the distances between the scores of one checkpoint and the next on unlabelled inputs. NaN
    where it was not measured, or where the machine never moves.
    """
    path = run.curve.column(PATH)
    whole = run.curve.end(PATH)
    return run.curve.value_at(path, time) / whole if whole > 0 else math.nan


def late_on_path(run: Run, level: float) -> float:
    """Late generalization without a clock: 1 if a quarter of the path lies before the half-rise, 0 if not.

    Besides, as by the clock, the run generalizes from a head below .25 and is no artefact of the threshold. NaN where
    the path is not known. A strictly increasing function of time in its place changes nothing.
    """
    detection = run.detections[level]
    if detection.t_gen_censoring == "right":
        return 0.0
    behind = path_behind(run, run.half_rise(level))
    if math.isnan(behind):
        return math.nan
    return float(behind >= BEHIND and detection.head < HEAD and detection.outcome != "metric_artifact")
