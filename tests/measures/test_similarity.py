"""Measures of the kernel: closed forms, brute force, known biases, invariances."""

import math

import numpy as np
import pytest
from support_learners import Given

from grokbench.curves.checkpoint import Checkpoint
from grokbench.measures import probe, similarity
from grokbench.registry import measures
from grokbench.tasks.base import Split


def labelled(n=120, m=90, n_classes=3, seed=0, noise=0.0):
    """The class stands in the first column, beside noise."""
    rng = np.random.default_rng(seed)
    y = np.arange(n + m) % n_classes
    X = np.column_stack([y, rng.normal(size=(n + m, 4))])
    return Split(X[:n], y[:n], X[n:], y[n:], n_classes)


def by_label(n_classes):
    return lambda X: (lambda Y: Y @ Y.T)(probe.targets(X[:, 0].astype(int), n_classes))


def row(name, split, kernel, time=0.0):
    scores = [np.zeros((len(X), max(split.n_classes, 1))) for X in (split.X_train, split.X_test)]
    return measures[name]().row(Checkpoint(Given(kernel), split, time, *scores))


# ------------------------------------------------- after-kernel


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_a_kernel_of_the_labels_generalizes(n_classes):
    measured = row("after_kernel", labelled(n_classes=n_classes), by_label(n_classes))
    assert [measured["after_kernel"], measured["after_kernel_ridge"]] == [1.0, 1.0]
    assert math.isnan(measured["after_kernel_skill"])  # which regressions have
    assert math.isnan(measured["after_kernel_ridge_skill"])


def test_a_kernel_of_noise_does_not():
    measured = row("after_kernel", labelled(n=300, m=300), lambda X: X[:, 1:] @ X[:, 1:].T)
    assert abs(measured["after_kernel"]) < 4 * math.sqrt(2 / 9 / 300) / (2 / 3)  # four deviations of a guess of three


def test_after_kernel_is_kernel_ridge_regression():
    from sklearn.kernel_ridge import KernelRidge

    rng = np.random.default_rng(0)
    X, Z = rng.normal(size=(50, 4)), rng.normal(size=(20, 4))
    Y = probe.targets(rng.integers(3, size=50), 3)
    K, cross = np.exp(X @ X.T / 3), np.exp(Z @ X.T / 3)
    for ridge in similarity.RIDGES:
        mine = similarity.ridge_predictions(probe.KernelBlocks(K, cross), Y, ridge)
        oracle = KernelRidge(alpha=ridge * np.trace(K) / 50, kernel="precomputed").fit(K, Y).predict(cross)
        np.testing.assert_allclose(mine, oracle, rtol=1e-6, atol=1e-8)  # condition number 1e6


def test_a_kernel_that_is_not_positive_has_no_after_kernel():
    measured = row("after_kernel", labelled(), lambda X: X @ np.diag([1.0, 1, 1, 1, -5]) @ X.T)
    assert math.isnan(measured["after_kernel"])


def test_a_regression_is_judged_by_its_tolerance():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X @ [1.0, -2.0, 0.5] + 3.0
    split = Split(X[:100], y[:100], X[100:], y[100:], 0, tolerance=1e-2)
    assert row("after_kernel", split, lambda X: X @ X.T + 1)["after_kernel"] == pytest.approx(1, abs=0.02)
    assert row("after_kernel", split, lambda X: np.eye(len(X)))["after_kernel"] < 0.1


def regression(n=120, m=100, tolerance=0.05):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n + m, 3))
    y = (X @ [1.0, -2.0, 0.5]) ** 2 + 7.0
    return Split(X[:n], y[:n], X[n:], y[n:], 0, tolerance=tolerance)


def squares(X):
    """A kernel whose functions are the quadratic forms, without a constant."""
    return (X @ X.T) ** 2


@pytest.mark.parametrize("column", ["after_kernel", "after_kernel_ridge"])
def test_a_regression_learns_an_intercept(column):
    """Against scikit-learn with a constant kernel added, and the bordered system of the same mean."""
    from sklearn.kernel_ridge import KernelRidge

    split = regression()
    n, y, z = len(split.y_train), split.y_train, split.y_test
    K, cross = squares(split.X_train), (split.X_test @ split.X_train.T) ** 2
    constant = np.trace(K) / n
    ridge = {"after_kernel": 1e-6, "after_kernel_ridge": 1e-3}[column] * 2 * constant  # of the mean eigenvalue
    oracle = KernelRidge(alpha=ridge, kernel="precomputed").fit(K + constant, y - y.mean())
    F = oracle.predict(cross + constant) + y.mean()
    # dual coefficients a and the constant feature's weight w: K a + ridge a + w = y, constant sum(a) = w
    bordered = np.block([[K + ridge * np.eye(n), np.ones((n, 1))], [np.ones((1, n)), np.full((1, 1), -1 / constant)]])
    solution = np.linalg.solve(bordered, np.append(y - y.mean(), 0.0))
    np.testing.assert_allclose(cross @ solution[:n] + solution[n] + y.mean(), F, rtol=1e-5)
    measured, c = row("after_kernel", split, squares), split.chance
    assert measured[column] == pytest.approx((np.mean((F - z) ** 2 < 0.05) - c) / (1 - c))
    halves, error = (slice(0, None, 2), slice(1, None, 2)), 0.0
    for chosen, scored in (halves, halves[::-1]):
        factor = F[chosen] @ z[chosen] / (F[chosen] @ F[chosen])
        error += ((factor * F[scored] - z[scored]) ** 2).sum()
    assert measured[f"{column}_skill"] == pytest.approx(1 - error / len(z) / z.var(), abs=1e-5)


def test_without_the_intercept_a_quadratic_form_is_not_learned():
    """The labels less their mean are no quadratic form: what was measured before there was a constant."""
    split = regression()
    blocks = probe.KernelBlocks(squares(split.X_train), (split.X_test @ split.X_train.T) ** 2)
    y = split.y_train
    bare = similarity.ridge_predictions(blocks, probe.targets(y, 0), 1e-6)[:, 0] + y.mean()
    assert np.mean((bare - split.y_test) ** 2 < 0.05) < 0.2
    measured = row("after_kernel", split, squares)
    assert measured["after_kernel"] == pytest.approx(1, abs=0.02)
    assert measured["after_kernel_skill"] == pytest.approx(1, abs=1e-4)


def test_a_committee_that_generalizes_has_the_features():
    import grokbench

    split = grokbench.task("single_index", n_features=20, n_train=120, n_test=200, tolerance=0.5).split(0)
    learner = grokbench.learner("committee", alpha=0.2, learning_rate=2.5, scale_learning_rate=True, centred=True)
    end = grokbench.trace(learner, split, 3000, points_per_decade=2, measures=["after_kernel"]).iloc[-1]
    assert (end["test_accuracy"] - split.chance) / (1 - split.chance) > 0.95
    assert end["after_kernel"] > 0.95
    assert end["after_kernel_skill"] > 0.95


def test_other_kernels_of_a_regression_are_judged_alike():
    split = regression()
    learner, scores = Given(squares), [np.zeros((len(X), 1)) for X in (split.X_train, split.X_test)]
    learner.other_kernels = lambda X: {"last_layer": squares(X)}
    at = Checkpoint(learner, split, 0.0, *scores)
    measured, main = measures["after_kernel_other"]().row(at), measures["after_kernel"]().row(at)
    assert measured["after_kernel_last_layer"] == main["after_kernel"]
    assert measured["after_kernel_last_layer_skill"] == main["after_kernel_skill"]
    assert math.isnan(measured["after_kernel_recent"])
    assert math.isnan(measured["after_kernel_recent_skill"])


def test_after_kernel_uses_held_out_labels_only_to_judge():
    """The predictions of R are the same whatever the held-out labels are."""
    split = labelled()
    at = Checkpoint(Given(by_label(3)), split, 0.0, *[np.zeros((len(X), 3)) for X in (split.X_train, split.X_test)])
    other = Split(split.X_train, split.y_train, split.X_test, np.roll(split.y_test, 1), 3)
    there = Checkpoint(Given(by_label(3)), other, 0.0, at.train_scores, at.test_scores)
    np.testing.assert_array_equal(at.once(probe.spectrum).values, there.once(probe.spectrum).values)
    assert measures["after_kernel"]().row(there)["after_kernel"] < 0


def test_other_kernels_are_asked_by_name():
    split = labelled()
    learner = Given(lambda X: None)
    scores = [np.zeros((len(X), 3)) for X in (split.X_train, split.X_test)]
    learner.other_kernels = lambda X: {"recent": by_label(3)(X), "unheard": X @ X.T}
    measured = measures["after_kernel_other"]().row(Checkpoint(learner, split, 0.0, *scores))
    assert measured["after_kernel_recent"] == 1
    assert math.isnan(measured["after_kernel_last_layer"])


def test_the_last_layer_is_what_a_new_read_out_learns_from():
    """R of the last features against ridge regression on them, for a network whose features are read here."""
    import grokbench

    split = grokbench.task("modular", modulus=7, train_fraction=0.6).split(0)
    learner = grokbench.learner("mlp", hidden=[12], activation="tanh", dtype="float64")
    learner.begin(split.X_train, split.y_train, 7, split.alphabet, np.random.default_rng(0))
    learner.advance(30)
    W = learner.description()["W1"]
    one_hot = [np.hstack([np.eye(7)[X[:, 0]], np.eye(7)[X[:, 1]]]) for X in (split.X_train, split.X_test)]
    h, z = (np.tanh(X @ W) for X in one_hot)
    Y = probe.targets(split.y_train, 7)
    ridge = 1e-6 * (h**2).sum() / len(h)
    F = z @ np.linalg.solve(h.T @ h + ridge * np.eye(12), h.T @ Y)
    chance = split.chance
    expected = ((F.argmax(1) == split.y_test).mean() - chance) / (1 - chance)
    at = Checkpoint(learner, split, 30.0, learner.scores(split.X_train), learner.scores(split.X_test))
    assert measures["after_kernel_other"]().row(at)["after_kernel_last_layer"] == pytest.approx(expected, abs=1e-9)


# ------------------------------------------------- movement


@pytest.mark.parametrize(("n", "biased"), [(64, 0.94), (128, 0.89), (256, 0.80), (512, 0.66)])
def test_unrelated_features_have_no_cka(n, biased):
    rng = np.random.default_rng(n)
    K, L = ((lambda F: F @ F.T)(rng.normal(size=(n, 1000))) for _ in range(2))
    assert similarity.unbiased_cka(K, L) == pytest.approx(0, abs=0.03)  # .00 +- .02 where it was measured before
    H = np.eye(n) - 1 / n
    Kc, Lc = H @ K @ H, H @ L @ H
    assert (Kc * Lc).sum() / np.linalg.norm(Kc) / np.linalg.norm(Lc) == pytest.approx(biased, abs=0.015)


def test_hsic_is_the_mean_over_distinct_quadruples():
    """Brute force over all ordered quadruples of different points (Song et al. 2012, theorem 2)."""
    from itertools import permutations

    rng = np.random.default_rng(0)
    K, L = ((lambda F: F @ F.T)(rng.normal(size=(7, 3))) for _ in range(2))
    total = [K[i, j] * L[i, j] + K[i, j] * L[q, r] - 2 * K[i, j] * L[i, q] for i, j, q, r in permutations(range(7), 4)]
    assert similarity._hsic(K, L) == pytest.approx(np.mean(total), rel=1e-12)


def test_cka_knows_no_scale_no_constant_and_no_rotation():
    rng = np.random.default_rng(0)
    F, G = rng.normal(size=(40, 5)), rng.normal(size=(40, 5))
    K, L = F @ F.T, (F + G) @ (F + G).T
    value = similarity.unbiased_cka(K, L)
    assert 0.2 < value < 0.9
    assert similarity.unbiased_cka(7 * K, L) == pytest.approx(value, rel=1e-9)
    assert similarity.unbiased_cka(K + 5, L) == pytest.approx(value, rel=1e-9)
    Q = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    assert similarity.unbiased_cka((F @ Q) @ (F @ Q).T, L) == pytest.approx(value, rel=1e-9)
    assert similarity.unbiased_cka(K, K) == pytest.approx(1, rel=1e-12)


def test_cka_of_a_diagonal_kernel_is_undefined():
    K = np.diag(np.arange(1.0, 11.0))
    assert math.isnan(similarity.unbiased_cka(K, np.ones((10, 10)) + K))


def test_movement_is_from_the_first_kernel():
    split, measure = labelled(), measures["movement"]()
    scores = [np.zeros((len(X), 3)) for X in (split.X_train, split.X_test)]
    kernels = [lambda X: X[:, 1:] @ X[:, 1:].T, by_label(3)]
    first, second = (measure.row(Checkpoint(Given(k), split, t, *scores))["movement"] for t, k in enumerate(kernels))
    assert first == pytest.approx(0, abs=1e-12)
    assert second == pytest.approx(1, abs=0.1)


def test_trees_are_referred_to_the_fifth():
    split, measure, moved = labelled(), measures["movement"](), {}
    scores = [np.zeros((len(X), 3)) for X in (split.X_train, split.X_test)]
    for time in (0.0, 1.0, 4.0, 5.0, 6.0):
        kernel = (lambda X: None) if time == 0 else (lambda X, t=time: X[:, 1:] @ X[:, 1:].T + t * by_label(3)(X))
        moved[time] = measure.row(Checkpoint(Given(kernel), split, time, *scores))["movement"]
    assert [math.isnan(moved[t]) for t in (0.0, 1.0, 4.0)] == [True] * 3
    assert moved[5.0] == pytest.approx(0, abs=1e-12)
    assert moved[6.0] > 1e-4


# ------------------------------------------------- alignment


def test_alignment_of_the_labels_is_one():
    measured = row("alignment", labelled(n=300, m=300), by_label(3))
    assert measured["alignment"] == pytest.approx(1, abs=1e-12)
    assert measured["alignment_z"] > 10  # a kernel of rank 2: the null is wider than 1/h


@pytest.mark.parametrize("h", [64, 128, 256])
@pytest.mark.parametrize("n_classes", [2, 31])
def test_the_null_of_alignment_is_one_over_the_number_of_points(h, n_classes):
    """.0155, .008, .004 at 64, 128, 256 points, for few and many classes; over independent features and labels."""
    values = []
    for seed in range(60):
        rng = np.random.default_rng([seed, h])
        F = rng.normal(size=(2 * h, 50))
        Y = probe.targets(rng.integers(n_classes, size=2 * h), n_classes)
        shuffles = np.array([rng.permutation(h) for _ in range(2)])
        values.append(similarity.alignment(F[:h] @ F[h:].T, Y[:h], Y[h:], shuffles)[0])
    assert np.mean(values) == pytest.approx(0, abs=4 / h / math.sqrt(60))
    assert np.std(values) == pytest.approx(1 / h, rel=0.35)  # 60 draws: 9 % each deviation


def test_alignment_by_its_definition():
    rng = np.random.default_rng(0)
    K, y1, y2 = rng.normal(size=(12, 9)), rng.integers(3, size=12), rng.integers(3, size=9)
    Y1, Y2 = np.eye(3)[y1], np.eye(3)[y2]
    C1, C2 = np.eye(12) - 1 / 12, np.eye(9) - 1 / 9
    Kc, T = C1 @ K @ C2, (C1 @ Y1) @ (C2 @ Y2).T
    shuffles = np.array([rng.permutation(9) for _ in range(50)])
    value, z = similarity.alignment(K, Y1, Y2, shuffles)
    assert value == pytest.approx((Kc * T).sum() / np.linalg.norm(Kc) / np.linalg.norm(T), rel=1e-12)
    null = [(Kc * ((C1 @ Y1) @ (C2 @ Y2)[s].T)).sum() / np.linalg.norm(Kc) / np.linalg.norm(T) for s in shuffles]
    assert z == pytest.approx(value / np.std(null), rel=1e-9)


# ------------------------------------------------- effective dimension


def test_effective_dimension_by_its_definition():
    rng = np.random.default_rng(0)
    F = rng.normal(size=(30, 8)) + 2
    K = F @ F.T
    values, vectors = np.linalg.eigh(K)
    spectrum = probe.Spectrum(np.maximum(values[::-1], 0), vectors[:, ::-1])
    H = np.eye(30) - 1 / 30
    Kc = H @ K @ H
    oracle = np.trace(Kc @ np.linalg.inv(Kc + 0.01 * np.trace(Kc) / 30 * np.eye(30))) / 30
    assert similarity.effective_dimension(spectrum, 0.01) == pytest.approx(oracle, rel=1e-9)
    assert oracle < 8 / 30


def test_effective_dimension_of_the_identity_and_of_a_constant():
    for kernel, expected in ((np.eye, 1 / (1.01 - 0.01 / 120) * 119 / 120), (lambda n: np.ones((n, n)), 0.0)):
        measured = row("effective_dimension", labelled(), lambda X, k=kernel: k(len(X)))["effective_dimension"]
        assert measured == pytest.approx(expected, rel=1e-9)


# ------------------------------------------------- invariances


@pytest.mark.parametrize("name", ["after_kernel", "label_fit_rank", "alignment", "effective_dimension"])
def test_names_of_classes_and_scale_of_the_kernel_do_not_matter(name):
    split = labelled(n=100, m=80, n_classes=5)
    kernel = lambda X: (lambda F: np.exp(F @ F.T / 4))(np.column_stack([0.3 * X[:, 0], X[:, 1:]]))  # noqa: E731
    # the same points, whatever the split's hash is
    renamed = Split(split.X_train, (3 * split.y_train) % 5, split.X_test, (3 * split.y_test) % 5, 5)
    vars(renamed)["hash"] = split.hash
    plain, relabelled, scaled = (
        row(name, s, k) for s, k in ((split, kernel), (renamed, kernel), (split, lambda X: 9 * kernel(X)))
    )
    for column, value in plain.items():
        assert relabelled[column] == pytest.approx(value, rel=1e-7, nan_ok=True)
        assert scaled[column] == pytest.approx(value, rel=1e-7, nan_ok=True)


@pytest.mark.slow
def test_which_points_were_drawn_hardly_matters():
    """The probe of another seed: the same movement up to what 256 points can tell."""
    import grokbench

    split = grokbench.task("modular", modulus=23, train_fraction=0.5).split(0)
    curves = []
    for hash_ in ("0", "1", "2"):
        again = Split(split.X_train, split.y_train, split.X_test, split.y_test, 23, split.alphabet)
        vars(again)["hash"] = hash_
        learner = grokbench.learner("mlp", activation="quadratic", hidden=[48], weight_decay=1.0)
        curves.append(
            grokbench.trace(learner, again, budget=60, points_per_decade=2, measures=["movement", "after_kernel"])
        )
    for curve in curves[1:]:
        np.testing.assert_allclose(curve["movement"], curves[0]["movement"], atol=0.02)
        assert curve["movement"].iloc[-1] != curves[0]["movement"].iloc[-1]
        np.testing.assert_array_equal(curve["after_kernel"], curves[0]["after_kernel"])  # all 265 points are in
