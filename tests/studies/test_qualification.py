"""The qualification of measures, in its short form: the planted predictors are what they should be, and it can fail."""

import numpy as np
import pytest
import qualification as q

from grokbench.threads import one_thread


@pytest.mark.parametrize("family", q.FAMILIES, ids=lambda family: family.name)
def test_planted_predictors_generalize_and_memorizers_fit(family):
    with one_thread():
        planted = family.planted(family.split(1), 1)
        memorizer = family.memorizer(family.split(1, labels="shuffled", label_noise=0.5), 1)
    assert q.fitted(planted)
    assert q.fitted(memorizer)
    assert (planted.test_scores.argmax(axis=1) == planted.split.y_test).mean() > 0.95
    assert (memorizer.test_scores.argmax(axis=1) == memorizer.split.y_test).mean() < 0.6


def test_a_network_of_waves_is_the_sum_of_its_waves():
    split = q.FAMILIES[0].split(2)
    scores = q.network_of_waves(split, np.random.default_rng(0), frequencies=3).scores(split.X_train)
    p, left = split.n_classes, (split.X_train.sum(axis=1)[:, None] - np.arange(split.n_classes)) % split.n_classes
    waves = np.cos(2 * np.pi * np.arange(1, (p + 1) // 2)[:, None, None] * left / p)  # (frequencies, n, C)
    flat = waves.reshape(len(waves), -1)
    coefficients = np.linalg.lstsq(flat.T, scores.ravel(), rcond=None)[0]
    assert np.sum(np.abs(coefficients) > 1e-3) == 3
    np.testing.assert_allclose(coefficients @ flat, scores.ravel(), atol=1e-3)


def test_the_table_of_one_family():
    """The rank of the kernel qualifies on the Gaussian process; its norm does not: a simple predictor has a larger."""
    table = q.table(6, [family for family in q.FAMILIES if family.name == "gp"]).set_index("measure")
    assert table.loc["label_fit_rank", ["Q1", "Q2", "Q3", "Q4", "qualified"]].all()
    assert not table.loc["norm", "Q2"]
    assert not table.loc["norm", "qualified"]
