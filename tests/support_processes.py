"""Processes that a test has started: which of them live, how their session is ended, and waiting with a deadline."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Return as soon as the condition holds; AssertionError if it does not within that many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def living(kind: Literal["pid", "group", "session"], numbers: set[int]) -> set[int]:
    """Living processes with these numbers, or of these groups or sessions (zombies have died)."""
    alive = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, _, group, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                if state != "Z" and int({"pid": entry.name, "group": group, "session": session}[kind]) in numbers:
                    alive.add(int(entry.name))
    return alive


def kill_session(process: subprocess.Popen) -> None:
    """End whatever a process of ours has left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
