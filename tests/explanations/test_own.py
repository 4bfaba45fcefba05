"""A user's own explanation: one file from outside the package reaches every command."""

import csv
import json
from pathlib import Path

import pytest
from support_runs import MINE

import grokbench as package
from grokbench.errors import UsageError
from grokbench.registry import Registry, explanations
from grokbench.suites.registered import registration

SUITE = MINE.format(seeds=2, first_seed=1000)
FILE = '''
"""A theory of my own."""

import grokbench


@grokbench.register_explanation("mine")
class Mine(grokbench.Explanation):
    """Accuracy ends high."""

    rules = """
explanation = "mine"
claim = "Held-out accuracy ends high."
suite = "SUITE"
first_seed = 1000
seeds = 2

[[predictions]]
name = "M1"
claim = "It ends above one half."
role = "descriptive"
statistic = "ends_high"
uses = ["free_on"]
least = 2
gates = []
margins = { share = { support = 0.1, contradict = 0.9 } }
source = "nobody"
change_of_mind = "a low end"

[[designs]]
family = "flow"
task = "add"
neural = false
natural = "off"
cells = { free_on = "add/flow" }
"""


def ends_high(cells: grokbench.Cells) -> grokbench.Finding:
    """M1: the share of runs that end above one half."""
    flags = cells.values("free_on", lambda run: float(run.curve.end("test_accuracy") > 0.5))
    return grokbench.Finding({"share": grokbench.share(flags)}, len(flags))
'''


@pytest.fixture(params=["in ./benchmarks", "by path"])
def mine(request, tmp_path, monkeypatch):
    """The file of the explanation, and what `compare` is given; the working directory is an empty folder."""
    ours, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    (ours / "benchmarks").mkdir(parents=True)
    elsewhere.mkdir()
    monkeypatch.chdir(ours)
    beside = request.param == "by path"
    suite = elsewhere / "own.toml" if beside else ours / "benchmarks" / "own.toml"
    suite.write_text(SUITE)
    path = elsewhere / "mine.py"
    path.write_text(FILE.replace("SUITE", "own.toml" if beside else "own"))
    return path, str(suite) if beside else "own"


def test_list_show_and_check_know_it(grokbench, mine):
    path, _ = mine
    listed = json.loads(grokbench("list", "explanations", "--include", path, "--json")[1])
    assert {"name": "mine", "description": "Held-out accuracy ends high."} in listed
    text = grokbench("show", "mine", "--include", path)[1]
    assert "M1 (descriptive): It ends above one half." in text
    assert "share supported above 0.1, contradicted below 0.9" in text
    status, out, err = grokbench("check", path, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == [{"subject": "mine", "law": "rules", "status": "passed", "detail": ""}]


def test_check_says_what_is_wrong(grokbench, mine):
    path, _ = mine
    path.write_text(path.read_text().replace('"ends_high"', '"ends_low"'))
    status, out, _ = grokbench("check", path, "--json")
    assert status == 1
    assert json.loads(out)[0]["detail"] == "rules of mine: M1: no function 'ends_low' in its module"


@pytest.mark.parametrize("jobs", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_compare_judges_it_on_runs_that_carry_its_hash(grokbench, mine, jobs):
    path, suite = mine
    status, _, err = grokbench("compare", suite, "--include", path, "--jobs", jobs, "--quiet")
    assert (status, err) == (0, "") if jobs == 0 else status == 0
    with open("results/own/explanations.csv", encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["explanation"], row["prediction"], row["role"]) == ("mine", "M1", "descriptive")
    assert (row["n"], row["estimate"]) == ("2", "0")
    (record, _) = (json.loads(path.read_text()) for path in Path("results/own/runs").glob("*/run.json"))
    assert record["registered"]["mine"] == row["registered"]
    assert record["registered_cells"]["mine"] == registration("mine").cells_hash != ""


def test_without_the_file_nobody_judges(grokbench, mine):
    _, suite = mine
    assert grokbench("compare", suite, "--jobs", 0, "--quiet")[0] == 0
    with open("results/own/runs.csv", encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 2
    assert "mine" not in explanations


def test_an_installed_package_offers_explanations(monkeypatch):
    from importlib.metadata import EntryPoint

    from grokbench import registry

    point = EntryPoint("offered", "test_own:Offered", "grokbench.explanations")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == point.group else [])
    fresh = Registry("explanation", "grokbench.explanations")
    fresh._classes.update({name: explanations[name] for name in explanations.names()})
    assert fresh["offered"] is Offered


class Offered(package.Explanation):
    """What an installed package offers."""


def test_only_an_explanation_is_registered_as_one():
    with pytest.raises(UsageError, match=r"explanation Wrong: expected a subclass of grokbench\.Explanation"):

        @package.register_explanation("wrong")
        class Wrong:
            """No explanation."""
