"""Labels that a fixed kernel finds easy or hard, by choice: a dose of misalignment (Kumar et al., arXiv 2310.06110)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from grokbench.errors import OptionError
from grokbench.limits import check_size
from grokbench.options import AtLeastTwo, Count, Positive, Whole
from grokbench.registry import register_task
from grokbench.tasks.base import Split, Task

ONE_SIDED = 0.2  # an eigenvector with fewer entries of one sign has no classes


@register_task("eigenvector")
@dataclass(kw_only=True)
class Eigenvector(Task):
    """The j-th eigenvector v of a kernel matrix over all inputs of both splits, as classes or as values.

    Inputs are x ~ N(0, I_d), and K v = s_j v with eigenvalues in falling order, j = `index`; the sign of v is
    such that its largest entry in modulus is positive. A machine with that kernel learns small j at once and
    large j never. The rule x -> sum_i k(x, x_i) v_i / s_j is right everywhere, but it takes the
    held-out inputs to write it down.

    Parameters
    ----------
    kernel : "ntk" is the arccos tangent kernel of an infinitely wide ReLU network with one hidden layer and no
        biases, "nngp" its covariance (Cho & Saul 2009), "gaussian" is exp(-|x-z|^2 / (2 d)), "linear" is x.z / d.
    index : j, counted from 0.
    target : "value" is sqrt(n) v, a regression on targets of mean square 1; "class" is whether an entry of v is
        above the median of all, in place of its sign (two classes, balanced in both splits).
    n_features : d, the dimension of an input.
    n_train, n_test : number of examples of the split; even where the target is a class.
    tolerance : of "value" only: an answer is right if its squared error is below it.
    """

    kernel: Literal["ntk", "nngp", "gaussian", "linear"] = "ntk"
    index: Whole = 5
    target: Literal["value", "class"] = "value"
    n_features: Count = 10
    n_train: AtLeastTwo = 200
    n_test: AtLeastTwo = 200
    tolerance: Positive = 0.01

    def __post_init__(self):
        check_size("n_train", self.n_train, lambda n: n**2)  # the kernel matrix
        check_size("n_test", self.n_test, lambda n: (n + self.n_train) ** 2)
        check_size("n_features", self.n_features, lambda d: d * (self.n_train + self.n_test))
        for name in ("n_train", "n_test"):
            if self.target == "class" and getattr(self, name) % 2:
                raise OptionError(name, getattr(self, name), "an even number, because both classes are balanced")
        if self.index >= self._rank:
            raise OptionError("index", self.index, f"0 to {self._rank - 1}: there are {self._rank} such eigenvectors")

    @property
    def _rank(self) -> int:
        """Number of eigenvectors with a positive eigenvalue; an infinite number of features has as many as inputs."""
        n = self.n_train + self.n_test
        return min(n, self.n_features) if self.kernel == "linear" else n

    def sample(self, rng: np.random.Generator) -> Split:
        """Inputs, their eigenvector, and a cut: at random, or of each class apart."""
        n = self.n_train + self.n_test
        X = rng.normal(size=(n, self.n_features))
        v = eigenvector(kernel_matrix(X, self.kernel), self.index)
        if self.target == "value":
            order = np.arange(n)  # inputs are independent: any cut is random
            y, form = np.sqrt(n) * v, {"n_classes": 0, "tolerance": self.tolerance}
        else:
            y, form = self._halves(v), {"n_classes": 2}
            classes = np.stack([np.flatnonzero(y == 0), np.flatnonzero(y == 1)])
            half = self.n_train // 2
            order = np.concatenate([rng.permutation(part.ravel()) for part in (classes[:, :half], classes[:, half:])])
        train, test = order[: self.n_train], order[self.n_train :]
        return Split(X[train], y[train], X[test], y[test], **form)

    def _halves(self, v: np.ndarray) -> np.ndarray:
        """(n,) 1 where v is above its median; OptionError where that has nothing to do with the sign of v."""
        if min((v > 0).mean(), (v < 0).mean()) < ONE_SIDED:
            expected = 'another eigenvector: this one is nearly constant and has no two signs (or target = "value")'
            raise OptionError("index", self.index, expected)
        return (np.argsort(np.argsort(v)) >= len(v) // 2).astype(np.int64)


def kernel_matrix(X: np.ndarray, kernel: str) -> np.ndarray:
    """(n, n) of the inputs (n, d); closed forms of Cho & Saul 2009 for the ReLU network, scaled so that its
    first layer's covariance is x.z / d: nngp(x, x) = |x|^2 / d, ntk(x, x) = 2 |x|^2 / d.
    """
    d = X.shape[1]
    gram = X @ X.T / d
    if kernel == "linear":
        return gram
    squares = gram.diagonal()
    if kernel == "gaussian":
        return np.exp(gram - 0.5 * (squares + squares[:, None]))
    lengths = np.sqrt(np.multiply.outer(squares, squares))
    cosine = np.clip(gram / lengths, -1.0, 1.0)
    np.fill_diagonal(cosine, 1.0)
    angle = np.arccos(cosine)
    kappa_0 = 1 - angle / np.pi  # P[u > 0 and v > 0] of unit normals with that correlation, twice
    kappa_1 = np.sin(angle) / np.pi + kappa_0 * cosine
    return lengths * (kappa_1 if kernel == "nngp" else kappa_1 + kappa_0 * cosine)


def eigenvector(K: np.ndarray, index: int) -> np.ndarray:
    """(n,) unit eigenvector of the `index`-th largest eigenvalue; its largest entry in modulus is positive.

    Raises OptionError where that eigenvalue is 0 up to rounding, so that its eigenvector is anybody's guess.
    """
    eigenvalues, vectors = np.linalg.eigh(K)
    rank = int((eigenvalues > len(K) * np.finfo(np.float64).eps * eigenvalues[-1]).sum())
    if index >= rank:
        raise OptionError("index", index, f"at most {rank - 1}: the other eigenvalues are 0 up to rounding")
    v = vectors[:, len(K) - 1 - index]
    return v if v[np.argmax(np.abs(v))] > 0 else -v
