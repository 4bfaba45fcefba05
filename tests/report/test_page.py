"""The page of a results folder: what it says is what the tables say, and nothing in it comes to life."""

import base64
import hashlib
import itertools
import json
import math
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from support_pages import HOSTILE, TITLE, Reader, column, hostile_runs, write_results

from grokbench.curves.curve import Curve
from grokbench.errors import UsageError
from grokbench.options import digest
from grokbench.registry import tables as registry
from grokbench.report.embedded import embedded
from grokbench.report.page import Content
from grokbench.report.page_curves import LARGEST, compact, curves_data
from grokbench.report.page_figures import shared
from grokbench.report.page_tables import PageTable, tables_of_folder, tables_of_grid
from grokbench.report.page_words import Claim, asked, came_out, early_stopping, impossible, replications, verdicts
from grokbench.report.write import read_grid, tables_of, write_report
from grokbench.tables.laws import example_runs
from grokbench.tables.text import escape

for library in ("altair", "vl_convert", "jinja2"):
    pytest.importorskip(library, reason="pip install 'grokbench[plot]'")
pytestmark = pytest.mark.usefixtures("with_figures")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The example runs, with all that a report makes of them."""
    results = write_results(tmp_path_factory.mktemp("made") / "example")
    write_report(results)
    return results


@pytest.fixture(scope="module")
def page(folder):
    """The text of the page."""
    return (folder / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def reader(page):
    """The page, read."""
    return Reader(page)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """The page of the folder whose every name wants to be a script, read."""
    results = write_results(tmp_path_factory.mktemp("made") / "hostile", hostile_runs(), HOSTILE)
    write_report(results)
    return Reader((results / "index.html").read_text(encoding="utf-8"))


def test_a_page_has_one_file_and_asks_for_no_other(reader, page):
    for tag, attributes in reader.elements:
        assert tag not in ("iframe", "object", "embed", "link", "base", "form")
        assert not attributes.get("src", "data:").partition("data:")[0]
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert len(page.encode()) < 4_000_000


def test_its_policy_names_its_scripts_and_nothing_else(reader, page):
    policy = next(a["content"] for tag, a in reader.elements if a.get("http-equiv") == "Content-Security-Policy")
    allowed = dict(part.split(" ", 1) for part in policy.split("; "))
    hashes = [base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in reader.scripts[1:]]
    style = re.search(r"<style>(.*?)</style>", page, re.S)[1]
    assert allowed["default-src"] == allowed["base-uri"] == allowed["form-action"] == "'none'"
    assert allowed["script-src"] == " ".join(f"'sha256-{one}'" for one in hashes)
    assert allowed["style-src"] == f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"
    assert "unsafe" not in policy


def test_hostile_names_make_no_element_and_no_attribute(hostile, reader):
    assert set(Counter(tag for tag, _ in hostile.elements)) == set(Counter(tag for tag, _ in reader.elements))
    assert len(hostile.scripts) == len(reader.scripts) == 3
    assert hostile.scripts[1:] == reader.scripts[1:]
    assert {name for _, attributes in hostile.elements for name in attributes} == {
        name for _, attributes in reader.elements for name in attributes
    }
    assert not [link for link in hostile.links() if not re.match(r"#|\w+\.csv$", link)]


def test_hostile_names_are_there_as_they_are(hostile):
    shown = HOSTILE.replace("\u2028", " ")  # a row stands on one line
    assert shown in " ".join(column(next(t for t in hostile.data["tables"] if t["name"] == "runs"), "error"))
    assert "window.hacked" in hostile.text
    assert "{{ 700*7 }}" in hostile.text
    assert "4900" not in hostile.text


@pytest.mark.parametrize("text", [HOSTILE, "</script>", "<!--", "]]>", "\u2028\u2029", "&amp;", "é", "\\u003c"])
def test_embedded_data_end_nothing_and_are_read_back(text):
    written = embedded({text: [text]})
    assert not set(written) & set("<>&\u2028\u2029")
    assert json.loads(written) == {text: [text]}


def test_embedded_data_have_no_nan():
    with pytest.raises(ValueError, match="not JSON compliant"):
        embedded([math.nan])


def test_what_a_table_of_the_page_says_is_what_people_read(folder, reader):
    from grokbench.tables.text import readable

    grid = read_grid(folder)
    by_name = {table["name"]: table for table in reader.data["tables"]}
    assert set(by_name) == {table.name for table in tables_of(grid)} - {"curves"}
    for name, table in by_name.items():
        headings, rows = registry[name]().reading(grid)
        for key in headings:
            assert column(table, key) == [readable(row[key]) for row in rows], (name, key)


def test_the_runs_behind_a_row_are_those_of_its_cell(folder):
    grid = read_grid(folder)
    made = {table.name: table for table in tables_of_grid(grid, tables_of(grid))}
    keys = [row["key"] for row in made["runs"].values]
    for row, places in zip(made["delays"].values, made["delays"].runs, strict=True):
        behind = [grid.by_key[keys[place]] for place in places]
        assert len(behind) == row["runs"]
        assert {(cell.learner.name, cell.task.options) for cell in behind} == {(row["learner"], row["task_options"])}
    for row, places in zip(made["comparisons"].values, made["comparisons"].runs, strict=True):
        if row["task"] == "all":
            assert {grid.by_key[keys[place]].family for place in places} == {row["a"], row["b"]}
    sums = {row["family"]: len(p) for row, p in zip(made["prevalence"].values, made["prevalence"].runs, strict=True)}
    assert sums["rfm"] == 12


def test_sentences_have_the_numbers_of_the_tables(folder):
    grid = read_grid(folder)
    made = {table.name: table for table in tables_of_grid(grid, tables_of(grid))}
    late = {f: sum(sum(c.late) for c in grid.cells if c.family == f and not c.shuffled) for f in ("mlp", "rfm")}
    decided = {f: sum(len(c.late) for c in grid.cells if c.family == f and not c.shuffled) for f in ("mlp", "rfm")}
    text = " ".join(sentence.text for sentence in came_out(made))
    assert f"{len(grid.runs)} runs: {sum(run.failed for run in grid.runs)} failed" in text
    for family in ("mlp", "rfm"):
        assert f"{family} {late[family]:.0f} of {decided[family]}" in text
    table = registry["early_stopping"]()
    entries = [e for e in table.known(grid) if (e.reads, e.rule) == ("accuracy", "patience 10")]
    too_soon = np.concatenate([e.too_soon for e in entries if not e.cell.shuffled])
    assert f"patience 10: {too_soon.sum():.0f} of {too_soon.size}" in text
    assert "13 seeds: 0 to 12" in " ".join(sentence.text for sentence in asked(made))
    assert max(len(sentence.beginning.split()) for sentence in [*asked(made), *came_out(made)]) <= 20


def test_a_folder_without_runs_says_the_same_from_its_tables(folder):
    grid = read_grid(folder)
    stored = {table.name: table for table in tables_of_grid(grid, tables_of(grid))}
    alone = {table.name: table for table in tables_of_folder(folder)}
    assert [s.text for s in came_out(alone)] == [s.text for s in came_out(stored)]
    assert [s.text for s in asked(alone)] == [s.text for s in asked(stored)]
    assert alone["delays"].runs == stored["delays"].runs


def test_numbers_and_hashes_of_a_folder_without_runs_are_as_they_are(tmp_path):
    runs = write_results(tmp_path / "runs", [with_seed(run) for run in example_runs()])
    write_report(runs)
    text = (runs / "runs.csv").read_text()
    key = text.splitlines()[1].partition(",")[0]
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "runs.csv").write_text(text.replace(key, "0000012e456789012345"))
    (table,) = tables_of_folder(folder)
    texts = [dict(zip([column.name for column in table.read], row, strict=True)) for row in table.texts]
    assert texts[0]["key"] == table.values[0]["key"] == "0000012e456789012345"
    assert "123457" in {row["seed"] for row in texts}


def with_seed(run):
    """The run with a seed of six digits more."""
    config = {**run.record["config"], "seed": run.seed + 123456}
    return replace(run, record={**run.record, "config": config, "key": digest(config)})


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("runs", "name,loss\na,1\n", "runs.csv: line 1: no column 'task'"),
        ("runs", "", "runs.csv: line 0: no column 'task'"),
        ("early_stopping", "reads,rule\naccuracy,patience 10\n", "early_stopping.csv: no column 'task_options'"),
        ("explanations", "explanation,prediction\na\n", "explanations.csv: no column 'prediction'"),
    ],
)
def test_a_table_that_no_report_has_written_is_one_line(tmp_path, name, text, said):
    (tmp_path / f"{name}.csv").write_text(text)
    with pytest.raises(UsageError, match=f"{said}.*the table that report writes"):
        tables_of_folder(tmp_path)


def test_what_early_stopping_says_needs_numbers():
    head = {"reads": "accuracy", "rule": "patience 10", "task_options": "{}"}
    good = {"generalizing": 4, "stopped_before_generalizing": 0.75}
    rows = [head | good, head | {"generalizing": "x", "stopped_before_generalizing": ""}, head | dict.fromkeys(good, 0)]
    table = PageTable("early_stopping", "", "", [], [], [], rows, [])
    (sentence,) = early_stopping({"early_stopping": table})
    assert sentence.text.endswith("with patience 10: 3 of 4.")


def test_a_verdict_of_other_runs_than_the_registered_ones_says_so():
    row = {"explanation": "e", "prediction": "(all primaries)", "family": "mlp", "verdict": "supported"}
    rows = [row | {"role": role} for role in ("primary", "exploratory")]
    (sentence,) = verdicts({"explanations": PageTable("explanations", "", "", [], [], [], rows, [])})
    assert sentence.text == "Verdicts on e: mlp supported, mlp supported (exploratory)."


def test_families_to_which_an_explanation_does_not_apply_are_named_last():
    verdict = {"gp": "not applicable", "mlp, large start": "supported", "rfm": "not applicable", "(all)": "supported"}
    head = {"explanation": "e", "prediction": "(all primaries)", "role": "primary"}
    rows = [head | {"family": family, "verdict": word} for family, word in verdict.items()]
    (sentence,) = verdicts({"explanations": PageTable("explanations", "", "", [], [], [], rows, [])})
    said = "mlp, large start supported; over all families supported; not applicable to gp / rfm"
    assert sentence.text == f"Verdicts on e: {said}."
    assert [part.row for part in sentence.parts] == [1, 3, 0]


def test_published_claims_are_named_by_their_verdicts():
    verdict = {"1a": "undecided", "1b": "reproduced", "2": "not reproduced", "3": "reproduced"}
    rows = [{"claim": claim, "verdict": word} for claim, word in verdict.items()]
    made = replications({"replications": PageTable("replications", "", "", [], [], [], rows, [])})
    assert [sentence.text for sentence in made] == [
        "2 published claims reproduced: 1b, 3.",
        "1 published claim not reproduced: 2.",
        "1 published claim undecided: 1a.",
    ]
    assert [part.row for part in made[0].parts] == [1, 3]


def test_a_start_page_says_each_verdict_below_its_claim():
    row = {"prediction": "(all primaries)", "role": "primary", "family": "(all)", "verdict": "supported"}
    rows = [row | {"explanation": name} for name in ("a", "b")]
    table = PageTable("explanations", "", "", [], [], [], rows, [])
    content = Content("", "", "", [table], said=[Claim("b", "It is b."), Claim("a", "It is a."), Claim("c", "")])
    assert [sentence.text for sentence in content.in_short][1:] == [
        *("Explanation a: It is a.", "Verdicts on a: over all families supported."),
        *("Explanation b: It is b.", "Verdicts on b: over all families supported."),
    ]


def test_pairs_that_cannot_be_are_counted_once_for_all_settings():
    pairs = [["teacher", "token_net", "it reads tokens."]] * 3 + [["teacher", "other", "too"]]
    (sentence,) = impossible(pairs)
    said = "2 pairs of a task and a learner not applicable, such as token_net on teacher: it reads tokens."
    assert sentence.text == said
    assert impossible([]) == []


def test_without_a_suite_no_command_makes_the_runs(tmp_path):
    run = write_results(tmp_path / "own")
    (run / "suite.json").unlink()
    write_report(run)
    page = Reader((run / "index.html").read_text(encoding="utf-8"))
    assert "grokbench compare" not in page.text
    assert "python -m grokbench report results/own" in page.text
    assert page.data["commands"]["compare"] == ""


def test_a_page_says_what_the_file_of_a_table_says_below_it(folder, reader, monkeypatch):
    grid = read_grid(folder)
    monkeypatch.setattr(type(registry["comparisons"]()), "remarks", lambda self, grid: ["only families are compared"])
    made = {table.name: table for table in tables_of_grid(grid, tables_of(grid))}
    assert made["comparisons"].remarks == ["only families are compared"]
    assert made["delays"].legend
    for line in made["delays"].legend:
        assert line in reader.text
        assert f"- {escape(line)}\n" in (folder / "delays.md").read_text(encoding="utf-8")


def test_every_address_within_the_page_is_there(reader):
    counts = {table["name"]: table["rows"] for table in reader.data["tables"]}
    for link in reader.links():
        row = re.fullmatch(r"#row-(\w+)-(\d+)", link)
        if row:
            assert int(row[2]) < counts[row[1]]
        elif link.startswith("#"):
            assert link[1:] in reader.ids, link
    for table in reader.data["tables"]:
        assert {f"def-{table['name']}-{one['name']}" for one in table["columns"]} <= reader.ids


def test_headings_come_in_order(reader):
    levels = [int(tag[1]) for tag, _ in reader.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert len(reader.ids) == sum("id" in attributes for _, attributes in reader.elements)


def test_the_same_runs_give_the_same_bytes(folder, page, tmp_path):
    again = write_results(tmp_path / "example", example_runs()[::-1])
    write_report(again)
    assert (again / "index.html").read_text(encoding="utf-8") == page
    assert TITLE.replace("&", "&amp;") in page


def test_without_runs_there_is_a_page(tmp_path):
    write_report(write_results(tmp_path / "none", []))
    assert "No run is stored yet." in (tmp_path / "none" / "index.html").read_text(encoding="utf-8")


def noisy_runs(number):
    """Runs of as many checkpoints as long ones have, on which no two numbers are the same."""
    rng, example = np.random.default_rng(0), example_runs()[0]
    time = np.unique(np.geomspace(1, 1e5, 130).round())
    for _ in range(number):
        columns = {name: rng.uniform(0.25, 1, len(time)) for name in ("train_accuracy", "test_accuracy")}
        yield replace(example, curve=Curve.of({"time": time, **columns}, example.record))


def test_curves_are_those_of_the_runs_to_a_thousandth():
    runs = list(noisy_runs(3))
    data = curves_data(runs)
    for run, (place, training, held_out) in zip(runs, data["runs"], strict=True):
        at = np.abs(run.curve.time[:, None] - data["times"][place]).argmin(axis=0)
        np.testing.assert_allclose(run.curve.time[at], data["times"][place], rtol=5e-4)  # four digits
        np.testing.assert_allclose(run.curve.kappa_train[at], np.array(training) / 1000, atol=5.1e-4)
        np.testing.assert_allclose(run.curve.kappa_test[at], np.array(held_out) / 1000, atol=5.1e-4)
        assert at[0] == 0
        assert at[-1] == len(run.curve.time) - 1


def test_curves_take_no_more_room_than_there_is():
    runs = list(noisy_runs(300))
    sizes = {room: len(compact(curves_data(runs, room))) for room in (LARGEST, 100_000, 50_000, 20_000)}
    assert all(size <= room for room, size in sizes.items())
    assert curves_data(runs, 20_000)["points"] < curves_data(runs, 100_000)["points"]
    assert curves_data(runs, 0)["runs"] == [None] * 300
    assert curves_data([replace(runs[0], curve=Curve())])["runs"] == [None]


def test_the_curves_of_the_largest_suite_fit():
    """8,200 runs, as the atlas has, with noise on every number."""
    data = curves_data([*noisy_runs(820)] * 10)
    assert len(compact(data)) <= LARGEST
    assert data["points"] >= 18


def test_a_figure_keeps_its_data_and_has_each_set_once():
    rows = [{"family": "a", "time": 1.0, "late": None}, {"family": "a", "time": 2.5, "late": True}]
    other = [{"family": "b", "time": 1.0}]
    layers = [{"data": {"values": rows}}, {"data": {"values": rows}}, {"data": {"name": "named"}}]
    made = shared({"layer": layers, "datasets": {"named": other}, "title": HOSTILE})
    assert [layer["data"]["name"] for layer in made["specification"]["layer"]] == ["data 0", "data 0", "data 1"]
    assert "datasets" not in made["specification"]
    assert [decoded(columns) for columns in made["data"]] == [rows, other]


def decoded(columns):
    """Rows of a data set, as the script of a page makes them."""
    values = {
        name: [one["distinct"][place] for place in one["places"]] if "places" in one else one["values"]
        for name, one in columns.items()
    }
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
