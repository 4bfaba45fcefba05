"""Rules against plain Python on every input, and the draw: balanced, without replacement, uniform."""

from itertools import product

import numpy as np
import pytest
from support_tasks import assert_drawn_uniformly, assert_refused

import grokbench
from grokbench.errors import OptionError

NAMES = ["parity", "majority", "comparison"]


def number(bits):
    return int("".join(map(str, bits)), 2)


ORACLES = {
    "parity": lambda bits, k: bits[:k].count(1) % 2,
    "majority": lambda bits, k: int(bits[:k].count(1) > bits[:k].count(0)),
    "comparison": lambda bits, k: int(number(bits[:k]) > number(bits[k : 2 * k])),
}


@pytest.mark.parametrize(
    ("name", "k"), [*product(["parity", "comparison"], [1, 2, 3, 4]), ("majority", 1), ("majority", 3)]
)
def test_rule_on_every_input(name, k):
    task = grokbench.task(name, n_bits=9, k=k, n_train=4, n_test=4)
    cube = list(product((0, 1), repeat=9))
    expected = [ORACLES[name](list(bits), k) for bits in cube]
    np.testing.assert_array_equal(task.rule(np.array(cube, dtype=np.int8)), expected)
    assert task._class_sizes() == (expected.count(0), expected.count(1))


@pytest.mark.parametrize("sizes", [(2, 2), (1000, 1000), (1001, 1000), (1000, 1001), (1001, 999)])
@pytest.mark.parametrize("name", NAMES)
def test_balanced_distinct_and_labelled_by_the_rule(name, sizes):
    split = grokbench.task(name, n_train=sizes[0], n_test=sizes[1]).split(5)
    assert (len(split.y_train), len(split.y_test)) == sizes
    for y in (split.y_train, split.y_test):
        assert sorted(np.bincount(y, minlength=2)) == [len(y) // 2, (len(y) + 1) // 2]
    X, y = np.concatenate([split.X_train, split.X_test]), np.concatenate([split.y_train, split.y_test])
    assert X.shape == (sum(sizes), 40)
    assert len({row.tobytes() for row in X}) == len(X)
    assert y.tolist() == [ORACLES[name](row, 3) for row in X.tolist()]
    assert split.alphabet == (2,) * 40
    assert split.n_classes == 2


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("parity", {"k": 3, "n_train": 128, "n_test": 128}),
        ("parity", {"k": 8, "n_train": 255 - 2, "n_test": 3}),
        ("majority", {"k": 5, "n_train": 101, "n_test": 155}),
    ],
)
def test_the_whole_cube_can_be_used_up(name, options):
    split = grokbench.task(name, n_bits=8, **options).split(1)
    assert len({row.tobytes() for row in np.concatenate([split.X_train, split.X_test])}) == 256


def test_the_rarer_class_can_be_used_up():
    """Of 256 inputs, 16·6 = 96 compare greater: 192 balanced examples exist, and not one more pair."""
    split = grokbench.task("comparison", n_bits=8, k=2, n_train=92, n_test=100).split(0)
    assert split.y_train.sum() + split.y_test.sum() == 96
    for n_train, n_test in ((93, 100), (92, 101), (91, 101)):  # one odd example more is of the larger class
        grokbench.task("comparison", n_bits=8, k=2, n_train=n_train, n_test=n_test)
    with pytest.raises(OptionError, match="at most the 96 inputs of class 1, not 97"):
        grokbench.task("comparison", n_bits=8, k=2, n_train=94, n_test=100)


def test_a_hundred_bits():
    split = grokbench.task("parity", n_bits=100, n_train=2000, n_test=3000).split(0)
    assert split.X_train.shape == (2000, 100)
    # every bit is fair: 100 means of 5000 draws lie within 5 standard deviations (.5/sqrt(5000)) of a half
    means = np.concatenate([split.X_train, split.X_test]).mean(axis=0)
    assert np.abs(means - 0.5).max() < 5 * 0.5 / np.sqrt(5000)


@pytest.mark.parametrize(("n_train", "n_test"), [(8, 6), (24, 20)], ids=["rejection", "enumeration"])
def test_every_input_is_equally_likely_in_each_split(n_train, n_test):
    """Chi-square over the 32 inputs of each class; draws without replacement vary less than the test assumes."""
    task = grokbench.task("parity", n_bits=6, n_train=n_train, n_test=n_test)
    few = 4 * (n_train + n_test) // 2 <= 32
    assert few == (n_train == 8)  # the two branches of the draw
    assert_drawn_uniformly(task, 2 ** np.arange(6), 64, degrees=62)


def test_positions_tell_nothing_of_the_class():
    """Classes are drawn apart and then mixed: the first half of a split holds about half of each class."""
    y = grokbench.task("majority").split(0).y_train
    assert abs(y[:500].mean() - 0.5) < 0.1  # hypergeometric standard deviation .016


@pytest.mark.parametrize("name", NAMES)
def test_controls_keep_the_inputs(name):
    small = {"n_train": 60, "n_test": 40}
    true = grokbench.task(name, **small).split(0)
    shuffled = grokbench.task(name, labels="shuffled", **small).split(0)
    noisy = grokbench.task(name, label_noise=1.0, **small).split(0)
    for control in (shuffled, noisy):
        np.testing.assert_array_equal(control.X_train, true.X_train)
        np.testing.assert_array_equal(control.X_test, true.X_test)
        assert (control.y_train != true.y_train).any()
    assert shuffled.y_train.sum() == true.y_train.sum()
    np.testing.assert_array_equal(noisy.y_test, true.y_test)


@pytest.mark.parametrize(
    ("name", "options", "named", "sentence"),
    [
        ("parity", {"k": 41}, "k", "at most 40"),
        ("parity", {"k": 0}, "k", "at least 1"),
        ("comparison", {"k": 21}, "k", "at most 20"),
        ("majority", {"k": 4}, "k", "odd"),
        ("majority", {"n_bits": 3, "k": 5}, "k", "at most 3"),
        ("parity", {"n_bits": 0}, "n_bits", "at least 1"),
        ("parity", {"n_train": 1}, "n_train", "at least 2"),
        ("parity", {"n_test": 0}, "n_test", "at least 2"),
        (
            "parity",
            {"n_bits": 8, "n_train": 200, "n_test": 58},
            "n_train",
            "at most the 128 inputs of class 0, not 129",
        ),
    ],
)
def test_impossible_options(name, options, named, sentence):
    assert_refused(name, options, named, sentence)
