"""The shipped rules: they name what exists, and they precede the runs that they judge."""

import csv
import hashlib
import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from grokbench.registry import measures
from grokbench.suites.plan import cell_keys
from grokbench.suites.registered import registered_rules, registered_suite
from grokbench.suites.suite import load_suite
from grokbench.verdicts import rules

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"
EXPLAINED = sorted(REFERENCE.glob("*/explanations.csv"))
ALL = rules.names()
COLUMNS = {column for name in measures.names() for column in measures[name].columns or (name,)}


@pytest.fixture(params=ALL)
def shipped(request):
    """Each explanation that ships."""
    return rules.read(request.param)


def test_the_two_explanations_and_the_phenomenon_are_there():
    assert {"lazy-to-rich", "complexity", "phenomenon"} <= set(ALL)


def test_every_cell_is_in_the_suite_with_its_seeds(shipped):
    path = registered_suite(shipped.suite)
    assert path is not None
    suite = load_suite(str(path))
    assert (suite.first_seed, suite.seeds) == (shipped.first_seed, shipped.seeds)
    assert not suite.settle  # final values of runs that stopped early and of others are not comparable
    keys = cell_keys(suite)
    for design in shipped.designs:
        for cell in (cell for cells in design.roles.values() for cell in cells):
            assert set(shipped.registered_seeds(design)) <= set(keys[cell]), (design.family, design.task, cell)


def test_every_measure_of_complexity_exists(shipped):
    assert {design.complexity for design in shipped.designs} - {""} <= COLUMNS


def test_every_design_has_what_its_gates_look_at(shipped):
    for design in shipped.designs:
        free = f"free_{design.natural}"
        if free in design.cells:
            assert "shuffled" in design.cells, (design.family, design.task)
        assert {*design.closed_form, *design.numbers} <= design.cells.keys()


def test_primaries_are_few_and_one_of_them_intervenes(shipped):
    primaries = [prediction for prediction in shipped.predictions if prediction.role == "primary"]
    assert len(primaries) <= 3
    assert not primaries or any(prediction.intervention for prediction in primaries)


def test_every_prediction_has_its_source_and_what_would_change_our_mind(shipped):
    for prediction in shipped.predictions:
        assert prediction.source
        assert prediction.change_of_mind
        assert rules.module_of(shipped.explanation).__dict__[prediction.statistic].__doc__.startswith(prediction.name)


def test_seeds_of_verdicts_are_not_those_of_exploration(shipped):
    assert shipped.first_seed >= 1000


def rows_of(path: Path) -> list[dict]:
    """The rows of a table."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("path", EXPLAINED, ids=lambda p: p.parent.name)
def test_the_reference_results_are_those_of_the_registered_runs(path):
    """A row of runs that were made under other rules, or of other runs than those registered, is `exploratory`."""
    rows = rows_of(path)
    assert {row["registered"] for row in rows} <= set(registered_rules().values())
    assert not [row for row in rows if row["role"] == "exploratory"]


@pytest.mark.parametrize("path", EXPLAINED, ids=lambda p: p.parent.name)
def test_the_rules_precede_the_runs_of_the_reference_results(path):
    """The commit at which the runs were made, without a change, has the rules and the suite of the stored hash."""
    revisions = {found["revision"] for found in json.loads((path.parent / "environment.json").read_text()).values()}
    registered = {row["explanation"]: row["registered"] for row in rows_of(path)}
    assert not [revision for revision in revisions if not revision or revision.endswith("+")]
    for revision in revisions:
        for explanation, stored in registered.items():
            own = at_revision(revision, f"grokbench/explanations/{explanation}.toml")
            suite = at_revision(revision, f"benchmarks/{tomllib.loads(own.decode())['suite']}.toml")
            assert hashlib.sha256(own + b"\0" + suite).hexdigest() == stored, (revision, explanation)


def at_revision(revision: str, name: str) -> bytes:
    """A file as it was committed; skips where there is no history to ask."""
    done = subprocess.run(["git", "cat-file", "-e", f"{revision}^{{commit}}"], cwd=ROOT, capture_output=True)
    if done.returncode:
        pytest.skip(f"commit {revision} is not here: not a clone, or a shallow one")
    return subprocess.run(["git", "show", f"{revision}:{name}"], cwd=ROOT, capture_output=True, check=True).stdout
