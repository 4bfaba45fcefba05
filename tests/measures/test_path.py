"""The length of the way of a run's scores, against the same by hand."""

from itertools import pairwise

import numpy as np
import pytest

import grokbench


def test_it_is_the_sum_of_the_distances_between_checkpoints():
    split = grokbench.task("modular", modulus=7, train_fraction=0.6).split(0)
    scores = []

    class Watching(type(grokbench.learner("rfm"))):
        def advance(self, time):
            super().advance(time)
            scores.append(self.scores(split.X_test))

    curve = grokbench.trace(Watching(), split, 8, measures=["path"])
    path = curve["path"].to_numpy()
    steps = [np.linalg.norm(b - a, axis=1).mean() for a, b in pairwise(scores)]
    assert np.isnan(path[0])
    np.testing.assert_allclose(path[1:], np.cumsum([0.0, *steps]), rtol=1e-9)


def test_what_stands_still_has_no_way():
    split = grokbench.task("modular", modulus=7, train_fraction=0.6).split(0)
    curve = grokbench.trace(grokbench.learner("rfm", frozen=True), split, 8, measures=["path"])
    assert curve["path"].to_numpy()[1:] == pytest.approx(0)
