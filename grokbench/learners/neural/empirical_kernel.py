"""The tangent kernel of any module: layer by layer where it can be, else from the gradients of each example."""

from __future__ import annotations

import numpy as np

MEMORY = 2**28  # bytes that the gradients of a block of examples may take
FEW = 4  # examples on which the two ways are held to each other


def trace_tangent_kernel(module, state: dict, inputs, outputs: int, memory: int = MEMORY) -> np.ndarray:
    """``(1/C) sum_c <grad f_c(x), grad f_c(x')>`` (n, n), over all parameters, in float64.

    A linear layer with inputs h and outputs a contributes ``(h . h' + [bias]) <df_c/da, df_c/da'>``, without a gradient
    by a weight. All other parameters contribute by their gradients example by example. A module that uses
    the weights of a layer elsewhere, too, is found out on a few examples, and gets the second way for all.

    state : parameters and buffers at which the gradients are taken, by the names of the module.
    inputs : tensor (n, ...) that the module takes.
    outputs : C.
    memory : bytes for the gradients (b, parameters) of a block of b examples. They are made anew for every pair of
        blocks, so that no Jacobian is ever whole.
    """
    double = {
        name: tensor.detach().double() if tensor.is_floating_point() else tensor for name, tensor in state.items()
    }
    layers = plain_layers(module)
    if layers:
        few = inputs[:FEW]
        slow = _kernel(module, double, few, outputs, {}, memory)
        fast = _kernel(module, double, few, outputs, layers, memory)
        if not np.allclose(fast, slow, rtol=1e-6, atol=1e-9 * np.abs(slow).max()):
            layers = {}
    return _kernel(module, double, inputs, outputs, layers, memory)


def plain_layers(module) -> dict:
    """The linear layers whose parameters are their own, by name."""
    import torch

    owners: dict[int, int] = {}
    for _, parameter in module.named_parameters(remove_duplicate=False):
        owners[id(parameter)] = owners.get(id(parameter), 0) + 1
    layers = {name: layer for name, layer in module.named_modules() if type(layer) is torch.nn.Linear and name}
    return {
        name: layer
        for name, layer in layers.items()
        if all(owners[id(parameter)] == 1 for parameter in layer.parameters(recurse=False))
    }


def _kernel(module, state: dict, inputs, outputs: int, layers: dict, memory: int) -> np.ndarray:
    by_layers, read = _by_layers(module, state, inputs, outputs, layers)
    left = [name for name, _ in module.named_parameters() if name not in read]
    return by_layers + _by_examples(module, state, left, inputs, outputs, memory) if left else by_layers


def _by_layers(module, state: dict, inputs, outputs: int, layers: dict) -> tuple[np.ndarray, set[str]]:
    """What layers that are called once on (n, d) contribute, and the names of their parameters."""
    import torch

    calls: dict[str, list] = {name: [] for name in layers}
    hooks = [
        layer.register_forward_hook(lambda _, arguments, a, name=name: calls[name].append((arguments[0], a)))
        for name, layer in layers.items()
    ]
    trained = {name for name, _ in module.named_parameters()}
    point = {name: tensor.detach().clone().requires_grad_(name in trained) for name, tensor in state.items()}
    try:
        with torch.enable_grad():
            scores = torch.func.functional_call(module, point, (inputs,))
    finally:
        for hook in hooks:
            hook.remove()
    once = {
        name: calls_of[0]
        for name, calls_of in calls.items()
        if len(calls_of) == 1 and calls_of[0][0].dim() == 2 and len(calls_of[0][0]) == len(inputs)
    }
    kernel = torch.zeros(len(inputs), len(inputs), dtype=torch.float64, device=inputs.device)
    if not once:
        return kernel.cpu().numpy(), set()
    grams = {name: h.detach() @ h.detach().T + (layers[name].bias is not None) for name, (h, _) in once.items()}
    for c in range(outputs):
        total, points = scores[:, c].sum(), [a for _, a in once.values()]
        slopes = torch.autograd.grad(total, points, retain_graph=True, allow_unused=True)
        for gram, g in zip(grams.values(), slopes, strict=True):
            if g is not None:  # a layer that the scores use
                kernel += gram * (g @ g.T) / outputs
    return _symmetric(kernel.cpu().numpy()), {f"{name}.{kind}" for name in once for kind in ("weight", "bias")}


def _by_examples(module, state: dict, names: list[str], inputs, outputs: int, memory: int) -> np.ndarray:
    """What the named parameters contribute, block by block."""
    parameters = {name: state[name] for name in names}
    fixed = {name: tensor for name, tensor in state.items() if name not in parameters}
    size = max(1, memory // (8 * sum(tensor.numel() for tensor in parameters.values()) + 1))
    blocks = inputs.split(size)
    kernel = np.zeros((len(inputs), len(inputs)))
    for c in range(outputs):
        for i, block in enumerate(blocks):
            rows = _gradients(module, parameters, fixed, block, c)
            for j in range(i + 1):
                columns = rows if j == i else _gradients(module, parameters, fixed, blocks[j], c)
                part = (rows @ columns.T).cpu().numpy() / outputs
                kernel[i * size : i * size + len(rows), j * size : j * size + len(columns)] += part
    return _symmetric(kernel)


def _symmetric(kernel: np.ndarray) -> np.ndarray:
    """The lower triangle, and its mirror image."""
    return np.tril(kernel) + np.tril(kernel, -1).T


def _gradients(module, parameters: dict, fixed: dict, inputs, c: int):
    """(b, parameters) gradients of output c at each input."""
    import torch

    def output(parameters, x):
        return torch.func.functional_call(module, (parameters, fixed), (x[None],))[0, c]

    gradient = torch.func.grad(output)
    try:
        by_name = torch.func.vmap(gradient, in_dims=(None, 0))(parameters, inputs)
    except RuntimeError:  # an operation that has no rule for batches: one example after the other
        each = [gradient(parameters, x) for x in inputs]
        by_name = {name: torch.stack([one[name] for one in each]) for name in parameters}
    return torch.cat([by_name[name].reshape(len(inputs), -1) for name in parameters], dim=1)
