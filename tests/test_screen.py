"""What people see: no text of a suite, a record or a log can steer their terminal, and no screen is too narrow."""

import errno
import io
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from conftest import SABOTEURS
from support_runs import ONE_TASK, carry_out, plan_of

from grokbench import cli
from grokbench.cli.display import Bar, Lines, show_table
from grokbench.cli.layout import fitted
from grokbench.cli.screen import Screen
from grokbench.registry import tables
from grokbench.runs.store import Store
from grokbench.tables.base import Column

EVIL = "\x1b]0;PWNED\x07\x1b[2J\u202ex\r\n[4/4] all good\u2028grokbench: warning: none\x9b31m"
SUITE = ONE_TASK + '[[learners]]\nname = "kernel_flow"\nbudget = 5\n'


def assert_harmless(text):
    assert all(c.isprintable() or c == "\n" for c in text), [c for c in text if not c.isprintable()][:5]
    for line in text.splitlines():
        assert not line.startswith(("[4/4]", "grokbench: warning: none"))


def toml(text):
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\u{ord(c):04x}" for c in text) + '"'


@pytest.fixture
def evil_run(tmp_path):
    """A spec and a run of it, with names and errors that would steer a terminal."""
    text = SUITE.replace("modulus = 5", f"modulus = 5\nid = {toml(EVIL)}").replace(
        '"kernel_flow"', f'"kernel_flow"\nid = {toml(EVIL)}'
    )
    plan = plan_of(text, tmp_path)
    assert carry_out(plan, tmp_path / "results", jobs=0)
    (run,) = Store(tmp_path / "results").read_all()
    run = replace(run, record={**run.record, "status": "failed", "error": EVIL, "traceback": EVIL})
    Store(tmp_path / "results").write(run)
    return plan.specs[0], run


@pytest.mark.parametrize("kind", [lambda: Lines(1), lambda: Bar(1, 1)], ids=["lines", "bar"])
def test_progress(evil_run, monkeypatch, kind):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with kind() as watch:
        watch.started(evil_run[0])
        watch.finished(*evil_run)
        watch.interrupted()
    assert "PWNED" in stream.getvalue()
    assert_harmless(stream.getvalue())


@pytest.mark.parametrize(
    "arguments",
    [
        ["compare", "{suite}", "--dry-run"],
        ["run", "{suite}", "--retry", "--jobs", "0", "--results", "{results}"],
        ["compare", "{suite}", "--jobs", "0", "--results", "{results}"],
        ["report", "{results}"],
        ["show", "{key}", "--results", "{results}"],
        ["show", "{suite}"],
        ["run", "{suite}", "--only", EVIL],
        ["run", "{suite}", "--set", f"tasks.{EVIL}.modulus=x"],
        ["run", EVIL],
        ["show", EVIL],
        ["list", EVIL],
        [EVIL],
        ["compare", "--" + EVIL.replace("\0", "")],
        ["check", EVIL],
        ["detect", "{log}", "--classes", "5", "--series", "run"],
        ["detect", "{log}", "--classes", "5", "--time", EVIL],
        ["detect", EVIL],
    ],
    ids=lambda arguments: arguments[0][:7],
)
def test_every_verb(tmp_path, evil_run, monkeypatch, capfd, arguments):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f'{t},1,{0.1 if t < 5 else 1},"{EVIL}"\n' for t in range(12))
    (tmp_path / "log.csv").write_text(f"time,train_accuracy,test_accuracy,run\n{rows}", newline="")
    names = {
        "suite": tmp_path / "suite.toml",
        "results": tmp_path / "results",
        "key": evil_run[1].key,
        "log": "log.csv",
    }
    with pytest.raises(SystemExit):
        cli.main([argument.format(**names) if argument[0] == "{" else argument for argument in arguments])
    out, err = capfd.readouterr()
    assert out + err
    assert_harmless(out)
    assert_harmless(err)


def test_a_table_of_anything(capsys):
    show_table(EVIL, {"a": EVIL, "[red]b": "[bold]b"}, [{"a": EVIL, "[red]b": "[link=x]"}], whole=EVIL)
    out = capsys.readouterr().out
    assert_harmless(out)
    assert "[bold]b" in out


# ---------------------------------------------------------------- widths


WORDS = [{"task": "modular", "learner": "mlp(weight_decay=0.5)", "note": "a longer text of many words", "p": 0.123456}]
HEADINGS = {"task": "task", "learner": "learner", "note": "what it says", "p": "p"}


@pytest.mark.parametrize("width", [40, 50, 60, 80, 100, 180])
def test_words_stay_whole_at_every_width(monkeypatch, capsys, width):
    monkeypatch.setenv("COLUMNS", str(width))
    show_table("title", HEADINGS, WORDS, ranks={"note": 2, "p": 1}, whole="all of it: there")
    out = capsys.readouterr().out
    table, _, left_out = out.partition("left out")
    assert max(map(len, table.splitlines())) <= width
    assert {"mlp(weight_decay=0.5)", "modular"} <= set(re.split(r"[\s│]+", table))
    assert ("what it says" in left_out) == ("longer" not in table)
    assert left_out == "" or left_out.endswith("; all of it: there\n")


def test_the_least_important_columns_go_first():
    texts = {name: [name * 3, "x" * 9] for name in "abcdef"}
    ranks = {"b": 1, "c": 3, "e": 3}
    order = []
    for width in range(90, 5, -1):
        order += [name for name in fitted(texts, ranks, width).left_out if name not in order]
    assert order == ["e", "c", "b", "f"]  # the last two are never left out


@pytest.mark.parametrize("width", [1, 5, 20])
def test_two_columns_are_shown_however_narrow(width):
    layout = fitted({name: ["x" * 50] for name in "abc"}, {}, width)
    assert list(layout.widths) == ["a", "b"]
    assert all(value >= 1 for value in layout.widths.values())


def test_wide_characters_count_twice():
    assert fitted({"a": ["漢字漢字"], "b": ["x"]}, {}, 100).widths == {"a": 8, "b": 1}


@pytest.mark.parametrize(("value", "width"), [("", 180), ("0", 180), ("x", 180), ("-5", 180), ("1e3", 180), ("90", 90)])
def test_where_there_is_no_terminal(monkeypatch, capsys, value, width):
    monkeypatch.setenv("COLUMNS", value)
    show_table("", {"a": "a"}, [{"a": "word " * 100}])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= width


@pytest.mark.parametrize("name", ["delays", "prevalence", "comparisons", "explanations"])
def test_tables_say_what_is_important(name):
    columns = [column for column in tables[name].columns if column.heading]
    kept = [column.name for column in columns if column.rank == 0]
    assert 2 <= len(kept) < len(columns)
    assert Column("a", "b").rank == 0


# ---------------------------------------------------------------- streams that nobody reads


class Broken(io.StringIO):
    """A stream on which writing fails in some way."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, text):
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        BrokenPipeError(),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EIO, "the terminal is gone"),
        BlockingIOError(),
        ValueError("I/O operation on closed file"),
    ],
    ids=repr,
)
def test_a_stream_that_fails_ends_no_suite(tmp_path, monkeypatch, error):
    monkeypatch.setattr(sys, "stderr", Broken(error))
    for number, watch in enumerate([Lines(1), Bar(1, 1)]):
        with watch:
            assert carry_out(plan_of(SUITE, tmp_path), tmp_path / str(number), watch, jobs=0)


def test_a_full_pipe_is_not_waited_for_long(monkeypatch):
    monkeypatch.setattr("grokbench.cli.screen.PATIENCE_SECONDS", 0.01)
    reading, writing = os.pipe()
    with open(writing, "w") as stream:
        screen = Screen(stream)
        for _ in range(200):
            screen.line("x" * 500)
        assert 0 < screen.lost < 200
        os.read(reading, 2**16)
        lost = screen.lost
        screen.line("it goes on")
        assert screen.lost == lost
    os.close(reading)


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full"])
@pytest.mark.parametrize("jobs", [0, 1])
def test_streams_that_are_closed_or_full_from_the_start(tmp_path, closed, jobs):
    (tmp_path / "s.toml").write_text(SUITE)
    command = f"{sys.executable} -m grokbench compare s.toml --jobs {jobs} --results r {closed}"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == (2 if closed == ">/dev/full" else 0), done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert len(list(Store(tmp_path / "r").read_all())) == 1
    assert (tmp_path / "s.toml").read_text() == SUITE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r", "s.toml"]


@pytest.mark.slow
@pytest.mark.parametrize("stream", ["stderr", "stdout"])
def test_a_reader_that_goes_away_in_the_middle(tmp_path, stream):
    text = ONE_TASK.replace("seeds = 1", "seeds = 4") + '[[learners]]\nname = "sleeper"\nseconds = 0.05\nbudget = 5\n'
    (tmp_path / "s.toml").write_text(text if "seconds" in SABOTEURS.read_text() else SUITE)
    command = [sys.executable, "-m", "grokbench", "compare", "s.toml", "--jobs", "1", "--results", "r"]
    command += ["--include", str(SABOTEURS)]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(1.0)
    getattr(process, stream).close()
    other = process.stdout if stream == "stderr" else process.stderr
    remainder = other.read().decode()
    other.close()
    assert process.wait(timeout=120) == 0
    assert "Traceback" not in remainder
    assert {run.status for run in Store(tmp_path / "r").read_all()} == {"done"}


@pytest.mark.slow
def test_a_command_that_is_stopped_and_goes_on(tmp_path):
    (tmp_path / "s.toml").write_text(SUITE.replace("seeds = 1", "seeds = 10\ntime_limit_s = 1"))
    command = [sys.executable, "-m", "grokbench", "run", "s.toml", "--jobs", "2", "--results", "r", "--quiet"]
    process = subprocess.Popen(command, cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("r/runs/[0-9a-f]*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGSTOP)
    time.sleep(3)
    process.send_signal(signal.SIGCONT)
    assert process.wait(timeout=120) == 0
    assert [run.status for run in Store(tmp_path / "r").read_all()] == ["done"] * 10
