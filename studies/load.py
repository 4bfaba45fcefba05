"""Many trivial runs through the command, under load, with suspends in between: does every one of them arrive?

    python studies/load.py                 # 2,000 runs, a few minutes
    python studies/load.py --runs 20000    # the full size

Stops the command for some seconds after a quarter of the runs (SIGSTOP, as a suspend does), and a process of a run
after a half; `--burners N` keeps N more processes busy. Prints runs per second, milliseconds per run, the peak memory
of the command, and how many runs have each status. Exit status 0: all are done, or timed out because they were stopped.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from grokbench.runs.store import Store

SUITE = """title = "Load"
seeds = {seeds}
points_per_decade = 1
time_limit_s = {limit}
comparisons = []
[[tasks]]
name = "trivial_task"
[[learners]]
name = "trivial"
shift = [0.0, 1.0]
budget = 2
"""
TRIVIAL = '''
from dataclasses import dataclass

import numpy as np

import grokbench


@grokbench.register_task("trivial_task")
@dataclass(kw_only=True)
class TrivialTask(grokbench.Task):
    """Eight bits, one of which is the class."""

    def sample(self, rng):
        X = rng.permutation(2)[:, None].repeat(4, axis=0)
        return grokbench.Split(X, X[:, 0], X, X[:, 0], n_classes=2, alphabet=(2,))


@grokbench.register_learner("trivial")
@dataclass(kw_only=True, eq=False)
class Trivial(grokbench.Learner):
    """The same scores at all times."""

    shift: float = 0.0

    def begin(self, X, y, n_classes, alphabet, rng):
        self.n_classes = n_classes

    def advance(self, time):
        pass

    def scores(self, X):
        return np.full((len(X), self.n_classes), self.shift)
'''
POLL_SECONDS = 0.2


def main() -> int:
    """Carry out the suite and print what came of it; 0 where nothing was lost."""
    options = _options()
    burners = [multiprocessing.Process(target=_burn, daemon=True) for _ in range(options.burners)]
    for burner in burners:
        burner.start()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="grokbench-load-"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "load.toml").write_text(SUITE.format(seeds=max(options.runs // 2, 1), limit=options.limit))
    (folder / "trivial.py").write_text(TRIVIAL)
    command = [sys.executable, "-m", "grokbench", "run", "load.toml", "--jobs", str(options.jobs), "--quiet"]
    command += ["--include", "trivial.py"]
    started = time.monotonic()
    process = subprocess.Popen([*command, "--results", "results"], cwd=folder)
    suspended, peak = _watch(process, folder / "results", options)
    status = process.wait()
    seconds = time.monotonic() - started - suspended
    for burner in burners:
        burner.kill()
    return _tell(folder / "results", status, seconds, suspended, peak, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--suspend", type=float, default=20.0, help="seconds of each suspend; 0: none")
    parser.add_argument("--limit", type=float, default=10.0, help="time limit of a run, shorter than a suspend")
    parser.add_argument("--burners", type=int, default=0, help="processes that compute beside it")
    parser.add_argument("--folder", type=Path, help="where suite and results go; default: a new temporary folder")
    return parser.parse_args()


def _watch(process: subprocess.Popen, results: Path, options: argparse.Namespace) -> tuple[float, float]:
    """Seconds that the command stood still, and its peak memory in MB; suspends it, and one of its runs."""
    suspended = peak = 0.0
    to_do = [(options.runs // 4, _stop_command), (options.runs // 2, _stop_run)] if options.suspend > 0 else []
    while process.poll() is None:
        time.sleep(POLL_SECONDS)
        peak = max(peak, _peak_mb(process.pid))
        if to_do and _stored(results) >= to_do[0][0]:
            suspended += to_do.pop(0)[1](process.pid, options.suspend)
    return suspended, peak


def _stop_command(pid: int, seconds: float) -> float:
    """Stop the command, whose runs go on and wait with full pipes; the seconds that it stood still."""
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)
    return seconds


def _stop_run(pid: int, seconds: float) -> float:
    """Stop a run for as long, if it lives: it is over its time limit then, which is no error of the command's."""
    for run in _descendants(pid):
        try:
            if os.getpgid(run) == run:  # a run has a group of its own
                os.kill(run, signal.SIGSTOP)
                time.sleep(seconds)
                os.kill(run, signal.SIGCONT)
                break
        except ProcessLookupError:
            continue  # it was over
    return 0.0


def _descendants(pid: int) -> Iterator[int]:
    """Numbers of the processes that come from one, from /proc."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(path.parent.name)] = int(fields[1])
    family = {pid}
    while grown := {child for child, parent in parents.items() if parent in family} - family:
        family |= grown
        yield from grown


def _peak_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def _stored(results: Path) -> int:
    try:
        return len(os.listdir(results / "runs"))
    except OSError:
        return 0


def _burn() -> None:
    while True:
        sum(range(10_000))


def _tell(results: Path, status: int, seconds: float, suspended: float, peak: float, options) -> int:
    statuses = Counter(run.status for run in Store(results).read_all())
    runs, planned = sum(statuses.values()), options.runs // 2 * 2
    print(f"{runs} of {planned} runs, {options.jobs} jobs, {options.burners} burners; the command ended with {status}")
    speed, milliseconds = runs / seconds, 1000 * seconds / max(runs, 1)
    print(f"{seconds:.0f} s without {suspended:.0f} s of suspend: {speed:.1f} runs/s, {milliseconds:.0f} ms a run")
    print(f"peak memory of the command: {peak:.0f} MB")
    print("statuses: " + ", ".join(f"{count} {name}" for name, count in sorted(statuses.items())))
    late = 1 if options.suspend > options.limit else 0  # the run that was stopped
    return 0 if runs == planned and runs - statuses["done"] <= late else 1


if __name__ == "__main__":
    sys.exit(main())
