"""The packages whose classes a suite may name: scikit-learn, and what the user of this machine adds.

A suite may come from anyone, and to import a module is to run it. So the list is the user's: ``--allow PACKAGE``, or
the variable ``GROKBENCH_ALLOW`` with names between commas. No suite, log, stored run or order of a cluster adds to it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from grokbench.errors import UsageError, shown

VARIABLE = "GROKBENCH_ALLOW"
ALWAYS = "sklearn"


def allowed() -> list[str]:
    """Names of the packages, sorted. What this process starts inherits the list with its environment."""
    return sorted({ALWAYS, *filter(None, (name.strip() for name in os.environ.get(VARIABLE, "").split(",")))})


def allow(*packages: str) -> None:
    """Let suites name classes of these packages, from now on and in this process and those that it starts.

    Raises UsageError for what is no name of a package: "xgboost", not "xgboost.sklearn", and none of Python's own.
    """
    for name in packages:
        _check(name)
    allow_only([*allowed(), *packages])


def allow_only(packages: Iterable[str]) -> None:
    """Replace the list by another process's that is to be followed: the one that has started this process."""
    os.environ[VARIABLE] = ",".join(sorted(set(packages) - {ALWAYS}))


def _check(name: object) -> None:
    if not isinstance(name, str) or not name.isidentifier() or name.startswith("_"):
        raise UsageError(f'allow {shown(name)}: expected the name of an installed package, such as "xgboost"')
    if name in sys.stdlib_module_names:
        raise UsageError(f"allow {name}: it is Python's own and has no estimators; expected an installed package")
