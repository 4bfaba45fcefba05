"""Regressions on which late generalization has been reported; an answer is right within a tolerance.

With a tolerance an accuracy can be late where the loss is not: `linear_teacher` is the known case of that
artefact, and the others have to be told from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grokbench.limits import check_size
from grokbench.options import Count, NonNegative, Positive, Unbounded
from grokbench.registry import register_task
from grokbench.tasks.base import Split, Task

LEAST_FEATURES = 4  # numbers per example, of the features of `slope`


@dataclass(kw_only=True)
class Regression(Task):
    """Independent draws of (x, f(x)) with one f per seed; the first examples train, the rest is held out.

    Parameters
    ----------
    n_train, n_test : number of examples of the split.
    tolerance : an answer is right if its squared error is below it.
    """

    n_train: Count = 500
    n_test: Count = 1000
    tolerance: Positive = 0.01

    def __post_init__(self):
        n_features = max(getattr(self, "n_features", 1), LEAST_FEATURES)
        if n_features > self.n_train + self.n_test:
            check_size("n_features", n_features, lambda d: (self.n_train + self.n_test) * d)
        check_size("n_train", self.n_train, lambda n: (n + 1) * n_features)
        check_size("n_test", self.n_test, lambda n: (n + self.n_train) * n_features)

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(n, d) inputs and (n,) targets of one teacher, both drawn with `rng`."""
        raise NotImplementedError

    def sample(self, rng: np.random.Generator) -> Split:
        """One draw, cut once."""
        n = self.n_train
        X, y = self.draw(n + self.n_test, rng)
        return Split(X[:n], y[:n], X[n:], y[n:], n_classes=0, tolerance=self.tolerance)


@register_task("single_index")
@dataclass(kw_only=True)
class SingleIndex(Regression):
    """Polynomial regression y = (beta.x)^2 / 2 in one hidden direction (Kumar et al., arXiv 2310.06110).

    x ~ N(0, I / D) and beta ~ N(0, I), D = `n_features`; beta.x is about N(0, 1), so that y has mean 1/2,
    variance 1/2 and, because its density has a pole at 0, a large share of nearly equal values: the best
    constant is within the default tolerance of about half of them.

    Parameters
    ----------
    n_features : D, the dimension of an input.
    """

    n_features: Count = 100
    n_train: Count = 550

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Teacher first, then inputs."""
        beta = rng.normal(size=self.n_features)
        X = rng.normal(size=(n, self.n_features)) / np.sqrt(self.n_features)
        return X, 0.5 * (X @ beta) ** 2


@register_task("linear_teacher")
@dataclass(kw_only=True)
class LinearTeacher(Regression):
    """Linear teacher y = T.x, x ~ N(0, I), T ~ N(0, I / d), without noise (Levi et al., arXiv 2310.16441).

    A student that starts at 0 has loss 1 there. With lambda = d / n_train < 1 gradient descent finds T, the
    later the nearer lambda is to 1; with lambda > 1 the held-out loss stays at 1 - 1 / lambda. Accuracy is
    erf(sqrt(tolerance / (2 loss))).

    Parameters
    ----------
    n_features : d, the dimension of an input.
    """

    n_features: Count = 450

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Teacher first, then inputs."""
        teacher = rng.normal(size=self.n_features) / np.sqrt(self.n_features)
        X = rng.normal(size=(n, self.n_features))
        return X, X @ teacher


@register_task("slope")
@dataclass(kw_only=True)
class Slope(Regression):
    """The line y = .3 x from two points, with features that can hide it (Miller et al., arXiv 2310.17247).

    x is uniform in (-1/2, 1/2) and the features are (x, x^2, x^3, sin 100x): four weights, two equations.
    The paper counts right signs; here an answer is right within the tolerance. With the default, sqrt(.003)
    or a sixth of the range of y, the paper's ridge solution reaches kappa .95 on two splits in three.

    Parameters
    ----------
    slope : factor of x in y.
    """

    slope: Unbounded = 0.3
    n_train: Count = 2
    n_test: Count = 98
    tolerance: Positive = 0.003

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The features of n uniform points, and the line at them."""
        x = rng.uniform(-0.5, 0.5, size=n)
        return np.stack([x, x**2, x**3, np.sin(100 * x)], axis=1), self.slope * x


@register_task("sine")
@dataclass(kw_only=True)
class Sine(Regression):
    """A sine wave y = sin(omega x), x uniform in (-L, L), seen with noise (Miller et al., arXiv 2310.17247).

    The noise is on the training targets only, so that held-out accuracy is about the wave itself. The default
    tolerance is the square of three standard deviations of the noise: a learner that has found the wave is
    right on .997 of the training targets, and one that has memorized them still has to find the wave.

    Parameters
    ----------
    angular_frequency : omega; the default is the paper's.
    half_width : L; x reaches from -L to L.
    noise : standard deviation of the Gaussian noise on the training targets.
    """

    angular_frequency: Positive = 2.0
    half_width: Positive = 1.5
    noise: NonNegative = 0.1
    n_train: Count = 50
    n_test: Count = 200
    tolerance: Positive = 0.09

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Points, then the noise of the first `n_train` of them."""
        X = rng.uniform(-self.half_width, self.half_width, size=(n, 1))
        y = np.sin(self.angular_frequency * X[:, 0])
        y[: self.n_train] += self.noise * rng.normal(size=self.n_train)
        return X, y
