"""Where measures look: points that depend on the split alone, and the kernel between them, decomposed once.

The same for all learners, all their seeds and all checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grokbench.curves.checkpoint import Checkpoint
from grokbench.tasks.base import Split

PROBE = 128  # points of either side of the probe
MOST_TRAIN = 1500  # training points of the whole: an eigendecomposition of more takes seconds
MOST_HELD_OUT = 512


@dataclass(frozen=True)
class Points:
    """Indices of training and of held-out examples, increasing."""

    train: np.ndarray
    held_out: np.ndarray


def probe(split: Split) -> Points:
    """128 training and 128 held-out points, stratified by class, none of them with a redrawn label."""
    return _draw(split, PROBE, PROBE, np.setdiff1d(np.arange(len(split.y_train)), split.redrawn))


def whole(split: Split) -> Points:
    """The whole training split up to 1500 points and at most 512 held-out ones, stratified by class."""
    return _draw(split, MOST_TRAIN, MOST_HELD_OUT, np.arange(len(split.y_train)))


def whole_inputs(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """The inputs of the whole: of the training points, and of the held-out ones."""
    points = whole(split)
    return split.X_train[points.train], split.X_test[points.held_out]


def rng_of(split: Split, purpose: str) -> np.random.Generator:
    """A generator seeded by the split's hash alone; `purpose` keeps draws apart."""
    return np.random.default_rng([int(split.hash, 16), *purpose.encode()])


def _draw(split: Split, most_train: int, most_held_out: int, candidates: np.ndarray) -> Points:
    rng, labels = rng_of(split, "points"), split.n_classes > 0
    train = stratified(split.y_train[candidates] if labels else np.zeros(len(candidates)), most_train, rng)
    held_out = stratified(split.y_test if labels else np.zeros(len(split.y_test)), most_held_out, rng)
    return Points(candidates[train], held_out)


def stratified(strata: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """At most `most` indices, increasing, each stratum with its share; names of strata do not matter.

    Every example gets the quantile of its place in a random order of its stratum; those of the lowest quantiles are in.
    """
    order = rng.permutation(len(strata))
    _, which, counts = np.unique(strata[order], return_inverse=True, return_counts=True)
    by_stratum = np.argsort(which, kind="stable")
    place = np.empty(len(strata))
    place[by_stratum] = np.arange(len(strata)) - np.repeat(np.cumsum(counts) - counts, counts)
    quantile = (place + 0.5) / counts[which]
    return np.sort(order[np.argsort(quantile, kind="stable")[:most]])


@dataclass(frozen=True)
class KernelBlocks:
    """K between training points (n, n), and between held-out (m) and training points (m, n), float64."""

    train: np.ndarray
    cross: np.ndarray


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues (n,) of the training block, falling and not negative, and eigenvectors (n, n) in its columns."""

    values: np.ndarray
    vectors: np.ndarray


def inputs_of(at: Checkpoint, points: Points) -> np.ndarray:
    """The inputs of some points, training points first."""
    return np.concatenate([at.split.X_train[points.train], at.split.X_test[points.held_out]])


def _usable(kernel: np.ndarray | None) -> np.ndarray | None:
    """The kernel in float64; None where it is not there, not finite or 0."""
    if kernel is None or not np.isfinite(kernel).all() or not np.trace(kernel) > 0:
        return None
    return np.asarray(kernel, dtype=np.float64)


def probe_kernel(at: Checkpoint) -> np.ndarray | None:
    """K between all points of the probe, training points first; None where the learner shows no (finite) kernel."""
    return _usable(at.learner.kernel(inputs_of(at, at.once_a_run(probe))))


def train_kernel(at: Checkpoint) -> np.ndarray | None:
    """K between the training points of the whole; None where the learner shows no (finite) kernel.

    A learner that does not offer the other block is asked for both at once: its kernel may depend on all its inputs.
    """
    train, held_out = at.once_a_run(whole_inputs)
    if at.learner.cross_kernel(held_out[:1], train[:1]) is not None:
        return at.once(_train_block)
    blocks = at.once(kernel_blocks)
    return None if blocks is None else blocks.train


def kernel_blocks(at: Checkpoint) -> KernelBlocks | None:
    """K on the whole points; None where the learner shows no (finite) kernel."""
    train, held_out = at.once_a_run(whole_inputs)
    cross = at.learner.cross_kernel(held_out, train)
    if cross is None:
        return blocks_of(at.learner.kernel(np.concatenate([train, held_out])), len(train))
    kernel = at.once(_train_block)
    if kernel is None or not np.isfinite(cross).all():
        return None
    return KernelBlocks(kernel, np.asarray(cross, dtype=np.float64))


def _train_block(at: Checkpoint) -> np.ndarray | None:
    return _usable(at.learner.kernel(at.once_a_run(whole_inputs)[0]))


def blocks_of(kernel: np.ndarray | None, n: int) -> KernelBlocks | None:
    """The blocks of a kernel between n training points and others; None where it is not there, not finite or 0."""
    kernel = _usable(kernel)
    if kernel is None or not np.trace(kernel[:n, :n]) > 0:
        return None
    return KernelBlocks(kernel[:n, :n], kernel[n:, :n])


def spectrum(at: Checkpoint) -> Spectrum | None:
    """The one eigendecomposition of a checkpoint, of the training block of the whole points."""
    kernel = at.once(train_kernel)
    return None if kernel is None else decomposed(kernel)


def decomposed(kernel: np.ndarray) -> Spectrum:
    """Eigenvalues and eigenvectors of a symmetric matrix (n, n)."""
    values, vectors = np.linalg.eigh(kernel)
    return Spectrum(np.maximum(values[::-1], 0.0), np.ascontiguousarray(vectors[:, ::-1]))


def targets(y: np.ndarray, n_classes: int) -> np.ndarray:
    """(n, C) one-hot labels less 1/C; (n, 1) centred values of a regression."""
    if n_classes == 0:
        return (y - y.mean())[:, None]
    return np.eye(n_classes)[y] - 1.0 / n_classes
