"""The runs that are to do: taken one at a time, and handed back done, undone or untouched."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from typing import Protocol

from grokbench.curves.run import FINISHED, Run
from grokbench.errors import UsageError
from grokbench.runs.claims import Claims
from grokbench.runs.store import Store
from grokbench.suites.plan import RunSpec


class Work(Protocol):
    """Runs that are to do, and what becomes of them."""

    def __bool__(self) -> bool:
        """Whether a run still waits."""

    def take(self) -> Iterator[tuple[RunSpec, Run | None]]:
        """The waiting runs one at a time, each with its result if another process has made it in the meantime."""

    def put_back(self, spec: RunSpec) -> None:
        """Let a run that was taken, and could not be started, wait again; it is the next to be taken."""

    def give_up(self, spec: RunSpec) -> None:
        """Leave undone a run that was taken."""

    def keep(self, run: Run) -> None:
        """Accept a run that was taken and is over."""


class ClaimedWork:
    """Runs to do for a store, on which other processes may work at the same time: each is claimed before it is done.

    A run that another process has claimed goes to the end of the queue. When its turn comes again, the other process
    has either left it, so that it is to do, or has stored it.

    Parameters
    ----------
    specs : the runs.
    store : takes the runs that are over. What killed processes have left there is cleared up first.
    """

    def __init__(self, specs: list[RunSpec], store: Store):
        self.store = store
        self.waiting = deque(specs)
        self.claims = Claims(store.results / "locks")
        self._stamps = {spec.key: store.stamp(spec.key) for spec in specs}
        for name in store.leftovers():
            _tidy(store, self.claims, name)

    def __bool__(self) -> bool:
        return bool(self.waiting)

    def __enter__(self) -> ClaimedWork:
        return self

    def __exit__(self, *error) -> None:
        self.claims.drop_all()

    def take(self) -> Iterator[tuple[RunSpec, Run | None]]:
        """Claim the waiting runs, one at a time.

        A run comes with its result, and unclaimed, where another process has stored it. Raises OSError where the
        system has no file left for a claim, UsageError where no claim can be written.
        """
        for _ in range(len(self.waiting)):
            spec = self.waiting.popleft()
            try:
                claimed = self.claims.take(spec.key)
            except OSError:
                self.waiting.appendleft(spec)
                raise
            if not claimed:
                self.waiting.append(spec)
                continue
            run = self._stored_since(spec.key)
            if run:
                self.claims.drop(spec.key)
            yield spec, run

    def put_back(self, spec: RunSpec) -> None:
        """Let a claimed run that could not be started wait again, as the first of the queue."""
        self.claims.drop(spec.key)
        self.waiting.appendleft(spec)

    def give_up(self, spec: RunSpec) -> None:
        """Leave a claimed run to other processes."""
        self.claims.drop(spec.key)

    def keep(self, run: Run) -> None:
        """Store a claimed run, and then end the claim. Raises UsageError where it cannot be written."""
        self.store.write(run)
        self.claims.drop(run.key)

    def _stored_since(self, key: str) -> Run | None:
        """The run, if another process has stored it since this work began, or has stored a result."""
        stamp = self.store.stamp(key)
        run = self.store.read(key) if stamp else None
        return run if run and (stamp != self._stamps[key] or run.status in FINISHED) else None


class SoleRun:
    """The work of a single order: one run, nobody else to work on it, and no store.

    Parameters
    ----------
    spec : the order of the run.

    Attributes
    ----------
    run : what has become of it; None until it is over.
    """

    def __init__(self, spec: RunSpec):
        self.waiting = [spec]
        self.run: Run | None = None

    def __bool__(self) -> bool:
        return bool(self.waiting)

    def take(self) -> Iterator[tuple[RunSpec, None]]:
        """The run, while it waits."""
        while self.waiting:
            yield self.waiting.pop(), None

    def put_back(self, spec: RunSpec) -> None:
        """Let it wait again."""
        self.waiting.append(spec)

    def give_up(self, spec: RunSpec) -> None:
        """Leave it undone."""

    def keep(self, run: Run) -> None:
        """Hold it in memory."""
        self.run = run


def _tidy(store: Store, claims: Claims, name: str) -> None:
    """Clear up after a process that was killed while it stored a run; a process that is still storing has its claim."""
    key = name[1:].partition("-")[0]
    with contextlib.suppress(OSError, UsageError):
        if claims.take(key):
            try:
                store.clear_up(key, name)
            finally:
                claims.drop(key)
