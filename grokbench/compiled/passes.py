"""Forward and backward pass of a fully connected network, and of its tangent model, over one batch.

All parameters are one vector: W_1, [b_1], W_2, ... row by row, and so are their gradients. What belongs to the hidden
layers lies one layer after the other, ``(n, w_1), (n, w_2), ...``, in a vector of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from grokbench.compiled.elementary import activate, machine_code


class Shape(NamedTuple):
    """What a network is made of; L is the number of its layers.

    sizes : (L + 1,) numbers of inputs, of hidden units and of columns of the last layer.
    outputs : C, the number of outputs; further columns of the last layer hold zeros.
    starts : (L + 1,) where the parameters of each layer begin in the vector, and where the last ends.
    units : (L + 1,) hidden units of the layers before hidden layer l = 1 .. L - 1.
    activation : of `grokbench.compiled.elementary.ACTIVATIONS`.
    tangent : the model is linear in its parameters; features and slopes are given.
    scale : factor of the output.
    """

    sizes: np.ndarray
    starts: np.ndarray
    units: np.ndarray
    outputs: int
    activation: int
    bias: bool
    residual: bool
    tangent: bool
    scale: float


class Batch(NamedTuple):
    """Training examples. What a model does not have is an array without entries.

    tokens : (n, arity) rows of W_1 that are summed; with arity 0 the inputs are dense.
    inputs : (n, d) dense inputs.
    base : (n, C) what is added to the outputs.
    features, slopes : h_l and phi'(a_l) of the hidden layers of a tangent model.
    classes : (n,) the true class, of all losses but squares.
    values : (n, C) the targets of squares.
    """

    tokens: np.ndarray
    inputs: np.ndarray
    base: np.ndarray
    features: np.ndarray
    slopes: np.ndarray
    classes: np.ndarray
    values: np.ndarray


class Workspace(NamedTuple):
    """Vectors that the passes write over.

    features : h_l of the hidden layers; of a tangent model their change dh_l.
    slopes : phi'(a_l) of the hidden layers.
    scores : the scores (n, C), then the gradient in them.
    above, below : gradients in h_l and a_l, (n, w) of the widest layer, of two layers in turn.
    kept : gradient in h_l of the layer above, with skip connections.
    """

    features: np.ndarray
    slopes: np.ndarray
    scores: np.ndarray
    above: np.ndarray
    below: np.ndarray
    kept: np.ndarray


@machine_code
def matrix(vector, start, rows, columns):
    """(rows, columns) of a vector's numbers from `start` on."""
    return vector[start : start + rows * columns].reshape((rows, columns))


@machine_code
def weights_of(shape, vector, l):
    """(fan-in, fan-out) of layer l in a vector of parameters or gradients, l counted from 0."""
    return matrix(vector, shape.starts[l], shape.sizes[l], shape.sizes[l + 1])


@machine_code
def bias_of(shape, vector, l):
    """(fan-out,) of layer l."""
    end = shape.starts[l + 1]
    return vector[end - shape.sizes[l + 1] : end]


@machine_code
def hidden(shape, vector, l, n):
    """(n, w_l) of hidden layer l, l counted from 1."""
    return matrix(vector, n * shape.units[l], n, shape.sizes[l])


@machine_code
def product(A, B, out):
    """``A B``."""
    np.dot(A, B, out)


@machine_code
def product_of_transposed(A, B, out):
    """``A^T B``."""
    np.dot(A.T, B, out)


@machine_code
def product_with_transposed(A, B, out):
    """``A B^T``."""
    np.dot(A, B.T, out)


@machine_code
def fill(out):
    """``out = 0`` of a vector."""
    for i in range(len(out)):
        out[i] = 0


@machine_code
def add(a, out):
    """``out += a`` of vectors."""
    for i in range(len(a)):
        out[i] += a[i]


@machine_code
def add_to_rows(row, out):
    """``out += row``, for every row of `out`."""
    for i in range(len(out)):
        for k in range(len(row)):
            out[i, k] += row[k]


@machine_code
def sum_rows(a, out):
    """``out = sum_i a_i``."""
    fill(out)
    for i in range(len(a)):
        for k in range(len(out)):
            out[k] += a[i, k]


@machine_code
def copy(a, out):
    """``out = a`` of vectors."""
    for i in range(len(a)):
        out[i] = a[i]


@machine_code
def multiply(a, out):
    """``out = a out``, entry by entry."""
    a, out = a.reshape(-1), out.reshape(-1)
    for i in range(len(out)):
        out[i] *= a[i]


@machine_code
def gather(tokens, weights, out):
    """``out_i = sum_j weights[tokens_ij]``."""
    for i in range(len(out)):
        row = tokens[i, 0]
        for k in range(out.shape[1]):
            out[i, k] = weights[row, k]
        for j in range(1, tokens.shape[1]):
            row = tokens[i, j]
            for k in range(out.shape[1]):
                out[i, k] += weights[row, k]


@machine_code
def scatter(tokens, gradient, out):
    """The gradient of `gather` in the weights: ``out[tokens_ij] += gradient_i``."""
    fill(out.reshape(-1))
    for i in range(len(gradient)):
        for j in range(tokens.shape[1]):
            row = tokens[i, j]
            for k in range(out.shape[1]):
                out[row, k] += gradient[i, k]


@machine_code
def first_layer(batch, weights, out):
    """``x W_1``."""
    if batch.tokens.shape[1]:
        gather(batch.tokens, weights, out)
    else:
        product(batch.inputs, weights, out)


@machine_code
def first_layer_gradient(batch, gradient, out):
    """``x^T g``."""
    if batch.tokens.shape[1]:
        scatter(batch.tokens, gradient, out)
    else:
        product_of_transposed(batch.inputs, gradient, out)


@machine_code
def finish(shape, batch, scores):
    """The base added to the outputs, and the scale."""
    s, base, scale = scores.reshape(-1), batch.base.reshape(-1), scores.dtype.type(shape.scale)
    add(base, s)
    if shape.scale != 1:
        for i in range(len(s)):
            s[i] *= scale


@machine_code
def forward(shape, theta, anchor, batch, work):
    """The scores (n, C); what `backward` needs of the hidden layers stays in the workspace.

    A tangent model has ``da_l = h_{l-1} dW_l + dh_{l-1} W_l + db_l`` and ``dh_l = phi'(a_l) da_l [+ dh_{l-1}]``.

    anchor : parameters at which a tangent model is tangent; of a network its own.
    """
    n, last = len(batch.classes), len(shape.sizes) - 2
    features = batch.features if shape.tangent else work.features
    scores = matrix(work.scores, 0, n, shape.sizes[-1])
    for l in range(last + 1):
        a = scores if l == last else hidden(shape, work.features if shape.tangent else work.slopes, l + 1, n)
        if l == 0:
            first_layer(batch, weights_of(shape, theta, l), a)
        else:
            product(hidden(shape, features, l, n), weights_of(shape, theta, l), a)
            if shape.tangent:
                moved = matrix(work.above, 0, n, a.shape[1])
                product(hidden(shape, work.features, l, n), weights_of(shape, anchor, l), moved)
                add(moved.reshape(-1), a.reshape(-1))
        if shape.bias:
            add_to_rows(bias_of(shape, theta, l), a)
        if l < last:
            h = hidden(shape, work.features, l + 1, n)
            if shape.tangent:
                multiply(hidden(shape, batch.slopes, l + 1, n), h)
            else:
                activate(a, h, shape.activation)
            if shape.residual and l > 0:
                add(hidden(shape, work.features, l, n).reshape(-1), h.reshape(-1))
    finish(shape, batch, scores)
    return scores


@machine_code
def backward(shape, anchor, batch, work, gradient, lowest):
    """The gradient in the parameters of the layers from `lowest` on, from that in the outputs, `work.scores`.

    ``g_l = u_l phi'(a_l)`` and ``u_{l-1} = g_l W_l^T [+ u_l]`` are the gradients in a_l and h_{l-1}.
    """
    n, last = len(batch.classes), len(shape.sizes) - 2
    features = batch.features if shape.tangent else work.features
    slopes = batch.slopes if shape.tangent else work.slopes
    g = matrix(work.scores, 0, n, shape.sizes[-1])
    for l in range(last, lowest - 1, -1):
        if shape.bias:
            sum_rows(g, bias_of(shape, gradient, l))
        if l == 0:
            first_layer_gradient(batch, g, weights_of(shape, gradient, l))
            break
        product_of_transposed(hidden(shape, features, l, n), g, weights_of(shape, gradient, l))
        if l > lowest:
            u = matrix(work.above if (last - l) % 2 else work.below, 0, n, shape.sizes[l])
            product_with_transposed(g, weights_of(shape, anchor, l), u)
            if shape.residual:
                kept = work.kept[: u.size]
                if l < last:
                    add(kept, u.reshape(-1))
                copy(u.reshape(-1), kept)
            g = u
            multiply(hidden(shape, slopes, l, n), g)
