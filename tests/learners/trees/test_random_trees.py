"""Random trees against a walk by hand, the library's own leaf values, and boosting done again from the description."""

from functools import partial

import numpy as np
import pytest
import xgboost
from scipy import stats
from support_learners import leaf_of, read_trees
from support_splits import product_of_two

import grokbench
from grokbench.errors import OptionError
from grokbench.learners.laws import check_learner
from grokbench.learners.trees.loss_derivatives import derivatives
from grokbench.learners.trees.random_trees import (
    Extremes,
    RandomRounds,
    _candidates,
    grow,
    grow_with_leaves,
    newton_step,
)

ALL = (1.0, 1.0, 1.0)
random_split = partial(product_of_two, single=True)


def trained(split, time, y=None, seed=0, **options):
    learner = grokbench.learner("xgboost", **options)
    y = split.y_train if y is None else y
    learner.begin(split.X_train, y, split.n_classes, split.alphabet, np.random.default_rng(seed))
    learner.advance(time)
    return learner


def rounds_of(learner):
    """The description, round by round, as nested tuples (feature, threshold, left, right) or leaf values."""
    rounds = [
        read_trees({name: array.tolist() for name, array in described.items()})
        for described in learner._added.described()
    ]
    assert {len(trees) for trees in rounds} <= {learner._random.per_round}
    return rounds


def structure(tree):
    """A tree without its leaf values."""
    return (*tree[:2], structure(tree[2]), structure(tree[3])) if isinstance(tree, tuple) else None


@pytest.mark.parametrize("d", [1, 7, 8, 60, 64, 65, 130])
@pytest.mark.parametrize("kind", ["signs", "one-hot", "two values", "three values", "constant", "real"])
def test_extremes_of_bits_are_those_of_numbers(kind, d):
    rng = np.random.default_rng(d)
    bits = rng.integers(2, size=(50, d))
    X = {
        **{"signs": 2 * bits - 1, "one-hot": np.eye(d)[rng.integers(d, size=50)], "constant": np.ones((50, d))},
        **{"two values": np.where(bits, *rng.normal(size=(2, d))), "three values": rng.integers(3, size=(50, d))},
        "real": rng.normal(size=(50, d)),
    }[kind].astype(np.float32)
    rows, starts = rng.permutation(50)[:40], np.array([0, 1, 5, 30])
    groups = [X[part] for part in np.split(rows, starts[1:])]
    low, high = Extremes(X)(rows, starts)
    np.testing.assert_array_equal(low, [group.min(axis=0) for group in groups])
    np.testing.assert_array_equal(high, [group.max(axis=0) for group in groups])
    assert low.dtype == high.dtype == np.float32


def test_growing_tells_the_leaves():
    rng = np.random.default_rng(4)
    for X in (rng.normal(size=(80, 6)), 2 * rng.integers(2, size=(80, 6)) - 1):
        X = X.astype(np.float32)
        for max_depth in (0, 2):
            tree, leaf = grow_with_leaves(X, rng, max_depth, ALL, Extremes(X))
            np.testing.assert_array_equal(leaf, tree.leaves(X))


def test_sums_are_those_of_every_tree_anew():
    options = grokbench.learner("xgboost", random_structure=1.0, max_depth=3, num_parallel_tree=2)
    rng = np.random.default_rng(5)
    inputs, others = (rng.normal(size=(n, 4)).astype(np.float32) for n in (30, 20))
    rounds = RandomRounds(options, inputs, 3, seed=1)
    for round_ in range(6):
        rounds.add(round_, *rng.random((2, 30, 3)))
        if round_ in (0, 1, 4, 5):  # the sums of rounds that were left out are made up for
            for X in (inputs, inputs.copy(), others):
                expected = np.zeros((len(X), 3), dtype=np.float32)
                for trees in rounds.trees:
                    for number, (tree, value) in enumerate(trees):
                        expected[:, number // 2] += value[tree.leaves(X)]
                np.testing.assert_array_equal(rounds.margins(X), expected)


@pytest.mark.parametrize("max_depth", [0, 1, 3])
@pytest.mark.parametrize("kind", ["real", "bits"])
def test_every_node_is_split_that_can_be(kind, max_depth):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 5)) if kind == "real" else rng.integers(2, size=(60, 5)) * 2.0 - 1
    X, unseen = X.astype(np.float32), rng.normal(size=(40, 5)).astype(np.float32)
    tree = grow(X, rng, max_depth, ALL)
    places = {}

    def walk(node, rows, others, depth):
        if tree.feature[node] < 0:
            places.update(dict.fromkeys(map(tuple, np.vstack([X[rows], unseen[others]])), node))
            assert depth == max_depth or (X[rows] == X[rows[0]]).all()
            return
        assert not max_depth or depth < max_depth
        goes = [part[:, tree.feature[node]] < tree.threshold[node] for part in (X, unseen)]
        for side, child in ((True, tree.left[node]), (False, tree.left[node] + 1)):
            assert any(goes[0][rows] == side)
            walk(child, rows[goes[0][rows] == side], others[goes[1][others] == side], depth + 1)

    walk(0, np.arange(60), np.arange(40), 0)
    for part in (X, unseen):
        np.testing.assert_array_equal(tree.leaves(part), [places[tuple(x)] for x in part])


def test_features_and_thresholds_are_drawn_uniformly():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 5)).astype(np.float32)
    X[:, 3] = 1.0  # nothing to split
    roots = [(tree.feature[0], tree.threshold[0]) for tree in (grow(X, rng, 1, ALL) for _ in range(2000))]
    counts = np.bincount([feature for feature, _ in roots], minlength=5)
    assert counts[3] == 0
    assert stats.chisquare(counts[[0, 1, 2, 4]]).pvalue > 1e-3  # a fixed seed: this cannot flicker
    low, high = X[:, 0].min(), X[:, 0].max()
    drawn = [threshold for feature, threshold in roots if feature == 0]
    assert stats.kstest(drawn, stats.uniform(low, high - low).cdf).pvalue > 1e-3


def test_neighbouring_numbers_can_be_split():
    """Where the extremes have no number between them, the threshold is the upper one."""
    X = np.array([[1.0], [np.nextafter(np.float32(1), np.float32(2))]], dtype=np.float32)
    for seed in range(20):
        assert len(set(grow(X, np.random.default_rng(seed), 0, ALL).leaves(X))) == 2


def test_column_sampling():
    rng = np.random.default_rng(0)
    allowed = np.repeat([[True] * 6 + [False] * 4], 3000, axis=0)
    drawn = _candidates(allowed, 0.6, rng)
    assert (drawn.sum(axis=1) == 3).all()  # floor(.6 * 6), as in the library
    assert not drawn[:, 6:].any()
    assert np.abs(drawn[:, :6].mean(axis=0) - 0.5).max() < 4 * 0.5 / 3000**0.5
    assert (_candidates(allowed, 0.01, rng).sum(axis=1) == 1).all()
    X = rng.normal(size=(200, 8)).astype(np.float32)
    used = [set(grow(X, rng, 0, (0.25, 1.0, 1.0)).feature) - {-1} for _ in range(30)]
    assert max(map(len, used)) == 2
    assert len(set.union(*used)) == 8
    X[:, 1:] = 0.0  # one feature can be split: a node that is not offered it stays a leaf
    roots = [grow(X, rng, 1, (1.0, 1.0, 0.5)).feature[0] for _ in range(1000)]
    assert abs(np.mean(np.array(roots) == 0) - 0.5) < 0.07  # 4 standard errors


def test_leaf_values_are_the_librarys():
    """A greedy tree's values from its leaves, by the formula that random trees use; single precision: 1e-5."""
    split, options = random_split(2), {"lambda": 0.7, "alpha": 0.3, "max_depth": 3, "eta": 1.0}
    for step in (0.0, 0.8):
        learner = trained(split, 3, max_delta_step=step, min_child_weight=0.0, **options)
        before = trained(split, 2, max_delta_step=step, min_child_weight=0.0, **options)
        leaf = learner._added.leaves(split.X_train)[:, 2, 0]
        slopes = derivatives(before._margins(split.X_train), split.y_train, 2, 1.0)
        expected = newton_step(leaf, *(part[:, 0] for part in slopes), 0.7, 0.3, step)[leaf]
        values = [leaf_of(rounds_of(learner)[2][0], x)[0] for x in split.X_train]
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)
        assert np.abs(expected).max() == 0.8 if step else np.abs(expected).max() > 0.8


@pytest.mark.parametrize(("n_classes", "weight"), [(0, 1.0), (2, 1.0), (2, 3.0), (3, 1.0)])
def test_derivatives_are_autograds(n_classes, weight):
    import torch
    from torch.nn import functional

    rng = np.random.default_rng(0)
    margin, y = rng.normal(size=(12, n_classes if n_classes > 2 else 1)), rng.integers(max(n_classes, 2), size=12)
    f = torch.tensor(margin, requires_grad=True)
    target = torch.tensor(y)
    if n_classes == 0:
        loss = (f[:, 0] - target).square() / 2
    elif n_classes == 2:
        loss = functional.binary_cross_entropy_with_logits(f[:, 0], target.double(), reduction="none")
        loss = loss * torch.where(target == 1, weight, 1.0)
    else:
        loss = functional.cross_entropy(f, target, reduction="none")
    gradient = torch.autograd.grad(loss.sum(), f, create_graph=True)[0]
    diagonal = [torch.autograd.grad(gradient[:, c].sum(), f, retain_graph=True)[0][:, c] for c in range(f.shape[1])]
    g, h = derivatives(margin, y, n_classes, weight)
    np.testing.assert_allclose(g, gradient.detach(), atol=1e-12)
    np.testing.assert_allclose(h, torch.stack(diagonal, 1) * (2 if n_classes > 2 else 1), atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_derivatives_do_not_cancel(n_classes):
    """A margin of 60 leaves e^-60 (others at 0: of each), where p rounds to 1 even in double precision."""
    margin = np.zeros((1, 1 if n_classes == 2 else n_classes))
    margin[0, -1] = 60.0
    others = max(n_classes - 1, 1)
    g, h = derivatives(margin, np.array([n_classes - 1]), n_classes, 1.0)
    assert g[0, -1] == pytest.approx(-others * np.exp(-60), rel=1e-12, abs=0)
    assert h[0, -1] == pytest.approx((1 if n_classes == 2 else 2) * others * np.exp(-60), rel=1e-12, abs=0)


@pytest.mark.parametrize(
    "options", [{}, {"scale_pos_weight": 2.0}, {"gamma": 0.1, "alpha": 0.2, "max_delta_step": 1.0}]
)
@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_stable_gradients_grow_the_same_trees(n_classes, options):
    """Where nothing cancels; rescaled sums differ in single precision only, which is 1e-4 of the scores here."""
    if n_classes != 2 and "scale_pos_weight" in options:
        return
    split = random_split(n_classes)
    plain, stable = (trained(split, 12, stable_gradients=on, subsample=0.8, **options) for on in (False, True))
    a, b = (learner.scores(split.X_test) for learner in (plain, stable))
    np.testing.assert_allclose(b, a, rtol=0, atol=1e-4 * np.abs(a).max())
    assert (a != b).any()


def test_without_stable_gradients_no_tree_grows_at_large_margins():
    split, off = random_split(2), {"lambda": 0.0, "min_child_weight": 0.0, "eta": 1.0}
    plain, stable = (rounds_of(trained(split, 40, stable_gradients=on, **off)) for on in (False, True))
    assert isinstance(plain[10][0], tuple)
    assert not isinstance(plain[39][0], tuple)
    assert isinstance(stable[39][0], tuple)


@pytest.mark.parametrize(("share", "random"), [(0.5, [1, 3, 5]), (1.0, [0, 1, 2, 3, 4, 5]), (0.34, [2, 5]), (0.0, [])])
def test_random_rounds_are_evenly_spaced_and_blind_to_the_labels(share, random):
    split = random_split(3)
    shuffled = np.random.default_rng(5).permutation(split.y_train)
    options = {"random_structure": share, "colsample_bynode": 0.5}
    a, b, again = (
        rounds_of(trained(split, 6, y=y, seed=seed, **options)) for y, seed in ((None, 0), (shuffled, 0), (None, 0))
    )
    other = rounds_of(trained(split, 6, seed=1, **options))
    assert a == again
    for round_ in range(6):
        for mine, theirs, another in zip(a[round_], b[round_], other[round_], strict=True):
            assert mine != theirs  # leaf values at least
            assert (structure(mine) == structure(theirs)) == (round_ in random)
            assert structure(mine) != structure(another)


@pytest.mark.parametrize("n_classes", [0, 2, 3])
@pytest.mark.parametrize("options", [{"num_parallel_tree": 2}, {"lambda": 0.0, "min_child_weight": 0.0, "eta": 0.1}])
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_boosting_again_from_the_structure(share, options, n_classes):
    """Every leaf value is -eta G / (H + lambda) at the margins before its round; the scores are the sums of them."""
    split = random_split(n_classes)
    learner = trained(split, 6, random_structure=share, max_depth=4, **options)
    columns, parallel = learner._random.columns, learner.num_parallel_tree
    X, new = (np.array(part, dtype=np.float32) for part in (split.X_train, split.X_test))
    margin, predicted = np.zeros((len(X), columns)), np.zeros((len(new), columns))
    for trees in rounds_of(learner):
        gradient, curvature = derivatives(margin, split.y_train, n_classes, 1.0)
        for number, tree in enumerate(trees):
            c = number // parallel
            leaves = [leaf_of(tree, x) for x in X]
            for value, path in set(leaves):
                inside = [at == path for _, at in leaves]
                G, H = gradient[inside, c].sum(), curvature[inside, c].sum()
                expected = -learner.eta / parallel * G / (H + learner.lambda_)
                assert value == pytest.approx(expected, rel=2e-4, abs=1e-5)  # greedy ones in single precision
            margin[:, c] += [value for value, _ in leaves]
            predicted[:, c] += [leaf_of(tree, x)[0] for x in new]
    predicted = np.hstack([-predicted, predicted]) / 2 if n_classes == 2 else predicted
    np.testing.assert_allclose(learner.scores(split.X_test), predicted, rtol=0, atol=1e-5 * np.abs(predicted).max())


def test_the_trees_of_a_round_do_not_depend_on_the_share():
    split = random_split(2)
    half, all_ = (rounds_of(trained(split, 8, random_structure=share)) for share in (0.5, 1.0))
    assert [structure(half[r][0]) for r in (1, 3, 5, 7)] == [structure(all_[r][0]) for r in (1, 3, 5, 7)]


def test_subsampling_leaves_examples_out_of_the_values_alone():
    split = random_split(0)
    part, whole = (trained(split, 1, random_structure=1.0, subsample=share) for share in (0.5, 1.0))
    (a,), (b,) = rounds_of(part)[0], rounds_of(whole)[0]
    assert structure(a) == structure(b)
    assert a != b


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_kernels_count_common_leaves_of_all_and_of_the_last_rounds(share):
    split = random_split(3)
    learner = trained(split, 30, random_structure=share, max_depth=3)
    rounds, X_train, X = rounds_of(learner), split.X_train, split.X_test[:12]
    for kernel, last in ((learner.kernel(X), 30), (learner.other_kernels(X)["recent"], 6)):
        trees, expected = [tree for trees in rounds[-last:] for tree in trees], np.zeros((12, 12))
        for tree in trees:
            population = [leaf_of(tree, x)[1] for x in X_train]
            at = [leaf_of(tree, x)[1] for x in X]
            for i, mine in enumerate(at):
                for j, theirs in enumerate(at):
                    if mine == theirs and population.count(mine):
                        expected[i, j] += 1 / (population.count(mine) + 1) / len(trees)
        np.testing.assert_allclose(kernel, expected, rtol=1e-12)
    assert trained(split, 0).other_kernels(X) == {}
    for time, last in ((3, 3), (12, 5), (250, 40)):
        learner = trained(random_split(2), time, max_depth=2, random_structure=share)
        np.testing.assert_array_equal(learner.other_kernels(X)["recent"], learner._added.recent(X, last))


@pytest.mark.parametrize(
    "options",
    [{"random_structure": 1.0}, {"random_structure": 0.5, "subsample": 0.7}, {"stable_gradients": True, "lambda": 0.0}],
    ids=str,
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_every_law(options, n_classes):
    laws = check_learner(lambda: grokbench.learner("xgboost", **options), random_split(n_classes))
    assert {law.name: law.detail for law in laws if law.status != "passed"}.keys() == {"relabelling"}


@pytest.mark.parametrize(
    "options",
    [{"random_structure": -0.1}, {"random_structure": 1.1}]
    + [
        {"random_structure": 0.5, name: value}
        for name, value in (("max_leaves", 4), ("grow_policy", "lossguide"), ("sampling_method", "gradient_based"))
    ],
    ids=str,
)
def test_impossible_options(options):
    with pytest.raises(OptionError) as error:
        grokbench.learner("xgboost", **options)
    assert error.value.option == list(options)[-1]


def test_the_frozen_twin_memorizes_parity_and_the_library_is_not_asked():
    split = grokbench.task("parity", n_bits=30, k=3, n_train=500, n_test=500).split(0)
    learner = trained(split, 20, random_structure=1.0, max_depth=10, colsample_bynode=0.3)
    accuracies = [
        (learner.scores(X).argmax(1) == y).mean()
        for X, y in ((split.X_train, split.y_train), (split.X_test, split.y_test))
    ]
    assert accuracies[0] == 1
    assert accuracies[1] < 0.65
    assert isinstance(learner._booster, xgboost.Booster)
    assert learner._booster.num_boosted_rounds() == 0
