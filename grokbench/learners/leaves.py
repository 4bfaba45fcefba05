"""What ensembles of trees find similar, and what they are, as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def kernel(trained: np.ndarray, places: np.ndarray, penalty: float = 0.0) -> np.ndarray:
    """(m, m) mean over trees of sum_leaf 1[x in l] 1[x' in l] / (n_l + penalty), n_l the training examples in leaf l.

    For one tree, or an average of trees, grown on all examples, the prediction is f(x) = sum_i K(x, x_i) y_i.
    A leaf without any training example (a library may round a split point) weighs nothing.

    Parameters
    ----------
    trained : (n, trees) int64 leaf of each training example in each tree.
    places : (m, trees) the same for the inputs between which the kernel is taken.
    """
    return co_occurrence(populations(trained), places, penalty)


def populations(trained: np.ndarray) -> list[np.ndarray]:
    """n_l of each tree, by leaf, from the leaves (n, trees) of the training examples."""
    return [np.bincount(leaf) for leaf in np.ascontiguousarray(trained.T)]


def co_occurrence(population: Sequence[np.ndarray], places: np.ndarray, penalty: float = 0.0) -> np.ndarray:
    """`kernel`, from the `populations` of its trees."""
    from scipy.sparse import csr_array

    known = np.array([len(counts) for counts in population])
    sizes = np.maximum(known, places.max(axis=0) + 1)
    offsets = np.cumsum(sizes) - sizes
    counts = np.zeros(int(sizes.sum()), dtype=np.int64)
    counts[np.arange(known.sum()) + np.repeat(offsets - (np.cumsum(known) - known), known)] = np.concatenate(population)
    weight = np.divide(1.0, counts + penalty, out=np.zeros(len(counts)), where=counts > 0)
    columns = (places + offsets).ravel()
    rows = np.arange(len(places) + 1) * places.shape[1]
    shape = (len(places), len(counts))
    root = csr_array((np.sqrt(weight)[columns], columns, rows), shape=shape)  # on both sides: exactly symmetric
    return (root @ root.T).toarray() / places.shape[1]


def describe(trees: list) -> dict[str, np.ndarray]:
    """Trees of scikit-learn, each in preorder (left before right).

    Left means x[split_feature] <= threshold, x in single precision.

    ``is_leaf`` (nodes,) tells leaves from splits and so where a tree ends; ``split_feature``, ``threshold``
    (splits,) and ``leaf_value`` (leaves, outputs) follow in the same order.
    """
    return in_order(
        (tree.children_left, tree.children_right, tree.feature, tree.threshold, tree.value.reshape(tree.node_count, -1))
        for tree in trees
    )


def in_order(trees: Iterable[Sequence[np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays of `describe` from (left child, right child, feature, threshold, value) by node; left -1 is a leaf."""
    arrays: dict[str, list] = {"is_leaf": [], "split_feature": [], "threshold": [], "leaf_value": []}
    for left, right, feature, threshold, value in trees:
        order = preorder(left, right)
        leaf = left[order] == -1
        arrays["is_leaf"].append(leaf.astype(np.int64))
        arrays["split_feature"].append(feature[order][~leaf].astype(np.int64))
        arrays["threshold"].append(threshold[order][~leaf])
        arrays["leaf_value"].append(value[order][leaf])
    return {name: np.concatenate(parts) if parts else np.empty(0) for name, parts in arrays.items()}


def of_xgboost(tree: dict) -> list[np.ndarray]:
    """What `in_order` asks of a tree of xgboost's JSON; the value of a leaf stands as its split condition."""
    condition = np.array(tree["split_conditions"], dtype=np.float32)
    children = (np.array(tree[side], dtype=np.int64) for side in ("left_children", "right_children"))
    return [*children, np.array(tree["split_indices"], dtype=np.int64), condition, condition]


def joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Several of the results of `in_order`, one after the other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else in_order([])


def values(described: dict[str, np.ndarray], X: np.ndarray) -> np.ndarray:
    """(n, trees) float64 leaf value of each row of X (n, d) float32 in each tree of what `in_order` returns.

    Left means x[split_feature] < threshold.
    """
    leaf = described["is_leaf"].astype(bool)
    right, roots = np.zeros(len(leaf), dtype=np.int64), []
    for node in range(len(leaf))[::-1]:  # subtrees are complete before their parent: its children are the last two
        if not leaf[node]:
            roots.pop()  # the left child, which is the next node
            right[node] = roots.pop()
        roots.append(node)
    feature, threshold, value = np.zeros(len(leaf), dtype=np.int64), np.zeros(len(leaf)), np.zeros(len(leaf))
    feature[~leaf], threshold[~leaf] = described["split_feature"], described["threshold"]
    value[leaf] = described["leaf_value"]
    at, row = np.tile(np.array(roots[::-1], dtype=np.int64), (len(X), 1)), np.arange(len(X))[:, None]
    while not leaf[at].all():
        at = np.where(leaf[at], at, np.where(X[row, feature[at]] < threshold[at], at + 1, right[at]))
    return value[at]


def preorder(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(nodes,) node numbers, parents before children and left before right; a leaf has left = -1."""
    order, to_visit = [], [0]
    while to_visit:
        node = to_visit.pop()
        order.append(node)
        if left[node] != -1:
            to_visit += [int(right[node]), int(left[node])]
    return np.array(order)
