"""Every operation against a table made entry by entry, in plain integers."""

import numpy as np
import pytest
from support_tasks import assert_kept_or_moved, assert_refused, controls, whole_table

import grokbench
from grokbench.errors import UsageError
from grokbench.tasks.modular import OPERATIONS


def quotient(x, y, p):
    """The z with z * y = x mod p, found by trying them all."""
    (z,) = (z for z in range(p) if z * y % p == x)
    return z


ORACLES = {
    "x+y": lambda x, y, p: (x + y) % p,
    "x-y": lambda x, y, p: (x - y) % p,
    "x*y": lambda x, y, p: (x * y) % p,
    "x/y": quotient,
    "x^2+y^2": lambda x, y, p: (x * x + y * y) % p,
    "x^2+xy+y^2": lambda x, y, p: (x * x + x * y + y * y) % p,
    "x^2+xy+y^2+x": lambda x, y, p: (x * x + x * y + y * y + x) % p,
    "x^3+xy": lambda x, y, p: (x * x * x + x * y) % p,
    "x^3+xy^2+y": lambda x, y, p: (x * x * x + x * y * y + y) % p,
    "x/y if y odd else x-y": lambda x, y, p: quotient(x, y, p) if y in range(1, p, 2) else (x - y) % p,
    "x+y if x even else x*y": lambda x, y, p: (x + y) % p if x in range(0, p, 2) else (x * y) % p,
    "x+y if x even else x-y": lambda x, y, p: (x + y) % p if x in range(0, p, 2) else (x - y) % p,
}


@pytest.mark.parametrize("modulus", [2, 3, 7, 11])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_table_of_every_operation(operation, modulus):
    split = grokbench.task("modular", operation=operation, modulus=modulus).split(0)
    table, entries = whole_table(split)
    pairs = [(x, y) for x in range(modulus) for y in range(modulus) if y or operation != "x/y"]
    assert entries == len(table) == len(pairs)
    assert table == {(x, y): ORACLES[operation](x, y, modulus) for x, y in pairs}
    assert split.n_classes == modulus
    assert split.alphabet == (modulus, modulus)


def test_every_operation_has_an_oracle():
    assert set(OPERATIONS) == set(ORACLES)


def test_a_composite_modulus_is_fine_without_division():
    table, _ = whole_table(grokbench.task("modular", operation="x*y", modulus=12).split(3))
    assert table == {(x, y): x * y % 12 for x in range(12) for y in range(12)}


@pytest.mark.parametrize(("fraction", "n_train"), [(0.5, 60), (0.6, 73), (0.01, 1), (0.99, 120)])
def test_share_of_the_table(fraction, n_train):
    split = grokbench.task("modular", modulus=11, train_fraction=fraction).split(0)
    assert (len(split.y_train), len(split.y_test)) == (n_train, 121 - n_train)


def test_the_split_is_the_permuted_table_cut_once():
    """Same generator, same permutation: a larger fraction of one seed's table extends the smaller one's order."""
    task = grokbench.task("modular", modulus=5, train_fraction=0.4)
    split = task.sample(np.random.default_rng(3))
    order = np.random.default_rng(3).permutation(25)
    X = np.array([(x, y) for x in range(5) for y in range(5)])[order]
    np.testing.assert_array_equal(split.X_train, X[:10])
    np.testing.assert_array_equal(split.X_test, X[10:])


def test_seeds_and_options_give_different_splits():
    make = lambda **options: grokbench.task("modular", modulus=11, **options)  # noqa: E731
    assert make().split(0).hash == make().split(0).hash
    hashes = {make().split(0).hash, make().split(1).hash, make(operation="x-y").split(0).hash}
    assert len(hashes) == 3


def test_controls_keep_the_inputs():
    true, shuffled, noisy = controls(lambda **options: grokbench.task("modular", modulus=11, **options).split(0))
    assert_kept_or_moved(true, shuffled, noisy)
    kept = np.setdiff1d(np.arange(len(true.y_train)), noisy.redrawn)
    np.testing.assert_array_equal(noisy.y_train[kept], true.y_train[kept])


@pytest.mark.parametrize(
    ("options", "named", "sentence"),
    [
        ({"modulus": 1}, "modulus", "a whole number between 2 and 5000"),
        ({"modulus": 12, "operation": "x/y"}, "modulus", "the nearest are 11 and 13"),
        ({"modulus": 9, "operation": "x/y if y odd else x-y"}, "modulus", "the nearest are 7 and 11"),
        ({"train_fraction": 0.0}, "train_fraction", "between 0 and 1"),
        ({"train_fraction": 1.0}, "train_fraction", "between 0 and 1"),
        ({"train_fraction": -0.5}, "train_fraction", "between 0 and 1"),
        ({"modulus": 3, "train_fraction": 0.01}, "train_fraction", "9 entries"),
        ({"modulus": 3, "train_fraction": 0.99}, "train_fraction", "9 entries"),
        ({"label_noise": 1.5}, "label_noise", "between 0 and 1"),
        ({"operation": "x+x"}, "operation", "did you mean"),
    ],
)
def test_impossible_options(options, named, sentence):
    assert_refused("modular", options, named, sentence)


def test_unknown_option():
    with pytest.raises(UsageError, match="did you mean"):
        grokbench.task("modular", modulo=7)
