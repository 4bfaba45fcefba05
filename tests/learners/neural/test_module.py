"""Any module as a learner, against plain loops of torch, autograd Jacobians, and the learner `mlp`."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support_learners import at, start
from support_splits import modular
from torch import nn

import grokbench
from grokbench.errors import OptionError, UsageError
from grokbench.learners.laws import check_learner
from grokbench.learners.neural.empirical_kernel import trace_tangent_kernel
from grokbench.registry import learners

CLOSE = {"rtol": 1e-9, "atol": 1e-11}  # float64, some dozen steps


@pytest.fixture(autouse=True)
def _as_before():
    before = dict(learners._classes), dict(learners._files)
    yield
    learners._classes, learners._files = before


def registered(factory, name="mine"):
    grokbench.register_module(name)(factory)
    return name


def two_layers(n_inputs, n_classes, alphabet, width: grokbench.Count = 6):
    """A network of two layers.

    Parameters
    ----------
    width : of its hidden layer.
    """
    return nn.Sequential(nn.Linear(n_inputs, width), nn.Tanh(), nn.Linear(width, n_classes))


def with_dropout(n_inputs, n_classes, alphabet):
    return nn.Sequential(nn.Linear(n_inputs, 16), nn.Dropout(0.5), nn.ReLU(), nn.Linear(16, n_classes))


def with_batch_norm(n_inputs, n_classes, alphabet):
    return nn.Sequential(nn.Linear(n_inputs, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, n_classes))


class Embedding(nn.Module):
    def __init__(self, alphabet, n_classes):
        super().__init__()
        self.rows, self.read = nn.Embedding(max(alphabet), 5), nn.Linear(5 * len(alphabet), n_classes)

    def forward(self, tokens):
        return self.read(self.rows(tokens).flatten(1))


class NoisyAnswers(nn.Linear):
    def forward(self, x):
        return super().forward(x) + torch.randn(len(x), 1, dtype=x.dtype)


class Counting(nn.Linear):
    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return super().forward(x)


@pytest.mark.parametrize("task", ["modular", "linear_teacher"])
@pytest.mark.parametrize(
    ("optimizer", "arguments"), [("AdamW", {"betas": [0.9, 0.98]}), ("SGD", {"momentum": 0.9, "nesterov": True})]
)
def test_training_is_the_plain_loop_of_torch(optimizer, arguments, task):
    split = grokbench.task(task).split(seed=0)
    options = {"optimizer": optimizer, "optimizer_arguments": arguments, "learning_rate": 0.01, "weight_decay": 0.1}
    name = registered(two_layers)
    options |= {"dtype": "float64", "output_scale": 2.0}
    learner, model = (start(name, split, **options) for _ in range(2))
    plain = model._module
    kind = getattr(torch.optim, optimizer)
    steps = kind(plain.parameters(), lr=0.01, weight_decay=0.1, **arguments)
    inputs, y = model._inputs, torch.tensor(split.y_train)
    for _ in range(20):
        steps.zero_grad()
        scores = 2 * plain(inputs)
        loss = nn.functional.cross_entropy(scores, y) if split.n_classes else ((scores[:, 0] - y) ** 2).mean()
        (loss / 4).backward()
        steps.step()
    learner.advance(20)
    expected = 2 * plain(model._read(split.X_test)).detach().numpy()
    np.testing.assert_allclose(learner.scores(split.X_test), expected, **CLOSE)


@pytest.mark.parametrize("twin", ["", "_linearized"])
def test_it_is_the_mlp_where_it_is_one(twin):
    """The same start, given by hand: the module and the learner of this repository go the same way."""
    split = modular()
    options = {"learning_rate": 0.02, "weight_decay": 0.3, "dtype": "float64", "centred": True, "output_scale": 3.0}
    mlp = start("linearized" if twin else "mlp", split, hidden=[6], activation="tanh", beta2=0.999, **options)

    def same(n_inputs, n_classes, alphabet):
        model = nn.Sequential(
            nn.Linear(n_inputs, 6, bias=False), nn.Tanh(), nn.Linear(6, n_classes, bias=False)
        ).double()
        with torch.no_grad():
            for layer, weights in zip(model[::2], mlp._theta0, strict=True):
                layer.weight.copy_(weights.T)
        return model

    module = start(registered(same) + twin, split, **options)
    for time in (0, 1, 25):
        for one in (mlp, module):
            one.advance(time)
        np.testing.assert_allclose(module.scores(split.X_test), mlp.scores(split.X_test), **CLOSE)
        np.testing.assert_allclose(module.kernel(split.X_test), mlp.kernel(split.X_test), **CLOSE)


def test_the_tangent_kernel_is_that_of_the_jacobian_in_blocks_of_any_size():
    split = modular()
    learner = at(start(registered(two_layers), split, dtype="float64"), 5)
    inputs = learner._read(split.X_test)
    leaves = dict(learner._module.named_parameters())
    jacobian = torch.func.jacrev(lambda p: torch.func.functional_call(learner._module, p, (inputs,)))(leaves)
    J = torch.cat([part.flatten(2) for part in jacobian.values()], dim=2).detach().numpy()
    expected = np.einsum("ncp,mcp->nm", J, J) / J.shape[1]
    state = learner._module.state_dict()
    for memory in (1, 3000, 2**28):  # an example, a few, all of them at a time
        kernel = trace_tangent_kernel(learner._module, state, inputs, J.shape[1], memory)
        np.testing.assert_allclose(kernel, expected, rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(kernel, kernel.T)


class Tied(nn.Module):
    """A layer whose weights are used twice: once as a layer, and once behind its back."""

    def __init__(self, n_inputs, n_classes):
        super().__init__()
        self.layer, self.read = nn.Linear(n_inputs, 5), nn.Linear(5, n_classes)

    def forward(self, x):
        return self.read(torch.tanh(self.layer(x)) + x @ self.layer.weight.T)


class OverSequences(nn.Module):
    """A layer that sees (n, positions, d), and one that is called twice; a norm with parameters; an unused layer."""

    def __init__(self, n_inputs, n_classes):
        super().__init__()
        self.each, self.twice = nn.Linear(n_inputs // 2, 6), nn.Linear(6, 6)
        self.norm, self.read, self.unused = nn.LayerNorm(6), nn.Linear(6, n_classes), nn.Linear(3, 3)

    def forward(self, x):
        h = torch.tanh(self.each(x.unflatten(1, (2, -1)))).sum(1)
        return self.read(self.norm(torch.tanh(self.twice(torch.tanh(self.twice(h))))))


@pytest.mark.parametrize("kind", [Tied, OverSequences])
def test_layers_are_taken_for_themselves_only_where_they_are(kind):
    split = modular()
    learner = at(start(registered(lambda i, c, alphabet: kind(i, c)), split, dtype="float64"), 5)
    inputs = learner._read(split.X_test)
    leaves = {name: p for name, p in learner._module.named_parameters() if not name.startswith("unused")}
    jacobian = torch.func.jacrev(lambda p: torch.func.functional_call(learner._module, p, (inputs,)))(leaves)
    J = torch.cat([part.flatten(2) for part in jacobian.values()], dim=2).detach().numpy()
    expected = np.einsum("ncp,mcp->nm", J, J) / J.shape[1]
    np.testing.assert_allclose(learner.kernel(split.X_test), expected, rtol=1e-10, atol=1e-12)


def test_the_twin_is_the_module_to_first_order():
    """|module - tangent| is quadratic in the learning rate: a quarter at half of it."""
    split, name = modular(), registered(two_layers)

    def distance(rate):
        options = {"optimizer": "SGD", "learning_rate": rate, "dtype": "float64"}
        free, twin = (at(start(name + suffix, split, **options), 1) for suffix in ("", "_linearized"))
        return np.linalg.norm(free.scores(split.X_test) - twin.scores(split.X_test))

    assert distance(5e-3) == pytest.approx(distance(1e-2) / 4, rel=0.05)


@pytest.mark.parametrize("factory", [two_layers, with_dropout, with_batch_norm], ids=lambda f: f.__name__)
def test_laws(factory):
    """Also with a random state, or averages, of its own."""
    name = registered(factory)
    laws = check_learner(lambda: grokbench.learner(name), modular())
    assert not [law for law in laws if law.status == "failed"]


@pytest.mark.parametrize("factory", [with_dropout, with_batch_norm], ids=lambda f: f.__name__)
def test_what_has_two_modes_has_no_twin(factory):
    with pytest.raises(ValueError, match="another function in training mode"):
        start(registered(factory) + "_linearized", modular())


def test_dropout_drops_in_training_alone():
    split = modular()
    seeds = [at(start(registered(with_dropout), split, seed=seed), 3) for seed in (0, 0, 1)]
    first, again, other = (learner.scores(split.X_test) for learner in seeds)
    assert first.tobytes() == again.tobytes() != other.tobytes()
    assert first.tobytes() == seeds[0].scores(split.X_test).tobytes()


def test_tokens_are_embedded_and_real_features_are_not():
    split = modular()
    learner = start(registered(lambda i, c, alphabet: Embedding(alphabet, c)), split, reads="tokens")
    learner.advance(3)
    assert np.isfinite(learner.kernel(split.X_test)).all()
    real = grokbench.Split(np.ones((4, 2)), np.arange(4) % 2, np.ones((4, 2)), np.arange(4) % 2, 2)
    assert "tokens" in learner.cannot_read(real)


@pytest.mark.parametrize(
    ("factory", "reason"),
    [
        (lambda i, c, alphabet: nn.Linear(i, c + 1), r"returned \(12, 6\) for 12 inputs, expected \(12, 5\)"),
        (lambda i, c, alphabet: NoisyAnswers(i, c), "at random in evaluation mode"),
        (lambda i, c, alphabet: Counting(i, c), "changes its calls"),
    ],
    ids=["shape", "random", "changing"],
)
def test_a_module_that_cannot_be_judged_says_why(factory, reason):
    with pytest.raises(ValueError, match=reason):
        start(registered(factory), modular())


def test_mistakes_in_options_are_named():
    name = registered(two_layers)
    with pytest.raises(OptionError, match="a class of torch"):  # before a run begins: a plan makes every learner
        grokbench.learner(name, optimizer="Adamw")
    with pytest.raises(OptionError, match="nesterovs"):
        grokbench.learner(name, optimizer="SGD", optimizer_arguments={"nesterovs": True})
    with pytest.raises(OptionError, match="at least 1"):
        grokbench.learner(name, width=0)
    with pytest.raises(UsageError, match="'width' needs a default"):
        grokbench.register_module("other")(lambda i, c, alphabet, width: nn.Linear(i, c))


def test_arguments_of_the_function_are_options():
    split, name = modular(), registered(two_layers)
    assert start(name, split, width=9).description()["0.weight"].shape[0] == 9
    from grokbench.options import options

    assert options(learners[name])["width"].description == "of its hidden layer."
