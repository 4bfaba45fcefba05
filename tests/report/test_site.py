"""A site: pages that find each other, the same verdicts as the tables, and a folder that is nobody else's."""

import posixpath
import re
import shutil
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
from grokbench.tables.laws import example_runs

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

<!-- of those who write -->
Said <!-- between --> aloud, `<!-- in code -->`.

<script>window.hacked=7</script>
<!-- <script> --><iframe src="https://example.org/">

<svg onload=window.hacked=8>

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
            assert not anchor or is_there(anchor, pages[target]), (address, link)


def is_there(anchor, page):
    """Whether a place of a page is in its markup, or is a row that its script makes."""
    row = re.fullmatch(r"row-(\w+)-(\d+)", anchor)
    if not row:
        return anchor in page.ids
    return int(row[2]) < next(table["rows"] for table in page.data["tables"] if table["name"] == row[1])


@pytest.mark.slow
def test_documents_show_the_figures_of_result_sets_and_lead_to_their_tables(pages):
    findings = pages["docs/findings.html"]
    pictures = [attributes["src"] for tag, attributes in findings.elements if tag == "img"]
    assert len(pictures) == 1  # of eight-cells; those of other sets are not on this site
    assert pictures[0].startswith("data:image/svg+xml;base64,")
    assert "[Picture: The share of late runs with features free or frozen, and pressure on or off]" in findings.text
    assert "../../eight-cells/index.html#table-explanations" in set(pages["docs/findings/claims.html"].links())


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
    names = [column["name"] for column in table["columns"]]
    assert names.index("verdict") == names.index("task") + 1  # where a window shows it
    assert table["counts"][place] > 0
    assert len(table["behind"][place]) == min(60, table["counts"][place])
    assert any(data["curves"]["runs"][run] for run in table["behind"][place])
    under = table["under"][str(place)]
    assert under
    assert {column(table, "family")[row] for row in under} == {column(table, "family")[place]}
    assert all("[" in column(table, "estimate")[row] for row in under if column(table, "verdict")[row] == "supported")
    page = pages["eight-cells/index.html"]
    for row in under:  # in words, not by a letter and a number alone
        says = f"{column(table, 'explanation')[row]}-{column(table, 'prediction')[row]}"
        assert {f"says-{says}", f"claim-{says}"} <= page.ids
    assert "With its features frozen the network is late." in page.text
    assert "On exclusive or, given enough examples, a network is late" in pages["index.html"].text


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
    assert not {"script", "img", "b", "iframe", "svg"} & {tag for tag, _ in page.elements}
    assert {"time", "time-1"} <= page.ids
    assert "Said  aloud, <!-- in code -->." in page.text
    assert "those who write" not in page.text
    for text in ("window.hacked=1", "window.hacked=7", "<iframe", "<svg"):
        assert text in page.text
    for text in ("code", "onerror=alert(1)", "{{ 700*7 }}", "<b>1</b>"):
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
    sets = [write_results(tmp_path / side / name, []) for side in ("a", "b") for name in ("docs", "x")]
    assert list(module._names(sets)) == ["docs-2", "x", "docs-3", "x-2"]
    write_site(sets, tmp_path / "site")
    page = Reader((tmp_path / "site" / "index.html").read_text(encoding="utf-8"))
    assert {"x/index.html", "x-2/index.html"} <= set(page.links())
    assert "x-2" in page.text  # beside a title that both have


@pytest.mark.parametrize("name", ["javascript:alert(1)", "a #1?%41", "index.html", "é", "grokbench.json"])
def test_a_name_of_a_folder_is_a_name_in_a_link(tmp_path, name):
    write_site([write_results(tmp_path / name, [])], tmp_path / "site")
    page = Reader((tmp_path / "site" / "index.html").read_text(encoding="utf-8"))
    links = [link for link in page.links() if not link.startswith("#")]
    assert links
    for link in links:
        assert re.match(r"[\w%.-]+(/|$)", link, re.ASCII)
        assert (tmp_path / "site" / unquote(link.partition("#")[0])).is_file()


def test_a_folder_of_somebody_else_and_results_are_left_alone(tmp_path):
    results = write_results(tmp_path / "results", [])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("mine")
    (tmp_path / "file").touch()
    for out, said in (("mine", "nothing was touched"), ("results", "results lie there"), ("file", "cannot be made")):
        with pytest.raises(UsageError, match=rf"{said}.*--out DIR"):
            write_site([results], tmp_path / out)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["index.html"]
    assert not (results / "index.html").exists()


def test_a_site_is_made_again_and_no_report_takes_it_for_results(tmp_path):
    results = write_results(tmp_path / "results", [])
    for _ in range(2):
        write_site([results], tmp_path / "site")
    start = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    with pytest.raises(UsageError, match="not a results folder"):
        write_report(tmp_path / "site")
    assert (tmp_path / "site" / "index.html").read_text(encoding="utf-8") == start


def test_no_link_leads_out_of_a_site(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    write_site([write_results(tmp_path / "results", [])], tmp_path / "site")
    shutil.rmtree(tmp_path / "site" / "results")
    (tmp_path / "site" / "results").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="no link"):
        write_site([tmp_path / "results"], tmp_path / "site")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_tables_beside_a_page_are_those_of_its_runs(tmp_path):
    results = write_results(tmp_path / "results", example_runs()[:4])
    (results / "delays.csv").write_text("of an earlier report")
    write_site([results], tmp_path / "site")
    assert (tmp_path / "site" / "results" / "delays.csv").read_text().startswith("task,")


def test_documents_that_are_not_there_or_cannot_be_read_are_one_line(tmp_path):
    results = write_results(tmp_path / "results", [])
    with pytest.raises(UsageError, match="no documents there"):
        write_site([results], tmp_path / "site", tmp_path / "nothing")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "latin.md").write_bytes(b"# \xe9")
    with pytest.raises(UsageError, match=r"latin\.md: cannot be read"):
        write_site([results], tmp_path / "site", tmp_path / "docs")


def test_documents_lead_to_the_result_sets_that_they_name_and_to_no_other(tmp_path):
    (tmp_path / "docs").mkdir()
    text = "# A\n\n[a](../r/one/delays.md), [b](../r%20/x.md), [c](other%20one.md#x), [d](../s/one/delays.md)\n"
    (tmp_path / "docs" / "a.md").write_text(text)
    (tmp_path / "docs" / "other one.md").write_text("# X\n")
    write_site([write_results(tmp_path / "r" / "one", example_runs()[:2])], tmp_path / "site", tmp_path / "docs")
    page = Reader((tmp_path / "site" / "docs" / "a.html").read_text(encoding="utf-8"))
    links = [
        link for link in page.links() if link not in ("#main", "../index.html", "index.html", "../docs/index.html")
    ]
    assert links == ["../one/index.html#table-delays", "other%20one.html#x"]


def test_an_archive_that_is_too_large_or_none_is_one_line(tmp_path, monkeypatch):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "runs.csv").touch()
    (folder / "runs.tar.xz").write_bytes(b"no archive")
    with pytest.raises(UsageError, match=r"runs\.tar\.xz: cannot be unpacked"):
        write_site([folder], tmp_path / "site")
    damaged = bytearray((REFERENCE / "smoke" / "runs.tar.xz").read_bytes())
    damaged[len(damaged) // 2 : len(damaged) // 2 + 50] = bytes(50)
    (folder / "runs.tar.xz").write_bytes(damaged)
    with pytest.raises(UsageError, match=r"runs\.tar\.xz: cannot be unpacked"):
        write_site([folder], tmp_path / "site")
    with tarfile.open(folder / "runs.tar.xz", "w:xz") as archive:
        archive.add(__file__, "runs/file")
    monkeypatch.setattr(archive_module, "LARGEST_ARCHIVE", 10)
    with pytest.raises(UsageError, match="more than 10 bytes"):
        write_site([folder], tmp_path / "site")


def test_a_run_of_an_archive_that_does_not_check_out_is_said_to_be_left_out(tmp_path):
    results = write_results(tmp_path / "results", example_runs()[:3])
    run = min((results / "runs").iterdir())
    (run / "curve.csv").write_text("time\n")
    with tarfile.open(results / "runs.tar.xz", "w:xz") as archive:
        archive.add(results / "runs", "runs")
    shutil.rmtree(results / "runs")
    with pytest.warns(UserWarning, match=rf"results/runs\.tar\.xz: run {run.name} .*; it is left out$"):
        write_site([results], tmp_path / "site")
    assert "2 runs" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_the_verb_writes_the_site(tmp_path, grokbench):
    results = write_results(tmp_path / "results", [])
    status, out, err = grokbench("site", results, "--out", tmp_path / "site")
    assert status == 0
    assert "No run is stored yet" in err
    assert "earlier site" not in err
    again = grokbench("site", write_results(tmp_path / "other", []), "--out", tmp_path / "site")
    assert "of an earlier site, and no longer named on its start page: results" in again[2]
    assert "open" in out
    assert (tmp_path / "site" / "index.html").is_file()
    assert grokbench("site", tmp_path / "none", "--out", tmp_path / "site")[0] == 2
    assert grokbench("site", results)[0] == 2
