"""What was committed when runs were made: rules and claims have to precede the results that they judge."""

import csv
import hashlib
import json
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def at_revision(revision: str, name: str, root: Path = ROOT) -> bytes:
    """A file as it was committed; skips where there is no history to ask."""
    _there_or_skip(revision, root)
    return _git(root, "show", f"{revision}:{name}")


def rows_of(path: Path) -> list[dict]:
    """The rows of a table."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def revisions_of(folder: Path) -> set[str]:
    """The commits at which the runs of a results folder were made; "" unknown, with a "+" after changes."""
    return {found["revision"] for found in json.loads((folder / "environment.json").read_text()).values()}


def claims_after_runs(folder: Path, root: Path = ROOT) -> list[str]:
    """What of a table of replications was not committed before its runs, one line each; none where all was.

    A claim precedes the runs where the commit at which they were made, without a change, has its file and its suite
    as they were hashed into its row.
    """
    revisions, rows = sorted(revisions_of(folder)), rows_of(folder / "replications.csv")
    unclean = [f"revision {revision!r}" for revision in revisions if not revision or revision.endswith("+")]
    if unclean or not revisions:
        return unclean or ["no revision is known"]
    committed = {revision: claims_at(revision, root) for revision in revisions}
    return [
        f"claim {row['claim']} at {revision}"
        for revision, hashes in committed.items()
        for row in rows
        if hashes.get(row["claim"]) != row["registered"]
    ]


def claims_at(revision: str, root: Path) -> dict[str, str]:
    """Claim -> hash of its file and its suite, as they were committed."""
    _there_or_skip(revision, root)
    hashes = {}
    for name in _git(root, "ls-tree", "--name-only", revision, "benchmarks/replications/").decode().split():
        own = at_revision(revision, name, root)
        suite = at_revision(revision, f"benchmarks/{tomllib.loads(own.decode())['suite']}.toml", root)
        hashed = hashlib.sha256(own + b"\0" + suite).hexdigest()
        hashes |= {claim["id"]: hashed for claim in tomllib.loads(own.decode())["claims"]}
    return hashes


def _there_or_skip(revision: str, root: Path) -> None:
    done = subprocess.run(["git", "cat-file", "-e", f"{revision}^{{commit}}"], cwd=root, capture_output=True)
    if done.returncode:
        pytest.skip(f"commit {revision} is not here: not a clone, or a shallow one")


def _git(root: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=True).stdout
