"""Aliasing in both directions: no learner changes an answer that it has given, or the data that it was handed."""

import array

import numpy as np
import pytest

from grokbench.curves.faces import Faces, own, unwritable
from grokbench.curves.trace import Course, trace
from grokbench.learners.base import Learner
from grokbench.measures.base import Measure
from grokbench.registry import measures, tasks
from grokbench.tasks.base import Split


class Table(Learner):
    """Knows the training examples by heart from tick 3 on, and hands out new arrays."""

    clock, loss, deterministic = "ticks", "mse", True

    def begin(self, X, y, n_classes, alphabet, rng):
        self.known, self.k, self.now = {x.tobytes(): label for x, label in zip(X, y, strict=True)}, n_classes, 0
        self.buffer, self.square = np.zeros((1000, n_classes)), np.zeros((1000, 1000))

    def advance(self, time):
        self.now = time

    def scores(self, X):
        out = np.zeros((len(X), self.k))
        for row, x in zip(out, X, strict=True):
            if self.now >= 3 and x.tobytes() in self.known:
                row[self.known[x.tobytes()]] = 1
        return out

    def kernel(self, X):
        return np.exp(-self.now * (X[:, :1] != X[:, :1].T).astype(float)) + np.eye(len(X))


class OneBuffer(Table):
    """The first rows of one array, filled again."""

    def scores(self, X):
        self.buffer[: len(X)] = super().scores(X)
        return self.buffer[: len(X)]


class OneBufferBackwards(OneBuffer):
    def scores(self, X):
        super().scores(X)
        return self.buffer[len(X) - 1 :: -1][::-1] if len(X) else self.buffer[:0]


class OneBufferBehindAnArray(OneBuffer):
    """No array, but something that shows one."""

    def scores(self, X):
        answer = super().scores(X)

        class Shows:
            def __array__(self, dtype=None, copy=None):
                return answer

        return Shows()


class OneTensor(Table):
    def scores(self, X):
        import torch

        shared = torch.from_numpy(self.buffer)
        shared[: len(X)] = torch.from_numpy(super().scores(X))
        return shared[: len(X)]


class WritesLater(Table):
    """Spoils its last answer when it is asked again."""

    last = None

    def scores(self, X):
        if self.last is not None:
            self.last[:] = -7
        self.last = super().scores(X)
        return self.last


class OneKernel(Table):
    def kernel(self, X):
        view = self.square[: len(X), : len(X)]
        view[:] = super().kernel(X)
        return view


@pytest.fixture
def split():
    return tasks.create("modular", modulus=7).split(0)


@pytest.mark.parametrize(
    "cls", [OneBuffer, OneBufferBackwards, OneBufferBehindAnArray, OneTensor, WritesLater, OneKernel]
)
def test_a_learner_that_uses_its_arrays_again_has_the_curve_of_one_that_does_not(cls, split):
    names = [name for name in ("after_kernel", "laziness") if name in measures]
    kernels = [name for name in measures.names() if "kernel" in name]
    expected = trace(Table(), split, 12, measures=sorted({*names, *kernels}))
    curve = trace(cls(), split, 12, measures=sorted({*names, *kernels}))
    assert curve["train_accuracy"].iloc[-1] == 1
    columns = [name for name in curve.columns if name != "cpu_seconds"]
    np.testing.assert_array_equal(curve[columns].to_numpy(), expected[columns].to_numpy())


def test_own_copies_whatever_an_answer_is_made_of():
    base = np.arange(12.0)
    answers = {
        "array": base,
        "view": base[::2],
        "nested": {"list": [base[1:], (base,)], "text": "t", "none": None},
        "masked": np.ma.array(base),
        "buffer": memoryview(base),
        "bytes": bytearray(b"ab"),
        "typed": array.array("d", [1.0]),
        "objects": np.array([base, None], dtype=object),
        "number": np.float64(2.0),
    }
    copies = own(answers)
    base[:] = -1
    answers["bytes"][:] = b"zz"
    answers["typed"][0] = 9
    np.testing.assert_array_equal(copies["array"], np.arange(12.0))
    np.testing.assert_array_equal(copies["view"], np.arange(0.0, 12, 2))
    np.testing.assert_array_equal(copies["nested"]["list"][0], np.arange(1.0, 12))
    np.testing.assert_array_equal(copies["nested"]["list"][1][0], np.arange(12.0))
    np.testing.assert_array_equal(copies["masked"], np.arange(12.0))
    np.testing.assert_array_equal(copies["buffer"], np.arange(12.0))
    assert bytes(copies["bytes"]) == b"ab"
    assert copies["typed"].tolist() == [1.0]
    np.testing.assert_array_equal(copies["objects"][0], np.arange(12.0))
    assert (copies["nested"]["text"], copies["nested"]["none"], copies["number"]) == ("t", None, 2.0)


class Writes(Table):
    """Writes into what it is handed, where `at` says."""

    def __init__(self, at):
        self.at = at

    def begin(self, X, y, n_classes, alphabet, rng):
        super().begin(X, y, n_classes, alphabet, rng)
        self.kept = X, y
        if self.at == "X":
            X[0] = X[1]
        if self.at == "y":
            y += 0 * y
        if self.at == "flag":
            X.flags.writeable = True
        if self.at == "base":
            X.base.flags.writeable = True
        if self.at == "sort":
            X.sort(axis=0)

    def advance(self, time):
        super().advance(time)
        if self.at == "later":
            self.kept[0][0] = 0
        if self.at == "labels later":
            np.copyto(self.kept[1], 0)

    def scores(self, X):
        if self.at == "scored":
            X *= 0
        return super().scores(X)


@pytest.mark.parametrize("at", ["X", "y", "flag", "base", "sort", "later", "labels later", "scored"])
def test_a_learner_that_writes_into_its_data_fails_loudly_and_the_split_stays(at, split):
    before = split.hash
    with pytest.raises((ValueError, AttributeError)):
        trace(Writes(at), split, 12)
    del vars(split)["hash"]
    assert split.hash == before


@pytest.mark.parametrize("at", ["X", "y", "later", "labels later", "scored"])
def test_so_does_one_on_a_split_whose_arrays_were_made_writeable(at, split):
    for name in ("X_train", "y_train", "X_test", "y_test"):
        object.__setattr__(split, name, getattr(split, name).copy())
    with pytest.raises(ValueError, match="read-only"):
        trace(Writes(at), split, 12)


def test_a_split_is_a_copy_of_the_arrays_that_it_is_made_of():
    X, y = np.arange(12).reshape(6, 2).astype(float), np.array([0, 1, 0, 1, 0, 1])
    split = Split(X[:3], y[:3], X[3:], y[3:], n_classes=2, redrawn=np.array([1]))
    before = split.hash
    X[:], y[:] = 0, 1
    del vars(split)["hash"]
    assert split.hash == before
    for name in ("X_train", "y_train", "X_test", "y_test", "y_true", "redrawn"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(split, name)[...] = 0
        with pytest.raises(ValueError, match="WRITEABLE"):
            getattr(split, name).flags.writeable = True


def test_what_a_face_is_handed_is_read_only_and_the_same_numbers(split):
    X = split.X_test.copy()
    view = unwritable(X)
    assert view.base is X
    assert not view.flags.writeable
    assert unwritable(split.X_test) is split.X_test
    assert not unwritable({"w": X})["w"].flags.writeable
    learner = Table()
    Faces(learner).begin(split.X_train, split.y_train, split.n_classes, split.alphabet, None)
    assert Faces(learner).now == 0
    assert Faces(learner).clock == "ticks"


def test_no_measure_can_write_into_the_scores_that_others_read(split):
    class Spoils(Measure):
        name = "spoils"

        def row(self, at):
            at.train_scores[:] = 0

    course = Course(Table(), split, 5)
    with pytest.raises(ValueError, match="read-only"):
        course._row(Faces(_begun(split)), 0.0, 0.0, [Spoils()], {})


def _begun(split):
    learner = Table()
    learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, None)
    return learner
