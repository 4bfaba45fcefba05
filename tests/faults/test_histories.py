"""Any history of a results folder: whatever was run, killed, extended, retried and reported, nothing is lost.

Real processes, forked from this one so that a step takes tenths of a second.
"""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support_bed import SUITE, TABLES, Bed

from grokbench.curves.run import FINISHED
from grokbench.report.write import write_report

pytestmark = [pytest.mark.faults, pytest.mark.skipif(sys.platform != "linux", reason="forks")]
TEXT = SUITE.replace('label = ["a", "b"]', 'label = ["a"]\nseconds = 0.005')
jobs = st.sampled_from([0, 1, 2])


class History(RuleBasedStateMachine):
    """A results folder and what must be true of it."""

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp(prefix="history-"))
        self.bed, self.seeds, self.labels, self.finished, self.reported = Bed(self.folder, TEXT), 1, 1, {}, False

    def command(self, verb, *more, jobs):
        process = self.bed.forked(verb, "--seeds", self.seeds, *more, jobs=jobs)
        return process

    def finish(self, process) -> None:
        process.join(300)
        expected = 1 if "crashed" in self.bed.statuses().values() else 0
        assert process.exitcode == expected, (self.folder / "errors").read_text()

    def planned(self) -> set[str]:
        return {spec.key for spec in self.bed.plan().specs if spec.seed < self.seeds}

    def rewrite(self) -> None:
        labels = ["a", "b", "c"][: self.labels]
        self.bed.suite.write_text(
            TEXT.replace("seeds = 3", "seeds = 9").replace('["a"]', str(labels).replace("'", '"'))
        )

    @rule(jobs=jobs)
    def run(self, jobs):
        if jobs == 0 and self.bed.fault_file.exists():
            jobs = 1  # in one process, its death is not a run's
        self.finish(self.command("run", jobs=jobs))
        assert self.planned() <= set(self.bed.statuses())

    @rule(seconds=st.floats(0, 0.8), jobs=jobs)
    def run_and_kill(self, seconds, jobs):
        process = self.command("compare", jobs=jobs)
        time.sleep(seconds)
        process.kill()
        process.join()
        self.reported = False

    @rule(more=jobs, seconds=st.none() | st.floats(0, 0.8))
    def run_two_at_once(self, more, seconds):
        """And kill one of them."""
        first, second = self.command("run", jobs=1), self.command("run", jobs=max(more, 1))
        if seconds is not None:
            time.sleep(seconds)
            first.kill()
            first.join()
        else:
            self.finish(first)
        self.finish(second)
        assert self.planned() <= set(self.bed.statuses())

    @precondition(lambda self: self.seeds < 3)
    @rule()
    def more_seeds(self):
        self.seeds += 1
        self.rewrite()

    @precondition(lambda self: self.labels < 3)
    @rule()
    def more_learners(self):
        self.labels += 1
        self.rewrite()

    @rule(fault=st.sampled_from([None, "kill"]))
    def break_or_mend(self, fault):
        self.bed.fault(fault)

    @rule()
    def retry(self):
        broken = self.bed.fault_file.exists()
        self.finish(self.command("run", "--retry", jobs=2))
        statuses = self.bed.statuses()
        if not broken:
            assert {statuses[key] for key in self.planned()} == {"done"}

    @rule()
    def compare(self):
        self.finish(self.command("compare", jobs=2))
        self.reported = True
        self.tables_are_those_made_from_scratch()

    @precondition(lambda self: (self.bed.results / "runs").is_dir())
    @rule()
    def report(self):
        write_report(self.bed.results)
        self.tables_are_those_made_from_scratch()

    def tables_are_those_made_from_scratch(self):
        scratch = self.folder / "from scratch" / "results"
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(self.bed.results / "runs", scratch / "runs")
        shutil.copy(self.bed.results / "suite.json", scratch)
        write_report(scratch)
        for name in (*(f"{table}.csv" for table in TABLES), "runs.md", "delays.md", "environment.json"):
            assert (scratch / name).read_bytes() == (self.bed.results / name).read_bytes()

    @invariant()
    def every_finished_run_is_kept_once(self):
        if not hasattr(self, "bed") or not self.bed.results.exists():
            return
        self.bed.assert_whole()
        stamps, statuses = self.bed.stamps(), self.bed.statuses()
        assert {key: stamps.get(key) for key in self.finished} == self.finished
        self.finished = {key: stamps[key] for key, status in statuses.items() if status in FINISHED}
        assert not (self.bed.results / "quarantine").exists()

    def teardown(self):
        if hasattr(self, "folder"):
            self.bed.fault(None)
            shutil.rmtree(self.folder, ignore_errors=True)


def test_whatever_happens_to_a_folder_every_finished_run_is_kept_once(request):
    full = request.config.getoption("--full", False)
    how = settings(
        max_examples=60 if full else 3,
        stateful_step_count=12 if full else 6,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    before = os.getcwd()
    run_state_machine_as_test(History, settings=how)
    assert os.getcwd() == before
