"""Results folders of every shape: tables or one line, nothing executed, nothing written elsewhere, nothing lost."""

import csv
import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import pytest
import support_folders
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support_damage import NASTY_TEXTS, damaged, damaged_bytes
from support_watch import answer

import grokbench
from grokbench.errors import one_line
from grokbench.tables.text import LONGEST_CELL, escape, markdown

pytestmark = pytest.mark.fuzz
NAMES = sorted({name for record, _ in support_folders.RUNS for tree in (record, record["config"]) for name in tree})
VERBS = (
    ("report",),
    ("report", "--json"),
    ("show",),
    ("show", "--json"),
    ("compare", "--dry-run"),
    ("compare", "--jobs", "0"),
)
HALF = settings.default.max_examples // 2  # a folder takes ten times as long as a file
SUITE = 'title = "Made by hand"\nseeds = 1' + support_folders.CELLS
curves = st.one_of(
    damaged([line.split(",") for line in support_folders.RUNS[0][1].splitlines()]).map(
        lambda rows: (
            "\n".join(",".join(map(str, row)) if isinstance(row, list) else str(row) for row in rows)
            if isinstance(rows, list)
            else str(rows)
        )
    ),
    damaged_bytes(support_folders.RUNS[0][1].encode()).map(lambda data: data.decode("utf-8", "replace")),
)
forged = st.one_of(
    st.tuples(damaged(support_folders.RUNS[0][0], names=NAMES), st.just(support_folders.RUNS[0][1])),
    st.tuples(damaged(support_folders.RUNS[3][0], most=1, names=NAMES), st.just(support_folders.RUNS[3][1])),
    st.tuples(st.just(support_folders.RUNS[0][0]), curves),
    st.tuples(damaged(support_folders.RUNS[2][0], names=NAMES), curves),
)


@st.composite
def renamed(draw):
    """A sound run whose names are the worst that a name can be."""
    record = json.loads(json.dumps(support_folders.RUNS[0][0]))
    texts = st.sampled_from(NASTY_TEXTS) | st.text(max_size=30)
    for place in draw(
        st.lists(
            st.sampled_from(
                (
                    "task",
                    "learner",
                    "family",
                    "clock",
                    "error",
                    "suite",
                    "split",
                    "hash",
                    "option",
                    "value",
                    "traceback",
                )
            ),
            min_size=1,
            max_size=4,
        )
    ):
        word = draw(texts)
        if place in ("task", "learner"):
            record["config"][place] = word
        elif place == "hash":
            record["environment"]["hash"] = word
        elif place == "option":
            record["learner_given"][word] = draw(texts)
        elif place == "value":
            record["task_given"]["operation"] = word
        else:
            record[place] = word
    return record, support_folders.RUNS[0][1]


@pytest.fixture(scope="module", autouse=True)
def quick():
    """No folder here has to survive a power cut."""
    fsync, os.fsync = os.fsync, lambda file: None
    yield
    os.fsync = fsync


def contents(folder: Path) -> dict[str, bytes]:
    """Hashes of all files below a folder, by path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).digest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def read_tables(results: Path) -> None:
    """The CSV tables are rectangular and without formulas, the Markdown ones without anything but tables."""
    for name in ("runs", "curves", "delays", "sensitivity", "comparisons"):
        with open(results / f"{name}.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file, strict=True))
        assert {len(row) for row in rows} == {len(rows[0])}
        for cell in (cell for row in rows[1:] for cell in row):
            assert cell.isprintable(), cell
            assert not re.match("[=@+]|-(?![0-9.])", cell), cell
        getattr(grokbench.load(results), name)
        if name != "curves":
            check_markdown((results / f"{name}.md").read_text(encoding="utf-8"))
    json.loads((results / "environment.json").read_text(encoding="utf-8"))


ALLOWED = ("heading", "inline", "table", "thead", "tbody", "tr", "th", "td", "paragraph", "bullet_list", "list_item")
INLINE = ("text", "text_special", "softbreak")


def check_markdown(text: str) -> None:
    """No name makes an element of its own: no link, image, HTML, emphasis, code or nested list."""
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        assert token.type.removesuffix("_open").removesuffix("_close") in ALLOWED, (token.type, token.content)
        assert token.level <= 4, (token.type, token.level)
        for child in token.children or ():
            assert child.type in INLINE, (child.type, token.content)


@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=HALF)
@given(
    run=forged | renamed(), seal=st.integers(0, 9).map(bool), verb=st.sampled_from(VERBS),
    note=st.none() | st.none() | damaged(support_folders.NOTE).map(lambda tree: json.dumps(tree, default=str).encode())
    | damaged_bytes(json.dumps(support_folders.NOTE).encode()),
)  # fmt: skip
@example(run=support_folders.RUNS[0], seal=True, verb=("report",), note=None)
def test_a_forged_run_is_shown_or_put_aside(tmp_path, run, seal, verb, note):
    base = tmp_path
    results = base / "results"
    shutil.rmtree(results, ignore_errors=True)
    sound = support_folders.fill(results)[1:]
    shutil.rmtree(results / "runs" / support_folders.key_of(support_folders.sealed(*support_folders.RUNS[0])))
    folder = support_folders.put(results, support_folders.sealed(*run) if seal else run[0], run[1])
    if note is not None:
        (results / "suite.json").write_bytes(note)
    before = contents(results / "runs")
    status = ask(base, results, verb, folder.name)
    event(f"{verb[0]} {status}")
    after = contents(results / "runs") | contents(results / "quarantine")
    assert set(before.values()) <= set(after.values())  # nothing is lost
    assert all(path.is_dir() for path in sound if path != folder)


@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=HALF)
@given(
    shape=st.sampled_from(support_folders.SHAPES), which=st.integers(0, 3), verb=st.sampled_from(VERBS),
    odd=st.none() | st.sampled_from(["x", "-rf", "é", "a b", "\n", "\x1b[31m", "x" * 200, "=1", "<b>", "%s", "..a"]),
    quarantine_link=st.booleans(), extra=st.none() | damaged_bytes((json.dumps(support_folders.RUNS[0][0])).encode()),
)  # fmt: skip
def test_a_misshapen_folder_is_put_aside(tmp_path, shape, which, verb, odd, quarantine_link, extra):
    base = tmp_path
    results, outside = base / "results", base / "outside"
    for folder in (results, outside):
        shutil.rmtree(folder, ignore_errors=True)
    outside.mkdir()
    run = support_folders.fill(results)[which]
    if extra is not None:
        (run / "run.json").write_bytes(extra)
    support_folders.misshape(run, shape, outside)
    if odd:
        (results / "runs" / odd).mkdir()
    if quarantine_link:
        (results / "quarantine").symlink_to(outside)
    before = contents(outside)
    status = ask(base, results, verb, run.name)
    event(f"{verb[0]} {status}")
    assert contents(outside) == before


def ask(base: Path, results: Path, verb: tuple, key: str) -> int:
    """The status of a verb on the folder."""
    if verb[0] == "show":
        arguments = (*verb, key[:8], "--results", results)
    elif verb[0] == "compare":
        (base / "hand.toml").write_text(SUITE, encoding="utf-8")
        arguments = (*verb, base / "hand.toml", "--results", results)
    else:
        arguments = (*verb, results)
    status, *_ = answer(results, *arguments)
    assert status in (0, 2)
    if verb[0] == "report" or verb == ("compare", "--jobs", "0"):
        assert status == 0
        read_tables(results)
    return status


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(st.sampled_from(NASTY_TEXTS), st.text(), st.text(alphabet="_*`[]()!<>&|\\#-+=~$:1. ab\n\t")))
def test_markdown_shows_what_was_written(text):
    table = markdown({"a": "a", "b": "b"}, [{"a": text, "b": "end"}])
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(table)
    cells = [token for token in tokens if token.type == "inline"][2:]
    assert [child.type for cell in cells for child in cell.children if child.type not in INLINE] == []
    shown = ["".join(child.content for child in cell.children) for cell in cells]
    assert shown == [one_line(text, LONGEST_CELL).strip(), "end"]
    check_markdown(f"# {escape(text)}\n\n- {escape(text)}: x\n")
