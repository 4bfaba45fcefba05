"""Splits that a reflection keeps: against the reflection written out."""

import numpy as np
import pytest
from support_tasks import assert_kept_or_moved, assert_refused, controls, whole_table

import grokbench


def reflected(**options):
    return grokbench.task("reflected", **{"modulus": 11, **options})


def reflections(split, p):
    """The k for which (x, y) -> (y - k, x + k) maps the training inputs onto themselves."""
    train = {tuple(row) for row in split.X_train.tolist()}
    return [k for k in range(p) if {((y - k) % p, (x + k) % p) for x, y in train} == train]


@pytest.mark.parametrize("p", [10, 11])
def test_the_whole_table_is_there_and_the_fixed_points_are_held_out(p):
    split = reflected(modulus=p).split(0)
    table, count = whole_table(split)
    assert count == p * p
    assert table == {(x, y): (x + y) % p for x in range(p) for y in range(p)}
    differences = set(((split.X_test[:, 1] - split.X_test[:, 0]) % p).tolist())
    assert len(split.y_test) == p
    assert len(differences) == 1
    assert differences <= set(reflections(split, p))


def test_the_reflection_is_drawn_uniformly():
    task, rng = reflected(), np.random.default_rng(0)
    ks = [np.subtract(*task.sample(rng).X_test[0, ::-1]) % 11 for _ in range(1100)]
    counts = np.bincount(ks, minlength=11)
    assert (((counts - 100) ** 2) / 100).sum() < 43  # chi-square of 10 degrees: one false alarm in 2e5


@pytest.mark.parametrize("pairs", [1, 7])
def test_pairs_keep_the_symmetry(pairs):
    split = reflected(pairs=pairs).split(3)
    assert len(split.y_test) == 11 + 2 * pairs
    assert reflections(split, 11)


@pytest.mark.parametrize("moved", [1, 8])
def test_single_points_break_it(moved):
    """Eight of 110 points are two pairs or more in none of these draws, of which the seeds are fixed."""
    for seed in range(5):
        split = reflected(moved=moved).split(seed)
        assert len(split.y_test) == 11 + moved
        assert not reflections(split, 11)


def test_controls():
    assert_kept_or_moved(*controls(lambda **options: reflected(**options).split(0)))


def test_refuses():
    """Of the 61^2 points 61 are fixed; one of the others has to stay."""
    assert_refused("reflected", {"moved": 3660}, "moved", "3660")
    assert_refused("reflected", {"moved": 3000, "pairs": 330}, "pairs", "3660")
