"""The code of a class that is not built in belongs to the run: who edits it is never served what it did before."""

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys

import pytest

import grokbench
from grokbench import registry as registry_module
from grokbench.registry import include, learners, measures, sources, tasks
from grokbench.runs.perform import perform
from grokbench.runs.process import Limits
from grokbench.runs.remote import write_order
from grokbench.runs.store import Store
from grokbench.suites.plan import RunSpec, make_plan
from grokbench.suites.suite import load_suite
from grokbench.suites.variants import Variant

FILE = """
import numpy as np
import grokbench
from grokbench.measures.base import Measure

@grokbench.register_learner("edited")
class Edited(grokbench.Learner):
    clock, loss, deterministic = "ticks", "mse", True
    def begin(self, X, y, n_classes, alphabet, rng):
        self.k, self.now = n_classes, 0
    def advance(self, time):
        self.now = time
    def scores(self, X):
        return np.full((len(X), self.k), 0.5)

@grokbench.register_task("edited-task")
class EditedTask(grokbench.Task):
    def sample(self, rng):
        return grokbench.task("modular", modulus=5).split(int(rng.integers(100)))

@grokbench.register_measure("edited_measure")
class EditedMeasure(Measure):
    def look(self, at):
        return 1.0
"""
SUITE = """
seeds = 1
points_per_decade = 5
[[tasks]]
name = "{task}"
[[learners]]
name = "{learner}"
budget = 5
{more}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text(FILE)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for registry in registry_module.REGISTRIES:
        for name in [name for name in registry._classes if name.startswith("edited")]:
            registry._classes.pop(name)
    for name in [name for name, module in sys.modules.items() if str(tmp_path) in str(getattr(module, "__file__", ""))]:
        sys.modules.pop(name)


def spec_of(folder, task="modular", learner="edited", more="") -> RunSpec:
    include(folder / "own.py")
    (folder / "s.toml").write_text(SUITE.format(task=task, learner=learner, more=more))
    (spec,) = make_plan(load_suite(str(folder / "s.toml"))).specs
    return spec


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    status = os.stat(path)
    path.write_text(text.replace(old, new))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # as fast as two edits can be


KINDS = {
    "learner": {"learner": "edited"},
    "task": {"task": "edited-task", "learner": "kernel_flow"},
    "measure edited_measure": {"learner": "kernel_flow", "more": 'measures = ["edited_measure"]'},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("old", "new"), [("0.5", "0.7"), ("1.0", "2.0"), ("import numpy as np", "import numpy as np ")]
)
def test_every_edit_of_the_file_is_another_run(folder, kind, old, new):
    before = spec_of(folder, **KINDS[kind])
    assert before.config["source"] == {kind: hashlib.sha256((folder / "own.py").read_bytes()).hexdigest()}
    assert spec_of(folder, **KINDS[kind]).key == before.key
    edit(folder / "own.py", old, new)
    after = spec_of(folder, **KINDS[kind])
    assert after.config["source"] == {kind: hashlib.sha256((folder / "own.py").read_bytes()).hexdigest()}
    assert after.key != before.key
    edit(folder / "own.py", new, old)
    assert spec_of(folder, **KINDS[kind]).key == before.key


def test_the_class_that_runs_is_that_of_the_text_even_within_one_process(folder):
    spec_of(folder)
    edit(folder / "own.py", '"ticks"', '"tocks"')
    spec_of(folder)
    assert learners["edited"].clock == "tocks"
    edit(folder / "own.py", '@grokbench.register_learner("edited")', "")
    include(folder / "own.py")
    assert "edited" not in learners
    assert "edited-task" in tasks


def test_the_same_text_elsewhere_is_the_same_run(folder):
    key = spec_of(folder).key
    (folder / "elsewhere").mkdir()
    os.rename(folder / "own.py", folder / "elsewhere" / "own.py")
    sys.modules.pop(learners["edited"].__module__)
    for registry in (learners, tasks, measures):
        for name in [name for name in registry._classes if name.startswith("edited")]:
            registry._classes.pop(name)
    assert spec_of(folder / "elsewhere").key == key


@pytest.mark.parametrize(
    ("statement", "path"),
    [
        ("from edited_help import x", "edited_help.py"),
        ("import edited_help as h", "edited_help.py"),
        ("def later():\n    import edited_help", "edited_help.py"),
        ("from edited_package import x", "edited_package/__init__.py"),
        ("from edited_package.deep import x", "edited_package/deep.py"),
        ("import edited_first", "edited_help.py"),  # which imports edited_help in its turn
    ],
)
def test_a_local_module_that_the_file_imports_is_part_of_it(folder, statement, path):
    (folder / "edited_package").mkdir()
    for name in ("edited_help.py", "edited_package/__init__.py", "edited_package/deep.py"):
        (folder / name).write_text("x = 1\n")
    (folder / "edited_first.py").write_text("from edited_help import x\n")
    (folder / "own.py").write_text(f"{statement}\n{FILE}")
    before = spec_of(folder).key
    assert spec_of(folder).key == before
    edit(folder / path, "1", "2")
    assert spec_of(folder).key != before


def test_a_base_from_another_included_file_is_part_of_it(folder):
    (folder / "base.py").write_text(FILE.replace('"edited', '"edited_base'))
    include(folder / "base.py")
    text = 'from grokbench.registry import learners, register_learner\n@register_learner("edited")\n'
    (folder / "own.py").write_text(f'{text}class Mine(learners["edited_base"]): pass\n')
    before = spec_of(folder).key
    edit(folder / "base.py", "0.5", "0.7")
    include(folder / "base.py")
    edit(folder / "own.py", "pass", "...")  # so that it is run again
    edit(folder / "own.py", "...", "pass")
    sys.modules.pop(learners["edited"].__module__)
    assert spec_of(folder).key != before


def test_what_is_installed_or_built_in_is_not_hashed_into_the_source_of_a_file(folder):
    (folder / "own.py").write_text(f"import json, scipy.stats, click\n{FILE}")
    assert spec_of(folder).config["source"]["learner"] == hashlib.sha256((folder / "own.py").read_bytes()).hexdigest()


def test_what_is_built_in_has_no_source_whatever_is_included(folder):
    spec = spec_of(folder, learner="kernel_flow")
    assert "source" not in spec.config
    built_in = [name for name in learners.names() if learners[name].__module__.startswith("grokbench.")]
    assert not any(map(learners.source, built_in))


def test_two_kinds_of_own_code_are_both_named(folder):
    spec = spec_of(folder, "edited-task", "edited", 'measures = ["edited_measure"]')
    assert list(spec.config["source"]) == ["task", "learner", "measure edited_measure"]
    assert sources("edited-task", "edited", ["edited_measure"]) == spec.source


def test_a_run_whose_file_was_edited_after_the_plan_fails_and_says_so(folder):
    spec = spec_of(folder)
    messages = []
    perform(spec.config, messages.append)
    assert messages[-1]["end"]["status"] == "done"
    edit(folder / "own.py", "0.5", "0.7")
    include(folder / "own.py")
    perform(spec.config, messages.append)
    end = messages[-1]["end"]
    assert end["status"] == "failed"
    assert "the code of its learner is not that of the plan" in end["error"]


def test_a_worker_reads_the_same_key_from_an_order(folder):
    spec = spec_of(folder, "edited-task", "edited", 'measures = ["edited_measure"]')
    order = json.loads(write_order(spec, "t", Limits(1.0, None), []))
    read = RunSpec(**{**order["spec"], **{name: Variant(**order["spec"][name]) for name in ("task", "learner")}})
    assert read.key == spec.key == order["key"]


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["0", "2"])
def test_the_command_runs_an_edited_file_again_and_keeps_what_it_did_before(folder, grokbench, jobs):
    spec_of(folder)
    files = (folder / "s.toml", "--include", folder / "own.py", "--results", folder / "r")
    command = ("compare", *files, "--quiet", "--jobs")
    assert grokbench(*command, jobs)[0] == 0
    edit(folder / "own.py", "np.full((len(X), self.k), 0.5)", "np.eye(self.k)[X[:, 0] % self.k] * (self.now > 2)")
    assert grokbench(*command, jobs)[0] == 0
    rows = [run.record for run in Store(folder / "r").read_all()]
    assert len(rows) == 2
    assert len({row["config"]["source"]["learner"] for row in rows}) == 2
    assert grokbench(*command, jobs)[0] == 0
    assert len(list(Store(folder / "r").read_all())) == 2
    text = (folder / "r" / "delays.csv").read_text()
    assert text.count('""source"": ""learner ') == 2


@pytest.mark.parametrize("value", [3, ["x"], {"learner": 3}, {"learner": ["x"]}, "text"])
def test_a_source_of_another_shape_is_put_aside(folder, value, recwarn):
    from grokbench.curves.curve import Curve
    from grokbench.curves.run import Run
    from grokbench.options import digest
    from grokbench.runs.recording import Recording

    spec = spec_of(folder)
    config = {**spec.config, "source": value}
    recording = Recording(spec)
    recording.take({"end": {"status": "failed", "error": "x", "traceback": ""}})
    store = Store(folder / "r")
    store.write(Run({**recording.run().record, "config": config, "key": digest(config)}, Curve()))
    assert store.read(digest(config)) is None
    assert "config.source" in str(recwarn.list[0].message)


class Offered(grokbench.Learner):
    """What an installed package offers."""


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_an_installed_package_is_known_by_name_and_version(monkeypatch, version, tmp_path):
    metadata = tmp_path / "offers.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: offers\nVersion: {version}\n")
    (metadata / "entry_points.txt").write_text("[grokbench.learners]\noffered = test_sources:Offered\n")
    distribution = importlib.metadata.PathDistribution(metadata)
    (point,) = distribution.entry_points
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [point] if group == point.group else [])
    fresh = registry_module.Registry("learner", "grokbench.learners")
    named, checkout = fresh.source("offered").split()
    assert named == f"offers=={version}"
    assert len(checkout) == 64  # this file is not installed: an edit of it counts as well


@pytest.mark.slow
def test_a_module_that_is_compiled_already_is_not_run_in_place_of_its_text(folder):
    """Two edits within a second leave a compiled file that Python takes for that of the new text."""
    command = [sys.executable, "-c", "import sys; from grokbench.registry import include, learners; "
               "include(sys.argv[1]); print(learners['edited'].clock)", str(folder / "own.py")]  # fmt: skip
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    assert subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout == "ticks\n"
    edit(folder / "own.py", '"ticks"', '"tocks"')
    assert subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout == "tocks\n"


def test_a_variant_without_own_code_is_as_it_was():
    assert dataclasses.asdict(Variant("a", "mlp", {}, {}, 1))["source"] == ""
