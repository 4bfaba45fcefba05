"""The loop of training between two checkpoints."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numba

from grokbench.compiled.elementary import machine_code
from grokbench.compiled.losses import differentiate
from grokbench.compiled.passes import Batch, backward, forward, hidden
from grokbench.compiled.steps import step


@cache
def loop(precision: str):
    """The loop for "float32" or "float64", whose machine code stays on disk.

    numba keeps it under the name of the function, and looks at this file alone for changes: the name has the digest of
    all files of this room. Where no folder can be written to, the machine code lives as long as the process.
    """

    def descend(shape, loss, rule, frozen_from, vectors, anchor, data, work, taken, steps, rows, ends, picked):
        """Take steps of training, in place, from `taken` of them on; returns the last scores that it computed.

        Without `steps` these are the scores of `data`, and nothing else is changed.

        frozen_from : the step from which on only the last layer is trained, -1 for never.
        anchor : parameters at which a tangent model is tangent; of a network `vectors.theta`.
        data : all training examples.
        rows, ends : indices of the minibatches' examples one after the other, and where each ends; without them every
            step takes all examples.
        picked : room for a minibatch, as `data`.
        """
        factor, begin = 1 / shape.scale, 0  # the loss is divided by the square of the scale, the scores have it once
        for i in range(max(steps, 1)):
            batch = data
            if len(ends):
                batch = pick(shape, data, rows[begin : ends[i]], picked)
                begin = ends[i]
            lowest = len(shape.sizes) - 2 if 0 <= frozen_from <= taken + i else 0
            scores = forward(shape, vectors.theta, anchor, batch, work)
            if not steps:
                break
            differentiate(scores, shape.outputs, batch.classes, batch.values, loss, factor)
            backward(shape, anchor, batch, work, vectors.gradient, lowest)
            step(rule, vectors, taken + i, shape.starts[lowest])
        return scores

    descend.__qualname__ = name_on_disk(precision)
    kind = {"error_model": "numpy", "no_cfunc_wrapper": True}
    try:
        return numba.njit(cache=True, **kind)(descend)
    except RuntimeError:  # numba's word for: no folder for it
        return numba.njit(**kind)(descend)


def name_on_disk(precision: str) -> str:
    """Precision and digest of the files of this room."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return f"descend_{precision}_{hashlib.sha256(b''.join(file.read_bytes() for file in files)).hexdigest()[:16]}"


def kept(precision: str) -> bool:
    """Whether the machine code is on this machine's disk, or cannot be."""
    folder = loop(precision).stats.cache_path
    return folder is None or any(Path(folder).glob(f"*{name_on_disk(precision)}*"))


@machine_code
def pick(shape, data, rows, picked):
    """The examples of some rows."""
    n, total = len(rows), len(data.classes)
    pick_rows(data.tokens, rows, picked.tokens)
    pick_rows(data.inputs, rows, picked.inputs)
    pick_rows(data.base, rows, picked.base)
    pick_rows(data.values, rows, picked.values)
    for i in range(n):
        picked.classes[i] = data.classes[rows[i]]
    if shape.tangent:
        for l in range(1, len(shape.sizes) - 1):
            pick_rows(hidden(shape, data.features, l, total), rows, hidden(shape, picked.features, l, n))
            pick_rows(hidden(shape, data.slopes, l, total), rows, hidden(shape, picked.slopes, l, n))
    return Batch(
        picked.tokens[:n],
        picked.inputs[:n],
        picked.base[:n],
        picked.features,
        picked.slopes,
        picked.classes[:n],
        picked.values[:n],
    )


@machine_code
def pick_rows(source, rows, target):
    """``target_i = source_rows_i``; nothing of a table without rows."""
    if len(source):
        for i in range(len(rows)):
            row = rows[i]
            for k in range(source.shape[1]):
                target[i, k] = source[row, k]
