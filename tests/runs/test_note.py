"""The note of a suite, beside its runs."""

import hashlib
import json
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from grokbench.runs.note import Note
from grokbench.suites.plan import cell_keys, make_plan
from grokbench.suites.suite import load_suite

REFERENCE = Path(__file__).parents[2] / "results" / "reference"


@pytest.fixture
def plan():
    return make_plan(load_suite("smoke", seeds=1))


def test_a_note_is_sorted_json_and_is_read_as_it_was_written(plan, tmp_path):
    Note.of(plan, with_cells=False).write(tmp_path)
    text = (tmp_path / "suite.json").read_text()
    content = json.loads(text)
    assert text == json.dumps(content, indent=1, sort_keys=True) + "\n"
    assert sorted(content) == ["comparisons", "format", "learners", "not_applicable", "sha256", "suite", "title"]
    assert content["learners"]["kernel_flow"] == [["kernel_flow", ""]]
    note = Note.read(tmp_path)
    assert (note.suite, note.title, note.cells) == ("smoke", plan.suite.title, None)
    assert note.learners == content["learners"]
    assert note.comparisons == content["comparisons"]


def test_a_note_with_cells_has_the_keys_of_every_cell(plan, tmp_path):
    Note.of(plan, with_cells=True).write(tmp_path)
    keys = {cell: {str(seed): key for seed, key in seeds.items()} for cell, seeds in cell_keys(plan.suite).items()}
    assert keys
    assert Note.read(tmp_path).cells == keys


def test_a_folder_without_a_note_has_an_empty_one(tmp_path):
    assert Note.read(tmp_path) == Note()


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        '{"title": 3}',
        '{"comparisons": [["a"]]}',
        '{"cells": {"a/b": {"x": "k"}}}',
        '{"cells": null}',
        '{"not_applicable": [["a", "b"]]}',
    ],
)
def test_a_note_that_cannot_be_ours_is_not_used_and_says_so(tmp_path, text):
    (tmp_path / "suite.json").write_text(text)
    with pytest.warns(UserWarning, match=r"suite.json is not used \(.*\): every comparison counts"):
        assert Note.read(tmp_path) == Note()


def test_what_else_stands_in_a_note_is_left_out_if_its_hash_fits(tmp_path):
    Note(title="T").write(tmp_path)
    content = {**json.loads((tmp_path / "suite.json").read_text()), "colour": "red"}
    content["sha256"] = hash_of(content)
    (tmp_path / "suite.json").write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    assert Note.read(tmp_path) == Note(title="T", not_applicable=[])


def hash_of(content):
    fields = {name: value for name, value in content.items() if name != "sha256"}
    return hashlib.sha256((json.dumps(fields, indent=1, sort_keys=True) + "\n").encode()).hexdigest()


def test_a_note_of_an_earlier_version_has_no_hash_and_is_read(plan, tmp_path):
    Note.of(plan, with_cells=True).write(tmp_path)
    path = tmp_path / "suite.json"
    note, content = Note.read(tmp_path), json.loads(path.read_text())
    del content["sha256"], content["format"]
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    assert Note.read(tmp_path) == note


@pytest.mark.parametrize("folder", sorted(path.parent for path in REFERENCE.glob("*/suite.json")), ids=lambda p: p.name)
def test_the_committed_notes_are_read(folder, recwarn):
    assert Note.read(folder).suite
    assert not recwarn.list


NOTE = Note(
    "s",
    "Café ≥ 1",
    [["a", "b"]],
    {"a": [["mlp", "{}"]]},
    [["t", "a", "reason"]],
    {"t/a": {"0": "0123456789abcdef0123"}},
)


@pytest.mark.parametrize("with_cells", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_no_bit_of_a_note_can_be_flipped_without_its_being_seen(tmp_path, with_cells):
    note = NOTE if with_cells else replace(NOTE, cells=None)
    note.write(tmp_path)
    path = tmp_path / "suite.json"
    content = path.read_bytes()
    assert Note.read(tmp_path) == note
    silent = []
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            used = Note.read(tmp_path)
        if used != Note() or len(warned) != 1:
            silent.append(bit)
    assert silent == []


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"comparisons"', '"compariso.s"'),
        lambda text: text.replace("\n ", "\n  ", 1),
        lambda text: text.replace("\\u00e9", "\\u00E9"),
        lambda text: text.replace("\\u00e9", "é"),
        lambda text: text + " ",
        lambda text: text.replace('"sha256"', '"sha255"'),
        lambda text: text.replace('"suite": "s"', '"suite": "s",\n "suite": "s"'),
        lambda text: text[:-2],
        lambda text: json.dumps({**json.loads(text), "sha256": None}),
        lambda text: json.dumps(json.loads(text)),
    ],
)
def test_a_note_that_was_changed_is_not_used_and_says_so(tmp_path, change):
    NOTE.write(tmp_path)
    path = tmp_path / "suite.json"
    text = change(path.read_text(encoding="utf-8"))
    assert text != path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    with pytest.warns(UserWarning, match=r"suite.json is not used \(.*\): every comparison counts"):
        assert Note.read(tmp_path) == Note()
