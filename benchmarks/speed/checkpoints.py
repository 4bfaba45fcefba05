"""What looking costs: a run with its checkpoints against the same run without any."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

import grokbench
from grokbench.curves.trace import Course
from speed.comparison import Comparison, InTurn, Pair, Size, apart

MEASURES = ("after_kernel", "laziness", "movement", "norm", "validation_loss", "zero_gradient")  # of lazy-to-rich


def cases(size: Size) -> Iterator[Comparison]:
    """2000 steps of the suites' network, without measures and with all that lazy-to-rich asks for."""
    modulus, width, steps = (5, 8, 60) if size == "tiny" else (31, 128, 2000)
    for goal, measures, words in ((1.08, (), "without measures"), (1.30, MEASURES, "with those of lazy-to-rich")):
        yield InTurn(
            name=f"checkpoints {words}, p {modulus}, {steps} steps",
            **{"unit": "ms a run", "ours": "20 checkpoints a decade", "theirs": "the same steps, no checkpoint"},
            at_most=goal,
            prepare=partial(runs, modulus, width, steps, measures),
            **{"steps": 1, "most": 1},
        )


def runs(modulus: int, width: int, steps: int, measures: tuple[str, ...]) -> Pair:
    """One unit is a run from its beginning."""
    split = grokbench.task("modular", modulus=modulus, train_fraction=0.6).split(0)
    make = partial(grokbench.learner, "mlp", hidden=[width], activation="quadratic", weight_decay=1.0)
    looked_at, alone = make(), make()

    def ours(number: int) -> None:
        for _ in range(number):
            list(Course(looked_at, split, steps, measures=measures).rows())

    def theirs(number: int) -> None:
        from grokbench.curves.trace import learner_rng

        for _ in range(number):
            alone.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, learner_rng(0))
            alone.advance(steps)

    def differ() -> str:
        scores: list[np.ndarray] = [learner.scores(split.X_test) for learner in (looked_at, alone)]
        return apart("the last scores", *scores, 0.0)

    return Pair(ours, theirs, differ)
