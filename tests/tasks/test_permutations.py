"""Every entry of every table against permutations composed one by one in plain Python, and the laws of groups."""

from itertools import permutations

import numpy as np
import pytest
from support_tasks import assert_refused, whole_table

import grokbench

GROUPS = [("symmetric", 2), ("symmetric", 3), ("symmetric", 4), ("dihedral", 3), ("dihedral", 4), ("dihedral", 7)]


def after(x, y):
    """First y, then x, on tuples."""
    return tuple(x[y[i]] for i in range(len(x)))


def inverse(x):
    return tuple(x.index(i) for i in range(len(x)))


ORACLES = {
    "xy": after,
    "xyx^-1": lambda x, y: after(after(x, y), inverse(x)),
    "xyx": lambda x, y: after(after(x, y), x),
}


def members(group, n):
    """The group by brute force: all permutations, or those that keep neighbours on a ring neighbours."""
    everything = sorted(permutations(range(n)))
    if group == "symmetric":
        return everything
    return [x for x in everything if all((x[i] - x[i - 1]) % n in (1, n - 1) for i in range(n))]


@pytest.mark.parametrize("operation", ORACLES)
@pytest.mark.parametrize(("group", "n"), GROUPS)
def test_every_entry(group, n, operation):
    split = grokbench.task("permutation", group=group, n=n, operation=operation).split(0)
    elements = members(group, n)
    order = len(elements)
    table, entries = whole_table(split)
    assert entries == len(table) == order**2
    assert split.n_classes == order
    assert split.alphabet == (order, order)
    for (a, b), value in table.items():
        assert elements[value] == ORACLES[operation](elements[a], elements[b])


def test_s5_is_the_whole_group():
    task = grokbench.task("permutation")
    assert task.elements().tolist() == [list(x) for x in permutations(range(5))]
    table = task.table()
    assert table.shape == (120, 120)
    assert table[0].tolist() == table[:, 0].tolist() == list(range(120))  # token 0 is the identity
    assert (np.sort(table, axis=0) == np.arange(120)[:, None]).all()  # a Latin square
    assert (np.sort(table, axis=1) == np.arange(120)).all()
    rng = np.random.default_rng(0)
    x, y, z = rng.integers(120, size=(3, 500))
    np.testing.assert_array_equal(table[table[x, y], z], table[x, table[y, z]])
    assert (table != table.T).any()  # it does not commute


def test_conjugation_keeps_the_cycle_type():
    task = grokbench.task("permutation", n=5, operation="xyx^-1")
    elements, table = task.elements(), task.table()
    fixed = (elements == np.arange(5)).sum(axis=1)
    np.testing.assert_array_equal(fixed[table], np.broadcast_to(fixed, table.shape))


def test_dihedral_group_is_generated_by_a_turn_and_a_reflection():
    """r^n = s^2 = 1 and s r s = r^-1, in the task's own tokens."""
    task = grokbench.task("permutation", group="dihedral", n=9)
    rows, table = task.elements().tolist(), task.table()
    r, s = rows.index([*range(1, 9), 0]), rows.index([0, *range(8, 0, -1)])
    powers = [0]
    for _ in range(9):
        powers.append(int(table[powers[-1], r]))
    assert powers[-1] == 0
    assert len(set(powers[:9])) == 9
    assert table[s, s] == 0
    assert table[table[s, r], s] == powers[8]
    assert {*powers[:9], *(int(table[power, s]) for power in powers[:9])} == set(range(18))


@pytest.mark.parametrize("operation", ORACLES)
def test_all_classes_are_equally_frequent(operation):
    table = grokbench.task("permutation", n=4, operation=operation).table()
    assert (np.bincount(table.ravel()) == 24).all()


@pytest.mark.parametrize(("fraction", "n_train"), [(0.5, 288), (0.6, 346), (0.01, 6)])
def test_share_of_the_table(fraction, n_train):
    split = grokbench.task("permutation", n=4, train_fraction=fraction).split(0)
    assert (len(split.y_train), len(split.y_test)) == (n_train, 576 - n_train)


def test_the_split_is_the_permuted_table_cut_once():
    task = grokbench.task("permutation", n=3, train_fraction=0.5)
    split = task.sample(np.random.default_rng(3))
    X = np.array([(x, y) for x in range(6) for y in range(6)])[np.random.default_rng(3).permutation(36)]
    np.testing.assert_array_equal(split.X_train, X[:18])
    np.testing.assert_array_equal(split.X_test, X[18:])


def test_controls_keep_the_inputs():
    make = lambda **options: grokbench.task("permutation", n=4, **options).split(0)  # noqa: E731
    true = make()
    for control in (make(labels="shuffled"), make(label_noise=0.5)):
        np.testing.assert_array_equal(control.X_train, true.X_train)
        np.testing.assert_array_equal(control.X_test, true.X_test)
        assert (control.y_train != true.y_train).any()
    assert make().hash != grokbench.task("permutation", n=4).split(1).hash


@pytest.mark.parametrize(
    ("options", "named", "sentence"),
    [
        ({"n": 7}, "n", "at most 6"),
        ({"n": 1}, "n", "a whole number of at least 2"),
        ({"group": "dihedral", "n": 2}, "n", "at least 3"),
        ({"train_fraction": 1.0}, "train_fraction", "between 0 and 1"),
        ({"n": 2, "train_fraction": 0.1}, "train_fraction", "4 entries"),
        ({"group": "cyclic"}, "group", "symmetric"),
        ({"operation": "xyy"}, "operation", "did you mean"),
        ({"label_noise": 2.0}, "label_noise", "between 0 and 1"),
    ],
)
def test_impossible_options(options, named, sentence):
    assert_refused("permutation", options, named, sentence)
