"""The fork server, from which every run's process comes: started, started again, and given up where it cannot live.

It dies, is killed, or loses its socket when the temporary folder is cleaned; none of that may end a suite. Runs that
are in progress have their own handles, and go on without it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.process
import os
import signal
import tempfile
from collections.abc import Iterator
from multiprocessing import forkserver, resource_tracker
from pathlib import Path

from grokbench.errors import UsageError
from grokbench.threads import environment_set, one_thread_environment

PRELOAD, COMPILER = "grokbench.runs.preload", "grokbench.runs.preload_compiler"
# glibc keeps freed memory of up to a gigabyte, and takes arrays of up to 32 MB from it: matrices that come and go at
# every checkpoint cost a page fault per 4 KB otherwise, a sixth of the time. Elsewhere nobody reads these.
HEAP = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**25)}


def running(preload: bool = True, compiler: bool = False) -> multiprocessing.context.BaseContext:
    """A context whose processes come from a running fork server; plain spawning where there is no fork server.

    preload : whether a server that is started now has the heavy imports done. Without them every run does its own.
    compiler : whether torch's compiler is among them.

    Raises OSError where the system has no process or file left, UsageError where no socket can have a name.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    modules = [PRELOAD, COMPILER] if compiler else [PRELOAD]
    context.set_forkserver_preload(modules if preload else [])
    try:
        with one_thread_environment(), environment_set(HEAP), installed_first(), interrupts_held():
            forkserver.ensure_running()
    except OSError as error:
        if "AF_UNIX" not in str(error):
            raise
        reason = f"the temporary folder's path is too long for a socket: {tempfile.gettempdir()}; set TMPDIR shorter"
        raise UsageError(reason) from error
    return context


def forget() -> None:
    """Leave the fork server to the runs that it has, so that the next one is started, with a socket elsewhere.

    Nobody can reach a server whose socket is gone from the temporary folder. It ends when this process does.
    """
    server = forkserver._forkserver
    for name in ("_forkserver_pid", "_forkserver_alive_fd", "_forkserver_address"):
        setattr(server, name, None)
    multiprocessing.process.current_process()._config["tempdir"] = None  # made again when a socket is asked for
    tempfile.tempdir = None  # and chosen again, should it be gone as a whole


@contextlib.contextmanager
def installed_first() -> Iterator[None]:
    """Processes started inside do not look for modules in the working directory: a suite's json.py is not Python's.

    They look where this package lies, last of all; a run then gets the paths of this process.
    """
    package = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), package)))
    with environment_set({"PYTHONSAFEPATH": "1", "PYTHONPATH": paths}):
        yield


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Ctrl-C held back from the processes that are started inside: a fork server would die of it while it imports."""
    resource_tracker.ensure_running()  # first, because starting it lifts the block
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
