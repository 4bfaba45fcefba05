"""What all networks share: the options of training by gradients, and the loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge

from grokbench.errors import OptionError
from grokbench.learners.base import Learner
from grokbench.learners.neural.batches import Batches
from grokbench.learners.neural.losses import Loss
from grokbench.learners.neural.optimizers import Update, subnormals_flushed
from grokbench.options import NonNegative, Positive, ShareBelowOne, Whole


@dataclass(kw_only=True, eq=False)
class Network(Learner):
    """A learner whose parameters theta are trained by gradients of a loss of its scores.

    Parameters
    ----------
    loss : what is minimized; mse is summed over the one-hot classes; "stablemax" is the cross-entropy of s / sum s with
        s(x) = x + 1 for x >= 0 and 1 / (1 - x) below (arXiv 2501.04697); a regression always takes "mse".
    optimizer : as in torch; "sgd" with momentum 0 and batch_size 0 is gradient descent.
    learning_rate : the step size.
    momentum : of "sgd", without damping or Nesterov's correction.
    beta1, beta2 : decay of the moments of "adam" and "adamw".
    epsilon : added to the root of the second moment of "adam" and "adamw".
    weight_decay : of all parameters; L2 in the gradient for "sgd" and "adam" (gradient + decay * theta), decoupled for
        "adamw".
    batch_size : examples per step, without replacement within an epoch; 0 is the full batch.
    init_scale : factor of every initial weight.
    norm_clamp : c; after every step theta is scaled to the norm c |theta_0| (arXiv 2210.01117); 0 is off.
    orthogonal_gradient : replace the gradient of every tensor by its part orthogonal to the tensor, scaled to the norm
        of the whole: the form of the authors' code (arXiv 2501.04697; the paper's formula projects the gradient of all
        parameters together and does not rescale). The optimizer's step is taken along it.
    grokfast_lambda : the gradient g becomes g + lambda h with the moving average h <- alpha h + (1 - alpha) g, which
        starts at the first gradient (Grokfast-EMA, arXiv 2405.20233); 0 is off.
    grokfast_alpha : alpha, the decay of that average.
    freeze_after : the step from which on only the last layer is trained; -1 is never.
    dtype : precision of training; the initial weights of both are the same numbers, rounded.

    Raises
    ------
    OptionError : norm_clamp with freeze_after.
    """

    loss: Loss = "cross-entropy"
    optimizer: Literal["sgd", "adam", "adamw"] = "adamw"
    learning_rate: Positive = 0.01
    momentum: ShareBelowOne = 0.0
    beta1: ShareBelowOne = 0.9
    beta2: ShareBelowOne = 0.98
    epsilon: NonNegative = 1e-8
    weight_decay: NonNegative = 0.0
    batch_size: Whole = 0
    init_scale: Positive = 1.0
    norm_clamp: NonNegative = 0.0
    orthogonal_gradient: bool = False
    grokfast_lambda: NonNegative = 0.0
    grokfast_alpha: ShareBelowOne = 0.98
    freeze_after: Annotated[int, Ge(-1)] = -1
    dtype: Literal["float32", "float64"] = "float32"

    family = "neural"

    def __post_init__(self):
        if self.freeze_after >= 0 and self.norm_clamp:
            raise OptionError("norm_clamp", self.norm_clamp, "0 with freeze_after: it would scale the frozen layers")


class Descent:
    """The steps of one run: the tensors that are trained, the batches and the optimizer's state.

    Parameters
    ----------
    options : the network, for its options of training.
    trained : tensors, changed in place; those of the last layer at the end.
    readout : how many tensors the last layer has.
    loss : of the trained tensors and a batch of `examples`.
    examples : tensors with one row per training example.
    rng : draws the order of the minibatches.
    """

    def __init__(self, options: Network, trained: list, readout: int, loss: Callable, examples: list, rng):
        self._trained, self._loss, self._examples = trained, loss, examples
        self.batches = Batches(options.batch_size, len(examples[0]), rng)
        self._update = Update(options, trained, readout)

    def advance(self, steps: int) -> None:
        """Go on until `steps` are done in all."""
        import torch

        with subnormals_flushed():
            while self._update.steps < steps:
                batch = self._examples
                if self.batches.size:
                    rows, _ = self.batches.draw(1)
                    batch = [tensor[rows] for tensor in batch]
                loss = self._loss(self._trained, *batch)
                self._update(torch.autograd.grad(loss, self._update.parameters))
