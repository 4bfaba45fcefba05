"""Posteriors of a Gaussian process under given hyperparameters: exact, Laplace's, and two kinds of variational ones.

Symbols: K (n, n) kernel of the training inputs, y (n, columns) labels, mu (columns,) means, a (n, columns) the weights
of the posterior mean K a + mu. All are float64 torch tensors. The terms are differentiable in K, noise, mu and q.
"""

from __future__ import annotations

import numpy as np

from grokbench.learners.kernels.evidence import JITTER, NODES

MOST_ITERATIONS = 200  # of an inference; from the step before it takes two to ten
CONVERGED = 1e-8  # change of a weight at which an inference stops


class Posterior:
    """What the learner asks of an inference."""

    joint = False  # q has parameters of its own, which move with the hyperparameters

    def __init__(self, y):
        self.y, self.weights = y, y.new_zeros(y.shape)

    def start(self, K) -> np.ndarray:
        """The parameters of q at time 0, where it has any."""
        return np.empty(0)

    def refit(self, K, noise, means, q) -> None:
        """Take the posterior under these hyperparameters; iterations go on from the posterior before."""
        raise NotImplementedError

    def terms(self, K, noise, means, q):
        """Data fit and complexity per example."""
        raise NotImplementedError

    def explained(self, K, cross):
        """(m,) how much of the prior variance at m inputs the data take away; cross (m, n) is their kernel."""
        raise NotImplementedError

    def description(self) -> dict[str, np.ndarray]:
        """What belongs to this posterior, beside the hyperparameters."""
        return {"weights": self.weights.numpy()}

    def read(self, description, K) -> None:
        """Become the posterior that a description, its arrays as tensors, describes; without labels."""
        self.weights = description["weights"]


class Regression(Posterior):
    """Exact on ``y = f + noise``: independent columns, common hyperparameters, one mean each."""

    def refit(self, K, noise, means, q):
        import torch

        lower = torch.linalg.cholesky(K + noise * _identity(K))
        self.weights = torch.cholesky_solve(self.y - means, lower)

    def terms(self, K, noise, means, q):
        (n, columns), residuals = self.y.shape, self.y - means
        factored = Factored(K + noise * _identity(K))
        fit = (residuals * factored.solution(residuals)).sum() / 2 + columns * n * np.log(2 * np.pi) / 2
        return fit / n, columns * factored.log_determinant() / 2 / n


class Laplace(Posterior):
    """Normal approximation at the mode f = K a + mu, with W = -d^2 log p(y|f) / df^2 (Rasmussen & Williams, 3.4)."""

    def __init__(self, y):
        super().__init__(y)
        self.curvature = self.weights[:, 0]

    def refit(self, K, noise, means, q):
        for _ in range(MOST_ITERATIONS):
            before = self.weights
            self.weights, self.curvature = self._newton(K, means)
            if (self.weights - before).abs().max() < CONVERGED:
                break

    def terms(self, K, noise, means, q):
        # one more Newton step: it moves nothing, but carries the derivative of the mode with respect to theta
        weights, _ = self._newton(K, means)
        f = (K @ weights)[:, 0]
        curvature = _likelihood(self.y, f + means, None)[2]
        fit = -_likelihood(self.y, f + means, None)[0].sum() + weights[:, 0] @ f / 2
        return fit / len(K), Factored(_balanced(K, curvature.sqrt()[:, None])).log_determinant() / 2 / len(K)

    def explained(self, K, cross):
        return self._explained(_lower(K, self._root()), cross)

    def read(self, description, K):
        super().read(description, K)
        self.curvature = _likelihood(self.y, (K @ self.weights)[:, 0] + description["mean"], None)[2]

    def _explained(self, lower, cross):
        import torch

        return torch.linalg.solve_triangular(lower, self._root() * cross.T, upper=False).square().sum(0)

    def _root(self):
        return self.curvature.sqrt()[:, None]

    def _newton(self, K, means):
        """Newton's step to the mode (Rasmussen & Williams, algorithm 3.1); with q's expectations, a step of q."""
        _, slope, curvature = _likelihood(self.y, *self._marginals(K, means))
        root = curvature.sqrt()[:, None]
        pull = curvature[:, None] * (K @ self.weights) + slope[:, None]
        return pull - root * Factored(_balanced(K, root)).solution(root * (K @ pull)), curvature

    def _marginals(self, K, means):
        """Where log p(y|f) is taken: the mode, and no variance."""
        return (K @ self.weights)[:, 0] + means, None


class Variational(Laplace):
    """The best normal q(f) = N(K a + mu, (K^-1 + diag W)^-1) (Opper & Archambeau 2009)."""

    def terms(self, K, noise, means, q):
        import torch

        n, lower = len(K), _lower(K, self._root())
        mean, variance = self._marginals(K, means, lower)
        inverse = torch.linalg.solve_triangular(lower, _identity(K), upper=False)
        trace = inverse.square().sum()  # of B^-1
        divergence = self.weights[:, 0] @ (mean - means) + trace - n + 2 * lower.diagonal().log().sum()
        return -_likelihood(self.y, mean, variance)[0].sum() / n, divergence / 2 / n

    def _marginals(self, K, means, lower=None):
        """Mean and variance of q at the training inputs."""
        lower = _lower(K, self._root()) if lower is None else lower
        explained = self._explained(lower, K.T)
        return (K @ self.weights)[:, 0] + means, (K.diagonal() - explained).clamp(min=1e-12)

    def description(self):
        return super().description() | {"curvature": self.curvature.numpy()}

    def read(self, description, K):
        super().read(description, K)
        self.curvature = description["curvature"].clamp(min=0)


class Whitened(Posterior):
    """q(f) = N(L m + mu, L R R'L'), K = LL'; m (n,) and the triangle R (n, n) move with the hyperparameters."""

    joint = True

    def start(self, K):
        """The prior: m = 0, R = I."""
        return np.concatenate([np.zeros(len(K)), np.eye(len(K)).ravel()])

    def refit(self, K, noise, means, q):
        import torch

        lower = _factor(K)
        self.mean, self.root = self._coordinates(lower, means, q)
        self.weights = torch.linalg.solve_triangular(lower.T, self.mean[:, None], upper=True)

    def terms(self, K, noise, means, q):
        lower, n = _factor(K), len(K)
        mean, root = self._coordinates(lower, means, q)
        fit = -_likelihood(self.y, *self._marginals(lower, means, q))[0].sum()
        divergence = (root.square().sum() + mean.square().sum() - n) / 2 - root.diagonal().abs().log().sum()
        return fit / n, divergence / n

    def explained(self, K, cross):
        import torch

        white = torch.linalg.solve_triangular(_factor(K), cross.T, upper=False)
        return white.square().sum(0) - (self.root.T @ white).square().sum(0)

    def description(self):
        return super().description() | {"whitened_mean": self.mean.numpy(), "whitened_root": self.root.numpy()}

    def read(self, description, K):
        super().read(description, K)
        self.mean, self.root = description["whitened_mean"], description["whitened_root"]

    def _coordinates(self, lower, means, q):
        """m and R."""
        return q[: len(lower)], q[len(lower) :].reshape(lower.shape).tril()

    def _marginals(self, lower, means, q):
        """Mean and variance of q at the training inputs."""
        mean, root = self._coordinates(lower, means, q)
        return lower @ mean + means, (lower @ root).square().sum(1)


class Unwhitened(Whitened):
    """q(f) = N(M, SS') in terms of the function values at the training inputs: the data fit does not contain K."""

    def start(self, K):
        """The prior: M = 0, S the factor of K."""
        return np.concatenate([np.zeros(len(K)), _factor(K).numpy().ravel()])

    def _coordinates(self, lower, means, q):
        import torch

        values, root = super()._coordinates(lower, means, q)
        white = torch.linalg.solve_triangular(lower, torch.hstack([(values - means)[:, None], root]), upper=False)
        return white[:, 0], white[:, 1:]

    def _marginals(self, lower, means, q):
        values, root = super()._coordinates(lower, means, q)
        return values, root.square().sum(1)


POSTERIORS = {
    "regression": Regression,
    "laplace": Laplace,
    "variational": Variational,
    "whitened": Whitened,
    "unwhitened": Unwhitened,
}


def _identity(K):
    import torch

    return torch.eye(len(K), dtype=K.dtype)


def _factor(K):
    import torch

    return torch.linalg.cholesky(K + JITTER * K.diagonal().mean() * _identity(K))


def _balanced(K, root):
    """B = I + W^.5 K W^.5; root = W^.5 (n, 1)."""
    return _identity(K) + root * K * root.T


def _lower(K, root):
    """Cholesky factor of B."""
    import torch

    return torch.linalg.cholesky(_balanced(K, root))


class Factored:
    """A positive matrix A (n, n) by its Cholesky factor, without the derivative of the factor, which is dear.

    Solution and log-determinant are of first order in A around where it stands, so that values and first derivatives
    are exact, and second derivatives are not: ``A^-1 b = x + A_0^-1 (b - A x)`` and ``log|A| = log|A_0| + tr A_0^-1 A -
    n``, with A_0 and x = A_0^-1 b held.
    """

    def __init__(self, A):
        import torch

        self._matrix, self._lower = A, torch.linalg.cholesky(A.detach())

    def solution(self, b):
        """A^-1 b, b (n, columns)."""
        import torch

        x = torch.cholesky_solve(b.detach(), self._lower)
        if not (self._matrix.requires_grad or b.requires_grad):
            return x
        return x + torch.cholesky_solve(b - self._matrix @ x, self._lower)

    def log_determinant(self):
        """log|A|."""
        import torch

        now = 2 * self._lower.diagonal().log().sum()
        return now + (torch.cholesky_inverse(self._lower) * self._matrix).sum() - len(self._lower)


def _likelihood(y, mean, variance):
    """log p(y|f) = -log(1 + exp(-y f)), its slope and minus its curvature in f, (n,) each.

    With a variance: their expectations under N(mean, variance), by Gauss-Hermite quadrature.
    """
    import torch

    margin, share = y * mean[:, None], y.new_ones(1)
    if variance is not None:
        nodes, share = (torch.tensor(a, dtype=y.dtype) for a in np.polynomial.hermite_e.hermegauss(NODES))
        share = share / share.sum()
        margin = y * (mean[:, None] + variance.sqrt()[:, None] * nodes)
    wrong = torch.sigmoid(-margin)
    logarithm = torch.nn.functional.logsigmoid(margin)
    return logarithm @ share, y[:, 0] * (wrong @ share), (wrong * (1 - wrong)) @ share
