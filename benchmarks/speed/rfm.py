"""`rfm` against the paper's equations, one Jacobian per example; and what 30 iterations at p 97 take in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import partial

import numpy as np

import grokbench
from grokbench.registry import learners
from speed.comparison import Comparison, InTurn, Measured, Pair, Size, Skipped, apart
from speed.processes import peak_mib
from speed.rfm_equations import equations

BANDWIDTH, RIDGE = 2.5, 1e-3
GOALS = {"float64": 8.0, "float32": 14.0}
ERRORS = {"float64": 1e-6, "float32": 2e-2}  # of held-out scores after three iterations, which amplify rounding
LIMIT = 2048.0  # MiB


def cases(size: Size) -> Iterator[Comparison]:
    """At p 61, quick at p 31; the memory at p 97, half the table."""
    modulus = {"tiny": 5, "quick": 31}.get(size, 61)
    for dtype, goal in GOALS.items():
        yield InTurn(
            name=f"rfm p {modulus}, 0.5, {dtype}",
            **{"unit": "ms an iteration", "ours": "rfm", "theirs": "the paper's equations, a Jacobian per example"},
            at_least=goal,
            prepare=partial(machines, modulus, dtype),
            **{"steps": 3, "most": 3},
        )
    modulus, iterations = {"tiny": (5, 2), "quick": (31, 30)}.get(size, (97, 30))
    yield Measured(
        name=f"memory of rfm, p {modulus}, 0.5, {iterations} iterations",
        **{"unit": "MiB", "ours": "peak above what was loaded", "theirs": f"the limit of {LIMIT:g} MiB"},
        at_most=1.0,
        once=partial(_memory, modulus, iterations),
    )


def machines(modulus: int, dtype: str) -> Pair:
    """Gaussian kernel, M^(1/2) of centred gradients, from the first solve on."""
    split = grokbench.task("modular", modulus=modulus, train_fraction=0.5).split(0)
    learner, X, Y, X_test = _begun(split, dtype)
    reached, scores = 0, []

    def ours(iterations: int) -> None:
        nonlocal reached
        reached += iterations
        learner.advance(reached)

    def theirs(iterations: int) -> None:
        scores[:] = equations(X, Y, X_test, BANDWIDTH, RIDGE, iterations)

    return Pair(ours, theirs, lambda: apart("held-out scores", learner.scores(split.X_test), scores[-1], ERRORS[dtype]))


def _begun(split, dtype: str):
    options = {} if dtype == "float64" else {"dtype": dtype}
    if options and "dtype" not in {option.name for option in fields(learners["rfm"])}:
        raise Skipped("rfm has no option dtype")
    learner = grokbench.learner("rfm", bandwidth=BANDWIDTH, ridge=RIDGE, **options)
    learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, np.random.default_rng(0))
    codes = (_one_hot(X, split.alphabet) for X in (split.X_train, split.X_test))
    X, X_test = codes
    return learner, X, np.eye(split.n_classes)[split.y_train], X_test


def _one_hot(X: np.ndarray, alphabet: tuple[int, ...]) -> np.ndarray:
    return np.hstack([np.eye(letters)[column] for letters, column in zip(alphabet, X.T, strict=True)])


def _memory(modulus: int, iterations: int) -> tuple[float, float]:
    def work() -> None:
        split = grokbench.task("modular", modulus=modulus, train_fraction=0.5).split(0)
        learner = grokbench.learner("rfm", bandwidth=BANDWIDTH)
        learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, np.random.default_rng(0))
        learner.advance(iterations)
        learner.scores(split.X_test)

    return peak_mib(work), LIMIT
