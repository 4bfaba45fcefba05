"""Strategies that start from something valid and damage it: values, structure, text, bytes."""

import copy
import json
import math
from datetime import UTC, datetime

from hypothesis import strategies as st

NASTY_TEXTS = (
    "", " ", "\0", "\n", "a\nb", "\r\n", "\x1b[31mred", "\u202eabc", "\u2028", "\x85", "\ud800", "\udcff", "é", "日本",
    "=cmd()", "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "|", "a|b", "`", "*a*", "__a__", "_a_", "~~a~~", "$x$", "#",
    "# a", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "&lt;", "&amp;", "![a](http://x)",
    "[a](javascript:1)", "[a]: http://x", "[red]", "[/red]", "[a][b]", "\\", "\\|", "'", "../x", "../../etc/passwd",
    "/etc/passwd", "..", ".", "~", "a/b", "nan", "inf", "-inf", "None", "null", "true", "__import__('os').system('id')",
    "{0.__class__}", "%s%n", "${x}", "mlp", "rfm", "modular", "shuffled", "all", "neural", "done", "x" * 300,
    "x" * 5000, "é" * 200, "1. a", "- a", "> a", "a:b", "mlp-add", "add", "steps",
)  # fmt: skip
NASTY_NUMBERS = (
    0, 1, -1, 2, 3, 0.5, -0.5, 1.0, 1e-9, 5e-324, 1e308, -1e308, math.nan, math.inf, -math.inf, 2**31, 2**53 + 1,
    2**63 - 1, -(2**63), 2**63, 2**64, 10**30, 10**400, 1e18, 999, 97, 10007, 10**6, 10**9, -0.0, 0.1, 0.25, 0.95,
)  # fmt: skip
scalars = st.one_of(
    st.sampled_from(NASTY_TEXTS),
    st.sampled_from(NASTY_NUMBERS),
    st.booleans(),
    st.none(),
    st.integers(-10, 10),
    st.floats(),
    st.text(max_size=20),
    st.just(datetime(2020, 1, 1, tzinfo=UTC)),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(NASTY_TEXTS), inner, max_size=3)
    ),
    max_leaves=6,
)
long_axes = st.one_of(
    st.integers(100, 3000).map(lambda n: list(range(n))),
    st.integers(100, 3000).map(lambda n: [0.5 + k / 10 / n for k in range(n)]),
    st.integers(2, 100).map(lambda n: json.loads("[" * n + "]" * n)),
    st.integers(5, 60).map(lambda n: [[8] * n]),
)


def places(tree, path=()):
    """Paths of all nodes of nested lists and dicts."""
    paths = [path]
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, inner in items:
        paths += places(inner, (*path, key))
    return paths


@st.composite
def damaged(draw, tree, most=3, names=()):
    """A deep copy of plain data with 1 to `most` nodes replaced, removed, repeated, renamed or moved.

    `names` are keys that mean something where they are put.
    """
    tree = copy.deepcopy(tree)
    keys = st.one_of(st.sampled_from((*names, *NASTY_TEXTS)) if names else st.sampled_from(NASTY_TEXTS), st.text())
    for _ in range(draw(st.integers(1, most))):
        path = draw(st.sampled_from(places(tree)))
        if not path:
            if draw(st.integers(0, 9)) == 0:
                return draw(values)
            path = draw(st.sampled_from(places(tree)[1:] or [()]))
            if not path:
                return draw(values)
        parent = tree
        for key in path[:-1]:
            parent = parent[key]
        deed = draw(
            st.sampled_from(("replace", "replace", "replace", "list", "long", "remove", "repeat", "add", "swap"))
        )
        if deed == "replace":
            parent[path[-1]] = draw(values)
        elif deed == "list":
            parent[path[-1]] = [parent[path[-1]], draw(values)]
        elif deed == "long":
            parent[path[-1]] = draw(long_axes)
        elif deed == "remove":
            del parent[path[-1]]
        elif deed == "swap":
            other = draw(st.sampled_from(places(tree)))
            node = tree
            for key in other:
                node = node[key]
            parent[path[-1]] = copy.deepcopy(node)
        elif isinstance(parent, list):
            parent.insert(0, copy.deepcopy(parent[path[-1]]) if deed == "repeat" else draw(values))
        else:
            parent[draw(keys)] = parent[path[-1]] if deed == "repeat" else draw(values)
    return tree


@st.composite
def damaged_bytes(draw, data: bytes):
    """Bytes cut, repeated, overwritten, re-encoded or replaced."""
    deed = draw(st.sampled_from(("cut", "insert", "overwrite", "encode", "repeat", "replace", "head")))
    at, until = sorted(draw(st.integers(0, len(data))) for _ in range(2))
    piece = draw(
        st.one_of(
            st.binary(max_size=20),
            st.sampled_from([text.encode("utf-8", "surrogatepass") for text in NASTY_TEXTS]),
            st.sampled_from(
                [b"[" * 20000, b"{" * 20000, b'{"a":' * 20000, b"9" * 5000, b"0x" + b"f" * 5000, b'"""', b"'''"]
            ),
            st.sampled_from(
                [b",", b"\n", b'"', b"=", b"[[tasks]]\n", b"[[learners]]", b"nan", b"NaN", b"Infinity", b"1e999"]
            ),
        )
    )
    if deed == "cut":
        return data[:at] + data[until:]
    if deed == "insert":
        return data[:at] + piece + data[at:]
    if deed == "overwrite":
        return data[:at] + piece + data[at + len(piece) :]
    if deed == "encode":
        encoding = draw(st.sampled_from(("utf-16", "utf-32", "utf-8-sig", "cp037", "utf-7")))
        return data.decode("utf-8", "replace").encode(encoding, "replace")
    if deed == "repeat":
        return data[:until] + data[at:until] * draw(st.integers(1, 5)) + data[until:]
    return piece if deed == "replace" else data[:at]


def toml(tree) -> str:
    """TOML text of plain data; what TOML cannot say (null, lone surrogates) is left to be wrong."""
    if not isinstance(tree, dict):
        return f"value = {_toml_value(tree)}\n"
    plain, tables = [], []
    for key, value in tree.items():
        if key in ("tasks", "learners") and isinstance(value, list) and all(isinstance(item, dict) for item in value):
            for item in value:
                tables += [f"[[{key}]]", *(f"{_toml_key(k)} = {_toml_value(v)}" for k, v in item.items())]
        else:
            plain.append(f"{_toml_key(key)} = {_toml_value(value)}")
    return "\n".join([*plain, *tables]) + "\n"


def _toml_key(key: object) -> str:
    return json.dumps(str(key), ensure_ascii=True)


def _toml_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=value.isascii() or not value.isprintable())
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml_key(k)} = {_toml_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, datetime):
        return value.isoformat()
    return repr(value) if value is not None else "null"
