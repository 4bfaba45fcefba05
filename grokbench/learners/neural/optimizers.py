"""One step of training, in place: what happens to the gradient, the optimizer, what happens to the parameters."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grokbench.learners.neural.network import Network


class Update:
    """Steps of the optimizer that a network's options name, by the functional forms of torch.optim.

    Its classes do the same arithmetic, but import the compiler, which takes longer than a whole run on a small table.
    In this order: Grokfast's filter, the projection of the gradient, the optimizer, the projection of the parameters.

    Attributes
    ----------
    steps : how many were taken.
    parameters : the tensors that the next step changes; gradients are passed in this order.
    """

    def __init__(self, options: Network, parameters: list, readout: int):
        """`readout` is how many tensors at the end of `parameters` make up the last layer."""
        self.steps, self.parameters = 0, parameters
        self._network, self._readout = options, readout
        self._function = getattr(import_module(f"torch.optim.{options.optimizer}"), options.optimizer)
        self._options, self._state = initial_state(options, parameters)
        self._slow: list | None = None
        self._radius = options.norm_clamp * float(norm(parameters))
        self._freeze()

    def __call__(self, gradients) -> None:
        """Take one step along the gradients of `parameters`."""
        import torch

        gradients = list(gradients)
        with torch.no_grad():
            if self._network.grokfast_lambda:
                gradients = self._amplified(gradients)
            if self._network.orthogonal_gradient:
                gradients = [orthogonal(g, w) for g, w in zip(gradients, self.parameters, strict=True)]
            self._function(self.parameters, gradients, *self._state, fused=True, **self._options)
            if self._radius:
                factor = self._radius / norm(self.parameters)
                for tensor in self.parameters:
                    tensor.mul_(factor)
        self.steps += 1
        self._freeze()

    def _freeze(self) -> None:
        """From step `freeze_after` on only the last layer is left."""
        if self.steps == self._network.freeze_after:
            self.parameters = self.parameters[-self._readout :]
            self._state = tuple(tensors[-self._readout :] for tensors in self._state)
            self._slow = self._slow and self._slow[-self._readout :]

    def _amplified(self, gradients: list) -> list:
        """``g + lambda h`` with the moving average ``h <- alpha h + (1 - alpha) g``, at first h = g."""
        alpha, strength = self._network.grokfast_alpha, self._network.grokfast_lambda
        slow = self._slow or gradients
        self._slow = [alpha * h + (1 - alpha) * g for h, g in zip(slow, gradients, strict=True)]
        return [g + strength * h for g, h in zip(gradients, self._slow, strict=True)]


def initial_state(options: Network, parameters: list) -> tuple[dict, tuple]:
    """Keyword arguments of torch's functional optimizer, and its lists of tensors before the first step."""
    import torch

    common = {"lr": options.learning_rate, "weight_decay": options.weight_decay, "maximize": False}
    if options.optimizer == "sgd":
        return common | {"momentum": options.momentum, "dampening": 0.0, "nesterov": False}, ([None] * len(parameters),)
    common |= {"beta1": options.beta1, "beta2": options.beta2, "eps": options.epsilon, "amsgrad": False}
    moments = [[torch.zeros_like(tensor, requires_grad=False) for tensor in parameters] for _ in range(2)]
    return common, (*moments, [], [torch.zeros((), device=tensor.device) for tensor in parameters])


def norm(tensors: list):
    """Euclidean norm of all entries of some tensors."""
    import torch

    return torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(tensor.detach()) for tensor in tensors]))


def orthogonal(gradient, weights):
    """The part of a gradient that is orthogonal to the weights, at the length of the gradient (arXiv 2501.04697).

    ``g - (g.w / w.w) w``, times ``|g|`` over its own norm. Where nothing but rounding is left of g (as in a tensor of
    one entry) it is 0.
    """
    import torch

    projected = gradient - (gradient * weights).sum() / ((weights * weights).sum() + 1e-30) * weights
    length, left = torch.linalg.vector_norm(gradient), torch.linalg.vector_norm(projected)
    rounding = 10 * torch.finfo(projected.dtype).eps * length
    return projected * torch.where(left > rounding, length / left, 0.0)


@contextmanager
def subnormals_flushed():
    """Numbers below the smallest normal one count as 0 inside the block.

    Weights of neurons that died under weight decay shrink into that range after a few thousand steps,
    where the processor takes ten times as long for every product.
    """
    import torch

    flushed_before = bool(torch.tensor(1e-40) * 1 == 0)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed_before)
