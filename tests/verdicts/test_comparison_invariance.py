"""What must not change a judgement: names of sides, order of runs, units of time."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from grokbench.verdicts.comparison import _compare as compare
from grokbench.verdicts.comparison import decide
from grokbench.verdicts.side import Side


def rng():
    return np.random.default_rng(0)


@st.composite
def two_sides(draw):
    """Two sides on shared splits: several runs per cluster, censored and unfitted ones, some at the grain."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    seeds, tasks, same_clock = draw(st.sampled_from([2, 9, 10, 12, 14])), draw(st.integers(1, 2)), draw(st.booleans())
    grain = draw(st.sampled_from([0.0, 0.05, 0.9]))
    shifts = draw(st.sampled_from([(0, 0), (5, 0), (0, 5)]))
    sides = []
    clocks, sizes = ("steps", "steps" if same_clock else "rounds"), (draw(st.integers(1, 2)), 1)
    for clock, copies, shift in zip(clocks, sizes, shifts, strict=True):
        n = seeds * tasks * copies
        on_grain, fitted, generalizes = generator.random((3, n)) < [[grain], [0.92], [0.7]]
        t_mem = np.where(on_grain, 1.0, 2.0 ** generator.integers(4, 7, n))
        t_gen = t_mem * 2.0 ** (generator.integers(0, 8, n) + shift)
        last = 2.0 ** generator.integers(12, 16, n)
        delay = np.log10(np.where(generalizes, t_gen, last) / t_mem)
        sides.append(
            Side(
                task=np.array(["u", "v"])[np.arange(n) % tasks],
                seed=np.arange(n) // tasks % seeds,
                delay=np.where(fitted, delay, np.nan),
                event=fitted & generalizes,
                fitted=fitted,
                resolved=fitted & ~on_grain,
                late=np.where(fitted, generalizes & (delay >= 0.5), np.nan),
                clock=clock,
                t_mem=np.where(fitted, t_mem, np.inf),
                t_gen=np.where(generalizes, t_gen, np.inf),
                last=last,
                first=1.0,
            )
        )
    return sides


def values(row, *names):
    return [getattr(row, name) for name in names]


@given(two_sides())
@settings(max_examples=40, deadline=None)
def test_exchanging_the_sides_turns_the_signs_and_nothing_else(sides):
    a, b = sides
    one, other = decide([compare(a, b, rng())])[0], decide([compare(b, a, rng())])[0]
    np.testing.assert_equal(values(one, "p", "p_holm"), values(other, "p", "p_holm"))
    np.testing.assert_allclose(one.z, -other.z, atol=1e-12)
    assert values(one, "n_a", "n_b", "basis") == values(other, "n_b", "n_a", "basis")
    np.testing.assert_equal(values(one, "late_a", "late_b"), values(other, "late_b", "late_a"))
    np.testing.assert_equal(values(one, "delay_a", "delay_b"), values(other, "delay_b", "delay_a"))
    mirrored = [-x for x in values(other, "difference", "high", "low", "win")]
    np.testing.assert_equal(np.array(values(one, "difference", "low", "high", "win")) + 0.0, np.array(mirrored) + 0.0)
    opposite = {"later": "earlier", "earlier": "later"}
    assert one.verdict == opposite.get(other.verdict, other.verdict)


@given(two_sides(), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_the_order_of_runs_means_nothing(sides, seed):
    shuffle = np.random.default_rng(seed)
    shuffled = [x.take(shuffle.permutation(len(x))) for x in sides]
    np.testing.assert_equal(vars(compare(*shuffled, rng())), vars(compare(*sides, rng())))


@given(two_sides(), st.sampled_from([0.125, 8.0, 1024.0]))
@settings(max_examples=25, deadline=None)
def test_the_unit_of_time_means_nothing(sides, unit):
    scaled = [
        replace(x, t_mem=x.t_mem * unit, t_gen=x.t_gen * unit, last=x.last * unit, first=x.first * unit) for x in sides
    ]
    # Powers of two: even the bytes are the same.
    np.testing.assert_equal(vars(compare(*scaled, rng())), vars(compare(*sides, rng())))


@given(two_sides())
@settings(max_examples=25, deadline=None)
def test_between_clocks_only_ratios_count(sides):
    """t -> 10 t on one side's clock alone changes no comparison of delays (VERDICTS 8, clocks incommensurable)."""
    a, b = sides
    b = replace(b, clock="rounds")
    other = replace(b, t_mem=b.t_mem * 8, t_gen=b.t_gen * 8, last=b.last * 8, first=b.first * 8)
    np.testing.assert_equal(vars(compare(a, other, rng())), vars(compare(a, b, rng())))
