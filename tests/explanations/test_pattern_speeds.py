"""Each prediction of pattern speeds on runs that are made by hand: the planted number, and where there is none."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support_handmade import CHANCE, NEVER, SEEDS, changed, made, runs_of, value

from grokbench.explanations import pattern_speeds
from grokbench.verdicts import rules
from grokbench.verdicts.cells import Cells, Design
from grokbench.verdicts.verdict import judge

FREE = {"free_on": "add/free"}
ROLES = {**FREE, "cured": "add/cured", "shuffled": "add/shuffled"}


def cells(roles: dict, runs: dict, **changes) -> Cells:
    """Cells of one family; roles name cells "add/..."."""
    return replace(Cells(Design("net", "add", True, roles), runs, list(SEEDS)), **changes)


def held_out(run, *steps):
    """The run with a held-out kappa in steps: (from this time on, this value), 0 at first."""
    kappa = np.zeros(len(run.curve.time))
    for start, level in steps:
        kappa[run.curve.time >= start] = level
    return changed(run, test_accuracy=CHANCE + (1 - CHANCE) * kappa)


def word(finding, name: str) -> str:
    """The verdict by the shipped margins."""
    prediction = next(one for one in rules.read("pattern-speeds").predictions if one.name == name)
    return judge(prediction, cells({}, {}), finding).word


class TestDelayAlongSize:
    @staticmethod
    def finding(make, **changes):
        return pattern_speeds.later_along_size(cells(FREE, runs_of(free=make), **changes))

    def test_the_planted_delay(self):
        finding = self.finding(lambda s: made(s, t_mem=20, t_gen=160))
        assert value(finding, "delay") == pytest.approx(math.log10(8), abs=0.02)
        assert (finding.n, finding.resolved, finding.censored) == (10, 1, 0)
        assert word(finding, "PS1") == "supported"

    def test_generalizing_where_the_labels_are_fitted_is_no_delay(self):
        finding = self.finding(lambda s: made(s, t_mem=20, t_gen=20))
        assert value(finding, "delay") == pytest.approx(0, abs=0.01)
        assert word(finding, "PS1") == "contradicted"

    def test_no_size_that_generalizes_is_read_as_a_bound(self):
        finding = self.finding(lambda s: made(s, t_mem=20, t_gen=NEVER, budget=2000))
        low, high = finding.estimates["delay"].interval(0.025)
        assert low == pytest.approx(math.log10(2000 / 20), abs=0.03)
        assert (high, finding.censored, word(finding, "PS1")) == (math.inf, 1, "supported")

    def test_a_low_bound_contradicts_nothing(self):
        finding = self.finding(lambda s: made(s, t_mem=760, t_gen=NEVER, budget=1000))
        assert value(finding, "delay") < 0.15
        assert word(finding, "PS1") == "undecided"

    def test_small_sizes_are_read_by_their_brackets(self):
        """Fitted between 4 and 5 parts, generalizing between 28 and 29."""
        finding = self.finding(lambda s: held_out(made(s, t_mem=5), (29, 1.0)))
        assert finding.estimates["delay"].interval(0.025) == pytest.approx((math.log10(28 / 5), math.log10(29 / 4)))
        assert math.log10(28 / 5) < value(finding, "delay") < math.log10(29 / 4)
        assert finding.resolved == 0

    def test_fitted_by_the_first_size_there_is_no_upper_bound(self):
        finding = self.finding(lambda s: held_out(made(s, t_mem=0.5), (29, 1.0)))
        assert finding.estimates["delay"].interval(0.025) == (pytest.approx(math.log10(28)), math.inf)

    def test_what_never_fits_says_nothing(self):
        finding = self.finding(lambda s: made(s, t_mem=NEVER, t_gen=NEVER))
        assert finding.n == 0
        assert math.isnan(value(finding, "delay"))

    def test_lost_runs_speak_against_the_claim_or_for_it(self):
        def make(seed):
            return made(seed, t_mem=20, t_gen=160, status="done" if seed > 1005 else "failed")

        assert value(self.finding(make), "delay") == -math.inf
        assert value(self.finding(make, lost_runs="for"), "delay") == math.inf

    def test_two_decades_of_sizes_are_asked_for(self):
        gate = self.finding(lambda s: made(s, t_mem=5, t_gen=20, budget=90)).gates[0]
        assert (gate.name, gate.passed, gate.verdict) == ("sizes", False, "not applicable")
        assert self.finding(lambda s: made(s, t_mem=5, t_gen=20, budget=100)).gates[0].passed

    def test_eight_sizes_a_decade_are_asked_for(self):
        def thinned(seed):
            run = made(seed, t_mem=20, t_gen=160)
            columns = {name: run.curve.column(name)[::8] for name in run.curve.columns}
            return replace(run, curve=replace(run.curve, columns=columns))

        assert not self.finding(thinned).gates[0].passed


PEAK = ((10, 0.6), (180, 0.1), (300, 0.6), (900, 1.0))  # fitted at 200
RISING = ((10, 0.6), (900, 1.0))


class TestInterpolationPeak:
    @staticmethod
    def finding(free=PEAK, cured=RISING, shuffled=(), cured_fits=200, **changes):
        runs = runs_of(
            free=lambda s: held_out(made(s, t_mem=200), *free),
            cured=lambda s: held_out(made(s, t_mem=cured_fits), *cured),
            shuffled=lambda s: held_out(made(s, t_mem=400), *shuffled),
        )
        return pattern_speeds.passes_the_peak(cells(ROLES, runs, **changes))

    def test_the_planted_dip_and_its_cure(self):
        finding = self.finding()
        assert value(finding, "dip") == pytest.approx(0.5)
        assert value(finding, "cured") == pytest.approx(0.5)
        assert finding.control["dip"].value == pytest.approx(0)
        assert (finding.n, word(finding, "PS2")) == (10, "supported")

    def test_accuracy_that_only_rises_has_none(self):
        finding = self.finding(free=RISING)
        assert value(finding, "dip") == pytest.approx(0)
        assert word(finding, "PS2") == "contradicted"

    def test_the_lower_of_the_two_sides_counts(self):
        """What is never regained is no peak: accuracy has simply gone."""
        assert value(self.finding(free=((10, 0.6), (180, 0.1))), "dip") == pytest.approx(0)
        assert value(self.finding(free=((10, 0.3), (180, 0.1), (300, 1.0))), "dip") == pytest.approx(0.2)

    def test_a_dip_elsewhere_is_another(self):
        assert value(self.finding(free=((5, 0.6), (20, 0.1), (40, 0.6), (5000, 1.0))), "dip") == pytest.approx(0)
        assert value(self.finding(free=((5, 0.6), (2000, 0.1), (4000, 1.0))), "dip") == pytest.approx(0)

    def test_two_classes_are_fitted_before_the_peak(self):
        """Up to four times the size from which the labels are fitted."""
        late = ((10, 0.6), (450, 0.1), (650, 0.6), (2000, 1.0))
        assert value(self.finding(free=late), "dip") == pytest.approx(0.5)

    def test_a_peak_that_more_pressure_leaves_is_not_cured(self):
        finding = self.finding(cured=PEAK)
        assert value(finding, "cured") == pytest.approx(0)
        assert word(finding, "PS2") == "undecided"

    def test_a_peak_that_more_pressure_moves_is_not_cured(self):
        """Under pressure the labels are fitted at ten times the size, and the accuracy falls there."""
        moved = ((10, 0.6), (1800, 0.1), (3000, 0.6), (6000, 1.0))
        assert value(self.finding(cured=moved, cured_fits=2000), "cured") == pytest.approx(0)

    def test_pressure_that_forbids_to_fit_is_read_at_the_sizes_of_the_free_run(self):
        assert value(self.finding(cured_fits=NEVER), "cured") == pytest.approx(0.5)

    def test_one_wavering_size_counts_by_half(self):
        sizes = made(1000).curve.time
        low = sizes[np.searchsorted(sizes, 250)]
        narrow = ((10, 0.6), (low, 0.2), (low + 1, 0.6), (900, 1.0))
        assert value(self.finding(free=narrow), "dip") == pytest.approx(0.2)

    def test_noise_as_deep_supports_nothing(self):
        noise = ((10, 0.3), (380, 0.0), (500, 0.3))
        finding = self.finding(shuffled=noise)
        assert finding.control["dip"].value == pytest.approx(0.3)
        assert word(finding, "PS2") == "undecided"

    def test_what_never_fits_says_nothing(self):
        runs = runs_of(
            free=lambda s: made(s, t_mem=NEVER, t_gen=NEVER),
            cured=lambda s: made(s, t_mem=200),
            shuffled=lambda s: made(s, t_gen=NEVER),
        )
        finding = pattern_speeds.passes_the_peak(cells(ROLES, runs))
        assert finding.n == 0
        assert math.isnan(value(finding, "dip"))

    @pytest.mark.parametrize("lost", ["free", "cured"])
    def test_lost_runs_speak_against_the_claim_or_for_it(self, lost):
        def make(role, steps):
            def run(seed):
                status = "failed" if role == lost and seed < 1006 else "done"
                return held_out(made(seed, t_mem=200, status=status), *steps)

            return run

        runs = runs_of(free=make("free", PEAK), cured=make("cured", RISING), shuffled=lambda s: made(s, t_gen=NEVER))
        against = pattern_speeds.passes_the_peak(cells(ROLES, runs))
        favouring = pattern_speeds.passes_the_peak(cells(ROLES, runs, lost_runs="for"))
        assert value(against, "cured") == -math.inf
        assert value(favouring, "cured") == math.inf
        assert value(against, "dip") == (-math.inf if lost == "free" else pytest.approx(0.5))


class TestEarlyBump:
    @staticmethod
    def finding(free, twin=((1, 0.0),), t_mem=200, status="done", **changes):
        runs = runs_of(
            free=lambda s: held_out(made(s, t_mem=t_mem, status=status), *free),
            shuffled=lambda s: held_out(made(s, t_mem=t_mem), *twin),
        )
        return pattern_speeds.early_bump(cells({**FREE, "shuffled": "add/shuffled"}, runs, **changes))

    def test_the_planted_bump_and_fall(self):
        finding = self.finding(((20, 0.3), (150, -0.1), (2000, 1.0)))
        assert value(finding, "bump") == pytest.approx(0.3)
        assert value(finding, "fall") == pytest.approx(0.4)
        assert word(finding, "PS3") == "supported"

    def test_a_late_learner_without_one(self):
        finding = self.finding(((2000, 1.0),))
        assert (value(finding, "bump"), value(finding, "fall")) == pytest.approx((0, 0))
        assert word(finding, "PS3") == "contradicted"

    def test_a_gradual_learner_does_not_fall(self):
        finding = self.finding(((20, 0.3), (2000, 1.0)))
        assert (value(finding, "bump"), value(finding, "fall")) == pytest.approx((0.3, 0))
        assert word(finding, "PS3") == "undecided"

    def test_memorizers_of_a_finite_table_lie_below_chance(self):
        """What the twin on random labels does as well is counting."""
        finding = self.finding(((50, -0.1), (2000, 1.0)), twin=((50, -0.1),))
        assert (value(finding, "bump"), value(finding, "fall")) == pytest.approx((0, 0))

    def test_a_bump_after_t_mem_is_none(self):
        assert value(self.finding(((300, 0.3), (500, 0.0), (2000, 1.0))), "bump") == pytest.approx(0)

    def test_memorizing_at_the_first_tick_there_is_nothing_before(self):
        finding = self.finding(((2000, 1.0),), t_mem=0.5)
        assert finding.n == 0
        assert [(gate.name, gate.verdict) for gate in finding.gates if not gate.passed] == [("grain", "not applicable")]

    def test_lost_runs_speak_against_the_claim_or_for_it(self):
        bump = ((20, 0.3), (150, -0.1), (2000, 1.0))
        assert value(self.finding(bump, status="failed"), "bump") == -math.inf
        assert value(self.finding(bump, status="failed", lost_runs="for"), "fall") == math.inf


class TestDelaysAgree:
    @staticmethod
    def finding(times, sizes, **changes):
        runs = {}
        for i, (t_gen, size) in enumerate(zip(times, sizes, strict=True)):
            runs |= runs_of(
                **{
                    f"steps{i}": lambda s, t_gen=t_gen: made(s, t_gen=t_gen, **changes),
                    f"width{i}": lambda s, size=size: made(s, t_gen=size),
                }
            )
        roles = {"epochs": [f"add/steps{i}" for i in range(len(times))]}
        roles["sizes"] = [f"add/width{i}" for i in range(len(sizes))]
        return pattern_speeds.delays_agree(cells(roles, runs))

    def test_the_same_order_and_the_opposite_one(self):
        times, sizes = [200 * 1.5**i for i in range(8)], [50 * 1.3**i for i in range(8)]
        finding = self.finding(times, sizes)
        assert value(finding, "tau") == 1
        assert (finding.n, finding.gates[0].passed) == (10, True)
        assert value(self.finding(times, sizes[::-1]), "tau") == -1

    def test_late_beyond_the_budget_is_later_than_what_was_seen(self):
        times = [200 * 1.5**i for i in range(7)] + [NEVER]
        finding = self.finding(times, [50 * 1.3**i for i in range(8)])
        assert (value(finding, "tau"), finding.censored) == (1, 1 / 8)

    def test_a_task_without_a_delay_in_size_is_left_out(self):
        finding = self.finding([200 * 1.5**i for i in range(8)], [NEVER, *(50 * 1.3**i for i in range(1, 8))])
        assert value(finding, "tau") == 1

    def test_lost_runs_and_runs_at_the_grain_say_nothing(self):
        times, sizes = [200 * 1.5**i for i in range(8)], [50 * 1.3**i for i in range(8)]
        assert self.finding(times, sizes, status="failed").n == 0
        assert self.finding(times, sizes, t_mem=2).n == 0

    def test_seven_tasks_are_too_few(self):
        gate = self.finding([200 * 1.5**i for i in range(7)], [50 * 1.3**i for i in range(7)]).gates[0]
        assert (gate.name, gate.passed, gate.reason) == ("tasks", False, "7 tasks, 8 needed")
