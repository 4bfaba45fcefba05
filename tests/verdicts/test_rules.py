"""The shipped rules: they name what exists, and they precede the runs that they judge."""

import hashlib
import tomllib
from pathlib import Path

import pytest
from support_history import at_revision, revisions_of, rows_of

import grokbench
from grokbench.errors import UsageError
from grokbench.registry import explanations
from grokbench.suites.registered import registered_rules
from grokbench.verdicts import rules
from grokbench.verdicts.cells import Cells
from grokbench.verdicts.finding import Finding

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"
EXPLAINED = sorted(REFERENCE.glob("*/explanations.csv"))


def test_the_two_explanations_and_the_phenomenon_are_there():
    assert {"lazy-to-rich", "complexity", "eight-cells", "phenomenon", "mediation"} <= set(explanations.names())


@pytest.mark.parametrize("name", explanations.names())
def test_every_explanation_keeps_every_condition(name):
    """What the conditions are stands in `rules.parse`, and below, where each of them is broken once."""
    explanations[name].check()
    assert rules.read(name).explanation == name


SUITE = """
title = "Small"
seeds = 2
first_seed = 1000

[[tasks]]
id = "add"
name = "modular"
modulus = 5

[[tasks]]
id = "add-shuffled"
name = "modular"
modulus = 5
labels = "shuffled"

[[learners]]
name = "kernel_flow"
budget = 50

[[learners]]
id = "short"
name = "kernel_flow"
budget = 20
seeds = 1
"""
RULES = """
explanation = "mine"
claim = "It is so."
suite = "small"
first_seed = 1000
seeds = 2
necessity = "M1"

[[predictions]]
name = "M1"
claim = "It is so here."
role = "primary"
statistic = "so"
uses = ["free"]
least = 1
intervention = true
margins = { share = { support = 0.3, contradict = 0.5 } }
source = "nobody"
change_of_mind = "anything"

[[designs]]
family = "flow"
task = "add"
neural = false
complexity = "norm"
closed_form = ["free_on"]
numbers = { free_on = [1] }
[designs.cells]
free_on = "add/kernel_flow"
shuffled = "add-shuffled/kernel_flow"
"""
ANOTHER = RULES[RULES.index("[[predictions]]") : RULES.index("[[designs]]")]
AGAIN = RULES[RULES.index("[[designs]]") :]
FOUR = "".join(ANOTHER.replace('"M1"', f'"M1{letter}"') for letter in "abc")


def so(cells: Cells) -> Finding:
    """M1: it is so."""


def not_so(cells: Cells) -> Finding:
    """It begins with no name."""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The class of an explanation, from the text of its rules and of its suite in ./benchmarks."""
    (tmp_path / "benchmarks").mkdir()
    monkeypatch.chdir(tmp_path)

    def make(text: str, suite: str = SUITE) -> type:
        (tmp_path / "benchmarks" / "small.toml").write_text(suite)

        @grokbench.register_explanation("mine")
        class Mine(grokbench.Explanation):
            """It is so."""

            rules = text

        return Mine

    return make


def test_a_small_explanation_keeps_every_condition(mine):
    mine(RULES).check()
    assert rules.claim("mine") == "It is so."
    assert [explanation.explanation for explanation in rules.of_suite("small")] == ["mine"]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("seeds = 2", "seeds = 2\nsedes = 3", "sedes"),
        ('"primary"', '"first"', "predictions.0.role"),
        ('"mine"', '"other"', "expected 'mine', the name under which it is registered"),
        ('"so"', '"sso"', "M1: no function 'sso' in its module"),
        ('"so"', '"not_so"', "expected the docstring of not_so to begin with its name"),
        ("{ share = { support = 0.3, contradict = 0.5 } }", "{}", "M1: needs margins"),
        ("{ support = 0.3, contradict = 0.5 }", "{}", "expected a margin for support, for contradiction, or for both"),
        ('"nobody"', '""', "M1: needs source"),
        ('"anything"', '""', "M1: needs change_of_mind"),
        ("intervention = true", "intervention = false", "no primary is an intervention"),
        ("[[designs]]", FOUR + "[[designs]]", "4 primaries: expected at most 3"),
        ("[[designs]]", ANOTHER + "[[designs]]", "a prediction stands twice"),
        ("[[designs]]", AGAIN + "[[designs]]", "a family stands twice on one task"),
        ('necessity = "M1"', 'necessity = "L1"', "no prediction 'L1'"),
        ("neural = false", 'neural = false\npredictions = ["M2"]', "no prediction 'M2'"),
        ("neural = false", 'neural = false\nby_construction = { M3 = "so" }', "no prediction 'M3'"),
        ('shuffled = "add-shuffled/kernel_flow"', "", "expected a cell with shuffled labels"),
        ('closed_form = ["free_on"]', 'closed_form = ["free_off"]', "no cells for the role 'free_off'"),
        ("free_on = [1]", "free_of = [1]", "no cells for the role 'free_of'; did you mean \"free_on\"?"),
        ("free_on = [1]", "free_on = [1, 2]", "expected one number per cell"),
        ('"norm"', '"nrom"', "no measure has a column 'nrom'; did you mean \"norm\"?"),
        ("first_seed = 1000", "first_seed = 100", "first_seed = 100: expected 1000 or more"),
        ("seeds = 2", "seeds = 3", "seeds = 2: expected 3, as registered"),
        ("first_seed = 1000", "first_seed = 1001", "first_seed = 1000: expected 1001"),
        ('"small"', '"large"', "no such suite is shipped"),
        ('"add/kernel_flow"', '"add/kernel_flo"', "no cell 'add/kernel_flo'; did you mean \"add/kernel_flow\"?"),
        ('"add/kernel_flow"', '"add/short"', "add/short has no seed 1001"),
        ("claim = ", "claim = =", "cannot be read"),
    ],
)
def test_each_condition_is_a_line_of_its_own(mine, old, new, complaint):
    assert old in RULES
    with pytest.raises(UsageError) as error:
        mine(RULES.replace(old, new)).check()
    assert complaint in str(error.value)
    assert str(error.value).startswith("rules of mine: ")


def test_a_suite_that_stops_its_runs_early_carries_no_verdict(mine):
    """Final values of runs that stopped early and of others are not comparable."""
    with pytest.raises(UsageError, match="settle = True: expected False"):
        mine(RULES, "settle = true" + SUITE).check()


def test_a_class_without_a_docstring_says_nothing(mine):
    cls = mine(RULES)
    cls.__doc__ = None
    with pytest.raises(UsageError, match="needs a docstring"):
        cls.check()


@pytest.mark.parametrize("path", EXPLAINED, ids=lambda p: p.parent.name)
def test_the_reference_results_are_those_of_the_registered_runs(path):
    """A row of runs that were made under other rules, or of other runs than those registered, is `exploratory`."""
    rows = rows_of(path)
    assert {row["registered"] for row in rows} <= set(registered_rules().values())
    assert not [row for row in rows if row["role"] == "exploratory"]


@pytest.mark.parametrize("path", EXPLAINED, ids=lambda p: p.parent.name)
def test_the_rules_precede_the_runs_of_the_reference_results(path):
    """The commit at which the runs were made, without a change, has the rules and the suite of the stored hash."""
    revisions = revisions_of(path.parent)
    registered = {row["explanation"]: row["registered"] for row in rows_of(path)}
    assert not [revision for revision in revisions if not revision or revision.endswith("+")]
    for revision in revisions:
        for explanation, stored in registered.items():
            own = at_revision(revision, f"grokbench/explanations/{explanation}.toml")
            suite = at_revision(revision, f"benchmarks/{tomllib.loads(own.decode())['suite']}.toml")
            assert hashlib.sha256(own + b"\0" + suite).hexdigest() == stored, (revision, explanation)
