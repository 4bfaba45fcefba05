"""Grokking is a statement about two first-passage times of a curve; this file makes it.

Nothing here knows a learner: it works on anyone's training log. All levels are chance-corrected,
kappa = (accuracy - chance) / (1 - chance), never clipped; held-out levels are fractions of the
ceiling. Times are on the curve's own clock, delays and widths in decades (log10). Spans are counted
in time, in bins of 1/20 decade, so that a denser log of the same run says the same.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import numpy as np

from grokbench.curves.checks import ACCURACIES, check, check_facts
from grokbench.curves.crossing import Censoring, Crossing, Episodes, crossing, episodes
from grokbench.curves.curve import Curve
from grokbench.curves.evidence import Evidence, Pair, skill_of_loss
from grokbench.curves.notes import beginning_note, ending_note
from grokbench.curves.outcome import begins_after, late_of, outcome_of, too_sparse
from grokbench.curves.series import Quantity
from grokbench.errors import UsageError

LEVEL = 0.95  # chance-corrected accuracy that counts as learned
NAN = float("nan")
READ = ("time", *ACCURACIES, "test_loss", "skill", "rank_auc")  # columns that a detection looks at


@dataclass(frozen=True)
class Detection:
    """What a curve says; every field is a column of ``runs.csv``, and `notes` says what was not tested.

    t_mem, t_gen : crossing times of training and held-out accuracy; NaN where right-censored.
    delay : log10(t_gen / t_mem); a lower bound where `delay_censoring` is "right": the end of the curve where t_gen
        is censored, the first row where t_mem lies before it.
    loss_delay : the same from skill >= .5 in place of accuracy.
    width : decades from .10 to .90 of held-out accuracy (of the ranking, where `offset`).
    head : held-out kappa at t_mem (of the ranking, where `offset`).
    skill_at_mem : skill at t_mem. rank_delay, rank_width : from the threshold-free accuracy.
    offset : the accuracy lags the ranking by more than .3 decade.
    resolved : even the lower end of t_mem's bracket is 10 units after the clock's first one, so that it matters
        little where the clock begins.
    late : 1.0, 0.0, or NaN where the run says nothing; the endpoint of every comparison.
    outcome : one of `OUTCOMES`.
    t_mem_low, t_mem_high, t_gen_low, t_gen_high : the rows between which a crossing lies; 0 before the first row, and
        NaN beyond the last.
    delay_low, delay_high : the bounds that these give for the delay; NaN where there is none on that side.
    t_mem_first, t_gen_first : the first sustained passages, lost again or not; NaN without any.
    t_mem_lost, t_mem_lost_longest, t_mem_lost_deepest : `Episodes` of training accuracy; t_gen_lost and so on of the
        held-out one.
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
    t_mem_low: float = NAN
    t_mem_high: float = NAN
    t_gen_low: float = NAN
    t_gen_high: float = NAN
    delay_low: float = NAN
    delay_high: float = NAN
    t_mem_first: float = NAN
    t_gen_first: float = NAN
    t_mem_lost: float = NAN
    t_mem_lost_longest: float = NAN
    t_mem_lost_deepest: float = NAN
    t_gen_lost: float = NAN
    t_gen_lost_longest: float = NAN
    t_gen_lost_deepest: float = NAN
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
    ceiling : highest attainable held-out kappa, 1 unless given.
    level : of the two crossing times.
    unit : one unit of the clock; 1 unless given.
    baseline_loss : held-out loss of the best constant; gives skill where the column is missing.

    What is not given is taken from ``curve.attrs``, where `grokbench.trace` has put it.

    Raises
    ------
    UsageError : a path in place of a curve, columns missing, times not increasing, fewer than 2 checkpoints, values
        out of range.
    """
    if isinstance(curve, str | os.PathLike):
        raise UsageError(f"curve = {str(curve)!r}: expected a DataFrame; python -m grokbench detect reads files")
    named = {"chance": chance, "n_classes": n_classes, "ceiling": ceiling, "unit": unit, "baseline_loss": baseline_loss}
    known = {
        **(getattr(curve, "attrs", None) or {}),
        **{name: value for name, value in named.items() if value is not None},
    }
    checked = Curve.of({name: np.asarray(curve[name], dtype=np.float64) for name in READ if name in curve}, known)
    check(checked)
    return _noted(Evidence.of(checked), level, checked.unit, checked.chance, checked.ceiling)


def judge(
    train: Pair,
    test: Pair,
    *,
    chance: float,
    n_classes: int | None = None,
    ceiling: float = 1.0,
    level: float = LEVEL,
    unit: float = 1.0,
    skill: Pair | None = None,
    test_loss: Pair | None = None,
    baseline_loss: float | None = None,
    rank_auc: Pair | None = None,
) -> Detection:
    """Judge a run of which each quantity was logged at times of its own.

    Parameters
    ----------
    train, test : accuracies on the training and the held-out split: `Series`, or pairs (times, values), (rows,) each.
    skill : held-out skill; or else `test_loss` with `baseline_loss`, the loss of the best constant.
    rank_auc : read where `n_classes` is given.
    chance, n_classes, ceiling, level, unit : as `detect` has them.

    A row that says again what the row before has said of the same time counts once.

    Raises
    ------
    UsageError : times not increasing, fewer than 2 rows, values out of range; it names the series.
    """
    check_facts(chance, n_classes, ceiling, baseline_loss)
    if skill is None and test_loss is not None and baseline_loss is not None:
        skill = skill_of_loss(test_loss, baseline_loss)
    facts = {"chance": chance, "n_classes": n_classes, "ceiling": ceiling, "unit": unit}
    return _noted(Evidence.logged(train, test, rank_auc, skill, **facts), level, unit, chance, ceiling)


def detection_at(curve: Curve, level: float = LEVEL) -> Detection:
    """What a curve that can be judged (`check`) says at a level. UsageError for a level that is none."""
    return _detection(Evidence.of(curve), level, curve.unit)


def detections_at(curve: Curve, levels: Iterable[float]) -> dict[float, Detection]:
    """The same at several levels, by level."""
    evidence = Evidence.of(curve)
    return {level: _detection(evidence, level, curve.unit) for level in levels}


def _detection(evidence: Evidence, level: float, unit: float) -> Detection:
    if not 0 < level <= 1:
        raise UsageError(f"level = {level!r}: expected a chance-corrected accuracy in (0, 1]")
    train, test, rank, skill = evidence.train, evidence.test, evidence.rank, evidence.skill
    mem, gen = crossing(train, level), crossing(test, level)
    resolved = _resolved(mem, unit)
    delay, delay_censoring = _delay(test, mem, gen)
    loss_delay, loss_censoring = _delay(skill, mem, crossing(skill, 0.5)) if skill.measured else (NAN, "")
    skill_at_mem = skill.at(mem.time)
    rank_delay, rank_width, offset = _ranked(test, rank, mem, level)
    shown, width = (rank, rank_width) if offset else (test, _width(test))
    head = shown.at(mem.time)
    artifact = skill_at_mem >= 0.5 or (gen.reached and delay - rank_delay > 0.3)
    delay_low, delay_high = _bounds(mem, gen) if mem.reached else (NAN, NAN)
    sparse = too_sparse(mem, gen, shown, delay_low, delay_high, unit)
    outcome = outcome_of(train, test, mem, gen, delay, head, width, artifact, sparse)
    if begins_after(train, test, mem, gen):
        delay, delay_censoring = NAN, ""
    return Detection(
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
        late=late_of(outcome, gen, delay, head, artifact, resolved, unit),
        outcome=outcome,
        delay_low=delay_low,
        delay_high=delay_high,
        notes=_untested(skill, rank),
        **_event("t_mem", mem, episodes(train, level, mem)),
        **_event("t_gen", gen, episodes(test, level, gen)),
    )


def _event(name: str, passage: Crossing, lost: Episodes) -> dict[str, object]:
    """The fields of a detection on one crossing: its time and bracket, the first passage, what was lost after it."""
    return {
        name: passage.time,
        f"{name}_censoring": passage.censoring,
        f"{name}_low": passage.low,
        f"{name}_high": passage.high,
        f"{name}_first": passage.first,
        f"{name}_lost": lost.count,
        f"{name}_lost_longest": lost.longest,
        f"{name}_lost_deepest": lost.deepest,
    }


def _ranked(test: Quantity, rank: Quantity, mem: Crossing, level: float) -> tuple[float, float, bool]:
    """rank_delay, rank_width and offset; undefined where the ranking was not measured."""
    if not rank.measured:
        return NAN, NAN, False
    ranked = crossing(rank, level)
    rank_delay = _delay(rank, mem, ranked)[0] if ranked.reached else NAN
    return rank_delay, _width(rank), _offset(test, rank)


def _delay(quantity: Quantity, mem: Crossing, gen: Crossing) -> tuple[float, Censoring]:
    """Decades from t_mem to `gen`, or to the end of its quantity; a lower bound where either has no upper one."""
    if not mem.reached:
        return NAN, ""
    if not gen.reached:
        return math.log10(quantity.timeline.last / mem.time), "right"
    return math.log10(gen.time / mem.time), "observed" if mem.low > 0 else "right"


def _bounds(mem: Crossing, gen: Crossing) -> tuple[float, float]:
    """The least and the largest delay between two crossings that their rows allow; NaN where there is no bound."""
    low = math.log10(gen.low / mem.high) if gen.low > 0 else NAN
    high = math.log10(gen.high / mem.low) if mem.low > 0 else NAN
    return low, high


def _resolved(mem: Crossing, unit: float) -> bool:
    """Whether t_mem's bracket lies 10 units of the clock beyond its first one: counted from there, it moves by 10 %."""
    return mem.censoring == "observed" and mem.low - unit >= 10 * unit


def _width(quantity: Quantity) -> float:
    """Decades from .10 to .90; the least that is sure where rows are too far apart to say when it passed one."""
    low, high = crossing(quantity, 0.10), crossing(quantity, 0.90)
    if not (low.reached and high.reached):
        return NAN
    unit = quantity.timeline.unit
    start = low.high if low.coarse(unit) else low.time
    end = max(start, high.low) if high.coarse(unit) else high.time
    return math.log10(end / start)


def _offset(test: Quantity, rank: Quantity) -> bool:
    accuracy, ranking = crossing(test, 0.10), crossing(rank, 0.10)
    if not ranking.reached:
        return False
    end = accuracy.time if accuracy.reached else test.timeline.last  # never: the lag is at least that long
    return math.log10(end / ranking.time) > 0.3


def _noted(evidence: Evidence, level: float, unit: float, chance: float, ceiling: float) -> Detection:
    """A detection with all that a reader of a stranger's log should know besides."""
    detection = _detection(evidence, level, unit)

    def relative_to(share: float) -> Detection:
        return _detection(evidence.relative_to(share), level, unit)

    ending = ending_note(evidence.test, detection, chance, ceiling, relative_to)
    notes = filter(None, (beginning_note(evidence, detection), ending))
    return replace(detection, notes=(*notes, *detection.notes))


def _untested(skill: Quantity, rank: Quantity) -> tuple[str, ...]:
    notes = []
    if not skill.measured:
        notes.append("metric_artifact untested: no skill column, and no baseline loss to compute it from")
    if not rank.measured:
        notes.append("rank versions and offset untested: no rank_auc column or number of classes")
    return tuple(notes)
