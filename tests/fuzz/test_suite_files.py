"""Suite files of every shape: a plan, or one line that says what is wrong."""

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st
from support_damage import NASTY_TEXTS, damaged, damaged_bytes, toml
from support_watch import answer

from grokbench.options import options
from grokbench.registry import learners, tasks
from grokbench.suites import plan

pytestmark = pytest.mark.fuzz
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SMALL = """
title = "Small"
seeds = 2
first_seed = 1
points_per_decade = 20
time_limit_s = 60
settle = false
comparisons = [["mlp", "kernel"], ["trees", "mlp"]]

[[tasks]]
id = "add"
name = "modular"
operation = ["x+y", "x*y"]
modulus = 7
train_fraction = 0.5
labels = ["true", "shuffled"]

[[tasks]]
name = "parity"
n_bits = 8
k = 2
n_train = 30
n_test = 20
label_noise = 0.1

[[learners]]
name = "mlp"
hidden = [[8], [8, 8]]
activation = "quadratic"
weight_decay = [0.0, 1.0]
batch_size = 4
budget = 50
tasks = ["add"]

[[learners]]
id = "trees"
name = "xgboost"
max_depth = 3
lambda = 0.5
budget = 20

[[learners]]
name = "kernel_flow"
kernel = ["gaussian", "ntk"]
budget = 1e3

[[learners]]
name = "rfm"
frozen = [false, true]
bandwidth = 2.5
budget = 5

[[learners]]
name = "linearized"
budget = 50
"""
BASES = [tomllib.loads(text) for text in (SMALL, (BENCHMARKS / "smoke.toml").read_text(encoding="utf-8"))]
NAMES = sorted(
    {"id", "name", "budget", "tasks", "learners", "comparisons", "seeds", "first_seed", "settle", "title"}
    | {name for registry in (tasks, learners) for known in registry.names() for name in options(registry[known])}
)


@pytest.fixture
def few_runs(monkeypatch):
    """A plan of at most 2000 runs, so that the largest one takes no minute."""
    monkeypatch.setattr(plan, "MOST_RUNS", 2000)


trees = st.sampled_from(BASES).flatmap(lambda base: damaged(base, names=NAMES))
files = st.one_of(
    trees.map(lambda tree: toml(tree).encode("utf-8", "surrogatepass")),
    trees.map(lambda tree: toml(tree).encode("utf-8", "surrogatepass")),
    damaged_bytes(SMALL.encode()),
)


def can_be_an_argument(word: str) -> bool:
    """Whether a shell could give this to a command: no NUL, and bytes of the file system."""
    try:
        return b"\0" not in os.fsencode(word)
    except UnicodeEncodeError:
        return False


words = st.sampled_from(
    (*NASTY_TEXTS, "0", "-1", "1e400", "[1, 2]", "[[8, 8]]", "[" * 2000, "9" * 5000, "1\nseeds = 3", "nan")
).filter(can_be_an_argument)
targets = st.sampled_from(
    ("seeds", "first_seed", "title", "settle", "comparisons", "time_limit_s", "points_per_decade", "learners",
     "tasks.add", "learners.mlp.weight_decay", "learners.mlp.hidden", "learners.trees.budget", "tasks.add.modulus",
     "tasks.add.id", "tasks.parity.k", "tasks.parity.n_bits", "learners.mlp.name", "learners.mlp.tasks",
     "", ".", "..", "a.b.c")
)  # fmt: skip
options_given = st.lists(
    st.one_of(
        st.tuples(targets, words).map(lambda pair: ("--set", "=".join(pair))),
        words.map(lambda word: ("--only", word)),
        st.sampled_from((("--json",), ("--seeds", "1"), ("--retry",), ("--quiet",), ("--jobs", "0"))),
    ),
    max_size=2,
).map(lambda pairs: [word for pair in pairs for word in pair])


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(content=files)
@example(content=SMALL.encode())
def test_a_suite_file_is_a_plan_or_one_line(tmp_path, few_runs, content):
    folder = tmp_path
    path = folder / "suite.toml"
    path.write_bytes(content)
    status, *_ = answer(folder / "results", "compare", path, "--dry-run", "--results", folder / "results")
    event(f"status {status}")
    assert status in (0, 2)
    assert not (folder / "results").exists()


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(given_options=options_given, verb=st.sampled_from(("compare", "run")))
def test_a_command_line_is_a_plan_or_one_line(tmp_path, few_runs, given_options, verb):
    folder = tmp_path
    path = folder / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    status, *_ = answer(folder / "results", verb, path, "--dry-run", "--results", folder / "results", *given_options)
    event(f"status {status}")
    assert status in (0, 2)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(
    verb=st.sampled_from(("compare", "show", "report", "detect", "list", "check")),
    word=st.one_of(
        st.sampled_from(NASTY_TEXTS), st.text(max_size=300), st.from_regex(r"\A[./~a-f0-9-]{1,30}\Z")
    ).filter(can_be_an_argument),
)
def test_a_name_is_found_or_refused_in_one_line(tmp_path, monkeypatch, verb, word):
    folder = tmp_path
    monkeypatch.chdir(folder)
    dry = ("--dry-run",) if verb == "compare" else ()
    if verb == "check" and (word in learners or word in tasks):
        return  # the laws take seconds
    status, *_ = answer(folder / "results", verb, *dry, "--", word)
    event(f"status {status}")
    assert status in (0, 2)
