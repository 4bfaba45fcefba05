"""The table of early stopping on hand-made runs: shares, medians and intervals as the hand computes them."""

import pytest
from scipy.stats import beta
from support_tables import NEVER, crossing, curve, put, read, report

from grokbench.report.write import read_grid
from grokbench.runs.store import Store
from grokbench.tables.early_stopping import EarlyStopping
from grokbench.tables.grid import Grid


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Eight runs that generalize late, two of the same cell that do not; a learner that never does, one that fails."""
    store = Store(tmp_path_factory.mktemp("stops") / "results")
    for seed in range(10):
        put(store, "mlp", seed, t_mem=20, t_gen=400 if seed < 8 else NEVER)
        put(store, "linearized", seed, t_mem=20, t_gen=NEVER, family="lazy")
    put(store, "rfm", 0, t_mem=NEVER, t_gen=NEVER, family="feature-learning kernel")
    report(store, "early_stopping")
    return store


def rows_of(store, learner):
    return {(r["reads"], r["rule"]): r for r in read(store, "early_stopping") if r["learner"] == learner}


@pytest.mark.parametrize("reads", ["accuracy", "loss"])
def test_patience_10_ends_every_late_run(store, reads):
    row = rows_of(store, "mlp")[reads, "patience 10"]
    assert (row["runs"], row["generalizing"], row["stopped_before_generalizing"]) == ("10", "8", "1")
    assert float(row["stopped_low"]) == pytest.approx(beta.ppf(0.025, 8, 1), rel=1e-5)
    assert (row["stopped_high"], row["test_accuracy_at_stop"], row["final_test_accuracy"]) == ("1", "0.25", "1")
    assert (row["regret"], row["regret_low"], row["regret_high"]) == ("0.75", "0", "0.75"), "two runs lose nothing"


def test_a_check_is_a_tenth_of_t_mem_or_a_tick(store):
    """t_mem is just below 20: a check every two units, and the first 11 checks take about 1.1 t_mem."""
    row = rows_of(store, "mlp")["accuracy", "patience 10"]
    assert float(row["stop_t_mems"]) == pytest.approx(1.1, rel=1e-5)


def test_the_needed_patience_is_the_wait_for_the_step(store):
    row, t_mem = rows_of(store, "mlp")["accuracy", "patience 10"], crossing(20, 5000)
    checks, waited = float(row["needed_checks"]) * t_mem / 10, float(row["needed_t_mems"]) * t_mem
    last_before, first_after = 355, 398  # stored checkpoints around the step: between them the reading is a line
    assert last_before < checks < first_after + 4
    assert last_before - t_mem < waited < first_after + 4
    assert rows_of(store, "mlp")["accuracy", "30 t_mem"]["regret"] == "0"


def test_what_never_generalizes_is_never_ended_too_soon(store):
    for row in rows_of(store, "linearized").values():
        assert (row["generalizing"], row["stopped_before_generalizing"], row["stopped_low"]) == ("0", "", "")
        assert (row["regret"], row["needed_checks"]) == ("0", "1")


def test_a_learner_that_never_memorizes_has_no_row(store):
    assert rows_of(store, "rfm") == {}


def test_people_read_a_few_rules_where_something_generalizes(store):
    page = (store.results / "early_stopping.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| modular")]
    assert len(lines) == 12
    assert any("| 8/8 |" in line and "patience 10 |" in line for line in lines)
    assert not any("linearized" in line for line in lines)


def test_where_halves_were_measured_a_rule_reads_one_and_is_judged_on_the_other(tmp_path):
    store = Store(tmp_path / "results")
    rows = [
        {**row, "validation_loss": row["test_loss"], "validation_accuracy": row["test_accuracy"]}
        | {"remaining_accuracy": row["test_accuracy"] / 2}
        for row in curve(20, 400, 5000)
    ]
    put(store, "mlp", 0, rows=rows)
    report(store, "early_stopping")
    row = rows_of(store, "mlp")["accuracy", "patience 10"]
    assert (row["judged_on"], row["test_accuracy_at_stop"], row["final_test_accuracy"]) == (
        "other half",
        "0.125",
        "0.5",
    )


def test_without_halves_it_says_that_both_are_one_split(store):
    assert {row["judged_on"] for row in read(store, "early_stopping")} == {"same split"}


def test_the_headline_counts_runs_of_all_learners(store):
    assert EarlyStopping().headline(read_grid(store.results)) == (
        "early stopping: patience 10 on held-out accuracy, with a check every t_mem/10, ends 8 of 8 runs before they "
        "generalize; a patience of 30 t_mem ends 0"
    )
    empty = Grid([])
    assert EarlyStopping().headline(empty) == ""
