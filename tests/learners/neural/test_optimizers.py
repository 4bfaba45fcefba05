"""What is done to gradients and parameters beside the optimizer's step, against the authors' loops."""

import numpy as np
import pytest
import torch
from support_learners import flat, start
from support_splits import modular

import grokbench
from grokbench.errors import OptionError
from grokbench.learners.neural.compiled import SWITCH
from grokbench.learners.neural.optimizers import orthogonal
from grokbench.threads import environment_set

NETWORKS = ["mlp", "linearized", "transformer", "linearized_transformer"]
SMALL = {name: {"hidden": [6, 6]} if name in ("mlp", "linearized") else {"d_model": 8, "heads": 2} for name in NETWORKS}
# float64, 25 steps: rounding of 1e-16, amplified by less than 1e6 (Adam divides by small roots)
CLOSE = {"rtol": 1e-8, "atol": 1e-10}


def begun(name, seed=0, **options):
    return start(name, modular(train_fraction=0.6), seed, **{"dtype": "float64", **SMALL[name], **options})


def clear(name, **options):
    """A network that trains by the clear loop, whose loss and data can be had."""
    with environment_set({SWITCH: "0"}):
        return begun(name, **options)


def reference(learner, steps, change, after=lambda parameters: None):
    """The learner's parameters after torch.optim took `steps` along `change(parameters, gradients)`."""
    descent = learner._descent
    parameters = descent._trained  # the leaves of the learner's own loss, which other tests hold to torch
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[learner.optimizer]
    options = {} if learner.optimizer == "sgd" else {"betas": (learner.beta1, learner.beta2), "eps": learner.epsilon}
    optimizer = kind(parameters, lr=learner.learning_rate, weight_decay=learner.weight_decay, **options)
    for _ in range(steps):
        gradients = torch.autograd.grad(descent._loss(parameters, *descent._examples), parameters)
        for parameter, gradient in zip(parameters, change(parameters, gradients), strict=True):
            parameter.grad = gradient
        optimizer.step()
        with torch.no_grad():
            after(parameters)
    return flat(learner)


def trained(name, steps=25, **options):
    learner = begun(name, **options)
    learner.advance(steps)
    return flat(learner)


def changed(weights, expected, **off):
    """Equal to the oracle, and not to the same run with the option off."""
    np.testing.assert_allclose(weights, expected, **CLOSE)
    assert not np.allclose(weights, trained(**off), rtol=1e-3)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("name", NETWORKS)
def test_grokfast_is_the_authors_filter(name, optimizer):
    """h starts at the first gradient, is averaged, then added; as their `gradfilter_ema`."""
    options = {"optimizer": optimizer, "learning_rate": 0.02, "weight_decay": 0.1}
    slow = []

    def filtered(parameters, gradients):
        slow[:] = slow or [g.clone() for g in gradients]
        for h, g in zip(slow, gradients, strict=True):
            h.mul_(0.9).add_(0.1 * g)
        return [g + 3.0 * h for h, g in zip(slow, gradients, strict=True)]

    weights = trained(name, grokfast_lambda=3.0, grokfast_alpha=0.9, **options)
    changed(weights, reference(clear(name, **options), 25, filtered), name=name, **options)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("name", NETWORKS)
def test_orthogonal_gradient_is_the_authors_projection(name, optimizer):
    """Tensor by tensor, rescaled to the gradient's norm; the tensors of a tangent model are 0, and free, at first."""
    options = {"optimizer": optimizer, "learning_rate": 0.02}

    def projected(parameters, gradients):
        for w, g in zip(parameters, gradients, strict=True):
            w, g = w.detach(), g.clone()
            part = g - torch.dot(w.view(-1), g.view(-1)) / (torch.dot(w.view(-1), w.view(-1)) + 1e-30) * w
            yield part * (g.norm() / (part.norm() + 1e-30))

    weights = trained(name, orthogonal_gradient=True, **options)
    changed(weights, reference(clear(name, **options), 25, projected), name=name, **options)


@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 1)], ids=str)
def test_orthogonal_part_keeps_the_length_and_loses_the_direction(shape):
    rng = np.random.default_rng(0)
    g, w = (torch.tensor(rng.normal(size=shape)) for _ in range(2))
    part = orthogonal(g, w)
    assert float((part * w).sum()) == pytest.approx(0, abs=1e-14)
    assert float(part.norm()) == pytest.approx(float(g.norm()), rel=1e-12)
    assert float((part * g).sum()) > 0
    np.testing.assert_array_equal(orthogonal(g, torch.zeros_like(w)), g)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rounding_is_not_blown_up_to_a_gradient(dtype):
    """Of a gradient along the weights nothing is left, as always in a tensor of one entry."""
    w = torch.tensor(np.random.default_rng(1).normal(size=50), dtype=dtype)
    for weights, gradient in ((w, 0.3 * w), (w[:1], w[1:2]), (w, 0 * w)):
        assert not orthogonal(gradient, weights).any()


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("name", ["mlp", "transformer"])
def test_clamped_norm_is_projected_after_every_step(name, optimizer):
    options = {"optimizer": optimizer, "learning_rate": 0.02}
    learner = clear(name, **options)
    start = np.linalg.norm(flat(learner))

    def project(parameters):
        size = sum(float(p.square().sum()) for p in parameters) ** 0.5
        for p in parameters:
            p.mul_(0.7 * start / size)

    weights = trained(name, norm_clamp=0.7, **options)
    assert np.linalg.norm(weights) == pytest.approx(0.7 * start, rel=1e-12)
    changed(weights, reference(learner, 25, lambda _, gradients: gradients, project), name=name, **options)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("name", NETWORKS)
def test_frozen_layers_stay_and_the_last_goes_on(name, optimizer):
    """Until the step nothing differs; after it the last layer alone moves, as with gradients of its own only."""
    options = {"optimizer": optimizer, "learning_rate": 0.02, "momentum": 0.5, "weight_decay": 0.1}
    options |= {"bias": True} if "hidden" in SMALL[name] else {}
    free, frozen = begun(name, **options), begun(name, freeze_after=10, **options)
    for learner in (free, frozen):
        learner.advance(10)
    assert flat(free).tobytes() == flat(frozen).tobytes()
    before = frozen.description()
    frozen.advance(11), free.advance(11)
    last = list(before)[-2:] if options.get("bias") else list(before)[-1:]
    for key, array in frozen.description().items():
        assert (array.tobytes() == before[key].tobytes()) == (key not in last), key
        if key in last:  # the first step after is the free run's, moments and all
            np.testing.assert_allclose(array, free.description()[key], **CLOSE)
    frozen.advance(40)
    assert all(frozen.description()[key].tobytes() == before[key].tobytes() for key in before if key not in last)


def test_frozen_from_the_start_is_a_linear_model_of_the_initial_features():
    """Gradient descent on the last layer alone: by hand on the features of the untrained network."""
    learner = begun("mlp", freeze_after=0, loss="mse", optimizer="sgd", learning_rate=0.1, activation="tanh")
    split = grokbench.task("modular", modulus=5, train_fraction=0.6).split(0)
    W = learner.description()
    X = np.hstack([np.eye(5)[column] for column in split.X_train.T])
    h, readout = np.tanh(np.tanh(X @ W["W1"]) @ W["W2"]), W["W3"]
    for _ in range(30):
        readout = readout - 0.1 * 2 / len(X) * h.T @ (h @ readout - np.eye(5)[split.y_train])
    learner.advance(30)
    np.testing.assert_allclose(learner.description()["W3"], readout, **CLOSE)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_path_does_not_matter_byte_by_byte(name):
    """All options at once, in minibatches, stopping before, at and after the freezing step; and begin resets."""
    options = {
        "grokfast_lambda": 2.0,
        "orthogonal_gradient": True,
        "freeze_after": 7,
        "batch_size": 4,
        "loss": "stablemax",
    }
    straight, stops = begun(name, **options), begun(name, **options)
    straight.advance(12)
    for time in (0, 6, 7, 7, 8, 12):
        stops.advance(time)
    assert flat(straight).tobytes() == flat(stops).tobytes()
    split = grokbench.task("modular", modulus=5, train_fraction=0.6).split(0)
    stops.begin(split.X_train, split.y_train, 5, split.alphabet, np.random.default_rng(0))
    stops.advance(12)
    assert flat(straight).tobytes() == flat(stops).tobytes()


@pytest.mark.parametrize("name", ["mlp", "transformer", "mlp_width"])
@pytest.mark.parametrize(
    ("option", "options"),
    [
        ("norm_clamp", {"norm_clamp": -1.0}),
        ("norm_clamp", {"norm_clamp": 1.0, "freeze_after": 5}),
        ("grokfast_lambda", {"grokfast_lambda": -0.1}),
        ("grokfast_alpha", {"grokfast_alpha": 1.0}),
        ("freeze_after", {"freeze_after": -2}),
    ],
    ids=str,
)
def test_values_out_of_range_are_named(name, option, options):
    with pytest.raises(OptionError) as error:
        grokbench.learner(name, **options)
    assert error.value.option == option
