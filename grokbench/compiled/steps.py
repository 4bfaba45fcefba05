"""One step of training on vectors: what happens to the gradient, the optimizer, what happens to the parameters.

The same as `grokbench.learners.neural.optimizers`, whose torch code is the clear version.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from grokbench.compiled.elementary import machine_code

SGD, ADAM, ADAMW = range(3)
OPTIMIZERS = {"sgd": SGD, "adam": ADAM, "adamw": ADAMW}


class Rule(NamedTuple):
    """How the parameters follow from the gradient; the symbols are those of the options of a network.

    bounds : (tensors + 1,) where the weights and biases of each layer begin in the vector.
    radius : norm that the parameters keep; 0 is off.
    """

    optimizer: int
    learning_rate: float
    momentum: float
    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    radius: float
    orthogonal: bool
    grokfast_lambda: float
    grokfast_alpha: float
    bounds: np.ndarray


class Vectors(NamedTuple):
    """Parameters, their gradient, and what the optimizer remembers, each (parameters,).

    slow : the moving average of Grokfast.
    first, second : the moments of "adam"; of "sgd" the first is the momentum's buffer.
    """

    theta: np.ndarray
    gradient: np.ndarray
    slow: np.ndarray
    first: np.ndarray
    second: np.ndarray


@machine_code
def step(rule, vectors, taken, begin):
    """Change the parameters from `begin` on, after `taken` steps."""
    theta, gradient = vectors.theta[begin:], vectors.gradient[begin:]
    first, second = vectors.first[begin:], vectors.second[begin:]
    if rule.grokfast_lambda:
        amplify(rule, gradient, vectors.slow[begin:], taken)
    if rule.orthogonal:
        for k in range(len(rule.bounds) - 1):
            if rule.bounds[k] >= begin:
                tensor = slice(rule.bounds[k], rule.bounds[k + 1])
                orthogonalize(vectors.gradient[tensor], vectors.theta[tensor])
    if rule.optimizer == SGD:
        descend(rule, theta, gradient, first, taken)
    else:
        adam(rule, theta, gradient, first, second, taken + 1)
    if rule.radius:
        rescale(theta, rule.radius / norm(theta))


@machine_code
def amplify(rule, gradient, slow, taken):
    """``g + lambda h`` with the moving average ``h <- alpha h + (1 - alpha) g``, at first h = g."""
    alpha, strength = gradient.dtype.type(rule.grokfast_alpha), gradient.dtype.type(rule.grokfast_lambda)
    new = gradient.dtype.type(1 - rule.grokfast_alpha)
    for i in range(len(gradient)):
        g = gradient[i]
        h = g if taken == 0 else alpha * slow[i] + new * g
        slow[i] = h
        gradient[i] = g + strength * h


@machine_code
def orthogonalize(gradient, weights):
    """The part of a gradient orthogonal to the weights, at the length of the gradient; 0 where it is but rounding."""
    along = -inner(gradient, weights) / (inner(weights, weights) + 1e-30)
    length = norm(gradient)
    factor = gradient.dtype.type(along)
    for i in range(len(gradient)):
        gradient[i] += factor * weights[i]
    left = norm(gradient)
    rounding = 10 * np.finfo(gradient.dtype).eps * length
    rescale(gradient, 0.0 if left <= rounding else length / left)


@machine_code
def descend(rule, theta, gradient, buffer, taken):
    """Stochastic gradient descent with momentum, and decay in the gradient."""
    kind = theta.dtype.type
    rate, decay, momentum = kind(rule.learning_rate), kind(rule.weight_decay), kind(rule.momentum)
    if rule.momentum == 0:
        for i in range(len(theta)):
            theta[i] -= rate * (gradient[i] + decay * theta[i])
        return
    for i in range(len(theta)):
        g = gradient[i] + decay * theta[i]
        buffer[i] = g if taken == 0 else momentum * buffer[i] + g
        theta[i] -= rate * buffer[i]


@machine_code
def adam(rule, theta, gradient, first, second, t):
    """Adam at its t-th step, the decay in the gradient or decoupled."""
    kind = theta.dtype.type
    beta1, beta2, epsilon = kind(rule.beta1), kind(rule.beta2), kind(rule.epsilon)
    new1, new2 = kind(1 - rule.beta1), kind(1 - rule.beta2)
    rate = kind(rule.learning_rate / (1 - rule.beta1**t))
    correction = kind(1 / math.sqrt(1 - rule.beta2**t))
    in_gradient = kind(rule.weight_decay if rule.optimizer == ADAM else 0.0)
    kept = kind(1 - rule.learning_rate * rule.weight_decay if rule.optimizer == ADAMW else 1.0)
    for i in range(len(theta)):
        g = gradient[i] + in_gradient * theta[i]
        m = beta1 * first[i] + new1 * g
        v = beta2 * second[i] + new2 * g * g
        first[i] = m
        second[i] = v
        theta[i] = kept * theta[i] - rate * m / (math.sqrt(v) * correction + epsilon)


@machine_code
def inner(a, b):
    """Inner product, summed in double precision."""
    total = 0.0
    for i in range(len(a)):
        total += np.float64(a[i]) * np.float64(b[i])
    return total


@machine_code
def norm(a):
    """Euclidean norm."""
    return math.sqrt(inner(a, a))


@machine_code
def rescale(a, factor):
    """``a <- factor a``."""
    factor = a.dtype.type(factor)
    for i in range(len(a)):
        a[i] *= factor
