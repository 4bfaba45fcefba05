"""Gradients of training losses in the scores; `grokbench.learners.neural.losses` has the losses themselves."""

from __future__ import annotations

import numpy as np

from grokbench.compiled.elementary import as_written, exponentiate, machine_code

CROSS_ENTROPY, SQUARES, HINGE, STABLEMAX = range(4)
LOSSES = {"cross-entropy": CROSS_ENTROPY, "mse": SQUARES, "hinge": HINGE, "stablemax": STABLEMAX}


@machine_code
def differentiate(scores, outputs, classes, values, loss, factor):
    """The gradient of `factor` times the mean loss, over the scores; 0 in columns beyond the C `outputs`.

    classes : (n,) the true class, of all losses but squares, which take `values` of the shape of the scores.
    """
    n = len(scores)
    scale = scores.dtype.type(factor / n)
    if loss == SQUARES:
        s, y = scores.reshape(-1), values.reshape(-1)
        for i in range(len(s)):
            s[i] = (s[i] - y[i]) * (scale + scale)
    elif loss == CROSS_ENTROPY:
        softmax(scores, outputs, classes, scale)
    elif loss == HINGE:
        hinge(scores, outputs, classes, scale)
    else:
        stablemax(scores, outputs, classes, scale)
    for i in range(n):
        for c in range(outputs, scores.shape[1]):
            scores[i, c] = 0


@as_written
def softmax(s, outputs, classes, scale):
    """``p - e_true`` with ``p = exp(s) / sum exp(s)``.

    The largest term of the sum, which is 1, comes last: before the others it would swallow each of them, where together
    they are more than its last digit.
    """
    one = s.dtype.type(1)
    for i in range(len(s)):
        top = s[i, 0]
        for c in range(1, outputs):
            top = s[i, c] if s[i, c] > top else top
        for c in range(outputs):
            s[i, c] -= top
    exponentiate(s.reshape(-1))  # all rows at once: full vectors
    for i in range(len(s)):
        others, ones = s.dtype.type(0), s.dtype.type(0)
        for c in range(outputs):
            if s[i, c] == one:
                ones += one
            else:
                others += s[i, c]
        total = ones + others
        for c in range(outputs):
            s[i, c] /= total
        s[i, classes[i]] -= one
        for c in range(outputs):
            s[i, c] *= scale


@machine_code
def stablemax(s, outputs, classes, scale):
    """``(p - e_true) / (1 + |s|)`` with ``p = g / sum g``, g(s) = s + 1 for s >= 0 and 1 / (1 - s) below.

    ``log g(s) = sign(s) log(1 + |s|)`` has the slope ``1 / (1 + |s|)``, and p is the softmax of log g.
    """
    one = s.dtype.type(1)
    for i in range(len(s)):
        total = s.dtype.type(0)
        for c in range(outputs):
            size = one + abs(s[i, c])
            total += one / size if s[i, c] < 0 else size
        own = scale / (one + abs(s[i, classes[i]]))
        share = scale / total
        for c in range(outputs):
            slope = one / (one + abs(s[i, c]))
            s[i, c] = share * slope * slope if s[i, c] < 0 else share
        s[i, classes[i]] -= own


@machine_code
def hinge(s, outputs, classes, scale):
    """Of ``max(0, 1 - s_true + max of the others)``; equal runners-up share the slope."""
    for i in range(len(s)):
        true, runner_up, ties = classes[i], -s.dtype.type(np.inf), 0
        for c in range(outputs):
            if c != true:
                ties = 1 if s[i, c] > runner_up else ties + (s[i, c] == runner_up)
                runner_up = s[i, c] if s[i, c] > runner_up else runner_up
        active = 1 - s[i, true] + runner_up > 0
        for c in range(outputs):
            s[i, c] = scale / ties if active and c != true and s[i, c] == runner_up else s.dtype.type(0)
        s[i, true] = -scale if active else s.dtype.type(0)
