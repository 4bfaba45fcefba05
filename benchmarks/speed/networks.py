"""`mlp` against a plain torch module and torch's own optimizer on dense inputs, as one would write it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

import grokbench
from speed.comparison import Comparison, InTurn, Pair, Size, apart

# modulus, share of the table, width, goal
TABLES = ((23, 0.5, 128, 4.0), (31, 0.4, 128, 3.0), (59, 0.3, 128, 2.4), (97, 0.2, 128, 2.4), (97, 0.5, 256, 2.0))
DECAY, RATE, BETAS = 1.0, 0.01, (0.9, 0.98)  # of the suites
PARITY = {"learning_rate": 0.1, "weight_decay": 0.01, "batch_size": 32}
LOSS_ERROR = 1e-3  # of the loss after 20 steps in single precision, relative; both sums run in other orders


def cases(size: Size) -> Iterator[Comparison]:
    """Modular tables of the suites, full batch; parity in minibatches."""
    tables = {"tiny": ((5, 0.6, 8, 4.0),), "quick": TABLES[:4], "full": TABLES}[size]
    for modulus, share, width, goal in tables:
        yield InTurn(
            name=f"mlp p {modulus}, {share:g}, width {width}",
            **{"unit": "ms a step", "ours": "mlp", "theirs": "torch.nn.Module, torch.optim.AdamW, full batch"},
            at_least=goal,
            prepare=partial(modular, modulus, share, width),
        )
    bits, width, n = {"tiny": (10, 20, 200)}.get(size, (30, 200, 2000))
    yield InTurn(
        name=f"mlp parity of {bits} bits, width {width}, batches of 32",
        **{"unit": "ms a step", "ours": "mlp", "theirs": "torch.nn.Module, torch.optim.SGD, the same batches"},
        at_least=5.0,
        prepare=partial(parity, bits, width, n),
    )


def modular(modulus: int, share: float, width: int) -> Pair:
    """A quadratic network without biases, cross-entropy, AdamW, all examples a step."""
    import torch

    split = grokbench.task("modular", modulus=modulus, train_fraction=share).split(0)
    options = {"hidden": [width], "activation": "quadratic", "weight_decay": DECAY, "learning_rate": RATE}
    learner = grokbench.learner("mlp", **options)
    learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, np.random.default_rng(0))
    X, y = one_hot(split), torch.tensor(split.y_train)
    model = plain(learner, "quadratic")
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=BETAS, weight_decay=DECAY)

    def theirs(steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(X), y)
            loss.backward()
            optimizer.step()

    loss = torch.nn.functional.cross_entropy
    return Pair(advancing(learner), theirs, partial(_differ, learner, split.X_train, model, X, y, loss))


def parity(bits: int, width: int, n: int) -> Pair:
    """A ReLU network with biases, hinge loss, SGD, batches of 32 without replacement."""
    import torch

    split = grokbench.task("parity", n_bits=bits, k=3, n_train=n, n_test=100).split(0)
    learner = grokbench.learner("mlp", hidden=[width], bias=True, loss="hinge", optimizer="sgd", **PARITY)
    learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, np.random.default_rng(0))
    X, y = torch.tensor(2.0 * split.X_train - 1.0, dtype=torch.float32), torch.tensor(split.y_train)
    model = plain(learner, "relu")
    optimizer = torch.optim.SGD(model.parameters(), lr=PARITY["learning_rate"], weight_decay=PARITY["weight_decay"])
    batches = _batches(len(X), PARITY["batch_size"], _shuffler(bits, width))

    def theirs(steps: int) -> None:
        for _ in range(steps):
            rows = next(batches)
            optimizer.zero_grad()
            loss = hinge(model(X[rows]), y[rows])
            loss.backward()
            optimizer.step()

    return Pair(advancing(learner), theirs, partial(_differ, learner, split.X_train, model, X, y, hinge))


def plain(learner, activation: str):
    """The torch module that a researcher would write, with the learner's present weights."""
    import torch

    class Plain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            described = learner.description()
            weights = [array for name, array in described.items() if name[0] == "W"]
            self.layers = torch.nn.ModuleList(
                torch.nn.Linear(*weight.shape, bias="b1" in described) for weight in weights
            )
            with torch.no_grad():
                for number, layer in enumerate(self.layers, start=1):
                    layer.weight.copy_(torch.tensor(described[f"W{number}"].T))
                    if layer.bias is not None:
                        layer.bias.copy_(torch.tensor(described[f"b{number}"]))

        def forward(self, x):
            *hidden, last = self.layers
            for layer in hidden:
                x = layer(x)
                x = x**2 if activation == "quadratic" else torch.relu(x)
            return last(x)

    return Plain()


def hinge(scores, y):
    """Two classes: the margin between the true score and the other."""
    true = scores.gather(1, y[:, None])[:, 0]
    other = scores.gather(1, 1 - y[:, None])[:, 0]
    return (1 - true + other).relu().mean()


def one_hot(split):
    """(n, sum of the alphabets) float32: the codes of all positions side by side."""
    import torch

    codes = [np.eye(letters)[column] for letters, column in zip(split.alphabet, split.X_train.T, strict=True)]
    return torch.tensor(np.hstack(codes), dtype=torch.float32)


def advancing(learner):
    """A function that takes so many units of the learner's clock more."""
    reached = 0

    def ours(units: int) -> None:
        nonlocal reached
        reached += units
        learner.advance(reached)

    return ours


def _shuffler(bits: int, width: int) -> np.random.Generator:
    """The learner's own draws of batches, which come after those of its weights."""
    rng = np.random.default_rng(0)
    for shape in ((bits, width), (width, 2)):
        rng.standard_normal(shape)
    return np.random.default_rng(rng.integers(2**63))


def _batches(n: int, size: int, rng: np.random.Generator) -> Iterator:
    import torch

    while True:
        yield from torch.tensor(rng.permutation(n)).split(size)


def _differ(learner, inputs, model, X, y, loss) -> str:
    """What is to be equal: the loss on all examples."""
    import torch

    with torch.no_grad():
        ours, theirs = loss(torch.tensor(learner.scores(inputs)), y), loss(model(X), y)
    return apart("the losses", ours.numpy(), theirs.numpy(), LOSS_ERROR)
