"""The judgement of a cell in two result sets: exact on hand-made pairs, and as often wrong as it says on drawn ones."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, binomtest
from support_listed import drawn, judged, listed

from grokbench.verdicts.change import ALPHA, FEWEST, MARGIN

CELLS = 200  # drawn for a rate: its standard error is 1.5 % at 5 %


def words(seed: int, *arguments, **options) -> Counter:
    rng = np.random.default_rng(seed)
    return Counter(judged(*drawn(rng, *arguments, **options)).verdict for _ in range(CELLS))


def shifted(by: float, seeds: int = 10, **facts):
    return [listed(s) for s in range(seeds)], [listed(s, t_gen=500 * 10**by, **facts) for s in range(seeds)]


# ---------------------------------------------------------------- controls: nothing changed


@pytest.mark.parametrize("seeds", [1, 2, 7, 8, 10, 20])
def test_the_same_runs_with_rounding_noise_are_always_unchanged(seeds):
    assert words(1, seeds, noise=1e-6) == {"unchanged": CELLS}


@pytest.mark.parametrize("seeds", [8, 10, 20])
@pytest.mark.parametrize("last", [1e5, 1e3])  # the second censors half of the runs
def test_chaos_without_a_shift_is_called_a_change_in_five_per_cent_at_most(seeds, last):
    """As where a network's last digits grow: each run is drawn anew around its split's time, .2 decade wide."""
    counts = words(2, seeds, noise=0.2, last=last)
    named = counts["later"] + counts["earlier"]
    assert counts["not comparable"] == 0
    assert binomtest(named, CELLS, 0.05, alternative="greater").pvalue > 0.001


def test_a_rounding_shift_of_all_pairs_in_one_direction_is_no_change():
    assert judged(*shifted(1e-5)).verdict == "unchanged"


# ---------------------------------------------------------------- controls: something changed


@pytest.mark.parametrize(("shift", "word"), [(0.1, "later"), (-0.1, "earlier")])
@pytest.mark.parametrize("noise", [0.0, 1e-6, 0.01])
def test_a_tenth_of_a_decade_is_always_seen(shift, word, noise):
    assert words(3, 10, noise, shift=shift) == {word: CELLS}


def test_a_tenth_of_a_decade_is_mostly_seen_beyond_noise_of_a_third_of_it():
    assert words(4, 20, 0.03, shift=0.1)["later"] > 0.95 * CELLS


def test_a_large_shift_is_seen_under_chaos():
    assert words(5, 20, 0.2, shift=0.6)["later"] > 0.95 * CELLS


def test_swapping_the_sides_swaps_the_words():
    rng = np.random.default_rng(6)
    turned = {"later": "earlier", "earlier": "later", "unchanged": "unchanged", "not comparable": "not comparable"}
    for shift in (0.0, 0.05, 0.1, -0.3):
        a, b = drawn(rng, 10, 0.03, shift=shift, last=2000)
        one, other = judged(a, b), judged(b, a)
        assert {name: turned[word] for name, word in one.words.items()} == other.words
        assert (one.t_gen.low, one.t_gen.high) == pytest.approx((-other.t_gen.high, -other.t_gen.low))


def test_the_order_of_runs_does_not_matter():
    a, b = drawn(np.random.default_rng(7), 12, 0.1)
    assert judged(a[::-1], b).t_gen == judged(a, b[::-1]).t_gen == judged(a, b).t_gen


# ---------------------------------------------------------------- the interval and its margin


def test_the_interval_is_the_sign_tests_at_a_quarter_of_the_level():
    """Oracle: of n sorted changes the k-th and (n + 1 - k)-th, k the largest with P(Bin(n, 1/2) < k) <= ALPHA / 2."""
    rng = np.random.default_rng(8)
    for seeds in (8, 10, 17, 30):
        a, b = drawn(rng, seeds, 0.2)
        moved = np.sort([math.log10(two.t_gen / one.t_gen) for one, two in zip(a, b, strict=True)])
        k = max(k for k in range(1, seeds) if binom.cdf(k - 1, seeds, 0.5) <= ALPHA / 2)
        shift = judged(a, b).t_gen
        assert (shift.low, shift.high) == pytest.approx((moved[k - 1], moved[seeds - k]))
        assert shift.estimate == pytest.approx(np.median(moved))


def test_the_fewest_pairs_are_those_whose_sign_test_reaches_the_level():
    assert binomtest(0, FEWEST).pvalue <= ALPHA < binomtest(0, FEWEST - 1).pvalue


@pytest.mark.parametrize(("seeds", "word"), [(FEWEST - 1, "not comparable"), (FEWEST, "later")])
def test_a_change_needs_enough_pairs(seeds, word):
    change = judged(*shifted(0.3, seeds))
    assert change.verdict == word
    assert ("8 are needed" in change.reason) == (word == "not comparable")
    assert change.is_change


@pytest.mark.parametrize(("by", "word"), [(MARGIN, "unchanged"), (MARGIN + 0.001, "later"), (-MARGIN, "unchanged")])
def test_the_margin_is_a_bin(by, word):
    assert judged(*shifted(by)).verdict == word


def test_what_scatters_around_nothing_says_so():
    a = [listed(s) for s in range(10)]
    b = [listed(s, t_gen=500 * 10 ** (0.2 * (-1) ** s)) for s in range(10)]
    change = judged(a, b)
    assert (change.verdict, change.is_change) == ("unchanged", False)
    assert change.reason == "no change shown of t_gen, delay: pairs scatter by more than a bin"


# ---------------------------------------------------------------- censoring


def test_a_run_that_no_longer_generalizes_is_a_win_of_at_least_the_distance_to_its_end():
    a = [listed(s, last=5000) for s in range(10)]
    b = [listed(s, t_gen=math.inf, last=5000) for s in range(10)]
    change = judged(a, b)
    assert change.words == {"t_gen": "later", "delay": "later", "late": "earlier", "t_mem": "unchanged"}
    assert change.verdict == "later"
    assert math.isnan(change.t_gen.estimate)
    assert (change.t_gen.least, change.t_gen.low, change.t_gen.high) == pytest.approx((1, 1, math.inf))
    assert judged(b, a).verdict == "earlier"
    assert len(change.changed) == 10


def test_a_run_cut_short_before_the_other_generalized_says_nothing():
    a = [listed(s, last=5000) for s in range(10)]
    b = [listed(s, t_gen=math.inf, last=5000, status="timeout") for s in range(10)]
    b = [replace(run, last=100.0, delay=math.log10(100 / 30)) for run in b]
    change = judged(a, b)
    assert change.t_gen.low == pytest.approx(math.log10(100 / 500))
    assert change.words["t_gen"] == change.words["late"] == "unchanged"
    assert change.late.n == 0  # 0 of B is known on an inadequate horizon only


def test_pairs_that_both_never_generalize_say_nothing_and_are_unchanged():
    never = [listed(s, t_gen=math.inf) for s in range(10)]
    change = judged(never, never)
    assert (change.t_gen.n, change.t_gen.pairs, change.verdict) == (0, 10, "unchanged")


def test_few_pairs_among_many_that_never_generalize_are_no_claim():
    a = [listed(s, t_gen=500 if s < 3 else math.inf) for s in range(10)]
    b = [listed(s, t_gen=1000 if s < 3 else math.inf) for s in range(10)]
    change = judged(a, b)
    assert (change.t_gen.n, change.verdict) == (3, "unchanged")


def test_times_from_the_start_are_bounds_too():
    first = {"t_mem": 1.0, "t_mem_censoring": "left", "delay": math.nan, "delay_censoring": ""}
    a, b = [listed(s, **first) for s in range(10)], [listed(s, t_mem=100) for s in range(10)]
    change = judged(a, b)
    assert (change.t_mem.least, change.words["t_mem"]) == (2, "later")
    assert judged(a, a).t_mem.n == 0


def test_an_unresolved_delay_is_a_lower_bound():
    unresolved = {"delay_censoring": "right"}
    change = judged(*([listed(s, t_gen=t, **unresolved) for s in range(10)] for t in (500, 1000)))
    assert (change.delay.n, change.words["delay"], change.words["t_gen"]) == (0, "unchanged", "later")


# ---------------------------------------------------------------- outcomes and late


def test_a_lone_flip_of_a_label_is_listed_and_is_a_change_but_no_direction():
    a = [listed(s) for s in range(10)]
    b = [replace(a[0], outcome="gradual"), *a[1:]]
    change = judged(a, b)
    assert (change.verdict, change.is_change) == ("unchanged", True)
    assert [(pair.a.label, pair.b.label) for pair in change.changed] == [("groks", "gradual")]


@pytest.mark.parametrize("flips", [3, 7, 8, 10])
def test_late_is_judged_by_the_exact_test_of_discordant_pairs(flips):
    a = [listed(s, late=0.0) for s in range(10)]
    b = [listed(s, late=float(s < flips)) for s in range(10)]
    change = judged(a, b)
    assert change.late.p == pytest.approx(binomtest(flips, flips).pvalue)
    assert change.verdict == ("later" if flips >= FEWEST else "unchanged")
    assert len(change.changed) == flips


def test_a_crash_is_another_outcome():
    a = [listed(s) for s in range(10)]
    nothing = {"outcome": "", "late": math.nan, "t_gen_censoring": "", "t_mem_censoring": "", "delay": math.nan}
    crashed = replace(a[9], **nothing, t_mem=math.nan, t_gen=math.nan, delay_censoring="", status="crashed")
    change = judged(a, [*a[:9], crashed])
    assert [(pair.a.label, pair.b.label) for pair in change.changed] == [("groks", "crashed")]
    assert change.t_gen.n == 9


# ---------------------------------------------------------------- what is the same


@pytest.mark.parametrize(
    ("a", "b", "reason"), [("x", "x", "identical"), ("x", "y", "every pair within a bin"), ("x", "", None)]
)
def test_identical_curves_are_called_so(a, b, reason):
    change = judged([listed(0, curve=a)], [listed(0, curve=b)])
    assert change.identical == {"identical": 1, None: None}.get(reason, 0)
    assert change.reason == (reason or "every pair within a bin")
