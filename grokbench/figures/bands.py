"""The middle of several curves: median and quartiles at the times that a figure draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from grokbench.curves.curve import Curve


def common_times(curves: Sequence[Curve], points: int) -> np.ndarray:
    """(points,) evenly on the log of the clock, from the latest first checkpoint to where half of the curves end."""
    first = max(curve.time[curve.time > 0][0] for curve in curves)
    last = sorted((curve.last for curve in curves), reverse=True)[(len(curves) - 1) // 2]
    return np.geomspace(first, max(first, last), points)


def on_log(time: np.ndarray, values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(times,) ``values`` (checkpoints,), linear in log time between those that were measured; NaN outside them."""
    known = ~np.isnan(values) & (time > 0)
    if not known.any():
        return np.full(len(times), np.nan)
    return np.interp(np.log(times), np.log(time[known]), values[known], left=np.nan, right=np.nan)


def band(curves: Sequence[Curve], values: Sequence[np.ndarray], points: int) -> Iterator[dict[str, float]]:
    """A row per time at which half of the curves are known: ``time``, ``low``, ``median`` and ``high``.

    values : one array (checkpoints,) for each curve.
    """
    times = common_times(curves, points)
    known = [on_log(curve.time, of_curve, times) for curve, of_curve in zip(curves, values, strict=True)]
    for place, low, median, high in middle(np.array(known)):
        yield {"time": float(times[place]), "low": low, "median": median, "high": high}


def middle(values: np.ndarray) -> Iterator[tuple[int, float, float, float]]:
    """Place, lower quartile, median and upper quartile of each column of ``values`` (runs, places) half known."""
    for place, column in enumerate(np.asarray(values).T):
        known = column[~np.isnan(column)]
        if known.size and 2 * known.size >= column.size:
            yield place, *map(float, np.quantile(known, [0.25, 0.5, 0.75]))
