"""Each run of the logs judged by the definition: what is known of it, what its losses are worth, and what is said.

Beside it, what rules of early stopping would have done to the run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from grokbench.curves.detect import Detection, judge
from grokbench.curves.early_stopping import audit, in_words
from grokbench.curves.evidence import Pair
from grokbench.errors import UsageError
from grokbench.limits import LARGEST_LOG
from grokbench.logs.candidates import pairs_of
from grokbench.logs.hints import begins_flat, notes_of, offset_of
from grokbench.logs.opening import tables_of
from grokbench.logs.reading import Reading
from grokbench.logs.runs import LoggedRun, runs_of
from grokbench.logs.table import Table

LOW_START = 0.2  # held-out accuracy below which chance may be left open
AGREE = 0.05  # decades: a bin of the harness's grid
BOTH_LEARNED = 0.95
STEADY = 0.05  # range of the first three held-out accuracies within which they may be those of guessing
GIVE_CHANCE = "give --classes N (balanced classes) or --chance SHARE, the best constant's accuracy"


def detect_files(paths: Sequence[Path], reading: Reading | None = None) -> list[dict[str, object]]:
    """The detection of each run in files and folders, with its name, what was read, and the notes.

    Raises UsageError for what cannot be read or told, in one line that names the file and what to type.
    """
    reading = reading or Reading()
    runs = list(logged_runs(paths, reading))
    short = [run for run, _ in runs if _too_short(run)]
    if len(short) == len(runs):
        raise UsageError(
            f"{short[0].file}: series {short[0].name}: {_too_short(short[0])}: at least two of each are needed"
        )
    notes = tuple(f"series {run.name} is left out: {_too_short(run)}" for run in short)
    return [_row(replace(run, notes=(*run.notes, *notes)), reading, own) for run, own in runs if run not in short]


def _too_short(run: LoggedRun) -> str:
    """How many values a run has that has too few to be judged; "" for any other."""
    train, test = (len(run.curves[name][0]) for name in ("train", "test"))
    return f"{train} training and {test} held-out values" if min(train, test) < 2 else ""


def logged_runs(paths: Sequence[Path], reading: Reading) -> Iterator[tuple[LoggedRun, Mapping[str, float]]]:
    """The runs in files and folders, and what the harness knows of its own. UsageError as in `detect_files`."""
    pairs = pairs_of(tables_of(paths), reading)
    for pair in pairs:
        own = _own_runs(pair.train.table)
        for series, run in runs_of(pair, reading):
            several = f"{pair.run}/{series}" if len(pairs) > 1 else series
            yield replace(run, name=several if series else pair.run), own.get(series, {})


@dataclass(frozen=True)
class Judgement:
    """A detection, what is said beside it, and the curves that it was made of, by name, in shares."""

    detection: Detection
    notes: list[str]
    grids: Mapping[str, Pair]


def _row(run: LoggedRun, reading: Reading, own: Mapping[str, float]) -> dict[str, object]:
    try:
        judgement = _judged(run, reading, own)
    except UsageError as error:
        raise UsageError(f"{run.file}: series {run.name}: {error}") from error
    detection = judgement.detection
    notes = (*run.notes, *judgement.notes, *detection.notes)
    stopping = (
        []
        if "test" in run.losses
        else audit(judgement.grids["test"], detection, test_loss=judgement.grids.get("test_loss"))
    )
    return {
        "series": run.name,
        **asdict(replace(detection, notes=notes)),
        "ceiling": 1.0 if reading.ceiling is None else reading.ceiling,
        "file": str(run.file),
        **{f"{name}_column": column for name, column in run.columns.items()},
        **{f"{name}_points": len(run.curves[name][0]) for name in ("train", "test")},
        "early_stopping": tuple(in_words(stopping)),
        "rules": stopping,
    }


def _judged(run: LoggedRun, reading: Reading, own: Mapping[str, float]) -> Judgement:
    """The judgement with its notes; with a chance that is not given, one that does not hang on it."""
    chance = _chance(reading, own)
    if chance is not None:
        judgement = _at(run, reading, own, chance)
        hints = _hints(run, judgement.detection, own, chance, chance_given=reading.chance is not None)
        return replace(judgement, notes=[*judgement.notes, *hints])
    low, likely, high = _possible(run)
    judgement = _at(run, reading, own, likely)
    for other in {low, high} - {likely}:
        _check_alike(judgement.detection, _at(run, reading, own, other).detection, likely, other)
    judgement.notes.extend(_hints(run, judgement.detection, own, likely, chance_given=False))
    if low < high:
        judgement.notes.append(
            f"chance is not given and was taken for {likely:.2g}, where held-out accuracy begins; from {low:.2g} to "
            f"{high:.2g} outcome and events are the same (--classes N or --chance SHARE gives it)"
        )
    return judgement


def _chance(reading: Reading, own: Mapping[str, float]) -> float | None:
    if reading.chance is not None:
        if not 0 <= reading.chance < 1:
            raise UsageError(f"chance = {reading.chance!r}: expected a share in [0, 1)")
        return reading.chance
    return own.get("chance", 1 / reading.classes if reading.classes else None)


def _possible(run: LoggedRun) -> tuple[float, float, float]:
    """The least, the likely and the greatest chance where it is not given. UsageError where it must be."""
    if "test" in run.losses:
        return 0.0, 0.0, 0.0
    train, test = run.curves["train"][1], run.curves["test"][1]
    start = float(np.median(test[:3]))
    if start <= LOW_START:
        return 0.0, start, min(2 * start, 0.5)
    if start >= BOTH_LEARNED and ("train" in run.losses or np.median(train[:3]) >= BOTH_LEARNED):
        return 0.0, 0.0, 0.0
    # a start that rises is past chance, and says nothing of the classes
    of_classes = np.ptp(test[:3]) < STEADY and abs(1 / start - round(1 / start)) < 0.25 and start < 0.6
    likely = f", --classes {round(1 / start)}?" if of_classes else ""
    if begins_flat(run, 0.5):
        likely = f", flat: --chance {start:.3g}?"
    raise UsageError(f"{GIVE_CHANCE}: held-out accuracy begins at {start:.3g}{likely}")


def _check_alike(ours: Detection, theirs: Detection, chance: float, other: float) -> None:
    same = ours.outcome == theirs.outcome and all(
        _near(getattr(ours, name), getattr(theirs, name)) for name in ("t_mem", "t_gen")
    )
    if not same:
        raise UsageError(
            f"{GIVE_CHANCE}: the answer hangs on it ({ours.outcome} at {chance:.2g}, {theirs.outcome} at {other:.2g})"
        )


def _near(ours: float, theirs: float) -> bool:
    if math.isnan(ours) or math.isnan(theirs):
        return math.isnan(ours) and math.isnan(theirs)
    return abs(math.log10(ours / theirs)) <= AGREE


def _at(run: LoggedRun, reading: Reading, own: Mapping[str, float], chance: float) -> Judgement:
    run, notes = _of_losses(run, reading, chance)
    shift, note = offset_of(run, chance) if reading.offset is None and not own else (reading.offset or 0.0, ())
    with np.errstate(over="ignore"):  # times that are beyond all ratios are refused
        grids = {name: (times + shift, values) for name, (times, values) in run.curves.items()}
    unit = float(next((time for time in grids["train"][0] if time > 0), 1.0)) if own else 1.0
    detection = judge(
        grids["train"],
        grids["test"],
        chance=chance,
        n_classes=reading.classes or own.get("n_classes"),
        ceiling=1.0 if reading.ceiling is None else reading.ceiling,
        level=reading.level,
        unit=unit,
        skill=grids.get("skill"),
        test_loss=grids.get("test_loss"),
        baseline_loss=reading.baseline_loss,
        rank_auc=grids.get("rank_auc"),
    )
    return Judgement(detection, [*notes, *note], grids)


def _hints(
    run: LoggedRun, detection: Detection, own: Mapping[str, float], chance: float, chance_given: bool
) -> list[str]:
    """Notes on the shape of the curves of a stranger's run."""
    return [] if own else [*notes_of(run, chance, chance_given), *_lost(detection)]


def _lost(detection: Detection) -> list[str]:
    """How often each event was undone and came again."""
    notes = []
    for words, count, longest in (
        ("training", detection.t_mem_lost, detection.t_mem_lost_longest),
        ("held-out", detection.t_gen_lost, detection.t_gen_lost_longest),
    ):
        if count > 0:
            times = "once" if count == 1 else f"{count:.0f} times"
            notes.append(f"{words} accuracy was lost and regained {times}, for at most {longest:.2g} decades")
    return notes


def _of_losses(run: LoggedRun, reading: Reading, chance: float) -> tuple[LoggedRun, list[str]]:
    """The run with its losses read as shares, and the notes that label them.

    A loss is worth kappa = 1 - loss / that of the best constant, from 0 to 1; as a share, chance + (1 - chance) kappa.
    """
    if not run.losses:
        return run, []
    baseline, source = _baseline(run, reading)
    curves, notes = dict(run.curves), []
    for name in sorted(run.losses, reverse=True):
        times, values = curves[name]
        with np.errstate(over="ignore"):  # a loss beyond all is worth nothing
            curves[name] = (times, chance + (1 - chance) * np.clip(1 - values / baseline, 0, 1))
        event, words = ("t_mem", "training") if name == "train" else ("t_gen", "held-out")
        notes.append(
            f"{event} is a reading of losses: no column says that it is {words} accuracy (--{name} NAME names one), "
            f"and 1 - {run.columns[name]!r} / {baseline:.4g} stands for it ({source})"
        )
    return replace(run, curves=curves), notes


def _baseline(run: LoggedRun, reading: Reading) -> tuple[float, str]:
    """The loss of the best constant, and where it is from."""
    if reading.baseline_loss is not None:
        if not 0 < reading.baseline_loss < math.inf:
            raise UsageError(f"baseline_loss = {reading.baseline_loss!r}: expected a positive number")
        return reading.baseline_loss, "--baseline-loss"
    if reading.classes:
        return math.log(reading.classes), f"ln {reading.classes}, the best constant's"
    name = "train" if "train" in run.losses else "test"
    times, values = run.curves[name]
    if len(values) and times[0] == 0 and values[0] > 0:
        return float(values[0]), "at time 0; --classes N or --baseline-loss LOSS gives that of the best constant"
    raise UsageError(
        f"column {run.columns[name]!r} is a loss: give --classes N (balanced classes) or --baseline-loss LOSS, that of "
        f"the best constant; or --{name} NAME, if another column is the accuracy"
    )


def _own_runs(table: Table) -> dict[str, dict[str, float]]:
    """chance and n_classes by key, from the runs.csv beside a curves.csv of ours."""
    import pandas as pd

    beside = table.file.with_name("runs.csv")
    # a link could lead out of the results folder
    if "key" not in table.names or beside.is_symlink() or not beside.is_file():
        return {}
    try:
        if beside.stat().st_size > LARGEST_LOG:
            return {}
        runs = pd.read_csv(beside, dtype={"key": str}, low_memory=False).set_index("key")
        facts = runs[["chance", "n_classes"]].apply(pd.to_numeric, errors="coerce").dropna()
    except (ValueError, KeyError, OverflowError, OSError):
        return {}  # not ours after all
    facts = facts[facts.chance.between(0, 1, inclusive="left") & facts.n_classes.between(0, 2**31)]
    return {key: {"chance": float(row.chance), "n_classes": int(row.n_classes)} for key, row in facts.iterrows()}
