"""A results folder as DataFrames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from grokbench.errors import UsageError

TABLES = ("runs", "curves", "delays", "sensitivity", "comparisons", "prevalence", "explanations", "cross_table")


@dataclass(frozen=True)
class Results:
    """The tables of a results folder; each is read when it is first asked for.

    Attributes
    ----------
    runs, curves, delays, sensitivity, comparisons, prevalence : pandas.DataFrame, columns as in the CSV files.
    explanations, cross_table : the same, for suites that explanations are registered for.
    """

    folder: Path

    def _read(self, name: str):
        import pandas as pd

        path = self.folder / f"{name}.csv"
        if not path.is_file():
            raise UsageError(f"{path}: no such table; rebuild it with: python -m grokbench report {self.folder}")
        return pd.read_csv(path, dtype={"key": str, "split": str, "environment": str}, keep_default_na=True)

    @cached_property
    def runs(self):
        """One row per run."""
        return self._read("runs")

    @cached_property
    def curves(self):
        """One row per checkpoint of a run."""
        return self._read("curves")

    @cached_property
    def delays(self):
        """One row per task × learner."""
        return self._read("delays")

    @cached_property
    def sensitivity(self):
        """One row per task × learner × level."""
        return self._read("sensitivity")

    @cached_property
    def comparisons(self):
        """One row per compared pair."""
        return self._read("comparisons")

    @cached_property
    def prevalence(self):
        """One row per family, and per task × family."""
        return self._read("prevalence")

    @cached_property
    def explanations(self):
        """One row per prediction x family x task, then per family, then overall."""
        return self._read("explanations")

    @cached_property
    def cross_table(self):
        """One row per explanation x family x task."""
        return self._read("cross_table")


def load(folder: str | Path) -> Results:
    """The results stored in `folder`; UsageError where there is no such folder."""
    folder = Path(folder)
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such results folder")
    return Results(folder)
