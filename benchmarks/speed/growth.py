"""How time and memory grow with the number of examples, family by family, beside what theory says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

import grokbench
from speed.comparison import Comparison, Measured, Size
from speed.processes import measured_apart

BITS, TESTED, SMALLEST = 30, 200, 1e-3
SPREAD = {"tiny": (1, 2), "quick": (1, 2, 4), "full": (1, 2, 4, 8)}  # of the numbers of examples, from the first on


@dataclass(frozen=True)
class Family:
    """A learner and the exponents of its leading terms in n.

    Parameters
    ----------
    learner : its registered name.
    budget : how far it is advanced.
    first : the smallest number of examples; an eighth of the largest.
    time, memory : exponents of processor time and of memory.
    """

    learner: str
    budget: float
    first: int
    time: float
    memory: float


FAMILIES = (
    Family("mlp", 50, 4000, 1, 1),
    Family("linearized", 50, 4000, 1, 1),
    Family("rfm", 4, 500, 3, 2),
    Family("gaussian_process", 4, 500, 3, 2),
    Family("kernel_flow", 1e4, 500, 3, 2),
    Family("linear", 200, 4000, 1, 1),
    Family("random_features", 100, 4000, 1, 1),
    Family("xgboost", 50, 8000, 1, 1),
    Family("forest", 20, 2000, 1, 1),  # n log n
    Family("nearest_neighbors", 5, 8000, 1, 1),
)


def cases(size: Size) -> Iterator[Comparison]:
    """Exponents fitted over a factor of eight (quick: four), in double logarithms."""
    families = FAMILIES[:1] if size == "tiny" else FAMILIES
    for family in families:
        first = 20 if size == "tiny" else family.first
        numbers = tuple(first * factor for factor in SPREAD[size])
        for place, what in enumerate(("time", "memory")):
            yield Measured(
                name=f"growth of {what}, {family.learner}, n {numbers[0]} to {numbers[-1]}",
                **{"unit": "exponent of n", "ours": "fitted", "theirs": "the leading term's"},
                once=partial(_exponent, family, numbers, place),
            )


def _exponent(family: Family, numbers: tuple[int, ...], place: int) -> tuple[float, float]:
    spent = np.array([_measured(family, n)[place] for n in numbers])
    slope = np.polyfit(np.log(numbers), np.log(np.maximum(spent, SMALLEST)), 1)[0]
    return float(slope), (family.time, family.memory)[place]


@cache
def _measured(family: Family, n: int) -> tuple[float, float]:
    """Seconds and MiB of a run on n examples of parity; both exponents use it."""
    split = grokbench.task("parity", n_bits=BITS, k=3, n_train=n, n_test=TESTED).split(0)

    def work() -> None:
        learner = grokbench.learner(family.learner)
        learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, np.random.default_rng(0))
        learner.advance(family.budget)
        learner.scores(split.X_test)

    return measured_apart(work)
