"""Mediation: do optimizer, weight decay, initial norm and output scale act through laziness, or each in its own way?

L7 of lazy to rich, whose factorial has a suite and rules of its own. Laziness q is the likeness to the lazy predictor
at t_mem (measure `laziness`). Cells whose learning rates are matched to one t_mem differ in their delay; if laziness is
what the four axes act through, the delay rises with q, overall and along each axis, and not at equal q.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from grokbench.curves.run import Run
from grokbench.explanations.base import Explanation
from grokbench.registry import register_explanation
from grokbench.statistics.trends import concordance, gehan_scores
from grokbench.verdicts.cells import Cells
from grokbench.verdicts.estimates import DRAWS, EARLIEST, delay_of, known, minus_largest
from grokbench.verdicts.finding import NOT_APPLICABLE, UNDEFINED, Estimate, Finding, Gate

OPTIMIZERS = ("gd", "momentum", "adam", "adamw")  # roles, each with its cells in the order of SHAPE
SHAPE = {"decay": 3, "init": 3, "scale": 2}  # levels, the last axis fastest
AXES = ("optimizer", *SHAPE)
LAZINESS = "laziness"
ALIKE = 0.05  # difference in q of runs that are equally lazy
COMPARABLE = 2.0  # factor within which a cell's median t_mem must lie from that of all cells
LEAST_CELLS = 0.75


@register_explanation("mediation")
class Mediation(Explanation):
    """Optimizer, weight decay, initial norm and output scale act on the delay through laziness."""


@dataclass(frozen=True)
class Factorial:
    """Runs: (n,) log delays with events, laziness q, seeds, and (n, 4) levels of `AXES`."""

    time: np.ndarray
    event: np.ndarray
    q: np.ndarray
    seed: np.ndarray
    level: np.ndarray


def acts_through_laziness(cells: Cells) -> Finding:
    """L7: optimizer, weight decay, initial norm and output scale act through laziness.

    Roles `OPTIMIZERS`, each with 18 cells: three decays (slowest), three initial norms, two output scales. Part "tau":
    concordance within seeds of q(t_mem) and delay over all pairs of runs. Parts "weakest" and "third": the same over
    pairs that differ along one axis alone, of the four axes the smallest and the third largest. Part "residual": minus
    the largest modulus, of the four axes, of the concordance of its own levels with the delay over all pairs with
    |dq| < .05, those in which level and q rise together and those in which they do not with equal weight: what is left
    of q in |dq| < .05 cancels. Intervals over seeds; the ends of "weakest" and "third" are the smallest and the third
    largest of the axes' ends.

    Cells whose median t_mem is not within a factor of 2 of the median over cells are left out, since their learning
    rates are not matched; gate: three quarters of the cells are left. A lost run counts as the least lazy and latest.
    Observational: a cause of both q and delay would look the same.
    """
    places = [(role, step) for role in OPTIMIZERS for step in range(len(cells.of_role(role)))]
    kept = matched(cells, places)
    runs = factorial(cells, kept)
    gates = [
        Gate("factorial", len(places) == len(OPTIMIZERS) * math.prod(SHAPE.values()), "not all cells", NOT_APPLICABLE),
        Gate("matched", len(kept) >= LEAST_CELLS * len(places), f"{len(kept)} of {len(places)} cells have equal t_mem"),
    ]
    if len(runs.time) == 0:
        return Finding(dict.fromkeys(("tau", "weakest", "third", "residual"), UNDEFINED), 0, gates=gates)
    lazier = [along(cells, runs, axis) for axis in range(len(AXES))]
    past = [own(cells, runs, axis) for axis in range(len(AXES))]
    parts = {
        "tau": _tau(cells, runs, runs.q, runs.seed),
        "weakest": ranked(lazier, 0),
        "third": ranked(lazier, 1),
        "residual": minus_largest(past),
    }
    return Finding(parts, len(np.unique(runs.seed)), censored=float(1 - runs.event.mean()), gates=gates)


def factorial(cells: Cells, places: Sequence[tuple[str, int]]) -> Factorial:
    """The runs of some (role, step) that have a resolved t_mem and a laziness there, and the lost ones."""
    rows = list(_rows(cells, places))
    time, event, q, seed, level = zip(*rows, strict=True) if rows else ([],) * 5
    return Factorial(*(np.array(column) for column in (time, event, q, seed, level)))


def _rows(cells: Cells, places: Sequence[tuple[str, int]]) -> Iterator[tuple]:
    late = cells.imputed(1.0, 0.0) == 1.0  # the least lazy one: against the claim as the latest
    timed = delay_of(cells, resolved=True)
    for role, step in places:
        level = (OPTIMIZERS.index(role), *map(int, np.unravel_index(step, tuple(SHAPE.values()))))
        for seed, run in zip(cells.seeds, cells.runs_of(role, step), strict=True):
            if not run.complete:
                yield (math.inf if late else EARLIEST, not late, -1.0, seed, level)
            elif (delay := timed(run)) is not None and not math.isnan(q := _laziness(cells, run)):
                yield (*delay, q, seed, level)


def _laziness(cells: Cells, run: Run) -> float:
    return run.curve.value_at(run.curve.column(LAZINESS), cells.detection(run).t_mem)


def matched(cells: Cells, places: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """The cells whose median t_mem lies within `COMPARABLE` of the median over all cells."""
    times = {}
    for role, step in places:
        t_mem = cells.values(role, lambda run: cells.detection(run).t_mem, step=step)
        times[role, step] = float(np.nanmedian(t_mem)) if known(t_mem) else math.nan
    middle = float(np.nanmedian(list(times.values()))) if not np.isnan(list(times.values())).all() else math.nan
    return [place for place, time in times.items() if middle / COMPARABLE <= time <= middle * COMPARABLE]


def along(cells: Cells, runs: Factorial, axis: int) -> Estimate:
    """Concordance of q and delay over the pairs that differ along one axis alone."""
    return _tau(cells, runs, runs.q, _others(runs, axis))


def own(cells: Cells, runs: Factorial, axis: int) -> Estimate:
    """Concordance of an axis' levels and the delay over the `balanced` pairs."""
    return _tau(cells, runs, runs.level[:, axis], runs.seed, balanced(runs, axis))


def _others(runs: Factorial, axis: int) -> np.ndarray:
    """(n,) labels of the runs of a seed that differ along one axis alone."""
    others = np.column_stack([runs.seed, np.delete(runs.level, axis, axis=1)])
    return np.unique(others, axis=0, return_inverse=True)[1].ravel()


def balanced(runs: Factorial, axis: int) -> np.ndarray:
    """(n, n) weights of the decided pairs of a seed with |dq| < .05 and unequal levels of an axis.

    Pairs in which level and q rise together have as much weight in all as those in which one rises and the other
    falls; where one of the kinds is missing none has any.
    """
    rises = [np.sign(values[:, None] - values) for values in (runs.level[:, axis], runs.q)]
    together = rises[0] * rises[1] * (gehan_scores(runs.time, runs.event) != 0)
    together *= np.equal.outer(runs.seed, runs.seed) & (np.abs(runs.q[:, None] - runs.q) < ALIKE)
    kinds = [together == sign for sign in (1, -1)]
    sizes = [kind.sum() for kind in kinds]
    if not all(sizes):
        return np.zeros_like(together)
    return sum(kind * (sum(sizes) / 2 / size) for kind, size in zip(kinds, sizes, strict=True))


def _tau(
    cells: Cells, runs: Factorial, dose: np.ndarray, block: np.ndarray, among: np.ndarray | None = None
) -> Estimate:
    """Concordance of dose and delay over the pairs of a block, its interval over seeds."""
    shared = {"seed": runs.seed, "among": among, "draws": DRAWS}
    return Estimate.of(
        lambda alpha: concordance(
            *(runs.time, runs.event, dose, block), rng=cells.rng("L7"), level=1 - 2 * alpha, **shared
        )
    )


def ranked(estimates: Sequence[Estimate], place: int) -> Estimate:
    """The estimate at a place from below, its ends those at the same place; undefined where one of them is."""
    if any(math.isnan(one.value) for one in estimates):
        return UNDEFINED

    def interval(alpha: float) -> tuple[float, float]:
        lows, highs = zip(*(one.interval(alpha) for one in estimates), strict=True)
        return sorted(lows)[place], sorted(highs)[place]

    return Estimate(sorted(one.value for one in estimates)[place], interval)
