"""The random numbers of code that takes them from global states: its own, the same in every process."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from grokbench.laws import global_random_states_kept


class RandomState:
    """Global random states of torch, numpy and Python that belong to one run.

    Parameters
    ----------
    seed : of all three.
    """

    def __init__(self, seed: int):
        self._seed, self._states = seed, None

    @contextmanager
    def held(self) -> Iterator[None]:
        """The run's states inside the block, where they go on from the last one; outside nothing has changed."""
        import torch

        with global_random_states_kept():
            if self._states is None:
                torch.default_generator.manual_seed(self._seed)
                np.random.seed(self._seed % 2**32)  # noqa: NPY002 (a module of somebody else's may draw from it)
                random.seed(self._seed)
            else:
                of_torch, of_numpy, of_python = self._states
                torch.set_rng_state(of_torch)
                np.random.set_state(of_numpy)  # noqa: NPY002
                random.setstate(of_python)
            yield
            self._states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
