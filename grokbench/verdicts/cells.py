"""What predictions are judged from: the runs of one family on one task, by the roles that the rules give them.

Built from stored runs, or by hand from arrays: no learner, no store and no table is known here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np

from grokbench.curves.detect import LEVEL, Detection
from grokbench.curves.run import Run, missing_run
from grokbench.statistics.resampling import rng_for
from grokbench.verdicts.progress import late_on_path

HORIZON = 10.0  # last checkpoint over t_gen of the paired free run, for a non-event to count
ROUNDING = 1e-9  # exactly the horizon is enough, rounding aside


def runs_by_cell(cells: Mapping[str, Mapping], runs: Sequence[Run]) -> dict[str, dict[int, Run]]:
    """The stored runs of each cell that has any, by seed, from the keys of the cells."""
    by_key = {run.key: run for run in runs}
    stored = {cell: {int(s): by_key[key] for s, key in keys.items() if key in by_key} for cell, keys in cells.items()}
    return {cell: by_seed for cell, by_seed in stored.items() if by_seed}


@dataclass(frozen=True)
class Design:
    """One family on one task: which cells of the suite play which role.

    Parameters
    ----------
    family, task : names; the task is the id of the registered one
    neural : the family counts as a network in the overall verdict
    cells : role -> cell "task/learner" (ids of the suite), or an ordered list of cells
    natural : the state of the explicit pressure in which the family is used
    complexity : column of its complexity measure; "" for none that qualifies; of several the verdicts must agree
    endpoint : late generalization by the "clock", or by the "path" where the labels are fitted at the first tick
    closed_form : roles evaluated to t = infinity, whose non-events always count
    by_construction : prediction -> why it could not have come out otherwise here
    numbers : role -> one number per cell, where a statistic needs more than their order
    predictions : those made of this family on this task; empty for all
    seeds : of its runs, where not as many as the rules say
    """

    family: str
    task: str
    neural: bool
    cells: Mapping[str, str | tuple[str, ...]]
    natural: Literal["on", "off"] = "on"
    complexity: str | tuple[str, ...] = ""
    endpoint: Literal["clock", "path"] = "clock"
    closed_form: tuple[str, ...] = ()
    by_construction: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    predictions: tuple[str, ...] = ()
    seeds: int | None = None

    def makes(self, prediction: str) -> bool:
        """Whether a prediction is registered here."""
        return not self.predictions or prediction in self.predictions

    @property
    def complexities(self) -> tuple[str, ...]:
        """The columns of its complexity measures."""
        return tuple(filter(None, [self.complexity] if isinstance(self.complexity, str) else self.complexity))

    @property
    def roles(self) -> dict[str, tuple[str, ...]]:
        """Role -> its cells, in order."""
        return {role: (cells,) if isinstance(cells, str) else tuple(cells) for role, cells in self.cells.items()}

    @property
    def always_frozen(self) -> bool:
        """A learner without features to learn: it stands in the cross table, and can refute their necessity."""
        kinds = {role.partition("_")[0] for role in self.cells}
        return "frozen" in kinds and "free" not in kinds


@dataclass(frozen=True, eq=False)
class Cells:
    """The runs of a design, and the thresholds under which they are read.

    Parameters
    ----------
    design : the family, the task, and the cells of each role
    runs : cell -> seed -> run
    seeds : the registered ones, in order: every array below is over them
    level : of t_mem, t_gen and late
    ridge : column of the after-kernel score
    lost_runs : "against" or "for" the claim: what a failed, diverged, timed-out or missing run is taken to say
    undecided : what a run is taken to be that did not generalize on too short a horizon: NaN (left out), 0 or 1
    """

    design: Design
    runs: Mapping[str, Mapping[int, Run]]
    seeds: Sequence[int]
    level: float = LEVEL
    ridge: str = "after_kernel"
    lost_runs: Literal["against", "for"] = "against"
    undecided: float = math.nan

    @property
    def complexity(self) -> str:
        """The column of the complexity measure that these cells are read by: the design's first; "" for none."""
        return next(iter(self.design.complexities), "")

    def resolve(self, role: str) -> str:
        """A role with "free" and "frozen" read in the family's natural state: "free" -> "free_on"."""
        return f"{role}_{self.design.natural}" if role in ("free", "frozen") else role

    def of_role(self, role: str) -> tuple[str, ...]:
        """The cells of a role in the order of the rules; empty where it has none."""
        return self.design.roles.get(self.resolve(role), ())

    def has(self, role: str) -> bool:
        """Whether the rules name cells for this role, and at least one run of each is there."""
        cells = self.of_role(role)
        return bool(cells) and all(self.runs.get(cell) for cell in cells)

    def runs_of(self, role: str, step: int = 0) -> list[Run]:
        """One run per registered seed of the role's cell number ``step``; missing ones are objects, too."""
        cells = self.of_role(role)
        stored = self.runs.get(cells[step], {}) if cells else {}
        return [stored.get(seed) or missing_run(seed) for seed in self.seeds]

    def all_runs(self, role: str) -> list[Run]:
        """The runs of all cells of a role, cell by cell."""
        return [run for step in range(len(self.of_role(role))) for run in self.runs_of(role, step)]

    def imputed(self, against: float, favouring: float) -> float:
        """The value of a lost run: what hurts the claim, or what hurts its contradiction."""
        return against if self.lost_runs == "against" else favouring

    def values(self, role: str, value: Callable[[Run], float], imputed: float = math.nan, step: int = 0) -> np.ndarray:
        """(seeds,) float64 of a function of the run; lost and missing runs have the value given."""
        return np.array([value(run) if run.complete else imputed for run in self.runs_of(role, step)], dtype=float)

    def detection(self, run: Run) -> Detection:
        """The events of a run that is not lost, at the level of these cells."""
        return run.detections[self.level]

    def late(self, role: str, imputed: float = math.nan, step: int = 0) -> np.ndarray:
        """(seeds,) late generalization: 1; 0 where that is known on an adequate horizon; lost runs as given.

        NaN where the run never fits, and ``undecided`` (NaN, unless asked otherwise) on a horizon that is too short.
        """
        late = self.values(role, self.endpoint, imputed, step)
        return np.where(self.unwatched(role, step), self.undecided, late)

    def unwatched(self, role: str, step: int = 0) -> np.ndarray:
        """(seeds,) whether a run fits and does not generalize, on a horizon too short to say that it will not."""
        runs = enumerate(self.runs_of(role, step))
        return np.array([run.complete and self._unwatched(role, place, run) for place, run in runs], dtype=bool)

    def endpoint(self, run: Run) -> float:
        """Late generalization of a run that is not lost: by its clock, or by its path, as the design asks."""
        late = self.detection(run).late
        return late if self.design.endpoint == "clock" or math.isnan(late) else late_on_path(run, self.level)

    def _unwatched(self, role: str, place: int, run: Run) -> bool:
        """Whether a run that fits ended before it could be told not to generalize; one that does is always decided."""
        detection = self.detection(run)
        if detection.t_mem_censoring == "right" or detection.t_gen_censoring != "right":
            return False
        if self.resolve(role) in self.design.closed_form:
            return False
        needed = HORIZON * self._t_gen_of_free(role, place, run.clock) * (1 - ROUNDING)
        long_enough = run.curve.last >= needed  # False for NaN
        return not (long_enough and run.curve.at_rest and not run.curve.arriving(self.level))

    def _t_gen_of_free(self, role: str, place: int, clock: str) -> float:
        """t_gen of the free run of the same seed and clock, else the largest one of other seeds; NaN without any.

        A frozen run is watched as long as the free one under the same pressure asks, where there is one, and every
        other run as long as the recipe does.
        """
        paired = self.resolve(role).replace("frozen", "free")
        free = self.runs_of(paired if paired != self.resolve(role) and self.has(paired) else "free")
        times = [self.detection(run).t_gen if run.complete and run.clock == clock else math.nan for run in free]
        if times and not math.isnan(times[place]):
            return times[place]
        return max((time for time in times if not math.isnan(time)), default=math.nan)

    def rng(self, prediction: str) -> np.random.Generator:
        """The generator of a prediction's intervals; make it inside the function of alpha, so that ends repeat."""
        return rng_for("explanations", prediction, self.design.family, self.design.task)

    @cached_property
    def at_half_budget(self) -> Cells:
        """Every run as if it had ended at half its budget; non-events need the same horizon, in half the time."""
        halves = {
            cell: {seed: run.truncated(run.curve.last / 2) for seed, run in stored.items()}
            for cell, stored in self.runs.items()
        }
        return replace(self, runs=halves)
