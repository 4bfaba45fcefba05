"""Hand-made runs whose events are known, and a small explanation to judge them by."""

from dataclasses import replace

import numpy as np

from grokbench.curves.curve import Curve
from grokbench.curves.run import Run
from grokbench.curves.schedule import checkpoints
from grokbench.suites.registered import Registration
from grokbench.verdicts.cells import Design
from grokbench.verdicts.rules import Rules, read

HASH = "rules"
REGISTRATION = Registration("lazy-to-rich", HASH)
SEEDS = range(1000, 1010)
NEVER = 1e9
CHANCE, CLASSES = 0.1, 10


def made(seed=1000, t_mem=20.0, t_gen=800.0, budget=10_000, ready=None, status="done", **changes) -> Run:
    """A run that fits at t_mem and generalizes at t_gen, each within a third of a decade, linear in log time.

    Its kernel would generalize (after_kernel) like its held-out accuracy, with the half-rise at ``ready``.
    """
    time = np.asarray(checkpoints(budget, 20), dtype=float)
    train, test = ramp(time, t_mem), ramp(time, t_gen)
    R = ramp(time, t_gen if ready is None else ready)
    curve = {
        "time": time,
        "train_accuracy": CHANCE + (1 - CHANCE) * train,
        "test_accuracy": CHANCE + (1 - CHANCE) * test,
        "train_loss": 1e-4 + (1 - train),
        "skill": test - 0.01,
        "after_kernel": R,
        "after_kernel_ridge": R.copy(),
        "movement": 0.5 * train,
        "norm": 1 + time / budget,
    }
    curve["test_loss"] = 1 - 0.9 * test
    facts = {"registered": {"lazy-to-rich": HASH}, "clock": "steps", "status": status, "config": {"seed": seed}}
    return Run({**facts, **changes}, Curve(curve, CHANCE, CLASSES))


def changed(run: Run, **columns) -> Run:
    """The same run with other columns of its curve."""
    return replace(run, curve=run.curve.with_columns(**columns))


def recorded(run: Run, **changes) -> Run:
    """The same run with other entries of its record."""
    return replace(run, record={**run.record, **changes})


def ramp(time: np.ndarray, end: float) -> np.ndarray:
    """0 up to end / 2.15, 1 from ``end`` on, linear in log time between."""
    with np.errstate(divide="ignore"):
        return np.clip((np.log10(time) - np.log10(end)) * 3 + 1, 0, 1)


CELLS = {
    "free_on": "add/net",
    "free_off": "add/net-off",
    "frozen_on": "add/net-frozen",
    "frozen_off": "add/net-frozen-off",
    "shuffled": "add-shuffled/net",
    "low": "add-low/net",
    "doses": tuple(f"add/net-dose{i}" for i in range(1, 6)),
}


def suite(seeds=SEEDS, **cells) -> dict[str, dict[int, Run]]:
    """Runs in which all of lazy to rich is true; ``cells``: other arguments of `made` for a cell's last name."""
    never = {"t_gen": NEVER, "budget": 20_000}  # ten times t_gen of the free run, with half of the budget, too
    changes = {"net": {}, "net-off": {}, "net-frozen": never, "net-frozen-off": never}
    changes |= {f"net-dose{i}": {"t_gen": 150.0 * 2**i} for i in range(1, 6)}
    runs = {}
    for name, fields in {**changes, **cells}.items():
        runs[f"add/{name}"] = {s: made(seed=s, **jitter(s, fields)) for s in seeds}
    for dose in range(1, 6):  # lazier: the kernel moves less
        for run in runs[f"add/net-dose{dose}"].values():
            run.curve.columns["movement"][:] = run.curve.columns["movement"] / dose
    runs["add-shuffled/net"] = {s: made(seed=s, t_gen=NEVER) for s in seeds}
    runs["add-low/net"] = {s: made(seed=s, t_gen=NEVER) for s in seeds}
    return runs


def jitter(seed: int, changes: dict) -> dict:
    """The same with all events shifted by up to a twentieth of a decade, alike in all cells of a seed."""
    factor = 10 ** (0.05 * np.sin(seed))
    times = {"t_mem": 20.0, "t_gen": 800.0, **changes}
    return {name: v * factor if name in ("t_mem", "t_gen", "ready") and v else v for name, v in times.items()}


def lazy_to_rich(*designs: Design) -> Rules:
    """The shipped predictions on other cells."""
    registered = {"first_seed": SEEDS.start, "seeds": len(SEEDS)}
    return replace(read("lazy-to-rich"), designs=designs or (Design("net", "add", True, CELLS),), **registered)


def runs_of(**changes) -> dict:
    """Cell -> seed -> run, by functions of the seed."""
    return {f"add/{name}": {seed: make(seed) for seed in SEEDS} for name, make in changes.items()}


def value(finding, part: str) -> float:
    """The number of one estimate."""
    return finding.estimates[part].value


def gates_of(finding) -> dict[str, tuple[bool, str]]:
    """Whether each gate passed, and the verdict that it gives."""
    return {gate.name: (gate.passed, gate.verdict) for gate in finding.gates}
