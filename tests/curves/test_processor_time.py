"""A learner's threads and processes cost what they cost: none of them makes it cheap."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time

import pytest

from grokbench.curves.trace import trace
from grokbench.learners.base import Learner
from grokbench.registry import tasks
from grokbench.runs.perform import perform
from grokbench.threads import seconds_of_processes

SECONDS = 0.4  # of work; the clock of a living process ticks every .01 s
BURN = f"import time; t = time.process_time() + {SECONDS}\nwhile time.process_time() < t: pass"


def burn(_=None):
    end = time.thread_time() + SECONDS
    while time.thread_time() < end:
        pass


def in_a_pool():
    with multiprocessing.get_context("fork").Pool(1) as pool:
        pool.map(burn, [0])
        pool.close()
        pool.join()


def in_a_pool_that_lives(kept):
    kept.append(multiprocessing.get_context("fork").Pool(1))
    kept[-1].map(burn, [0])


def by_joblib(backend):
    from joblib import Parallel, delayed

    Parallel(n_jobs=2, backend=backend)(delayed(burn)() for _ in range(2))


def in_a_fork():
    pid = os.fork()
    if pid == 0:
        burn()
        os._exit(0)
    os.waitpid(pid, 0)


def in_a_fork_of_a_fork():
    pid = os.fork()
    if pid == 0:
        in_a_fork()
        os._exit(0)
    os.waitpid(pid, 0)


def in_a_thread():
    thread = threading.Thread(target=burn)
    thread.start()
    thread.join()


def from_a_thread():
    """The parent of a process is a thread."""
    thread = threading.Thread(target=in_a_fork)
    thread.start()
    thread.join()


def in_an_executor():
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as executor:
        executor.submit(burn).result()


WAYS = {
    "pool": in_a_pool,
    "joblib, threads": lambda: by_joblib("threading"),
    "joblib, multiprocessing": lambda: by_joblib("multiprocessing"),
    "joblib, loky": lambda: by_joblib("loky"),
    "fork": in_a_fork,
    "fork of a fork": in_a_fork_of_a_fork,
    "thread": in_a_thread,
    "process of a thread": from_a_thread,
    "program": lambda: subprocess.run([sys.executable, "-c", BURN], check=True),
    "executor": in_an_executor,
}


class Delegates(Learner):
    """Does its work elsewhere, at time 1."""

    def __init__(self, work):
        self.work = work

    def begin(self, X, y, n_classes, alphabet, rng):
        import numpy as np

        self.zeros = lambda X: np.zeros((len(X), n_classes))

    def advance(self, time):
        if time == 1:
            self.work()

    def scores(self, X):
        return self.zeros(X)


def cost(work) -> float:
    curve = trace(Delegates(work), tasks.create("modular", modulus=5).split(0), budget=2)
    return curve["cpu_seconds"].iloc[-1] - curve["cpu_seconds"].iloc[0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("way", WAYS)
def test_what_a_learner_starts_is_counted(way):
    assert cost(WAYS[way]) > 0.9 * SECONDS


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="living processes are found on Linux")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_process_that_goes_on_living_is_counted():
    kept = []
    try:
        assert cost(lambda: in_a_pool_that_lives(kept)) > 0.9 * SECONDS
        assert seconds_of_processes() > 0.9 * SECONDS
    finally:
        kept[0].terminate()
        kept[0].join()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_so_does_the_time_of_the_whole_run(monkeypatch):
    from grokbench.registry import learners

    class Whole(Delegates):
        def __init__(self):
            super().__init__(in_a_fork)

    monkeypatch.setitem(learners._classes, "whole", Whole)
    messages = []
    config = {"task": "modular", "task_options": {"modulus": 5}, "learner": "whole", "learner_options": {}}
    perform(
        {**config, "device": "cpu", "seed": 0, "budget": 2, "points_per_decade": 5, "settle": False}, messages.append
    )
    end = messages[-1]["end"]
    assert end["status"] == "done", end
    assert end["cpu_seconds"] > 0.9 * SECONDS


def test_a_process_name_of_brackets_and_spaces_is_read(tmp_path, monkeypatch):
    from grokbench import threads

    monkeypatch.setattr(threads, "_read", lambda path: f"7 (a ) b (c) S {' '.join(map(str, range(1, 50)))}")
    assert threads._ticks("7") == 11 + 12 + 13 + 14
    monkeypatch.setattr(threads, "_read", lambda path: "")
    assert threads._ticks("7") == 0
