"""`gaussian_process` against gpytorch: exact regression, a lengthscale per input, Adam on the evidence."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial

import numpy as np

import grokbench
from speed.comparison import Comparison, InTurn, Pair, Size, Skipped, apart

RATE, ERROR = 0.01, 1e-6  # both are exact in double precision


def cases(size: Size) -> Iterator[Comparison]:
    """On the parity of the suites: 25 bits, 200 examples."""
    bits, n = (10, 20) if size == "tiny" else (25, 200)
    yield InTurn(
        name=f"gaussian_process, {bits} bits, n {n}",
        **{"unit": "ms a step", "ours": "gaussian_process", "theirs": "gpytorch's ExactGP, torch.optim.Adam"},
        prepare=partial(processes, bits, n),
        steps=10,
    )


def processes(bits: int, n: int) -> Pair:
    """Labels -1 and +1; both start at softplus(0) in every hyperparameter."""
    split = grokbench.task("parity", n_bits=bits, k=3, n_train=n, n_test=50).split(0)
    learner = grokbench.learner("gaussian_process", learning_rate=RATE)
    learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, np.random.default_rng(0))
    learner.advance(1)  # the posterior before the first step
    theirs, lengthscales = _gpytorch(split)
    reached = 1

    def ours(steps: int) -> None:
        nonlocal reached
        reached += steps
        learner.advance(reached)

    return Pair(
        ours, theirs, lambda: apart("lengthscales", learner.description()["lengthscales"], lengthscales(), ERROR)
    )


def _gpytorch(split):
    """A function that takes steps, and one that tells the lengthscales (d,)."""
    import torch

    try:
        import gpytorch
    except ImportError as error:
        raise Skipped("gpytorch is not installed: pip install '.[benchmark]'") from error
    from gpytorch.constraints import Positive

    class Exact(gpytorch.models.ExactGP):
        def __init__(self, X, y, likelihood):
            super().__init__(X, y, likelihood)
            self.mean_module = gpytorch.means.ConstantMean()
            kernel = gpytorch.kernels.RBFKernel(ard_num_dims=X.shape[1])
            self.covar_module = gpytorch.kernels.ScaleKernel(kernel)

        def forward(self, X):
            return gpytorch.distributions.MultivariateNormal(self.mean_module(X), self.covar_module(X))

    X, y = torch.tensor(split.X_train, dtype=torch.float64), torch.tensor(2.0 * split.y_train - 1.0)
    likelihood = gpytorch.likelihoods.GaussianLikelihood(noise_constraint=Positive())
    model = Exact(X, y, likelihood).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    evidence = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
    model.train()

    def steps(number: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own dependencies
            for _ in range(number):
                optimizer.zero_grad()
                loss = -evidence(model(X), y)
                loss.backward()
                optimizer.step()

    return steps, lambda: model.covar_module.base_kernel.lengthscale.detach().numpy().ravel()
