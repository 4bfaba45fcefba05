"""What double precision and StableMax cost: the step of the suites' networks without decay beside that with decay."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

import grokbench
from speed.comparison import Comparison, InTurn, Pair, Size, apart
from speed.networks import advancing

DOUBLE = {"loss": "stablemax", "dtype": "float64", "epsilon": 1e-25}


def cases(size: Size) -> Iterator[Comparison]:
    """At p 31."""
    modulus, width = (5, 8) if size == "tiny" else (31, 128)
    yield InTurn(
        name=f"float64 StableMax p {modulus}, width {width}",
        **{"unit": "ms a step", "ours": "mlp, float64, StableMax", "theirs": "mlp, float32, cross-entropy"},
        at_most=2.2,
        prepare=partial(losses, modulus, width),
    )


def losses(modulus: int, width: int) -> Pair:
    """Two networks of the same start; what they learn then is not the same."""
    split = grokbench.task("modular", modulus=modulus, train_fraction=0.6).split(0)
    double, single = (
        grokbench.learner("mlp", hidden=[width], activation="quadratic", **options) for options in (DOUBLE, {})
    )
    for learner in (double, single):
        learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, np.random.default_rng(0))
    start = [learner.scores(split.X_train) for learner in (double, single)]
    return Pair(advancing(double), advancing(single), lambda: apart("the first scores", *start, 1e-5))
