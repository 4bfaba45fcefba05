"""Each prediction's statistic on runs that are made by hand, so that the right number is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support_handmade import NEVER, SEEDS, changed, made, ramp, runs_of, suite, value

from grokbench.explanations import complexity, eight_cells, lazy_to_rich, mediation, phenomenon
from grokbench.verdicts import rules
from grokbench.verdicts.cells import Cells, Design
from grokbench.verdicts.finding import Finding
from grokbench.verdicts.verdict import judge


def cells(roles: dict, runs: dict, seeds=SEEDS, **design) -> Cells:
    """Cells of one family; roles name cells "add/..."."""
    return Cells(Design("net", "add", True, roles, **design), runs, list(seeds))


def with_columns(run, **columns):
    """The run with more columns, each a function of its time."""
    added = {name: make(run.curve.time) for name, make in columns.items()}
    return changed(run, **added)


FREE = {"free_on": "add/free"}


class TestLazyToRich:
    def test_freezing_counts_pairs(self):
        runs = runs_of(free=lambda s: made(s), frozen=lambda s: made(s, t_gen=800 if s < 1003 else NEVER))
        finding = lazy_to_rich.freezing_removes(cells({**FREE, "frozen_on": "add/frozen"}, runs))
        assert value(finding, "difference") == pytest.approx(0.7)
        assert finding.n == 10

    def test_a_frozen_run_on_a_short_horizon_is_no_non_event(self):
        runs = runs_of(free=lambda s: made(s), frozen=lambda s: made(s, t_gen=NEVER, budget=5000))
        finding = lazy_to_rich.freezing_removes(cells({**FREE, "frozen_on": "add/frozen"}, runs))
        assert finding.n == 0
        assert math.isnan(value(finding, "difference"))

    def test_lost_runs_speak_against_the_claim_or_for_it(self):
        runs = runs_of(
            free=lambda s: made(s, status="done" if s > 1000 else "failed"), frozen=lambda s: made(s, t_gen=NEVER)
        )
        case = cells({**FREE, "frozen_on": "add/frozen"}, runs)
        assert value(lazy_to_rich.freezing_removes(case), "difference") == pytest.approx(0.9)
        assert value(lazy_to_rich.freezing_removes(replace(case, lost_runs="for")), "difference") == pytest.approx(1.0)

    def test_doses_of_laziness(self):
        doses = [f"add/net-dose{i}" for i in range(1, 6)]
        finding = lazy_to_rich.later_when_lazier(cells({"doses": doses}, suite()))
        assert value(finding, "tau") == 1
        assert finding.p < 0.01
        assert all(gate.passed for gate in finding.gates)
        other = lazy_to_rich.later_when_lazier(cells({"doses": doses[::-1]}, suite()))
        assert value(other, "tau") == -1
        failed = [gate for gate in other.gates if not gate.passed]  # the kernel moves more, the higher this dose
        assert [(gate.name, gate.verdict) for gate in failed] == [("manipulation", "not applicable")]

    def test_doses_that_fit_at_another_time_are_left_out(self):
        """Beyond a factor of two in t_mem a dose changes the speed of memorizing: its delay is not that of laziness."""
        doses = {f"dose{i}": (lambda s, i=i: made(s, t_mem=20.0 * 2 ** (i > 2) * 3 ** (i > 3))) for i in range(5)}
        roles = {"doses": [f"add/{name}" for name in doses]}
        finding = lazy_to_rich.later_when_lazier(cells(roles, runs_of(**doses)))
        assert value(finding, "tau") == -1  # delays of the first three are equal, that of the fourth is shorter
        assert finding.gates[0].passed
        slow = {f"dose{i}": (lambda s, i=i: made(s, t_mem=20.0 * 3 ** (i > 1))) for i in range(5)}
        finding = lazy_to_rich.later_when_lazier(cells(roles, runs_of(**slow)))
        assert (finding.gates[0].passed, finding.gates[0].reason) == (False, "2 doses with t_mem within a factor of 2")

    def test_doses_at_the_grain_are_compared_by_t_gen(self):
        """t_mem at the first tick: the delay has no unit, but the order of t_gen on one clock has a meaning."""
        doses = {f"dose{i}": (lambda s, i=i: made(s, t_mem=1.0, t_gen=100.0 * 2**i)) for i in range(4)}
        finding = lazy_to_rich.later_when_lazier(cells({"doses": [f"add/{name}" for name in doses]}, runs_of(**doses)))
        assert value(finding, "tau") == 1
        assert finding.resolved == 0

    @pytest.mark.parametrize("lag", [-0.3, 0.0, 0.3])
    def test_the_lead_of_features(self, lag):
        runs = runs_of(free=lambda s: made(s, ready=800 * 10**-lag))
        finding = lazy_to_rich.features_in_time(cells(FREE, runs))
        assert value(finding, "ready") == pytest.approx(lag, abs=0.01)
        assert value(finding, "not_ready") == 0

    def test_features_that_never_come_or_were_there(self):
        never = lazy_to_rich.features_in_time(cells(FREE, runs_of(free=lambda s: made(s, ready=NEVER))))
        assert value(never, "ready") == -math.inf
        there = lazy_to_rich.features_in_time(cells(FREE, runs_of(free=lambda s: made(s, ready=5.0))))
        assert value(there, "not_ready") == -1

    def test_the_ladder_of_initial_skill(self):
        def rung(start, t_gen):
            def make(seed):
                run = made(seed, t_gen=t_gen)
                return with_columns(run, after_kernel=lambda time: np.maximum(start, ramp(time, t_gen)))

            return make

        rungs = {f"n{i}": rung(*point) for i, point in enumerate(((0.1, 3000), (0.4, 1000), (0.7, 300), (0.97, 30)))}
        finding = lazy_to_rich.later_when_misaligned(cells({"ladder": [f"add/{n}" for n in rungs]}, runs_of(**rungs)))
        assert value(finding, "tau") == 1
        assert value(finding, "sufficient") == pytest.approx(-math.log10(30 / 20), abs=0.02)

    def test_without_a_kernel_at_time_0_the_frozen_twin_says_what_suffices(self):
        def rung(t_gen):
            return lambda seed: with_columns(
                made(seed, t_gen=t_gen), after_kernel=lambda time: np.where(time == 0, math.nan, ramp(time, t_gen))
            )

        runs = runs_of(
            n1=rung(3000),
            n2=rung(300),
            frozen1=lambda s: made(s, t_gen=NEVER),
            frozen2=lambda s: made(s, t_gen=300),
        )
        roles = {"ladder": ["add/n1", "add/n2"], "ladder_frozen": ["add/frozen1", "add/frozen2"]}
        finding = lazy_to_rich.later_when_misaligned(cells(roles, runs))
        assert value(finding, "tau") == 1
        assert value(finding, "sufficient") == pytest.approx(-math.log10(15), abs=0.02)

    def test_specific_movement_is_measured_at_one_clock_time(self):
        runs = runs_of(free=lambda s: made(s), low=lambda s: made(s, t_gen=NEVER), off=lambda s: made(s, budget=400))
        finding = lazy_to_rich.movement_is_specific(cells({**FREE, "low": "add/low"}, runs))
        assert value(finding, "difference") == 1
        short = cells({**FREE, "low": "add/low", "free_off": "add/off"}, runs)
        assert value(lazy_to_rich.movement_is_specific(short), "difference") == pytest.approx(
            0
        )  # by 400 they are alike

    def test_without_pressure_asks_for_a_rising_norm(self):
        falling = {"norm": lambda time: 2 - time / 1e4}
        runs = runs_of(off=lambda s: made(s) if s < 1006 else with_columns(made(s), **falling))
        finding = lazy_to_rich.without_pressure(cells({"free_off": "add/off"}, runs))
        assert value(finding, "share") == pytest.approx(0.6)

    def test_an_executed_freeze_is_found_where_the_curves_part(self):
        def frozen(seed):
            run = made(seed)
            parted, test = run.curve.time > 600, run.curve.kappa_test.copy()
            test[parted] = 0.55
            accuracy = 0.1 + 0.9 * test
            return with_columns(
                run,
                train_loss=lambda time: np.where(parted, 0.5, run.curve.column("train_loss")),
                test_accuracy=lambda time: accuracy,
            )

        finding = lazy_to_rich.frozen_at(
            cells({**FREE, "freezes": ["add/freeze"]}, runs_of(free=made, freeze=lambda s: frozen(s)))
        )
        last = made().curve.time[made().curve.time <= 600][-1]
        assert value(finding, "agreement") == pytest.approx(-abs(0.55 - float(ramp(np.array([last]), 800.0)[0])))

    def test_likeness_to_another_lazy_predictor_is_the_control(self):
        level = {
            "laziness": lambda time: np.full(len(time), 0.9),
            "laziness_other": lambda time: np.full(len(time), 0.3),
        }
        finding = lazy_to_rich.memorizes_lazily(cells(FREE, runs_of(free=lambda s: with_columns(made(s), **level))))
        assert (value(finding, "likeness"), finding.control["likeness"].value) == (0.9, 0.3)

    def test_features_of_a_regression_are_read_as_skill(self):
        """A tolerance is coarse: by it R would be ready at once, while its skill is a third of a decade early."""

        def regression(seed):
            run = with_columns(
                made(seed),
                skill=lambda time: ramp(time, 800.0),
                after_kernel=np.ones_like,
                after_kernel_skill=lambda time: ramp(time, 400.0),
            )
            return replace(run, curve=replace(run.curve, n_classes=0))

        finding = lazy_to_rich.features_in_time(cells(FREE, runs_of(free=regression)))
        assert value(finding, "not_ready") == pytest.approx(0, abs=1e-6)
        assert value(finding, "ready") == pytest.approx(math.log10(2), abs=0.01)

    def test_what_was_not_run_is_not_applicable(self):
        for finding in (
            mediation.acts_through_laziness(cells(FREE, {})),
            lazy_to_rich.memorizes_lazily(cells(FREE, runs_of(free=made))),
        ):
            assert [gate.verdict for gate in finding.gates if not gate.passed] == ["not applicable"]


def carrying(seed, falls_at=500.0, depth=4.0, **changes):
    """A run whose measure of complexity rises until t_mem and falls by a factor within a third of a decade."""
    run = made(seed, **changes)
    return with_columns(
        run, size=lambda time: 100 * (0.5 + 0.5 * ramp(time, 20)) * (1 - (1 - 1 / depth) * ramp(time, falls_at))
    )


ROLES = {**FREE, "random": "add/twin", "low": "add/low", "low_random": "add/twin"}


class TestComplexity:
    def case(self, complexity="size", **changes):
        runs = runs_of(
            free=carrying, twin=lambda s: carrying(s, depth=1.0, t_gen=NEVER), low=lambda s: carrying(s, depth=1.0)
        )
        return cells(ROLES, {**runs, **runs_of(**changes)}, complexity=complexity)

    def test_the_fall_is_that_of_the_ratio(self):
        finding = complexity.falls_after_memorizing(self.case())
        assert value(finding, "fall") == pytest.approx(math.log10(4), abs=0.01)
        assert value(finding, "beyond_low") == pytest.approx(math.log10(4), abs=0.01)
        shared = self.case(twin=lambda s: carrying(s, t_gen=NEVER), low=lambda s: carrying(s, t_gen=NEVER))
        assert value(complexity.falls_after_memorizing(shared), "fall") == pytest.approx(0, abs=0.01)

    @pytest.mark.parametrize(("falls_at", "lead"), [(500.0, 0.2), (800.0, 0.0), (1600.0, -0.3)])
    def test_the_lead_of_the_fall(self, falls_at, lead):
        finding = complexity.falls_in_time(self.case(free=lambda s: carrying(s, falls_at=falls_at)))
        assert value(finding, "not_after") == pytest.approx(lead, abs=0.02)

    def test_no_fall_comes_never(self):
        finding = complexity.falls_in_time(self.case(free=lambda s: carrying(s, depth=1.0)))
        assert value(finding, "not_after") == -math.inf

    def test_without_a_measure_nothing_is_asked(self):
        finding = complexity.falls_after_memorizing(self.case(complexity=""))
        assert not finding.gates[0].passed
        assert finding.gates[0].verdict == "not applicable"

    def test_the_rise(self):
        finding = complexity.rises_first(self.case())
        begun = made().curve.time[np.flatnonzero(made().curve.kappa_train > 0.2)[0]]
        expected = math.log10(1 / (0.5 + 0.5 * float(ramp(np.array([begun]), 20)[0])))
        assert value(finding, "rise") == pytest.approx(expected, abs=0.01)
        at_once = complexity.rises_first(self.case(free=lambda s: carrying(s, t_mem=1.0)))
        assert [gate.name for gate in at_once.gates if not gate.passed] == ["grain", "begins"]

    def test_what_generalizes_before_it_memorizes_has_no_rise_before(self):
        finding = complexity.rises_first(self.case(free=lambda s: carrying(s, t_mem=100.0, t_gen=20.0)))
        assert finding.n == 0

    def test_a_measure_that_begins_when_all_is_fitted_has_not_been_seen_to_rise(self):
        """The size of the sub-model that fits .98 of the labels: there is none before they are fitted."""

        def begins_late(seed):
            run = carrying(seed)
            values = run.curve.column("size").copy()
            values[run.curve.kappa_train < 0.98] = math.nan
            return with_columns(run, size=lambda time: values)

        finding = complexity.rises_first(self.case(free=begins_late))
        assert [(gate.name, gate.verdict) for gate in finding.gates if not gate.passed] == [
            ("begins", "not applicable")
        ]
        assert finding.n == 0

    def test_pressure(self):
        runs = runs_of(on=made, off=lambda s: made(s, t_gen=800 if s < 1006 else NEVER))
        finding = complexity.pressure_is_necessary(cells({"free_on": "add/on", "free_off": "add/off"}, runs))
        assert value(finding, "difference") == pytest.approx(0.4)
        assert value(finding, "off") == pytest.approx(-0.6)
        low, high = finding.estimates["off"].interval(0.025)
        assert low < -0.6 < high < 0

    def test_memorized_bits_of_runs_that_generalize(self):
        def noisy(seed):
            bits = math.log2(10) * (0.25 if seed % 2 else 0.75)
            return with_columns(made(seed), memorized_bits=lambda time: np.full(len(time), bits))

        finding = complexity.lookup_is_dropped(cells({"noise": "add/noise"}, runs_of(noise=noisy)))
        assert value(finding, "dropped") == pytest.approx(-0.5)
        lost = complexity.lookup_is_dropped(
            cells({"noise": "add/noise"}, runs_of(noise=lambda s: made(s, t_gen=NEVER)))
        )
        assert lost.n == 0
        assert [(gate.name, gate.verdict) for gate in lost.gates if not gate.passed] == [("generalizes", "undecided")]

    def test_a_run_that_never_fits_its_labels_is_not_late(self):
        def never_fits(seed):
            run = with_columns(made(seed), memorized_bits=np.zeros_like)
            run.curve.columns["train_accuracy"][:] = np.minimum(run.curve.columns["train_accuracy"], 0.91)
            return replace(run)

        finding = complexity.lookup_is_dropped(cells({"noise": "add/noise"}, runs_of(noise=never_fits)))
        assert finding.n == 0
        failed = [gate for gate in finding.gates if not gate.passed]
        assert [gate.name for gate in failed] == ["fits", "generalizes"]
        assert (failed[0].verdict, failed[0].reason) == ("not applicable", "0 of 10 runs fit their labels")

    def test_labels_that_were_fitted_and_given_up_again_count(self):
        """Where the table is dropped, the training accuracy falls below the criterion again."""

        def drops(seed):
            run = with_columns(made(seed), memorized_bits=lambda time: 3.3 * (time < 800))
            run.curve.columns["train_accuracy"][run.curve.time > 800] = 0.75
            return replace(run)

        finding = complexity.lookup_is_dropped(cells({"noise": "add/noise"}, runs_of(noise=drops)))
        assert drops(1000).detections[0.95].t_mem_censoring == "right"
        assert all(gate.passed for gate in finding.gates)
        assert (finding.n, value(finding, "dropped")) == (10, 0)

    def test_pressures_that_delay_memorizing_are_left_out(self):
        doses = {f"d{i}": (lambda s, i=i: made(s, t_gen=1600 / 2**i)) for i in range(4)}
        doses["d4"] = lambda s: made(s, t_mem=90.0, t_gen=5000)
        finding = complexity.follows_pressure(cells({"pressures": [f"add/{name}" for name in doses]}, runs_of(**doses)))
        assert value(finding, "tau") == 1
        assert finding.p < 0.01
        assert finding.gates[0].passed

    def test_sizes(self):
        def sized(parts, t_gen):
            shares = {
                "submodel_size": lambda t: np.full(len(t), 1.0),
                "submodel_share": lambda t: np.full(len(t), 1 / parts),
            }
            return lambda seed: with_columns(made(seed, t_gen=t_gen), **shares)

        runs = runs_of(t8=sized(8, NEVER), t16=sized(16, 800), r16=sized(16, NEVER), r32=sized(32, NEVER))
        unfit = {s: changed(t, train_accuracy=0.5 + 0 * t.curve.time) for s, t in runs["add/r16"].items()}
        roles = {"sizes_true": ["add/t8", "add/t16"], "sizes_random": ["add/r16", "add/r32"]}
        finding = complexity.memorizing_needs_more(cells(roles, {**runs, "add/r16": unfit}))
        assert value(finding, "capacity") == pytest.approx(math.log10(2))
        assert math.isnan(value(finding, "slope"))

    def test_sizes_over_examples(self):
        """W_random = n / 10 and W_true = 20: means and slopes in closed form."""
        examples = [100.0, 200.0, 400.0]
        needed = {"random": lambda n: n / 10, "true": lambda n: 20.0}
        roles, runs, numbers = {}, {}, {}
        for kind, least in needed.items():
            grid = [(n, size) for n in examples for size in (10.0, 20.0, 40.0, 80.0)]
            roles[f"sizes_{kind}"] = [f"add/{kind}-{n:g}-{size:g}" for n, size in grid]
            numbers[f"sizes_{kind}"] = [n for n, _ in grid]
            for n, size in grid:
                shares = {
                    "submodel_size": lambda t: np.full(len(t), 1.0),
                    "submodel_share": lambda t, size=size: np.full(len(t), 1 / size),
                }
                fits = size >= least(n)
                run = lambda s, fits=fits, shares=shares: with_columns(  # noqa: E731
                    made(s, t_mem=20.0 if fits else NEVER, t_gen=800 if fits else NEVER), **shares
                )
                runs |= runs_of(**{f"{kind}-{n:g}-{size:g}": run})
        finding = complexity.memorizing_needs_more(cells(roles, runs, numbers=numbers))
        assert value(finding, "capacity") == pytest.approx(0)  # (10 20 40) against 20: mean of logs
        assert value(finding, "slope") == pytest.approx(1)
        assert finding.n == len(SEEDS)

    def test_calibration(self):
        def holding(size):
            return lambda seed: with_columns(made(seed, t_gen=NEVER), size=lambda time: np.full(len(time), size))

        names = ["add/n1", "add/n2", "add/n3", "add/n4"]
        roles, facts = {"calibration": names}, {"complexity": "size"}
        rising = runs_of(n1=holding(10.0), n2=holding(20.0), n3=holding(40.0), n4=holding(80.0))
        finding = complexity.measure_qualifies(cells(roles, rising, **facts))
        assert value(finding, "slope") == pytest.approx(1)
        assert all(gate.passed for gate in finding.gates)
        flat = runs_of(n1=holding(10.0), n2=holding(20.0), n3=holding(19.0), n4=holding(80.0))
        assert [g.name for g in complexity.measure_qualifies(cells(roles, flat, **facts)).gates if not g.passed] == [
            "order"
        ]

    def test_the_end_state_ranks_runs(self):
        runs = runs_of(
            free=carrying, low=lambda s: carrying(s, depth=1.0, t_gen=NEVER), twin=lambda s: carrying(s, depth=1.0)
        )
        finding = complexity.end_state(cells(ROLES, runs, complexity="size"))
        assert value(finding, "rank") == pytest.approx(1)
        assert finding.n == 20


class TestPhenomenon:
    def test_decades(self):
        runs = runs_of(free=lambda s: made(s, t_gen=800 if s < 1007 else 100, budget=10_000))
        finding = phenomenon.ten_to_hundred_times(cells(FREE, runs))
        assert value(finding, "share") == pytest.approx(0.7)
        at_once = phenomenon.ten_to_hundred_times(cells(FREE, runs_of(free=lambda s: made(s, t_mem=1.0))))
        assert [gate.name for gate in at_once.gates if not gate.passed] == ["grain"]

    def test_abruptness_is_width_over_delay(self):
        finding = phenomenon.abrupt(cells(FREE, runs_of(free=made)))
        assert value(finding, "width") == pytest.approx(-(0.8 / 3) / math.log10(40), rel=0.05)

    def test_the_plateau(self):
        assert value(phenomenon.plateau(cells(FREE, runs_of(free=made))), "rise") == pytest.approx(0, abs=1e-6)

        def creeping(seed):
            run = made(seed)
            half = 0.6 * 20 * math.sqrt(40)
            rank = np.maximum(ramp(run.curve.time, 800.0), 0.4 * (run.curve.time >= half))
            # kappa_rank of ten classes from its own inverse, by interpolation
            auc = np.linspace(0.5, 1, 2001)
            from grokbench.curves.curve import kappa_rank

            return with_columns(run, rank_auc=lambda time: np.interp(rank, kappa_rank(auc, 10), auc))

        finding = phenomenon.plateau(cells(FREE, runs_of(free=creeping)))
        assert -value(finding, "rise") == pytest.approx(0.4, abs=0.01)

    def test_patience(self):
        """Runs 1000 to 1003 have a loss that falls all the time, or an accuracy that rises; the others stop at once."""
        constant = {"validation_loss": np.ones_like, "validation_accuracy": np.zeros_like}
        better = {"validation_loss": lambda time: 1 / (1 + time), "validation_accuracy": lambda time: time / 1e5}
        columns = {"remaining_accuracy": lambda time: 0.1 + 0.9 * (time >= 800)}
        runs = runs_of(free=lambda s: with_columns(made(s), **(better if s < 1004 else constant), **columns))
        for statistic in (phenomenon.stopped_by_loss, phenomenon.stopped_by_accuracy):
            finding = statistic(cells(FREE, runs))
            assert value(finding, "stopped") == pytest.approx(0.6)
            assert finding.n == 10
        finding = phenomenon.regret_of_stopping(cells(FREE, runs))
        assert value(finding, "regret") == pytest.approx(1.0)  # the first checkpoint is kept by most
        assert phenomenon.regret_of_stopping(cells(FREE, runs_of(free=made))).gates[0].passed is False


class TestMediation:
    """72 cells whose laziness and delay are given as functions of their levels."""

    @staticmethod
    def judged(laziness, delay, **changes):
        roles, runs = {}, {}
        for o, role in enumerate(mediation.OPTIMIZERS):
            roles[role] = []
            for place, levels in enumerate(np.ndindex(*mediation.SHAPE.values())):
                cell = f"add/{role}{place}"
                roles[role].append(cell)
                runs[cell] = {}
                for seed in SEEDS[:5]:
                    noise = np.random.default_rng([seed, o, place]).normal() * 0.03
                    q = laziness(o, *levels) + noise
                    run = made(seed, t_gen=20 * 10 ** delay(o, *levels, q))
                    runs[cell][seed] = with_columns(run, laziness=lambda time, q=q: np.full(len(time), q))
        return mediation.acts_through_laziness(cells(roles, runs, seeds=list(SEEDS[:5]), **changes))

    @staticmethod
    def verdict(finding: Finding) -> str:
        return judge(rules.read("mediation").predictions[0], cells({}, {}), finding).word

    def test_what_acts_through_laziness_alone(self):
        finding = self.judged(lambda o, d, i, s: 0.5 + 0.05 * (o + d + i + s), lambda o, d, i, s, q: 2 * q)
        assert value(finding, "tau") > 0.95
        assert value(finding, "weakest") > 0.9
        assert value(finding, "residual") > -0.3
        assert (finding.n, finding.censored) == (5, 0)
        assert self.verdict(finding) == "supported"

    def test_an_axis_along_which_the_lazier_is_earlier(self):
        finding = self.judged(
            lambda o, d, i, s: 0.5 + 0.15 * (o + d + i + s), lambda o, d, i, s, q: 1.5 + o + i + s - d
        )
        assert value(finding, "weakest") == pytest.approx(-1, abs=0.02)
        assert value(finding, "third") == pytest.approx(1, abs=0.02)
        assert self.verdict(finding) == "contradicted"

    def test_an_axis_that_acts_past_laziness(self):
        def past(o, d, i, s, q):
            return 0.8 + 0.3 * d + 0.01 * q

        finding = self.judged(lambda o, d, i, s: 0.5 + 0.02 * (o + i + s), past)
        assert value(finding, "residual") == pytest.approx(-1, abs=0.05)
        assert self.verdict(finding) == "undecided"

    def test_cells_of_another_t_mem_are_left_out_and_must_be_few(self):
        finding = self.judged(lambda o, d, i, s: 0.5 + 0.05 * (o + d + i + s), lambda o, d, i, s, q: 2 * q)
        assert all(gate.passed for gate in finding.gates)
        roles = {role: [f"add/{role}{i}" for i in range(18)] for role in mediation.OPTIMIZERS}
        slow = {
            cell: {s: made(s, t_mem=20.0 if role in ("gd", "adam") else 90.0) for s in SEEDS[:5]}
            for role, names in roles.items()
            for cell in names
        }
        failed = mediation.acts_through_laziness(cells(roles, slow, seeds=list(SEEDS[:5])))
        assert "matched" in [gate.name for gate in failed.gates if not gate.passed]

    def test_lost_runs_speak_against(self):
        def laziness(o, d, i, s):
            return 0.5 + 0.05 * (o + d + i + s)

        whole = self.judged(laziness, lambda o, d, i, s, q: 2 * q)
        assert value(whole, "tau") > 0.95
        lost = {role: [f"add/{role}{i}" for i in range(18)] for role in mediation.OPTIMIZERS}
        runs = {cell: {s: made(s) for s in SEEDS[:5]} for names in lost.values() for cell in names}
        for cell in runs:
            for s in SEEDS[:5]:
                q = 0.4 + 0.01 * (hash(cell) % 7)
                runs[cell][s] = with_columns(made(s), laziness=lambda time, q=q: np.full(len(time), q))
        runs["add/gd0"][SEEDS[0]] = made(SEEDS[0], status="failed")
        case = cells(lost, runs, seeds=list(SEEDS[:5]))
        assert value(mediation.acts_through_laziness(case), "tau") < 0
        assert value(mediation.acts_through_laziness(replace(case, lost_runs="for")), "tau") > 0


EIGHT = {
    role: f"add/{role}"
    for features in ("free", "frozen")
    for pressure in ("on", "off")
    for role in (f"{features}_{pressure}", f"small_{features}_{pressure}")
}


class TestEightCells:
    """Late where it starts large and is pulled back; at once from the usual start; never where nothing removes it."""

    def planted(self, **changes):
        at_once, never = (lambda s: made(s, t_gen=30)), (lambda s: made(s, t_gen=NEVER))
        every = {role: at_once if role.startswith("small") else never for role in EIGHT}
        every |= {"free_on": made, "frozen_on": made}
        case = cells(EIGHT, runs_of(**(every | changes)))
        exact = tuple(role for role in EIGHT if "frozen" in role)
        return replace(case, design=replace(case.design, closed_form=exact))

    def test_all_three_as_planted(self):
        case = self.planted()
        assert value(eight_cells.frozen_is_late(case), "share") == 1
        for statistic in (eight_cells.start_is_necessary, eight_cells.removal_is_necessary):
            assert [value(statistic(case), part) for part in ("free", "frozen")] == [1, 1]

    def test_each_factor_is_asked_of_its_own_cells(self):
        """A frozen network that is late without pressure leaves the start alone, and the other way round."""
        case = self.planted(frozen_off=made)
        assert value(eight_cells.removal_is_necessary(case), "frozen") == 0
        assert value(eight_cells.removal_is_necessary(case), "free") == 1
        assert value(eight_cells.start_is_necessary(case), "frozen") == 1
        case = self.planted(small_free_on=made)
        assert value(eight_cells.start_is_necessary(case), "free") == 0
        assert value(eight_cells.removal_is_necessary(case), "free") == 1

    def test_a_frozen_network_that_is_never_late(self):
        case = self.planted(frozen_on=lambda s: made(s, t_gen=NEVER))
        assert value(eight_cells.frozen_is_late(case), "share") == 0

    def test_lost_runs_speak_against_the_claim_or_for_it(self):
        case = self.planted(
            frozen_on=lambda s: made(s, status="done" if s > 1000 else "failed"),
            frozen_off=lambda s: made(s, t_gen=NEVER, status="done" if s > 1000 else "failed"),
        )
        assert value(eight_cells.frozen_is_late(case), "share") == pytest.approx(0.9)
        assert value(eight_cells.removal_is_necessary(case), "frozen") == pytest.approx(0.8)
        case = replace(case, lost_runs="for")
        assert value(eight_cells.frozen_is_late(case), "share") == 1
        assert value(eight_cells.removal_is_necessary(case), "frozen") == 1
