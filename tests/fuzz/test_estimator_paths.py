"""Import paths and parameters from a stranger's suite: refused or built, and nothing is run, opened or started."""

import importlib
import json
import os
import sys

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st
from support_damage import NASTY_TEXTS
from support_watch import answer

from grokbench.learners.scikit.nameable import SKLEARN

pytestmark = pytest.mark.fuzz
PARTS = (
    "sklearn numpy scipy xgboost os sys subprocess builtins grokbench __main__ antigravity planted this pip f2py cli "
    "svm ensemble utils datasets tests conftest experimental externals linear_model model_selection pipeline tree "
    "_classes _base SVC RandomForestClassifier DecisionTreeClassifier Pipeline GridSearchCV system Popen fit X"
).split()
NAMES = (
    "memory estimator estimators steps param_grid cache_dir callbacks n_estimators max_depth C kernel metric train_dir "
    "log_file verbose svc__memory estimator__memory estimator__max_depth func random_state class_weight"
).split()
ROOTS = ("antigravity", "this", "planted", "pip")  # whose import would show
words = st.sampled_from(PARTS) | st.sampled_from(["", ".", " ", "é", "a/b", "C:"]) | st.sampled_from(NASTY_TEXTS)
paths = st.lists(st.sampled_from(PARTS), min_size=1, max_size=5).map(".".join) | st.lists(words, max_size=4).map(
    ".".join
)
paths |= st.sampled_from(
    ["sklearn.svm.SVC", "sklearn.tree.DecisionTreeClassifier", "sklearn.ensemble.BaggingClassifier"]
)
texts = st.sampled_from(
    ["../x", "/etc/passwd", "cache", "~", "f()", "planted.txt", "http://a", "auto", "1", "None", "rbf"]
)
values = st.recursive(
    texts | st.integers(-1, 20) | st.floats(0, 1) | st.booleans() | paths.map(lambda path: {"path": path}),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=2),
    max_leaves=6,
)


@pytest.fixture(scope="module", autouse=True)
def imported():
    """What scikit-learn imports is imported before anything is watched."""
    for module in SKLEARN:
        importlib.import_module(f"sklearn.{module}")


def toml(value: object) -> str:
    """A value as an inline value of TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value) if not isinstance(value, float) else repr(value)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(path=paths, parameters=st.dictionaries(st.sampled_from(NAMES), values, max_size=3), refit=st.sampled_from(NAMES))
@example("numpy.f2py.__main__.X", {}, "C")
@example("sklearn.pipeline.Pipeline", {"steps": [["svc", {"path": "sklearn.svm.SVC"}]], "memory": "cache"}, "svc__C")
@example("sklearn.ensemble.BaggingClassifier", {"estimator": {"path": "os.system"}}, "n_estimators")
def test_an_estimator_from_a_stranger_runs_nothing(tmp_path, path, parameters, refit):
    for name in ("planted.py", "X.py"):
        (tmp_path / name).write_text("raise SystemExit('run')")
    try:
        path.encode()
    except UnicodeEncodeError:  # a half of a character, which no file holds
        return
    suite = tmp_path / "suite.toml"
    suite.write_text(
        f'[[tasks]]\nname = "modular"\nmodulus = 5\n[[learners]]\nname = "estimator"\nbudget = 3\n'
        f"path = {json.dumps(path)}\nparameters = {toml(parameters)}\nparameter = {json.dumps(refit)}\n",
        encoding="utf-8",
    )
    before, present, folder = set(sys.modules), sorted(os.listdir(tmp_path)), os.getcwd()
    os.chdir(tmp_path)
    sys.path.insert(0, str(tmp_path))
    try:
        status, *_ = answer(tmp_path / "results", "compare", suite, "--dry-run")
    finally:
        sys.path.remove(str(tmp_path))
        os.chdir(folder)
    event(str(status))
    assert status in (0, 2)
    assert sorted(os.listdir(tmp_path)) == present
    assert not {name.partition(".")[0] for name in set(sys.modules) - before} & {*ROOTS, "X"}
