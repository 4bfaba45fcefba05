"""Every fault by itself: nothing stored lost, no half table, a true status, and after a resume as if nothing was."""

import contextlib
import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from multiprocessing import forkserver
from pathlib import Path

import pytest
from support_bed import SUITE, Bed
from support_processes import kill_session, living, wait_until
from support_runs import Trigger

from grokbench.cli.display import Lines
from grokbench.curves.run import FINISHED
from grokbench.errors import UsageError
from grokbench.runs import store as store_module
from grokbench.runs.execute import Interruption, Watch, execute
from grokbench.runs.process import Limits
from grokbench.runs.store import Store

pytestmark = [pytest.mark.faults, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]
FAULTY_RUNS, RUNS = 6, 9


IN_FULL_ONLY = {
    *(f"garbage: {name}" for name in ("nothing", "no checkpoint", "no numbers", "no status", "length of gigabytes")),
    *("abort", "stop", "hoard crumbs", "loky", "started-3", "fork and end", "print", "64"),
    *(f"{n}-{number}" for n in (0, 1, 2, 5, 12, 19, 20, 24, 28) for number in (errno.EROFS, errno.EIO, errno.EDQUOT)),
    *(f"{n}-{errno.ENOSPC}" for n in (1, 5, 12, 20, 28)),
    *("8", "12", "20", "44", "False-2", "True-3", "finished-4", "joblib", "subprocess"),
    *("infinite-diverged", "text-done", "rows-failed", "none-failed", "garbage: number"),
    *(f"{n}-{errno.ENOSPC}" for n in (0, 19)),
}


@pytest.fixture(autouse=True)
def short_or_full(request):
    """``--full`` injects every variant of every fault; otherwise one of each kind."""
    call = getattr(request.node, "callspec", None)
    if call and call.id in IN_FULL_ONLY and not request.config.getoption("--full", False):
        pytest.skip("in full only")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The tables of a suite to which nothing happened."""
    bed = Bed(tmp_path_factory.mktemp("undisturbed"))
    assert bed.inside() == 0
    return bed.tables()


@pytest.fixture
def bed(tmp_path):
    return Bed(tmp_path / "bed")


def assert_recovers(bed: Bed, undisturbed, *more: object) -> None:
    """The same command again, with nothing in its way, ends as if nothing had been."""
    bed.fault(None)
    bed.assert_whole()
    assert bed.inside("compare", *more) == 0
    assert bed.tables() == undisturbed
    bed.assert_whole()
    bed.assert_tidy()


# ---------------------------------------------------------------- what a run does

FATAL = {
    "kill": ("crashed", "killed by SIGKILL (out of memory?)"),
    "segv": ("crashed", "killed by SIGSEGV"),
    "abort": ("crashed", "killed by SIGABRT"),
    "raise": ("failed", "ZeroDivisionError: division by zero"),
    "die before a child": ("crashed", "process ended with exit status 7"),
    "garbage: noise": ("crashed", "its pipe carried something that is no report of grokbench's"),
}
FATAL_IN_FULL = {
    f"garbage: {name}": FATAL["garbage: noise"]
    for name in (
        "number",
        "nothing",
        "no checkpoint",
        "no numbers",
        "no status",
        "depth",
        "half a line",
        "length of gigabytes",
        "no end of it",
    )
}


@pytest.mark.parametrize("deed", [*FATAL, *FATAL_IN_FULL])
def test_a_run_that_dies_is_a_row_and_is_done_again_on_demand(bed, undisturbed, deed):
    bed.fault(deed)
    assert bed.inside() == 1
    records = [run.record for run in bed.store.read_all()]
    expected = {**FATAL, **FATAL_IN_FULL}[deed]
    faulty = [(r["status"], r["error"]) for r in records if r["config"]["learner"] == "faulty"]
    assert faulty == [expected] * FAULTY_RUNS
    assert [r["status"] for r in records if r["config"]["learner"] != "faulty"] == ["done"] * 3
    assert_recovers(bed, undisturbed, "--retry")


@pytest.mark.parametrize("deed", ["hang", "stop"])
def test_a_run_that_hangs_is_stopped_by_the_time_limit(bed, undisturbed, deed):
    bed.fault(deed)
    assert bed.inside("compare", "--set", "time_limit_s=3", jobs=6) == 1
    errors = [run.record["error"] for run in bed.store.read_all() if run.record["config"]["learner"] == "faulty"]
    assert errors == ["time limit of 3 s; reached 4"] * FAULTY_RUNS
    assert_recovers(bed, undisturbed, "--retry")


@pytest.mark.parametrize("deed", ["hoard", "hoard crumbs"])
def test_a_run_that_wants_more_than_its_memory_limit_has_failed(bed, undisturbed, deed):
    bed.fault(deed)
    assert bed.inside("compare", "--memory-limit", 100) == 1
    faulty = [r.record for r in bed.store.read_all() if r.record["config"]["learner"] == "faulty"]
    assert {r["status"] for r in faulty} == {"failed"}
    assert all("MemoryError" in r["error"] and r["error"].endswith("(memory limit of 100 MB)") for r in faulty)
    assert all(r["peak_memory_mb"] < 1500 for r in faulty)  # most of it is the baseline
    assert_recovers(bed, undisturbed, "--retry")


@pytest.mark.parametrize(("limit", "status"), [(150, 1), (300, 0)])
def test_the_memory_limit_counts_from_what_is_loaded_before_the_run(bed, limit, status):
    bed.fault("200 MB")
    assert bed.inside("compare", "--memory-limit", limit) == status


HARMLESS = [
    "print",
    "randomness",
    "clock back",
    "fork and end",
    "fork and stay",
    "fork and go on",
    "subprocess",
    "pool",
]


@pytest.mark.parametrize("deed", [*HARMLESS, "joblib", "loky"])
def test_a_run_that_is_only_strange_changes_nothing(bed, undisturbed, deed):
    bed.fault(deed)
    started = time.monotonic()
    assert bed.inside() == 0
    assert time.monotonic() - started < 60  # and waits for no child that a run has left
    assert bed.tables() == undisturbed
    assert_recovers(bed, undisturbed)


@pytest.mark.parametrize("deed", ["fork and stay", "die before a child", "subprocess"])
def test_what_a_run_has_started_ends_with_it(bed, deed):
    bed.fault(deed)
    bed.inside()
    groups = {int(process) for what, _, process, _ in bed.logged() if what == "deed"}
    assert len(groups) == FAULTY_RUNS
    wait_until(lambda: not living("group", groups), 10)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("nan", "diverged"),
        ("infinite", "diverged"),
        ("constant", "done"),
        ("shape", "failed"),
        ("rows", "failed"),
        ("text", "done"),  # of digits: they can be read as numbers, and are
        ("none", "failed"),
    ],
)
def test_an_answer_that_cannot_be_used_is_a_status(bed, undisturbed, answer, status):
    bed.fault(answer)
    assert bed.inside() == (1 if status == "failed" else 0)
    faulty = [run.record for run in bed.store.read_all() if run.record["config"]["learner"] == "faulty"]
    assert [record["status"] for record in faulty] == [status] * FAULTY_RUNS
    if status in FINISHED:  # a result, and kept: only who removes it gets another one
        for record in faulty:
            shutil.rmtree(bed.results / "runs" / record["key"])
    assert_recovers(bed, undisturbed, "--retry")


def test_the_wall_clock_may_be_set_back_and_forth(bed, undisturbed, monkeypatch):
    moments = iter([10.0**9, 0.0, 3e9, -5.0] * 10**6)
    monkeypatch.setattr(time, "time", lambda: next(moments))
    monkeypatch.setattr(time, "time_ns", lambda: int(next(moments) * 1e9))
    bed.fault("clock back")
    assert bed.inside() == 0
    monkeypatch.undo()
    assert bed.tables() == undisturbed


def test_no_decision_rests_on_the_wall_clock():
    package = Path(store_module.__file__).parents[1]
    readers = ("time.time(", "time.time_ns(", "datetime.now(", "date.today(")
    assert [p.name for p in package.rglob("*.py") if any(reader in p.read_text() for reader in readers)] == []


# ---------------------------------------------------------------- the fork server


def forkserver_pid() -> int:
    return forkserver._forkserver._forkserver_pid


class Assassin(Trigger):
    """Kills the fork server at every n-th beginning, or end, of a run."""

    def __init__(self, at: str, n: int):
        super().__init__(self._kill, n, at, again=True)
        self.killed = 0

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, TypeError):
            os.kill(forkserver_pid(), signal.SIGKILL)
            self.killed += 1


@pytest.mark.parametrize(("at", "n"), [("started", 2), ("finished", 4), ("started", 3)])
def test_the_fork_server_is_started_again_and_the_runs_in_progress_go_on(bed, undisturbed, at, n, monkeypatch):
    watch = Assassin(at, n)
    specs = list(bed.plan().specs)[: 2 * n + 1]  # enough for two deaths; each new server imports everything
    with Interruption() as interruption:
        assert execute(specs, bed.store, watch, interruption, 2, Limits(60), (str(bed.learner),))
    assert watch.killed >= 2
    assert set(bed.statuses().values()) == {"done"}
    assert_recovers(bed, undisturbed)


def test_after_the_fork_server_s_death_the_time_limit_still_holds(bed, undisturbed):
    bed.fault("hang")
    specs = [spec for spec in bed.plan().specs if spec.learner.name == "faulty"][:2]
    with Interruption() as interruption:
        assert execute(specs, bed.store, Assassin("started", 2), interruption, 2, Limits(1.0), (str(bed.learner),))
    assert list(bed.statuses().values()) == ["timeout"] * 2
    assert_recovers(bed, undisturbed, "--retry")


# ---------------------------------------------------------------- files


class FullDisk:
    """`_write_durably` that leaves half a file and fails, from the n-th time on."""

    def __init__(self, n: int, number: int = errno.ENOSPC):
        self.n, self.number, self.before = n, number, store_module._write_durably

    def __call__(self, path, text):
        self.n -= 1
        if self.n >= 0:
            return self.before(path, text)
        whole = "".join(text)
        with contextlib.suppress(OSError):
            Path(path).write_text(whole[: len(whole) // 2])
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 6, 13, 20, 21, 25, 29])  # marker, suite.json, nine runs of two files, tables
def test_what_cannot_be_written_costs_only_itself(bed, undisturbed, monkeypatch, capsys, n, number):
    monkeypatch.setattr(store_module, "_write_durably", FullDisk(n, number))
    assert bed.inside() == 2
    error = capsys.readouterr().err
    assert "cannot be written" in error
    assert os.strerror(number) in error
    assert len(error.splitlines()) == 1
    monkeypatch.undo()
    kept = bed.stamps()
    assert len(kept) == min(9, max(0, (n - 2) // 2))
    assert_recovers(bed, undisturbed)
    assert {key: bed.stamps()[key] for key in kept} == kept


@contextlib.contextmanager
def mounted(folder: Path, options: str):
    """A file system of its own; skips where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("may not mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all that is left."""
    path = folder / "filler"
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)
    return path


def test_a_real_full_disk_while_storing(bed, undisturbed, capsys):
    with mounted(bed.results, "size=60k"):
        assert bed.inside() == 2
        assert "No space left on device" in capsys.readouterr().err
        kept = bed.stamps()
        assert 0 < len(kept) < RUNS
        bed.assert_whole()
        subprocess.run(["mount", "-o", "remount,size=10m", bed.results], check=True)
        assert_recovers(bed, undisturbed)
        assert {key: bed.stamps()[key] for key in kept} == kept


def test_a_real_full_disk_while_writing_tables(bed, undisturbed, capsys):
    with mounted(bed.results, "size=10m"):
        assert bed.inside("compare", "--seeds", 2) == 0
        tables = bed.tables()
        assert bed.inside("run") == 0
        filler = fill(bed.results)
        filler.write_bytes(filler.read_bytes()[:-8192])  # room for a beginning
        filler_two = fill(bed.results / "runs")
        assert bed.inside() == 2
        assert "cannot be" in capsys.readouterr().err
        assert bed.tables() == tables  # the old ones, whole
        filler.unlink()
        filler_two.unlink()
        assert_recovers(bed, undisturbed)


def test_a_folder_that_cannot_be_written_is_one_line_and_unchanged(bed, undisturbed, capsys):
    with mounted(bed.results, "size=10m"):
        assert bed.inside("compare", "--seeds", 1) == 0
        before = {path: path.read_bytes() for path in bed.results.rglob("*") if path.is_file()}
        subprocess.run(["mount", "-o", "remount,ro", bed.results], check=True)
        for verb in ("compare", "run"):
            assert bed.inside(verb) == 2
            error = capsys.readouterr().err
            assert error.count("\n") == 1
            assert "Read-only file system" in error
        assert {path: path.read_bytes() for path in bed.results.rglob("*") if path.is_file()} == before
        subprocess.run(["mount", "-o", "remount,rw", bed.results], check=True)
        assert_recovers(bed, undisturbed)


class At(Lines):
    """Does something after the n-th run."""

    def __init__(self, n: int, deed):
        super().__init__(0)
        self.n, self.deed = n, deed

    def finished(self, spec, run):
        self.n -= 1
        if self.n == 0:
            self.deed()


def carry_out(bed: Bed, watch: Watch) -> bool:
    with Interruption() as interruption:
        return execute(list(bed.plan().specs), bed.store, watch, interruption, 2, Limits(60), (str(bed.learner),))


def test_a_folder_that_becomes_read_only_meanwhile(bed, undisturbed):
    with contextlib.ExitStack() as stack:
        watch = At(3, lambda: stack.enter_context(mounted(bed.results, "ro")))
        with pytest.raises(UsageError, match="Read-only file system"):
            carry_out(bed, watch)
    assert len(bed.stamps()) == 3
    assert_recovers(bed, undisturbed)


def test_a_folder_that_vanishes_meanwhile_is_made_again_and_what_is_gone_is_said(bed, undisturbed, monkeypatch, capsys):
    moved, write, count = bed.folder / "taken", Store.write, []

    def write_and_lose(store, run):
        write(store, run)
        count.append(1)
        if len(count) == 4:
            os.rename(bed.results, moved)

    monkeypatch.setattr(Store, "write", write_and_lose)
    assert bed.inside() == 1
    assert "4 of 9 runs are gone" in capsys.readouterr().err
    monkeypatch.undo()
    assert len(bed.stamps()) == RUNS - 4
    assert len(Store(moved).keys()) == 4
    assert [run.record["status"] for run in Store(moved).read_all()] == ["done"] * 4
    assert_recovers(bed, undisturbed)


def test_results_on_another_file_system(bed, undisturbed):
    with mounted(bed.results, "size=10m"):
        assert os.stat(bed.results).st_dev != os.stat(bed.folder).st_dev
        assert bed.inside() == 0
        assert_recovers(bed, undisturbed)


def test_runs_on_another_file_system_are_put_aside_there(bed, undisturbed):
    bed.results.mkdir()
    with mounted(bed.results / "runs", "size=10m") as elsewhere:
        assert bed.inside() == 0
        key = bed.store.keys()[0]
        (elsewhere / key / "run.json").write_text("{}")
        with pytest.warns(UserWarning, match=f"run {key} does not check out .*moved to .*/runs/.quarantine.{key}"):
            assert bed.store.status(key) is None
        assert len(list(elsewhere.glob(f".quarantine.{key}*"))) == 1
        assert_recovers(bed, undisturbed)
        assert len(list(elsewhere.glob(f".quarantine.{key}*"))) == 1


@pytest.mark.parametrize("files", [64, 44, 28])
def test_few_files_mean_fewer_runs_at_a_time(bed, undisturbed, files):
    limits = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))}
    process = bed.apart("run", jobs=12, **limits)
    _, error = process.communicate(timeout=300)
    assert (process.returncode, error) == (0, "")
    assert_recovers(bed, undisturbed)


@pytest.mark.parametrize("files", [8, 12, 16, 20])
def test_too_few_files_for_one_run_are_one_line(bed, undisturbed, files):
    limits = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))}
    process = bed.apart("run", jobs=2, **limits)
    _, error = process.communicate(timeout=300)
    assert process.returncode in (0, 2)
    assert process.returncode == 0 or error.count("\n") == 1, error
    kill_session(process)
    assert_recovers(bed, undisturbed)


# ---------------------------------------------------------------- several processes on one folder


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.parametrize("killed", [False, True])
def test_several_processes_share_the_runs_of_a_folder(tmp_path, processes, killed):
    text = SUITE.replace('label = ["a", "b"]', 'label = ["a", "b"]\nseconds = 0.02')
    reference, bed = Bed(tmp_path / "reference", text), Bed(tmp_path / "bed", text)
    assert reference.inside() == 0
    others = [bed.forked(jobs=1) for _ in range(processes)]
    if killed:
        wait_until(lambda: len(bed.store.keys()) >= 2)
        others[0].kill()
    for process in others[killed:]:
        process.join(300)
        assert process.exitcode == 0, (bed.folder / "errors").read_text()
    done = bed.times_done()
    assert len(done) == FAULTY_RUNS
    assert all(len(times) == 1 for times in done.values())  # none was done twice, at any time
    assert bed.tables() == reference.tables()
    bed.assert_tables_are_those_of_a_report_from_scratch()
    bed.assert_tidy()


def test_a_process_waits_for_a_run_that_another_has_and_takes_it_over_if_that_dies(tmp_path):
    bed = Bed(tmp_path / "bed")
    bed.fault("hang")
    first = bed.forked("run", "--only", "faulty", "--seeds", 1, jobs=2)
    wait_until(lambda: bed.log.exists() and bed.log.read_text().count("deed") == 2)
    bed.fault(None)
    second = bed.forked("run", "--seeds", 1, jobs=1)
    wait_until(lambda: len(bed.store.keys()) == 1)  # works on others first
    second.join(1)
    assert second.is_alive()
    first.kill()
    second.join(120)
    assert second.exitcode == 0
    assert sorted(bed.statuses().values()) == ["done"] * 3
