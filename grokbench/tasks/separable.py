"""Two separable clouds: where logistic regression can be late without any feature being learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Interval

from grokbench.limits import check_size
from grokbench.options import AtLeastTwo, NonNegative, Positive, Share, Whole
from grokbench.registry import register_task
from grokbench.tasks.base import Split, Task


@register_task("separable")
@dataclass(kw_only=True)
class Separable(Task):
    """Points on either side of a gap along the first axis, and noise along all other axes.

    An input is ``x = (s u, noise * z)`` with the sign s = -1, +1 of its class, z ~ N(0, I) and a distance
    ``u >= margin`` from the plane that divides the classes. A share `on_margin` of the points of a class lies at u =
    `margin`, the others at ``margin + gap + spread |N(0, 1)|``.

    Two settings are known to be late. With all points at the margin and no intercept, turning every input to its own
    side makes one cloud with a constant label. Gaussian noise in more than n_train / 2 axes then separates the examples
    from the origin by itself: near that many axes a machine fits by the noise first, and is late (arXiv 2410.04489).
    With an intercept and classes of unequal size, the intercept follows the many points far away first, and is moved
    back by those on the margin: it is late on held-out points on the margin, not on alike ones (2602.08302).

    Parameters
    ----------
    n_noise : number of axes that the rule does not read.
    noise : standard deviation along each of them.
    margin : distance of the nearest points from the dividing plane.
    gap : distance beyond the margin at which the others begin.
    spread : scale of their distances from there on.
    on_margin : share of the training points of each class that lie on the margin.
    minority : share of the training examples that are of class 0.
    held_out : "alike" draws held-out points as training points are; "margin" puts all of them on the margin, half in
        each class.
    n_train, n_test : number of examples of the split.
    """

    n_noise: Whole = 20
    noise: NonNegative = 1.0
    margin: Positive = 1.0
    gap: NonNegative = 0.0
    spread: NonNegative = 0.0
    on_margin: Share = 0.0
    minority: Annotated[float, Interval(gt=0, le=0.5)] = 0.5
    held_out: Literal["alike", "margin"] = "alike"
    n_train: AtLeastTwo = 200
    n_test: AtLeastTwo = 1000

    def __post_init__(self):
        check_size("n_noise", self.n_noise, lambda d: (self.n_train + self.n_test) * (d + 1))

    def sample(self, rng: np.random.Generator) -> Split:
        """Training points, then held-out ones; each part has the stated number of either class."""
        train = self._draw(self.n_train, self.minority, self.on_margin, rng)
        alike = self.held_out == "alike"
        shares = (self.minority, self.on_margin) if alike else (0.5, 1.0)
        return Split(*train, *self._draw(self.n_test, *shares, rng), n_classes=2)

    def _draw(self, n: int, minority: float, on_margin: float, rng: np.random.Generator):
        """(n, 1 + n_noise) inputs and (n,) classes in random order."""
        few = min(max(round(minority * n), 1), n - 1)
        y = np.repeat([0, 1], [few, n - few])
        u = self.margin + self.gap + self.spread * abs(rng.normal(size=n))
        for members in (u[:few], u[few:]):
            members[: round(on_margin * len(members))] = self.margin
        X = np.column_stack([(2 * y - 1) * u, self.noise * rng.normal(size=(n, self.n_noise))])
        order = rng.permutation(n)
        return X[order], y[order]
