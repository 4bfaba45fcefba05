"""The laws over everything registered, and for each law something that breaks that one and no other.

Without the second half the first could not fail: a law that no broken learner can break is no law.
"""

import random
import subprocess
import sys

import numpy as np
import pytest

from grokbench.laws import Law
from grokbench.learners import laws as learner_laws
from grokbench.learners.base import Learner
from grokbench.learners.encodings import one_hot
from grokbench.learners.laws import check_learner
from grokbench.registry import learners, tasks
from grokbench.tasks import laws as task_laws
from grokbench.tasks.base import Split, Task
from grokbench.tasks.laws import check_task

SMALL = {"modular": {"modulus": 11}}  # other tasks are quick by default


def regression_split():
    X = np.random.default_rng(0).normal(size=(40, 3))
    y = X[:, 0] - 0.5 * X[:, 1] ** 2
    return Split(X[:24], y[:24], X[24:], y[24:], n_classes=0, tolerance=0.01)


SPLITS = {
    "modular": lambda: tasks.create("modular", modulus=7, train_fraction=0.6).split(0),
    "parity": lambda: tasks.create("parity", n_bits=8, k=2, n_train=48, n_test=40).split(0),
    "regression": regression_split,
}


def failures(laws: list[Law]) -> dict[str, str]:
    return {law.name: law.detail for law in laws if law.status == "failed"}


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", learners.names())
def test_every_registered_learner_keeps_every_law(name, split):
    sample = SPLITS[split]()
    laws = check_learner(lambda: learners.create(name), sample)
    assert tuple(law.name for law in laws) == learner_laws.LAWS
    assert failures(laws) == {}
    readable = learners.create(name).cannot_read(sample) is None
    optional = {"relabelling"} if readable else set(learner_laws.LAWS)
    assert {law.name for law in laws if law.status != "passed"} <= optional


@pytest.mark.parametrize(
    "control", [{}, {"labels": "shuffled"}, {"label_noise": 0.25}], ids=["true", "shuffled", "noise"]
)
@pytest.mark.parametrize("name", tasks.names())
def test_every_registered_task_keeps_every_law(name, control):
    laws = check_task(tasks.create(name, **SMALL.get(name, {}), **control))
    assert tuple(law.name for law in laws) == task_laws.LAWS
    assert failures(laws) == {}


class Sound(Learner):
    """A lawful learner: scores grow with time along the mean target of similar training inputs."""

    deterministic = True
    shift = 0.0

    def begin(self, X, y, n_classes, alphabet, rng):
        self.X, self.Y, self.time = X.copy(), one_hot(y, n_classes), 0

    def advance(self, time):
        self.time = time

    def similarity(self, X, Z):
        return np.exp(-((X[:, None] - Z[None]) ** 2).sum(axis=2))

    def scores(self, X):
        return self.time * (self.similarity(X, self.X) @ self.Y) + self.shift

    def kernel(self, X):
        return self.similarity(X, X)

    def description(self):
        return {"targets": self.Y}


class CountsItsSteps(Sound):
    def advance(self, time):
        self.shift += 0.01
        self.time = time


class CountsItsLooks(Sound):
    def scores(self, X):
        self.shift += 0.01
        return super().scores(X)


class KernelMovesIt(Sound):
    def kernel(self, X):
        self.shift += 0.01
        return super().kernel(X)


class ForgetsItsDescription(Sound):
    calls = 0

    def description(self):
        self.calls += 1
        return {"targets": self.Y * self.calls}


class ReadsGlobalState(Sound):
    def scores(self, X):
        return super().scores(X) + np.random.get_state()[2]  # noqa: NPY002


class SharedByAll(Sound):
    """The classic: state on the class, so that runs beside each other disturb each other."""

    seeds = []  # noqa: RUF012

    def begin(self, X, y, n_classes, alphabet, rng):
        super().begin(X, y, n_classes, alphabet, rng)
        SharedByAll.latest = rng.random()
        self.shift = SharedByAll.latest

    def scores(self, X):
        self.shift = SharedByAll.latest
        return super().scores(X)


class KnowsClassFrequencies(Sound):
    def scores(self, X):
        return super().scores(X) + self.Y.mean(axis=0)


class KnowsLabels(Sound):
    def scores(self, X):
        return super().scores(X) + self.similarity(X, self.X) @ (self.Y - 1 / self.Y.shape[1])


class SpoilsItsInputs(Sound):
    def begin(self, X, y, n_classes, alphabet, rng):
        super().begin(X, y, n_classes, alphabet, rng)
        y[:] = 0


class SpoilsWhatItScores(Sound):
    def scores(self, X):
        scores = super().scores(X)
        X += 1
        return scores


class LearnsFromTestInputs(Sound):
    mean = 0.0

    def scores(self, X):
        if len(X) != len(self.X):
            self.mean = X.mean()
        return super().scores(X) + self.mean


class PrefersClassZero(Sound):
    def scores(self, X):
        return super().scores(X) * np.linspace(1.0, 0.9, self.Y.shape[1])


class SinglePrecision(Sound):
    deterministic = False

    def scores(self, X):
        return super().scores(X).astype(np.float32)


class OverflowsLate(Sound):
    deterministic = False

    def scores(self, X):
        return super().scores(X) + (np.inf if self.time > 3 else 0.0)


class FlatKernel(Sound):
    def kernel(self, X):
        return super().kernel(X)[0]


class NoBlockOfItsKernel(Sound):
    def cross_kernel(self, X, Z):
        return 1.01 * self.similarity(X, Z)


class ListsItsDescription(Sound):
    def description(self):
        return {"targets": self.Y.tolist()}


class DrawsNumpy(Sound):
    def advance(self, time):
        np.random.random()  # noqa: NPY002
        super().advance(time)


class DrawsPython(Sound):
    def kernel(self, X):
        random.random()
        return super().kernel(X)


class DrawsTorch(Sound):
    def begin(self, X, y, n_classes, alphabet, rng):
        import torch

        torch.rand(1)
        super().begin(X, y, n_classes, alphabet, rng)


class FillsOneBuffer(Sound):
    """The same numbers in one array that is used again."""

    def begin(self, X, y, n_classes, alphabet, rng):
        super().begin(X, y, n_classes, alphabet, rng)
        self.buffer = np.zeros((1000, n_classes))

    def scores(self, X):
        self.buffer[: len(X)] = super().scores(X)
        return self.buffer[: len(X)]


class FillsOneKernel(Sound):
    kept = None

    def kernel(self, X):
        if self.kept is None or len(self.kept) != len(X):
            self.kept = np.empty((len(X), len(X)))
        self.kept[:] = self.similarity(X, X) * (1 + self.time)
        return self.kept


class HandsOutItsWeights(Sound):
    def begin(self, X, y, n_classes, alphabet, rng):
        super().begin(X, y, n_classes, alphabet, rng)
        self.weights = np.zeros(3)

    def advance(self, time):
        super().advance(time)
        self.weights[:] = time

    def description(self):
        return {"weights": self.weights}


class OneOtherKernel(FillsOneKernel):
    def kernel(self, X):
        return None

    def other_kernels(self, X):
        return {"recent": super().kernel(X)}


class WritesLater(Sound):
    """Spoils what it has answered once it moves on."""

    answered = None

    def advance(self, time):
        super().advance(time)
        if self.answered is not None:
            self.answered[:] = -1

    def scores(self, X):
        self.answered = super().scores(X)
        return self.answered


class ViewOfOneBuffer(FillsOneBuffer):
    def scores(self, X):
        return super().scores(X)[::-1][::-1]


BROKEN_LEARNERS = {
    "schedule": [CountsItsSteps],
    "purity": [CountsItsLooks, KernelMovesIt, ForgetsItsDescription],
    "determinism": [ReadsGlobalState, SharedByAll],
    "origin": [KnowsClassFrequencies, KnowsLabels],
    "blindness": [SpoilsItsInputs, SpoilsWhatItScores],
    "relabelling": [PrefersClassZero],
    "form": [SinglePrecision, OverflowsLate, FlatKernel, NoBlockOfItsKernel, ListsItsDescription],
    "isolation": [DrawsNumpy, DrawsPython, DrawsTorch],
    "aliasing": [FillsOneBuffer, FillsOneKernel, HandsOutItsWeights, OneOtherKernel, WritesLater, ViewOfOneBuffer],
}


@pytest.mark.parametrize("split", ["modular", "parity"])
def test_a_sound_learner_passes_every_law(split):
    assert [law.status for law in check_learner(Sound, SPLITS[split]())] == ["passed"] * len(learner_laws.LAWS)


@pytest.mark.parametrize("split", ["modular", "parity"])
@pytest.mark.parametrize(
    ("law", "broken"),
    [(law, c) for law, classes in BROKEN_LEARNERS.items() for c in classes],
    ids=lambda v: str(v)[-30:],
)
def test_a_learner_broken_in_one_way_fails_exactly_that_law(law, broken, split):
    failed = failures(check_learner(broken, SPLITS[split]()))
    assert set(failed) == {law}
    assert failed[law]


def test_there_is_a_broken_learner_and_a_broken_task_for_every_law():
    assert set(BROKEN_LEARNERS) == set(learner_laws.LAWS)
    assert set(BROKEN_TASKS) == set(task_laws.LAWS)


def test_a_learner_that_learns_from_test_inputs_is_neither_pure_nor_blind():
    assert set(failures(check_learner(LearnsFromTestInputs, SPLITS["modular"]()))) == {"purity", "blindness"}


def test_relabelling_is_asked_of_deterministic_classifiers_only():
    class Declares(Sound):
        deterministic = False

    for make, split in ((Declares, "modular"), (Sound, "regression")):
        laws = {law.name: law for law in check_learner(make, SPLITS[split]())}
        assert laws["relabelling"].status == "not applicable"
        assert laws["relabelling"].detail


def test_a_learner_that_raises_has_failed_with_the_exception_as_detail():
    class NoKernel(Sound):
        def kernel(self, X):
            raise RuntimeError("no kernel today")

    class NoBeginning(Sound):
        def begin(self, X, y, n_classes, alphabet, rng):
            raise RuntimeError("no beginning")

    failed = failures(check_learner(NoKernel, SPLITS["modular"]()))
    assert set(failed) == {"purity", "blindness", "form", "isolation", "aliasing"}  # those that ask for it
    assert set(failed.values()) == {"RuntimeError: no kernel today"}
    assert set(failures(check_learner(NoBeginning, SPLITS["modular"]())).values()) == {"RuntimeError: no beginning"}


def test_a_split_that_cannot_be_read_makes_every_law_not_applicable():
    class Refuses(Sound):
        def cannot_read(self, split):
            return "reads nothing"

    laws = check_learner(Refuses, SPLITS["modular"]())
    assert {(law.status, law.detail) for law in laws} == {("not applicable", "reads nothing")}


def test_times_of_a_flow_are_multiples_of_the_unit_it_knows_after_begin():
    class Flow(Sound):
        integer_clock = False
        times = []  # noqa: RUF012

        def begin(self, *arguments):
            super().begin(*arguments)
            self.first_time = 0.125

        def advance(self, time):
            self.times.append(time)
            super().advance(time)

    assert failures(check_learner(Flow, SPLITS["parity"]())) == {}
    assert set(Flow.times) == {0.125 * unit for unit in learner_laws.UNITS}


def test_checking_leaves_the_global_random_states_alone():
    random_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    check_learner(DrawsNumpy, SPLITS["parity"]())
    check_learner(DrawsPython, SPLITS["parity"]())
    check_task(DrawsWhileSampling())
    assert random.getstate() == random_state
    assert str(np.random.get_state()) == str(numpy_state)  # noqa: NPY002


class SoundTask(Task):
    """Which of 40 numbers are above 20."""

    def sample(self, rng):
        numbers = rng.permutation(40)[:, None]
        y = (numbers[:, 0] > 20).astype(int)
        return Split(numbers[:20], y[:20], numbers[20:], y[20:], n_classes=2, alphabet=(40,))


class DependsOnGlobalState(SoundTask):
    def sample(self, rng):
        rng.random(int(np.random.get_state()[2]))  # noqa: NPY002
        return super().sample(rng)


class DependsOnOrder(SoundTask):
    draws = 0

    def sample(self, rng):
        self.draws += 1
        rng.random(min(self.draws, 2))  # the first split of an instance differs from all later ones
        return super().sample(rng)


def changed(split, name, row, value):
    """The split with a row of one array changed behind its back: its constructor would refuse some of them."""
    array = getattr(split, name).copy()
    array[row] = value
    object.__setattr__(split, name, array)
    return split


class Leaks(SoundTask):
    def sample(self, rng):
        split = super().sample(rng)
        return changed(split, "X_test", -1, split.X_train[0])


class UnknownClass(SoundTask):
    def sample(self, rng):
        split = super().sample(rng)
        return changed(split, "y_test", 0, 2)


class UnknownToken(SoundTask):
    def sample(self, rng):
        split = super().sample(rng)
        return changed(split, "X_train", 0, 77)


class KeepsItsSplits(SoundTask):
    """Hands out one split again and again, of arrays that it has made writeable."""

    def split(self, seed):
        kept = self.__dict__.setdefault("kept", {})
        if seed not in kept:
            kept[seed] = super().split(seed)
            object.__setattr__(kept[seed], "X_train", kept[seed].X_train.copy())
        return kept[seed]


class DrawsWhileSampling(SoundTask):
    def sample(self, rng):
        random.random()
        return super().sample(rng)


BROKEN_TASKS = {
    "deterministic": [DependsOnGlobalState],
    "disjoint": [Leaks],
    "in range": [UnknownClass, UnknownToken],
    "independent": [KeepsItsSplits],
    "isolation": [DrawsWhileSampling],
}


def test_a_sound_task_passes_every_law():
    assert [law.status for law in check_task(SoundTask())] == ["passed"] * 5


@pytest.mark.parametrize(
    ("law", "broken"), [(law, c) for law, classes in BROKEN_TASKS.items() for c in classes], ids=lambda v: str(v)[-30:]
)
def test_a_task_broken_in_one_way_fails_exactly_that_law(law, broken):
    failed = failures(check_task(broken()))
    assert set(failed) == {law}
    assert failed[law]


def test_a_task_that_depends_on_the_order_of_calls_is_not_deterministic():
    assert "deterministic" in failures(check_task(DependsOnOrder()))


def test_a_task_that_raises_has_failed_and_one_that_overlaps_on_purpose_has_not():
    class Raises(Task):
        def sample(self, rng):
            raise RuntimeError("no data")

    class Overlaps(Leaks):
        overlap = True

    assert set(failures(check_task(Raises())).values()) == {"RuntimeError: no data"}
    laws = {law.name: law.status for law in check_task(Overlaps())}
    assert laws.pop("disjoint") == "not applicable"
    assert set(laws.values()) == {"passed"}


def test_the_laws_themselves_load_no_heavy_library():
    code = "import sys, grokbench.learners.laws, grokbench.tasks.laws; print({'torch', 'xgboost'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
