"""Logs as people have them: each is read as it is, or refused in a line that says what to type.

`cases` holds one file of each kind, with the right answer, computed without grokbench, in its README. The siblings of
each kind are in the other tests of this folder.
"""

import math
import re
from pathlib import Path

import pytest

from grokbench.errors import UsageError
from grokbench.logs.judging import detect_files
from grokbench.logs.reading import Reading

CASES = Path(__file__).parent / "cases"


def files_of(case: str) -> list[Path]:
    """The files of a case."""
    return sorted(path for path in (CASES / case).iterdir() if path.name != "README.md")


def detect(case: str, **reading) -> list[dict]:
    """The detections of a case."""
    return detect_files(files_of(case), Reading(**reading))


def holds(row: dict, outcome: str, t_mem: float | None, t_gen: float | None) -> None:
    """The outcome, and events in the row of the log in which a level was first reached: the end of its bracket."""
    assert row["outcome"] == outcome
    for name, time in (("t_mem", t_mem), ("t_gen", t_gen)):
        if time is None:
            assert math.isnan(row[name])
        else:
            assert row[f"{name}_low"] < row[name] <= row[f"{name}_high"]
            assert row[f"{name}_high"] == pytest.approx(time, rel=0.05)  # the README counts .95 without chance


# without any option: case -> (outcome, row of t_mem, row of t_gen) by the README
ANSWERS = {
    "01-slingshots": ("groks", 100, 6500),
    "03-stopped-while-rising": ("partial", 30, None),
    "06-lightning-csv": ("groks", 39, 454),
    "08-wandb-history": ("groks", 42, 2401),
    "11-tensorboard-two-files": ("groks", 21, 1200),
    "12-hf-trainer-state": ("groks", 50, 1200),
    "16-json-lines": ("groks", 25, 1200),
    "18-percent": ("groks", 21, 1200),
    "19-resumed-overlap": ("groks", 40, 1180),
    "24-not-sorted": ("groks", 40, 1200),
    "29-zero-based-epochs": ("groks", 2, 9),
    "30-one-hole": ("groks", 40, 1200),
    "32-smoothed": ("groks", 226, 2040),
    "34-no-train-accuracy": ("groks", 30, 1200),
    "35-plateau-at-thirty-percent": ("partial", 100, None),
}
CLASSES = {"01": 97, "03": 23, "06": 23, "08": 23, "11": 23, "12": 23, "16": 23, "18": 23, "19": 23, "24": 23}
CLASSES |= {"29": 10, "30": 23, "32": 23, "34": 23, "35": 113}


@pytest.mark.parametrize("with_classes", [True, False], ids=["classes", "no option"])
@pytest.mark.parametrize("case", ANSWERS)
def test_the_answer_is_the_one_of_the_readme(case, with_classes):
    (row,) = detect(case, **({"classes": CLASSES[case[:2]]} if with_classes else {}))
    holds(row, *ANSWERS[case])


def test_a_log_that_begins_after_both_events_is_not_judged():
    (row,) = detect("05-starts-from-checkpoint", classes=113)
    assert row["outcome"] == "unjudged"
    assert any("begins at 44,000 with both accuracies held" in note for note in row["notes"])


def test_slingshots_are_counted():
    (row,) = detect("01-slingshots", classes=97)
    assert (row["delay_low"], row["delay_high"]) == pytest.approx((1.81, 2.11), abs=0.01)
    assert any("training accuracy was lost and regained 6 times" in note for note in row["notes"])
    assert any("held-out accuracy was lost and regained 3 times" in note for note in row["notes"])


def test_lightning_has_a_value_of_the_epoch_and_one_of_the_batch():
    (row,) = detect("06-lightning-csv", classes=23)
    assert (row["time_column"], row["train_column"], row["test_column"]) == ("step", "train_acc_epoch", "val_acc")
    (row,) = detect("06-lightning-csv", classes=23, time_column="epoch")
    holds(row, "groks", 7, 90)


def test_a_panel_has_all_its_runs():
    rows = {row["series"]: row for row in detect("09-wandb-panel-export")}
    assert list(rows) == ["autumn-wood-3", "brisk-sun-2", "calm-lake-1"]
    holds(rows["autumn-wood-3"], "groks", 30, 1190)
    holds(rows["brisk-sun-2"], "groks", 60, 460)
    holds(rows["calm-lake-1"], "memorizes_only", 20, None)


def test_seeds_in_one_file_are_runs():
    rows = {row["series"]: row for row in detect("22-seeds-interleaved", classes=23)}
    for seed, (t_mem, t_gen) in enumerate(((40, 1200), (40, 1180), (20, 1220))):
        holds(rows[f"seed {seed}"], "groks", t_mem, t_gen)


@pytest.mark.parametrize("case", ["13-xgboost-evals-result", "15-error-not-accuracy"])
def test_errors_of_boosting_rounds(case):
    (row,) = detect(case, classes=2)
    holds(row, "immediate", 76, 84)
    assert row["delay"] == pytest.approx(0.04, abs=0.005)
    with pytest.raises(UsageError, match=r"held-out accuracy begins at 0.51, --classes 2\?"):
        detect(case)


def test_epochs_that_begin_again():
    with pytest.raises(UsageError, match=r"epoch goes from 79 back to 0 at row 81: .*--order segments.*--order runs"):
        detect("21-epochs-restart", classes=23)
    (row,) = detect("21-epochs-restart", classes=23, order="segments")
    holds(row, "groks", 3, 119)


def test_training_sizes_are_no_times():
    with pytest.raises(UsageError, match=r"'train_sizes' counts data or parameters: .* no training log"):
        detect("26-training-sizes", classes=2)
    (row,) = detect("26-training-sizes", classes=2, time_column="train_sizes")
    assert any("each row is another model" in note for note in row["notes"])


def test_unbalanced_classes():
    (row,) = detect("31-unbalanced", chance=0.9)
    holds(row, "groks", 20, 460)
    assert (row["head"], row["late"]) == (0, 1)
    (row,) = detect("31-unbalanced", classes=2)
    assert any("begins flat at 0.9, where chance was taken for 0.5" in note for note in row["notes"])
    with pytest.raises(UsageError, match=r"--chance 0.9\?"):
        detect("31-unbalanced")


NOTES = {
    "03-stopped-while-rising": r"still rising at the end \(held-out accuracy .55 at 270\)",
    "18-percent": "taken for percentages",
    "19-resumed-overlap": "step goes from 1000 back to 800 at row 52",
    "24-not-sorted": "were sorted",
    "29-zero-based-epochs": r"epoch 0 is already trained \(training accuracy 0.62, chance 0.1.*--offset 0",
    "30-one-hole": "2 of 102 rows have no held-out value and are left out",
    "32-smoothed": "as an exponential average does",
    "34-no-train-accuracy": "t_mem is a reading of losses",
    "35-plateau-at-thirty-percent": "flat at .30 since",
}


@pytest.mark.parametrize(("case", "note"), NOTES.items())
def test_what_was_done_is_said(case, note):
    (row,) = detect(case)
    assert any(re.search(note, line) for line in row["notes"]), row["notes"]


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_every_case_is_read_or_refused_in_one_line_that_names_an_option(case, grokbench):
    status, out, err = grokbench("detect", *files_of(case))
    assert status in (0, 2)
    if status == 0:
        assert out.startswith("read: ")
    else:
        assert err.count("\n") == 1
        assert "--" in err


def test_only_what_is_not_smoothed_is_not_called_so():
    of_cases = {case: detect(case, classes=CLASSES[case[:2]])[0]["notes"] for case in ANSWERS}
    assert [case for case, notes in of_cases.items() if any("smooth" in note for note in notes)] == ["32-smoothed"]
