"""The tangent kernel of any module, from the gradients of its outputs example by example."""

from __future__ import annotations

import numpy as np

MEMORY = 2**28  # bytes that the gradients of a block of examples may take


def trace_tangent_kernel(module, state: dict, inputs, outputs: int, memory: int = MEMORY) -> np.ndarray:
    """``(1/C) sum_c <grad f_c(x), grad f_c(x')>`` (n, n), over all parameters, in float64.

    state : parameters and buffers at which the gradients are taken, by the names of the module.
    inputs : tensor (n, ...) that the module takes.
    outputs : C.
    memory : bytes for the gradients (b, parameters) of a block of b examples. They are made anew for every pair of
        blocks, so that no Jacobian is ever whole.
    """
    double = {
        name: tensor.detach().double() if tensor.is_floating_point() else tensor for name, tensor in state.items()
    }
    trained = {name for name, _ in module.named_parameters()}
    parameters = {name: tensor for name, tensor in double.items() if name in trained}
    buffers = {name: tensor for name, tensor in double.items() if name not in trained}
    size = max(1, memory // (8 * sum(tensor.numel() for tensor in parameters.values()) + 1))
    blocks = inputs.split(size)
    kernel = np.zeros((len(inputs), len(inputs)))
    for c in range(outputs):
        for i, block in enumerate(blocks):
            rows = _gradients(module, parameters, buffers, block, c)
            for j in range(i + 1):
                columns = rows if j == i else _gradients(module, parameters, buffers, blocks[j], c)
                part = (rows @ columns.T).cpu().numpy() / outputs
                kernel[i * size : i * size + len(rows), j * size : j * size + len(columns)] += part
    return np.tril(kernel) + np.tril(kernel, -1).T


def _gradients(module, parameters: dict, buffers: dict, inputs, c: int):
    """(b, parameters) gradients of output c at each input."""
    import torch

    def output(parameters, x):
        return torch.func.functional_call(module, (parameters, buffers), (x[None],))[0, c]

    gradient = torch.func.grad(output)
    try:
        by_name = torch.func.vmap(gradient, in_dims=(None, 0))(parameters, inputs)
    except RuntimeError:  # an operation that has no rule for batches: one example after the other
        each = [gradient(parameters, x) for x in inputs]
        by_name = {name: torch.stack([one[name] for one in each]) for name in parameters}
    return torch.cat([by_name[name].reshape(len(inputs), -1) for name in parameters], dim=1)
