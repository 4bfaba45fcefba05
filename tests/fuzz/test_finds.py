"""What fuzzing and reading found, each shrunk to the smallest input that did it."""

import json
import os
import subprocess
import sys

import pytest
import support_folders
from support_folders import CELLS as SMALL
from support_watch import answer

from grokbench.errors import LONGEST_LINE, OptionError, one_line, printable, shown
from grokbench.runs.store import Store
from grokbench.suites.suite import load_suite
from grokbench.tables.text import csv_lines, escape

SUITES = {
    # traceback: ValueError of int(), which is no TOMLDecodeError
    "a number of 5000 digits": ("seeds = " + "9" * 5000 + SMALL, "not valid TOML"),
    # traceback: the number is read, but Python refuses to print it in the message
    "a hexadecimal number of 5000 digits": ("seeds = 0x" + "f" * 5000 + SMALL, "seeds = a value of type int: expected"),
    # traceback: OverflowError in math.isfinite
    "a budget beyond floats": (SMALL.replace("50", "1" + "0" * 400), "expected a whole number of at most 64 bits"),
    # traceback: RecursionError in tomllib
    "endless nesting": ("title = " + "[" * 5000, "not valid TOML"),
    "deep nesting": (SMALL + "kernel = " + "[" * 50 + "]" * 50, "expected lists nested at most 16 deep"),
    # no end: every divisor of p, every number up to the next prime, a table of p squared
    "a huge modulus": (
        SMALL.replace("5\n", f"{10**18}\noperation = 'x/y'\n", 1),
        "expected a whole number between 2 and 5000",
    ),
    # no end, no memory: 2 ** (n_bits - 1)
    "a huge number of bits": (
        SMALL.replace('"modular"', '"parity"').replace("modulus = 5", f"n_bits = {10**15}"),
        "n_bits = 1000000000000000: expected at most 50000",
    ),
    # no end: the product of axes was made before anybody counted it
    "axes beyond counting": (
        SMALL.replace("5\n", f"{list(range(5, 999))}\nlabel_noise = {[0] * 994}\n", 1),
        "its axes have 988,036 points; expected at most 10,000",
    ),
    "seeds beyond counting": ("seeds = 10_000_000" + SMALL, "more than 1,000,000 runs"),
    # traceback: a date has no JSON
    "a date": ("title = 2020-01-01" + SMALL, "title = datetime.date(2020, 1, 1): expected"),
    "a file of megabytes": ("#" * 2**20 + SMALL, "larger than any suite (at most 1,048,576 bytes)"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "fragment"), SUITES.values(), ids=SUITES.keys())
def test_a_suite_that_was_a_traceback_or_had_no_end(tmp_path, text, fragment):
    path = tmp_path / "suite.toml"
    path.write_text(text, encoding="utf-8")
    status, _, err = answer(tmp_path / "results", "compare", path, "--dry-run")
    assert status == 2
    assert fragment in err


@pytest.mark.parametrize("title", ["[/red]", "[bold", "a\\u001b[31mb", "a\\nb"])
def test_a_title_is_no_markup_and_no_terminal_command(tmp_path, title):
    path = tmp_path / "suite.toml"
    path.write_text(f'title = "{title}"' + SMALL, encoding="utf-8")
    status, out, _ = answer(tmp_path / "results", "compare", path, "--dry-run", "--results", tmp_path / "results")
    assert status == 0
    assert title.replace("\\u001b", "\\x1b").replace("\\n", " ") in out


def test_a_suite_from_an_editor_that_begins_files_with_a_mark(tmp_path):
    path = tmp_path / "suite.toml"
    path.write_text("title = 'T'" + SMALL, encoding="utf-8-sig")
    assert load_suite(str(path)).title == "T"


@pytest.mark.parametrize("name", ["...toml", "..toml"])
def test_a_suite_called_dots_does_not_lead_out_of_results(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(SMALL, encoding="utf-8")
    status, _, err = answer(tmp_path / "results", "compare", name)
    assert status == 2
    assert "a suite file needs a name before .toml" in err
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("verb", ["compare", "show", "report", "detect", "check"])
def test_a_name_that_no_file_system_takes(tmp_path, verb):
    status, _, err = answer(tmp_path, verb, "a/" + "x" * 5000 + ".toml")
    assert status == 2
    assert len(err) < 2 * LONGEST_LINE


KEYED = "key,time,train_accuracy,test_accuracy\na,0,0,0\na,1,1,1\n"
LOGS = {
    # traceback: IndexError, because numbers of more than 64 bits are an object column without a wrong cell
    "huge whole numbers": (f"time,train_accuracy,test_accuracy\n{2**70},0,0\n{2**71},1,1\n", None),
    # traceback: the runs.csv beside it has texts, infinite classes, no chance
    "runs.csv with texts": (KEYED, "key,chance,n_classes\na,x,y\n"),
    "runs.csv without end": (KEYED, "key,chance,n_classes\na,0,inf\n"),
    "runs.csv that is no text": (KEYED, "\udcff\0"),
}  # fmt: skip


@pytest.mark.parametrize(("log", "beside"), LOGS.values(), ids=LOGS.keys())
def test_a_log_that_was_a_traceback(tmp_path, log, beside):
    (tmp_path / "log.csv").write_text(log, encoding="utf-8")
    if beside:
        (tmp_path / "runs.csv").write_bytes(beside.encode("utf-8", "surrogateescape"))
    status, *_ = answer(tmp_path, "detect", tmp_path / "log.csv", "--classes", 4)
    assert status == 0


TIMES = {  # the ratio of two times overflowed; so did the difference of two skills
    "times beyond ratios": (
        "2e-309,0,0,0\n1e300,1,0,0\n1e301,1,0,0\n1e302,1,0,0\n",
        "times must lie between 1e-150 and 1e+150",
    ),
    "skills beyond differences": ("1,0,0,-1e308\n2,1,0,1e308\n3,1,0,1e308\n4,1,0,-inf\n", ""),
}


@pytest.mark.parametrize(("rows", "fragment"), TIMES.values(), ids=TIMES.keys())
def test_a_log_whose_arithmetic_overflowed(tmp_path, rows, fragment):
    (tmp_path / "log.csv").write_text(f"time,train_accuracy,test_accuracy,skill\n{rows}", encoding="utf-8")
    status, _, err = answer(tmp_path, "detect", tmp_path / "log.csv", "--classes", 4)
    assert status == (2 if fragment else 0)
    assert fragment in err


def forge(results, change=lambda record: None, text: str | None = None) -> str:
    """A results folder whose first run is forged, with hashes that fit; returns its key."""
    support_folders.fill(results)
    record, curve = (
        json.loads(json.dumps(support_folders.RUNS[0][0])),
        support_folders.RUNS[0][1] if text is None else text,
    )
    change(record)
    return support_folders.put(results, support_folders.sealed(record, curve), curve).name


FORGED = {
    "no environment": lambda record: record.update(environment=None),
    "no family, but a list": lambda record: record.update(family=["neural"]),
    "a seed that is a text": lambda record: record["config"].update(seed="0"),
    "a negative seed": lambda record: record["config"].update(seed=-1),
    "labels that are a table": lambda record: record["config"].update(task_options=[]),
    "given options that are a list": lambda record: record.update(learner_given=["a"]),
    "a chance without a number": lambda record: record.update(chance="half"),
    "a unit without a chance": lambda record: record.pop("chance"),
    "a unit of 0": lambda record: record.update(unit=0),
    "seconds that are a text": lambda record: record.update(cpu_seconds="1"),
    "an error that is a number": lambda record: record.update(error=1),
    "classes beyond 64 bits": lambda record: record.update(n_classes=2**64),
    "nesting": lambda record: record.update(task_given={"a": json.loads("[" * 50 + "]" * 50)}),
}


@pytest.mark.parametrize("verb", ["report", "show", "compare"])
@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED.keys())
def test_a_record_of_another_shape_is_put_aside(tmp_path, change, verb):
    results = tmp_path / "results"
    key = forge(results, change)
    (tmp_path / "small.toml").write_text(SMALL, encoding="utf-8")
    arguments = {
        "report": ("report", results),
        "show": ("show", key, "--results", results),
        "compare": ("compare", tmp_path / "small.toml", "--seeds", 1, "--jobs", 0, "--results", results),
    }
    status, _, err = answer(results, *arguments[verb])
    assert status == (2 if verb == "show" else 0)
    assert f"run {key} does not check out" in err
    assert [path.name[:20] for path in (results / "quarantine").iterdir()] == [key]


CURVES = {
    "a cell of 200,000 characters": "time\n" + "1" * 200_000,  # traceback: csv.Error is no ValueError
    "other columns": "time,train_accuracy\n0,1\n",
    "a column twice": support_folders.RUNS[0][1].replace("skill", "time"),
    "an infinite time": support_folders.RUNS[0][1].replace("\n2,", "\ninf,"),
    "empty": "",
    "a NUL": "\0",
}


def test_a_run_without_its_seconds_is_a_run(tmp_path):
    key = forge(tmp_path, lambda record: record.pop("cpu_seconds"))
    assert answer(tmp_path, "report", tmp_path)[0] == 0
    assert key in (tmp_path / "runs.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", CURVES.values(), ids=CURVES.keys())
def test_a_curve_of_another_shape_is_put_aside(tmp_path, text):
    key = forge(tmp_path, text=text)
    status, _, err = answer(tmp_path, "report", tmp_path)
    assert status == 0
    assert f"run {key} does not check out" in err


NOTES = ("[]", "{", "[" * 100_000, '{"title": 1}', '{"comparisons": 1}', '{"comparisons": [["a"]]}', '{"learners": []}')


@pytest.mark.parametrize("note", NOTES)
def test_a_note_of_another_shape_is_not_used(tmp_path, note):
    support_folders.fill(tmp_path)
    (tmp_path / "suite.json").write_text(note, encoding="utf-8")
    status, _, err = answer(tmp_path, "report", tmp_path)
    assert status == 0
    assert "suite.json is not used" in err


@pytest.mark.parametrize("place", ["suite.json", "run.json", "curve.csv"])
def test_a_pipe_in_place_of_a_file_does_not_wait_for_ever(tmp_path, place):
    run = support_folders.fill(tmp_path)[0]
    path = tmp_path / place if place == "suite.json" else run / place
    path.unlink()
    os.mkfifo(path)
    status, _, err = answer(tmp_path, "report", tmp_path)
    assert status == 0
    assert "is not a regular file" in err


@pytest.mark.parametrize("place", ["the run", "run.json", "curve.csv", "quarantine"])
def test_a_link_does_not_lead_out_of_the_results_folder(tmp_path, place):
    results, outside = tmp_path / "results", tmp_path / "outside"
    run = support_folders.fill(results)[0]
    outside.mkdir()
    if place == "quarantine":
        (results / "quarantine").symlink_to(outside)
        (run / "run.json").write_text("{}", encoding="utf-8")
    else:
        inside = run if place == "the run" else run / place
        os.rename(inside, outside / "moved")
        inside.symlink_to(outside / "moved")
    before = sorted(outside.rglob("*"))
    status, _, err = answer(results, "report", results)
    assert status == 0
    assert f"run {run.name} does not check out" in err
    assert sorted(outside.rglob("*")) == before
    assert run.name not in (results / "runs.csv").read_text(encoding="utf-8")


def test_the_results_folder_itself_may_be_a_link(tmp_path):
    """To another disk, say: that is the user's choice, and everything below it is inside."""
    support_folders.fill(tmp_path / "disk")
    (tmp_path / "results").symlink_to(tmp_path / "disk")
    status, *_ = answer(tmp_path / "disk", "report", tmp_path / "results")
    assert status == 0
    assert len(Store(tmp_path / "results").keys()) == 4


def test_halves_of_characters_are_written_as_numbers(tmp_path):
    """A learner's error may quote a file name that is no UTF-8; no table can hold it, and none may fail for it."""
    key = forge(tmp_path, lambda record: record.update(error="no file \udcff", traceback="\udcff", status="failed"))
    assert answer(tmp_path, "report", tmp_path)[0] == 0
    assert "no file \\udcff" in (tmp_path / "runs.csv").read_text(encoding="utf-8")
    for arguments in (("show", key), ("show", "--json", key)):
        status, out, _ = answer(tmp_path, *arguments, "--results", tmp_path)
        assert status == 0
        assert "\\udcff" in out


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_without_the_characters_of_a_table(tmp_path, encoding):
    """ "≥ 1.5" could not be encoded: the report was written, but its summary was a traceback."""
    support_folders.fill(tmp_path)
    command = [sys.executable, "-m", "grokbench", "report", str(tmp_path)]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "COLUMNS": "180"}
    done = subprocess.run(command, capture_output=True, timeout=120, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u2265 1." in done.stdout


@pytest.mark.parametrize("text", ["=1+1", "+1", "-cmd", "@SUM(A1)"])
def test_no_text_is_a_formula_to_a_spreadsheet(text):
    assert list(csv_lines(["a", "b"], [{"a": text, "b": -1.5}], 6)) == ["a,b\n", f"'{text},-1.5\n"]


def test_markdown_of_names():
    assert escape("<b>|`a`|</b>") == "&lt;b>\\|\\`a\\`\\|&lt;/b>"
    assert escape("[a](http://x) [a]: b ![c][d]") == "\\[a\\](http://x) [a\\]: b ![c\\][d]"
    assert escape("__a__ weight_decay") == "\\_\\_a\\_\\_ weight_decay"
    assert escape("mlp(hidden=[8, 8], weight_decay=0.5)") == "mlp(hidden=[8, 8], weight_decay=0.5)"
    assert [escape(text) for text in ("-0.02", "- a", "# a", "1. a")] == ["-0.02", "\\- a", "\\# a", "1\\. a"]
    assert escape(">1") == "\\>1"  # a quotation, though a sign before a digit is none of a list


def test_texts_on_one_line():
    assert one_line("a\nb\r\nc\u2028d\x1b[31m\0é") == "a b c d\\x1b[31m\\x00é"
    assert printable("a\nb\t\u202e\ud800") == "a\nb\\t\\u202e\\ud800"
    long = one_line("x" * 10_000 + "end")
    assert len(long) <= LONGEST_LINE
    assert long.endswith("end")
    assert shown(16**5000) == "a value of type int"
    assert len(str(OptionError("a", "x" * 10_000, "less"))) < 200
