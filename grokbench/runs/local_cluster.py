"""A cluster within this process, for ``--dask local:N``: nobody else on this machine can send it work.

dask runs whatever code comes to the address of a scheduler or a worker, whoever sends it. So this one has no address:
scheduler and workers are threads that speak by queues, and none of them opens a socket.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator

from grokbench.errors import UsageError
from grokbench.runs.remote import dismiss_idle


@contextlib.contextmanager
def local_cluster(address: str) -> Iterator[object]:
    """A scheduler and N workers of one thread, each with a process beside it for its runs, as on any cluster.

    address : ``local:N``; UsageError for another.
    """
    from dask import config
    from distributed import SpecCluster

    count = address.removeprefix("local:")
    if not (count.isdecimal() and int(count) >= 1):
        raise UsageError(f"--dask {address}: expected a number of worker processes, such as local:2")
    scheduler, worker = _without_socket()
    with (
        tempfile.TemporaryDirectory(prefix="grokbench-dask-") as folder,
        config.set({"temporary-directory": folder}),  # instead of one in /tmp that every user shares
    ):
        place = {"protocol": "inproc://", "dashboard": False}
        options = {**place, "nthreads": 1, "memory_limit": 0, "local_directory": folder}
        cluster = SpecCluster(
            scheduler={"cls": scheduler, "options": place},
            workers={number: {"cls": worker, "options": options} for number in range(int(count))},
            silence_logs=logging.CRITICAL,
        )
        try:
            yield cluster
        finally:
            cluster.close(timeout=10)
            dismiss_idle()


def _without_socket() -> tuple[type, type]:
    """Scheduler and worker of dask without their servers of web pages, which would listen on every interface."""
    from distributed import Scheduler, Worker
    from distributed.http.routing import RoutingApplication

    def start_http_server(self, routes, *where, **how) -> None:
        self.http_application = RoutingApplication(routes)

    own = {"start_http_server": start_http_server}
    return type("LocalScheduler", (Scheduler,), own), type("LocalWorker", (Worker,), own)
