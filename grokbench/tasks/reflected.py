"""Splits of modular addition that a symmetry of the table maps onto themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Interval

from grokbench.errors import OptionError
from grokbench.options import Whole
from grokbench.registry import register_task
from grokbench.tasks.base import Split, Task

LARGEST_MODULUS = 1000


@register_task("reflected")
@dataclass(kw_only=True)
class Reflected(Task):
    """The table of x + y mod p, all of it for training but the fixed points of a reflection (arXiv 2604.00316).

    The reflection ``(x, y) -> (y - k, x + k)`` keeps the sum; k is drawn for each split. Its p fixed points ``y = x +
    k`` are held out. The training split is then invariant under it, and a learner that treats its inputs as the
    reflection does cannot tell what belongs to a fixed point. Points that move to the held-out split one by one break
    the symmetry; pairs (point and image) keep it.

    With nothing moved all splits of a modulus are alike up to the names of the tokens: seeds differ in order only.

    Parameters
    ----------
    modulus : p, from 3.
    moved : number of training points that are held out as well, drawn one by one without replacement.
    pairs : number of reflected pairs that are held out as well.

    Raises
    ------
    OptionError : more moved points and pairs than there are.
    """

    modulus: Annotated[int, Interval(ge=3, le=LARGEST_MODULUS)] = 61
    moved: Whole = 0
    pairs: Whole = 0

    def __post_init__(self):
        available = self.modulus * (self.modulus - 1)
        if self.moved + 2 * self.pairs >= available:
            name = "pairs" if self.pairs else "moved"
            expected = f"moved + 2 pairs below the {available} points that are not fixed"
            raise OptionError(name, getattr(self, name), expected)

    def sample(self, rng: np.random.Generator) -> Split:
        """The reflection first, then the pairs, then the points, then the order."""
        p, k = self.modulus, rng.integers(self.modulus)
        x, y = np.divmod(np.arange(p * p), p)
        image = (y - k) % p * p + (x + k) % p
        held = image == np.arange(p * p)
        firsts = rng.permutation(np.flatnonzero(np.arange(p * p) < image))[: self.pairs]
        held[firsts] = held[image[firsts]] = True
        held[rng.permutation(np.flatnonzero(~held))[: self.moved]] = True
        order = rng.permutation(p * p)
        X, labels, held = np.column_stack([x, y])[order], ((x + y) % p)[order], held[order]
        return Split(X[~held], labels[~held], X[held], labels[held], n_classes=p, alphabet=(p, p))
