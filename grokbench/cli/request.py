"""What `compare` and `run` were asked for, and the running half of both."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from grokbench.cli.verbs import include_files
from grokbench.errors import UsageError

if TYPE_CHECKING:
    from grokbench.runs.store import Store
    from grokbench.suites.plan import Plan, RunSpec


@dataclass(frozen=True)
class Request:
    """The options of a command that works on a suite, by the names that the command line gives them."""

    suite: str
    results: Path | None
    jobs: int | None
    seeds: int | None
    only: tuple[str, ...]
    overrides: tuple[str, ...]
    dry_run: bool
    retry: bool
    memory_limit: float | None
    dask: str | None
    include: tuple[str, ...]
    allowed: tuple[str, ...]
    device: str
    quiet: bool
    as_json: bool

    @cached_property
    def plan(self) -> Plan:
        """The runs that were asked for. Raises UsageError for what cannot be planned, or run here."""
        from grokbench.suites.plan import make_plan
        from grokbench.suites.suite import load_suite

        include_files(self.include, self.allowed)
        if self.dask and self.jobs is not None:
            raise UsageError("--jobs and --dask exclude each other: a cluster has as many runs at a time as threads")
        if not self.dask:
            _check_device(self.device)
        return make_plan(load_suite(self.suite, self.overrides, self.seeds, self.device)).only(self.only)

    @cached_property
    def store(self) -> Store:
        """Where the runs are kept."""
        from grokbench.runs.store import Store

        return Store(self.results or Path("results") / self.plan.suite.name)

    @property
    def parallel(self) -> int:
        """Runs at a time on this machine; 0 for all in this process."""
        from grokbench.threads import usable_cores

        return usable_cores() if self.jobs is None else self.jobs

    @cached_property
    def to_do(self) -> list[RunSpec]:
        """The runs that are not stored, and with ``--retry`` those that failed."""
        from grokbench.curves.run import FINISHED

        stored = set(self.store.keys())  # one look at the folder, not one for each of a million runs
        status = {spec.key: self.store.status(spec.key) for spec in self.plan.specs if spec.key in stored}
        done = {key for key, end in status.items() if end in FINISHED or (end is not None and not self.retry)}
        return [spec for spec in self.plan.specs if spec.key not in done]

    def execute(self) -> bool | None:
        """Run what is to do: True when all is done, False after one Ctrl-C, None after two."""
        from grokbench.runs.cluster import execute_on_cluster
        from grokbench.runs.execute import Interruption, execute
        from grokbench.runs.note import Note
        from grokbench.runs.process import Limits
        from grokbench.verdicts import replication, rules

        self.store.prepare()
        judged = rules.of_suite(self.plan.suite.name) or replication.of_suite(self.plan.suite.name)
        with Interruption() as interruption:  # from the moment on from which the folder is seen
            Note.of(self.plan, with_cells=bool(judged)).write(self.store.results)
            if not self.to_do:
                return True
            self._compile_once()
            limits = Limits(self.plan.suite.time_limit_s, self.memory_limit)
            with self._watch() as watch:
                work = (self.to_do, self.store, watch, interruption)
                if self.dask:
                    complete = execute_on_cluster(*work, self.dask, limits, self.include)
                else:
                    complete = execute(*work, self.parallel, limits, self.include)
        return None if interruption.count > 1 else complete

    def _compile_once(self) -> None:
        """Say so where the first runs wait for the compiler, while the fork server begins with its imports."""
        from grokbench.cli.screen import say
        from grokbench.learners.neural import compiling
        from grokbench.runs import server
        from grokbench.runs.process import needs_compiler

        on_this_machine = not self.dask
        if on_this_machine and self.parallel:
            with contextlib.suppress(OSError):  # the first run will say so
                server.running(compiler=needs_compiler(self.include, self.to_do))
        if on_this_machine and compiling.waits():
            if not self.quiet:
                say("compiling the training loop of networks, once on this machine: about ten seconds")
            if not self.parallel:
                compiling.prepare()

    def _watch(self):
        from grokbench.cli.display import Bar, Lines
        from grokbench.runs.execute import Watch

        if self.quiet or self.as_json:
            return Watch()
        total = len(self.to_do)
        return Bar(total, 1 if self.dask else self.parallel) if sys.stderr.isatty() else Lines(total)

    @property
    def statuses(self) -> dict[str, str | None]:
        """Key -> status of each run that was asked for, as it is stored now; None for one that is not."""
        return {spec.key: self.store.status(spec.key) for spec in self.plan.specs}


def _check_device(device: str) -> None:
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise UsageError("--device cuda: PyTorch finds no CUDA device here; use --device cpu")
