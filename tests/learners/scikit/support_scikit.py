"""What the wrapped estimators share: the seed that they are given, and two classes from one column."""

import numpy as np


def drawn_seed(seed=0):
    """The `random_state` that a learner draws from the generator of this seed."""
    return int(np.random.default_rng(seed).integers(2**31))


def as_scores(f):
    """Two classes: one column f to (-f/2, f/2)."""
    f = f.ravel() if f.ndim == 2 and f.shape[1] == 1 else f
    return np.stack([-f, f], axis=1) / 2 if f.ndim == 1 else f
