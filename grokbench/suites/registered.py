"""What was registered when a run was made, by hashes: verdicts count runs that were made after the rules only.

Rules are those of an explanation, or a file of published claims (`suites.replications`). Two hashes are kept of each,
and a run counts if it carries the present value of either:

- that of the rules and of the suite that they name, both byte by byte;
- that of the rules and of the keys of those runs that they name, which a cell more in the suite does not change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from grokbench.curves.run import Run
from grokbench.errors import UsageError
from grokbench.registry import explanations
from grokbench.suites.plan import Keys, cell_keys
from grokbench.suites.replications import replications
from grokbench.suites.suite import SHIPPED, load_suite


@dataclass(frozen=True)
class Registration:
    """An explanation, or a file of claims, as it stands now, against which stored runs are held.

    Parameters
    ----------
    explanation : its name
    hash : SHA-256 of its rules and of the suite that they name, in hexadecimal digits
    cells_hash : SHA-256 of its rules and of the keys of the runs that they name; "" where the suite lacks one of them
    keys : of those runs, cell -> seed -> key; None where the options of a run are not asked for
    """

    explanation: str
    hash: str
    cells_hash: str = ""
    keys: Keys | None = None

    def holds(self, run: Run, cell: str) -> bool:
        """Whether a run was made after the rules were fixed, and is the one that they name for a cell and its seed."""
        if self.keys is not None and self.keys.get(cell, {}).get(run.seed) != run.key:
            return False  # it has other options than those registered
        by_cells = run.record.get("registered_cells", {}).get(self.explanation)
        return run.registered.get(self.explanation) == self.hash or (
            bool(self.cells_hash) and by_cells == self.cells_hash
        )


def registration(name: str) -> Registration:
    """The present registration of a name; UsageError where there are no rules of this name, or they cannot be read."""
    rules, suite = _rules(name), suite_of(name)
    return _registration(rules, rules.source(), suite, suite.read_bytes() if suite else b"")


def _rules(name: str):
    """The file of claims, or the explanation, of a name: both have name, source, toml and folder."""
    return replications().get(name) or explanations[name]


def _names() -> list[str]:
    return [*explanations.names(), *replications()]


@cache
def _registration(cls, rules: bytes, suite: Path | None, content: bytes) -> Registration:
    whole = hashlib.sha256(rules + b"\0" + content).hexdigest()
    try:
        keys = registered_cells(suite)[1] if suite else {}
        named = _named(cls.toml(), keys)
    except (UsageError, LookupError, TypeError, AttributeError):  # what is no rules, or no suite, names nothing
        return Registration(cls.name, whole, keys={})
    own = {
        cell: {seed: keys[cell][seed] for seed in seeds if seed in keys.get(cell, ())} for cell, seeds in named.items()
    }
    complete = bool(named) and all(seeds and len(own[cell]) == len(seeds) for cell, seeds in named.items())
    canonical = json.dumps(own, sort_keys=True, separators=(",", ":")).encode()
    by_cells = hashlib.sha256(rules + b"\0" + canonical).hexdigest() if complete else ""
    return Registration(cls.name, whole, by_cells, own)


def registered_rules() -> dict[str, str]:
    """Name -> SHA-256 of the rules and of the suite that they name, both files byte by byte."""
    return {name: registration(name).hash for name in _names()}


def registered_keys() -> dict[str, str]:
    """Name -> SHA-256 of the rules and of the keys of the runs that they name; without what has none."""
    hashes = {name: registration(name).cells_hash for name in _names()}
    return {name: hash_ for name, hash_ in hashes.items() if hash_}


def suite_of(name: str) -> Path | None:
    """The file of the suite that an explanation, or a file of claims, names; None where there is none."""
    rules = _rules(name)
    return registered_suite(str(rules.toml().get("suite", "")), rules.folder())


def registered_suite(name: str, folder: Path = Path()) -> Path | None:
    """The file of a suite: the shipped one, whatever ./benchmarks holds, else that of ./benchmarks, else a path.

    ``folder`` : from which a relative path is taken, where the working directory has no such file.
    """
    named = [place / f"{name}.toml" for place in (*SHIPPED, Path("benchmarks"))]
    paths = [Path(name), folder / name] if name.endswith(".toml") else []
    return next((path for path in [*named, *paths] if path.is_file()), None)


def suite_name(suite: str) -> str:
    """The name of a suite that rules give by name or by path."""
    return Path(suite).name.removesuffix(".toml")


def registered_cells(path: Path) -> tuple[Mapping[str, object], Keys]:
    """First seed, seeds and settle of a suite file, and the keys of its cells: no override, no other seeds.

    A suite is planned once per process and content, which takes tens of milliseconds. Raises UsageError for
    what is no suite.
    """
    return _planned(path, path.read_bytes())


@cache
def _planned(path: Path, content: bytes) -> tuple[Mapping[str, object], Keys]:
    suite = load_suite(str(path))
    return {name: getattr(suite, name) for name in ("first_seed", "seeds", "settle")}, cell_keys(suite)


def claimed_cells(claims: dict) -> list[str]:
    """The cells that a file of claims names, each once; a claim may name grids, which are lists of cells."""
    named = [cell for claim in claims["claims"] for cell in claim["cells"]]
    grids = [[cell] if isinstance(cell, str) else cell for cell in named]
    return list(dict.fromkeys(cell for grid in grids for cell in grid))


def _named(rules: dict, keys: Keys) -> dict[str, set[int]]:
    """Cell -> registered seeds, over all designs of rules that are not yet checked; of claims those of the suite."""
    named: dict[str, set[int]] = {}
    if "claims" in rules:
        return {cell: set(keys.get(cell, {})) for cell in claimed_cells(rules)}
    for design in rules["designs"]:
        seeds = range(rules["first_seed"], rules["first_seed"] + design.get("seeds", rules["seeds"]))
        for cells in design["cells"].values():
            for cell in [cells] if isinstance(cells, str) else cells:
                named.setdefault(cell, set()).update(seeds)
    return named
