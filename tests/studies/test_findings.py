"""The tables of studies/findings.py, on runs made by hand."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support_handmade import NEVER, changed, made

from grokbench.verdicts import rules

PATH = Path(__file__).parents[2] / "studies" / "findings.py"


@pytest.fixture(scope="module")
def findings():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("findings", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def with_columns(run, **columns):
    return changed(run, **{name: make(run.curve.time) for name, make in columns.items()})


def test_numbers_are_medians_with_their_ends(findings):
    assert findings.medians(np.array([3.0, np.nan, 1.0, 2.0])) == "2 (1 to 3)"
    assert findings.medians(np.array([2.0, 2.0])) == "2"
    assert findings.medians(np.array([np.nan])) == ""


def test_lost_runs_are_left_out(findings):
    runs = {"a/b": {1: made(1), 2: made(2, status="failed")}}
    assert findings.over_seeds(runs, "a/b", findings.t_mem).tolist() == pytest.approx([20.0], rel=0.06)
    assert findings.over_seeds(runs, "a/other", findings.t_mem).size == 0


def test_leads_are_decades_before_the_half_rise(findings):
    early = made(1, ready=400.0)
    assert findings.lead_of("after_kernel")(early) == pytest.approx(np.log10(2), abs=0.02)
    assert findings.lead_of("after_kernel")(made(1, ready=NEVER)) == -np.inf


def test_what_moves_first_on_any_clock(findings):
    early = {"add/mlp": {seed: made(seed, ready=400.0) for seed in range(6000, 6012)}}
    row = [cell.strip() for cell in findings.leads(early, {}).splitlines()[2].split("|")[1:-1]]
    assert row[:3] == ["R", "mlp", "add"]
    decades, share = (float(cell.split()[0]) for cell in row[3:])
    assert decades == pytest.approx(np.log10(2), abs=0.02)
    assert share == pytest.approx(0.5, abs=0.01)  # at the half-rise of the accuracy it is there


def test_complexity_that_falls_with_the_test_rise_has_gone_half_its_way(findings):
    def sizes(run, begin):
        fitted = run.curve.time >= 20
        return with_columns(
            run,
            feature_dimension=lambda time: np.where(fitted, 100 - begin * run.curve.kappa_test, np.nan),
            weight_bits=lambda time: np.where(fitted, 9000 - 2 * begin * run.curve.kappa_test, np.nan),
        )

    runs = {
        "add/mlp": {seed: sizes(made(seed), 50) for seed in range(6100, 6112)},
        "add-shuffled/mlp": {seed: sizes(made(seed, t_gen=NEVER), 0) for seed in range(6100, 6112)},
    }
    row, other = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in findings.leads({}, runs).splitlines()[2:4]
    )
    assert row[:3] == ["feature_dimension", "mlp", "add"]
    assert other[:3] == ["weight_bits", "mlp", "add"]
    assert [float(cell.split()[0]) for cell in row[3:]] == pytest.approx([0, 0], abs=0.02)
    level = runs | {"add/mlp": {seed: sizes(run, 0) for seed, run in runs["add/mlp"].items()}}
    row = findings.leads({}, level).splitlines()[2]
    assert "-inf" in row  # what does not fall is not left out
    assert "-0.500 [-0.500, -0.500]" in row


def test_half_of_the_redrawn_labels_is_let_go(findings):
    """Bits that fall from 3 to 0 between t 100 and 200, in a run whose half-rise is at about 550."""

    def falls(time):
        return 3 * np.minimum(time / 20, 1) * (1 - np.clip((time - 100) / 100, 0, 1))

    decades = findings.letting_go(with_columns(made(1), memorized_bits=falls))
    assert decades == pytest.approx(np.log10(findings.t50(made(1)) / 150), abs=0.03)
    kept = with_columns(made(1), memorized_bits=lambda time: 3 * np.minimum(time / 20, 1))
    assert np.isnan(findings.letting_go(kept))


def test_the_skills_of_a_regression_are_compared(findings):
    """Its accuracy counts what a tolerance lets through; the lead of its features is read on errors."""
    run = with_columns(made(1), after_kernel_skill=lambda time: (time >= 100).astype(float))
    run = replace(run, curve=replace(run.curve, n_classes=0))
    assert findings.lead_of("after_kernel")(run) == pytest.approx(np.log10(findings.t50(made(1)) / 100), abs=0.05)


def test_the_path_behind_a_machine_beside_its_twin(findings):
    def walked(run, early):
        return with_columns(run, path=lambda time: np.interp(time, [20, run.half_rise(), time[-1]], [0, early, 1]))

    runs = {
        "add60/rfm": {seed: walked(made(seed), 0.6) for seed in range(6)},
        "add60-shuffled/rfm": {seed: walked(made(seed), 0.4) for seed in range(6)},
    }
    row = [cell.strip() for cell in findings.paths(runs).splitlines()[2].split("|")[1:-1]]
    assert row[:2] == ["recursive feature machine", "6/6"]
    assert [float(cell.split()[0]) for cell in row[3:]] == pytest.approx([0.6, 0.4, 0.2], abs=0.02)


def test_cells_are_told_by_their_events(findings):
    runs = {"xor600/large": {1: made(1), 2: made(2, status="failed")}}
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in findings.eight_cells(runs).splitlines()]
    assert rows[0] == ["cell", "late", "t_mem", "t_gen", "kappa at t_mem", "kappa at the end"]
    assert len(rows) == 2 + 8
    assert rows[2][:2] == ["large start, pressure on, features free", "1/1"]
    assert float(rows[2][3]) == pytest.approx(800, rel=0.05)


def test_every_cell_that_is_looked_at_is_registered(findings, monkeypatch):
    """A cell that was renamed would silently leave its row empty."""
    looked_at = set()
    monkeypatch.setattr(findings, "over_seeds", lambda runs, cell, value: looked_at.add(cell) or np.full(1, 2.0))
    names = "eight_cells lazy_flows path_of_complexity features_or_averaging lookup_tables"
    for name in names.split():
        getattr(findings, name)({})
    known = {
        cell
        for name in ("lazy-to-rich", "eight-cells", "complexity")
        for design in rules.read(name).designs
        for cells in design.roles.values()
        for cell in cells
    }
    assert looked_at <= known


def test_sizes_by_number_of_examples(findings):
    registered = rules.read("complexity")
    design = next(design for design in registered.designs if design.task == "add, sizes")
    runs = {}
    for role, cells in design.roles.items():
        for n, cell in zip(design.numbers[role], cells, strict=True):
            width = float(cell.rpartition("width")[2])
            fits = width >= (50 if role == "sizes_true" else n / 30)
            shares = {
                "submodel_size": lambda time: np.ones(len(time)),
                "submodel_share": lambda time, width=width: np.full(len(time), 1 / width),
            }
            end = 20.0 if fits else NEVER
            runs[cell] = {
                seed: with_columns(made(seed, t_mem=end, t_gen=end), **shares)
                for seed in registered.registered_seeds(design)
            }
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in findings.sizes(runs).splitlines()]
    assert rows[0] == ["training examples", "width to fit random labels", "width to find the rule"]
    assert rows[2:] == [["384", "13", "50"], ["529", "22", "50"], ["769", "29", "50"]]
