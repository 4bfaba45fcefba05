"""Real images: scikit-learn's handwritten digits, where Omnigrok (Liu et al., arXiv 2210.01117) has MNIST."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge

from grokbench.errors import OptionError
from grokbench.registry import register_task
from grokbench.tasks.base import Split, Task

N_IMAGES, BRIGHTEST = 1797, 16.0
# Held-out kappa of a support vector machine (Gaussian kernel of scikit-learn's default width, C = 10, pixels
# in [0, 1]) by number of training images: means over 20 random splits, whose standard deviation is .09 at 20
# images, .012 at 200 and .004 at 1000.
ATTAINABLE = {10: 0.35, 20: 0.56, 50: 0.81, 100: 0.90, 200: 0.946, 500: 0.978, 1000: 0.986, 1500: 0.989}
Images = Annotated[int, Ge(min(ATTAINABLE))]


@register_task("digits")
@dataclass(kw_only=True)
class Digits(Task):
    """Handwritten digits 0..9 as 8 x 8 grey values: 1797 distinct images from the UCI repository.

    Images are drawn uniformly without replacement over both splits. No rule is right everywhere, so the task
    declares a ceiling: the held-out kappa that a support vector machine reaches with as many training images,
    .95 with 200, interpolated in log n_train.

    Parameters
    ----------
    scaling : "unit" divides the grey values by the brightest, so that they lie in [0, 1]; "standardized" gives
        every pixel mean 0 and variance 1 over the training images (a pixel that is the same in all of them is
        only centred).
    n_train, n_test : number of images of the split; together at most 1797.
    """

    scaling: Literal["unit", "standardized"] = "unit"
    n_train: Images = 200
    n_test: Images = 1000

    exact = False

    def __post_init__(self):
        if self.n_train + self.n_test > N_IMAGES:
            expected = f"with n_test = {self.n_test} at most {N_IMAGES - self.n_test} of the {N_IMAGES} images"
            raise OptionError("n_train", self.n_train, expected)

    def ceiling(self) -> float:
        """Attainable held-out kappa with `n_train` images; beyond 1500 that of 1500."""
        return float(np.interp(np.log(self.n_train), np.log(list(ATTAINABLE)), list(ATTAINABLE.values())))

    def sample(self, rng: np.random.Generator) -> Split:
        """The images in random order: the first ones train, the next ones are held out."""
        from sklearn.datasets import load_digits

        images, digits = load_digits(return_X_y=True)
        order, n = rng.permutation(N_IMAGES)[: self.n_train + self.n_test], self.n_train
        X, y = images[order] / BRIGHTEST, digits[order]
        if self.scaling == "standardized":
            spread = X[:n].std(axis=0)
            X = (X - X[:n].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        return Split(X[:n], y[:n], X[n:], y[n:], n_classes=10, ceiling=self.ceiling())
