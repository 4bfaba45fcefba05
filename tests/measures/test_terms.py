"""Terms of single families: closed forms, and libraries where there is one."""

import math

import numpy as np
import pytest
from scipy.linalg import circulant, hankel

import grokbench
from grokbench.curves.checkpoint import Checkpoint
from grokbench.curves.trace import learner_rng
from grokbench.learners.base import Learner
from grokbench.measures import terms
from grokbench.registry import measures


class Described(Learner):
    """Shows a description and nothing else."""

    def __init__(self, **arrays):
        self.arrays = arrays

    def description(self):
        return self.arrays


def checkpoint(split, learner):
    return Checkpoint(
        learner, split, 0.0, *[np.zeros((len(X), split.n_classes)) for X in (split.X_train, split.X_test)]
    )


@pytest.fixture(scope="module")
def split():
    return grokbench.task("modular", modulus=7, train_fraction=0.6).split(0)


def test_a_circulant_block_does_not_deviate():
    row = np.random.default_rng(0).normal(size=11)
    along_sums = hankel(row, np.roll(row, 1))
    for block in (circulant(row), circulant(row) + 5, along_sums, 3 * along_sums):
        assert terms.circulant_deviation(block) == pytest.approx(0, abs=1e-12)


def test_deviation_of_independent_entries_is_nearly_one():
    values = [terms.circulant_deviation(np.random.default_rng(s).normal(size=(31, 31))) for s in range(20)]
    assert np.mean(values) == pytest.approx(1 - 1 / 31, abs=0.02)
    assert math.isnan(terms.circulant_deviation(np.ones((4, 4))))


@pytest.mark.parametrize("seed", range(6))
def test_deviation_by_its_definition(seed):
    A = np.random.default_rng(seed).normal(size=(6, 6))
    A -= A.mean()
    shares = []
    for sign in (1, -1):
        diagonal = (np.arange(6)[:, None] + sign * np.arange(6)) % 6
        shares.append(sum(((A[diagonal == k] - A[diagonal == k].mean()) ** 2).sum() for k in range(6)) / (A**2).sum())
    assert terms.circulant_deviation(A) == pytest.approx(min(shares), rel=1e-12)


def test_rfm_makes_its_metric_circulant():
    """Mallinar et al.: the average gradient outer product becomes circulant as modular addition is learned."""
    split = grokbench.task("modular", modulus=11, train_fraction=0.7).split(0)
    curve = grokbench.trace(
        grokbench.learner("rfm"), split, budget=16, measures=["circulant_deviation", "effective_rank"]
    )
    deviation = curve["circulant_deviation"]
    assert np.isnan(deviation.iloc[0])  # M = I: the block between the positions is 0
    assert deviation.iloc[-1] < 0.2 < deviation.iloc[2]
    assert curve["effective_rank"].iloc[0] == 22


@pytest.mark.parametrize(("M", "rank"), [(np.eye(5), 5), (np.ones((4, 4)), 1), (np.diag([2.0, 1.0]), 1.8)])
def test_effective_rank(split, M, rank):
    assert measures["effective_rank"]().row(checkpoint(split, Described(M=M)))["effective_rank"] == pytest.approx(rank)


def test_leaves_are_counted(split):
    learner = grokbench.learner("xgboost", max_depth=3, eta=0.3)
    learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, np.random.default_rng(0))
    learner.advance(4)
    trees = learner._booster.trees_to_dataframe()
    measured = measures["leaves"]().row(checkpoint(split, learner))["leaves"]
    assert measured == (trees["Feature"] == "Leaf").sum()


def test_norms(split):
    theta = {"W1": np.array([[3.0, 0.0]]), "W2": np.array([[4.0]]), "count": np.array([100])}
    measured = measures["norm"]().row(checkpoint(split, Described(**theta)))
    assert measured["norm"] == 5
    assert math.isnan(measured["function_norm"])


def test_norm_in_function_space_is_that_of_kernel_ridge(split):
    learner = grokbench.learner("rfm", ridge=1e-3)
    learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, np.random.default_rng(0))
    learner.advance(3)
    K = learner.kernel(split.X_train)
    Y = np.eye(7)[split.y_train]
    alpha = np.linalg.solve(K + 1e-3 * np.eye(len(K)), Y)
    measured = measures["norm"]().row(checkpoint(split, learner))["function_norm"]
    assert measured == pytest.approx(math.sqrt(np.trace(alpha.T @ K @ alpha)), rel=1e-6)


def test_the_evidence_is_that_of_scikit_learn():
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    split = grokbench.task("parity", n_bits=6, k=2, n_train=40, n_test=20).split(0)
    learner = grokbench.learner("gaussian_process", inference="regression", mean=False)
    learner.begin(split.X_train, split.y_train, 2, split.alphabet, learner_rng(0))
    learner.advance(5)
    described = learner.description()
    kernel = ConstantKernel(float(described["scale"])) * RBF(described["lengthscales"]) + WhiteKernel(
        float(described["noise"])
    )
    oracle = GaussianProcessRegressor(kernel, optimizer=None, alpha=0).fit(split.X_train, 2.0 * split.y_train - 1)
    measured = measures["evidence"]().row(checkpoint(split, learner))
    expected = -oracle.log_marginal_likelihood_value_ / 40
    assert measured["evidence_fit"] + measured["evidence_complexity"] == pytest.approx(expected, rel=1e-8)


def test_what_a_learner_does_not_show_is_undefined(split):
    at = checkpoint(split, Learner())
    for name in measures.names():
        if name not in ("fourier_energy", "memorized_bits", "validation_loss", "zero_gradient"):  # those of the scores
            assert all(math.isnan(value) for value in measures[name]().row(at).values()), name
