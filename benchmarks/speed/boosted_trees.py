"""The curve of `xgboost` against a booster that predicts anew at each checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

import grokbench
from grokbench.curves.schedule import checkpoints
from speed.comparison import Comparison, InTurn, Pair, Size, apart

PARAMETERS = {"max_depth": 9, "colsample_bynode": 0.3, "eta": 0.3}


def cases(size: Size) -> Iterator[Comparison]:
    """On the parity of lazy-to-rich, and on addition with its 31 classes."""
    bits, n, modulus, rounds = (10, 100, 5, 10) if size == "tiny" else (60, 7000, 31, 300)
    parity = {"n_bits": bits, "k": 3, "n_train": n, "n_test": 100 if size == "tiny" else 1000}
    for name, task in (
        (f"xgboost parity of {bits} bits, n {n}", partial(grokbench.task, "parity", **parity)),
        (f"xgboost p {modulus}, 0.6", partial(grokbench.task, "modular", modulus=modulus, train_fraction=0.6)),
    ):
        yield InTurn(
            name=f"{name}, {rounds} rounds",
            **{"unit": "ms a curve", "ours": "xgboost", "theirs": "xgboost.Booster, predicting anew"},
            prepare=partial(curves, task, rounds),
            **{"steps": 1, "most": 1},
        )


def curves(task, rounds: int) -> Pair:
    """Margins of both splits at the checkpoints of the harness; one unit is a curve from its beginning."""
    split = task().split(0)
    learner = grokbench.learner("xgboost", **PARAMETERS)
    times = [int(time) for time in checkpoints(rounds, 20, True, 1.0) if time > 0]
    ends: list[np.ndarray] = []

    def ours(number: int) -> None:
        for _ in range(number):
            learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, np.random.default_rng(0))
            for time in times:
                learner.advance(time)
                learner.scores(split.X_train), learner.scores(split.X_test)

    def theirs(number: int) -> None:
        for _ in range(number):
            ends[:] = [_anew(split, times)]

    return Pair(ours, theirs, lambda: apart("scores", learner.scores(split.X_test), ends[0], 1e-5))


def _anew(split, times: list[int]) -> np.ndarray:
    """Held-out scores at the last time, of a booster that is asked at each of the times."""
    import xgboost

    encode = _signs if set(split.alphabet) == {2} else _codes
    train = xgboost.DMatrix(encode(split.X_train, split), label=split.y_train, nthread=1)
    booster = xgboost.Booster(_parameters(split.n_classes), [train])
    for round_ in range(times[-1]):
        booster.update(train, iteration=round_)
        if round_ + 1 in times:
            for X in (split.X_train, split.X_test):
                margin = booster.predict(xgboost.DMatrix(encode(X, split), nthread=1), output_margin=True)
    return np.stack([-margin, margin], axis=1) / 2 if split.n_classes == 2 else margin


def _parameters(n_classes: int) -> dict[str, object]:
    """Those of the learner: nothing is estimated from the labels before the first tree."""
    loss = {"objective": "binary:logistic", "base_score": 0.5}
    if n_classes > 2:
        loss = {"objective": "multi:softprob", "base_score": 0.0, "num_class": n_classes}
    seed = int(np.random.default_rng(0).integers(2**31))
    machine = {"seed": seed, "seed_per_iteration": True, "nthread": 1, "verbosity": 0}
    return PARAMETERS | loss | machine


def _signs(X: np.ndarray, split) -> np.ndarray:
    return 2.0 * X - 1.0


def _codes(X: np.ndarray, split) -> np.ndarray:
    return np.hstack([np.eye(letters)[column] for letters, column in zip(split.alphabet, X.T, strict=True)])
