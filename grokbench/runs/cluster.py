"""The same plan on a dask.distributed cluster: any worker makes the runs, and this process stores each as it ends.

Orders and answers are text. The workers need grokbench, and neither the results folder nor the user's files.
When a worker dies, its runs are started again elsewhere. When the scheduler dies, the runs in hand are not stored.
"""

from __future__ import annotations

import contextlib
import json
import logging
import tempfile
import time
import uuid
from array import array
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from grokbench.curves.run import Run
from grokbench.errors import UsageError
from grokbench.runs.claims import EXHAUSTED
from grokbench.runs.execute import POLL_SECONDS, Interruption, Loop, Watch
from grokbench.runs.process import Limits
from grokbench.runs.recording import recorded
from grokbench.runs.remote import ForemanLost, Unwanted, carry_out, write_order
from grokbench.runs.server import interrupts_held
from grokbench.runs.store import Store
from grokbench.runs.work import ClaimedWork
from grokbench.suites.plan import RunSpec

CONNECT_SECONDS = 8
COUNT_SECONDS = 1.0  # between two counts of the cluster's workers, which may come and go
RETRIES = 2  # of a run whose foreman died; dask itself starts those of a dead worker again


class ClusterLost(Exception):
    """The scheduler is gone; the runs that were over before are stored."""


@dataclass
class _Ordered:
    """A run that has been ordered from the cluster; `begun` once a worker has said so."""

    spec: RunSpec
    future: object
    begun: bool = False


def execute_on_cluster(
    specs: list[RunSpec],
    store: Store,
    watch: Watch,
    interruption: Interruption,
    address: str,
    limits: Limits,
    include: tuple[str, ...] = (),
) -> bool:
    """Carry out runs on the workers of a scheduler and store each as it ends; False if it was interrupted.

    address : of a dask scheduler, or ``local:N`` for N worker processes of our own on this machine.
    limits : what a run may take.
    include : the user's own files, which travel with every order.

    Raises UsageError where the store cannot be written, the address is wrong or a worker does not fit, ClusterLost
    where the scheduler goes.
    """
    store.prepare()
    included = [(Path(path).name, Path(path).read_bytes().decode("latin-1")) for path in include]
    with (
        ClaimedWork(specs, store) as work,
        contextlib.suppress(KeyboardInterrupt),
        _connected(address, interruption) as client,
    ):
        return _Cluster(work, watch, interruption, client, address, limits, included).carry_out()
    return False


class _Cluster(Loop):
    """Work in the hands of the workers of a scheduler: what has been ordered, and what they say about it."""

    def __init__(self, work, watch, interruption, client, address: str, limits: Limits, included: list):
        super().__init__(work, watch, interruption)
        self.client, self.address, self.limits, self.included = client, address, limits, included
        self.active: dict[str, _Ordered] = {}
        self.session = f"grokbench-{uuid.uuid4().hex[:12]}"
        self._news: SimpleQueue[str] = SimpleQueue()  # keys of runs that have begun or are over
        self._threads, self._counted, self._most = 0, float("-inf"), float("inf")
        client.subscribe_topic(self.session, lambda event: self._news.put(event[1]))

    def stop(self) -> None:
        """Take back all orders; the workers end the runs that nobody waits for."""
        self._cancel(list(self.active.values()))

    def _room(self) -> int:
        """One run for each thread, one more so that it need not wait, and two so that an adaptive cluster grows."""
        if time.monotonic() - self._counted > COUNT_SECONDS:
            with self._reaching(), self.interruption.raising():
                self._threads, self._counted = sum(self.client.nthreads().values()), time.monotonic()
        return 2 * self._threads + 2

    def start_more(self) -> None:
        """Order what there is room for."""
        room = min(self._room(), self._most)
        if len(self.active) >= room:
            return
        try:
            for spec, run in self.work.take():
                if run:  # made by another process
                    self.watch.started(spec)
                    self.watch.finished(spec, run)
                else:
                    self._order(spec)
                if len(self.active) >= room:
                    break
        except OSError as error:  # a claim is an open file
            if error.errno not in EXHAUSTED or not self.active:
                raise UsageError(f"no run can be ordered: {error.strerror or error}") from error
            self._most = len(self.active)

    def _order(self, spec: RunSpec) -> None:
        text = write_order(spec, self.session, self.limits, self.included)
        # a tuple makes one group of all runs: the scheduler then keeps those in hand that no worker is free for
        with self._reaching():
            future = self.client.submit(carry_out, text, key=(self.session, spec.key), pure=False, retries=RETRIES)
        self.active[spec.key] = _Ordered(spec, future)
        future.add_done_callback(lambda _: self._news.put(spec.key))

    def end_some(self) -> None:
        """Listen to the cluster for a moment, and keep the runs that are over."""
        patience = POLL_SECONDS
        with contextlib.suppress(Empty):
            while True:
                ordered = self.active.get(self._news.get(timeout=patience))
                patience = 0.0
                if ordered and not ordered.begun:
                    ordered.begun = True
                    self.watch.started(ordered.spec)
                if ordered and ordered.future.done():
                    run = self._run(ordered)
                    del self.active[ordered.spec.key]
                    self.keep(ordered.spec, run)

    def _run(self, ordered: _Ordered) -> Run:
        """A run that is over, as its worker answers, or why there is no answer. UsageError where it is refused."""
        with self._reaching(), self.interruption.raising():
            if ordered.future.status == "error":
                return recorded(ordered.spec, _crash(self._reason(ordered.future.exception())), {})
            answer = json.loads(ordered.future.result())
        if "refused" in answer:
            raise UsageError(f"--dask {self.address}: a worker cannot do the run: {answer['refused']}")
        columns = {name: array("d", values) for name, values in answer["columns"].items()}
        return recorded(ordered.spec, answer["record"], columns)

    def _reason(self, error: Exception) -> str:
        """Why a run did not come back; UsageError where no worker like these could have done it."""
        from distributed.scheduler import KilledWorker

        if isinstance(error, KilledWorker):
            return f"{error.allowed_failures + 1} workers died of it, or with it"
        if isinstance(error, ForemanLost | Unwanted):
            return str(error)
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(f"--dask {self.address}: is grokbench installed at the scheduler and the workers? {cause}")

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except (CancelledError, OSError) as error:  # TimeoutError is an OSError, dask's CommClosedError too
            raise ClusterLost(
                f"the dask scheduler at {self.address} is gone; what has finished is stored, the same command goes on "
                "from here"
            ) from error

    def withdraw(self) -> None:
        """Take back the orders that no worker has begun."""
        unbegun = [ordered for ordered in self.active.values() if not ordered.begun]
        for ordered in unbegun:
            del self.active[ordered.spec.key]
            self.work.put_back(ordered.spec)
        self._cancel(unbegun)

    def _cancel(self, orders: list[_Ordered]) -> None:
        with contextlib.suppress(Exception):  # of a scheduler that is gone there is nothing to take back
            self.client.cancel([ordered.future for ordered in orders])


def _crash(error: str) -> dict[str, object]:
    """The end of a run that did not come back."""
    used = dict.fromkeys(("cpu_seconds", "peak_memory_mb"))
    return {"status": "crashed", "error": error, "traceback": "", "wall_seconds": 0.0, **used}


@contextlib.contextmanager
def _connected(address: str, interruption: Interruption) -> Iterator[object]:
    """A client of the scheduler, or of one of our own."""
    try:
        import distributed
    except ImportError as error:
        raise UsageError(f"--dask {address}: needs dask.distributed: pip install 'grokbench[dask]'") from error
    for name in ("distributed", "tornado", "asyncio"):  # the errors raised from here say it in one line
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with contextlib.ExitStack() as stack:
        with interruption.raising():
            if address.startswith("local:"):
                target = stack.enter_context(_local_cluster(address))
            else:
                target = _checked(address)
            client = distributed.Client(target, timeout=CONNECT_SECONDS, set_as_default=False)
        stack.callback(_close, client)
        yield client


def _checked(address: str) -> str:
    """The address, if a scheduler answers there; UsageError otherwise."""
    import asyncio

    from distributed import Security
    from distributed.core import rpc

    async def identity() -> str:
        connection = rpc(address, timeout=CONNECT_SECONDS, connection_args=Security().get_connection_args("client"))
        async with connection as other:
            return (await other.identity())["type"]

    async def in_time() -> str:
        return await asyncio.wait_for(identity(), CONNECT_SECONDS + 1)

    try:
        kind = asyncio.run(in_time())
    except Exception as error:  # whatever answers there, and whatever the address means
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"--dask {address}: no dask scheduler answers there: {cause}") from error
    if kind != "Scheduler":
        raise UsageError(f"--dask {address}: no dask scheduler answers there, but a {kind}")
    return address


@contextlib.contextmanager
def _local_cluster(address: str) -> Iterator[object]:
    """Worker processes of our own, each with a working directory of its own."""
    import distributed

    count = address.removeprefix("local:")
    if not (count.isdecimal() and int(count) >= 1):
        raise UsageError(f"--dask {address}: expected a number of worker processes, such as local:2")
    with tempfile.TemporaryDirectory(prefix="grokbench-dask-") as folder:
        with interrupts_held():  # Ctrl-C is for this process, which ends the workers itself
            cluster = distributed.LocalCluster(
                n_workers=int(count),
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",  # any free port, and for nobody outside
                local_directory=folder,
                memory_limit=0,
                silence_logs=logging.CRITICAL,
            )
        try:
            yield cluster
        finally:
            cluster.close(timeout=10)


def _close(client) -> None:
    with contextlib.suppress(Exception):  # the scheduler may be gone
        client.close(timeout=2)
