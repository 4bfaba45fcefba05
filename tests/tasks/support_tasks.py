"""What tests of several tasks ask: both parts as one, uniform draws, controls that keep the inputs, refusals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import chi2

import grokbench
from grokbench.errors import OptionError
from grokbench.tasks.base import Split, Task


def both(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and labels of the training and of the held-out part, one after the other."""
    return np.concatenate([split.X_train, split.X_test]), np.concatenate([split.y_train, split.y_test])


def whole_table(split: Split) -> tuple[dict[tuple[int, int], int], int]:
    """Labels by pair of symbols, and how many examples there were."""
    X, y = both(split)
    return {(a, b): value for (a, b), value in zip(X.tolist(), y.tolist(), strict=True)}, len(X)


def assert_drawn_uniformly(task: Task, weights: np.ndarray, n_inputs: int, degrees: int, draws: int = 1500) -> None:
    """Chi-square, for either part, over the inputs as numbers ``X @ weights``; a false alarm in 10^6."""
    rng = np.random.default_rng(0)
    drawn = {"X_train": np.zeros(n_inputs), "X_test": np.zeros(n_inputs)}
    for _ in range(draws):
        split = task.sample(rng)
        for part, counts in drawn.items():
            counts += np.bincount(getattr(split, part) @ weights, minlength=n_inputs)
    for part, size in (("X_train", task.n_train), ("X_test", task.n_test)):
        expected = draws * size / n_inputs
        assert ((drawn[part] - expected) ** 2 / expected).sum() < chi2.ppf(1 - 1e-6, degrees)


def controls(make: Callable[..., Split]) -> tuple[Split, Split, Split]:
    """The split, with shuffled labels, and with noise; the inputs are the same, the training labels are not."""
    true, shuffled, noisy = make(), make(labels="shuffled"), make(label_noise=0.5)
    for control in (shuffled, noisy):
        np.testing.assert_array_equal(control.X_train, true.X_train)
        np.testing.assert_array_equal(control.X_test, true.X_test)
        assert (control.y_train != true.y_train).any()
    return true, shuffled, noisy


def assert_kept_or_moved(true: Split, shuffled: Split, noisy: Split) -> None:
    """Shuffling moves labels within a part; noise leaves the held-out labels."""
    np.testing.assert_array_equal(np.sort(shuffled.y_train), np.sort(true.y_train))
    np.testing.assert_array_equal(np.sort(shuffled.y_test), np.sort(true.y_test))
    np.testing.assert_array_equal(noisy.y_test, true.y_test)


def assert_refused(name: str, options: dict, named: str, sentence: str) -> None:
    """The constructor names the option and says the sentence."""
    with pytest.raises(OptionError) as error:
        grokbench.task(name, **options)
    assert error.value.option == named
    assert sentence in str(error.value)
