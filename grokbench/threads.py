"""One thread inside a run: the same bytes on any number of cores, and `--jobs` as the only parallelism."""

from __future__ import annotations

import os
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
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(asked) if asked.isdigit() and int(asked) > 0 else usable_cores()


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
