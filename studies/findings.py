"""Questions beside the verdicts, as tables over the seeds of the explanation suites.

`python studies/findings.py [LAZY_TO_RICH [EIGHT_CELLS [COMPLEXITY [MEDIATION]]]]` reads four results folders (default:
those in results/reference, with their stored runs) and prints Markdown: the eight cells of one network, flows of a
fixed kernel from a large function, machines that are late by their own path, what moves first on any clock, features
or averaging in boosted trees, the path of complexity in recursive feature machines, what becomes of redrawn labels,
how large a network must be to memorize and to generalize, and what optimizer, decay, initial norm and output scale do
at equal laziness. The pages of docs/findings are made of these tables. Every number is a median over seeds with the
smallest and the largest, or an estimate with its 95 % interval.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from grokbench.curves.detect import LEVEL
from grokbench.curves.run import Run
from grokbench.explanations import complexity, mediation, twins
from grokbench.runs.store import Store
from grokbench.statistics.location import median_interval
from grokbench.tables.text import markdown
from grokbench.verdicts import rules
from grokbench.verdicts.cells import Cells, runs_by_cell
from grokbench.verdicts.finding import Estimate
from grokbench.verdicts.judging import Runs
from grokbench.verdicts.progress import clock_free_lead, end_of_rise, path_behind


def runs_of(folder: Path) -> Runs:
    """The stored runs of each cell "task/learner", by seed."""
    cells = json.loads((folder / "suite.json").read_text(encoding="utf-8"))["cells"]
    return runs_by_cell(cells, list(Store(folder).read_all()))


def over_seeds(runs: Runs, cell: str, value: Callable[[Run], float]) -> np.ndarray:
    """(seeds,) float64 of a function of the cell's runs, lost ones left out."""
    return np.array([value(run) for _, run in sorted(runs.get(cell, {}).items()) if run.complete], dtype=float)


def medians(values: np.ndarray) -> str:
    """Median (smallest to largest)."""
    known = values[~np.isnan(values)]
    if not known.size:
        return ""
    middle, low, high = (f"{number:.3g}" for number in (np.median(known), known.min(), known.max()))
    return middle if low == high else f"{middle} ({low} to {high})"


def table(rows: list[dict[str, str]]) -> str:
    """Rows as Markdown; a column for every name, in the order of their first appearance."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return markdown({name: name for name in names}, rows)


def of_cells(runs: Runs, cells: Mapping[str, str], columns: Mapping[str, Callable[[Run], float]]) -> str:
    """One row per named cell "task/learner": how many of its runs are late, and the medians of functions of them."""
    rows = []
    for name, cell in cells.items():
        row = {title: medians(over_seeds(runs, cell, value)) for title, value in columns.items()}
        rows.append({"cell": name, "late": count(runs, cell, is_late)} | row)
    return table(rows)


def final(column: str) -> Callable[[Run], float]:
    """The last known value of a column."""

    def value(run: Run) -> float:
        known = run.curve.column(column)[~np.isnan(run.curve.column(column))]
        return float(known[-1]) if known.size else math.nan

    return value


def at(column: str, time: Callable[[Run], float]) -> Callable[[Run], float]:
    """A column at a time of the run."""
    return lambda run: run.curve.value_at(run.curve.column(column), time(run))


def t_mem(run: Run) -> float:
    """When the training labels are fitted."""
    return run.detections[LEVEL].t_mem


def t50(run: Run) -> float:
    """When held-out accuracy passes one half of its way."""
    return run.half_rise(LEVEL)


def t_gen(run: Run) -> float:
    """When the run generalizes."""
    return run.detections[LEVEL].t_gen


def head(run: Run) -> float:
    """Held-out kappa when the training labels are fitted."""
    return run.detections[LEVEL].head


def count(runs: Runs, cell: str, holds: Callable[[Run], bool]) -> str:
    """How many of the cell's runs are so, of all that are not lost."""
    flags = over_seeds(runs, cell, holds)
    return f"{int(flags.sum())}/{len(flags)}"


def is_late(run: Run) -> bool:
    """Late generalization; what is undecided is not."""
    return run.detections[LEVEL].late == 1


EVENTS = {"t_mem": t_mem, "t_gen": t_gen, "kappa at t_mem": head}


# ---------------------------------------------------------------- the experiment: one network in eight cells


def eight_cells(runs: Runs) -> str:
    """Initial function {large, usual} x pressure {on, off} x features {free, frozen} on exclusive or."""
    cells = {
        f"{start} start, pressure {pressure}, features {features}": f"xor600/{start}{twin}{off}"
        for start in ("large", "usual")
        for pressure, off in {"on": "", "off": "-off"}.items()
        for features, twin in {"free": "", "frozen": "-frozen"}.items()
    }
    ends = {"kappa at the end": lambda run: float(run.curve.kappa_test[-1])}
    return of_cells(runs, cells, EVENTS | ends)


# ---------------------------------------------------------------- flows of a fixed kernel from a large function


def lazy_flows(runs: Runs) -> str:
    """The flow of a fixed kernel on exclusive or: from a large function or from 0, with ridge or without."""
    kinds = {
        "from a large function, with ridge": "flow-start",
        "from a large function, no ridge": "flow-start-off",
        "from 0, with ridge": "flow",
        "from 0, no ridge": "flow-off",
    }
    tasks = {"20 bits, 400 examples": "xor-n5", "40 bits, 1000 examples": "xor1000"}
    cells = {f"{of}; {kind}": f"{task}/{flow}" for of, task in tasks.items() for kind, flow in kinds.items()}
    shuffled = {"20 bits, 400 examples": "xor400", "40 bits, 1000 examples": "xor1000"}
    cells |= {f"{of}; large, ridge, random labels": f"{task}-shuffled/flow-start" for of, task in shuffled.items()}
    return of_cells(runs, cells, EVENTS)


# ---------------------------------------------------------------- machines that fit at their first tick


def paths(runs: Runs) -> str:
    """The share of its path that a machine has behind it at the half-rise, beside its twin on random labels."""
    rows = []
    for name, (cell, twin) in {
        "recursive feature machine": ("add60/rfm", "add60-shuffled/rfm"),
        "Gaussian process": ("bits25/gp", "bits25-shuffled/gp"),
    }.items():
        pairs = [(run, runs.get(twin, {}).get(seed)) for seed, run in sorted(runs.get(cell, {}).items())]
        pairs = [(run, other) for run, other in pairs if other is not None and run.complete and other.complete]
        shares = np.array([[path_behind(one, t50(run)) for one in (run, other)] for run, other in pairs]).reshape(-1, 2)
        own, null = shares.T
        rows.append(
            {
                "machine": name,
                "late by its clock": count(runs, cell, is_late),
                "half-rise": medians(over_seeds(runs, cell, t50)),
                "path behind it there": medians(own),
                "of its twin on random labels": medians(null),
                "difference [95 %]": interval(own - null),
            }
        )
    return table(rows)


# ---------------------------------------------------------------- the complexity path of recursive feature machines


def path_of_complexity(runs: Runs) -> str:
    """k98 of RFM at its first solve, its peak, the test rise and the end, on true, random and too few labels."""
    cells = {
        "true labels": "add60/rfm",
        "true labels, ridge 1e-4 relative": "add60/rfm-ridge3",
        "random labels": "add60-shuffled/rfm",
        "half of the data": "add60-low/rfm",
        "half of the data, random": "add60-random3/rfm",
    }
    rows = []
    for name, cell in cells.items():
        rank = over_seeds(runs, cell, lambda run: run.curve.column("label_fit_rank")[1])
        if not np.isfinite(rank).any():
            continue
        rows.append(
            {
                "cell": name,
                "seeds": str(len(rank)),
                "first solve": medians(rank),
                "peak": medians(over_seeds(runs, cell, lambda run: np.nanmax(run.curve.column("label_fit_rank")))),
                "iteration of the peak": medians(over_seeds(runs, cell, peak_time)),
                "t50": medians(over_seeds(runs, cell, t50)),
                "at t50": medians(over_seeds(runs, cell, at("label_fit_rank", t50))),
                "end": medians(over_seeds(runs, cell, final("label_fit_rank"))),
            }
        )
    return table(rows)


def peak_time(run: Run) -> float:
    """When the label-fit rank is largest."""
    return float(run.curve.time[np.nanargmax(run.curve.column("label_fit_rank"))])


# ---------------------------------------------------------------- features or averaging in boosted trees


def features_or_averaging(runs: Runs) -> str:
    """Accuracy of the ensemble beside what its leaves, all or recent, would do for a new read-out."""
    moments = {"t_mem": t_mem, "t50": t50, "t_gen": t_gen}
    columns = {
        "ensemble": "test",
        "kernel of all trees": "after_kernel_ridge",
        "kernel of the recent trees": "after_kernel_recent",
    }
    rows = []
    for name, column in columns.items():
        row = {"held-out kappa of": name}
        for moment, time in moments.items():
            row[f"at {moment}"] = medians(over_seeds(runs, "bits/trees", kappa_at(column, time)))
        rows.append(row)
    lead = interval(over_seeds(runs, "bits/trees", lead_of("after_kernel_ridge")))
    frozen = medians(over_seeds(runs, "bits/trees-frozen", lambda run: float(run.curve.kappa_test[-1])))
    rounds = ", ".join(
        f"{last:g}" for last in np.unique(over_seeds(runs, "bits/trees-frozen", lambda run: run.curve.last))
    )
    few = medians(over_seeds(runs, "bits-low/trees", lambda run: float(run.curve.kappa_test[-1])))
    return table(rows) + (
        f"\nThe half-rise of the kernel of all trees comes {lead} decades before that of the ensemble (median, 95 %). "
        f"Trees whose structure ignores the labels, of {rounds} rounds, end at {frozen}. With few examples the recipe "
        f"ends at {few}.\n"
    )


def kappa_at(column: str, time: Callable[[Run], float]) -> Callable[[Run], float]:
    """Held-out kappa, or an after-kernel score, at a time."""
    return lambda run: run.curve.value_at(
        run.curve.kappa_test if column == "test" else run.curve.column(column), time(run)
    )


def lead_of(column: str) -> Callable[[Run], float]:
    """log10 of the half-rise of the accuracy over that of an after-kernel score; of a regression, of the skills."""

    def lead(run: Run) -> float:
        classes = run.curve.n_classes
        ready = run.curve.crossing(run.curve.column(column if classes else f"{column}_skill"), 0.5)
        rise = t50(run) if classes else run.curve.crossing(run.curve.skill, 0.5).time
        return math.log10(rise / ready.time) if ready.reached else -math.inf

    return lead


def interval(values: np.ndarray) -> str:
    """The median with its sign-test interval."""
    known = values[~np.isnan(values)]
    if not known.size:
        return ""
    middle = median_interval(known)
    return f"{middle.estimate:.3f} [{middle.low:.3f}, {middle.high:.3f}]"


# ---------------------------------------------------------------- what becomes of redrawn labels


def lookup_tables(runs: Runs) -> str:
    """Shares of the redrawn labels that are predicted as shown, and as they were before, where the rule is found."""
    cells = {
        "mlp, decay 1, 5 % redrawn": "add60-noise05/mlp",
        "mlp, decay 1, 10 %": "add60-noise10/mlp",
        "mlp, decay 1, 20 %, mod 41, .8": "add41-noise20/mlp",
        "mlp, decay 3, 10 %": "add60-noise10/mlp-decay3x",
        "mlp, decay 5, 10 %, .8": "add80-noise10/mlp-decay5x",
        "rfm, no ridge, 10 %": "add80-noise10/rfm",
        "rfm, ridge, 10 %": "add80-noise10/rfm-ridge3",
        "boosted trees, 10 %": "bits-noise10/trees",
        "gaussian process, 10 %": "bits25-noise10/gp-regression",
    }
    rows = []
    for name, cell in cells.items():
        end = over_seeds(runs, cell, lambda run: float(np.median(run.curve.kappa_test[-5:])))
        after = over_seeds(runs, cell, at("memorized_bits", lambda run: end_of_rise(run, LEVEL)))
        most = over_seeds(runs, cell, lambda run: float(np.nanmax(run.curve.column("memorized_bits"))))
        classes = over_seeds(runs, cell, lambda run: run.curve.n_classes)
        rows.append(
            {
                "cell": name,
                "held-out kappa at the end": medians(end),
                "of .9 and more": f"{int((end >= 0.9).sum())}/{len(end)}",
                "fitted their labels": count(
                    runs, cell, lambda run: run.curve.crossing(run.curve.kappa_train, LEVEL).held
                ),
                "predicted as shown": medians(over_seeds(runs, cell, final("memorized_share"))),
                "predicted as before": medians(over_seeds(runs, cell, final("reverted_share"))),
                "most bits held, of all": medians(most / np.log2(classes)),
                "bits kept at 2 t_gen": medians(after / np.log2(classes)),
                "at the end": medians(over_seeds(runs, cell, final("memorized_bits")) / np.log2(classes)),
                "half let go, decades before t50": medians(over_seeds(runs, cell, letting_go)),
            }
        )
    return table(rows)


def letting_go(run: Run) -> float:
    """log10(t50 / when half of the most bits that were held is gone for good); NaN where it is not."""
    bits = run.curve.column("memorized_bits")
    most = int(np.nanargmax(bits))
    half = run.curve.crossing(np.where(np.arange(len(bits)) < most, 0.0, 1 - bits / bits[most]), 0.5)
    return math.log10(t50(run) / half.time) if half.reached else math.nan


# ---------------------------------------------------------------- what moves first, whatever the clock


OF_CHANCE = 0.03  # standard deviation of the kappa of a coin, two classes, on 1000 held-out points


def leads(lazy: Runs, complex_: Runs) -> str:
    """Features (R) and complexity (c) at the half-rise: decades before it, and the share of their own way less 1/2.

    The share does not change if time is replaced by any increasing function of time. It is empty where R moves by less
    than three standard deviations of chance between t_mem and the end.
    """
    rows = [
        {
            "what": subject,
            "family": design.family,
            "task": design.task,
            "decades before the half-rise": interval(np.array(decades)),
            "share of its way at the half-rise, less 1/2": interval(np.array(shares)),
        }
        for subject, design, decades, shares in [*features_first(lazy), *simpler_first(complex_)]
    ]
    return table(rows)


def features_first(runs: Runs) -> Iterator[tuple]:
    """Of the free runs of every design of which L3 is asked: decades and shares of the after-kernel score."""
    registered = rules.read("lazy-to-rich")
    for design in registered.designs:
        cells = registered.cells(design, runs)
        if design.makes("L3") and "L3" not in design.by_construction and cells.has("free"):
            complete = [run for run in cells.runs_of("free") if run.complete]
            shares = [clock_free_lead(run, run.curve.column(cells.ridge), LEVEL, OF_CHANCE) for run in complete]
            yield "R", design, [lead_of(cells.ridge)(run) for run in complete], shares


def simpler_first(runs: Runs) -> Iterator[tuple]:
    """Of the free runs of every design with a measure of complexity: decades and shares of the fall of c."""
    registered = rules.read("complexity")
    for design in registered.designs:
        for measure in design.complexities:
            cells = registered.cells(replace(design, complexity=measure), runs)
            if cells.has("free") and cells.has("random"):
                pairs = [*zip(cells.runs_of("free"), cells.runs_of("random"), strict=True)]
                passed = [(free, twins.fallen(cells, free, twin)) for free, twin in pairs]
                shares = [free.curve.value_at(c, t50(free)) - 0.5 for free, c in passed if c is not None]
                yield measure, design, [twins.lead_of_fall(cells, *pair, math.nan) for pair in pairs], shares


# ---------------------------------------------------------------- how large a network must be


def sizes(runs: Runs) -> str:
    """The least width that fits .98 of random labels, and the one that generalizes, by number of examples."""
    cells, _ = cells_of("complexity", "add, sizes", runs)
    random = complexity.least_sizes(cells, "sizes_random", complexity.memorizes)
    true = complexity.least_sizes(cells, "sizes_true", complexity.learns)
    rows = [
        {
            "training examples": f"{n:g}",
            "width to fit random labels": medians(10 ** random[n]),
            "width to find the rule": medians(10 ** true[n]),
        }
        for n in sorted(random)
    ]
    return table(rows)


# ---------------------------------------------------------------- what acts through laziness


def through_laziness(runs: Runs) -> str:
    """Along each axis of the factorial: is the lazier network the later, and what is left at equal laziness?"""
    cells, places = cells_of("mediation", "add", runs)
    factorial = mediation.factorial(cells, mediation.matched(cells, places))
    rows = [
        {
            "axis": axis,
            "pairs along it: the lazier is later": spread(mediation.along(cells, factorial, i)),
            "pairs of equal laziness: the higher level is later": spread(mediation.own(cells, factorial, i)),
        }
        for i, axis in enumerate(mediation.AXES)
    ]
    return table(rows)


def cells_of(explanation: str, task: str, runs: Runs) -> tuple[Cells, list[tuple[str, int]]]:
    """The cells of the design of a task, and the (role, step) of each."""
    registered = rules.read(explanation)
    design = next(design for design in registered.designs if design.task == task)
    places = [(role, step) for role, cells in design.roles.items() for step in range(len(cells))]
    return registered.cells(design, runs), places


def spread(estimate: Estimate) -> str:
    """An estimate with its 95 % interval."""
    low, high = estimate.interval(0.025)
    return f"{estimate.value:.2f} [{low:.2f}, {high:.2f}]"


def main(folders: list[str]) -> None:
    """Print all of them."""
    defaults = [f"results/reference/{name}" for name in ("lazy-to-rich", "eight-cells", "complexity", "mediation")]
    lazy, cells, complex_, factorial = (runs_of(Path(folder)) for folder in [*folders, *defaults[len(folders) :]])
    for title, text in {
        "One network in eight cells": eight_cells(cells),
        "Flows of a fixed kernel": lazy_flows(lazy),
        "Late by their own path": paths(lazy),
        "What moves first, on any clock": leads(lazy, complex_),
        "Features or averaging in boosted trees": features_or_averaging(lazy),
        "The complexity path of recursive feature machines": path_of_complexity(complex_),
        "Who drops the lookup table": lookup_tables(complex_),
        "How large a network must be": sizes(complex_),
        "What acts through laziness": through_laziness(factorial),
    }.items():
        print(f"## {title}\n\n{text}")


if __name__ == "__main__":
    main(sys.argv[1:])
