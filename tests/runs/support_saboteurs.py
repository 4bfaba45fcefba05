"""Learners that misbehave, each in its own way: ``--include tests/runs/support_saboteurs.py``."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np

import grokbench

GIGABYTE = 2**30


class Constant(grokbench.Learner):
    """Predicts nothing at all, quickly."""

    clock = "ticks"
    family = "own"
    loss = "mse"
    deterministic = True

    def begin(self, X, y, n_classes, alphabet, rng):
        self._classes = max(n_classes, 1)
        self._now = 0

    def advance(self, time):
        self._now = time

    def scores(self, X):
        return np.zeros((len(X), self._classes))


@grokbench.register_learner("lookup")
@dataclass(kw_only=True, eq=False)
class Lookup(Constant):
    """A table of the training examples, learned by heart at a chosen tick.

    Parameters
    ----------
    at : the tick from which on the training examples are known.
    """

    at: int = 3

    def begin(self, X, y, n_classes, alphabet, rng):
        super().begin(X, y, n_classes, alphabet, rng)
        self._known = {row.tobytes(): label for row, label in zip(X, y, strict=True)}

    def scores(self, X):
        scores = super().scores(X)
        if self._now >= self.at:
            for row, x in zip(scores, X, strict=True):
                label = self._known.get(x.tobytes())
                if label is not None:
                    row[label] = 1.0
        return scores


def _hoard(step: int) -> None:
    """Take 40 GB, `step` bytes at a time, and write to all of it."""
    kept = []
    for _ in range(40 * GIGABYTE // step):
        kept.append(np.ones(step, dtype=np.uint8))


def _reserve() -> None:
    """Ask for twice the machine's memory in eight pieces, none of them too large by itself, and use nothing of it."""
    piece = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
    kept = [np.empty(piece, dtype=np.uint8) for _ in range(8)]
    assert len(kept) == 8


def _draw() -> None:
    random.random()
    np.random.random()  # noqa: NPY002


DEEDS = {
    "none": lambda: None,
    "raise": lambda: 1 / 0,
    "raise two lines": lambda: (_ for _ in ()).throw(ValueError("first line\nsecond | <line>")),
    "sys.exit": lambda: sys.exit(5),
    "interrupt": lambda: (_ for _ in ()).throw(KeyboardInterrupt()),
    "abort": os.abort,
    "_exit": lambda: os._exit(3),
    "_exit 0": lambda: os._exit(0),
    "sleep": lambda: time.sleep(3600),
    "spin": lambda: [None for _ in iter(int, 1)],
    "hoard at once": lambda: _hoard(40 * GIGABYTE),
    "reserve": _reserve,
    "hoard": lambda: _hoard(GIGABYTE // 8),
    "print": lambda: print("x" * 10**6, file=sys.stderr) or print("y\n" * 10**5),
    "print and abort": lambda: (print("last words", flush=True), os.abort()),
    "draw": _draw,
    "thread": lambda: threading.Thread(target=time.sleep, args=(3600,)).start(),
    "close files": lambda: os.closerange(3, 256),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "recurse": lambda: _recurse(),
}


def _recurse() -> None:
    _recurse()


@grokbench.register_learner("saboteur")
@dataclass(kw_only=True, eq=False)
class Saboteur(Constant):
    """Does one deed at one place, and is as good as gold otherwise.

    Parameters
    ----------
    deed : what it does.
    where : the face in which it does it; in `advance` and `scores` from tick 5 on.
    """

    deed: str = "none"
    where: Literal["constructor", "begin", "advance", "scores"] = "advance"

    def __post_init__(self):
        self._now = 0
        self._at("constructor")

    def _at(self, where: str) -> None:
        if self.where == where and (self._now >= 5 or where in ("constructor", "begin")):
            DEEDS[self.deed]()

    def begin(self, X, y, n_classes, alphabet, rng):
        super().begin(X, y, n_classes, alphabet, rng)
        self._at("begin")

    def advance(self, time):
        super().advance(time)
        self._at("advance")

    def scores(self, X):
        self._at("scores")
        return super().scores(X)


@grokbench.register_learner("misfit")
@dataclass(kw_only=True, eq=False)
class Misfit(Constant):
    """Returns scores that cannot be used, from tick 5 on.

    Parameters
    ----------
    answer : what is wrong with them.
    """

    answer: Literal["nan", "inf", "shape", "none", "text", "huge", "complex"] = "nan"

    def scores(self, X):
        scores = super().scores(X)
        if self._now < 5:
            return scores
        return {
            "nan": scores * np.nan,
            "inf": scores + np.inf,
            "shape": scores[:, :-1],
            "none": None,
            "text": scores.astype(str) + "x",
            "huge": scores + np.array([1e300, *[0.0] * (scores.shape[1] - 1)]),
            "complex": scores + 1j,
        }[self.answer]


@grokbench.register_learner("sleeper")
@dataclass(kw_only=True, eq=False)
class Sleeper(Constant):
    """Takes its time at every tick.

    Parameters
    ----------
    seconds : how long a tick takes.
    """

    seconds: float = 0.01

    def advance(self, time_):
        time.sleep(self.seconds)
        super().advance(time_)


@grokbench.register_task("unsampled")
@dataclass(kw_only=True)
class Unsampled(grokbench.Task):
    """A task whose splits cannot be drawn."""

    def sample(self, rng):
        raise RuntimeError("no data today")
