"""`linearized` against its own twin's step, and against torch.func.jvp in a plain loop."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial

import numpy as np

import grokbench
from speed.comparison import Comparison, InTurn, Pair, Size, apart
from speed.networks import BETAS, DECAY, LOSS_ERROR, RATE, advancing, one_hot, plain


def cases(size: Size) -> Iterator[Comparison]:
    """At p 31 and p 97."""
    for modulus, share, width in {"tiny": ((5, 0.6, 8),), "quick": ((31, 0.6, 128),)}.get(
        size, ((31, 0.6, 128), (97, 0.2, 128))
    ):
        where = f"p {modulus}, {share:g}, width {width}"
        yield InTurn(
            name=f"linearized beside its twin, {where}",
            **{"unit": "ms a step", "ours": "linearized", "theirs": "mlp with the same options"},
            at_most=1.3,
            prepare=partial(twins, modulus, share, width),
        )
        yield InTurn(
            name=f"linearized beside torch.func, {where}",
            **{"unit": "ms a step", "ours": "linearized", "theirs": "torch.func.jvp, torch.optim.AdamW"},
            prepare=partial(tangent, modulus, share, width),
        )


def _begun(name: str, modulus: int, share: float, width: int):
    split = grokbench.task("modular", modulus=modulus, train_fraction=share).split(0)
    options = {"hidden": [width], "activation": "quadratic", "weight_decay": DECAY, "learning_rate": RATE}
    learner = grokbench.learner(name, **options)
    learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, np.random.default_rng(0))
    return learner, split


def twins(*where) -> Pair:
    """The tangent model and the network; they start alike and part with the first step."""
    lazy, split = _begun("linearized", *where)
    network, _ = _begun("mlp", *where)
    start = [learner.scores(split.X_train) for learner in (lazy, network)]
    return Pair(advancing(lazy), advancing(network), lambda: apart("the first scores", *start, 1e-6))


def tangent(*where) -> Pair:
    """The tangent model as forward-mode derivatives of the plain module."""
    import torch

    learner, split = _begun("linearized", *where)
    model = plain(_begun("mlp", *where)[0], "quadratic")
    X, y = one_hot(split), torch.tensor(split.y_train)
    start = {name: tensor.detach() for name, tensor in model.named_parameters()}
    *_, last = start
    phi = {name: (tensor.clone() if name == last else torch.zeros_like(tensor)) for name, tensor in start.items()}
    phi = {name: tensor.requires_grad_() for name, tensor in phi.items()}
    optimizer = torch.optim.AdamW(phi.values(), lr=RATE, betas=BETAS, weight_decay=DECAY)

    def scores():
        _, along = torch.func.jvp(
            lambda parameters: torch.func.functional_call(model, parameters, (X,)), (start,), (phi,)
        )
        return along

    with warnings.catch_warnings(action="ignore"):  # torch's own, when it first takes such a derivative
        scores()

    def theirs(steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(scores(), y).backward()
            optimizer.step()

    def differ() -> str:
        return apart("the scores", learner.scores(split.X_train), scores().detach().numpy(), LOSS_ERROR)

    return Pair(advancing(learner), theirs, differ)
