"""A process per run, from a fork server: whatever a run does, it takes nothing with it.

The parent is one loop over pipes. A run that raises, hangs, is killed, diverges or runs out of memory
becomes a record with its status and the curve so far.
"""

from __future__ import annotations

import contextlib
import signal
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path

from grokbench.curves.run import Run
from grokbench.errors import UsageError
from grokbench.runs.claims import EXHAUSTED
from grokbench.runs.perform import perform
from grokbench.runs.process import Limits, Process, start
from grokbench.runs.recording import Recording
from grokbench.runs.store import Store
from grokbench.runs.work import ClaimedWork, Work
from grokbench.suites.plan import RunSpec

POLL_SECONDS = 0.1
PAUSE_SECONDS = 1.0  # between two looks at the runs; a longer one was not theirs, and their time limits wait for it
FILES_PER_RUN, OTHER_FILES = 8, 40  # open files of the parent, roughly


class Watch:
    """Who wants to know how the work goes. This class says nothing; the displays of the command line do."""

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *error) -> None:
        pass

    def started(self, spec: RunSpec) -> None:
        """A run begins."""

    def finished(self, spec: RunSpec, run: Run) -> None:
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
        """A wait that the second Ctrl-C ends by KeyboardInterrupt; outside of it, storing is never torn apart."""
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
    limits: Limits,
    include: tuple[str, ...] = (),
) -> bool:
    """Carry out runs and store each as it ends; returns False if it was interrupted.

    Several processes may do this with one store at the same time: each run is done by one of them. Arguments and
    errors are those of `perform_all`; also raises UsageError where the store cannot be written.
    """
    store.prepare()
    with ClaimedWork(specs, store) as work:
        return perform_all(work, watch, interruption, jobs, limits, include)


def perform_all(
    work: Work,
    watch: Watch,
    interruption: Interruption,
    jobs: int,
    limits: Limits,
    include: tuple[str, ...] = (),
) -> bool:
    """Carry out the runs of some work; returns False if it was interrupted.

    jobs : number of processes at a time; 0 runs everything in this process, without limits or isolation.
    limits : of each run.
    include : the user's own files, for every process to load.

    Raises UsageError where the system does not even have the files and processes for one run.
    """
    if jobs == 0:
        return _perform_here(work, watch, interruption)
    with tempfile.TemporaryDirectory(prefix="grokbench-", ignore_cleanup_errors=True) as folder:
        start_run = partial(start, include=include, folder=Path(folder), limits=limits)
        return _Processes(work, watch, interruption, _affordable(jobs), start_run).carry_out()


def _affordable(jobs: int) -> int:
    """As many of `jobs` as this process may have files open for."""
    try:
        import resource
    except ImportError:
        return jobs
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return jobs if files < 0 else max(1, min(jobs, (files - OTHER_FILES) // FILES_PER_RUN))


def _perform_here(work: Work, watch: Watch, interruption: Interruption) -> bool:
    while work:
        for spec, run in work.take():
            if interruption.count:
                return False
            watch.started(spec)
            if run is None:
                run = _performed(spec, interruption)
                if run is None:
                    return False
                work.keep(run)
            watch.finished(spec, run)
        if interruption.count:
            return False
        if work:  # what is left is another process's
            with interruption.raising():
                time.sleep(POLL_SECONDS)
    return True


def _performed(spec: RunSpec, interruption: Interruption) -> Run | None:
    """A run carried out in this process; None where a second Ctrl-C broke it off."""
    recording = Recording(spec)
    try:
        with interruption.raising():
            perform(spec.config, recording.take)
    except KeyboardInterrupt:
        return None
    return recording.run()


class Loop:
    """Work in the hands of many. A subclass starts runs and listens to them; this class knows what Ctrl-C means.

    Parameters
    ----------
    work : what is to do.
    watch : is told of every step.
    interruption : counts Ctrl-C.

    Attributes
    ----------
    active : the runs in hand.
    """

    def __init__(self, work: Work, watch: Watch, interruption: Interruption):
        self.work, self.watch, self.interruption = work, watch, interruption
        self.active: Collection = []

    def carry_out(self) -> bool:
        """True when all is done, False if it was interrupted."""
        withdrawn = False
        try:
            while self.active or (self.work and not self.interruption.count):
                if self.work and not self.interruption.count:
                    self.start_more()
                self.end_some()
                if self.interruption.count > 1:
                    return False
                if self.interruption.count and not withdrawn:
                    withdrawn = True
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
        """Listen to the runs for a moment, and keep those that are over."""
        raise NotImplementedError

    def withdraw(self) -> None:
        """Take back what has not begun: nothing new is to start."""

    def stop(self) -> None:
        """End what is still in hand."""
        raise NotImplementedError

    def keep(self, spec: RunSpec, run: Run) -> None:
        """Hand over a run that is over, and say so."""
        self.work.keep(run)
        self.watch.finished(spec, run)


class _Processes(Loop):
    """Work in the hands of `jobs` processes on this machine; `start_run` starts one."""

    def __init__(self, work, watch, interruption, jobs: int, start_run: Callable[[RunSpec], Process]):
        super().__init__(work, watch, interruption)
        self.jobs, self.start_run = jobs, start_run
        self.active: list[Process] = []
        self._looked = time.monotonic()

    def stop(self) -> None:
        """Kill what is left."""
        for process in self.active:
            process.kill()
        for process in self.active:
            process.join(POLL_SECONDS)
            process.close()

    def start_more(self) -> None:
        """Fill up to `jobs` processes, which become fewer where the system has no room for them."""
        if len(self.active) >= self.jobs:
            return
        try:
            for spec, run in self.work.take():
                self.watch.started(spec)
                if run:  # made by another process
                    self.watch.finished(spec, run)
                else:
                    self._start(spec)
                if len(self.active) >= self.jobs or self.interruption.count:
                    break
        except OSError as error:
            if error.errno not in EXHAUSTED or not self.active:
                raise UsageError(f"no run can be started: {error.strerror or error}") from error
            self.jobs = len(self.active)

    def _start(self, spec: RunSpec) -> None:
        try:
            with self.interruption.raising():  # the first start waits for the fork server's imports
                self.active.append(self.start_run(spec))
        except OSError:
            self.work.put_back(spec)
            raise

    def end_some(self) -> None:
        """Listen to the runs for a moment, and keep those that are over."""
        sources = [source for process in self.active for source in process.sources]
        if not sources:
            if self.work:  # what is left is another process's
                with self.interruption.raising():
                    time.sleep(POLL_SECONDS)
            return
        ready = wait(sources, timeout=POLL_SECONDS)
        self._forgive_pauses()
        for process in [process for process in self.active if process.listen(ready)]:
            self.active.remove(process)
            run = process.bury()
            if run.status == "crashed" and not process.alive and self.interruption.count:
                self.work.give_up(process.spec)  # Ctrl-C reached it before it could say a word: it did not run
            else:
                self.keep(process.spec, run)

    def _forgive_pauses(self) -> None:
        """No run is over its time because this process was stopped (SIGSTOP, Ctrl-Z), or waited for a disk.

        The monotonic clock stands still while the machine sleeps, and goes on while a process does.
        """
        now = time.monotonic()
        pause, self._looked = now - self._looked, now
        if pause > PAUSE_SECONDS:
            for process in self.active:
                process.extend(pause)
