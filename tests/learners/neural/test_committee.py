"""The committee's reduction against its full network, its gradient against torch, its frozen twin against a loop."""

import numpy as np
import pytest
from support_learners import at, start

from grokbench.errors import OptionError
from grokbench.learners.neural.committee import Committee
from grokbench.options import build
from grokbench.registry import tasks
from grokbench.tasks.base import Split


def polynomial(d=10, n=40, seed=0, n_test=60):
    """A teacher of Kumar et al.: y = (beta . x)^2 / 2, x ~ N(0, I / d)."""
    rng = np.random.default_rng(seed)
    beta, X = rng.normal(size=d), rng.normal(size=(n + n_test, d)) / np.sqrt(d)
    y = (X @ beta) ** 2 / 2
    return Split(X[:n], y[:n], X[n:], y[n:], n_classes=0, tolerance=0.01)


def begun(split, seed=1, **options):
    return start(Committee(**options), split, seed)


def weights(learner):
    import torch

    return torch.tensor(learner._weights, requires_grad=True)


def network(learner, W, X):
    import torch

    h = torch.tensor(X) @ W.T
    return learner.alpha / len(W) * (h + learner.epsilon * h**2 / 2).sum(1)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"alpha": 0.25, "scale_learning_rate": True},
        {"alpha": 3.0, "width": 3, "learning_rate": 0.1},
        {"centred": True},
        {"weight_decay": 0.02},
        {"weight_decay": 0.02, "alpha": 0.25, "scale_learning_rate": True, "centred": True},
    ],
)
def test_the_reduction_is_the_full_network(options):
    split, options = polynomial(), {"width": 30, "learning_rate": 1.0} | options
    full, reduced = (begun(split, reduced=reduced, **options) for reduced in (False, True))
    for time in (0, 1, 10, 300):
        a, b = (at(learner, time).scores(split.X_test) for learner in (full, reduced))
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-6 * np.abs(a).max())
        for name, array in full.description().items():
            np.testing.assert_allclose(reduced.description()[name], array, rtol=0, atol=1e-6 * np.abs(array).max())
    assert np.abs(a - begun(split, **options).scores(split.X_test)).max() > 0.05  # it did move


@pytest.mark.parametrize(("alpha", "decay"), [(0.5, 0.0), (2.0, 0.0), (2.0, 0.7)])
def test_a_step_is_torchs_gradient_on_the_squares(alpha, decay):
    import torch

    split = polynomial()
    learner = begun(split, width=7, alpha=alpha, learning_rate=0.3, reduced=False, weight_decay=decay)
    W = weights(learner)
    loss = (network(learner, W, split.X_train) - torch.tensor(split.y_train)).square().mean()
    loss = loss + decay / (2 * 7) * W.square().sum()
    step = 7 * 0.3 * torch.autograd.grad(loss, W)[0]
    np.testing.assert_allclose(at(learner, 1)._weights, (W - step).detach().numpy(), atol=1e-13)


def test_the_kernel_is_that_of_the_weights_gradients():
    import torch

    split = polynomial()
    learner = at(begun(split, width=6, alpha=1.7, learning_rate=1.0, reduced=False), 5)
    W = weights(learner)
    np.testing.assert_allclose(learner.scores(split.X_test)[:, 0], network(learner, W, split.X_test).detach())
    rows = [torch.autograd.grad(f, W, retain_graph=True)[0].ravel() for f in network(learner, W, split.X_test)]
    J = torch.stack(rows).numpy()
    np.testing.assert_allclose(learner.kernel(split.X_test), J @ J.T, atol=1e-12)
    reduced = at(begun(split, width=6, alpha=1.7, learning_rate=1.0), 5)
    np.testing.assert_allclose(reduced.kernel(split.X_test), J @ J.T, atol=1e-9)


@pytest.mark.parametrize("decay", [0.0, 0.03])
def test_the_frozen_twin_is_descent_on_the_tangent_features(decay):
    """With a decay of the displacement, which pulls towards the start."""
    import torch

    split, alpha, eta = polynomial(), 1.5, 2.0
    learner = begun(split, width=9, alpha=alpha, learning_rate=eta, frozen=True, weight_decay=decay)
    W = weights(learner)
    J, J_test = (
        torch.stack([torch.autograd.grad(f, W, retain_graph=True)[0].ravel() for f in network(learner, W, X)]).numpy()
        for X in (split.X_train, split.X_test)
    )
    f0, f0_test = (network(learner, W, X).detach().numpy() for X in (split.X_train, split.X_test))
    delta = np.zeros(W.numel())
    for _ in range(60):
        delta -= 2 * 9 * eta * J.T @ (f0 + J @ delta - split.y_train) / len(f0) + eta * decay * delta
    np.testing.assert_allclose(at(learner, 60).scores(split.X_test)[:, 0], f0_test + J_test @ delta, atol=1e-10)
    assert (
        learner.kernel(split.X_test).tobytes()
        == begun(split, width=9, alpha=alpha, learning_rate=eta).kernel(split.X_test).tobytes()
    )


@pytest.mark.parametrize("decay", [0.0, 0.03])
def test_the_frozen_twin_at_infinite_time(decay):
    """Where the penalized squares are least, by least squares on the features; and the limit of large times."""
    split, options = polynomial(d=6, n=60), {"width": 9, "learning_rate": 2.0, "weight_decay": decay}
    learner = begun(split, frozen=True, **options)
    X, f0 = (np.vstack([split.X_train, split.X_test]), at(learner, 0).scores(np.vstack([split.X_train, split.X_test])))
    K, n = learner.kernel(X), len(split.y_train)
    ridge = n * decay / (2 * 9)  # mean of squares + decay / (2 N) |delta|^2
    inside = np.linalg.pinv(K[:n, :n] + ridge * np.eye(n), hermitian=True, rtol=1e-12)
    expected = f0[:, 0] + K[:, :n] @ inside @ (split.y_train - f0[:n, 0])
    scores = at(learner, np.inf).scores(X)
    np.testing.assert_allclose(scores[:, 0], expected, atol=1e-7)
    np.testing.assert_allclose(at(begun(split, frozen=True, **options), 10**7).scores(X), scores, atol=1e-7)


def test_decay_shrinks_what_descent_does_not_hold():
    """A learning rate of 0 is refused, but a zero target at epsilon 0 leaves directions that no example asks about."""
    split = polynomial(d=30, n=5)
    learner = at(begun(split, width=4, epsilon=0.0, weight_decay=0.1, learning_rate=0.5, reduced=False), 0)
    blind = np.linalg.svd(split.X_train)[2][5:]
    start = learner._weights @ blind.T
    np.testing.assert_allclose(at(learner, 20)._weights @ blind.T, 0.95**20 * start, atol=1e-12)


def test_a_large_output_scale_is_lazy():
    split, gaps = polynomial(), []
    for alpha in (0.3, 3.0, 30.0):
        options = {"alpha": alpha, "learning_rate": 0.5, "scale_learning_rate": True, "width": 200, "centred": True}
        free, frozen = (at(begun(split, frozen=frozen, **options), 200) for frozen in (False, True))
        gaps.append(np.abs(free.scores(split.X_test) - frozen.scores(split.X_test)).max())
    assert gaps[0] > 3 * gaps[1] > 9 * gaps[2]


def test_too_large_a_step_diverges_without_a_warning():
    split = polynomial()
    for options in ({}, {"frozen": True}, {"reduced": False}):
        learner = begun(split, learning_rate=1e4, width=10, **options)
        assert not np.isfinite(at(learner, 400).scores(split.X_test)).all()


@pytest.mark.parametrize("options", [{"frozen": True}, {"reduced": False}])
def test_the_other_forms_keep_every_law(options):
    from grokbench.learners.laws import check_learner

    laws = check_learner(lambda: Committee(width=20, **options), polynomial())
    assert {law.name for law in laws if law.status != "passed"} == {"relabelling"}  # a regression has no classes


def test_options_are_checked_and_classes_are_refused():
    for name, value in (("width", 0), ("alpha", 0.0), ("learning_rate", -1.0), ("weight_decay", -0.1)):
        with pytest.raises(OptionError, match=name):
            build(Committee, {name: value})
    bits = tasks.create("parity", n_bits=8, k=2, n_train=8, n_test=8).split(0)
    assert "real output" in Committee().cannot_read(bits)
    assert Committee().cannot_read(polynomial()) is None
