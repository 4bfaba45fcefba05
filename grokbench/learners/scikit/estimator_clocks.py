"""How a scikit-learn estimator is moved through time: epochs, stages, exact warm starts, or refits.

Each clock reaches the same state at a time whatever the times before, which is the law of schedules; the learners
of `scikit_learn.py` differ in the estimator and the clock they choose.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from grokbench.laws import global_random_states_kept

INPUTS_KEPT = 3  # whose staged predictions are continued rather than begun again


@dataclass(eq=False)
class Clock:
    """An estimator and the way it is taken to a time.

    Parameters
    ----------
    make : returns a fresh estimator, its own random states not yet set.
    seed : of everything random in it.
    X : (n, d) float64 training inputs.
    y : (n,) class numbers 0..m-1 without gaps, or targets of a regression.
    """

    make: Callable[[], object]
    seed: int
    X: np.ndarray
    y: np.ndarray
    time: float = 0

    def __post_init__(self):
        self.model = None  # from the first positive time

    def fresh(self, state: object):
        """A fresh estimator whose every random_state that is not given is `state`."""
        estimator = self.make()
        names = [name for name, value in estimator.get_params().items() if random_state(name) and value is None]
        return estimator.set_params(**dict.fromkeys(names, state))

    @contextmanager
    def own_randomness(self, time: float = 0) -> Iterator[None]:
        """For estimators that draw from a global generator: a function of seed and time, and put back afterwards.

        Warnings of iterations that were stopped before they converged, or diverged, are silent: a clock stops
        everywhere, and divergence is a status.
        """
        from sklearn.exceptions import ConvergenceWarning

        with global_random_states_kept(), warnings.catch_warnings():
            np.random.seed([self.seed, int(time)])  # noqa: NPY002
            random.seed(self.seed + int(time))
            for category in (ConvergenceWarning, RuntimeWarning):
                warnings.simplefilter("ignore", category)
            yield

    def advance(self, time: float) -> None:
        """Go to a time >= now."""
        raise NotImplementedError

    def output(self, method: str, X: np.ndarray) -> np.ndarray:
        """What the estimator's `method` says of encoded inputs at the present time."""
        with self.own_randomness():
            return np.asarray(getattr(self.model, method)(X))


class Epochs(Clock):
    """One unit of time is one call of `partial_fit` with all training data.

    The random states are generators rather than numbers, so that no two epochs shuffle alike.
    """

    def advance(self, time):
        from inspect import signature

        if self.model is None and time > 0:
            self.model = self.fresh(np.random.RandomState(self.seed))
        for epoch in range(int(self.time), int(time)):
            classes = (
                {"classes": np.unique(self.y)} if "classes" in signature(self.model.partial_fit).parameters else {}
            )
            with self.own_randomness(epoch):
                self.model.partial_fit(self.X, self.y, **classes)
        self.time = time


class WarmStart(Clock):
    """One unit is one more member of an ensemble whose warm start gives what a fit of that size would have given."""

    def advance(self, time):
        if time > self.time:
            if self.model is None:
                self.model = self.fresh(self.seed).set_params(warm_start=True)
            with self.own_randomness():
                self.model.set_params(n_estimators=int(time)).fit(self.X, self.y)
            self.time = time


@dataclass(eq=False)
class Stages(Clock):
    """One unit is one stage of an ensemble that was fitted at once and tells its predictions stage by stage.

    The first stages of a larger fit are those of a smaller one, so the fit may be of any size: it is doubled
    whenever time gets ahead of it. Where the estimator stopped early, its last stage stands for all later ones.

    Parameters
    ----------
    parameter : the estimator's number of stages, "n_estimators" or "max_iter".
    """

    parameter: str = "n_estimators"

    def __post_init__(self):
        super().__post_init__()
        self._size = 0

    def advance(self, time):
        self.time = time
        if time > self._size:
            self._size = max(int(time), 2 * self._size)
            self.model = self.fresh(self.seed).set_params(**{self.parameter: self._size})
            with self.own_randomness():
                self.model.fit(self.X, self.y)
            self._streams: list[_Stream] = []

    def output(self, method, X):
        stream = next((s for s in self._streams if s.serves(method, X, self.time)), None)
        if stream is None:
            with self.own_randomness():
                stream = _Stream(method, np.array(X), self.model)
            self._streams = [stream, *self._streams[: INPUTS_KEPT - 1]]
        with self.own_randomness():
            return stream.at(self.time)


class _Stream:
    """The staged predictions of some inputs, read up to a stage."""

    def __init__(self, method: str, X: np.ndarray, model):
        self._of, self._stage, self._last = (method, X), 0, None
        self._rest = iter(getattr(model, f"staged_{method}")(X))

    def serves(self, method: str, X: np.ndarray, time: float) -> bool:
        """True if it is of these inputs and has not read past `time`."""
        return self._of[0] == method and np.array_equal(self._of[1], X) and self._stage <= time

    def at(self, time: float) -> np.ndarray:
        """The predictions at a stage, or at the last there is."""
        while self._stage < time:
            self._stage += 1
            stage = next(self._rest, None)
            if stage is not None:
                self._last = np.array(stage)  # an estimator may go on adding to the array that it hands out
        return self._last.copy()


@dataclass(eq=False)
class Refits(Clock):
    """Time is the value of a parameter (or one over it), and every checkpoint is a fit of its own.

    Parameters
    ----------
    setting : the parameters of the estimator at a time.
    """

    setting: Callable[[float], dict[str, object]] = dict

    def advance(self, time):
        if time > self.time:
            self.model = self.fresh(self.seed).set_params(**self.setting(time))
            with self.own_randomness():
                self.model.fit(self.X, self.y)
            self.time = time


def random_state(name: str) -> bool:
    """True for the name of a random_state, also of an estimator within another."""
    return name.split("__")[-1] == "random_state"
