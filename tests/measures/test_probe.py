"""Where measures look: stratified points of the split alone, and the kernel between them."""

import numpy as np
import pytest
from support_learners import Given

import grokbench
from grokbench.curves.checkpoint import Checkpoint
from grokbench.learners.base import Learner
from grokbench.measures import probe
from grokbench.tasks.base import Split


def a_split(n=400, m=300, n_classes=4, **changes):
    rng = np.random.default_rng(1)
    y = rng.choice(n_classes, size=n + m, p=[0.4, 0.3, 0.2, 0.1])
    X = rng.normal(size=(n + m, 5))
    return Split(X[:n], y[:n], X[n:], y[n:], n_classes, **changes)


class Gram(Learner):
    """Finds similar what has a large inner product."""

    def kernel(self, X):
        return X @ X.T


def look(split, learner=None, time=0.0):
    scores = [np.zeros((len(X), split.n_classes)) for X in (split.X_train, split.X_test)]
    return Checkpoint(learner or Gram(), split, time, *scores)


def test_every_stratum_has_its_share():
    strata = np.repeat([5, 2, 9], [100, 60, 40])
    drawn = probe.stratified(strata, 50, np.random.default_rng(0))
    assert len(drawn) == len(set(drawn)) == 50
    assert (np.diff(drawn) > 0).all()
    np.testing.assert_allclose([(strata[drawn] == s).sum() for s in (5, 2, 9)], [25, 15, 10], atol=1)


def test_names_of_strata_do_not_matter():
    strata = np.random.default_rng(3).integers(6, size=200)
    renamed = np.array([4, 0, 5, 2, 1, 3])[strata]
    a, b = (probe.stratified(s, 70, np.random.default_rng(0)) for s in (strata, renamed))
    np.testing.assert_array_equal(a, b)


def test_a_point_is_drawn_as_often_as_any_other():
    strata = np.repeat([0, 1], [30, 10])
    counts = np.zeros(40)
    for seed in range(2000):
        counts[probe.stratified(strata, 8, np.random.default_rng(seed))] += 1
    # binomial(2000, .2): standard deviation 18; five of them
    np.testing.assert_allclose(counts, 400, atol=90)


def test_the_probe_has_128_points_on_either_side_and_none_that_was_redrawn():
    redrawn = np.arange(0, 400, 3)
    points = probe.probe(a_split(redrawn=redrawn))
    assert len(points.train) == len(points.held_out) == 128
    assert not set(points.train) & set(redrawn)


def test_the_whole_is_everything_up_to_its_bounds():
    split = a_split()
    points = probe.whole(split)
    np.testing.assert_array_equal(points.train, np.arange(400))
    np.testing.assert_array_equal(points.held_out, np.arange(300))
    large = probe.whole(a_split(n=2000, m=1000))
    assert (len(large.train), len(large.held_out)) == (1500, 512)


def test_points_depend_on_the_data_of_the_split_alone():
    task = grokbench.task("modular", modulus=31, train_fraction=0.4)
    a, b, other = (probe.probe(task.split(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(a.train, b.train)
    np.testing.assert_array_equal(a.held_out, b.held_out)
    assert not np.array_equal(a.train, other.train)


def test_kernel_blocks_are_those_of_the_points():
    split = a_split()
    blocks = look(split).once(probe.kernel_blocks)
    np.testing.assert_allclose(blocks.train, split.X_train @ split.X_train.T)
    np.testing.assert_allclose(blocks.cross, split.X_test @ split.X_train.T)


class Blocks(Gram):
    """The same, and offers blocks; remembers for how many inputs it was asked."""

    def __init__(self):
        self.sizes = []

    def kernel(self, X):
        self.sizes.append(len(X))
        return super().kernel(X)

    def cross_kernel(self, X, Z):
        return X @ Z.T


def test_blocks_that_are_offered_are_those_of_the_whole_kernel():
    split, learner = a_split(), Blocks()
    at = look(split, learner)
    mine, theirs = at.once(probe.kernel_blocks), look(split).once(probe.kernel_blocks)
    np.testing.assert_allclose(mine.train, theirs.train, rtol=1e-14)
    np.testing.assert_allclose(mine.cross, theirs.cross, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(at.once(probe.spectrum).values, look(split).once(probe.spectrum).values, atol=1e-9)
    assert learner.sizes == [400]  # once for all, and nothing between held-out points


def test_a_kernel_that_depends_on_all_its_inputs_is_asked_for_both_blocks_at_once():
    scaled = Given(lambda X: X @ X.T / len(X))
    at = look(a_split(), scaled)
    np.testing.assert_array_equal(at.once(probe.train_kernel), at.once(probe.kernel_blocks).train)


def test_the_spectrum_is_that_of_the_training_block_and_falls():
    split = a_split()
    spectrum = look(split).once(probe.spectrum)
    assert (np.diff(spectrum.values) <= 0).all()
    assert (spectrum.values >= 0).all()
    rebuilt = (spectrum.vectors * spectrum.values) @ spectrum.vectors.T
    np.testing.assert_allclose(rebuilt, split.X_train @ split.X_train.T, atol=1e-10)


def test_a_checkpoint_asks_for_each_kernel_once():
    sizes = []

    class Counting(Gram):
        def kernel(self, X):
            sizes.append(len(X))
            return super().kernel(X)

    task = grokbench.task("modular", modulus=31, train_fraction=0.4)
    split = task.split(0)
    at = look(split, Counting())
    for name in ("after_kernel", "label_fit_rank", "effective_dimension", "movement", "alignment"):
        grokbench.registry.measures[name]().row(at)
    assert sizes == [384 + 512, 256]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_a_kernel_that_is_none_is_undefined(bad):
    class Bad(Learner):
        def kernel(self, X):
            return np.full((len(X), len(X)), bad)

    at = look(a_split(), Bad())
    assert probe.kernel_blocks(at) is None
    assert probe.probe_kernel(at) is None
    assert probe.spectrum(look(a_split(), Learner())) is None


def test_targets_are_one_hot_less_the_mean_of_a_uniform_label():
    np.testing.assert_allclose(probe.targets(np.array([1, 0]), 3), [[-1 / 3, 2 / 3, -1 / 3], [2 / 3, -1 / 3, -1 / 3]])
    np.testing.assert_allclose(probe.targets(np.array([1.0, 4.0]), 0), [[-1.5], [1.5]])


def test_the_true_labels_are_those_before_any_was_redrawn():
    noisy = grokbench.task("modular", modulus=31, train_fraction=0.4, label_noise=0.1).split(0)
    clean = grokbench.task("modular", modulus=31, train_fraction=0.4).split(0)
    np.testing.assert_array_equal(noisy.y_true, clean.y_train)
    changed = np.flatnonzero(noisy.y_true != noisy.y_train)
    assert set(changed) <= set(noisy.redrawn)
    assert len(changed) > 25
    np.testing.assert_array_equal(clean.y_true, clean.y_train)
    shuffled = grokbench.task("modular", modulus=31, train_fraction=0.4, labels="shuffled", label_noise=0.1).split(0)
    assert set(np.flatnonzero(shuffled.y_true != shuffled.y_train)) <= set(shuffled.redrawn)


def test_true_labels_are_no_part_of_the_hash():
    split = a_split()
    relabelled = a_split(y_true=(split.y_train + 1) % 4)
    assert relabelled.hash == split.hash
    with pytest.raises(ValueError, match="one per training example"):
        a_split(y_true=np.zeros(3, dtype=int))
