"""A tiny suite with an explanation registered for it, through the command line: runs, rows, page, what voids them."""

import csv
import json

import pytest

from grokbench.registry import explanations
from grokbench.runs import perform
from grokbench.suites import registered
from grokbench.suites.plan import cell_keys
from grokbench.suites.suite import load_suite

CONTRACT = (  # section 3
    "explanation,prediction,role,family,task,n,statistic,estimate,low,high,p,p_holm,verdict,source,margin,rule,reason,"
    "censored,resolved,registered"
)
SUITE = """
title = "Tiny, explained"
seeds = 2
first_seed = 1000
measures = ["after_kernel"]

[[tasks]]
id = "add"
name = "modular"
modulus = 5
train_fraction = 0.6

[[tasks]]
id = "add-shuffled"
name = "modular"
modulus = 5
train_fraction = 0.6
labels = "shuffled"

[[learners]]
id = "flow"
name = "kernel_flow"
budget = 50

[[learners]]
id = "flow-ridge"
name = "kernel_flow"
ridge = 0.1
budget = 50
tasks = ["add"]
"""
RULES = """
explanation = "lazy-to-rich"
claim = "The claim in one sentence."
suite = "tiny"
first_seed = 1000
seeds = 2

[[predictions]]
name = "L1"
claim = "Freezing | the features removes it."
role = "primary"
statistic = "freezing_removes"
uses = ["free", "frozen"]
least = 10
intervention = true
margins = { difference = { support = 0.3, contradict = 0.5 } }
source = "Somebody, 2024"
change_of_mind = "a counterexample"

[[designs]]
family = "flow"
task = "add"
neural = false
[designs.cells]
free_on = "add/flow"
frozen_on = "add/flow-ridge"
shuffled = "add-shuffled/flow"
"""


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """The folder of a world in which this is the only suite and the only explanation."""
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "tiny.toml").write_text(SUITE)
    (tmp_path / "rules.toml").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    shipped = explanations["lazy-to-rich"]
    monkeypatch.setattr(shipped, "rules", tmp_path / "rules.toml")
    monkeypatch.setattr(explanations, "_classes", {"lazy-to-rich": shipped})
    monkeypatch.setattr(registered, "SHIPPED", (tmp_path / "benchmarks",))
    return tmp_path


def compare(grokbench, *arguments) -> list[dict]:
    """The rows of explanations.csv after a run without processes."""
    status, _, err = grokbench("compare", "tiny", "--jobs", 0, "--quiet", *arguments)
    assert (status, err) == (0, "")
    with open("results/tiny/explanations.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_compare_ends_in_verdicts(grokbench, tiny):
    rows = compare(grokbench)
    assert [(row["prediction"], row["family"]) for row in rows] == [
        ("L1", "flow"),
        ("(all primaries)", "flow"),
        ("(all primaries)", "(all)"),
    ]
    assert ",".join(rows[0]) == CONTRACT
    assert rows[0]["role"] == "primary"
    assert (rows[0]["verdict"], rows[0]["reason"]) == ("not applicable", "does not grok here (0/2 late)")
    assert rows[2]["verdict"] == "not applicable"
    hashes = registered.registered_rules()
    assert rows[0]["registered"] == hashes["lazy-to-rich"]
    for path in (tiny / "results" / "tiny" / "runs").glob("*/run.json"):
        assert json.loads(path.read_text())["registered"] == hashes
    page = (tiny / "results" / "tiny" / "explanations.md").read_text(encoding="utf-8")
    assert page.index("### Cross table") < page.index("### Predictions") < page.index("### Verdicts")
    assert page.index("### Verdicts") < page.index("### What each prediction says") < page.index("### What was run")
    assert "Freezing \\| the features" in page
    assert (tiny / "results" / "tiny" / "cross_table.csv").is_file()


def test_the_page_has_every_prediction_that_has_cells(grokbench, tiny):
    path = tiny / "rules.toml"
    head, designs = RULES.split("[[designs]]")
    prediction = head[head.index("[[predictions]]") :]
    other = prediction.replace('"L1"', '"L6"').replace('"freezing_removes"', '"without_pressure"')
    other = other.replace('["free", "frozen"]', '["free_off"]').replace("difference", "share")
    path.write_text(f"{head}{other}[[designs]]{designs}")
    rows = compare(grokbench)
    assert [(row["prediction"], row["reason"]) for row in rows[:2]] == [
        ("L1", "does not grok here (0/2 late)"),
        ("L6", "no cells for free_off"),
    ]
    page = (tiny / "results" / "tiny" / "explanations.md").read_text(encoding="utf-8")
    table = page[page.index("### Predictions") : page.index("### Verdicts")]
    assert "| L1 | primary | flow | add | 0 | undefined |" in table
    assert "does not grok here (0/2 late)" in table
    assert "L6" not in table
    assert "**L6** (primary)" in page
    cells = page[page.index("### What was run") : page.index("### Sensitivity")]
    assert "| flow | add | c: frozen, on | modular(" in cells
    assert "kernel_flow(ridge = 0.1)" in cells
    assert "labels = shuffled" in cells


def test_report_says_the_same_bytes_again(grokbench, tiny):
    compare(grokbench)
    files = [tiny / "results" / "tiny" / name for name in ("explanations.csv", "explanations.md", "cross_table.csv")]
    before = [path.read_bytes() for path in files]
    assert grokbench("report", "results/tiny", "--quiet")[0] == 0
    assert [path.read_bytes() for path in files] == before


VOID = ("exploratory", "undecided", "6 of 6 runs predate the rules or differ from them")
HOLDS = ("primary", "not applicable", "does not grok here (0/2 late)")


def outcome(row: dict) -> tuple[str, str, str]:
    return row["role"], row["verdict"], row["reason"]


def edit(path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_change_of_the_rules_voids_earlier_runs(grokbench, tiny):
    assert outcome(compare(grokbench)[0]) == HOLDS
    edit(tiny / "rules.toml", "least = 10", "least = 10 # a comment is a change")
    assert outcome(compare(grokbench)[0]) == VOID


def test_runs_without_registered_keys_hold_by_the_bytes_of_both_files(grokbench, tiny, monkeypatch):
    """Such were made before keys were registered beside bytes."""
    monkeypatch.setattr(perform, "registered_keys", dict)
    assert outcome(compare(grokbench)[0]) == HOLDS
    edit(tiny / "benchmarks" / "tiny.toml", 'title = "Tiny', 'title = "Tinier')
    assert outcome(compare(grokbench)[0]) == VOID


def test_a_cell_more_for_another_explanation_voids_nothing(grokbench, tiny):
    compare(grokbench)
    before = registered.registration("lazy-to-rich")
    suite = tiny / "benchmarks" / "tiny.toml"
    suite.write_text(
        suite.read_text() + '\n[[learners]]\nid = "more"\nname = "kernel_flow"\nridge = 0.2\nbudget = 50\n'
    )
    assert outcome(compare(grokbench)[0]) == HOLDS
    after = registered.registration("lazy-to-rich")
    assert (after.hash != before.hash, after.cells_hash == before.cells_hash) == (True, True)


def test_a_cell_whose_name_points_at_other_runs_voids_the_runs(grokbench, tiny):
    """All runs are there, with their keys; only which of them is the frozen one has changed."""
    compare(grokbench)
    suite = tiny / "benchmarks" / "tiny.toml"
    more = '\n[[learners]]\nid = "flow-ridge"\nname = "kernel_flow"\nridge = 0.2\nbudget = 50\ntasks = ["add"]\n'
    edit(suite, 'id = "flow-ridge"', 'id = "flow-old"')
    suite.write_text(suite.read_text() + more)
    row = compare(grokbench)[0]
    assert (row["role"], row["reason"]) == ("exploratory", "4 of 6 runs predate the rules or differ from them")


def test_runs_of_exchanged_cells_are_void(grokbench, tiny):
    compare(grokbench)
    rules = tiny / "rules.toml"
    edit(rules, 'frozen_on = "add/flow-ridge"', 'frozen_on = "add/flow"')
    edit(rules, 'free_on = "add/flow"', 'free_on = "add/flow-ridge"')
    row = compare(grokbench)[0]
    assert (row["role"], row["verdict"]) == ("exploratory", "undecided")


def test_other_seeds_and_other_options_are_exploration(grokbench, tiny):
    seeds = compare(grokbench, "--set", "first_seed=0")[0]
    assert (seeds["role"], seeds["reason"]) == ("exploratory", "exploration: other seeds than the registered ones")
    assert seeds["n"] == "0"
    options = compare(grokbench, "--set", "learners.flow-ridge.ridge=0.5")[0]
    assert (options["role"], options["reason"]) == ("exploratory", "2 of 6 runs predate the rules or differ from them")
    other_cell = compare(grokbench, "--set", "learners.flow-ridge.ridge=0.0")[0]  # frozen runs that are the free ones
    assert other_cell["reason"] == "2 of 6 runs predate the rules or differ from them"
    fewer = compare(grokbench, "--seeds", 1)[0]
    assert (fewer["role"], fewer["reason"]) == ("exploratory", "3 of 6 registered runs missing")


def test_an_id_with_several_settings_names_no_cell(tiny):
    (tiny / "benchmarks" / "tiny.toml").write_text(SUITE.replace("ridge = 0.1", "ridge = [0.1, 0.2]"))
    assert set(cell_keys(load_suite("tiny"))) == {"add/flow", "add-shuffled/flow"}


def test_other_suites_have_no_explanations(grokbench, tiny):
    (tiny / "benchmarks" / "other.toml").write_text(SUITE)
    assert grokbench("compare", "other", "--jobs", 0, "--quiet")[0] == 0
    assert not (tiny / "results" / "other" / "explanations.csv").exists()


def test_list_and_show_know_explanations(grokbench, tiny):
    assert json.loads(grokbench("list", "explanations", "--json")[1]) == [
        {"name": "lazy-to-rich", "description": "The claim in one sentence."}
    ]
    text = grokbench("show", "lazy-to-rich")[1]
    assert "L1 (primary): Freezing | the features removes it." in text
    assert "supported above 0.3, contradicted below 0.5; n ≥ " in text
    assert "what would change our mind: " in text
    assert "confirmatory: 2 seeds from " in text
    assert json.loads(grokbench("show", "lazy-to-rich", "--json")[1])["predictions"][0]["name"] == "L1"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('role = "primary"', 'role = "first"'), "predictions.0.role"),
        (('statistic = "freezing_removes"', 'statistic = "freezes"'), "L1: no function 'freezes'"),
        (('explanation = "lazy-to-rich"', 'explanation = "other"'), "expected 'lazy-to-rich', the name under which"),
        (("seeds = 2", "seeds = 2\nsedes = 3"), "sedes"),
        (("neural = false", 'neural = false\nby_construction = { L2 = "so" }'), "no prediction 'L2'"),
    ],
)
def test_rules_that_cannot_be_are_one_line(grokbench, tiny, change, complaint):
    path = tiny / "rules.toml"
    path.write_text(RULES.replace(*change))
    status, _, err = grokbench("show", "lazy-to-rich")
    assert status == 2
    assert complaint in err
    assert err.count("\n") == 1
