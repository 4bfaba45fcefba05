"""Whose folder it is: nothing of anybody else's is read, moved or written, and no link leads out of ours."""

import json
import os
import shutil
from functools import partial
from pathlib import Path

import pytest

from grokbench.errors import UsageError
from grokbench.report.write import write_report
from grokbench.runs.folder import CONTENT, MARKER, is_ours
from grokbench.runs.store import Store

SUITE = """
title = "Two runs"
seeds = 2
points_per_decade = 5
[[tasks]]
name = "modular"
modulus = 5
[[learners]]
name = "kernel_flow"
budget = 10
"""
ELSEWHERE = "from elsewhere"
HEX = "0123456789abcdef0123"


def tree(folder: Path) -> dict[str, object]:
    """Everything below a folder: what each link leads to, what each file holds and when it was written."""
    contents = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            contents[str(path.relative_to(folder))] = os.readlink(path)
        elif path.is_file():
            contents[str(path.relative_to(folder))] = (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino)
        else:
            contents[str(path.relative_to(folder))] = "folder"
    return contents


def write(path: Path, text: str = ELSEWHERE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A suite and its results, as `compare` leaves them."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "two.toml").write_text(SUITE)
    from grokbench import cli

    with pytest.raises(SystemExit) as end:
        cli.main(["compare", str(folder / "two.toml"), "--results", str(folder / "res"), "--jobs", "0", "--quiet"])
    assert end.value.code == 0
    return folder


@pytest.fixture
def ours(made, tmp_path):
    """A copy of them."""
    shutil.copytree(made / "res", tmp_path / "res")
    return tmp_path / "res"


def commands(made: Path, results: Path, key: str) -> dict[str, tuple]:
    """Every verb that is given a results folder."""
    suite = (made / "two.toml", "--results", results, "--jobs", 0)
    return {
        "report": ("report", results, "--quiet"),
        "report --json": ("report", results, "--json"),
        "show": ("show", key, "--results", results),
        "compare": ("compare", *suite, "--quiet"),
        "compare --retry": ("compare", *suite, "--quiet", "--retry", "--seeds", 3),
        "compare --dry-run": ("compare", *suite, "--dry-run"),
        "run": ("run", *suite, "--quiet"),
    }


VERBS = tuple(commands(Path(), Path(), ""))


def note(results: Path) -> None:
    """A note as ours are, of a suite of that name."""
    empty = {"suite": "a", "title": "a", "comparisons": None, "learners": {}, "not_applicable": []}
    write(results / "suite.json", json.dumps(empty))


def our_run(results: Path, made: Path) -> None:
    key = Store(made / "res").keys()[0]
    shutil.copytree(made / "res" / "runs" / key, results / "runs" / key)


FOREIGN = {
    "of a trainer": lambda f, made: (write(f / "runs/train/best.pt"), write(f / "runs.csv", "mine")),
    "of a trainer, deeper": lambda f, made: write(f / "runs/detect/exp/weights/best.pt"),
    "event files": lambda f, made: (write(f / "runs/events.out.tfevents.1"), write(f / "environment.json", "{}")),
    "names of 20 digits": lambda f, made: write(f / "runs" / HEX / "weights.pt"),
    "a run.json of another program": lambda f, made: write(f / "runs" / HEX / "run.json", '{"name": "x"}'),
    "a run.json with a key": lambda f, made: write(f / "runs" / HEX / "run.json", f'{{"key": "{HEX}", "config": 1}}'),
    "another suite.json": lambda f, made: (write(f / "suite.json", '{"suite": "x"}'), write(f / "runs" / HEX / "x")),
    "a note of ours, and other runs": lambda f, made: (note(f), write(f / "runs/train/best.pt")),
    "a note of ours, and another table": lambda f, made: (note(f), write(f / "runs.csv", "name,score\n")),
    "a note of ours, and other environments": lambda f, made: (note(f), write(f / "environment.json", '{"a": "b"}')),
    "a run of ours, and another table": lambda f, made: (our_run(f, made), write(f / "runs.csv", "name,score\n")),
    "no runs at all": lambda f, made: write(f / "thesis.tex"),
    "a hidden file": lambda f, made: write(f / ".git/config"),
    "runs is a file": lambda f, made: write(f / "runs"),
    "quarantine with something in it": lambda f, made: write(f / "quarantine/patient"),
    "locks that are not": lambda f, made: write(f / "locks/door"),
    "another marker": lambda f, made: (our_run(f, made), write(f / MARKER, '{"name": "grokbench"}')),
    "a marker that is cut": lambda f, made: (our_run(f, made), write(f / MARKER, '{"grokb')),
    "a marker that is a link": lambda f, made: (
        our_run(f, made), write(f.parent / "marker", json.dumps(CONTENT)), (f / MARKER).symlink_to("../marker"),
    ),
    "a marker that is a folder": lambda f, made: (our_run(f, made), (f / MARKER).mkdir()),
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("fill", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_folder_of_somebody_else_is_refused_and_stays_as_it_is(tmp_path, made, grokbench, fill, verb):
    folder = tmp_path / "theirs"
    folder.mkdir()
    fill(folder, made)
    before = tree(tmp_path)
    status, out, err = grokbench(*commands(made, folder, HEX)[verb])
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert str(folder) in err
    assert tree(tmp_path) == before


def test_a_file_of_hundreds_of_megabytes_does_not_make_a_folder_ours(tmp_path):
    note(tmp_path)
    with open(tmp_path / "suite.json", "r+b") as file:
        file.truncate(2**40)  # sparse
    assert not is_ours(tmp_path)


@pytest.mark.parametrize("how", ["none", "empty", "empty folders", "a marker that was not finished", "locks of ours"])
def test_a_new_folder_becomes_ours(tmp_path, made, grokbench, how):
    results = tmp_path / "new"
    if how != "none":
        results.mkdir()
    if how == "empty folders":
        (results / "runs").mkdir()
    if how == "a marker that was not finished":
        write(results / f".{MARKER}-01234567", "")
    if how == "locks of ours":
        write(results / "locks" / f"{HEX}.lock", "")
    assert grokbench("run", made / "two.toml", "--results", results, "--jobs", 0, "--quiet")[0] == 0
    assert json.loads((results / MARKER).read_text()) == CONTENT


@pytest.mark.parametrize("lost", ["the marker", "the marker and the note", "the marker and the tables"])
def test_a_folder_of_an_earlier_version_works_and_gets_the_marker(ours, made, grokbench, lost):
    tables = {path.name: path.read_bytes() for path in ours.iterdir() if path.is_file()}
    (ours / MARKER).unlink()
    if "note" in lost:
        (ours / "suite.json").unlink()
    if "tables" in lost:
        for path in [*ours.glob("*.csv"), *ours.glob("*.md"), ours / "environment.json"]:
            path.unlink()
    before = tree(ours)
    assert grokbench(*commands(made, ours, Store(ours).keys()[0])["show"])[0] == 0
    assert tree(ours) == before, "to look leaves nothing behind"
    assert grokbench("report", ours, "--quiet") == (0, "", "")
    assert (ours / MARKER).is_file()
    if "note" not in lost:
        assert {path.name: path.read_bytes() for path in ours.iterdir() if path.is_file()} == tables


THEIRS = {
    "a folder of their own": lambda f: write(f / "runs/train/best.pt"),
    "a file": lambda f: write(f / "runs/notes.txt"),
    "a hidden one": lambda f: write(f / "runs/.cache/x"),
    "20 digits with weights": lambda f: write(f / "runs" / HEX / "weights.pt"),
    "20 digits with weights and a record": lambda f: (
        write(f / "runs" / HEX / "weights.pt"), write(f / "runs" / HEX / "run.json", '{"name": 1}')),
    "19 digits": lambda f: write(f / "runs" / HEX[1:] / "run.json", "{}"),
    "capitals": lambda f: write(f / "runs" / HEX.upper() / "run.json", "{}"),
    "almost a leftover": lambda f: write(f / "runs" / f".{HEX}-notes" / "x"),
    "a leftover with something in it": lambda f: write(f / "runs" / f".{HEX}-abcdef01" / "x"),
    "a file like a leftover": lambda f: write(f / "runs" / f".{HEX}-abcdef01"),
    "a link": lambda f: (f / "runs/link").symlink_to("/"),
    "beside the tables": lambda f: write(f / "thesis.md"),
    "a table under another name": lambda f: write(f / "delays.xlsx"),
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("fill", THEIRS.values(), ids=THEIRS.keys())
@pytest.mark.filterwarnings("ignore:run .* does not check out")
def test_what_is_not_ours_in_our_folder_stays_where_it_is(ours, made, grokbench, fill, verb):
    before = tree(ours)
    fill(ours)
    theirs = {name: content for name, content in tree(ours).items() if name not in before}
    assert grokbench(*commands(made, ours, Store(ours).keys()[-1])[verb])[0] == 0
    after = tree(ours)
    assert {name: after.get(name) for name in theirs} == theirs
    assert not (ours / "quarantine").exists()


@pytest.mark.filterwarnings("ignore:run .* does not check out")
def test_a_run_is_not_stored_over_what_is_not_one(ours, made, grokbench):
    key = Store(ours).keys()[0]
    shutil.rmtree(ours / "runs" / key)
    write(ours / "runs" / key / "weights.pt")
    before = tree(ours)
    status, _, err = grokbench("run", made / "two.toml", "--results", ours, "--jobs", 0, "--quiet")
    assert status == 2
    assert f"{ours / 'runs' / key}: cannot be written: what lies there is no run of grokbench; move it away" in err
    assert tree(ours)[f"runs/{key}/weights.pt"] == before[f"runs/{key}/weights.pt"]


def test_a_file_put_beside_a_run_outlives_the_run(ours):
    store = Store(ours)
    run = store.read(store.keys()[0])
    write(ours / "runs" / run.key / "my-notes.txt")
    store.write(run)
    assert [path.read_text() for path in (ours / "runs").rglob("my-notes.txt")] == [ELSEWHERE]
    assert store.read(run.key).status == "done"


def lead_out(path: Path, outside: Path, dangling: bool = False) -> None:
    """Move what is at a path to a folder outside, and leave a link to it."""
    if os.path.lexists(path):
        os.rename(path, outside / path.name)
    elif not dangling:
        (outside / path.name).mkdir() if "." not in path.name else write(outside / path.name)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(outside / path.name)


OF_THE_FOLDER = ("runs", "locks", "locks/tables.lock", "suite.json", MARKER)
LINKS = {
    **{name: partial(lambda name, f, out, key: lead_out(f / name, out), name) for name in OF_THE_FOLDER},
    "runs, to nothing": lambda f, out, key: (shutil.rmtree(f / "runs"), lead_out(f / "runs", out, dangling=True)),
    "a run": lambda f, out, key: lead_out(f / "runs" / key, out),
    "run.json": lambda f, out, key: lead_out(f / "runs" / key / "run.json", out),
    "curve.csv": lambda f, out, key: lead_out(f / "runs" / key / "curve.csv", out),
    "quarantine": lambda f, out, key: (write(f / "runs" / key / "run.json", "{}"), lead_out(f / "quarantine", out)),
    "a leftover": lambda f, out, key: lead_out(f / "runs" / f".{key}-old-01234567", out),
    "runs.csv": lambda f, out, key: lead_out(f / "runs.csv", out),
    "delays.md": lambda f, out, key: lead_out(f / "delays.md", out),
    "environment.json": lambda f, out, key: lead_out(f / "environment.json", out),
    "a table, to nothing": lambda f, out, key: (
        (f / "curves.csv").unlink(), lead_out(f / "curves.csv", out, dangling=True)),
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", LINKS)
@pytest.mark.filterwarnings("ignore:run .* does not check out", "ignore:.*suite.json")
def test_no_link_in_a_results_folder_is_followed(tmp_path, ours, made, grokbench, name, verb):
    outside = tmp_path / "outside"
    outside.mkdir()
    key = Store(ours).keys()[0]
    LINKS[name](ours, outside, key)
    before, inside = tree(outside), tree(ours)
    status, _, err = grokbench(*commands(made, ours, Store(made / "res").keys()[1])[verb])
    assert tree(outside) == before
    if name in ("runs", "runs, to nothing", MARKER):
        assert status == 2
        assert len(err.splitlines()) == 1
        assert tree(ours) == inside
    if name in ("a run", "run.json", "curve.csv") and verb == "report":
        assert key not in (ours / "runs.csv").read_text()
    if name.endswith((".csv", ".md", "environment.json")) and "/" not in name and verb == "report":
        assert status == 0
        assert not (ours / name).is_symlink() or name == "curve.csv"


def test_a_lock_with_two_names_is_not_emptied(tmp_path, ours, grokbench):
    write(tmp_path / "thesis.tex")
    (ours / "locks").mkdir()
    os.link(tmp_path / "thesis.tex", ours / "locks/tables.lock")
    status, _, err = grokbench("report", ours, "--quiet")
    assert (status, len(err.splitlines())) == (2, 1)
    assert "tables.lock: no lock of grokbench's; move it away" in err
    assert (tmp_path / "thesis.tex").read_text() == ELSEWHERE


def test_the_library_keeps_to_its_own_folders_too(tmp_path, made):
    write(tmp_path / "runs/train/best.pt")
    before = tree(tmp_path)
    run = Store(made / "res").read(Store(made / "res").keys()[0])
    store = Store(tmp_path)
    for use in (store.prepare, store.keys, lambda: store.write(run), lambda: store.status(run.key),
                lambda: list(store.read_all()), lambda: write_report(tmp_path)):  # fmt: skip
        with pytest.raises(UsageError, match="not a results folder of grokbench"):
            use()
    assert tree(tmp_path) == before


def test_show_without_a_folder_passes_by_folders_of_others(tmp_path, ours, grokbench, monkeypatch):
    monkeypatch.chdir(tmp_path)
    key = Store(ours).keys()[0]
    (tmp_path / "results").mkdir()
    os.rename(ours, tmp_path / "results" / "ours")
    write(tmp_path / "results/theirs/runs/train/best.pt")
    (tmp_path / "results/link").mkdir()
    (tmp_path / "results/link/runs").symlink_to(tmp_path / "results/ours/runs")
    before = tree(tmp_path)
    assert grokbench("show", key)[0] == 0
    assert tree(tmp_path) == before


def test_detect_does_not_read_the_facts_of_runs_through_a_link(tmp_path, ours, grokbench):
    arguments = ("detect", ours / "curves.csv", "--json")
    status, out, _ = grokbench(*arguments)
    assert (status, "chance is not given" in out) == (0, False)
    (tmp_path / "outside").mkdir()
    lead_out(ours / "runs.csv", tmp_path / "outside")
    outside = tmp_path / "outside" / "runs.csv"
    status, out, _ = grokbench(*arguments)  # as a stranger's log, whose chance is not known
    assert (status, "chance is not given" in out) == (0, True)
    outside.write_text(outside.read_text().replace("0.", "0.9"))  # chance among the rest: it would change the answer
    assert grokbench(*arguments)[1] == out
