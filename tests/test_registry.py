"""Names to classes: built-in, included from a user's file, or offered by an installed package."""

import importlib.metadata
import subprocess
import sys

import pytest
from conftest import SABOTEURS

import grokbench
from grokbench.errors import UsageError
from grokbench.registry import include, learners, register_learner, register_task, tasks

MINE = """
import grokbench

class Base(grokbench.Learner):
    "Not registered."

@grokbench.register_learner("mine")
class Mine(Base):
    "Mine."

@grokbench.register_task("my-task")
class MyTask(grokbench.Task):
    "My task."
"""


def test_every_built_in_is_registered_under_its_name():
    for registry, base in ((tasks, grokbench.Task), (learners, grokbench.Learner)):
        assert registry.names()
        assert registry.names() == sorted(registry.names())
        for name in registry.names():
            assert registry[name].name == name
            assert issubclass(registry[name], base)


def test_an_unknown_name_comes_with_the_closest():
    with pytest.raises(UsageError, match="no learner 'mpl'; did you mean \"mlp\"\\?"):
        grokbench.learner("mpl")
    with pytest.raises(UsageError, match="no task 'modulr'; did you mean \"modular\"\\?"):
        grokbench.task("modulr")
    with pytest.raises(UsageError, match="modular has no option 'modulos'; did you mean \"modulus\"\\?"):
        grokbench.task("modular", modulos=3)


def test_a_file_registers_its_classes_once(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    assert [cls.name for cls in include(path)] == ["my-task", "mine"]
    assert [cls.name for cls in include(str(path))] == ["my-task", "mine"]
    assert learners["mine"].__doc__ == "Mine."
    assert "own" not in learners


def test_two_files_of_one_name_are_two_modules(tmp_path):
    for folder, name in (("a", "first"), ("b", "second")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(
            MINE.replace('"mine"', f'"{name}"').replace("my-task", f"task-{name}")
        )
        include(tmp_path / folder / "mine.py")
    assert "first" in learners
    assert "second" in learners


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("x = (", "SyntaxError: '(' was never closed"),
        ("raise SystemExit(7)", "SystemExit: 7"),
        (MINE.replace('"mine"', '"mlp"'), "learner 'mlp' is registered already, by grokbench.learners.neural.mlp"),
        (MINE.replace('"my-task"', '"parity"'), "task 'parity' is registered already, by grokbench.tasks.boolean"),
        (
            MINE.replace('register_learner("mine")', "register_learner"),
            'needs a name: @grokbench.register_learner("NAME")',
        ),
        (MINE.replace("grokbench.Learner", "object"), "learner Mine: expected a subclass of grokbench.Learner"),
        (MINE.replace("grokbench.Task", "object"), "task MyTask: expected a subclass of grokbench.Task"),
    ],
)
def test_a_file_that_cannot_be_included_says_why(tmp_path, text, message):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        include(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)
    assert "mlp" in learners
    assert learners["mlp"].__module__ == "grokbench.learners.neural.mlp"


def test_a_file_that_failed_can_be_included_again_once_it_is_mended(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("raise ValueError('not yet')")
    with pytest.raises(UsageError, match="not yet"):
        include(path)
    path.write_text(MINE)
    assert [cls.name for cls in include(path)] == ["my-task", "mine"]


@pytest.mark.parametrize("name", ["missing.py", "", "text.txt"])
def test_what_is_not_a_python_file_is_refused(tmp_path, name):
    (tmp_path / "text.txt").write_text("x = 1")
    with pytest.raises(UsageError, match=r"no such file|expected FILE\.py"):
        include(tmp_path / name)


def test_a_built_in_name_is_taken_even_before_the_built_ins_are_loaded():
    """In a fresh process, where nothing has asked the registry for a name yet."""
    code = """
import grokbench
try:
    @grokbench.register_learner("rfm")
    class Mine(grokbench.Learner):
        pass
except grokbench.UsageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("learner 'rfm' is registered already, by grokbench.learners.kernels.rfm")


def test_a_class_may_be_registered_again_by_its_own_file():
    """As a module that is run and imported does."""
    include(SABOTEURS)
    first = learners["lookup"]
    del sys.modules[first.__module__]
    include(SABOTEURS)
    assert learners["lookup"] is not first


def test_decorators_hand_the_class_back():
    @register_learner("temporary")
    class Temporary(grokbench.Learner):
        """A learner."""

    @register_task("temporary")
    class TemporaryTask(grokbench.Task):
        """A task."""

    assert learners["temporary"] is Temporary
    assert tasks["temporary"] is TemporaryTask
    assert isinstance(grokbench.learner("temporary"), Temporary)


@pytest.fixture
def entry_point(monkeypatch):
    """A registry that finds one entry point, as if a package offered it."""
    from grokbench import registry

    def offer(value: str) -> registry.Registry:
        point = importlib.metadata.EntryPoint("offered", value, "grokbench.learners")
        monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == point.group else [])
        fresh = registry.Registry("learner", "grokbench.learners")
        for name in learners.names():
            fresh._classes[name] = learners[name]
        return fresh

    return offer


class Offered(grokbench.Learner):
    """What an installed package offers."""


def test_an_installed_package_offers_learners_by_entry_point(entry_point):
    classes = entry_point("test_registry:Offered")
    assert classes["offered"] is Offered
    assert "mlp" in classes


def test_a_broken_entry_point_is_named(entry_point):
    with pytest.raises(UsageError, match=r"entry point offered = nothing_of_that_name:Learner.*ModuleNotFoundError"):
        entry_point("nothing_of_that_name:Learner").names()
