"""The nine laws of learners: what makes runs of any two families comparable, checked on a learner.

`check_learner` is what ``grokbench check`` and the tests run over every registered learner. It trains
the learner about a dozen times for a handful of clock units, each time from fresh copies of the
training data, and compares scores byte by byte: a law holds exactly or it does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from grokbench.laws import (
    Broken,
    Law,
    NotApplicable,
    consume_global_random_states,
    global_random_states,
    global_random_states_kept,
    judge,
)
from grokbench.learners.base import Learner
from grokbench.options import require_defaults
from grokbench.registry import tasks
from grokbench.tasks.base import Split
from grokbench.threads import one_thread

LAWS = ("schedule", "purity", "determinism", "origin", "blindness", "relabelling", "form", "isolation", "aliasing")
UNITS = (0, 1, 2, 5, 9)  # clock units after the start: each learner is checked in about a second


def check(cls: type[Learner]) -> list[Law]:
    """The laws on a class with its default options, on each small split that it can read.

    Raises UsageError where an option has no default.
    """
    require_defaults(cls)
    laws = []
    for task in (
        tasks.create("modular", modulus=7, train_fraction=0.6),
        tasks.create("parity", n_bits=8, k=2, n_train=40, n_test=40),
    ):
        split = task.split(0)
        if cls().cannot_read(split) is None:
            laws += [replace(law, name=f"{law.name} ({task.name})") for law in check_learner(cls, split)]
    return laws


def check_learner(
    make: Callable[[], Learner], split: Split, times: Sequence[float] | None = None, seed: int = 0
) -> list[Law]:
    """The verdict on each of the nine laws, in their order.

    Parameters
    ----------
    make : returns a fresh learner, with the same options each time.
    split : small data; laws that this learner cannot be asked on it are "not applicable".
    times : increasing, starting with 0; default: 0, 1, 2, 5, 9 units of the learner's clock.
    seed : of the generator handed to `begin`.
    """
    with global_random_states_kept():
        try:
            refusal = make().cannot_read(split)
            case = _Case(make, split, seed, times)
            if refusal is None:
                _ = case.times  # begins once: heavy libraries are loaded before anything is compared
        except Exception as error:
            return [Law(name, "failed", f"{type(error).__name__}: {error}") for name in LAWS]
        if refusal is not None:
            return [Law(name, "not applicable", refusal) for name in LAWS]
        with global_random_states_kept(), one_thread():  # again: only now torch is loaded, if it is needed
            return judge((name, getattr(case, name)) for name in LAWS)


def _same(a: np.ndarray, b: np.ndarray, subject: str) -> None:
    """Broken unless the bytes of two score arrays are equal."""
    if a.shape != b.shape or a.dtype != b.dtype or a.tobytes() != b.tobytes():
        gap = f", by up to {np.abs(a - b).max():.2g}" if a.shape == b.shape else f": shapes {a.shape} and {b.shape}"
        raise Broken(f"{subject} differ{gap}")


def _faces(learner: Learner, X: np.ndarray) -> list[np.ndarray]:
    """Kernel and description as a flat list of copied arrays."""
    return [np.array(array) for array in _answers(learner, X)[1:]]


def _answers(learner: Learner, X: np.ndarray) -> list[np.ndarray]:
    """Scores, kernels and description as the learner hands them out, not copied."""
    scores, kernel = learner.scores(X.copy()), learner.kernel(X.copy())
    cross = learner.cross_kernel(X.copy(), X.copy())
    named = (learner.other_kernels(X.copy()), learner.description())
    arrays = [arrays[name] for arrays in named for name in sorted(arrays)]
    return [np.asarray(array) for array in (scores, kernel, cross, *arrays) if array is not None]


@dataclass(frozen=True)
class _Case:
    """A way to make a learner, and the data, seed and times it is tried on; one method per law."""

    make: Callable[[], Learner]
    split: Split
    seed: int
    given_times: Sequence[float] | None

    @cached_property
    def times(self) -> list[float]:
        """The checkpoints; asked of a learner that has begun, because a flow's unit is known only then."""
        learner = self.begin()
        if self.given_times is not None:
            return list(self.given_times)
        return [int(u) if learner.integer_clock else u * learner.first_time for u in UNITS]

    def begin(self, y: np.ndarray | None = None, seed: int | None = None) -> Learner:
        """A fresh learner at time 0, on copies of the training data."""
        learner, split = self.make(), self.split
        y = split.y_train if y is None else y
        rng = np.random.default_rng(self.seed if seed is None else seed)
        learner.begin(split.X_train.copy(), y.copy(), split.n_classes, split.alphabet, rng)
        return learner

    def scores(self, learner: Learner) -> np.ndarray:
        """Training and held-out scores below each other."""
        return np.vstack([np.array(learner.scores(X.copy())) for X in (self.split.X_train, self.split.X_test)])

    def path(self, times: Sequence[float]) -> np.ndarray:
        """Scores at the last of `times`, after going there over the others without looking."""
        learner = self.begin()
        for time in times:
            learner.advance(time)
        return self.scores(learner)

    def schedule(self) -> None:
        """advance(T) gives the same scores as any sequence of times that ends in T."""
        *_, middle, last = self.times
        for end, paths in (
            (middle, [self.times[:-1]]),
            (last, [self.times, [middle, last], [0, middle, middle, last, last]]),
        ):
            straight = self.path([end])
            for path in paths:
                over = ", ".join(f"{time:g}" for time in path)
                _same(straight, self.path(path), f"scores at {end:g}, reached straight or over {over},")

    def purity(self) -> None:
        """scores, kernel and description change nothing, neither later scores nor their own next answer."""
        learner, X = self.begin(), self.split.X_test
        for time in self.times:
            learner.advance(time)
            before, faces = self.scores(learner), _faces(learner, X)
            _same(before, self.scores(learner), f"scores at {time:g} before and after kernel and description")
            for a, b in zip(faces, _faces(learner, X), strict=True):
                _same(a, b, f"two answers of kernel or description at {time:g}")
        _same(self.path(self.times), self.scores(learner), "final scores, with and without looking on the way,")

    def determinism(self) -> None:
        """Same seed, same bytes: after other code drew random numbers, and beside another learner's run."""
        alone = self.path(self.times)
        consume_global_random_states()
        learner, other = self.begin(), self.begin(seed=self.seed + 1)
        for time in self.times:
            other.advance(time)
            self.scores(other)
            consume_global_random_states()
            learner.advance(time)
        _same(alone, self.scores(learner), "scores of the same seed, alone or beside other work in the process,")

    def origin(self) -> None:
        """At time 0 the scores do not depend on y: neither on which label where, nor on how many of each."""
        y, n_classes = self.split.y_train, self.split.n_classes
        if n_classes:
            renamed = (y + 1) % n_classes
            lopsided = np.full_like(y, y[0])
            first = np.unique(y, return_index=True)[1]
            lopsided[first] = y[first]  # every class keeps one example: some learners refuse fewer classes
        else:
            renamed, lopsided = 1.0 - 2.0 * y, y**2 + 3.0
        at_zero = []
        for labels in (y, renamed, lopsided):
            learner = self.begin(labels)
            begun = self.scores(learner)
            learner.advance(0)
            at_zero.append(np.vstack([begun, self.scores(learner)]))
        _same(at_zero[0], at_zero[1], "scores at time 0 under other labels")
        _same(at_zero[0], at_zero[2], "scores at time 0 under other label frequencies")

    def blindness(self) -> None:
        """No held-out input changes a score on the training split, and the data handed over is left as it was."""
        other = self.split.X_test[::-1][: max(1, len(self.split.X_test) // 2)]
        with_test, with_other = (self._train_scores(X) for X in (self.split.X_test, np.roll(other, 1, axis=0)))
        _same(with_test, with_other, "training scores under another held-out split")

    def _train_scores(self, X_test: np.ndarray) -> np.ndarray:
        split = self.split
        X, y, held_out = arrays = [array.copy() for array in (split.X_train, split.y_train, X_test)]
        for array in arrays:
            array.flags.writeable = False  # as in a run, where a learner that writes into its data fails
        learner = self.make()
        learner.begin(X, y, split.n_classes, split.alphabet, np.random.default_rng(self.seed))
        scores = []
        for time in self.times:
            learner.advance(time)
            learner.scores(held_out)
            learner.kernel(held_out)
            scores.append(np.array(learner.scores(X)))
        for name, mine, theirs in (("X", split.X_train, X), ("y", split.y_train, y), ("scored X", X_test, held_out)):
            if not np.array_equal(mine, theirs):
                raise Broken(f"the array {name} that was handed over is no longer what it was")
        return np.vstack(scores)

    def relabelling(self) -> None:
        """Permuting class names permutes the score columns, to 1e-8 of the largest score."""
        split = self.split
        learner = self.begin()
        if not learner.deterministic:
            raise NotApplicable("the learner does not declare `deterministic`: it draws from rng")
        if split.n_classes < 2:
            raise NotApplicable("a regression has no class names")
        new_name = np.roll(np.arange(split.n_classes), 1)
        renamed = self.begin(new_name[split.y_train])
        for time in self.times:
            learner.advance(time)
            renamed.advance(time)
            a, b = self.scores(learner), self.scores(renamed)[:, new_name]
            gap, size = np.abs(a - b).max(), np.abs(a).max()
            if not gap <= 1e-8 * size:
                raise Broken(f"renaming the classes changes scores at {time:g} by {gap:.2g}, scores reach {size:.2g}")

    def form(self) -> None:
        """Finite float64 scores (n, n_classes), kernel (n, n) or None, description: names to arrays.

        The cross kernel, where there is one, is a block of the kernel, to 1e-9 of its largest entry.
        """
        learner = self.begin()
        for time in self.times:
            learner.advance(time)
            for X in (self.split.X_train, self.split.X_test):
                _check_array(learner.scores(X.copy()), (len(X), max(self.split.n_classes, 1)), f"scores at {time:g}")
            kernel = learner.kernel(self.split.X_test.copy())
            if kernel is not None:
                _check_array(kernel, (len(self.split.X_test),) * 2, f"kernel at {time:g}")
                self._check_block(learner.cross_kernel(self.split.X_test[:-1], self.split.X_test[1:]), kernel[:-1, 1:])
            description = learner.description()
            if not isinstance(description, dict) or not all(isinstance(a, np.ndarray) for a in description.values()):
                raise Broken(f"description at {time:g}: expected a dict of name to array")

    @staticmethod
    def _check_block(cross: np.ndarray | None, block: np.ndarray) -> None:
        if cross is None:
            return
        _check_array(cross, block.shape, "cross_kernel")
        gap, size = np.abs(cross - block).max(initial=0.0), np.abs(block).max(initial=0.0)
        if not gap <= 1e-9 * size:
            raise Broken(f"cross_kernel differs from kernel by {gap:.2g}, which reaches {size:.2g}")

    def isolation(self) -> None:
        """Global random states (numpy, torch, Python) are untouched."""
        before = global_random_states()
        learner = self.begin()
        for time in self.times:
            learner.advance(time)
            self.scores(learner)
            _faces(learner, self.split.X_test)
        after = global_random_states()
        touched = [name for name, state in before.items() if after[name] != state]
        if touched:
            raise Broken(f"global random state touched: {', '.join(touched)}")

    def aliasing(self) -> None:
        """An answer stays what it was when the learner is asked again, about other inputs too, and when it advances.

        The harness copies every answer; whoever uses a learner in Python does not.
        """
        learner, kept = self.begin(), []
        inputs = [self.split.X_train, self.split.X_test, self.split.X_test[::-1]]  # as many again, and others
        for time in self.times:
            learner.advance(time)
            self._all_as_they_were(kept, f"the learner advanced to {time:g}")
            inputs.reverse()  # what was asked for last is asked for first
            for X in inputs:
                kept += [(time, array, array.copy()) for array in _answers(learner, X)]
                self._all_as_they_were(kept, f"it was asked again at {time:g}")

    @staticmethod
    def _all_as_they_were(kept: list[tuple[float, np.ndarray, np.ndarray]], since: str) -> None:
        for time, array, before in kept:
            if array.tobytes() != before.tobytes():
                raise Broken(f"an answer given at {time:g} is no longer what it was after {since}: return a copy")


def _check_array(array: np.ndarray, shape: tuple[int, ...], subject: str) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != np.float64 or array.shape != shape:
        form = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise Broken(f"{subject}: {form}, expected float64 {shape}")
    if not np.isfinite(array).all():
        raise Broken(f"{subject}: not finite (a run would end as diverged)")
