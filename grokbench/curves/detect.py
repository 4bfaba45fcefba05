"""Grokking is a statement about two first-passage times of a curve; this file makes it.

Nothing here knows a learner: it works on anyone's training log. All levels are chance-corrected,
kappa = (accuracy - chance) / (1 - chance), never clipped; held-out levels are fractions of the
ceiling. Times are on the curve's own clock, delays and widths in decades (log10).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from grokbench.curves.crossing import SUSTAINED, Censoring, Crossing, crossing
from grokbench.curves.curve import Curve, kappa
from grokbench.errors import UsageError

OUTCOMES = (
    "groks",
    "gradual",
    "metric_artifact",
    "immediate",
    "partial",
    "memorizes_only",
    "unconfirmed",
    "collapses",
    "never_fits",
)

LEVEL = 0.95  # chance-corrected accuracy that counts as learned
LATE_DECADES = 0.5
HEAD = 0.25
NAN = float("nan")
LARGEST = 1e150  # of a time and of a skill: their ratios and differences are numbers
ACCURACIES = ("train_accuracy", "test_accuracy")
READ = ("time", *ACCURACIES, "test_loss", "skill", "rank_auc")  # columns that a detection looks at


@dataclass(frozen=True)
class Detection:
    """What a curve says; every field is a column of ``runs.csv``, and `notes` says what was not tested.

    t_mem, t_gen : crossing times of training and held-out accuracy; NaN where right-censored.
    delay : log10(t_gen / t_mem); a lower bound where `delay_censoring` is "right": the end of the
        curve where t_gen is censored, the arbitrary unit of the clock where `resolved` is False.
    loss_delay : the same from skill >= .5 in place of accuracy.
    width : decades from .10 to .90 of held-out accuracy (of the ranking, where `offset`).
    head : held-out kappa at t_mem (of the ranking, where `offset`).
    skill_at_mem : skill at t_mem. rank_delay, rank_width : from the threshold-free accuracy.
    offset : the accuracy lags the ranking by more than .3 decade.
    resolved : t_mem lies at least 5 checkpoints and 10 clock units after the clock's first value.
    late : 1.0, 0.0, or NaN where the run says nothing; the endpoint of every comparison.
    """

    t_mem: float
    t_mem_censoring: Censoring
    t_gen: float
    t_gen_censoring: Censoring
    delay: float
    delay_censoring: Censoring
    loss_delay: float
    loss_delay_censoring: Censoring
    width: float
    head: float
    skill_at_mem: float
    rank_delay: float
    rank_width: float
    offset: bool
    resolved: bool
    late: float
    outcome: str
    notes: tuple[str, ...] = ()

    @classmethod
    def columns(cls) -> list[str]:
        """The names of the columns, without `notes`."""
        return [field.name for field in fields(cls) if field.name != "notes"]


def detect(
    curve,
    chance: float | None = None,
    n_classes: int | None = None,
    ceiling: float | None = None,
    level: float = LEVEL,
    unit: float | None = None,
    baseline_loss: float | None = None,
) -> Detection:
    """Judge a curve by the definitions of the contract.

    Parameters
    ----------
    curve : DataFrame (or mapping of columns) with ``time``, ``train_accuracy``, ``test_accuracy`` and,
        where known, ``skill`` (or ``test_loss`` with `baseline_loss`) and ``rank_auc``.
    chance : accuracy of the best constant answer.
    n_classes : needed for the rank versions; without it they are undefined.
    ceiling : highest attainable held-out kappa, 1 unless given. See `sustained_ceiling` for a stranger's log.
    level : of the two crossing times.
    unit : one unit of the clock; 1 unless given.
    baseline_loss : held-out loss of the best constant; gives skill where the column is missing.

    What is not given is taken from ``curve.attrs``, where `grokbench.trace` has put it.

    Raises
    ------
    UsageError : columns missing, times not increasing, fewer than 2 checkpoints, values out of range.
    """
    given = {"chance": chance, "n_classes": n_classes, "ceiling": ceiling, "unit": unit, "baseline_loss": baseline_loss}
    known = {
        **(getattr(curve, "attrs", None) or {}),
        **{name: value for name, value in given.items() if value is not None},
    }
    checked = Curve.of({name: np.asarray(curve[name], dtype=np.float64) for name in READ if name in curve}, known)
    check(checked)
    return detection_at(checked, level)


def check(curve: Curve) -> None:
    """UsageError for a curve that cannot be judged: what is missing, or out of its range, and what to do."""
    for name in ("time", *ACCURACIES):
        if name not in curve.columns:
            raise UsageError(f"the curve has no column {name!r}; it has: {', '.join(map(str, curve.columns))}")
    _check_facts(curve)
    _check_times(curve.time)
    for name in ACCURACIES:
        values = curve.column(name)
        if np.isnan(values).any():
            missing = curve.time[np.isnan(values)]
            raise UsageError(
                f"accuracies are missing at {len(missing)} times, first at {missing[0]:g}: drop these rows"
            )
        if ((values < 0) | (values > 1)).any():
            raise UsageError("accuracies must be shares between 0 and 1 (percentages: divide by 100)")


def _check_facts(curve: Curve) -> None:
    chance, n_classes, ceiling, baseline_loss = curve.chance, curve.n_classes, curve.ceiling, curve.baseline_loss
    if n_classes is not None and (n_classes < 0 or n_classes == 1):
        raise UsageError(f"n_classes = {n_classes!r}: expected at least 2, or 0 for a regression")
    if math.isnan(chance):
        raise UsageError("chance is not known: give the accuracy of the best constant answer (chance=1/classes)")
    if not 0 <= chance < 1:
        raise UsageError(f"chance = {chance!r}: expected a share in [0, 1)")
    if not 0 < ceiling <= 1:
        raise UsageError(f"ceiling = {ceiling!r}: expected a kappa in (0, 1]")
    if baseline_loss is not None and not 0 < baseline_loss < np.inf:
        raise UsageError(f"baseline_loss = {baseline_loss!r}: expected a positive number")


def _check_times(times: np.ndarray) -> None:
    if len(times) < 2 or not (np.diff(times) > 0).all() or times[0] < 0 or times[-1] == np.inf:
        raise UsageError("times must be finite, increasing, not negative, and at least two")
    if times[-1] > LARGEST or times[times > 0][0] < 1 / LARGEST:
        raise UsageError(f"times must lie between {1 / LARGEST:g} and {LARGEST:g}, 0 aside: change the unit")


def detection_at(curve: Curve, level: float = LEVEL) -> Detection:
    """What a curve that can be judged (`check`) says at a level. UsageError for a level that is none."""
    if not 0 < level <= 1:
        raise UsageError(f"level = {level!r}: expected a chance-corrected accuracy in (0, 1]")
    times, test, rank, unit = curve.time, curve.kappa_test, curve.kappa_rank, curve.unit
    skill = np.clip(curve.skill, -LARGEST, LARGEST)
    mem, gen = crossing(times, curve.kappa_train, level), crossing(times, test, level)
    resolved = _resolved(times, mem, unit)
    delay, delay_censoring = _delay(times, mem, gen)
    if mem.reached and not resolved:
        delay_censoring = "right"
    loss_delay, loss_censoring = NAN, ""
    if _measured(skill):
        loss_delay, loss_censoring = _delay(times, mem, crossing(times, skill, 0.5))
        if mem.reached and not resolved:
            loss_censoring = "right"
    skill_at_mem = _at(times, skill, mem)
    rank_delay, rank_width, offset = _ranked(times, test, rank, mem, level)
    width, head = (rank_width, _at(times, rank, mem)) if offset else (_width(times, test), _at(times, test, mem))
    artifact = skill_at_mem >= 0.5 or (gen.reached and delay - rank_delay > 0.3)
    outcome = _outcome(curve, mem, gen, delay, head, width, artifact)
    return Detection(
        t_mem=mem.time,
        t_mem_censoring=mem.censoring,
        t_gen=gen.time,
        t_gen_censoring=gen.censoring,
        delay=delay,
        delay_censoring=delay_censoring,
        loss_delay=loss_delay,
        loss_delay_censoring=loss_censoring,
        width=width,
        head=head,
        skill_at_mem=skill_at_mem,
        rank_delay=rank_delay,
        rank_width=rank_width,
        offset=offset,
        resolved=resolved,
        late=_late(outcome, gen, delay, head, artifact, resolved, unit),
        outcome=outcome,
        notes=_untested(skill, rank),
    )


def _ranked(
    times: np.ndarray, test: np.ndarray, rank: np.ndarray, mem: Crossing, level: float
) -> tuple[float, float, bool]:
    """rank_delay, rank_width and offset; undefined where the ranking was not measured."""
    if not _measured(rank):
        return NAN, NAN, False
    ranked = crossing(times, rank, level)
    rank_delay = _delay(times, mem, ranked)[0] if ranked.reached else NAN
    return rank_delay, _width(times, rank), _offset(times, test, rank)


def _measured(values: np.ndarray) -> bool:
    """Whether a column says anything at all."""
    return not np.isnan(values).all()


def sustained_ceiling(test_accuracy: np.ndarray, chance: float) -> float:
    """The highest held-out kappa held on 3 consecutive checkpoints: the ceiling of a stranger's log.

    Below .2 nothing has generalized, and the ceiling is 1.
    """
    k = kappa(test_accuracy, chance)
    if len(k) < SUSTAINED:
        return 1.0
    held = np.lib.stride_tricks.sliding_window_view(k, SUSTAINED).min(axis=1).max()
    return float(held) if held >= 0.2 else 1.0


def _untested(skill: np.ndarray, rank: np.ndarray) -> tuple[str, ...]:
    notes = []
    if not _measured(skill):
        notes.append("metric_artifact untested: no skill column, and no baseline loss to compute it from")
    if not _measured(rank):
        notes.append("rank versions and offset untested: no rank_auc column or number of classes")
    return tuple(notes)


def _delay(times: np.ndarray, mem: Crossing, gen: Crossing) -> tuple[float, Censoring]:
    """Decades from t_mem to `gen`, or to the end of the curve where it is right-censored."""
    if not mem.reached:
        return NAN, ""
    if not gen.reached:
        return math.log10(times[-1] / mem.time), "right"
    return math.log10(gen.time / mem.time), "observed"


def _resolved(times: np.ndarray, mem: Crossing, unit: float) -> bool:
    if mem.censoring != "observed":
        return False
    first = int(np.flatnonzero(times > 0)[0])
    return bool(mem.index - first >= 5 and mem.time - times[first] >= 10 * unit)


def _width(times: np.ndarray, values: np.ndarray) -> float:
    low, high = crossing(times, values, 0.10), crossing(times, values, 0.90)
    return math.log10(high.time / low.time) if low.reached and high.reached else NAN


def _offset(times: np.ndarray, test: np.ndarray, rank: np.ndarray) -> bool:
    accuracy, ranking = crossing(times, test, 0.10), crossing(times, rank, 0.10)
    if not ranking.reached:
        return False
    end = accuracy.time if accuracy.reached else times[-1]  # never: the lag is at least that long
    return math.log10(end / ranking.time) > 0.3


def _at(times: np.ndarray, values: np.ndarray, mem: Crossing) -> float:
    """`values` at t_mem, interpolated linearly in log time."""
    if not (mem.reached and _measured(values)):
        return NAN
    positive = times > 0
    return float(np.interp(math.log(mem.time), np.log(times[positive]), values[positive]))


def _outcome(
    curve: Curve, mem: Crossing, gen: Crossing, delay: float, head: float, width: float, artifact: bool
) -> str:
    """The first label that applies, in the order of the contract."""
    end_train, end_test = (float(np.median(values[-5:])) for values in (curve.kappa_train, curve.kappa_test))
    if not (mem.reached or mem.pending or mem.held):
        return "never_fits"
    if (mem.held and end_train < 0.5) or (gen.held and end_test < 0.5):
        return "collapses"
    if not mem.reached or gen.pending or (not gen.reached and curve.last < 10 * mem.time):
        return "unconfirmed"
    if not gen.reached:
        return "memorizes_only" if end_test < 0.2 else "partial"
    if delay < LATE_DECADES:
        return "immediate"
    if artifact:
        return "metric_artifact"
    if head >= HEAD or width > 1:
        return "gradual"
    return "groks"


def _late(outcome: str, gen: Crossing, delay: float, head: float, artifact: bool, resolved: bool, unit: float) -> float:
    """Late generalization: 1, 0, or NaN where the run neither fits for good nor is decided."""
    if outcome in ("never_fits", "collapses", "unconfirmed"):
        return NAN
    if not gen.reached:
        return 0.0
    separated = resolved or gen.time >= 5 * unit
    return float(delay >= LATE_DECADES and head < HEAD and not artifact and separated)
