"""What a class of a user's own declares is refused in one line when it is registered, for every shelf alike."""

import json
from dataclasses import dataclass

import pytest
from conftest import SABOTEURS
from support_runs import ONE_TASK, carry_out, plan_of

import grokbench
from grokbench.errors import UsageError
from grokbench.options import build
from grokbench.registry import REGISTRIES, include, learners
from grokbench.runs.recording import Recording
from grokbench.runs.store import Store

HEADS = {
    "learner": "from dataclasses import dataclass\nfrom typing import Any\nimport numpy as np\nimport grokbench\n\n\n",
}
LEARNER = """
@grokbench.register_learner("own")
{decorator}
class Own(grokbench.Learner):
    "A learner."
    {body}
"""
OTHERS = {
    "task": '@grokbench.register_task("own")\nclass Own(grokbench.Task):\n    "A task."\n    {body}\n',
    "measure": '@grokbench.register_measure("own")\nclass Own(grokbench.Measure):\n    "A measure."\n    {body}\n',
    "table": '@grokbench.register_table("own")\nclass Own(grokbench.Table):\n    "a row"\n    {body}\n',
    "explanation": '@grokbench.register_explanation("own")\nclass Own(grokbench.Explanation):\n    "."\n    {body}\n',
}


def refusal(folder, text):
    """The one line that a file is refused with; nothing of it stays registered."""
    path = folder / "own.py"
    path.write_text(HEADS["learner"] + text)
    with pytest.raises(UsageError) as error:
        include(path)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(f"{path}: ")
    assert not any("own" in registry for registry in REGISTRIES)
    return str(error.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("family = None", "learner own: family = None: expected a text"),
        ("family = ''", "family = '': expected a text"),
        ("family = 'a\\nb'", "family = 'a\\nb': expected a text"),
        ("family = 'x' * 1000", "expected a text of 1 to 80"),
        ("family = b'trees'", "family = b'trees': expected a text"),
        ("clock = None", "clock = None: expected a text"),
        ("clock = '\\x1b[31m'", "expected a text"),
        ("clock = 7", "clock = 7: expected a text"),
        ("loss = 'l2'", "loss = 'l2': expected one of cross-entropy, mse, hinge, stablemax"),
        ("loss = None", "loss = None: expected one of"),
        ("loss = ['mse']", "loss = ['mse']: expected one of"),
        ("loss = np.zeros(3)", "expected one of cross-entropy"),
        ("version = '2'", "version = '2': expected a whole number of at least 0"),
        ("version = None", "version = None: expected a whole number"),
        ("version = 1.5", "version = 1.5: expected a whole number"),
        ("version = -1", "version = -1: expected a whole number"),
        ("version = True", "version = True: expected a whole number"),
        ("version = 2**70", "expected a whole number"),
        ("integer_clock = 'yes'", "integer_clock = 'yes': expected True or False"),
        ("integer_clock = None", "integer_clock = None: expected True or False"),
        ("deterministic = 1", "deterministic = 1: expected True or False"),
        ("first_time = -1.0", "first_time = -1.0: expected a positive finite number"),
        ("first_time = 0", "first_time = 0: expected a positive finite number"),
        ("first_time = float('nan')", "first_time = nan: expected a positive finite number"),
        ("first_time = '1'", "first_time = '1': expected a positive finite number"),
        ("encoding = 'onehot'", "encoding = 'onehot': expected one of auto, one-hot, sign, integer"),
        ("scores = None", "scores = None: expected a method"),
        ("family = property(lambda self: None)", "family = None: expected a text"),
        ("def __init__(self): self.clock = None", "clock = None: expected a text"),
        ("def __init__(self): 1 / 0", "its constructor raises ZeroDivisionError: division by zero"),
        ("def __init__(self): raise SystemExit(3)", "its constructor raises SystemExit: 3"),
        ("def __init__(self): raise ValueError('two\\nlines')", "its constructor raises ValueError: two lines"),
        ("def __init__(self): self.nothing_there", "its constructor raises AttributeError"),
        ("def __init__(self, n: int = None): pass", "the default of n = None: expected a whole number"),
        ("def __init__(self, n: int = 2**80): pass", "the default of n"),
        ("def __init__(self, f: float = float('nan')): pass", "the default of f = nan"),
        ("def __init__(self, f=print): pass", "the default of f"),
        ("def __init__(self, f: 'set[int]' = frozenset()): pass", "the default of f"),
        ("def __init__(self, s: 'tuple[tuple[int, ...], ...]' = ((1,),)): pass", "the default of s"),
        ("def __init__(self, a: np.ndarray = None): pass", "option a"),
        ("def __init__(self, a: '1 +' = 1): pass", "annotations of its constructor cannot be read"),
        ("__slots__ = ()\n    def __setattr__(self, name, value): raise AttributeError(name)", "it cannot be changed"),
    ],
)
def test_a_learner(tmp_path, body, complaint):
    assert complaint in refusal(tmp_path, LEARNER.format(decorator="", body=body))


@pytest.mark.parametrize("decorator", ["@dataclass(frozen=True)", "@dataclass(frozen=True, kw_only=True, eq=False)"])
def test_a_frozen_dataclass(tmp_path, decorator):
    complaint = refusal(tmp_path, LEARNER.format(decorator=decorator, body="n: int = 3"))
    assert "it cannot be changed" in complaint
    assert "frozen=True" in complaint


@pytest.mark.parametrize(
    ("kind", "body", "complaint"),
    [
        ("task", "version = 'new'", "task own: version = 'new': expected a whole number"),
        ("task", "exact = None", "exact = None: expected True or False"),
        ("task", "overlap = 'no'", "overlap = 'no': expected True or False"),
        ("task", "sample = 3", "sample = 3: expected a method"),
        ("task", "def __init__(self): raise KeyError('x')", "its constructor raises KeyError: 'x'"),
        ("task", "def __init__(self, n: int = None): pass", "the default of n = None"),
        ("measure", "version = None", "measure own: version = None: expected a whole number"),
        ("measure", "columns = 'own'", "columns = 'own': expected a tuple"),
        ("measure", "columns = ('a,b',)", "column 'a,b': expected letters, digits and '_'"),
        ("measure", "columns = ('a\\nb',)", "column 'a\\nb': expected letters"),
        ("measure", "columns = (1,)", "column 1: expected letters"),
        ("measure", "columns = ('a', 'a')", "column 'a' is there twice"),
        ("measure", "columns = ('time',)", "column 'time' is one of every curve"),
        ("measure", "columns = None", "columns = None: expected a tuple"),
        ("measure", "look = None", "look = None: expected a method"),
        ("measure", "def __init__(self): 1 / 0", "its constructor raises ZeroDivisionError"),
        ("table", "columns = ('a',)", "columns has 'a': expected grokbench.Column"),
        ("table", "columns = (grokbench.Column('a b', 'x'),)", "column 'a b': expected letters"),
        ("table", "columns = (grokbench.Column('a', None),)", "column 'a': meaning: expected a text"),
        ("table", "columns = (grokbench.Column('a', 'x', value=3),)", "column 'a': value: expected a function"),
        ("table", "columns = (grokbench.Column('a', 'x'), grokbench.Column('a', 'y'))", "column 'a' is there twice"),
        ("table", "columns = (grokbench.Column('a', 'x', rank=None),)", "rank = None: expected a whole number"),
        ("table", "digits = 'six'", "digits = 'six': expected a whole number from 1 to 17"),
        ("table", "digits = 0", "digits = 0: expected a whole number from 1 to 17"),
        ("table", "note = None", "note = None: expected a text"),
        ("table", "own_page = 'yes'", "own_page = 'yes': expected True or False"),
        ("table", "version = []", "version = []: expected a whole number"),
        ("explanation", "rules = 3", "explanation own: rules = 3: expected a text, a path or None"),
        ("explanation", "rules = ['a']", "rules = ['a']: expected a text, a path or None"),
        ("explanation", "rules = b'x'", "rules = b'x': expected a text, a path or None"),
    ],
)
def test_every_other_shelf(tmp_path, kind, body, complaint):
    assert complaint in refusal(tmp_path, OTHERS[kind].format(body=body))


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a\nb", "\x1b[2J", "../up", "a/b", "-a", ".a", "a" * 81, 7, None, b"a", ("a",), "a|b"]
)
@pytest.mark.parametrize("kind", ["learner", "task", "measure", "table", "explanation"])
def test_a_name_that_is_none(kind, name):
    with pytest.raises(UsageError, match=rf"register_{kind}\(.*expected letters, digits") as error:
        getattr(grokbench, f"register_{kind}")(name)
    assert error.value.args[0].isprintable()


def test_a_list_may_be_a_tuple(tmp_path):
    text = LEARNER.format(decorator="@dataclass(kw_only=True)", body="hidden: tuple[int, ...] = (8, 8)")
    (tmp_path / "own.py").write_text(HEADS["learner"] + text)
    (cls,) = include(tmp_path / "own.py")
    instance = build(cls, {})
    again = build(cls, json.loads(json.dumps(instance.options)))
    assert (again.hidden, again.options) == ((8, 8), {"hidden": [8, 8]})
    assert build(cls, {"hidden": [3]}).hidden == (3,)
    learners._classes.pop("own")


def test_what_stands_further_down_in_the_file_may_be_used(tmp_path):
    body = "def __init__(self, width: 'Width' = 3): self.width = double(width)"
    text = LEARNER.format(decorator="", body=body) + "\n\ndef double(x):\n    return 2 * x\n\n\nWidth = int\n"
    (tmp_path / "own.py").write_text(HEADS["learner"] + text)
    (cls,) = include(tmp_path / "own.py")
    assert build(cls, {}).width == 6
    with pytest.raises(UsageError, match="width = 'x': expected a whole number"):
        build(cls, {"width": "x"})
    learners._classes.pop("own")


def test_what_nothing_defines_is_said(tmp_path):
    text = LEARNER.format(decorator="", body="def __init__(self): nowhere_to_be_seen()")
    assert "NameError" in refusal(tmp_path, text)


def test_first_time_may_be_known_after_begin_only(tmp_path):
    body = "first_time = property(lambda self: self._unit)"
    (tmp_path / "own.py").write_text(HEADS["learner"] + LEARNER.format(decorator="", body=body))
    assert [cls.name for cls in include(tmp_path / "own.py")] == ["own"]
    learners._classes.pop("own")


def test_a_constructor_that_raises_for_some_options_is_named_when_planning(tmp_path):
    body = "n: int = 1\n    def __post_init__(self): 1 / (self.n - 2)"
    text = LEARNER.format(decorator="@dataclass", body=body)
    (tmp_path / "own.py").write_text(HEADS["learner"] + text)
    include(tmp_path / "own.py")
    suite = ONE_TASK + '[[learners]]\nname = "own"\nn = [1, 2]\nbudget = 5\n'
    with pytest.raises(UsageError, match=r"\[\[learners\]\] own: its constructor raises ZeroDivisionError"):
        plan_of(suite, tmp_path)
    learners._classes.pop("own")


@pytest.mark.parametrize("attribute", ["family = None", "clock = 3", "loss = 'x'", "first_time = -1"])
def test_what_a_learner_makes_of_itself_in_a_run_is_a_failed_run(tmp_path, attribute):
    """It passed when it was registered; the run is stored all the same, and read again."""
    include(SABOTEURS)
    name, value = attribute.split(" = ")
    cls = learners["lookup"]

    @dataclass(kw_only=True, eq=False)
    class Changing(cls):
        def begin(self, *arguments):
            super().begin(*arguments)
            setattr(self, name, eval(value))

    grokbench.register_learner("changing")(Changing)
    suite = ONE_TASK + '[[learners]]\nname = "changing"\nbudget = 5\n'
    try:
        assert carry_out(plan_of(suite, tmp_path), tmp_path / "results", jobs=0)
        (run,) = Store(tmp_path / "results").read_all()
    finally:
        learners._classes.pop("changing")
    assert run.status == "failed"
    assert name in run.record["error"]


@pytest.mark.parametrize(
    "facts", [{"family": None}, {"chance": "x"}, {"n_train": -1}, {"clock": 5}, {"unit": 0.0}, {"unit": 1.0}]
)
def test_a_record_that_could_not_be_read_again_is_that_of_a_failed_run(tmp_path, facts):
    (spec,) = plan_of(ONE_TASK + '[[learners]]\nname = "kernel_flow"\nbudget = 5\n', tmp_path).specs
    recording = Recording(spec)
    end = {"status": "done", "error": "", "traceback": "", "cpu_seconds": 0.0, "wall_seconds": 0.0}
    recording.take({"facts": facts, "end": {**end, "peak_memory_mb": None}})
    store = Store(tmp_path / "results")
    store.write(recording.run())
    run = store.read(spec.key)
    assert run.status == "failed"
    assert run.record["error"].startswith("what it says of itself cannot be stored: ")
