"""What the callbacks of all libraries have in common: the names of their metrics, and when to stop."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

from grokbench.errors import shown
from grokbench.recorder.record import ACCURACIES, COLUMNS, Recorder

LOOKS = 10  # after which a metric that was never there is asked after; validation may come every few epochs


@dataclass
class Watch:
    """A recorder that takes what it needs out of a library's metrics.

    Parameters
    ----------
    recorder : what is written into.
    names : our name -> the library's: {"train_accuracy": "accuracy", "test_accuracy": "val_accuracy"}.
    stop_after : end the run when nothing has improved for so many t_mem; None never ends it.
    errors : whether the library's numbers for accuracies are errors, 1 - accuracy.
    """

    recorder: Recorder
    names: Mapping[str, str]
    stop_after: float | None = None
    errors: bool = False
    looks: int = field(default=0, repr=False)
    known: set[str] = field(default_factory=set, repr=False)

    def see(self, step: float, metrics: Mapping[str, object]) -> bool:
        """Write down the metrics of a step, as far as they are there; whether the run should end.

        It is asked on the geometric grid only: a detection takes milliseconds, a round of trees may take less.
        Warns (UserWarning, once) of an accuracy that none of the first `LOOKS` metrics had: nothing could be judged.
        """
        self._ask_after(metrics)
        values = {ours: float(metrics[theirs]) for ours, theirs in self.names.items() if theirs in metrics}
        if self.errors:
            values |= {name: 1 - value for name, value in values.items() if name.endswith("accuracy")}
        due = self.recorder.due(step) or step == self.recorder.last
        if values:
            self.recorder.log(step, **values)
        return bool(values) and due and self.stop_after is not None and self.recorder.should_stop(self.stop_after)

    def _ask_after(self, metrics: Mapping[str, object]) -> None:
        """Warn of accuracies that were never there."""
        self.looks += 1
        self.known |= set(self.names.values()) & set(metrics)
        missing = [self.names[name] for name in ACCURACIES if self.names.get(name, "") not in self.known | {""}]
        if self.looks == LOOKS and missing:
            names, there = (", ".join(shown(name) for name in some) for some in (missing, metrics))
            warnings.warn(f"no metric {names} in {LOOKS} looks, so nothing is judged; there are {there}", stacklevel=4)


def names_of(**metrics: str | None) -> dict[str, str]:
    """The metrics that a callback was asked for, by our names; None is left out."""
    return {ours: theirs for ours, theirs in metrics.items() if ours in COLUMNS and theirs is not None}
