"""docs/atlas.md says what its results say: its tables as `python studies/atlas.py` writes them, and its lead."""

import csv

import atlas
import blocks
import pytest

TEXT = atlas.PAGE.read_text(encoding="utf-8")


def test_the_tables_of_the_page_are_those_of_the_reference():
    for name, text in atlas.blocks_of(atlas.REFERENCE).items():
        assert blocks.block(TEXT, name) == text.strip(), f"{name}: python studies/atlas.py writes it"


def test_the_lead_is_true_of_the_reference():
    with open(atlas.REFERENCE / "prevalence.csv", encoding="utf-8", newline="") as file:
        share = {row["family"]: float(row["share"]) for row in csv.DictReader(file) if row["task"] == "all"}
    assert 0 < share["neural"] < 0.1
    assert {share[family] for family in ("trees", "kernel", "lazy", "random features")} == {0}


RUN = {"task": "parity", "task_options": "", "learner": "mlp", "learner_options": "", "status": "done"}


def test_a_setting_is_told_by_what_its_siblings_have_otherwise():
    decays = [{"width": 8, "decay": 1}, {"width": 8, "decay": 3}, {"width": 8}]
    assert [atlas.told_apart(options, decays) for options in decays] == ["decay 1", "decay 3", "usual"]


def test_places_are_settings_with_a_late_run():
    options = ('{"decay": 1}', '{"decay": 3}')
    late = {options[0]: ["1", "0", ""], options[1]: ["0", "", "0"]}
    runs = [RUN | {"learner_options": o, "late": value} for o in options for value in late[o]]
    runs.append(RUN | {"task_options": '{"labels": "shuffled"}', "late": "1"})
    assert atlas.places(runs).splitlines()[2:] == ["| mlp | parity | decay 1 | 1 of 3 |"]


def test_learners_count_true_labels_and_all_seconds():
    runs = [RUN | {"late": late, "cpu_seconds": str(s)} for late, s in (("1", 1.0), ("", 2.0))]
    runs.append(RUN | {"task_options": '{"labels": "shuffled"}', "late": "0", "cpu_seconds": "9"})
    assert atlas.learners(runs).splitlines()[2:] == ["| mlp | 1 of 2 | 1 | 2 | 9 |"]


def test_what_stands_around_a_block_stays():
    page = "before\n<!-- a -->\n\nold\n\n<!-- end -->\nafter\n"
    assert blocks.with_blocks(page, {"a": "new\n"}) == "before\n<!-- a -->\n\nnew\n\n<!-- end -->\nafter\n"
    with pytest.raises(ValueError, match="no block"):
        blocks.with_blocks(page, {"b": "new"})
