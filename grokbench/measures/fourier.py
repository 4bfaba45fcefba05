"""The score face in Fourier space: how much of the held-out scores is a function of the sum alone, by frequency."""

from __future__ import annotations

import math

import numpy as np

from grokbench.curves.checkpoint import Checkpoint
from grokbench.measures.base import Measure
from grokbench.registry import register_measure

MOST = 15  # frequencies that have a column: all of a modulus up to 31


@register_measure("fourier_energy")
class FourierEnergy(Measure):
    """Energy of the held-out scores in the waves of a sum mod p, and in everything else.

    With S the scores, centred over the p classes, and g(d) the mean of S[a, b, a + b + d] over the held-out pairs
    (a, b), the restricted scores of frequency k are the projection of g on cos and sin of 2 pi k d / p. Their mean
    square is

        E_k = 2 |F_k|^2,  F_k = 1/p sum_d g(d) exp(-2 pi i k d / p),

    without the factor 2 where k = p / 2. fourier_energy: the sum of E_k over all k from 1 to p / 2, the mean square of
    g. fourier_excluded: the mean square of S less that, the energy that a rule for the sum has no use for. fourier_1 to
    fourier_15: the E_k, so that frequencies can be chosen afterwards, and chosen again where there is nothing to find.
    In the square of the scores' own units: to be read relative to another time, or another run, of the same learner.

    Held-out pairs alone: a table of which the share f is memorized has the share f^2 of the rule's energy in these
    waves, whatever it says of the other pairs. No label enters. Defined where inputs are pairs of tokens 0 to p - 1 and
    there are p classes, p from 3 to 31; of another operation than the sum it is a null.

    Source: restricted and excluded logits (Nanda et al., arXiv 2301.05217). Null: of independent scores on n pairs,
    1 / n of their energy. Cost: none.
    """

    columns = ("fourier_energy", "fourier_excluded", *(f"fourier_{k}" for k in range(1, MOST + 1)))

    def look(self, at: Checkpoint):
        """The two sums and the energies."""
        p = at.split.n_classes
        if at.split.alphabet != (p, p) or not 3 <= p <= 2 * MOST + 1:
            return None
        scores = at.test_scores - at.test_scores.mean(axis=1, keepdims=True)
        energies = wave_energies(scores, at.split.X_test.sum(axis=1))
        restricted, whole = float(energies.sum()), float((scores**2).mean())
        others = (math.nan,) * (MOST - len(energies))
        return restricted, whole - restricted, *energies.tolist(), *others


def wave_energies(scores: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """(p // 2,) energies E_k of centred scores (n, p) of pairs with the sums (n,)."""
    n, p = scores.shape
    shifted = (sums[:, None] + np.arange(p)) % p
    power = np.abs(np.fft.rfft(scores[np.arange(n)[:, None], shifted].mean(axis=0))[1:] / p) ** 2
    power[: (p - 1) // 2] *= 2  # k and p - k; k = p / 2 stands once
    return power
