"""The worker's half of a cluster: an order comes in as text, a finished run goes back as text.

A dask worker may not have children of multiprocessing's, so each of its threads keeps a foreman: a plain
process, `python -m grokbench.runs.remote`, that reads orders as JSON lines, carries out each as on one machine
(fork server, limits, status) and answers on a pipe of its own. When its worker dies, the foreman's standard
input ends, and it takes its runs along.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from queue import Empty, SimpleQueue

import grokbench
from grokbench.allowed import VARIABLE, allowed
from grokbench.errors import UsageError
from grokbench.options import digest
from grokbench.registry import learners, measures, tasks
from grokbench.runs.execute import Interruption, Watch, perform_all
from grokbench.runs.process import Limits
from grokbench.runs.work import SoleRun
from grokbench.suites.plan import RunSpec
from grokbench.suites.variants import Variant
from grokbench.threads import VARIABLES

IDLE_SECONDS = 60.0  # without an order; then the memory is given back
PARTING_SECONDS = 4.0  # for a last run to be ended and cleared away
POLL_SECONDS = 1.0  # between two looks at whether somebody still waits for the run


class ForemanLost(Exception):
    """The process that minds the runs of a worker ended without an answer."""


class Unwanted(Exception):
    """Nobody waits for the run any more: it was cancelled, or its client is gone."""


class Foreman:
    """A process beside a worker that carries out one order at a time."""

    def __init__(self):
        package = str(Path(grokbench.__file__).parents[1])  # the worker may have found it by its working directory
        paths = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "grokbench.runs.remote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **dict.fromkeys(VARIABLES, "1"), "PYTHONPATH": paths},
            start_new_session=True,  # Ctrl-C in the worker's terminal is the worker's
        )

    def ask(self, order: str) -> None:
        """Hand over an order. Raises ForemanLost."""
        try:
            self.process.stdin.write(order.encode() + b"\n")
            self.process.stdin.flush()
        except OSError as error:
            raise ForemanLost("the process that minds this worker's runs is gone") from error

    def answer(self) -> str | None:
        """The answer, or None if there is none within a second. Raises ForemanLost."""
        if not select.select([self.process.stdout], [], [], POLL_SECONDS)[0]:
            return None
        line = self.process.stdout.readline()
        if not line.endswith(b"\n"):
            raise ForemanLost(f"the process that minds this worker's runs ended with status {self.process.wait()}")
        return line.decode()

    def dismiss(self) -> None:
        """End it, and with it the run that it has in hand."""
        with suppress(OSError):
            self.process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=5)
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


_idle: list[Foreman] = []  # of this worker; hired anew where there are too few


def carry_out(order: str) -> str:
    """On a dask worker: have a foreman do the run, as long as somebody waits for it.

    `order` and the answer are JSON; see `answer_to`. Raises ForemanLost, Unwanted.
    """
    from distributed import get_worker

    worker = get_worker()
    task = worker.get_current_task()
    content = json.loads(order)
    worker.log_event(content["topic"], content["key"])
    foreman = _hire()
    try:
        foreman.ask(order)
        while (answer := foreman.answer()) is None:
            state = worker.state.tasks.get(task)
            if state is None or state.state == "cancelled":
                raise Unwanted("it was taken back")
    except BaseException:
        foreman.dismiss()
        raise
    _idle.append(foreman)
    return answer


def _hire() -> Foreman:
    with suppress(IndexError):
        while True:
            foreman = _idle.pop()
            if foreman.process.poll() is None:
                return foreman
            foreman.dismiss()
    try:
        return Foreman()
    except OSError as error:
        raise ForemanLost(f"no process can be started beside this worker: {error.strerror or error}") from error


def dismiss_idle() -> None:
    """End the foremen that wait for an order, where the workers were threads of this process."""
    with suppress(IndexError):
        while True:
            _idle.pop().dismiss()


def write_order(spec: RunSpec, topic: str, limits: Limits, included: list[tuple[str, str]]) -> str:
    """All that another machine needs for a run, as JSON.

    topic : under which the worker says that the run begins.
    limits : what the run may take.
    included : names and contents (bytes as latin-1, so that any encoding survives) of the user's files.
    """
    order = {
        "grokbench": grokbench.__version__,
        "key": spec.key,
        "topic": topic,
        "spec": asdict(spec),
        "limits": asdict(limits),
        "include": included,
        "allowed": allowed(),
    }
    return json.dumps(order)


def answer_to(order: dict | None, scratch: Path, interruption: Interruption) -> dict:
    """What has become of an order, as data for JSON; empty where there is none.

    It is ``{"record": ..., "columns": ...}``, those of the run, or ``{"refused": reason}`` where this machine cannot
    carry out the order.
    """
    if order is None:
        return {}
    spec = RunSpec(**{**order["spec"], **{name: Variant(**order["spec"][name]) for name in ("task", "learner")}})
    reason = _refusal(order, spec)
    if reason:
        return {"refused": reason}
    work = SoleRun(spec)
    try:
        files = tuple(_unpack(name, text, scratch) for name, text in order["include"])
        if not perform_all(work, Watch(), interruption, jobs=1, limits=Limits(**order["limits"]), include=files):
            return {"refused": "it was stopped"}
    except (UsageError, OSError) as error:
        return {"refused": str(error)}
    return {
        "record": work.run.record,
        "columns": {name: list(values) for name, values in work.run.curve.columns.items()},
    }


def _refusal(order: dict, spec: RunSpec) -> str:
    if order["grokbench"] != grokbench.__version__:
        return f"it has grokbench {grokbench.__version__}, and the order came from {order['grokbench']}"
    for registry, variant in ((tasks, spec.task), (learners, spec.learner)):
        kind, name = registry.kind, variant.name
        if name in registry:
            installed = int(registry[name].version)
            if installed != variant.version:
                return f"its {kind} {name!r} is version {installed}, and the order asks for {variant.version}"
            if registry.source(name) != variant.source and not order["include"]:
                ours, ordered = registry.source(name) or "built in", variant.source or "a built-in one"
                return f"its {kind} {name!r} is {ours}, and the order asks for {ordered}"
        elif not order["include"]:
            return f"it has no {kind} {name!r}; install there what offers it"
    for name, version in spec.learner.measures.items():
        if name in measures and int(measures[name].version) != version:
            return f"its measure {name!r} is version {measures[name].version}, and the order asks for {version}"
    if spec.key != order["key"]:
        return "its definitions of schedule and measures are not those of the order"
    more = sorted(set(order["allowed"]) - set(allowed()))  # the list is this machine's own: no order adds to it
    if more:
        return f"it does not allow {more[0]}; start the worker with {VARIABLE}={','.join(more)}"
    return ""


def _unpack(name: str, text: str, scratch: Path) -> str:
    """A user's file under its own name, in a folder that its contents name."""
    path = scratch / "include" / digest(text) / Path(name).name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("latin-1"))
    return str(path)


def main() -> None:
    """The foreman: a line in is an order, a line out its answer, until the orders end or none comes for a minute."""
    orders, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # nothing that a run reads or prints can touch the two
    os.dup2(2, 1)
    waiting: SimpleQueue[bytes] = SimpleQueue()
    interruption = Interruption()
    threading.Thread(target=_receive, args=(orders, waiting, interruption), daemon=True).start()
    with suppress(Empty, OSError), tempfile.TemporaryDirectory(prefix="grokbench-worker-") as scratch:
        while not interruption.count:
            answer = answer_to(json.loads(waiting.get(timeout=IDLE_SECONDS)), Path(scratch), interruption)
            answers.write(json.dumps(answer).encode() + b"\n")
            answers.flush()


def _receive(orders, waiting: SimpleQueue, interruption: Interruption) -> None:
    for line in orders:
        waiting.put(line)
    interruption.count = 2  # the worker is gone, or wants no more: as Ctrl-C twice
    waiting.put(b"null")
    time.sleep(PARTING_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
