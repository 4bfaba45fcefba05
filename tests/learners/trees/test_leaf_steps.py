"""Boosting that goes back to its trees, against the same done by hand in numpy and against the library."""

from functools import partial

import numpy as np
import pytest
from support_learners import at, leaf_of, read_trees, start
from support_splits import product_of_two

import grokbench
from grokbench.curves.trace import trace
from grokbench.errors import OptionError
from grokbench.learners.laws import check_learner
from grokbench.learners.trees.loss_derivatives import derivatives

random_split = partial(product_of_two, single=True)
FORESTS = [{"forest": 3, "greedy_share": 0.4}, {"forest": 4, "greedy_share": 0.0}, {"greedy_share": 0.3}]
PENALTIES = [{}, {"lambda": 0.4, "alpha": 0.2, "max_delta_step": 0.7, "eta": 0.5}]


def begun(split, seed=0, **options):
    return start("xgboost", split, seed, max_depth=3, **options)


def trees_of(learner):
    """The description as nested tuples (feature, threshold, left, right) or leaf values."""
    return read_trees({name: array.tolist() for name, array in learner.description().items()})


def structure(tree):
    """A tree without its leaf values."""
    return (*tree[:2], structure(tree[2]), structure(tree[3])) if isinstance(tree, tuple) else None


def paths(tree, X):
    """The leaf of each row of X, by the way to it."""
    return np.array([leaf_of(tree, x)[1] for x in X.astype(np.float32)])


def schedule(rounds, forest, share):
    """(whether a tree is grown, number of the tree) of each round, in exact hundredths."""
    trees, turn, plan, hundredths = forest, 0, [], round(100 * share)
    for t in range(1, rounds + 1):
        if trees == 0 or hundredths * t // 100 > hundredths * (t - 1) // 100:
            plan.append((True, trees))
            trees += 1
        else:
            turn = 0 if turn >= trees else turn
            plan.append((False, turn))
            turn += 1
    return plan


def newton(leaf, g, h, learner):
    """eta times the penalized Newton step of each example's leaf (n,), leaf by leaf."""
    step = np.empty(len(leaf))
    for name in set(leaf):
        inside = leaf == name
        G, H = g[inside].sum(), h[inside].sum()
        value = -np.sign(G) * max(abs(G) - learner.alpha, 0) / (H + learner.lambda_)
        limit = learner.max_delta_step or np.inf
        step[inside] = learner.eta * min(max(value, -limit), limit)
    return step


@pytest.mark.parametrize("n_classes", [0, 2])
@pytest.mark.parametrize("penalties", PENALTIES, ids=str)
@pytest.mark.parametrize("options", FORESTS, ids=str)
def test_every_round_by_hand(options, penalties, n_classes):
    """Structures come from the learner; every value and the scores are -eta S(G, alpha) / (H + lambda), by hand."""
    split = random_split(n_classes)
    learner = begun(split, **options, **penalties)
    margin, rounds = np.zeros(len(split.X_train)), 14
    for t, (grows, number) in enumerate(schedule(rounds, learner.forest, learner.greedy_share), start=1):
        before = [structure(tree) for tree in trees_of(learner)]
        trees = trees_of(at(learner, t))
        assert [structure(tree) for tree in trees[: len(before)]] == before
        assert len(trees) == len(before) + grows == learner.parts()
        g, h = (part[:, 0] for part in derivatives(margin[:, None], split.y_train, n_classes, 1.0))
        margin += newton(paths(trees[number], split.X_train), g, h, learner)
        scores = learner.scores(split.X_train)[:, -1] * (2 if n_classes else 1)
        # greedy leaves have the library's single precision
        np.testing.assert_allclose(scores, margin, rtol=0, atol=2e-5 * np.abs(margin).max())
    again = begun(split, **options, **penalties)
    np.testing.assert_array_equal(at(again, rounds).scores(split.X_train), learner.scores(split.X_train))


@pytest.mark.parametrize("options", [{}, {"colsample_bynode": 0.5, "gamma": 0.2}, {"stable_gradients": True}], ids=str)
@pytest.mark.parametrize("n_classes", [0, 2])
def test_only_greedy_rounds_beside_a_forest_are_the_library(n_classes, options):
    """The forest's leaves stay 0: the same trees, but that slopes are summed in another precision."""
    split = random_split(n_classes)
    plain, beside = (begun(split, forest=forest, **options) for forest in (0, 5))
    for time in (1, 4, 9):
        expected, scores = (at(learner, time).scores(split.X_test) for learner in (plain, beside))
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    assert [structure(t) for t in trees_of(beside)[5:]] == [structure(t) for t in trees_of(plain)]


def test_share_one_without_a_forest_changes_nothing():
    split = random_split(3)
    plain, spelled = begun(split), begun(split, forest=0, greedy_share=1.0)
    np.testing.assert_array_equal(at(spelled, 5).scores(split.X_test), at(plain, 5).scores(split.X_test))
    assert spelled.options == plain.options


def test_the_forest_is_drawn_from_seed_and_inputs_alone():
    """Its trees are those of the first rounds of random_structure, in which one tree a round is drawn."""
    split = random_split(2)
    options = {"colsample_bynode": 0.5, "colsample_bytree": 0.5}
    other = split.__class__(split.X_train, 1 - split.y_train, split.X_test, split.y_test, n_classes=2)
    mine, relabelled, another = (
        [structure(tree) for tree in trees_of(begun(s, seed, forest=6, **options))]
        for s, seed in ((split, 0), (other, 0), (split, 1))
    )
    drawn = at(begun(split, random_structure=1.0, **options), 6)
    assert mine == relabelled == [structure(tree) for tree in trees_of(drawn)]
    assert mine != another


@pytest.mark.parametrize("options", FORESTS, ids=str)
def test_kernels_count_each_tree_once_and_the_recent_ones_by_rounds(options):
    split = random_split(2)
    learner = at(begun(split, **options), 30)
    trees, X = trees_of(learner), split.X_test[:12]
    recent = [trees[number] for _, number in schedule(30, learner.forest, learner.greedy_share)[-6:]]
    for kernel, counted in ((learner.kernel(X), trees), (learner.other_kernels(X)["recent"], recent)):
        expected = np.zeros((12, 12))
        for tree in counted:
            trained, leaf = paths(tree, split.X_train), paths(tree, X)
            population = np.array([(trained == name).sum() for name in leaf])
            weight = np.where(population > 0, 1 / (population + 1.0), 0)
            expected += (leaf[:, None] == leaf) * weight / len(counted)
        np.testing.assert_allclose(kernel, expected, rtol=1e-12)


def test_the_frozen_twin_has_one_kernel_and_learns():
    split = random_split(2)
    learner = begun(split, forest=20, greedy_share=0.0)
    first = learner.kernel(split.X_test)
    assert (learner.scores(split.X_train) == 0).all()
    assert learner.other_kernels(split.X_test) == {}
    losses = []
    for time in (3, 30, 300):  # each step is Newton's, on a convex loss
        scores = at(learner, time).scores(split.X_train)
        losses.append(np.logaddexp(0, scores[:, 0] - scores[:, 1])[split.y_train == 1].mean())
    np.testing.assert_array_equal(learner.kernel(split.X_test), first)
    assert np.log(2) > losses[0] > losses[1] > losses[2]
    assert (learner.scores(split.X_train).argmax(1) == split.y_train).mean() > 0.75  # half of it without a step
    curve = trace(grokbench.learner("xgboost", forest=5, greedy_share=0.0), split, budget=20, measures=["movement"])
    assert np.abs(curve.movement).max() < 1e-12
    curve = trace(grokbench.learner("xgboost", forest=5, greedy_share=0.5), split, budget=20, measures=["movement"])
    assert curve.movement.iloc[-1] > 1e-3


def test_without_a_forest_the_kernel_begins_with_the_first_tree():
    split = random_split(2)
    learner = begun(split, greedy_share=0.1)
    assert learner.kernel(split.X_test) is None
    assert at(learner, 1).kernel(split.X_test) is not None
    assert [at(learner, t).parts() for t in (1, 9, 10, 20)] == [1, 1, 2, 3]


@pytest.mark.parametrize("options", FORESTS, ids=str)
def test_a_kept_description_is_the_scores_of_its_time(options):
    split = random_split(2)
    learner = at(begun(split, **options), 11)
    kept, expected = learner.description(), learner.scores(split.X_test)
    at(learner, 25)
    # sums of the same doubles in another order
    np.testing.assert_allclose(learner.scores_of(kept, split.X_test), expected, rtol=0, atol=1e-12)
    assert np.abs(learner.scores(split.X_test) - expected).max() > 1e-3
    whole = learner.scores_of(learner.leading(learner.parts()), split.X_test)
    np.testing.assert_allclose(whole, learner.scores(split.X_test), rtol=0, atol=1e-12)


def test_the_heaviest_trees_lead():
    split = random_split(0)
    learner = at(begun(split, forest=4, greedy_share=0.3), 20)
    trees = trees_of(learner)
    moved = [np.square([leaf_of(tree, x)[0] for x in split.X_train.astype(np.float32)]).sum() for tree in trees]
    best = trees[int(np.argmax(moved))]
    expected = [[leaf_of(best, x)[0]] for x in split.X_test.astype(np.float32)]
    np.testing.assert_allclose(learner.scores_of(learner.leading(1), split.X_test), expected, rtol=0, atol=1e-12)


def test_margins_do_not_depend_on_when_they_are_read():
    """Sums over rounds in their order, whichever inputs were kept, dropped and asked again."""
    split = random_split(2)
    watched, straight = (begun(split, forest=3, greedy_share=0.5) for _ in range(2))
    for time in range(1, 13):
        at(watched, time)
        for shift in range(time % 5):  # more inputs than are kept
            watched.scores(split.X_test + shift)
    np.testing.assert_array_equal(watched.scores(split.X_test), at(straight, 12).scores(split.X_test))
    buffer = split.X_test.copy()
    watched.scores(buffer)
    buffer *= -1
    np.testing.assert_array_equal(watched.scores(buffer), straight.scores(-split.X_test))


@pytest.mark.parametrize("gamma", [0.0, 0.5])
@pytest.mark.parametrize("method", ["hist", "approx", "exact"])
def test_children_of_the_library_stand_side_by_side(method, gamma):
    """Pruned trees too: our leaves are those that the library states."""
    split = random_split(2)
    learner = at(begun(split, forest=1, tree_method=method, gamma=gamma), 6)
    X = np.concatenate([split.X_train, split.X_test]).astype(np.float32)
    stated = learner._booster.predict(learner._matrices(X), pred_leaf=True).astype(int)
    np.testing.assert_array_equal(np.stack([tree.leaves(X) for tree in learner._steps.trees[1:]], axis=1), stated)


@pytest.mark.parametrize("options", [*FORESTS, {"forest": 2, "greedy_share": 0.5, "stable_gradients": True}], ids=str)
@pytest.mark.parametrize("n_classes", [0, 2])
def test_every_law(options, n_classes):
    laws = check_learner(lambda: grokbench.learner("xgboost", **options), random_split(n_classes))
    assert {law.name: law.detail for law in laws if law.status != "passed"}.keys() == {"relabelling"}


@pytest.mark.parametrize(
    "options",
    [{"greedy_share": 1.1}, {"forest": -1}, {"greedy_share": 0.0}]
    + [
        {"forest": 5, name: value}
        for name, value in (("subsample", 0.5), ("num_parallel_tree", 2), ("random_structure", 0.5), ("max_leaves", 4))
    ]
    + [{"greedy_share": 0.5, "grow_policy": "lossguide"}, {"greedy_share": 0.5, "sampling_method": "gradient_based"}],
    ids=str,
)
def test_impossible_options(options):
    with pytest.raises(OptionError) as error:
        grokbench.learner("xgboost", **options)
    assert error.value.option == list(options)[-1]


def test_several_classes_are_refused():
    assert "two classes" in grokbench.learner("xgboost", forest=5).cannot_read(random_split(3))
    assert grokbench.learner("xgboost", forest=5).cannot_read(random_split(2)) is None
    assert grokbench.learner("xgboost").cannot_read(random_split(3)) is None
