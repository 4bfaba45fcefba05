"""Measures in runs: asked for by name, stored with the curve, part of the key only where there are any."""

import csv
import json
import math

import numpy as np
import pytest

import grokbench as package
from grokbench.curves import trace as trace_module
from grokbench.curves.trace import COLUMNS
from grokbench.errors import UsageError
from grokbench.measures.base import Measure
from grokbench.registry import learners, measures, register_measure, tasks
from grokbench.runs import remote
from grokbench.runs.execute import Interruption
from grokbench.runs.process import Limits, parsed
from grokbench.runs.record import check_columns
from grokbench.runs.store import Store
from grokbench.suites.plan import make_plan
from grokbench.suites.suite import load_suite

SUITE = """
title = "measured"
seeds = 1
{top}
[[tasks]]
name = "modular"
modulus = 5
train_fraction = 0.6

[[learners]]
name = "rfm"
budget = 4
{rfm}
[[learners]]
name = "nearest_neighbors"
budget = 4
"""


@pytest.fixture
def suite(write_suite):
    def write(top="", rfm=""):
        return write_suite(SUITE.format(top=top, rfm=rfm))

    return write


def keys(path, *overrides):
    return {spec.learner.name: spec.key for spec in make_plan(load_suite(str(path), overrides)).specs}


# ------------------------------------------------- in Python


@pytest.mark.parametrize(
    ("name", "options"),
    [("mlp", {"activation": "quadratic"}), ("rfm", {}), ("xgboost", {"eta": 0.3}), ("gaussian_process", {})],
    ids=str,
)
def test_measuring_changes_nothing_in_the_run(name, options):
    split = tasks.create("modular", modulus=7, train_fraction=0.6, label_noise=0.2).split(0)
    plain = package.trace(learners.create(name, **options), split, budget=8)
    measured = package.trace(learners.create(name, **options), split, budget=8, measures=measures.names())
    same = [column for column in COLUMNS if column != "cpu_seconds"]
    assert plain[same].to_numpy().tobytes() == measured[same].to_numpy().tobytes()
    assert list(plain.columns) == list(COLUMNS)
    extra = [column for m in measures.names() for column in measures[m].column_names()]
    assert list(measured.columns) == [*COLUMNS, *extra]
    assert np.isfinite(measured["after_kernel"].iloc[-1])


def test_a_measure_does_not_depend_on_what_else_is_measured():
    split = tasks.create("modular", modulus=7, train_fraction=0.6).split(0)
    together = package.trace(learners.create("rfm"), split, budget=5, measures=measures.names())
    for name in ("after_kernel", "movement", "label_fit_rank", "norm"):
        alone = package.trace(learners.create("rfm"), split, budget=5, measures=[name])
        columns = [column for column in alone.columns if column not in COLUMNS]
        assert alone[columns].to_numpy().tobytes() == together[columns].to_numpy().tobytes()


def test_an_unknown_measure_is_named_with_the_closest():
    split = tasks.create("modular", modulus=5, train_fraction=0.6).split(0)
    with pytest.raises(UsageError, match="no measure 'after_kernal'; did you mean \"after_kernel\""):
        package.trace(learners.create("rfm"), split, budget=2, measures=["after_kernal"])


def test_a_measure_of_ones_own():
    @package.register_measure("mean_score")
    class MeanScore(package.Measure):
        """Mean held-out score, and how often it was looked at."""

        columns = ("mean_score", "looks")

        def __init__(self):
            self.looks = 0

        def look(self, at):
            self.looks += 1
            return at.test_scores.mean(), self.looks

    split = tasks.create("modular", modulus=5, train_fraction=0.6).split(0)
    for _ in range(2):  # a new one for every run
        curve = package.trace(learners.create("rfm"), split, budget=3, measures=["mean_score"])
        assert list(curve["looks"]) == [1, 2, 3, 4]
        assert curve["mean_score"].iloc[0] == 0


@pytest.mark.parametrize("columns", [("skill",), ("after_kernel",), ("a,b",)])
def test_a_column_that_is_taken_is_refused(columns):
    @register_measure("grabber")
    class Grabber(Measure):
        """Wants the column of another."""

    Grabber.columns = columns  # behind the back of the registration, which refuses two of them
    split = tasks.create("modular", modulus=5, train_fraction=0.6).split(0)
    with pytest.raises(UsageError, match="grabber: the column"):
        package.trace(learners.create("rfm"), split, budget=2, measures=["grabber", "after_kernel"])


def test_what_is_undefined_or_infinite_is_an_empty_cell():
    class Odd(Measure):
        """Not finite."""

        columns = ("a", "b", "c")

        def look(self, at):
            return (math.inf, 2, None) if at else None

    with pytest.raises(TypeError):
        Odd().row(True)
    Odd.look = lambda self, at: (math.inf, np.float32(2), math.nan) if at else None
    assert Odd().row(True) == pytest.approx({"a": math.nan, "b": 2.0, "c": math.nan}, nan_ok=True)
    assert all(math.isnan(value) for value in Odd().row(False).values())
    assert all(type(value) is float for value in Odd().row(True).values())


def test_the_learner_does_not_pay_for_being_measured(monkeypatch):
    """On a clock that only measuring moves, a run takes no time."""
    clock = [0.0]
    monkeypatch.setattr(trace_module.wall, "process_time", lambda: clock[0])

    @register_measure("slow")
    class Slow(Measure):
        """Takes an hour."""

        def look(self, at):
            clock[0] += 3600
            return 1.0

    split = tasks.create("modular", modulus=5, train_fraction=0.6).split(0)
    curve = package.trace(learners.create("rfm"), split, budget=3, measures=["slow"])
    assert clock[0] == 4 * 3600
    assert (curve["cpu_seconds"] == 0).all()


# ------------------------------------------------- in suites


def test_keys_of_runs_without_measures_are_what_they_were(suite):
    path = suite()
    config = next(iter(make_plan(load_suite(str(path))).specs)).config
    assert "measures" not in config
    assert keys(path) == keys(suite("measures = []"))


def test_measures_are_part_of_the_key_with_their_version_and_in_any_order(suite, monkeypatch):
    plain, one = keys(suite()), keys(suite('measures = ["norm"]'))
    assert all(plain[name] != one[name] for name in plain)
    assert keys(suite('measures = ["norm", "movement"]')) == keys(suite('measures = ["movement", "norm", "norm"]'))
    monkeypatch.setattr(measures["norm"], "version", 2)
    assert all(keys(suite('measures = ["norm"]'))[name] != one[name] for name in one)


def test_a_learner_may_have_measures_of_its_own(suite):
    plain, one = keys(suite()), keys(suite('measures = ["norm"]'))
    own = keys(suite(rfm='measures = ["norm"]'))
    assert own == {"rfm": one["rfm"], "nearest_neighbors": plain["nearest_neighbors"]}
    none = keys(suite('measures = ["norm"]', rfm="measures = []"))
    assert none == {"rfm": plain["rfm"], "nearest_neighbors": one["nearest_neighbors"]}
    assert keys(suite(), 'measures=["norm"]') == one
    assert keys(suite(), 'learners.rfm.measures=["norm"]') == own


@pytest.mark.parametrize(
    ("top", "rfm", "overrides", "message"),
    [
        ('measures = ["norms"]', "", (), "suite.toml: measures: no measure 'norms'; did you mean \"norm\""),
        ("measures = 3", "", (), 'suite.toml: measures = 3: expected a list of names: ["after_kernel"]'),
        (
            "",
            'measures = ["norms"]',
            (),
            "suite.toml: [[learners]] rfm: measures: no measure 'norms'; did you mean \"norm\"",
        ),
        ("", "", ("measures=norm",), "measures = 'norm': expected a list of names"),
    ],
)
def test_mistakes_are_one_line(suite, grokbench, top, rfm, overrides, message):
    arguments = [part for override in overrides for part in ("--set", override)]
    status, _, err = grokbench("run", suite(top, rfm), "--dry-run", *arguments)
    assert status == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_curves_have_a_column_per_measure_after_those_of_every_run(suite, grokbench, tmp_path):
    results = tmp_path / "results"
    status, _, err = grokbench("compare", suite(), "--results", results, "--jobs", 0, "--quiet")
    assert status == 0, err
    assert list(read(results / "curves.csv")[0]) == ["key", *COLUMNS]
    measured = suite(rfm='measures = ["movement", "after_kernel"]')
    for jobs in (0, 1):
        status, _, err = grokbench("compare", measured, "--results", results, "--jobs", jobs, "--quiet", "--retry")
        assert status == 0, err
    rows = read(results / "curves.csv")
    of_measures = ["after_kernel", "after_kernel_ridge", "after_kernel_ridge_skill", "after_kernel_skill", "movement"]
    assert list(rows[0]) == ["key", *COLUMNS, *of_measures]
    of_runs = {key: [row for row in rows if row["key"] == key] for key in {row["key"] for row in rows}}
    assert len(of_runs) == 3
    with_measures = [rows_of_run for rows_of_run in of_runs.values() if rows_of_run[-1]["movement"]]
    assert len(with_measures) == 1
    assert float(with_measures[0][0]["movement"]) == pytest.approx(0, abs=1e-9)
    runs = {row["key"]: row for row in read(results / "runs.csv")}
    told_apart = {row["learner_options"] for row in runs.values() if row["learner"] == "rfm"}
    assert len(told_apart) == 2  # the same learner twice is no second seed
    plain, with_ = (
        next(r for r in of_runs.values() if r[0]["key"] in keys(s).values() and runs[r[0]["key"]]["learner"] == "rfm")
        for s in (suite(), measured)
    )
    for a, b in zip(plain, with_, strict=True):
        assert [a[c] for c in COLUMNS if c != "cpu_seconds"] == [b[c] for c in COLUMNS if c != "cpu_seconds"]
    curves = package.load(results).curves
    assert curves["movement"].notna().sum() == len(with_measures[0])


@pytest.mark.slow
def test_a_run_in_a_process_of_its_own_measures_alike(suite, grokbench, tmp_path):
    path = suite('measures = ["norm", "effective_rank"]')
    for jobs in (0, 1):
        status, _, err = grokbench("run", path, "--results", tmp_path / str(jobs), "--jobs", jobs, "--quiet")
        assert status == 0, err
    alone, apart = ({run.record["key"]: run for run in Store(tmp_path / str(jobs)).read_all()} for jobs in (0, 1))
    assert list(alone) == list(apart)
    for key, run in alone.items():
        for name in ("norm", "effective_rank", "test_accuracy"):
            assert run.curve.columns[name] == pytest.approx(apart[key].curve.columns[name], nan_ok=True, abs=0)


def test_a_users_measure_reaches_a_suite(suite, grokbench, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import grokbench\n\n@grokbench.register_measure('largest')\nclass Largest(grokbench.Measure):\n"
        '    """Largest held-out score."""\n\n    def look(self, at):\n        return at.test_scores.max()\n'
    )
    path = suite('measures = ["largest"]')
    status, _, err = grokbench("compare", path, "--results", tmp_path / "r", "--jobs", 1, "--quiet", "--include", file)
    assert status == 0, err
    assert float(read(tmp_path / "r" / "curves.csv")[-1]["largest"]) > 0
    assert "Largest held-out score." in grokbench("list", "measures", "--include", file)[1]


def test_a_worker_with_another_version_of_a_measure_refuses(suite, tmp_path):
    path = suite('measures = ["norm"]')
    spec = make_plan(load_suite(str(path))).specs[0]
    order = json.loads(remote.write_order(spec, "topic", Limits(60), []))
    order["spec"]["learner"]["measures"]["norm"] = 7
    assert remote.answer_to(order, tmp_path, Interruption()) == {
        "refused": "its measure 'norm' is version 1, and the order asks for 7"
    }


# ------------------------------------------------- what is written and read


def test_columns_of_a_stranger_are_names_or_nothing():
    check_columns([*COLUMNS, "movement"])
    for bad in ([*COLUMNS, "a,b"], [*COLUMNS, "=1"], [*COLUMNS, "x", "x"], COLUMNS[1:], [*COLUMNS, ""]):
        with pytest.raises(ValueError, match="other columns"):
            check_columns(bad)


def test_a_checkpoint_on_the_pipe_may_carry_measures():
    row = dict.fromkeys(COLUMNS, 1.0)
    assert parsed(json.dumps({"row": row | {"movement": math.nan}}).encode())["row"].keys() > row.keys()
    for bad in (row | {"a b": 1.0}, row | {"movement": "much"}, {"time": 1.0}):
        with pytest.raises(ValueError):
            parsed(json.dumps({"row": bad}).encode())


# ------------------------------------------------- list and show


def test_every_measure_says_what_it_is():
    for name in measures.names():
        doc = measures[name].__doc__
        assert doc.splitlines()[0].strip().endswith("."), name
        for word in ("source:", "null:", "cost:"):
            assert word in doc.lower(), (name, word)
        assert measures[name].column_names()[0].startswith(name[:5]), name


def test_list_and_show(grokbench):
    assert "after_kernel" in grokbench("list", "measures")[1]
    status, out, _ = grokbench("show", "after_kernel")
    assert status == 0
    assert "columns: after_kernel, after_kernel_ridge" in out
    assert "arXiv 2105.10585" in out
    printed = json.loads(grokbench("show", "memorized_bits", "--json")[1])
    assert printed["columns"] == ["memorized_bits", "memorized_share", "reverted_share"]
    assert grokbench("show", "skill")[0] == 0
