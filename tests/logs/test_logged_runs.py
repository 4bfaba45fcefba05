"""Runs of logs judged: columns by any name, one detection per series, and our own runs known again."""

import math

import pytest

from grokbench.errors import UsageError
from grokbench.logs.judging import detect_files, logged_runs
from grokbench.logs.reading import Reading

HEADER = "run,epoch,fit,held_out\n"
RUN = "".join(f"{{name}},{t},{float(t >= 2)},{float(t >= 40)}\n" for t in (0, 1, 2, 4, 10, 20, 40, 80, 160, 320))
STRANGER = Reading(time_column="epoch", train_column="fit", test_column="held_out", series=("run",))


def test_each_series_has_its_curves_by_our_names(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(HEADER + RUN.format(name="a") + RUN.format(name="b"))
    runs = [run for run, _ in logged_runs([path], STRANGER)]
    assert [run.name for run in runs] == ["a", "b"]
    for run in runs:
        assert list(run.curves) == ["train", "test"]
        assert run.columns == {"time": "epoch", "train": "fit", "test": "held_out"}
        assert (run.curves["test"][0][-1], run.curves["test"][1][-1]) == (320.0, 1.0)


def test_a_detection_has_the_name_of_its_series_and_its_ceiling(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(HEADER + RUN.format(name="a"))
    (row,) = detect_files([path], Reading(**{**vars(STRANGER), "chance": 0.0}))
    assert (row["series"], row["ceiling"], row["outcome"]) == ("a", 1.0, "groks")
    assert (row["t_mem"], row["t_gen"]) == pytest.approx((2**0.95, 20 * 2**0.95))
    with pytest.raises(UsageError, match=r"log.csv: series a: ceiling = 2"):
        detect_files([path], Reading(**{**vars(STRANGER), "chance": 0.0, "ceiling": 2.0}))


def test_our_own_runs_are_known_by_the_table_beside(tmp_path):
    times = ("time,train_accuracy,test_accuracy", *(f"{t},1,{float(t > 5)}" for t in (0, 0.5, 5, 10, 20, 40)))
    (tmp_path / "curves.csv").write_text("\n".join(f"{'key' if n == 0 else '007'},{t}" for n, t in enumerate(times)))
    (tmp_path / "runs.csv").write_text("key,chance,n_classes\n007,0.3,5\n")
    ((run, own),) = logged_runs([tmp_path / "curves.csv"], Reading())
    assert (run.name, own) == ("007", {"chance": 0.3, "n_classes": 5})
    (row,) = detect_files([tmp_path / "curves.csv"])
    assert (row["outcome"], math.isnan(row["skill_at_mem"])) == ("groks", True)


def test_a_results_folder_of_ours_is_its_table_of_curves(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("key,time,train_accuracy,test_accuracy\n" + RUN.format(name="a"))
    (tmp_path / "grokbench.json").write_text("{}")
    (tmp_path / "runs.csv").write_text("key,chance,n_classes,train_accuracy,test_accuracy\na,0.1,10,1,1\n")
    assert [row["series"] for row in detect_files([tmp_path])] == ["a"]
