"""A process per run, from a fork server: whatever a run does, it takes nothing with it.

The parent is one loop over pipes. A run that raises, hangs, is killed, diverges or runs out of memory
becomes a record with its status and the curve so far.
"""

from __future__ import annotations

import contextlib
import signal
import tempfile
import time
from collections.abc import Collection, Iterator
from multiprocessing.connection import wait
from pathlib import Path

from grokbench.curves.run import Run
from grokbench.errors import UsageError
from grokbench.runs.claims import EXHAUSTED, Work
from grokbench.runs.environment import environment
from grokbench.runs.perform import perform
from grokbench.runs.process import Process, start
from grokbench.runs.store import Store
from grokbench.suites.plan import RunSpec

POLL_SECONDS = 0.1
FILES_PER_RUN, OTHER_FILES = 8, 40  # open files of the parent, roughly


class Watch:
    """Who wants to know how the work goes. This one says nothing; the command line's displays do."""

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *error) -> None:
        pass

    def started(self, spec: RunSpec) -> None:
        """A run begins."""

    def finished(self, spec: RunSpec, record: dict, rows: list[dict]) -> None:
        """A run is over and stored."""

    def interrupted(self) -> None:
        """The first Ctrl-C has been heard."""

    def tick(self) -> None:
        """Called several times per second."""


class Interruption:
    """Counts Ctrl-C while it is in force: at 1 no new run starts, at 2 everything stops at once."""

    def __init__(self):
        self.count = 0
        self._raises = False

    def __enter__(self) -> Interruption:
        self._before = None
        with contextlib.suppress(ValueError):  # not the main thread: the caller handles signals
            self._before = signal.signal(signal.SIGINT, self._hit)
        return self

    def __exit__(self, *error) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _hit(self, number, frame) -> None:
        self.count += 1
        if self.count > 1 and self._raises:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def raising(self) -> Iterator[None]:
        """What is waited for inside is given up at the second Ctrl-C; outside, storing is never torn apart."""
        self._raises = True
        try:
            yield
        finally:
            self._raises = False


def execute(
    specs: list[RunSpec],
    store: Store,
    watch: Watch,
    interruption: Interruption,
    jobs: int,
    time_limit_s: float,
    include: tuple[str, ...] = (),
    memory_limit_mb: float | None = None,
) -> bool:
    """Carry out runs and store each as it ends; returns False if it was interrupted.

    `jobs` processes at a time; 0 runs everything in this process, without limits or isolation. Several of these may
    work on one store: each run is done by one of them. Raises UsageError where the store cannot be written, or where
    the system does not even have the files and processes for one run.
    """
    store.prepare()
    work = Work(specs, store)
    try:
        if jobs == 0:
            return _execute_here(work, watch, interruption)
        with tempfile.TemporaryDirectory(prefix="grokbench-", ignore_cleanup_errors=True) as folder:
            limits = (_affordable(jobs), time_limit_s)
            return _Apart(work, watch, interruption, *limits, include, memory_limit_mb, Path(folder)).carry_out()
    finally:
        work.claims.drop_all()


def _affordable(jobs: int) -> int:
    """As many of `jobs` as this process may have files open for."""
    try:
        import resource
    except ImportError:
        return jobs
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return jobs if files < 0 else max(1, min(jobs, (files - OTHER_FILES) // FILES_PER_RUN))


def _execute_here(work: Work, watch: Watch, interruption: Interruption) -> bool:
    while work:
        for spec, done in work.take():
            if interruption.count:
                return False
            watch.started(spec)
            if done:
                tell(watch, spec, done)
            elif not _perform_here(work, spec, watch, interruption):
                return False
        if interruption.count:
            return False
        if work:  # what is left is another process's
            with interruption.raising():
                time.sleep(POLL_SECONDS)
    return True


def _perform_here(work: Work, spec: RunSpec, watch: Watch, interruption: Interruption) -> bool:
    facts, rows, end = {}, [], {}

    def take(message: dict) -> None:
        facts.update(message.get("facts", {}))
        end.update(message.get("end", {}))
        if "row" in message:
            rows.append(message["row"])

    try:
        with interruption.raising():
            perform(spec.config, take)
    except KeyboardInterrupt:
        return False
    keep(work, spec, facts, rows, end, watch)
    return True


class Loop:
    """Work in many hands: who starts runs and hears of their end, says a subclass; what Ctrl-C means, this does.

    work, watch, interruption : see `execute`.
    active : runs in hand.
    """

    def __init__(self, work: Work, watch: Watch, interruption: Interruption):
        self.work, self.watch, self.interruption = work, watch, interruption
        self.active: Collection = []

    def carry_out(self) -> bool:
        """True when all is done, False if it was interrupted."""
        told = False
        try:
            while self.active or (self.work and not self.interruption.count):
                if self.work and not self.interruption.count:
                    self.start_more()
                self.end_some()
                if self.interruption.count > 1:
                    return False
                if self.interruption.count and not told:
                    told = True
                    self.withdraw()
                    self.watch.interrupted()
                self.watch.tick()
        except KeyboardInterrupt:
            return False
        finally:
            self.stop()
        return not (self.work or self.interruption.count)

    def start_more(self) -> None:
        """Start what there is room for."""
        raise NotImplementedError

    def end_some(self) -> None:
        """Listen to the runs for a moment; store those that are over."""
        raise NotImplementedError

    def withdraw(self) -> None:
        """Take back what has not begun: nothing new is to start."""

    def stop(self) -> None:
        """End what is still in hand."""
        raise NotImplementedError


class _Apart(Loop):
    """Over processes on this machine."""

    def __init__(self, work, watch, interruption, jobs, time_limit_s, include, memory_limit_mb, folder: Path):
        super().__init__(work, watch, interruption)
        self.jobs, self.time_limit_s = jobs, time_limit_s
        self.given = (include, folder, memory_limit_mb)
        self.active: list[Process] = []

    def stop(self) -> None:
        """Kill what is left."""
        for run in self.active:
            run.kill()
        for run in self.active:
            run.process.join(POLL_SECONDS)
            run.close()

    def start_more(self) -> None:
        """Fill up to `jobs` processes, which become fewer where the system has no room for them."""
        if len(self.active) >= self.jobs:
            return
        spec = None
        try:
            for spec, done in self.work.take():
                self.watch.started(spec)
                if done:
                    tell(self.watch, spec, done)
                else:
                    with self.interruption.raising():  # the first start waits for the fork server's imports
                        self.active.append(start(spec, *self.given))
                if len(self.active) >= self.jobs or self.interruption.count:
                    break
        except OSError as error:
            if error.errno not in EXHAUSTED or not self.active:
                raise UsageError(f"no run can be started: {error.strerror or error}") from error
            if spec and spec.key in self.work.claims.held - {run.spec.key for run in self.active}:
                self.work.put_back(spec)
            self.jobs = len(self.active)

    def end_some(self) -> None:
        """Listen to the runs for a moment; store those that are over."""
        sources = [source for run in self.active for source in run.sources]
        if not sources:
            if self.work:  # what is left is another process's
                with self.interruption.raising():
                    time.sleep(POLL_SECONDS)
            return
        ready = wait(sources, timeout=POLL_SECONDS)
        for run in [run for run in self.active if run.listen(ready, self.time_limit_s)]:
            self.active.remove(run)
            run.bury()
            if run.end["status"] == "crashed" and not run.alive and self.interruption.count:
                self.work.claims.drop(run.spec.key)  # Ctrl-C reached it before it could say a word: it did not run
                continue
            keep(self.work, run.spec, run.facts, run.rows, run.end, self.watch)


def keep(work: Work, spec: RunSpec, facts: dict, rows: list, end: dict, watch: Watch) -> None:
    """Store a finished run, give back its claim and say so."""
    record = {
        "environment": environment(),  # of a run from elsewhere: among its facts
        **facts,
        **end,
        "key": spec.key,
        "config": spec.config,
        "suite": spec.suite,
        "task_given": spec.task.given,
        "learner_given": spec.learner.given,
    }
    work.store.write(record, rows)
    work.claims.drop(spec.key)
    watch.finished(spec, record, rows)


def tell(watch: Watch, spec: RunSpec, run: Run) -> None:
    """Another process has done it: it is finished here too."""
    columns = run.curve.columns
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    watch.finished(spec, run.record, rows)
