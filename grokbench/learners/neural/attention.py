"""Attention over tokens that stand in a table, and inner products of the gradients of single examples.

Pure functions of tensors: n inputs, T positions, R rows of a table of (position, token) pairs.
"""

from __future__ import annotations


def embed(p: dict, table_tokens, table_positions, rows, tape: list | None):
    """Table (R, d) of ``W_E[token] + W_pos[position]``; with `rows` (n, T) those rows, (n, T, d), on the tape."""
    import torch

    if rows is None:
        return pick(p["W_E"], table_tokens) + pick(p["W_pos"], table_positions)
    codes = [
        torch.nn.functional.one_hot(table[rows], len(p[name])).to(p[name].dtype)
        for table, name in ((table_tokens, "W_E"), (table_positions, "W_pos"))
    ]
    inputs = torch.cat(codes, -1)
    x = inputs @ torch.cat([p["W_E"], p["W_pos"]])
    tape.append((inputs, x, False))
    return x


def product(p: dict, name: str, x, tape: list | None):
    """``x W_name [+ b_name]``; a tape keeps inputs, result, and whether there is a bias."""
    import torch

    bias = p.get(f"b_{name}")
    z = torch.nn.functional.linear(x, p[f"W_{name}"].T, bias)
    if tape is not None:
        tape.append((x, z, bias is not None))
    return z


def attention(queries, keys, values):
    """(n, Q, heads, d_head) causal attention of the last Q of T positions; keys and values: (n, T, heads, d_head)."""
    import torch

    n_queries, n_keys = queries.shape[1], keys.shape[1]
    logits = torch.einsum("nqhd,nkhd->nhqk", queries, keys) * queries.shape[-1] ** -0.5
    if n_queries > 1:
        future = torch.ones(n_queries, n_keys, dtype=torch.bool, device=logits.device).triu(1 + n_keys - n_queries)
        logits = logits.masked_fill(future, -torch.inf)
    return torch.einsum("nhqk,nkhd->nqhd", logits.softmax(-1), values)


def attention_of_one_query(query, keys, values, rows):
    """(n, 1, heads, d_head) attention of one query (1, heads, d_head) that all examples share.

    Keys and values are tables (R, heads, d_head), `rows` is (n, T), its rows distinct within an example. The logits
    are then a table too, and the weights of an example a sparse row over it: two dense products, where gathering keys
    and values example by example takes longer.
    """
    logits = (query * keys).sum(-1) * query.shape[-1] ** -0.5  # (R, heads)
    weights = pick(logits, rows).softmax(1).permute(2, 0, 1)  # (heads, n, T)
    spread = weights.new_zeros(*weights.shape[:2], len(keys)).scatter(2, rows.expand(len(weights), -1, -1), weights)
    return (spread @ values.transpose(0, 1)).transpose(0, 1)[:, None]


def pick(table, rows):
    """(n, T, ...) rows of a table (R, ...)."""
    if table.device.type == "cpu":
        return table.index_select(0, rows.flatten()).unflatten(0, rows.shape)
    return pick_densely(table, rows)


def pick_densely(table, rows):
    """The same by a product: on a GPU the gradient of a gather adds in no fixed order."""
    import torch

    codes = torch.nn.functional.one_hot(rows, len(table)).to(table.dtype)
    return (codes @ table.flatten(1)).unflatten(-1, table.shape[1:])


def gradient_gram(inputs, gradients, bias: bool):
    """(n, n) inner products of the gradients of the weights, and bias, of ``z = inputs @ W + b``.

    Example n's gradient is ``sum_t inputs_nt gradients_nt^T``, for (n, T, a) inputs and (n, T, b) gradients. Where T is
    small the inner products are cheaper as ``sum_tt' <inputs_nt, inputs_n't'> <gradients_nt, gradients_n't'>``.
    """
    n, T, a = inputs.shape
    b = gradients.shape[-1]
    if T * T * (a + b) < a * b:
        x, g = inputs.reshape(n * T, a), gradients.reshape(n * T, b)
        return ((x @ x.T + bias) * (g @ g.T)).view(n, T, n, T).sum((1, 3))
    weights = (inputs.transpose(1, 2) @ gradients).flatten(1)
    gram = weights @ weights.T
    if bias:
        summed = gradients.sum(1)
        gram = gram + summed @ summed.T
    return gram
