"""Several processes on one results folder: a run is done by whoever holds its claim, and by nobody else meanwhile.

A claim is a lock on ``locks/<key>.lock`` that the operating system gives back when its process ends, however
it ends: there are no stale claims, and no clock decides anything.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from grokbench.errors import UsageError
from grokbench.runs.files import is_folder

EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)  # for now: the end of another run may help
ATTEMPTS = 20


class Claims:
    """The claims that this process holds, one open file each.

    Parameters
    ----------
    folder : where the locks are.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._held: dict[str, FileLock] = {}

    def take(self, key: str) -> bool:
        """Claim a run; False while another process has claimed it.

        Raises OSError where the system has no file left, UsageError where no lock can be written.
        """
        lock = _locked(self.folder / f"{key}.lock", wait=False)
        if lock:
            self._held[key] = lock
        return lock is not None

    def drop(self, key: str) -> None:
        """End the claim on a run."""
        _unlock(self._held.pop(key))

    def drop_all(self) -> None:
        """End all claims."""
        for key in list(self._held):
            self.drop(key)


def _locked(path: Path, wait: bool) -> FileLock | None:
    lock = FileLock(path)
    for attempt in range(ATTEMPTS):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _check_own(path)
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


def _check_own(path: Path) -> None:
    """UsageError where the folder of the locks is a link, or something that is no lock of ours has the name of one.

    To lock a file empties it; a link, also one of two names of a file, would do so to a file elsewhere.
    """
    if not is_folder(path.parent):
        raise UsageError(f"{path.parent}: a link or a file; expected a folder of locks; move it away")
    if os.path.lexists(path):
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size or status.st_nlink > 1:
            raise UsageError(f"{path}: no lock of grokbench's; move it away")


def _unlock(lock: FileLock) -> None:
    """Remove the file while it is locked: another process that has opened it sees that, and makes a new one."""
    path = Path(lock.lock_file)
    for tidy in (path.unlink, lock.release, path.parent.rmdir):
        with contextlib.suppress(OSError):
            tidy()


@contextlib.contextmanager
def tables_claimed(results: Path) -> Iterator[None]:
    """The tables of a results folder, for one process at a time, so that the last one to write has seen every run."""
    lock = _locked(results / "locks" / "tables.lock", wait=True)
    try:
        yield
    finally:
        _unlock(lock)
