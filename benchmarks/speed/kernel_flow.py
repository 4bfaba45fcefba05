"""`kernel_flow`, exact at every time, against explicit steps of the same descent."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

import grokbench
from speed.comparison import Comparison, InTurn, Pair, Size, apart

STEPS = 2000  # of the explicit descent, each as long as the flow's first checkpoint
FIRST_ORDER = 0.03  # a step of a tenth of the fastest time scale leaves about so much of it


def cases(size: Size) -> Iterator[Comparison]:
    """The curve of 2000 first checkpoints' time, on modular addition."""
    modulus = 5 if size == "tiny" else 31
    yield InTurn(
        name=f"kernel_flow p {modulus}, 0.6",
        **{"unit": "ms a curve", "ours": "kernel_flow, 40 checkpoints", "theirs": f"{STEPS} explicit steps in numpy"},
        prepare=partial(flows, modulus),
        **{"steps": 1, "most": 1},
    )


def flows(modulus: int) -> Pair:
    """A Gaussian kernel on one-hot pairs; one unit is a curve from its beginning."""
    split = grokbench.task("modular", modulus=modulus, train_fraction=0.6).split(0)
    learner = grokbench.learner("kernel_flow", bandwidth=1.0)
    ends: list[np.ndarray] = []

    def ours(curves: int) -> None:
        for _ in range(curves):
            learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, np.random.default_rng(0))
            for time in np.geomspace(learner.first_time, STEPS * learner.first_time, 40):
                learner.advance(time)
                learner.scores(split.X_train), learner.scores(split.X_test)

    def theirs(curves: int) -> None:
        for _ in range(curves):
            ends[:] = [explicit(split)]

    return Pair(ours, theirs, lambda: apart("scores", learner.scores(split.X_test), ends[0], FIRST_ORDER))


def explicit(split) -> np.ndarray:
    """Held-out scores after gradient descent a <- a + h (2/n) (Y - K a), h a tenth of n / (2 largest eigenvalue)."""
    X, X_test = (
        np.hstack([np.eye(letters)[column] for letters, column in zip(split.alphabet, inputs.T, strict=True)])
        for inputs in (split.X_train, split.X_test)
    )
    K, cross = (np.exp(-((a[:, None] - X[None]) ** 2).sum(axis=2) / 2) for a in (X, X_test))
    Y, a = np.eye(split.n_classes)[split.y_train], np.zeros((len(X), split.n_classes))
    rate = 0.1 / np.linalg.norm(K, 2)
    for _ in range(STEPS):
        a += rate * (Y - K @ a)
    return cross @ a
