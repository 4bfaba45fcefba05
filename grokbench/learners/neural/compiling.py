"""The machine code of networks before the first run: is it on this machine's disk, and who brings it there."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from grokbench.learners.neural.compiled import CompiledDescent, examples, in_use
from grokbench.learners.neural.mlp import MLP

PRECISIONS = ("float32", "float64")


def waits() -> bool:
    """Whether the first training on this machine, or after an update, has to wait for the compiler."""
    return in_use() and bool(_missing())


def prepare() -> None:
    """Have the loop in memory, for both precisions; where it is not on disk, a process for each compiles it."""
    if not in_use():
        return
    command = f"from {__name__} import load; load({{!r}})"
    compilers = [subprocess.Popen([sys.executable, "-c", command.format(precision)]) for precision in _missing()]
    for compiler in compilers:
        compiler.wait()
    for precision in PRECISIONS:
        load(precision)


def load(precision: str) -> None:
    """Ask the smallest network for its scores, which brings the loop into memory, and torch not yet."""
    theta = np.zeros(5, precision)
    training = examples(theta.dtype, np.zeros((2, 1), dtype=np.int64), np.arange(2), 0)
    network = CompiledDescent(
        MLP(hidden=[1]),
        theta=theta,
        start=theta,
        tangent=False,
        added_start=0,
        sizes=[3, 1, 2],
        spare=0,
        training=training,
        loss="cross-entropy",
        rng=np.random.default_rng(0),
    )
    network.scores(training)


def _missing() -> list[str]:
    from grokbench.compiled.descent import kept

    return [precision for precision in PRECISIONS if not kept(precision)]
