"""A run while it is made: what its process has reported so far, and in the end the `Run` that this makes."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence

from grokbench.curves.curve import Curve
from grokbench.curves.run import Run
from grokbench.runs.environment import environment
from grokbench.runs.record import KNOWN_WITH_UNIT, OPTIONAL, check_record
from grokbench.suites.plan import RunSpec


class Recording:
    """The messages of one run, gathered in the order in which they come.

    Parameters
    ----------
    spec : the order of the run.

    Attributes
    ----------
    facts : what is known of the run besides its curve.
    columns : name -> (checkpoints,) array of doubles, NaN where a checkpoint has no such number.
    end : status, error, traceback and costs; None while the run goes on.
    """

    def __init__(self, spec: RunSpec):
        self.spec = spec
        self.facts: dict[str, object] = {}
        self.columns: dict[str, array] = {}
        self.end: dict[str, object] | None = None

    def take(self, message: Mapping[str, dict]) -> None:
        """Add a message of `grokbench.runs.perform.perform`: facts, a checkpoint or the end."""
        self.facts |= message.get("facts", {})
        self.end = message.get("end", self.end)
        if "row" in message:
            self._add(message["row"])

    def _add(self, row: Mapping[str, float]) -> None:
        row = {name: float(value) for name, value in row.items()}  # all or nothing: what is no number raises here
        earlier = len(next(iter(self.columns.values()), ()))
        for name in row:
            if name not in self.columns:
                self.columns[name] = array("d", [math.nan]) * earlier
        for name, values in self.columns.items():
            values.append(row.get(name, math.nan))

    def last(self, column: str) -> float | None:
        """The number of a column at the last checkpoint; None before the first checkpoint."""
        return self.columns[column][-1] if self.columns else None

    def run(self) -> Run:
        """The run as it stands now."""
        return recorded(self.spec, {**self.facts, **(self.end or {})}, self.columns)


def recorded(spec: RunSpec, reported: Mapping[str, object], columns: Mapping[str, Sequence[float]]) -> Run:
    """The run of an order, from what its process has reported.

    reported : facts and end of the run; the environment among them where it is not the one of this process.
    columns : name -> (checkpoints,) numbers.
    """
    record = {
        "environment": environment(),
        **reported,
        "key": spec.key,
        "config": spec.config,
        "suite": spec.suite,
        "task_given": spec.task.given,
        "learner_given": spec.learner.given,
    }
    record = _storable(record)
    return Run(record, Curve.of(columns, record))


def _storable(record: dict[str, object]) -> dict[str, object]:
    """A record that will be read again: one whose facts cannot be is that of a failed run, without those facts."""
    try:
        check_record(record)
    except (ValueError, LookupError) as error:
        fits = {name: value for name, value in record.items() if name not in OPTIONAL or OPTIONAL[name](value)}
        if "unit" in fits and not all(OPTIONAL[name](fits.get(name)) for name in KNOWN_WITH_UNIT):
            del fits["unit"]
        return {**fits, "status": "failed", "error": f"what it says of itself cannot be stored: {error}"}
    return record
