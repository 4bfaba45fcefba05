"""Training losses of networks, differentiable in the scores; `grokbench.curves.evaluate` has the same in numpy."""

from __future__ import annotations

from typing import Literal

Loss = Literal["cross-entropy", "mse", "hinge", "stablemax"]


def objective(scores, targets, loss: str):
    """Mean loss of (n, C) scores; `targets` are classes (n,), for "mse" (n, C) values."""
    import torch

    if loss == "mse":
        return (scores - targets).square().sum() / len(targets)
    if loss == "cross-entropy":
        return torch.nn.functional.cross_entropy(scores, targets)
    if loss == "stablemax":
        return torch.nn.functional.cross_entropy(log_stable(scores), targets)
    true = targets[:, None]
    # amax shares the gradient among equal runners-up: no class is preferred where all scores are 0
    runner_up = scores.scatter(1, true, -torch.inf).amax(1)
    return (1 - scores.gather(1, true)[:, 0] + runner_up).relu().mean()


def log_stable(x):
    """``log s(x)`` of StableMax (arXiv 2501.04697): s(x) = x + 1 for x >= 0, 1 / (1 - x) below.

    It is ``sign(x) log(1 + |x|)``, and the cross-entropy of ``p = s / sum s`` is the usual one of these numbers. They
    grow with the logarithm of the scores: the loss does not underflow when a network that fits scales its scores up.
    """
    import torch

    # clamped, because the branch that is not taken must have a finite slope; at 0 the slope is 1
    return torch.where(x < 0, -torch.log1p(-x.clamp(max=0)), torch.log1p(x.clamp(min=0)))
