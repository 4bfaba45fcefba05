"""Early warnings on hand-made runs of which it is known when a signal falls, and by how much."""

import math

import early_warning
import numpy as np
import pytest
from scipy import stats
from support_handmade import NEVER, changed, made

QUESTION = early_warning.Question("made", ["add/late"], ["add/never"], ["signal"])


def signalling(fall: float, at: float, **changes):
    """A run whose signal falls by some decades at a time."""
    one = made(**changes)
    return changed(one, signal=10 ** (-fall * (one.curve.time >= at)))


def runs(late_fall: float, never_fall: float, at: float = 50.0):
    late = {seed: signalling(late_fall, at, seed=seed, t_gen=700.0 + 10 * seed) for seed in range(20)}
    never = {seed: signalling(never_fall, at, seed=seed, t_gen=NEVER) for seed in range(20)}
    return {"add/late": late, "add/never": never}


def test_auroc_is_mann_and_whitneys():
    late, never = np.array([3.0, 2.0, 5.0]), np.array([1.0, 2.0, 0.0])
    assert early_warning.auroc(late, never) == pytest.approx(stats.mannwhitneyu(late, never).statistic / 9)
    assert math.isnan(early_warning.auroc(late, never[:0]))


def test_an_alarm_needs_three_checkpoints_on_end():
    times = np.arange(1.0, 8.0)
    assert early_warning.alarm(times, np.array([0, 1, 1, 0, 1, 1, 1.0]), 0.5) == 7.0
    assert math.isnan(early_warning.alarm(times, np.array([0, 1, 1, 0, 1, 1, 0.0]), 0.5))
    assert early_warning.strongest(np.array([0, 3, 2, 4, 1.0])) == 2.0
    assert early_warning.strongest(np.array([3.0])) == -math.inf


def test_the_threshold_lets_a_twentieth_pass():
    falls = [np.full(3, float(level)) for level in range(40)]
    limit = early_warning.threshold(falls)
    assert sum(early_warning.strongest(one) > limit for one in falls) == 2


def test_a_signal_that_falls_in_late_runs_only_is_heard_in_all_of_them():
    row = early_warning.judged(QUESTION, "signal", runs(1.0, 0.0))
    assert row["AUROC at 3 t_mem"] == "1.00 [1.00, 1.00]"
    assert row["alarm before the rise"] == "20/20"
    assert row["false alarms"] == "0/20"
    lead = math.log10(runs(1.0, 0.0)["add/late"][10].half_rise() / 65)  # three checkpoints from 50 on
    assert float(row["lead in decades, median"]) == pytest.approx(lead, abs=0.06)


def test_a_signal_that_falls_everywhere_says_nothing():
    row = early_warning.judged(QUESTION, "signal", runs(1.0, 1.0))
    assert row["AUROC at 3 t_mem"] == "0.50 [0.50, 0.50]"
    assert row["alarm before the rise"] == "0/20"


def test_a_column_that_knows_the_time_ranks_it():
    late = runs(1.0, 0.0)["add/late"]
    knowing = [(s, changed(one, signal=np.full(len(one.curve), one.detections[0.95].t_gen))) for s, one in late.items()]
    assert early_warning.ranked(knowing, "signal") == "1.00"


@pytest.mark.slow
def test_the_page_has_what_the_archived_runs_say():
    page = early_warning.PAGE.read_text(encoding="utf-8")
    text = f"{early_warning.answers(*early_warning.REFERENCE)}\n"
    assert early_warning.with_block(page, early_warning.BLOCK, text) == page, (
        "python studies/early_warning.py writes it"
    )
    assert text in page
