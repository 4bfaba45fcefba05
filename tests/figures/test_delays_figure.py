"""The forest has the numbers of the table of delays, an arrow for every bound, and room for forty rows."""

import math

import pytest
from support_figure_runs import NEVER, drawn, rows, run, seeds

from grokbench.figures.delays import MOST_LINES, MOST_ROWS, Delays
from grokbench.registry import tables
from grokbench.tables.grid import Grid

pytest.importorskip("altair")
figure = Delays()
TIMES = (150, 180, 200, 220, 260, 300, 350, 400)
MIXED = [
    *seeds(t_gens=TIMES),
    *seeds("xgboost", (NEVER,) * 8, family="trees"),
    *seeds("rfm", TIMES, family="feature-learning kernel", t_mem=1),
    *seeds("kernel", (*TIMES[:5], NEVER, NEVER, NEVER), family="kernel"),
    *seeds(t_gens=(NEVER,) * 8, given={"labels": "shuffled"}),
]


def bodies(runs):
    """(task, learner) -> its row; each mark of a row is drawn from it."""
    return {(row["task"], row["learner"]): row for row in rows(drawn(figure, runs), "learner", "delay")}


def test_rows_are_those_of_the_table():
    table = tables["delays"]()
    grid = Grid(MIXED)
    expected = {
        (e.cell.task_label, e.cell.learner_label): (e, row)
        for e, row in zip(table.known(grid), table.rows(grid), strict=True)
    }
    drawn_rows = bodies(MIXED)
    assert drawn_rows.keys() == expected.keys()
    for place, row in drawn_rows.items():
        entry, cells = expected[place]
        for name, column in (("delay", "delay"), ("low", "delay_low"), ("high", "delay_high")):
            assert row[name] == (None if math.isnan(cells[column]) else pytest.approx(cells[column], rel=1e-4))
        assert (row["delay_text"], row["late"]) == (entry.delay_text, entry.late_text)


def test_arrows_begin_at_the_bound_and_leave_the_axis():
    drawn_rows = bodies(MIXED)
    trees, rfm = drawn_rows["modular", "xgboost"], drawn_rows["modular", "rfm"]
    assert trees["delay_text"].startswith("never (> ")
    assert rfm["delay_text"].startswith("≥ ")
    for row in (trees, rfm):
        assert f"{row['begin']:.2f}" in row["delay_text"]
        assert row["edge"] == row["right"] > row["begin"]
    assert drawn_rows["modular", "mlp"]["edge"] is None


def test_an_interval_without_an_upper_end_is_an_arrow_from_its_lower_one():
    row = bodies(MIXED)["modular", "kernel"]
    assert row["high"] is None
    assert row["begin"] == row["low"] < row["delay"] < row["edge"]


def test_a_bound_beyond_the_axis_is_an_arrow_at_its_end():
    long = [run("slow", t_gen=NEVER, t_mem=2.0, budget=5000), *seeds(t_gens=TIMES, t_mem=100)]
    row = bodies(long)["modular", "slow"]
    assert row["begin"] is None
    assert row["edge"] == row["right"]


def test_controls_are_marked_and_not_counted():
    reasons = {place: row["control"] for place, row in bodies(MIXED).items()}
    assert {place for place, reason in reasons.items() if reason} == {("modular(labels=shuffled)", "mlp")}
    assert figure.title(Grid(MIXED)).endswith("half a decade or more after memorizing in 3 of 4 cases")


@pytest.mark.parametrize(
    "runs", [[run()], seeds(t_gens=(NEVER, NEVER)), seeds(t_gens=(20, 20)), [run(t_mem=1, t_gen=1)]]
)
def test_one_run_all_censored_and_nothing_late_are_drawn(runs):
    assert len(bodies(runs)) == 1


def test_where_nothing_memorizes_it_does_not_apply():
    assert not figure.applies(Grid(seeds(t_gens=(NEVER,), t_mem=NEVER)))


def test_the_caption_counts_cells_that_never_memorize():
    blank = seeds("blank", (NEVER,), t_mem=NEVER)
    assert "1 more have no run that memorizes" in figure.caption(Grid([*MIXED, *blank]))
    assert "no run that memorizes" not in figure.caption(Grid(MIXED))


def test_most_late_rows_of_each_task_and_family_are_kept_and_the_caption_counts_the_others():
    runs = [
        run(given={"modulus": m}, options={"width": w}, t_gen=300 if w == 7 else 20)
        for m in range(2, 7)
        for w in range(12)
    ]
    runs += [run(given={"modulus": m, "labels": "shuffled"}, t_gen=NEVER) for m in range(2, 7)]
    kept = bodies(runs)
    assert len(kept) == MOST_ROWS
    assert sum(learner == "mlp(width=7)" for _, learner in kept) == 5
    assert not any("shuffled" in task for task, _ in kept)
    assert "25 of 65 rows are left out" in figure.caption(Grid(runs))


def test_names_of_tasks_take_their_room():
    runs = [run(given={"modulus": m}) for m in range(2, 60)]
    made = drawn(figure, runs)
    assert len(rows(made, "heading")) + len(bodies(runs)) <= MOST_LINES
