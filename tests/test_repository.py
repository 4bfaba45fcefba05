"""Conventions of the repository, held by discovery rather than by memory."""

import ast
import configparser
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from grokbench.registry import learners, tasks
from grokbench.suites.plan import Plan, make_plan
from grokbench.suites.suite import load_suite

ROOT = Path(__file__).parents[1]
SUITES = sorted((ROOT / "benchmarks").glob("*.toml"))
SOURCES = sorted((ROOT / "grokbench").rglob("*.py"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

# who may import whom: a room sees the rooms named here, and the files at the top of the package listed under FOUNDATION
ALLOWED = {
    "tasks": set(),
    "compiled": set(),
    "learners": {"tasks", "compiled"},
    "curves": {"tasks", "learners"},
    "logs": {"curves"},
    "recorder": {"curves"},
    "measures": {"tasks", "learners", "curves"},
    "statistics": set(),
    "suites": {"tasks", "curves"},
    "verdicts": {"curves", "statistics", "suites"},
    "explanations": {"curves", "statistics", "verdicts"},
    "runs": {"tasks", "learners", "curves", "measures", "suites"},
    "tables": {"curves", "statistics", "verdicts"},
    "figures": {"curves", "statistics", "verdicts", "tables"},
    "report": {"curves", "suites", "runs", "verdicts", "tables", "figures"},
    "cli": {"figures", "curves", "logs", "suites", "verdicts", "tables", "report", "runs", "learners", "tasks"},
}
FOUNDATION = {"allowed", "declarations", "errors", "laws", "limits", "options", "registry", "sources", "threads"}


def imported_rooms(path: Path) -> set[str]:
    """First components of all grokbench modules that a file imports, wherever the import stands."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        rooms |= {name.split(".")[1] for name in names if name.startswith("grokbench.")}
    return rooms


def room_of(path: Path) -> str:
    """The folder of the package in which a file stands, at whatever depth; "" for the files at its top."""
    parts = path.relative_to(ROOT / "grokbench").parts
    return parts[0] if len(parts) > 1 else ""


@pytest.mark.parametrize("path", [p for p in SOURCES if room_of(p)], ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path):
    room = room_of(path)
    assert imported_rooms(path) <= ALLOWED[room] | FOUNDATION | {room}


def test_what_every_room_knows_knows_no_room():
    """Files at the top are below all rooms; only `python -m grokbench` opens one."""
    above = {path.name: imported_rooms(path) - FOUNDATION for path in SOURCES if not room_of(path)}
    assert {name: rooms for name, rooms in above.items() if rooms} == {"__main__.py": {"cli"}}


def test_the_drawing_leads_from_each_room_to_those_that_import_it():
    """From `a --> b`, b may know a, and all that a knows."""
    drawn = re.search(r"```mermaid\n(.*?)```", ARCHITECTURE, re.S)[1]
    known = {room: set() for room in ALLOWED}
    for line in re.sub(r"\[.*?\]", "", drawn).splitlines():
        ends = line.split("-->")
        for below, above in pairwise(re.findall(r"\w+", end) for end in ends):
            for room in above:
                known[room] |= set(below)
    for _ in known:  # a path is no longer than there are rooms
        known = {room: rooms.union(*(known[below] for below in rooms)) for room, rooms in known.items()}
    imported = {room: set() for room in ALLOWED}
    for path in SOURCES:
        if room_of(path):
            imported[room_of(path)] |= imported_rooms(path) & set(ALLOWED) - {room_of(path)}
    assert {room: rooms - known[room] for room, rooms in imported.items() if rooms - known[room]} == {}
    assert not [room for room, rooms in known.items() if room in rooms], "a circle"


def test_the_architecture_names_every_room():
    rooms = re.findall(r"^\| `(\w+)/` \|", ARCHITECTURE, re.M)
    assert len(rooms) == len(set(rooms))
    assert set(rooms) == set(ALLOWED) == {room_of(path) for path in SOURCES} - {""}
    drawn = re.search(r"```mermaid\n(.*?)```", ARCHITECTURE, re.S)[1]
    assert not [room for room in rooms if room not in drawn]


@pytest.mark.parametrize("name", ["detect", "evaluate", "schedule"])
def test_judging_knows_no_learner(name):
    assert "learners" not in imported_rooms(ROOT / "grokbench" / "curves" / f"{name}.py")


def test_no_room_but_learners_asks_for_a_family():
    for path in SOURCES:
        if room_of(path) != "learners":
            assert not re.search(r"family\s*==", path.read_text(encoding="utf-8")), path


def test_names_say_what_they_name():
    """A variable says what it holds, and not how one came by it."""
    for path in [*SOURCES, *(ROOT / "studies").glob("*.py")]:
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        names |= {node.arg for node in nodes if isinstance(node, ast.arg)}
        assert not names & {"found", "told", "asked", "here", "rest"}, path


@cache
def planned(path: Path) -> Plan:
    """The plan of a suite file; that of the atlas takes a second."""
    return make_plan(load_suite(str(path)))


@pytest.mark.parametrize("path", SUITES, ids=lambda p: p.stem)
def test_every_suite_makes_a_plan(path):
    assert planned(path).suite.title
    assert planned(path).specs


def test_the_smoke_suite_has_five_families_and_the_shuffled_control():
    plan = make_plan(load_suite("smoke"))
    assert len({learners[spec.learner.name].family for spec in plan.specs}) >= 5
    assert {"modular", "parity"} <= {spec.task.name for spec in plan.specs}
    assert "shuffled" in {spec.task.options["labels"] for spec in plan.specs}
    assert plan.suite.seeds >= 2


@pytest.mark.parametrize("registry", [tasks, learners], ids=lambda r: r.kind)
def test_every_option_is_documented(registry):
    from grokbench.options import options

    missing = [
        f"{name}.{o.name}" for name in registry.names() for o in options(registry[name]).values() if not o.description
    ]
    assert not missing


def test_the_floors_that_are_tested_are_those_of_setup_cfg():
    """constraints-floors.txt pins every requirement to the oldest version that setup.cfg allows."""
    from packaging.requirements import Requirement
    from packaging.version import Version

    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    extras = config["options.extras_require"]
    needed = config["options"]["install_requires"] + extras["test"] + extras["plot"] + extras["integrations"]
    floors = {r.name: str(r.specifier).removeprefix(">=") for r in map(Requirement, filter(None, needed.splitlines()))}
    lines = (ROOT / "constraints-floors.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert {name: Version(pins.get(name, "0")) for name in floors} == {n: Version(v) for n, v in floors.items()}


def test_setup_cfg_lists_every_package():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    packages = {".".join(p.parent.relative_to(ROOT).parts) for p in SOURCES if p.name == "__init__.py"}
    assert set(config["options"]["packages"].split()) == packages | {"grokbench.benchmarks"}


def test_every_public_name_is_documented():
    missing = []
    for path in SOURCES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if public and not ast.get_docstring(node):
                missing.append(f"{path.name}:{node.name}")
    assert not missing


def test_what_is_not_quick_is_there():
    from conftest import SLOW_FILES, SLOW_FIXTURES, TESTS

    assert [name for name in SLOW_FILES if not (TESTS / name).is_file()] == []
    files = (*TESTS.rglob("test_*.py"), TESTS / "conftest.py")
    fixtures = {name for path in files for name in fixtures_of(path)}
    assert SLOW_FIXTURES - fixtures == set()


def fixtures_of(path: Path) -> set[str]:
    """Names of the functions that a file decorates with pytest.fixture."""
    functions = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)]
    return {f.name for f in functions if any("pytest.fixture" in ast.unparse(d) for d in f.decorator_list)}


def test_quick_looks_into_every_room(request):
    """Each room of the package has quick tests: a folder of its name, or a file, with one at least."""
    from conftest import TESTS

    if request.config.args != ["tests"] or request.config.option.keyword:
        pytest.skip("only where all tests are collected")
    rooms = {room_of(path) for path in SOURCES} - {""}
    quick = {TESTS / item.path.relative_to(TESTS).parts[0] for item in request.session.items if marked_quick(item)}
    assert {room for room in rooms if not ((TESTS / room) in quick or (TESTS / f"test_{room}.py") in quick)} == set()


def marked_quick(item: pytest.Item) -> bool:
    """Whether a collected test has the marker."""
    return item.get_closest_marker("quick") is not None


def test_readme_shows_rows_of_the_reference():
    """Some of the rows of the smoke table, byte for byte, under the same heading."""
    reference = (ROOT / "results" / "reference" / "smoke" / "delays.md").read_text(encoding="utf-8").splitlines()
    table = README.partition("<!-- smoke table -->\n")[2].partition("\n\n")[0].splitlines()
    rows = [line for line in reference if line.startswith("|")]
    assert table[:2] == rows[:2]
    assert len(table) == 2 + 6
    assert [line for line in rows if line in table] == table, "rows of the reference, in its order"


def test_readme_tells_of_a_run_of_the_reference():
    """ "knows its training examples after 42 steps, at 158 answers 3 of 100, at 500 98, and in the end all"."""
    import pandas as pd

    folder = ROOT / "results" / "reference" / "smoke"
    runs, curves = (pd.read_csv(folder / name, dtype={"key": str}) for name in ("runs.csv", "curves.csv"))
    run = runs[
        (runs.family == "neural") & (runs.task == "modular") & (runs.outcome == "groks") & (runs.seed == 1)
    ].iloc[0]
    curve = curves[curves.key == run.key].set_index("time")
    assert curve.train_accuracy[curve.train_accuracy == 1].index[0] == 42
    shares = [round(100 * curve.test_accuracy[time]) for time in (158, 500, 5000)]
    words = re.search(
        r"after (\d+) steps\. At step (\d+) it\s+still\s+answers (\d+) of.*?At step (\d+) it answers (\d+),",
        README,
        re.S,
    )
    assert [int(word) for word in words.groups()] == [42, 158, shares[0], 500, shares[1]]
    assert shares[2] == 100
    assert shares[0] / 100 < run.chance, "no more than by guessing"


REFERENCE = {  # suite -> what is kept of it besides the tables that all have
    "smoke": ["curves", "sensitivity"],
    "modular": [],
    "parity": [],
    "size": [],
    "families": [],
    "atlas": [],
    "lazy-to-rich": ["explanations", "cross_table", "needs"],
    "eight-cells": ["explanations", "cross_table", "needs"],
    "complexity": ["explanations", "cross_table", "needs"],
    "causes": ["explanations"],
    "mediation": ["explanations"],
    "replications": ["replications"],
    "replication-knobs": ["replications"],
    "grokfast": ["replications"],
}


# made by version 1 of what has a version 2 now (frozen twins of networks, after_kernel, laziness)
OF_EARLIER_VERSIONS: set[str] = set()
# what --only named, where a suite is hours long
PARTS = {
    "families": ("levi", "slope", "sparse-parity", "gp-ladder", "small-committee", "transformer-31", "deep"),
}


@pytest.mark.parametrize("suite", REFERENCE)
def test_reference_results_are_those_of_the_suite_as_it_stands(suite):
    import csv
    from collections import Counter

    folder, plan = ROOT / "results" / "reference" / suite, planned(ROOT / "benchmarks" / f"{suite}.toml")
    specs = plan.only(PARTS[suite]).specs if suite in PARTS else plan.specs
    with open(folder / "runs.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    runs = Counter((row["task"], row["learner"], row["seed"]) for row in rows)
    assert runs == Counter((spec.task.name, spec.learner.name, str(spec.seed)) for spec in specs)
    as_it_stands = {row["key"] for row in rows} == {spec.key for spec in specs}
    assert as_it_stands == (suite not in OF_EARLIER_VERSIONS)
    for table in ("delays", "prevalence", "comparisons", *REFERENCE[suite]):
        assert (folder / f"{table}.csv").is_file()
    assert (folder / "environment.json").is_file()


def test_reference_tables_are_made_again_from_the_stored_runs(tmp_path, grokbench):
    """Byte for byte, of one suite: what `runs.tar.xz` holds, and `report`, make everything else in the folder."""
    import tarfile

    kept, folder = ROOT / "results" / "reference" / "eight-cells", tmp_path / "eight-cells"
    folder.mkdir()
    for name in ("suite.json", "grokbench.json"):
        (folder / name).write_bytes((kept / name).read_bytes())
    with tarfile.open(kept / "runs.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    assert grokbench("report", folder, "--quiet")[0] == 0
    for path in sorted(kept.glob("*.csv")) + sorted(kept.glob("*.md")):
        assert (folder / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize("suite", ["smoke", "modular", "parity"])
def test_reference_splits_are_drawn_again_alike(suite):
    """A split depends on task, options and seed only: also on another machine, and in a later version."""
    import csv
    import json

    with open(ROOT / "results" / "reference" / suite / "runs.csv", encoding="utf-8", newline="") as file:
        drawn = {(row["task"], row["task_options"], row["seed"]): row["split"] for row in csv.DictReader(file)}
    for (task, options, seed), split in drawn.items():
        assert tasks.create(task, **json.loads(options or "{}")).split(int(seed)).hash == split, (task, options, seed)


def test_the_smoke_suite_shows_what_it_promises():
    """A neural and another learner grok, two memorize only, the shuffled control never generalizes."""
    import csv

    with open(ROOT / "results" / "reference" / "smoke" / "runs.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    groks = {row["family"] for row in rows if row["outcome"] == "groks"}
    assert "neural" in groks
    assert len(groks) >= 2
    assert len({(row["learner"], row["learner_options"]) for row in rows if row["outcome"] == "memorizes_only"}) >= 2
    shuffled = [row for row in rows if "shuffled" in row["task_options"]]
    assert shuffled
    assert not [row for row in shuffled if row["t_gen"] or row["late"] == "1"]
