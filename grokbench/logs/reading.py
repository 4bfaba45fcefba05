"""How logs are to be read: what was given by option. What is None is recognized."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from grokbench.curves.detect import LEVEL

Unit = Literal["share", "percent", "error", "percent-error", "loss"]
UNITS = ("share", "percent", "error", "percent-error", "loss")
Order = Literal["last", "segments", "runs"]
ORDERS = ("last", "segments", "runs")


@dataclass(frozen=True)
class Reading:
    """What is known of the logs besides what stands in them.

    Parameters
    ----------
    time_column, train_column, test_column : clock, training and held-out accuracy; None for what their names say.
    loss_column, skill_column, auc_column : held-out loss, skill and rank_auc; None for what their names say.
    series : columns that tell runs apart; () for those whose names say so.
    train_unit, test_unit : what the two columns hold: a share from 0 to 1, a percentage, an error, a loss.
    order : what rows mean whose time goes back: "last", the later row of a time counts; "segments", the count goes on;
        "runs", each piece is a run of its own.
    offset : added to all times; None for 1 where epochs are counted from 0 and the first is over when it is written.
    chance : accuracy of the best constant answer; None for 1 / `classes`.
    classes : number of classes.
    ceiling : highest attainable chance-corrected held-out accuracy; None for 1.
    baseline_loss : loss of the best constant answer; None for ln `classes` where a loss is read.
    level : chance-corrected accuracy that counts as learned.
    """

    time_column: str | None = None
    train_column: str | None = None
    test_column: str | None = None
    loss_column: str | None = None
    skill_column: str | None = None
    auc_column: str | None = None
    series: tuple[str, ...] = ()
    train_unit: Unit | None = None
    test_unit: Unit | None = None
    order: Order | None = None
    offset: float | None = None
    chance: float | None = None
    classes: int | None = None
    ceiling: float | None = None
    baseline_loss: float | None = None
    level: float = LEVEL
