"""Support vector machines along the penalty of margin errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from grokbench.learners.encodings import Encoder, Encoding
from grokbench.learners.scikit.estimator_clocks import Refits
from grokbench.learners.scikit.scikit_learn import ScikitLearner
from grokbench.options import Count, NonNegative, Positive
from grokbench.registry import register_learner


@register_learner("svm")
@dataclass(kw_only=True, eq=False)
class SupportVectorMachine(ScikitLearner):
    """Support vector machine (libsvm); time is C, the price of margin errors, and every checkpoint a fit of its own.

    Minimizes |f|_H^2 / 2 + C sum_i max(0, 1 - y_i f(x_i)), y_i = -1 or 1: small C underfits, C to infinity is the
    hard margin. Two classes have the scores (-f/2, f/2), whose margin is f. More classes are fitted pair by pair;
    their scores are the pairs won plus a bounded confidence, as in `sklearn.svm.SVC`. The solver stops at
    a tolerance, in an order that depends on class names, so that these move the scores of more classes by that much.

    Parameters
    ----------
    kernel : "gaussian" exp(-gamma |x - z|^2), "linear" x.z, "polynomial" (gamma x.z + coefficient)^degree.
    gamma : factor within the kernel; 0 is 1 / (d v), v the variance of all encoded training entries.
    degree : of the polynomial.
    coefficient : constant of the polynomial.
    tolerance : of the solver's stopping criterion.
    first_c : the smallest C, the first positive checkpoint.
    encoding : how tokens become numbers; "auto" is "sign" for two-letter alphabets, else "one-hot".
    """

    kernel_: Literal["gaussian", "linear", "polynomial"] = "gaussian"
    gamma: NonNegative = 0.0
    degree: Count = 3
    coefficient: NonNegative = 0.0
    tolerance: Positive = 1e-3
    first_c: Positive = 1e-3
    encoding: Encoding = "auto"

    clock = "C"
    family = "kernel"
    loss = "hinge"
    integer_clock = False
    first_time = 1e-3
    method = "decision_function"

    def __post_init__(self):
        self.first_time = self.first_c

    def cannot_read(self, split):
        if not split.n_classes:
            return "support vector machines here are classifiers, the task is a regression"
        return super().cannot_read(split)

    def begin(self, X, y, n_classes, alphabet, rng):
        inputs = Encoder(alphabet, self.encoding)(X)
        self._gamma = self.gamma or 1.0 / (inputs.shape[1] * inputs.var() or 1.0)
        super().begin(X, y, n_classes, alphabet, rng)

    def kernel(self, X):
        """The fixed kernel, the same at all times."""
        from sklearn.metrics.pairwise import pairwise_kernels

        name, parameters = self._kernel()
        inputs = self._encode(X)
        return pairwise_kernels(inputs, metric=name, filter_params=True, **parameters)

    def _kernel(self) -> tuple[str, dict[str, float]]:
        """scikit-learn's name of the kernel, and its parameters."""
        name = {"gaussian": "rbf", "polynomial": "poly"}.get(self.kernel_, self.kernel_)
        return name, {"gamma": self._gamma, "degree": self.degree, "coef0": self.coefficient}

    def _estimator(self, regression):
        from sklearn.svm import SVC

        name, parameters = self._kernel()
        return SVC(kernel=name, tol=self.tolerance, **parameters)

    def _clock(self, make, seed, X, y):
        return Refits(make, seed, X, y, setting=lambda time: {"C": float(time)})
