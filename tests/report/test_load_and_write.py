"""A results folder written whole, read back by its tables' names, and written again byte for byte."""

import csv

import pytest

import grokbench as package
from grokbench.errors import UsageError
from grokbench.registry import tables
from grokbench.report.write import read_grid, tables_of, write_report

pytestmark = pytest.mark.usefixtures("with_figures")
OF_REGISTERED_SUITES = {"explanations", "cross_table", "needs", "replications"}
SUITE = """
title = "Two ridges"
seeds = 2

[[tasks]]
name = "modular"
modulus = 5

[[learners]]
name = "kernel_flow"
ridge = [0.0, 0.1]
budget = 100
"""


@pytest.fixture
def results(grokbench, write_suite, tmp_path):
    """The folder of a suite of four runs."""
    folder = tmp_path / "results"
    assert grokbench("compare", write_suite(SUITE), "--results", folder, "--jobs", 0, "--quiet")[0] == 0
    return folder


def test_every_table_that_applies_is_written_and_loaded_under_its_name(results):
    loaded, grid = package.load(results), read_grid(results)
    assert {table.name for table in tables_of(grid)} == set(tables.names()) - OF_REGISTERED_SUITES
    for table in tables_of(grid):
        with open(results / f"{table.name}.csv", encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        frame = getattr(loaded, table.name)
        assert list(frame.columns) == header == [column.name for column in table.columns_of(grid)]
        assert len(frame) == len(rows)
        assert (results / f"{table.name}.md").is_file() == table.own_page
    assert set(tables.names()) <= set(dir(loaded))


def test_a_name_that_is_no_table_is_told_from_one_that_is_not_there(results):
    loaded = package.load(results)
    with pytest.raises(AttributeError, match="no table 'delay'; did you mean \"delays\""):
        _ = loaded.delay
    with pytest.raises(UsageError, match=r"explanations\.csv: no such table; rebuild it"):
        _ = loaded.explanations
    assert not hasattr(loaded, "_private")


def test_written_again_it_is_the_same_bytes(results):
    before = {path.name: path.read_bytes() for path in results.iterdir() if path.is_file()}
    grid = write_report(results)
    assert {path.name: path.read_bytes() for path in results.iterdir() if path.is_file()} == before
    assert (grid.title, len(grid.runs), len(grid.cells)) == ("Two ridges", 4, 2)
    assert grid.is_sweep


def test_the_environment_switches_figures_and_page_off(results, grokbench, monkeypatch):
    for name in ("figures", "index.html"):
        (results / name).rename(results.parent / name)
    monkeypatch.setenv("GROKBENCH_FIGURES", "0")
    status, out, _ = grokbench("report", results)
    assert (status, "no figures: unset GROKBENCH_FIGURES, then: report" in out) == (0, True)
    assert not [name for name in ("figures", "index.html") if (results / name).exists()]
    monkeypatch.setenv("GROKBENCH_FIGURES", "1")
    status, out, _ = grokbench("report", results)
    assert (status, "page: " in out) == (0, True)
    assert (results / "index.html").read_bytes() == (results.parent / "index.html").read_bytes()


def test_cells_of_earlier_code_stand_before_those_of_the_present_whatever_their_hashes(
    grokbench, write_suite, tmp_path
):
    learner = tmp_path / "mine.py"
    suite = write_suite(
        SUITE.replace("kernel_flow", "mine").replace("ridge = [0.0, 0.1]\n", "").replace("seeds = 2", "")
    )
    arguments = (suite, "--results", tmp_path / "results", "--seeds", 1, "--jobs", 0, "--quiet", "--include", learner)
    for scale in ("0.1", "0.2", "0.3", "0.1"):  # the last is the first again: its runs are those of the present
        learner.write_text(LEARNER.replace("SCALE", scale))
        assert grokbench("compare", *arguments)[0] == 0
        last = package.load(tmp_path / "results").runs.iloc[-1]
        assert last.train_loss == pytest.approx(4 * float(scale) ** 2 + (1 - float(scale)) ** 2)


LEARNER = '''
import numpy as np

import grokbench


@grokbench.register_learner("mine")
class Mine(grokbench.Learner):
    """Scores that never change, of which the loss tells which code has made them."""

    loss = "mse"

    def begin(self, X, y, n_classes, alphabet, rng):
        self.classes = n_classes

    def advance(self, time):
        pass

    def scores(self, X):
        return np.full((len(X), self.classes), SCALE)
'''
