"""One run in every layout says the same as its two curves, whatever the names, the units and the order."""

import itertools

import numpy as np
import pytest
from support_layouts import CLASSES, LAYOUTS, Run, wide, write_rows

from grokbench.curves.detect import judge
from grokbench.logs.judging import detect_files
from grokbench.logs.reading import Reading

READING = Reading(classes=CLASSES)
EVENTS = ("outcome", "t_mem", "t_gen", "delay", "late")


def curve(values: dict) -> tuple[np.ndarray, np.ndarray]:
    """Times and values of a dict."""
    return np.array([*values], dtype=float), np.array([*values.values()])


def events(row: dict) -> dict:
    """What has to be the same."""
    return {name: row[name] for name in EVENTS}


def answer_of(run: Run, joint: bool) -> dict:
    """The events of a run, judged without any file."""
    train = {step: run.train[step] for step in run.test} if joint else run.train
    detection = judge(curve(train), curve(run.test), chance=1 / CLASSES, n_classes=CLASSES)
    return {name: getattr(detection, name) for name in EVENTS}


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_every_layout_says_the_same(tmp_path, layout):
    run = Run()
    joint = layout.__name__ in ("wandb_panel", "dict_of_lists", "arrays", "blanks")
    (row,) = detect_files(layout(run, tmp_path), READING)
    assert events(row) == pytest.approx(answer_of(run, joint), nan_ok=True)
    assert row["outcome"] == "groks"


CLOCKS = (
    "step",
    "Step",
    "_step",
    "global_step",
    "trainer/global_step",
    "iteration",
    "iter",
    "epoch",
    "round",
    "n_iter",
)
NAMES = (
    ("train_accuracy", "test_accuracy"),
    ("train/acc", "val/acc"),
    ("acc", "val_acc"),
    ("accuracy", "val_accuracy"),
    ("Accuracy/train", "Accuracy/validation"),
    ("trainAcc", "testAcc"),
    ("Train Accuracy", "Valid Accuracy"),
    ("training.acc", "eval.acc"),
    ("tr_acc", "te_acc"),
    ("sparse_categorical_accuracy", "val_sparse_categorical_accuracy"),
    ("train_top1", "val_top1"),
    ("train_acc@1", "val_acc@1"),
    ("metrics/train_accuracy", "metrics/eval_accuracy"),
    ("eval_train_accuracy", "eval_accuracy"),
    ("train-accuracy-mean", "dev-accuracy-mean"),
    ("train_score", "test_score"),
    ("trainacc", "valacc"),
    ("full_train_acc", "val_accuracy"),
    ("acc_train", "acc_heldout"),
)


@pytest.mark.parametrize(("clock", "names"), [*zip(itertools.cycle(CLOCKS), NAMES, strict=False)], ids=str)
def test_names_are_recognized(tmp_path, clock, names):
    run = Run()
    (row,) = detect_files(wide(run, tmp_path, (clock, *names)), READING)
    assert (row["time_column"], row["train_column"], row["test_column"]) == (clock, *names)
    assert events(row) == pytest.approx(answer_of(run, False), nan_ok=True)


DISTRACTORS = {
    "losses": ("train_loss", "val_loss"),
    "top 5": ("train_acc_top5", "val_acc_top5"),
    "spread": ("train_acc_std", "val_acc_std"),
    "seconds": ("_runtime", "time_per_epoch"),
    "rates": ("lr", "learning_rate"),
    "sizes": ("len_train_ds", "len_val_ds"),
    "others": ("train_f1", "val_auc"),
    "batches": ("train_acc_step", "train_running_acc"),
    "norms": ("weight_norm", "grad_norm"),
}


@pytest.mark.parametrize("distractors", DISTRACTORS.values(), ids=DISTRACTORS.keys())
@pytest.mark.parametrize("order", [1, -1])
def test_columns_beside_change_nothing(tmp_path, distractors, order):
    run = Run()
    names = [*distractors, "step", "train_acc", "val_acc"][::order]
    rows = [(0.37 + at / 1e4, 0.21, *values)[::order] for at, *values in ((r[0], *r) for r in run.rows())]
    (row,) = detect_files([write_rows(tmp_path / "log.csv", names, rows)], READING)
    assert (row["time_column"], row["train_column"], row["test_column"]) == ("step", "train_acc", "val_acc")
    assert events(row) == pytest.approx(answer_of(run, False), nan_ok=True)


UNITS = {
    "percent": (lambda v: 100 * v, ("train_acc", "test_acc"), "taken for percentages"),
    "percent signs": (lambda v: f"{100 * v:.2f}%", ("train_acc", "test_acc"), "taken for percentages"),
    "error": (lambda v: 1 - v, ("train_err", "test_err"), "taken for an error"),
    "error rate": (lambda v: 1 - v, ("train/error_rate", "val/error_rate"), "taken for an error"),
    "merror": (lambda v: 1 - v, ("train-merror", "test-merror"), "taken for an error"),
    "percent error": (lambda v: 100 - 100 * v, ("train_error", "test_error"), "error in percent"),
}


@pytest.mark.parametrize(("change", "names", "note"), UNITS.values(), ids=UNITS.keys())
def test_units_are_recognized_and_said(tmp_path, change, names, note):
    run = Run()
    rows = [(at, *(None if v is None else change(v) for v in values)) for at, *values in run.rows()]
    (row,) = detect_files([write_rows(tmp_path / "log.csv", ("step", *names), rows)], READING)
    assert events(row) == pytest.approx(answer_of(run, False), nan_ok=True)
    assert any(note in line for line in row["notes"])
