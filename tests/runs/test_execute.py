"""Real processes: whatever a run does becomes its row, and takes nothing with it."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import SABOTEURS
from support_processes import kill_session, living, wait_until
from support_runs import FAMILIES, ONE_TASK, Impatient, assert_same_tables, carry_out, plan_of, table

from grokbench.registry import include
from grokbench.report.write import write_report
from grokbench.runs import process as process_module
from grokbench.runs.execute import Interruption, Watch, execute
from grokbench.runs.process import Limits
from grokbench.runs.store import Store

LIMIT_S = 2.0
DEEDS = (
    ONE_TASK
    + """
[[learners]]
name = "lookup"
budget = 20
[[learners]]
name = "saboteur"
deed = [
  "none", "raise", "raise two lines", "sys.exit", "interrupt", "abort", "_exit", "_exit 0", "kill", "spin",
  "hoard at once", "reserve", "print", "print and abort", "draw", "recurse", "thread", "close files",
]
budget = 20
[[learners]]
id = "early"
name = "saboteur"
deed = ["raise", "abort", "sleep"]
where = "begin"
budget = 20
[[learners]]
name = "misfit"
answer = ["nan", "inf", "huge", "shape", "none", "text"]
budget = 20
"""
)


@pytest.fixture(scope="module")
def sabotage(tmp_path_factory):
    """One run of every deed, each in its own process: records and curves by (learner id, deed or answer)."""
    folder = tmp_path_factory.mktemp("sabotage")
    include(SABOTEURS)
    plan = plan_of(DEEDS, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process_module, "LINGER_SECONDS", 0.5)
        started = time.monotonic()
        assert carry_out(plan, folder / "results", limit=LIMIT_S)
    outcomes = {"seconds": time.monotonic() - started, "results": folder / "results"}
    for spec in plan.specs:
        options = spec.learner.options
        name = options.get("deed", options.get("answer", ""))
        outcomes[spec.learner.id, name] = Store(folder / "results").read(spec.key)
    return outcomes


@pytest.mark.parametrize(
    ("run", "status", "error", "checkpoints"),
    [
        (("lookup", ""), "done", "", 21),
        (("saboteur", "none"), "done", "", 21),
        (("saboteur", "raise"), "failed", "ZeroDivisionError: division by zero", 5),
        (("saboteur", "raise two lines"), "failed", "second | <line>", 5),
        (("saboteur", "sys.exit"), "failed", "SystemExit: 5", 5),
        (("saboteur", "interrupt"), "crashed", "process ended with exit status 1", 5),
        (("saboteur", "abort"), "crashed", "killed by SIGABRT", 5),
        (("saboteur", "_exit"), "crashed", "process ended with exit status 3", 5),
        (("saboteur", "_exit 0"), "crashed", "process ended with exit status 0", 5),
        (("saboteur", "kill"), "crashed", "killed by SIGKILL (out of memory?)", 5),
        (("saboteur", "spin"), "timeout", "time limit of 2 s; reached 4", 5),
        (("saboteur", "print"), "done", "", 21),
        (("saboteur", "print and abort"), "crashed", "killed by SIGABRT", 5),
        (("saboteur", "draw"), "done", "", 21),
        (("saboteur", "recurse"), "failed", "RecursionError: maximum recursion depth exceeded", 5),
        (("saboteur", "thread"), "done", "", 21),
        (("early", "raise"), "failed", "ZeroDivisionError: division by zero", 0),
        (("early", "abort"), "crashed", "killed by SIGABRT", 0),
        (("early", "sleep"), "timeout", "time limit of 2 s; reached nothing", 0),
        (("misfit", "nan"), "diverged", "", 5),
        (("misfit", "inf"), "diverged", "", 5),
        (("misfit", "huge"), "diverged", "", 5),
        (("misfit", "shape"), "failed", "ValueError: misfit.scores returned shape (12, 4), expected (12, 5)", 5),
        (("misfit", "none"), "failed", "ValueError: misfit.scores returned shape (), expected (12, 5)", 5),
        (("misfit", "text"), "failed", "ValueError: could not convert string to float: np.str_('0.0x')", 5),
    ],
)
def test_every_deed_is_a_row_with_its_status_and_the_curve_so_far(sabotage, run, status, error, checkpoints):
    stored = sabotage[run]
    assert (stored.record["status"], stored.record["error"]) == (status, error)
    assert list(stored.curve.columns["time"]) == [float(t) for t in range(checkpoints)]
    assert stored.record["family"] == "own"
    assert stored.record["n_train"] == 12


@pytest.mark.skipif(sys.platform != "linux", reason="other systems grant memory that they do not have")
@pytest.mark.parametrize("deed", ["hoard at once", "reserve"])
def test_more_memory_than_there_is_is_a_memory_error(sabotage, deed):
    record = sabotage["saboteur", deed].record
    assert record["status"] == "failed"
    assert "MemoryError: Unable to allocate" in record["error"]


def test_a_run_that_closes_every_file_is_over(sabotage):
    assert sabotage["saboteur", "close files"].record["status"] == "crashed"


def test_the_time_limit_is_hard_and_nothing_waits_for_a_thread_that_never_ends(sabotage):
    timed_out = [run for run in sabotage if "sleep" in run or "spin" in run]
    for run in timed_out:
        assert LIMIT_S <= sabotage[run].record["wall_seconds"] < LIMIT_S + 5
    assert sabotage["seconds"] < 120  # about 15 s; the sleepers alone would be hours


def test_a_failure_keeps_its_traceback_and_a_crash_its_last_words(sabotage):
    assert "in advance" in sabotage["saboteur", "raise"].record["traceback"]
    assert sabotage["saboteur", "raise"].record["traceback"].endswith("ZeroDivisionError: division by zero\n")
    assert sabotage["saboteur", "print and abort"].record["traceback"] == "last words"


def test_what_a_run_used_is_recorded(sabotage):
    for run in (("lookup", ""), ("saboteur", "raise"), ("misfit", "nan")):
        record = sabotage[run].record
        assert 0 < record["cpu_seconds"] < 10
        assert 0 < record["wall_seconds"] < 60
        assert 10 < record["peak_memory_mb"] < 5000
    assert sabotage["lookup", ""].record["environment"]["hash"]


@pytest.mark.slow
def test_runs_do_not_print(tmp_path, capfd):
    include(SABOTEURS)
    plan = plan_of(DEEDS, tmp_path)
    deeds = [s for s in plan.specs if s.learner.options.get("deed") in ("print", "print and abort", "abort", "raise")]
    with Interruption() as interruption:
        execute(deeds, Store(tmp_path / "results"), Watch(), interruption, 2, Limits(LIMIT_S), (str(SABOTEURS),))
    assert capfd.readouterr() == ("", "")


def test_without_processes_a_failure_is_a_row_all_the_same(tmp_path, sabotage):
    include(SABOTEURS)
    text = DEEDS.replace(
        '"none", "raise", "raise two lines", "sys.exit", "interrupt", "abort", "_exit", "_exit 0", ', ""
    )
    text = text.replace('"kill", "spin",', '"none", "raise", "sys.exit",').replace(
        '"hoard at once", "reserve", "print", ', ""
    )
    text = text.replace('"print and abort", "draw", "recurse", "thread", "close files",', "")
    text = text.replace('deed = ["raise", "abort", "sleep"]', 'deed = "raise"')
    plan = plan_of(text, tmp_path)
    assert carry_out(plan, tmp_path / "results", jobs=0)
    for spec in plan.specs:
        inside = Store(tmp_path / "results").read(spec.key)
        options = spec.learner.options
        apart = sabotage[spec.learner.id, options.get("deed", options.get("answer", ""))]
        assert (inside.record["status"], inside.record["error"]) == (apart.record["status"], apart.record["error"])
        assert inside.curve.columns["test_accuracy"] == apart.curve.columns["test_accuracy"]


def test_a_raising_constructor_or_task_is_a_row(tmp_path):
    """Where they raise in the run only: the plan was made, and made its own instances, before."""
    include(SABOTEURS)
    plan = plan_of(ONE_TASK + '[[learners]]\nname = "saboteur"\nbudget = 9', tmp_path)
    spec = plan.specs[0]
    spec.config["learner_options"] = {"deed": "raise", "where": "constructor"}
    assert carry_out(plan, tmp_path / "results", jobs=1)
    run = next(iter(Store(tmp_path / "results").runs.iterdir()))
    assert '"status": "failed"' in (run / "run.json").read_text()


# ---------------------------------------------------------------- the same numbers, however they are made


@pytest.fixture(scope="module")
def families(tmp_path_factory):
    """Every family on two tasks, one process at a time: the plan and its results."""
    folder = tmp_path_factory.mktemp("families")
    plan = plan_of(FAMILIES.replace('tasks = ["parity"]', ""), folder)
    assert carry_out(plan, folder / "results", jobs=1, included=())
    write_report(folder / "results")
    return plan, folder / "results"


@pytest.mark.parametrize("jobs", [0, 2])
def test_the_number_of_jobs_changes_no_byte(families, tmp_path, jobs):
    plan, reference = families
    assert carry_out(plan, tmp_path, jobs=jobs, included=())
    assert_same_tables(tmp_path, reference)
    assert len(table(tmp_path, "curves")) > 100


@pytest.mark.slow
def test_one_interruption_finishes_what_runs_and_starts_nothing(families, tmp_path):
    plan, reference = families
    watch = Impatient(after=3, at="started")
    assert not carry_out(plan, tmp_path, watch, jobs=2, included=())
    assert (watch.begun, watch.heard, len(Store(tmp_path).keys())) == (3, 1, 3)
    unbegun = replace(plan, specs=tuple(spec for spec in plan.specs if spec.key not in Store(tmp_path).keys()))
    assert carry_out(unbegun, tmp_path, jobs=2, included=())
    assert_same_tables(tmp_path, reference)


def test_one_interruption_without_processes_finishes_the_run(tmp_path):
    include(SABOTEURS)
    plan = plan_of(DEEDS, tmp_path)
    assert not carry_out(plan, tmp_path / "results", Impatient(after=1, at="started"), jobs=0)
    assert Store(tmp_path / "results").keys() == [plan.specs[0].key]


LOOKUP_AND_SLEEPERS = (
    ONE_TASK
    + """
[[learners]]
name = "lookup"
budget = 5
[[learners]]
name = "sleeper"
seconds = [60.0, 61.0]
budget = 5
"""
)


@pytest.mark.slow
def test_two_interruptions_stop_at_once_and_keep_what_is_stored(tmp_path):
    include(SABOTEURS)
    plan = plan_of(LOOKUP_AND_SLEEPERS, tmp_path)
    started = time.monotonic()
    assert not carry_out(plan, tmp_path / "results", Impatient(after=1, presses=2), jobs=2)
    assert time.monotonic() - started < 30
    assert Store(tmp_path / "results").keys() == [plan.specs[0].key]


class Alarmed(Watch):
    """Has Ctrl-C pressed twice, one second after a run began; only a signal can speak while it has this process."""

    def started(self, spec):
        signal.alarm(1)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "alarm"), reason="needs SIGALRM")
def test_two_interruptions_reach_a_run_in_this_process(tmp_path):
    include(SABOTEURS)
    plan = plan_of(LOOKUP_AND_SLEEPERS, tmp_path)
    started = time.monotonic()
    before = signal.signal(signal.SIGALRM, lambda *_: [os.kill(os.getpid(), signal.SIGINT) for _ in range(2)])
    try:
        assert not carry_out(plan, tmp_path / "results", Alarmed(), jobs=0)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - started < 30
    assert Store(tmp_path / "results").keys() == [plan.specs[0].key]


def test_ctrl_c_means_what_it_did_before_once_the_work_is_over():
    before = signal.getsignal(signal.SIGINT)
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.count == 1
    assert signal.getsignal(signal.SIGINT) is before


SLEEPERS = """
title = "sleepers"
seeds = 3
[[tasks]]
name = "modular"
modulus = 5
[[learners]]
id = "quick"
name = "sleeper"
seconds = 0.02
budget = 20
[[learners]]
id = "slow"
name = "sleeper"
seconds = 100.0
budget = 20
"""


def start_command(path: Path, results: Path, jobs: int) -> subprocess.Popen:
    """The command line in a session of its own, as a terminal would have it."""
    command = [sys.executable, "-m", "grokbench", "compare", path, "--results", results, "--jobs", jobs]
    return subprocess.Popen(
        [str(part) for part in [*command, "--include", SABOTEURS]],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_runs(process: subprocess.Popen, results: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(Store(results).keys()) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def sleepers(tmp_path: Path):
    include(SABOTEURS)
    return plan_of(SLEEPERS, tmp_path), tmp_path / "suite.toml", tmp_path / "results"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_when_the_parent_is_killed_no_process_survives_and_the_suite_goes_on(tmp_path, grokbench):
    plan, path, results = sleepers(tmp_path)
    process = start_command(path, results, 2)
    wait_for_runs(process, results, 1)
    process.kill()
    process.wait()
    try:
        wait_until(lambda: not living("session", {process.pid}), 30)
    finally:
        kill_session(process)
        process.communicate()
    kept = {key: (results / "runs" / key / "run.json").stat().st_mtime_ns for key in Store(results).keys()}
    assert 0 < len(kept) <= 3
    again = ("compare", path, "--results", results, "--include", SABOTEURS, "--only", "quick", "--quiet")
    assert grokbench(*again) == (0, "", "")
    assert Store(results).keys() == sorted(spec.key for spec in plan.specs if spec.learner.id == "quick")
    for key, stamp in kept.items():
        assert (results / "runs" / key / "run.json").stat().st_mtime_ns == stamp


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends signals to process groups")
def test_ctrl_c_in_a_terminal_reaches_all_processes_and_is_one_line(tmp_path):
    """Here while the fork server is importing: it must not die of it."""
    _, path, results = sleepers(tmp_path)
    process = start_command(path, results, 1)
    while not (results / "suite.json").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "grokbench: interrupted; the same command goes on from here"
    assert len(Store(results).keys()) <= 1
    assert "Traceback" not in out
