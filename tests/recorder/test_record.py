"""The record of a run while it trains: the grid of the harness, the same detection, a warning and a patience."""

import csv
import math
import pickle
import warnings

import numpy as np
import pytest
from support_documents import marked

import grokbench
from grokbench import MemorizedWarning, Recorder
from grokbench.curves.schedule import checkpoints
from grokbench.errors import UsageError
from grokbench.logs.judging import detect_files
from grokbench.logs.reading import Reading
from grokbench.recorder.record import grid_points
from grokbench.recorder.watch import Watch

T_MEM, T_GEN = 100, 2000


def train(recorder, until, t_mem=T_MEM, t_gen=T_GEN, every=1, **more):
    """Training accuracy jumps to 1 at t_mem, held-out accuracy at t_gen; looked at where due."""
    for step in range(0, until + 1, every):
        if recorder.due(step):
            recorder.log(step, train_accuracy=float(step >= t_mem), test_accuracy=float(step >= t_gen), **more)
    return recorder


@pytest.fixture
def grokked():
    with pytest.warns(MemorizedWarning):
        return train(Recorder(n_classes=10), 10_000)


def test_it_is_due_on_the_schedule_of_the_harness():
    recorder, steps = Recorder(n_classes=2), []
    for step in range(100_001):
        if recorder.due(step):
            recorder.log(step, train_loss=1.0)
            steps.append(step)
    assert steps == checkpoints(100_000).tolist()[:-1], "the budget, which is not on the grid"


@pytest.mark.parametrize("step", [0, 0.5, 50, 50.5, 55, 56, 57.6, 99.9, 1e3, 12_345.6, 1e12])
def test_grid_points_are_those_of_the_schedule(step):
    grid = np.union1d(np.arange(51), np.round(50 * 10 ** (np.arange(1, 300) / 20)))
    assert grid_points(step) == (grid <= step).sum()
    assert grid_points(-1) == 0


def test_a_loop_of_longer_steps_is_due_once_for_all_that_it_has_passed():
    recorder = train(Recorder(n_classes=10), 3000, every=300, t_gen=0)
    assert list(recorder.rows) == list(range(0, 3001, 300))


def test_its_detection_is_that_of_the_curve(grokked):
    times = np.array(list(grokked.rows))
    curve = {"time": times, "train_accuracy": times >= T_MEM, "test_accuracy": times >= T_GEN}
    assert grokked.detection() == grokbench.detect(curve, chance=0.1, n_classes=10)
    assert grokked.detection().outcome == "groks"


def test_detect_reads_what_it_writes(grokked, tmp_path):
    grokked.to_csv(tmp_path / "log.csv")
    (row,) = detect_files([tmp_path / "log.csv"], Reading(classes=10))
    detection = grokked.detection()
    assert (row["outcome"], row["t_mem"], row["t_gen"]) == (detection.outcome, detection.t_mem, detection.t_gen)


def test_training_and_held_out_may_be_logged_apart_and_the_file_has_empty_cells(tmp_path):
    recorder = Recorder(n_classes=2)
    for step in range(1, 30):
        recorder.log(step, train_accuracy=0.5)
        if step % 3 == 0:
            recorder.log(step, test_accuracy=0.5, norm=step)
    assert recorder.detection().outcome == "never_fits"
    recorder.to_csv(tmp_path / "log.csv")
    with open(tmp_path / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["time", "train_accuracy", "test_accuracy", "norm"]
    assert (rows[0]["test_accuracy"], rows[2]["test_accuracy"], rows[2]["norm"]) == ("", "0.5", "3.0")


def test_it_warns_once_in_the_window_in_which_early_stopping_would_quit():
    recorder = Recorder(n_classes=10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(recorder, 150)  # memorized, for less than 1 t_mem
    message = r"memorized at .*; held-out accuracy is 0 at .* 100 t_mem waits"
    with pytest.warns(MemorizedWarning, match=message) as warned:
        train(recorder, T_GEN - 1)
    assert len(warned) == 1
    assert 1.9 * T_MEM <= float(str(warned[0].message).split(" at ")[2].split(":")[0].replace(",", "")) < 3 * T_MEM


@pytest.mark.parametrize("t_gen", [T_MEM, 150])
def test_it_does_not_warn_where_generalization_comes_in_time(t_gen):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(Recorder(n_classes=10), 10_000, t_gen=t_gen)


def test_a_rising_loss_opens_the_window_where_accuracy_creeps_up():
    def creep(**loss):
        recorder = Recorder(n_classes=10)
        for step in range(1, 400):
            values = {name: float(step) for name in loss}
            recorder.log(step, train_accuracy=float(step >= 100), test_accuracy=step / 1000, **values)

    creep()
    with pytest.warns(MemorizedWarning):
        creep(test_loss=True)


def test_a_patience_in_t_mem_waits_for_what_comes_later():
    with pytest.warns(MemorizedWarning):
        recorder = train(Recorder(n_classes=10), 1900)
    t_mem = recorder.detection().t_mem
    assert not recorder.should_stop()
    assert recorder.should_stop(patience=10), "no improvement since t_mem for 18 t_mem"
    train(recorder, 10_000)
    begin = min(step for step in recorder.rows if step >= T_GEN)
    stops = [recorder.should_stop(patience) for patience in ((recorder.last - begin) / t_mem * q for q in (0.99, 1.01))]
    assert stops == [True, False]


def test_a_name_that_was_never_logged_is_said_not_waited_for():
    recorder = train(Recorder(n_classes=10), 10, t_mem=math.inf, t_gen=math.inf)
    with pytest.raises(UsageError, match=r"'val_loss' is none of train_accuracy, .* and was not logged so far"):
        recorder.should_stop(reads="val_loss")
    assert not recorder.should_stop(reads="test_loss"), "may come with the next validation"
    recorder.log(11, val_loss=1.0)
    assert not recorder.should_stop(reads="val_loss")


def test_it_never_stops_what_has_not_memorized():
    recorder = train(Recorder(n_classes=10), 10_000, t_mem=math.inf, t_gen=math.inf)
    assert not recorder.should_stop(patience=0.001)
    assert not Recorder(n_classes=10).should_stop()


def test_an_audit_says_what_patience_would_have_cost(grokked):
    rows = {row["rule"]: row for row in grokked.audit()}
    assert (rows["patience 10"]["regret"], rows["30 t_mem"]["regret"]) == (1.0, 0.0)


def test_a_resumed_run_says_so_and_its_later_rows_count(grokked):
    with pytest.raises(UsageError, match=r"step 800 after 9976: .*rewind\(800\)"):
        grokked.log(800, train_accuracy=1.0)
    grokked.rewind(800)
    assert grokked.last < 800
    train(grokked, 10_000)
    assert grokked.detection().outcome == "groks"


def test_its_state_travels(grokked):
    copy = Recorder(n_classes=10)
    copy.load_state_dict(pickle.loads(pickle.dumps(grokked.state_dict())))
    assert copy == grokked
    assert pickle.loads(pickle.dumps(grokked)) == grokked


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda: Recorder(), "give n_classes, or chance"),
        (lambda: Recorder(n_classes=2, patience=0), "patience = 0: expected a positive multiple"),
        (lambda: Recorder(chance=1.5), "expected a share"),
        (lambda: Recorder(n_classes=2).log(3, train_accuracy=99.0), "train_accuracy = 99 at 3: expected a share"),
        (lambda: Recorder(n_classes=2).log(3, test_accuracy=math.nan), "expected a share"),
        (lambda: Recorder(n_classes=2).log(-1, train_loss=1.0), "step = -1.0: expected a number of at least 0"),
        (lambda: Recorder(n_classes=2).detection(), "train_accuracy: logged 0 times, at least two are needed"),
    ],
)
def test_a_mistake_is_said_in_one_line(mistake, message):
    with pytest.raises(UsageError, match=message):
        mistake()


def test_the_example_of_its_page_runs(tmp_path, monkeypatch, capsys):
    code = marked("recorder").text
    steps, scope = [], {"grokbench": grokbench, "seen": 20, "unseen": 300}
    scope |= {"train_one_step": lambda: steps.append(1), "accuracy": lambda fitted_at: float(len(steps) > fitted_at)}
    monkeypatch.chdir(tmp_path)
    with pytest.warns(MemorizedWarning):
        exec(compile(code, "recorder.md", "exec"), scope)
    assert capsys.readouterr().out == "groks\n"
    assert (tmp_path / "log.csv").is_file()
    assert 100 * 20 < len(steps) < 100_000, "it stops after its patience"


def test_scalars_of_other_libraries_are_numbers():
    import torch

    recorder = Recorder(n_classes=2)
    recorder.log(torch.tensor(3), train_accuracy=torch.tensor(0.5), test_loss=np.float32(1.5))
    assert recorder.rows == {3.0: {"train_accuracy": 0.5, "test_loss": 1.5}}


def test_percentages_are_refused_with_what_to_do():
    with pytest.raises(
        UsageError, match="train_accuracy = 45 at 1: expected a share from 0 to 1; divide percentages by"
    ):
        Recorder(n_classes=10).log(1, train_accuracy=45.0)


def test_a_callback_asks_after_an_accuracy_that_is_never_there():
    watch = Watch(Recorder(n_classes=10), {"train_accuracy": "acc", "test_accuracy": "val_acc"})
    for step in range(1, 10):
        assert not watch.see(step, {"acc": 0.1, "valid_acc": 0.1})
    with pytest.warns(UserWarning, match="no metric 'val_acc' in 10 looks.*; there are 'acc', 'valid_acc'"):
        watch.see(10, {"acc": 0.1, "valid_acc": 0.1})
    watch.see(11, {"acc": 0.1, "valid_acc": 0.1})
