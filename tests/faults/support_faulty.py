"""A learner that is as good as gold unless a file next to its results says otherwise: the fault is in no key.

The test bed includes a copy of this file in its own folder: the same text, and so the same keys, in all folders.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

import grokbench

FAULT = Path(__file__).with_name("fault")  # holds the name of a deed, or does not exist
LOG = Path(__file__).with_name("log")  # takes a line per beginning and end of a run
MEGABYTE = 2**20
GARBAGE = {
    "noise": b"\xff\x00\xfe" * 50 + b"\n",
    "number": b"5\n",
    "nothing": b"\n",
    "no checkpoint": b'{"row": {"time": 1}}\n',
    "no numbers": b'{"row": 3, "facts": {"key": 1}}\n',
    "no status": b'{"end": {"status": "perfect"}}\n',
    "depth": b"[" * 50_000 + b"\n",
    "half a line": b'{"row": {"time": 17, ',
    "length of gigabytes": b"\x7f\xff\xff\xff",
    "no end of it": b"x" * (2 * MEGABYTE),
}


def _garbage(text: bytes) -> None:
    """Write to every pipe that is open for writing, but for the standard ones."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if int(name) > 2 and os.readlink(f"/proc/self/fd/{name}").startswith("pipe:"):
                unwritten = text
                while unwritten:
                    unwritten = unwritten[os.write(int(name), unwritten) :]


def _hoard(piece: int, megabytes: int) -> None:
    kept = [np.ones(piece, dtype=np.uint8) for _ in range(megabytes * MEGABYTE // piece)]
    assert kept


def _fork(grandchild) -> None:
    if os.fork() == 0:
        grandchild()


def _pool() -> None:
    import multiprocessing

    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]


def _joblib(backend: str) -> None:
    from joblib import Parallel, delayed

    assert Parallel(n_jobs=2, backend=backend)(delayed(abs)(i) for i in (-1, -2)) == [1, 2]


def _clock_back() -> None:
    now = iter(range(10**9, 0, -1000))
    time.time = lambda: float(next(now))


def _global_randomness() -> None:
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    np.random.random()  # noqa: NPY002


DEEDS = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segv": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "raise": lambda: 1 / 0,
    "hang": lambda: time.sleep(3600),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "hoard": lambda: _hoard(8 * MEGABYTE, 4000),
    "hoard crumbs": lambda: _hoard(100, 4000),
    "200 MB": lambda: _hoard(MEGABYTE, 200),
    "print": lambda: print("y\n" * 10**5),
    "randomness": _global_randomness,
    "clock back": _clock_back,
    "fork and end": lambda: _fork(lambda: os._exit(0)),
    "fork and stay": lambda: _fork(lambda: (time.sleep(3600), os._exit(0))),
    "fork and go on": lambda: _fork(lambda: None),
    "die before a child": lambda: (_fork(lambda: (time.sleep(3600), os._exit(0))), os._exit(7)),
    "subprocess": lambda: subprocess.Popen(["sleep", "3600"], close_fds=False),
    "pool": _pool,
    "joblib": lambda: _joblib("multiprocessing"),
    "loky": lambda: _joblib("loky"),
    **{f"garbage: {name}": lambda text=text: _garbage(text) for name, text in GARBAGE.items()},
}
ANSWERS = {
    "nan": lambda scores: scores * np.nan,
    "infinite": lambda scores: scores + np.inf,
    "constant": lambda scores: scores * 0.0,
    "shape": lambda scores: scores[:, :-1],
    "rows": lambda scores: scores[:-1],
    "text": lambda scores: scores.astype(str),
    "none": lambda scores: None,
}


@grokbench.register_learner("faulty")
@dataclass(kw_only=True, eq=False)
class Faulty(grokbench.Learner):
    """A table of the training examples, learned by heart at a tick that the seed chooses, slowly.

    Parameters
    ----------
    label : tells one from another.
    seconds : how long a tick takes.
    """

    clock = "ticks"
    family = "own"
    loss = "mse"

    label: str = ""
    seconds: float = 0.0

    def begin(self, X, y, n_classes, alphabet, rng):
        self._classes, self._now, self._known = n_classes, 0, {}
        self._examples = {x.tobytes(): label for x, label in zip(X, y, strict=True)}
        self._at = int(rng.integers(2, 8))
        self._id = sha256(repr((self.label, X.tolist(), y.tolist(), self._at)).encode()).hexdigest()[:12]
        self._log("begin")

    def _log(self, what: str) -> None:
        with contextlib.suppress(OSError), open(LOG, "a") as file:
            file.write(f"{what} {self._id} {os.getpid()} {time.monotonic()}\n")

    def advance(self, now):
        time.sleep(self.seconds)
        self._now = now
        if now >= self._at:
            self._known = self._examples
        if now == 5 and FAULT.exists():
            self._log("deed")
            DEEDS.get(FAULT.read_text(), lambda: None)()
        if now == 20:
            self._log("end")

    def scores(self, X):
        scores = np.zeros((len(X), self._classes))
        for row, x in zip(scores, X, strict=True):
            label = self._known.get(x.tobytes())
            if label is not None:
                row[label] = 1.0
        return ANSWERS.get(FAULT.read_text(), lambda s: s)(scores) if self._now >= 5 and FAULT.exists() else scores
