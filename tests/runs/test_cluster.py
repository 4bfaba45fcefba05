"""Real clusters: a scheduler and workers as processes of their own, each in its own folder, and what kills them."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from conftest import SABOTEURS
from support_processes import wait_until
from support_runs import FAMILIES, ONE_TASK, Impatient, Trigger, assert_same_tables, carry_out, plan_of

import grokbench as package
from grokbench.registry import include
from grokbench.report.write import write_report
from grokbench.runs import remote
from grokbench.runs.cluster import execute_on_cluster
from grokbench.runs.environment import environment
from grokbench.runs.execute import Interruption, Watch, execute
from grokbench.runs.process import Limits
from grokbench.runs.store import Store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the foreman listens by select")

LIMITS = Limits(time_limit_s=60.0)
SLEEPERS = (
    ONE_TASK.replace("seeds = 1", "seeds = 6")
    + """
[[learners]]
name = "sleeper"
seconds = 0.1
budget = 12
"""
)
FOR_EVER = (
    ONE_TASK
    + """
[[learners]]
name = "sleeper"
seconds = [600.0, 601.0]
budget = 5
"""
)


ONE_THREAD = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", ".")


class Cluster:
    """`dask scheduler` and `dask worker` as one starts them by hand, with nothing in common but the address."""

    def __init__(self, folder: Path, workers: int):
        self.folder, self.processes = folder, []
        self.file = folder / "scheduler.json"
        quiet = ("--no-dashboard", "--no-show")
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", self.file, *quiet)
        deadline = time.monotonic() + 60
        while not (self.file.exists() and self.file.read_text().endswith("}")):
            assert self.scheduler.poll() is None, (folder / "scheduler" / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        self.address = json.loads(self.file.read_text())["address"]
        self.workers = [self.add_worker(str(number)) for number in range(workers)]

    def add_worker(self, name: str) -> subprocess.Popen:
        """One more, with one thread."""
        return self._start("worker", self.address, *ONE_THREAD, name=name)

    def _start(self, kind: str, *arguments, name: str = "") -> subprocess.Popen:
        folder = self.folder / f"{kind}{name}"
        folder.mkdir(parents=True)
        where = {"PYTHONPATH": str(Path(package.__file__).parents[1])}
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *map(str, arguments)]
        with open(folder / "log", "w") as log:
            process = subprocess.Popen(command, cwd=folder, env=os.environ | where, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def stop(self) -> None:
        """Kill everything."""
        for process in self.processes:
            process.kill()
            process.wait()


@contextmanager
def cluster_of(folder: Path, workers: int):
    cluster = Cluster(folder, workers)
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two workers, alive through all tests that only use them."""
    with cluster_of(tmp_path_factory.mktemp("cluster"), 2) as cluster:
        yield cluster


def on_cluster(plan, results: Path, address: str, watch=None, limits=LIMITS, included=(str(SABOTEURS),)) -> bool:
    with Interruption() as interruption:
        specs = list(plan.specs)
        return execute_on_cluster(specs, Store(results), watch or Watch(), interruption, address, limits, included)


def descendants(process: subprocess.Popen) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def has_a_run(worker: subprocess.Popen) -> bool:
    """True when its foreman, the resource tracker, the fork server and a run are there."""
    return len(descendants(worker)) >= 4


def gone(processes: list[psutil.Process]) -> bool:
    with suppress(psutil.NoSuchProcess):
        return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)
    return False


# ---------------------------------------------------------------- the same bytes


@pytest.fixture(scope="module")
def families(tmp_path_factory):
    """The plan, and its results on this machine."""
    folder = tmp_path_factory.mktemp("families")
    plan = plan_of(FAMILIES, folder)
    assert carry_out(plan, folder / "here", jobs=1, included=())
    write_report(folder / "here")
    return plan, folder / "here"


class Diary(Watch):
    """Notes what it is told."""

    def __init__(self):
        self.begun, self.ended = [], []

    def started(self, spec):
        self.begun.append(spec.key)

    def finished(self, spec, run):
        assert spec.key in self.begun
        self.ended.append(spec.key)


def test_a_cluster_gives_the_same_bytes(families, cluster, tmp_path):
    plan, results = families
    diary = Diary()
    assert on_cluster(plan, tmp_path, cluster.address, diary, included=())
    assert sorted(diary.begun) == sorted(diary.ended) == sorted(spec.key for spec in plan.specs)
    assert_same_tables(tmp_path, results)
    there = Store(tmp_path).read(plan.specs[0].key).record["environment"]
    assert there["grokbench"] == package.__version__
    assert there.keys() == environment().keys()
    assert not list(cluster.folder.rglob("run.json"))  # the workers keep nothing


@pytest.mark.slow
def test_a_local_cluster_gives_the_same_bytes(families, tmp_path, grokbench):
    """By the command line, half of it done before."""
    plan, results = families
    suite = plan.suite.path
    assert grokbench("run", suite, "--results", tmp_path / "r", "--only", "parity", "--jobs", 1, "--quiet")[0] == 0
    status, out, err = grokbench("compare", suite, "--results", tmp_path / "r", "--dask", "local:2")
    assert (status, err.count("\n")) == (0, len(plan.specs) - len([s for s in plan.specs if s.task.id == "parity"]))
    assert f"{len(plan.specs)} runs; tables in" in out
    assert_same_tables(tmp_path / "r", results)


# ---------------------------------------------------------------- the same truth


MISDEEDS = (
    ONE_TASK
    + """
[[learners]]
name = "saboteur"
deed = ["none", "raise", "sys.exit", "abort", "_exit", "kill", "sleep", "hoard at once", "print and abort"]
budget = 20
[[learners]]
name = "misfit"
answer = ["nan", "shape"]
budget = 20
"""
)


def test_every_misdeed_has_the_same_status_and_curve_as_on_this_machine(cluster, tmp_path):
    """The file with the learners lies in no folder that a worker knows: its text travels with the order."""
    include(SABOTEURS)
    mine = tmp_path / "mine.py"
    mine.write_bytes(SABOTEURS.read_bytes())
    plan = plan_of(MISDEEDS, tmp_path)
    local, apart, limits = Store(tmp_path / "here"), Store(tmp_path / "there"), Limits(time_limit_s=2.0)
    with Interruption() as interruption:
        assert execute(list(plan.specs), local, Watch(), interruption, 1, limits, (str(SABOTEURS),))
    assert on_cluster(plan, apart.results, cluster.address, limits=limits, included=(str(mine),))
    statuses = set()
    for spec in plan.specs:
        a, b = local.read(spec.key), apart.read(spec.key)
        assert (a.record["status"], a.record["error"]) == (b.record["status"], b.record["error"])
        assert a.curve.columns["time"] == b.curve.columns["time"]
        statuses.add(a.record["status"])
    assert statuses == {"done", "failed", "crashed", "timeout", "diverged"}


def test_one_interruption_finishes_what_runs_and_starts_nothing(cluster, tmp_path):
    include(SABOTEURS)
    plan = plan_of(SLEEPERS, tmp_path)
    watch = Impatient(after=2, at="started")
    assert not on_cluster(plan, tmp_path / "results", cluster.address, watch)
    assert watch.heard == 1
    assert 2 <= watch.begun == len(Store(tmp_path / "results").keys()) <= 4 < len(plan.specs)


# ---------------------------------------------------------------- workers that do not fit


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"grokbench": "0.0.0"}, "it has grokbench {here}, and the order came from 0.0.0"),
        ({"learner_version": 99}, "its learner 'rfm' is version 1, and the order asks for 99"),
        ({"task_name": "elsewhere"}, "it has no task 'elsewhere'; install there what offers it"),
        ({"key": "0" * 20}, "its definitions of schedule and measures are not those of the order"),
    ],
)
def test_a_worker_with_other_versions_refuses(tmp_path, change, message):
    spec = next(s for s in plan_of(FAMILIES, tmp_path).specs if s.learner.id == "rfm")
    order = json.loads(remote.write_order(spec, "topic", LIMITS, []))
    for name, value in change.items():
        part, _, field = name.partition("_")
        if field:
            order["spec"][part][field] = value
        else:
            order[name] = value
    answer = remote.answer_to(order, tmp_path, Interruption())
    assert answer == {"refused": message.format(here=package.__version__)}


def test_a_refusal_is_one_line_and_nothing_is_stored(cluster, tmp_path, grokbench, monkeypatch):
    monkeypatch.setattr(package, "__version__", "9.9.9")
    path = plan_of(FAMILIES, tmp_path).suite.path
    status, out, err = grokbench("run", path, "--results", tmp_path / "r", "--dask", cluster.address, "--only", "rfm")
    message = f"--dask {cluster.address}: a worker cannot do the run: it has grokbench"
    assert (status, out) == (2, "")
    assert err.startswith(f"grokbench: {message}")
    assert err.count("\n") == 1
    assert Store(tmp_path / "r").keys() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("local:0", "expected a number of worker processes, such as local:2"),
        ("local:two", "expected a number of worker processes, such as local:2"),
        ("nonsense", "no dask scheduler answers there: missing port number in address 'nonsense'"),
        ("tcp://127.0.0.1:9", "no dask scheduler answers there: "),
    ],
)
def test_a_wrong_address_is_one_line(tmp_path, grokbench, address, message, monkeypatch):
    monkeypatch.setattr("grokbench.runs.cluster.CONNECT_SECONDS", 1)
    path = plan_of(FAMILIES, tmp_path).suite.path
    status, out, err = grokbench("run", path, "--results", tmp_path / "results", "--dask", address)
    assert (status, out) == (2, "")
    assert err.startswith(f"grokbench: --dask {address}: {message}")
    assert err.count("\n") == 1


def test_without_distributed_it_says_what_to_install(tmp_path, grokbench, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    path = plan_of(FAMILIES, tmp_path).suite.path
    status, _, err = grokbench("run", path, "--results", tmp_path / "results", "--dask", "local:2")
    message = "--dask local:2: needs dask.distributed: pip install 'grokbench[dask]'"
    assert (status, err) == (2, f"grokbench: {message}\n")


def test_jobs_and_dask_exclude_each_other(tmp_path, grokbench):
    path = plan_of(FAMILIES, tmp_path).suite.path
    assert grokbench("run", path, "--dask", "local:2", "--jobs", 2)[0] == 2


# ---------------------------------------------------------------- what dies


@pytest.fixture(scope="module")
def sleepers(tmp_path_factory):
    """Six runs of a second each, and their results on this machine."""
    folder = tmp_path_factory.mktemp("sleepers")
    include(SABOTEURS)
    plan = plan_of(SLEEPERS, folder)
    assert carry_out(plan, folder / "here", jobs=2)
    write_report(folder / "here")
    return plan, folder / "here"


def test_a_foreman_killed_costs_its_run_a_second_start(sleepers, cluster, tmp_path):
    plan, results = sleepers
    victims = []

    def kill() -> None:
        wait_until(lambda: has_a_run(cluster.workers[0]), 30)
        victims.extend(descendants(cluster.workers[0]))
        victims[0].kill()

    assert on_cluster(plan, tmp_path, cluster.address, Trigger(kill, after=2, at="started"))
    assert_same_tables(tmp_path, results)
    wait_until(lambda: gone(victims), 30)


def test_a_worker_killed_costs_its_run_a_second_start_elsewhere(sleepers, cluster, tmp_path):
    plan, results = sleepers
    extra = cluster.add_worker("doomed")
    wait_until(lambda: "Registered to" in (cluster.folder / "workerdoomed" / "log").read_text(), 30)
    victims = []

    def kill() -> None:
        wait_until(lambda: has_a_run(extra), 30)
        victims.extend(descendants(extra))
        extra.kill()
        extra.wait()

    assert on_cluster(plan, tmp_path, cluster.address, Trigger(kill, after=3, at="started"))
    assert_same_tables(tmp_path, results)
    assert len(victims) >= 4
    wait_until(lambda: gone(victims), 30)


def test_the_scheduler_killed_is_one_line_and_the_same_command_goes_on(sleepers, tmp_path, grokbench, monkeypatch):
    plan, results = sleepers
    path = plan.suite.path
    with cluster_of(tmp_path / "cluster", 1) as doomed:
        killer = Trigger(doomed.scheduler.kill, after=2, at="finished")
        monkeypatch.setattr("grokbench.cli.display.Lines", lambda total: killer)
        command = ("compare", path, "--results", tmp_path / "results", "--include", SABOTEURS)
        status, _, err = grokbench(*command, "--dask", doomed.address)
    assert status == 1
    gone_ = f"the dask scheduler at {doomed.address} is gone"
    assert err == f"grokbench: {gone_}; what has finished is stored, the same command goes on from here\n"
    kept = {key: (tmp_path / "results" / "runs" / key / "run.json").stat().st_mtime_ns for key in killed_keys(tmp_path)}
    assert 2 <= len(kept) < len(plan.specs)
    monkeypatch.undo()
    assert grokbench(*command, "--jobs", 2, "--quiet") == (0, "", "")
    assert_same_tables(tmp_path / "results", results)
    for key, stamp in kept.items():
        assert (tmp_path / "results" / "runs" / key / "run.json").stat().st_mtime_ns == stamp


def killed_keys(tmp_path: Path) -> list[str]:
    return Store(tmp_path / "results").keys()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills")
def test_when_the_client_is_killed_the_workers_stop(cluster, tmp_path):
    include(SABOTEURS)
    path = plan_of(FOR_EVER, tmp_path).suite.path
    command = ["run", path, "--results", tmp_path / "results", "--dask", cluster.address, "--include", SABOTEURS]
    client = subprocess.Popen([sys.executable, "-m", "grokbench", *map(str, command), "--quiet"])
    wait_until(lambda: all(map(has_a_run, cluster.workers)), 30)
    client.kill()
    client.wait()
    wait_until(lambda: not any(descendants(worker) for worker in cluster.workers), 30)


def test_two_interruptions_stop_at_once_here_and_there(cluster, tmp_path):
    include(SABOTEURS)
    plan = plan_of(FOR_EVER, tmp_path)
    started = time.monotonic()
    assert not on_cluster(plan, tmp_path / "results", cluster.address, Impatient(after=2, presses=2, at="started"))
    assert time.monotonic() - started < 30
    assert Store(tmp_path / "results").keys() == []
    wait_until(lambda: not any(descendants(worker) for worker in cluster.workers), 30)  # long before the time limit
