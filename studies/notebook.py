"""Writes docs/start.ipynb from docs/start.md: each block of Python is a cell to run, everything between them is text.

python studies/notebook.py      # after the page was edited; a test asks for it
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "start.md"
FILE = PAGE.with_suffix(".ipynb")
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.S | re.M)
WHAT_IT_PRINTED = re.compile(r"\A\n*```\n.*?^```$", re.S | re.M)  # a cell prints it again
KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


def notebook_of(page: str) -> dict:
    """The notebook of a document in Markdown, in version 4.5 of the format, without outputs."""
    cells = [{**cell, "id": f"cell-{number}"} for number, cell in enumerate(_cells(page))]
    return {"cells": cells, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5}


def _cells(page: str) -> Iterator[dict]:
    pieces = PYTHON.split(page)  # text and code by turns
    for number, piece in enumerate(pieces):
        text = piece.strip("\n") if number % 2 else WHAT_IT_PRINTED.sub("", piece).strip("\n")
        if text:
            yield _code(text) if number % 2 else _text(text)


def _text(text: str) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(text: str) -> dict:
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    return {**cell, "source": text.splitlines(keepends=True)}


def written(notebook: dict) -> str:
    """The text of a notebook's file."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> None:
    """Write the file."""
    FILE.write_text(written(notebook_of(PAGE.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
