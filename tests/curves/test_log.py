"""Anyone's log as curves: columns by any name, one curve per series, and our own runs known again."""

import math

import pytest

from grokbench.curves.log import Reading, detect_file, read_log
from grokbench.errors import UsageError

HEADER = "run,epoch,fit,held_out\n"
RUN = "".join(f"{{name}},{t},{float(t >= 2)},{float(t >= 40)}\n" for t in (0, 1, 2, 4, 10, 20, 40, 80, 160, 320))
STRANGER = Reading(time_column="epoch", train_column="fit", test_column="held_out", series="run")


def test_each_series_is_a_curve_with_our_names(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(HEADER + RUN.format(name="a") + RUN.format(name="b"))
    reading = Reading(**{**vars(STRANGER), "classes": 4, "ceiling": 0.5, "baseline_loss": 2.0})
    curves = dict(read_log(path, reading))
    assert list(curves) == ["a", "b"]
    for curve in curves.values():
        assert list(curve.columns) == ["time", "train_accuracy", "test_accuracy"]
        assert (curve.chance, curve.n_classes, curve.ceiling, curve.unit) == (0.25, 4, 0.5, 1.0)
        assert curve.baseline_loss == 2.0
        assert (curve.last, curve.end("test_accuracy")) == (320.0, 1.0)


def test_a_detection_has_the_name_of_its_series_and_its_ceiling(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(HEADER + RUN.format(name="a"))
    (row,) = detect_file(path, Reading(**{**vars(STRANGER), "chance": 0.0}))
    assert (row["series"], row["ceiling"], row["outcome"]) == ("a", 1.0, "groks")
    assert (row["t_mem"], row["t_gen"]) == pytest.approx((2**0.95, 20 * 2**0.95))
    with pytest.raises(UsageError, match=r"log.csv: give --classes N"):
        detect_file(path, STRANGER)
    with pytest.raises(UsageError, match=r"log.csv: series a: ceiling = 2"):
        detect_file(path, Reading(**{**vars(STRANGER), "chance": 0.0, "ceiling": 2.0}))


def test_our_own_runs_are_known_by_the_table_beside(tmp_path):
    times = ("time,train_accuracy,test_accuracy", *(f"{t},1,{float(t > 5)}" for t in (0, 0.5, 5, 10, 20, 40)))
    (tmp_path / "curves.csv").write_text("\n".join(f"{'key' if n == 0 else '007'},{t}" for n, t in enumerate(times)))
    (tmp_path / "runs.csv").write_text("key,chance,n_classes\n007,0.3,5\n")
    ((name, curve),) = read_log(tmp_path / "curves.csv", Reading())
    assert (name, curve.chance, curve.n_classes, curve.ceiling, curve.unit) == ("007", 0.3, 5, 1.0, 0.5)
    assert math.isnan(curve.column("test_loss")[0])
