"""Each prediction of weight decay on runs made by hand, so that the right number is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support_handmade import NEVER, SEEDS, changed, made, value

from grokbench.explanations import weight_decay
from grokbench.verdicts import rules
from grokbench.verdicts.cells import Cells, Design
from grokbench.verdicts.finding import ALPHA, CONTRADICTED, NOT_APPLICABLE, SUPPORTED, UNDECIDED
from grokbench.verdicts.verdict import judge

ROLES = {"free_on": "on", "free_off": "off", "clamped": "clamped", "decays": [f"decay{i}" for i in range(4)]}
DOSES = (0.0025, 0.005, 0.01, 0.02)  # learning rate times decay


def cells(**changes) -> Cells:
    """Cells of one family: each is a function of the seed, named as in `ROLES`."""
    runs = {f"add/{name}": {seed: make(seed) for seed in SEEDS} for name, make in changes.items()}
    roles = {
        role: tuple(f"add/{name}" for name in names) if isinstance(names, list) else f"add/{names}"
        for role, names in ROLES.items()
        if (names[0] if isinstance(names, list) else names) in changes
    }
    numbers = {"decays": DOSES} if "decays" in roles else {}
    return Cells(Design("net", "add", True, roles, numbers=numbers), runs, list(SEEDS))


def never(seed, **changes):
    """A run that memorizes only, watched for as long as a non-event needs."""
    return made(seed, t_gen=NEVER, budget=20_000, **changes)


def doses(t_gen, **changes) -> Cells:
    """A ladder of decay whose t_gen is a function of the dose, shifted by seed."""

    def at(dose):
        return lambda seed: made(seed, t_gen=t_gen(dose) * 10 ** (0.02 * math.sin(seed)), **changes)

    return cells(**{f"decay{i}": at(dose) for i, dose in enumerate(DOSES)})


def shrinking(run, rate: float):
    """The run with a norm that falls like exp(-rate t)."""
    return changed(run, norm=50 * np.exp(-rate * run.curve.time))


def prediction(name: str):
    return next(one for one in rules.read("weight-decay").predictions if one.name == name)


def word(name: str, case: Cells, finding) -> str:
    return judge(prediction(name), case, finding, ALPHA / 3).word


class TestNecessity:
    def test_late_with_it_and_never_without(self):
        case = cells(on=made, off=never)
        finding = weight_decay.decay_is_necessary(case)
        assert (value(finding, "difference"), value(finding, "off"), finding.n) == (1, 0, 10)
        assert word("W1", case, finding) == SUPPORTED

    def test_late_without_it_as_well(self):
        case = cells(on=made, off=made)
        finding = weight_decay.decay_is_necessary(case)
        assert (value(finding, "difference"), value(finding, "off")) == (0, -1)
        assert word("W1", case, finding) == CONTRADICTED

    def test_runs_that_stalled_for_want_of_digits_say_nothing(self):
        def stalling(seed):
            run = never(seed)
            return changed(run, zero_loss=(run.curve.time > 1000).astype(float))

        case = cells(on=made, off=stalling)
        finding = weight_decay.decay_is_necessary(case)
        assert finding.reason("collapse") == "softmax collapses in 10 of 10 runs without decay"
        assert word("W1", case, finding) == UNDECIDED
        one = cells(on=made, off=lambda s: stalling(s) if s == SEEDS.start else never(s))
        assert not weight_decay.decay_is_necessary(one).failed

    def test_a_collapse_after_the_rule_was_found_is_none(self):
        def later(seed):
            run = made(seed)
            return changed(run, zero_loss=(run.curve.time > 5000).astype(float))

        assert not weight_decay.decay_is_necessary(cells(on=made, off=later)).failed

    def test_a_short_horizon_is_no_non_event(self):
        finding = weight_decay.decay_is_necessary(cells(on=made, off=lambda s: made(s, t_gen=NEVER, budget=5000)))
        assert finding.n == 0

    def test_lost_runs_speak_against_the_claim_or_for_it(self):
        case = cells(on=made, off=lambda s: never(s, status="failed" if s == SEEDS.start else "done"))
        assert value(weight_decay.decay_is_necessary(case), "difference") == pytest.approx(0.9)
        assert value(weight_decay.decay_is_necessary(replace(case, lost_runs="for")), "difference") == 1


class TestDoses:
    @pytest.mark.parametrize("slope", [-1.0, -0.6, 0.0])
    def test_the_planted_slope(self, slope):
        case = doses(lambda dose: 800 * (dose / 0.01) ** slope)
        finding = weight_decay.earlier_with_dose(case)
        assert value(finding, "slope") == pytest.approx(-slope, abs=0.03)
        assert finding.n == 10
        assert word("W2", case, finding) == (SUPPORTED if slope else CONTRADICTED)
        inverse = weight_decay.inverse_in_decay(case)
        assert value(inverse, "not_steeper") == pytest.approx(slope, abs=0.03)
        assert word("W6", case, inverse) == (SUPPORTED if slope == -1 else CONTRADICTED)

    def test_censored_runs_bend_the_line_little(self):
        """By 2000 the weakest dose has not generalized: taken as if it had, the slope would be flatter."""
        case = doses(lambda dose: 800 * 0.01 / dose, budget=2000)
        finding = weight_decay.earlier_with_dose(case)
        assert finding.censored == pytest.approx(0.25)
        assert value(finding, "slope") == pytest.approx(1, abs=0.1)

    def test_doses_that_slow_memorizing_are_left_out(self):
        case = cells(
            **{f"decay{i}": (lambda s, i=i: made(s, t_mem=20.0 * 3 ** (i > 1), t_gen=800 / 2**i)) for i in range(4)}
        )
        finding = weight_decay.earlier_with_dose(case)
        assert finding.reason("doses") == "2 doses with t_mem within a factor of 2"

    def test_one_lost_run_moves_the_slope_against_the_claim_and_not_to_infinity(self):
        case = doses(lambda dose: 800 * 0.01 / dose)
        whole = value(weight_decay.earlier_with_dose(case), "slope")
        case.runs["add/decay0"][SEEDS.start] = made(status="failed")
        against = value(weight_decay.earlier_with_dose(case), "slope")
        favouring = value(weight_decay.earlier_with_dose(replace(case, lost_runs="for")), "slope")
        assert 0.8 < against < whole
        assert favouring > against

    def test_none_that_generalizes_has_no_slope(self):
        case = doses(lambda dose: NEVER)
        assert math.isnan(value(weight_decay.earlier_with_dose(case), "slope"))


class TestClamp:
    def test_a_clamp_that_removes_the_delay(self):
        case = cells(on=made, clamped=lambda s: made(s, t_gen=30.0))
        finding = weight_decay.clamp_removes(case)
        assert (value(finding, "difference"), value(finding, "generalizes")) == (1, 1)
        assert word("W3", case, finding) == SUPPORTED

    def test_a_clamped_run_that_is_as_late(self):
        case = cells(on=made, clamped=made)
        finding = weight_decay.clamp_removes(case)
        assert value(finding, "difference") == 0
        assert word("W3", case, finding) == CONTRADICTED

    def test_a_clamp_that_prevents_generalization_does_not_remove_a_delay(self):
        case = cells(on=made, clamped=never)
        finding = weight_decay.clamp_removes(case)
        assert (value(finding, "difference"), value(finding, "generalizes")) == (1, 0)
        assert word("W3", case, finding) == UNDECIDED

    def test_ten_of_twelve_are_enough(self):
        margin = prediction("W3").margins["generalizes"]
        shares = [weight_decay.share(np.array([1.0] * k + [0.0] * (12 - k))) for k in (9, 10)]
        assert [margin.verdict(share, ALPHA) for share in shares] == [UNDECIDED, SUPPORTED]

    def test_lost_runs_speak_against_the_claim_or_for_it(self):
        case = cells(on=made, clamped=lambda s: made(s, t_gen=30.0, status="failed" if s == SEEDS.start else "done"))
        against, favouring = (weight_decay.clamp_removes(replace(case, lost_runs=lost)) for lost in ("against", "for"))
        assert [value(against, part) for part in ("difference", "generalizes")] == pytest.approx([0.9, 0.9])
        assert [value(favouring, part) for part in ("difference", "generalizes")] == [1, 1]


class TestNorms:
    def test_a_norm_that_falls_before_the_rise(self):
        case = cells(on=lambda s: shrinking(made(s), 1e-3), off=lambda s: shrinking(never(s), -1e-5))
        finding = weight_decay.norm_falls_first(case)
        run = case.runs_of("free_on")[0]
        decades = 1e-3 * (run.half_rise() - case.detection(run).t_mem) / math.log(10)
        assert value(finding, "fall") == pytest.approx(decades, rel=0.02)
        assert finding.control["fall"].value < 0
        assert word("W4", case, finding) == SUPPORTED

    def test_a_norm_that_rises(self):
        case = cells(on=made, off=never)
        finding = weight_decay.norm_falls_first(case)
        assert value(finding, "fall") < 0
        assert word("W4", case, finding) == CONTRADICTED

    def test_its_own_control_falls_as_well(self):
        case = cells(on=lambda s: shrinking(made(s), 1e-3), off=lambda s: shrinking(never(s), 1e-3))
        assert word("W4", case, weight_decay.norm_falls_first(case)) == UNDECIDED

    def test_runs_without_a_rise_say_nothing_and_lost_ones_do(self):
        case = cells(on=lambda s: shrinking(never(s), 1e-3))
        assert weight_decay.norm_falls_first(case).n == 0
        lost = cells(on=lambda s: made(s, status="failed"))
        assert value(weight_decay.norm_falls_first(lost), "fall") == -math.inf
        assert value(weight_decay.norm_falls_first(replace(lost, lost_runs="for")), "fall") == math.inf


class TestDelayLaw:
    """Norms that shrink at a multiple gamma of learning rate times decay, so that the law holds to the letter."""

    def of(self, gamma) -> Cells:
        def at(dose):
            return lambda seed: shrinking(made(seed, t_gen=8.0 / dose, budget=20_000), gamma(dose))

        return cells(**{f"decay{i}": at(dose) for i, dose in enumerate(DOSES)})

    @pytest.mark.parametrize("times", [1.0, 10.0, 0.1])
    def test_the_law_to_the_letter(self, times):
        finding = weight_decay.delay_follows_norms(self.of(lambda dose: times * dose))
        assert value(finding, "proportional") == pytest.approx(0, abs=0.02)
        # the norm is read between checkpoints of about a tenth of t_gen, where it falls by up to a half
        assert value(finding, "rate") == pytest.approx(math.log10(times), abs=0.05)
        assert word("W5", self.of(lambda dose: dose), finding) == (CONTRADICTED if times == 0.1 else SUPPORTED)

    def test_a_rate_that_is_none_of_decay(self):
        """The norm shrinks at one rate whatever the decay: log(ratio) falls with the delay, and the law is squared."""
        finding = weight_decay.delay_follows_norms(self.of(lambda dose: 1e-4))
        assert value(finding, "proportional") == pytest.approx(-0.5, abs=0.03)

    def test_norms_that_do_not_fall_are_not_asked(self):
        case = self.of(lambda dose: -dose / 100)
        finding = weight_decay.delay_follows_norms(case)
        assert finding.n == 0
        assert word("W5", case, finding) == NOT_APPLICABLE
