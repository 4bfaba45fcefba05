"""The tables of studies/findings.py, on runs made by hand."""

import importlib.util
import tomllib
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
    early = {"add/mlp": {seed: made(seed, ready=400.0) for seed in range(3000, 3010)}}
    row = [cell.strip() for cell in findings.leads(early, {}).splitlines()[2].split("|")[1:-1]]
    assert row[:3] == ["R", "mlp", "add"]
    decades, share = (float(cell.split()[0]) for cell in row[3:])
    assert decades == pytest.approx(np.log10(2), abs=0.02)
    assert share == pytest.approx(0.5, abs=0.01)  # at the half-rise of the accuracy it is there


def test_complexity_that_falls_with_the_test_rise_has_gone_half_its_way(findings):
    def sizes(run, begin):
        fitted = run.curve.time >= 20
        return with_columns(
            run, submodel_size=lambda time: np.where(fitted, 100 - begin * run.curve.kappa_test, np.nan)
        )

    runs = {
        "add/mlp": {seed: sizes(made(seed), 50) for seed in range(4000, 4010)},
        "add-shuffled/mlp": {seed: sizes(made(seed, t_gen=NEVER), 0) for seed in range(4000, 4010)},
    }
    row = [cell.strip() for cell in findings.leads({}, runs).splitlines()[2].split("|")[1:-1]]
    assert row[:3] == ["submodel_size", "mlp", "add"]
    assert [float(cell.split()[0]) for cell in row[3:]] == pytest.approx([0, 0], abs=0.02)
    level = runs | {"add/mlp": {seed: sizes(run, 0) for seed, run in runs["add/mlp"].items()}}
    row = findings.leads({}, level).splitlines()[2]
    assert "-inf" in row  # what does not fall is not left out
    assert "-0.500 [-0.500, -0.500]" in row


def test_half_of_the_redrawn_labels_is_let_go(findings):
    """Bits that fall from 3 to 0 between t 100 and 200, in a run whose half-rise is at about 550."""

    def falls(time):
        return 3 * np.minimum(time / 20, 1) * (1 - np.clip((time - 100) / 100, 0, 1))

    found = findings.letting_go(with_columns(made(1), memorized_bits=falls))
    assert found == pytest.approx(np.log10(findings.t50(made(1)) / 150), abs=0.03)
    kept = with_columns(made(1), memorized_bits=lambda time: 3 * np.minimum(time / 20, 1))
    assert np.isnan(findings.letting_go(kept))


def test_networks_beside_kernels_that_find_the_rule_too(findings):
    runs = {"xor-n4/net": {1: made(1), 2: made(2, t_gen=NEVER)}, "xor-n4/flow": {1: made(1, t_gen=40.0)}}
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in findings.lazy_can_succeed(runs).splitlines()]
    assert rows[8][:4] == ["220", "network", "1/2", "1/2"]
    assert float(rows[8][5]) == pytest.approx(np.log10(40), abs=0.05)
    assert rows[9][:4] == ["220", "flow of the initial kernel", "1/1", "0/1"]


def test_the_rungs_have_the_examples_of_the_suite(findings):
    suite = tomllib.loads((PATH.parents[1] / "benchmarks" / "lazy-to-rich.toml").read_text(encoding="utf-8"))
    examples = {task["id"]: task.get("n_train") for task in suite["tasks"]}
    assert {task: examples[task] for task in findings.RUNGS} == findings.RUNGS


def test_every_cell_that_is_looked_at_is_registered(findings, monkeypatch):
    """A cell that was renamed would silently leave its row empty."""
    asked = set()
    monkeypatch.setattr(findings, "over_seeds", lambda runs, cell, value: asked.add(cell) or np.full(1, 2.0))
    for table in (findings.path_of_complexity, findings.features_or_averaging, findings.lookup_tables):
        table({})
    findings.moving_kernels({})
    findings.lazy_can_succeed({})
    known = {
        cell
        for name in ("lazy-to-rich", "complexity")
        for design in rules.read(name).designs
        for cells in design.roles.values()
        for cell in cells
    }
    assert asked <= known


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
