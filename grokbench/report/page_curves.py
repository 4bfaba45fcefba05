"""The curves of a page: as many checkpoints of every run as a page has room for, times that recur written once."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from grokbench.curves.run import Run
from grokbench.figures.drawn_curves import times_of

MOST_POINTS = (60, 40, 30, 24, 18, 12, 8, 5)  # of a curve, the first that has room
LARGEST = 2_000_000  # characters of all curves
FINEST = 1000  # chance-corrected accuracies are in thousandths


def curves_data(runs: Sequence[Run], room: int = LARGEST) -> dict[str, object]:
    """Times, and chance-corrected accuracies in thousandths, of all runs that have a curve which can be judged.

    Returns ``{"points": most of a curve, "times": [...], "runs": [[times, training, held out] or None, ...]}``, where
    the first number is a place in `times`. As JSON it has at most `room` characters, if need be no curves at all.
    """
    # the first pass unpacks each curve once; those that follow thin what it has left
    drawn = [_Drawn(run) if run.curve.last > 0 and not run.unreadable else None for run in runs]
    for points in MOST_POINTS:
        data = _data(drawn, points)
        if len(compact(data)) <= room:
            return data
    return {"points": 0, "times": [], "runs": [None] * len(runs)}


class _Drawn:
    """One run at the checkpoints that a page draws at most."""

    def __init__(self, run: Run):
        self.times = times_of(run, MOST_POINTS[0])
        kept = np.isin(run.curve.time, self.times)
        self.splits = [run.curve.kappa_train[kept], run.curve.kappa_test[kept]]

    def at(self, points: int) -> tuple[tuple[float, ...], list[list]]:
        """Times with four digits, and both splits, at so many of its checkpoints."""
        places = np.unique(np.linspace(0, len(self.times) - 1, min(points, len(self.times))).round().astype(int))
        times = tuple(float(f"{time:.4g}") for time in self.times[places])
        return times, [[_thousandths(value) for value in split[places]] for split in self.splits]


def _thousandths(value: float) -> int | None:
    return None if not np.isfinite(value) else round(float(max(value, -1.0)) * FINEST)


def _data(drawn: Sequence[_Drawn | None], points: int) -> dict[str, object]:
    times: dict[tuple[float, ...], int] = {}
    runs = []
    for curve in drawn:
        if curve is None or not len(curve.times):
            runs.append(None)
            continue
        at, splits = curve.at(points)
        runs.append([times.setdefault(at, len(times)), *splits])
    return {"points": points, "times": [[_plain(time) for time in at] for at in times], "runs": runs}


def _plain(time: float) -> float | int:
    return int(time) if time == int(time) else time


def compact(value: object) -> str:
    """JSON without a blank. ValueError for NaN."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
