"""The decoder against torch.nn and torch.optim, its shortcuts against the long way, its kernel against Jacobians."""

from functools import partial

import numpy as np
import pytest
import torch
from support_batches import drawn_batches
from support_learners import start
from support_splits import modular
from support_torch import torch_optimizer
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

import grokbench
from grokbench.errors import OptionError
from grokbench.learners.neural import attention, transformer
from grokbench.tasks.base import Split

# float64, a few dozen steps: rounding of 1e-16 is amplified by less than 1e5
CLOSE = {"rtol": 1e-9, "atol": 1e-11}
SMALL = {"d_model": 8, "heads": 2, "mlp_ratio": 3, "dtype": "float64"}
DEPTHS = pytest.mark.parametrize("layers", [1, 2, 3])
begun = partial(start, "transformer")
NORMS = pytest.mark.parametrize("layer_norm", [False, True], ids=["plain", "layer norm"])


def words(n_classes=3, alphabet=(4, 2, 3, 2), n=12):
    """A table of unlike positions, two of them with alphabets of one size."""
    rng = np.random.default_rng(5)
    X = np.stack(np.unravel_index(rng.permutation(np.prod(alphabet)), alphabet), 1)
    y = rng.integers(n_classes, size=len(X)) if n_classes else rng.normal(size=len(X))
    return Split(X[:n], y[:n], X[n:], y[n:], n_classes, alphabet, tolerance=None if n_classes else 0.1)


def parameters(learner):
    """The described parameters as torch tensors that want gradients; biases are moved away from 0 by the caller."""
    return {name: torch.tensor(array, requires_grad=True) for name, array in learner.description().items()}


def tokens(split, X, shared):
    """Rows of W_E, position by position: a new block of rows for each alphabet not seen before."""
    starts, known, size = [], {}, 0
    for position, letters in enumerate(split.alphabet):
        name = letters if shared else f"position {position}"
        if name not in known:
            known[name] = size
            size += letters
        starts.append(known[name])
    return torch.tensor(np.column_stack([X + np.array(starts), np.full(len(X), size)]))


def oracle(learner, split, p, X):
    """The decoder written with torch's own attention, over all positions of all layers, read out at the end."""
    n_heads, activate = learner.heads, getattr(F, learner.activation)
    norm = (
        (lambda x: (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, correction=0) + 1e-5).sqrt())
        if (learner.layer_norm)
        else (lambda x: x)
    )
    x = p["W_E"][tokens(split, X, learner.shared_embedding)] + p["W_pos"]
    for l in range(1, learner.layers + 1):
        h = norm(x)
        q, k, v = ((h @ p[f"W_{part}{l}"]).unflatten(2, (n_heads, -1)).transpose(1, 2) for part in "QKV")
        z = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        x = x + z @ p[f"W_O{l}"]
        x = x + activate(norm(x) @ p[f"W_in{l}"] + p[f"b_in{l}"]) @ p[f"W_out{l}"] + p[f"b_out{l}"]
    return norm(x[:, -1]) @ p["W_U"]


def loss_of(scores, y, loss):
    if loss == "mse":
        return ((scores - torch.eye(scores.shape[1], dtype=scores.dtype)[y]) ** 2).sum(1).mean()
    return F.cross_entropy(scores, y)


def trained_oracle(learner, split, batches):
    """The oracle's parameters after torch's optimizer saw the given batches, starting from the learner's."""
    p = parameters(learner)
    optimizer = torch_optimizer(learner, list(p.values()))
    for rows in batches:
        optimizer.zero_grad()
        scores = oracle(learner, split, p, split.X_train[rows])
        loss_of(scores, torch.tensor(split.y_train[rows]), learner.loss).backward()
        optimizer.step()
    return p


def check_against_torch(split, steps, **options):
    learner = begun(split, **SMALL, **options)
    p = trained_oracle(learner, split, [slice(None)] * steps)
    learner.advance(steps)
    for name, array in learner.description().items():
        np.testing.assert_allclose(array, p[name].detach(), **CLOSE, err_msg=name)
    for X in (split.X_train, split.X_test):
        np.testing.assert_allclose(learner.scores(X), oracle(learner, split, p, X).detach(), **CLOSE)


@NORMS
@DEPTHS
@pytest.mark.parametrize("shared", [True, False], ids=["shared", "own"])
def test_forward_pass_and_gradients_equal_torch(layers, layer_norm, shared):
    """Ten steps of gradient descent: an error in the map, in any gradient or in a tied embedding shows."""
    options = {"layers": layers, "layer_norm": layer_norm, "shared_embedding": shared, "activation": "gelu"}
    check_against_torch(words(), 10, optimizer="sgd", learning_rate=0.1, **options)


@pytest.mark.parametrize("loss", ["cross-entropy", "mse"])
@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.8, "weight_decay": 0.1},
        {"optimizer": "adam", "weight_decay": 0.1},
        {"weight_decay": 1.0},
        {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "layers": 2},
    ],
    ids=["momentum", "adam", "adamw", "options of adamw"],
)
def test_optimizers_equal_torch(options, loss):
    check_against_torch(modular(), 20, loss=loss, **options)


@NORMS
def test_attention_equals_multihead_attention(layer_norm):
    """The attention of a first layer that is not the last, by torch.nn.MultiheadAttention."""
    split = words()
    learner = begun(split, layers=2, layer_norm=layer_norm, **SMALL)
    p = {name: tensor.detach() for name, tensor in parameters(learner).items()}
    module = torch.nn.MultiheadAttention(8, 2, bias=False, batch_first=True, dtype=torch.float64)
    module.in_proj_weight.data = torch.cat([p["W_Q1"].T, p["W_K1"].T, p["W_V1"].T])
    module.out_proj.weight.data = p["W_O1"].T.contiguous()
    x = p["W_E"][tokens(split, split.X_test, True)] + p["W_pos"]
    h = F.layer_norm(x, (8,)) if layer_norm else x
    mask = torch.ones(5, 5, dtype=torch.bool).triu(1)
    expected = x + module(h, h, h, attn_mask=mask, need_weights=False)[0]
    table = attention.embed(p, learner._table_tokens, learner._table_positions, None, None)
    attended = learner._attend(p, 1, table, learner._rows(split.X_test), None)
    np.testing.assert_allclose(attended, expected.detach(), **CLOSE)


@NORMS
@DEPTHS
def test_shortcuts_equal_the_long_way(layers, layer_norm):
    """Values and gradients of the table and of the shared query, against every example on its own path."""
    learner = begun(words(), layers=layers, layer_norm=layer_norm, **SMALL)
    rows, tensors = learner._rows(words().X_test), list(learner._parameters.values())
    short, long = learner._network(learner._parameters, rows), learner._network(learner._parameters, rows, [])
    np.testing.assert_allclose(short.detach(), long.detach(), **CLOSE)
    for a, b in zip(*(torch.autograd.grad(z.sin().sum(), tensors) for z in (short, long)), strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)


def test_an_earlier_position_sees_no_later_one():
    """In the stream after the first of two layers, position by position."""
    split = words()
    learner = begun(split, layers=2, **SMALL)
    table = attention.embed(learner._parameters, learner._table_tokens, learner._table_positions, None, None)
    X = np.array([[1, 0, 2, 1], [1, 0, 0, 1]])
    a, b = learner._attend(learner._parameters, 1, table, learner._rows(X), None).detach().numpy()
    np.testing.assert_array_equal((a == b).all(1), [True, True, False, False, False])


def test_minibatches_equal_torch_and_every_epoch_sees_all_once():
    split = modular()
    options = {**SMALL, "batch_size": 5, "weight_decay": 0.5}
    learner, reference = begun(split, **options), begun(split, **options)
    recorded = drawn_batches(learner)
    learner.advance(6)
    assert [len(rows) for rows in recorded] == [5, 5, 2, 5, 5, 2]
    epochs = [np.concatenate(recorded[:3]), np.concatenate(recorded[3:])]
    assert all(sorted(epoch) == list(range(12)) for epoch in epochs)
    assert not np.array_equal(*epochs)
    p = trained_oracle(reference, split, recorded)
    expected = oracle(reference, split, p, split.X_test).detach()
    np.testing.assert_allclose(learner.scores(split.X_test), expected, **CLOSE)


def jacobian(learner, split, X):
    """(n, C, parameters) Jacobian of the oracle, example by example."""
    p = {name: tensor.detach() for name, tensor in parameters(learner).items()}
    with sdpa_kernel(SDPBackend.MATH):  # the others have no batching rule
        blocks = torch.func.jacrev(lambda q: oracle(learner, split, q, X))(p)
    return torch.cat([block.flatten(2) for block in blocks.values()], 2).detach().numpy()


@NORMS
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("n_classes", [3, 0, 11])
def test_kernel_is_the_mean_of_jacobian_products(layers, layer_norm, n_classes):
    """The exact trace up to 8 classes; above, along the Gaussian directions."""
    split = words(n_classes)
    learner = begun(split, layers=layers, layer_norm=layer_norm, **SMALL)
    learner.advance(20)  # biases and the rest are away from their start
    J = jacobian(learner, split, split.X_test)
    U = np.eye(max(n_classes, 1)) if n_classes <= 8 else transformer._directions(n_classes)
    projected = np.einsum("uc,icp->uip", U, J)
    kernel = learner.kernel(split.X_test)
    assert kernel.dtype == np.float64
    np.testing.assert_allclose(kernel, np.einsum("uip,ujp->ij", projected, projected) / len(U), rtol=1e-8, atol=1e-12)


def test_directions_average_to_the_trace():
    """E u u^T = I / C: the mean of C u^2 over 160,000 draws has a standard error of .0035, that of C u u' .0025."""
    drawn = [(n, transformer._directions(n)) for n in range(9, 209)]
    assert {U.shape for _, U in drawn} == {(8, n) for n in range(9, 209)}
    assert np.mean(np.concatenate([n * U.ravel() ** 2 for n, U in drawn])) == pytest.approx(1, abs=0.02)
    assert np.mean(np.concatenate([n * (U[:, 1:] * U[:, :-1]).ravel() for n, U in drawn])) == pytest.approx(0, abs=0.02)
    np.testing.assert_array_equal(transformer._directions(8), np.eye(8))


@pytest.mark.parametrize(("T", "a", "b"), [(1, 7, 5), (2, 50, 60), (6, 4, 3)])
@pytest.mark.parametrize("bias", [False, True])
def test_gradient_gram_both_ways(T, a, b, bias):
    rng = np.random.default_rng(T)
    x, g = rng.normal(size=(5, T, a)), rng.normal(size=(5, T, b))
    weights = np.einsum("nta,ntb->nab", x, g)
    expected = np.einsum("nab,mab->nm", weights, weights) + bias * g.sum(1) @ g.sum(1).T
    gram = attention.gradient_gram(torch.tensor(x), torch.tensor(g), bias)
    np.testing.assert_allclose(gram, expected, rtol=1e-10)


def test_initial_variances():
    """At least 4,000 draws each: relative standard error 2.2 %, tolerance 10."""
    learner = begun(modular(67, 0.1), d_model=64, layers=2, init_scale=0.5)
    description = learner.description()
    for name, array in description.items():
        fan_in = 256 if name.startswith("W_out") else 64
        expected = 0.0 if name.startswith("b_") else 0.25 / fan_in
        if name != "W_pos":
            assert array.var() == pytest.approx(expected, rel=0.1), name
    assert description["W_E"].shape == (68, 64)
    assert description["W_pos"].shape == (3, 64)
    assert begun(modular(67, 0.1), shared_embedding=False).description()["W_E"].shape == (135, 128)


@DEPTHS
def test_blocks_of_scores_and_the_product_of_a_gpu_change_nothing(layers, monkeypatch):
    split = modular(7)
    learners = [begun(split, layers=layers, **SMALL) for _ in range(2)]
    learners[0].advance(5)
    for module in (attention, transformer):
        monkeypatch.setattr(module, "pick", attention.pick_densely)
    learners[1].advance(5)
    whole = [learner.scores(split.X_test) for learner in learners]
    np.testing.assert_allclose(*whole, **CLOSE)
    monkeypatch.setattr(transformer, "BLOCK", 10)
    np.testing.assert_allclose(learners[0].scores(split.X_test), whole[0], **CLOSE)


@pytest.mark.slow
def test_regression_minimizes_squared_error():
    """It fits 12 numbers, and its one output is the squared-error learner's whatever loss is named."""
    split = words(0)
    learner, other = (begun(split, learning_rate=0.01, loss=loss, **SMALL) for loss in ("hinge", "mse"))
    for one in (learner, other):
        one.advance(400)
    assert learner.scores(split.X_train).shape == (12, 1)
    assert np.mean((learner.scores(split.X_train)[:, 0] - split.y_train) ** 2) < 1e-3
    np.testing.assert_array_equal(learner.scores(split.X_test), other.scores(split.X_test))


def test_schedule_and_reset_byte_by_byte():
    split = modular(7)
    options = {"d_model": 16, "layers": 2, "batch_size": 9, "layer_norm": True, "weight_decay": 1.0}
    straight, stops = begun(split, seed=4, **options), begun(split, seed=4, **options)
    straight.advance(27)
    for time in (0, 3, 3, 20, 27):
        stops.advance(time)
        stops.scores(split.X_test), stops.kernel(split.X_test), stops.description()
    expected = straight.scores(split.X_test).tobytes()
    assert expected == stops.scores(split.X_test).tobytes()
    stops.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, np.random.default_rng(4))
    stops.advance(27)
    assert expected == stops.scores(split.X_test).tobytes()


def test_precisions_share_the_start():
    single, double = (begun(modular(), dtype=dtype).description() for dtype in ("float32", "float64"))
    np.testing.assert_array_equal(single["W_in1"], double["W_in1"].astype(np.float32))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("layers", 0),
        ("heads", 3),
        ("heads", 0),
        ("mlp_ratio", 0),
        ("learning_rate", 0.0),
        ("beta2", 1.0),
        ("weight_decay", -1.0),
        ("batch_size", -1),
        ("init_scale", 0.0),
    ],
)
def test_values_out_of_range_are_named(option, value):
    with pytest.raises(OptionError, match=option):
        grokbench.learner("transformer", **{option: value})


def test_real_features_are_not_read():
    X = np.random.default_rng(0).normal(size=(4, 2))
    assert "tokens" in grokbench.learner("transformer").cannot_read(Split(X, [0, 1, 0, 1], X + 1, [0, 1, 0, 1], 2))
    assert grokbench.learner("transformer").cannot_read(modular()) is None


@pytest.mark.slow
@pytest.mark.parametrize("labels", ["true", "shuffled"])
def test_modular_addition_is_learned_after_it_is_memorized_and_shuffled_labels_never(labels):
    """p 17, .7 of the table, width 32: memorized by step 100, the rule by step 1000."""
    split = grokbench.task("modular", modulus=17, train_fraction=0.7, labels=labels).split(0)
    learner = begun(split, d_model=32, weight_decay=2.0)

    def accuracies(time):
        learner.advance(time)
        pairs = ((split.X_train, split.y_train), (split.X_test, split.y_test))
        return [np.mean(learner.scores(X).argmax(1) == y) for X, y in pairs]

    train, test = accuracies(100)
    assert train > 0.95
    assert test < 0.7
    train, test = accuracies(1000)
    assert train > 0.95
    assert (test > 0.95) if labels == "true" else (test < 0.25)
