"""Gaussian processes whose kernel is learned from the evidence: features without a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from grokbench.learners.base import Learner
from grokbench.learners.encodings import Encoder, Encoding, one_hot
from grokbench.learners.kernels.posterior import POSTERIORS
from grokbench.options import NonNegative, Positive
from grokbench.registry import register_learner

INITIAL = float(np.log(2.0))  # .693, softplus of 0


@register_learner("gaussian_process")
@dataclass(kw_only=True, eq=False)
class GaussianProcess(Learner):
    """Gaussian process with one lengthscale per input, hyperparameters by Adam on the (approximate) evidence.

    ``f ~ GP(mu, k)`` with ``k(x, z) = s exp(-sum_d (x_d - z_d)^2 / (2 l_d^2))`` (arXiv 2310.17247; Rasmussen &
    Williams 2006). Scale s, lengthscales l and noise variance v are softplus of free parameters, v and s start at
    softplus(0) = .693 and mu at 0. Adam minimizes J = data fit + `complexity_weight` * complexity per example, which
    at weight 1 is minus the log evidence, or minus its lower bound:

    * "regression": ``y = f + noise``, y = -1, +1 for two classes and one-hot for more (independent columns, common
      hyperparameters, one mean each): ``(y - mu)' a / 2 + n log(2 pi) / 2`` and ``log|K + vI| / 2``, summed over
      columns, with weights ``a = (K + vI)^-1 (y - mu)``. The scores are f, for two classes (1 -+ f) / 2. The data fit
      is ``v |a|^2 / 2 + a'Ka / 2``: a penalty on the norm of f stays when the complexity is dropped.
    * "laplace": logistic likelihood of two classes, normal approximation at the mode f = K a + mu:
      ``-log p(y|f) + a'Ka / 2`` and ``log|I + W^.5 K W^.5| / 2``, W = -d^2 log p / df^2. The norm stays here too.
    * "variational": the same likelihood, q(f) = N(K a + mu, (K^-1 + diag W)^-1) (Opper & Archambeau 2009), which is the
      form of the best normal q, at its optimum under the whole bound: ``-E_q log p(y|f)`` and KL(q | prior), a and W
      held while the hyperparameters take their step.
    * "whitened": the same bound, but q(f) = N(L m + mu, L R R'L'), K = LL', starts at the prior, and one Adam moves m,
      R and the hyperparameters together.
    * "unwhitened": the same with q(f) = N(M, SS'), as in the published code. The data fit contains no
      hyperparameter: without the complexity none can move and nothing can generalize, by construction.

    The scores of the classifications are -+ half the log odds that they predict, those of the mean latent value divided
    by sqrt(1 + pi var / 8) (MacKay 1992). Time 0 is ignorance, scores 0; time t is the posterior after t - 1 steps of
    Adam, or q after t steps of Adam.

    The description has "lengthscales" (d,), "scale", "mean" (columns,) and "weights" a (n, columns); for "regression"
    "noise", for "variational" "curvature" W (n,), for the last two "whitened_mean" m (n,) and "whitened_root" R (n, n).
    `grokbench.learners.kernels.evidence.evidence_terms` computes both terms from it.

    Parameters
    ----------
    inference : exact "regression" on the labels, or a classification (two classes): "laplace", "variational",
        "whitened" or "unwhitened"; a task with real values always takes "regression".
    learning_rate : of Adam (betas .9, .999).
    lengthscale_rate : learning rate of the lengthscales relative to that of everything else; 0 holds them.
    epsilon : added to the root of Adam's second moment; at 1e-8 gradients of kernel entries below that do nothing.
    lengthscale : at which every input's lengthscale starts.
    mean : learn a constant mean (one per column); otherwise it is 0.
    frozen : hyperparameters stay where they start.
    train_scale : the scale s moves too; without the complexity its optimum is degenerate.
    train_noise : the noise variance v moves too; without the complexity its optimum is degenerate.
    complexity_weight : weight of the complexity (the log-determinant, or the KL term) in what Adam minimizes; 0 drops
        it. The posterior under given hyperparameters is the same, except that of a q that moves.
    encoding : how tokens become numbers; "auto" is "integer" for two-letter alphabets (bits 0, 1), else "one-hot".
    """

    inference: Literal["regression", "laplace", "variational", "whitened", "unwhitened"] = "regression"
    learning_rate: Positive = 0.01
    lengthscale_rate: NonNegative = 1.0
    epsilon: NonNegative = 1e-8
    lengthscale: Positive = INITIAL
    mean: bool = True
    frozen: bool = False
    train_scale: bool = True
    train_noise: bool = True
    complexity_weight: NonNegative = 1.0
    encoding: Encoding = "auto"

    family = "Gaussian process"
    loss = "mse"
    deterministic = True

    def __post_init__(self):
        if self.inference != "regression":
            self.loss = "cross-entropy"

    def cannot_read(self, split):
        if self.inference != "regression" and split.n_classes != 2:
            kind = f"{split.n_classes} classes" if split.n_classes else "real values"
            return f'inference "{self.inference}" tells two classes apart, not {kind}'
        return super().cannot_read(split)

    def begin(self, X, y, n_classes, alphabet, rng):
        """Stand before the first posterior."""
        two_letters = alphabet is not None and set(alphabet) == {2}
        self._encode = Encoder(alphabet, "integer" if two_letters and self.encoding == "auto" else self.encoding)
        self._n_classes, self._time = n_classes, 0
        self._inputs = self._encoded(X)
        labels = self._tensor(2.0 * y[:, None] - 1.0 if n_classes == 2 else one_hot(y, n_classes))
        self._posterior = POSTERIORS[self.inference](labels)
        d, means = self._inputs.shape[1], labels.shape[1]
        # raw lengthscales, raw scale, raw noise, means; parameters of q
        self._theta = np.concatenate([np.full(d, np.log(np.expm1(self.lengthscale))), np.zeros(2 + means)])
        self._n_hyperparameters = len(self._theta)
        self._theta = np.concatenate([self._theta, self._posterior.start(self._k(self._inputs, self._inputs))])
        self._rates = np.ones(len(self._theta))
        self._rates[:d] = self.lengthscale_rate
        self._rates[d : d + 2] = self.train_scale, self.train_noise
        self._rates[d + 2 : d + 2 + means] = self.mean
        if self.frozen:
            self._rates[: self._n_hyperparameters] = 0
        self._moments = np.zeros((2, len(self._theta)))
        if self._posterior.joint:
            self._infer()

    def advance(self, time):
        """Take Adam steps; the first unit of time is the posterior under the initial hyperparameters, or q's first."""
        while self._time < time:
            if self._time and not self._rates.any():
                self._time = time
                return
            steps = self._time + self._posterior.joint
            if steps:
                self._adam(steps)
            self._infer()
            self._time += 1

    def scores(self, X):
        if self._time == 0:
            return np.zeros((len(X), max(self._n_classes, 1)))
        return self._scores(X, self._hyperparameters(), self._posterior)

    def scores_of(self, description, X):
        """The scores of any hyperparameters (sizes below 1e-6 count as that) and posterior."""
        tensors = {name: self._tensor(array) for name, array in description.items()}
        parts = tensors["lengthscales"].abs().clamp(min=1e-6), tensors["scale"].clamp(min=1e-6), None, tensors["mean"]
        posterior = POSTERIORS[self.inference](self._tensor(np.ones_like(description["weights"])))  # asks no label
        posterior.read(tensors, self._k(self._inputs, self._inputs, parts))
        return self._scores(X, parts, posterior)

    def parts(self):
        """The number of inputs."""
        return self._inputs.shape[1]

    def leading(self, size):
        """The `size` inputs of the shortest lengthscales, the others' infinite; all else as it is."""
        described = self.description()
        described["lengthscales"] = described["lengthscales"].copy()
        described["lengthscales"][np.argsort(described["lengthscales"], kind="stable")[size:]] = np.inf
        return described

    def kernel(self, X):
        """K_theta of the present hyperparameters, without noise and mean."""
        inputs = self._encoded(X)
        return self._k(inputs, inputs).numpy()

    def cross_kernel(self, X, Z):
        """`kernel` between two sets of inputs."""
        return self._k(self._encoded(X), self._encoded(Z)).numpy()

    def description(self):
        """Hyperparameters and posterior; the class says which keys."""
        lengthscales, scale, noise, means, _ = (part.numpy() for part in self._hyperparameters())
        described = {"lengthscales": lengthscales, "scale": scale, "mean": means, **self._posterior.description()}
        return described | {"noise": noise} if self.inference == "regression" else described

    def _scores(self, X, parts, posterior):
        import torch

        scale, means = parts[1], parts[3]
        cross = self._k(self._encoded(X), self._inputs, parts)
        f = cross @ posterior.weights + means
        if self.inference == "regression":
            f = torch.hstack([1 - f, 1 + f]) / 2 if self._n_classes == 2 else f
            return f.numpy()
        explained = posterior.explained(self._k(self._inputs, self._inputs, parts), cross)
        half = f / (1 + torch.pi * (scale - explained).clamp(min=0)[:, None] / 8).sqrt() / 2
        return torch.hstack([-half, half]).numpy()

    # Hyperparameters

    def _hyperparameters(self, theta=None):
        """Lengthscales (d,), scale, noise variance, means (columns,) and q's parameters from the free parameters."""
        import torch

        theta = self._tensor(self._theta) if theta is None else theta
        d, end = self._inputs.shape[1], self._n_hyperparameters
        positive = torch.nn.functional.softplus(theta[: d + 2])
        return positive[:d], positive[d], positive[d + 1], theta[d + 2 : end], theta[end:]

    def _adam(self, step: int) -> None:
        """The step-th step of Adam (arXiv 1412.6980) on the free parameters that may move."""
        gradient = self._gradient()
        for moment, decay, term in zip(self._moments, (0.9, 0.999), (gradient, gradient**2), strict=True):
            moment += (1 - decay) * (term - moment)
        first, second = self._moments[0] / (1 - 0.9**step), self._moments[1] / (1 - 0.999**step)
        change = np.divide(first, np.sqrt(second) + self.epsilon, out=np.zeros_like(first), where=first != 0)
        self._theta = self._theta - self.learning_rate * self._rates * change

    def _gradient(self) -> np.ndarray:
        """Gradient of what Adam minimizes, in the free parameters, where the posterior was last taken."""
        import torch

        theta = self._tensor(self._theta).requires_grad_()
        parts = self._hyperparameters(theta)
        K = self._train_kernel.detach().requires_grad_()
        fit, complexity = self._posterior.terms(K, *parts[2:])
        objective = fit + self.complexity_weight * complexity if self.complexity_weight else fit
        slope, gradient = torch.autograd.grad(objective, (K, theta), allow_unused=True)
        if slope is not None:  # one term alone may be without a kernel
            parts = self._hyperparameters(theta)  # a graph of their own
            through_kernel = self._through_kernel(slope * K.detach(), *parts[:2])
            gradient = gradient + torch.autograd.grad(parts[:2], theta, through_kernel)[0]
        return gradient.numpy()

    def _through_kernel(self, weighted, lengthscales, scale):
        """Derivatives in lengthscales (d,) and scale, of the derivatives in K times K, G (n, n).

        sum_ij G_ij (x_id - x_jd)^2 / l_d^3 and sum_ij G_ij / s; for autograd's way through exponent and distances it
        would be six passes over matrices.
        """
        X = self._inputs
        sums = weighted.sum(0) + weighted.sum(1)
        squares = sums @ X.square() - 2 * (X * (weighted @ X)).sum(0)
        return squares / lengthscales.detach() ** 3, weighted.sum() / scale.detach()

    def _infer(self) -> None:
        """Take the posterior under the present hyperparameters."""
        parts = self._hyperparameters()
        self._train_kernel = self._k(self._inputs, self._inputs, parts)
        self._posterior.refit(self._train_kernel, *parts[2:])

    # Kernel

    def _k(self, X, Z, parts=None):
        import torch

        lengthscales, scale = (parts or self._hyperparameters())[:2]
        X, Z = X / lengthscales, Z / lengthscales
        products = X @ Z.T
        squared = (X.square().sum(1)[:, None] + Z.square().sum(1) - 2 * products).clamp(min=0)
        return scale * torch.exp(-squared / 2)

    def _encoded(self, X: np.ndarray):
        return self._tensor(self._encode(X))

    def _tensor(self, array):
        import torch

        return torch.tensor(array, dtype=torch.float64)
