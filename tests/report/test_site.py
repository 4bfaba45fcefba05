"""A site: pages that find each other, the same verdicts as the tables, and a folder that is nobody else's."""

import posixpath
import re
import tarfile
from pathlib import Path
from urllib.parse import unquote

import pytest
from support_pages import HOSTILE, Reader, column, hostile_runs, write_results

from grokbench.errors import UsageError
from grokbench.report import archive as archive_module
from grokbench.report import site as module
from grokbench.report.documents import document, documents_in
from grokbench.report.site import result_sets, write_site
from grokbench.report.write import write_report

for library in ("altair", "vl_convert", "jinja2"):
    pytest.importorskip(library, reason="pip install 'grokbench[plot]'")
pytestmark = pytest.mark.usefixtures("with_figures")
ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"
FRAME = {"policy": "", "style": "", "scripts": (), "places": [], "root": "../", "here": ""}
PAGE = """# A page <script>window.hacked=1</script>

[definitions](definitions.md#time), [code](../grokbench/x.py), [out](https://example.org/), [bad](javascript:alert(1)),
[suite](../results/reference/smoke/delays.md)

<img src=x onerror=alert(1)> `{{ 700*7 }}`

| a | b |
| --- | --- |
| <b>1</b> | [x](data:text/html,<script>alert(1)</script>) |

## Time

## Time
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site of a stored result set, of two of the reference, and of the documents."""
    made = tmp_path_factory.mktemp("made")
    stored = write_results(made / "example")
    write_report(stored)
    write_site([stored, REFERENCE / "smoke", REFERENCE / "eight-cells"], made / "site", ROOT / "docs")
    return made / "site"


@pytest.fixture(scope="module")
def pages(site):
    """Address -> page, read."""
    return {
        path.relative_to(site).as_posix(): Reader(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")
    }


@pytest.mark.slow
def test_every_link_of_every_page_leads_somewhere(site, pages):
    for address, page in pages.items():
        for link in page.links():
            file, _, anchor = link.partition("#")
            if link.startswith("http"):
                continue
            target = posixpath.normpath(posixpath.join(posixpath.dirname(address), unquote(file))) if file else address
            assert (site / target).is_file(), (address, link)
            there = pages.get(target)
            if anchor and target.endswith("index.html") and not anchor.startswith("row-"):
                assert anchor in there.ids, (address, link)


@pytest.mark.slow
def test_pages_share_one_script_and_one_style_and_need_nothing_else(site, pages):
    scripts = {
        posixpath.normpath(posixpath.join(posixpath.dirname(address), attributes["src"]))
        for address, page in pages.items()
        for tag, attributes in page.elements
        if tag == "script" and "src" in attributes
    }
    assert scripts == {"grokbench.js"}
    assert (site / "grokbench.css").is_file()
    for page in pages.values():
        assert [text for text in page.scripts if text.strip() and not text.startswith("{")] == []


@pytest.mark.slow
def test_a_verdict_its_interval_and_its_runs_are_two_clicks_away(pages):
    links = [
        link for link in pages["index.html"].links() if link.startswith("eight-cells/index.html#row-explanations-")
    ]
    assert links
    place = int(links[0].rpartition("-")[2])
    data = pages["eight-cells/index.html"].data
    table = next(table for table in data["tables"] if table["name"] == "explanations")
    assert table["counts"][place] > 0
    assert len(table["behind"][place]) == min(60, table["counts"][place])
    assert any(data["curves"]["runs"][run] for run in table["behind"][place])
    under = table["under"][str(place)]
    assert under
    assert {column(table, "family")[row] for row in under} == {column(table, "family")[place]}
    assert all("[" in column(table, "estimate")[row] for row in under if column(table, "verdict")[row] == "supported")


@pytest.mark.slow
def test_the_start_says_what_early_stopping_would_cost(pages):
    assert re.search(r"patience 10: \d+ of \d+", pages["index.html"].text)
    assert "example/index.html#table-early_stopping" in set(pages["index.html"].links())


def test_a_document_keeps_its_words_and_loses_what_could_run(tmp_path):
    (tmp_path / "page.md").write_text(PAGE, encoding="utf-8")
    (tmp_path / "definitions.md").write_text("# Definitions\n", encoding="utf-8")
    made = documents_in(tmp_path)
    assert list(made) == ["docs/definitions.html", "docs/page.html"]
    addresses = {
        "docs/definitions.md": "docs/definitions.html",
        "results/reference/smoke/delays.md": "smoke/index.html",
    }
    page = Reader(document("docs/page.html", made["docs/page.html"], addresses, **FRAME))
    assert list(page.links()) == ["#main", "definitions.html#time", "https://example.org/", "../smoke/index.html"]
    assert not {"script", "img", "b"} & {tag for tag, _ in page.elements}
    assert {"time", "time-1"} <= page.ids
    for text in ("window.hacked=1", "code", "onerror=alert(1)", "{{ 700*7 }}", "<b>1</b>"):
        assert text in page.text


def test_a_hostile_result_set_makes_no_element(tmp_path):
    hostile = write_results(tmp_path / "hostile", hostile_runs()[:8], HOSTILE)
    write_site([hostile], tmp_path / "site")
    for name in ("index.html", "hostile/index.html"):
        page = Reader((tmp_path / "site" / name).read_text(encoding="utf-8"))
        assert not {"img", "svg", "b", "iframe"} & {tag for tag, _ in page.elements}
        assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
        assert "window.hacked=2" in page.text


def test_result_sets_are_folders_or_in_folders(tmp_path):
    for name in ("b", "a"):
        (tmp_path / "sets" / name).mkdir(parents=True)
        (tmp_path / "sets" / name / "runs.csv").touch()
    (tmp_path / "sets" / "other").mkdir()
    assert [path.name for path in result_sets([tmp_path / "sets", tmp_path / "sets" / "a"])] == ["a", "b"]
    with pytest.raises(UsageError, match="no result set there"):
        result_sets([tmp_path / "sets" / "other"])
    with pytest.raises(UsageError, match="no such folder"):
        result_sets([tmp_path / "nothing"])


def test_two_result_sets_of_one_name_have_two_pages(tmp_path):
    sets = [write_results(tmp_path / side / "docs", []) for side in ("a", "b")]
    assert list(module._names(sets)) == ["docs-2", "docs-3"]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("mine")
    with pytest.raises(UsageError, match="nothing was touched"):
        write_site([write_results(tmp_path / "results", [])], tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["index.html"]


def test_an_archive_that_is_too_large_or_none_is_one_line(tmp_path, monkeypatch):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "runs.csv").touch()
    (folder / "runs.tar.xz").write_bytes(b"no archive")
    with pytest.raises(UsageError, match=r"runs\.tar\.xz: cannot be unpacked"):
        write_site([folder], tmp_path / "site")
    with tarfile.open(folder / "runs.tar.xz", "w:xz") as archive:
        archive.add(__file__, "runs/file")
    monkeypatch.setattr(archive_module, "LARGEST_ARCHIVE", 10)
    with pytest.raises(UsageError, match="more than 10 bytes"):
        write_site([folder], tmp_path / "site")


def test_the_verb_writes_the_site(tmp_path, grokbench):
    results = write_results(tmp_path / "results", [])
    status, out, _ = grokbench("site", results, "--out", tmp_path / "site")
    assert status == 0
    assert "open" in out
    assert (tmp_path / "site" / "index.html").is_file()
    assert grokbench("site", tmp_path / "none", "--out", tmp_path / "site")[0] == 2
    assert grokbench("site", results)[0] == 2
