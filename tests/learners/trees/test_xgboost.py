"""Boosted trees against a fresh xgboost.train, against a walk down the trees by hand, and beside other boosters."""

import dataclasses
import json

import numpy as np
import pytest
import xgboost
from scipy.special import softmax
from support_learners import leaf_of, read_trees, start
from support_splits import product_of_two as random_split

import grokbench
from grokbench.curves.trace import trace
from grokbench.errors import OptionError
from grokbench.learners.encodings import encode
from grokbench.learners.trees.xgboost import BoostedTrees

SAMPLING = {"subsample": 0.7, "colsample_bynode": 0.5}
TIMES = (0, 1, 2, 5, 9, 20)


def begun(split, learner=None, seed=0, **options):
    return start(learner or grokbench.learner("xgboost", **options), split, seed)


def trained(split, time, learner=None, seed=0, **options):
    learner = begun(split, learner, seed, **options)
    learner.advance(time)
    return learner


def trees_of(learner):
    """The description as nested tuples (feature, threshold, left, right) or leaf values."""
    return read_trees({name: array.tolist() for name, array in learner.description().items()})


@pytest.mark.parametrize("method", [{"tree_method": "hist"}, {"tree_method": "approx"}, {"tree_method": "exact"}])
@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_scores_at_every_checkpoint_are_those_of_a_fresh_training(n_classes, method):
    """Byte for byte: neither the path, nor predictions on the way, nor their cache leave a trace."""
    split, options = random_split(n_classes), {**method, "subsample": 0.7, "colsample_bytree": 0.5, "eta": 0.5}
    learner = begun(split, **options)
    parameters = {
        0: {"objective": "reg:squarederror", "base_score": 0.0},
        2: {"objective": "binary:logistic", "base_score": 0.5},
        3: {"objective": "multi:softprob", "num_class": 3, "base_score": 0.0},
    }[n_classes]
    seed = int(np.random.default_rng(0).integers(2**31))
    parameters |= options | {"seed": seed, "seed_per_iteration": True, "nthread": 1}
    for time in TIMES:
        learner.advance(time)
        for X in (split.X_train, split.X_test, split.X_train[:7]):
            scores = learner.scores(X)
            booster = xgboost.train(parameters, xgboost.DMatrix(split.X_train, split.y_train), num_boost_round=time)
            margin = (
                booster.predict(xgboost.DMatrix(X), output_margin=True) if time else np.zeros((len(X), n_classes or 1))
            )
            if n_classes == 2 and time:
                margin = np.stack([-margin, margin], axis=1) / 2
            np.testing.assert_array_equal(scores, margin.reshape(len(X), -1).astype(float))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_softmax_of_scores_is_the_probability_xgboost_states(n_classes):
    split = random_split(n_classes)
    learner = trained(split, 10)
    stated = learner._booster.predict(xgboost.DMatrix(split.X_test))
    stated = np.stack([1 - stated, stated], axis=1) if n_classes == 2 else stated
    # single precision: 1e-6
    np.testing.assert_allclose(softmax(learner.scores(split.X_test), axis=1), stated, atol=1e-6)


def test_renaming_two_classes_swaps_the_columns():
    """Exact in real numbers; in xgboost's single precision sigmoid(-f) and 1 - sigmoid(f) differ by 1e-7."""
    split = random_split(2)
    renamed = dataclasses.replace(split, y_train=1 - split.y_train)
    a, b = (trained(s, 5).scores(split.X_test) for s in (split, renamed))
    np.testing.assert_allclose(a, b[:, ::-1], atol=1e-4 * np.abs(a).max())


@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_nothing_is_estimated_from_the_labels_before_the_first_tree(n_classes):
    """The base score stays what it was told, and the trees alone make up the scores."""
    split = random_split(n_classes)
    if n_classes:  # nine tenths of one class
        split = dataclasses.replace(split, y_train=np.where(np.arange(80) % 10 < 9, 0, split.y_train))
    learner = begun(split)
    np.testing.assert_array_equal(learner.scores(split.X_train), np.zeros((80, n_classes or 1)))
    learner.advance(3)
    base = json.loads(learner._booster.save_config())["learner"]["learner_model_param"]["base_score"]
    assert {float(value) for value in json.loads(base)} == {0.5 if n_classes == 2 else 0.0}
    assert learner.loss == ("cross-entropy" if n_classes else "mse")


@pytest.mark.parametrize("n_classes", [0, 2, 3])
@pytest.mark.parametrize("options", [{}, {"num_parallel_tree": 2, "subsample": 0.5}, {"tree_method": "exact"}])
def test_description_predicts_the_same(n_classes, options):
    """A receiver who knows the options adds up leaf values in single precision and gets the same bytes."""
    split = random_split(n_classes)
    learner = begun(split, **options)
    parallel, columns = options.get("num_parallel_tree", 1), n_classes if n_classes > 2 else 1
    for time in (0, 2, 3, 7):
        learner.advance(time)
        trees = trees_of(learner)
        assert len(trees) == time * columns * parallel
        margin = np.zeros((len(split.X_test), columns), dtype=np.float32)
        for number, tree in enumerate(trees):
            column = number // parallel % columns
            margin[:, column] += np.float32([leaf_of(tree, x)[0] for x in split.X_test.astype(np.float32)])
        scores = learner.scores(split.X_test)
        expected = np.hstack([-margin, margin]).astype(float) / 2 if n_classes == 2 else margin
        np.testing.assert_array_equal(scores, expected)


@pytest.mark.parametrize("n_classes", [0, 2, 3])
@pytest.mark.parametrize("options", [{}, {"lambda": 0.0, "num_parallel_tree": 3, "subsample": 0.6}])
def test_kernel_counts_common_leaves(n_classes, options):
    split = random_split(n_classes)
    learner = begun(split, min_child_weight=0.0, **options)
    assert learner.kernel(split.X_test) is None
    learner.advance(6)
    trees, X_train, X = trees_of(learner), split.X_train.astype(np.float32), split.X_test.astype(np.float32)
    expected = np.zeros((len(X), len(X)))
    for tree in trees:
        population = [leaf_of(tree, x)[1] for x in X_train]
        leaves = [leaf_of(tree, x)[1] for x in X]
        for i, mine in enumerate(leaves):
            for j, theirs in enumerate(leaves):
                if mine == theirs:
                    expected[i, j] += 1 / (population.count(mine) + learner.lambda_) / len(trees)
    kernel = learner.kernel(split.X_test)
    np.testing.assert_allclose(kernel, expected, rtol=1e-12)  # sums of a few dozen doubles
    np.testing.assert_array_equal(kernel, kernel.T)
    assert np.linalg.eigvalsh(kernel).min() > -1e-12


def test_kernel_is_the_operator_that_produces_the_prediction():
    """Squared error, one round, eta 1: f(x) = sum_i K(x, x_i) y_i."""
    split = random_split(0)
    learner = trained(split, 1, eta=1.0)
    X = np.concatenate([split.X_train, split.X_test])
    predicted = learner.kernel(X)[:, :80] @ split.y_train
    np.testing.assert_allclose(learner.scores(X)[:, 0], predicted, rtol=1e-5)  # single precision


class SeededOnce(BoostedTrees):
    """The same learner without a seed per round."""

    name = "seeded once"

    def _parameters(self, n_classes, seed):
        return super()._parameters(n_classes, seed) | {"seed_per_iteration": False}


def alone(make, split):
    return trained(split, 8, make()).scores(split.X_test)


def interleaved(make, split):
    """Two boosters trained round by round in turn; a third trains between begin and the first round."""
    learner, other = begun(split, make()), begun(split, make(), seed=7)
    trained(split, 3, make(), seed=8)
    for time in range(1, 9):
        other.advance(time)
        learner.advance(time)
        other.scores(split.X_train)
    return learner.scores(split.X_test)


@pytest.mark.parametrize(
    "options",
    [
        SAMPLING,
        {"subsample": 0.5},
        {"colsample_bynode": 0.5},
        {"colsample_bytree": 0.5, "colsample_bylevel": 0.5},
        {"subsample": 0.5, "sampling_method": "gradient_based"},
        {"subsample": 0.5, "colsample_bytree": 0.5, "tree_method": "exact"},
        {**SAMPLING, "tree_method": "approx", "num_parallel_tree": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_other_boosters_in_the_process_change_nothing(options, n_classes):
    split = random_split(n_classes)
    make = lambda: BoostedTrees(**options)  # noqa: E731
    expected = alone(make, split)
    np.testing.assert_array_equal(interleaved(make, split), expected)
    np.testing.assert_array_equal(alone(make, split), expected)
    assert (alone(lambda: BoostedTrees(), split) != expected).any()  # the sampling is on


def test_without_a_seed_per_round_other_boosters_change_the_rows_drawn():
    """xgboost 3.2 keeps one generator per thread, shared by all boosters.

    Rows are drawn from it in every round: interleaving changes them. Columns are drawn by a sampler of
    the booster's own, seeded from it once before the first tree: interleaving changes nothing, unless
    another booster trains between the configuration (a prediction at round 0 does it) and the first round.
    """
    split = random_split(2)
    rows, columns = (lambda: SeededOnce(subsample=0.5)), (lambda: SeededOnce(colsample_bynode=0.5))
    assert (interleaved(rows, split) != alone(rows, split)).any()
    np.testing.assert_array_equal(interleaved(columns, split), alone(columns, split))
    for make, same in ((columns, False), (lambda: BoostedTrees(colsample_bynode=0.5), True)):
        learner = begun(split, make())
        learner._booster.predict(learner._matrices.train)  # configures it
        trained(split, 3, make(), seed=8)
        learner.advance(8)
        assert np.array_equal(learner.scores(split.X_test), alone(make, split)) is same


def test_seeds_differ_and_begin_starts_again():
    split = random_split(2)
    learner = trained(split, 8, seed=1, **SAMPLING)
    first = learner.scores(split.X_test)
    assert (trained(split, 8, seed=2, **SAMPLING).scores(split.X_test) != first).any()
    trained(random_split(3, seed=4), 5, learner)
    np.testing.assert_array_equal(trained(split, 8, learner, seed=1).scores(split.X_test), first)
    assert len(trees_of(learner)) == 8


def test_an_array_changed_in_place_is_scored_anew():
    """Predictions are cached by content, so that a reused buffer is not mistaken for what it held before."""
    split = random_split(2)
    learner, buffer = trained(split, 5), split.X_test.copy()
    expected = [trained(split, 5).scores(X) for X in (split.X_test, -split.X_test)]
    np.testing.assert_array_equal(learner.scores(buffer), expected[0])
    buffer *= -1
    np.testing.assert_array_equal(learner.scores(buffer), expected[1])
    for shift in range(5):  # more arrays than are kept
        learner.scores(split.X_test + shift)
    np.testing.assert_array_equal(learner.scores(split.X_test), expected[0])


@pytest.mark.parametrize("encoding", ["auto", "one-hot", "integer", "sign"])
def test_encodings(encoding):
    split = grokbench.task("parity", n_bits=6, k=2, n_train=24, n_test=20).split(0)
    learner = trained(split, 5, encoding=encoding)
    used = learner.description()["split_feature"]
    assert used.max() < encode(split.X_train, split.alphabet, encoding).shape[1]
    if encoding == "one-hot":
        assert used.max() >= 6


def test_options_are_xgboosts_own_with_its_defaults():
    """Read back from a booster that was told nothing but the number of threads."""
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix([[0.0], [1.0]], [0, 1]), 1)
    learner = json.loads(booster.save_config())["learner"]
    model = learner["gradient_booster"]
    stated = model["tree_train_param"] | model["gbtree_model_param"] | model["gbtree_train_param"]
    stated |= learner["objective"]["reg_loss_param"]
    for name, default in BoostedTrees()._tree_options().items():
        value = type(default)(stated[name])
        assert value == (pytest.approx(default, rel=1e-6) if isinstance(default, float) else default), name


@pytest.mark.parametrize(
    "options",
    [
        {"eta": 0.05, "gamma": 0.25, "max_depth": 3, "min_child_weight": 2.5, "max_delta_step": 0.75},
        {"subsample": 0.5, "sampling_method": "gradient_based", "colsample_bytree": 0.75, "colsample_bylevel": 0.5},
        {"colsample_bynode": 0.25, "lambda": 0.125, "alpha": 0.5, "tree_method": "approx", "scale_pos_weight": 2.0},
        {"grow_policy": "lossguide", "max_leaves": 5, "max_bin": 16, "num_parallel_tree": 2, "max_depth": 0},
    ],
    ids=str,
)
def test_options_reach_the_booster(options):
    learner = json.loads(trained(random_split(2), 1, **options)._booster.save_config())["learner"]
    model = learner["gradient_booster"]
    stated = model["tree_train_param"] | model["gbtree_model_param"] | model["gbtree_train_param"]
    stated |= learner["objective"]["reg_loss_param"]
    for name, value in options.items():
        used = type(value)(stated[name])
        assert used == (pytest.approx(value, rel=1e-6) if isinstance(value, float) else value), name


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"eta": 0.0}, "eta"),
        ({"gamma": -1.0}, "gamma"),
        ({"max_depth": -1}, "max_depth"),
        ({"subsample": 0.0}, "subsample"),
        ({"colsample_bynode": 1.5}, "colsample_bynode"),
        ({"lambda": -0.1}, "lambda"),
        ({"max_bin": 1}, "max_bin"),
        ({"num_parallel_tree": 0}, "num_parallel_tree"),
        ({"scale_pos_weight": 0.0}, "scale_pos_weight"),
        ({"tree_method": "exact", "colsample_bynode": 0.5}, "colsample_bynode"),
        ({"tree_method": "exact", "max_depth": 0}, "max_depth"),
        ({"tree_method": "exact", "sampling_method": "gradient_based"}, "sampling_method"),
        ({"tree_method": "gpu_hist"}, "tree_method"),
    ],
    ids=str,
)
def test_impossible_options(options, named):
    with pytest.raises(OptionError) as error:
        grokbench.learner("xgboost", **options)
    assert error.value.option == named


def test_splits_that_do_not_fit_the_options():
    tokens = grokbench.task("modular", modulus=5).split(0)
    assert "two-letter" in grokbench.learner("xgboost", encoding="sign").cannot_read(tokens)
    assert "two classes" in grokbench.learner("xgboost", scale_pos_weight=2.0).cannot_read(tokens)
    assert grokbench.learner("xgboost").cannot_read(tokens) is None


def test_three_parity_generalizes_late():
    """Deep trees with few columns per node memorize within ten rounds and find the rule after dozens."""
    split = grokbench.task("parity", n_bits=30, k=3, n_train=2000, n_test=1000).split(0)
    learner = grokbench.learner("xgboost", max_depth=10, colsample_bynode=0.3)
    curve = trace(learner, split, budget=300, seed=0)
    fitted = curve[curve.train_accuracy >= 0.99].iloc[0]
    assert fitted.time <= 12
    assert fitted.test_accuracy < 0.75
    assert curve.time[curve.test_accuracy >= 0.9].iloc[0] >= 3 * fitted.time
    assert curve.test_accuracy.iloc[-1] > 0.95


def test_modular_addition_is_memorized_and_never_understood():
    split = grokbench.task("modular", modulus=11, train_fraction=0.6).split(0)
    curve = trace(grokbench.learner("xgboost", **{"lambda": 0.0}, min_child_weight=0.0), split, budget=40)
    assert curve.train_accuracy.iloc[-1] == 1.0
    assert curve.test_accuracy.max() < 0.2  # chance is .15
