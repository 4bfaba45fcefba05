"""How many directions a network's features use: a measure of complexity that needs neither labels nor a fit."""

from __future__ import annotations

import numpy as np

from grokbench.curves.checkpoint import Checkpoint
from grokbench.measures import probe
from grokbench.measures.base import Measure
from grokbench.registry import register_measure

NEGLIGIBLE = 1e-12  # of the squared features: what is left of constant ones, by rounding


@register_measure("feature_dimension")
class FeatureDimension(Measure):
    """Number of directions in which a network's last hidden features spread: their participation ratio.

    h_1 .. h_n are the last hidden features of the training points (at most 1500), K the inner products of h_i less
    their mean: (tr K)^2 / tr K^2 = (sum r)^2 / sum r^2, r the eigenvalues of the features' covariance. It counts a
    direction by its variance, and does not see the read-out. From the learner's other kernel "last_layer"; undefined
    for learners that have none, and for constant features. No label enters.

    To be read relative to the random-label twin. On random labels it rises with the number that is memorized, at all
    times; a planted network of few waves is below the memorizer (`studies/qualification.py`).

    Source: participation ratio (Gao et al., bioRxiv 214262). Null: 1 for features on a line, min(n - 1, width) for
    equal variance in all directions, and about n width / (n + width) for independent Gaussian ones. Cost: one forward
    pass and n^2 width.
    """

    def look(self, at: Checkpoint):
        """The participation ratio."""
        features = at.learner.other_kernels(at.once_a_run(probe.whole_inputs)[0]).get("last_layer")
        return None if features is None else participation_ratio(features)


def participation_ratio(K: np.ndarray) -> float | None:
    """(tr K)^2 / tr K^2 of an (n, n) Gram matrix, rows and columns centred; None where nothing is left of it."""
    centred = K - K.mean(axis=0) - K.mean(axis=1, keepdims=True) + K.mean()
    trace = float(np.trace(centred))
    return trace**2 / float((centred**2).sum()) if trace > NEGLIGIBLE * np.trace(K) else None
