"""The row that docs/verdicts.md reads aloud is one of the reference, and its counts are those of the cross table."""

import csv
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "results" / "reference" / "lazy-to-rich"
PAGE = (ROOT / "docs" / "verdicts.md").read_text(encoding="utf-8")


def test_the_row_is_in_the_reference():
    head, _, row = re.search(r"<!-- row -->\n((?:\|.*\n){3})", PAGE)[1].splitlines()
    lines = (FOLDER / "explanations.md").read_text(encoding="utf-8").splitlines()
    assert head in lines
    assert row in lines


def test_its_counts_are_those_of_the_cells():
    with open(FOLDER / "cross_table.csv", encoding="utf-8", newline="") as file:
        trees = next(row for row in csv.DictReader(file) if row["family"] == "trees")
    decided, frozen = int(trees["a_n"]), int(trees["c_n"])
    late, frozen_late = round(float(trees["a"]) * decided), round(float(trees["c"]) * frozen)
    assert f"{late} of {decided} runs are late, with frozen ones {frozen_late} of {frozen}." in PAGE
