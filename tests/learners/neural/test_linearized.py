"""The tangent model against Jacobians, torch.optim on an explicit linear model, matrix exponentials and pinv."""

import numpy as np
import pytest
import scipy.linalg
import torch
from support_learners import flat, start
from support_splits import addition_split as modular

import grokbench
from grokbench.errors import OptionError
from grokbench.learners.encodings import encode
from grokbench.learners.neural import linearized, mlp
from grokbench.learners.neural.losses import objective
from grokbench.options import options
from grokbench.tasks.base import Split

ACTIVATIONS = ["quadratic", "relu", "gelu", "tanh"]
# float64: rounding of 1e-16, amplified by less than 1e5
CLOSE = {"rtol": 1e-9, "atol": 1e-11}
PHI = {"quadratic": torch.square, "relu": torch.relu, "gelu": torch.nn.functional.gelu, "tanh": torch.tanh}


def begun(split, name="linearized", seed=0, **settings):
    return start(name, split, seed, **settings)


def twins(split, **settings):
    return begun(split, **settings), begun(
        split, "mlp", **{k: v for k, v in settings.items() if k not in ("solver", "decay_to")}
    )


def start_and_jacobian(twin, X):
    """f_0 (n, C) and J (n, C, parameters) of the untrained twin's network, by torch.func.jacrev; before alpha."""
    theta = [torch.tensor(array) for array in twin.description().values()]
    shapes, sizes = [t.shape for t in theta], [t.numel() for t in theta]

    def network(flat):
        h = torch.tensor(encode(X, twin._encode.alphabet))
        parts = [part.reshape(shape) for part, shape in zip(flat.split(sizes), shapes, strict=True)]
        layers = list(zip(parts[::2], parts[1::2], strict=True)) if twin.bias else [(part, 0.0) for part in parts]
        for depth, (weights, bias) in enumerate(layers[:-1]):
            block = PHI[twin.activation](h @ weights + bias)
            h = h + block if twin.residual and depth else block
        return h @ layers[-1][0] + layers[-1][1]

    flat = torch.cat([t.flatten() for t in theta])
    return network(flat).numpy(), torch.func.jacrev(network)(flat).numpy()


def first_weights(twin, learner):
    """phi_0 of the tangent model: the network's last layer, zeros before it; zeros alone where f_0 is apart."""
    theta, readout = list(twin.description().values()), 2 if twin.bias else 1
    first = len(theta) if learner.centred or learner.decay_to == "start" else len(theta) - readout
    return np.concatenate([np.zeros_like(a).ravel() if i < first else a.ravel() for i, a in enumerate(theta)])


def base_of(learner, f0):
    """What is added to J phi."""
    return f0 if learner.decay_to == "start" and not learner.centred else np.zeros_like(f0)


def relative(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


@pytest.mark.slow
@pytest.mark.parametrize("decay_to", ["zero", "start"])
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize(
    ("hidden", "residual"), [([], False), ([6], False), ([6, 5, 4], False), ([5, 5, 5, 5], True)], ids=str
)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_scores_are_the_tangent_model(activation, hidden, residual, centred, decay_to):
    """s = alpha J phi, or alpha (f_0 + J delta), after training, on held-out inputs, in both precisions."""
    split = modular(5)
    settings = {"activation": activation, "hidden": hidden, "residual": residual, "centred": centred, "bias": True}
    settings |= {"decay_to": decay_to}
    for dtype, tolerance in (("float64", 1e-12), ("float32", 1e-5)):
        learner, twin = twins(split, dtype=dtype, learning_rate=0.1, output_scale=0.5, **settings)
        f0, J = start_and_jacobian(twin, split.X_test)
        learner.advance(5)
        assert np.linalg.norm(flat(learner)) > 0.1
        expected = 0.5 * (base_of(learner, f0) + J @ flat(learner))
        assert relative(learner.scores(split.X_test), expected) < tolerance


@pytest.mark.parametrize("decay_to", ["zero", "start"])
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@pytest.mark.parametrize("loss", ["cross-entropy", "mse", "hinge", "stablemax"])
@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.8},
        {"optimizer": "adam"},
        {"optimizer": "adamw"},
    ],
    ids=["momentum", "adam", "adamw"],
)
def test_training_equals_torch_on_the_explicit_linear_model(settings, loss, weight_decay, decay_to):
    """phi trained by torch's optimizers on the Jacobian as a matrix; the decay acts on phi."""
    split = modular(5)
    settings = {**settings, "hidden": [6, 5], "activation": "gelu", "output_scale": 2.0, "dtype": "float64"}
    learner, twin = twins(split, loss=loss, weight_decay=weight_decay, decay_to=decay_to, **settings)
    f0, J = start_and_jacobian(twin, split.X_train)
    base, J = torch.tensor(base_of(learner, f0)), torch.tensor(J)
    y = torch.tensor(split.y_train)
    delta = torch.tensor(first_weights(twin, learner), requires_grad=True)
    common = {"lr": learner.learning_rate, "weight_decay": weight_decay}
    if settings["optimizer"] == "sgd":
        optimizer = torch.optim.SGD([delta], momentum=0.8, **common)
    else:
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings["optimizer"]]
        optimizer = kind([delta], betas=(0.9, 0.98), **common)
    for _ in range(30):
        optimizer.zero_grad()
        scores = 2.0 * (base + J @ delta)
        (objective(scores, torch.eye(5, dtype=torch.float64)[y] if loss == "mse" else y, loss) / 4.0).backward()
        optimizer.step()
    learner.advance(30)
    np.testing.assert_allclose(
        flat(learner), delta.detach().numpy(), rtol=1e-7, atol=1e-9
    )  # Adam divides by small roots


def test_twins_share_start_and_batches():
    split = modular(7)
    learner, twin = twins(split, batch_size=5, hidden=[8], bias=True)
    # single precision: the two sum the last layer's products in another order
    np.testing.assert_allclose(learner.scores(split.X_test), twin.scores(split.X_test), rtol=0, atol=1e-5)
    protected = begun(split, batch_size=5, hidden=[8], bias=True, decay_to="start")
    assert protected.scores(split.X_test).tobytes() == twin.scores(split.X_test).tobytes()
    assert learner.kernel(split.X_test).tobytes() == twin.kernel(split.X_test).tobytes()
    drawn = [one._descent.batches.draw(12)[0].tolist() for one in (learner, twin)]
    assert drawn[0] == drawn[1]


def test_kernel_stays_where_the_twin_s_moves():
    split = modular(7)
    learner, twin = twins(split, hidden=[8], activation="tanh")
    before = learner.kernel(split.X_test).tobytes()
    for one in (learner, twin):
        one.advance(20)
    assert learner.kernel(split.X_test).tobytes() == before
    assert twin.kernel(split.X_test).tobytes() != before


@pytest.mark.parametrize("hidden", [[32], [32, 32]], ids=str)
def test_a_large_output_scale_is_lazy_for_short_times_and_alpha_1_is_not_for_long_ones(hidden):
    """alpha (f - f_0) is its linearization up to O(1 / alpha) (Chizat, arXiv 1812.07956): half at twice the alpha."""
    split = modular(7)
    settings = {"hidden": hidden, "activation": "tanh", "loss": "mse", "optimizer": "sgd", "learning_rate": 0.1}

    def distance(alpha, steps):
        learner, twin = twins(split, output_scale=alpha, centred=True, dtype="float64", **settings)
        for one in (learner, twin):
            one.advance(steps)
        return relative(twin.scores(split.X_test), learner.scores(split.X_test))

    far = distance(100.0, 30)
    assert far < 0.02
    assert distance(200.0, 30) == pytest.approx(far / 2, rel=0.2)
    assert distance(1.0, 1000) > 0.2


FLOW = {"loss": "mse", "solver": "flow", "activation": "tanh", "hidden": [6, 5], "bias": True}
CASES = [
    {"output_scale": 0.5},
    {"output_scale": 3.0, "centred": True},
    {"weight_decay": 0.05},
    {"weight_decay": 0.05, "output_scale": 2.0, "hidden": []},
    {"hidden": [9], "bias": False, "activation": "relu"},
    {"hidden": [5, 5, 5], "residual": True},
    {"weight_decay": 0.05, "decay_to": "start"},
    {"output_scale": 0.5, "decay_to": "start"},
    {"weight_decay": 0.05, "centred": True},
]


def flow_matrices(learner, twin, split):
    """Residual of phi = 0 (nC,), J of the scores (nC, parameters) and the factor 2 / (n alpha^2) of the gradient."""
    f0, J = start_and_jacobian(twin, split.X_train)
    alpha, n = learner.output_scale, len(f0)
    residual = alpha * base_of(learner, f0) - np.eye(split.n_classes)[split.y_train]
    return residual.ravel(), alpha * J.reshape(residual.size, -1), 2 / (n * alpha**2)


@pytest.mark.parametrize("settings", CASES, ids=str)
def test_flow_is_the_matrix_exponential(settings):
    """The linear equation of (phi, 1) by scipy's expm, on held-out scores, at three orders of time."""
    split = modular(4)
    learner, twin = twins(split, dtype="float64", **{**FLOW, **settings})
    r0, J, pace = flow_matrices(learner, twin, split)
    generator = np.zeros((J.shape[1] + 1,) * 2)
    generator[:-1, :-1] = -pace * J.T @ J - learner.weight_decay * np.eye(J.shape[1])
    generator[:-1, -1] = -pace * J.T @ r0
    f0, J_test = start_and_jacobian(twin, split.X_test)
    start = np.append(first_weights(twin, learner), 1.0)
    for time in (0.0, 0.1, 3.0, 100.0):
        learner.advance(time)
        phi = (scipy.linalg.expm(time * generator) @ start)[:-1]
        np.testing.assert_allclose(flat(learner), phi, rtol=1e-7, atol=1e-9)
        expected = learner.output_scale * (base_of(learner, f0) + J_test @ phi)
        np.testing.assert_allclose(learner.scores(split.X_test), expected, rtol=1e-7, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("settings", CASES, ids=str)
def test_flow_is_the_limit_of_small_gradient_steps(settings):
    """An Euler step of h makes an error of O(h): below 1 % at 1/500 of the fastest time constant, half at h/2."""
    split = modular(4)
    settings = {**FLOW, **settings}
    flow, _ = twins(split, **settings)
    errors = []
    for steps in (1000, 2000):
        descent = begun(
            split,
            **{**settings, "solver": "optimizer"},
            optimizer="sgd",
            learning_rate=20 * flow.first_time / steps,
            dtype="float64",
        )
        descent.advance(steps)
        flow = begun(split, **settings)
        flow.advance(20 * flow.first_time)
        errors.append(relative(flat(descent), flat(flow)))
    assert errors[0] < 0.01
    assert errors[1] == pytest.approx(errors[0] / 2, rel=0.1)


@pytest.mark.parametrize("decay_to", ["zero", "start"])
def test_flow_ends_at_the_interpolation_nearest_to_its_start(decay_to):
    split = modular(4)
    learner, twin = twins(split, **FLOW, dtype="float64", decay_to=decay_to)
    r0, J, _ = flow_matrices(learner, twin, split)
    learner.advance(np.inf)
    start = first_weights(twin, learner)
    nearest = start - np.linalg.pinv(J) @ (r0 + J @ start)
    np.testing.assert_allclose(flat(learner), nearest, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(learner.scores(split.X_train), np.eye(4)[split.y_train], atol=1e-7)


def test_flow_with_decay_ends_at_ridge_regression():
    split = modular(4)
    learner, twin = twins(split, **FLOW, weight_decay=0.05, dtype="float64")
    r0, J, pace = flow_matrices(learner, twin, split)
    learner.advance(np.inf)
    ridge = -np.linalg.solve(pace * J.T @ J + 0.05 * np.eye(J.shape[1]), pace * J.T @ r0)
    np.testing.assert_allclose(flat(learner), ridge, rtol=1e-7, atol=1e-9)


def test_the_end_of_decay_to_zero_is_kernel_ridge_regression_whatever_f_0_was():
    """Closed form with the twin's own kernel, Theta of the one output; f_0 is still in the end of decay to "start"."""
    rng = np.random.default_rng(1)
    X, Z = rng.normal(size=(30, 3)), rng.normal(size=(10, 3))
    y = np.sin(X[:, 0])
    split = Split(X, y, Z, np.sin(Z[:, 0]), 0, tolerance=0.01)
    settings = {"loss": "mse", "solver": "flow", "hidden": [40], "weight_decay": 0.02}
    zero, start = begun(split, **settings), begun(split, **settings, decay_to="start")
    Theta, cross = zero.kernel(X), zero.cross_kernel(Z, X)
    f0, f0_Z = (begun(split, "mlp", hidden=[40], dtype="float64", loss="mse").scores(each)[:, 0] for each in (X, Z))
    ridge = np.linalg.inv(Theta + 0.02 * 30 / 2 * np.eye(30))
    for learner in (zero, start):
        learner.advance(np.inf)
    np.testing.assert_allclose(zero.scores(Z)[:, 0], cross @ ridge @ y, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(start.scores(Z)[:, 0], f0_Z + cross @ ridge @ (y - f0), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("settings", [{}, {"loss": "mse", "solver": "flow"}], ids=["steps", "flow"])
def test_strong_decay_leaves_nothing_of_f_0(settings):
    """The scores end far below the initial function's, and with decay to "start" above a half of it."""
    split = modular(5)
    settings = {"hidden": [16], "weight_decay": 50.0, "learning_rate": 0.01, "init_scale": 3.0, **settings}
    initial = np.linalg.norm(begun(split, **settings).scores(split.X_test))
    left = {}
    for decay_to in ("zero", "start"):
        learner = begun(split, **settings, decay_to=decay_to)
        learner.advance(60)
        left[decay_to] = np.linalg.norm(learner.scores(split.X_test)) / initial
    assert left["zero"] < 0.1 < 0.5 < left["start"]


@pytest.mark.parametrize(
    "settings",
    [{"optimizer": "sgd", "learning_rate": 0.1, "hidden": [6, 5]}, {"loss": "mse", "solver": "flow", "hidden": [6]}],
    ids=["steps", "flow"],
)
def test_without_decay_both_forms_train_the_same_function(settings):
    split = modular(5)
    both = [begun(split, dtype="float64", bias=True, **settings, decay_to=decay_to) for decay_to in ("zero", "start")]
    for time in (0, 1, 30):
        for learner in both:
            learner.advance(time)
        np.testing.assert_allclose(both[0].scores(split.X_test), both[1].scores(split.X_test), **CLOSE)


@pytest.mark.parametrize("machine", ["0", "1"])
def test_without_hidden_layers_the_twin_is_the_network(machine, monkeypatch):
    """A linear network is its own tangent model: the same decay from the same start, by both loops."""
    monkeypatch.setenv("GROKBENCH_COMPILED", machine)
    split = modular(5)
    learner, twin = twins(split, hidden=[], bias=True, weight_decay=0.5, dtype="float64", orthogonal_gradient=True)
    for one in (learner, twin):
        one.advance(50)
    np.testing.assert_allclose(learner.scores(split.X_test), twin.scores(split.X_test), **CLOSE)
    np.testing.assert_allclose(flat(learner), flat(twin), **CLOSE)


def test_where_centred_both_forms_are_one():
    split = modular(5)
    settings = {"centred": True, "weight_decay": 0.3, "hidden": [6]}
    zero, start = (begun(split, **settings, decay_to=decay_to) for decay_to in ("zero", "start"))
    assert not zero.scores(split.X_test).any()
    for learner in (zero, start):
        learner.advance(20)
    assert zero.scores(split.X_test).tobytes() == start.scores(split.X_test).tobytes()


def test_flow_reads_regressions():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(30, 3))
    y = X @ [1.0, -2.0, 0.5] + 3
    split = Split(X, y, X[:5] + 0.1, y[:5], 0, tolerance=0.01)
    learner = begun(split, loss="mse", solver="flow", hidden=[], bias=True)
    learner.advance(np.inf)
    np.testing.assert_allclose(learner.scores(X)[:, 0], y, rtol=1e-8)


def test_flow_s_clock_starts_at_a_tenth_of_the_fastest_time_constant():
    split = modular(4)
    learner, twin = twins(split, **FLOW, output_scale=2.0, weight_decay=0.1, dtype="float64")
    _, J, pace = flow_matrices(learner, twin, split)
    assert learner.first_time == pytest.approx(0.1 / (pace * np.linalg.norm(J, 2) ** 2 + 0.1), rel=1e-9)
    assert (learner.clock, learner.integer_clock) == ("flow time", False)
    stepping = grokbench.learner("linearized")
    assert (stepping.clock, stepping.integer_clock, stepping.first_time) == ("steps", True, 1.0)


@pytest.mark.parametrize(
    "settings", [{"batch_size": 5}, {"batch_size": 5, "optimizer": "sgd", "momentum": 0.9}, FLOW], ids=str
)
def test_the_path_does_not_matter(settings):
    split = modular(7)
    straight, stops = begun(split, **settings), begun(split, **settings)
    straight.advance(27)
    for time in (0, 3, 3, 7, 20, 27):
        stops.advance(time)
        stops.scores(split.X_test), stops.kernel(split.X_test), stops.description()
    assert straight.scores(split.X_test).tobytes() == stops.scores(split.X_test).tobytes()
    assert straight.scores(split.X_test).tobytes() != begun(split, **settings).scores(split.X_test).tobytes()


def test_what_the_flow_cannot_do_is_said():
    with pytest.raises(OptionError, match="mse"):
        grokbench.learner("linearized", solver="flow")
    for option, value in (("orthogonal_gradient", True), ("grokfast_lambda", 2.0), ("freeze_after", 0)):
        with pytest.raises(OptionError, match=f"{option}.*flow"):
            grokbench.learner("linearized", solver="flow", loss="mse", **{option: value})
    with pytest.raises(OptionError, match="norm_clamp"):
        grokbench.learner("linearized", norm_clamp=1.0)
    split = modular(23)
    flow = grokbench.learner("linearized", solver="flow", loss="mse")
    assert flow.cannot_read(split) is None
    assert "8000" in flow.cannot_read(modular(31))
    assert grokbench.learner("linearized").cannot_read(modular(31)) is None


def test_options_are_the_twin_s_and_two_more():
    described = options(linearized.Linearized)
    assert list(described) == [*options(mlp.MLP), "solver", "decay_to"]
    assert all(option.description for option in described.values())


@pytest.mark.slow
def test_frozen_features_memorize_modular_addition_and_do_not_generalize():
    """The lazy control of arXiv 2310.06110: train 1, held-out below chance, where the network groks by step 1500."""
    split = modular(23, 0.5)
    learner = begun(split, activation="quadratic", weight_decay=1.0)
    learner.advance(2500)
    train, test = (
        np.mean(learner.scores(X).argmax(1) == y)
        for X, y in ((split.X_train, split.y_train), (split.X_test, split.y_test))
    )
    assert train == 1
    assert test < split.chance
