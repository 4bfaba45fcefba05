"""The lines are the product-limit estimate of the waits: against scipy's, and by hand."""

import numpy as np
import pytest
from scipy.stats import CensoredData, ecdf
from support_figure_runs import NEVER, drawn, rows, run, seeds

from grokbench.curves.detect import LEVEL
from grokbench.figures.survival import ENDED, MOST_STEPS, Survival
from grokbench.tables.grid import Grid

pytest.importorskip("altair")
figure = Survival()


def line_of(runs, of="neural"):
    steps = rows(drawn(figure, runs), "decades", "left", "height")
    return [(row["decades"], row["left"]) for row in steps if row["of"] == of and "why" not in row]


def waits(runs):
    return [(run.detections[LEVEL].delay, run.detections[LEVEL].delay_censoring) for run in runs]


def test_a_line_is_scipys_estimate_of_the_delays_in_the_table():
    ends = [5000, 700, 5000, 900, 5000, 5000, 400, 5000]
    times = [200, NEVER, 300, NEVER, 1000, 300, NEVER, NEVER]
    runs = [run(seed=i, t_gen=t, budget=end) for i, (t, end) in enumerate(zip(times, ends, strict=True))]
    values = waits(runs)
    sample = CensoredData(
        uncensored=[d for d, kind in values if kind != "right"], right=[d for d, kind in values if kind == "right"]
    )
    expected = ecdf(sample).sf
    falls = sorted({d for d, kind in values if kind != "right"})
    begin, *steps, last = line_of(runs)
    assert begin == (0.0, 1.0)
    assert steps == [pytest.approx((d, float(expected.evaluate(d))), abs=1e-4) for d in falls]
    assert last == pytest.approx((max(d for d, _ in values), steps[-1][1]), abs=1e-4)


def test_ticks_stand_where_runs_ended_on_the_line_at_that_time():
    runs = [*seeds(t_gens=(200, 200)), run(seed=2, t_gen=NEVER), run(seed=3, t_gen=NEVER)]
    (tick,) = rows(drawn(figure, runs), "why")
    assert (tick["why"], tick["count"], tick["left"], tick["runs"]) == (ENDED, 2, 0.5, 4)
    assert tick["decades"] == pytest.approx(max(d for d, _ in waits(runs)), abs=0.005)


def test_a_run_that_memorizes_in_the_first_tick_is_an_arrow():
    (arrow,) = rows(drawn(figure, [run(t_mem=1)]), "why")
    assert arrow["why"].startswith("memorized in the first tick")


def test_the_title_counts_families_of_which_most_runs_are_late():
    late, soon = seeds(t_gens=(200, 200, NEVER)), seeds("xgboost", (25, 25, 200), family="trees")
    assert figure.title(Grid([*late, *soon])).startswith("Most runs generalize late in 1 of 2 families")
    elsewhere = seeds(t_gens=(25, 200, 200), given={"modulus": 5})
    assert "in 2 of 3 pairs" in figure.title(Grid([*late, *soon, *elsewhere]))


def test_the_title_counts_late_runs_whose_delay_is_a_bound_and_not_those_that_never_generalize():
    """What memorizes in its first tick has no median delay, but is late by the endpoint of all comparisons."""
    exact = seeds("rfm", (200, 200, 200), t_mem=1, family="feature-learning kernel")
    assert [run.detections[LEVEL].late for run in exact] == [1, 1, 1]
    assert "in 1 of 1 families" in figure.title(Grid(exact))
    assert "in 0 of 1 families" in figure.title(Grid(seeds(t_gens=(NEVER, NEVER))))


def test_a_line_is_of_one_learner_that_with_most_late_runs():
    """Runs of another that end early would be censored, and the line fall to zero whatever they do."""
    late, never = seeds(t_gens=(200, 300, NEVER)), [run("brief", i, t_gen=NEVER, budget=25) for i in range(9)]
    alone, beside = line_of(late), line_of([*late, *never])
    assert alone == beside
    settings = seeds(t_gens=(250,), options={"width": 5})
    assert {row["runs"] for row in rows(drawn(figure, [*late, *settings, *never]), "left")} == {4}


def test_controls_have_lines_of_their_own_and_shuffled_labels_none():
    free, frozen = (seeds("rfm", (200, 200), options={"frozen": frozen}) for frozen in (False, True))
    shuffled = seeds("rfm", (NEVER,), given={"labels": "shuffled"})
    steps = rows(drawn(figure, [*free, *frozen, *shuffled]), "of", "left")
    assert {(row["of"], row["runs"]) for row in steps} == {("neural", 2), ("controls of neural", 2)}


def test_without_weight_decay_is_a_control_only_beside_some():
    without, some = (seeds(t_gens=(200,), options={"weight_decay": decay}) for decay in (0, 1.0))
    assert {row["of"] for row in rows(drawn(figure, without), "of")} == {"neural"}
    assert {row["of"] for row in rows(drawn(figure, [*without, *some]), "of")} == {"neural", "controls of neural"}


@pytest.mark.parametrize("runs", [[run()], seeds(t_gens=(NEVER, NEVER)), seeds(t_gens=(20, 20))])
def test_one_run_all_censored_and_nothing_late_are_drawn(runs):
    line = line_of(runs)
    assert line[0][1] == 1
    assert line[-1][1] in (0, 1)


def test_lines_that_never_fall_lie_side_by_side():
    runs = [*seeds(t_gens=(NEVER,)), *seeds("xgboost", (NEVER,), family="trees")]
    flat = {row["of"]: row["height"] for row in rows(drawn(figure, runs), "left")}
    assert len(set(flat.values())) == 2
    assert min(flat.values()) > 1


def test_where_nothing_memorizes_it_does_not_apply():
    assert not figure.applies(Grid(seeds(t_gens=(NEVER,), t_mem=NEVER)))


def test_long_lines_are_thinned_but_keep_their_ends():
    runs = seeds(t_gens=np.geomspace(30, 2000, 100))
    line = line_of(runs)
    assert len(line) <= MOST_STEPS + 2
    assert line[-1][1] == 0


def test_at_most_six_tasks_and_the_caption_says_so():
    runs = [run(given={"modulus": modulus}) for modulus in range(2, 10)]
    assert len(drawn(figure, runs)["concat"]) == 6
    assert "Not shown: 2 of 8 tasks" in figure.caption(Grid(runs))
    assert "Not shown" not in figure.caption(Grid(runs[:6]))
