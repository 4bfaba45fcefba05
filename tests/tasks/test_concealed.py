"""The pair decides, the bits do not; inputs distinct, uniform, and used up where there are few."""

from collections import Counter

import numpy as np
import pytest
from support_tasks import assert_drawn_uniformly, assert_refused, both, controls

import grokbench
from grokbench.errors import OptionError

ORACLES = {
    "x+y": lambda x, y, p: (x + y) % p,
    "x-y": lambda x, y, p: (x - y) % p,
    "x/y": lambda x, y, p: next(z for z in range(p) if z * y % p == x),
    "x^2+xy+y^2": lambda x, y, p: (x * x + x * y + y * y) % p,
}


@pytest.mark.parametrize("n_concealed", [0, 3, 70])
@pytest.mark.parametrize("operation", ORACLES)
def test_labels_form_and_distinct_inputs(operation, n_concealed):
    sizes = {"n_train": 20, "n_test": 15}
    task = grokbench.task("concealed", operation=operation, modulus=7, n_concealed=n_concealed, **sizes)
    split = task.split(2)
    X, y = both(split)
    assert (len(split.X_train), len(split.X_test)) == (20, 15)
    assert X.shape == (35, 2 + n_concealed)
    assert split.alphabet == (7, 7) + (2,) * n_concealed
    assert split.n_classes == 7
    assert len({row.tobytes() for row in X}) == 35
    assert y.tolist() == [ORACLES[operation](a, b, 7) for a, b in X[:, :2].tolist()]


@pytest.mark.parametrize(("operation", "inputs"), [("x+y", 100), ("x/y", 80)])
def test_all_inputs_can_be_used_up(operation, inputs):
    """p = 5, m = 2: 25·4 inputs, without those of y = 0 for the quotient; and not one more."""
    options = {"operation": operation, "modulus": 5, "n_concealed": 2, "n_test": 30}
    X, _ = both(grokbench.task("concealed", n_train=inputs - 30, **options).split(0))
    expected = {
        (x, y, a, b) for x in range(5) for y in range(5) for a in (0, 1) for b in (0, 1) if y or operation != "x/y"
    }
    assert {tuple(row) for row in X.tolist()} == expected
    with pytest.raises(OptionError, match=f"at most the {inputs} inputs"):
        grokbench.task("concealed", n_train=inputs - 29, **options)


@pytest.mark.parametrize(("n_train", "n_test"), [(10, 8), (16, 14)], ids=["rejection", "enumeration"])
def test_every_input_is_equally_likely_in_each_split(n_train, n_test):
    """Chi-square over the 72 inputs of p = 3, m = 3; draws without replacement vary less than the test assumes."""
    task = grokbench.task("concealed", modulus=3, n_concealed=3, n_train=n_train, n_test=n_test)
    assert (4 * (n_train + n_test) <= 72) == (n_train == 10)  # the two branches of the draw
    assert_drawn_uniformly(task, np.array([24, 8, 4, 2, 1]), 72, degrees=71)


def test_bits_are_fair_and_tell_nothing():
    """2000 draws: every bit's mean lies within 5 standard deviations .5/sqrt(2000) of a half, in either half of y."""
    X, y = both(grokbench.task("concealed", n_concealed=30).split(0))
    assert np.abs(X[:, 2:].mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(2000)
    for part in (y < 3, y >= 3):
        assert np.abs(X[part, 2:].mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(part.sum())


def test_with_many_bits_the_splits_share_pairs_but_no_input():
    """1000 draws over 49 pairs miss a pair with probability 49·(48/49)^1000 < 1e-7."""
    split = grokbench.task("concealed").split(0)
    train, test = (Counter(map(tuple, X[:, :2].tolist())) for X in (split.X_train, split.X_test))
    assert set(test) <= set(train)
    assert len(train) == 49
    assert not {row.tobytes() for row in split.X_train} & {row.tobytes() for row in split.X_test}


def test_without_bits_it_is_the_modular_table():
    split = grokbench.task("concealed", modulus=7, n_concealed=0, n_train=29, n_test=20).split(0)
    X, y = both(split)
    assert {(a, b): v for (a, b), v in zip(X.tolist(), y.tolist(), strict=True)} == {
        (a, b): (a + b) % 7 for a in range(7) for b in range(7)
    }


def test_controls_keep_the_inputs():
    controls(lambda **options: grokbench.task("concealed", n_train=200, n_test=100, **options).split(0))


@pytest.mark.parametrize(
    ("options", "named", "sentence"),
    [
        ({"modulus": 2}, "modulus", "a whole number of at least 3"),
        ({"modulus": 9, "operation": "x/y"}, "modulus", "the nearest are 7 and 11"),
        ({"n_concealed": -1}, "n_concealed", "at least 0"),
        ({"n_train": 0}, "n_train", "at least 1"),
        ({"n_test": 0}, "n_test", "at least 1"),
        ({"n_concealed": 0, "n_train": 40, "n_test": 10}, "n_train", "at most the 49 inputs"),
        ({"operation": "x+x"}, "operation", "did you mean"),
    ],
)
def test_impossible_options(options, named, sentence):
    assert_refused("concealed", options, named, sentence)
