"""Reports and plans of thousands of runs: work grows with runs and settings, not with their squares. By counting."""

import json
from dataclasses import replace

import numpy as np
import pytest

from grokbench.curves.curve import Curve
from grokbench.curves.run import LEVELS, Run
from grokbench.options import digest
from grokbench.registry import tables
from grokbench.report.write import read_grid, write_report
from grokbench.runs.store import Store
from grokbench.statistics import resampling
from grokbench.suites.plan import make_plan
from grokbench.suites.suite import load_suite
from grokbench.tables import comparisons
from grokbench.tables.grid import Grid
from grokbench.tables.laws import example_runs


def settings(number: int, seeds: int = 1) -> list[Run]:
    """Runs of one learner with so many settings."""
    example = example_runs()[0]
    runs = []
    for setting in range(number):
        for seed in range(seeds):
            config = {**example.record["config"], "seed": seed, "learner_options": {"width": setting}}
            record = {**example.record, "config": config, "key": digest(config), "learner_given": {"width": setting}}
            runs.append(replace(example, record=record))
    return runs


def test_a_packed_run_is_the_run():
    for run in example_runs():
        packed = run.packed()
        assert packed.detections is run.detections
        assert list(run.detections) == (list(LEVELS) if len(run.curve) else [])
        assert packed.unreadable == run.unreadable
        assert packed.record is run.record
        assert len(packed.curve) == len(run.curve)
        np.testing.assert_equal(packed.curve.last, run.curve.last)
        assert list(packed.curve.columns) == list(run.curve.columns)
        for name, values in run.curve.columns.items():
            np.testing.assert_array_equal(packed.curve.columns[name], values)
            assert packed.curve.end(name) == run.curve.end(name)
            assert name in packed.curve.columns
        assert "no such" not in packed.curve.columns
        assert np.isnan(packed.curve.end("no such"))
        half = packed.truncated(run.curve.last / 2)
        assert half.complete == run.truncated(run.curve.last / 2).complete
        np.testing.assert_array_equal(half.curve.time, run.truncated(run.curve.last / 2).curve.time)


def test_a_curve_without_checkpoints_can_be_packed():
    packed = Curve().packed()
    assert len(packed) == 0
    assert np.isnan(packed.last)
    assert list(packed.time) == []
    assert dict(packed.columns) == {}


@pytest.mark.slow
def test_a_report_holds_packed_curves_and_writes_the_same_tables(tmp_path):
    runs = example_runs()
    for run in runs:
        Store(tmp_path).write(run)
    grid = write_report(tmp_path)
    assert all("columns" in vars(run.curve) and hasattr(run.curve.columns, "checkpoints") for run in grid.runs)
    whole = Grid(Store(tmp_path).read_all(), title=tmp_path.name)
    for name in ("runs", "curves", "delays", "comparisons", "sensitivity", "prevalence"):
        assert list(map(str, tables[name]().rows(grid))) == list(map(str, tables[name]().rows(whole)))


def test_the_pairs_of_many_settings_are_compared_where_the_suite_names_them(monkeypatch):
    assert 45 * 44 // 2 <= comparisons.MOST_PAIRS < 46 * 45 // 2
    monkeypatch.setattr(comparisons, "MOST_PAIRS", 6)
    assert len(tables["comparisons"]().known(Grid(settings(4)))) == 6
    many = Grid(settings(5))
    with pytest.warns(UserWarning, match="only families are compared: there are 10 pairs"):
        assert tables["comparisons"]().known(many) == []
    assert "only families are compared" in tables["comparisons"]().page(many)
    learners = {"first": [["mlp", '{"width": 0}']], "others": [["mlp", f'{{"width": {n}}}'] for n in range(1, 50)]}
    named = Grid(settings(50), comparisons=[("first", "others")], learners=learners)
    rows = tables["comparisons"]().known(named)
    assert len(rows) == 49
    assert {row.a for row in rows} == {"mlp(width=0)"}
    assert "only families" not in tables["comparisons"]().page(named)


def test_a_side_is_that_of_the_first_pair_that_names_it_so():
    learners = {"one": [["mlp", '{"width": 1}']], "two": [["mlp", '{"width": 2}']], "none": []}
    grid = Grid(settings(3), comparisons=[("two", "one"), ("none", "two")], learners=learners)
    assert [(row.a, row.b) for row in tables["comparisons"]().known(grid)] == [("mlp(width=2)", "mlp(width=1)")]


@pytest.mark.parametrize("pieces", [4, 52, 1000])
def test_draws_in_pieces_are_the_draws_of_one_call(pieces):
    one, several = np.random.default_rng(3), np.random.default_rng(3)
    whole = one.integers(0, 2, size=(1001, 13), dtype=np.int8)
    np.testing.assert_array_equal(np.concatenate([*resampling._random_patterns(13, 1001, pieces, several)]), whole)
    counts = resampling.seed_counts(13, one, 1001)
    sizes = [pieces] * (1001 // pieces) + [1001 % pieces]
    parts = [resampling.seed_counts(13, several, size) for size in sizes]
    np.testing.assert_array_equal(np.concatenate(parts), counts)
    assert one.random() == several.random()


def test_no_matrix_of_draws_by_runs_is_held(monkeypatch):
    widths = []
    inner = resampling._Sides.statistics
    monkeypatch.setattr(
        resampling._Sides, "statistics", lambda self, swaps: widths.append(swaps.size) or inner(self, swaps)
    )
    rng = np.random.default_rng(0)
    time, pair = rng.exponential(size=6000), np.tile(np.arange(3000), 2)
    resampling.swap_permutation(time, np.ones(6000), np.arange(6000) < 3000, pair, rng=rng, draws=999)
    assert max(widths) <= resampling._CHUNK


@pytest.fixture
def suite(tmp_path):
    path = tmp_path / "three.toml"
    path.write_text(
        'title = "Three"\nseeds = 7\nfirst_seed = 3\n[[tasks]]\nname = "modular"\nmodulus = 5\n'
        '[[learners]]\nname = "nearest_neighbors"\nbudget = 3\n[[learners]]\nname = "mlp"\nbudget = 10.0\n'
        'weight_decay = [0.5, 1.0]\nseeds = 2\nmeasures = ["after_kernel"]\n'
    )
    return path


def test_the_keys_of_seeds_are_the_hashes_of_their_configurations(suite):
    specs = make_plan(load_suite(str(suite))).specs
    assert [spec.seed for spec in specs] == [3, 3, 3, 4, 4, 4, 5, 6, 7, 8, 9]
    for spec in specs:
        assert spec.key == digest(spec.config) == replace(spec).key


def test_a_dry_run_looks_into_the_folder_once(suite, tmp_path, monkeypatch, capsys):
    from grokbench.cli import main

    asked = []
    monkeypatch.setattr(Store, "status", lambda self, key: asked.append(key))
    with pytest.raises(SystemExit) as end:
        main(["compare", str(suite), "--dry-run", "--json", "--results", str(tmp_path / "none")])
    rows = json.loads(capsys.readouterr().out)["plan"]
    assert end.value.code == 0
    assert asked == []
    assert sorted(row["to_do"] for row in rows) == [2, 2, 7]


def test_a_folder_without_runs_has_a_grid(tmp_path):
    assert read_grid(tmp_path).runs == ()
