"""Random circulant metrics: their form, their root, and what a kernel machine makes of them."""

import numpy as np
import pytest
import scipy.linalg
from support_tasks import assert_kept_or_moved, assert_refused, both, controls

import grokbench
from grokbench.tasks.circulant import fourth_root


def circulant(**options):
    return grokbench.task("circulant", **{"modulus": 11, **options})


def test_the_block_is_scipys_circulant_of_a_centred_column():
    M = circulant().metric(np.random.default_rng(4))
    c = np.random.default_rng(4).uniform(size=11)
    np.testing.assert_array_equal(M[:11, 11:], scipy.linalg.circulant(c - c.mean()))
    np.testing.assert_allclose(M[:11, :11], np.eye(11) - 1 / 11)
    np.testing.assert_array_equal(M, M.T)


def test_the_control_is_no_circulant_and_has_the_same_moments():
    blocks = [circulant(block="unstructured").metric(np.random.default_rng(s))[:11, 11:] for s in range(200)]
    assert np.ptp(np.diagonal(blocks[0])) > 0.1
    assert np.var(blocks) == pytest.approx(1 / 12, rel=0.05)  # of a uniform number, less one part in 121
    assert abs(np.mean(blocks)) < 1e-12


def test_the_root_is_that_of_the_positive_part():
    """Against scipy's matrix root, of a matrix with eigenvalues of both signs."""
    M = circulant().metric(np.random.default_rng(0))
    root = fourth_root(M)
    assert np.linalg.eigvalsh(M)[0] < -0.1
    once = np.real(scipy.linalg.sqrtm(M))  # real part: the negative eigenvalues have imaginary roots
    np.testing.assert_allclose(root @ root, once, atol=1e-7)


def test_the_table_is_whole_and_read_through_the_root():
    """Inputs times the pseudo-inverse of the root are the one-hot pairs, seen in the space that the root keeps."""
    task = circulant(train_fraction=0.4)
    split = task.sample(np.random.default_rng(7))
    root = fourth_root(task.metric(np.random.default_rng(7)))
    X, y = both(split)
    pairs = np.stack(np.divmod(np.arange(121), 11), axis=1)
    hot = np.zeros((121, 22))
    hot[np.arange(121), pairs[:, 0]] = hot[np.arange(121), 11 + pairs[:, 1]] = 1
    rows = {row.round(9).tobytes(): label for row, label in zip(X, y, strict=True)}
    expected = {row.round(9).tobytes(): label for row, label in zip(hot @ root, pairs.sum(axis=1) % 11, strict=True)}
    assert rows.keys() == expected.keys()
    assert rows == expected
    assert len(split.y_train) == round(0.4 * 121)


@pytest.mark.parametrize(("block", "knows"), [("circulant", True), ("unstructured", False)])
def test_a_kernel_machine_generalizes_from_a_circulant_at_once(block, knows):
    """The claim of the paper, at modulus 31, and that it is the structure that does it."""
    split = circulant(modulus=31, train_fraction=0.6, block=block).split(0)
    learner = grokbench.learner("rfm", frozen=True)
    learner.begin(split.X_train, split.y_train, 31, None, np.random.default_rng(0))
    learner.advance(1)
    right = (learner.scores(split.X_test).argmax(axis=1) == split.y_test).mean()
    assert right > 0.95 if knows else right < 0.2


def test_controls():
    assert_kept_or_moved(*controls(lambda **options: circulant(**options).split(0)))


def test_refuses():
    assert_refused("circulant", {"modulus": 1000}, "modulus", "500")
