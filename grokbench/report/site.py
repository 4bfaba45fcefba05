"""Result sets as a folder for any static host: a start page, a page per suite, the documents, one script, one style.

Every page is a file that needs only its neighbours, so that the folder opens from a disk, too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grokbench.errors import UsageError
from grokbench.limits import LARGEST_TABLE
from grokbench.report.archive import ARCHIVE, with_runs
from grokbench.report.documents import document, documents_in, heading
from grokbench.report.draw import HOW_TO_INSTALL, can_draw
from grokbench.report.embedded import libraries, link, policy, rendered, script, style
from grokbench.report.page import NAME, Content, content_of_folder, page_with
from grokbench.report.page_words import Sentence
from grokbench.report.write import read_content, read_grid, table_lines, tables_of
from grokbench.runs.files import is_file, is_folder, make_folder
from grokbench.runs.folder import MARKER, is_marked
from grokbench.runs.folder import NAME as MARK
from grokbench.runs.store import Store, regular_text, write_atomically
from grokbench.tables.grid import Grid

SITE = "site"  # what its marker says, so that no report takes it for its results
TITLE = "grokbench: who groks, when, and why"
FIRST = ("findings", "replications", "definitions")  # documents that every page leads to, where they exist
STYLE, SCRIPT, START, DOCS = "grokbench.css", "grokbench.js", "index.html", "docs"
TAKEN = (STYLE, SCRIPT, START, DOCS, MARKER)  # names in the folder of a site that no result set gets


@dataclass(frozen=True)
class Place:
    """A page of the site that others lead to, by its address within it."""

    address: str
    text: str

    @property
    def link(self) -> str:
        """What leads to it from the start page."""
        return link(self.address)


@dataclass(frozen=True)
class Suite(Place):
    """A result set on the start page; its text is its title.

    Parameters
    ----------
    name : of its folder on the site.
    """

    name: str
    sentences: Sequence[Sentence]


def result_sets(folders: Sequence[Path]) -> list[Path]:
    """The result sets among folders: each itself, or those directly in it.

    Raises UsageError for a folder that is none and has none.
    """
    made: list[Path] = []
    for folder in folders:
        inside = [folder] if _is_result_set(folder) else sorted(filter(_is_result_set, _folders_in(folder)))
        if not inside:
            raise UsageError(f"{folder}: no result set there (expected runs, {ARCHIVE} or runs.csv in it)")
        made += inside
    return list(dict.fromkeys(made))


def _folders_in(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if is_folder(path)]
    except OSError as error:
        raise UsageError(f"{folder}: no such folder of results ({error.strerror or error})") from error


def _is_result_set(folder: Path) -> bool:
    return is_folder(folder / "runs") or any(is_file(folder / name) for name in ("runs.csv", ARCHIVE))


def write_site(
    folders: Sequence[Path], out: Path, docs: Path | None = None, tell: Callable[[str], None] | None = None
) -> list[Path]:
    """Write the pages of result sets, and of the documents of a folder, into `out`; returns the files.

    tell : gets a line for each result set once its page is written.

    Raises UsageError where the libraries are missing, for a folder without results or documents, and for an `out`
    that holds results, or what is not grokbench's.
    """
    if not can_draw():
        raise UsageError(f"pages need more libraries: {HOW_TO_INSTALL}")
    site = _Site(out, docs, _names(result_sets(folders)))
    _claim(out)
    suites = []
    for name, folder in site.sets.items():
        suites.append(site.write_suite(folder, name))
        if tell:
            tell(f"{folder}: {suites[-1].sentences[:2][-1].text}")
    site.write(START, rendered("start.html", title=TITLE, suites=suites, **site.frame(START)))
    site.write_documents()
    site.write(STYLE, style())
    site.write(SCRIPT, f"{libraries()}\n{script()}")
    left = sorted(path.parent.name for path in out.glob(f"*/{NAME}") if path not in site.written)
    if tell and left:
        tell(f"{out}: of an earlier site, and no longer named on its start page: {', '.join(left)}")
    return site.written


def _claim(out: Path) -> None:
    """The folder of a site. UsageError for one that holds results, which have a page of their own, or is not ours."""
    if _is_result_set(out):
        raise UsageError(f"{out}: results lie there, and their page would be written over; expected another --out DIR")
    try:
        out.mkdir(parents=True, exist_ok=True)
        is_empty = not os.listdir(out)
    except OSError as error:
        raise UsageError(f"{out}: cannot be made: {error.strerror or error}; expected a folder: --out DIR") from error
    if not is_empty and not is_marked(out, SITE):
        what = f"not the folder of a site, because it is not empty and has no {MARKER} of one; nothing was touched"
        raise UsageError(f"{out}: {what}; expected one that site has made, or a new one: --out DIR")
    about = "pages that grokbench site has made; they are written over when it makes them again"
    write_atomically(out / MARKER, json.dumps({MARK: SITE, "about": about}, indent=1) + "\n")


def _names(sets: Sequence[Path]) -> dict[str, Path]:
    """Result sets by the names of their folders on the site."""
    named: dict[str, Path] = {}
    for folder in sets:
        own = name = folder.resolve().name or "results"
        number = 1
        while name.lower() in {*map(str.lower, named), *TAKEN}:
            number += 1
            name = f"{own}-{number}"
        named[name] = folder
    return named


class _Site:
    """A folder that is filled with pages."""

    def __init__(self, out: Path, docs: Path | None, sets: Mapping[str, Path]):
        self.out, self.docs, self.sets = out, docs, sets
        self.documents = documents_in(docs) if docs else {}
        self.written: list[Path] = []
        self.results: dict[str, str] = {}  # paths in the folder above the documents -> addresses on the site
        names = [f"{DOCS}/{name}.html" for name in FIRST if f"{DOCS}/{name}.html" in self.documents]
        listed = [Place(f"{DOCS}/index.html", "Documents")] if self.documents else []
        first = (Place(address, heading(self.documents[address])) for address in names)
        self.places = [Place(START, "Start"), *first, *listed]

    def frame(self, address: str) -> dict[str, object]:
        """What every page has around it: policy, places, and the way up to the start."""
        root = "../" * address.count("/")
        return {"policy": policy(), "style": "", "scripts": (), "places": self.places, "root": root, "here": address}

    def write(self, address: str, text: str) -> None:
        """A file at an address of the site; no link on the way leads out of it."""
        folder = self.out
        for name in address.split("/")[:-1]:
            folder = make_folder(folder / name)
        write_atomically(self.out / address, text)
        self.written.append(self.out / address)

    def write_suite(self, folder: Path, name: str) -> Suite:
        """The page of a result set, of its runs or else of its tables, and its tables beside it."""
        with with_runs(folder) as place:
            grid = read_grid(place) if is_folder(place / "runs") and Store(place).keys() else None
            content = read_content(place, grid) if grid else content_of_folder(folder)
        self.write(f"{name}/{NAME}", page_with(content, **self.frame(f"{name}/{NAME}")))
        texts = _of_grid(content, grid) if grid else _of_folder(content, folder)
        for table, text in texts.items():
            self.write(f"{name}/{table}.csv", text)
        self._lead_to(folder, name, content)
        return Suite(f"{name}/{NAME}", content.title, name, content.in_short)

    def _lead_to(self, folder: Path, name: str, content: Content) -> None:
        """Where documents that name files of a result set lead to."""
        if self.docs:
            place = Path(os.path.relpath(folder.resolve(), self.docs.resolve().parent)).as_posix()
            page = f"{name}/{NAME}"
            self.results[place] = page
            for table in content.tables:
                self.results[f"{place}/{table.name}.md"] = f"{page}#table-{table.name}"
                self.results[f"{place}/{table.name}.csv"] = f"{name}/{table.name}.csv"
            for figure in content.figures:
                self.results[f"{place}/figures/{figure.name}.svg"] = f"{page}#figure-{figure.name}"

    def write_documents(self) -> None:
        """Every document, and a list of them."""
        addresses = {os.path.splitext(address)[0] + ".md": address for address in self.documents} | self.results
        shown = [folder for folder in (self.docs, *self.sets.values()) if folder]
        for address, path in self.documents.items():
            self.write(address, document(address, path, addresses, shown, **self.frame(address)))
        listed = [Place(address, heading(path)) for address, path in self.documents.items()]
        if listed and f"{DOCS}/index.html" not in self.documents:
            frame = self.frame(f"{DOCS}/index.html")
            self.write(f"{DOCS}/index.html", rendered("list.html", title="Documents", listed=listed, **frame))


def _of_grid(content: Content, grid: Grid) -> dict[str, str]:
    """Tables by name as CSV, from the runs that the page is made of: the files of an earlier report may differ."""
    shown = {table.name for table in content.tables}
    return {table.name: "".join(table_lines(table, grid)) for table in tables_of(grid) if table.name in shown}


def _of_folder(content: Content, folder: Path) -> dict[str, str]:
    return {table.name: regular_text(folder / f"{table.name}.csv", LARGEST_TABLE) for table in content.tables}
