"""A task that is memorized and never generalizes: held-out labels are drawn at random."""

import numpy as np

CLASSES = 3


def noise(n: int = 60, features: int = 40):
    """Inputs (n, features) float32 and labels (n,) of a training and of a held-out split."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(2, n, features)).astype(np.float32)
    labels = rng.integers(0, CLASSES, size=(2, n))
    return (inputs[0], labels[0]), (inputs[1], labels[1])


def matches(recorder, name: str, theirs, first: int = 1) -> None:
    """The record of a quantity is the library's own history of it, counted from `first`."""
    times, values = recorder.series(name)
    assert times.tolist() == list(range(first, first + len(theirs)))
    np.testing.assert_allclose(values, theirs, atol=1e-6)


def memorized_and_stopped(recorder, rounds: int, stop_after: float) -> None:
    """Training accuracy came to 1, the run ended before its budget, and not before its patience."""
    detection = recorder.detection()
    assert detection.t_mem_censoring != "right"
    assert recorder.last < rounds
    assert recorder.last >= (1 + stop_after) * detection.t_mem
