"""May a measure of complexity carry a claim in a family? Four questions, asked of the family's own runs.

Q1  On random labels it rises with the number that is memorized (n/8, n/4, n/2, n): the medians over seeds rise from
    size to size, and the interval of the median slope (log2 measure per doubling) lies above 0.
Q2  It puts a planted simple predictor, which fits its true labels, below a memorizer of as many random labels, in nine
    tenths of the pairs.
Q3  Renaming the classes and scaling the scores change nothing.
Q4  No held-out label enters.

Planted are: a network of waves with closed-form weights, the kernel machine of a circulant metric, the Gaussian process
whose lengthscales are short on the true bits only, and trees that see the true bits alone. Half of the random labels
of Q1 and Q2 are marked as redrawn, for the measure that counts them.

`python studies/qualification.py 10` prints the table for 10 seeds, and writes it where a second argument says.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from grokbench.curves.checkpoint import Checkpoint
from grokbench.learners.base import Learner
from grokbench.registry import learners, measures, tasks
from grokbench.statistics.location import median_interval
from grokbench.tasks.base import Split
from grokbench.threads import one_thread

SHARES = (1 / 8, 1 / 4, 1 / 2, 1)
FIT = 0.98  # of the training labels: who memorizes less says nothing
WINS = 0.9
SEED = 10_000  # apart from the seeds of all suites
TREES, ROUNDS = {"max_depth": 10, "colsample_bynode": 0.3, "eta": 0.3}, 60
MEASURES = (
    *("label_fit_rank", "submodel_size", "feature_dimension", "weight_bits", "code_length", "memorized_bits"),
    *("effective_rank", "leaves", "norm"),
)


@dataclass(frozen=True)
class Family:
    """A recipe: its task at full size (options by size), learner, and when its memory is full.

    plant : of a split with true labels, a learner that holds a simple predictor of them.
    """

    name: str
    task: str
    sizes: Callable[[float], dict]
    learner: str
    options: dict
    time: int
    plant: Callable[[Split, np.random.Generator], Learner]

    def split(self, seed: int, share: float = 1.0, **options) -> Split:
        """The split of a seed, at a share of the full size."""
        return tasks.create(self.task, **self.sizes(share), **options).split(seed)

    def memorizer(self, split: Split, seed: int) -> Checkpoint:
        """The recipe, trained on a split."""
        learner = learners.create(self.learner, **self.options)
        begin(learner, split, np.random.default_rng(seed))
        learner.advance(self.time)
        return look(learner, split, self.time)

    def planted(self, split: Split, seed: int) -> Checkpoint:
        """The simple predictor on a split."""
        return look(self.plant(split, np.random.default_rng(seed)), split, self.time)


def begin(learner: Learner, split: Split, rng: np.random.Generator) -> None:
    """Hand over the training data."""
    learner.begin(split.X_train, split.y_train, split.n_classes, split.alphabet, rng)


def look(learner: Learner, split: Split, time: float) -> Checkpoint:
    """A checkpoint of a learner as it stands."""
    return Checkpoint(learner, split, time, learner.scores(split.X_train), learner.scores(split.X_test))


# ---------------------------------------------------------------- planted predictors


def network_of_waves(split: Split, rng: np.random.Generator, frequencies: int = 4) -> Learner:
    """f_c = sum over frequencies w of cos(2 pi w (a + b - c) / p), of squares of sums of waves (Gromov 2301.02679).

    A unit of phases s, d is (cos(wa + (s + d)/2) + cos(wb + (s - d)/2))^2, read out by cos(wc + s); over three values
    each of s and d everything but the wanted product cancels.
    """
    import torch

    learner = learners.create("mlp", activation="quadratic")
    begin(learner, split, rng)
    p, thirds = split.alphabet[0], 2 * np.pi * np.arange(3) / 3
    below, above = np.zeros((2 * p, learner.hidden[0])), np.zeros((learner.hidden[0], p))
    chosen = 1 + rng.choice((p - 1) // 2, frequencies, replace=False)
    units = [(w, s, d) for w in 2 * np.pi * chosen / p for s in thirds for d in thirds]
    for unit, (w, s, d) in enumerate(units):
        phases = np.concatenate([w * np.arange(p) + (s + d) / 2, w * np.arange(p) + (s - d) / 2])
        below[:, unit], above[unit] = np.cos(phases), np.cos(w * np.arange(p) + s)
    with torch.no_grad():
        for tensor, array in zip(learner._trained, (below, above), strict=True):
            tensor.copy_(torch.tensor(array))
    return learner


def circulant_metric(split: Split, rng: np.random.Generator) -> Learner:
    """The kernel machine of M = [[J, C], [C', J]], J the projection away from constants, C a random circulant isometry.

    C_ij depends on i - j alone, with Fourier coefficients of modulus 1 and random phases (Mallinar et al. 2407.20199).
    """
    learner = learners.create("rfm", frozen=True)
    begin(learner, split, rng)
    p = split.alphabet[0]
    phases = rng.uniform(0, 2 * np.pi, (p - 1) // 2)
    wave = np.concatenate([[0], np.exp(1j * phases), np.exp(-1j * phases[::-1])])
    row, letters = np.fft.ifft(wave).real, np.arange(p)
    C, J = row[(letters[:, None] - letters) % p], np.eye(p) - 1 / p
    learner._use(np.block([[J, C], [C.T, J]]))
    learner.advance(1)
    return learner


def true_bits(split: Split, k: int = 3) -> list[int]:
    """The bits whose parity is the label."""
    signs, y = 2 * split.X_train - 1, 2 * split.y_true - 1
    fitting = (c for c in combinations(range(signs.shape[1]), k) if abs(signs[:, c].prod(axis=1) @ y) == len(y))
    return list(next(fitting))


def short_on_the_true_bits(split: Split, rng: np.random.Generator) -> Learner:
    """A Gaussian process of lengthscale .5 on the true bits and 50 on the others."""
    learner = learners.create("gaussian_process", frozen=True)
    begin(learner, split, rng)
    lengthscales = np.full(split.X_train.shape[1], 50.0)
    lengthscales[true_bits(split)] = 0.5
    learner._theta[: len(lengthscales)] = np.log(np.expm1(lengthscales))
    learner.advance(1)
    return learner


def trees_of_the_true_bits(split: Split, rng: np.random.Generator) -> Learner:
    """The recipe's trees, grown where all bits but the true ones are 0."""
    learner = learners.create("xgboost", **TREES)
    X = np.zeros_like(split.X_train)
    X[:, true_bits(split)] = split.X_train[:, true_bits(split)]
    learner.begin(X, split.y_train, split.n_classes, split.alphabet, rng)
    learner.advance(ROUNDS)
    return learner


def table_of_31(share: float) -> dict:
    """x + y mod 31, up to three fifths of the table."""
    return {"modulus": 31, "train_fraction": 0.6 * share}


def bits_of(n_bits: int, n: int) -> Callable[[float], dict]:
    """3-parity, up to n examples."""
    return lambda share: {"n_bits": n_bits, "k": 3, "n_train": round(n * share), "n_test": 1000}


FAMILIES = [
    Family(
        *("mlp", "modular", table_of_31, "mlp", {"activation": "quadratic", "weight_decay": 1.0}, 1000),
        plant=network_of_waves,
    ),
    Family("rfm", "modular", table_of_31, "rfm", {}, 20, plant=circulant_metric),
    Family("gp", "parity", bits_of(25, 200), "gaussian_process", {}, 60, plant=short_on_the_true_bits),
    Family("trees", "parity", bits_of(50, 1500), "xgboost", TREES, ROUNDS, plant=trees_of_the_true_bits),
]


# ---------------------------------------------------------------- the same learner under other names


class Renamed(Learner):
    """A learner whose class k is the original's class ``order[k]``, and whose scores are scaled."""

    def __init__(self, learner: Learner, order: np.ndarray, scale: float):
        self._learner, self._order, self._scale = learner, order, scale
        self.loss = learner.loss

    def scores(self, X):
        """Columns in the new order."""
        return self._scale * self._learner.scores(X)[:, self._order]

    def kernel(self, X):
        """The original's."""
        return self._learner.kernel(X)

    def other_kernels(self, X):
        """The original's."""
        return self._learner.other_kernels(X)

    def scores_of(self, description, X):
        """The original's, renamed."""
        return self._scale * self._learner.scores_of(description, X)[:, self._order]

    def description(self):
        """The original's."""
        return self._learner.description()

    def parts(self):
        """The original's."""
        return self._learner.parts()

    def leading(self, size):
        """The original's."""
        return self._learner.leading(size)


def renamed(at: Checkpoint, rng: np.random.Generator) -> Checkpoint:
    """The same checkpoint with classes renamed and scores three times as large."""
    order = rng.permutation(at.split.n_classes)
    names = np.argsort(order)
    y = {name: names[getattr(at.split, name)] for name in ("y_train", "y_test", "y_true")}
    return look(Renamed(at.learner, order, 3.0), replace(at.split, **y), at.time)


def other_held_out_labels(at: Checkpoint, rng: np.random.Generator) -> Checkpoint:
    """The same checkpoint with the held-out labels shuffled."""
    return look(at.learner, replace(at.split, y_test=rng.permutation(at.split.y_test)), at.time)


# ---------------------------------------------------------------- the four questions


def measured(at: Checkpoint) -> dict[str, float]:
    """All measures at a checkpoint; bits of the redrawn labels in all, not per label."""
    values = {name: measures.create(name).row(at)[name] for name in MEASURES}
    return values | {"memorized_bits": values["memorized_bits"] * len(at.split.redrawn)}


def fitted(at: Checkpoint) -> bool:
    """Whether the training labels are fitted."""
    return bool((at.train_scores.argmax(axis=1) == at.split.y_train).mean() >= FIT)


def run(family: Family, seeds: int) -> pd.DataFrame:
    """One row per measure of a family."""
    ladder, planted, q3, q4 = [], [], [], []
    for seed in range(SEED, SEED + seeds):
        rng = np.random.default_rng(seed)
        rungs = [family.memorizer(family.split(seed, s, labels="shuffled", label_noise=0.5), seed) for s in SHARES]
        ladder.append([measured(at) if fitted(at) else {} for at in rungs])
        simple = family.planted(family.split(seed), seed)
        noisy = family.planted(family.split(seed, label_noise=0.5), seed)  # half redrawn: what it keeps of them
        pair = measured(simple) if fitted(simple) else {}
        planted.append(pair | {"memorized_bits": measured(noisy)["memorized_bits"]})
        if seed < SEED + 2:
            values = measured(rungs[1])
            q3.append((values, measured(renamed(rungs[1], rng))))
            q4.append((values, measured(other_held_out_labels(rungs[1], rng))))
    return pd.DataFrame(
        [
            {"family": family.name, "measure": measure, **answers(measure, ladder, planted, q3, q4)}
            for measure in MEASURES
        ]
    )


def answers(measure: str, ladder: list, planted: list, q3: list, q4: list) -> dict[str, object]:
    """The four questions of one measure; empty where the family does not show what it needs."""
    sizes = np.array([[row.get(measure, np.nan) for row in rungs] for rungs in ladder])  # (seeds, sizes)
    whole = sizes[~np.isnan(sizes).any(axis=1)]
    if not whole.size:
        return {}
    slopes = [np.polyfit(np.arange(len(SHARES)), row, 1)[0] for row in np.log2(whole)]
    slope, medians = median_interval(slopes), np.median(whole, axis=0)
    rises = bool((np.diff(medians) > 0).all())
    simple = np.array([row.get(measure, np.nan) for row in planted])
    known = ~np.isnan(simple) & ~np.isnan(sizes[:, -1])
    pairs = list(zip(simple[known], sizes[known, -1], strict=True))
    wins = sum(a < b and not same(a, b) for a, b in pairs)
    return {
        **{f"n{round(1 / share)}": median for share, median in zip(SHARES, medians, strict=True)},
        "slope": slope.estimate,
        "low": slope.low,
        "high": slope.high,
        "Q1": rises and slope.low > 0,
        "planted": np.median(simple[known]) if pairs else np.nan,
        "below": wins,
        "pairs": len(pairs),
        "Q2": bool(pairs) and wins >= WINS * len(pairs),
        "Q3": all(same(a[measure], b[measure]) for a, b in q3),
        "Q4": all(same(a[measure], b[measure]) for a, b in q4),
    }


def same(a: float, b: float) -> bool:
    """Equal to within 5 %: the bias of memorized bits is estimated from draws that depend on the split's hash."""
    return bool(np.isclose(a, b, rtol=0.05, equal_nan=True))


def table(seeds: int, families: list[Family] | None = None) -> pd.DataFrame:
    """All families."""
    with one_thread():
        rows = pd.concat([run(family, seeds) for family in families or FAMILIES], ignore_index=True)
    rows = rows.dropna(subset=["Q1"])  # what a family does not show
    passed = rows[["Q1", "Q2", "Q3", "Q4"]].astype(bool).all(axis=1)
    return rows.assign(qualified=passed).reset_index(drop=True)


if __name__ == "__main__":
    rows = table(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
    print(rows.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
    if len(sys.argv) > 2:
        rows.to_csv(Path(sys.argv[2]), index=False, float_format="%.6g")
