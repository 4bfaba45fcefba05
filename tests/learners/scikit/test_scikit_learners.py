"""svm, nearest_neighbors, forest, extra_trees and gradient_boosting against scikit-learn called directly."""

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import SVC
from support_learners import read_trees
from support_learners import start as begun
from support_scikit import as_scores, drawn_seed

import grokbench
from grokbench.curves.evaluate import declared_loss
from grokbench.errors import OptionError
from grokbench.learners import leaves
from grokbench.tasks.base import Split


def random_split(n_classes, n=60, d=5):
    rng = np.random.default_rng(n_classes)
    X = rng.normal(size=(n + 20, d))
    y = X[:, 0] * X[:, 1] + 0.2 * rng.normal(size=n + 20)
    if n_classes:
        y = np.digitize(y, np.quantile(y, np.arange(1, n_classes) / n_classes))
    return Split(X[:n], y[:n], X[n:], y[n:], n_classes, tolerance=None if n_classes else 0.1)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    ("options", "theirs"),
    [
        ({}, {}),
        ({"gamma": 0.3}, {"gamma": 0.3}),
        ({"kernel": "linear"}, {"kernel": "linear"}),
        (
            {"kernel": "polynomial", "degree": 2, "coefficient": 1.0, "gamma": 0.5},
            {"kernel": "poly", "degree": 2, "coef0": 1.0, "gamma": 0.5},
        ),
    ],
    ids=str,
)
def test_svm_is_libsvm_at_every_c(options, theirs, n_classes):
    split = random_split(n_classes)
    learner = begun("svm", split, **options)
    for C in (0.001, 0.3, 50.0):
        learner.advance(C)
        model = SVC(C=C, **theirs).fit(split.X_train, split.y_train)
        np.testing.assert_array_equal(learner.scores(split.X_test), as_scores(model.decision_function(split.X_test)))


def test_svm_kernel_predicts_and_its_loss_is_the_hinge():
    """f(x) = sum_i alpha_i K(x_i, x) + b over the support vectors; max(0, 1 - y f) is the loss that is measured."""
    split = random_split(2)
    learner = begun("svm", split)
    learner.advance(2.0)
    description, X = learner.description(), np.concatenate([split.X_train, split.X_test])
    f = description["dual_coef_"][0] @ learner.kernel(X)[description["support_"]] + description["intercept_"]
    scores = learner.scores(X)
    np.testing.assert_allclose(scores[:, 1] - scores[:, 0], f, atol=1e-12)
    np.testing.assert_allclose(
        learner.kernel(split.X_test)[3, 5],
        np.exp(-learner._gamma * ((split.X_test[3] - split.X_test[5]) ** 2).sum()),
        rtol=1e-12,
    )
    hinge = np.maximum(0, 1 - np.where(split.y_train == 1, 1, -1) * f[:60]).mean()
    assert declared_loss(learner.scores(split.X_train), split.y_train, learner.loss, 2) == pytest.approx(hinge)


@pytest.mark.parametrize(("power", "weights"), [(0.0, "uniform"), (1.0, "distance"), (2.5, lambda r: r**-2.5)])
@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_nearest_neighbors_go_from_all_to_one(n_classes, power, weights):
    split = random_split(n_classes)
    learner = begun("nearest_neighbors", split, power=power)
    for time, k in ((1, 60), (2, 30), (7, 8), (31, 1), (60, 1), (500, 1)):
        learner.advance(time)
        cls = KNeighborsClassifier if n_classes else KNeighborsRegressor
        model = cls(k, weights=weights).fit(split.X_train, split.y_train)
        expected = model.predict_proba(split.X_test) if n_classes else model.predict(split.X_test)[:, None]
        np.testing.assert_allclose(learner.scores(split.X_test), expected, atol=1e-12)  # another search: rounding
    assert learner.kernel(split.X_test) is None


@pytest.mark.parametrize("power", [0.5, 1.0, 400.0])  # 400: the votes themselves would overflow
def test_an_exact_match_outvotes_all(power):
    """Twins share the vote; scikit-learn's inverse distance says the same."""
    X = np.array([[0.0], [0.0], [1.0], [3.0]])
    split = Split(X, np.array([1.0, 2.0, 9.0, 5.0]), X, np.zeros(4), n_classes=0, tolerance=0.1)
    learner = begun("nearest_neighbors", split, power=power)
    learner.advance(1)
    np.testing.assert_array_equal(learner.scores(X)[:, 0], [1.5, 1.5, 9.0, 5.0])
    theirs = KNeighborsRegressor(4, weights="distance").fit(X, split.y_train)
    np.testing.assert_array_equal(learner.scores(X)[:, 0], theirs.predict(X))


def test_time_is_the_trace_of_the_smoother():
    """The average of k neighbours is S y with S_ii = 1 / k."""
    split = random_split(0)
    learner = begun("nearest_neighbors", split)
    learner.advance(5)
    smoother = []
    for i in range(60):
        y = np.zeros(60)
        y[i] = 1.0
        probe = grokbench.learner("nearest_neighbors")
        probe.begin(split.X_train, y, 0, None, np.random.default_rng(0))
        probe.advance(5)
        smoother.append(probe.scores(split.X_train)[i, 0])
    assert sum(smoother) == pytest.approx(5)
    one = begun("nearest_neighbors", random_split(3))
    one.advance(1)
    shares = np.bincount(random_split(3).y_train) / 60
    np.testing.assert_allclose(one.scores(split.X_test), np.tile(shares, (20, 1)))


FORESTS = {
    "forest": (RandomForestClassifier, RandomForestRegressor),
    "extra_trees": (ExtraTreesClassifier, ExtraTreesRegressor),
}


@pytest.mark.parametrize("n_classes", [0, 2, 3])
@pytest.mark.parametrize(
    ("options", "theirs"),
    [
        ({}, {"max_features": "sqrt"}),
        (
            {"max_depth": 3, "min_samples_leaf": 2, "min_samples_split": 5, "max_features": 0.6, "bootstrap": True},
            {"max_depth": 3, "min_samples_leaf": 2, "min_samples_split": 5, "max_features": 0.6, "bootstrap": True},
        ),
        ({"max_leaf_nodes": 5, "max_features": 1.0}, {"max_leaf_nodes": 5, "max_features": 1.0}),
    ],
    ids=["default", "limits", "leaves"],
)
@pytest.mark.parametrize("name", FORESTS)
def test_forests_grow_as_if_fitted_at_once(name, options, theirs, n_classes):
    split = random_split(n_classes)
    learner = begun(name, split, **options)
    for time in (1, 2, 5, 9):
        learner.advance(time)
        model = FORESTS[name][n_classes == 0](time, random_state=drawn_seed(), **theirs)
        model.fit(split.X_train, split.y_train)
        expected = model.predict_proba(split.X_test) if n_classes else model.predict(split.X_test)[:, None]
        np.testing.assert_array_equal(learner.scores(split.X_test), expected)


@pytest.mark.parametrize("n_classes", [0, 2, 3])
@pytest.mark.parametrize(
    ("options", "theirs"),
    [
        ({}, {}),
        (
            {"learning_rate": 0.5, "subsample": 0.5, "max_features": 0.0, "max_depth": 0, "min_samples_leaf": 3},
            {"learning_rate": 0.5, "subsample": 0.5, "max_features": "sqrt", "max_depth": None, "min_samples_leaf": 3},
        ),
        ({"max_leaf_nodes": 4, "max_features": 0.5}, {"max_leaf_nodes": 4, "max_features": 0.5}),
    ],
    ids=["default", "stochastic", "leaves"],
)
def test_boosting_rounds_are_the_stages_of_one_fit(options, theirs, n_classes):
    """Byte for byte, although the learner adds rounds to a fitted model."""
    split = random_split(n_classes)
    learner = begun("gradient_boosting", split, **options)
    cls = GradientBoostingClassifier if n_classes else GradientBoostingRegressor
    model = cls(n_estimators=15, random_state=drawn_seed(), **theirs).fit(split.X_train, split.y_train)
    staged = model.staged_decision_function if n_classes else model.staged_predict
    stages = [np.array(f) for f in staged(split.X_test)]
    for time in (1, 2, 3, 8, 15):
        learner.advance(time)
        f = stages[time - 1]
        f = f.ravel() if n_classes == 2 else f
        np.testing.assert_array_equal(learner.scores(split.X_test), as_scores(f) if n_classes else f[:, None])
    assert learner.loss == ("cross-entropy" if n_classes else "mse")


@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_description_of_boosting_predicts_the_same(n_classes):
    """Start from the log-odds of the class shares or the mean, and add learning_rate times the leaf values."""
    split = random_split(n_classes)
    learner = begun("gradient_boosting", split, learning_rate=0.3)
    learner.advance(4)
    description = learner.description()
    columns = n_classes if n_classes > 2 else 1
    f = np.zeros((20, columns))
    trees = read_trees({name: description[name] for name in ("is_leaf", "split_feature", "threshold", "leaf_value")})
    assert len(trees) == 4 * columns
    for number, root in enumerate(trees):
        for i, x in enumerate(split.X_test):
            tree = root
            while isinstance(tree, tuple):
                feature, threshold, left, right = tree
                tree = left if np.float32(x[feature]) <= threshold else right
            f[i, number % columns] += 0.3 * tree[0]
    if n_classes == 0:
        f += description["constant"].ravel()
    elif n_classes == 2:
        f += np.log(description["class_prior"][1] / description["class_prior"][0])
    else:
        f += np.log(description["class_prior"])
    scores = learner.scores(split.X_test)
    if n_classes == 2:
        f = as_scores(f.ravel())
    else:  # several classes: scikit-learn may centre the log-odds, which softmax does not see
        f, scores = (a - (a.mean(axis=1, keepdims=True) if n_classes else 0) for a in (f, scores))
    np.testing.assert_allclose(scores, f, atol=1e-12)


def test_a_leaf_without_training_examples_weighs_nothing():
    kernel = leaves.kernel(np.array([[0], [0], [1]]), np.array([[0], [0], [1], [2]]))
    np.testing.assert_allclose(kernel, [[0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize(
    ("name", "options", "named"),
    [
        ("svm", {"gamma": -1.0}, "gamma"),
        ("svm", {"degree": 0}, "degree"),
        ("svm", {"tolerance": 0.0}, "tolerance"),
        ("svm", {"first_c": 0.0}, "first_c"),
        ("nearest_neighbors", {"power": -1.0}, "power"),
        ("forest", {"max_features": 1.5}, "max_features"),
        ("forest", {"min_samples_split": 1}, "min_samples_split"),
        ("extra_trees", {"max_leaf_nodes": 1}, "max_leaf_nodes"),
        ("gradient_boosting", {"learning_rate": 0.0}, "learning_rate"),
        ("gradient_boosting", {"subsample": 0.0}, "subsample"),
        ("gradient_boosting", {"max_depth": -1}, "max_depth"),
    ],
    ids=str,
)
def test_impossible_options(name, options, named):
    with pytest.raises(OptionError) as error:
        grokbench.learner(name, **options)
    assert error.value.option == named


def test_svm_reads_no_regression():
    assert "regression" in grokbench.learner("svm").cannot_read(random_split(0))
