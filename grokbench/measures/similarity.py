"""Measures of the kernel face: what the learner finds similar now, and whether the task would follow from it."""

from __future__ import annotations

import math

import numpy as np

from grokbench.curves.checkpoint import Checkpoint
from grokbench.curves.evaluate import accuracy, regression_skill
from grokbench.measures import probe
from grokbench.measures.base import Measure
from grokbench.registry import register_measure
from grokbench.tasks.base import Split

RIDGES = (1e-6, 1e-3)  # of the after-kernel score, relative to the mean eigenvalue
OTHERS = {"last_layer": 1e-6, "recent": 1e-3}  # names of other kernels, and their ridges
PERMUTATIONS = 200
DIMENSION_RIDGE = 0.01
LEAST_TREES = 5  # clock units before a kernel that starts undefined can be a reference
NEGLIGIBLE = 1e-12


@register_measure("after_kernel")
class AfterKernel(Measure):
    """Held-out kappa of kernel ridge regression with the kernel of this moment (after-kernel score R).

    K is the learner's kernel now, K_11 between all training points (at most 1500), K_21 from held-out (at most 512) to
    training points, Y the one-hot labels less 1/C:

        F = K_21 (K_11 + ridge tr(K_11)/n I)^-1 Y,   R = (accuracy of argmax F - c) / (1 - c)

    with ridge 1e-6, and 1e-3 in the column after_kernel_ridge. It answers: would a lazy learner with the features of
    this time generalize? At time 0 it is what the lazy twin can reach at all. A learner that is the kernel machine of
    its own kernel (RFM, Gaussian process) has R = held-out kappa by construction. Where leaves or wide layers separate
    the training points one by one, labels act through K_21 alone, which is what is wanted. R does not see how slowly a
    read-out is learned.

    Of a regression Y are the labels less their mean, which F gets back, and K has an intercept: tr(K_11)/n is added to
    every entry of K_11 and K_21, because labels of mean 0 still need a constant under other inputs. R is then the kappa
    of the tolerance accuracy, whose counterpart is kappa of ``test_accuracy``. after_kernel_skill and
    after_kernel_ridge_skill are the skill of the same F, by the formula of the curve's column ``skill``, which is their
    counterpart in the same units: 1 - squared error of a F over the variance of the held-out labels, the factor a >= 0
    chosen on the other half of the held-out points. They are undefined for classes.

    Source: after-kernel of Long (arXiv 2105.10585); null: about 0, below it on finite tables where memorizers fall
    below chance. Cost: the kernel, shared with other measures, and two Cholesky factors, n^3 / 3 each.
    """

    columns = ("after_kernel", "after_kernel_ridge", "after_kernel_skill", "after_kernel_ridge_skill")
    version = 2

    def look(self, at: Checkpoint):
        """R at both ridges, and the skill of both."""
        blocks = at.once(probe.kernel_blocks)
        return None if blocks is None else _by_column([_judged(at, blocks, ridge) for ridge in RIDGES])


@register_measure("after_kernel_other")
class AfterKernelOther(Measure):
    """after_kernel of the learner's other kernels: of its last features, and of what it learned last.

    after_kernel_last_layer: the inner products of a network's last hidden features, whose R is what training a new
    read-out on frozen features would reach. after_kernel_recent: the leaves of the last fifth of the rounds of boosted
    trees, which the next residual meets, while the cumulative kernel still averages the first trees. Ridge 1e-6, for
    recent 1e-3, because leaves separate the training points. Regressions have an intercept, and the skill of each in
    after_kernel_last_layer_skill and after_kernel_recent_skill, as after_kernel has.

    Source: conjugate kernel (arXiv 1606.05340). Null: as after_kernel. Cost: a kernel and a Cholesky factor each.
    """

    columns = tuple(f"after_kernel_{name}{unit}" for unit in ("", "_skill") for name in OTHERS)
    version = 2

    def look(self, at: Checkpoint):
        """R of each, and the skill of each, undefined where the learner has none."""
        points = at.once_a_run(probe.whole)
        kernels = at.learner.other_kernels(probe.inputs_of(at, points))
        blocks = {name: probe.blocks_of(kernels.get(name), len(points.train)) for name in OTHERS}
        return _by_column([_judged(at, blocks[name], ridge) for name, ridge in OTHERS.items()])


def _by_column(judged: list[tuple[float, float]]) -> tuple[float, ...]:
    """First R of each kernel or ridge, then the skill of each."""
    return tuple(value for column in zip(*judged, strict=True) for value in column)


def _judged(at: Checkpoint, blocks: probe.KernelBlocks | None, ridge: float) -> tuple[float, float]:
    """R of a kernel on the whole points, and of a regression the skill; NaN where a value is undefined.

    R is undefined where there is but one class. Both are where there is no kernel, or it is not positive.
    """
    split, points = at.split, at.once_a_run(probe.whole)
    F = None if blocks is None or split.chance == 1 else after_predictions(at, blocks, ridge)
    if F is None:
        return math.nan, math.nan
    y = split.y_test[points.held_out]
    reached = accuracy(F, y, None if split.n_classes else split.tolerance)
    return (reached - split.chance) / (1 - split.chance), math.nan if split.n_classes else regression_skill(F, y)


def after_predictions(at: Checkpoint, blocks: probe.KernelBlocks, ridge: float) -> np.ndarray | None:
    """(m, C) what a kernel on the whole points predicts of the held-out ones; None where it is not positive."""
    y, n_classes = at.split.y_train[at.once_a_run(probe.whole).train], at.split.n_classes
    blocks = blocks if n_classes else with_intercept(blocks)
    F = ridge_predictions(blocks, probe.targets(y, n_classes), ridge)
    return F if F is None or n_classes else F + y.mean()


def with_intercept(blocks: probe.KernelBlocks) -> probe.KernelBlocks:
    """K + tr(K_11)/n in every entry: one more feature, constant and as large as the others together."""
    constant = blocks.train.trace() / len(blocks.train)
    return probe.KernelBlocks(blocks.train + constant, blocks.cross + constant)


@register_measure("movement")
class Movement(Measure):
    """How far the kernel has moved from where it started, 1 - CKA by the unbiased estimate.

    K now and L at the start, on the 256 points of the probe, diagonals set to 0:

        HSIC(K, L) = [tr(KL) + 1'K1 1'L1 / ((n-1)(n-2)) - 2/(n-2) 1'KL1] / (n (n-3))
        movement   = 1 - HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))

    The start is time 0 where the learner has a kernel there, else the first checkpoint from 5 clock units on (trees
    without a forest). Undefined where a kernel is all diagonal. It says that something moved, not that it matters: it
    is as large for random labels as for generalization. The biased estimate sees mostly the diagonal: .80 for
    unrelated kernels at n = 256.

    Source: Song et al. 2012 (JMLR 13); Nguyen, Raghu & Kornblith (arXiv 2010.15327). Null: 0 for a fixed kernel, 1 for
    an unrelated one. Cost: one kernel on 256 points.
    """

    def __init__(self):
        self._reference: np.ndarray | None = None

    def look(self, at: Checkpoint):
        """1 - CKA to the reference."""
        kernel = at.once(probe.probe_kernel)
        if kernel is None:
            return None
        if self._reference is None and (at.time == 0 or at.time >= LEAST_TREES * at.learner.first_time):
            self._reference = kernel
        return None if self._reference is None else 1 - unbiased_cka(kernel, self._reference)


@register_measure("alignment")
class Alignment(Measure):
    """Agreement of the kernel with the labels between training and held-out points of the probe.

    Kc is the 128 x 128 block between the two sides, rows and columns centred, Y1 and Y2 the one-hot labels of the
    sides, centred: A = <Kc, Y1 Y2'> / (|Kc| |Y1 Y2'|). alignment_z is A over its standard deviation under 200
    permutations of the held-out labels. Finite tables start below 0, so that only changes can be read; and it fails to
    separate on RFM, so that families must not be compared by it.

    Source: kernel-target alignment (Cristianini et al. 2001), off the training block. Null: 0, standard deviation about
    1/128. Cost: one kernel on 256 points.
    """

    columns = ("alignment", "alignment_z")

    def look(self, at: Checkpoint):
        """A and its z."""
        kernel, points, split = at.once(probe.probe_kernel), at.once_a_run(probe.probe), at.split
        if kernel is None or len(points.train) < 2:
            return None
        h = len(points.train)
        y1, y2 = split.y_train[points.train], split.y_test[points.held_out]
        shuffles = at.once_a_run(shuffled_held_out)
        Y1, Y2 = (probe.targets(y, split.n_classes) for y in (y1, y2))
        return alignment(kernel[:h, h:], Y1, Y2, shuffles)


@register_measure("effective_dimension")
class EffectiveDimension(Measure):
    """Share of the training points that the centred kernel can tell apart, at ridge .01.

    tr Kc (Kc + .01 tr(Kc)/n I)^-1 / n, Kc the training block with rows and columns centred. Descriptive.

    Source: Zhang 2005 (Neural Computation 17). Null: (n-1)/n for the identity over .01, 0 for a constant kernel. Cost:
    an eigendecomposition, shared with label_fit_rank.
    """

    def look(self, at: Checkpoint):
        """The share."""
        spectrum = at.once(probe.spectrum)
        return None if spectrum is None else effective_dimension(spectrum, DIMENSION_RIDGE)


def shuffled_held_out(split: Split) -> np.ndarray:
    """(200, m) permutations of the held-out points of the probe."""
    rng, m = probe.rng_of(split, "alignment"), len(probe.probe(split).held_out)
    return np.array([rng.permutation(m) for _ in range(PERMUTATIONS)])


def ridge_predictions(blocks: probe.KernelBlocks, Y: np.ndarray, ridge: float) -> np.ndarray | None:
    """(m, C) kernel ridge regression ``K_21 (K_11 + ridge tr(K_11)/n I)^-1 Y``; None where that is not positive."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    A = blocks.train.copy()
    A[np.diag_indices_from(A)] += ridge * blocks.train.trace() / len(Y)
    try:
        return blocks.cross @ cho_solve(cho_factor(A, lower=True, overwrite_a=True, check_finite=False), Y)
    except LinAlgError:
        return None


def unbiased_cka(K: np.ndarray, L: np.ndarray) -> float:
    """Centred kernel alignment of two (n, n) kernels by the unbiased HSIC; NaN where a kernel is all diagonal."""
    own = []
    if len(K) < 4:  # the estimate does not exist
        return math.nan
    for kernel in (K, L):
        own.append(_hsic(kernel, kernel))
        if not own[-1] > NEGLIGIBLE * (np.trace(kernel) / len(kernel)) ** 2:
            return math.nan
    return _hsic(K, L) / math.sqrt(own[0] * own[1])


def _hsic(K: np.ndarray, L: np.ndarray) -> float:
    n = len(K)
    K, L = K - np.diag(K.diagonal()), L - np.diag(L.diagonal())
    rows_k, rows_l = K.sum(axis=0), L.sum(axis=0)
    total = (K * L).sum() + rows_k.sum() * rows_l.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (rows_k @ rows_l)
    return float(total / (n * (n - 3)))


def alignment(block: np.ndarray, Y1: np.ndarray, Y2: np.ndarray, shuffles: np.ndarray) -> tuple[float, float]:
    """A of a (h, m) kernel block with targets (h, C) and (m, C), and A over its deviation under `shuffles` (r, m)."""
    K = block - block.mean(axis=0) - block.mean(axis=1, keepdims=True) + block.mean()
    Y1, Y2 = Y1 - Y1.mean(axis=0), Y2 - Y2.mean(axis=0)
    size = np.linalg.norm(K) * np.linalg.norm(Y1 @ Y2.T)
    if not size > 0:
        return math.nan, math.nan
    agreement = K.T @ Y1 @ Y2.T / size  # (m, m): held-out point i with the label of j
    value = float(np.trace(agreement))
    null = agreement[np.arange(len(agreement)), shuffles].sum(axis=1)
    deviation = float(null.std())
    return value, value / deviation if deviation > 0 else math.nan


def effective_dimension(spectrum: probe.Spectrum, ridge: float) -> float:
    """``tr Kc (Kc + mu I)^-1 / n`` with ``mu = ridge tr(Kc)/n``, from the eigenvalues of K before it is centred.

    With A = K + mu I and e the vector of ones, the inverse of Kc + mu I is
    ``A^-1 - A^-1 e e' A^-1 / (e' A^-1 e) + e e' / (n mu)``.
    """
    values, n = spectrum.values, len(spectrum.values)
    along = spectrum.vectors.sum(axis=0) ** 2  # squared coordinates of e
    trace = values.sum() - values @ along / n
    if not trace > NEGLIGIBLE * values.sum():
        return 0.0
    mu = ridge * trace / n
    inverse = 1.0 / (values + mu)
    left = inverse.sum() - (along @ inverse**2) / (along @ inverse) + 1.0 / mu
    return float(1 - mu * left / n)
