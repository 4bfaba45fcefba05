"""A cell or a pair whose runs were made in environments that may give other numbers says so."""

import json

import pytest
from support_tables import put, read, report

from grokbench.curves.run import NUMERICAL
from grokbench.runs.environment import environment
from grokbench.runs.store import Store
from grokbench.tables.environments import differences, in_words

HERE = {"hash": "h0", **dict.fromkeys(NUMERICAL, "1.0"), "python": "3.11", "pandas": "2", "revision": "abc"}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


def other(**changed):
    return {**HERE, "hash": "h1", **changed}


def test_what_can_change_numbers_is_known_of_every_environment():
    assert set(NUMERICAL) <= set(environment())


@pytest.mark.parametrize("name", NUMERICAL)
def test_a_cell_of_two_environments_says_so(store, name, grokbench):
    put(store, "xgboost", 0, environment=HERE)
    put(store, "xgboost", 1, environment=other(**{name: "3.4"}))
    put(store, "rfm", 0, environment=HERE)
    status, out, err = grokbench("report", store.results)
    assert status == 0
    assert [(row["learner"], row["environments"]) for row in read(store, "delays")] == [("rfm", "1"), ("xgboost", "2")]
    assert (
        f"warning: 1 of 2 cells and 1 of 1 compared pairs mix environments that may give other numbers: {name}" in err
    )
    assert len(err.splitlines()) == 1
    assert "environments" in out
    page = (store.results / "delays.md").read_text(encoding="utf-8")
    assert "| environments |" in page.splitlines()[2]
    assert "xgboost mixes environments" in page.replace("\\", "")
    assert grokbench("report", store.results, "--fail-on-mix", "--quiet")[0] == 1
    assert json.loads(grokbench("report", store.results, "--json")[1])["delays"][1]["environments"] == 2


@pytest.mark.parametrize("name", ["python", "pandas", "revision", "hash"])
def test_what_changes_no_number_is_no_mix(store, name, grokbench):
    put(store, "xgboost", 0, environment=HERE)
    put(store, "xgboost", 1, environment=other(**{name: "3.4"}))
    assert grokbench("report", store.results, "--fail-on-mix", "--quiet") == (0, "", "")
    assert "environments" not in (store.results / "delays.md").read_text(encoding="utf-8")


def test_two_sides_of_a_pair_may_differ_where_no_cell_does(store, grokbench):
    for seed in (0, 1):
        put(store, "a", seed, environment=HERE)
        put(store, "b", seed, environment=other(torch="2.14"))
        put(store, "c", seed, environment=HERE)
    status, _, err = grokbench("report", store.results, "--fail-on-mix", "--quiet")
    assert status == 1
    assert "warning: 2 of 3 compared pairs mix environments" in err
    rows = [(row["a"], row["b"], row["environments"]) for row in read(store, "comparisons")]
    assert rows == [("a", "b", "2"), ("a", "c", "1"), ("b", "c", "2")]


def test_two_families_may_differ(store):
    put(store, "a", 0, environment=HERE, family="trees")
    put(store, "b", 0, environment=other(numpy="2.5"), family="neural")
    assert [row["environments"] for row in report(store, "comparisons") if row["task"] == "all"] == ["2"]


def test_two_cells_of_their_own_environment_are_no_mix_of_a_cell(store):
    put(store, "a", 0, environment=HERE)
    put(store, "b", 0, environment=other(numpy="2.5"))
    assert [row["environments"] for row in report(store, "delays")] == ["1", "1"]


def test_three_environments_are_three_and_a_run_of_unknown_versions_is_one(store):
    for seed, machine in enumerate([HERE, other(numpy="2"), other(scipy="2"), {"hash": "old"}]):
        put(store, "a", seed, environment=machine)
    assert [row["environments"] for row in report(store, "delays")] == ["4"]
    runs = list(store.read_all())
    assert differences(runs)["numpy"] == ["1.0", "2", "unknown"]
    assert in_words(runs).endswith("more")


def test_a_version_made_of_markup_stays_text(store, grokbench):
    put(store, "a", 0, environment=HERE)
    put(store, "a", 1, environment=other(numpy="[x](y)\x1b[31m\n| b"))
    _, _, err = grokbench("report", store.results, "--quiet")
    assert len(err.splitlines()) == 1
    assert "\x1b" not in err
    assert "[x](y)" not in (store.results / "delays.md").read_text(encoding="utf-8")


def test_compare_warns_and_fails_on_a_mix_when_it_is_asked_to(tmp_path, grokbench, monkeypatch):
    from grokbench.runs import recording

    suite = tmp_path / "s.toml"
    suite.write_text(
        'seeds = 2\npoints_per_decade = 5\n[[tasks]]\nname = "modular"\nmodulus = 5\n'
        '[[learners]]\nname = "kernel_flow"\nbudget = 5\n'
    )
    command = ("compare", suite, "--results", tmp_path / "r", "--jobs", "0", "--quiet")
    assert grokbench(*command, "--seeds", "1", "--fail-on-mix") == (0, "", "")
    monkeypatch.setattr(recording, "environment", lambda: {**environment(), "xgboost": "3.4.0", "hash": "other"})
    status, _, err = grokbench(*command)
    assert status == 0
    assert "warning: 1 of 1 cells mix environments that may give other numbers: xgboost" in err
    assert grokbench(*command, "--fail-on-mix")[0] == 1
