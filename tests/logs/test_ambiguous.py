"""What cannot be told is refused in one line that names the file, the values, and the option that then reads it."""

import json

import pytest
from support_layouts import CLASSES, Run, loss, tensorboard, wide, write_rows

from grokbench.errors import UsageError
from grokbench.logs.judging import detect_files
from grokbench.logs.reading import Reading

ROWS = Run().joint()


def write(folder, names, change=lambda step, train, test: (step, train, test)):
    """The rows, changed, in a file."""
    return [write_rows(folder / "log.csv", names, [change(*row) for row in ROWS])]


def plain(folder):
    """Outcome and events of the rows as they are."""
    (folder / "plain").mkdir(exist_ok=True)
    (row,) = detect_files(write(folder / "plain", ("step", "train_acc", "test_acc")), Reading(classes=CLASSES))
    return row["outcome"], row["t_mem"], row["t_gen"]


CASES = {
    "no split": (
        ("step", "train_loss", "valid_loss", "accuracy"),
        lambda s, a, b: (s, loss(a), loss(b), b),
        "column 'accuracy' does not say of which split it is: --train accuracy or --test accuracy?",
    ),
    "no training": (("step", "x", "val_acc"), None, "no column says that it is training accuracy: give --train NAME"),
    "no held-out": (("step", "train_acc", "x"), None, "no column says that it is held-out accuracy: give --test NAME"),
    "two held-out": (
        ("step", "train_acc", "test_acc_iid", "test_acc_ood"),
        lambda s, a, b: (s, a, b, 0.1),
        "which belong together: training 'train_acc', held-out 'test_acc_iid', 'test_acc_ood'; give --train train_acc",
    ),
    "wall-clock": (("_runtime", "train_acc", "test_acc"), None, "only of wall-clock time: --time '_runtime' takes it"),
    "sizes": (("n_samples", "train_acc", "test_acc"), None, "each row is another model, and this is no training log"),
    "beyond one": (
        ("step", "train_acc", "test_acc"),
        lambda s, a, b: (s, 1.3 * a, b),
        "got 1.3, and no percentage above 1.5; --train-unit share",
    ),
    "one in percent": (
        ("step", "train_acc", "test_acc"),
        lambda s, a, b: (s, 100 * a, b / 2),
        "'train_acc' is in percent, and 'test_acc' never above 0.5: percentages or shares? --test-unit percent",
    ),
    "negative": (("step", "train_score", "test_score"), lambda s, a, b: (s, a - 0.5, b), "row 1: expected shares"),
    "no names": ((0, 0.1, 0.1), None, "its first line has numbers"),
}


@pytest.mark.parametrize(("names", "change", "message"), CASES.values(), ids=CASES.keys())
def test_it_is_refused_in_one_line(tmp_path, names, change, message):
    with pytest.raises(UsageError) as error:
        detect_files(write(tmp_path, names, change or (lambda *row: row)), Reading(classes=CLASSES))
    assert message in str(error.value)
    assert str(error.value).startswith(str(tmp_path / "log.csv"))
    assert "\n" not in str(error.value)


SOLVED = {
    "no split": (
        ("step", "train_accuracy", "valid_loss", "accuracy"),
        lambda s, a, b: (s, a, 1.0, b),
        {"test_column": "accuracy"},
    ),
    "unknown names": (("n", "fit", "held"), None, {"time_column": "n", "train_column": "fit", "test_column": "held"}),
    "two held-out": (
        ("step", "train_acc", "test_acc_iid", "test_acc_ood"),
        lambda s, a, b: (s, a, b, 0.1),
        {"test_column": "test_acc_iid"},
    ),
    "wall-clock": (("_runtime", "train_acc", "test_acc"), None, {"time_column": "_runtime"}),
    "percent": (
        ("step", "train_acc", "test_acc"),
        lambda s, a, b: (s, 100 * a, b),
        {"train_unit": "percent", "test_unit": "share"},
    ),
    "an error that is not called so": (
        ("step", "fit", "held"),
        lambda s, a, b: (s, 1 - a, 100 - 100 * b),
        {"train_column": "fit", "test_column": "held", "train_unit": "error", "test_unit": "percent-error"},
    ),
}


@pytest.mark.parametrize(("names", "change", "options"), SOLVED.values(), ids=SOLVED.keys())
def test_the_option_reads_it(tmp_path, names, change, options):
    files = write(tmp_path, names, change or (lambda *row: row))
    (row,) = detect_files(files, Reading(classes=CLASSES, **options))
    assert (row["outcome"], row["t_mem"], row["t_gen"]) == plain(tmp_path)


def test_one_column_for_both_splits_is_refused(tmp_path):
    for files in (write(tmp_path, ("step", "Value", "x")), tensorboard(Run(), tmp_path)):
        with pytest.raises(UsageError, match="one column cannot be training and held-out accuracy"):
            detect_files(files, Reading(classes=CLASSES, train_column="Value", test_column="Value"))


def test_a_misspelt_column_never_suggests_the_other_split_or_a_loss(tmp_path):
    files = write(tmp_path, ("step", "val_acc", "train_loss"))
    with pytest.raises(UsageError) as error:
        detect_files(files, Reading(classes=CLASSES, train_column="train_acc"))
    assert "did you mean" not in str(error.value)
    files = write(tmp_path, ("step", "train_accuracy", "val_acc"))
    with pytest.raises(UsageError, match='did you mean "train_accuracy"'):
        detect_files(files, Reading(classes=CLASSES, train_column="train_acc"))


def test_a_falling_column_without_a_name_is_no_accuracy(tmp_path):
    files = write(tmp_path, ("step", "fit", "held"), lambda s, a, b: (s, 1 - a, 1 - b))
    with pytest.raises(UsageError, match=r"falls from 0.95.* to 0: an error or a loss\? --train-unit error"):
        detect_files(files, Reading(classes=CLASSES, train_column="fit", test_column="held"))


def test_dates_are_counted_from_the_first_row_and_said(tmp_path):
    files = write(tmp_path, ("timestamp", "train_acc", "test_acc"), lambda s, a, b: (1.7e9 + s, a, b))
    (row,) = detect_files(files, Reading(classes=CLASSES, time_column="timestamp"))
    assert (row["outcome"], row["t_mem"], row["t_gen"]) == plain(tmp_path)
    assert any("wall-clock time, column 'timestamp', counted from the first row" in note for note in row["notes"])


def test_a_clock_in_steps_is_taken_before_seconds_and_dates(tmp_path):
    names = ("Wall time", "_runtime", "epoch_time", "epoch", "train_acc", "test_acc")
    files = write(tmp_path, names, lambda s, a, b: (1.7e9 + s, s / 3, 0.1, s, a, b))
    assert detect_files(files, Reading(classes=CLASSES))[0]["time_column"] == "epoch"


@pytest.mark.parametrize(
    "names", [("train_loss", "val_accuracy"), ("loss", "eval_accuracy"), ("training loss", "test acc")]
)
def test_a_training_loss_stands_for_the_accuracy_and_is_labelled(tmp_path, names):
    files = write(tmp_path, ("step", *names), lambda s, a, b: (s, loss(a), b))
    (row,) = detect_files(files, Reading(classes=CLASSES))
    outcome, *times = plain(tmp_path)
    assert (row["outcome"], [row["t_mem"], row["t_gen"]]) == (outcome, pytest.approx(times, rel=1e-3))
    assert any("t_mem is a reading of losses" in note and "ln 23" in note for note in row["notes"])


def test_losses_only(tmp_path):
    files = write(tmp_path, ("step", "train_loss", "val_loss"), lambda s, a, b: (s, loss(a), 3 * loss(b)))
    (row,) = detect_files(files, Reading(classes=CLASSES))
    assert row["outcome"] == "groks"
    assert sum("is a reading of losses" in note for note in row["notes"]) == 2
    files = write(tmp_path, ("step", "train_loss", "val_loss"), lambda s, a, b: (s + 5, loss(a), loss(b)))
    with pytest.raises(UsageError, match=r"'train_loss' is a loss: give --classes N .* or --baseline-loss LOSS"):
        detect_files(files, Reading())
    (row,) = detect_files(files, Reading(baseline_loss=3.1))
    assert row["outcome"] == "groks"


def test_two_training_losses_and_no_clock_in_lists(tmp_path):
    """What xgboost and LightGBM keep, under the names that they give."""
    errors = {"train": [1 - a for _, a, _ in ROWS], "test": [1 - b for _, _, b in ROWS]}
    for names in (("train", "test"), ("training", "valid_1"), ("training", "valid_0")):
        for metric in ("error", "merror", "multi_error", "binary_error"):
            tree = {n: {metric: e, "logloss": [1.0] * len(e)} for n, e in zip(names, errors.values(), strict=True)}
            (tmp_path / "evals.json").write_text(json.dumps(tree))
            (row,) = detect_files([tmp_path / "evals.json"], Reading(classes=CLASSES))
            assert row["train_column"] == f"{names[0]}/{metric}"
            assert row["t_mem"] == pytest.approx(plain(tmp_path)[1] / 30 + 1, rel=0.2)
            assert any("counted from 1" in note for note in row["notes"])
    tree = {f"validation_{n}": {"error": e} for n, e in enumerate(errors.values())}
    (tmp_path / "evals.json").write_text(json.dumps(tree))
    with pytest.raises(UsageError, match="training accuracy: give --train NAME"):
        detect_files([tmp_path / "evals.json"], Reading(classes=CLASSES))
    named = Reading(classes=CLASSES, train_column="validation_0/error", test_column="validation_1/error")
    assert detect_files([tmp_path / "evals.json"], named)[0]["outcome"] == "groks"


@pytest.mark.parametrize(
    "line",
    ["Epoch {e}/60 - loss: 0.{e} - accuracy: 0.{e} - val_accuracy: 0.{e}", "epoch={e}, acc=0.{e}, val_acc=0.{e}"],
)
def test_the_output_of_a_console_is_no_table_and_passed_over_in_a_folder(tmp_path, line):
    console = tmp_path / "output.log"
    console.write_text("\n".join(line.format(e=e) for e in range(10, 60)) + "\n")
    with pytest.raises(UsageError, match=r"output.log: its first line has numbers behind words"):
        detect_files([console])
    write(tmp_path, ("step", "train_acc", "test_acc"))
    assert len(detect_files([tmp_path], Reading(classes=CLASSES))) == 1


def test_a_start_that_rises_names_no_number_of_classes(tmp_path):
    """Ten classes, learned fast: .24, .34, .44, and neither 3 nor 4 classes."""
    rows = [(e, min(1.0, 0.2 + e / 20), min(0.85, 0.24 + e / 10)) for e in range(60)]
    with pytest.raises(UsageError, match=r"held-out accuracy begins at 0.34$"):
        detect_files([write_rows(tmp_path / "log.csv", ("epoch", "train_acc", "val_acc"), rows)])


def test_losses_say_how_to_name_an_accuracy(tmp_path):
    rows = [(e, 2.3 * 0.9**e, 2.3 * 0.95**e, min(1, e / 9), min(1, e / 50)) for e in range(1, 60)]
    path = write_rows(tmp_path / "log.csv", ("epoch", "train_loss", "val_loss", "tr_a", "vl_a"), rows)
    with pytest.raises(UsageError, match=r"--train NAME, if another column is the accuracy"):
        detect_files([path])
    (row,) = detect_files([path], Reading(classes=10))
    assert any("--test NAME names one" in note for note in row["notes"])


def test_several_files_and_folders_are_runs(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"seed_{name}").mkdir()
        wide(Run(), tmp_path / f"seed_{name}")
    (tmp_path / "notes.md").write_text("# no log")
    (tmp_path / "config.json").write_text('{"lr": 0.1}')
    rows = detect_files([tmp_path], Reading(classes=CLASSES))
    assert [row["series"] for row in rows] == ["seed_a", "seed_b"]
    files = [tmp_path / f"seed_{name}" / "log.csv" for name in "ab"]
    assert [row["series"] for row in detect_files(files, Reading(classes=CLASSES))] == ["seed_a", "seed_b"]
    with pytest.raises(UsageError, match="no rows"):
        detect_files([tmp_path / "config.json"], Reading(classes=CLASSES))
