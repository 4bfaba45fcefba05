"""Writes what the documents say of tables, from the tables themselves: `docs/tables.md` and a block of the README.

python studies/pages.py      # after a table or a column was added; a test asks for it
"""

from __future__ import annotations

import re
from pathlib import Path

from grokbench.registry import tables
from grokbench.tables.base import Table
from grokbench.tables.text import markdown

ROOT = Path(__file__).parents[1]
MARK = "<!-- tables -->\n"
HEAD = """# Tables

What `compare` and `report` write into a results folder, column by column. Each table is a CSV file with all columns.
Most are Markdown besides, with the columns that have a heading. An empty cell is censored or undefined, never 0.
`python -m grokbench show delays` prints the same of one table, and `grokbench.load(FOLDER).delays` is its DataFrame.
Written by `python studies/pages.py` from the tables in `grokbench/tables/`; edit those.
"""


def table_of_tables() -> str:
    """One row per table: its file, and what one row of it is."""
    rows = [{"file": _file(tables[name]), "row": tables[name].description()} for name in tables.names()]
    rows.append({"file": "environment.json", "row": "versions, processor, BLAS and revision that the runs refer to"})
    return _as_code(markdown({"file": "file", "row": "one row is"}, rows), [row["file"] for row in rows])


def tables_page() -> str:
    """All tables with all their columns."""
    return "\n".join([HEAD, *(_section(tables[name]) for name in tables.names())])


def _section(table: type[Table]) -> str:
    headed = [{"column": c.name, "heading": c.heading, "meaning": c.meaning} for c in table.columns]
    text = markdown({"column": "column", "heading": "read as", "meaning": "what it says"}, headed)
    return f"## {table.name}\n\nOne row is {table.description()}.\n\n{text.replace(chr(92) + '`', '`')}"


def _file(table: type[Table]) -> str:
    return table.name if table.own_page else f"{table.name}.csv"


def _as_code(text: str, names: list[str]) -> str:
    for name in names:
        text = text.replace(f"| {name} |", f"| `{name}` |")
    return text


def with_table_of_tables(readme: str) -> str:
    """The README with its block as the tables have it."""
    before, _, after = readme.partition(MARK)
    return before + MARK + re.sub(r"\A\n?(\|.*\n)+", lambda match: "\n" + table_of_tables(), after)


def main() -> None:
    """Write both."""
    (ROOT / "docs" / "tables.md").write_text(tables_page(), encoding="utf-8")
    readme = ROOT / "README.md"
    readme.write_text(with_table_of_tables(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
