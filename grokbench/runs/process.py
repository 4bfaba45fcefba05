"""The process of one run, seen from its parent: started, listened to, ended, and explained when it said no last word.

Nothing here can block for longer than it says, whatever a run does to its pipe, its fork server or its children.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path

from grokbench.curves.run import STATUSES
from grokbench.errors import UsageError
from grokbench.runs.child import main as child_main
from grokbench.runs.record import check_columns
from grokbench.suites.plan import RunSpec
from grokbench.threads import one_thread_environment

LINGER_SECONDS = 3.0  # between a run's last word and the end of its process
STARTUP_SECONDS = 60.0  # for the imports of the fork server, before the first word of a run
STARTS, AGAIN_SECONDS = 6, 0.1  # with a new fork server each time, after 0.1, 0.2, 0.4 ... seconds
LOG_LINES = 30  # of what a crashed run printed
LOG_BYTES = 2**16
CHUNK_BYTES = 2**16
MESSAGE_BYTES = 2**20  # a checkpoint has 300, the longest traceback less than this
MESSAGE_KEYS = {"alive", "facts", "row", "end"}
END_KEYS = {"status", "error", "traceback", "cpu_seconds", "wall_seconds", "peak_memory_mb"}


@dataclass
class Process:
    """A run in progress: its process, its pipe and what it has reported.

    handle : Linux: a file that speaks when the process ends, and that no other process can inherit with the number.
    """

    spec: RunSpec
    process: multiprocessing.process.BaseProcess
    pipe: Connection
    log: Path
    started: float
    memory_limit_mb: float | None = None
    handle: int | None = None
    alive: bool = False
    facts: dict = field(default_factory=dict)
    rows: list = field(default_factory=list)
    end: dict | None = None
    rest: bytes = b""

    @property
    def sources(self) -> tuple:
        """What to wait for: its words, or its end."""
        return self.pipe, self.process.sentinel if self.handle is None else self.handle

    def listen(self, ready: list, time_limit_s: float) -> bool:
        """Take what the pipe holds; True when the run is over, by itself or by the time limit."""
        pipe, gone = self.sources
        over = pipe in ready and self._drain()
        if not over and gone in ready:
            self._kill_group()  # children of the run may hold its pipe open
            over = self._drain() or True
        allowed = time_limit_s if self.alive else time_limit_s + STARTUP_SECONDS
        if not over and time.monotonic() - self.started > allowed:
            self.kill()
            wait([gone], LINGER_SECONDS)
            self._drain()
            reached = f"{self.rows[-1]['time']:g}" if self.rows else "nothing"
            self.end = self.end or self._end("timeout", f"time limit of {time_limit_s:g} s; reached {reached}")
            over = True
        return over

    def _drain(self) -> bool:
        """Read the messages that are there; True if no more will come. Never waits for the rest of one."""
        while self.end is None:
            try:
                piece = os.read(self.pipe.fileno(), CHUNK_BYTES)
            except BlockingIOError:
                return False
            except OSError:
                return True
            if not piece:
                return True
            *lines, self.rest = (self.rest + piece).split(b"\n")
            try:
                for line in lines:
                    self._take(parsed(line))
                if len(self.rest) > MESSAGE_BYTES:
                    raise ValueError("without end")
            except (ValueError, RecursionError):
                self.kill()
                self.end = self._end("crashed", "its pipe carried something that is no report of grokbench's")
        return True

    def _take(self, message: dict) -> None:
        if not self.alive:  # its time begins with its first word: before, the fork server had its imports to do
            self.alive, self.started = True, time.monotonic()
        self.facts.update(message.get("facts", {}))
        if "row" in message:
            self.rows.append(message["row"])
        self.end = message.get("end", self.end)

    def kill(self) -> None:
        """At once, with all that it started."""
        self._kill_group()
        with contextlib.suppress(ProcessLookupError):
            if self.handle is None:
                self.process.kill()
            else:  # after the death of the fork server, multiprocessing takes every run for ended
                signal.pidfd_send_signal(self.handle, signal.SIGKILL)

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def bury(self) -> None:
        """Wait for the end of the process; one that lingers, with a thread or a child of its own, is killed."""
        gone = self.sources[1]
        if not wait([gone], LINGER_SECONDS):
            self.kill()
        self._kill_group()
        self.process.join(LINGER_SECONDS)
        self.end = self.end or self._post_mortem()
        if self.memory_limit_mb is not None and "MemoryError" in self.end["error"]:
            self.end["error"] += f" (memory limit of {self.memory_limit_mb:g} MB)"
        self.close()

    def close(self) -> None:
        """Give back the files; the run is over."""
        self.pipe.close()
        if self.handle is not None:
            os.close(self.handle)
        with contextlib.suppress(ValueError):
            self.process.close()

    def _post_mortem(self) -> dict:
        """The end of a run whose process is gone without a word."""
        code = self.process.exitcode
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                name = signal.Signals(-code).name
                return self._end("crashed", f"killed by {name}{' (out of memory?)' if name == 'SIGKILL' else ''}")
        unknown = " or unknown, because the fork server was killed" if code in (None, 255) else ""
        return self._end("crashed", f"process ended with exit status {code}{unknown}")

    def _end(self, status: str, error: str) -> dict:
        return {
            "status": status,
            "error": error,
            "traceback": _last_lines(self.log),
            "cpu_seconds": self.rows[-1]["cpu_seconds"] if self.rows else None,
            "wall_seconds": time.monotonic() - self.started,
            "peak_memory_mb": None,
        }


def _last_lines(log: Path) -> str:
    with contextlib.suppress(OSError), open(log, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - LOG_BYTES))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-LOG_LINES:])
    return ""


def parsed(line: bytes) -> dict:
    """A message of a run's process; ValueError if it cannot be one, whoever wrote it."""
    message = json.loads(line)
    if not isinstance(message, dict) or not message or not message.keys() <= MESSAGE_KEYS:
        raise ValueError("no message")
    if not all(isinstance(message.get(key, {}), dict) for key in ("facts", "row", "end")):
        raise ValueError("no message")
    row, end = message.get("row"), message.get("end")
    if row is not None:
        check_columns(row)
        if not all(type(value) in (int, float) for value in row.values()):
            raise ValueError("no checkpoint")
    if end is not None and (end.keys() != END_KEYS or end["status"] not in STATUSES):
        raise ValueError("no end")
    return message


def start(spec: RunSpec, include: tuple[str, ...], folder: Path, memory_limit_mb: float | None = None) -> Process:
    """Start a run in a process from the fork server, which is started itself if need be, or again if it was killed.

    Raises OSError where the system has no process or file left, UsageError where fork servers keep dying.
    """
    order = json.dumps({"config": spec.config, "include": list(include), "memory_limit_mb": memory_limit_mb})
    for attempt in range(STARTS):
        try:
            run = _launch(_context(), spec, order, folder / f"{spec.key}.log")
            run.memory_limit_mb = memory_limit_mb
            return run
        except (EOFError, ConnectionError):  # the fork server was killed, perhaps so lately that it seems to live
            time.sleep(AGAIN_SECONDS * 2**attempt)
    raise UsageError(f"no run can be started: the fork server died {STARTS} times; is there memory left?")


def _launch(context, spec: RunSpec, order: str, log: Path) -> Process:
    receive, send = context.Pipe(duplex=False)
    os.set_blocking(receive.fileno(), False)
    process = context.Process(target=child_main, args=(send, order, str(log)))
    try:
        with one_thread_environment():  # a spawned process is started in it
            process.start()
        try:
            handle = os.pidfd_open(process.pid) if hasattr(os, "pidfd_open") else None
        except OSError:
            process.kill()
            raise
    except BaseException:
        receive.close()
        raise
    finally:
        send.close()
    return Process(spec, process, receive, log, time.monotonic(), handle=handle)


def _context():
    """A fork server that has the heavy imports done; plain spawning where there is no fork server."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["grokbench.runs.preload"])
    try:
        with one_thread_environment(), _interrupts_held():
            forkserver.ensure_running()
    except OSError as error:
        if "AF_UNIX" not in str(error):
            raise
        told = f"the temporary folder's path is too long for a socket: {tempfile.gettempdir()}; set TMPDIR shorter"
        raise UsageError(told) from error
    return context


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """A process started inside never sees Ctrl-C: the fork server would die of it while it imports."""
    resource_tracker.ensure_running()  # first, because starting it lifts the block
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
