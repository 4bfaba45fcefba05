"""Siblings of the cases: the same kinds under other names, units, orders and layouts, one by one and at random."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support_layouts import CLASSES, Run, loss, write_rows

from grokbench.errors import UsageError
from grokbench.logs.hints import is_averaged
from grokbench.logs.judging import detect_files
from grokbench.logs.reading import Reading

RUN = Run()
ROWS = RUN.joint()
STEPS, TRAIN, TEST = (list(column) for column in zip(*ROWS, strict=True))
READING = Reading(classes=CLASSES)


def csv_of(names, change=lambda *row: row, **how):
    """A writer of the rows, changed, under names."""
    return lambda folder: [write_rows(folder / "log.csv", names, [change(*row) for row in ROWS], **how)]


def json_of(tree, name="log.json"):
    """A writer of a tree as JSON."""

    def write(folder):
        (folder / name).write_text(json.dumps(tree))
        return [folder / name]

    return write


def files_of(names, columns, rows=ROWS):
    """A writer of one file per name: column k of the rows in the k-th."""

    def write(folder):
        paths = []
        for name, head, take in zip(names, columns, (1, 2) * len(names), strict=False):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            paths.append(write_rows(folder / name, head, [(row[0], row[take]) for row in rows]))
        return paths

    return write


def arrays_of(**arrays):
    """A writer of arrays."""

    def write(folder):
        np.savez(folder / "log.npz", **arrays)
        return [folder / "log.npz"]

    return write


RECORDS = [{"step": step, "train_acc": a, "val_acc": b} for step, a, b in ROWS]
SPLITS = [{"step": s, "phase": p, "acc": v} for s, a, b in ROWS for p, v in (("Train", a), ("Validation", b))]
TRAINER = [
    record
    for step, a, b in ROWS
    for record in ({"loss": float(loss(a)), "step": step}, {"eval_loss": 1.0, "eval_accuracy": b, "step": step})
]
READ_ALIKE = {  # each one run with the events of ROWS
    "Keras": csv_of(("epoch", "accuracy", "loss", "val_accuracy", "val_loss"), lambda s, a, b: (s, a, 1, b, 2)),
    "openai/grok": csv_of(
        ("epoch", "step", "train_loss", "train_accuracy", "train_perplexity", "val_accuracy", "time_per_epoch"),
        lambda s, a, b: (s // 5, s, 1, 100 * a, 2, 100 * b, 0.1),
    ),
    "percent in the names": csv_of(
        ("Iteration", "Training Accuracy (%)", "Validation Accuracy (%)"), lambda s, a, b: (s, 100 * a, 100 * b)
    ),
    "error in percent": csv_of(
        ("epoch", "training error (%)", "test error (%)"), lambda s, a, b: (s, 100 - 100 * a, 100 - 100 * b)
    ),
    "thousands": csv_of(("step", "train_acc", "test_acc"), lambda s, a, b: (f"{s:,}", a, b)),
    "tensors": csv_of(("step", "train_acc", "test_acc"), lambda s, a, b: (s, f"tensor({a})", f"tensor({b}, dev=0)")),
    "bars": csv_of(("step", "train_acc", "test_acc"), delimiter="|"),
    "names padded": csv_of(("   step", "  train_acc", "     test_acc")),
    "dates beside": csv_of(
        ("date", "epoch", "time", "train_acc", "val_acc"), lambda s, a, b: ("2024-01-01", s, "0:05", a, b)
    ),
    "averages beside": csv_of(
        ("step", "train_acc", "val_acc", "train_acc_ema", "val_acc_best"), lambda *row: (*row, 0.5, 0.5)
    ),
    "groups of a panel": csv_of(("Step", "Group: a - train/acc", "Group: a - val/acc")),
    "two panels": files_of(("a.csv", "b.csv"), (("Step", "r1 - train/acc"), ("Step", "r1 - val/acc"))),
    "two files": files_of(("train.csv", "test.csv"), (("step", "accuracy"),) * 2),
    "two folders": files_of(("train/log.csv", "validation/log.csv"), (("step", "accuracy"),) * 2),
    "two tags of a run": files_of(("mlp_train_acc.csv", "mlp_val_acc.csv"), (("Step", "Value"),) * 2),
    "records": json_of(RECORDS),
    "records within": json_of({"config": {"lr": 0.1, "hidden": [8, 8]}, "history": RECORDS}),
    "records with a split": json_of(SPLITS),
    "lists by split": json_of({"steps": STEPS, "train": {"acc": TRAIN}, "val": {"acc": TEST}}),
    "numbered": json_of(
        {
            n: {str(k): v for k, v in enumerate(c)}
            for n, c in (("step", STEPS), ("train_acc", TRAIN), ("test_acc", TEST))
        }
    ),
    "rows of rows": lambda folder: [
        path
        for name, column in (("acc_train", TRAIN), ("acc_val", TEST))
        for path in json_of([[1.7e9 + s, s, v] for s, v in zip(STEPS, column, strict=True)], f"{name}.json")(folder)
    ],
    "arrays in percent": arrays_of(steps=STEPS, train_accs=100 * np.array(TRAIN), test_accs=100 * np.array(TEST)),
}


@pytest.fixture
def plain(tmp_path):
    """The row of the plain file."""
    (tmp_path / "plain").mkdir()
    return detect_files(csv_of(("step", "train_acc", "test_acc"))(tmp_path / "plain"), READING)[0]


def same(row, plain):
    """Whether the outcome and the events are the same."""
    assert row["outcome"] == plain["outcome"]
    assert (row["t_mem"], row["t_gen"]) == pytest.approx((plain["t_mem"], plain["t_gen"]), rel=1e-4)


@pytest.mark.parametrize("write", READ_ALIKE.values(), ids=READ_ALIKE.keys())
def test_it_is_read_as_the_plain_file(tmp_path, plain, write):
    (row,) = detect_files(write(tmp_path), READING)
    same(row, plain)


def test_the_default_log_of_the_trainer(tmp_path, plain):
    final = {"step": STEPS[-1], "train_loss": 0.3, "train_runtime": 20.0}
    files = json_of({"log_history": [*TRAINER, final], "global_step": STEPS[-1]}, "trainer_state.json")(tmp_path)
    for reading in (READING, Reading()):
        (row,) = detect_files(files, reading)
        same(row, plain)
        assert row["train_column"] == "loss"
        assert any("t_mem is a reading of losses" in note for note in row["notes"])


NAMED = {  # several runs: their names
    "columns": (
        csv_of(
            ("step", "mlp/train_acc", "mlp/test_acc", "rfm/train_acc", "rfm/test_acc"), lambda s, a, b: (s, a, b, a, b)
        ),
        ["mlp", "rfm"],
    ),
    "numbers": (
        csv_of(("step", "train_acc_0", "train_acc_1", "test_acc_0", "test_acc_1"), lambda s, a, b: (s, a, a, b, b)),
        ["0", "1"],
    ),
    "tags": (
        files_of(
            ("seed0_train_acc.csv", "seed0_val_acc.csv", "seed1_train_acc.csv", "seed1_val_acc.csv"),
            (("Step", "Value"),) * 4,
        ),
        ["seed0", "seed1"],
    ),
    "panels": (
        lambda folder: [
            write_rows(folder / f"{n}.csv", ("Step", *(f"{r} - {n}/acc" for r in "ab")), [(s, v, v) for s, v in c])
            for n, c in (("train", zip(STEPS, TRAIN, strict=True)), ("val", zip(STEPS, TEST, strict=True)))
        ],
        ["a", "b"],
    ),
    "dicts": (
        json_of({f"seed{n}": {"steps": STEPS, "train_acc": TRAIN, "test_acc": TEST} for n in "01"}),
        ["seed0", "seed1"],
    ),
    "list of dicts": (json_of([{"name": n, "history": RECORDS} for n in "ab"]), ["a", "b"]),
    "matrices": (arrays_of(steps=STEPS, train_acc=[TRAIN] * 2, test_acc=[TEST] * 2), ["0", "1"]),
    "matrices upright": (
        arrays_of(steps=STEPS, train_acc=np.array([TRAIN] * 2).T, test_acc=np.array([TEST] * 2).T),
        ["0", "1"],
    ),
}


@pytest.mark.parametrize(("write", "names"), NAMED.values(), ids=NAMED.keys())
def test_several_runs_have_their_names(tmp_path, plain, write, names):
    rows = detect_files(write(tmp_path), READING)
    assert [row["series"] for row in rows] == names
    for row in rows:
        same(row, plain)


@pytest.mark.parametrize("clock", ["epoch", "Epoch", "round", "boosting_round", "iteration"])
def test_what_is_over_when_its_row_is_written_counts_from_one(tmp_path, clock):
    """Of a run that is trained in row 0: with --offset 0 its events are one unit earlier."""
    rows = [(at, 0.62 if at == 0 else min(1, 0.9 + at / 20), 0.1 if at < 30 else 0.99) for at in range(60)]
    path = write_rows(tmp_path / "log.csv", (clock, "train_acc", "val_acc"), rows)
    (row,) = detect_files([path], Reading(classes=10))
    assert (row["t_gen_low"], row["t_gen_high"]) == (30, 31)
    assert any(f"{clock} 0 is already trained (training accuracy 0.62, chance 0.1)" in note for note in row["notes"])
    (row,) = detect_files([path], Reading(classes=10, offset=0))
    assert row["t_gen_high"] == 30
    (row,) = detect_files([path], Reading(classes=10, offset=2))
    assert row["t_gen_high"] == 32


def test_steps_from_zero_are_not_shifted_but_noted(tmp_path):
    rows = [(at, 0.62 if at == 0 else 1.0, 0.1 if at < 30 else 0.99) for at in range(60)]
    path = write_rows(tmp_path / "log.csv", ("step", "train_acc", "val_acc"), rows)
    (row,) = detect_files([path], Reading(classes=10))
    assert row["t_gen_high"] == 30
    assert any("--offset 1 counts from 1" in note for note in row["notes"])


@pytest.mark.parametrize("keep", [0.6, 0.8, 0.9, 0.97, 0.99])
def test_an_exponential_average_is_noticed_and_the_raw_curve_is_not(keep):
    rng = np.random.default_rng(0)
    for t_mem in (20, 100, 400):
        raw = np.round(np.where(np.arange(3000) < t_mem, rng.uniform(0.02, 0.1, 3000), 1.0), 4)
        averaged = [raw[0]]
        for value in raw[1:]:
            averaged.append(keep * averaged[-1] + (1 - keep) * value)
        assert not is_averaged(raw)
        assert is_averaged(np.round(averaged, 5))


def test_curves_of_finite_samples_are_not_called_averages():
    rng = np.random.default_rng(1)
    for at in (30, 100, 1000):
        for examples in (50, 500, 5000):
            height = 1 / (1 + (at / np.arange(1, 3000)) ** 4)
            assert not is_averaged(rng.binomial(examples, height) / examples)


@pytest.mark.parametrize("chance", [0.7, 0.8, 0.9, 0.95])
def test_a_flat_start_of_unbalanced_classes_is_noted(tmp_path, chance):
    rows = [(s, max(chance, a), chance + (1 - chance) * (b if b > 0.1 else 0)) for s, a, b in ROWS]
    path = write_rows(tmp_path / "log.csv", ("step", "train_acc", "test_acc"), rows)
    (row,) = detect_files([path], Reading(classes=2))
    assert any(f"begins flat at {chance:.3g}" in note for note in row["notes"]) == (chance < 0.97)
    (row,) = detect_files([path], Reading(chance=chance))
    assert not any("begins flat" in note for note in row["notes"])


@pytest.mark.parametrize("name", ["train_sizes", "n_samples", "train_size", "param_range", "dataset_size", "n_params"])
def test_sizes_are_no_clock(tmp_path, name):
    files = csv_of((name, "train_score", "test_score"))(tmp_path)
    with pytest.raises(UsageError, match="each row is another model"):
        detect_files(files, READING)


def test_another_increasing_column_is_offered_as_the_clock(tmp_path, plain):
    files = csv_of(("checkpoint", "train_acc", "test_acc"))(tmp_path)
    with pytest.raises(UsageError, match="'checkpoint' increases: --time checkpoint takes it"):
        detect_files(files, READING)
    same(detect_files(files, Reading(classes=CLASSES, time_column="checkpoint"))[0], plain)


UNITS = {
    "share": (lambda v: v, ("train_acc", "val_acc")),
    "percent": (lambda v: round(100 * v, 3), ("train acc", "eval acc")),
    "error": (lambda v: round(1 - v, 6), ("train/error", "test/error")),
    "percent-error": (lambda v: round(100 - 100 * v, 3), ("Train Err", "Valid Err")),
}


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    unit=st.sampled_from(sorted(UNITS)),
    clock=st.sampled_from(("step", "Epoch", "global_step", "iter")),
    delimiter=st.sampled_from((",", ";", "\t")),
    comma=st.booleans(),
    shuffled=st.booleans(),
    holes=st.sets(st.integers(0, len(ROWS) - 1), max_size=2),
    thinned=st.integers(1, 3),
    turned=st.booleans(),
)
def test_names_units_order_and_holes_together(
    tmp_path, unit, clock, delimiter, comma, shuffled, holes, thinned, turned
):
    """Against the same rows as a plain file: whatever the layout, the answer is theirs."""
    change, names = UNITS[unit]
    rows = [row for n, row in enumerate(RUN.rows()) if n % thinned == 0 or row[2] is not None]
    kept = [(s, a, None if n in holes else b) for n, (s, a, b) in enumerate(rows)]
    order = np.random.default_rng(len(kept)).permutation(len(kept)) if shuffled else range(len(kept))
    written = [(s, *(None if v is None else change(v) for v in values)) for s, *values in (kept[n] for n in order)]
    head = (clock, *names)
    written, head = ([row[::-1] for row in written], head[::-1]) if turned else (written, head)
    decimal = "," if comma and delimiter != "," else "."
    path = write_rows(tmp_path / "log.csv", head, written, delimiter, decimal)
    (row,) = detect_files([path], READING)
    (expected,) = detect_files([write_rows(tmp_path / "plain.csv", ("step", "train_acc", "test_acc"), kept)], READING)
    same(row, expected)
