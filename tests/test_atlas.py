"""The atlas is complete in what it names: every learner on every task, with as many settings, or out with a reason.

What is registered and not named there costs nothing: it is listed at the end of the tests' output.
"""

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from grokbench.curves.trace import Course
from grokbench.registry import learners, tasks
from grokbench.suites.plan import make_plan
from grokbench.suites.suite import load_suite
from grokbench.threads import one_thread

ROOT = Path(__file__).parents[1]
SETTINGS = 4  # of every learner on every task
PAGE = (ROOT / "docs" / "atlas.md").read_text(encoding="utf-8")
PLAN = make_plan(load_suite(str(ROOT / "benchmarks" / "atlas.toml"), seeds=1))
LEARNERS, TASKS = (sorted({cell.name for cell in cells}) for cells in (PLAN.suite.learners, PLAN.suite.tasks))
OUTSIDE = [  # now, before a fixture of another file includes its own
    f"{registry.kind} {name}"
    for registry, inside in ((learners, LEARNERS), (tasks, TASKS))
    for name in registry.names()
    if name not in inside
]


def table(name: str) -> list[list[str]]:
    """The cells of a marked table of docs/atlas.md."""
    match = re.search(rf"<!-- {name} -->\n((?:\|.*\n)+)", PAGE)
    assert match, f"docs/atlas.md has no table marked {name}"
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in match[1].splitlines()[2:]]


def planned() -> dict[tuple[str, str], dict[str, list]]:
    """Runs by (learner, task) and by the task's labels."""
    specs = defaultdict(lambda: defaultdict(list))
    for spec in PLAN.specs:
        specs[spec.learner.name, spec.task.name][spec.task.options["labels"]].append(spec)
    return specs


def too_slow() -> set[tuple[str, str]]:
    """Pairs that the page leaves out for their cost."""
    return {(row[0], task) for row in table("named tasks") for task in set(TASKS) - set(row[1].split(", "))}


def test_what_is_registered_and_not_in_the_atlas_is_listed():
    """A skip says it in the summary; the reference results hold that nothing is taken out of the atlas by mistake."""
    if OUTSIDE:
        pytest.skip(f"allowed, and not in the atlas: {', '.join(OUTSIDE)}")


def test_the_pairs_that_cannot_be_are_those_of_the_committed_list():
    refused = {(learner.name, task.name, reason) for task, learner, reason in PLAN.not_applicable}
    assert refused == {tuple(row) for row in table("not applicable")}
    assert not {(learner, task) for learner, task, _ in refused} & set(planned()), "refused with some settings only"


def test_every_learner_meets_every_task_or_is_left_out_by_name():
    refused = {(learner.name, task.name) for task, learner, _ in PLAN.not_applicable}
    everything = {(learner, task) for learner in LEARNERS for task in TASKS}
    assert set(planned()) | refused | too_slow() == everything
    assert not set(planned()) & too_slow()
    assert len(planned()) + len(refused) > len(everything) * 0.7


def test_a_learner_that_is_too_slow_for_every_task_has_two():
    assert {len(row[1].split(", ")) for row in table("named tasks")} == {2}


def test_every_learner_has_as_many_settings_on_every_task():
    counts = {
        (pair, labels): len({spec.key for spec in specs})
        for pair, by_labels in planned().items()
        for labels, specs in by_labels.items()
    }
    assert set(counts.values()) == {SETTINGS}, {place: n for place, n in counts.items() if n != SETTINGS}


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNERS)
def test_no_two_settings_are_the_same_in_effect(name):
    """Early predictions on the first task of each learner, rounded so that another order of sums is no effect."""
    specs = next(by_labels for pair, by_labels in planned().items() if pair[0] == name)["true"]
    split, answers = specs[0].task.make(tasks).split(0), set()
    for spec in specs:
        learner = spec.learner.make(learners)
        with one_thread():
            learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, np.random.default_rng(0))
            learner.advance(3)
            answers.add(np.round(learner.scores(split.X_test[:50]), 6).tobytes())
    assert len(answers) == SETTINGS


def test_the_control_is_there():
    shuffled = {spec.task.name for spec in PLAN.specs if spec.task.options["labels"] == "shuffled"}
    assert len(shuffled) >= 2
    assert {pair for pair in planned() if pair[1] in shuffled} == {
        pair for pair, by_labels in planned().items() if "shuffled" in by_labels
    }


@pytest.mark.parametrize("task", TASKS)
def test_the_estimators_of_a_task_have_one_clock_of_each_kind(task):
    specs = planned()["estimator", task]["true"]
    clocks = sorted(spec.learner.make(learners).clock for spec in specs)
    assert clocks == ["epochs", "max_depth", "members", "rounds"]


def test_the_atlas_explores():
    suite = load_suite(str(ROOT / "benchmarks" / "atlas.toml"))
    assert suite.seeds == 10
    assert suite.first_seed > 0, "the levels were tuned on seed 0"
    assert suite.first_seed + suite.seeds <= 100, "seeds from 1000 are for verdicts"


def test_the_dry_run_says_once_what_cannot_be(grokbench, tmp_path):
    status, out, _ = grokbench("compare", "atlas", "--dry-run", "--results", tmp_path / "results")
    assert status == 0
    lines = [line for line in out.splitlines() if line.startswith("not applicable: ")]
    assert len(lines) == len(set(lines)) == len({(lr.id, task.id) for task, lr, _ in PLAN.not_applicable})


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_begins_on_each_of_its_tasks(name):
    """Two ticks of one setting of every pair; which setting goes round, so that each has its turn."""
    splits = {}
    for turn, (learner, task) in enumerate(sorted(pair for pair in planned() if pair[0] == name)):
        spec = planned()[learner, task]["true"][turn % SETTINGS]
        split = splits.setdefault(task, spec.task.make(tasks).split(0))
        adapted = spec.learner.make(learners)
        with one_thread():
            rows = list(Course(adapted, split, 2 if adapted.integer_clock else 0.1, points_per_decade=1).rows())
        assert len(rows) >= 2, (learner, task)
        assert np.isfinite([row["test_accuracy"] for row in rows]).all(), (learner, task)
