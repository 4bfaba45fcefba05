"""What a suite may name: nothing is imported, opened or called that the user has not allowed."""

import json
import os
import subprocess
import sys

import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import all_estimators

import grokbench
from grokbench.allowed import VARIABLE, allowed
from grokbench.errors import OptionError, UsageError
from grokbench.learners.scikit.nameable import SKLEARN, check_parameter, check_path, find_class, parameters_of
from grokbench.runs.remote import _refusal, write_order
from grokbench.suites.plan import make_plan
from grokbench.suites.suite import load_suite

SUITE = """
seeds = 1
[[tasks]]
name = "modular"
modulus = 5
[[learners]]
name = "estimator"
budget = 3
"""
REFUSED_PATHS = {
    "a program that reads a file beside the suite": "numpy.f2py.__main__.X",
    "its package": "numpy.f2py.X",
    "this program": "__main__.X",
    "the program of a package": "sklearn.__main__.X",
    "another module of ours": "grokbench.cli.X",
    "a module with an effect": "antigravity.X",
    "code": "os.system",
    "a module within a module": "sklearn.utils.os.system",
    "tests": "sklearn.conftest.X",
    "tests of a module": "sklearn.svm.tests.X",
    "an experiment that changes others": "sklearn.experimental.enable_halving_search_cv.X",
    "vendored": "sklearn.externals.array_api_compat.X",
    "private module": "sklearn.svm._classes.SVC",
    "private class": "sklearn.linear_model._X",
    "data sets, which are downloaded": "sklearn.datasets.fetch_openml",
    "installed and not allowed": "xgboost.XGBClassifier",
    "not installed": "nothing_of_the_kind.X",
    "no path": "SVC",
    "a file": "./planted.py",
    "empty names": "sklearn..SVC",
    "a blank": "sklearn.svm .SVC",
    "a similar letter": "ｓklearn.svm.SVC",
}


def imported_since(before: set[str]) -> set[str]:
    return {name for name in set(sys.modules) - before if not name.startswith("encodings")}


@pytest.mark.parametrize("path", REFUSED_PATHS.values(), ids=REFUSED_PATHS.keys())
def test_a_path_that_is_not_allowed_is_refused_before_anything_is_imported(path):
    before = set(sys.modules)
    nested = {"estimator": {"path": path}}
    for options in (
        {"path": path},
        {"path": "sklearn.ensemble.AdaBoostClassifier", "parameters": nested},
        {"path": "sklearn.ensemble.VotingClassifier", "parameters": {"estimators": [["a", {"path": path}]]}},
    ):
        with pytest.raises(OptionError) as error:
            grokbench.learner("estimator", **options)
        assert "\n" not in str(error.value)
        assert "(" not in str(error.value).partition("expected")[2]  # no error of an import
    assert not {name.partition(".")[0] for name in imported_since(before)} & {"antigravity", "nothing_of_the_kind"}
    assert "numpy.f2py.__main__" not in sys.modules


def test_a_suite_does_not_run_what_lies_beside_it(write_suite, grokbench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".f2py_f2cmap").write_text("__import__('os').system('touch pwned')")
    for path in ("numpy.f2py.__main__.X", "planted.X", "planted.inner.X"):
        (tmp_path / "planted.py").write_text("open('pwned', 'w')")
        suite = write_suite(SUITE + f'path = "{path}"\nclock_from = "refit"\nparameter = "x"\n')
        status, out, err = grokbench("compare", suite, "--dry-run")
        assert (status, out) == (2, "")
        assert f"path = '{path}': expected a " in err
    assert not (tmp_path / "pwned").exists()


@pytest.mark.slow
def test_modules_beside_a_suite_are_not_taken_for_those_that_are_installed(write_suite, tmp_path):
    """Python puts the working directory first, in the command and in what multiprocessing starts."""
    for name in ("numpy", "sklearn", "click", "pandas", "multiprocessing", "socket", "torch"):
        (tmp_path / f"{name}.py").write_text("open('pwned', 'w')")
    suite = write_suite(SUITE.replace('"estimator"', '"kernel_flow"'))
    command = [sys.executable, "-m", "grokbench", "run", suite, "--results", "results", "--jobs", "1", "--quiet"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=os.environ)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "pwned").exists()


def test_every_public_classifier_and_regressor_of_scikit_learn_may_be_named():
    for _, cls in all_estimators(type_filter=["classifier", "regressor"]):
        module = cls.__module__.split(".")[1]
        assert module in SKLEARN, cls
        assert find_class("path", f"sklearn.{module}.{cls.__name__}") is cls


def test_a_package_is_allowed_by_the_user_alone(monkeypatch):
    with pytest.raises(OptionError, match="--allow xgboost"):
        check_path("path", "xgboost.XGBClassifier")
    grokbench.allow("xgboost")
    assert allowed() == ["sklearn", "xgboost"]
    assert grokbench.learner("estimator", path="xgboost.XGBClassifier", parameter="n_estimators").loss
    for path in ("xgboost.core.os.X", "xgboost.__main__.X", "xgboost._typing.X", "xgboost.core.Booster"):
        with pytest.raises(OptionError):
            grokbench.learner("estimator", path=path)
    for name in ("os", "antigravity", "xgboost.core", "__main__", "_x", "", "a b", "sklearn.svm", "../x"):
        with pytest.raises(UsageError, match="allow"):
            grokbench.allow(name)


def test_an_allowed_package_is_the_installed_one(tmp_path, monkeypatch):
    (tmp_path / "planted.py").write_text("raise SystemExit('run')")
    monkeypatch.syspath_prepend(tmp_path)
    grokbench.allow("planted", "imported")
    with pytest.raises(OptionError, match="--include"):
        grokbench.learner("estimator", path="planted.SVC")
    (tmp_path / "imported.py").write_text("from sklearn.svm import SVC")
    __import__("imported")  # as a file that was included may do
    assert grokbench.learner("estimator", path="imported.SVC", parameter="C").clock == "C"


def test_a_class_of_a_package_that_is_not_allowed_does_not_come_in_by_one_that_is():
    grokbench.allow("grokbench")
    with pytest.raises(OptionError, match="not of"):
        find_class("path", "grokbench.learners.scikit.nameable.Foreign")


@pytest.fixture(autouse=True)
def foreign(monkeypatch):
    """A class of a package that nobody allowed, shown by a module of one that may be."""
    import grokbench.learners.scikit.nameable as module

    class Foreign(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            """Nothing."""

        def predict(self, X):
            """Nothing."""

    Foreign.__module__ = "elsewhere.module"
    monkeypatch.setattr(module, "Foreign", Foreign, raising=False)


class Reaching(ClassifierMixin, BaseEstimator):
    """Takes whatever the libraries take that reach files, machines and code."""

    def __init__(self, memory=None, train_dir=None, model="x", callbacks=None, logFile=None, depth=1, **kwargs):
        self.memory, self.train_dir, self.model, self.callbacks = memory, train_dir, model, callbacks
        self.logFile, self.depth = logFile, depth

    def fit(self, X, y):
        """Nothing."""

    def predict(self, X):
        """Nothing."""


REFUSED_PARAMETERS = {
    "a cache": {"memory": "cache"},
    "a cache by a number": {"memory": 1},
    "a folder": {"train_dir": "catboost_info"},
    "a path under any name": {"model": "../model.json"},
    "an absolute path": {"model": "/etc/passwd"},
    "a home": {"model": "~root"},
    "an address": {"model": "http://host"},
    "a file": {"model": "weights.pkl"},
    "a drive": {"model": "C:\\x"},
    "an expression": {"model": "lambda x: x"},
    "a call": {"model": "f()"},
    "a template": {"model": "{x.__class__}"},
    "callables": {"callbacks": ["print"]},
    "camel case": {"logFile": "x"},
    "within a list": {"model": ["a", ["/tmp/x"]]},
    "within a table": {"model": {"a": {"b": "/tmp/x"}}},
    "a key of a grid": {"model": {"memory": ["cache"]}},
    "a key of a grid of an inner one": {"model": {"steps__memory": ["cache"]}},
    "of an inner one": {"model__memory": "cache"},
    "a name that the class does not name": {"forcedsplits_filename": "x"},
    "any name that it does not": {"anything": 1},
    "an estimator in a table, which is not made": {"model": {"a": {"path": "os.system"}}},
}


@pytest.mark.parametrize("parameters", REFUSED_PARAMETERS.values(), ids=REFUSED_PARAMETERS.keys())
def test_a_parameter_that_could_reach_a_file_or_code_is_refused(parameters):
    grokbench.allow(__name__)
    mine = {"path": f"{__name__}.Reaching", "parameters": parameters}
    for options in (mine, {"path": "sklearn.ensemble.BaggingClassifier", "parameters": {"estimator": mine}}):
        with pytest.raises(OptionError, match="parameters = ") as error:
            grokbench.learner("estimator", **options, **({"parameter": "depth"} if options is mine else {}))
        assert "\n" not in str(error.value)


def test_a_pipeline_has_no_cache(tmp_path):
    steps = [["svc", {"path": "sklearn.svm.SVC", "parameters": {"cache_size": 100}}]]
    options = {"path": "sklearn.pipeline.Pipeline", "parameter": "svc__C"}
    assert grokbench.learner("estimator", **options, parameters={"steps": steps}).clock == "svc__C"
    for more in ({"memory": "cache"}, {"memory": str(tmp_path)}, {"memory": {"location": "cache"}}):
        with pytest.raises(OptionError, match="memory"):
            grokbench.learner("estimator", **options, parameters={"steps": steps, **more})
    with pytest.raises(OptionError, match="memory"):
        grokbench.learner("estimator", path=options["path"], parameter="memory", parameters={"steps": steps})


def test_no_parameter_of_scikit_learn_is_refused_by_mistake():
    for _, cls in all_estimators(type_filter=["classifier", "regressor"]):
        for name, constraints in cls._parameter_constraints.items():
            if name in ("func", "inverse_func"):  # callables alone, which no suite can write
                continue
            options = [getattr(one, "options", ()) for one in constraints if not isinstance(one, str)]
            for value in [1, *(text for texts in options for text in texts if isinstance(text, str))]:
                check_parameter(cls, name, value)


def test_parameters_are_those_that_a_class_and_its_bases_name():
    from sklearn.svm import SVC
    from xgboost import XGBClassifier

    assert parameters_of(SVC) == list(SVC().get_params()) or set(parameters_of(SVC)) == set(SVC().get_params())
    assert {"max_depth", "objective"} <= set(parameters_of(XGBClassifier))


def test_keys_of_runs_do_not_depend_on_what_is_allowed(write_suite):
    suite = str(write_suite(SUITE + 'path = "sklearn.svm.SVC"\nparameter = "C"\n'))
    before = [spec.key for spec in make_plan(load_suite(suite)).specs]
    grokbench.allow("xgboost")
    assert [spec.key for spec in make_plan(load_suite(suite)).specs] == before


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [0, 1])
def test_what_is_allowed_reaches_the_processes_of_runs(write_suite, tmp_path, grokbench, jobs):
    suite = write_suite(SUITE + 'path = "xgboost.XGBClassifier"\nparameter = "n_estimators"\n')
    arguments = ("run", suite, "--results", tmp_path / "results", "--jobs", jobs, "--json")
    status, out, err = grokbench(*arguments)
    assert (status, out) == (2, "")
    assert "--allow xgboost" in err
    status, out, _ = grokbench(*arguments, "--allow", "xgboost")
    assert (status, json.loads(out)["failed"]) == (0, [])


def test_an_order_does_not_widen_the_list_of_a_worker(write_suite, monkeypatch):
    from grokbench.runs.process import Limits

    suite = write_suite(SUITE + 'path = "xgboost.XGBClassifier"\nparameter = "n_estimators"\n')
    grokbench.allow("xgboost")
    spec = make_plan(load_suite(str(suite))).specs[0]
    order = json.loads(write_order(spec, "", Limits(1), []))
    assert _refusal(order, spec) == ""
    monkeypatch.setenv(VARIABLE, "")  # the worker's own
    assert _refusal(order, spec) == f"it does not allow xgboost; start the worker with {VARIABLE}=xgboost"
    assert allowed() == ["sklearn"]
