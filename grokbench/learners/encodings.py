"""How a learner reads a split: tokens or real features to a real matrix, and labels to targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from grokbench.tasks.base import Split

Encoding = Literal["auto", "one-hot", "sign", "integer"]


def encode(X: np.ndarray, alphabet: tuple[int, ...] | None, encoding: Encoding = "auto") -> np.ndarray:
    """(n, d) float64 from (n, arity) tokens; real features (`alphabet` None) pass unchanged.

    "one-hot": the one-hot codes of all positions side by side, d = sum(alphabet). "sign": two-letter
    alphabets only, token 0 to -1 and 1 to +1. "integer": the token's number. "auto": "sign" where
    every alphabet has two letters, else "one-hot".
    """
    if alphabet is None:
        return np.asarray(X, dtype=np.float64)
    if encoding == "auto":
        encoding = "sign" if set(alphabet) == {2} else "one-hot"
    if encoding == "integer":
        return X.astype(np.float64)
    if encoding == "sign":
        return 2.0 * X - 1.0
    offsets = np.concatenate([[0], np.cumsum(alphabet)[:-1]])
    encoded = np.zeros((len(X), sum(alphabet)))
    np.put_along_axis(encoded, X + offsets, 1.0, axis=1)
    return encoded


@dataclass(frozen=True)
class Encoder:
    """The one way in which a learner reads the inputs of a run: made in `begin`, called on every X after that.

    Parameters
    ----------
    alphabet : size of each token position; None for real features.
    encoding : the learner's option.
    """

    alphabet: tuple[int, ...] | None
    encoding: Encoding = "auto"

    @property
    def one_hot(self) -> bool:
        """Whether inputs are the one-hot codes of tokens."""
        signs = self.encoding == "auto" and set(self.alphabet or ()) == {2}
        return self.alphabet is not None and self.encoding in ("auto", "one-hot") and not signs

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """(n, d) float64 from (n, arity) tokens, or from real features: `encode`."""
        return encode(X, self.alphabet, self.encoding)

    def ones(self, X: np.ndarray) -> np.ndarray | None:
        """(n, arity) columns of the ones, where the code is one-hot: what a product with it sums; None elsewhere."""
        return X + np.concatenate([[0], np.cumsum(self.alphabet)[:-1]]) if self.one_hot else None


def cannot_encode(split: Split, encoding: Encoding) -> str | None:
    """Why `encoding` does not apply to a split, or None."""
    if encoding == "sign" and split.alphabet is not None and set(split.alphabet) != {2}:
        return 'encoding "sign" reads two-letter alphabets only'
    return None


def one_hot(y: np.ndarray, n_classes: int) -> np.ndarray:
    """(n, n_classes) float64 targets; (n, 1) of a regression (`n_classes` 0)."""
    if n_classes == 0:
        return np.asarray(y, dtype=np.float64)[:, None]
    return np.eye(n_classes)[y]
