"""Result sets as a folder for any static host: a start page, a page per suite, the documents, one script, one style.

Every page is a file that needs only its neighbours, so that the folder opens from a disk, too.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grokbench.errors import UsageError
from grokbench.report.archive import with_runs
from grokbench.report.documents import document, documents_in, heading
from grokbench.report.draw import HOW_TO_INSTALL, can_draw
from grokbench.report.embedded import libraries, policy, rendered, script, style
from grokbench.report.page import NAME, content_of_folder, page_with
from grokbench.report.page_words import Sentence
from grokbench.report.write import read_content, read_grid, table_lines, tables_of
from grokbench.runs.files import is_file, is_folder
from grokbench.runs.store import Store, claim, write_atomically

TITLE = "grokbench: who groks, when, and why"
TABLES = ("", "/delays.md", "/explanations.md", "/prevalence.md")  # to which documents lead
FIRST = ("findings", "replications", "definitions")  # documents that every page leads to, where they exist


@dataclass(frozen=True)
class Place:
    """A page of the site that others lead to, by its address within it."""

    address: str
    text: str


@dataclass(frozen=True)
class Suite:
    """A result set on the start page."""

    address: str
    title: str
    sentences: Sequence[Sentence]


def result_sets(folders: Sequence[Path]) -> list[Path]:
    """The result sets among folders: each itself, or those directly in it.

    Raises UsageError for a folder that is none and has none.
    """
    made: list[Path] = []
    for folder in folders:
        inside = [folder] if _is_result_set(folder) else sorted(filter(_is_result_set, _folders_in(folder)))
        if not inside:
            raise UsageError(f"{folder}: no result set there (expected {folder}/runs or {folder}/runs.csv)")
        made += inside
    return list(dict.fromkeys(made))


def _folders_in(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if is_folder(path)]
    except OSError as error:
        raise UsageError(f"{folder}: no such folder of results ({error.strerror or error})") from error


def _is_result_set(folder: Path) -> bool:
    return is_folder(folder / "runs") or is_file(folder / "runs.csv")


def write_site(folders: Sequence[Path], out: Path, docs: Path | None = None) -> list[Path]:
    """Write the pages of result sets, and of the documents of a folder, into `out`; returns the files.

    Raises UsageError where the libraries are missing, for a folder without results, and for an `out` that holds what
    is not grokbench's.
    """
    if not can_draw():
        raise UsageError(f"pages need more libraries: {HOW_TO_INSTALL}")
    sets = result_sets(folders)
    site = _Site(out, documents_in(docs) if docs else {}, _names(sets))
    claim(out)
    suites = [site.write_suite(folder, name) for name, folder in site.sets.items()]
    site.write("index.html", rendered("start.html", title=TITLE, suites=suites, **site.frame("index.html")))
    site.write_documents()
    site.write("grokbench.css", style())
    site.write("grokbench.js", f"{libraries()}\n{script()}")
    return site.written


def _names(sets: Sequence[Path]) -> dict[str, Path]:
    """Result sets by the names of their folders on the site."""
    named: dict[str, Path] = {}
    for folder in sets:
        name, number = folder.resolve().name, 1
        while (name if number == 1 else f"{name}-{number}") in {*named, "docs"}:
            number += 1
        named[name if number == 1 else f"{name}-{number}"] = folder
    return named


class _Site:
    """A folder that is filled with pages."""

    def __init__(self, out: Path, documents: Mapping[str, Path], sets: Mapping[str, Path]):
        self.out, self.documents, self.sets = out, documents, sets
        self.written: list[Path] = []
        names = [f"docs/{name}.html" for name in FIRST if f"docs/{name}.html" in documents]
        listed = [Place("docs/index.html", "Documents")] if documents else []
        self.places = [Place("index.html", "Start"), *(Place(a, heading(documents[a])) for a in names), *listed]

    def frame(self, address: str) -> dict[str, object]:
        """What every page has around it: policy, places, and the way up to the start."""
        root = "../" * address.count("/")
        return {"policy": policy(), "style": "", "scripts": (), "places": self.places, "root": root, "here": address}

    def write(self, address: str, text: str) -> None:
        """A file at an address of the site."""
        path = self.out / address
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)
        self.written.append(path)

    def write_suite(self, folder: Path, name: str) -> Suite:
        """The page of a result set, of its runs or else of its tables, and its tables beside it."""
        with with_runs(folder) as place:
            grid = read_grid(place) if is_folder(place / "runs") and Store(place).keys() else None
            content = read_content(place, grid) if grid else content_of_folder(folder)
        self.write(f"{name}/{NAME}", page_with(content, **self.frame(f"{name}/{NAME}")))
        made = {table.name: table for table in tables_of(grid)} if grid else {}
        for table in content.tables:
            file = folder / f"{table.name}.csv"
            if is_file(file):
                self.write(f"{name}/{file.name}", file.read_text(encoding="utf-8"))
            elif table.name in made:  # left out of the result set, and made again from its archive
                self.write(f"{name}/{file.name}", "".join(table_lines(made[table.name], grid)))
        return Suite(f"{name}/{NAME}", content.title, [*content.asked[:1], *content.came_out])

    def write_documents(self) -> None:
        """Every document, and a list of them."""
        addresses = {posixpath.splitext(address)[0] + ".md": address for address in self.documents}
        for name in self.sets:
            addresses |= {f"results/reference/{name}{file}": f"{name}/{NAME}" for file in TABLES}
        for address, path in self.documents.items():
            self.write(address, document(address, path, addresses, **self.frame(address)))
        listed = [Place(address, heading(path)) for address, path in self.documents.items()]
        if listed and "docs/index.html" not in self.documents:
            frame = self.frame("docs/index.html")
            self.write("docs/index.html", rendered("list.html", title="Documents", listed=listed, **frame))
