"""Several processes on one results folder: a run is done by whoever holds its claim, and by nobody else meanwhile.

A claim is a lock on ``locks/<key>.lock`` that the operating system gives back when its process ends, however
it ends: there are no stale claims, and no clock decides anything.
"""

from __future__ import annotations

import contextlib
import errno
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from grokbench.curves.run import FINISHED, Run
from grokbench.errors import UsageError
from grokbench.runs.store import Store
from grokbench.suites.plan import RunSpec

EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)  # for now: the end of another run may help
ATTEMPTS = 20


class Claims:
    """The claims that this process holds, one open file each."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._held: dict[str, FileLock] = {}

    @property
    def held(self) -> set[str]:
        """Keys of the runs that are claimed."""
        return set(self._held)

    def take(self, key: str) -> bool:
        """Claim a run; False while another process has it. UsageError where no lock can be written."""
        lock = _locked(self.folder / f"{key}.lock", wait=False)
        if lock:
            self._held[key] = lock
        return lock is not None

    def drop(self, key: str) -> None:
        """Give a run back."""
        _unlock(self._held.pop(key))

    def drop_all(self) -> None:
        """Give everything back."""
        for key in list(self._held):
            self.drop(key)


def _locked(path: Path, wait: bool) -> FileLock | None:
    lock = FileLock(path)
    for attempt in range(ATTEMPTS):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(blocking=wait)
            return lock
        except Timeout:
            return None
        except FileNotFoundError as error:  # another process has just tidied the folder away
            if attempt == ATTEMPTS - 1:
                raise UsageError(f"{path}: cannot be locked: {error.strerror or error}") from error
        except OSError as error:
            if error.errno in EXHAUSTED:
                raise
            raise UsageError(f"{path}: cannot be locked: {error.strerror or error}") from error
    return None


def _unlock(lock: FileLock) -> None:
    """The file goes while it is locked: whoever opened it meanwhile finds it gone, and makes a new one."""
    path = Path(lock.lock_file)
    for tidy in (path.unlink, lock.release, path.parent.rmdir):
        with contextlib.suppress(OSError):
            tidy()


class Work:
    """What is still to do, shared with whoever else works on the same store.

    A run that another process has claimed waits at the end of the queue. When its turn comes again it is taken over
    if the other has left it, and is no work any more if the other has stored it.
    """

    def __init__(self, specs: list[RunSpec], store: Store):
        self.store = store
        self.waiting = deque(specs)
        self.claims = Claims(store.results / "locks")
        self._before = {spec.key: store.stamp(spec.key) for spec in specs}
        for name in store.leftovers():
            _tidy(store, self.claims, name)

    def __bool__(self) -> bool:
        return bool(self.waiting)

    def take(self) -> Iterator[tuple[RunSpec, Run | None]]:
        """Claimed runs, one at a time: to do, or, with what is stored, done by another process in the meantime."""
        for _ in range(len(self.waiting)):
            spec = self.waiting.popleft()
            try:
                mine = self.claims.take(spec.key)
            except OSError:
                self.waiting.appendleft(spec)
                raise
            if not mine:
                self.waiting.append(spec)
                continue
            done = self._done_elsewhere(spec.key)
            if done:
                self.claims.drop(spec.key)
            yield spec, done

    def put_back(self, spec: RunSpec) -> None:
        """It could not be started: the next turn is its."""
        self.claims.drop(spec.key)
        self.waiting.appendleft(spec)

    def _done_elsewhere(self, key: str) -> Run | None:
        stamp = self.store.stamp(key)
        run = self.store.read(key) if stamp else None
        return run if run and (stamp != self._before[key] or run.status in FINISHED) else None


def _tidy(store: Store, claims: Claims, name: str) -> None:
    """Clear up after a process that was killed while it stored; not after one that is still at it."""
    key = name[1:].partition("-")[0]
    with contextlib.suppress(OSError, UsageError):
        if claims.take(key):
            try:
                store.clear_up(key, name)
            finally:
                claims.drop(key)


@contextlib.contextmanager
def tables_claimed(results: Path) -> Iterator[None]:
    """One process at a time writes the tables of a folder, so that the last one written has seen every run."""
    lock = _locked(results / "locks" / "tables.lock", wait=True)
    try:
        yield
    finally:
        _unlock(lock)
