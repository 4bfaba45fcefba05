"""Width as a clock: every size is the learner `mlp`, trained for the same number of steps."""

import numpy as np
import pytest

import grokbench
from grokbench.errors import OptionError


@pytest.mark.parametrize(
    "options",
    [{"activation": "quadratic", "weight_decay": 1.0}, {"depth": 2, "bias": True, "loss": "mse", "batch_size": 8}],
    ids=str,
)
def test_every_width_is_an_mlp_of_its_own(options):
    split = grokbench.task("modular", modulus=5, train_fraction=0.6).split(0)
    learner = grokbench.learner("mlp_width", steps=30, **options)
    learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, np.random.default_rng(3))
    assert (learner.scores(split.X_test) == 0).all()
    assert learner.kernel(split.X_test) is None
    seed = int(np.random.default_rng(3).integers(2**63))
    same = {name: value for name, value in options.items() if name != "depth"}
    for width in (1, 4, 9):
        learner.advance(width)
        direct = grokbench.learner("mlp", hidden=[width] * options.get("depth", 1), **same)
        rng = np.random.default_rng([seed, width])
        direct.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, rng)
        direct.advance(30)
        np.testing.assert_array_equal(learner.scores(split.X_test), direct.scores(split.X_test))
        np.testing.assert_array_equal(learner.kernel(split.X_test), direct.kernel(split.X_test))
        assert learner.description()["W1"].shape == (10, width)


def test_its_options_mean_what_they_mean_for_mlp():
    """The same defaults and types, where the two share an option; what is left out is not the width's business."""
    from grokbench.options import options
    from grokbench.registry import learners

    mlp, width = options(learners["mlp"]), options(learners["mlp_width"])
    shared = set(mlp) & set(width)
    assert {(name, mlp[name].default, str(mlp[name].annotation)) for name in shared} == {
        (name, width[name].default, str(width[name].annotation)) for name in shared
    }
    assert set(width) - set(mlp) == {"steps", "depth"}


@pytest.mark.parametrize(
    "options", [{"steps": 0}, {"depth": 0}, {"learning_rate": 0.0}, {"weight_decay": -1.0}, {"beta2": 1.0}], ids=str
)
def test_impossible_options(options):
    with pytest.raises(OptionError) as error:
        grokbench.learner("mlp_width", **options)
    assert error.value.option in options
