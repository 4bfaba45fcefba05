"""A suite is data: what it says becomes a plan, and what it says wrongly becomes one line."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from conftest import SABOTEURS

from grokbench.errors import UsageError
from grokbench.learners.base import Learner
from grokbench.registry import include, learners, register_learner, tasks
from grokbench.suites import plan as plan_module
from grokbench.suites.plan import cell_keys, make_plan
from grokbench.suites.suite import find_suite, load_suite, shipped_suites

BASE = """
title = "A title"
seeds = 2

[[tasks]]
id = "add"
name = "modular"
modulus = 7

[[learners]]
name = "kernel_flow"
budget = 100
"""
MLP = BASE.replace("kernel_flow", "mlp")


def plan_of(path, **changes):
    return make_plan(replace(load_suite(str(path)), **changes))


MISTAKES = {
    "key": (BASE.replace("seeds", "seed"), ["unknown key 'seed'", 'did you mean "seeds"?']),
    "table": (BASE.replace("[[tasks]]", "[[task]]"), ["unknown key 'task'", 'did you mean "tasks"?']),
    "no table": (BASE.partition("[[learners]]")[0], ["expected at least one [[learners]] table"]),
    "one table": (BASE.replace("[[tasks]]", "[tasks]"), ["expected at least one [[tasks]] table"]),
    "nothing": ("", ["expected at least one [[tasks]] table"]),
    "not TOML": (BASE.replace("seeds = 2", "seeds = = 2"), ["not valid TOML", "line 3"]),
    "task name": (BASE.replace("modular", "modula"), ["[[tasks]] add: no task 'modula'", 'did you mean "modular"?']),
    "no name": (BASE.replace('name = "modular"', ""), ["[[tasks]] add: needs a name", "modular"]),
    "name": (BASE.replace('"modular"', "3"), ["[[tasks]] add: needs a name", "modular"]),
    "id": (BASE.replace('"add"', "3"), ["[[tasks]] 3: id = 3: expected a text"]),
    "learner name": (
        BASE.replace("kernel_flow", "kernelflow"),
        ["[[learners]] kernelflow", 'did you mean "kernel_flow"?'],
    ),
    "task option": (BASE.replace("modulus", "moduls"), ["[[tasks]] add", "'moduls'", 'did you mean "modulus"?']),
    "learner option": (BASE + "ridg = 1", ["[[learners]] kernel_flow", "'ridg'", 'did you mean "ridge"?']),
    "literal": (
        BASE + 'kernel = "gausian"',
        ["[[learners]] kernel_flow: kernel = 'gausian'", 'did you mean "gaussian"?'],
    ),
    "type": (MLP + 'weight_decay = "a"', ["[[learners]] mlp: weight_decay = 'a': expected a number of at least 0"]),
    "type in an axis": (
        MLP + 'weight_decay = [0.1, "a"]',
        ["[[learners]] mlp: weight_decay = 'a': expected a number of at least 0"],
    ),
    "negative": (MLP + "weight_decay = -1", ["[[learners]] mlp: weight_decay = -1"]),
    "not nested": (MLP + "hidden = [128]", ["hidden = 128", "nest it: hidden = [[128]]"]),
    "empty axis": (BASE.replace("modulus = 7", "modulus = []"), ["[[tasks]] add: modulus = []: an axis needs"]),
    "a table as value": (BASE.replace("modulus = 7", "modulus = {a = 1}"), ["[[tasks]] add: modulus = {'a': 1}"]),
    "division": (
        BASE.replace("modulus = 7", 'modulus = 12\noperation = "x/y"'),
        ["modulus = 12", "prime", "11 and 13"],
    ),
    "fraction": (BASE.replace("modulus = 7", "train_fraction = 1.5"), ["[[tasks]] add: train_fraction = 1.5"]),
    "no entries": (BASE.replace("modulus = 7", "modulus = 7\ntrain_fraction = 0.01"), ["train_fraction = 0.01"]),
    "k": (
        BASE.replace('"modular"\nmodulus = 7', '"parity"\nn_bits = 5\nk = 9'),
        ["[[tasks]] add: k = 9", "n_bits = 5"],
    ),
    "too large": (
        BASE.replace("modulus = 7", "modulus = 10000000"),
        ["add: modulus = 10000000: expected a whole number"],
    ),
    "labels": (BASE.replace("modulus = 7", 'labels = "shufled"'), ["labels = 'shufled'", 'did you mean "shuffled"?']),
    "noise": (BASE.replace("modulus = 7", "label_noise = 2.0"), ["[[tasks]] add: label_noise = 2"]),
    "budget": (BASE.replace("budget = 100", ""), ["[[learners]] kernel_flow: needs a budget", "flow time"]),
    "budget 0": (BASE.replace("budget = 100", "budget = 0"), ["[[learners]] kernel_flow: budget = 0"]),
    "budget 1.5": (MLP.replace("budget = 100", "budget = 1.5"), ["[[learners]] mlp: budget = 1.5", "whole"]),
    "budget inf": (BASE.replace("budget = 100", "budget = inf"), ["budget = inf"]),
    "budget text": (BASE.replace("budget = 100", 'budget = "1"'), ["budget = '1'", "one number of flow time"]),
    "budget axis": (BASE.replace("budget = 100", "budget = [1, 2]"), ["budget = [1, 2]", "one number of flow time"]),
    "seeds 0": (BASE.replace("seeds = 2", "seeds = 0"), ["seeds = 0: expected a whole number of at least 1"]),
    "seeds 1.5": (BASE.replace("seeds = 2", "seeds = 1.5"), ["seeds = 1.5: expected a whole number"]),
    "own seeds": (BASE + "seeds = 0", ["[[learners]] kernel_flow: seeds = 0: expected a whole number of at least 1"]),
    "own seeds axis": (BASE + "seeds = [1, 2]", ["[[learners]] kernel_flow: seeds = [1, 2]: expected a whole number"]),
    "first_seed": (BASE.replace("seeds = 2", "first_seed = -1"), ["first_seed = -1"]),
    "points": (BASE.replace("seeds = 2", "points_per_decade = 0"), ["points_per_decade = 0"]),
    "limit": (BASE.replace("seeds = 2", "time_limit_s = nan"), ["time_limit_s = nan: expected a positive number"]),
    "settle": (BASE.replace("seeds = 2", "settle = 1"), ["settle = 1: expected true or false"]),
    "title": (BASE.replace('"A title"', "3"), ["title = 3: expected a text"]),
    "tasks": (BASE + 'tasks = ["ad"]', ["[[learners]] kernel_flow: tasks: no task 'ad'", 'did you mean "add"?']),
    "tasks text": (BASE + 'tasks = "add"', ["[[learners]] kernel_flow: tasks = 'add'", '["add"]']),
    "no tasks": (BASE + "tasks = []", ["the plan is empty"]),
    "pair": (BASE.replace("seeds = 2", 'comparisons = [["kernel_flo", "kernel"]]'), ["'kernel_flo'", '"kernel_flow"?']),
    "pairs": (BASE.replace("seeds = 2", 'comparisons = "x"'), ["comparisons = 'x': expected a list of pairs"]),
}


@pytest.mark.parametrize(("text", "fragments"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_line_that_names_file_table_and_key(write_suite, text, fragments):
    path = write_suite(text)
    with pytest.raises(UsageError) as error:
        plan_of(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    for fragment in fragments:
        assert fragment in message


def test_a_file_that_is_not_text_is_named(tmp_path):
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"binary\.toml: cannot be read"):
        load_suite(str(path))


def test_a_task_that_cannot_be_sampled_is_named(write_suite):
    include(SABOTEURS)
    path = write_suite(BASE.replace('name = "modular"\nmodulus = 7', 'name = "unsampled"'))
    with pytest.raises(UsageError, match=r"\[\[tasks\]\] add: no split can be drawn: RuntimeError: no data today"):
        plan_of(path)


def test_a_suite_is_found_by_name_and_by_path(write_suite, tmp_path, monkeypatch):
    path = write_suite(BASE, "mine")
    assert find_suite(str(path)) == path
    assert find_suite("smoke").name == "smoke.toml"
    (tmp_path / "benchmarks").mkdir()
    path.rename(tmp_path / "benchmarks" / "mine.toml")
    monkeypatch.chdir(tmp_path)
    assert load_suite("mine").name == "mine"
    assert "smoke" in shipped_suites()
    for wrong, message in (
        ("smok", 'did you mean "smoke"?'),
        ("a/b", "no such suite file"),
        ("x.toml", "no such suite"),
    ):
        with pytest.raises(UsageError) as error:
            find_suite(wrong)
        assert message in str(error.value)


def test_axes_are_multiplied_and_list_values_are_nested(write_suite):
    path = write_suite(
        BASE.replace("modulus = 7", "modulus = [5, 7]\ntrain_fraction = [0.4, 0.6, 0.5]")
        + '\n[[learners]]\nname = "mlp"\nhidden = [[4], [4, 4]]\nweight_decay = [0, 1]\nbudget = 10'
    )
    suite = load_suite(str(path))
    assert [tuple(variant.given.items()) for variant in suite.tasks] == [
        tuple(options.items())
        for options in (
            {"modulus": 5, "train_fraction": 0.4},
            {"modulus": 5, "train_fraction": 0.6},
            {"modulus": 5},
            {"modulus": 7, "train_fraction": 0.4},
            {"modulus": 7, "train_fraction": 0.6},
            {"modulus": 7},
        )
    ]
    assert [variant.options["hidden"] for variant in suite.learners[1:]] == [[4], [4], [4, 4], [4, 4]]
    assert len(make_plan(suite).specs) == 6 * 5 * 2


def test_an_interrupted_suite_already_shows_every_cell(write_suite):
    path = write_suite(
        BASE.replace("modulus = 7", "modulus = [5, 7]").replace("seeds = 2", "seeds = 3\nfirst_seed = 1000")
    )
    specs = plan_of(path).specs
    assert [spec.seed for spec in specs] == [1000, 1000, 1001, 1001, 1002, 1002]
    assert len({spec.task.options["modulus"] for spec in specs[:2]}) == 2


def test_a_learner_may_say_its_own_number_of_seeds(write_suite):
    """The command line's number is for all; what has more seeds goes on alone."""
    more = '[[learners]]\nid = "more"\nname = "kernel_flow"\nridge = 0.1\nbudget = 100\nseeds = 4\n'
    path = write_suite(BASE + more)
    assert [(spec.learner.id, spec.seed) for spec in plan_of(path).specs] == [
        *(("kernel_flow", 0), ("more", 0), ("kernel_flow", 1), ("more", 1)),
        *(("more", 2), ("more", 3)),
    ]
    assert sorted(cell_keys(load_suite(str(path)))["add/more"]) == [0, 1, 2, 3]
    assert len(make_plan(load_suite(str(path), seeds=3)).specs) == 6


def test_a_learner_may_stand_in_several_tables_and_name_its_tasks(write_suite):
    path = write_suite(
        BASE
        + """
[[tasks]]
id = "bits"
name = "parity"
n_bits = 6
k = 2
n_train = 20
n_test = 20
[[learners]]
id = "strong"
name = "kernel_flow"
ridge = 1.0
budget = 10
tasks = ["bits"]
"""
    )
    pairs = [(spec.task.id, spec.learner.id) for spec in plan_of(path, seeds=1).specs]
    assert pairs == [("add", "kernel_flow"), ("bits", "kernel_flow"), ("bits", "strong")]


def test_runs_that_are_the_same_are_planned_once(write_suite):
    path = write_suite(BASE + '\n[[learners]]\nid = "again"\nname = "kernel_flow"\nridge = 0.0\nbudget = 100.0')
    assert len(plan_of(path).specs) == 2


def test_a_pair_that_cannot_be_is_not_applicable_and_says_why(write_suite):
    @register_learner("choosy")
    class Choosy(Learner):
        """Reads two-letter alphabets only."""

        def cannot_read(self, split):
            return None if set(split.alphabet) == {2} else "reads bits only"

    path = write_suite(BASE + '\n[[learners]]\nname = "choosy"\nbudget = 5')
    plan = plan_of(path)
    assert [(task.id, learner.id, why) for task, learner, why in plan.not_applicable] == [
        ("add", "choosy", "reads bits only")
    ]
    assert {spec.learner.id for spec in plan.specs} == {"kernel_flow"}


def test_learners_are_compared_on_identical_splits(write_suite):
    path = write_suite(MLP + '\n[[learners]]\nname = "kernel_flow"\nbudget = 10')
    specs = plan_of(path, seeds=1).specs
    one, other = (spec.task.make(tasks).split(spec.seed) for spec in specs)
    assert one.hash == other.hash
    np.testing.assert_array_equal(one.X_train, other.X_train)


def first_spec(path, *overrides):
    return make_plan(load_suite(str(path), overrides)).specs[0]


def test_the_key_is_the_hash_of_what_the_result_depends_on(write_suite):
    path = write_suite(MLP)
    spec = first_spec(path)
    assert set(spec.config) == {
        *("task", "task_options", "task_version", "learner", "learner_options", "learner_version"),
        *("seed", "budget", "points_per_decade", "settle", "device", "definitions"),
    }
    assert "dtype" in spec.config["learner_options"]
    assert spec.config["learner_options"] == learners.create("mlp").options
    assert len(spec.key) == 20
    assert int(spec.key, 16) >= 0


@pytest.mark.parametrize(
    "override",
    [
        "tasks.add.modulus=5",
        "tasks.add.labels=shuffled",
        "learners.mlp.weight_decay=0.25",
        "learners.mlp.dtype=float64",
        "learners.mlp.budget=101",
        "first_seed=1",
        "points_per_decade=10",
        "settle=true",
    ],
)
def test_what_changes_the_result_changes_the_key(write_suite, override):
    path = write_suite(MLP)
    assert first_spec(path, override).key != first_spec(path).key


def test_versions_definitions_and_device_change_the_key(write_suite, monkeypatch):
    path = write_suite(MLP)
    before = first_spec(path).key
    after = {before, replace(first_spec(path), device="cuda").key}
    monkeypatch.setattr(plan_module, "DEFINITIONS", 999)
    after.add(first_spec(path).key)
    monkeypatch.undo()
    for registry, name in ((tasks, "modular"), (learners, "mlp")):
        monkeypatch.setattr(registry[name], "version", 999)
        after.add(first_spec(path).key)
        monkeypatch.undo()
    assert len(after) == 5
    assert first_spec(path).key == before


@pytest.mark.parametrize(
    "override",
    [
        "time_limit_s=3",
        "title=Another",
        "tasks.add.id=other",
        "learners.mlp.id=other",
        "learners.mlp.budget=100.0",
        "tasks.add.modulus=7.0",
        "learners.mlp.weight_decay=0",
        "seeds=1",
        'comparisons=[["mlp", "neural"]]',
    ],
)
def test_what_does_not_change_the_result_does_not_change_the_key(write_suite, override):
    path = write_suite(MLP)
    assert first_spec(path, override).key == first_spec(path).key
    assert first_spec(write_suite(MLP, "another_name")).key == first_spec(path).key


def test_an_override_reaches_every_table_of_an_id_or_a_name(write_suite):
    path = write_suite(MLP + '\n[[learners]]\nid = "other"\nname = "mlp"\nbudget = 5')
    for target, expected in (("mlp", [0.5, 0.5]), ("other", [learners.create("mlp").options["weight_decay"], 0.5])):
        suite = load_suite(str(path), (f"learners.{target}.weight_decay=0.5",))
        assert [variant.options["weight_decay"] for variant in suite.learners] == expected
    suite = load_suite(str(path), ("learners.mlp.weight_decay=[0, 1]", "seeds=7", "learners.mlp.loss=mse"), seeds=3)
    assert (len(suite.learners), suite.seeds) == (4, 3)
    assert {variant.options["loss"] for variant in suite.learners} == {"mse"}


@pytest.mark.parametrize(
    ("override", "fragment"),
    [
        ("nonsense", "expected KEY=VALUE"),
        ("point_per_decade=3", 'did you mean "points_per_decade"?'),
        ("learners.mpl.weight_decay=1", 'did you mean "mlp"?'),
        ("learner.mlp.weight_decay=1", "unknown key 'learner.mlp.weight_decay'"),
        ("learners.mlp.weight_decai=1", 'did you mean "weight_decay"?'),
        ("learners.mlp.weight_decay=a", "weight_decay = 'a': expected a number of at least 0"),
        ("tasks.add.modulus=1.5", "modulus = 1.5: expected a whole number"),
        ("seeds=0", "seeds = 0"),
        ("=3", "unknown key ''"),
    ],
)
def test_a_wrong_override_is_one_line(write_suite, override, fragment):
    with pytest.raises(UsageError) as error:
        load_suite(str(write_suite(MLP)), (override,))
    assert str(error.value).startswith("--set ")
    assert fragment in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "overrides", "blamed"),
    [
        (MLP, ("seeds=3", "learners.mlp.weight_decay=a"), "--set learners.mlp.weight_decay=a: [[learners]] mlp: "),
        (MLP, ("tasks.add.modulus=a", "tasks.add.modulus=7", "learners.mlp.loss=b"), "--set learners.mlp.loss=b: "),
        (MLP, ("learners.mlp.weight_decay=a", "tasks.add.modulus=b"), "--set tasks.add.modulus=b: [[tasks]] add: "),
        (MLP + "weight_decay = -1", ("seeds=3",), "{path}: [[learners]] mlp: weight_decay = -1"),
        (MLP + "weight_decay = -1", ("learners.mlp.weight_decay=a",), "--set learners.mlp.weight_decay=a: "),
        (MLP, ("tasks.add.train_fraction=0.01",), "--set tasks.add.train_fraction=0.01: [[tasks]] add: "),
    ],
)
def test_an_error_blames_the_override_that_brought_it_and_the_file_for_the_others(write_suite, text, overrides, blamed):
    path = write_suite(text)
    with pytest.raises(UsageError) as error:
        load_suite(str(path), overrides)
    assert str(error.value).startswith(blamed.format(path=path))


def test_an_error_of_the_plan_names_file_and_overrides(write_suite):
    include(SABOTEURS)
    path = write_suite(BASE.replace('name = "modular"\nmodulus = 7', 'name = "unsampled"'))
    with pytest.raises(UsageError) as error:
        make_plan(load_suite(str(path), ("seeds=3",)))
    assert str(error.value).startswith(f"{path} with --set seeds=3: [[tasks]] add: no split can be drawn")


def test_only_keeps_what_matches_a_task_a_learner_or_a_key(write_suite):
    path = write_suite(
        BASE.replace("modulus = 7", "modulus = [5, 7]") + '\n[[learners]]\nid = "net"\nname = "mlp"\nbudget = 5'
    )
    plan = plan_of(path)
    key = plan.specs[3].key
    for patterns, count in (
        ((), 8),
        (("net",), 4),
        (("mlp",), 4),
        (("kernel*",), 4),
        (("add",), 8),
        (("modular",), 8),
        ((key[:6],), 1),
        ((key, "net"), 4 + (plan.specs[3].learner.id != "net")),
    ):
        assert len(plan.only(patterns).specs) == count, patterns
    with pytest.raises(UsageError, match='--only nat: no run of suite matches; did you mean "net"\\?'):
        plan.only(("nat",))


def test_what_a_suite_does_not_say_has_a_default(write_suite):
    suite = load_suite(str(write_suite(BASE.replace('title = "A title"', "").replace("seeds = 2", ""))))
    assert (suite.title, suite.seeds, suite.first_seed, suite.points_per_decade, suite.settle) == ("", 10, 0, 20, False)
    assert suite.comparisons is None
    assert suite.device == "cpu"


# registered and run so: to take one away would void the other's runs
REPEATED = {
    "causes": {("xor-ce", "net")},
    # groups of claims that were written apart; a plan has each run once
    "replications": {
        *(("add61", "c30-add"), ("add31-20", "c26-few"), ("add31-60", "c26-add")),
        *((f"c33-plain-lr.01-wd{decay}", f"c38-wd{decay}") for decay in (1, 3)),
    },
}


def test_shipped_suites_are_valid_and_repeat_no_variant():
    for name in shipped_suites():
        suite = load_suite(name)
        assert suite.title
        for variants in (suite.tasks, suite.learners):
            for a, b in itertools.combinations(variants, 2):
                if (a.id, b.id) in REPEATED.get(name, ()):
                    continue
                assert (a.name, a.options, a.budget, a.only_tasks) != (b.name, b.options, b.budget, b.only_tasks)
