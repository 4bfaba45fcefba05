"""Published claims as data: TOML files beside the suites, found by being there, and hashed before any run.

A file names the suite whose runs it judges and lists claims: what was published, which number of which cells is held
against it, and within which tolerance. `verdicts.replication` reads them.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from grokbench.errors import UsageError
from grokbench.suites.suite import SHIPPED

FOLDER = "replications"  # beside the suites


@dataclass(frozen=True)
class Claims:
    """A file of claims: what `suites.registered` asks of the rules of an explanation, too.

    Parameters
    ----------
    name : under which runs carry its hash: "replications/networks"
    path : the file
    """

    name: str
    path: Path

    def source(self) -> bytes:
        """The claims as they are hashed. Raises OSError where the file cannot be read."""
        return self.path.read_bytes()

    def folder(self) -> Path:
        """The folder from which relative paths are taken."""
        return self.path.resolve().parent

    def toml(self) -> dict:
        """The claims as data, not to be changed. UsageError where they cannot be read, or are not TOML."""
        try:
            return _parsed(self.source())
        except (OSError, ValueError) as error:
            raise UsageError(f"{self.path}: cannot be read: {error}") from error


@cache
def _parsed(text: bytes) -> dict:
    return tomllib.loads(text.decode("utf-8"))


def replications() -> dict[str, Claims]:
    """Name -> file of claims: those that are shipped, whatever ./benchmarks holds, then those of ./benchmarks."""
    files: dict[str, Claims] = {}
    for folder in (*SHIPPED, Path("benchmarks")):
        for path in sorted((folder / FOLDER).glob("*.toml")):
            name = f"{FOLDER}/{path.stem}"
            files.setdefault(name, Claims(name, path))
    return files
