"""Tiles are counted by hand on made-up runs, and equal the table of delays where a tile is a cell."""

import pytest
from support_figure_runs import NEVER, drawn, rows, run, seeds

from grokbench.curves.outcome import OUTCOMES
from grokbench.figures.outcome_look import DARK, FILLS, LETTERS, letters_in_words, most_frequent
from grokbench.figures.outcomes import MOST_LEARNERS, MOST_TASKS, Outcomes
from grokbench.registry import tables
from grokbench.tables.grid import Grid

pytest.importorskip("altair")
figure = Outcomes()
RUNS = [
    *seeds(t_gens=(200, 200, NEVER)),
    *seeds("xgboost", (25, 25), family="trees"),
    *seeds(t_gens=(NEVER, NEVER, NEVER), given={"labels": "shuffled"}),
    *seeds("rfm", (NEVER, NEVER), t_mem=NEVER, family="feature-learning kernel"),
    run("crashes", status="failed"),
]


def tiles(runs):
    return {(row["learner"], row["task"]): row for row in rows(drawn(figure, runs), "learner", "share")}


def test_tiles_are_counted_by_hand():

    assert {place: row["text"] for place, row in tiles(RUNS).items()} == {
        ("mlp", "modular"): "2/3 G",
        ("xgboost", "modular"): "0/2 I",
        ("mlp", "modular(labels=shuffled)"): "0/3 M",
        ("rfm", "modular"): "0/0 N",
        ("crashes", "modular"): "failed",
    }
    assert tiles(RUNS)["mlp", "modular"]["share"] == pytest.approx(2 / 3, rel=1e-4)
    assert tiles(RUNS)["mlp", "modular"]["outcomes"] == "2 groks, 1 memorizes only"
    assert tiles(RUNS)["rfm", "modular"]["share"] is None
    assert tiles(RUNS)["crashes", "modular"]["failed"] == 1


def test_a_tile_of_one_cell_says_what_the_table_of_delays_says():
    grid = Grid(RUNS)
    drawn_tiles = tiles(RUNS)
    for entry, row in zip(tables["delays"]().known(grid), tables["delays"]().rows(grid), strict=True):
        tile = drawn_tiles[entry.cell.learner_label, entry.cell.task_label]
        assert (f"{tile['late']}/{tile['decided']}" if tile["decided"] else "") == entry.late_text
        assert (tile["runs"], tile["failed"]) == (row["runs"], row["failed"])
        assert tile["outcomes"].replace(" only", "_only").replace("never fits", "never_fits") == row["outcomes"]


def test_the_title_counts_runs_with_true_labels():
    assert (
        figure.title(Grid(RUNS)) == "2 of 5 decided runs generalize late; in 1 of 4 pairs of learner and task most do"
    )


def test_shuffled_labels_stand_last_and_families_together():
    encoding = drawn(figure, RUNS)["layer"][0]["encoding"]
    assert encoding["x"]["sort"] == ["modular", "modular(labels=shuffled)"]
    assert encoding["y"]["sort"] == ["crashes", "mlp", "rfm", "xgboost"]


@pytest.mark.parametrize(
    "runs", [[run()], seeds(t_gens=(NEVER, NEVER)), seeds(t_gens=(20, 20)), [run(status="failed")]]
)
def test_one_run_all_censored_nothing_late_and_only_failures_are_drawn(runs):
    (tile,) = tiles(runs).values()
    assert tile["runs"] == len(runs)


def test_many_settings_are_counted_by_name():
    runs = [run(options={"width": w}, t_gen=300 if w < 5 else NEVER) for w in range(MOST_LEARNERS + 1)]
    (tile,) = tiles(runs).values()
    assert (tile["learner"], tile["late"], tile["decided"], tile["settings"]) == ("mlp", 5, len(runs), len(runs))
    assert "counted together" in figure.caption(Grid(runs))
    assert "counted together" not in figure.caption(Grid(runs[1:]))


def test_many_tasks_are_counted_by_name_and_shuffled_ones_apart():
    given = [{"modulus": m, **labels} for m in range(MOST_TASKS) for labels in ({}, {"labels": "shuffled"})]
    made = tiles([run(given=one, t_gen=NEVER if "labels" in one else 300) for one in given])
    assert {task: (tile["late"], tile["decided"]) for (_, task), tile in made.items()} == {
        "modular": (MOST_TASKS, MOST_TASKS),
        "modular, shuffled": (0, MOST_TASKS),
    }


def test_every_outcome_has_a_letter_and_a_fill():
    assert set(LETTERS) == set(FILLS) == set(OUTCOMES)
    assert len(set(LETTERS.values())) == len(OUTCOMES)
    assert set(DARK) < set(OUTCOMES)


def test_the_most_frequent_outcome_is_the_first_of_equals():
    assert most_frequent(["partial", "groks", "partial", "groks"]) == "groks"
    assert most_frequent(["partial", "groks", "partial"]) == "partial"
    assert most_frequent([]) == ""
    assert letters_in_words(["memorizes_only", "groks", "groks"]) == "G groks, M memorizes only"
