"""What documents say of tables is what the tables say of themselves."""

import pages


def test_the_page_of_tables_is_written_from_the_tables():
    written = (pages.ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    assert written == pages.tables_page(), "python studies/pages.py writes it"


def test_the_table_of_tables_in_the_readme_is_theirs():
    readme = (pages.ROOT / "README.md").read_text(encoding="utf-8")
    assert readme == pages.with_table_of_tables(readme), "python studies/pages.py writes it"
    assert pages.table_of_tables() in readme
