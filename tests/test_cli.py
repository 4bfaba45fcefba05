"""The command line: exit statuses, one line for a user's mistake, and nothing heavy before it is needed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SABOTEURS

from grokbench import cli
from grokbench.cli.display import finding
from grokbench.curves.curve import Curve
from grokbench.curves.run import Run
from grokbench.registry import learners, tasks

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "xgboost", "sklearn", "pandas")
TINY = """
title = "Tiny"
seeds = 2

[[tasks]]
id = "add"
name = "modular"
modulus = 5

[[learners]]
name = "kernel_flow"
budget = 50

[[learners]]
name = "lookup"
budget = 30
"""
FAILING = TINY + '\n[[learners]]\nname = "saboteur"\ndeed = ["raise", "none"]\nbudget = 20\n'
INCLUDE = ("--include", SABOTEURS)


@pytest.fixture
def tiny(write_suite, tmp_path):
    """Arguments that choose the tiny suite, its results folder, and no processes."""
    return (write_suite(TINY, "tiny"), "--results", tmp_path / "results", "--jobs", 0, *INCLUDE)


def run_here(*arguments: object, timeout: float = 60) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "grokbench", *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


# ---------------------------------------------------------------- mistakes


MISTAKES = {
    "verb": (["compar"], "no verb 'compar'; did you mean \"compare\"?"),
    "any verb": (
        ["nonsense"],
        "no verb 'nonsense'; valid: compare, run, report, diff, detect, site, list, show, check, doctor",
    ),
    "option": (["compare", "--reslts", "x"], "No such option"),
    "option of the group": (["--verson"], "--version"),
    "argument": (["compare", "smoke", "parity"], "unexpected extra argument (parity)"),
    "missing argument": (["report"], "Missing argument 'RESULTS'"),
    "suite": (["compare", "smok"], "no suite 'smok'; did you mean \"smoke\"?"),
    "suite file": (["compare", "/nowhere/x.toml"], "/nowhere/x.toml: no such suite file"),
    "seeds": (["compare", "--seeds", "0"], "Invalid value for '--seeds'"),
    "jobs": (["compare", "--jobs", "-1"], "Invalid value for '--jobs'"),
    "device": (["compare", "--device", "tpu"], "'tpu' is not one of 'cpu', 'cuda'"),
    "set": (["compare", "smoke", "--set", "seed=1"], "unknown key 'seed'; did you mean \"seeds\"?"),
    "set value": (["compare", "smoke", "--set", "seeds=0"], "--set seeds=0: seeds = 0: expected a whole number"),
    "set option": (
        ["compare", "smoke", "--set", "learners.mlp.weight_decay=x"],
        "grokbench: --set learners.mlp.weight_decay=x: [[learners]] mlp-add: weight_decay = 'x'",
    ),
    "set option name": (
        ["compare", "smoke", "--set", "learners.mlp.weight_decai=1"],
        "mlp.weight_decai=1: [[learners]] mlp-add: unknown key 'weight_decai'; did you mean \"weight_decay\"?",
    ),
    "only": (["compare", "smoke", "--only", "xgbost"], 'no run of smoke matches; did you mean "xgboost"?'),
    "include": (["compare", "--include", "/nowhere/x.py"], "--include /nowhere/x.py: no such file"),
    "results of report": (["report", "/nowhere"], "/nowhere: no such results folder"),
    "runs of report": (["report", "."], ".: no stored runs there (expected ./runs)"),
    "results of diff": (["diff", "/nowhere", "/nowhere"], "/nowhere: no such results folder"),
    "one result set": (["diff", "/nowhere"], "Missing argument 'RESULTS_B'"),
    "kind": (["list", "learnrs"], 'no such kind; did you mean "learners"?'),
    "name": (
        ["show", "mpl"],
        "no task, learner, measure, explanation, table, figure, claim, suite or run 'mpl'; did you mean \"mlp\"?",
    ),
    "key": (["show", "deadbeef", "--results", "/nowhere"], "no stored run 'deadbeef' in /nowhere"),
    "check": (["check", "mpl"], "no task, learner, measure, explanation, table or figure 'mpl'; did you mean \"mlp\"?"),
    "check file": (["check", "/nowhere/x.py"], "/nowhere/x.py: no such file"),
    "log": (["detect", "/nowhere/log.csv"], "/nowhere/log.csv: no such file"),
    "level": (["detect", "log.csv", "--level", "2"], "Invalid value for '--level'"),
    "classes": (["detect", "log.csv", "--classes", "1"], "Invalid value for '--classes'"),
}


@pytest.mark.parametrize(("arguments", "fragment"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_status_2_and_one_line(grokbench, monkeypatch, tmp_path, arguments, fragment):
    monkeypatch.chdir(tmp_path)
    status, out, err = grokbench(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("grokbench: ")
    assert err.count("\n") == 1
    assert fragment in err
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("where", ["a file", "below a file", "/proc/nothing"])
def test_an_unwritable_results_folder_is_status_2(grokbench, tiny, tmp_path, where):
    (tmp_path / "file").write_text("")
    folder = {"a file": tmp_path / "file", "below a file": tmp_path / "file" / "x"}.get(where, where)
    status, out, err = grokbench("compare", tiny[0], "--results", folder, *INCLUDE)
    assert (status, out) == (2, "")
    assert err.startswith(f"grokbench: {folder}: cannot store results there: ")


def test_a_mistake_in_a_suite_names_file_table_and_key(grokbench, write_suite):
    path = write_suite(TINY.replace("modulus", "modulos"))
    status, _, err = grokbench("compare", path, *INCLUDE)
    assert status == 2
    assert err == f"grokbench: {path}: [[tasks]] add: unknown key 'modulos'; did you mean \"modulus\"?\n"


def test_no_arguments_are_answered_with_help(grokbench):
    status, out, err = grokbench()
    assert (status, out) == (2, "")
    assert "Commands:" in err
    for verb in cli.cli.commands:
        assert f"\n  {verb} " in err


def test_no_help_is_cut_at_80_columns(grokbench, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for arguments in ([], *([verb] for verb in cli.cli.commands)):
        status, out, _ = grokbench(*arguments, "--help")
        assert status == 0
        assert max(map(len, out.splitlines())) <= 80
        assert not [line for line in out.splitlines() if line.endswith("...") and "Usage" not in line], arguments


def test_cuda_is_refused_where_there_is_none(grokbench, tiny):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    status, _, err = grokbench("compare", *tiny, "--device", "cuda")
    assert status == 2
    assert err == "grokbench: --device cuda: PyTorch finds no CUDA device here; use --device cpu\n"


# ---------------------------------------------------------------- compare, run, report


@pytest.mark.parametrize(
    ("changes", "accuracy", "line"),
    [
        ({}, 1.0, "groks, t_mem 1.932, t_gen 193.2"),  # 1 · 2^.95 and 100 · 2^.95
        ({"status": "settled"}, 0.0, "settled, never_fits"),
        ({}, 2.0, "done, cannot be judged: accuracies must be shares between 0 and 1 (percentages: divide by 100)"),
        ({"status": "failed", "error": "ValueError: no"}, 1.0, "failed: ValueError: no"),
    ],
)
def test_a_line_says_what_a_run_showed(changes, accuracy, line):
    times = [0, 1, 2, 4, 10, 20, 100, 200, 400, 1000]
    columns = {"time": times, "train_accuracy": [accuracy * (t >= 2) for t in times]}
    columns["test_accuracy"] = [accuracy * (t >= 200) for t in times]
    run = Run({"status": "done", "error": "", **changes}, Curve(columns, chance=0.0))
    assert finding(run) == line
    assert finding(run.truncated(0)) == (line if "error" in changes else run.status)


def test_compare_runs_analyses_and_goes_on_where_it_was(grokbench, tiny, tmp_path):
    status, out, err = grokbench("compare", *tiny)
    assert status == 0
    assert "Tiny" in out
    assert "4 runs; tables in" in out
    lines = [line for line in err.splitlines() if not line.startswith("compiling")]  # on a machine where nothing is yet
    assert [line[:6] for line in lines] == ["[1/4] ", "[2/4] ", "[3/4] ", "[4/4] "]
    assert "add(modulus=5) × kernel_flow seed 0: " in lines[0]
    assert "lookup seed 1: memorizes_only, t_mem 2.948" in lines[3]
    results = tmp_path / "results"
    tables = ("runs", "curves", "delays", "sensitivity", "comparisons")
    stamps = {path: path.stat().st_mtime_ns for path in (results / "runs").rglob("*.json")}
    assert all((results / f"{name}.csv").is_file() for name in tables)

    status, again, err = grokbench("compare", *tiny)
    assert (status, again, err) == (0, out, ""), "finished work is skipped"
    status, _, err = grokbench("compare", *tiny, "--seeds", 3)
    assert status == 0
    assert [line[:6] for line in err.splitlines()] == ["[1/2] ", "[2/2] "], "an enlarged suite only runs what is new"
    assert all("seed 2" in line for line in err.splitlines())
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps

    (results / "delays.csv").unlink()
    status, out, err = grokbench("report", results)
    assert (status, err) == (0, "")
    assert "6 runs; tables in" in out
    assert (results / "delays.csv").is_file()


def test_run_writes_no_tables(grokbench, tiny, tmp_path):
    status, out, err = grokbench("run", *tiny)
    assert (status, out) == (0, "")
    assert len(err.splitlines()) == 4
    assert sorted(os.listdir(tmp_path / "results")) == ["grokbench.json", "runs", "suite.json"]


def test_quiet_prints_nothing(grokbench, tiny, tmp_path):
    assert grokbench("compare", *tiny, "--quiet") == (0, "", "")
    assert grokbench("report", tmp_path / "results", "--quiet") == (0, "", "")
    assert (tmp_path / "results" / "delays.md").is_file()


def test_json_is_one_document(grokbench, tiny, tmp_path):
    status, out, err = grokbench("compare", *tiny, "--json")
    assert (status, err) == (0, "")
    printed = json.loads(out)
    tables = {"runs", "delays", "sensitivity", "comparisons", "prevalence", "early_stopping"}
    assert set(printed) == {"results", *tables}
    assert [row["status"] for row in printed["runs"]] == ["done"] * 4
    assert {row["t_gen"] for row in printed["runs"]} == {None}, "undefined is null"
    assert json.loads(grokbench("report", tmp_path / "results", "--json")[1])["runs"] == printed["runs"]
    done = json.loads(grokbench("run", *tiny, "--json")[1])
    assert done == {"results": str(tmp_path / "results"), "runs": 4, "failed": []}
    plan = json.loads(grokbench("compare", *tiny, "--json", "--dry-run")[1])
    assert [(row["runs"], row["done"], row["to_do"]) for row in plan["plan"]] == [(2, 2, 0), (2, 2, 0)]
    assert plan["estimated_seconds"] == 0


def test_a_dry_run_does_nothing(grokbench, tiny, tmp_path):
    status, out, err = grokbench("compare", *tiny, "--dry-run")
    assert (status, err) == (0, "")
    assert "4 runs, 0 done, 4 to do; estimated time with 1 jobs: not known before the first run of a learner" in out
    assert not (tmp_path / "results").exists()
    grokbench("compare", *tiny)
    status, out, _ = grokbench("compare", *tiny, "--dry-run", "--seeds", 4)
    assert status == 0
    assert re.search(r"8 runs, 4 done, 4 to do; estimated time with 1 jobs: about \d+ s", out)


def test_only_and_set_choose(grokbench, tiny):
    status, _, err = grokbench("run", *tiny, "--only", "lookup", "--set", "learners.lookup.at=[2, 4]", "--seeds", 1)
    assert status == 0
    assert ["lookup(at=2)" in err, "kernel_flow" in err, len(err.splitlines())] == [True, False, 2]


def test_a_failed_run_is_status_1_and_is_run_again_only_on_demand(grokbench, write_suite, tmp_path):
    arguments = (write_suite(FAILING), "--results", tmp_path / "results", "--jobs", 0, *INCLUDE)
    status, out, err = grokbench("compare", *arguments)
    assert status == 1
    assert "8 runs; tables in" in out, "the rest is complete"
    last = err.splitlines()[-1]
    match = re.fullmatch(
        r"grokbench: 2 of 8 runs failed, crashed or timed out: show (\w{8}) tells why, --retry runs them again", last
    )
    assert match
    assert err.count("failed: ZeroDivisionError: division by zero") == 2

    status, _, err = grokbench("compare", *arguments)
    assert (status, err) == (1, last + "\n"), "what failed is not run again"
    status, _, err = grokbench("run", *arguments, "--retry")
    assert status == 1
    assert [line[:6] for line in err.splitlines()[:-1]] == ["[1/2] ", "[2/2] "]
    status, out, _ = grokbench("run", *arguments, "--json")
    assert status == 1
    assert len(json.loads(out)["failed"]) == 2

    status, out, err = grokbench("show", match[1], "--results", tmp_path / "results")
    assert (status, err) == (0, "")
    assert "status: failed ZeroDivisionError: division by zero" in out
    assert "Traceback (most recent call last)" in out
    assert "in advance" in out
    assert re.search(r"\n +4 .* 0\.2", out), "the curve so far"


def test_a_repaired_learner_heals_the_suite(grokbench, write_suite, tmp_path):
    code = tmp_path / "mine.py"
    text = SABOTEURS.read_text().replace('"lookup"', '"healing"').partition("def _hoard")[0]
    code.write_text(text.replace("self._now = time", "1 / 0"))
    suite = write_suite(TINY.replace('"lookup"', '"healing"'))
    arguments = (suite, "--results", tmp_path / "results", "--jobs", 0, "--include", code, "--quiet")
    assert grokbench("compare", *arguments)[0] == 1
    code.write_text(text)
    assert grokbench("compare", *arguments) == (0, "", ""), "other code, and so other runs: nothing to retry"
    code.write_text(text.replace("self._now = time", "1 / 0"))
    assert grokbench("compare", *arguments)[0] == 1, "what failed is stored"


def test_diverged_is_a_result(grokbench, write_suite, tmp_path):
    suite = write_suite(TINY.replace('name = "lookup"', 'name = "misfit"'))
    status, _, err = grokbench("compare", suite, "--results", tmp_path / "results", "--jobs", 0, *INCLUDE)
    assert status == 0
    assert "misfit seed 0: diverged, never_fits" in err


@pytest.mark.filterwarnings("always:run ")
def test_a_run_that_cannot_be_judged_stops_nothing(grokbench, write_suite, tmp_path):
    """x + y mod 2 on half of its table: this held-out split has one class, and chance is 1."""
    suite = write_suite(TINY.replace("modulus = 5", "modulus = 2").replace("seeds = 2", "seeds = 8"))
    status, _, err = grokbench("compare", suite, "--results", tmp_path / "results", "--jobs", 0, *INCLUDE)
    assert status == 0
    assert "cannot be judged: chance = 1" in err
    assert "grokbench: warning: run " in err
    assert "Traceback" not in err


@pytest.mark.filterwarnings("always:run ")
def test_a_spoilt_run_is_put_aside_in_one_line_and_run_again(grokbench, tiny, tmp_path):
    grokbench("run", *tiny)
    victim = sorted((tmp_path / "results" / "runs").iterdir())[0]
    (victim / "curve.csv").write_text("spoilt")
    status, _, err = grokbench("run", *tiny)
    assert status == 0
    warning, line = err.splitlines()
    assert warning.startswith(f"grokbench: warning: run {victim.name} does not check out")
    assert line.startswith("[1/1] ")
    assert (tmp_path / "results" / "quarantine").is_dir()


def test_pairs_that_cannot_be_are_in_the_plan_with_their_reason(grokbench, tiny, write_suite):
    suite = write_suite(TINY + '\n[[learners]]\nname = "mlp"\nencoding = "sign"\nbudget = 5\n')
    status, out, _ = grokbench("compare", suite, *INCLUDE, "--dry-run")
    assert status == 0
    assert 'not applicable: mlp on add: encoding "sign" reads two-letter alphabets only' in out


# ---------------------------------------------------------------- list, show, check, doctor, detect


def test_list_names_everything(grokbench):
    status, out, err = grokbench("list")
    assert (status, err) == (0, "")
    for name in (*tasks.names(), *learners.names(), "smoke"):
        assert re.search(rf"^  {re.escape(name)} ", out, re.M), name
    for kind in ("tasks", "learners", "suites"):
        assert f"{kind}:" in out
        printed = json.loads(grokbench("list", kind, "--json")[1])
        assert printed
        assert all(entry["name"] and entry["description"] for entry in printed)
    assert {entry["name"] for entry in json.loads(grokbench("list", "--json")[1])} >= {"modular", "mlp", "smoke"}
    assert {"family", "clock"} <= set(json.loads(grokbench("list", "learners", "--json")[1])[0])


@pytest.mark.parametrize("name", [*tasks.names(), *learners.names()])
def test_show_prints_every_option_with_type_default_and_description(grokbench, name):
    from grokbench.options import options

    status, out, err = grokbench("show", name)
    assert (status, err) == (0, "")
    registry = tasks if name in tasks else learners
    printed = json.loads(grokbench("show", name, "--json")[1])
    assert [row["option"] for row in printed["options"]] == list(options(registry[name]))
    for row in printed["options"]:
        assert f"  {row['option']} : {row['type']}, " in out
        assert row["description"] in out
        assert row["description"]


def test_show_prints_a_suite(grokbench):
    for name in ("smoke", ROOT / "benchmarks" / "parity.toml"):
        status, out, _ = grokbench("show", name)
        assert status == 0
        assert "[[learners]]" in out
    status, out, _ = grokbench("show", "parity")
    assert out.startswith("task parity")
    assert re.search(r"a suite of this name, too: show .*parity\.toml$", out.rstrip())


def test_show_prints_a_stored_run_by_the_start_of_its_key(grokbench, tiny, tmp_path, monkeypatch):
    grokbench("run", *tiny)
    keys = sorted(os.listdir(tmp_path / "results" / "runs"))
    status, out, _ = grokbench("show", keys[0][:6], "--results", tmp_path / "results")
    assert status == 0
    assert f"run {keys[0]}" in out
    assert "status: done" in out
    assert "train_accuracy" in out
    printed = json.loads(grokbench("show", keys[0], "--results", tmp_path / "results", "--json")[1])
    assert printed["record"]["key"] == keys[0]
    assert len(printed["curve"]["time"]) > 2
    (tmp_path / "results").rename(tmp_path / "tiny")
    (tmp_path / "results").mkdir()
    (tmp_path / "tiny").rename(tmp_path / "results" / "tiny")
    monkeypatch.chdir(tmp_path)
    assert grokbench("show", keys[0])[0] == 0, "all of results/ is searched"


MY_LEARNER = '''
"""The nearest neighbours vote; their number is the clock."""
import numpy as np
import grokbench

@grokbench.register_learner("neighbours")
class Neighbours(grokbench.Learner):
    """k nearest neighbours by Hamming distance."""
    clock, loss, deterministic = "neighbours", "mse", True

    def begin(self, X, y, n_classes, alphabet, rng):
        self.X, self.votes, self.k = X.copy(), np.eye(n_classes)[y], 0

    def advance(self, time):
        self.k = time

    def scores(self, X):
        near = np.argsort((X[:, None] != self.X).sum(axis=2), axis=1, kind="stable")[:, : self.k]
        return self.votes[near].sum(axis=1) / max(self.k, 1)
'''


def test_check_runs_every_law_on_a_learner_of_fifteen_lines(grokbench, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MY_LEARNER)
    status, out, err = grokbench("check", path)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) == 18, "nine laws, on tokens and on bits"
    assert all(line.startswith("passed         neighbours: ") for line in lines)
    printed = json.loads(grokbench("check", "neighbours", "--include", path, "--json")[1])
    assert {row["status"] for row in printed} == {"passed"}


@pytest.mark.parametrize(
    ("good", "bad", "law"),
    [
        ("self.k = time", "self.k += 1", "schedule"),
        ("/ max(self.k, 1)", "+ np.random.random() * 0", "isolation"),
        (".sum(axis=1) / max(self.k, 1)", ".sum(axis=1).astype('f4')", "form"),
        ("[y], 0", "[y], 1", "origin"),
    ],
)
def test_check_finds_a_broken_law_and_is_status_1(grokbench, tmp_path, good, bad, law):
    path = tmp_path / "mine.py"
    assert good in MY_LEARNER
    path.write_text(MY_LEARNER.replace(good, bad))
    status, out, _ = grokbench("check", path)
    assert status == 1
    assert re.search(rf"^failed +neighbours: {law} \(modular\) - ", out, re.M)


def test_check_of_a_file_that_registers_nothing_says_what_to_type(grokbench, tmp_path):
    path = tmp_path / "nothing.py"
    path.write_text("x = 1")
    status, _, err = grokbench("check", path)
    assert status == 2
    assert "registers nothing (expected @grokbench.register_learner(NAME) or the like)" in err


@pytest.mark.slow
def test_a_learner_of_one_s_own_reaches_every_command(grokbench, write_suite, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MY_LEARNER)
    include = ("--include", path)
    assert "neighbours" in grokbench("list", "learners", *include)[1]
    assert "Hamming" in grokbench("show", "neighbours", *include)[1]
    suite = write_suite(TINY.replace('"lookup"', '"neighbours"'))
    arguments = (suite, "--results", tmp_path / "results", "--jobs", 1, "--seeds", 1, *include)
    status, _, err = grokbench("compare", *arguments)
    assert status == 0
    assert "× neighbours seed 0: " in err


def test_doctor_examines_every_item(grokbench, tmp_path, monkeypatch):
    from grokbench.cli import doctor

    monkeypatch.setattr(doctor, "_self_test", lambda: "not here: test_execute runs both ways")
    status, out, _ = grokbench("doctor", "--results", tmp_path / "results")
    assert status == 0
    assert [line.split()[1] for line in out.splitlines()] == ["python", "libraries", "threads", "write", "self-test"]
    assert all(line.startswith("passed") for line in out.splitlines())
    (tmp_path / "file").write_text("")
    status, out, _ = grokbench("doctor", "--results", tmp_path / "file" / "x", "--json")
    assert status == 1
    items = {item["item"]: item for item in json.loads(out)}
    assert items["write access"]["status"] == "failed"
    assert items["write access"]["detail"].endswith("cannot be written: Not a directory; try another --results")
    assert items["self-test"]["status"] == "passed"


LOG = "time,train_accuracy,test_accuracy\n" + "".join(
    f"{t},{1.0 if t >= 10 else 0.1},{1.0 if t >= 300 else 0.1}\n"
    for t in [0, 1, 2, 5, 8, 10, 12, 15, 20, 40, 80, 160, 300, 400, 500, 700, 1000]
)
LOGS = {
    "empty": ("", "no rows: the file is empty"),
    "header only": (LOG.partition("\n")[0] + "\n", "no rows"),
    "no held-out": (
        LOG.replace(",test_acc", ",weight"),
        "no column says that it is held-out accuracy: give --test NAME",
    ),
    "counts": (LOG.replace("1.0", "4873"), "expected percentages from 0 to 100, got 4873"),
    "beyond one": (LOG.replace("1.0", "1.2"), "got 1.2, and no percentage above 1.5; --train-unit share"),
    "words": (LOG.replace("40,1.0", "40,high"), "row 10: column 'train_accuracy': expected numbers, got 'high'"),
    "again": (LOG.replace("40,1.0", "0,1.0"), "time goes from 20 back to 0 at row 10"),
    "one row": ("\n".join(LOG.splitlines()[:2]) + "\n", "at least two"),
    "ragged": (
        LOG + "1,2,3,4,5\n",
        "not a CSV table: Expected 3 fields in line 19, saw 5; docs/logs.md says which files are read",
    ),
}


@pytest.mark.parametrize(("text", "fragment"), LOGS.values(), ids=LOGS.keys())
def test_a_log_that_cannot_be_read_is_status_2_and_one_line(grokbench, tmp_path, text, fragment):
    path = tmp_path / "log.csv"
    path.write_text(text)
    status, out, err = grokbench("detect", path, "--classes", 10)
    assert (status, out) == (2, "")
    assert err.startswith(f"grokbench: {path}: ")
    assert err.count("\n") == 1
    assert fragment in err


def test_detect_refuses_bytes_and_folders_and_needs_chance(grokbench, tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(b"\xff\x00\x95")
    assert grokbench("detect", path, "--classes", 10)[0] == 2
    assert grokbench("detect", tmp_path, "--classes", 10)[0] == 2
    path.write_text(LOG)
    status, _, err = grokbench("detect", path)
    assert status == 2
    assert "give --classes N (balanced classes) or --chance SHARE" in err
    status, _, err = grokbench("detect", path, "--chance", 1)
    assert status == 2
    assert "chance = 1.0" in err


def test_detect_reads_a_stranger_s_log_by_the_names_of_its_columns(grokbench, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("step,acc,val,run\n" + "".join(f"{line},{run}\n" for run in "ab" for line in LOG.splitlines()[1:]))
    columns = ("--time", "step", "--train", "acc", "--test", "val", "--series", "run")
    status, out, err = grokbench("detect", path, *columns, "--classes", 10)
    assert (status, err) == (0, "")
    assert out.count("groks") == 2
    assert "note: metric_artifact untested: no skill column" in out
    printed = json.loads(grokbench("detect", path, *columns, "--classes", 10, "--json")[1])
    assert [row["series"] for row in printed] == ["a", "b"]
    assert printed[0]["delay"] == pytest.approx(1.5, abs=0.1)
    status, _, err = grokbench("detect", path, *columns[:-1], "nothing", "--classes", 10)
    assert status == 2
    assert "no column 'nothing'" in err
    path.write_text(path.read_text().replace(",b\n", ",\n"))
    status, _, err = grokbench("detect", path, *columns, "--classes", 10)
    assert status == 2
    assert "column 'run': 17 rows belong to no series" in err


# ---------------------------------------------------------------- in processes of their own


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--help"], ["--version"], ["compare", "--help"], ["list"], ["list", "--json"]),
        *(["show", name] for name in ("mlp", "xgboost", "kernel_flow", "modular", "smoke")),
    ],
    ids=" ".join,
)
def test_nothing_heavy_is_imported_to_answer_a_question(arguments):
    """In a fresh process: what the process has imported."""
    code = f"""
import sys
from grokbench.cli import main
try:
    main({arguments!r})
except SystemExit as error:
    heavy = sorted(set(sys.modules) & set({HEAVY!r}))
    print(error.code, heavy, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.split(maxsplit=1) == ["0", "[]\n"]
    assert done.stdout


def test_the_module_is_the_console_script():
    done = run_here("list", "tasks")
    assert (done.returncode, done.stderr) == (0, "")
    assert "modular" in done.stdout
    done = run_here("compar")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "grokbench: no verb 'compar'; did you mean \"compare\"?\n"


def test_a_reader_that_has_gone_is_no_error():
    """As with `| head`: the pipe is closed before anything is written."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "grokbench", "list"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert "Traceback" not in done.stderr
