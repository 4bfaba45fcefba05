"""The process of one run, seen from its parent: started, listened to, ended, and explained when it said no last word.

No wait is longer than the constants say, whatever a run does to its pipe, its fork server or its children.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path

from grokbench.allowed import ALWAYS, allowed
from grokbench.curves.run import STATUSES, Run
from grokbench.errors import UsageError
from grokbench.registry import learners
from grokbench.runs import server
from grokbench.runs.child import main as child_main
from grokbench.runs.record import check_columns, is_number
from grokbench.runs.recording import Recording
from grokbench.suites.plan import RunSpec
from grokbench.threads import one_thread_environment

LINGER_SECONDS = 3.0  # between a run's last word and the end of its process
STARTUP_SECONDS = 60.0  # for the imports of the fork server, before the first word of a run
STARTS, AGAIN_SECONDS = 6, 0.1  # with a new fork server each time, after 0.1, 0.2, 0.4 ... seconds
BARE_STARTS = 3  # the last of them with a fork server that imports nothing: what it imports may be what kills it
LOST = (None, 255)  # exit codes of a process that may live on: the fork server, which would know, is gone
LOG_LINES = 30  # of what a crashed run printed
LOG_BYTES = 2**16
CHUNK_BYTES = 2**16
MESSAGE_BYTES = 2**20  # a checkpoint has 300, the longest traceback less than this
MESSAGE_KEYS = {"alive", "facts", "row", "end"}
END_KEYS = {"status", "error", "traceback", "cpu_seconds", "wall_seconds", "peak_memory_mb"}


@dataclass(frozen=True)
class Limits:
    """What a run may take before it is ended.

    Parameters
    ----------
    time_limit_s : seconds by the clock on the wall, from the first word of its process.
    memory_limit_mb : MB above what is loaded before it starts (Linux); None for all that the machine has.
    """

    time_limit_s: float
    memory_limit_mb: float | None = None


@dataclass
class Process:
    """A run in progress: its process, the pipe from it, and what it has reported.

    Parameters
    ----------
    recording : what the run has reported.
    process : the process.
    pipe : the end of the pipe that is read; reading it never waits.
    log : the file that takes what the run prints.
    limits : what the run may take.
    handle : Linux: a file that is ready when the process ends. Unlike a number, no other process can inherit it. None
        where the process had ended before it could be had; the fork server has then said so.
    started : time of the start, and later of the first word, on the monotonic clock.
    alive : whether the process has said a word.
    unread : the beginning of a message whose end has not come yet.
    """

    recording: Recording
    process: multiprocessing.process.BaseProcess
    pipe: Connection
    log: Path
    limits: Limits
    handle: int | None = None
    started: float = field(default_factory=time.monotonic)
    alive: bool = False
    unread: bytes = b""

    @property
    def spec(self) -> RunSpec:
        """The order of the run."""
        return self.recording.spec

    @property
    def sources(self) -> tuple:
        """Pipe and handle of the process: what is ready when it says something, and when it ends."""
        return self.pipe, self.process.sentinel if self.handle is None else self.handle

    def listen(self, ready: list) -> bool:
        """Take what the pipe holds; True when the run is over, by itself or by the time limit.

        ready : those of the `sources` of all processes that have something to say.
        """
        pipe, sentinel = self.sources
        over = pipe in ready and self._drain()
        if not over and sentinel in ready:
            self._kill_group()  # children of the run may hold its pipe open
            over = self._drain() or True
        limit = self.limits.time_limit_s
        allowed = limit if self.alive else limit + STARTUP_SECONDS
        if not over and time.monotonic() - self.started > allowed:
            self.kill()
            wait([sentinel], LINGER_SECONDS)
            self._drain()
            reached = self.recording.last("time")
            extent = "nothing" if reached is None else f"{reached:g}"
            self._end("timeout", f"time limit of {limit:g} s; reached {extent}")
            over = True
        return over

    def _drain(self) -> bool:
        """Read the messages that are there; True if no more will come. Never waits for the end of a message."""
        while self.recording.end is None:
            try:
                piece = os.read(self.pipe.fileno(), CHUNK_BYTES)
            except BlockingIOError:
                return False
            except OSError:
                return True
            if not piece:
                return True
            *lines, self.unread = (self.unread + piece).split(b"\n")
            try:
                for line in lines:
                    self._take(parsed(line))
                if len(self.unread) > MESSAGE_BYTES:
                    raise ValueError("without end")
            except (ValueError, RecursionError):
                self.kill()
                self._end("crashed", "its pipe carried something that is no report of grokbench's")
        return True

    def _take(self, message: dict) -> None:
        if not self.alive:  # its time begins with its first word: before, the fork server had its imports to do
            self.alive, self.started = True, time.monotonic()
        self.recording.take(message)

    def extend(self, seconds: float) -> None:
        """Give it more time: that in which nobody could listen to it, because this process was stopped."""
        self.started += seconds

    def kill(self) -> None:
        """At once, with all that it started."""
        self._kill_group()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.handle is None:
                self.process.kill()
            else:  # after the death of the fork server, multiprocessing takes every run for ended
                signal.pidfd_send_signal(self.handle, signal.SIGKILL)

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def join(self, seconds: float) -> None:
        """Wait for the end of the process, but not for longer than some seconds."""
        self.process.join(seconds)

    def bury(self) -> Run:
        """The run, once its process has ended; one that lingers, with a thread or a child of its own, is killed."""
        sentinel = self.sources[1]
        if not wait([sentinel], LINGER_SECONDS):
            self.kill()
        self._kill_group()
        self.join(LINGER_SECONDS)
        if self.recording.end is None:
            self._end("crashed", self._cause_of_death())
        memory_limit = self.limits.memory_limit_mb
        if memory_limit is not None and "MemoryError" in self.recording.end["error"]:
            self.recording.end["error"] += f" (memory limit of {memory_limit:g} MB)"
        self.close()
        return self.recording.run()

    def close(self) -> None:
        """Give back the files; the run is over."""
        self.pipe.close()
        if self.handle is not None:
            os.close(self.handle)
        with contextlib.suppress(ValueError):
            self.process.close()

    def _cause_of_death(self) -> str:
        """Why a process ended that did not report the end of its run."""
        code = self.process.exitcode
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                name = signal.Signals(-code).name
                return f"killed by {name}{' (out of memory?)' if name == 'SIGKILL' else ''}"
        unknown = " or unknown, because the fork server was killed" if code in LOST else ""
        return f"process ended with exit status {code}{unknown}"

    def _end(self, status: str, error: str) -> None:
        """Report the end of the run in its place, unless it has done so."""
        if self.recording.end is None:
            end = {
                "status": status,
                "error": error,
                "traceback": _last_lines(self.log),
                "cpu_seconds": self.recording.last("cpu_seconds"),
                "wall_seconds": time.monotonic() - self.started,
                "peak_memory_mb": None,
            }
            self.recording.take({"end": end})


def _last_lines(log: Path) -> str:
    with contextlib.suppress(OSError), open(log, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - LOG_BYTES))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-LOG_LINES:])
    return ""


def parsed(line: bytes) -> dict:
    """A message of a run's process, from its line of JSON; ValueError if it cannot be one, whoever wrote it."""
    message = json.loads(line)
    if not isinstance(message, dict) or not message or not message.keys() <= MESSAGE_KEYS:
        raise ValueError("no message")
    if not all(isinstance(message.get(key, {}), dict) for key in ("facts", "row", "end")):
        raise ValueError("no message")
    row, end = message.get("row"), message.get("end")
    if row is not None:
        check_columns(row)
        if not all(map(is_number, row.values())):
            raise ValueError("no checkpoint")
    if end is not None and (end.keys() != END_KEYS or end["status"] not in STATUSES):
        raise ValueError("no end")
    return message


def start(spec: RunSpec, include: tuple[str, ...], folder: Path, limits: Limits) -> Process:
    """Start a run in a process from the fork server, which is started itself if need be, or again if it was killed.

    include : the user's own files, for the process to load.
    folder : takes what the run prints.
    limits : what the run may take.

    Raises OSError where the system has no process or file left, UsageError where fork servers keep dying.
    """
    order = {"config": spec.config, "include": list(include), "memory_limit_mb": limits.memory_limit_mb}
    order["allowed"] = allowed()
    log = folder / f"{spec.key}.log"
    for attempt in range(STARTS):
        try:
            folder.mkdir(parents=True, exist_ok=True)  # the temporary folder may have been cleaned
            context = server.running(attempt < STARTS - BARE_STARTS, compiler=needs_compiler(include, [spec]))
            return _launch(context, spec, json.dumps(order), log, limits)
        except (EOFError, ConnectionError):  # the fork server was killed, perhaps so lately that it seems to live
            time.sleep(AGAIN_SECONDS * 2**attempt)
        except FileNotFoundError:  # its socket was cleaned away, with the temporary folder
            server.forget()
    raise UsageError(
        f"no run can be started: the fork server died {STARTS} times; is there memory left, and a temporary folder?"
    )


def needs_compiler(include: tuple[str, ...], specs: Iterable[RunSpec]) -> bool:
    """Whether runs load torch's compiler: those of learners that say so, and code that is not ours, which may."""
    foreign = bool(include) or allowed() != [ALWAYS]
    return foreign or any(learners[name].compiles for name in {spec.learner.name for spec in specs})


def _launch(context, spec: RunSpec, order: str, log: Path, limits: Limits) -> Process:
    receive, send = context.Pipe(duplex=False)
    os.set_blocking(receive.fileno(), False)
    process = context.Process(target=child_main, args=(send, order, str(log)))
    try:
        with one_thread_environment(), server.installed_first():  # a spawned process is started in it
            process.start()
        handle = _handle(process)
    except BaseException:
        receive.close()
        raise
    finally:
        send.close()
    return Process(Recording(spec), process, receive, log, limits, handle)


def _handle(process: multiprocessing.process.BaseProcess) -> int | None:
    """A file that is ready when a process ends; None for one that has ended, whose number another may have by now."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    except OSError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise
    if process.exitcode in LOST:
        return handle
    os.close(handle)
    return None
