"""Any estimator on its own clock, against scikit-learn called directly, from Python and from a suite file."""

import dataclasses
from functools import partial

import numpy as np
import pytest
import sklearn.ensemble
import sklearn.linear_model
import sklearn.metrics
import sklearn.naive_bayes
import sklearn.neighbors
import sklearn.neural_network
import sklearn.svm
import sklearn.tree
from sklearn.base import BaseEstimator, ClassifierMixin
from support_learners import read_trees, start
from support_scikit import as_scores, drawn_seed

import grokbench
from grokbench.curves.evaluate import declared_loss
from grokbench.errors import OptionError, UsageError
from grokbench.learners.laws import check_learner
from grokbench.runs.execute import Interruption, Watch, execute
from grokbench.runs.process import Limits
from grokbench.runs.store import Store
from grokbench.suites.plan import make_plan
from grokbench.suites.suite import load_suite
from grokbench.tasks.base import Split

TIMES = (1, 2, 3, 7, 12)
begun = partial(start, "estimator")
ENSEMBLE, LINEAR = "sklearn.ensemble.", "sklearn.linear_model."


def random_split(n_classes, n=60, d=5):
    rng = np.random.default_rng(n_classes)
    X = rng.normal(size=(n + 20, d))
    y = X[:, 0] * X[:, 1] + 0.2 * rng.normal(size=n + 20)
    if n_classes:
        return Split(X[:n], np.digitize(y, np.quantile(y[:n], np.arange(1, n_classes) / n_classes))[:n],
                     X[n:], rng.integers(n_classes, size=20), n_classes)  # fmt: skip
    return Split(X[:n], y[:n], X[n:], y[n:], 0, tolerance=0.1)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_epochs_are_calls_of_partial_fit(n_classes):
    split = random_split(n_classes)
    learner = begun(split, path=LINEAR + "SGDClassifier", parameters={"alpha": 0.01, "loss": "log_loss"})
    assert (learner.clock, learner.loss) == ("epochs", "cross-entropy")
    state = np.random.RandomState(drawn_seed())
    model = sklearn.linear_model.SGDClassifier(alpha=0.01, loss="log_loss", random_state=state)
    for epoch in range(1, 13):
        model.partial_fit(split.X_train, split.y_train, classes=np.arange(n_classes))
        if epoch in TIMES:
            learner.advance(epoch)
            np.testing.assert_array_equal(
                learner.scores(split.X_test), as_scores(model.decision_function(split.X_test))
            )
            np.testing.assert_array_equal(learner.description()["coef_"], model.coef_)


@pytest.mark.parametrize("n_classes", [0, 2, 3])
@pytest.mark.parametrize(
    ("name", "size", "parameters"),
    [
        ("GradientBoosting", "n_estimators", {"subsample": 0.5, "max_features": 0.5, "max_depth": 2}),
        ("HistGradientBoosting", "max_iter", {"max_features": 0.5, "min_samples_leaf": 4}),
        ("AdaBoost", "n_estimators", {}),
    ],
)
def test_rounds_are_the_stages_of_a_fit_of_any_size(name, size, parameters, n_classes):
    split, kind = random_split(n_classes), "Classifier" if n_classes else "Regressor"
    path = ENSEMBLE + name + kind
    learner = begun(split, path=path, parameters=parameters)
    assert learner.clock == "rounds"
    model = getattr(sklearn.ensemble, name + kind)(**parameters, random_state=drawn_seed(), **{size: 12})
    model.fit(split.X_train, split.y_train)
    staged = model.staged_decision_function if n_classes else model.staged_predict
    expected = [as_scores(np.array(f)) if n_classes else f[:, None] for f in staged(split.X_test)]
    for time in TIMES:
        learner.advance(time)
        for _ in range(2):  # read once, then again from what is kept
            scores = learner.scores(split.X_test)
            np.testing.assert_array_equal(scores, expected[min(time, len(expected)) - 1])
        learner.scores(split.X_train)


@pytest.mark.parametrize("n_classes", [0, 3])
@pytest.mark.parametrize("name", ["RandomForest", "ExtraTrees", "Bagging"])
def test_members_grow_as_if_fitted_at_once(name, n_classes):
    split, kind = random_split(n_classes), "Classifier" if n_classes else "Regressor"
    learner = begun(split, path=ENSEMBLE + name + kind)
    assert (learner.clock, learner.loss) == ("members", "mse")
    for time in TIMES:
        learner.advance(time)
        model = getattr(sklearn.ensemble, name + kind)(n_estimators=time, random_state=drawn_seed())
        model.fit(split.X_train, split.y_train)
        expected = model.predict_proba(split.X_test) if n_classes else model.predict(split.X_test)[:, None]
        np.testing.assert_array_equal(learner.scores(split.X_test), expected)


def test_a_refit_sets_the_parameter_to_the_time_or_its_inverse():
    split = random_split(3)
    learner = begun(split, path="sklearn.svm.SVC", parameter="C", first_value=0.01)
    assert (learner.clock, learner.integer_clock, learner.first_time, learner.loss) == ("C", False, 0.01, "hinge")
    for time in (0.01, 0.5, 20.0):
        learner.advance(time)
        model = sklearn.svm.SVC(C=time).fit(split.X_train, split.y_train)
        np.testing.assert_array_equal(learner.scores(split.X_test), model.decision_function(split.X_test))
        np.testing.assert_array_equal(learner.description()["dual_coef_"], model.dual_coef_)
    regression = random_split(0)
    learner = begun(regression, path=LINEAR + "Ridge", parameter="alpha", inverse=True)
    assert learner.clock == "1/alpha"
    learner.advance(0.25)
    model = sklearn.linear_model.Ridge(alpha=4.0).fit(regression.X_train, regression.y_train)
    np.testing.assert_array_equal(learner.scores(regression.X_test)[:, 0], model.predict(regression.X_test))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_log_probabilities_have_the_log_loss_of_scikit_learn():
    split = random_split(3)
    parameters = {"hidden_layer_sizes": [6]}
    learner = begun(split, path="sklearn.neural_network.MLPClassifier", parameters=parameters, parameter="max_iter")
    assert (learner.clock, learner.integer_clock, learner.loss) == ("max_iter", True, "cross-entropy")
    learner.advance(4)
    model = sklearn.neural_network.MLPClassifier([6], max_iter=4, random_state=drawn_seed())
    p = model.fit(split.X_train, split.y_train).predict_proba(split.X_test)
    np.testing.assert_array_equal(learner.scores(split.X_test), np.log(p))
    loss = declared_loss(learner.scores(split.X_test), split.y_test, "cross-entropy", 3)
    assert loss == pytest.approx(sklearn.metrics.log_loss(split.y_test, p), rel=1e-12)  # rows of p add up to rounding


def test_scores_may_be_asked_of_another_method():
    split = random_split(2)
    options = {"path": ENSEMBLE + "RandomForestClassifier", "scores_from": "predict_log_proba"}
    learner = begun(split, **options)
    learner.advance(5)
    p = learner._clocked.model.predict_proba(split.X_test)
    assert (p == 0).any()
    np.testing.assert_array_equal(learner.scores(split.X_test), np.log(np.maximum(p, np.finfo(float).eps)))
    votes = begun(split, **(options | {"scores_from": "predict"}))
    votes.advance(5)
    np.testing.assert_array_equal(votes.scores(split.X_test).argmax(axis=1), p.argmax(axis=1))


@pytest.mark.parametrize(
    ("path", "absent"),
    [(ENSEMBLE + "RandomForestClassifier", 0.0), ("sklearn.naive_bayes.GaussianNB", np.log(np.finfo(float).eps))],
)
def test_a_class_without_training_examples_scores_lowest(path, absent):
    split = random_split(3)
    kept = dataclasses.replace(split, y_train=2 * (split.y_train > 0), n_classes=4)
    learner = begun(kept, path=path)
    learner.advance(2)
    scores = learner.scores(split.X_test)
    assert (scores[:, [1, 3]] == absent).all()
    assert np.isin(scores.argmax(axis=1), [0, 2]).all()
    linear = begun(kept)
    linear.advance(2)
    scores = linear.scores(split.X_test)
    assert (scores[:, [1, 3]].max(axis=1) <= scores[:, [0, 2]].min(axis=1) - 1 + 1e-12).all()


def leaf_of(tree, x):
    node = 0
    while tree.children_left[node] != -1:
        left = np.float32(x[tree.feature[node]]) <= tree.threshold[node]
        node = tree.children_left[node] if left else tree.children_right[node]
    return node


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("path", ["RandomForestClassifier", "ExtraTreesClassifier", "GradientBoostingClassifier"])
def test_leaf_kernel_by_brute_force(path, n_classes):
    split = random_split(n_classes)
    learner = begun(split, path=ENSEMBLE + path, parameters={"max_leaf_nodes": 6})
    assert learner.kernel(split.X_test) is None
    learner.advance(3)
    learner.advance(4)  # boosting has fitted ahead: 6 rounds, of which 4 count
    columns = n_classes if path.startswith("Gradient") and n_classes > 2 else 1
    trees = [member.tree_ for member in np.ravel(np.asarray(learner._clocked.model.estimators_, dtype=object))]
    trees = trees[: 4 * columns]
    expected = np.zeros((20, 20))
    for tree in trees:
        population = [leaf_of(tree, x) for x in split.X_train]
        leaves = [leaf_of(tree, x) for x in split.X_test]
        for i, mine in enumerate(leaves):
            for j, theirs in enumerate(leaves):
                if mine == theirs:
                    expected[i, j] += 1 / population.count(mine) / len(trees)
    kernel = learner.kernel(split.X_test)
    np.testing.assert_allclose(kernel, expected, rtol=1e-12)  # sums of a few doubles
    np.testing.assert_array_equal(kernel, kernel.T)
    described = learner.description()
    assert described["is_leaf"].sum() == sum((tree.children_left == -1).sum() for tree in trees)


def test_leaf_kernel_is_the_operator_of_a_forest_without_bootstrap():
    split = random_split(0)
    learner = begun(split, path=ENSEMBLE + "ExtraTreesRegressor", parameters={"max_depth": 3})
    learner.advance(5)
    X = np.concatenate([split.X_train, split.X_test])
    predicted = learner.kernel(X)[:, :60] @ split.y_train
    np.testing.assert_allclose(learner.scores(X)[:, 0], predicted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("parameters", [{"max_depth": 3}, {"max_leaf_nodes": 7}])
def test_description_of_a_forest_predicts_the_same(parameters):
    split = random_split(3)
    learner = begun(split, path=ENSEMBLE + "RandomForestClassifier", parameters=parameters)
    learner.advance(4)

    def value(tree, x):
        while isinstance(tree, tuple):
            feature, threshold, left, right = tree
            tree = left if np.float32(x[feature]) <= threshold else right
        return tree / tree.sum()

    trees = read_trees(learner.description())
    assert len(trees) == 4
    predicted = [np.mean([value(tree, x) for tree in trees], axis=0) for x in split.X_test]
    np.testing.assert_allclose(learner.scores(split.X_test), predicted, atol=1e-14)


CASES = {
    "partial_fit": {"path": "sklearn.neural_network.MLPClassifier", "parameters": {"hidden_layer_sizes": [4]}},
    "staged": {"path": ENSEMBLE + "GradientBoostingClassifier", "parameters": {"subsample": 0.5, "max_depth": 2}},
    "staged histograms": {"path": ENSEMBLE + "HistGradientBoostingClassifier"},
    "warm start": {"path": ENSEMBLE + "RandomForestClassifier"},
    "refit": {"path": "sklearn.svm.SVC", "parameter": "C"},
    "a tree": {"path": "sklearn.tree.DecisionTreeClassifier", "parameter": "max_leaf_nodes", "scores_from": "predict"},
    "nested": {
        "path": ENSEMBLE + "AdaBoostClassifier",
        "parameters": {"estimator": {"path": "sklearn.tree.ExtraTreeClassifier", "parameters": {"max_depth": 2}}},
    },
}


@pytest.mark.parametrize("name", CASES)
def test_every_clock_keeps_the_laws(name):
    split = grokbench.task("parity", n_bits=6, k=2, n_train=24, n_test=20).split(0)
    times = [0, 2, 3, 5] if "max_leaf_nodes" in CASES[name].values() else [0, 1, 2, 5]
    laws = check_learner(lambda: grokbench.learner("estimator", **CASES[name]), split, times=times)
    assert [law for law in laws if law.status == "failed"] == []


class DrawsGlobally(ClassifierMixin, BaseEstimator):
    """An estimator without random_state: it draws from numpy's global generator."""

    def __init__(self, size=1):
        self.size = size

    def partial_fit(self, X, y, classes=None):
        self.classes_ = np.unique(y)
        self.coef_ = getattr(self, "coef_", 0) + np.random.normal(size=(X.shape[1], len(self.classes_)))  # noqa: NPY002
        return self

    fit = partial_fit

    def decision_function(self, X):
        return X @ self.coef_

    def predict(self, X):
        return self.classes_[self.decision_function(X).argmax(axis=1)]


def test_an_estimator_that_draws_from_the_global_generator_is_tamed():
    split = random_split(3)
    grokbench.allow(__name__)
    options = {"path": f"{__name__}.DrawsGlobally"}
    laws = check_learner(lambda: grokbench.learner("estimator", **options), split)
    assert [law for law in laws if law.status == "failed"] == []
    first, second = (begun(split, seed, **options) for seed in (1, 2))
    for learner in (first, second):
        learner.advance(2)
    assert (first.scores(split.X_test) != second.scores(split.X_test)).any()
    before = first.description()["coef_"] / 2
    first.advance(3)
    assert not np.allclose(first.description()["coef_"] - 2 * before, before)  # epochs draw anew


@pytest.mark.parametrize(
    ("options", "named", "says"),
    [
        ({"path": "SVC"}, "path", "import path"),
        ({"path": "sklearn.nothing.SVC"}, "path", "sklearn.MODULE.CLASS"),
        ({"path": "..svm.SVC"}, "path", "import path"),
        ({"path": "sklearn.svm.SVM"}, "path", "did you mean"),
        ({"path": "subprocess.Popen", "parameters": {"args": "false"}}, "path", "a class of sklearn"),
        ({"path": "sklearn.decomposition.PCA"}, "path", "predict"),
        ({"path": "sklearn.cluster.KMeans", "parameter": "max_iter"}, "path", "classifier or a regressor"),
        ({"path": "sklearn.svm.SVC"}, "parameter", "'C'"),
        ({"path": "sklearn.svm.SVC", "clock_from": "staged"}, "clock_from", "refit"),
        ({"path": "sklearn.svm.SVC", "parameter": "c"}, "parameter", "C"),
        ({"path": "sklearn.svm.SVC", "parameter": "shrinking"}, "parameter", "number"),
        ({"path": "sklearn.svm.SVC", "parameter": "degree", "inverse": True}, "inverse", "whole"),
        ({"path": "sklearn.svm.SVC", "parameter": "C", "parameters": {"C": 2}}, "parameters", "clock sets it"),
        ({"path": "sklearn.svm.SVC", "parameter": "C", "parameters": {"gama": 2}}, "parameters", "gamma"),
        ({"path": "sklearn.svm.SVC", "parameter": "C", "parameters": {"gamma": -1}}, "parameters", "gamma"),
        ({"path": "sklearn.svm.SVC", "parameter": "C", "first_value": 0.0}, "first_value", "positive"),
        ({"path": "sklearn.svm.SVC", "parameter": "C", "scores_from": "predict_proba"}, "scores_from", "predict"),
        ({"path": ENSEMBLE + "RandomForestClassifier", "parameters": {"n_estimators": 9}}, "parameters", "clock"),
        ({"path": ENSEMBLE + "RandomForestClassifier", "parameters": {"max_features": 1.0}}, "parameters", '"1.0"'),
        ({"path": ENSEMBLE + "RandomForestClassifier", "inverse": True}, "inverse", "refit"),
    ],
    ids=str,
)
def test_what_cannot_be_clocked_or_built_is_refused_in_one_line(options, named, says):
    with pytest.raises(OptionError) as error:
        grokbench.learner("estimator", **options)
    assert error.value.option == named
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_texts_that_are_numbers_or_none():
    options = {"max_features": "1.0", "max_depth": "None", "min_samples_leaf": "1", "criterion": "entropy"}
    learner = grokbench.learner("estimator", path=ENSEMBLE + "RandomForestClassifier", parameters=options)
    parameters = learner._estimator(False).get_params()
    assert isinstance(parameters["max_features"], float)
    assert (parameters["max_depth"], parameters["min_samples_leaf"], parameters["criterion"]) == (None, 1, "entropy")


def test_classifiers_do_not_read_regressions_nor_the_reverse():
    assert "regression" in grokbench.learner("estimator").cannot_read(random_split(0))
    ridge = grokbench.learner("estimator", path=LINEAR + "Ridge", parameter="alpha", inverse=True)
    assert "classification" in ridge.cannot_read(random_split(2))
    assert ridge.cannot_read(random_split(0)) is None


SUITE = """
title = "estimators from a suite alone"
seeds = 1
[[tasks]]
name = "parity"
n_bits = 6
k = 2
n_train = 32
n_test = 20
[[learners]]
name = "estimator"
path = "sklearn.linear_model.SGDClassifier"
parameters = { alpha = 0.001 }
budget = 6
[[learners]]
name = "estimator"
path = "sklearn.ensemble.GradientBoostingClassifier"
parameters = [{ max_depth = 2, subsample = 0.5 }, { max_depth = 3 }]
budget = 6
[[learners]]
name = "estimator"
path = "sklearn.ensemble.RandomForestClassifier"
budget = 6
[[learners]]
name = "estimator"
path = "sklearn.svm.SVC"
parameter = "C"
budget = 100
[[learners]]
name = "estimator"
path = "sklearn.neural_network.MLPClassifier"
parameter = "max_iter"
budget = 4
[[learners]]
name = "estimator"
path = "sklearn.linear_model.Ridge"
parameter = "alpha"
inverse = true
budget = 4
"""


def test_a_suite_file_alone_runs_any_estimator(write_suite, tmp_path):
    plan = make_plan(load_suite(str(write_suite(SUITE))))
    assert len(plan.specs) == len({spec.key for spec in plan.specs}) == 6
    assert [(cell.options["path"], "regressor" in why) for _, cell, why in plan.not_applicable] == [
        ("sklearn.linear_model.Ridge", True)
    ]
    store = Store(tmp_path / "results")
    assert execute(plan.specs, store, Watch(), Interruption(), jobs=0, limits=Limits(60))
    ends = [store.read(spec.key).record for spec in plan.specs]
    assert {end["status"] for end in ends} == {"done"}
    assert [end["facts"]["clock"] if "facts" in end else end["clock"] for end in ends] == [
        "epochs", "rounds", "rounds", "members", "C", "max_iter",
    ]  # fmt: skip


def test_a_mistake_in_a_suite_names_the_table(write_suite):
    path = write_suite(SUITE.replace("alpha = 0.001", "alfa = 0.001"))
    with pytest.raises(UsageError, match=r"\[\[learners\]\] estimator: parameters = .*alpha"):
        load_suite(str(path))
