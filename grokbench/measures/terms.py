"""Terms that only some learners have, read from the arrays of their description; to be compared within a family."""

from __future__ import annotations

import numpy as np

from grokbench.curves.checkpoint import Checkpoint
from grokbench.learners.kernels.evidence import evidence_terms
from grokbench.measures import probe
from grokbench.measures.base import Measure
from grokbench.registry import register_measure


@register_measure("circulant_deviation")
class CirculantDeviation(Measure):
    """How far the metric between two token positions is from a circulant matrix.

    B is the block of the description's M between two one-hot positions of equal alphabets p, its mean removed. With V
    the sum of squared deviations from the mean along wrapped diagonals (i - j) mod p, or (i + j) mod p if that is
    smaller: V / |B|^2, 0 for a circulant. For addition and subtraction modulo p; multiplication would need the classes
    in the order of discrete logarithms.

    Source: Mallinar et al. (arXiv 2407.20199). Null: 1 - 1/p in the mean for independent entries, less for the better
    of two. Cost: none.
    """

    def look(self, at: Checkpoint):
        """The deviation of the first pair of positions."""
        alphabet, metric = at.split.alphabet, at.learner.description().get("M")
        if metric is None or alphabet is None or len(alphabet) < 2 or alphabet[0] != alphabet[1]:
            return None
        p = alphabet[0]
        return circulant_deviation(metric[:p, p : 2 * p]) if len(metric) == sum(alphabet) else None


@register_measure("effective_rank")
class EffectiveRank(Measure):
    """Number of directions that the metric M uses, (tr M)^2 / tr(M^2).

    Of the description's array M (the average gradient outer product's power of RFM, the second moment of a committee).

    Source: participation ratio. Null: d for the identity, 1 for a single direction. Cost: none.
    """

    def look(self, at: Checkpoint):
        """The participation ratio of M's eigenvalues."""
        metric = at.learner.description().get("M")
        if metric is None or not (metric**2).sum() > 0:
            return None
        return float(np.trace(metric) ** 2 / (metric**2).sum())


@register_measure("evidence")
class Evidence(Measure):
    """The two terms of a Gaussian process's evidence per example: data fit and complexity.

    Nats per training example, under the present hyperparameters, whatever the learner minimizes: exact regression has
    the log-determinant as complexity, the variational classification its KL term. For learners whose description has
    lengthscales, at most 1500 training points.

    Source: Miller et al. (arXiv 2310.17247), Rasmussen & Williams 2006. Null: none. Cost: the kernel and one
    determinant.
    """

    columns = ("evidence_fit", "evidence_complexity")

    def look(self, at: Checkpoint):
        """Data fit and complexity."""
        description, n = at.learner.description(), len(at.split.y_train)
        if not {"lengthscales", "weights"} <= description.keys() or n > len(at.once_a_run(probe.whole).train):
            return None
        blocks = at.once(probe.kernel_blocks)
        try:
            return None if blocks is None else evidence_terms(blocks.train, at.split.y_train, description)
        except np.linalg.LinAlgError:  # a kernel that is numerically singular
            return None


@register_measure("leaves")
class Leaves(Measure):
    """Number of leaves of all trees so far, from the description's array is_leaf.

    Source: a plain count. Null: grows with the clock. Cost: the description.
    """

    def look(self, at: Checkpoint):
        """The count."""
        leaves = at.learner.description().get("is_leaf")
        return None if leaves is None else float(leaves.sum())


@register_measure("norm")
class Norm(Measure):
    """Size of what was learned: the Euclidean norm of all real arrays of the description.

    For networks |theta|. In the column function_norm the norm in the function space of the kernel, where the
    description has dual coefficients a, one row per training input: (sum_c a_c' K a_c)^(1/2), for at most 1500 inputs.
    Not evidence of simplicity: under an output scale the norm rises while a network generalizes.

    Source: Kumar et al. (arXiv 2310.06110). Null: none. Cost: the description; the kernel for function_norm.
    """

    columns = ("norm", "function_norm")

    def look(self, at: Checkpoint):
        """Both norms."""
        description = at.learner.description()
        real = [array for array in description.values() if array.dtype.kind == "f"]
        norm = float(np.sqrt(sum(float((array.astype(np.float64) ** 2).sum()) for array in real))) if real else np.nan
        dual = description.get("dual_coefficients")
        whole = dual is not None and len(dual) == len(at.once_a_run(probe.whole).train)
        blocks = at.once(probe.kernel_blocks) if whole else None
        if blocks is None:
            return norm, np.nan
        dual = dual.reshape(len(dual), -1)
        return norm, float(np.sqrt(max(0.0, float((dual * (blocks.train @ dual)).sum()))))


def circulant_deviation(block: np.ndarray) -> float:
    """Share of the squared norm of a (p, p) block, mean removed, that varies along wrapped diagonals; NaN for 0."""
    p = len(block)
    centred = block - block.mean()
    total = float((centred**2).sum())
    if not total > 0:
        return np.nan
    i = np.arange(p)
    explained = []
    for column in ((i[:, None] - i) % p, (i - i[:, None]) % p):  # row i, diagonal k: i - j = k, or i + j = k
        diagonals = np.take_along_axis(centred, column, axis=1)
        explained.append(p * float((diagonals.mean(axis=0) ** 2).sum()))
    return 1 - max(explained) / total
