"""Learners whose mechanism is known, run like any other: do the shipped rules return the truth that was planted?

Inputs are (class, name), every name once; the label is the class. A kernel of names alone (random vectors) memorizes,
a kernel of classes generalizes, and between them a learner can be late for nine reasons. All are closed forms of time.
`python studies/mechanisms.py 100` prints, for 100 independent suites of 10 seeds each, how often each
prediction comes out as planted, undecided, and as the opposite; names after the number choose mechanisms.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from grokbench import trace
from grokbench.curves.curve import Curve
from grokbench.curves.run import Run
from grokbench.learners.base import Learner
from grokbench.learners.encodings import one_hot
from grokbench.suites.registered import Registration
from grokbench.tasks.base import Split
from grokbench.verdicts import rules
from grokbench.verdicts.cells import Design
from grokbench.verdicts.judging import judge_explanation

CLASSES, TRAIN, HELD_OUT, VECTORS = 4, 48, 80, 96
MEMORIZED, READY, BUDGET = 20.0, 400.0, 40_000.0  # half of it is ten times as long as any rule takes
SEEDS = 10
MEASURES = {"lazy-to-rich": ["after_kernel", "movement"], "complexity": ["label_fit_rank", "memorized_bits"]}


def split_of(
    seed: int, classes: int = CLASSES, shuffled: bool = False, redrawn: float = 0.0, regression: bool = False
) -> Split:
    """The task: classes in random order, names 0, 1, ...; labels shuffled, or a share of them redrawn.

    Of a regression the label is the number of the class.
    """
    rng = np.random.default_rng([seed, 1])
    n = TRAIN + HELD_OUT
    label = np.concatenate([rng.permutation(np.arange(size) % classes) for size in (TRAIN, HELD_OUT)])
    X = np.stack([label, np.arange(n)], axis=1)
    y, noisy = label.copy(), np.sort(rng.permutation(TRAIN)[: round(redrawn * TRAIN)])
    if shuffled:
        y = np.concatenate([rng.permutation(label[:TRAIN]), rng.permutation(label[TRAIN:])])
    true = y[:TRAIN].copy()
    y[noisy] = rng.integers(classes, size=len(noisy))
    parts = X[:TRAIN], y[:TRAIN], X[TRAIN:], y[TRAIN:]
    if regression:
        numbers = [part.astype(float) for part in (y[:TRAIN], y[TRAIN:])]
        return Split(parts[0], numbers[0], parts[2], numbers[1], n_classes=0, alphabet=(classes, n), tolerance=0.1)
    return Split(*parts, n_classes=classes, alphabet=(classes, n), redrawn=noisy, y_true=true)


@dataclass(kw_only=True, eq=False)
class Planted(Learner):
    """Fits by the kernel of names from t_mem on. Subclasses say when, and through what, the rule comes in."""

    ready: float = READY
    lag: float = 0.0  # decades by which the scores lag the kernel
    pressure: bool = True

    integer_clock = False

    def begin(self, X, y, n_classes, alphabet, rng):
        self._vectors = rng.normal(size=(alphabet[1], VECTORS)) / VECTORS**0.5
        self._noise = rng.normal(size=(alphabet[1], max(n_classes, 1)))
        self._late = self.ready * 10 ** (0.05 * rng.normal())
        targets = one_hot(y, n_classes)
        self._mean = 1 / n_classes if n_classes else targets.mean()
        self._X, self._Y, self._time, self._regression = X, targets - self._mean, 0.0, not n_classes

    def advance(self, time):
        self._time = time

    def scores(self, X):
        read = rise(self._time, MEMORIZED, 4)
        scores = read * self.predictions(X) + (1 - read) * (self._time > 0) * self._noise[X[:, 1]]
        return scores + self._mean if self._regression else scores

    def kernel(self, X):
        return self.similar(X, X, self.share(self._time))

    def share(self, time: float) -> float:
        """How much of the kernel is that of classes."""
        return 0.5

    def predictions(self, X) -> np.ndarray:
        """(n, C) what is read out at the end."""
        raise NotImplementedError

    def similar(self, X, Z, share: float) -> np.ndarray:
        names = self._vectors[X[:, 1]] @ self._vectors[Z[:, 1]].T
        return (1 - share) * names + share * (X[:, :1] == Z[:, 0])

    def machine(self, X, share: float, ridge: float = 1e-6) -> np.ndarray:
        """Kernel ridge regression with a share of classes in the kernel."""
        K = self.similar(self._X, self._X, share)
        return self.similar(X, self._X, share) @ np.linalg.solve(K + ridge * np.eye(len(K)), self._Y)


def rise(time: float, middle: float, slope: float) -> float:
    """From 0 to 1, in log time."""
    return 0.0 if time == 0 else float(1 / (1 + (middle / time) ** slope))


class SlowReadout(Planted):
    """(i) Good features from the start; the direction that needs them is read out slowly."""

    def predictions(self, X):
        return self.machine(X, 0.0) + 3 * rise(self._time, self._late, 6) * self.machine(X, 1.0, ridge=1.0)


class SlowFeatures(Planted):
    """(ii), (iii) The kernel turns from names to classes; scores are its machine, sooner or later by a lag."""

    def share(self, time):
        return 0.95 * rise(time, self._late, 8)

    def predictions(self, X):
        return self.machine(X, self.share(self._time / 10**self.lag))


class DecayingOffset(Planted):
    """(iv) Right from the start, but for a constant on one class at unseen points, which decays late."""

    def predictions(self, X):
        unseen = 1.0 - np.isin(X[:, 1], self._X[:, 1])
        scores = self.machine(X, 0.5)
        scores[:, 1] += 5 * unseen * (1 - rise(self._time, self._late, 6))
        return scores


class LookupAndRule(Planted):
    """(v) A table of the training labels beside a rule, which pressure removes once the rule is there."""

    def predictions(self, X):
        late, same = rise(self._time, self._late, 6), X[:, 1:] == self._X[:, 1]
        table = 3 * (1 - late * self.pressure) * same @ self._Y
        unseen = 0.3 * self._noise[X[:, 1]] * ~same.any(axis=1)[:, None]
        return table + unseen + 2.5 * late * self.machine(X, 1.0, ridge=1.0)


class TwoExponentials(Planted):
    """(vi) Table and rule decay at two rates, and what is right is their ratio; without pressure nothing decays."""

    def predictions(self, X):
        table, rule = (np.exp(-self.pressure * self._time / scale) for scale in (self._late / 3, 30 * self._late))
        return table * self.machine(X, 0.0) + 0.05 * rule * self.machine(X, 1.0, ridge=1.0)


class LargeStart(Planted):
    """(vii) A fixed kernel in which the rule lies, from a large random function that pressure removes late."""

    def predictions(self, X):
        unseen = 1.0 - np.isin(X[:, 1:], self._X[:, 1])
        left = 1 - rise(self._time, self._late, 6) * self.pressure
        return self.machine(X, 0.5) + 5 * left * unseen * self._noise[X[:, 1]]


class SlowReadoutOfNumbers(Planted):
    """(viii) A regression: good features from the start, which the read-out turns to late."""

    def predictions(self, X):
        late = rise(self._time, self._late, 6)
        return (1 - late) * self.machine(X, 0.0) + late * self.machine(X, 1.0)


class TwoSpeeds(SlowFeatures):
    """(ix) Trees in two speeds: leaves fit the labels at t_mem, structures come the later the lazier the dose."""

    def share(self, time):
        return 0.95 * rise(time, self._late, 4)  # slow enough for the movement at t_mem to be above rounding


@dataclass(frozen=True)
class Mechanism:
    """A learner in the roles of a design, and what each prediction must say of it.

    cells : role -> (options of the learner, options of the task), or several of these
    truth : (explanation, prediction) -> verdict; prediction "" is the verdict on the explanation in the family, and
        "(all)" that on the universal claim
    """

    learner: Callable[..., Planted]
    cells: dict[str, tuple[dict, dict] | list[tuple[dict, dict]]]
    truth: dict[tuple[str, str], str]
    natural: str = "on"
    by_construction: dict[str, str] = field(default_factory=dict)


FREE, SHUFFLED, NEVER = ({}, {}), ({}, {"shuffled": True}), ({"ready": 1e9}, {})
BASE = {"free_on": FREE, "frozen_on": FREE, "shuffled": SHUFFLED}
LAZY, COMPLEX = "lazy-to-rich", "complexity"
MECHANISMS = {
    "slow read-out": Mechanism(
        SlowReadout,
        BASE,  # what is frozen already is its own frozen twin
        {(LAZY, "L1"): "contradicted", (LAZY, "L3"): "contradicted", (LAZY, ""): "contradicted"},
    ),
    "slow features": Mechanism(
        SlowFeatures,
        {
            **{"free_on": FREE, "free_off": FREE, "frozen_on": NEVER, "shuffled": SHUFFLED, "random": SHUFFLED},
            **{"low": NEVER, "low_random": ({"ready": 1e9}, {"shuffled": True})},
        },
        {
            (LAZY, "L1"): "not applicable",
            (LAZY, "L3"): "not applicable",
            (COMPLEX, "C1"): "supported",
            (COMPLEX, "C4"): "supported",
            (COMPLEX, "C5"): "contradicted",
            (COMPLEX, ""): "contradicted",
        },
        by_construction={"L1": "a kernel machine", "L3": "a kernel machine"},
    ),
    "read-out after features": Mechanism(
        SlowFeatures,
        {"free_on": ({"lag": 0.2}, {}), "frozen_on": NEVER, "shuffled": ({"lag": 0.2}, {"shuffled": True})},
        {(LAZY, "L1"): "supported", (LAZY, "L3"): "supported", (LAZY, ""): "supported"},
    ),
    "read-out before features": Mechanism(
        SlowFeatures,
        {"free_on": ({"lag": -0.2}, {}), "frozen_on": NEVER, "shuffled": ({"lag": -0.2}, {"shuffled": True})},
        {(LAZY, "L1"): "supported", (LAZY, "L3"): "contradicted", (LAZY, ""): "contradicted"},
    ),
    "decaying offset": Mechanism(
        DecayingOffset,
        {role: (options, {**task, "classes": 2}) for role, (options, task) in BASE.items()},
        {(LAZY, "L1"): "not applicable", (LAZY, "L3"): "not applicable", (LAZY, ""): "not applicable"},
    ),
    "table removed": Mechanism(
        LookupAndRule,
        {"free_on": FREE, "shuffled": SHUFFLED, "noise": ({}, {"redrawn": 0.2})},
        {(COMPLEX, "C6"): "supported"},
    ),
    "table kept": Mechanism(
        LookupAndRule,
        {"free_on": ({"pressure": False}, {}), "shuffled": SHUFFLED, "noise": ({"pressure": False}, {"redrawn": 0.2})},
        {(COMPLEX, "C6"): "contradicted"},
    ),
    "two exponentials": Mechanism(
        TwoExponentials,
        {**BASE, "free_off": ({"pressure": False}, {})},
        {
            (LAZY, "L1"): "contradicted",
            (LAZY, "L3"): "contradicted",
            (LAZY, ""): "contradicted",
            (COMPLEX, "C5"): "supported",
        },
    ),
    "large start": Mechanism(
        LargeStart,
        {"frozen_on": FREE, "frozen_off": ({"pressure": False}, {})},
        {(LAZY, "L1"): "not applicable", (LAZY, "(all)"): "contradicted"},
    ),
    "slow read-out of numbers": Mechanism(
        SlowReadoutOfNumbers,
        {role: (options, {**task, "regression": True}) for role, (options, task) in BASE.items()},
        {(LAZY, "L1"): "contradicted", (LAZY, "L3"): "contradicted", (LAZY, ""): "contradicted"},
    ),
    "two speeds": Mechanism(
        TwoSpeeds,
        {
            **{"free_on": FREE, "frozen_on": NEVER, "shuffled": SHUFFLED},
            "doses": [({"ready": READY * 1.7**dose}, {}) for dose in range(5)],
        },
        {(LAZY, name): "supported" for name in ("L1", "L2", "L3", "")},
    ),
}


def run(mechanism: Mechanism, cell: tuple[dict, dict], seed: int) -> Run:
    """One run through the harness, as explanations see it."""
    options, task = cell
    split, predictions = split_of(seed, **task), sorted({name for name, _ in mechanism.truth})
    measures = [measure for name in predictions for measure in MEASURES[name]]
    curve = trace(mechanism.learner(**options), split, BUDGET, seed, points_per_decade=8, measures=measures)
    columns = {name: curve[name].to_numpy(dtype=float) for name in curve}
    record = {"status": "done", "config": {"seed": seed}, "clock": "flow time"}
    return Run(record, Curve(columns, split.chance, split.n_classes))


def suite(mechanism: Mechanism, number: int) -> dict[str, dict[int, Run]]:
    """The runs of one suite, by name of the cell; equal cells are run once."""
    seeds, by_name, runs = range(1000 + SEEDS * number, 1000 + SEEDS * (number + 1)), {}, {}
    for role, cells in mechanism.cells.items():
        for name, cell in named(role, cells).items():
            if repr(cell) not in runs:
                runs[repr(cell)] = {seed: run(mechanism, cell, seed) for seed in seeds}
            by_name[name] = runs[repr(cell)]
    return by_name


def named(role: str, cells) -> dict[str, tuple[dict, dict]]:
    """The cells of a role by names of their own: the role's, or numbered ones of several."""
    return {f"{role}{i}": cell for i, cell in enumerate(cells)} if isinstance(cells, list) else {role: cells}


def verdicts(mechanism: Mechanism, runs: dict[str, dict[int, Run]]) -> dict[tuple[str, str], str]:
    """What the shipped rules say of each planted truth."""
    words = {}
    for explanation in sorted({name for name, _ in mechanism.truth}):
        shipped = rules.read(explanation)
        design = Design(
            family="planted",
            task="task",
            neural=True,
            cells={role: cells_of(role, cells) for role, cells in mechanism.cells.items()},
            natural=mechanism.natural,
            complexity="label_fit_rank",
            by_construction=mechanism.by_construction if explanation == LAZY else {},
        )
        seeds = sorted(next(iter(runs.values())))
        own = replace(shipped, designs=(design,), first_seed=seeds[0], seeds=len(seeds))
        judged = judge_explanation(own, marked(runs, explanation), Registration(explanation, "hash"))
        words |= {(explanation, leaf.name): leaf.word for leaf in judged.predictions}
        words[explanation, ""], words[explanation, "(all)"] = judged.parts[0].word, judged.word
    return {key: words[key] for key in mechanism.truth}


def cells_of(role: str, cells) -> str | tuple[str, ...]:
    """What a design calls the cells of a role."""
    own = tuple(f"task/{name}" for name in named(role, cells))
    return own if isinstance(cells, list) else own[0]


def marked(runs: dict[str, dict[int, Run]], explanation: str) -> dict[str, dict[int, Run]]:
    """The runs of each role as those of a cell, each as if it had been made after the rules."""
    return {
        f"task/{role}": {
            seed: replace(run, record={**run.record, "registered": {explanation: "hash"}})
            for seed, run in by_seed.items()
        }
        for role, by_seed in runs.items()
    }


OPPOSITE = {"supported": "contradicted", "contradicted": "supported", "not applicable": "supported"}


def table(suites: int, only: Sequence[str] = ()) -> Iterator[tuple[str, str, str, Counter]]:
    """Per mechanism and planted truth, the counts of verdicts over independent suites; each as soon as it is known."""
    for name in only or MECHANISMS:
        mechanism = MECHANISMS[name]
        counts = {key: Counter() for key in mechanism.truth}
        for number in range(suites):
            for key, verdict in verdicts(mechanism, suite(mechanism, number)).items():
                counts[key][verdict] += 1
        for key, count in counts.items():
            yield name, " ".join(key).strip(), mechanism.truth[key], count


if __name__ == "__main__":
    for name, key, truth, count in table(int(sys.argv[1]) if len(sys.argv) > 1 else 100, sys.argv[2:]):
        total, counts = sum(count.values()), ", ".join(f"{v} {k}" for k, v in sorted(count.items()))
        print(f"{name:26} {key:18} planted: {truth:15} {count[truth]}/{total} ({counts})", flush=True)
