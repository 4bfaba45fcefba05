"""One thread inside a run: the same bytes on any number of cores, and `--jobs` as the only parallelism.

What a learner starts all the same is counted: processor time is that of its threads and of its processes.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager

#: Read by the numerical libraries when they are loaded (OpenMP, OpenBLAS, MKL, Accelerate).
VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@contextmanager
def environment_set(values: dict[str, str]) -> Iterator[None]:
    """Variables of the environment set inside the block, and as they were after it."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def one_thread_environment() -> Iterator[None]:
    """Libraries loaded, and processes started, inside the block get one thread."""
    with environment_set(dict.fromkeys(VARIABLES, "1")):
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """All numerical work inside the block runs on one thread; the caller's setting is restored afterwards."""
    from threadpoolctl import threadpool_limits

    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else _threads_at_import()
    with one_thread_environment(), threadpool_limits(limits=1):
        if torch:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            torch = sys.modules.get("torch")  # the block may have loaded it
            if torch:
                torch.set_num_threads(threads)


def _threads_at_import() -> int:
    """What torch would take for itself if it were imported now."""
    stated = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(stated) if stated.isdigit() and int(stated) > 0 else usable_cores()


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def seconds_of_processes() -> float:
    """Processor time of the processes that this one has started, theirs included.

    Of those that have ended it counts the ones that were waited for; of those that live, on Linux, all descendants.
    A process whose parent ended before it is not found.
    """
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    living = sum(map(_ticks, _descendants("self"))) / _TICK if _has_children() else 0.0
    return ended.ru_utime + ended.ru_stime + living


def _has_children() -> bool:
    """Whether there is any that was not waited for: a thousandth of a millisecond, and most runs have none."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except (ChildProcessError, AttributeError):  # a system without waitid has no /proc either
        return False
    return True


_TICK = os.sysconf("SC_CLK_TCK")


def _descendants(process: str) -> Iterator[str]:
    """Numbers of the living processes below a process; none where the system does not list them."""
    try:
        threads = os.listdir(f"/proc/{process}/task")
    except OSError:
        return
    for thread in threads:
        for child in _read(f"/proc/{process}/task/{thread}/children").split():
            yield child
            yield from _descendants(child)


def _ticks(process: str) -> int:
    """Clock ticks that a process has used, and those of its own children that it has waited for."""
    fields = _read(f"/proc/{process}/stat").rpartition(")")[2].split()  # a name may hold spaces and brackets
    return sum(map(int, fields[11:15]))


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:  # it has ended meanwhile, or there is no such file on this system
        return ""
