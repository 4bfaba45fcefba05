"""What is kept are the medians of the table where a family has one cell, and by hand where it has two."""

import numpy as np
import pytest
from scipy.stats import binom
from support_figure_runs import NEVER, drawn, rows, run, seeds

from grokbench.figures.early_stopping import PATIENCES, EarlyStopping
from grokbench.registry import tables
from grokbench.tables.grid import Grid

pytest.importorskip("altair")
figure = EarlyStopping()
TIMES = (5, 20, 60, 90, 130, 200, 300, 450, 600, 900)


def kept(runs):
    return {(row["family"], row["patience"]): row for row in rows(drawn(figure, runs), "patience", "kept")}


def table(runs):
    return {
        (row["task"], row["learner"], row["rule"]): row
        for row in tables["early_stopping"]().rows(Grid(runs))
        if row["reads"] == "accuracy"
    }


def test_the_numbers_are_those_of_the_table():
    runs = seeds(t_gens=TIMES)
    made, expected = kept(runs), table(runs)
    assert len(made) == len(PATIENCES) + 1
    for rule, checks in PATIENCES.items():
        row = expected["modular", "mlp", rule]
        assert made["neural", str(checks)]["kept"] == pytest.approx(row["test_accuracy_at_stop"], rel=1e-4)
        stopped = round(row["stopped_before_generalizing"] * row["generalizing"])
        assert made["neural", str(checks)]["too_soon"] == f"{stopped} of {row['generalizing']}"
    assert made["neural", "whole run"]["kept"] == pytest.approx(row["final_test_accuracy"], rel=1e-4)


def test_intervals_are_the_order_statistics_of_the_sign_test():
    """A jump is kept, 1, or not, .25: the ends are the 2nd and the 9th value of ten."""
    row = kept(seeds(t_gens=TIMES))["neural", "10"]
    stopped = int(row["too_soon"].split()[0])
    values = np.sort([0.25] * stopped + [1.0] * (len(TIMES) - stopped))
    cut = int(binom.ppf(0.025, len(TIMES), 0.5))
    assert (row["low"], row["high"], row["runs"]) == (values[cut - 1], values[-cut], len(TIMES))


def test_cells_of_a_family_are_pooled_and_those_that_never_generalize_left_out():
    soon, late = seeds(t_gens=(5, 5, 5)), seeds("other", (900, 900))
    row = kept([*soon, *late, *seeds("never", (NEVER, NEVER))])["neural", "3"]
    assert (row["runs"], row["too_soon"], row["kept"]) == (5, "2 of 5", 1)


def test_the_title_counts_runs():
    runs = [*seeds(t_gens=(900, 5)), *seeds(t_gens=(NEVER, NEVER), given={"labels": "shuffled"})]
    assert figure.title(Grid(runs)) == "Patience 10 ends 1 of 2 runs before they generalize; patience 100 ends 1"


def test_fewer_than_six_runs_have_no_interval():
    """The widest interval of five values covers their median with 1 - 2 / 2^5 = .94."""
    for n, known in ((5, False), (6, True)):
        row = kept(seeds(t_gens=TIMES[:n]))["neural", "10"]
        assert [row[end] is not None for end in ("low", "high")] == [known, known]


@pytest.mark.parametrize("runs", [[run()], seeds(t_gens=(20, 20))])
def test_one_run_and_nothing_late_are_drawn(runs):
    assert kept(runs)["neural", "whole run"]["kept"] == 1


@pytest.mark.parametrize("runs", [seeds(t_gens=(NEVER, NEVER)), seeds(t_gens=(200,), given={"labels": "shuffled"})])
def test_where_nothing_generalizes_it_does_not_apply(runs):
    assert not figure.applies(Grid(runs))


def test_every_family_has_a_line_of_its_own_whatever_its_name():
    names = ("neural", "a \u2028 'quoted' \"one\"", "x' || true || '")
    runs = [one for name in names for one in seeds(f"learner{names.index(name)}", (200, 300), family=name)]
    lines = [part for part in drawn(figure, runs)["concat"][0]["layer"] if part["mark"]["type"] == "line"]
    assert len(lines) == len(names)
    assert "filter" not in str(lines)
