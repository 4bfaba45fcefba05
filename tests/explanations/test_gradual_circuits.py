"""Gradual circuits on runs that are made by hand, so that the right number is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr
from support_handmade import CHANCE, CLASSES, NEVER, SEEDS, changed, gates_of, made, ramp, runs_of, value

from grokbench.curves.curve import kappa_rank
from grokbench.explanations import gradual_circuits
from grokbench.verdicts import rules
from grokbench.verdicts.cells import Cells, Design
from grokbench.verdicts.verdict import judge

FREE = {"free_on": "add/free"}
WITH_LOW = {**FREE, "low": "add/low"}
GRID = np.linspace(0, 8, 1601)
FULL = float(np.interp(0.95, kappa_rank(ndtr(GRID / math.sqrt(2)), CLASSES), GRID))


def cells(roles: dict, runs: dict, seeds=SEEDS, **design) -> Cells:
    return Cells(Design("net", "add", True, roles, **design), runs, list(seeds))


def judged(name: str, finding):
    """The verdict on a finding by the registered margins, its statistic's own gates included."""
    prediction = next(one for one in rules.read("gradual-circuits").predictions if one.name == name)
    return judge(prediction, cells(FREE, {}), finding).word


def separating(seed, decades=1.5, offset=0.0, accuracy=None, **changes):
    """A run whose d' climbs from 0 to 4/3 of its full value over some decades, and whose accuracy is what it gives.

    offset : added to the accuracy; accuracy : in place of it, a function of the time.
    """
    run = made(seed, budget=20_000, **changes)
    with np.errstate(divide="ignore"):
        climb = np.clip((np.log10(run.curve.time) - 2) / decades, 0, 4 / 3) * FULL
    auc = ndtr(climb / math.sqrt(2))
    kappa = kappa_rank(auc, CLASSES) + offset if accuracy is None else accuracy(run.curve.time)
    return changed(run, rank_auc=auc, test_accuracy=CHANCE + (1 - CHANCE) * kappa)


class TestSuddenByThreshold:
    def test_an_accuracy_that_the_ranking_gives(self):
        finding = gradual_circuits.sudden_by_threshold(cells(FREE, runs_of(free=separating)))
        start, end = (np.interp(h, kappa_rank(ndtr(GRID / math.sqrt(2)), CLASSES), GRID) / FULL for h in (0.1, 0.9))
        assert value(finding, "threshold") == pytest.approx(0, abs=1e-6)
        assert value(finding, "gradual") == pytest.approx(0.8 / (end - start), abs=0.03)
        assert finding.n == 10
        assert gates_of(finding)["classes"][0]

    def test_the_gap_is_its_root_mean_square(self):
        finding = gradual_circuits.sudden_by_threshold(cells(FREE, runs_of(free=lambda s: separating(s, offset=-0.02))))
        assert value(finding, "threshold") == pytest.approx(-0.02, abs=1e-6)

    def test_an_accuracy_as_wide_as_the_separation_contradicts(self):
        """Nothing is sudden: accuracy and separation rise side by side."""

        def side_by_side(seed):
            return separating(seed, accuracy=lambda time: np.clip((np.log10(np.maximum(time, 1)) - 2) / 1.5, 0, 1))

        finding = gradual_circuits.sudden_by_threshold(cells(FREE, runs_of(free=side_by_side)))
        assert value(finding, "gradual") == pytest.approx(1, abs=0.01)
        assert judged("G1", finding) == "contradicted"

    def test_a_long_way_from_chance_supports(self):
        """Among many classes a quarter of the separation gives no accuracy: it is climbed in a decade and a half."""
        full = float(np.interp(0.95, kappa_rank(ndtr(GRID / math.sqrt(2)), 97), GRID))

        def early(seed):
            run = made(seed, budget=20_000)
            climb = (0.25 * ramp_of(run.curve.time, 30, 1000) + 0.85 * ramp_of(run.curve.time, 1000, 3000)) * full
            auc = ndtr(climb / math.sqrt(2))
            run = changed(run, rank_auc=auc, test_accuracy=CHANCE + (1 - CHANCE) * kappa_rank(auc, 97))
            return replace(run, curve=replace(run.curve, n_classes=97))

        finding = gradual_circuits.sudden_by_threshold(cells(FREE, runs_of(free=early)))
        assert value(finding, "gradual") > 1.5
        assert judged("G1", finding) == "supported"

    def test_what_climbs_before_the_labels_are_fitted_does_not_count(self):
        late_fit, early_fit = (
            gradual_circuits.sudden_by_threshold(cells(FREE, runs_of(free=lambda s, t=t: separating(s, t_mem=t))))
            for t in (400.0, 20.0)
        )
        assert value(late_fit, "gradual") < value(early_fit, "gradual")

    def test_runs_that_never_generalize_and_rises_of_few_ticks_say_nothing(self):
        flat = gradual_circuits.sudden_by_threshold(
            cells(FREE, runs_of(free=lambda s: separating(s, accuracy=np.zeros_like)))
        )
        assert flat.n == 0
        assert math.isnan(value(flat, "gradual"))
        jump = gradual_circuits.sudden_by_threshold(
            cells(FREE, runs_of(free=lambda s: separating(s, accuracy=lambda time: (time > 900) * 1.0)))
        )
        assert math.isnan(value(jump, "gradual"))

    def test_two_classes_and_regressions_are_not_asked(self):
        for n_classes in (0, 2):
            runs = runs_of(
                free=lambda s, c=n_classes: replace(separating(s), curve=replace(separating(s).curve, n_classes=c))
            )
            finding = gradual_circuits.sudden_by_threshold(cells(FREE, runs))
            assert gates_of(finding)["classes"] == (False, "not applicable")

    def test_lost_runs_speak_against_the_claim_or_for_it(self):
        runs = runs_of(free=lambda s: separating(s, status="done" if s > 1005 else "failed"))
        case = cells(FREE, runs)
        assert value(gradual_circuits.sudden_by_threshold(case), "gradual") == 0
        assert value(gradual_circuits.sudden_by_threshold(case), "threshold") == -math.inf
        favoured = gradual_circuits.sudden_by_threshold(replace(case, lost_runs="for"))
        assert value(favoured, "gradual") == math.inf
        assert value(favoured, "threshold") == 0


def ramp_of(time, start, end):
    """0 up to start, 1 from ``end`` on, linear in log time."""
    with np.errstate(divide="ignore"):
        return np.clip((np.log10(time) - math.log10(start)) / math.log10(end / start), 0, 1)


def waving(seed, begins=100.0, level=1.0, among=(2, 3, 5, 7, 11), **changes):
    """A run with energy ``level`` in each of some frequencies, growing from 0 between two times; .01 in the others."""
    run = made(seed, **changes)
    grown = level * ramp_of(run.curve.time, begins, 1600.0)
    energies = {f"fourier_{k}": grown if k in among else np.full(len(grown), 0.01) for k in range(1, 16)}
    return changed(run, **energies)


class TestRestrictedBefore:
    def case(self, low=None, **changes):
        low = low or (lambda s: waving(s, t_gen=NEVER, level=0.0))
        return cells(WITH_LOW, runs_of(free=lambda s: waving(s, **changes), low=low))

    def test_the_share_at_the_beginning_of_the_rise(self):
        finding = gradual_circuits.restricted_before(self.case())
        t10 = 800 * 10 ** (-0.9 / 3)
        expected = math.log10(t10 / 100) / math.log10(16)
        assert value(finding, "present") == pytest.approx(expected, abs=0.01)
        assert judged("G2", finding) == "supported"
        assert finding.control["present"].value == pytest.approx(0.01, abs=1e-3)

    def test_energy_that_comes_with_the_accuracy_contradicts(self):
        finding = gradual_circuits.restricted_before(self.case(begins=390.0))
        assert judged("G2", finding) == "contradicted"

    def test_a_memorizer_in_which_hindsight_finds_as_much_caps_it(self):
        """The choice is made anew in the run with too little data, on its own frequencies."""
        case = self.case(low=lambda s: waving(s, t_gen=NEVER, among=(1, 4, 6, 8, 9)))
        finding = gradual_circuits.restricted_before(case)
        assert finding.control["present"].value == pytest.approx(value(finding, "present"))
        assert judged("G2", finding) == "undecided"

    def test_five_frequencies_are_chosen_at_the_end(self):
        """Six have energy in the end, of which one is weaker."""

        def six(seed):
            run = waving(seed)
            return changed(run, fourier_13=np.where(run.curve.time < 600, 5.0, 0.5))

        runs = {**self.case().runs, **runs_of(free=six)}
        finding = gradual_circuits.restricted_before(cells(WITH_LOW, runs))
        plain = gradual_circuits.restricted_before(self.case())
        assert value(finding, "present") == pytest.approx(value(plain, "present"))

    def test_without_the_measure_it_is_not_asked(self):
        finding = gradual_circuits.restricted_before(cells(WITH_LOW, runs_of(free=made, low=made)))
        assert gates_of(finding)["measured"] == (False, "not applicable")

    def test_lost_runs(self):
        case = self.case(status="failed")
        assert value(gradual_circuits.restricted_before(case), "present") == 0
        assert value(gradual_circuits.restricted_before(replace(case, lost_runs="for")), "present") == math.inf


SIZES = [100.0 * 1.15**i for i in range(7)]
TOP_T_GEN = {"weak": 1600.0, "usual": 800.0, "strong": 400.0}


def ladders(critical: dict, lost=(), **changes) -> Cells:
    """Ladders on which a run generalizes from the critical size of its pressure on; ``lost``: (pressure, rung)."""
    roles, runs = {}, {}
    for role, t_gen in TOP_T_GEN.items():
        roles[role] = [f"add/{role}{rung}" for rung in range(len(SIZES))]
        for rung, size in enumerate(SIZES):
            needed = critical[role]

            def run(seed, t_gen=t_gen, size=size, needed=needed, failed=(role, rung) in lost):
                enough = size >= (needed(seed) if callable(needed) else needed)
                status = "failed" if failed and seed == SEEDS[0] else "done"
                return made(seed, t_gen=t_gen if enough else NEVER, budget=20_000, status=status, **changes)

            runs |= runs_of(**{f"{role}{rung}": run})
    roles["pressures"] = [f"add/{role}6" for role in TOP_T_GEN]
    return cells(roles, runs, numbers={role: tuple(SIZES) for role in TOP_T_GEN})


EQUAL = dict.fromkeys(TOP_T_GEN, 140.0)


class TestCriticalSize:
    def test_equal_sizes_support(self):
        finding = gradual_circuits.critical_size_is_constant(ladders(EQUAL))
        assert value(finding, "equal") == 0
        assert finding.estimates["equal"].interval(0.025)[0] == pytest.approx(-math.log10(1.15) / 2)
        assert all(gate.passed for gate in finding.gates)
        assert judged("G3", finding) == "supported"

    def test_the_size_is_half_way_between_the_rungs(self):
        sizes = gradual_circuits.critical_sizes(ladders(EQUAL), "usual")
        assert sizes == pytest.approx(math.log10(SIZES[2] * math.sqrt(1.15)))  # 140 lies above the third, 132

    @pytest.mark.parametrize("role", ["weak", "strong"])
    def test_one_pressure_that_moves_it_contradicts(self, role):
        finding = gradual_circuits.critical_size_is_constant(ladders({**EQUAL, role: 190.0}))
        assert value(finding, "equal") == pytest.approx(-2 * math.log10(1.15))
        moved = gradual_circuits.critical_size_is_constant(ladders({**EQUAL, role: 105.0, "usual": 190.0}))
        assert value(moved, "equal") == pytest.approx(-4 * math.log10(1.15))
        assert judged("G3", moved) == "contradicted"

    def test_a_scatter_over_seeds_is_averaged(self):
        """Half of the seeds need one rung more under either pressure: the ratio is that of the means."""
        scattered = {**EQUAL, "weak": lambda seed: 140.0 if seed % 2 else 160.0}
        finding = gradual_circuits.critical_size_is_constant(ladders(scattered))
        assert value(finding, "equal") == pytest.approx(-math.log10(1.15) / 2)

    def test_a_ladder_that_does_not_reach_the_critical_size(self):
        for needed in (99.0, 1000.0):
            finding = gradual_circuits.critical_size_is_constant(ladders({**EQUAL, "weak": needed}))
            assert gates_of(finding)["bracketed"] == (False, "undecided")

    def test_pressures_that_move_nothing_are_no_pressures(self):
        same = ladders(EQUAL)
        same = replace(same, design=replace(same.design, cells={**same.design.cells, "pressures": ["add/usual6"] * 3}))
        finding = gradual_circuits.critical_size_is_constant(same)
        assert gates_of(finding)["manipulation"] == (False, "not applicable")

    def test_pressures_that_delay_generalization_move_it_too(self):
        turned = ladders(EQUAL)
        cells_of = {**turned.design.cells, "pressures": turned.design.cells["pressures"][::-1]}
        turned = replace(turned, design=replace(turned.design, cells=cells_of))
        assert gates_of(gradual_circuits.critical_size_is_constant(turned))["manipulation"][0]

    def test_pressures_that_delay_the_fit(self):
        case = ladders(EQUAL)
        case.runs["add/strong6"].update({seed: made(seed, t_mem=90.0, t_gen=400.0) for seed in SEEDS})
        assert not gates_of(gradual_circuits.critical_size_is_constant(case))["comparable"][0]

    def test_lost_runs_move_the_sizes_apart_or_together(self):
        case = ladders({**EQUAL, "weak": 160.0}, lost=[("weak", 6)])
        rung, seeds = math.log10(1.15), len(SEEDS)
        against = gradual_circuits.critical_size_is_constant(case)
        assert value(against, "equal") == pytest.approx(-rung * (1 + 1 / seeds))
        assert value(
            gradual_circuits.critical_size_is_constant(replace(case, lost_runs="for")), "equal"
        ) == pytest.approx(-rung)

    def test_runs_on_too_short_a_horizon_are_taken_to_arrive(self):
        """The last rung that fails ended too soon: taken to generalize, it moves the critical size down by a rung."""
        case = ladders(EQUAL)
        case = replace(case, design=replace(case.design, cells={**case.design.cells, "free_on": "add/usual6"}))
        fails = max(i for i in range(7) if math.isnan(case.runs[f"add/weak{i}"][SEEDS[0]].detections[0.95].t_gen))
        case.runs[f"add/weak{fails}"].update({s: made(s, t_gen=NEVER, budget=1000) for s in SEEDS})
        for undecided, rungs in ((math.nan, 0), (0.0, 0), (1.0, 1)):
            finding = gradual_circuits.critical_size_is_constant(replace(case, undecided=undecided))
            assert value(finding, "equal") == pytest.approx(-rungs * math.log10(1.15))

    def test_half_the_budget(self):
        """What generalizes in the second half of the budget only is a failure at half of it."""
        slow = ladders(EQUAL)
        for rung in range(3, 7):
            slow.runs[f"add/weak{rung}"].update({s: made(s, t_gen=15_000.0, budget=20_000) for s in SEEDS})
        halved = gradual_circuits.critical_size_is_constant(slow.at_half_budget)
        assert value(gradual_circuits.critical_size_is_constant(slow), "equal") == 0
        assert value(halved, "equal") < -0.2


def test_the_handmade_ramp_crosses_a_tenth_where_the_tests_say():
    assert float(ramp(np.array([800 * 10 ** (-0.9 / 3)]), 800.0)[0]) == pytest.approx(0.1)
