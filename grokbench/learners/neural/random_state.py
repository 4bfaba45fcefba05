"""The random numbers of code that takes them from global states: its own, the same in every process."""

from __future__ import annotations

import random

import numpy as np


class RandomState:
    """Global random states of torch, numpy and Python, which hold inside a ``with`` block and go on in the next.

    Outside, the global states are what they were.

    Parameters
    ----------
    seed : of all three.
    """

    def __init__(self, seed: int):
        self._seed, self._own = seed, None

    def __enter__(self) -> RandomState:
        self._before = _states()
        if self._own is None:
            _seed_all(self._seed)
        else:
            _restore(self._own)
        return self

    def __exit__(self, *error) -> None:
        self._own = _states()
        _restore(self._before)


def _states() -> tuple:
    import torch

    return torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002 (other people use them)


def _restore(states: tuple) -> None:
    import torch

    of_torch, of_numpy, of_python = states
    torch.set_rng_state(of_torch)
    np.random.set_state(of_numpy)  # noqa: NPY002
    random.setstate(of_python)


def _seed_all(seed: int) -> None:
    import torch

    torch.default_generator.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    random.seed(seed)
