"""The page in a real browser: opened from the disk, by pointer and by keys, in light and dark, narrow and on paper.

Chromium draws it and axe-core judges it. Where one is missing, the tests that need it skip and say what to install.
"""

import itertools
import re

import pytest
from support_browser import ROOT, axe_source, browser
from support_pages import HOSTILE, hostile_runs, write_results

from grokbench.report.site import write_site
from grokbench.report.write import write_report

for library in ("altair", "vl_convert", "jinja2", "selenium"):
    pytest.importorskip(library, reason="pip install 'grokbench[test,plot]'")
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("with_figures")]

ENTER, TAB, SPACE = "\ue007", "\ue004", " "
ROW = "#row-delays-0 button"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """One browser for all tests."""
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The page of the example runs, as a file."""
    results = write_results(tmp_path_factory.mktemp("made") / "example")
    write_report(results)
    return (results / "index.html").as_uri()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """The page of the folder whose every name wants to be a script."""
    results = write_results(tmp_path_factory.mktemp("made") / "hostile", hostile_runs(), HOSTILE)
    write_report(results)
    return (results / "index.html").as_uri()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site of the example runs and of the documents."""
    made = tmp_path_factory.mktemp("made")
    write_site([write_results(made / "example")], made / "site", ROOT / "docs")
    return made / "site"


@pytest.fixture
def page(chromium, address):
    """The page of the example runs, open."""
    chromium.emulate()
    chromium.open(address)
    return chromium


def first_column(page, table):
    """The texts of the first column of a table, in the order of its rows."""
    return page.run(f"return [...document.querySelectorAll('#table-{table} tbody tr th')].map((e) => e.textContent)")


def cells(page, table, place):
    """The texts of another column."""
    selector = f"#table-{table} tbody tr td:nth-child({place})"
    return page.run("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)", selector)


def head(table, place):
    """The button that sorts by a column."""
    return f"#table-{table} thead th:nth-child({place}) button"


def test_it_opens_from_the_disk_without_an_error_and_without_a_request(page, address):
    assert page.requests() == [address]
    assert page.heard() == []
    assert page.run("return document.querySelectorAll('.chart svg .mark-line').length") > 0
    assert page.run("return [...document.querySelectorAll('.chart svg')].every((e) => e.clientWidth > 100)")


def test_a_heading_sorts_up_and_down_and_says_so(page):
    page.run(f"document.querySelector('{head('runs', 4)}').click()")
    seeds = list(map(int, cells(page, "runs", 4)))
    assert seeds == sorted(seeds)
    sort = f"return document.querySelector('{head('runs', 4)}').parentElement.getAttribute('aria-sort')"
    assert page.run(sort) == "ascending"
    page.focus(head("runs", 4))
    page.press(ENTER)
    seeds = list(map(int, cells(page, "runs", 4)))
    assert seeds == sorted(seeds, reverse=True)
    assert seeds[0] == 12
    assert page.run(sort) == "descending"
    assert page.run("return document.querySelectorAll('#table-runs [aria-sort]').length") == 1


def test_what_has_no_value_comes_last_both_ways(page):
    headings = page.run("return [...document.querySelectorAll('#table-delays thead button')].map((e) => e.textContent)")
    place = 1 + headings.index("t_gen")
    for _ in range(2):
        page.run(f"document.querySelector('{head('delays', place)}').click()")
        values = cells(page, "delays", place)
        assert "" in values
        assert "" not in values[: len(values) - values.count("")]


def test_a_filter_keeps_the_rows_that_have_all_words(page):
    page.focus("#filter-runs")
    page.press(*"rfm shuffled")
    assert page.run("return document.querySelector('#table-runs output').textContent") == "12 of 49 rows"
    assert len(first_column(page, "runs")) == 12
    assert set(cells(page, "runs", 3)) == {"rfm"}


def test_a_long_table_shows_more_where_it_is_asked(page):
    assert len(first_column(page, "runs")) == 12
    page.run("document.querySelector('#table-runs .more').click()")
    assert len(first_column(page, "runs")) == 49
    assert page.run("return document.querySelector('#table-runs .more').hidden")


def test_more_rows_by_key_go_on_where_the_first_ended(page):
    page.focus("#table-runs .more")
    page.press(ENTER)
    assert page.run("return document.activeElement.closest('tr').rowIndex") == 13  # the heading is row 0


def test_what_is_open_stays_open_while_a_table_is_sorted_and_filtered(page):
    page.run(f"document.querySelector('{ROW}').click()")
    page.run(f"document.querySelector('{head('delays', 1)}').click()")
    page.run(f"document.querySelector('{head('delays', 1)}').click()")
    assert page.run(f"return document.querySelector('{ROW}').getAttribute('aria-expanded')") == "true"
    assert page.run("return document.querySelector('#row-delays-0').nextElementSibling.id") == "opened-delays-0"
    page.run(f"document.querySelector('{ROW}').click()")
    assert page.run("return document.querySelector('#opened-delays-0')") is None


def test_a_row_opens_its_runs_and_their_curves_by_key(page):
    page.focus(ROW)
    page.press(ENTER)
    assert page.run(f"return document.querySelector('{ROW}').getAttribute('aria-expanded')") == "true"
    page.wait("document.querySelector('#opened-delays-0 .chart svg .mark-line')")
    assert page.run("return document.querySelectorAll('#opened-delays-0 li a').length") == 13
    commands = page.run("return document.querySelector('#opened-delays-0 pre').textContent")
    assert re.search(r"^python -m grokbench show --results results/example [0-9a-f]{20}$", commands, re.M)
    label = page.run("return document.querySelector('#opened-delays-0 .chart').getAttribute('aria-label')")
    assert label.startswith("Curves of")
    page.press(SPACE)
    assert page.run("return document.querySelector('#opened-delays-0')") is None
    assert page.heard() == []


def test_an_address_opens_a_row_a_run_and_a_definition(page, address):
    page.run("location.hash = '#row-delays-2'")
    page.wait("document.querySelector('#opened-delays-2 .chart svg')")
    page.run("document.querySelector('#opened-delays-2 li a').click()")
    page.wait("document.querySelector('#table-runs tr.opened .chart svg')")
    page.run("document.querySelector('#table-runs tr.opened dt a').click()")
    page.wait("document.querySelector('#defs-runs').open")
    assert page.run("return document.activeElement.id").startswith("def-runs-")
    page.run("location.hash = '#row-nothing-99'")
    page.run("location.hash = '#%3Cimg%20src%3Dx%3E'")
    page.run("location.hash = '#%E0%A4%A'")
    page.open(f"{address}#row-comparisons-0")
    page.wait("document.querySelector('#opened-comparisons-0')")
    assert page.heard() == []


def test_a_link_opens_its_row_again_once_it_was_closed(page):
    link = "[...document.querySelectorAll('#opened-delays-0 li a')][0]"
    page.run(f"document.querySelector('{ROW}').click()")
    for _ in range(2):
        page.run(f"{link}.click()")
        page.wait("document.querySelector('#table-runs tr.opened')")
        page.run("document.querySelector('#table-runs [aria-expanded=true]').click()")
        assert page.run("return document.querySelector('#table-runs tr.opened')") is None


FIRST_POINT = """
const line = [...document.querySelectorAll(arguments[0] + ' .mark-line path')].at(-1);
line.scrollIntoView({block: 'center', inline: 'center'});
const on = line.getPointAtLength(0).matrixTransform(line.getScreenCTM());
return [on.x, on.y];
"""


def point_at(page, chart):
    """Put the pointer where the last line of a chart begins, again while the page still moves; what is said there."""

    def is_said(_):
        x, y = page.run(FIRST_POINT, chart)
        for across, down in itertools.product((0, 1), (0, -1, 1)):  # a thin line
            page.command("Input.dispatchMouseEvent", type="mouseMoved", x=x + across, y=y + down)
            if page.run("return document.querySelector('#vg-tooltip-element.visible') !== null"):
                return True
        return False

    page.until(is_said, 20)
    return page.run("return document.querySelector('#vg-tooltip-element').innerText")


def test_the_pointer_reads_the_numbers_of_a_figure(page):
    assert "held out" in point_at(page, "#figure-curves .chart")
    page.run(f"document.querySelector('{ROW}').click()")
    page.wait("document.querySelector('#opened-delays-0 .chart svg')")
    assert "held out" in point_at(page, "#opened-delays-0 .chart")


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_wider_than_the_window(page, address, width):
    page.open(f"{address}#row-delays-0", width, 800)
    page.wait("document.querySelector('#opened-delays-0 .chart svg')")
    assert page.run("return document.documentElement.scrollWidth") <= width


def test_no_page_of_a_site_is_wider_than_a_telephone_or_has_an_error(chromium, site):
    chromium.emulate()
    for path in sorted(site.rglob("*.html")):
        chromium.open(path.as_uri(), 360, 800)
        assert chromium.run("return document.documentElement.scrollWidth") <= 360, path
        assert chromium.heard() == [], path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index.html", "docs/findings.html", "docs/definitions.html", "docs/extending.html"])
def test_axe_has_nothing_serious_to_say_of_a_site(chromium, site, name, scheme):
    source = axe_source()
    chromium.emulate(prefers_color_scheme=scheme)
    chromium.open((site / name).as_uri())
    assert chromium.violations(source) == []
    chromium.emulate()


def test_a_part_of_a_sentence_on_the_start_leads_to_its_table(chromium, site):
    chromium.open((site / "index.html").as_uri())
    chromium.run("document.querySelector('.sentences a[href*=\"#table-delays\"]').click()")
    chromium.wait("location.hash === '#table-delays' && document.querySelector('#table-delays tbody tr')")
    assert chromium.run("return document.querySelector('#table-delays').getBoundingClientRect().top") < 200
    assert chromium.heard() == []


def test_on_paper_controls_are_gone_and_words_and_numbers_are_there(page):
    page.emulate(media="print")
    shown = "return getComputedStyle(document.querySelector(arguments[0])).display"
    for selector in (".skip", ".controls", ".more", "nav", ".define"):
        assert page.run(shown, selector) == "none", selector
    for selector in ("h1", ".sentences", "figure svg", "#table-delays tbody tr"):
        assert page.run(shown, selector) != "none", selector
    assert page.printed().startswith(b"%PDF")
    assert len(page.printed()) > 20_000
    page.emulate()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_nothing_serious_to_say(page, scheme):
    source = axe_source()
    page.emulate(prefers_color_scheme=scheme)
    page.run("location.hash = '#row-delays-0'")
    page.wait("document.querySelector('#opened-delays-0 .chart svg')")
    page.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    dark = page.run("return getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")
    assert page.violations(source) == []


def test_the_first_tab_leads_past_what_comes_first(page):
    page.press(TAB)
    assert page.run("return document.activeElement.className") == "skip"
    assert page.run("return getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_hostile_names_run_nothing_and_are_read(chromium, hostile):
    chromium.open(hostile)
    for table in ("delays", "runs"):
        chromium.run(f"document.querySelector('#row-{table}-0 button').click()")
        chromium.wait(f"document.querySelector('#opened-{table}-0 .chart svg .mark-line')")
    assert "kappa" in point_at(chromium, "#opened-runs-0 .chart")
    assert chromium.run("return window.hacked") is None
    assert chromium.requests() == [hostile]
    assert chromium.heard() == []
    assert HOSTILE[:60] in chromium.run("return document.querySelector('h1').textContent")
    assert chromium.run("return document.querySelectorAll('main img, main svg svg, main script').length") == 0
