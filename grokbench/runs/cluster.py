"""The same plan on a dask.distributed cluster: runs are made anywhere, and stored here as they finish.

Orders and answers are text; the workers need grokbench, and neither the results folder nor the user's files.
A worker that dies costs its runs a second start; the scheduler lost costs what was in hand.
"""

from __future__ import annotations

import contextlib
import json
import logging
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from grokbench.errors import UsageError
from grokbench.runs.claims import EXHAUSTED, Work
from grokbench.runs.execute import POLL_SECONDS, Interruption, Loop, Watch, keep, tell
from grokbench.runs.process import _interrupts_held
from grokbench.runs.remote import ForemanLost, Unwanted, carry_out, write_order
from grokbench.runs.store import Store
from grokbench.suites.plan import RunSpec

CONNECT_SECONDS = 8
COUNT_SECONDS = 1.0  # between two counts of the cluster's workers, which may come and go
RETRIES = 2  # of a run whose foreman died; dask itself starts those of a dead worker again


class ClusterLost(Exception):
    """The scheduler is gone; what had finished is stored."""


@dataclass
class _Ordered:
    """A run that the cluster has been asked for."""

    spec: RunSpec
    future: object
    begun: bool = False


def execute_on_cluster(
    specs: list[RunSpec],
    store: Store,
    watch: Watch,
    interruption: Interruption,
    address: str,
    limits: dict[str, object],
    include: tuple[str, ...] = (),
) -> bool:
    """Carry out runs on the workers of a scheduler and store each as it ends; False if it was interrupted.

    address : of a dask scheduler, or ``local:N`` for N worker processes of our own on this machine.
    limits : the arguments of `execute` that limit a run.

    Raises UsageError where the store cannot be written, the address is wrong or a worker does not fit, ClusterLost
    where the scheduler goes.
    """
    store.prepare()
    included = [(Path(path).name, Path(path).read_bytes().decode("latin-1")) for path in include]
    work = Work(specs, store)
    try:
        with _connected(address, interruption) as client:
            return _Cluster(work, watch, interruption, client, address, limits, included).carry_out()
    except KeyboardInterrupt:
        return False
    finally:
        work.claims.drop_all()


class _Cluster(Loop):
    """What the scheduler has been asked for, and what it says about it."""

    def __init__(self, work, watch, interruption, client, address: str, limits: dict, included: list):
        super().__init__(work, watch, interruption)
        self.client, self.address, self.limits, self.included = client, address, limits, included
        self.active: dict[str, _Ordered] = {}
        self.session = f"grokbench-{uuid.uuid4().hex[:12]}"
        self._news: SimpleQueue[str] = SimpleQueue()  # keys of runs that have begun or are over
        self._threads, self._counted, self._most = 0, float("-inf"), float("inf")
        client.subscribe_topic(self.session, lambda event: self._news.put(event[1]))

    def stop(self) -> None:
        """Nobody waits for what is left; the workers end it."""
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
            for spec, done in self.work.take():
                if done:
                    self.watch.started(spec)
                    tell(self.watch, spec, done)
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
        """Listen to the cluster for a moment; store the runs that are over."""
        patience = POLL_SECONDS
        with contextlib.suppress(Empty):
            while True:
                run = self.active.get(self._news.get(timeout=patience))
                patience = 0.0
                if run and not run.begun:
                    run.begun = True
                    self.watch.started(run.spec)
                if run and run.future.done():
                    facts, rows, end = self._outcome(run)
                    del self.active[run.spec.key]
                    keep(self.work, run.spec, facts, rows, end, self.watch)

    def _outcome(self, run: _Ordered) -> tuple[dict, list, dict]:
        """Facts, checkpoints and end of a run, as its worker tells them."""
        with self._reaching(), self.interruption.raising():
            if run.future.status == "error":
                return {}, [], _end(self._reason(run.future.exception()))
            answer = json.loads(run.future.result())
        if "refused" in answer:
            raise UsageError(f"--dask {self.address}: a worker cannot do the run: {answer['refused']}")
        return answer["record"], answer["rows"], {}

    def _reason(self, error: Exception) -> str:
        """Why a run did not come back; UsageError where no worker like these could have done it."""
        from distributed.scheduler import KilledWorker

        if isinstance(error, KilledWorker):
            return f"{error.allowed_failures + 1} workers died of it, or with it"
        if isinstance(error, ForemanLost | Unwanted):
            return str(error)
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(f"--dask {self.address}: is grokbench installed at the scheduler and the workers? {what}")

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
        unbegun = [run for run in self.active.values() if not run.begun]
        for run in unbegun:
            del self.active[run.spec.key]
            self.work.put_back(run.spec)
        self._cancel(unbegun)

    def _cancel(self, runs: list[_Ordered]) -> None:
        with contextlib.suppress(Exception):  # of a scheduler that is gone there is nothing to take back
            self.client.cancel([run.future for run in runs])


def _end(error: str) -> dict:
    used = dict.fromkeys(("cpu_seconds", "peak_memory_mb"))
    return {"status": "crashed", "error": error, "traceback": "", "wall_seconds": 0.0, **used}


@contextlib.contextmanager
def _connected(address: str, interruption: Interruption) -> Iterator[object]:
    """A client of the scheduler, or of one of our own."""
    try:
        import distributed
    except ImportError as error:
        raise UsageError(f"--dask {address}: needs dask.distributed: pip install 'grokbench[dask]'") from error
    for name in ("distributed", "tornado", "asyncio"):  # what it has to say is said here, in one line
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
        found = asyncio.run(in_time())
    except Exception as error:  # whatever answers there, and whatever the address means
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"--dask {address}: no dask scheduler answers there: {what}") from error
    if found != "Scheduler":
        raise UsageError(f"--dask {address}: no dask scheduler answers there, but a {found}")
    return address


@contextlib.contextmanager
def _local_cluster(address: str) -> Iterator[object]:
    """Worker processes of our own, each with a working directory of its own."""
    import distributed

    count = address.removeprefix("local:")
    if not (count.isdecimal() and int(count) >= 1):
        raise UsageError(f"--dask {address}: expected a number of worker processes, such as local:2")
    with tempfile.TemporaryDirectory(prefix="grokbench-dask-") as folder:
        with _interrupts_held():  # Ctrl-C is for this process; the workers are told
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
