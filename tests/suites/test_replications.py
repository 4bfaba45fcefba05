"""A claim is registered before its runs: they carry its hash, and another claim or another cell takes the verdict."""

import csv
import hashlib
import json
import re
import subprocess

import pytest
from support_history import ROOT, at_revision, claims_after_runs, revisions_of, rows_of
from support_runs import MINE

from grokbench.suites.registered import registered_keys, registered_rules, registration
from grokbench.suites.replications import FOLDER, replications

NAME = f"{FOLDER}/mine"
SUITE = MINE.format(seeds=6, first_seed=7000)
CLAIMS = """
suite = "mine"

[[claims]]
id = "99a"
sentence = "It ends low."
source = "nobody"
quantity = "value"
of = ["test_accuracy at end"]
cells = ["add/flow"]
published = "low"
tolerance = [-inf, 0.9]
why = "below nine tenths"
setting = "published"
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The folder of a suite with a claim, in ./benchmarks of the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "benchmarks" / FOLDER).mkdir(parents=True)
    (tmp_path / "benchmarks" / "mine.toml").write_text(SUITE)
    (tmp_path / "benchmarks" / FOLDER / "mine.toml").write_text(CLAIMS)
    return tmp_path / "benchmarks"


def row(results) -> dict[str, str]:
    with open(results / "replications.csv", encoding="utf-8", newline="") as file:
        (one,) = csv.DictReader(file)
    return one


def test_shipped_claims_come_first_and_are_found_by_being_there(mine):
    names = list(replications())
    assert NAME in names
    assert len(names) > 1


def test_a_changed_claim_or_suite_is_another_registration(mine):
    before, cells = registered_rules()[NAME], registered_keys()[NAME]
    (mine / "mine.toml").write_text(SUITE.replace('title = "Mine"', 'title = "Its"'))
    assert registered_rules()[NAME] != before
    assert registered_keys()[NAME] == cells, "the title changes no run that the claim names"
    (mine / "mine.toml").write_text(SUITE.replace("budget = 50", "budget = 60"))
    assert registered_keys()[NAME] != cells
    (mine / "mine.toml").write_text(SUITE)
    (mine / FOLDER / "mine.toml").write_text(CLAIMS.replace("0.9]", "0.8]"))
    assert registered_rules()[NAME] != before
    assert registered_keys()[NAME] != cells


def test_the_seeds_of_a_claim_are_those_of_its_suite(mine):
    assert set(registration(NAME).keys["add/flow"]) == set(range(7000, 7006))


def test_a_claim_on_a_cell_that_is_not_there_is_registered_nowhere(mine):
    (mine / FOLDER / "mine.toml").write_text(CLAIMS.replace("add/flow", "add/flaw"))
    assert NAME not in registered_keys()


def test_runs_made_after_the_claim_decide_it_and_a_later_tolerance_does_not(mine, grokbench):
    arguments = ("compare", "mine", "--jobs", "0", "--quiet")
    assert grokbench(*arguments)[0] == 0
    results = mine.parent / "results" / "mine"
    decided = row(results)
    assert (decided["verdict"], decided["reason"], decided["n"]) == ("reproduced", "", "6")
    stored = json.loads((results / "runs" / decided["runs"].split()[0] / "run.json").read_text())
    assert stored["registered"][NAME] == decided["registered"] == registered_rules()[NAME]
    (mine / FOLDER / "mine.toml").write_text(CLAIMS.replace("0.9]", "0.95]"))
    assert grokbench("report", results, "--quiet")[0] == 0
    later = row(results)
    assert (later["verdict"], later["reason"]) == ("undecided", "6 of 6 runs predate the claim or differ from it")
    assert later["ours"] == decided["ours"]


def test_from_a_claim_to_its_runs(mine, grokbench):
    assert grokbench("run", "mine", "--jobs", "0", "--quiet")[0] == 0
    status, out, _ = grokbench("show", "99a")
    assert status == 0
    assert "tolerance: ≤ 0.9 (below nine tenths)" in out
    assert out.count("add/flow seed 70") == 6
    key = next(line.split()[0] for line in out.splitlines() if "add/flow seed 7000" in line)
    assert f"run {key} in" in grokbench("show", key)[1]
    assert len(json.loads(grokbench("show", "99a", "--json")[1])["runs"]) == 6


def test_a_claim_and_its_runs_are_read_from_the_archive_of_a_reference(grokbench):
    folder = ROOT / "results" / "reference" / "replication-knobs"
    row = next(row for row in rows_of(folder / "replications.csv") if row["claim"] == "20e")
    status, out, _ = grokbench("show", "20e", "--results", folder)
    assert (status, "ours: 0.7 [0.689, 0.711] over 10 seeds, reproduced" in out) == (0, True)
    judged = json.loads(grokbench("show", "20e", "--json", "--results", folder)[1])
    assert judged["ours"]["estimate"] == pytest.approx(float(row["ours"]), rel=1e-5)
    assert set(judged["runs"]) == set(row["runs"].split())
    key = judged["runs"][0]
    assert f"run {key} in {folder}" in grokbench("show", key, "--results", folder)[1]


def test_a_claim_that_nobody_published_has_a_setting_of_its_own(mine, grokbench):
    assert "setting: A setting of this project" in grokbench("show", "99a")[1]
    assert json.loads(grokbench("show", "99a", "--json")[1])["setting"] == "own"


def test_a_claim_without_runs_says_so(mine, grokbench):
    text = grokbench("show", "99a")[1]
    assert "none of those that are registered; this makes them: python -m grokbench compare mine" in text


# ---- the claims of committed results

JUDGED = sorted((ROOT / "results" / "reference").glob("*/replications.csv"))


@pytest.mark.parametrize("path", JUDGED, ids=lambda p: p.parent.name)
def test_the_reference_results_are_those_of_the_present_claims(path):
    rows = rows_of(path)
    assert {row["registered"] for row in rows} <= set(registered_rules().values())
    assert not [row["claim"] for row in rows if "predate" in row["reason"]]


@pytest.mark.parametrize("path", JUDGED, ids=lambda p: p.parent.name)
def test_the_claims_precede_the_runs_of_the_reference_results(path):
    assert claims_after_runs(path.parent) == []


def calibration(source: str) -> list[str]:
    """The constants that laws were calibrated to: they stand in code, where no hash of claims sees them."""
    return re.findall(r"^(?:V_STAR|KAPPA|C) = [\d.]+", source, flags=re.M)


@pytest.mark.parametrize("path", JUDGED, ids=lambda p: p.parent.name)
def test_the_calibration_of_the_laws_precedes_the_runs_of_the_reference_results(path):
    name = "grokbench/verdicts/norm_laws.py"
    present = calibration((ROOT / name).read_text(encoding="utf-8"))
    for revision in revisions_of(path.parent):
        assert calibration(at_revision(revision, name).decode()) == present


def test_the_three_constants_are_seen():
    source = (ROOT / "grokbench" / "verdicts" / "norm_laws.py").read_text(encoding="utf-8")
    assert calibration(source) == ["V_STAR = 1963.0", "KAPPA = 0.0617", "C = 2.44"]
    assert calibration(source.replace("0.0617", "0.07")) != calibration(source)


def committed(repository, **files) -> str:
    """A commit of files of ./benchmarks; its revision."""
    for name, text in files.items():
        path = repository / "benchmarks" / name.replace("_", "/", 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".toml").write_text(text)
    author = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
    for arguments in (("init", "-q"), ("add", "-A"), (*author, "commit", "-q", "--no-gpg-sign", "-m", "claims")):
        subprocess.run(["git", *arguments], cwd=repository, check=True, capture_output=True)
    done = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=repository, check=True, capture_output=True)
    return done.stdout.decode().strip()


def results_of(folder, revision: str, claims: str, suite: str = SUITE):
    """A results folder with one row, judged by these claims on runs of a revision."""
    folder.mkdir()
    (folder / "environment.json").write_text(json.dumps({"machine": {"revision": revision}}))
    registered = hashlib.sha256(claims.encode() + b"\0" + suite.encode()).hexdigest()
    (folder / "replications.csv").write_text(f"claim,registered\n99a,{registered}\n")
    return folder


def test_claims_that_were_committed_after_the_runs_are_seen(tmp_path):
    """Runs without claims, then claims, then another tolerance, then another suite: only the first pair is in order."""
    repository, looser = tmp_path / "repository", CLAIMS.replace("0.9]", "0.95]")
    before = committed(repository, mine=SUITE)
    claimed = committed(repository, replications_mine=CLAIMS)
    committed(repository, replications_mine=looser)
    cases = {
        (claimed, CLAIMS, SUITE): [],
        (before, CLAIMS, SUITE): [f"claim 99a at {before}"],
        (claimed, looser, SUITE): [f"claim 99a at {claimed}"],
        (claimed, CLAIMS, SUITE.replace("budget = 50", "budget = 60")): [f"claim 99a at {claimed}"],
        (f"{claimed}+", CLAIMS, SUITE): [f"revision '{claimed}+'"],
        ("", CLAIMS, SUITE): ["revision ''"],
    }
    for number, ((revision, claims, suite), expected) in enumerate(cases.items()):
        folder = results_of(tmp_path / str(number), revision, claims, suite)
        assert claims_after_runs(folder, repository) == expected
