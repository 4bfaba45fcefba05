"""The recursive feature machine against autograd Jacobians, scikit-learn, and the published curve."""

import importlib.util
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from sklearn.kernel_ridge import KernelRidge
from support_learners import at
from support_splits import addition
from support_splits import real_data as noise

from grokbench.errors import OptionError
from grokbench.learners.encodings import encode
from grokbench.learners.kernels import rfm
from grokbench.learners.kernels.rfm import RecursiveFeatureMachine, gram_power, psd_power, solve_psd
from grokbench.options import build, options

KINDS = ["gaussian", "laplace", "quadratic"]
real_data = partial(noise, n=40, d=5)


def small_addition(modulus=31, fraction=0.6):
    return addition(modulus, int(fraction * modulus**2))


def begun(X, y, n_classes=3, alphabet=None, **options):
    learner = RecursiveFeatureMachine(**options)
    learner.begin(X, y, n_classes, alphabet, np.random.default_rng(0))
    return learner


def accuracy(learner, X, y):
    return (learner.scores(X).argmax(axis=1) == y).mean()


def clear_agop(X, M, dual, kind, bandwidth, centred):
    """The definition: Jacobian of f at every training input by automatic differentiation, then the mean of G^T G."""
    import torch

    X, M, dual = (torch.from_numpy(np.ascontiguousarray(a)) for a in (X, M, dual))

    def f(x, x_i):
        difference = x - X
        distance2 = ((difference @ M) * difference).sum(dim=1)
        if kind == "gaussian":
            return torch.exp(-distance2 / (2 * bandwidth**2)) @ dual
        if kind == "laplace":  # at x = x_j the kernel has a kink, whose slope is 0 by convention
            others = (x_i != X).any(dim=1)
            return torch.exp(-distance2[others].sqrt() / bandwidth) @ dual[others]
        return (X @ M @ x) ** 2 @ dual

    G = torch.stack([torch.autograd.functional.jacobian(lambda x, at=row: f(x, at), row) for row in X])
    if centred:
        G = G - G.mean(dim=0)
    return (torch.einsum("icx,icy->xy", G, G) / len(X)).numpy()


def transcription():
    """`benchmarks/speed/rfm_equations.py`, which is no module of the package."""
    path = Path(__file__).parents[3] / "benchmarks" / "speed" / "rfm_equations.py"
    spec = importlib.util.spec_from_file_location("rfm_equations", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.equations


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 0.02)])
@pytest.mark.parametrize("ridge", [0.0, 1e-3])
def test_every_iteration_is_that_of_the_papers_equations(ridge, dtype, tolerance):
    """To the condition of K, some 1e4 here, times rounding; in single precision the accuracy is the same to an example.

    15 iterations, in which accuracy rises from 0 to above .9.
    """
    p = 17
    X, y, X_test, y_test = small_addition(p, 0.7)
    learner = begun(X, y, p, (p, p), ridge=ridge, dtype=dtype)
    inputs, held_out = (encode(tokens, (p, p)) for tokens in (X, X_test))
    expected = transcription()(inputs, np.eye(p)[y], held_out, 2.5, ridge, 15)
    accuracies = []
    for time, scores in enumerate(expected, start=1):
        answers = at(learner, time).scores(X_test)
        np.testing.assert_allclose(answers, scores, atol=tolerance * np.abs(scores).max())
        hits = [(s.argmax(axis=1) == y_test).sum() for s in (answers, scores)]
        assert abs(hits[0] - hits[1]) <= (1 if dtype == "float32" else 0)
        accuracies.append(hits[0] / len(y_test))
    assert accuracies[0] == 0
    assert ridge or accuracies[-1] > 0.9  # unscaled, M shrinks until a ridge dominates


@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_is_double_precision_to_its_digits(kind):
    """With a ridge, so that the condition of K is some 1e3; faces and description are in double precision always."""
    X, y = real_data()[:2]
    single, double = (at(begun(X, y, kernel_=kind, ridge=0.1, dtype=dtype), 3) for dtype in ("float32", "float64"))
    for mine, theirs in zip(faces(single, X[:7]), faces(double, X[:7]), strict=True):
        assert mine.dtype == np.float64
        np.testing.assert_allclose(mine, theirs, atol=1e-3 * np.abs(theirs).max())


def faces(learner, X):
    other = X + 0.1
    description = learner.description().values()
    return [learner.scores(other), learner.kernel(X), learner.cross_kernel(X, other), *description]


DATA = {
    "mixed": lambda rng: (rng.standard_normal((40, 6)) * (rng.random((40, 6)) < [1, 1, 0.5, 0.5, 0, 1]), None, 3),
    "dense": lambda rng: (rng.standard_normal((40, 5)), None, 3),
    "one-hot": lambda rng: (np.stack(np.divmod(rng.permutation(49)[:30], 7), axis=1), (7, 7), 7),
    "sign": lambda rng: (rng.integers(2, size=(60, 8)), (2,) * 8, 2),  # with repeated inputs
}


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("kind", KINDS)
def test_the_update_is_the_average_gradient_outer_product(kind, data, centred, monkeypatch):
    """agop_power 1, from the metric of time 2 (not I); a ridge, so that K and its condition are out of the picture."""
    X, alphabet, n_classes = DATA[data](np.random.default_rng(3))
    y = np.random.default_rng(4).integers(n_classes, size=len(X))
    recipe = {"agop_power": 1.0, "scaling": "trace", "ridge": 0.1, "bandwidth": 1.9}
    learner = begun(X, y, n_classes, alphabet, kernel_=kind, centred=centred, **recipe)
    # two classes at a time where no input is 0, and less than all examples
    monkeypatch.setattr(rfm, "WORKSPACE", 2 * learner._inputs.size)
    state = at(learner, 2).description()
    expected = clear_agop(learner._inputs, state["M"], state["dual_coefficients"], kind, 1.9, centred)
    expected *= len(expected) / np.trace(expected)
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(at(learner, 3).description()["M"], expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_centring_matters_here():
    a, b = (at(begun(*real_data()[:2], centred=c), 2).description()["M"] for c in (True, False))
    assert np.abs(a - b).max() > 1e-3 * np.abs(b).max()


def test_power_and_share():
    X, y, _ = real_data()
    full = at(begun(X, y, agop_power=1.0), 2).description()["M"]
    np.testing.assert_allclose(at(begun(X, y), 2).description()["M"], sqrtm(full).real, rtol=1e-8)
    part = at(begun(X, y, agop_share=0.3), 2).description()["M"]
    np.testing.assert_allclose(part, 0.7 * np.eye(5) + 0.3 * sqrtm(full).real, rtol=1e-8)


def test_psd_power():
    A = np.cov(np.random.default_rng(0).standard_normal((6, 30)))
    np.testing.assert_allclose(psd_power(A, 0.5), sqrtm(A), atol=1e-12)
    np.testing.assert_allclose(psd_power(A, 1.0), A, atol=1e-14)
    assert (psd_power(A, 0.5) == psd_power(A, 0.5).T).all()
    flat = np.outer(np.arange(4.0), np.arange(4.0)) - 1e-17 * np.eye(4)  # rank 1 up to rounding, of either sign
    np.testing.assert_allclose(psd_power(flat, 0.5), flat / np.sqrt(14), atol=1e-15)
    assert (psd_power(np.zeros((3, 3)), 0.5) == 0).all()
    assert np.isnan(psd_power(np.full((2, 2), np.inf), 0.5)).all()


def test_gram_power_keeps_singular_values_that_the_product_would_lose():
    U, _, V = np.linalg.svd(np.random.default_rng(0).standard_normal((4, 4)))
    S = np.array([1, 1e-4, 1e-9, 1e-12])
    np.testing.assert_allclose(gram_power(U * S @ V, 0.5), U * S @ U.T, rtol=0, atol=1e-15)
    np.testing.assert_allclose(gram_power(U * S @ V, 1.0), U * S**2 @ U.T, rtol=0, atol=1e-15)
    assert np.isnan(gram_power(np.full((2, 2), np.inf), 0.5)).all()


@pytest.mark.parametrize(("scaling", "size"), [("max-diagonal", np.max), ("trace", np.mean)])
def test_scaling(scaling, size):
    X, y, _ = real_data()
    learner = begun(X, y, scaling=scaling, ridge=1e-3)
    for time in (1, 2, 5):
        assert size(at(learner, time).description()["M"].diagonal()) == pytest.approx(1, rel=1e-12)
    assert abs(size(at(begun(X, y, ridge=1e-3), 5).description()["M"].diagonal()) - 1) > 0.05


@pytest.mark.parametrize("ridge", [0.0, 1e-3])
@pytest.mark.parametrize("kind", KINDS)
def test_the_first_iteration_is_kernel_ridge_regression(kind, ridge):
    X, y, Z, _ = small_addition(modulus=11)
    oracle = KernelRidge(alpha=ridge, kernel="poly", degree=2, gamma=1, coef0=0)
    if kind == "gaussian":
        oracle = KernelRidge(alpha=ridge, kernel="rbf", gamma=1 / (2 * 2.5**2))
    if kind == "laplace":  # scikit-learn's own takes the L1 distance
        oracle = KernelRidge(alpha=ridge, kernel=lambda a, b: np.exp(-np.linalg.norm(a - b) / 2.5))
    code = lambda X: np.eye(22)[X + np.array([0, 11])].sum(axis=1)  # noqa: E731
    learner = at(begun(X, y, 11, (11, 11), kernel_=kind, ridge=ridge), 1)
    expected = oracle.fit(code(X), np.eye(11)[y]).predict(code(Z))
    np.testing.assert_allclose(learner.scores(Z), expected, atol=1e-9)
    np.testing.assert_allclose(learner.scores(X), oracle.predict(code(X)), atol=1e-9)


def test_solve_psd():
    rng = np.random.default_rng(0)
    B, Y = rng.standard_normal((12, 9)), rng.standard_normal((12, 2))
    regular, singular = B @ B.T + np.eye(12), B @ B.T
    np.testing.assert_allclose(solve_psd(regular, 0.5, Y), np.linalg.solve(regular + 0.5 * np.eye(12), Y), atol=1e-12)
    singular.flags.writeable = False
    np.testing.assert_allclose(solve_psd(singular, 0.0, Y), np.linalg.pinv(singular, hermitian=True) @ Y, atol=1e-10)
    assert np.isnan(solve_psd(np.full((3, 3), np.nan), 0.0, Y[:3])).all()


def test_contradictory_examples_get_the_mean_label():
    X, y, _ = real_data(n=15)
    learner = at(begun(np.vstack([X, X]), np.concatenate([y, (y + 1) % 3])), 1)
    mean = (np.eye(3)[y] + np.eye(3)[(y + 1) % 3]) / 2
    np.testing.assert_allclose(learner.scores(X), mean, atol=1e-7)


def test_predictions_follow_from_the_description():
    """From M, the dual coefficients and the training inputs alone, by another library's Mahalanobis distance."""
    X, y, Z = real_data()
    for time in (1, 4):
        learner = at(begun(X, y), time)
        M, dual = (learner.description()[name] for name in ("M", "dual_coefficients"))
        assert (M == M.T).all()
        assert np.linalg.eigvalsh(M)[0] >= -1e-12
        K = lambda A: np.exp(-(cdist(A, X, "mahalanobis", VI=M) ** 2) / (2 * 2.5**2))  # noqa: B023, E731
        size = np.abs(dual).max()
        np.testing.assert_allclose(learner.scores(Z), K(Z) @ dual, rtol=1e-9, atol=1e-13 * size * len(X))
        np.testing.assert_allclose(learner.scores(X), K(X) @ dual, rtol=1e-9, atol=1e-13 * size * len(X))
        np.testing.assert_allclose(learner.kernel(X), K(X), rtol=1e-10)


def test_the_kernel_is_that_of_the_current_solve():
    X, y, Z = real_data()
    learner = begun(X, y)
    first = learner.kernel(Z)
    assert (at(learner, 1).kernel(Z) == first).all()  # time 1 still has M = I
    second = at(learner, 2).kernel(Z)
    assert not np.allclose(second, first)
    assert (second == second.T).all()


@pytest.mark.slow
def test_the_published_curve_of_modular_addition():
    """p 61, x + y (2407.20199): the first 61^2 // 2 of the row-major pairs in the order of torch.manual_seed(0)."""
    import torch

    order = torch.randperm(61**2, generator=torch.Generator().manual_seed(0)).numpy()
    X, y, Z, target = addition(61, 61**2 // 2, order=order)
    learner = begun(X, y, 61, (61, 61))
    published = {10: 0.002, 12: 0.429, 14: 0.865, 16: 0.974, 18: 0.996, 22: 1.0}
    for iteration in range(23):  # the first solve is iteration 0 there, time 1 here
        learner.advance(iteration + 1)
        assert accuracy(learner, X, y) == 1
        assert iteration > 8 or accuracy(learner, Z, target) == 0
        if iteration in published:
            assert accuracy(learner, Z, target) == pytest.approx(published[iteration], abs=0.005)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gaussian", "quadratic"])
def test_it_generalizes_late_and_only_with_features_and_a_rule(kind):
    X, y, Z, target = small_addition()
    learner = at(begun(X, y, 31, (31, 31), kernel_=kind), 1)
    assert accuracy(learner, X, y) == 1
    assert accuracy(learner, Z, target) < 1 / 31
    assert accuracy(at(learner, 30), Z, target) > 0.95
    frozen = at(begun(X, y, 31, (31, 31), kernel_=kind, frozen=True), 30)
    assert accuracy(frozen, X, y) == 1
    assert accuracy(frozen, Z, target) < 1 / 31
    assert (frozen.description()["M"] == np.eye(62)).all()
    shuffle = np.random.default_rng(1).permutation
    random = at(begun(X, shuffle(y), 31, (31, 31), kernel_=kind), 30)
    assert accuracy(random, Z, shuffle(target)) < 0.1


@pytest.mark.slow
def test_a_ridge_needs_a_metric_that_keeps_its_size():
    """Unscaled, M shrinks until the ridge is all there is; at a trace of 2p a small ridge leaves the transition."""
    X, y, Z, target = small_addition()
    shrunk = at(begun(X, y, 31, (31, 31), ridge=0.1), 10)
    assert shrunk.description()["M"].trace() < 1e-12 * 62
    assert accuracy(shrunk, X, y) < 0.1
    for ridge in (1e-4, 1e-3):
        learner = begun(X, y, 31, (31, 31), ridge=ridge, scaling="trace")
        assert accuracy(at(learner, 6), Z, target) < 0.1
        assert accuracy(at(learner, 30), Z, target) > 0.95
        assert accuracy(learner, X, y) == 1


@pytest.mark.slow
def test_damped_features_come_later_by_as_much():
    """Time to half of the held-out accuracy is about proportional to 1 / share."""
    X, y, Z, target = small_addition()
    halves = []
    for share in (1.0, 0.25):
        learner = begun(X, y, 31, (31, 31), agop_share=share)
        halves.append(next(t for t in range(1, 100) if accuracy(at(learner, t), Z, target) > 0.5))
    assert 2.5 < halves[1] / halves[0] < 4.5


def test_frozen_reaches_infinite_time():
    X, y, Z, _ = small_addition(modulus=11)
    learner = at(begun(X, y, 11, (11, 11), frozen=True, ridge=0.1), 1)
    first = learner.scores(Z)
    assert (at(learner, np.inf).scores(Z) == first).all()
    assert (at(begun(X, y, 11, (11, 11), frozen=True, ridge=0.1), np.inf).scores(Z) == first).all()


def test_sparse_parity_needs_features_and_data():
    rng = np.random.default_rng(0)
    X = rng.integers(2, size=(1300, 20))
    y = X[:, :3].sum(axis=1) % 2
    recipe = {"bandwidth": 20**0.5, "ridge": 1e-6, "scaling": "max-diagonal"}
    learner = begun(X[:300], y[:300], 2, (2,) * 20, **recipe)
    assert accuracy(at(learner, 1), X[300:], y[300:]) < 0.65
    assert accuracy(at(learner, 20), X[300:], y[300:]) == 1
    assert set(np.argsort(learner.description()["M"].diagonal())[-3:]) == {0, 1, 2}
    for n, frozen in ((200, False), (300, True)):
        other = at(begun(X[:n], y[:n], 2, (2,) * 20, frozen=frozen, **recipe), 20)
        assert accuracy(other, X[300:], y[300:]) < 0.65


def test_regression_on_two_of_ten_features():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 10))
    y = X[:, 0] * X[:, 1]
    learner = begun(X[:200], y[:200], 0, ridge=1e-3, scaling="max-diagonal", bandwidth=4.0)
    before = np.mean((at(learner, 1).scores(X[200:])[:, 0] - y[200:]) ** 2)
    after = np.mean((at(learner, 6).scores(X[200:])[:, 0] - y[200:]) ** 2)
    assert learner.scores(X).shape == (300, 1)
    assert after < before / 10
    assert np.sort(np.argsort(learner.description()["M"].diagonal())[-2:]).tolist() == [0, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_any_schedule_gives_the_same_bytes(kind):
    X, y, Z, _ = small_addition(modulus=13)
    direct = at(begun(X, y, 13, (13, 13), kernel_=kind), 9)
    stepped = begun(X, y, 13, (13, 13), kernel_=kind)
    assert (stepped.scores(Z) == 0).all()
    for time in (1, 2, 2, 6, 9):
        at(stepped, time).scores(X)[:] = 7  # what it hands out is not its own
        stepped.scores(Z), stepped.kernel(Z)
        stepped.description()["M"][:] = 7
        stepped.description()["dual_coefficients"][:] = 7
    for inputs in (X, Z):
        assert stepped.scores(inputs).tobytes() == direct.scores(inputs).tobytes()
        assert stepped.kernel(inputs).tobytes() == direct.kernel(inputs).tobytes()
    stepped.begin(X, y, 13, (13, 13), None)
    assert (stepped.description()["M"] == np.eye(26)).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_renamed_classes_permute_the_columns(kind):
    """To 1e-8, also after the eigenvalues of M have spread over more than 8 decades (200 iterations)."""
    X, y, Z, _ = small_addition(modulus=17, fraction=0.7)
    name = np.random.default_rng(1).permutation(17)
    for time in (1, 12, 200):
        a, b = (at(begun(X, labels, 17, (17, 17), kernel_=kind), time).scores(Z) for labels in (y, name[y]))
        np.testing.assert_allclose(b[:, name], a, rtol=0, atol=1e-9 * np.abs(a).max())


@pytest.mark.parametrize("options", [{"agop_power": 4.0}, {"kernel_": "quadratic", "agop_power": 4.0}, {"ridge": 10.0}])
def test_a_state_that_runs_away_does_not_raise(options):
    X, y, Z = real_data()
    for size in (1e-3, 1e3, 1e80):
        learner = at(begun(size * X, y, **options), 30)
        assert learner.scores(size * Z).shape == (15, 3)
        learner.kernel(Z), learner.description(), learner.advance(40)
    overflown = at(begun(1e80 * X, y, kernel_="quadratic"), 3)
    assert not np.isfinite(overflown.scores(1e80 * Z)).all()  # and is seen


def test_options_are_read_documented_and_checked():
    learner = build(RecursiveFeatureMachine, {"kernel": "quadratic"})
    assert learner.options["kernel"] == "quadratic" != learner.kernel
    assert all(option.description for option in options(RecursiveFeatureMachine).values())
    wrong = {"bandwidth": [0.0], "agop_power": [0.0], "ridge": [-1.0], "agop_share": [0.0, 1.5]}
    for name, values in wrong.items():
        for value in values:
            with pytest.raises(OptionError, match=name):
                build(RecursiveFeatureMachine, {name: value})
