"""Every registered measure keeps the laws of measures, and each law can be broken."""

import numpy as np
import pytest

from grokbench.measures.base import Measure
from grokbench.measures.laws import check_measure
from grokbench.registry import learners, measures, register_measure, tasks

SPLIT = tasks.create("modular", modulus=5, train_fraction=0.6).split(0)


def failed(measure, learner="kernel_flow") -> list[str]:
    return [law.name for law in check_measure(measure, learners[learner], SPLIT) if law.status == "failed"]


@pytest.mark.parametrize("name", measures.names())
def test_every_measure_keeps_every_law(name):
    assert failed(measures[name]) == []


def test_each_law_can_be_broken():
    @register_measure("taken")
    class Taken(Measure):
        def look(self, at):
            return 1.0

    Taken.columns = ("skill",)  # which would be refused when it is registered

    @register_measure("two")
    class Two(Measure):
        columns = ("two", "more")

        def look(self, at):
            return (1.0,)

    @register_measure("meddler")
    class Meddler(Measure):
        def look(self, at):
            at.learner.scores = lambda X, scores=at.learner.scores: scores(X) + 1
            return 1.0

    @register_measure("fickle")
    class Fickle(Measure):
        def look(self, at):
            return float(np.random.default_rng().random())

    @register_measure("global_draw")
    class GlobalDraw(Measure):
        def look(self, at):
            return float(np.random.random())  # noqa: NPY002

    assert failed(Taken) == ["columns"]
    assert "form" in failed(Two)
    assert failed(Meddler) == ["purity"]
    assert failed(Fickle) == ["repeatable"]
    assert "isolation" in failed(GlobalDraw)
