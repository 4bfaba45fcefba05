"""The rules that were in force when a run was made, by their hash: verdicts count runs made after the rules only."""

from __future__ import annotations

import hashlib
import tomllib
from functools import cache
from pathlib import Path

from grokbench.suites.suite import SHIPPED

FOLDER = Path(__file__).parents[1] / "explanations"


@cache
def registered_rules() -> dict[str, str]:
    """Explanation -> SHA-256 of its rules and of the suite that they name, both files byte by byte."""
    return {path.stem: _hash(path) for path in sorted(FOLDER.glob("*.toml"))}


def registered_suite(name: str) -> Path | None:
    """The shipped file of a suite, whatever ./benchmarks holds; None where there is none."""
    files = (folder / f"{name}.toml" for folder in SHIPPED)
    return next((path for path in files if path.is_file()), None)


def _hash(path: Path) -> str:
    rules = path.read_bytes()
    suite = registered_suite(tomllib.loads(rules.decode())["suite"])
    return hashlib.sha256(rules + b"\0" + (suite.read_bytes() if suite else b"")).hexdigest()
