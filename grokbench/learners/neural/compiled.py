"""The training loop of fully connected networks as machine code, where numba is installed and the device is the CPU.

`grokbench.learners.neural.network.Descent` is the clear version: it takes the same steps, equal to rounding.
"""

from __future__ import annotations

import importlib
import os
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from grokbench.learners.neural.batches import Batches
from grokbench.learners.neural.optimizers import subnormals_flushed

if TYPE_CHECKING:
    from grokbench.learners.neural.mlp import MLP

SWITCH = "GROKBENCH_COMPILED"  # "0" in the environment: the clear version everywhere
NO_BATCHES = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
BLOCK = 256  # steps between two moments at which an interrupt is heard


def in_use() -> bool:
    """Whether networks on a CPU train by machine code: numba can be had, and the environment does not say no."""
    return os.environ.get(SWITCH) != "0" and _importable()


@cache
def _importable() -> bool:
    """Whether numba is installed, and takes the numpy that is: it refuses newer ones than it knows."""
    try:
        importlib.import_module("grokbench.compiled.descent")
    except ImportError:
        return False
    return True


def usable(network: MLP) -> bool:
    """Whether this network trains by machine code."""
    return network.device == "cpu" and in_use()


class CompiledDescent:
    """The steps of one run, on a vector of all parameters.

    Parameters
    ----------
    network : for its options.
    theta : (parameters,) W_1, [b_1], W_2, ... row by row; changed in place.
    start : (parameters,) theta_0 of the network.
    tangent : theta is the weights of a tangent model at `start`, and no network's.
    added_start : how many times the initial output f_0 is added to the output: 1, 0 or -1.
    sizes : numbers of inputs, of hidden units and of outputs.
    spare : columns of zeros beside the outputs, in all arrays.
    data : `grokbench.compiled.passes.Batch` of all training examples, without a base.
    loss : the loss that is minimized.
    rng : draws the order of the minibatches.
    """

    def __init__(
        self,
        network: MLP,
        theta,
        start,
        tangent: bool,
        added_start: int,
        sizes: list[int],
        spare: int,
        training,
        loss: str,
        rng,
    ):
        from grokbench.compiled.elementary import ACTIVATIONS
        from grokbench.compiled.losses import LOSSES
        from grokbench.compiled.passes import Shape
        from grokbench.compiled.steps import Vectors

        self.steps = 0
        outputs, sizes = sizes[-1], [*sizes[:-1], sizes[-1] + spare]
        self._frozen_from = network.freeze_after
        self._loss = LOSSES[loss]
        self._shape = Shape(
            sizes=np.array(sizes),
            starts=np.cumsum([0, *((a + network.bias) * b for a, b in pairwise(sizes))]),
            units=np.cumsum([0, 0, *sizes[1:-1]]),
            outputs=outputs,
            activation=ACTIVATIONS[network.activation],
            bias=network.bias,
            residual=network.residual,
            tangent=tangent,
            scale=float(network.output_scale),
        )
        self._rule = rule_of(network, theta, sizes)
        self._vectors = Vectors(theta, *(np.zeros_like(theta) for _ in range(4)))
        self._start, self._anchor = start, start if tangent else theta
        self._added_start = added_start
        self._room = None
        self._training = self.with_base(training)
        self.batches = Batches(network.batch_size, len(training.classes), rng)
        self._room = room_for(self._training, self.batches.size, self._shape)
        self._work = workspace(self.batches.size or len(training.classes), sizes, theta.dtype)

    def advance(self, steps: int) -> None:
        """Go on until `steps` are done in all."""
        with subnormals_flushed():
            while self.steps < steps:
                block = min(BLOCK, steps - self.steps)
                self._call(self._shape, self._vectors, self._training, self._work, block, *self.batches.draw(block))
                self.steps += block

    def scores(self, batch) -> np.ndarray:
        """(n, C) float64 of other examples, with their base, as they are at present."""
        return self._forward(self._shape, self._vectors, batch)[:, : self._shape.outputs].astype(np.float64)

    def with_base(self, batch):
        """The same examples with what is added to their outputs: f_0, minus f_0, or nothing.

        It comes from the very arithmetic of the scores, which therefore start at exactly 0 where they are centred, and
        with the network's own numbers where they are not.
        """
        if not self._added_start:
            return batch
        plain = self._shape._replace(tangent=False, scale=1.0)
        return batch._replace(
            base=self._added_start * self._forward(plain, self._vectors._replace(theta=self._start), batch)
        )

    def _forward(self, shape, vectors, batch) -> np.ndarray:
        work = workspace(len(batch.classes), shape.sizes.tolist(), self._vectors.theta.dtype)
        return self._call(shape, vectors, batch, work, 0, *NO_BATCHES)

    def _call(self, shape, vectors, batch, work, steps: int, rows: np.ndarray, ends: np.ndarray) -> np.ndarray:
        from grokbench.compiled.descent import loop

        return loop(self._vectors.theta.dtype.name)(
            shape,
            self._loss,
            self._rule,
            self._frozen_from,
            vectors,
            self._anchor,
            batch,
            work,
            self.steps,
            steps,
            rows,
            ends,
            batch if self._room is None else self._room,
        )


def spare_columns(outputs: int, epsilon: float) -> int:
    """How many columns of zeros the last layer gets, so that its products fill whole vector registers.

    As many as make a multiple of 8, if they add a twentieth of the work at most. Without `epsilon` Adam divides the
    zeros by zero: then none.
    """
    spare = -outputs % 8
    return spare if epsilon > 0 and 20 * spare <= outputs else 0


def examples(dtype, inputs, targets, spare: int, features=(), slopes=()):
    """Examples of a network as `grokbench.compiled.passes.Batch`, without a base.

    dtype : the precision of training.
    inputs : (n, arity) integers, columns of the ones of one-hot inputs, or dense inputs (n, d).
    targets : classes (n,), or values (n, C) for squares; None where only scores are wanted.
    spare : columns of zeros that the values get.
    features, slopes : (n, w) of each hidden layer of a tangent model.
    """
    from grokbench.compiled.passes import Batch

    n, sparse = len(inputs), inputs.dtype.kind == "i"
    squares = targets is not None and targets.dtype.kind == "f"
    nothing = np.empty((0, 0), dtype)
    return Batch(
        tokens=np.array(inputs, dtype=np.int64, order="C") if sparse else np.empty((n, 0), dtype=np.int64),
        inputs=nothing if sparse else np.array(inputs, dtype, order="C"),
        base=nothing,
        features=np.concatenate([nothing.reshape(-1), *(part.reshape(-1) for part in features)]),
        slopes=np.concatenate([nothing.reshape(-1), *(part.reshape(-1) for part in slopes)]),
        classes=np.zeros(n, dtype=np.int64) if targets is None or squares else targets,
        values=np.pad(targets, ((0, 0), (0, spare))) if squares else nothing,
    )


def rule_of(network: MLP, theta: np.ndarray, sizes: list[int]):
    """The options of training of a network, as `grokbench.compiled.steps.Rule`."""
    from grokbench.compiled.steps import OPTIMIZERS, Rule

    tensors = [size for a, b in pairwise(sizes) for size in ([a * b, b] if network.bias else [a * b])]
    return Rule(
        optimizer=OPTIMIZERS[network.optimizer],
        learning_rate=float(network.learning_rate),
        momentum=float(network.momentum),
        beta1=float(network.beta1),
        beta2=float(network.beta2),
        epsilon=float(network.epsilon),
        weight_decay=float(network.weight_decay),
        radius=float(network.norm_clamp * np.linalg.norm(theta.astype(np.float64))),
        orthogonal=network.orthogonal_gradient,
        grokfast_lambda=float(network.grokfast_lambda),
        grokfast_alpha=float(network.grokfast_alpha),
        bounds=np.cumsum([0, *tensors]),
    )


def workspace(n: int, sizes: list[int], dtype):
    """`grokbench.compiled.passes.Workspace` for batches of at most n examples."""
    from grokbench.compiled.passes import Workspace

    hidden, widest = n * sum(sizes[1:-1]), n * max(sizes[1:])
    lengths = (hidden, hidden, n * sizes[-1], widest, widest, widest)
    return Workspace(*(np.empty(length, dtype) for length in lengths))


def room_for(training, size: int, shape):
    """Room for one minibatch of `size` examples of `training`."""
    hidden = size * int(shape.sizes[1:-1].sum()) * shape.tangent
    tables = {name: np.empty((size, *table.shape[1:]), table.dtype) for name, table in training._asdict().items()}
    vectors = {name: np.empty(hidden, training.features.dtype) for name in ("features", "slopes")}
    return type(training)(**tables | vectors)
