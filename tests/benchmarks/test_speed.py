"""The comparisons of speed compare the same work, each at its smallest size; no time is asserted."""

import csv
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from speed import rows
from speed.comparison import InTurn, Measured, Pair, Skipped, Timed, Unequal, comparisons
from speed.rfm_equations import equations

ROOT = Path(__file__).parents[2]
TINY = list(comparisons("tiny"))
IN_TURN = [one for one in TINY if isinstance(one, InTurn)]
APART = [one for one in TINY if not isinstance(one, InTurn)]


def counting(log, name):
    return lambda units: log.append((name, units))


@pytest.fixture
def pair():
    """A comparison whose sides write down what they do."""
    log = []
    sides = Pair(counting(log, "ours"), counting(log, "theirs"), lambda: "")
    about = {"name": "counted", "unit": "ms", "ours": "a", "theirs": "b"}
    return log, InTurn(**about, prepare=lambda: sides, most=7, steps=5)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # what gpytorch imports does
@pytest.mark.parametrize("one", IN_TURN, ids=lambda one: one.name)
def test_both_sides_do_the_same_work(one):
    try:
        one.check()
    except Skipped as reason:
        pytest.skip(str(reason))


@pytest.mark.slow
@pytest.mark.parametrize("one", APART, ids=lambda one: one.name)
def test_what_is_measured_apart_is_there(one):
    timed = one.measure("tiny")
    assert math.isfinite(timed.ours)
    assert timed.theirs > 0


def test_every_size_has_the_same_kinds_of_comparison():
    for size in ("quick", "full"):
        several = list(comparisons(size))
        assert len({one.name for one in several}) == len(several)
        assert {type(one) for one in several} == {InTurn, Measured}
        assert len(several) >= len(TINY)


def test_the_sides_take_turns_in_beginning(pair):
    log, one = pair
    timed = one.measure("quick")
    begun = [name for name, _ in log[4:]][::2]
    assert begun == ["theirs", "ours", "theirs", "ours", "theirs"]
    assert {units for _, units in log[4:]} == {7}
    assert len(timed.ratios) == 5


def test_a_ratio_counts_for_ours_unless_it_is_a_bound(pair):
    _, one = pair
    assert one.ratio(2.0, 6.0) == 3.0
    assert replace(one, at_most=1.3).ratio(2.0, 6.0) == pytest.approx(1 / 3)
    assert [replace(one, at_least=4.0).met(ratio) for ratio in (3.9, 4.0)] == [False, True]
    assert [replace(one, at_most=1.3).met(ratio) for ratio in (1.3, 1.4)] == [True, False]
    assert one.met(1.0) is None
    assert math.isnan(one.ratio(0.0, 1.0))


def test_sides_that_differ_are_not_timed(pair, tmp_path, monkeypatch, capsys):
    log, one = pair
    unlike = Pair(counting(log, "ours"), counting(log, "theirs"), lambda: "the losses differ")
    one = replace(one, prepare=lambda: unlike)
    with pytest.raises(Unequal, match="counted: the losses differ"):
        one.check()
    monkeypatch.setattr(rows, "comparisons", lambda size: [one])
    assert rows.measure_all("tiny", "", tmp_path / "speed") == 1
    assert "unequal: counted: the losses differ" in capsys.readouterr().out
    assert {units for _, units in log} == {5}


def test_rows_are_stored(tmp_path, monkeypatch, capsys):
    about = {"unit": "s", "ours": "a", "theirs": "b", "at_most": 1.5}
    two = [
        Measured(name=name, **about, once=lambda ours=ours: (ours, 2.0)) for name, ours in (("one", 1.0), ("two", 4.0))
    ]
    monkeypatch.setattr(rows, "comparisons", lambda size: two)
    assert rows.measure_all("quick", "", tmp_path) == 0
    with open(tmp_path / "speed.csv", newline="") as file:
        stored = list(csv.DictReader(file))
    assert [(row["comparison"], row["ratio"], row["goal"], row["met"]) for row in stored] == [
        ("one", "0.5", "≤ 1.5", "true"),
        ("two", "2", "≤ 1.5", "false"),
    ]
    assert all(float(row[rate]) > 0 for row in stored for rate in ("gemm32", "gemm64", "cholesky64"))
    page = (tmp_path / "speed.md").read_text(encoding="utf-8")
    assert "| one | 1 | 2 | s | 0.5 |" in page
    assert "threads_per_run: 1" in page
    assert rows.measure_all("quick", "three", tmp_path) == 1
    assert "not met" in capsys.readouterr().out


def test_the_median_of_the_rounds_counts():
    assert Timed(1.0, 2.0, (1.0, 5.0, 2.0)).ratio == 2.0


def test_the_equations_interpolate_and_learn_a_direction():
    """With ridge 0 the machine passes through its data; labels that depend on one input alone are learned from it."""
    rng = np.random.default_rng(0)
    X, X_test = rng.normal(size=(60, 4)), rng.normal(size=(200, 4))
    Y, Y_test = np.sin(X[:, :1]), np.sin(X_test[:, :1])
    at_data = equations(X, Y, X, bandwidth=1.0, ridge=0.0, iterations=1)[0]
    np.testing.assert_allclose(at_data, Y, atol=1e-6)
    errors = [((scores - Y_test) ** 2).mean() for scores in equations(X, Y, X_test, 1.0, 1e-6, iterations=4)]
    assert errors[-1] < errors[0] / 10


@pytest.mark.slow
def test_the_command_is_a_program(tmp_path):
    command = [
        sys.executable,
        str(ROOT / "benchmarks" / "speed"),
        "--quick",
        "--only",
        "no such comparison",
        "--out",
        str(tmp_path),
    ]
    assert subprocess.run(command, cwd=tmp_path).returncode == 1
