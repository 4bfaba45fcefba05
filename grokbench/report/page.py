"""``index.html``: one self-contained page of a results folder, which opens from a disk without any request.

It says what was asked and what came out, in sentences made from the tables. Figures answer to the pointer, tables sort
and filter, a row opens its runs and their curves. It has no time of its own: the same runs give the same bytes.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from grokbench.limits import LARGEST_NOTE
from grokbench.report.draw import Drawn
from grokbench.report.embedded import embedded, libraries, policy, rendered, script, style
from grokbench.report.explained_page import rule_text
from grokbench.report.page_curves import LARGEST, curves_data
from grokbench.report.page_figures import PageFigure, page_figures
from grokbench.report.page_tables import PageTable, tables_of_folder, tables_of_grid
from grokbench.report.page_words import (
    EXPLANATION,
    VERDICTS,
    Claim,
    Sentence,
    asked,
    came_out,
    claims,
    impossible,
    runs_of,
)
from grokbench.runs.note import Note
from grokbench.runs.store import regular_text
from grokbench.tables.base import Table
from grokbench.tables.grid import Grid
from grokbench.tables.text import plain

NAME = "index.html"
LARGEST_PAGE = 4_000_000  # bytes
ROOM_FOR_WORDS = 250_000  # of them, for the sentences, definitions and captions


@dataclass(frozen=True, eq=False)
class Content:
    """What a page of a results folder says.

    Parameters
    ----------
    title, suite : of the suite; the second empty where it is not known.
    folder : name of the results folder.
    tables : the first to look at first.
    figures : likewise.
    curves : what `curves_data` has made of the runs, in the order of the table of runs; None without curves.
    clocks : per run, the name of its clock.
    said : the explanations that are tested, with their predictions; of stored runs.
    not_applicable : task, learner and reason of the pairs that cannot be.
    machines : hash of an environment -> versions and machine.
    """

    title: str
    suite: str
    folder: str
    tables: Sequence[PageTable]
    figures: Sequence[PageFigure] = ()
    curves: Mapping[str, object] | None = None
    clocks: Sequence[str] = ()
    machines: Mapping[str, Mapping] = field(default_factory=dict)
    said: Sequence[Claim] = ()
    not_applicable: Sequence[Sequence[str]] = ()

    @cached_property
    def by_name(self) -> dict[str, PageTable]:
        """The tables by their names."""
        return {table.name: table for table in self.tables}

    @property
    def asked(self) -> list[Sentence]:
        """What was asked."""
        return [*asked(self.by_name), *impossible(self.not_applicable), *claims(self.said)]

    @property
    def came_out(self) -> list[Sentence]:
        """What came out."""
        return came_out(self.by_name)

    @property
    def in_short(self) -> list[Sentence]:
        """What a start page says of it: its learners and what came out, each verdict below the claim that it is on."""
        said = {sentence.beginning: sentence for sentence in claims(self.said)}
        made = asked(self.by_name)[:1]
        for sentence in self.came_out:
            claim = said.get(sentence.beginning.replace(VERDICTS, EXPLANATION))
            made += [claim, sentence] if claim else [sentence]
        return made

    @property
    def commands(self) -> dict[str, str]:
        """What made the runs and the page, and what shows a run once its key is added."""
        results = shlex.quote(f"results/{self.folder}")
        suite = self.suite or self.folder
        elsewhere = "" if suite == self.folder else f" --results {results}"
        return {
            "compare": f"python -m grokbench compare {shlex.quote(suite)}{elsewhere}" if self.suite else "",
            "report": f"python -m grokbench report {results}",
            "show": f"python -m grokbench show --results {results}",
            "results": f"results/{self.folder}",
        }

    def data(self) -> dict[str, object]:
        """What the script of the page gets."""
        drawn = {figure.name: figure.drawn for figure in self.figures if figure.drawn}
        runs = runs_of(self.by_name)
        curves = self.curves or {"points": 0, "times": [], "runs": [None] * len(runs)}
        return {
            **{"commands": self.commands, "tables": [table.data() for table in self.tables]},
            **{"figures": drawn, "clocks": list(self.clocks), "curves": curves},
        }


def content_of_grid(grid: Grid, tables: Sequence[Table], figures: Sequence[Drawn], note: Note, folder: str) -> Content:
    """The page of stored runs."""
    pages, figures = tables_of_grid(grid, tables), list(page_figures(figures))
    without = Content(grid.title, note.suite, folder, pages, figures)
    texts = [embedded(without.data()), libraries(), script(), style(), *(figure.picture for figure in figures)]
    texts += [line for table in pages for line in (*table.legend, *table.remarks)]
    taken = ROOM_FOR_WORDS + sum(len(text.encode("utf-8", "backslashreplace")) for text in texts)
    machines = {run.record["environment"]["hash"]: run.record["environment"] for run in grid.runs}
    curves = curves_data(grid.runs, max(0, min(LARGEST, LARGEST_PAGE - taken)))
    clocks = [plain(run.clock) for run in grid.runs]
    made = replace(without, curves=curves, clocks=clocks, machines=_sorted(machines))
    return replace(made, said=_said(grid), not_applicable=note.not_applicable)


def _said(grid: Grid) -> list[Claim]:
    """The explanations of a suite, and their predictions."""
    return [
        Claim(
            *(explained.name, explained.rules.claim),
            parts=tuple(Claim(p.name, p.claim, p.role, rule_text(p)) for p in explained.rules.predictions),
        )
        for explained in grid.explained
    ]


def content_of_folder(folder: Path) -> Content:
    """The page of a folder that has its tables only, without figures and curves.

    Raises UsageError for a file that cannot be read.
    """
    note, tables = Note.read(folder), tables_of_folder(folder)
    clocks = [plain(row.get("clock", "")) for table in tables if table.name == "runs" for row in table.values]
    title = note.title or note.suite or folder.name
    machines, pairs = _sorted(_machines(folder)), note.not_applicable
    return Content(title, note.suite, folder.name, tables, clocks=clocks, machines=machines, not_applicable=pairs)


def _machines(folder: Path) -> dict[str, dict]:
    """``environment.json``; empty where there is none that a report has written."""
    try:
        machines = json.loads(regular_text(folder / "environment.json", LARGEST_NOTE))
    except (OSError, ValueError, RecursionError):
        return {}
    known = machines.items() if isinstance(machines, dict) else ()
    return {name: facts for name, facts in known if isinstance(facts, dict)}


def _sorted(machines: Mapping[str, Mapping]) -> dict[str, dict]:
    return {name: dict(sorted(machines[name].items())) for name in sorted(machines)}


def page(content: Content) -> str:
    """The self-contained page."""
    scripts, look = (libraries(), script()), style()
    return page_with(content, policy=policy(scripts, (look,)), style=look, scripts=scripts, places=(), root="", here="")


def page_with(content: Content, **frame: object) -> str:
    """The page in a frame: policy, style, scripts, and the places of a site that it leads to."""
    names = ("title", "asked", "came_out", "commands", "figures", "tables", "said")
    return rendered(
        "page.html",
        **frame,
        **{name: getattr(content, name) for name in names},
        machines=content.machines,
        data=embedded(content.data()),
        by_name=content.by_name,
    )
