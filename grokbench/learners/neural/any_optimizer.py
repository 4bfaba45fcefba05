"""A fully connected network under any optimizer of torch.optim: what optimizers are compared on."""

from __future__ import annotations

from grokbench.learners.neural.module import ModuleLearner, learner_of
from grokbench.options import Count, Positive
from grokbench.registry import learners


def squared_layer(n_inputs: int, n_classes: int, alphabet, width: Count = 128, init_scale: Positive = 1.0):
    """One hidden layer of squares under any optimizer of torch.optim: ``f = (x W_1)^2 W_2``.

    It is the learner `mlp` with activation "quadratic", and with its initial weights ``W ~ N(0, init_scale^2 /
    fan-in)``, of which the first fan-in is 2 for one-hot pairs. All parameters are matrices, so that an optimizer of
    matrices can train the whole network: Muon (arXiv 2502.16982), which papers apply to hidden matrices only.

    Parameters
    ----------
    width : of the hidden layer.
    init_scale : factor of every initial weight.
    """
    import torch

    class Squares(torch.nn.Module):
        def forward(self, hidden):
            return hidden * hidden

    one_hot = alphabet is not None and set(alphabet) != {2}
    layers = [torch.nn.Linear(*sizes, bias=False) for sizes in ((n_inputs, width), (width, n_classes))]
    for layer, fan_in in zip(layers, (len(alphabet) if one_hot else n_inputs, width), strict=True):
        torch.nn.init.normal_(layer.weight, std=init_scale / fan_in**0.5)
    return torch.nn.Sequential(layers[0], Squares(), layers[1])


AnyOptimizer = learners.register("any_optimizer")(learner_of(squared_layer, ModuleLearner))
