"""What documents say of tables and outcomes is what the code says of them.

A table or column that is new may be missing until `python studies/pages.py` has run, which a commit does; what
the documents do say has to be true.
"""

import pages
import pytest

from grokbench.curves.outcome import OUTCOMES


def lines_of(text: str) -> set[str]:
    return {line for line in text.splitlines() if line.startswith("| ")}


def test_the_page_of_tables_says_what_the_columns_say():
    written = (pages.ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    assert lines_of(written) <= lines_of(pages.tables_page()), "python studies/pages.py writes it"
    assert len(lines_of(written)) > 100


@pytest.mark.parametrize("name", pages.BLOCKS)
def test_the_tables_of_the_page_on_reading_are_theirs(name):
    block = pages.block_of(pages.READING.read_text(encoding="utf-8"), name)
    assert lines_of(block) <= lines_of(pages.BLOCKS[name]()), "python studies/pages.py writes it"
    assert len(lines_of(block)) > 8


def test_every_outcome_is_said_in_words():
    assert set(pages.OUTCOME_IN_WORDS) == set(OUTCOMES)


@pytest.mark.parametrize("old", ["\n| file | one row is |\n| --- | --- |\n", "\n", ""])
def test_writing_them_again_adds_what_is_new(old):
    page = f"before\n<!-- tables -->\n{old}\nafter\n"
    assert pages.with_blocks(page) == f"before\n<!-- tables -->\n\n{pages.table_of_tables()}\nafter\n"
    assert pages.with_blocks(pages.with_blocks(page)) == pages.with_blocks(page)


def test_the_rows_of_the_readme_are_brought_up_to_date():
    readme = f"a\n{pages.SMOKE_MARK}| task | learner | s |\n| --- | --- | --- |\n| add | mlp | 1 |\n\nb | c\n"
    delays = "# Smoke\n\n| task | learner | s |\n| --- | --- | --- |\n| add | mlp | 2 |\n| add | rfm | 3 |\n"
    assert pages.with_rows_of(readme, delays) == readme.replace("| mlp | 1 |", "| mlp | 2 |")
