"""The verb `diff` on simulated stores and on folders that have only tables, by its exit statuses and its tables."""

import csv
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from support_tables import NEVER, curve, put

from grokbench.curves.schedule import checkpoints
from grokbench.limits import LARGEST_TABLE
from grokbench.report.diff import TABLES
from grokbench.report.result_set import read_result_set
from grokbench.report.write import write_report
from grokbench.runs.store import Store
from grokbench.tables.changes import shift_text
from grokbench.verdicts.change import Shift

ROOT = Path(__file__).parents[2]
HERE = {"hash": "h0", "torch": "2.13.0", "compiled": True}
THERE = {"hash": "h1", "torch": "2.14.0", "compiled": False}
TABLE_FILES = ("runs.csv", "environment.json", "grokbench.json")
DIGITS = np.random.default_rng(0)


def smooth(t_mem: float, t_gen: float, budget: float = 5000, noise: float = 0.0) -> list[dict[str, float]]:
    """Accuracies that rise over half a decade in log time, so that the crossings move with t_mem and t_gen."""
    time = np.asarray(checkpoints(budget), dtype=float)
    rows = curve(t_mem, t_gen, budget)
    for name, centre in (("train_accuracy", t_mem), ("test_accuracy", t_gen)):
        rise = np.clip((np.log10(np.maximum(time, 0.1)) - np.log10(centre)) * 2 + 0.95, 0, 1)
        values = np.clip(0.25 + 0.75 * rise + DIGITS.normal(0, noise, len(time)) * (rise > 0), 0, 1)
        for row, value in zip(rows, values, strict=True):
            row[name] = float(value)
    return rows


def simulated(folder: Path, seeds: int = 10, shift: float = 0.0, noise: float = 0.0, **facts) -> Store:
    """A store of two learners; of the one, t_gen is moved by `shift` decades."""
    store, rng = Store(folder), np.random.default_rng(5)
    for seed in range(seeds):
        t_mem, t_gen = 10 ** rng.normal(1.6, 0.1), 10 ** rng.normal(2.8, 0.1)
        put(store, "moved", seed, rows=smooth(t_mem, t_gen * 10**shift, noise=noise), **facts)
        put(store, "still", seed, rows=smooth(t_mem, t_gen, noise=noise), **facts)
    return store


def only_tables(store: Store, folder: Path) -> Path:
    """What is committed of a results folder."""
    write_report(store.results)
    folder.mkdir()
    for name in TABLE_FILES:
        shutil.copy(store.results / name, folder / name)
    return folder


def cells(grokbench, *arguments) -> dict[str, dict]:
    """Learner -> row of the table `diff`."""
    status, out, _ = grokbench("diff", *arguments, "--json")
    assert status == 0
    return {row["learner"]: row for row in json.loads(out)["diff"]}


# ---------------------------------------------------------------- what it says


def test_simulated_stores_with_rounding_noise_are_unchanged(tmp_path, grokbench):
    a, b = simulated(tmp_path / "a", environment=HERE), simulated(tmp_path / "b", noise=1e-7, environment=THERE)
    status, out, err = grokbench("diff", a.results, b.results, "--fail-on-change")
    assert (status, err) == (0, "")
    assert "cells: 2 unchanged; 20 pairs of runs compared, 0 with another outcome; 0 runs only in A, 0 only in B" in out
    assert "environments differ: torch 2.13.0 / 2.14.0, compiled true / false" in out
    assert {row["reason"] for row in cells(grokbench, a.results, b.results).values()} == {"every pair within a bin"}


@pytest.mark.parametrize(("shift", "word"), [(0.1, "later"), (-0.1, "earlier")])
def test_simulated_stores_that_are_a_tenth_of_a_decade_apart_are_told(tmp_path, grokbench, shift, word):
    a, b = simulated(tmp_path / "a"), simulated(tmp_path / "b", shift=shift)
    status, out, err = grokbench("diff", a.results, b.results, "--fail-on-change", "--quiet")
    assert (status, out) == (1, "")
    assert err == f"grokbench: {b.results} is not as {a.results} was\n"
    assert grokbench("diff", a.results, b.results, "--quiet") == (0, "", "")
    rows = cells(grokbench, a.results, b.results)
    assert {name: row["verdict"] for name, row in rows.items()} == {"moved": word, "still": "unchanged"}
    assert rows["still"]["reason"] == "identical"
    assert rows["moved"]["t_gen_change"] == pytest.approx(shift, abs=0.01)
    assert rows["moved"]["t_gen_low"] <= rows["moved"]["t_gen_change"] <= rows["moved"]["t_gen_high"]
    assert (rows["moved"]["t_mem_change"], rows["moved"]["pairs"], rows["moved"]["identical"]) == (0, 10, 0)


def test_a_store_and_its_own_tables_are_the_same(tmp_path, grokbench):
    """The second learner has two budgets, and a name that no spreadsheet shall calculate."""
    store = simulated(tmp_path / "a")
    for budget in (2000, 5000):
        put(store, "=1+1", 0, budget=budget, options={"width": 9})
    tables = only_tables(store, tmp_path / "tables")
    stored, listed = read_result_set(store.results), read_result_set(tables)
    assert (stored.stored, listed.stored) == (True, False)
    assert {(run.key, run.cell, run.seed, run.label, run.late, run.budget) for run in stored.runs} == {
        (run.key, run.cell, run.seed, run.label, run.late, run.budget) for run in listed.runs
    }
    for sides in ((store.results, tables), (tables, store.results), (tables, tables)):
        status, out, _ = grokbench("diff", *sides, "--fail-on-change")
        assert status == 0
        assert "cells: 4 unchanged; 22 pairs of runs compared, 0 with another outcome" in out
        assert f"({tables}) has no runs/" in " ".join(out.split())


@pytest.mark.parametrize(
    "make", [lambda path: simulated(path).results, lambda path: only_tables(simulated(path), path / "t")]
)
def test_the_same_folder_twice_is_unchanged(tmp_path, grokbench, make):
    folder = make(tmp_path / "a")
    assert grokbench("diff", folder, folder, "--fail-on-change", "--quiet") == (0, "", "")


def test_other_outcomes_are_listed_run_by_run(tmp_path, grokbench):
    a, b = Store(tmp_path / "a"), Store(tmp_path / "b")
    for seed in range(10):
        put(a, "mlp", seed)
        put(b, "mlp", seed, t_gen=NEVER if seed == 3 else 200)
    put(a, "mlp", 77)
    status, out, _ = grokbench("diff", a.results, b.results, "--fail-on-change", "--out", tmp_path / "out")
    assert status == 1
    assert "Runs with another outcome" in out
    assert "cells: 1 unchanged; 10 pairs of runs compared, 1 with another outcome; 1 runs only in A" in out
    with open(tmp_path / "out" / "diff_runs.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["seed"] for row in rows if row["changed"] == "true"] == ["3"]
    assert (rows[3]["label_a"], rows[3]["label_b"], rows[3]["t_gen_b"]) == ("groks", "memorizes_only", "")
    assert len(rows) == 10


def test_another_definition_is_not_comparable(tmp_path, grokbench):
    a, b = Store(tmp_path / "a"), Store(tmp_path / "b")
    put(a, "mlp", 0)
    put(b, "mlp", 0, config={"definitions": 2})
    row = cells(grokbench, a.results, b.results)["mlp"]
    assert (row["verdict"], row["reason"]) == ("not comparable", "1 pairs not compared: definitions 1 / 2")
    assert grokbench("diff", a.results, b.results, "--fail-on-change", "--quiet")[0] == 1


def test_failed_runs_are_no_times(tmp_path, grokbench):
    a, b = Store(tmp_path / "a"), Store(tmp_path / "b")
    put(a, "mlp", 0)
    put(b, "mlp", 0, status="crashed", rows=[], error="killed")
    row = cells(grokbench, a.results, b.results)["mlp"]
    assert row["changed"].endswith("→ crashed")
    assert (row["t_gen_change"], row["late_difference"]) == (None, None)


def test_cells_of_one_side_are_counted_and_no_change(tmp_path, grokbench):
    a, b = simulated(tmp_path / "a", seeds=2), simulated(tmp_path / "b", seeds=2)
    put(a, "more", 0)
    put(b, "other", 0)
    status, out, _ = grokbench("diff", a.results, b.results, "--fail-on-change")
    assert status == 0
    assert "1 runs only in A, 1 only in B" in out
    assert "more" not in out
    assert cells(grokbench, a.results, b.results)["more"]["reason"] == "no run of a seed that both sides have"


def test_the_committed_references_are_read(grokbench):
    folder = ROOT / "results" / "reference" / "smoke"
    assert grokbench("diff", folder, folder, "--fail-on-change", "--quiet") == (0, "", "")


@pytest.mark.parametrize(
    ("shift", "text"),
    [
        (Shift(0.1, 0.1, 0.05, 0.2, 0.2, 9, 9), "0.1 [0.05, 0.2]"),
        (Shift(1e-7, 1e-7, -1e-7, 1e-7, 1e-7, 9, 9), "0 [0, 0]"),
        (Shift(0.1, 0.1, -np.inf, np.inf, 0.1, 2, 2), "0.1"),
        (Shift(0.3, np.inf, 0.2, np.inf, np.inf, 9, 9), "≥ 0.3 [0.2, ∞]"),
        (Shift(-np.inf, -0.3, -np.inf, -0.2, np.inf, 9, 9), "≤ -0.3 [−∞, -0.2]"),
        (Shift(-np.inf, np.inf, -np.inf, np.inf, np.inf, 9, 9), "open"),
        (Shift(np.nan, np.nan, np.nan, np.nan, np.nan, 0, 9), ""),
    ],
)
def test_a_change_as_people_read_it(shift, text):
    assert shift_text(shift) == text


# ---------------------------------------------------------------- what it writes


def test_out_has_every_row_and_the_page(tmp_path, grokbench):
    a, b = simulated(tmp_path / "a"), simulated(tmp_path / "b", shift=0.1)
    out = tmp_path / "deep" / "out"
    assert grokbench("diff", a.results, b.results, "--out", out, "--quiet") == (0, "", "")
    assert sorted(os.listdir(out)) == ["diff.csv", "diff.md", "diff_runs.csv", "grokbench.json"]
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    assert grokbench("diff", a.results, b.results, "--out", out, "--quiet")[0] == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first
    page = (out / "diff.md").read_text(encoding="utf-8")
    assert "| later |" in page
    assert "## Runs with another outcome\n\nNone." in page


def test_somebody_elses_folder_is_not_written_to(tmp_path, grokbench):
    a, out = simulated(tmp_path / "a", seeds=1), tmp_path / "out"
    out.mkdir()
    (out / "thesis.md").write_text("mine")
    status, _, err = grokbench("diff", a.results, a.results, "--out", out)
    assert status == 2
    assert f"{out}: not a results folder of grokbench" in err
    assert "or a new one: --out DIR" in err
    assert os.listdir(out) == ["thesis.md"]


def test_a_file_in_place_of_the_folder_is_one_line(tmp_path, grokbench):
    a = simulated(tmp_path / "a", seeds=1)
    (tmp_path / "out").write_text("")
    status, _, err = grokbench("diff", a.results, a.results, "--out", tmp_path / "out" / "x")
    assert (status, err.count("\n")) == (2, 1)


def test_reading_writes_nothing(tmp_path, grokbench):
    store = simulated(tmp_path / "a", seeds=1)
    tables = only_tables(store, tmp_path / "t")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    grokbench("diff", store.results, tables)
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


# ---------------------------------------------------------------- mistakes and hostile folders


def mistake(grokbench, *arguments) -> str:
    """The one line of a command that ends with status 2."""
    status, out, err = grokbench("diff", *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("grokbench: ")
    assert err.count("\n") == 1
    return err


def test_a_folder_that_is_not_there(tmp_path, grokbench):
    a = simulated(tmp_path / "a", seeds=1).results
    assert "nowhere: no such results folder" in mistake(grokbench, tmp_path / "nowhere", a)
    assert "nowhere: no such results folder" in mistake(grokbench, a, tmp_path / "nowhere")


def test_a_folder_without_runs(tmp_path, grokbench):
    a = simulated(tmp_path / "a", seeds=1).results
    (tmp_path / "empty").mkdir()
    assert "empty: no stored runs there" in mistake(grokbench, a, tmp_path / "empty")


def test_somebody_elses_runs(tmp_path, grokbench):
    a = simulated(tmp_path / "a", seeds=1).results
    (tmp_path / "theirs" / "runs").mkdir(parents=True)
    (tmp_path / "theirs" / "runs" / "x").write_text("")
    assert "not a results folder of grokbench" in mistake(grokbench, a, tmp_path / "theirs")


def test_nothing_in_common(tmp_path, grokbench):
    a, b = Store(tmp_path / "a"), Store(tmp_path / "b")
    put(a, "mlp", 0)
    put(b, "rfm", 0)
    assert "have no run in common" in mistake(grokbench, a.results, b.results)


@pytest.mark.parametrize(
    ("damage", "fragment"),
    [
        (lambda text: "", "no column 'task'"),
        (lambda text: text.replace("t_mem,", "tmem,", 1), "no column 't_mem'"),
        (
            lambda text: re.sub(r",20\.\d+,observed", ",fast,observed", text),
            "line 2: t_mem = 'fast': expected a number",
        ),
        (lambda text: text[: text.index(",split0")] + "\n", "so that the line is too short"),
        (lambda text: text.replace(",0,split0", ",,split0"), "seed = '': expected a number"),
        (lambda text: text.replace(",0,split0", ",1.5,split0"), "seed = '1.5': expected a number"),
        (lambda text: text.replace(",true,1,", ",true,2,"), "late = 2 cannot be"),
        (lambda text: text.replace(",5000,", ",,"), "budget = nan cannot be"),
        (lambda text: text.replace("hand", "x" * 200_000), "field larger than field limit"),
    ],
)
def test_a_damaged_table_is_one_line(tmp_path, grokbench, damage, fragment):
    store = Store(tmp_path / "a")
    put(store, "mlp", 0)
    tables = only_tables(store, tmp_path / "t")
    text = (tables / "runs.csv").read_text(encoding="utf-8").replace("20,observed", "20.0,observed", 1)
    (tables / "runs.csv").write_text(damage(re.sub(r",19\.\d+,observed", ",20.1,observed", text)), encoding="utf-8")
    assert fragment in mistake(grokbench, store.results, tables)


def test_a_table_that_is_no_text_or_a_link_is_one_line(tmp_path, grokbench):
    store = Store(tmp_path / "a")
    put(store, "mlp", 0)
    tables = only_tables(store, tmp_path / "t")
    (tables / "runs.csv").write_bytes(b"key,\xff\n")
    assert "runs.csv: cannot be read" in mistake(grokbench, store.results, tables)
    (tables / "runs.csv").unlink()
    (tables / "runs.csv").symlink_to(store.results / "runs.csv")
    assert "runs.csv: cannot be read" in mistake(grokbench, store.results, tables)


def test_a_table_without_end_is_refused_unread(tmp_path, grokbench):
    store = Store(tmp_path / "a")
    put(store, "mlp", 0)
    tables = only_tables(store, tmp_path / "t")
    os.truncate(tables / "runs.csv", LARGEST_TABLE + 1)  # sparse: it takes no room on the disk
    assert "larger than any that was stored" in mistake(grokbench, store.results, tables)


@pytest.mark.parametrize("text", ["", "[]", '{"h0": 1}', "[" * 100_000])
def test_an_environment_that_says_nothing_is_none(tmp_path, grokbench, text):
    store = Store(tmp_path / "a")
    put(store, "mlp", 0, environment=HERE)
    tables = only_tables(store, tmp_path / "t")
    (tables / "environment.json").write_text(text)
    status, out, _ = grokbench("diff", store.results, tables)
    assert status == 0
    assert "environments differ: nothing is known of B" in out


@pytest.mark.parametrize("name", ["[x](y) | b", "--json"[2:] + "\n#", "\x1b[31mred", "=1+1", "<b>&", "a" * 200])
def test_folders_with_hostile_names(tmp_path, grokbench, name):
    store = Store(tmp_path / name)
    put(store, name, 0, task={"labels": name}, environment={"hash": "h", "torch": name})
    put(store, name, 1, task={"labels": name}, options={"w": name})
    tables = only_tables(store, tmp_path / f"{name}2")
    status, out, err = grokbench("diff", store.results, tables, "--out", tmp_path / f"{name}3", "--fail-on-change")
    assert (status, err) == (0, "")
    assert "\x1b" not in out + (tmp_path / f"{name}3" / "diff.md").read_text(encoding="utf-8")
    assert "cells: 2 unchanged; 2 pairs" in out


def test_a_file_of_ones_own_is_run_first(tmp_path, grokbench):
    a = simulated(tmp_path / "a", seeds=1).results
    mine = tmp_path / "mine.py"
    mine.write_text("raise ValueError('seen')\n")
    assert "seen" in mistake(grokbench, a, a, "--include", mine)


# ---------------------------------------------------------------- the document


def test_the_document_names_every_column_and_word():
    page = (ROOT / "docs" / "diff.md").read_text(encoding="utf-8")
    missing = [column.name for table in TABLES for column in table.columns if f"`{column.name}`" not in page]
    assert not missing
    assert not [word for word in ("unchanged", "later", "earlier", "not comparable") if f"`{word}`" not in page]
