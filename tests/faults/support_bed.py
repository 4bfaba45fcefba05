"""The test bed: a tiny suite, its undisturbed tables, and the command line as real processes."""

from __future__ import annotations

import atexit
import csv
import io
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from multiprocessing import forkserver
from pathlib import Path

from support_processes import living
from support_runs import table

from grokbench import cli
from grokbench.registry import include, learners
from grokbench.report.write import write_report
from grokbench.runs import server
from grokbench.runs.store import LEFTOVER, Store
from grokbench.suites.plan import make_plan
from grokbench.suites.suite import load_suite

FAULTY = Path(__file__).parent / "support_faulty.py"
SUITE = """
title = "Faults"
seeds = 3
points_per_decade = 5
time_limit_s = 40
[[tasks]]
name = "modular"
modulus = 5
[[learners]]
name = "faulty"
label = ["a", "b"]
budget = 20
[[learners]]
name = "kernel_flow"
budget = 10
"""
TABLES = ("runs", "curves", "delays", "comparisons", "sensitivity")


@dataclass
class Bed:
    """A folder with a suite, a learner that can be told to misbehave, and results."""

    folder: Path
    text: str = SUITE

    def __post_init__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.suite, self.results = self.folder / "suite.toml", self.folder / "results"
        self.fault_file, self.log, self.learner = (self.folder / n for n in ("fault", "log", "faulty_here.py"))
        self.learner.write_text(FAULTY.read_text())
        self.suite.write_text(self.text)

    def clear(self) -> None:
        """Begin with an empty results folder again."""
        shutil.rmtree(self.results)

    @property
    def store(self) -> Store:
        return Store(self.results)

    def arguments(self, verb: str = "compare", *more: object, jobs: int = 2) -> list[str]:
        line = [verb, self.suite, "--results", self.results, "--include", self.learner, "--jobs", jobs, "--quiet"]
        return [str(part) for part in [*line, *more]]

    def plan(self):
        forget()
        include(self.learner)
        return make_plan(load_suite(str(self.suite)))

    def fault(self, name: str | None) -> None:
        """Tell the learner what to do; None: nothing."""
        self.fault_file.unlink(missing_ok=True)
        if name:
            self.fault_file.write_text(name)

    def inside(self, verb: str = "compare", *more: object, jobs: int = 2) -> int:
        """The command line in this process: its exit status."""
        forget()
        try:
            cli.main(self.arguments(verb, *more, jobs=jobs))
        except SystemExit as end:
            return end.code
        raise AssertionError("the command line did not exit")

    def apart(self, verb: str = "compare", *more: object, jobs: int = 2, **how) -> subprocess.Popen:
        """The command line in a process and session of its own, as a terminal would have it."""
        environment = {**os.environ, "TMPDIR": scratch()}
        command = [sys.executable, "-m", "grokbench", *self.arguments(verb, *more, jobs=jobs)]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, start_new_session=True, env=environment, **streams, **how)

    def forked(self, verb: str = "compare", *more: object, jobs: int = 2):
        """The command line in a process that was forked from this one: everything imported, the fork server warm."""
        server.running()
        process = multiprocessing.get_context("fork").Process(
            target=_forked, args=(self.arguments(verb, *more, jobs=jobs), self.folder / "errors")
        )
        process.start()
        return process

    def statuses(self) -> dict[str, str]:
        return {key: self.store.status(key) for key in self.store.keys()}

    def stamps(self) -> dict[str, tuple]:
        return {key: self.store.stamp(key) for key in self.store.keys()}

    def assert_whole(self) -> None:
        """Nothing visible is half: every run checks out (or warns, an error in tests), every table is one."""
        for key in self.store.keys():
            assert self.store.read(key) is not None
        for path in self.results.glob("*.csv"):
            header, *rows = csv.reader(io.StringIO(path.read_text()))
            assert path.read_text().endswith("\n")
            assert all(len(row) == len(header) for row in rows), path
        for path in self.results.glob("*.json"):
            json.loads(path.read_text())

    def assert_tidy(self) -> None:
        """No folder or lock of a process that is no more."""
        if self.results.exists():
            assert [name for name in os.listdir(self.results / "runs") if LEFTOVER.match(name)] == []
            assert not (self.results / "locks").exists() or not any((self.results / "locks").iterdir())

    def tables(self) -> dict[str, list]:
        """All tables without the columns that two machines may fill differently."""
        return {name: table(self.results, name) for name in TABLES}

    def assert_tables_are_those_of_a_report_from_scratch(self) -> None:
        before = {name: (self.results / f"{name}.csv").read_bytes() for name in TABLES}
        write_report(self.results)
        assert {name: (self.results / f"{name}.csv").read_bytes() for name in TABLES} == before

    def logged(self) -> list[list[str]]:
        """What the faulty learners did, by their own log: deed, run, process, moment."""
        return [line.split() for line in self.log.read_text().splitlines()]

    def times_done(self) -> dict[str, list[tuple[float, float]]]:
        """When each run of a faulty learner was in progress."""
        begun, done = {}, {}
        for what, run, pid, moment in self.logged():
            if what == "begin":
                begun[run, pid] = float(moment)
            elif what == "end":
                done.setdefault(run, []).append((begun[run, pid], float(moment)))
        return done


@cache
def scratch() -> str:
    """Where killed processes leave their temporary files; a short path, because sockets need one."""
    folder = tempfile.mkdtemp(prefix="bed-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def forget() -> None:
    """Another bed's copy of the learner makes room for ours."""
    learners._classes.pop("faulty", None)
    for module in [name for name in sys.modules if name.startswith("grokbench_included_")]:
        del sys.modules[module]


def _forked(arguments: list[str], errors: Path) -> None:
    os.setsid()
    forkserver.ensure_running = forkserver._forkserver.ensure_running = _after_the_inherited(forkserver._forkserver)
    file = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.stdout, sys.stderr = (open(n, "w", closefd=False) for n in (1, 2))  # noqa: SIM115
    status = 3
    forget()
    try:
        cli.main(arguments)
    except SystemExit as end:
        status = end.code
    finally:
        sys.stderr.flush()
        os._exit(status)


def _after_the_inherited(server: forkserver.ForkServer):
    """`ensure_running` of a process whose fork server is its parent's, not its own to wait for; its own after that.

    A fork server dies of a client that is killed between calling it and saying what for, as a sibling of ours may be.
    """
    inherited, ensure_running = server._forkserver_pid, server.ensure_running

    def ensure() -> None:
        if server._forkserver_pid == inherited:
            if living("pid", {inherited}):
                return
            os.close(server._forkserver_alive_fd)
            server._forkserver_pid = None
        ensure_running()

    return ensure


def phase(bed: Bed, process: subprocess.Popen, runs: int) -> str:
    """What a `compare` is doing now, as far as its results folder tells."""
    if process.poll() is not None:
        return "over"
    if not (bed.results / "runs").is_dir():
        return "start-up"
    names = os.listdir(bed.results / "runs")
    if any(LEFTOVER.match(name) for name in names):
        return "storing"
    stored = sum(name[0] != "." for name in names)
    if stored == runs:
        return "reporting"
    return "running" if stored else "first run and fork server"
