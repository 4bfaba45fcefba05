"""Work in a process of its own: its peak memory, and the time by the clock on the wall of whole commands."""

from __future__ import annotations

import contextlib
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from speed.comparison import Skipped

HIGH, NOW = "VmHWM:", "VmRSS:"
ROOT = Path(__file__).parents[2]
#: The command, and on its last line its peak in MiB: what the system tells a parent includes the parent's own.
PROGRAM = """
import atexit, runpy, sys
from pathlib import Path

def tell():
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    print(next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), "nan"), file=sys.stderr)

atexit.register(tell)
runpy.run_module("grokbench", run_name="__main__", alter_sys=True)
"""


def peak_mib(work: Callable[[], object]) -> float:
    """MiB that some work needs at its peak, above what this process has loaded. Linux; raises `Skipped` elsewhere."""
    return measured_apart(work)[1]


def measured_apart(work: Callable[[], object]) -> tuple[float, float]:
    """Processor seconds and peak MiB of some work, in a copy of this process."""
    if not sys.platform.startswith("linux"):
        raise Skipped("the peak of memory is read from /proc")
    context = multiprocessing.get_context("fork")  # all is on one thread, and the work need not be sent
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(work, send))
    process.start()
    send.close()
    try:
        return receive.recv()
    except EOFError as error:
        raise RuntimeError("the process that was measured ended without a word") from error
    finally:
        process.join()


def _measure(work: Callable[[], object], send) -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, begun = _status(NOW), time.process_time()
    work()
    send.send((time.process_time() - begun, max(_status(HIGH) - before, 0.0)))


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def timed_command(arguments: Sequence[str]) -> tuple[float, float]:
    """Seconds on the wall and peak MiB of `python -m grokbench ARGUMENTS`; RuntimeError where it fails."""
    begun = time.perf_counter()
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(f"grokbench {' '.join(arguments)}: status {done.returncode}\n{done.stderr}")
    return seconds, float(done.stderr.split()[-1])
