"""The description face as bits: how exactly a network's weights must be known for it to keep its own answers."""

from __future__ import annotations

import math
import re

import numpy as np

from grokbench.curves.checkpoint import Checkpoint
from grokbench.curves.evaluate import accuracy
from grokbench.measures import probe
from grokbench.measures.base import Measure
from grokbench.registry import register_measure

KEPT = 0.9  # share of its own answers
DRAWS = 16  # which are drawn matters by 5 % at most; by 4 of them it would by 7 %
LEAST, MOST = -8.0, 4.0  # log2 of the relative noise: where the bisection looks
HALVINGS = 7
WEIGHTS = re.compile(r"[Wb]\d+")  # names of a network's arrays in a description


@register_measure("weight_bits")
class WeightBits(Measure):
    """Bits to which a network's weights must be known for it to keep .9 of its own answers on the training points.

    Every array of weights W is sent with Gaussian noise of deviation s = rho rms(W), the same rho for all. rho is the
    largest at which the share of training points (at most 1500) with the answer of the exact network, averaged over 16
    draws, is .9. Each weight w then costs the capacity of a channel of that noise,

        1/2 sum_i log2(1 + w_i^2 / s_i^2).

    rho is bracketed between 2^-8 and 2^4 in log scale, halved 7 times, and read by linear interpolation of the share,
    which is within .5 % of the bits of 14 halvings. The noise is drawn from the split's hash alone, so that it is the
    same at all checkpoints. Of a regression an answer is kept within the task's tolerance. Defined as soon as the
    network has answers, and no label enters. For learners whose description has arrays W1, b1, W2 ... alone; undefined
    for others, and where the least noise already loses more (scores that are all equal, as of a centred network at time
    0).

    To be read relative to the random-label twin, within one architecture. The order of the hidden units matters as
    little as which noise is drawn; scale that moves from a unit's weights below to those above does matter.

    Source: flat minima as bits (Hochreiter & Schmidhuber 1997, Neural Computation 9); bits back (Hinton & van Camp
    1993). Null: none; it rises with the number of random labels that are memorized. Cost: 112 forward passes.
    """

    def look(self, at: Checkpoint):
        """The bits."""
        weights = at.learner.description()
        if not weights or not all(WEIGHTS.fullmatch(name) for name in weights):
            return None
        points = at.once_a_run(probe.whole).train
        inputs, answers = at.split.X_train[points], at.train_scores[points]
        if at.learner.scores_of(weights, inputs[:1]) is None:
            return None
        draws = noise_of(weights, probe.rng_of(at.split, "weight_bits"))

        def kept(rho: float) -> float:
            noisy = ({name: W + rho * draw[name] for name, W in weights.items()} for draw in draws)
            return float(np.mean([_same(at.learner.scores_of(each, inputs), answers, at.split) for each in noisy]))

        rho = largest_noise(kept)
        return None if rho is None else sum(channel_bits(W, rho) for W in weights.values())


def noise_of(weights: dict[str, np.ndarray], rng: np.random.Generator) -> list[dict[str, np.ndarray]]:
    """Draws of noise in the shapes of the weights, each array with the root mean square of its weights."""
    sizes = {name: np.sqrt(np.mean(W**2)) for name, W in weights.items()}
    return [{name: sizes[name] * rng.standard_normal(W.shape) for name, W in weights.items()} for _ in range(DRAWS)]


def largest_noise(kept) -> float | None:
    """The relative noise at which the share of answers kept(rho) passes .9; None where it is below at the least."""
    low, high, at_low, at_high = LEAST, MOST, math.nan, math.nan
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        share = kept(2**middle)
        if share >= KEPT:
            low, at_low = middle, share
        else:
            high, at_high = middle, share
    if math.isnan(at_low):
        return None
    if math.isnan(at_high):
        return 2**high
    return 2 ** (low + (high - low) * (at_low - KEPT) / (at_low - at_high))


def channel_bits(W: np.ndarray, rho: float) -> float:
    """1/2 sum log2(1 + w^2 / s^2) with s = rho rms(W); 0 for an array of zeros."""
    mean_square = float(np.mean(W**2))
    return float(np.log2(1 + W**2 / (rho**2 * mean_square)).sum() / 2) if mean_square > 0 else 0.0


def _same(scores: np.ndarray, answers: np.ndarray, split) -> float:
    """Share of the points whose answer is that of other scores."""
    if split.n_classes == 0:
        return accuracy(scores, answers[:, 0], split.tolerance)
    return float((scores.argmax(axis=1) == answers.argmax(axis=1)).mean())
