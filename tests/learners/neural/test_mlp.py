"""The network against torch.nn, torch.optim and autograd Jacobians; its start, its batches and its laws."""

import random
from functools import partial

import numpy as np
import pytest
import torch
from support_batches import drawn_batches
from support_learners import start
from support_splits import addition_split as modular
from support_torch import torch_optimizer

import grokbench
from grokbench.errors import OptionError
from grokbench.learners.encodings import encode
from grokbench.learners.neural import losses, mlp, tangent
from grokbench.options import options
from grokbench.tasks.base import Split

ACTIVATIONS = ["quadratic", "relu", "gelu", "tanh"]
LOSSES = ["cross-entropy", "mse", "hinge", "stablemax"]
# float64, a few dozen steps: rounding of 1e-16 is amplified by less than 1e5
CLOSE = {"rtol": 1e-9, "atol": 1e-11}


begun = partial(start, "mlp")


class Quadratic(torch.nn.Module):
    def forward(self, a):
        return a**2


MODULES = {"quadratic": Quadratic, "relu": torch.nn.ReLU, "gelu": torch.nn.GELU, "tanh": torch.nn.Tanh}


def global_random_states():
    legacy = np.random.get_state()  # noqa: NPY002 (this is the state that must not move)
    return random.getstate(), legacy[1].tobytes(), legacy[2], torch.get_rng_state().numpy().tobytes()


class Chain(torch.nn.Module):
    """Layers in a row; with `residual`, every block phi(layer(.)) but the first adds its input to its output."""

    def __init__(self, layers, phi, residual):
        super().__init__()
        self.layers, self.phi, self.residual = torch.nn.ModuleList(layers), phi, residual

    def forward(self, x):
        for depth, layer in enumerate(self.layers[:-1]):
            block = self.phi(layer(x))
            x = x + block if self.residual and depth else block
        return self.layers[-1](x)


def torch_network(learner, sizes):
    """torch.nn modules with the weights that the learner describes now."""
    arrays = learner.description()
    parts = []
    for layer in range(1, len(sizes)):
        part = torch.nn.Linear(sizes[layer - 1], sizes[layer], bias=learner.bias, dtype=torch.float64)
        part.weight.data = torch.tensor(arrays[f"W{layer}"].T.copy())
        if learner.bias:
            part.bias.data = torch.tensor(arrays[f"b{layer}"])
        parts.append(part)
    return Chain(parts, MODULES[learner.activation](), learner.residual)


def torch_loss(scores, y, loss):
    if loss == "cross-entropy":
        return -torch.log_softmax(scores, 1)[torch.arange(len(y)), y].mean()
    if loss == "mse":
        return ((scores - torch.eye(scores.shape[1], dtype=scores.dtype)[y]) ** 2).sum(1).mean()
    if loss == "stablemax":  # as in the paper; the two branches apart, so that neither divides by 0
        positive = torch.stack([torch.stack([c + 1 if c >= 0 else 1 / (1 - c) for c in row]) for row in scores])
        return -(positive / positive.sum(1, keepdim=True))[torch.arange(len(y)), y].log().mean()
    margins = [s[c] - max(s[k] for k in range(len(s)) if k != c) for s, c in zip(scores, y, strict=True)]
    return torch.stack([torch.clamp(1 - margin, min=0) for margin in margins]).mean()


def torch_scores(learner, split, batches):
    """Scores on both splits after training torch's own network from the learner's weights on given batches."""
    X, X_test = (torch.tensor(encode(X, split.alphabet)) for X in (split.X_train, split.X_test))
    y = torch.tensor(split.y_train)
    network = torch_network(learner, [X.shape[1], *learner.hidden, split.n_classes])
    start, start_test = (network(Z).detach() * learner.centred for Z in (X, X_test))
    optimizer = torch_optimizer(learner, network.parameters())
    for rows in batches:
        optimizer.zero_grad()
        scores = learner.output_scale * (network(X[rows]) - start[rows])
        (torch_loss(scores, y[rows], learner.loss) / learner.output_scale**2).backward()
        optimizer.step()
    return [(learner.output_scale * (network(Z) - Z0)).detach().numpy() for Z, Z0 in ((X, start), (X_test, start_test))]


def check_against_torch(steps, **settings):
    split = modular(5)
    learner = begun(split, dtype="float64", **settings)
    expected, expected_test = torch_scores(learner, split, [slice(None)] * steps)
    learner.advance(steps)
    for X, scores in ((split.X_train, expected), (split.X_test, expected_test)):
        scale = max(1, np.abs(scores).max())
        np.testing.assert_allclose(learner.scores(X) / scale, scores / scale, **CLOSE)


@pytest.mark.parametrize("hidden", [[], [6], [6, 5, 4]], ids=str)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_steps_equal_torch(activation, loss, hidden):
    """Ten steps of gradient descent: an error in any gradient shows."""
    check_against_torch(
        10, activation=activation, loss=loss, hidden=hidden, bias=len(hidden) != 1, optimizer="sgd", learning_rate=0.1
    )


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_residual_gradient_steps_equal_torch(activation):
    settings = {"optimizer": "sgd", "learning_rate": 0.02, "centred": True, "output_scale": 2.0}
    check_against_torch(10, activation=activation, hidden=[5, 5, 5], bias=True, residual=True, **settings)


@pytest.mark.parametrize("steps", [1, 40])
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "sgd", "learning_rate": 0.1},
        {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.8},
        {"optimizer": "adam"},
        {"optimizer": "adamw", "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4},
    ],
    ids=["gradient descent", "momentum", "adam", "adamw"],
)
def test_optimizers_equal_torch(settings, weight_decay, steps):
    check_against_torch(steps, activation="tanh", hidden=[7], bias=True, weight_decay=weight_decay, **settings)


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("output_scale", [0.25, 1.0, 8.0])
def test_output_scale_equals_torch(output_scale, centred):
    """alpha (f - f_0) trained on loss / alpha^2 (the scale and the centring of arXiv 2310.06110)."""
    settings = {"loss": "mse", "hidden": [6], "activation": "gelu", "optimizer": "sgd", "learning_rate": 0.1}
    check_against_torch(20, output_scale=output_scale, centred=centred, **settings)


def test_minibatches_equal_torch_and_every_epoch_sees_all_once():
    split = modular(5)
    n = len(split.y_train)
    learner = begun(split, dtype="float64", hidden=[6], batch_size=5, optimizer="sgd", momentum=0.5, centred=True)
    recorded = drawn_batches(learner)
    first_weights = begun(split, dtype="float64", hidden=[6])
    learner.advance(6)
    assert n == 12
    assert [len(rows) for rows in recorded] == [5, 5, 2, 5, 5, 2]
    epochs = [np.concatenate(recorded[:3]), np.concatenate(recorded[3:])]
    assert all(sorted(epoch) == list(range(n)) for epoch in epochs)
    assert not np.array_equal(*epochs)
    reference = begun(split, dtype="float64", hidden=[6], batch_size=5, optimizer="sgd", momentum=0.5, centred=True)
    np.testing.assert_array_equal(reference.description()["W1"], first_weights.description()["W1"])
    np.testing.assert_allclose(learner.scores(split.X_train), torch_scores(reference, split, recorded)[0], **CLOSE)


@pytest.mark.parametrize("loss", LOSSES)
def test_objective_is_the_stated_loss(loss):
    rng = np.random.default_rng(3)
    scores, y = torch.tensor(rng.normal(size=(9, 4))), torch.tensor(rng.integers(4, size=9))
    targets = torch.eye(4, dtype=torch.float64)[y] if loss == "mse" else y
    assert float(losses.objective(scores, targets, loss)) == pytest.approx(
        float(torch_loss(scores, y, loss)), rel=1e-12
    )


def test_stablemax_has_slopes_where_scores_are_0_and_where_a_branch_has_its_pole():
    """At 0 both branches have slope 1; at 1 the branch that is not taken is 1/0."""
    scores = torch.tensor([[0.0, 0.0, 0.0], [1.0, -1.0, 1.0]], dtype=torch.float64, requires_grad=True)
    losses.objective(scores, torch.tensor([0, 1]), "stablemax").backward()
    expected = [[1 / 3 - 1, 1 / 3, 1 / 3], [1 / 4.5, 0.25 / 4.5 - 0.5, 1 / 4.5]]  # s = (2, 1/2, 2), s' = (1, 1/4, 1)
    np.testing.assert_allclose(2 * scores.grad, expected, rtol=1e-12)


def test_hinge_prefers_no_class_where_all_scores_are_equal():
    scores = torch.zeros(1, 4, requires_grad=True)
    losses.objective(scores, torch.tensor([2]), "hinge").backward()
    np.testing.assert_allclose(scores.grad[0], [1 / 3, 1 / 3, -1, 1 / 3], rtol=1e-6)


def jacobian(learner, X):
    """(n, C, parameters) autograd Jacobian of the scores of torch's network with the learner's weights."""
    network = torch_network(learner, [X.shape[1], *learner.hidden, [*learner.description().values()][-1].shape[-1]])
    parameters = dict(network.named_parameters())
    blocks = torch.func.jacrev(lambda p: torch.func.functional_call(network, p, torch.tensor(X)))(parameters)
    return learner.output_scale * torch.cat([block.flatten(2) for block in blocks.values()], 2).detach().numpy()


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("hidden", "residual"),
    [([], False), ([6], False), ([6, 5], False), ([6, 5, 4], False), ([5, 5], True), ([5, 5, 5, 5], True)],
    ids=str,
)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_kernel_is_the_mean_tangent_kernel(activation, hidden, residual, bias):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(8, 4))
    split = Split(X, rng.integers(3, size=8), X + 1, np.zeros(8, int), 3)
    settings = {"activation": activation, "hidden": hidden, "residual": residual, "bias": bias, "dtype": "float64"}
    learner = begun(split, learning_rate=0.1, output_scale=2.5, **settings)
    before = learner.kernel(X)
    learner.advance(5)
    J = jacobian(learner, X)
    kernel = learner.kernel(X)
    assert kernel.dtype == np.float64
    np.testing.assert_allclose(kernel, np.einsum("icp,jcp->ij", J, J) / 3, rtol=1e-10)
    assert np.allclose(before, kernel) == (hidden == [])


@pytest.mark.parametrize("letter", [0, 2**19], ids=["by letter", "dense"])
@pytest.mark.parametrize("workspace", [2**22, 1], ids=["all classes", "one class"])  # at once
@pytest.mark.parametrize("hidden", [[], [6], [6, 5], [6, 5, 4]], ids=str)
def test_kernel_of_tokens_counts_equal_ones(hidden, workspace, letter, monkeypatch):
    """Against the Jacobian of the one-hot code; `cross_kernel` is a block, and every kernel is symmetric to the bit."""
    monkeypatch.setattr(tangent, "WORKSPACE", workspace)
    monkeypatch.setattr(tangent, "LETTER", letter)
    split = grokbench.task("modular", modulus=5, train_fraction=0.5).split(0)
    learner = begun(split, hidden=hidden, activation="gelu", dtype="float64", learning_rate=0.1)
    learner.advance(5)
    X, Z = split.X_train, split.X_test
    J, L = (jacobian(learner, learner._encode(tokens)) for tokens in (X, Z))
    kernel = learner.kernel(X)
    np.testing.assert_allclose(kernel, np.einsum("icp,jcp->ij", J, J) / 5, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(learner.cross_kernel(X, Z), np.einsum("icp,jcp->ij", J, L) / 5, rtol=1e-10, atol=1e-14)
    np.testing.assert_array_equal(kernel, kernel.T)


def test_summing_rows_equals_the_dense_product(monkeypatch):
    """The fast reading of one-hot tokens, in its values and gradients, on an alphabet large enough for it."""
    split = modular(mlp.GATHER_FROM + 1, 0.05)
    settings = {"dtype": "float64", "hidden": [16], "batch_size": 30, "centred": True}
    fast = begun(split, **settings)
    assert not fast._context[0].is_floating_point()
    monkeypatch.setattr(mlp, "GATHER_FROM", np.inf)
    dense = begun(split, **settings)
    assert dense._context[0].is_floating_point()
    for learner in (fast, dense):
        learner.advance(20)
    expected = dense.scores(split.X_test)
    monkeypatch.undo()
    np.testing.assert_allclose(fast.scores(split.X_test), expected, **CLOSE)


def test_initial_variance_is_one_over_the_effective_fan_in():
    """Sample variances of at least 20,000 draws: relative standard error 1 %, tolerance 5."""

    def variances(split, **settings):
        learner = begun(split, hidden=[500], bias=True, **settings)
        assert not learner.description()["b1"].any()
        return learner.description()["W1"].var(), learner.description()["W2"].var()

    pairs = modular(41, 0.1)
    signs = Split(np.arange(120).reshape(3, 40) % 2, [0, 1, 1], np.zeros((1, 40), int), [0], 2, (2,) * 40)
    reals = Split(np.full((3, 50), 2.0), [0, 1, 1], np.zeros((1, 50)), [0], 2)
    assert variances(pairs, activation="quadratic") == pytest.approx((1 / 2, 1 / 500), rel=0.05)
    assert variances(pairs, activation="relu") == pytest.approx((2 / 2, 1 / 500), rel=0.05)
    assert variances(pairs, activation="tanh", init_scale=3.0) == pytest.approx((9 / 2, 9 / 500), rel=0.05)
    assert variances(signs, activation="tanh")[0] == pytest.approx(1 / 40, rel=0.05)
    assert variances(reals, activation="tanh")[0] == pytest.approx(1 / 200, rel=0.05)


def test_precisions_share_the_start():
    split = modular(7)
    single, double = (begun(split, dtype=dtype).description() for dtype in ("float32", "float64"))
    np.testing.assert_array_equal(single["W1"], double["W1"].astype(np.float32))


def test_description_predicts_the_scores():
    split = modular(7)
    learner = begun(split, hidden=[9, 8], activation="tanh", bias=True, dtype="float64")
    learner.advance(4)
    parts = learner.description()
    h = encode(split.X_test, split.alphabet)
    h = np.tanh(np.tanh(h @ parts["W1"] + parts["b1"]) @ parts["W2"] + parts["b2"]) @ parts["W3"] + parts["b3"]
    np.testing.assert_allclose(learner.scores(split.X_test), h, **CLOSE)


def test_regression_minimizes_squared_error():
    """A linear network with bias goes to the least-squares plane, whatever the loss of classifications."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 3))
    y = X @ [1.0, -2.0, 0.5] + 3 + 0.1 * rng.normal(size=60)
    split = Split(X, y, X[:5] + 0.1, y[:5], 0, tolerance=0.01)
    learner = begun(split, hidden=[], bias=True, optimizer="sgd", learning_rate=0.1, dtype="float64")
    learner.advance(1000)
    plane = np.linalg.lstsq(np.c_[X, np.ones(60)], y, rcond=None)[0]
    scores = learner.scores(split.X_test)
    assert scores.shape == (5, 1)
    np.testing.assert_allclose(scores[:, 0], np.c_[split.X_test, np.ones(5)] @ plane, rtol=1e-8)


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 5},
        {"batch_size": 5, "optimizer": "sgd", "momentum": 0.9, "bias": True, "hidden": [9, 8]},
        {"centred": True, "output_scale": 0.5, "loss": "mse"},
    ],
    ids=str,
)
def test_schedule_determinism_and_isolation(settings):
    """The path does not matter, byte by byte; nor does another seed's run in between; no global state moves."""
    split = modular(7)
    states = global_random_states()
    straight, stops = begun(split, seed=4, **settings), begun(split, seed=4, **settings)
    straight.advance(27)
    other = begun(split, seed=5, **settings)
    for time in (0, 3, 3, 7, 20, 27):
        stops.advance(time)
        stops.scores(split.X_test), stops.kernel(split.X_test), stops.description()
    other.advance(27)
    assert straight.scores(split.X_test).tobytes() == stops.scores(split.X_test).tobytes()
    assert straight.scores(split.X_test).tobytes() != other.scores(split.X_test).tobytes()
    stops.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, np.random.default_rng(4))
    stops.advance(27)  # begin resets everything
    assert straight.scores(split.X_test).tobytes() == stops.scores(split.X_test).tobytes()
    assert states == global_random_states()


def test_time_0_does_not_know_the_labels():
    split = modular(7)
    learner, blind = (grokbench.learner("mlp", batch_size=5) for _ in range(2))
    learner.begin(split.X_train, split.y_train, 7, split.alphabet, np.random.default_rng(0))
    blind.begin(split.X_train, np.zeros_like(split.y_train), 7, split.alphabet, np.random.default_rng(0))
    np.testing.assert_array_equal(learner.scores(split.X_test), blind.scores(split.X_test))
    assert not begun(split, centred=True).scores(split.X_test).any()


@pytest.mark.parametrize("loss", LOSSES)
def test_overflow_is_shown_not_raised(loss):
    split = modular(5)
    learner = begun(split, activation="quadratic", loss=loss, optimizer="sgd", learning_rate=1e20)
    learner.advance(6)
    assert not np.isfinite(learner.scores(split.X_test)).all()
    assert learner.kernel(split.X_test).shape == (13, 13)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("hidden", [4, 0]),
        ("learning_rate", 0.0),
        ("momentum", 1.0),
        ("beta2", -0.1),
        ("weight_decay", -1.0),
        ("batch_size", -1),
        ("init_scale", 0.0),
        ("output_scale", -1.0),
    ],
)
def test_values_out_of_range_are_named(option, value):
    with pytest.raises(OptionError, match=option):
        grokbench.learner("mlp", **{option: value})


def test_residual_layers_are_of_equal_width():
    with pytest.raises(OptionError, match="unequal widths"):
        grokbench.learner("mlp", hidden=[4, 5], residual=True)
    plain, residual = (begun(modular(5), hidden=[6], residual=r) for r in (False, True))
    assert plain.kernel(modular(5).X_test).tobytes() == residual.kernel(modular(5).X_test).tobytes()


def test_options_are_documented_and_nest():
    described = options(mlp.MLP)
    assert all(option.description for option in described.values())
    assert described["hidden"].is_list
    assert grokbench.learner("mlp").options["hidden"] == [128]
    assert grokbench.learner("mlp", hidden=[]).options["hidden"] == []


def test_an_encoding_that_does_not_fit_is_refused():
    assert "two-letter" in grokbench.learner("mlp", encoding="sign").cannot_read(modular(5))
    assert grokbench.learner("mlp", encoding="integer").cannot_read(modular(5)) is None


@pytest.mark.slow
def test_modular_addition_groks_with_weight_decay_and_not_without():
    """p 23, half of the table: memorized by step 60, the rule by step 3000; never with decay 0."""
    split = modular(23, 0.5)

    def accuracies(learner):
        pairs = ((split.X_train, split.y_train), (split.X_test, split.y_test))
        return [np.mean(learner.scores(X).argmax(1) == y) for X, y in pairs]

    learner = begun(split, activation="quadratic", weight_decay=1.0)
    learner.advance(60)
    train, test = accuracies(learner)
    assert train == 1
    assert test < 0.25
    learner.advance(3000)
    assert accuracies(learner)[1] > 0.95
    control = begun(split, activation="quadratic", weight_decay=0.0)
    control.advance(3000)
    train, test = accuracies(control)
    assert train == 1
    assert test < 0.5
