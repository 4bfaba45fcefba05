"""A layer of squares under any optimizer: against the learner `mlp`, and Muon's step against its definition."""

import numpy as np
import pytest
import torch
from support_learners import start
from support_splits import modular

import grokbench
from grokbench.learners.laws import check_learner

MUON = {"optimizer": "Muon", "learning_rate": 0.02, "weight_decay": 0.1}


def begun(seed=0, **options):
    learner = grokbench.learner("any_optimizer", **{"width": 12, "dtype": "float64", **options})
    return start(learner, modular(), seed)


def weights(learner):
    return [array.T for array in learner.description().values()]  # torch keeps them as (outputs, inputs)


def test_it_is_the_network_of_squares():
    """The scores are those of (x W_1)^2 W_2 on one-hot pairs."""
    split, learner = modular(), begun()
    first, second = weights(learner)
    X = grokbench.learners.encodings.encode(split.X_test, split.alphabet)
    np.testing.assert_allclose(learner.scores(split.X_test), (X @ first) ** 2 @ second, rtol=1e-12, atol=1e-14)


def test_initial_weights_have_the_deviations_of_mlp():
    """Five standard errors of a deviation of Gaussian numbers."""
    first, second = weights(begun(width=600, init_scale=0.5))
    for array, expected in ((first, 0.5 / 2**0.5), (second, 0.5 / 600**0.5)):
        assert array.std() == pytest.approx(expected, rel=5 / (2 * array.size) ** 0.5)


def test_adamw_takes_the_steps_of_mlp():
    """From the same weights both losses fall alike: mlp's gradient and update, by its own code."""
    arguments = {"betas": [0.9, 0.98]}
    split, options = modular(), {"learning_rate": 0.01, "weight_decay": 1.0, "dtype": "float64"}
    learner = begun(optimizer="AdamW", optimizer_arguments=arguments, learning_rate=0.01, weight_decay=1.0)
    mlp = grokbench.learner("mlp", activation="quadratic", hidden=[12], **options)
    start(mlp, split)
    with torch.no_grad():
        for tensor, array in zip(mlp._trained, weights(learner), strict=True):
            tensor.copy_(torch.tensor(array))
    for one in (learner, mlp):
        one.advance(12)
    np.testing.assert_allclose(learner.scores(split.X_test), mlp.scores(split.X_test), rtol=1e-9, atol=1e-11)


def test_a_step_of_muon_is_nearly_orthogonal():
    """Without decay the first step has singular values of about the learning rate (Newton and Schulz: .7 to 1.2).

    A gradient has as many as it has directions: the smallest, of rounding or nearly so, stay small.
    """
    learner = begun(**{**MUON, "weight_decay": 0.0}, optimizer_arguments={"nesterov": False})
    before = weights(learner)
    learner.advance(1)
    for old, new in zip(before, weights(learner), strict=True):
        values = np.linalg.svd((new - old) / 0.02, compute_uv=False)
        long_side = max(1.0, new.shape[1] / new.shape[0]) ** 0.5  # torch scales a step with the shape of the matrix
        kept = values[values > 0.2 * values[0]]
        assert len(kept) >= len(values) - 3
        assert ((kept > 0.6 * long_side) & (kept < 1.3 * long_side)).all()


def test_the_laws_hold_under_muon():
    laws = check_learner(lambda: grokbench.learner("any_optimizer", width=12, **MUON), modular())
    assert not [law for law in laws if law.status == "failed"]
