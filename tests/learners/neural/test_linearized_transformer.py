"""The tangent model of the decoder against Jacobians of its map, and torch.optim on an explicit linear model."""

import numpy as np
import pytest
import torch
from support_learners import flat, start
from support_splits import modular

import grokbench
from grokbench.errors import OptionError
from grokbench.learners.neural.losses import objective
from grokbench.learners.neural.transformer import Transformer
from grokbench.options import options
from grokbench.registry import learners

CLOSE = {"rtol": 1e-9, "atol": 1e-11}  # float64, a few dozen steps: rounding of 1e-16 is amplified by less than 1e5
SMALL = {"d_model": 8, "heads": 2, "mlp_ratio": 3, "dtype": "float64"}


def begun(split, name="linearized_transformer", seed=0, **settings):
    return start(name, split, seed, **{**SMALL, **settings})


def start_and_jacobian(twin, X):
    """f_0 (n, C) and J (n, C, parameters) of the untrained twin, whose map other tests hold to torch's attention."""
    rows, theta = twin._rows(X), {name: tensor.detach() for name, tensor in twin._parameters.items()}
    blocks = torch.autograd.functional.jacobian(
        lambda *tensors: twin._network(dict(zip(theta, tensors, strict=True)), rows), tuple(theta.values())
    )
    return twin._network(theta, rows), torch.cat([block.flatten(2) for block in blocks], 2)


def first_weights(twin, decay_to):
    """phi_0: W_U, the last, and zeros before it; zeros alone for decay to "start"."""
    theta = {**twin.description()}
    for name in theta if decay_to == "start" else list(theta)[:-1]:
        theta[name] = np.zeros_like(theta[name])
    return np.concatenate([array.ravel() for array in theta.values()])


@pytest.mark.parametrize("decay_to", ["zero", "start"])
@pytest.mark.parametrize("layer_norm", [False, True], ids=["plain", "layer norm"])
@pytest.mark.parametrize("layers", [1, 2])
def test_scores_are_the_tangent_model(layers, layer_norm, decay_to):
    """J phi, or f_0 + J delta, after training, on held-out inputs, in both precisions."""
    split = modular()
    settings = {"layers": layers, "layer_norm": layer_norm, "activation": "gelu", "learning_rate": 0.02}
    f0, J = start_and_jacobian(begun(split, "transformer", **settings), split.X_test)
    for dtype, tolerance in (("float64", 1e-12), ("float32", 1e-5)):
        learner = begun(split, **{**settings, "dtype": dtype, "decay_to": decay_to})
        learner.advance(5)
        delta = flat(learner)
        assert np.linalg.norm(delta) > 0.1
        expected = f0.numpy() * (decay_to == "start") + J.numpy() @ delta
        assert np.linalg.norm(learner.scores(split.X_test) - expected) < tolerance * np.linalg.norm(expected)


@pytest.mark.parametrize("decay_to", ["zero", "start"])
@pytest.mark.parametrize("loss", ["cross-entropy", "mse", "stablemax"])
@pytest.mark.parametrize(
    "settings", [{"optimizer": "sgd", "learning_rate": 0.05, "momentum": 0.8}, {}], ids=["sgd", "adamw"]
)
def test_training_equals_torch_on_the_explicit_linear_model(settings, loss, decay_to):
    """phi trained by torch's optimizers on the Jacobian as a matrix; the decay acts on phi."""
    split = modular()
    settings = {**settings, "weight_decay": 0.3, "loss": loss}
    twin = begun(split, "transformer", **settings)
    f0, J = start_and_jacobian(twin, split.X_train)
    base = f0 if decay_to == "start" else torch.zeros_like(f0)
    targets = torch.tensor(split.y_train)
    targets = torch.eye(5, dtype=torch.float64)[targets] if loss == "mse" else targets
    delta = torch.tensor(first_weights(twin, decay_to), requires_grad=True)
    learner = begun(split, **settings, decay_to=decay_to)
    common = {"lr": learner.learning_rate, "weight_decay": 0.3}
    if learner.optimizer == "sgd":
        optimizer = torch.optim.SGD([delta], momentum=0.8, **common)
    else:
        optimizer = torch.optim.AdamW([delta], betas=(0.9, 0.98), **common)
    for _ in range(30):
        optimizer.zero_grad()
        objective(base + J @ delta, targets, loss).backward()
        optimizer.step()
    learner.advance(30)
    np.testing.assert_allclose(flat(learner), delta.detach().numpy(), rtol=1e-6, atol=1e-8)  # Adam's small roots


def test_twins_share_start_and_batches_and_kernels_part():
    split = modular()
    learner, twin = begun(split, batch_size=5), begun(split, "transformer", batch_size=5)
    np.testing.assert_allclose(learner.scores(split.X_test), twin.scores(split.X_test), **CLOSE)
    before = learner.kernel(split.X_test).tobytes()
    assert before == twin.kernel(split.X_test).tobytes()
    drawn = [one._descent.batches.draw(12)[0].tolist() for one in (learner, twin)]
    assert drawn[0] == drawn[1]
    for one in (learner, twin):
        one.advance(20)
    assert learner.kernel(split.X_test).tobytes() == before
    assert twin.kernel(split.X_test).tobytes() != before


def test_a_small_step_is_the_twin_s_to_first_order():
    """|twin - tangent| is quadratic in the learning rate: a quarter at half of it."""
    split = modular()

    def distance(rate):
        settings = {"optimizer": "sgd", "learning_rate": rate, "activation": "gelu"}
        learner, twin = begun(split, **settings), begun(split, "transformer", **settings)
        for one in (learner, twin):
            one.advance(1)
        return np.linalg.norm(learner.scores(split.X_test) - twin.scores(split.X_test))

    far = distance(1e-3)
    assert far > 0
    assert distance(5e-4) == pytest.approx(far / 4, rel=0.05)


def test_looking_in_between_changes_no_byte():
    split = modular()
    for settings in ({}, {"batch_size": 5}):
        straight, stops = begun(split, **settings), begun(split, **settings)
        straight.advance(12)
        for time in (0, 3, 3, 7, 12):
            stops.advance(time)
            stops.scores(split.X_test), stops.scores(split.X_train), stops.kernel(split.X_test)
        assert straight.scores(split.X_test).tobytes() == stops.scores(split.X_test).tobytes()


def test_regressions_are_read():
    rng = np.random.default_rng(0)
    X = np.stack(np.divmod(np.arange(16), 4), 1)
    y = rng.normal(size=16)
    split = grokbench.Split(X[:12], y[:12], X[12:], y[12:], 0, (4, 4), tolerance=0.1)
    learner = begun(split, learning_rate=0.01)
    learner.advance(200)
    assert np.mean((learner.scores(split.X_train)[:, 0] - split.y_train) ** 2) < 1e-3


def test_options_are_the_twin_s_and_one_more():
    assert list(options(learners["linearized_transformer"])) == [*options(Transformer), "decay_to"]
    with pytest.raises(OptionError, match="norm_clamp"):
        grokbench.learner("linearized_transformer", norm_clamp=1.0)


@pytest.mark.slow
def test_frozen_features_memorize_and_know_no_more_than_that_addition_commutes():
    """With shared embeddings (b, a) is nearly (a, b) to the tangent kernel; what has no mirror image stays unknown."""
    split = modular(11, 0.6)
    learner = begun(split, d_model=32, heads=4, dtype="float32", learning_rate=0.01)
    learner.advance(400)
    shown = {tuple(pair) for pair in split.X_train.tolist()}
    mirrored = np.array([(b, a) in shown for a, b in split.X_test.tolist()])
    right = learner.scores(split.X_test).argmax(1) == split.y_test
    assert (learner.scores(split.X_train).argmax(1) == split.y_train).all()
    assert right[~mirrored].mean() < 0.25 < right[mirrored].mean()
