"""How early, and at how many false alarms, signals foretell that a network will generalize.

`python studies/early_warning.py` writes the table of docs/replications.md from the archived runs of results/reference.
With CAUSES COMPLEXITY behind it, it prints that of two other results folders. Spectral signals are said to tell runs
that will generalize from others with an AUROC of .93 (arXiv 2605.08237), and the squared norm half-way to rank them by
when (rank correlation .90). Their residual of dynamic modes is not stored; the dimension of the features and the bits
of the weights are the signals of its kind that are. Beside them stand the cheapest: the norm of the weights and the
training loss.

A signal is by how many decades a column has fallen since t_mem; an AUROC below one half says that it falls less there,
or rises. Its alarm is the first time after t_mem at which it has fallen by a threshold at three checkpoints on end. The
threshold of a seed is the smallest that at most a twentieth of the runs without generalization of all other seeds
reach. Every interval is over seeds, which are drawn again with all their runs.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from findings import runs_of, table
from replications import PAGE, ROOT, with_block

from grokbench.curves.detect import LEVEL
from grokbench.curves.run import Run
from grokbench.report.archive import with_runs
from grokbench.verdicts.early_signals import fall

REFERENCE = (ROOT / "results" / "reference" / "causes", ROOT / "results" / "reference" / "complexity")
BLOCK = "early warnings"
WINDOW = 3.0  # of t_mem: where signals are compared
LASTING = 3  # checkpoints
FALSE_ALARMS = 0.05
DRAWS = 400


@dataclass(frozen=True)
class Question:
    """Cells of one suite and task whose runs generalize late, cells whose runs never do, and the columns to ask."""

    title: str
    late: Sequence[str]
    never: Sequence[str]
    columns: Sequence[str]


CAUSES = (
    Question(
        "addition, cross-entropy",
        ["add60/ce", "add60/ce-decay1", "add60/ce-decay2", "add60/ce-decay4"],
        ["add60/ce-off", "add60-shuffled/ce"],
        ["norm", "train_loss"],
    ),
    Question(
        "addition, squares",
        ["add60/squares", "add60/squares-off", "add60/squares-decay1", "add60/squares-decay2", "add60/squares-decay4"],
        ["add60-shuffled/squares", "add60-shuffled/squares-off"],
        ["norm", "train_loss"],
    ),
    Question(
        "exclusive or, cross-entropy",
        ["xor40/xor-ce", "xor40/xor-ce-decay1", "xor40/xor-ce-decay2", "xor40/xor-ce-decay4"],
        ["xor40/xor-ce-off", "xor40-shuffled/xor-ce"],
        ["norm", "train_loss"],
    ),
)
COMPLEXITY = (
    Question(
        "addition, with spectra",
        ["add/mlp"],
        ["add-low/mlp", "add-shuffled/mlp"],
        ["feature_dimension", "weight_bits", "train_loss"],
    ),
)


def auroc(late: np.ndarray, never: np.ndarray) -> float:
    """Share of the pairs in which the late run has the larger value, a tie as half; NaN without pairs."""
    gaps = np.subtract.outer(late, never)
    return float((np.sign(gaps) + 1).mean() / 2) if gaps.size else math.nan


def fallen(run: Run, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Times after t_mem, and decades by which the column has fallen since, for as long as the run does not generalize.

    That is until half of the held-out accuracy, or the end.
    """
    begin, rise = run.detections[LEVEL].t_mem, run.half_rise()
    values = np.maximum(run.curve.column(column), np.finfo(np.float32).tiny)
    kept = (run.curve.time > begin) & (run.curve.time < (math.inf if math.isnan(rise) else rise)) & ~np.isnan(values)
    return run.curve.time[kept], math.log10(run.curve.value_at(values, begin)) - np.log10(values[kept])


def strongest(fall_: np.ndarray) -> float:
    """The highest threshold that a fall meets at `LASTING` checkpoints on end; -inf where there are not so many."""
    if len(fall_) < LASTING:
        return -math.inf
    return float(np.lib.stride_tricks.sliding_window_view(fall_, LASTING).min(axis=1).max())


def alarm(times: np.ndarray, fall_: np.ndarray, threshold: float) -> float:
    """The last of the first `LASTING` checkpoints on end at which the fall is above the threshold; NaN without any."""
    above = np.convolve(fall_ > threshold, np.ones(LASTING), mode="valid") >= LASTING - 0.5
    return float(times[np.argmax(above) + LASTING - 1]) if len(fall_) >= LASTING and above.any() else math.nan


def threshold(falls: Sequence[np.ndarray]) -> float:
    """The smallest threshold that at most a twentieth of some falls exceed."""
    reached = np.sort([strongest(one) for one in falls])
    return float(reached[len(reached) - 1 - int(FALSE_ALARMS * len(reached))])


def judged(question: Question, column: str, runs: Mapping[str, Mapping[int, Run]]) -> dict[str, str]:
    """One row: the AUROC at three t_mem, alarms, leads and false alarms, and the ranking of times."""
    late, never = (
        [(seed, run) for cell in cells for seed, run in runs[cell].items() if fits(run)]
        for cells in (question.late, question.never)
    )
    late = [(seed, run) for seed, run in late if not math.isnan(run.half_rise())]
    values = [[(seed, fall(run, column, WINDOW)) for seed, run in group] for group in (late, never)]
    quiet = [(seed, fallen(run, column)) for seed, run in never]
    limits = {seed: threshold([f for other, (_, f) in quiet if other != seed]) for seed, _ in late + never}
    leads = [math.log10(run.half_rise() / alarm(*fallen(run, column), limits[seed])) for seed, run in late]
    false = [not math.isnan(alarm(*one, limits[seed])) for seed, one in quiet]
    heard = [lead for lead in leads if not math.isnan(lead)]
    return {
        "runs": question.title,
        "signal": f"{column} falls",
        "AUROC at 3 t_mem": over_seeds(*values),
        "alarm before the rise": f"{len(heard)}/{len(leads)}",
        "lead in decades, median": f"{np.median(heard):.2f}" if heard else "",
        "false alarms": f"{sum(false)}/{len(false)}",
        "rank correlation with t_gen": ranked(late, column),
    }


def fits(run: Run) -> bool:
    """Whether a run is whole and has learned its training examples."""
    return run.complete and not math.isnan(run.detections[LEVEL].t_mem)


def over_seeds(late: Sequence[tuple[int, float]], never: Sequence[tuple[int, float]]) -> str:
    """The AUROC with its bootstrap interval over seeds; runs too short for the window are left out."""
    seeds = sorted({seed for seed, _ in [*late, *never]})
    rng, draws = np.random.default_rng(0), []
    for draw in range(DRAWS + 1):
        chosen = seeds if draw == 0 else rng.choice(seeds, len(seeds))
        groups = (
            [v for seed in chosen for s, v in group if s == seed and not math.isnan(v)] for group in (late, never)
        )
        draws.append(auroc(*(np.array(group) for group in groups)))
    low, high = np.nanquantile(draws[1:], [0.025, 0.975])
    return f"{draws[0]:.2f} [{low:.2f}, {high:.2f}]"


def ranked(late: Sequence[tuple[int, Run]], column: str) -> str:
    """Spearman's correlation of the column at three t_mem and t_gen, over the runs that generalize."""
    from scipy.stats import spearmanr

    begins, ends = (np.array([getattr(run.detections[LEVEL], name) for _, run in late]) for name in ("t_mem", "t_gen"))
    values = np.array(
        [
            run.curve.value_at(run.curve.column(column), WINDOW * begin)
            for (_, run), begin in zip(late, begins, strict=True)
        ]
    )
    known = ~np.isnan(values) & ~np.isnan(ends)
    if known.sum() < 3 or np.ptp(values[known]) == 0:
        return ""
    return f"{spearmanr(values[known], ends[known]).statistic:.2f}"


def answers(causes: Path, complexity: Path) -> str:
    """The table, of two results folders with their runs or the archive of them."""
    rows = []
    for folder, questions in ((causes, CAUSES), (complexity, COMPLEXITY)):
        with with_runs(folder) as whole:
            runs = runs_of(whole)
        rows += [judged(question, column, runs) for question in questions for column in question.columns]
    return table(rows)


def main(folders: Sequence[str]) -> None:
    """Print the table of two folders, or write that of the reference into its page."""
    if folders:
        print(answers(*map(Path, folders)))
    else:
        text = f"{answers(*REFERENCE)}\n"
        PAGE.write_text(with_block(PAGE.read_text(encoding="utf-8"), BLOCK, text), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
