"""Running sums over trees against scikit-learn, which asks every tree anew."""

import numpy as np
import pytest

import grokbench

OPTIONS = {
    "forest": [{}, {"max_depth": 2, "bootstrap": False}],
    "extra_trees": [{"min_samples_leaf": 2}],
    "gradient_boosting": [{"max_features": 0.5}, {"subsample": 0.7, "learning_rate": 0.3}],
}


@pytest.mark.parametrize("n_classes", [0, 2, 5])
@pytest.mark.parametrize(("name", "options"), [(name, one) for name, several in OPTIONS.items() for one in several])
def test_sums_are_the_answers_of_the_estimator(name, options, n_classes):
    rng = np.random.default_rng(n_classes)
    X, X_test, others = (rng.normal(size=(n, 3)) for n in (40, 25, 25))
    y = rng.integers(n_classes, size=40) if n_classes else rng.normal(size=40)
    learner = grokbench.learner(name, **options)
    learner.begin(X, y, n_classes, None, np.random.default_rng(1))
    clock = learner._clocked
    method = learner.method if n_classes else "predict"
    for time in (1, 2, 3, 7, 20):
        learner.advance(time)
        for inputs in (X, X_test, X) if time != 3 else (others, X_test):  # some fall behind and are made up for
            expected = np.asarray(getattr(clock.model, method)(inputs))
            # the same additions in the same order; a compiler may fuse a product with a sum
            np.testing.assert_allclose(
                clock.output(method, inputs).reshape(expected.shape), expected, rtol=1e-13, atol=1e-15
            )


def test_an_answer_is_nobody_elses():
    learner = grokbench.learner("gradient_boosting")
    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    learner.begin(X, y, 2, None, np.random.default_rng(0))
    learner.advance(3)
    before = learner.scores(X)
    learner._clocked.output("decision_function", X)[:] = 7.0
    np.testing.assert_array_equal(learner.scores(X), before)
