"""The store: whole or not at all, and read without trusting it."""

import json
import math
import os
import shutil
import threading

import pytest

from grokbench.curves.curve import Curve
from grokbench.curves.run import FINISHED, STATUSES, Run
from grokbench.curves.trace import COLUMNS
from grokbench.errors import UsageError
from grokbench.options import digest
from grokbench.runs import store as store_module
from grokbench.runs.store import Store, curve_text, write_atomically


def record(seed: int = 0, **changes) -> dict:
    config = {
        **{"task": "modular", "task_options": {}, "task_version": 1},
        **{"learner": "mlp", "learner_options": {}, "learner_version": 1, "definitions": 1, "device": "cpu"},
        **{"seed": seed, "budget": 100, "points_per_decade": 20, "settle": False},
    }
    facts = {"task_given": {}, "learner_given": {}, "environment": {"hash": "abc123"}, "suite": "hand"}
    return {"key": digest(config), "config": config, **facts, "status": "done", "error": "", **changes}


def a_run(seed: int = 0, checkpoints: int = 3, **changes) -> Run:
    """A run by hand; three numbers in four have more digits than are stored."""
    columns = {name: [0.1234567890123] * checkpoints for name in COLUMNS}
    known = {"time": [float(time) for time in range(checkpoints)], "skill": [math.nan] * checkpoints}
    return Run(record(seed, **changes), Curve({**columns, **known}))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


def test_what_is_written_is_read(store):
    store.write(a_run())
    run = store.read(record()["key"])
    assert run.record["config"] == record()["config"]
    assert list(run.curve.columns["time"]) == [0.0, 1.0, 2.0]
    assert list(run.curve.columns["test_loss"]) == [0.123456789] * 3  # ten significant digits
    assert all(math.isnan(value) for value in run.curve.columns["skill"])
    assert store.keys() == [run.record["key"]]
    assert store.status(run.record["key"]) == "done"
    assert store.status("0" * 20) is None
    assert [other.record["key"] for other in store.read_all()] == store.keys()


def test_a_run_without_checkpoints_is_a_run(store):
    store.write(Run(record(status="crashed")))
    run = store.read(record()["key"])
    assert {name: list(values) for name, values in run.curve.columns.items()} == {name: [] for name in COLUMNS}


def test_an_empty_folder_or_none_is_an_empty_store(store):
    assert store.keys() == []
    store.prepare()
    assert store.keys() == []
    assert os.listdir(store.runs) == []


def test_a_run_that_is_written_again_replaces_the_earlier_one(store):
    store.write(a_run(status="failed", checkpoints=2))
    store.write(a_run(checkpoints=5))
    assert len(store.read(record()["key"]).curve.columns["time"]) == 5
    assert os.listdir(store.runs) == [record()["key"]]


def test_the_curve_is_ten_digits_and_empty_where_undefined():
    text = curve_text(Curve({**{name: [1 / 3] for name in COLUMNS}, "skill": [math.nan], "time": [10.0]}))
    header, line = text.splitlines()
    assert header == "time,cpu_seconds,train_accuracy,test_accuracy,train_loss,test_loss,skill,rank_auc"
    assert line == "10,0.3333333333,0.3333333333,0.3333333333,0.3333333333,0.3333333333,,0.3333333333"


@pytest.mark.parametrize("fails_at", ["curve.csv", "run.json", "rename"])
def test_a_run_appears_whole_or_not_at_all(store, monkeypatch, fails_at):
    store.write(a_run(1))

    def fail(path, *arguments):
        if path.name == fails_at or fails_at == "rename":
            raise OSError(28, "No space left on device")
        path.write_text("half")

    monkeypatch.setattr(store_module, "_put_in_place" if fails_at == "rename" else "_write_durably", fail)
    with pytest.raises(UsageError, match=f"{record()['key']}: cannot be written: No space left on device"):
        store.write(a_run())
    monkeypatch.undo()
    assert store.keys() == [record(1)["key"]]
    assert os.listdir(store.runs) == store.keys()


def test_a_run_that_is_being_written_when_the_process_dies_is_no_run(store):
    store.write(a_run())
    folder = store.runs / f".{record(1)['key']}-12345678"
    folder.mkdir()
    (folder / "curve.csv").write_text("time")
    assert store.keys() == [record()["key"]]


@pytest.mark.filterwarnings("ignore:run .* does not check out")
def test_many_writers_of_one_run_leave_one_run(store):
    def write():
        for _ in range(20):
            store.write(a_run())

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert store.read(record()["key"]) is not None
    assert os.listdir(store.runs) == [record()["key"]]


def spoil_json(folder, **changes):
    path = folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def replace(path, text=None):
    path.unlink()
    if text is not None:
        path.write_text(text)


SPOILERS = {
    "the curve was edited": lambda f: (f / "curve.csv").write_text((f / "curve.csv").read_text().replace("1", "2")),
    "the curve was cut": lambda f: (f / "curve.csv").write_text((f / "curve.csv").read_text()[:-20]),
    "the curve is missing": lambda f: (f / "curve.csv").unlink(),
    "the curve is not text": lambda f: (f / "curve.csv").write_bytes(b"\xff\x00"),
    "the record was cut": lambda f: (f / "run.json").write_text((f / "run.json").read_text()[:40]),
    "the record is empty": lambda f: (f / "run.json").write_text(""),
    "the record is missing": lambda f: (f / "run.json").unlink(),
    "the record is a list": lambda f: (f / "run.json").write_text("[]"),
    "another configuration": lambda f: spoil_json(f, config={"task": "modular", "seed": 7}),
    "another key": lambda f: spoil_json(f, key="0" * 20),
    "no such status": lambda f: spoil_json(f, status="perfect"),
    "the record was edited": lambda f: spoil_json(f, error="none, really"),
    "the record has lost its hash": lambda f: replace(f / "run.json", '{"key": "x"}'),
    "a field was added": lambda f: spoil_json(f, chance=0.5),
    "the record is a tower": lambda f: replace(f / "run.json", "[" * 100_000),
    "the record is a number too far": lambda f: replace(f / "run.json", "1" * 10_000),
    "the curve is empty": lambda f: replace(f / "curve.csv", ""),
    "a folder in place of the record": lambda f: (replace(f / "run.json"), (f / "run.json").mkdir()),
    "a folder in place of the curve": lambda f: (replace(f / "curve.csv"), (f / "curve.csv").mkdir()),
    "a pipe in place of the record": lambda f: (replace(f / "run.json"), os.mkfifo(f / "run.json")),
    "a device in place of the curve": lambda f: (replace(f / "curve.csv"), (f / "curve.csv").symlink_to("/dev/zero")),
    "a link to nothing": lambda f: (replace(f / "run.json"), (f / "run.json").symlink_to("nowhere")),
    "a link to itself": lambda f: (replace(f / "run.json"), (f / "run.json").symlink_to("run.json")),
    "a file in place of the run": lambda f: (shutil.rmtree(f), f.write_text("a file")),
    "a link in place of the run": lambda f: (f.rename(f.parents[1] / "moved"), f.symlink_to(f.parents[1] / "moved")),
    "a link to nothing in place of the run": lambda f: (shutil.rmtree(f), f.symlink_to("nowhere")),
    "a foreign folder": lambda f: f.rename(f.with_name("0" * 20)),
}


@pytest.mark.parametrize("spoil", SPOILERS.values(), ids=SPOILERS.keys())
def test_a_run_that_does_not_check_out_is_put_aside_with_a_warning(store, spoil):
    store.write(a_run())
    store.write(a_run(1))
    spoil(store.runs / record()["key"])
    spoilt = next(iter(set(store.keys()) - {record(1)["key"]}))
    with pytest.warns(UserWarning, match=f"run {spoilt} does not check out .*; moved to .*quarantine"):
        assert store.status(spoilt) is None
    assert store.keys() == [record(1)["key"]]
    (aside,) = (store.results / "quarantine").iterdir()
    assert aside.name.startswith(spoilt)
    store.write(a_run())
    assert store.status(record()["key"]) == "done"


def test_what_cannot_be_put_aside_is_said_and_not_used(store, monkeypatch):
    store.write(a_run())
    spoil_json(store.runs / record()["key"], status="perfect")

    def refuse(*paths):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.warns(UserWarning, match="it is not used, and could not be moved"):
        assert store.status(record()["key"]) is None
    assert store.keys() == [record()["key"]]


def test_a_trouble_of_the_system_is_no_fault_of_the_run(store, monkeypatch):
    store.write(a_run())

    def refuse(*arguments, **options):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(store_module, "regular_text", refuse)
    with pytest.raises(UsageError, match="cannot be read: Too many open files"):
        store.read(record()["key"])
    monkeypatch.undo()
    assert store.status(record()["key"]) == "done"


def test_what_a_killed_process_left_is_cleared_up_and_an_earlier_run_put_back(store):
    store.write(a_run(status="failed"))
    key = record()["key"]
    (store.runs / key).rename(store.runs / f".{key}-old-12345678")  # killed between its two renames
    (store.runs / f".{key}-abcdef12").mkdir()
    for name in store.leftovers():
        store.clear_up(key, name)
    assert os.listdir(store.runs) == [key]
    assert store.status(key) == "failed"


@pytest.mark.parametrize("where", ["a regular file", "below a regular file", "/proc/nothing"])
def test_a_place_that_cannot_be_written_is_a_usage_error(tmp_path, where):
    (tmp_path / "file").write_text("")
    path = {"a regular file": tmp_path / "file", "below a regular file": tmp_path / "file" / "x"}.get(where, where)
    with pytest.raises(UsageError, match=f"{path}: cannot store results there"):
        Store(path).prepare()


def test_a_derived_file_is_the_old_one_or_the_new_one(tmp_path):
    path = tmp_path / "table.csv"
    write_atomically(path, "old")
    write_atomically(path, "new\n")
    assert path.read_bytes() == b"new\n"
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="folder: cannot be written"):
        write_atomically(tmp_path / "folder", "text")
    assert sorted(os.listdir(tmp_path)) == ["folder", "table.csv"]


def test_statuses_are_those_of_the_contract():
    assert set(STATUSES) == {"done", "settled", "diverged", "timeout", "failed", "crashed"}
    assert set(FINISHED) == {"done", "settled", "diverged"}
