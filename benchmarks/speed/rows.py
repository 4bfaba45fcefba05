"""The comparisons one after the other: a line each as it ends, and all of them as CSV and Markdown."""

from __future__ import annotations

import time
from pathlib import Path

from grokbench.runs.environment import environment
from grokbench.runs.store import write_atomically
from grokbench.tables.text import csv_lines, markdown, readable
from grokbench.threads import one_thread
from speed.comparison import Comparison, Size, Skipped, Unequal, comparisons
from speed.machine import rates

COLUMNS = {
    **{"comparison": "comparison", "ours": "ours", "theirs": "theirs", "unit": "unit"},
    **{"ratio": "ratio", "low": "lowest", "high": "highest", "goal": "goal", "met": "met", "rounds": "rounds"},
    **{"gemm32": "GEMM float32", "gemm64": "GEMM float64", "cholesky64": "Cholesky float64", "note": "note"},
    **{"what_ours": "what ours does", "what_theirs": "what theirs does"},
}
ABOUT = """# Speed

`python benchmarks/speed`. The ratio is theirs / ours, where the goal is "≤" ours / theirs: the median of the rounds,
with the lowest and the highest. One thread. The machine's own rates, in GFLOP/s, were taken just before each line.

"""


def measure_all(size: Size, only: str, out: Path) -> int:
    """Measure what has `only` in its name and write it; 1 where two sides differ, or nothing has that name."""
    chosen = [one for one in comparisons(size) if only in one.name]
    rows = []
    with one_thread():
        for one in chosen:
            rows.append(row(one, size))
            print(_line(rows[-1]), flush=True)
            _write(rows, out)
    return int(not chosen or any(entry["note"].startswith("unequal") for entry in rows))


def row(one: Comparison, size: Size) -> dict[str, object]:
    """What a comparison comes to, by column."""
    known = {"comparison": one.name, "unit": one.unit, "goal": one.goal, "what_ours": one.ours}
    known |= {"what_theirs": one.theirs, "note": "", **rates()}
    try:
        one.check()
        begun = time.perf_counter()
        timed = one.measure(size)
    except (Skipped, Unequal) as error:
        return known | {"note": f"{type(error).__name__.lower()}: {error}"}
    return known | {
        **{"ours": timed.ours, "theirs": timed.theirs, "ratio": timed.ratio, "met": one.met(timed.ratio)},
        **{"low": min(timed.ratios), "high": max(timed.ratios), "rounds": len(timed.ratios)},
        "note": f"{time.perf_counter() - begun:.0f} s",
    }


def _line(entry: dict[str, object]) -> str:
    name = f"{entry['comparison']:<62}"
    if "ratio" not in entry:
        return f"{name} {entry['note']}"
    numbers = f"{readable(entry['ours'])} : {readable(entry['theirs'])} {entry['unit']}"
    word = {True: "met", False: "not met", None: ""}[entry["met"]]
    return f"{name} {numbers:<38} ratio {readable(entry['ratio']):<6} {entry['goal']:<7} {word}"


def _write(rows: list[dict[str, object]], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "speed.csv", csv_lines(COLUMNS, rows, 6))
    facts = [f"- {name}: {value}" for name, value in environment().items() if value and name != "hash"]
    page = ABOUT + markdown(COLUMNS, rows) + "\n" + "\n".join(facts) + "\n"
    write_atomically(out / "speed.md", page)
