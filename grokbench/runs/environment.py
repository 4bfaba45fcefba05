"""Where a number came from: versions, processor, BLAS, threads, revision of the code."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import grokbench
from grokbench.learners.neural import compiled
from grokbench.options import digest

PACKAGES = ("numpy", "scipy", "torch", "numba", "xgboost", "scikit-learn", "pandas")


@cache
def environment() -> dict[str, object]:
    """Plain data about this installation; `hash` identifies it, and results refer to it by that."""
    facts = {
        "grokbench": grokbench.__version__,
        "revision": _revision(),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "blas": _blas(),
        "compiled": compiled.in_use(),
        "threads_per_run": 1,
    }
    return {**facts, "hash": digest(facts, 12)}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _revision() -> str:
    """Git revision of a checkout, "+" behind it if the code was changed since; empty for an installed wheel."""
    folder = Path(__file__).parents[2]
    if not (folder / ".git").exists():
        return ""
    try:
        head = _git(folder, "rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git(folder, "status", "--porcelain", "--", "grokbench") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=5, check=True)
    return done.stdout.strip()


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _blas() -> str:
    import numpy as np

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    core = os.environ.get("OPENBLAS_CORETYPE", "")
    return " ".join(filter(None, (blas.get("name"), blas.get("version"), core)))
