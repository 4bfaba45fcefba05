"""The note of a suite, beside its runs."""

import json

import pytest

from grokbench.runs.note import Note
from grokbench.suites.plan import cell_keys, make_plan
from grokbench.suites.suite import load_suite


@pytest.fixture
def plan():
    return make_plan(load_suite("smoke", seeds=1))


def test_a_note_is_sorted_json_and_is_read_as_it_was_written(plan, tmp_path):
    Note.of(plan, with_cells=False).write(tmp_path)
    text = (tmp_path / "suite.json").read_text()
    content = json.loads(text)
    assert text == json.dumps(content, indent=1, sort_keys=True) + "\n"
    assert sorted(content) == ["comparisons", "format", "learners", "not_applicable", "suite", "title"]
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
    "text", ["[]", "{", '{"title": 3}', '{"comparisons": [["a"]]}', '{"cells": {"a/b": {"x": "k"}}}', '{"cells": null}']
)
def test_a_note_that_cannot_be_ours_is_not_used_and_says_so(tmp_path, text):
    (tmp_path / "suite.json").write_text(text)
    with pytest.warns(UserWarning, match=r"suite.json is not used \(.*\): every comparison counts"):
        assert Note.read(tmp_path) == Note()


def test_what_else_stands_in_a_note_is_left_out(tmp_path):
    (tmp_path / "suite.json").write_text('{"title": "T", "colour": "red"}')
    assert Note.read(tmp_path) == Note(title="T")
