"""Separable clouds: the plane that divides them, their distances, and the two settings against their theory."""

import numpy as np
import pytest
from scipy.optimize import linprog
from support_tasks import assert_kept_or_moved, assert_refused, both, controls

import grokbench

FAR = {"margin": 0.5, "gap": 1.0, "spread": 2.0, "on_margin": 0.1, "minority": 0.2}


def separable(**options):
    return grokbench.task("separable", **{"n_train": 100, "n_test": 60, **options})


def signed(X, y):
    """Distances from the dividing plane, positive on the side of the class."""
    return X[:, 0] * (2 * y - 1)


def test_form_and_sizes():
    split = separable(minority=0.2, n_noise=3).split(0)
    assert split.X_train.shape == (100, 4)
    assert split.alphabet is None
    assert split.n_classes == 2
    assert (split.y_train == 0).sum() == 20
    assert (split.y_test == 0).sum() == 12
    assert split.hash != separable(minority=0.2, n_noise=3).split(1).hash


def test_every_point_is_on_its_side_at_the_stated_distance():
    """A tenth of each class on the margin itself, the others from margin + gap on with the mean of a half-normal."""
    split = separable(**FAR, n_train=5000).split(0)
    u = signed(split.X_train, split.y_train)
    for label, size in ((0, 1000), (1, 4000)):
        own = u[split.y_train == label]
        assert (own == 0.5).sum() == size / 10
        beyond = own[own > 0.5] - 1.5
        assert beyond.min() >= 0
        expected, deviation = 2 * np.sqrt(2 / np.pi), 2 * np.sqrt(1 - 2 / np.pi)
        assert abs(beyond.mean() - expected) < 5 * deviation / np.sqrt(len(beyond))


def test_noise_has_its_deviation_and_no_part_in_the_classes():
    X, y = both(separable(n_noise=10, noise=3.0, n_train=4000).split(2))
    noise = X[:, 1:]
    assert noise.std() == pytest.approx(3.0, rel=5 / np.sqrt(2 * noise.size))
    means = [noise[y == label].mean(axis=0) for label in (0, 1)]
    assert np.abs(means[0] - means[1]).max() < 5 * 3.0 * np.sqrt(2 / (len(X) / 2))


def test_held_out_points_on_the_margin():
    split = separable(**FAR, held_out="margin").split(0)
    np.testing.assert_array_equal(signed(split.X_test, split.y_test), 0.5)
    assert (split.y_test == 0).sum() == 30


@pytest.mark.parametrize("held_out", ["alike", "margin"])
def test_training_points_do_not_depend_on_what_is_held_out_being_larger(held_out):
    small, large = (separable(**FAR, held_out=held_out, n_test=n).sample(np.random.default_rng(3)) for n in (10, 60))
    np.testing.assert_array_equal(small.X_train, large.X_train)


def separated_by_noise(split) -> bool:
    """Whether some direction of the noise alone has all inputs, turned to the side of their class, on one side."""
    turned = split.X_train[:, 1:] * (2 * split.y_train - 1)[:, None]
    n, d = turned.shape
    return linprog(np.zeros(d), A_ub=-turned, b_ub=-np.ones(n), bounds=(None, None), method="highs").status == 0


@pytest.mark.parametrize(("n_noise", "there"), [(30, False), (70, True)])
def test_noise_separates_from_the_origin_beyond_half_as_many_axes_as_examples(n_noise, there):
    """Cover: 100 points in d dimensions with probability .5 at d = 50; at 30 and 70 within 1e-4 of 0 and 1."""
    assert [separated_by_noise(separable(n_noise=n_noise).split(seed)) for seed in range(5)] == [there] * 5


def test_controls():
    assert_kept_or_moved(*controls(lambda **options: separable(**options).split(0)))


def test_refuses():
    assert_refused("separable", {"minority": 0.7}, "minority", "0.5")
    assert_refused("separable", {"n_noise": 10**9}, "n_noise", "at most")
