"""Files that the loggers' own libraries write, read back. Each test needs its library, which grokbench does not."""

import importlib.util
import time

import pytest
from support_layouts import CLASSES, Run

from grokbench.errors import UsageError
from grokbench.logs.judging import detect_files
from grokbench.logs.reading import Reading

READING = Reading(classes=CLASSES)


def same_as_written(row, run):
    """The points are those of the run, and it groks."""
    assert (row["outcome"], row["train_points"], row["test_points"]) == ("groks", len(run.train), len(run.test))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("folders", [True, False])
def test_event_files_of_tensorboard(tmp_path, folders):
    pytest.importorskip("tensorboard")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    run = Run()
    curves = {"train": run.train, "validation": run.test}
    for name, curve in curves.items():
        writer = EventFileWriter(str(tmp_path / name) if folders else str(tmp_path))
        for step, value in curve.items():
            tag = "epoch_accuracy" if folders else f"accuracy/{name}"
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
            writer.add_event(Event(wall_time=1.7e9 + step, step=step, summary=summary))
        writer.close()
    (row,) = detect_files([tmp_path], READING)
    same_as_written(row, run)


@pytest.mark.filterwarnings("ignore")
def test_a_run_of_wandb(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.chdir(tmp_path)
    run = Run()
    with wandb.init(mode="offline", dir=str(tmp_path), settings=wandb.Settings(silent=True)) as logger:
        for step in run.steps:
            values = {"train/acc": run.train.get(step), "val/acc": run.test.get(step)}
            logger.log({name: value for name, value in values.items() if value is not None}, step=step)
    (path,) = tmp_path.rglob("*.wandb")
    row = when_ended(path)
    same_as_written(row, run)
    path.write_bytes(path.read_bytes()[:60_000])
    (row,) = detect_files([path], READING)
    assert row["train_points"] < len(run.train)
    assert any("has not ended in its file" in note for note in row["notes"])


def when_ended(path):
    """The detection of a run once its file has its end: W&B writes it in a process of its own, and may be behind."""
    for _ in range(600):
        (row,) = detect_files([path], READING)
        if not any("has not ended in its file" in note for note in row["notes"]):
            return row
        time.sleep(0.05)
    raise AssertionError("the file never got its end")


@pytest.mark.filterwarnings("ignore")
def test_what_lightgbm_records(tmp_path):
    import json

    import numpy as np

    lightgbm = pytest.importorskip("lightgbm")
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, size=(600, 8)).astype(float)
    y = (X[:, 0] + X[:, 1] == 1).astype(int)
    train = lightgbm.Dataset(X[:400], y[:400])
    record = {}
    lightgbm.train(
        {"objective": "binary", "metric": "binary_error", "verbosity": -1, "num_threads": 1},
        train,
        num_boost_round=40,
        valid_sets=[train, train.create_valid(X[400:], y[400:])],
        callbacks=[lightgbm.record_evaluation(record)],
    )
    (tmp_path / "record.json").write_text(json.dumps(record))
    (row,) = detect_files([tmp_path / "record.json"], Reading(classes=2))
    assert (row["train_column"], row["test_column"]) == ("training/binary_error", "valid_1/binary_error")
    assert row["train_points"] == 40


def test_what_xgboost_records(tmp_path):
    import json

    import numpy as np
    import xgboost

    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, size=(600, 8)).astype(float)
    y = (X[:, 0] + X[:, 1] == 1).astype(int)
    train, test = xgboost.DMatrix(X[:400], y[:400]), xgboost.DMatrix(X[400:], y[400:])
    record = {}
    xgboost.train(
        {"objective": "binary:logistic", "eval_metric": ["logloss", "error"], "nthread": 1},
        train,
        num_boost_round=30,
        evals=[(train, "train"), (test, "eval")],
        evals_result=record,
        verbose_eval=False,
    )
    (tmp_path / "record.json").write_text(json.dumps(record))
    (row,) = detect_files([tmp_path / "record.json"], Reading(classes=2))
    assert (row["train_column"], row["test_column"]) == ("train/error", "eval/error")
    assert (row["time_column"], row["train_points"]) == ("row", 30)


@pytest.mark.parametrize(
    ("name", "library", "hint"),
    [
        ("events.out.tfevents.1700000000.host", "tensorboard", "download each tag as CSV"),
        ("run-abc.wandb", "wandb", "history().to_csv"),
    ],
)
def test_without_the_library_the_conversion_is_said(tmp_path, monkeypatch, name, library, hint):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None if module == library else real(module))
    (tmp_path / name).write_bytes(b"\0" * 100)
    with pytest.raises(UsageError) as error:
        detect_files([tmp_path / name], READING)
    assert f"pip install {library}" in str(error.value)
    assert hint in str(error.value)


class Bomb:
    """Unpickled, it writes a file."""

    def __reduce__(self):
        return (open, ("unpickled", "w"))


@pytest.mark.parametrize("name", ["log.pkl", "log.pt", "log.ckpt", "log.joblib", "log.csv", "log.npz", "history"])
def test_a_pickle_is_not_opened_by_any_name(tmp_path, monkeypatch, name):
    import pickle

    import numpy as np

    monkeypatch.chdir(tmp_path)
    if name == "log.npz":
        np.savez(name, step=np.arange(3), train_acc=np.array([Bomb(), 1, 2], dtype=object))
    else:
        (tmp_path / name).write_bytes(pickle.dumps({"train_acc": Bomb()}))
    with pytest.raises(UsageError) as error:
        detect_files([tmp_path / name], READING)
    assert "pickle" in str(error.value)
    assert not (tmp_path / "unpickled").exists()


@pytest.mark.parametrize("name", ["log.h5", "log.xlsx", "log.mat", "log.npy", "log.sqlite", "log.parquet"])
def test_other_forms_are_refused_with_the_conversion(tmp_path, name):
    (tmp_path / name).write_bytes(b"x" * 100)
    with pytest.raises(UsageError, match=r"CSV|npz"):
        detect_files([tmp_path / name], READING)


def test_records_are_framed_as_leveldb_writes_them():
    """Against a writer of the format: fragments fill blocks of 32 KiB, and a block's last bytes may stay empty."""
    import struct

    from grokbench.logs.formats.wandb_run import BLOCK, FRAGMENT, framed

    records = [bytes([n % 256]) * length for n, length in enumerate((0, 1, 100, 32_700, 40_000, 100_000, 32_741, 7))]
    content = b":W&B\xe1\xbe\x00"
    for record in records:
        left, first = record, True
        while True:
            room = BLOCK - len(content) % BLOCK
            if room < FRAGMENT:
                content += b"\0" * room
                continue
            piece, left = left[: room - FRAGMENT], left[room - FRAGMENT :]
            kind = (1 if first else 4) if not left else (2 if first else 3)
            content += struct.pack("<IHB", 0, len(piece), kind) + piece
            first = False
            if not left:
                break
    assert list(framed(content)) == records
    assert list(framed(content[:-3])) == records[:-1]
