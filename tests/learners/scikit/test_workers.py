"""A run has one thread: no parameter of a class asks for more, at whatever depth, and no default does."""

import sys
import types

import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from grokbench.allowed import allow
from grokbench.errors import UsageError
from grokbench.learners.scikit.estimator import make_estimator
from grokbench.learners.scikit.workers import counts_workers, with_one_worker
from grokbench.registry import learners

FOREST = {"path": "sklearn.ensemble.RandomForestClassifier"}
PARTS = {"path": "sklearn.ensemble.BaggingClassifier", "clock_from": "warm_start"}


@pytest.mark.parametrize("value", [2, -1, 0, "2", "-1", 1.5, 2**40, [1], {"a": 1}])
def test_a_number_of_workers_other_than_one_is_refused_in_one_line(value):
    with pytest.raises(UsageError, match="n_jobs = 1: a run has one thread") as raised:
        learners.create("estimator", **FOREST, parameters={"n_jobs": value})
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("value", [1, "1", "None"])
def test_one_worker_is_allowed(value):
    learners.create("estimator", **FOREST, parameters={"n_jobs": value})


DEEP = {
    "an estimator within": {"estimator": {**FOREST, "parameters": {"n_jobs": 2}}},
    "by its path of names": {"estimator": FOREST, "estimator__n_jobs": 2},
    "two deep": {"estimator": {**PARTS, "parameters": {"estimator": {**FOREST, "parameters": {"n_jobs": 4}}}}},
    "in a list": {"estimators": [["a", {**FOREST, "parameters": {"n_jobs": 2}}]]},
    "in a list of lists": {"steps": [[["n", {"n_jobs": 2}]]]},
    "in a table of another kind": {"fit_params": {"num_threads": 2}},
    "xgboost's": {"nthread": 2},
}  # fmt: skip


@pytest.mark.parametrize("options", DEEP)
def test_so_is_one_at_any_depth(options):
    with pytest.raises(UsageError, match="= 1: a run has one thread"):
        learners.create("estimator", **PARTS, parameters=DEEP[options])


NAMES = """
n_jobs nthread nthreads num_threads num_thread thread_count n_threads threads workers n_workers num_workers max_workers
n_cpus num_cpus cpu_count n_cores n_processes nprocs jobs n_job core_dist_n_jobs n_preprocessing_jobs svc__n_jobs
worker_count inner_n_jobs dataloader_num_workers N_JOBS processes num_parallel_jobs a__b__nthread
""".split()
OTHERS = """
n_estimators n_components max_iter C core job n_neighbors n_iter_no_change num_leaves max_samples n_jobs__C warm_start
process_noise kernel min_child_weight n_restarts_optimizer max_bin n_features_to_select score threshold count
""".split()


@pytest.mark.parametrize("name", NAMES)
def test_names_of_numbers_of_workers(name):
    assert counts_workers(name)


@pytest.mark.parametrize("name", OTHERS)
def test_other_names(name):
    assert not counts_workers(name)


def test_no_parameter_of_the_classes_of_scikit_learn_is_taken_for_one_but_n_jobs():
    from sklearn.utils import all_estimators

    names = {
        name
        for _, cls in all_estimators()
        for name in getattr(cls, "_parameter_constraints", {})
        if counts_workers(name)
    }
    assert names == {"n_jobs"}


def test_the_clock_cannot_be_a_number_of_workers():
    for name in ("n_jobs", "estimator__n_jobs"):
        options = {"parameters": {"estimator": FOREST}} if "__" in name else {}
        with pytest.raises(UsageError, match="no number of threads or processes"):
            learners.create("estimator", **{**PARTS, "clock_from": "refit"}, parameter=name, **options)


class Greedy(ClassifierMixin, BaseEstimator):
    """Takes all that the machine has, unless it is told otherwise."""

    def __init__(self, thread_count=-1, n_jobs=None, part=None):
        self.thread_count, self.n_jobs, self.part = thread_count, n_jobs, part

    def fit(self, X, y):
        return self

    def predict(self, X):
        return X[:, 0]


def test_a_default_of_many_workers_becomes_one():
    model = with_one_worker(Greedy(part=Greedy()))
    assert (model.thread_count, model.n_jobs, model.part.thread_count, model.part.n_jobs) == (1, 1, 1, 1)


def test_so_it_does_by_way_of_a_suite(monkeypatch):
    module = types.ModuleType("sklearn_greedy")
    module.Greedy = type("Greedy", (Greedy,), {"__module__": "sklearn_greedy"})
    monkeypatch.setitem(sys.modules, "sklearn_greedy", module)
    allow("sklearn_greedy")
    assert make_estimator("path", "sklearn_greedy.Greedy", {}).thread_count == 1


def test_none_stays_none_in_scikit_learn_where_it_is_one():
    allow("xgboost")
    assert make_estimator("path", FOREST["path"], {}).n_jobs is None  # setting it is deprecated for some
    assert make_estimator("path", "xgboost.XGBClassifier", {}).n_jobs == 1
