"""What documents say of tables is what the tables say of themselves.

A table or column that is new may be missing until `python studies/pages.py` has run, which a commit does; what
the documents do say has to be true.
"""

import pages


def lines_of(text: str) -> set[str]:
    return {line for line in text.splitlines() if line.startswith("| ")}


def test_the_page_of_tables_says_what_the_columns_say():
    written = (pages.ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    assert lines_of(written) <= lines_of(pages.tables_page()), "python studies/pages.py writes it"
    assert len(lines_of(written)) > 100


def test_the_table_of_tables_in_the_readme_is_theirs():
    readme = (pages.ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.partition(pages.MARK)[2].strip().partition("\n\n")[0]
    assert lines_of(block) <= lines_of(pages.table_of_tables()), "python studies/pages.py writes it"
    assert len(lines_of(block)) > 8


def test_writing_them_again_adds_what_is_new():
    old = "before\n" + pages.MARK + "\n| file | one row is |\n| --- | --- |\n\nafter\n"
    assert pages.with_table_of_tables(old) == f"before\n{pages.MARK}\n{pages.table_of_tables()}\nafter\n"
