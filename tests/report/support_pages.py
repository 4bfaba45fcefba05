"""Results folders for the tests of pages: one of example runs, and one whose every name wants to be a script."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from grokbench.curves.run import Run
from grokbench.options import digest
from grokbench.runs.note import Note
from grokbench.runs.store import Store
from grokbench.tables.laws import example_runs

HOSTILE = (
    """</script></title></style><script>window.hacked=1</script><img src=x onerror="window.hacked=2">"""
    """'"]]>--><svg onload=window.hacked=3>{{ 700*7 }}{% raw %}${window.hacked=4}\u2028<!--<script>"""
    """<a href="javascript:window.hacked=5">&lt;b&gt;</a>"""
)
TITLE = "Two learners & a control"


def write_results(folder: Path, runs: list[Run] | None = None, title: str = TITLE) -> Path:
    """A results folder with its runs and its note, and no table yet."""
    for run in example_runs() if runs is None else runs:
        Store(folder).write(run)
    Store(folder).prepare()
    Note(suite=folder.name, title=title).write(folder)
    return folder


def hostile_runs() -> list[Run]:
    """The example runs, with `HOSTILE` wherever a run has a text of its own."""
    return [_hostile(run) for run in example_runs()]


def _hostile(run: Run) -> Run:
    config = {**run.record["config"], "learner_options": {"hidden": HOSTILE}}
    texts = {"clock": HOSTILE, "family": HOSTILE, "error": HOSTILE, "suite": HOSTILE}
    machine = {"hash": "0", "processor": HOSTILE, HOSTILE: "1"}
    given = {"learner_given": {"hidden": HOSTILE}, "config": config, "key": digest(config), "environment": machine}
    return replace(run, record={**run.record, **texts, **given})


class Reader(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and the texts of its scripts."""

    def __init__(self, page: str):
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        """One element."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        """Its end."""
        self._inside = ""

    def handle_data(self, data):
        """A text."""
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text += data

    @property
    def ids(self) -> set[str]:
        """The addresses within the page."""
        return {attributes["id"] for _, attributes in self.elements if "id" in attributes}

    def links(self) -> Iterator[str]:
        """What its links lead to."""
        return (attributes["href"] for tag, attributes in self.elements if tag == "a")

    @property
    def data(self) -> dict:
        """What its script gets."""
        return json.loads(next(text for text in self.scripts if text.startswith("{")))


def column(table: dict, name: str) -> list[str]:
    """The texts of a column of a table, as the script of a page reads them."""
    packed = next(column for column in table["columns"] if column["name"] == name)
    return [packed["texts"][place] for place in packed["places"]] if "places" in packed else packed["texts"]
