"""Writes what the documents say of tables and outcomes from the code, and the rows of the README from the reference.

python studies/pages.py      # after a table or a column was added, or smoke was run again; a test asks for it
"""

from __future__ import annotations

import re
from pathlib import Path

from grokbench.curves.outcome import OUTCOMES
from grokbench.registry import tables
from grokbench.tables.base import Table
from grokbench.tables.text import markdown

ROOT = Path(__file__).parents[1]
READING = ROOT / "docs" / "reading-results.md"
README = ROOT / "README.md"
SMOKE = ROOT / "results" / "reference" / "smoke" / "delays.md"
SMOKE_MARK = "<!-- smoke table -->\n"
HEAD = """# Tables

What `compare` and `report` write into a results folder, column by column. Each table is a CSV file with all columns.
Most are Markdown besides, with the columns that have a heading. An empty cell is censored or undefined, never 0.
`python -m grokbench show delays` prints the same of one table, and `grokbench.load(FOLDER).delays` is its DataFrame.
Written by `python studies/pages.py` from the tables in `grokbench/tables/`; edit those.
"""
OUTCOME_IN_WORDS = {
    "groks": "generalizes half a decade or more after it memorizes, from a head below a quarter, and rises within one "
    "decade",
    "gradual": "as late, but from a larger head, or slowly; the slow ones with a small head count as late",
    "metric_artifact": "as late in accuracy, but the loss or the ranking had the rule long before",
    "immediate": "generalizes as it memorizes",
    "partial": "never reaches the level, and ends clearly above chance (a kappa of .2 or more)",
    "memorizes_only": "never reaches the level, and ends near chance (a kappa below .2)",
    "unconfirmed": "the run was too short to say",
    "collapses": "loses what it had learned",
    "never_fits": "never learns the training examples",
    "unjudged": "a log that begins after both events, or has rows too far apart to say",
}


def table_of_outcomes() -> str:
    """One row per outcome, in the order in which people meet them."""
    rows = [{"outcome": name, "words": OUTCOME_IN_WORDS[name]} for name in OUTCOMES]
    return as_code(markdown({"outcome": "outcome", "words": "in words"}, rows), OUTCOMES)


def table_of_tables() -> str:
    """One row per table: its file, and what one row of it is."""
    rows = [{"file": _file(tables[name]), "row": tables[name].description()} for name in tables.names()]
    rows.append({"file": "environment.json", "row": "versions, processor, BLAS and revision that the runs refer to"})
    return as_code(markdown({"file": "file", "row": "one row is"}, rows), [row["file"] for row in rows])


BLOCKS = {"outcomes": table_of_outcomes, "tables": table_of_tables}


def tables_page() -> str:
    """All tables with all their columns."""
    return "\n".join([HEAD, *(_section(tables[name]) for name in tables.names())])


def _section(table: type[Table]) -> str:
    headed = [{"column": c.name, "heading": c.heading, "meaning": c.meaning} for c in table.columns]
    text = markdown({"column": "column", "heading": "read as", "meaning": "what it says"}, headed)
    return f"## {table.name}\n\nOne row is {table.description()}.\n\n{text.replace(chr(92) + '`', '`')}"


def _file(table: type[Table]) -> str:
    return table.name if table.own_page else f"{table.name}.csv"


def as_code(text: str, names: tuple[str, ...] | list[str]) -> str:
    """A table in Markdown in which the cells that are one of the names are code."""
    for name in names:
        text = text.replace(f"| {name} |", f"| `{name}` |")
    return text


def with_blocks(page: str) -> str:
    """A document with the table below each mark, ``<!-- outcomes -->`` and ``<!-- tables -->``, as the code has it."""
    for name, rows in BLOCKS.items():
        before, mark, after = page.partition(f"<!-- {name} -->\n")
        page = before + mark + re.sub(r"\A\n?((\|.*\n)+|(?=\n))", lambda _, rows=rows: "\n" + rows(), after)
    return page


def block_of(page: str, name: str) -> str:
    """The table below a mark."""
    return page.partition(f"<!-- {name} -->\n")[2].strip().partition("\n\n")[0]


def with_rows_of(readme: str, delays: str) -> str:
    """A README whose smoke table has the rows of a table of delays, for the tasks and learners that it shows."""
    before, mark, after = readme.partition(SMOKE_MARK)
    shown, _, below = after.partition("\n\n")
    rows = {_cell(line): line for line in delays.splitlines() if line.startswith("| ")}
    return before + mark + "\n".join(rows.get(_cell(line), line) for line in shown.splitlines()) + "\n\n" + below


def _cell(line: str) -> tuple[str, ...]:
    return tuple(line.split(" | ")[:2])


def main() -> None:
    """Write the three documents."""
    (ROOT / "docs" / "tables.md").write_text(tables_page(), encoding="utf-8")
    READING.write_text(with_blocks(READING.read_text(encoding="utf-8")), encoding="utf-8")
    readme, delays = (path.read_text(encoding="utf-8") for path in (README, SMOKE))
    README.write_text(with_rows_of(readme, delays), encoding="utf-8")


if __name__ == "__main__":
    main()
