"""What keeps a run's process from being started, and what is gone before it is looked at."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from multiprocessing import forkserver
from pathlib import Path

import pytest
from conftest import SABOTEURS
from support_runs import ONE_TASK, carry_out, plan_of

from grokbench.errors import UsageError
from grokbench.registry import include
from grokbench.runs import server
from grokbench.runs.execute import Watch
from grokbench.runs.store import Store


def test_a_temporary_folder_too_long_for_a_socket_is_named(monkeypatch):
    def refuse():
        raise OSError("AF_UNIX path too long")  # as socket.bind does, of a path beyond 107 bytes

    monkeypatch.setattr(forkserver, "ensure_running", refuse)
    with pytest.raises(UsageError, match="TMPDIR"):
        server.running()


TINY = """
seeds = 3
points_per_decade = 5
[[tasks]]
name = "modular"
modulus = 5
[[learners]]
name = "kernel_flow"
budget = 3
"""


class Chattering(Watch):
    """Does something each time a run is started or finished, before the command looks at it."""

    def __init__(self, deed, at="started"):
        self.deed, self.at = deed, at

    def started(self, spec):
        if self.at == "started":
            self.deed()

    def finished(self, spec, run):
        if self.at == "finished":
            self.deed()


def statuses(results):
    return sorted(run.status for run in Store(results).read_all())


def late(monkeypatch, name, seconds=1.5, after=lambda: None):
    """A function of `os` that comes when the run is long over, because the command was not scheduled for a while."""
    real = getattr(os, name)

    def patched(*arguments):
        time.sleep(seconds)
        after()
        return real(*arguments)

    monkeypatch.setattr(os, name, patched)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="Linux has them")
def test_a_run_that_ends_before_it_is_looked_at_is_done(tmp_path, monkeypatch):
    late(monkeypatch, "pidfd_open")
    assert carry_out(plan_of(TINY, tmp_path), tmp_path / "results", included=())
    assert statuses(tmp_path / "results") == ["done"] * 3


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="Linux has them")
@pytest.mark.parametrize(
    ("deed", "status", "error"),
    [
        ("_exit", "crashed", "exit status 3"),
        ("_exit 0", "crashed", "exit status 0"),
        ("kill", "crashed", "SIGKILL"),
        ("abort", "crashed", "SIGABRT"),
        ("raise", "failed", "ZeroDivisionError"),
        ("sys.exit", "failed", "SystemExit"),
    ],
)
def test_one_that_ended_badly_before_it_is_looked_at_says_how(tmp_path, monkeypatch, deed, status, error):
    late(monkeypatch, "pidfd_open")
    learner = f'[[learners]]\nname = "saboteur"\ndeed = "{deed}"\nbudget = 20\n'
    include(SABOTEURS)
    assert carry_out(plan_of(ONE_TASK + learner, tmp_path), tmp_path / "results")
    (run,) = Store(tmp_path / "results").read_all()
    assert (run.status, error in run.record["error"]) == (status, True)
    assert len(run.curve) == 5


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="Linux has them")
def test_its_number_may_be_a_strangers_by_then(tmp_path, monkeypatch):
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    real = os.pidfd_open

    def reused(pid):
        time.sleep(1.5)
        return real(stranger.pid)

    monkeypatch.setattr(os, "pidfd_open", reused)
    assert carry_out(plan_of(TINY, tmp_path), tmp_path / "results", included=(), limit=0.5)
    assert statuses(tmp_path / "results") == ["done"] * 3
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


@pytest.mark.slow
def test_without_handles_it_is_the_same(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    watch = Chattering(lambda: time.sleep(1.2))
    assert carry_out(plan_of(TINY, tmp_path), tmp_path / "results", watch, included=())
    assert statuses(tmp_path / "results") == ["done"] * 3


@pytest.mark.slow
def test_no_file_left_to_look_at_a_run_that_is_over_is_said_in_one_line(tmp_path, monkeypatch):
    def exhausted(pid):
        time.sleep(1.5)
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", exhausted, raising=False)
    with pytest.raises(UsageError, match="no run can be started: Too many open files"):
        carry_out(plan_of(TINY, tmp_path), tmp_path / "results", included=(), jobs=1)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["the sockets", "the logs", "all of it"])
@pytest.mark.parametrize("at", ["started", "finished"])
def test_the_temporary_folder_cleaned_while_a_suite_runs(tmp_path, monkeypatch, what, at):
    folder = Path(tempfile.mkdtemp(prefix="g"))  # short: a socket's path has about 100 characters
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    server.forget()

    def clean():
        names = {"the sockets": "pymp-*", "the logs": "grokbench-*"}
        for path in folder.glob(names.get(what, "*")):
            shutil.rmtree(path, ignore_errors=True)
        if what == "all of it":
            shutil.rmtree(folder, ignore_errors=True)

    try:
        assert carry_out(plan_of(TINY, tmp_path), tmp_path / "results", Chattering(clean, at), included=(), jobs=1)
        assert statuses(tmp_path / "results") == ["done"] * 3
    finally:
        server.forget()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        "raise RuntimeError('a library of another version')",
        "raise SystemExit(3)",
        "raise ImportError('gone')",
        "raise MemoryError",
        "import os; os.abort()",
        "import os; os._exit(0)",
    ],
)
def test_a_fork_server_whose_imports_fail(tmp_path, monkeypatch, capfd, fault):
    (tmp_path / "broken_preload.py").write_text(fault)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH")))))
    monkeypatch.setattr(server, "PRELOAD", "broken_preload")
    server.forget()
    try:
        plan = plan_of(TINY, tmp_path)
        assert carry_out(plan, tmp_path / "results", included=(), jobs=1)
        assert statuses(tmp_path / "results") == ["done"] * 3
    finally:
        server.forget()


@pytest.mark.slow
@pytest.mark.parametrize("library", ["xgboost", "pandas"])
def test_a_library_that_cannot_be_imported_is_the_fault_of_the_runs_that_need_it(tmp_path, monkeypatch, library):
    (tmp_path / f"{library}.py").write_text("raise OSError('lib.so: cannot open shared object file')")
    code = "import grokbench.runs.preload, sys; print('torch' in sys.modules, 'sklearn.svm' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()[0]) == (0, "True"), done.stderr


@pytest.mark.slow
def test_a_command_that_was_stopped_for_longer_than_the_time_limit_blames_no_run(tmp_path):
    include(SABOTEURS)
    learner = '[[learners]]\nname = "saboteur"\ndeed = ["none", "thread"]\nbudget = 20\n'
    plan = plan_of(ONE_TASK + learner, tmp_path)
    watch = Chattering(lambda: stop_this_process(3.0))
    assert carry_out(plan, tmp_path / "results", watch, limit=1.0)
    assert statuses(tmp_path / "results") == ["done", "done"]


@pytest.mark.slow
@pytest.mark.parametrize("deed", ["sleep", "spin", "stop"])
def test_a_run_that_hangs_is_timed_out_in_spite_of_pauses(tmp_path, deed):
    include(SABOTEURS)
    plan = plan_of(ONE_TASK + f'[[learners]]\nname = "saboteur"\ndeed = "{deed}"\nbudget = 20\n', tmp_path)
    assert carry_out(plan, tmp_path / "results", Chattering(lambda: stop_this_process(1.5)), limit=1.0)
    assert statuses(tmp_path / "results") == ["timeout"]


def stop_this_process(seconds):
    """SIGSTOP to this process, and SIGCONT from another after some seconds."""
    os.system(f"(sleep {seconds}; kill -CONT {os.getpid()}) >/dev/null 2>&1 &")
    os.kill(os.getpid(), signal.SIGSTOP)
