"""The process of one run: isolated from the terminal, from its siblings and from the machine's last byte."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from grokbench.allowed import allow_only
from grokbench.registry import include
from grokbench.runs.perform import perform


def main(connection, order: str, log: str) -> None:
    """Entry point of a run's process.

    connection : takes what it reports, one line of JSON per message.
    order : JSON with the configuration, the files to include, the packages that a suite may name and the memory limit.
    log : the file that takes what the run prints.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's: what runs is finished and kept
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)  # a group of its own: what the run starts ends with it
    _die_with_parent()
    _let_go_of_the_servers()
    order = json.loads(order)
    _redirect_output(log)
    send = _sender(connection.fileno())
    try:
        send({"alive": os.getpid()})
    except BrokenPipeError:
        return  # the parent gave up while this process was starting
    allow_only(order["allowed"])
    for path in order["include"]:
        include(path)
    stand_back_in_memory(order.get("memory_limit_mb"))
    perform(order["config"], send)
    connection.close()


def _sender(file: int) -> Callable[[dict], None]:
    """A function that writes a message to a file, as a whole line.

    In a copy of this process, made by a learner that forks and returns, it writes nothing and ends the copy.
    """
    owner = os.getpid()

    def send(message: dict) -> None:
        if os.getpid() != owner:
            os._exit(0)
        unsent = memoryview(json.dumps(message).encode() + b"\n")
        while unsent:
            unsent = unsent[os.write(file, unsent) :]

    return send


def _redirect_output(log: str) -> None:
    try:
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    except OSError:  # a full disk, or a temporary folder that was cleaned: the run is worth more than what it prints
        file = os.open(os.devnull, os.O_WRONLY)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)


def _let_go_of_the_servers() -> None:
    """Close the pipes to the fork server and the resource tracker.

    One byte from a run would end the fork server, and have the tracker complain on the user's terminal. A learner that
    needs them gets its own.
    """
    from multiprocessing import forkserver, resource_tracker

    for server, name in ((forkserver._forkserver, "_forkserver_alive_fd"), (resource_tracker._resource_tracker, "_fd")):
        file = getattr(server, name, None)
        if isinstance(file, int):
            setattr(server, name, None)
            with contextlib.suppress(OSError):
                os.close(file)


def _die_with_parent() -> None:
    """End this process when the process that ordered the run is gone, so that nothing is orphaned.

    The system's own signal for a parent's death would not come: the fork server is the parent, and lives on.
    """
    parent = multiprocessing.parent_process()

    def end_with_parent() -> None:
        parent.join()
        if os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=end_with_parent, daemon=True).start()


def stand_back_in_memory(limit_mb: float | None = None) -> None:
    """Linux: give MemoryError to a run that asks for more memory than its limit, or than the machine has.

    limit_mb : MB above what this process has now, which is what the fork server has preloaded. Private memory counts
        once it is asked for, used or not.

    Where memory runs out all the same, the system kills a run before it kills anything else.
    """
    if sys.platform != "linux":
        return
    import resource

    with contextlib.suppress(OSError, ValueError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    with contextlib.suppress(OSError, ValueError):
        bounds = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
        if limit_mb is not None:
            bounds.append(_private_bytes() + int(limit_mb * 2**20))
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if soft >= 0:
            bounds.append(soft)
        resource.setrlimit(resource.RLIMIT_DATA, (min(bounds), hard))


def _private_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    raise OSError("no VmData in /proc/self/status")
