"""Formats of stored files: older ones are read as they are, newer ones are refused in one line and left alone."""

import json

import pytest

from grokbench.cli import main
from grokbench.errors import UsageError
from grokbench.runs.note import Note
from grokbench.runs.note import _hash as note_hash
from grokbench.runs.note import _text as note_text
from grokbench.runs.record import FORMAT
from grokbench.runs.store import Store, sealed
from grokbench.tables.laws import example_runs


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    for run in example_runs()[:2]:
        store.write(run)
    Note("example", "Example").write(tmp_path)
    return store


def content(path):
    return json.loads(path.read_text())


def every_file(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and "locks" not in path.parts}


def test_what_is_stored_carries_its_format(store):
    for key in store.keys():
        assert content(store.runs / key / "run.json")["format"] == FORMAT == 1
    assert content(store.results / "suite.json")["format"] == FORMAT


def test_a_run_without_a_format_is_read_as_it_is(store):
    key = store.keys()[0]
    path = store.runs / key / "run.json"
    old = {name: value for name, value in content(path).items() if name != "format"}
    path.write_text(json.dumps(sealed(old), indent=1, sort_keys=True) + "\n")
    before = every_file(store.results)
    assert store.read(key).record == sealed(old)
    assert every_file(store.results) == before


def newer(path, **changes):
    """A file as a newer version would write it: each with its hash, as in all formats."""
    changed = {**content(path), "format": FORMAT + 1, **changes}
    if path.name == "run.json":
        path.write_text(json.dumps(sealed(changed)))
    else:
        path.write_text(note_text({**changed, "sha256": note_hash(changed)}))


@pytest.mark.parametrize("change", ["format", "fields", "no curve", "config"])
def test_a_run_of_a_newer_format_is_refused_and_left_alone(store, change, capsys):
    folder = store.runs / store.keys()[0]
    if change == "no curve":
        (folder / "curve.csv").rename(folder / "curve.parquet")
    newer(folder / "run.json", **{"fields": {"status": {"done": True}}, "config": {"config": []}}.get(change, {}))
    before = every_file(store.results)
    with pytest.raises(SystemExit) as end:
        main(["report", str(store.results)])
    lines = capsys.readouterr().err.splitlines()
    assert end.value.code == 2
    assert len(lines) == 1
    assert "made by a newer grokbench: it has format 2" in lines[0]
    with pytest.raises(UsageError, match="made by a newer grokbench"):
        store.status(folder.name)
    assert every_file(store.results) == before
    assert not (store.results / "quarantine").exists()


@pytest.mark.parametrize("number", [-1, True, "2", 1.5, None, [2]])
def test_a_format_that_is_none_is_damage(store, number):
    path = store.runs / store.keys()[0] / "run.json"
    path.write_text(json.dumps(sealed({**content(path), "format": number})))
    with pytest.warns(UserWarning, match="format = .* cannot be"):
        assert store.read(path.parent.name) is None


def test_a_note_of_a_newer_format_is_neither_read_nor_written_over(store):
    newer(store.results / "suite.json", comparisons={"new": "shape"})
    before = every_file(store.results)
    for refused in (lambda: Note.read(store.results), lambda: Note().write(store.results)):
        with pytest.raises(UsageError, match=r"suite\.json: made by a newer grokbench"):
            refused()
    assert every_file(store.results) == before


def test_a_format_that_a_flipped_bit_made_newer_is_damage_and_stops_nothing(store):
    path = store.runs / store.keys()[0] / "run.json"
    path.write_text(path.read_text().replace(f'"format": {FORMAT}', '"format": 9'))
    with pytest.warns(UserWarning, match="format = 9 cannot be"):
        assert len(list(store.read_all())) == 1
    note = store.results / "suite.json"
    note.write_text(note.read_text().replace(f'"format": {FORMAT}', '"format": 9'))
    with pytest.warns(UserWarning, match="is not used"):
        assert Note.read(store.results) == Note()
