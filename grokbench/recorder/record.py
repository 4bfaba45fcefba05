"""A training loop keeps a record that can be judged: on the geometric grid, and by the definition of the harness."""

from __future__ import annotations

import csv
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from grokbench.curves.checks import check_facts
from grokbench.curves.detect import LEVEL, Detection, judge
from grokbench.curves.early_stopping import audit
from grokbench.curves.schedule import DENSE_UNTIL
from grokbench.curves.series import BINS_PER_DECADE, Series
from grokbench.curves.stopping_rules import Checks, MemorizationPatience
from grokbench.errors import UsageError, shown

ACCURACIES = ("train_accuracy", "test_accuracy")
COLUMNS = (*ACCURACIES, "train_loss", "test_loss", "skill", "rank_auc")
QUITS = 1.0  # t_mem without improvement after which early stopping is taken to end a run
PATIENCE = 100.0  # t_mem: two decades of delay. Our reference runs needed 13 at most, other runs up to 78


class MemorizedWarning(UserWarning):
    """A run has memorized and not generalized: early stopping would end it, and waiting may be rewarded."""


def grid_points(step: float) -> int:
    """How many checkpoints the geometric grid has up to `step`: 0, every integer to 50, then 50·10^(k/20) rounded."""
    if step < 0:
        return 0
    if step <= DENSE_UNTIL:
        return math.floor(step) + 1
    k = math.floor(BINS_PER_DECADE * math.log10(step / DENSE_UNTIL)) + 1
    while round(DENSE_UNTIL * 10.0 ** (k / BINS_PER_DECADE)) > step:
        k -= 1
    return DENSE_UNTIL + 1 + k


@dataclass
class Recorder:
    """What a run of your own has shown so far, and what it says.

    Parameters
    ----------
    n_classes : number of classes.
    chance : accuracy of the best constant answer; 1 / `n_classes` unless given.
    ceiling : highest attainable chance-corrected held-out accuracy.
    level : chance-corrected accuracy that counts as learned.
    baseline_loss : held-out loss of the best constant; with it the loss can tell an artefact of the accuracy.
    patience : how long it is worth to wait, in multiples of t_mem.

    Raises
    ------
    UsageError : neither `n_classes` nor `chance`, or a value that cannot be.
    """

    n_classes: int | None = None
    chance: float | None = None
    ceiling: float = 1.0
    level: float = LEVEL
    baseline_loss: float | None = None
    patience: float = PATIENCE
    rows: dict[float, dict[str, float]] = field(default_factory=dict, repr=False)
    warned: bool = field(default=False, repr=False)

    def __post_init__(self):
        if self.chance is None:
            if not self.n_classes:
                raise UsageError("Recorder: give n_classes, or chance, the accuracy of the best constant answer")
            self.chance = 1 / self.n_classes
        check_facts(self.chance, self.n_classes, self.ceiling, self.baseline_loss)
        if not self.patience > 0:
            raise UsageError(f"patience = {shown(self.patience)}: expected a positive multiple of t_mem")

    @property
    def last(self) -> float:
        """The last step that was logged; -1 before any."""
        return next(reversed(self.rows), -1.0)

    def due(self, step: float) -> bool:
        """Whether a checkpoint of the geometric grid has come since the last step that was logged."""
        return grid_points(step) > grid_points(self.last)

    def log(self, step: float, **values: float) -> None:
        """Write down what was measured at a step: `train_accuracy`, `test_accuracy`, `test_loss`, or any other number.

        Several calls at one step make one row. Warns (`MemorizedWarning`, once) where the run has memorized and not
        generalized. Raises UsageError for a step before the last one, and an accuracy that is no share.
        """
        step, numbers = float(step), {name: float(value) for name, value in values.items()}
        if not 0 <= step < math.inf:
            raise UsageError(f"step = {shown(step)}: expected a number of at least 0")
        if step < self.last:
            raise UsageError(f"step {step:g} after {self.last:g}: a run that was resumed calls rewind({step:g}) before")
        for name in ACCURACIES:
            if not 0 <= numbers.get(name, 0.0) <= 1:
                percent = "; divide percentages by 100" if 1 < numbers[name] <= 100 else ""
                raise UsageError(f"{name} = {numbers[name]:g} at {step:g}: expected a share from 0 to 1{percent}")
        due = self.due(step) or step == self.last
        self.rows.setdefault(step, {}).update(numbers)
        if due and not self.warned and (warning := self.waiting()):
            self.warned = True
            warnings.warn(warning, MemorizedWarning, stacklevel=2)

    def rewind(self, step: float) -> None:
        """Forget what was logged from a step on: training goes on from an earlier state."""
        self.rows = {time: row for time, row in self.rows.items() if time < step}

    def series(self, name: str) -> Series:
        """The steps at which a quantity was logged, and its values: (rows,) each."""
        known = [(step, row[name]) for step, row in self.rows.items() if name in row]
        return Series(*(np.array(column) for column in zip(*known, strict=True))) if known else _NOTHING

    def detection(self) -> Detection:
        """What the run says so far. UsageError with fewer than two rows of training and of held-out accuracy."""
        for name in ACCURACIES:
            if len(self.series(name).times) < 2:
                raise UsageError(f"{name}: logged {len(self.series(name).times)} times, at least two are needed")
        more = {name: self.series(name) for name in ("skill", "test_loss", "rank_auc") if self._has(name)}
        facts = {"chance": self.chance, "n_classes": self.n_classes, "ceiling": self.ceiling, "level": self.level}
        return judge(*(self.series(name) for name in ACCURACIES), **facts, baseline_loss=self.baseline_loss, **more)

    def audit(self) -> list[dict[str, object]]:
        """What the usual stopping rules would have done to the run: `grokbench.curves.early_stopping.audit`."""
        loss = self.series("test_loss") if self._has("test_loss") else None
        return audit(self.series("test_accuracy"), self.detection(), test_loss=loss)

    def waiting(self) -> str:
        """One line where the run is in the window in which early stopping would quit; "" where it is not.

        That is from 1 t_mem without improvement of held-out accuracy or loss, counted from t_mem on (ten checks, if
        there is one every t_mem/10), until it generalizes, or its patience is over.
        """
        detection = self._so_far()
        if detection is None or math.isnan(detection.t_mem) or not math.isnan(detection.t_gen):
            return ""
        read = [name for name in ("test_accuracy", "test_loss") if self._has(name)]
        quits = any(self.last >= self._over(detection, QUITS, name) for name in read)
        until = self._over(detection, self.patience, "test_accuracy")
        if not quits or self.last >= until:
            return ""
        now = self.series("test_accuracy").values[-1]
        return (
            f"memorized at {detection.t_mem:,.4g}; held-out accuracy is {now:.3g} at {self.last:,.6g}: early "
            "stopping would end this run about now, and if it groks, it does so later; a patience of "
            f"{self.patience:g} t_mem waits until {until:,.6g}"
        )

    def should_stop(self, patience: float | None = None, reads: str = "test_accuracy") -> bool:
        """Whether nothing has improved for `patience` · t_mem, counted from t_mem on; never before the run memorizes.

        patience : in place of the recorder's own. reads : "test_accuracy", or a held-out loss that was logged.
        Raises UsageError for a name of neither kind: it would wait for ever.
        """
        if reads not in COLUMNS and not self._has(reads):
            raise UsageError(f"{shown(reads)} is none of {', '.join(COLUMNS)}, and was not logged so far")
        detection = self._so_far()
        if detection is None or math.isnan(detection.t_mem) or not self._has(reads):
            return False
        return self.last >= self._over(detection, self.patience if patience is None else patience, reads)

    def to_csv(self, path: str | Path) -> None:
        """Write the record as a CSV file that `grokbench detect` reads: one row a step, an empty cell for no value."""
        names = [*COLUMNS, *sorted({name for row in self.rows.values() for name in row} - set(COLUMNS))]
        names = [name for name in names if self._has(name)]
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["time", *names])
            for step, row in self.rows.items():
                writer.writerow([f"{step:.15g}", *(repr(row[name]) if name in row else "" for name in names)])

    def state_dict(self) -> dict[str, object]:
        """The rows, for a checkpoint."""
        return {"rows": {step: dict(row) for step, row in self.rows.items()}, "warned": self.warned}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """The rows of a checkpoint, in place of those there are."""
        self.rows, self.warned = dict(state["rows"]), bool(state["warned"])

    def _has(self, name: str) -> bool:
        return any(name in row for row in self.rows.values())

    def _so_far(self) -> Detection | None:
        """The detection; None while there are too few rows for one."""
        enough = all(len(self.series(name).times) >= 2 for name in ACCURACIES)
        return self.detection() if enough else None

    def _over(self, detection: Detection, patience: float, reads: str) -> float:
        """The time at which patience is over, if nothing improves until then."""
        times, values = self.series(reads)
        checks = Checks(times, values if reads.endswith("loss") else -values, values, detection.t_mem)
        stopped = MemorizationPatience(patience).stop(checks)
        if stopped is not None:
            return float(times[stopped])
        best = times[checks.best[-1]] if checks.best.size else detection.t_mem
        return max(float(best), detection.t_mem) + patience * detection.t_mem


_NOTHING = Series(np.empty(0), np.empty(0))
