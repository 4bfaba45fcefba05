"""Writes benchmarks/mediation.toml: 72 networks whose learning rates are matched to one time of memorization.

Rule: of the rates tried on a geometric search (halving or doubling until t_mem = 250 is bracketed or the training
diverges, then bisection down to a factor of 1.2), the one whose median t_mem over the exploratory seeds 0 and 1 is
nearest to 250 in the logarithm. Decays are weak and strong by what they take off the weights in 250 steps at the rate
of the cell without decay: a factor of exp(-.05) and exp(-.2). Gradient descent, momentum and Adam share one penalized
objective (the coefficient of gradient descent); AdamW decays beside its gradient.

    python studies/mediation.py > benchmarks/mediation.toml      # about 5 minutes on one core
"""

from __future__ import annotations

import itertools
import math
import sys

import numpy as np

import grokbench

WANTED, WATCHED, SEEDS = 250, 1000, (0, 1)
DECAYS, INITS, SCALES = (0.0, 0.05, 0.2), (0.35, 0.5, 0.7), (0.25, 1.0)
OPTIMIZERS = {
    "gd": {"optimizer": "sgd"},
    "momentum": {"optimizer": "sgd", "momentum": 0.9},
    "adam": {"optimizer": "adam"},
    "adamw": {"optimizer": "adamw"},
}
TASK = {"modulus": 23, "train_fraction": 0.6}
NETWORK = {"hidden": [64], "activation": "quadratic", "loss": "mse", "centred": True}
HEAD = """# Do optimizer, weight decay, initial norm and output scale act through laziness? Cells of the rules in
# grokbench/explanations/mediation.toml: a factorial of 72 networks with learning rates matched to one t_mem.
# Written by benchmarks/mediation.py, which says how; edit that.
title = "Mediation: optimizer, decay, initial norm and output scale through laziness"
seeds = 5
first_seed = 3000
points_per_decade = 20
time_limit_s = 300
comparisons = []

[[tasks]]
id = "add"
name = "modular"
modulus = 23
train_fraction = 0.6
"""


def t_mem(rate: float, **options) -> float:
    """Median over the exploratory seeds; 0 where training diverges, ten times the watched steps where it never fits."""
    times = []
    for seed in SEEDS:
        split = grokbench.task("modular", **TASK).split(seed)
        learner = grokbench.learner("mlp", learning_rate=rate, **NETWORK, **options)
        curve = grokbench.trace(learner, split, WATCHED, seed, points_per_decade=12)
        if curve.attrs["status"] != "done":
            return 0.0
        time = grokbench.detect(curve).t_mem
        times.append(10 * WATCHED if math.isnan(time) else time)
    return float(np.median(times))


def matched(rate: float, **options) -> float:
    """The learning rate by the rule above, from a first guess, to three digits."""
    times: dict[float, float] = {}
    low = high = None
    while not (low and high and high / low < 1.2):
        times[rate] = t_mem(rate, **options)
        low, high = (low, rate) if times[rate] < WANTED else (rate, high)
        rate = math.sqrt(low * high) if low and high else rate / 2 if high else rate * 2
    fitted = {rate: time for rate, time in times.items() if time > 0}
    return float(f"{min(fitted, key=lambda rate: abs(math.log(fitted[rate] / WANTED))):.3g}")


def cells():
    """Name, options and learning rate of every cell: per initial norm and scale, four optimizers by three decays."""
    for init, scale in itertools.product(INITS, SCALES):
        common, plain = {"init_scale": init, "output_scale": scale}, {}
        guess = {"gd": 0.4 * (0.35 / init) ** 4, "momentum": 0.04 * (0.35 / init) ** 4}
        for name, optimizer in OPTIMIZERS.items():
            plain[name] = matched(guess.get(name, 0.001), weight_decay=0.0, **common, **optimizer)
            shared = plain[name if name == "adamw" else "gd"]
            for level, shrinkage in enumerate(DECAYS):
                decay = float(f"{shrinkage / (WANTED * shared):.3g}")
                options = {**optimizer, **common, "weight_decay": decay}
                rate = matched(plain[name], **options) if level else plain[name]
                identity = f"{name}-{level}{INITS.index(init)}{SCALES.index(scale)}"
                print(identity, rate, file=sys.stderr, flush=True)
                yield identity, {**options, "learning_rate": rate}


def written(value: object) -> str:
    """As TOML has it."""
    return f'"{value}"' if isinstance(value, str) else str(value)


if __name__ == "__main__":
    print(HEAD, end="")
    for identity, options in cells():
        print(
            f'\n[[learners]]\nid = "{identity}"\nname = "mlp"\nhidden = [[64]]\nactivation = "quadratic"\nloss = "mse"'
        )
        print("centred = true")
        for key, value in options.items():
            print(f"{key} = {written(value)}")
        print('budget = 10_000\nmeasures = ["laziness"]')
