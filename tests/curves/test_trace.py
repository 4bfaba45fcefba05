"""The trace of small known learners: what is asked, in which order, and what comes back."""

import math
import os
import random
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import grokbench
from grokbench.curves import trace as trace_module
from grokbench.curves.evaluate import baseline_loss, evaluate
from grokbench.curves.schedule import checkpoints
from grokbench.curves.trace import COLUMNS, Course, learner_rng, trace
from grokbench.errors import UsageError
from grokbench.learners.base import Learner
from grokbench.tasks.base import Split
from grokbench.threads import one_thread


def a_split(n=60, n_classes=3, **changes):
    X = np.random.default_rng(0).normal(size=(2 * n, 4))
    y = np.arange(2 * n) % n_classes
    X[:, 0] = y  # the answer stands in the first column
    return Split(X[:n], y[:n], X[n:], y[n:], n_classes=n_classes, **changes)


class Reader(Learner):
    """Reads the answer from the first column: of the training inputs after `mem`, of the others after `gen`."""

    def __init__(self, mem=0.0, gen=0.0, **attributes):
        self.mem, self.gen = mem, gen
        vars(self).update(attributes)

    def begin(self, X, y, n_classes, alphabet, rng):
        self.begun = X, y, n_classes, alphabet, rng
        self.time, self.asked = 0, []

    def advance(self, time):
        self.asked.append(time)
        self.time = time

    def knows(self, X):
        return self.time >= (self.mem if X is self.begun[0] else self.gen)

    def scores(self, X):
        return np.eye(self.begun[2])[X[:, 0].astype(int)] * self.knows(X)


class Broken(Reader):
    """Returns what `spoil` makes of its scores from time 5 on."""

    def scores(self, X):
        return self.spoil(super().scores(X)) if self.time >= 5 else super().scores(X)


def test_one_row_per_checkpoint_with_the_columns_of_the_table():
    split = a_split()
    curve = trace(Reader(mem=3, gen=70), split, budget=120, points_per_decade=10)
    assert tuple(curve.columns) == COLUMNS
    assert all(dtype == np.float64 for dtype in curve.dtypes)
    np.testing.assert_array_equal(curve["time"], checkpoints(120, 10))
    for name, since in (("train_accuracy", 3), ("test_accuracy", 70)):  # until then all scores are tied
        np.testing.assert_allclose(curve[name], np.where(curve["time"] >= since, 1, 1 / 3), rtol=1e-14)
    assert (np.diff(curve["cpu_seconds"]) >= 0).all()


def test_every_row_is_the_judgement_of_the_scores():
    split, learner = a_split(), Reader(mem=3, gen=4, loss="hinge")
    last = trace(learner, split, budget=5).iloc[-1]
    expected = evaluate(learner.scores(learner.begun[0]), learner.scores(split.X_test), split, "hinge")
    assert {name: last[name] for name in expected} == expected


def test_the_attributes_are_what_detect_needs():
    split, learner = a_split(ceiling=0.9), Reader(loss="mse", clock="sweeps")
    curve = trace(learner, split, budget=5)
    assert curve.attrs == {
        "status": "done",
        "clock": "sweeps",
        "unit": 1.0,
        "chance": split.chance,
        "ceiling": 0.9,
        "n_classes": 3,
        "baseline_loss": baseline_loss(split, "mse"),
    }


def test_a_trace_is_judged_without_being_told_anything():
    detection = grokbench.detect(trace(Reader(mem=12, gen=300), a_split(), budget=2000))
    assert (detection.outcome, detection.late, detection.notes) == ("groks", 1.0, ())
    assert detection.t_mem == pytest.approx(11 * (12 / 11) ** 0.95)
    assert 250 < detection.t_gen <= 316


def test_the_users_own_arrays():
    X, y = np.random.default_rng(0).normal(size=(20, 2)), [0, 1] * 10
    split = grokbench.Split(X, y, X, y, n_classes=2)

    class Zero(grokbench.Learner):
        def begin(self, X, y, n_classes, alphabet, rng):
            pass

        def advance(self, time):
            pass

        def scores(self, X):
            return [[0, 0]] * len(X)  # anything that numpy reads

    curve = grokbench.trace(Zero(), split, budget=3)
    assert curve["test_accuracy"].tolist() == [0.5] * 4
    assert curve["test_loss"].tolist() == pytest.approx([math.log(2)] * 4)
    assert curve["skill"].tolist() == pytest.approx([0] * 4, abs=1e-12)


def test_a_regression():
    X = np.random.default_rng(0).normal(size=(40, 1))
    split = Split(X[:20], X[:20, 0], X[20:], X[20:, 0], n_classes=0, tolerance=0.01)

    class Fades(Reader):
        def scores(self, X):
            return X * min(1, self.time / 4)

    curve = trace(Fades(loss="mse"), split, budget=6)
    assert curve["test_accuracy"].iloc[-1] == 1
    assert curve["rank_auc"].isna().all()
    assert curve.attrs["baseline_loss"] == pytest.approx(split.y_test.var())
    assert grokbench.detect(curve).outcome != "never_fits"


def test_the_learner_is_begun_with_training_data_only_and_asked_in_order():
    split, learner = a_split(), Reader()
    trace(learner, split, budget=60, seed=3)
    X, y, n_classes, alphabet, rng = learner.begun
    assert X is split.X_train
    assert y is split.y_train
    assert (n_classes, alphabet) == (3, None)
    assert learner.asked == checkpoints(60)[1:].tolist()  # time 0 is where `begin` stands
    assert {type(time) for time in learner.asked} == {int}
    assert rng.random() == learner_rng(3).random()
    assert rng.random() != learner_rng(4).random()


def test_other_clocks_start_at_the_learners_first_time_known_after_begin():
    class Flow(Reader):
        integer_clock = False

        def begin(self, *changes):
            super().begin(*changes)
            self.first_time = 0.02

    learner = Flow()
    curve = trace(learner, a_split(), budget=1.5, points_per_decade=7)
    np.testing.assert_array_equal(curve["time"], checkpoints(1.5, 7, False, 0.02))
    assert {type(time) for time in learner.asked} == {float}
    assert curve.attrs["unit"] == 0.02


def test_cpu_seconds_are_the_learners_not_the_judges(monkeypatch):
    ticks = iter(range(0, 1000, 5))  # every look at the clock is 5 seconds later
    monkeypatch.setattr(trace_module.wall, "process_time", lambda: next(ticks))
    curve = trace(Reader(), a_split(), budget=3)
    assert curve["cpu_seconds"].tolist() == [10, 15, 20, 25]  # begin, then 5 per checkpoint, whatever lies between


# --- The end of a run -------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_end_the_run_before_that_row(wrong):
    def spoil(scores):
        scores[-1, 0] = wrong
        return scores

    curve = trace(Broken(spoil=spoil), a_split(), budget=20)
    assert curve.attrs["status"] == "diverged"
    assert curve["time"].tolist() == [0, 1, 2, 3, 4]
    assert np.isfinite(curve).all(axis=None)


def test_a_loss_that_is_not_finite_ends_it_too():
    curve = trace(Broken(spoil=lambda s: 1e200 * s, loss="mse"), a_split(), budget=20)
    assert (curve.attrs["status"], len(curve)) == ("diverged", 5)
    curve = trace(Broken(spoil=lambda s: 1e200 * s, loss="cross-entropy"), a_split(), budget=20)
    assert (curve.attrs["status"], len(curve)) == ("done", 21)  # right answers of any size have no cross-entropy


@pytest.mark.parametrize("spoil", [lambda s: s[:, :2], lambda s: s[:-1], lambda s: s.ravel(), lambda s: s.T])
def test_scores_of_the_wrong_shape_are_an_error(spoil):
    with pytest.raises(ValueError, match=r"scores returned shape .* expected \(60, 3\)"):
        trace(Broken(spoil=spoil), a_split(), budget=20)


def test_what_the_learner_raises_is_raised():
    def spoil(scores):
        raise ZeroDivisionError("of mine")

    with pytest.raises(ZeroDivisionError, match="of mine"):
        trace(Broken(spoil=spoil), a_split(), budget=20)


def test_an_impossible_budget_is_a_users_mistake():
    with pytest.raises(UsageError, match="budget"):
        trace(Reader(), a_split(), budget=2.5)


def test_a_name_is_no_learner_and_a_task_no_split():
    with pytest.raises(UsageError, match=r"^learner = 'mlp': expected a learner, such as grokbench\.learner"):
        trace("mlp", a_split(), budget=20)
    with pytest.raises(UsageError, match=r"expected a split of a task, such as task\.split\(seed=0\)"):
        trace(Reader(), grokbench.task("modular"), budget=20)


def settled_at(points_per_decade=20, split=None, budget=1_000_000, **learner):
    curve = trace(Reader(**learner), split or a_split(), budget, 0, points_per_decade, settle=True)
    return curve.attrs["status"], curve["time"].iloc[-1]


@pytest.mark.parametrize("points_per_decade", [4, 8, 10, 20, 40])
@pytest.mark.parametrize(("mem", "gen"), [(0, 0), (3, 20), (20, 3), (12, 1000)])
def test_settled_once_both_criteria_held_over_half_a_decade_and_ten_checkpoints(mem, gen, points_per_decade):
    times = checkpoints(1_000_000, points_per_decade)
    held = times[times >= max(mem, gen)]
    expected = next(t for i, t in enumerate(held) if i + 1 >= 10 and t >= held[0] * 10**0.5)
    assert settled_at(points_per_decade, mem=mem, gen=gen) == ("settled", expected)


def test_a_run_that_never_generalizes_does_not_settle():
    assert settled_at(budget=500, mem=3, gen=501) == ("done", 500)
    assert settled_at(budget=500, mem=501, gen=3) == ("done", 500)


def test_settling_is_asked_for():
    assert trace(Reader(), a_split(), budget=300).attrs["status"] == "done"


def test_settling_counts_from_the_last_loss():
    class Forgets(Reader):
        def knows(self, X):
            return self.time != 7

    curve = trace(Forgets(), a_split(), 1000, settle=True)
    assert curve["time"].iloc[-1] == 26  # the first checkpoint from 8 · 10^.5 = 25.3 on


def test_settling_is_a_matter_of_the_ceiling():
    """Three of four held-out answers, the others guessed: kappa .75, which is .95 of a ceiling of .78."""

    class Half(Reader):
        def knows(self, X):
            return True if X is self.begun[0] else (np.arange(len(X)) % 4 < 3)[:, None]

    for ceiling, status in ((1.0, "done"), (0.8, "done"), (0.78, "settled")):
        split = a_split(ceiling=ceiling)
        curve = trace(Half(), split, 300, settle=True)
        assert curve.attrs["status"] == status


def test_a_single_class_never_settles():
    X = np.zeros((5, 1))
    split = Split(X, np.array([0, 1, 0, 1, 0]), X, np.zeros(5, dtype=int), n_classes=2)
    assert settled_at(budget=60, split=split) == ("done", 60)


def test_a_course_gives_each_row_as_its_checkpoint_is_reached_and_its_status_at_the_end():
    learner = Reader()
    course = Course(learner, a_split(), budget=2)
    rows = course.rows()
    for time in range(3):
        assert next(rows)["time"] == time
        assert course.status == ""
        assert learner.asked[-1:] == ([time] if time else [])
    assert next(rows, None) is None
    assert course.status == "done"


# --- Isolation --------------------------------------------------------------------------------------


class Watcher(Reader):
    """Notes the threads it may use."""

    def advance(self, time):
        import torch

        super().advance(time)
        self.pools = {pool["num_threads"] for pool in threadpool_info()}
        self.torch = torch.get_num_threads()
        self.variable = os.environ.get("OMP_NUM_THREADS")


@pytest.mark.parametrize("fails", [False, True])
def test_one_thread_inside_and_the_callers_number_afterwards(fails, monkeypatch):
    import torch

    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with threadpool_limits(limits=2):
            pools = [pool["num_threads"] for pool in threadpool_info()]
            watcher = Watcher()
            if fails:
                watcher.scores = lambda X: X.undefined
                with pytest.raises(AttributeError):
                    trace(watcher, a_split(), budget=2)
            else:
                trace(watcher, a_split(), budget=2)
                assert (watcher.pools, watcher.torch, watcher.variable) == ({1}, 1, "1")
            assert torch.get_num_threads() == 2
            assert [pool["num_threads"] for pool in threadpool_info()] == pools
            assert os.environ["OMP_NUM_THREADS"] == "3"
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
def test_a_library_loaded_inside_gets_the_callers_number_afterwards():
    program = (
        "from grokbench.threads import one_thread\n"
        "with one_thread():\n"
        "    import torch; inside = torch.get_num_threads()\n"
        "print(inside, torch.get_num_threads())"
    )
    for text in ("1", "3"):
        environment = {**os.environ, "OMP_NUM_THREADS": text}
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
        assert done.stdout.split() == ["1", text], done.stderr


def test_variables_that_were_not_set_are_not_set_afterwards(monkeypatch):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    with one_thread():
        assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    assert "OPENBLAS_NUM_THREADS" not in os.environ


def test_global_random_states_are_untouched():
    import torch

    states = [lambda: np.random.get_state()[1].tobytes(), random.getstate, lambda: torch.get_rng_state().tolist()]  # noqa: NPY002
    before = [state() for state in states]
    trace(Reader(mem=2, gen=9), a_split(), budget=60, settle=True)
    assert [state() for state in states] == before


def test_the_same_seed_gives_the_same_bytes():
    class Noisy(Reader):
        def scores(self, X):
            return super().scores(X) + self.begun[4].spawn(1)[0].normal(size=(len(X), 3))

    first, second, other = (trace(Noisy(), a_split(), 60, seed).drop(columns="cpu_seconds") for seed in (0, 0, 1))
    assert first.to_numpy().tobytes() == second.to_numpy().tobytes() != other.to_numpy().tobytes()
