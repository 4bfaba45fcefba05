"""The rules by which two sides are judged, one by one, and what must not change a judgement."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support_handmade import made

from grokbench.statistics.resampling import smallest_p
from grokbench.statistics.survival import log_rank, median
from grokbench.verdicts.comparison import VERDICTS, Comparison, _adequate_horizon, _late_share, decide
from grokbench.verdicts.comparison import _compare as compare
from grokbench.verdicts.comparison import compare as compare_runs
from grokbench.verdicts.side import Side


def rng():
    return np.random.default_rng(0)


def side(t_mem, t_gen, *, task="add", seed=None, clock="steps", last=1e5, first=1.0, resolved=None, late=None):
    """A side from its two times (+inf: never), every derived quantity by its definition."""
    t_mem, t_gen = np.atleast_1d(np.asarray(t_mem, float)), np.atleast_1d(np.asarray(t_gen, float))
    last = np.broadcast_to(np.asarray(last, float), t_mem.shape)
    fitted, generalizes = np.isfinite(t_mem), np.isfinite(t_gen)
    with np.errstate(invalid="ignore", divide="ignore"):
        delay = np.where(fitted, np.log10(np.where(generalizes, t_gen, last) / t_mem), np.nan)
    if resolved is None:
        resolved = fitted & (t_mem >= 10 * np.asarray(first))
    if late is None:
        late = np.where(fitted, (generalizes & (delay >= 0.5)).astype(float), np.nan)
    return Side(
        task=task,
        seed=np.arange(t_mem.size) if seed is None else seed,
        delay=delay,
        event=fitted & generalizes,
        fitted=fitted,
        resolved=resolved,
        late=late,
        clock=clock,
        t_mem=t_mem,
        t_gen=t_gen,
        last=last,
        first=first,
    )


def learner(delay, n=10, seed=1, t_mem=20.0, **options):
    """n runs whose delays scatter by .05 decades around `delay`."""
    return side(np.full(n, t_mem), t_mem * 10 ** np.random.default_rng(seed).normal(delay, 0.05, n), **options)


def verdict(a, b):
    return decide([compare(a, b, rng())])[0].verdict


def test_later_earlier_and_no_evidence():
    slow, fast = learner(2), learner(1, seed=2, clock="rounds", t_mem=50.0)
    row = decide([compare(slow, fast, rng())])[0]
    assert row.verdict == "later"
    assert verdict(fast, slow) == "earlier"
    assert verdict(slow, learner(2, seed=3)) == "no evidence"
    assert verdict(slow, slow) == "no evidence"
    assert row.win == 1
    assert row.p == row.p_holm == 2 / 2**10
    assert (row.n_a, row.n_b, row.late_a, row.late_b, row.basis) == (10, 10, 1, 1, "delay")
    assert row.delay_a == median(slow.delay, slow.event) == np.sort(slow.delay)[4]
    assert row.difference == row.delay_a - row.delay_b
    assert row.low <= row.difference <= row.high
    assert row.high - row.low < 0.2  # medians of 10 values with sd .05


def test_runs_that_never_generalize_stay_in_as_censored():
    never = side(np.full(12, 20.0), np.full(12, np.inf))
    row = decide([compare(never, learner(1, n=12), rng())])[0]
    assert row.verdict == "later"
    assert (row.delay_a, row.difference, row.low, row.high) == (math.inf,) * 4
    both = compare(never, never, rng())
    assert math.isnan(both.difference)  # inf - inf
    assert (both.low, both.high) == (-math.inf, math.inf)
    assert (both.p, both.win) == (1, 0)


def test_runs_are_compared_within_tasks():
    task, seed = np.repeat(["u", "v"], 10), np.tile(np.arange(10), 2)
    level = np.repeat([0.6, 2.6], 10)  # the tasks differ by more than the sides do
    a, b = (learner(level + shift, n=20, seed=1, task=task) for shift in (0.3, 0.0))
    a, b = (side(x.t_mem, x.t_gen, task=task, seed=seed) for x in (a, b))
    row = compare(a, b, rng())
    assert row.win == 1  # over all pairs it would be .5
    everything = np.append(a.delay, b.delay), np.ones(40, bool), np.arange(40) < 20, np.tile(task, 2)
    assert row.z == pytest.approx(log_rank(*everything))
    assert row.p == smallest_p(20)


def test_only_clusters_of_both_sides_count():
    a, b = learner(2, n=14), learner(1, n=12, seed=2)
    b = side(b.t_mem, b.t_gen, seed=np.arange(2, 14))
    row = compare(a, b, rng())
    assert (row.n_a, row.n_b) == (12, 12)
    assert row.delay_a == median(a.delay[2:], a.event[2:])
    other_task = side(a.t_mem, a.t_gen, task="multiply")
    nothing = compare(other_task, b, rng())
    assert (nothing.verdict, nothing.n_a, nothing.n_b) == ("too few runs", 0, 0)
    assert math.isnan(nothing.late_a)
    assert math.isnan(nothing.p)


def test_ten_seeds_are_needed():
    assert verdict(learner(2, n=9), learner(1, n=9, seed=2)) == "too few runs"
    assert verdict(learner(2, n=10), learner(1, n=10, seed=2)) == "later"
    # Nine seeds on three tasks are 27 clusters, but still nine seeds.
    tasks = np.repeat(["u", "v", "w"], 9)
    a, b = (side(x.t_mem, x.t_gen, task=tasks, seed=np.tile(np.arange(9), 3)) for x in (learner(2, 27), learner(1, 27)))
    row = compare(a, b, rng())
    assert row.verdict == "too few runs"
    assert "9 seeds" in row.reason
    assert row.win == 1  # described all the same


def test_more_than_a_fifth_without_t_mem_is_too_few():
    fine = learner(1, seed=2)
    for lost, expected in ((2, "later"), (3, "too few runs")):
        a = learner(2)
        t_mem, t_gen = (np.where(np.arange(10) < lost, np.inf, values) for values in (a.t_mem, a.t_gen))
        a = side(t_mem, t_gen)
        assert verdict(a, fine) == expected
        assert verdict(fine, a) == expected.replace("later", "earlier")
        row = compare(a, fine, rng())
        assert (row.n_a, row.delay_a) == (10, median(a.delay[lost:], a.event[lost:]))
        assert row.p == 2 / 2 ** (10 - lost)  # the partners of lost runs leave the test with them
        assert row.delay_b == median(fine.delay[lost:], fine.event[lost:])


def test_clusters_left_must_be_able_to_reach_the_level():
    a, b = learner(2, n=13), learner(1, n=13, seed=2)
    seeds = np.repeat(np.arange(10), [1, 1, 1, 1, 1, 1, 1, 2, 2, 2])
    lost_a, lost_b = np.isin(np.arange(13), [0, 1]), np.isin(np.arange(13), [2, 3])

    def without(x, lost):
        return side(np.where(lost, np.inf, x.t_mem), x.t_gen, seed=seeds)

    assert compare(without(a, lost_a), without(b, lost_b), rng()).p == 2 / 2**6
    assert verdict(without(a, lost_a), without(b, lost_b)) == "later"  # six pairs reach .031
    # Blocks on the first seeds: losing a fifth of the runs of each side now costs five clusters.
    big = np.repeat(np.arange(10), [1, 1, 1, 1, 1, 16, 16, 16, 16, 16])
    a, b = (side(x.t_mem, x.t_gen, seed=big) for x in (learner(2, n=85), learner(1, n=85, seed=2)))
    a = side(np.where(big < 5, np.inf, a.t_mem), a.t_gen, seed=big)
    row = compare(a, b, rng())
    assert row.verdict == "too few runs"
    assert "5 pairs" in row.reason


def test_an_unresolved_side_on_another_clock_is_not_comparable():
    grain = side(np.ones(10), np.full(10, 12.0), clock="iterations", late=np.ones(10))
    for a, b in ((grain, learner(1)), (learner(1), grain)):
        row = decide([compare(a, b, rng())])[0]
        assert row.verdict == "not comparable"
        assert (row.late_a, row.late_b) == (1, 1)
        hidden = (
            row.delay_a,
            row.delay_b,
            row.difference,
            row.low,
            row.high,
            row.win,
            row.p,
            row.p_holm,
        )
        assert all(math.isnan(value) for value in hidden)
    few = grain.take(np.arange(3))
    assert verdict(few, learner(1)) == "not comparable"  # whatever the number of runs


def test_an_unresolved_side_on_the_same_clock_is_compared_by_t_gen():
    t_gen = np.linspace(12, 15, 10)
    grain = side(np.ones(10), t_gen, clock="iterations")
    late_one = side(np.full(10, 20.0), 100 * t_gen, clock="iterations")
    row = compare(late_one, grain, rng())
    assert row.basis == "t_gen"
    assert row.difference == pytest.approx(2)
    assert row.delay_b == pytest.approx(np.log10(t_gen[4]))
    assert verdict(late_one, grain) == "later"
    never = side(np.full(10, 20.0), np.full(10, np.inf), clock="iterations", last=10.0)
    assert compare(never, grain, rng()).win == 0  # censored at 10, before anything happened on the other side


def test_the_unit_of_a_shared_clock_is_one_for_both_sides():
    """Flows start their grids where their spectrum says; decades of flow time are the same for all of them."""
    a = side(np.full(10, 1.0), np.linspace(50, 90, 10), clock="flow time", first=1.0)
    b = side(np.full(10, 0.1), np.linspace(50, 90, 10), clock="flow time", first=0.1)
    row = compare(a, b, rng())
    assert (row.basis, row.win, row.difference) == ("t_gen", 0, 0)
    assert row.delay_a == row.delay_b == pytest.approx(np.log10(np.linspace(50, 90, 10)[4] / 0.1))
    assert compare(b, a, rng()).delay_a == row.delay_a


def test_some_runs_at_the_grain_are_left_out_like_runs_without_t_mem():
    fine = learner(1, seed=2, clock="rounds")
    for grains, expected in ((2, "later"), (3, "too few runs"), (5, "too few runs"), (6, "not comparable")):
        a = learner(2)
        assert verdict(replace(a, resolved=np.arange(10) >= grains), fine) == expected
    with pytest.raises(ValueError, match="lower bound"):
        replace(fine, delay=np.full(10, np.nan))


def test_a_non_event_counts_only_on_an_adequate_horizon():
    pairs = side(np.full(4, 20.0), [300.0, 300.0, np.inf, 300.0])
    never = side(np.full(4, 20.0), np.full(4, np.inf), last=[3000.0, 2999.0, 30.0, np.inf])
    np.testing.assert_array_equal(_adequate_horizon(never, pairs), [True, False, True, True])
    mixed = side(np.full(4, 20.0), [np.inf, np.inf, np.inf, 900.0], last=[3000.0, 2999.0, 30.0, 1e4])
    assert _late_share(mixed, pairs) == 1 / 3  # run 1 is empty: 0, -, 0, 1
    generalizes_at_once = side(np.full(4, 20.0), np.full(4, 21.0), last=22.0)
    slow = side(np.full(4, 20.0), np.full(4, 300.0))
    assert not _adequate_horizon(generalizes_at_once, slow).any()
    assert _late_share(generalizes_at_once, slow) == 0  # an immediate run is a 0 on any horizon
    assert math.isnan(_late_share(replace(pairs, late=np.nan), never))


def test_horizons_between_clocks_are_ratios_to_t_mem():
    theirs = side([20.0, 20.0], [400.0, 400.0])  # 20 times t_mem, so 200 times is needed
    ours = side([3.0, 3.0], [np.inf, np.inf], clock="rounds", last=[600.0, 599.0])
    np.testing.assert_array_equal(_adequate_horizon(ours, theirs), [True, False])
    unfitted = side([np.inf], [400.0])
    np.testing.assert_array_equal(_adequate_horizon(ours.take([0]), unfitted), [False])
    # Of several paired runs (families) the earliest decides.
    several = side([20.0, 20.0], [400.0, 100.0], seed=[0, 0])
    np.testing.assert_array_equal(_adequate_horizon(side([3.0], [np.inf], clock="rounds", last=150.0), several), [True])


def test_holm_over_the_registered_rows_that_are_tests():
    strong, weak = compare(learner(2), learner(1, seed=2), rng()), compare(learner(2), learner(2, seed=3), rng())
    borderline = replace(strong, p=0.03)
    few = compare(learner(2, n=5), learner(1, n=5), rng())
    assert [row.verdict for row in decide([borderline])] == ["later"]
    assert [row.verdict for row in decide([borderline, borderline])] == ["no evidence"] * 2
    rows = decide([borderline, few, borderline, strong], registered=[True, True, False, True])
    assert [row.verdict for row in rows] == ["later", "too few runs", None, "later"]
    assert rows[0].p_holm == 0.03
    assert rows[3].p_holm == 2 * strong.p
    assert math.isnan(rows[1].p_holm)
    assert math.isnan(rows[2].p_holm)
    assert (
        decide(decide([strong, weak, few])) == decide([strong, weak, few]) or weak.p != weak.p
    )  # judging twice: the same
    with pytest.raises(ValueError, match="registrations"):
        decide([strong], [True, False])


def test_no_claim_where_win_and_log_rank_disagree():
    row = Comparison(10, 10, 1.0, 1.0, win=0.2, z=2.5, p=0.01)
    assert decide([row])[0].verdict == "later"
    assert decide([replace(row, z=-2.5)])[0].verdict == "no evidence"
    assert decide([replace(row, win=0.0)])[0].verdict == "no evidence"
    assert {v.verdict for v in decide([row, replace(row, p=1.0)])} <= set(VERDICTS)


def test_runs_are_compared_as_their_arrays_are():
    slow, fast = ([made(seed=s, t_gen=t * 10 ** (s / 100)) for s in range(10)] for t in (800.0, 200.0))
    row = decide([compare_runs(slow, fast, lambda run: "add", rng())])[0]
    assert row == decide([compare(Side.of(slow, lambda run: "add"), Side.of(fast, lambda run: "add"), rng())])[0]
    assert (row.verdict, row.n_a, row.win) == ("later", 10, 1)
    assert row.difference == pytest.approx(math.log10(4), abs=0.01)
    apart = compare_runs(slow, fast, lambda run: f"{run.detections[0.95].t_gen > 400}", rng())
    assert (apart.verdict, apart.n_a) == ("too few runs", 0)  # no task in common


def test_comparing_touches_neither_arguments_nor_global_random_state():
    a, b = learner(2), learner(1, seed=2)
    before, state = {name: values.copy() for name, values in vars(a).items()}, np.random.get_state()[1].copy()  # noqa: NPY002
    compare(a, b, rng())
    assert all(np.array_equal(before[name], vars(a)[name]) for name in before)
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002


def test_the_room_imports_in_milliseconds():
    import subprocess
    import sys

    code = "import sys, grokbench.verdicts.comparison, grokbench.statistics.proportions; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
