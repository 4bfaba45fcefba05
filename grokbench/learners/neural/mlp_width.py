"""Networks of increasing width, each trained for the same number of steps: grokking along model size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from grokbench.learners.encodings import Encoding
from grokbench.learners.neural.mlp import MLP
from grokbench.learners.neural.network import Network
from grokbench.options import Count
from grokbench.registry import register_learner


@register_learner("mlp_width")
@dataclass(kw_only=True, eq=False)
class WidthOfMLP(Network):
    """The learner `mlp` after a fixed number of steps; time is the width of its hidden layers (2303.06173).

    Every width is a network of its own, drawn and trained anew; its options mean what they mean there.
    Time 0 is the zero function: there is no network.

    Parameters
    ----------
    steps : optimizer steps that every network gets.
    depth : number of hidden layers, all of the same width.
    activation : phi; "quadratic" is h^2.
    bias : add a bias to every layer.
    residual : add h_{l-1} to h_l from the second hidden layer on.
    encoding : how tokens are read; "auto" is signs for two-letter alphabets, one-hot otherwise.
    """

    steps: Count = 100
    depth: Count = 1
    activation: Literal["quadratic", "relu", "gelu", "tanh"] = "relu"
    bias: bool = False
    residual: bool = False
    encoding: Encoding = "auto"

    clock = "width"

    def begin(self, X, y, n_classes, alphabet, rng):
        self._training = (np.array(X), np.array(y), n_classes, alphabet)
        self._seed = int(rng.integers(2**63))
        self._trained: MLP | None = None
        self._width = 0

    def advance(self, time):
        """Draw and train the network of width `time`."""
        if time > self._width:
            self._width = int(time)
            self._trained = self._network(self._width)
            self._trained.begin(*self._training, np.random.default_rng([self._seed, self._width]))
            self._trained.advance(self.steps)

    def scores(self, X):
        if self._trained is None:
            return np.zeros((len(X), max(self._training[2], 1)))
        return self._trained.scores(X)

    def kernel(self, X):
        """The tangent kernel of the trained network; None at time 0."""
        return None if self._trained is None else self._trained.kernel(X)

    def cross_kernel(self, X, Z):
        """`kernel` between two sets of inputs."""
        return None if self._trained is None else self._trained.cross_kernel(X, Z)

    def description(self):
        """The weights of the trained network."""
        return {} if self._trained is None else self._trained.description()

    def _network(self, width: int) -> MLP:
        shared = set(MLP.__dataclass_fields__) & set(self.__dataclass_fields__)
        network = MLP(hidden=[width] * self.depth, **{name: getattr(self, name) for name in shared})
        network.device = self.device
        return network
