"""What `detect` prints: what was read, the events between their rows, and the notes, in four forms."""

import csv
import io
import json

import pytest
from markdown_it import MarkdownIt
from support_layouts import CLASSES, Run, wide, write_rows


@pytest.fixture
def answer(tmp_path, grokbench):
    """The output of `detect` on two runs, one of which never generalizes, in a form."""
    rows = [(s, name, a, b if name == "a" else 0.04) for s, a, b in Run().joint() for name in "ab"]
    path = write_rows(tmp_path / "log.csv", ("step", "run", "train_acc", "test_acc"), rows)

    def call(*options):
        status, out, err = grokbench("detect", path, "--classes", CLASSES, *options)
        assert (status, err) == (0, "")
        return out

    return call


def test_the_screen_says_what_was_read_and_between_which_rows_events_lie(answer):
    first, *lines = answer().splitlines()
    assert first.endswith("log.csv: clock 'step', training 'train_acc' (101 points), held-out 'test_acc' (101), 2 runs")
    generalizes = next(line for line in lines if line.startswith(" a "))
    assert "groks" in generalizes
    assert "(60–90)" in generalizes
    assert any(line.startswith(" b ") and "never (> " in line for line in lines)
    assert [line for line in lines if line.startswith("note: ")]


def test_csv_has_every_column_of_json(answer):
    rows = list(csv.DictReader(io.StringIO(answer("--format", "csv"))))
    objects = json.loads(answer("--json"))
    assert objects == json.loads(answer("--format", "json"))
    assert [list(row) for row in rows] == [list(item) for item in objects]
    for row, item in zip(rows, objects, strict=True):
        assert row["outcome"] == item["outcome"]
        assert float(row["t_mem"]) == pytest.approx(item["t_mem"])
        assert row["t_gen"] == ("" if item["t_gen"] is None else row["t_gen"])
        assert row["notes"] == "; ".join(item["notes"])


def test_markdown_is_a_table_and_a_list(answer):
    html = MarkdownIt("commonmark").enable("table").render(answer("--format", "markdown"))
    assert html.count("<tr>") == 3
    assert html.count("<li>") >= 2


def test_names_of_a_stranger_s_columns_do_no_harm(tmp_path, grokbench):
    """They reach the screen, Markdown and a spreadsheet."""
    names = ("step", "=cmd()|a train_acc", "[x](y) test_acc\x1b[31m")
    (path,) = wide(Run(), tmp_path, names)
    for form in ("table", "markdown", "csv"):
        status, out, _ = grokbench("detect", path, "--classes", CLASSES, "--format", form)
        assert status == 0
        assert "\x1b" not in out
        if form == "csv":
            row = next(csv.DictReader(io.StringIO(out)))
            assert row["train_column"].startswith("'=cmd()")
        if form == "markdown":
            assert "<a " not in MarkdownIt("commonmark").render(out)


def test_percent_and_units_are_options_of_both_columns_or_of_one(tmp_path, grokbench):
    rows = [(s, 100 * a, 0.9) for s, a, b in Run().joint()]
    path = write_rows(tmp_path / "log.csv", ("step", "train_acc", "test_acc"), rows)
    assert grokbench("detect", path, "--classes", CLASSES)[0] == 2
    for options in (["--percent"], ["--unit", "percent"], ["--train-unit", "percent", "--test-unit", "percent"]):
        status, out, _ = grokbench("detect", path, "--classes", CLASSES, *options, "--json")
        assert status == 0
        assert json.loads(out)[0]["outcome"] == "memorizes_only"
    status, _, err = grokbench("detect", path, "--classes", CLASSES, "--unit", "share")
    assert (status, "expected shares from 0 to 1, got 100" in err) == (2, True)
