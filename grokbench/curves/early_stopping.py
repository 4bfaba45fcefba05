"""Would a stopping rule have ended a run too soon, and what would it have cost?

Numbers only: a rule is applied to checks, and its end is compared to that of the whole run. `audit` does this for all
rules on a run as it was logged, `least_patience` asks how much patience would have lost nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from grokbench.curves.detect import Detection
from grokbench.curves.evidence import Pair
from grokbench.curves.stopping_rules import RULES, Checks, Rule

NAN = math.nan
NOTHING = 0.01  # held-out accuracy: a rule that costs at most a point has lost nothing
CHECKS_PER_T_MEM = 10
MOST_CHECKS = 20_000  # evenly spaced checks that are looked at: 2,000 t_mem
EVEN = 2.0  # a step between two rows that is longer than this times the median one is a gap
GAPS = 0.05  # rows are checks as they are where at most this share of the steps are gaps: a crash leaves a few


@dataclass(frozen=True)
class Ending:
    """What a rule does to a run.

    Parameters
    ----------
    check : number of the check after which it stops, from 1; NaN if it never stops.
    stop : time of that check; NaN if it never stops.
    stopped_before_generalizing : 1.0 if it stops before t_gen, 0.0 if not, NaN for a run without a t_gen.
    kept : time of the best checkpoint up to there, by the error that the rule reads.
    test_accuracy_at_stop : held-out accuracy of what it keeps.
    final_test_accuracy : held-out accuracy at the last check of the whole run.
    regret : final_test_accuracy - test_accuracy_at_stop; negative where stopping was better.
    """

    check: float
    stop: float
    stopped_before_generalizing: float
    kept: float
    test_accuracy_at_stop: float
    final_test_accuracy: float
    regret: float


@dataclass(frozen=True)
class Needed:
    """The least patience that loses nothing (`NOTHING`), as all larger ones do; infinite where none does.

    Parameters
    ----------
    checks : in checks without improvement.
    time : in units of the clock, counted from t_mem on where that is known.
    t_mems : the same in multiples of t_mem; NaN where that is not known.
    """

    checks: float
    time: float
    t_mems: float


def ending(rule: Rule, checks: Checks, t_gen: float = NAN) -> Ending:
    """What `rule` does to the run of `checks`, at least one; `t_gen` is NaN for a run that did not generalize."""
    at = rule.stop(checks)
    last = len(checks) - 1 if at is None else at
    kept = int(checks.known[: last + 1].argmin())
    stop = NAN if at is None else float(checks.times[at])
    worth, final = float(checks.accuracy[kept]), float(checks.accuracy[-1])
    too_soon = NAN if math.isnan(t_gen) else float(stop < t_gen)
    number = NAN if at is None else at + 1.0
    return Ending(number, stop, too_soon, float(checks.times[kept]), worth, final, final - worth)


def least_patience(checks: Checks, tolerance: float = NOTHING) -> Needed:
    """The least patience on the error of `checks` that costs at most `tolerance` of held-out accuracy."""
    best = checks.best
    if not best.size:
        return Needed(math.inf, math.inf, math.inf if checks.t_mem > 0 else NAN)
    harmless = checks.accuracy[-1] - checks.accuracy[best] <= tolerance + 1e-12
    begins = checks.times[best]
    if not math.isnan(checks.t_mem):
        begins = np.maximum(begins, checks.t_mem)
    in_checks = max(1.0, _least(np.diff(best, prepend=-1).astype(float), harmless))
    in_time = _least(np.maximum(0.0, checks.times[best] - np.concatenate([begins[:1], begins[:-1]])), harmless)
    return Needed(in_checks, in_time, in_time / checks.t_mem if checks.t_mem > 0 else NAN)


def _least(waits: np.ndarray, harmless: np.ndarray) -> float:
    """The least patience from which on every one ends harmlessly.

    waits : (improvements,) how long each had to be waited for. harmless : whether one may end with it.
    A patience p ends with the last improvement before the first that has to be waited for longer than p.
    """
    needed = np.maximum.accumulate(waits)
    ends = np.append(needed[1:] > needed[:-1], True)  # the last improvement of each stretch of equal patience
    levels, fine = needed[ends], harmless[ends]
    wrong = np.flatnonzero(~fine)
    after = wrong[-1] + 1 if wrong.size else 0
    return float(levels[after]) if after < len(levels) else math.inf


def read_evenly(times: np.ndarray, values: np.ndarray, every: float, most: int = MOST_CHECKS) -> np.ndarray:
    """(checks,) `values` (rows,) at every, 2 every, ... up to the last row: linear in time between two rows.

    Between rows nothing is known. The last row held on would stop a patience between two rows that are far apart,
    a straight line says of a rise between them that it was one.
    """
    return np.interp(even_times(times, every, most), times, values)


def even_times(times: np.ndarray, every: float, most: int = MOST_CHECKS) -> np.ndarray:
    """(checks,) every, 2 every, ... up to the last of `times` (rows,), `most` at the most and one at the least."""
    count = max(1, int(min(most, times[-1] / every * (1 + 1e-12))))
    return every * np.arange(1, count + 1)


def is_even(times: np.ndarray) -> bool:
    """Whether rows are about evenly spaced, but for a few gaps, so that a row is a check."""
    steps = np.diff(times)
    return bool(np.mean(steps > EVEN * np.median(steps)) <= GAPS)


def spacing(times: np.ndarray, t_mem: float) -> float:
    """Time between two checks: NaN where the rows are the checks, or else t_mem / 10 (a hundredth without a t_mem)."""
    if is_even(times):
        return NAN
    return t_mem / CHECKS_PER_T_MEM if t_mem > 0 else float(times[-1]) / 100


def checks_of(test: Pair, error: Pair, t_mem: float, every: float | None = None) -> Checks:
    """The checks of a run.

    Parameters
    ----------
    test : times and held-out accuracy, (rows,) each.
    error : times and the held-out error that rules read, (rows,) each.
    t_mem : NaN if training accuracy never reached its level.
    every : time between two checks; NaN: the rows of `error` are the checks. None: as `spacing` has it.
    """
    rows, worth = (np.asarray(column, dtype=float) for column in test)
    times, errors = (np.asarray(column, dtype=float) for column in error)
    every = spacing(times, t_mem) if every is None else every
    if math.isnan(every):
        return Checks(times, errors, np.interp(times, rows, worth), t_mem)
    looks = even_times(times, every)
    return Checks(looks, read_evenly(times, errors, every), np.interp(looks, rows, worth), t_mem)


def audit(
    test: Pair,
    detection: Detection,
    *,
    test_loss: Pair | None = None,
    evaluated: Pair | None = None,
    every: float | None = None,
) -> list[dict[str, object]]:
    """What each rule of `RULES` would have done to a run: one row for each, on accuracy and, where it is known, loss.

    Parameters
    ----------
    test : times and held-out accuracy that the rules read, (rows,) each.
    detection : of the same run.
    test_loss : times and held-out loss.
    evaluated : times and accuracy by which the regret is judged: of another half of the held-out split, where it was
        logged. None: `test`, which is optimistic, since the best checkpoint was chosen on it.
    every : time between two checks; None as for `checks_of`.

    The rows have ``reads`` ("accuracy" or "loss"), ``rule``, the fields of `Ending`, and of `Needed` for what the rule
    reads, as ``needed_checks``, ``needed_time``, ``needed_t_mems``. ``every`` is the time between two checks, NaN where
    the rows are the checks. ``best_test_accuracy`` is the highest held-out accuracy of any check of the whole run.
    """
    errors = {"accuracy": (test[0], 1 - np.asarray(test[1], dtype=float))}
    if test_loss is not None and len(test_loss[0]) > 1:
        errors["loss"] = test_loss
    rows: list[dict[str, object]] = []
    for reads, error in errors.items():
        between = spacing(np.asarray(error[0], dtype=float), detection.t_mem) if every is None else every
        checks = checks_of(evaluated or test, error, detection.t_mem, between)
        needed = {f"needed_{name}": value for name, value in vars(least_patience(checks)).items()}
        needed |= {"every": between, "best_test_accuracy": float(checks.accuracy.max())}
        ends = ((rule.name, ending(rule, checks, detection.t_gen)) for rule in RULES)
        rows += [{"reads": reads, "rule": name, **vars(end), **needed} for name, end in ends]
    return rows


def in_words(rows: list[dict[str, object]], rule: str = "patience 10") -> list[str]:
    """What a reader of a log should know: one line for what a rule on accuracy, and one on loss, would have done."""
    return [_line(row) for row in rows if row["rule"] == rule]


def _line(row: dict[str, object]) -> str:
    name = f"early stopping, {row['rule']} on held-out {row['reads']}"
    if not math.isnan(row["every"]):
        name += f" (rows are uneven: a check every {row['every']:,.4g})"
    too_soon = ", before the run generalized" if row["stopped_before_generalizing"] == 1 else ""
    stop = (
        "would not have stopped" if math.isnan(row["stop"]) else f"would have stopped at {row['stop']:,.6g}{too_soon}"
    )
    return f"{name}: {stop}, keeping accuracy {row['test_accuracy_at_stop']:.3f} ({_ends(row)}); {_least_in_words(row)}"


def _ends(row: dict[str, object]) -> str:
    """What the run comes to: its end, and its best where that is better than the end and than what is kept."""
    end, best = row["final_test_accuracy"], row["best_test_accuracy"]
    better = best - max(end, row["test_accuracy_at_stop"]) > NOTHING
    return f"{end:.3f} at the end" + (f", {best:.3f} at best" if better else "")


def _least_in_words(row: dict[str, object]) -> str:
    if not math.isfinite(row["needed_checks"]):
        return "no patience comes within .01 of the end"
    in_t_mem = f" ({row['needed_t_mems']:.2g} t_mem)" if 0 < row["needed_t_mems"] < math.inf else ""
    checks = "1 check" if row["needed_checks"] == 1 else f"{row['needed_checks']:,.0f} checks"
    return f"a patience of {checks} or more{in_t_mem} comes within .01 of the end"
