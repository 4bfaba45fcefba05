"""Grokking is a statement about two first-passage times of a curve; this file makes it.

Nothing here knows a learner: it works on anyone's training log. All levels are chance-corrected,
kappa = (accuracy - chance) / (1 - chance), never clipped; held-out levels are fractions of the
ceiling. Times are on the curve's own clock, delays and widths in decades (log10).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from grokbench.errors import UsageError

Censoring = Literal["observed", "left", "right", ""]

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

SUSTAINED = 3  # consecutive checkpoints that count as reaching, or as losing, a level
HYSTERESIS = 0.15  # how far below the level it has to fall to be lost
ROUNDING = 1e-12  # a kappa that is exactly at a level may miss it by rounding: (.95 - .5) / .5 < .9
LATE_DECADES = 0.5
HEAD = 0.25
NAN = float("nan")
LARGEST = 1e150  # of a time and of a skill: their ratios and differences are numbers


@dataclass(frozen=True)
class Crossing:
    """When a curve reached a level for good.

    time : NaN where it never did; the first positive checkpoint where it held from the start.
    censoring : "observed", "left" (held at time 0) or "right" (never reached).
    pending : it holds at the last one or two checkpoints only.
    held : it was at or above the level on 3 consecutive checkpoints at some time, perhaps lost again.
    index : position of the checkpoint that starts the run; -1 where censored to the right.
    """

    time: float
    censoring: Censoring
    pending: bool = False
    held: bool = False
    index: int = -1

    @property
    def reached(self) -> bool:
        """True unless right-censored."""
        return self.censoring != "right"


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
    level: float = 0.95,
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
    return detect_at((level,), curve, chance, n_classes, ceiling, unit, baseline_loss)[level]


def detect_at(
    levels: Sequence[float],
    curve,
    chance: float | None = None,
    n_classes: int | None = None,
    ceiling: float | None = None,
    unit: float | None = None,
    baseline_loss: float | None = None,
) -> dict[float, Detection]:
    """`detect` at several levels, which share all that does not depend on the level."""
    known = dict(getattr(curve, "attrs", {}) or {})
    chance = known.get("chance") if chance is None else chance
    n_classes = known.get("n_classes") if n_classes is None else n_classes
    ceiling = known.get("ceiling", 1.0) if ceiling is None else ceiling
    unit = known.get("unit", 1.0) if unit is None else unit
    baseline_loss = known.get("baseline_loss") if baseline_loss is None else baseline_loss
    for level in levels:
        if not 0 < level <= 1:
            raise UsageError(f"level = {level!r}: expected a chance-corrected accuracy in (0, 1]")
    if n_classes is not None and (n_classes < 0 or n_classes == 1):
        raise UsageError(f"n_classes = {n_classes!r}: expected at least 2, or 0 for a regression")
    data = _columns(curve, chance, n_classes, ceiling, baseline_loss)
    return {level: _judge(data, level, unit) for level in levels}


def kappa(accuracy: np.ndarray, chance: float) -> np.ndarray:
    """Chance-corrected accuracy; 0 at chance, 1 at perfection, negative below chance."""
    return (np.asarray(accuracy, dtype=np.float64) - chance) / (1 - chance)


def kappa_rank(rank_auc: np.ndarray, n_classes: int) -> np.ndarray:
    """Threshold-free accuracy, chance-corrected: what the ranking is worth without offsets.

    C > 2: the true class scores N(d, 1), each other one N(0, 1), so rank_auc = Phi(d / sqrt 2) and the
    accuracy is g = ∫ phi(x - d) Phi(x)^(C-1) dx. C = 2: rank_auc is a ROC AUC between examples; with
    equal Gaussians it is Phi(sqrt 2 · z) and the accuracy at the optimal threshold Phi(z).
    """
    from scipy.special import ndtr, ndtri

    auc = np.clip(np.asarray(rank_auc, dtype=np.float64), 0.0, 1.0)
    if n_classes == 2:
        g = ndtr(ndtri(auc) / math.sqrt(2))
    else:
        d = np.clip(math.sqrt(2) * ndtri(auc), -12, 12)[:, None]
        z = np.linspace(-9, 9, 181)  # trapezium on a smooth integrand with vanishing ends: exact to 1e-10
        weights = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
        g = (weights * ndtr(z + d) ** (n_classes - 1)).sum(axis=1)
    return (g - 1 / n_classes) / (1 - 1 / n_classes)


def sustained_ceiling(test_accuracy: np.ndarray, chance: float) -> float:
    """The highest held-out kappa held on 3 consecutive checkpoints: the ceiling of a stranger's log.

    Below .2 nothing has generalized, and the ceiling is 1.
    """
    k = kappa(test_accuracy, chance)
    if len(k) < SUSTAINED:
        return 1.0
    held = np.lib.stride_tricks.sliding_window_view(k, SUSTAINED).min(axis=1).max()
    return float(held) if held >= 0.2 else 1.0


def crossing(times: np.ndarray, values: np.ndarray, level: float) -> Crossing:
    """First sustained passage of `values` through `level`.

    The start, interpolated in log time, of the first run of 3 consecutive checkpoints at or above the
    level that is not followed by 3 consecutive checkpoints below level - .15. NaN values are below.
    """
    values = np.where(np.isnan(values), -np.inf, values)
    above, lost = values >= level - ROUNDING, values < level - HYSTERESIS - ROUNDING
    starts = _runs(above)
    losses = _runs(lost)
    for start in starts:
        if not (losses > start).any():
            return _observed(times, values, level, int(start))
    ends_above = 0
    while ends_above < len(above) and above[len(above) - 1 - ends_above]:
        ends_above += 1
    pending = 0 < ends_above < SUSTAINED
    return Crossing(NAN, "right", pending=pending, held=len(starts) > 0)


def _runs(flags: np.ndarray) -> np.ndarray:
    """Indices at which SUSTAINED consecutive true flags start."""
    if len(flags) < SUSTAINED:
        return np.empty(0, dtype=int)
    return np.flatnonzero(np.lib.stride_tricks.sliding_window_view(flags, SUSTAINED).all(axis=1))


def _observed(times: np.ndarray, values: np.ndarray, level: float, start: int) -> Crossing:
    if start == 0:
        first_positive = float(times[times > 0][0])
        return Crossing(first_positive, "left", held=True, index=int(np.flatnonzero(times > 0)[0]))
    before, here = times[start - 1], times[start]
    time = float(here)
    if before > 0 and np.isfinite(values[start - 1]):
        share = min(1.0, (level - values[start - 1]) / (values[start] - values[start - 1]))
        time = float(before * (here / before) ** share)
    return Crossing(time, "observed", held=True, index=start)


@dataclass(frozen=True)
class _Data:
    times: np.ndarray
    train: np.ndarray
    test: np.ndarray
    skill: np.ndarray | None
    rank: np.ndarray | None


def _columns(curve, chance: float | None, n_classes: int | None, ceiling: float, baseline_loss: float | None) -> _Data:
    for name in ("time", "train_accuracy", "test_accuracy"):
        if name not in curve:
            raise UsageError(f"the curve has no column {name!r}; it has: {', '.join(map(str, curve))}")
    if chance is None:
        raise UsageError("chance is not known: give the accuracy of the best constant answer (chance=1/classes)")
    if not 0 <= chance < 1:
        raise UsageError(f"chance = {chance!r}: expected a share in [0, 1)")
    if not 0 < ceiling <= 1:
        raise UsageError(f"ceiling = {ceiling!r}: expected a kappa in (0, 1]")
    times = np.asarray(curve["time"], dtype=np.float64)
    if len(times) < 2 or not (np.diff(times) > 0).all() or times[0] < 0 or times[-1] == np.inf:
        raise UsageError("times must be finite, increasing, not negative, and at least two")
    if times[-1] > LARGEST or times[times > 0][0] < 1 / LARGEST:
        raise UsageError(f"times must lie between {1 / LARGEST:g} and {LARGEST:g}, 0 aside: change the unit")
    if baseline_loss is not None and not 0 < baseline_loss < np.inf:
        raise UsageError(f"baseline_loss = {baseline_loss!r}: expected a positive number")
    skill = _optional(curve, "skill")
    if skill is None and baseline_loss is not None and "test_loss" in curve:
        with np.errstate(over="ignore"):  # an infinite loss is no skill, too
            skill = 1 - np.asarray(curve["test_loss"], dtype=np.float64) / baseline_loss
    skill = None if skill is None else np.clip(skill, -LARGEST, LARGEST)
    accuracies = [np.asarray(curve[name], dtype=np.float64) for name in ("train_accuracy", "test_accuracy")]
    for values in accuracies:
        if np.isnan(values).any():
            missing = times[np.isnan(values)]
            raise UsageError(
                f"accuracies are missing at {len(missing)} times, first at {missing[0]:g}: drop these rows"
            )
        if ((values < 0) | (values > 1)).any():
            raise UsageError("accuracies must be shares between 0 and 1 (percentages: divide by 100)")
    train, test = (kappa(values, chance) for values in accuracies)
    rank_auc = _optional(curve, "rank_auc") if n_classes else None
    rank = None if rank_auc is None else kappa_rank(rank_auc, n_classes) / ceiling
    return _Data(times, train, test / ceiling, skill, rank)


def _optional(curve, name: str) -> np.ndarray | None:
    if name not in curve:
        return None
    values = np.asarray(curve[name], dtype=np.float64)
    return None if np.isnan(values).all() else values


def _judge(data: _Data, level: float, unit: float) -> Detection:
    times, test, rank = data.times, data.test, data.rank
    mem, gen = crossing(times, data.train, level), crossing(times, test, level)
    resolved = _resolved(times, mem, unit)
    delay, delay_censoring = _delay(times, mem, gen)
    if mem.reached and not resolved:
        delay_censoring = "right"
    loss_delay, loss_censoring = NAN, ""
    if data.skill is not None:
        loss_delay, loss_censoring = _delay(times, mem, crossing(times, data.skill, 0.5))
        if mem.reached and not resolved:
            loss_censoring = "right"
    skill_at_mem = _at(times, data.skill, mem)
    width, head = _width(times, test), _at(times, test, mem)
    rank_delay = rank_width = NAN
    offset = False
    if rank is not None:
        ranked = crossing(times, rank, level)
        rank_delay = _delay(times, mem, ranked)[0] if ranked.reached else NAN
        rank_width = _width(times, rank)
        offset = _offset(times, test, rank)
        if offset:
            width, head = rank_width, _at(times, rank, mem)
    artifact = skill_at_mem >= 0.5 or (gen.reached and delay - rank_delay > 0.3)
    outcome = _outcome(data, mem, gen, delay, head, width, artifact)
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
        notes=_untested(data),
    )


def _untested(data: _Data) -> tuple[str, ...]:
    notes = []
    if data.skill is None:
        notes.append("metric_artifact untested: no skill column, and no baseline loss to compute it from")
    if data.rank is None:
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


def _at(times: np.ndarray, values: np.ndarray | None, mem: Crossing) -> float:
    """`values` at t_mem, interpolated linearly in log time."""
    if values is None or not mem.reached:
        return NAN
    positive = times > 0
    return float(np.interp(math.log(mem.time), np.log(times[positive]), values[positive]))


def _outcome(data: _Data, mem: Crossing, gen: Crossing, delay: float, head: float, width: float, artifact: bool) -> str:
    """The first label that applies, in the order of the contract."""
    end_train, end_test = (float(np.median(values[-5:])) for values in (data.train, data.test))
    if not (mem.reached or mem.pending or mem.held):
        return "never_fits"
    if (mem.held and end_train < 0.5) or (gen.held and end_test < 0.5):
        return "collapses"
    if not mem.reached or gen.pending or (not gen.reached and data.times[-1] < 10 * mem.time):
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
