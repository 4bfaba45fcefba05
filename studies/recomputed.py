"""The primary estimates of stored explanations, computed a second time by other code.

`python studies/recomputed.py results/lazy-to-rich results/complexity` reads the stored curves and the rules, and prints
every primary estimate beside that of `explanations.csv` (of parts that decide nothing: of `explanations.md`, with three
digits). It follows docs/definitions.md and docs/verdicts-checked.md, and shares no line with the rooms that detect,
count and judge. A bootstrap with other draws agrees to about .02. Rows by construction, and lost runs, are left out.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

RULES = Path(__file__).parents[1] / "grokbench" / "explanations"
LEVEL, DELAYED, LOW_HEAD, DROP = 0.95, 0.5, 0.25, 0.15  # of kappa, in decades, of the head, of a loss
BINS, SPAN = 20, 0.15  # bins in a decade; decades that two checkpoints span at least, to hold a level
NOWHERE = (0, np.nan, np.nan, np.nan)

Part = tuple[int, float, float, float]  # n, estimate, low, high


@dataclass(frozen=True)
class Passage:
    """A crossing time after the row `before`, infinite if there is none; was it held ever, is it pending at the end?"""

    time: float
    before: float
    held: bool = True
    pending: bool = False


def checkpoints(time: np.ndarray, unit: float) -> np.ndarray:
    """Number (n,) of the checkpoint that each row belongs to: bins in log time, and the last row's own."""
    place = BINS * np.log10(np.maximum(time, unit * 1e-9) / (50 * unit))
    number = np.round(place)
    number[place > (place[-1] + np.ceil(place[-1]) - 1) / 2] = np.inf  # nearer to the last row than to a centre
    number[time == 0] = -np.inf
    return np.unique(number, return_inverse=True)[1]


def lasting(there: np.ndarray, time: np.ndarray) -> list[tuple[int, int]]:
    """First and last index of each run of checkpoints that lasts: three of them, or two that are far apart."""
    edges = np.flatnonzero(np.diff(np.r_[False, there, False])).reshape(-1, 2)
    place = np.log10(np.maximum(time, 1e-300))
    return [(i, j - 1) for i, j in edges if j - i > 2 or (j - i == 2 and place[j - 1] - place[i] >= SPAN)]


def passage(time: np.ndarray, value: np.ndarray, level: float, unit: float) -> Passage:
    """The first crossing of `level` that is held and not lost afterwards."""
    number = checkpoints(time, unit)
    at, read = ([np.median(x[number == i]) for i in range(number[-1] + 1)] for x in (time, value))
    held, lost = (lasting(there, at) for there in (np.array(read) >= level, np.array(read) < level - DROP))
    first = next((i for i, _ in held if not lost or i > lost[-1][1]), None)
    if first is None:
        return Passage(np.inf, time[-1], held=bool(held), pending=bool(read[-1] >= level))
    if first == 0:
        return Passage(time[time > 0][0], 0.0)
    return between(time, value, level, np.flatnonzero((number == first) | (number == first - 1)))


def between(time: np.ndarray, value: np.ndarray, level: float, rows: np.ndarray) -> Passage:
    """The pair of neighbouring rows with the fewest others on the wrong side of it, and the time between them."""
    above = value[rows] >= level
    pairs = [i for i in range(1, rows.size) if above[i] and not above[i - 1]]
    best = rows[min(pairs, key=lambda i: above[:i].sum() + (~above[i:]).sum())]
    (t0, t1), (v0, v1) = time[best - 1 : best + 1], value[best - 1 : best + 1]
    return Passage(t0 * (t1 / t0) ** ((level - v0) / (v1 - v0)) if t0 > 0 else t1, t0)


@dataclass(frozen=True)
class Run:
    """A stored run: what its record says, and its curve."""

    record: dict
    curve: pd.DataFrame

    def __getitem__(self, column: str) -> np.ndarray:
        return self.curve[column].to_numpy(float)

    def kappa(self, split: str) -> np.ndarray:
        """Chance-corrected accuracy (n,); held-out levels are fractions of the ceiling."""
        chance, ceiling = self.record["chance"], self.record["ceiling"] if split == "test" else 1.0
        return (self[f"{split}_accuracy"] - chance) / (1 - chance) / ceiling

    @cached_property
    def ranked(self) -> np.ndarray:
        """kappa_rank (n,): chance-corrected accuracy of equal Gaussians with this order; NaN for regressions."""
        classes, quantile = self.record["n_classes"], stats.norm.ppf(np.clip(self["rank_auc"], 1e-12, 1 - 1e-12))
        if classes < 3:
            return 2 * stats.norm.cdf(quantile / np.sqrt(2)) - 1 if classes else np.full(quantile.size, np.nan)
        x = np.linspace(-9, 20, 3000)
        density = stats.norm.pdf(x - np.sqrt(2) * quantile[:, None]) * stats.norm.cdf(x) ** (classes - 1)
        return (np.trapezoid(density, x) * classes - 1) / (classes - 1)

    def crossing(self, values: np.ndarray, level: float) -> Passage:
        """The passage of `values`, which are read where they are defined."""
        known = np.isfinite(values)
        if not known.any():
            return Passage(np.inf, self["time"][-1], held=False)
        return passage(self["time"][known], values[known], level, self.record["unit"])

    def at(self, values: np.ndarray, time: float | np.ndarray) -> np.ndarray:
        """Values at a time, interpolated in log time."""
        known = np.isfinite(values) & (self["time"] > 0)
        return np.interp(np.log(time), np.log(self["time"][known]), values[known]) if known.any() else time * np.nan

    @cached_property
    def fit(self) -> Passage:
        return self.crossing(self.kappa("train"), LEVEL)

    @cached_property
    def rule(self) -> Passage:
        return self.crossing(self.kappa("test"), LEVEL)

    @cached_property
    def half_rise(self) -> float:
        return self.crossing(self.kappa("test"), 0.5).time

    def delayed(self) -> bool:
        """Half a decade passed from t_mem, and 5 units of the clock unless t_mem is resolved."""
        unit = self.record["unit"]
        resolved = self.fit.before >= 11 * unit
        return self.rule.time >= self.fit.time * 10**DELAYED and (resolved or self.rule.time >= 5 * unit)

    def delayed_on_path(self) -> bool:
        """A quarter of the machine's own path lies before the half-rise."""
        path = self["path"]
        return bool(self.at(path, self.half_rise) >= path[-1] / 4 > 0)

    def late(self, by_path: bool) -> float:
        """1 or 0 of a run that generalizes, -1 of one that memorizes only, NaN of one that says nothing."""
        accuracy, end = self.kappa("test"), self["time"][-1]
        criteria = ((self.fit, self.kappa("train")), (self.rule, accuracy))
        collapsed = any(event.held and np.median(kappa[-5:]) < 0.5 for event, kappa in criteria)
        if np.isinf(self.fit.time) or self.rule.pending or collapsed:
            return np.nan
        if np.isinf(self.rule.time):
            return np.nan if end < 10 * self.fit.time else -1.0
        offset = min(self.crossing(accuracy, 0.1).time, end) > 10**0.3 * self.crossing(self.ranked, 0.1).time
        head = self.at(self.ranked if offset else accuracy, self.fit.time)
        ranked_before = self.rule.time > 10**0.3 * self.crossing(self.ranked, LEVEL).time
        artifact = ranked_before or self.at(self["skill"], self.fit.time) >= 0.5
        return float((self.delayed_on_path() if by_path else self.delayed()) and head < LOW_HEAD and not artifact)

    def settled(self) -> bool:
        """The training loss is at rest, and at its present pace the accuracy does not arrive within a decade."""
        then, loss, kappa = self["time"][-1] / 10**0.25, self["train_loss"], self.kappa("test")
        still = abs(loss[-1] - self.at(loss, then)) < 0.01 * loss[0]
        return bool(still and kappa[-1] + 4 * (kappa[-1] - self.at(kappa, then)) < LEVEL)


@cache
def read(folder: Path) -> Run | None:
    """A run of the store, if it is there and ended well."""
    if not (folder / "run.json").is_file():
        return None
    run = Run(json.loads((folder / "run.json").read_text("utf-8")), pd.read_csv(folder / "curve.csv"))
    return run if run.record["status"] in ("done", "settled") else None


@dataclass(frozen=True)
class Design:
    """A family on a task: the rules' table, and the runs of a results folder."""

    rules: dict
    folder: Path
    keys: dict

    def name(self, role: str) -> str:
        """A role as the rules write it: "free" is that of the family's natural state."""
        return f"{role}_{self.rules['natural']}" if role in ("free", "frozen") else role

    def states(self, prediction: dict) -> bool:
        """Is the prediction made of this family on this task, and no construction?"""
        name = prediction["name"]
        present = all(self.name(role) in self.rules["cells"] for role in prediction["uses"])
        named = name in self.rules.get("predictions", [name]) and name not in self.rules.get("by_construction", {})
        return present and named

    def runs(self, role: str) -> dict[str, Run]:
        """Runs by seed of the cell that plays `role`."""
        return self.stored(self.rules["cells"][self.name(role)])

    def stored(self, cell: str) -> dict[str, Run]:
        """Runs by seed of a cell, those that are there."""
        runs = {seed: read(self.folder / "runs" / key) for seed, key in self.keys[cell].items()}
        return {seed: run for seed, run in runs.items() if run}

    def late(self, role: str) -> dict[str, bool]:
        """Endpoints by seed of the decided runs."""
        values = {seed: run.late(self.rules.get("endpoint") == "path") for seed, run in self.runs(role).items()}
        return {s: late == 1 for s, late in values.items() if late >= 0 or (late == -1 and self.adequate(role, s))}

    def adequate(self, role: str, seed: str) -> bool:
        """Had a run that does not generalize the time to?"""
        if self.name(role) in self.rules.get("closed_form", ()):
            return True
        beside = f"free_{self.name(role).rpartition('_')[2]}"  # the free run under the same pressure
        pair = beside if "frozen" in role and beside in self.rules["cells"] else "free"
        times = {other: run.rule.time for other, run in self.runs(pair).items()}
        slowest = max((time for time in times.values() if time < np.inf), default=np.inf)
        run, needed = self.runs(role)[seed], times.get(seed, np.inf)
        return run["time"][-1] >= 10 * (needed if needed < np.inf else slowest) and run.settled()


def share(events: list[bool]) -> Part:
    """A share with Clopper and Pearson's interval."""
    ends = stats.binomtest(sum(events), len(events)).proportion_ci(method="exact") if events else NOWHERE[2:]
    return len(events), float(np.mean(events)) if events else np.nan, *ends


def newcombe(e: int, f: int, g: int, h: int) -> tuple[float, float, float]:
    """Difference of paired shares and Newcombe's interval (method 10) from counts of (1,1), (1,0), (0,1), (0,0)."""
    n, (p1, p2) = e + f + g + h, ((e + f) / (e + f + g + h), (e + g) / (e + f + g + h))
    (l1, u1), (l2, u2) = (stats.binomtest(k, n).proportion_ci(method="wilson") for k in (e + f, e + g))
    margins, excess = (e + f) * (g + h) * (e + g) * (f + h), e * h - f * g
    phi = (max(excess - n / 2, 0) if excess > 0 else excess) / np.sqrt(margins) if margins else 0.0
    below = np.sqrt((p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2)
    above = np.sqrt((u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2)
    return p1 - p2, p1 - p2 - below, p1 - p2 + above


def paired(a: dict[str, bool], b: dict[str, bool]) -> Part:
    """P(late) of a less that of b, over the seeds where both are decided."""
    decided = [(a[seed], b[seed]) for seed in a if seed in b]
    counts = [decided.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))]
    return (len(decided), *newcombe(*counts)) if decided else NOWHERE


def median(values: list[float]) -> Part:
    """The median with the interval of the sign test."""
    x = np.sort([value for value in values if not np.isnan(value)])
    outside = sum(stats.binom.cdf(k, x.size, 0.5) <= 0.025 for k in range(x.size // 2))
    ends = (x[outside - 1], x[-outside]) if outside else (-np.inf, np.inf)
    return x.size, float(np.median(x)) if x.size else np.nan, *ends


def votes(ladder: list[tuple[float, bool]], way: int) -> int:
    """Pairs of (time, seen) in which the higher dose (way 1) or the lower one (way -1) is surely later."""
    pairs = [(ladder[i], ladder[j])[::way] for j in range(len(ladder)) for i in range(j)]
    return sum(seen and (later > t or (later == t and not later_seen)) for (t, seen), (later, later_seen) in pairs)


def tau(ladders: list[list[tuple[float, bool]]], draws: int = 4000) -> Part:
    """Concordance of doses (in order) with censored times, in pairs within a ladder; expanded bootstrap of ladders."""
    n, counts = len(ladders), np.array([[votes(ladder, way) for way in (1, -1)] for ladder in ladders], float)
    sums = counts[np.random.default_rng(0).integers(n, size=(draws, n))].sum(axis=1)
    level = stats.norm.cdf(np.sqrt(n / (n - 1)) * stats.t.ppf(0.025, n - 1)) if n > 1 else 0.0
    every, drawn = (np.divide(x @ [1, -1], x.sum(axis=-1)) for x in (counts.sum(axis=0), sums[sums.any(axis=1)]))
    return n, float(every), *np.quantile(drawn, [level, 1 - level])


def turned(part: Part) -> Part:
    """The negative of an estimate."""
    n, estimate, low, high = part
    return n, 0.0 - estimate, 0.0 - high, 0.0 - low


def laziness(design: Design) -> dict[str, Part]:
    """L2: do the delays rise with the dose, within seeds?"""
    cells = [design.stored(cell) for cell in design.rules["cells"]["doses"]]
    ladders = [[cell[seed] for cell in cells if seed in cell] for seed in sorted(set().union(*cells))]
    return {"": tau([[delay(run) for run in ladder if run.fit.time < np.inf] for ladder in ladders])}


def delay(run: Run) -> tuple[float, bool]:
    """Decades from t_mem to t_gen, and whether it was seen."""
    return np.log10(min(run.rule.time, run["time"][-1]) / run.fit.time), run.rule.time < np.inf


def features(design: Design) -> dict[str, Part]:
    """L3: the after-kernel score at t_mem, and its lead over the test rise; of regressions both are skills."""
    runs = [run for run in design.runs("free").values() if run.fit.time < np.inf]
    suffix = "" if runs[0].record["n_classes"] else "_skill"
    ready = [run.at(run[f"after_kernel{suffix}"], run.fit.time) for run in runs]
    scores = [(run["skill"] if suffix else run.kappa("test"), run[f"after_kernel{suffix}"]) for run in runs]
    pairs = [[run.crossing(x, 0.5).time for x in pair] for run, pair in zip(runs, scores, strict=True)]
    leads = [np.log10(rise / there) if there < np.inf else -np.inf for rise, there in pairs if rise < np.inf]
    return {"not_ready": turned(median(ready)), "ready": median(leads)}


def fall(measure: str, clock: Run, run: Run, twin: Run) -> tuple[float, float]:
    """Decades that `measure`, over the twin's, falls after its peak between t_mem and t50, and t50's lag on its half.

    Times are those of `clock`, a run that generalizes; the fall ends at 2 t_gen, or with the budget.
    """
    start, rise, end = clock.fit.time, clock.half_rise, min(2 * clock.rule.time, clock["time"][-1])
    time = np.unique([*clock["time"][(clock["time"] > start) & (clock["time"] < end)], start, rise, end])
    ratio = run.at(run[measure], time) / twin.at(twin[measure], time)
    peak = int(np.argmax(ratio[time <= rise]))
    half, size = (ratio[peak] + ratio[-1]) / 2, np.log10(ratio[peak] / ratio[-1])
    if size <= 0:
        return size, -np.inf
    i = peak + int(np.argmax(ratio[peak:] <= half))
    return size, np.log10(rise) - np.interp(-half, -ratio[i - 1 : i + 1], np.log10(time[i - 1 : i + 1]))


def falls(design: Design, measure: str, role: str, twin: str) -> dict[str, tuple[float, float]]:
    """Falls by seed, at the clock times of the free run that generalizes, if its half-rise lies after t_mem."""
    free, runs, twins = (design.runs(name) for name in ("free", role, twin))
    rising = [s for s, run in free.items() if run.fit.time <= run.half_rise <= run.rule.time < np.inf]
    able = [seed for seed in rising if seed in runs and seed in twins]
    return {seed: fall(measure, free[seed], runs[seed], twins[seed]) for seed in able}


def complexity(design: Design, lead: bool) -> dict[str, Part]:
    """C4 (lead) or C1, by each registered measure; the first has no name of its own."""
    parts, names = {}, list(np.atleast_1d(design.rules["complexity"]))
    for measure, mark in zip(names, ["", *(f" by {name}" for name in names[1:])], strict=True):
        free = falls(design, measure, "free", "random")
        if lead:
            parts[f"not_after{mark}"] = median([way[1] for way in free.values()])
        else:
            low = falls(design, measure, "low", "low_random")
            parts[f"fall{mark}"] = median([way[0] for way in free.values()])
            parts[f"beyond_low{mark}"] = median([free[seed][0] - low[seed][0] for seed in free if seed in low])
    return parts


PRIMARIES = {
    "L1": lambda at: {"": paired(at.late("free"), at.late("frozen"))},
    "L2": laziness,
    "L3": features,
    "C1": lambda at: complexity(at, lead=False),
    "C4": lambda at: complexity(at, lead=True),
    "C5": lambda at: {
        "difference": paired(at.late("free_on"), at.late("free_off")),
        "off": turned(share(list(at.late("free_off").values()))),
    },
    "E1": lambda at: {"": share(list(at.late("frozen_on").values()))},
    "E2": lambda at: {k: paired(at.late(f"{k}_on"), at.late(f"small_{k}_on")) for k in ("free", "frozen")},
    "E3": lambda at: {k: paired(at.late(f"{k}_on"), at.late(f"{k}_off")) for k in ("free", "frozen")},
}


def stored_parts(folder: Path, decided: pd.DataFrame, name: str, family: str, task: str) -> dict[str, Part]:
    """What the tables of a folder say of a prediction, by part; an end beyond the data is empty there."""
    parts = {}
    page = (folder / "explanations.md").read_text("utf-8") if (folder / "explanations.md").is_file() else ""
    line = re.search(rf"^\| {name} \| \w+ \| {re.escape(f'{family} | {task}')} \| (\d+) \| ([^|]*)", page, re.M)
    for text in line[2].split("; ") if line else ():
        part = re.fullmatch(r"(?:(\w+): )?([-\d.e]+) \[(.*), (.*)\] *", text)
        if part:
            low, high = (
                end if re.search(r"\d", end) else f"{sign}inf"
                for end, sign in zip(part.groups()[2:], "-+", strict=True)
            )
            parts[part[1] or ""] = (int(line[1]), float(part[2]), float(low), float(high))
    of = (decided["prediction"] == name) & (decided["family"] == family) & (decided["task"] == task)
    for row in decided[of & decided["estimate"].notna()].itertuples():
        ends = [sign * np.inf if np.isnan(end) else end for end, sign in ((row.low, -1), (row.high, 1))]
        parts[row.statistic.partition(": ")[2]] = (row.n, row.estimate, *ends)
    return parts


def rows(folder: Path) -> Iterator[list]:
    """The table of a folder: names, stored n, estimate and ends, recomputed ones, differences of estimate and ends."""
    suite = json.loads((folder / "suite.json").read_text("utf-8"))
    rules = tomllib.loads((RULES / f"{suite['suite']}.toml").read_text("utf-8"))
    decided = pd.read_csv(folder / "explanations.csv").query(f"explanation == '{suite['suite']}'")
    for design in (Design(table, folder, suite["cells"]) for table in rules["designs"]):
        for name in (p["name"] for p in rules["predictions"] if p["name"] in PRIMARIES and design.states(p)):
            names = (name, design.rules["family"], design.rules["task"])
            ours = stored_parts(folder, decided, *names)
            for part, again in PRIMARIES[name](design).items():
                old = ours.get(part, ours.get("", NOWHERE) if part == "not_after" else NOWHERE)
                gaps = [0.0 if a == b else abs(a - b) for a, b in zip(old[1:], again[1:], strict=True)]
                yield [suite["suite"], *names, part, *old, *again, gaps[0], max(gaps[1:])]


def main(folders: list[Path]) -> None:
    """Print the table, and how far the two computations are apart."""
    heads = "explanation prediction family task part n ours low high n recomputed low high difference ends".split()
    print("| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads), sep="\n")
    table = [row for folder in folders for row in rows(folder)]
    for row in table:
        texts = [f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row]
        print("| " + " | ".join("" if text == "nan" else text for text in texts) + " |")
    gaps = np.array([row[-2:] for row in table if not np.isnan(row[-2])]).reshape(-1, 2)
    print(f"\n{len(gaps)} of {len(table)} estimates are stored. Largest differences: of the estimates", end=" ")
    print(f"{gaps[:, 0].max(initial=0):.4f}, of the intervals' ends {gaps[:, 1].max(initial=0):.4f}.")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
