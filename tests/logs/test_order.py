"""Rows that were resumed, started again, mixed up, or belong to several runs: each its own message and option."""

import random

import numpy as np
import pytest
from support_layouts import CLASSES, Run, write_rows

from grokbench.errors import UsageError
from grokbench.logs.judging import detect_files
from grokbench.logs.order import merged
from grokbench.logs.reading import Reading

NAMES = ("step", "train_acc", "test_acc")
ROWS = Run().joint()
READING = Reading(classes=CLASSES)


def detect(folder, rows, names=NAMES, **reading):
    """The detections of rows in a file."""
    path = write_rows(folder / "log.csv", names, rows)
    return detect_files([path], Reading(classes=CLASSES, **reading))


def events(row):
    """What the order of rows may not change."""
    return {name: row[name] for name in ("outcome", "t_mem", "t_gen", "delay")}


@pytest.fixture
def plain(tmp_path):
    """The events of the rows in order."""
    (row,) = detect(tmp_path, ROWS)
    return events(row)


@pytest.mark.parametrize("seed", range(5))
def test_rows_in_any_order_are_sorted(tmp_path, plain, seed):
    mixed = random.Random(seed).sample(ROWS, len(ROWS))
    (row,) = detect(tmp_path, mixed)
    assert events(row) == plain
    assert any("were sorted: no time stands there twice" in note for note in row["notes"])


@pytest.mark.parametrize(("back", "at"), [(20, 60), (1, 30), (50, 99), (59, 60)])
def test_a_resumed_run_counts_its_later_rows(tmp_path, plain, back, at):
    """What was written before the resumption and again after it is nonsense: the answer is that of the later rows."""
    lost = [(step, 0.5, 0.5) for step, *_ in ROWS[back:at]]
    (row,) = detect(tmp_path, [*ROWS[:back], *lost, *ROWS[back:]])
    assert events(row) == plain
    before, after = ROWS[at - 1][0], ROWS[back][0]
    note = f"step goes from {before} back to {after} at row {at + 1}: taken as resumed"
    assert any(note in line and f"{at - back} earlier ones" in line for line in row["notes"]) == (at > back + 1)


def test_two_resumptions(tmp_path, plain):
    rows = [*ROWS[:40], *ROWS[30:60], *ROWS[50:]]
    (row,) = detect(tmp_path, rows)
    assert events(row) == plain
    assert any("and 1 times more" in note for note in row["notes"])


def test_a_repeated_line_of_names_is_left_out(tmp_path, plain):
    (row,) = detect(tmp_path, [*ROWS[:50], NAMES, *ROWS[40:]])
    assert events(row) == plain
    assert any("the line of names stands again at row 51" in note for note in row["notes"])
    assert any("goes from 1470 back to 1200 at row 52" in note for note in row["notes"])


def test_a_restart_is_refused_and_each_option_reads_it(tmp_path, plain):
    half = [(step, 0.05, 0.05) for step, *_ in ROWS[:20]]
    rows = [*half, *ROWS]
    with pytest.raises(UsageError, match=r"step goes from 570 back to 0 at row 21: .*--order segments .*--order runs"):
        detect(tmp_path, rows)
    (row,) = detect(tmp_path, rows, order="last")
    assert events(row) == plain
    first, second = detect(tmp_path, rows, order="runs")
    assert (first["outcome"], events(second)) == ("never_fits", plain)
    (row,) = detect(tmp_path, rows, order="segments")
    shifted = {step + 600: value for step, value, _ in ROWS}
    (expected,) = detect(tmp_path, [*half, *((s + 600, a, b) for s, a, b in ROWS)])
    assert events(row) == events(expected)
    assert min(shifted) == 600


@pytest.mark.parametrize("name", ["seed", "run", "run_id", "fold", "trial", "experiment", "Seed"])
@pytest.mark.parametrize("interleaved", [True, False])
def test_a_column_of_runs_is_used(tmp_path, name, interleaved):
    runs = [Run(t_gen=at).joint() for at in (500, 900, 1400)]
    rows = [(step, number, a, b) for number, run in enumerate(runs) for step, a, b in run]
    rows = sorted(rows) if interleaved else rows
    detection = detect(tmp_path, rows, ("step", name, "train_acc", "test_acc"))
    assert [row["series"] for row in detection] == [f"{name} {number}" for number in range(3)]
    for row, run in zip(detection, runs, strict=True):
        (alone,) = detect(tmp_path, run)
        assert events(row) == events(alone)


def test_two_columns_of_runs_are_used_together(tmp_path):
    runs = {
        (m, s): Run(t_gen=at).joint()
        for (m, s), at in zip(("a0", "a1", "b0", "b1"), (500, 700, 900, 1100), strict=True)
    }
    rows = sorted((step, m, s, a, b) for (m, s), run in runs.items() for step, a, b in run)
    detection = detect(tmp_path, rows, ("step", "model", "seed", "train_acc", "test_acc"))
    assert [row["series"] for row in detection] == [
        "model a, seed 0",
        "model a, seed 1",
        "model b, seed 0",
        "model b, seed 1",
    ]


def test_another_column_that_tells_the_rows_apart_is_offered(tmp_path):
    rows = sorted((step, wd, a, b) for wd in (0.0, 0.1, 1.0) for step, a, b in Run().joint())
    names = ("step", "weight_decay", "train_acc", "test_acc")
    rows = [(step, wd, a, b if wd else 0.05) for step, wd, a, b in rows]
    with pytest.raises(UsageError, match=r"step 0 stands in rows 1 and 2.*--series weight_decay tells them apart"):
        detect(tmp_path, rows, names)
    assert [r["series"] for r in detect(tmp_path, rows, names, series=("weight_decay",))] == ["0.0", "0.1", "1.0"]


def test_without_such_a_column_the_rows_are_refused(tmp_path):
    rows = sorted((step, a, b * f) for f in (0.5, 1.0) for step, a, b in ROWS)
    with pytest.raises(UsageError, match=r"several runs\? --series NAME .*--order last"):
        detect(tmp_path, rows)


@pytest.mark.parametrize("seed", range(5))
def test_holes_leave_out_their_rows_with_a_note(tmp_path, seed):
    chosen = random.Random(seed).sample(range(len(ROWS)), 8)
    rows = [(s, None if n in chosen[:4] else a, "nan" if n in chosen[4:] else b) for n, (s, a, b) in enumerate(ROWS)]
    (row,) = detect(tmp_path, rows)
    assert (row["train_points"], row["test_points"]) == (len(ROWS) - 4, len(ROWS) - 4)
    for kind, holes in (("training", chosen[:4]), ("held-out", chosen[4:])):
        first = min(holes)
        sentence = f"4 of 101 rows have no {kind} value and are left out, first row {first + 1} (step {ROWS[first][0]})"
        assert any(sentence in note for note in row["notes"])


def test_the_last_value_of_a_time_counts():
    """Against a dict, in which the later value replaces the earlier."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        times = np.sort(rng.integers(0, 20, size=rng.integers(0, 30))).astype(float)
        values = rng.random(len(times))
        kept = dict(zip(times, values, strict=True))
        own, last, _ = merged(times, values)
        assert list(own) == list(kept)
        assert list(last) == list(kept.values())


def test_a_run_without_values_is_left_out_with_a_note(tmp_path):
    rows = [(step, "a", train, test) for step, train, test in ROWS]
    rows += [(0, "b", 0.1, None), (10, "b", 0.2, None)]
    (row,) = detect(tmp_path, rows, ("step", "run", "train_acc", "test_acc"))
    assert row["series"] == "a"
    assert any("series b is left out: 2 training and 0 held-out values" in note for note in row["notes"])
    with pytest.raises(UsageError, match="column 'test_acc' has no values"):
        detect(tmp_path, rows[-2:], ("step", "run", "train_acc", "test_acc"), series=("run",))
