"""Is this installation fit for measuring? Versions, threads, write access, and a small run both ways."""

from __future__ import annotations

import os
import platform
import tempfile
from pathlib import Path

from grokbench.errors import UsageError
from grokbench.threads import usable_cores

Item = tuple[str, str, str]  # what was examined, "passed" or "failed", what was seen

SELF_TEST = """
title = "self-test"
seeds = 1
[[tasks]]
name = "modular"
modulus = 7
[[learners]]
name = "mlp"
hidden = [[16]]
budget = 30
[[learners]]
name = "xgboost"
budget = 5
"""


def examine(results: Path) -> list[Item]:
    """All items, each examined even if another failed."""
    items = []
    for name, item in (
        ("python", _python),
        ("libraries", _libraries),
        ("threads", _threads),
        ("write access", lambda: _write_access(results)),
        ("self-test", _self_test),
    ):
        try:
            items.append((name, "passed", item()))
        except UsageError as error:
            items.append((name, "failed", str(error)))
        except Exception as error:
            items.append((name, "failed", f"{type(error).__name__}: {error}"))
    return items


def _python() -> str:
    return f"{platform.python_version()} on {platform.system()} {platform.machine()}"


def _libraries() -> str:
    from grokbench.runs.environment import PACKAGES, environment

    machine = environment()
    missing = [name for name in PACKAGES if machine[name] == "missing"]
    if missing:
        raise RuntimeError(f"not installed: {', '.join(missing)}")
    versions = ", ".join(f"{name} {machine[name]}" for name in PACKAGES)
    return f"{versions}; BLAS {machine['blas']}; grokbench {machine['grokbench']} {machine['revision']}".rstrip()


def _threads() -> str:
    from threadpoolctl import threadpool_info

    from grokbench.threads import one_thread

    with one_thread():
        import numpy as np

        np.ones((64, 64)) @ np.ones((64, 64))
        over = [pool["filepath"] for pool in threadpool_info() if pool["num_threads"] != 1]
    if over:
        raise RuntimeError(f"cannot be held to one thread: {over[0]}")
    return f"{usable_cores()} of {os.cpu_count()} cores usable; one thread per run holds"


def _write_access(results: Path) -> str:
    folder = results
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".grokbench-doctor-"):
            return f"{results} can be written"
    except OSError as error:
        raise UsageError(f"{results} cannot be written: {error.strerror}; try another --results") from error


def _self_test() -> str:
    """A tiny suite, in processes of its own and in this one: the curves must agree to the last digit."""
    from grokbench.runs.execute import Interruption, Watch, execute
    from grokbench.runs.process import Limits
    from grokbench.runs.store import Store
    from grokbench.suites.plan import make_plan
    from grokbench.suites.suite import load_suite

    with tempfile.TemporaryDirectory(prefix="grokbench-doctor-") as folder, Interruption() as interruption:
        path = Path(folder) / "self-test.toml"
        path.write_text(SELF_TEST)
        plan = make_plan(load_suite(str(path)))
        stores = {jobs: Store(Path(folder) / str(jobs)) for jobs in (0, 2)}
        for jobs, store in stores.items():
            execute(list(plan.specs), store, Watch(), interruption, jobs, Limits(time_limit_s=60))
        for spec in plan.specs:
            inside, apart = (stores[jobs].read(spec.key) for jobs in (0, 2))
            for run in (inside, apart):
                if run is None or run.record["status"] != "done":
                    raise RuntimeError(f"{spec.learner.name}: {run.record['error'] if run else 'nothing stored'}")
            if _without_times(inside.curve.columns) != _without_times(apart.curve.columns):
                raise RuntimeError(f"{spec.learner.name}: other numbers in a process of its own than in this one")
    return f"{len(plan.specs)} runs in this process and in their own: the same numbers"


def _without_times(rows: dict) -> dict:
    return {name: values for name, values in rows.items() if name != "cpu_seconds"}
