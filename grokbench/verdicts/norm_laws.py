"""Laws that predict the delay of a network from the norm of its weights, held against the delay that it had.

With eta the learning rate, lambda the weight decay, V = |theta|^2 and the delay t_gen - t_mem in steps:

* as printed (arXiv 2603.13331): ``log(V(t_mem) / V(t_gen)) / (eta lambda)``, its constant taken as 1. It reads the norm
  at t_gen, which no forecast can;
* first passage (2605.18845, after the same authors): ``log(V(t_mem) / V_star) / (2 kappa eta lambda)`` with V_star and
  kappa from a single setting;
* bare: ``c / (eta lambda)``, which knows no norm, with c from the same setting.

The setting is a quadratic network of width 128 on addition modulo 31 from three fifths of the table, learning rate .01
and decay 1, on the exploratory seeds 0 to 9; the constants are the medians over them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from grokbench.curves.detect import LEVEL
from grokbench.curves.run import Run

V_STAR = 1963.0  # |theta(t_gen)|^2
KAPPA = 0.0617  # decay alone would have 1: AdamW's gradients hold the norm up
C = 2.44  # eta lambda (t_gen - t_mem)


def wait(run: Run) -> float:
    """t_gen - t_mem; NaN where one of them was not observed."""
    detection = run.detections[LEVEL]
    return detection.t_gen - detection.t_mem


def printed(run: Run) -> float:
    """The delay by the law as it is printed."""
    detection = run.detections[LEVEL]
    return math.log(_square(run, detection.t_mem) / _square(run, detection.t_gen)) / contraction(run)


def first_passage(run: Run) -> float:
    """The delay by the calibrated law; negative where the norm is below the threshold from the start."""
    return math.log(_square(run, run.detections[LEVEL].t_mem) / V_STAR) / (2 * KAPPA * contraction(run))


def bare(run: Run) -> float:
    """The delay by learning rate and decay alone."""
    return C / contraction(run)


def error(law: Callable[[Run], float]) -> Callable[[Run], float]:
    """The relative error of a law's delay, |law - delay| / delay; a negative delay is a forecast of none."""

    def of(run: Run) -> float:
        delay = wait(run)
        return abs(max(law(run), 0.0) - delay) / delay if delay > 0 else math.nan

    return of


def contraction(run: Run) -> float:
    """Learning rate times weight decay."""
    options = run.record["config"]["learner_options"]
    return options["learning_rate"] * options["weight_decay"]


def _square(run: Run, time: float) -> float:
    return run.curve.value_at(run.curve.column("norm"), time) ** 2
