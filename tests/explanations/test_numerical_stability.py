"""Each prediction of numerical stability on runs made by hand, so that the right number is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support_handmade import NEVER, SEEDS, changed, made, value

from grokbench.explanations import numerical_stability
from grokbench.verdicts import rules
from grokbench.verdicts.cells import Cells, Design
from grokbench.verdicts.finding import ALPHA, CONTRADICTED, NOT_APPLICABLE, SUPPORTED
from grokbench.verdicts.verdict import judge


def cells(roles: dict, **changes) -> Cells:
    """Cells of one family: roles name cells, and each cell is a function of the seed."""
    runs = {f"add/{name}": {seed: make(seed) for seed in SEEDS} for name, make in changes.items()}
    named = {
        role: [f"add/{name}" for name in names] if isinstance(names, list) else f"add/{names}"
        for role, names in roles.items()
    }
    return Cells(Design("net", "add", True, named), runs, list(SEEDS))


def collapsing(seed, at=300.0, **changes):
    """A run in which softmax has collapsed on all examples from a time on; infinity for never."""
    run = made(seed, **changes)
    return changed(run, zero_loss=(run.curve.time >= at).astype(float))


def word(name: str, case: Cells, finding) -> str:
    prediction = next(one for one in rules.read("numerical-stability").predictions if one.name == name)
    return judge(prediction, case, finding, ALPHA / 3).word


STALL = {"free_on": "free", "single": "off"}


class TestStalls:
    def test_a_run_that_collapses_and_never_generalizes_stalls(self):
        case = cells(STALL, free=collapsing, off=lambda s: collapsing(s, t_gen=NEVER))
        finding = numerical_stability.stalls(case)
        assert value(finding, "share") == 1
        assert finding.control["share"].value == 0  # it collapses as well, and generalizes
        assert word("N1", case, finding) == SUPPORTED

    @pytest.mark.parametrize("changes", [{"at": math.inf, "t_gen": NEVER}, {"at": 2000.0}, {"at": 100.0}])
    def test_neither_failure_alone_nor_collapse_alone_is_a_stall(self, changes):
        case = cells(STALL, free=collapsing, off=lambda s: collapsing(s, **changes))
        finding = numerical_stability.stalls(case)
        assert value(finding, "share") == 0
        assert word("N1", case, finding) == CONTRADICTED

    def test_lost_runs_speak_against_the_claim_or_for_it(self):
        status = {seed: "failed" if seed < SEEDS.start + 3 else "done" for seed in SEEDS}
        case = cells(STALL, free=collapsing, off=lambda s: collapsing(s, t_gen=NEVER, status=status[s]))
        assert value(numerical_stability.stalls(case), "share") == pytest.approx(0.7)
        assert value(numerical_stability.stalls(replace(case, lost_runs="for")), "share") == 1

    def test_without_the_column_it_is_not_asked(self):
        case = cells(STALL, free=made, off=lambda s: made(s, t_gen=NEVER))
        assert word("N1", case, numerical_stability.stalls(case)) == NOT_APPLICABLE

    def test_half_of_the_examples_are_a_collapse(self):
        run = made()
        shares = {share: changed(run, zero_loss=np.where(run.curve.time >= 50, share, 0.0)) for share in (0.49, 0.5)}
        assert numerical_stability.collapse(shares[0.49]) == math.inf
        assert numerical_stability.collapse(shares[0.5]) == 50


class TestPrecision:
    def of(self, single: float, double: float) -> Cells:
        roles = {"precisions": ["single", "double"]}
        off = {"t_gen": NEVER}
        return cells(
            roles, single=lambda s: collapsing(s, at=single, **off), double=lambda s: collapsing(s, at=double, **off)
        )

    def test_two_precisions_are_enough_for_a_trend(self):
        for double in (900.0, math.inf):  # later, and not by the end
            case = self.of(300.0, double)
            finding = numerical_stability.later_when_more_precise(case)
            assert value(finding, "tau") == 1
            assert finding.p < 0.01
            assert word("N2", case, finding) == SUPPORTED
        assert finding.censored == 0.5

    def test_the_other_way_round(self):
        case = self.of(900.0, 300.0)
        finding = numerical_stability.later_when_more_precise(case)
        assert value(finding, "tau") == -1
        estimate = finding.estimates["tau"]
        assert estimate.interval(ALPHA / 3)[1] < 0.4

    def test_where_neither_collapses_nothing_is_decided(self):
        case = self.of(math.inf, math.inf)
        assert math.isnan(value(numerical_stability.later_when_more_precise(case), "tau"))

    def test_without_the_column_it_is_not_asked(self):
        case = cells({"precisions": ["single", "double"]}, single=made, double=made)
        assert word("N2", case, numerical_stability.later_when_more_precise(case)) == NOT_APPLICABLE


class TestCures:
    @pytest.mark.parametrize("t_gen", [800.0, 25.0])
    def test_generalization_counts_early_or_late(self, t_gen):
        case = cells(
            {"cured": "cured", "plain": "plain"},
            cured=lambda s: made(s, t_gen=t_gen),
            plain=lambda s: made(s, t_gen=NEVER),
        )
        finding = numerical_stability.cure_helps(case)
        assert (value(finding, "difference"), finding.n) == (1, 10)
        assert word("N3", case, finding) == SUPPORTED

    @pytest.mark.parametrize("t_gen", [800.0, NEVER])
    def test_a_cure_that_changes_nothing(self, t_gen):
        roles = {"cured": "cured", "plain": "plain"}
        case = cells(roles, cured=lambda s: made(s, t_gen=t_gen), plain=lambda s: made(s, t_gen=t_gen))
        finding = numerical_stability.cure_helps(case)
        assert value(finding, "difference") == 0
        assert finding.estimates["difference"].interval(ALPHA / 3)[1] < 0.4

    def test_lost_runs_speak_against_the_claim_or_for_it(self):
        def cured(seed):
            return made(seed, status="failed" if seed == SEEDS.start else "done")

        case = cells({"cured": "cured", "plain": "plain"}, cured=cured, plain=lambda s: made(s, t_gen=NEVER))
        assert value(numerical_stability.cure_helps(case), "difference") == pytest.approx(0.9)
        favoured = replace(case, lost_runs="for")
        assert value(numerical_stability.cure_helps(favoured), "difference") == 1


class TestSquares:
    def of(self, at=math.inf, **double) -> Cells:
        """Twenty seeds, as registered."""
        seeds = range(1000, 1020)
        runs = {
            "add/single": {s: collapsing(s, at=at) for s in seeds},
            "add/double": {s: collapsing(s, at=math.inf, **double) for s in seeds},
        }
        roles = {"free_on": "add/single", "single": "add/single", "double": "add/double"}
        return Cells(Design("net", "add", True, roles), runs, list(seeds))

    def test_alike_in_both_precisions(self):
        case = self.of()
        finding = numerical_stability.squares_are_immune(case)
        assert {name: estimate.value for name, estimate in finding.estimates.items()} == {
            "untouched": 0,
            "not_less": 0,
            "not_more": 0,
        }
        assert word("N4", case, finding) == SUPPORTED

    def test_digits_that_change_something(self):
        case = self.of(t_gen=NEVER)
        finding = numerical_stability.squares_are_immune(case)
        assert (value(finding, "not_less"), value(finding, "not_more")) == (-1, 1)
        assert word("N4", case, finding) == CONTRADICTED

    def test_a_collapse_of_one_precision_is_one(self):
        case = self.of(at=5000.0)
        finding = numerical_stability.squares_are_immune(case)
        assert value(finding, "untouched") == -1
        assert word("N4", case, finding) == CONTRADICTED

    def test_lost_runs_speak_against_both_sides_of_the_equivalence(self):
        case = self.of()
        case.runs["add/double"][1000] = made(1000, status="failed")
        finding = numerical_stability.squares_are_immune(case)
        assert value(finding, "not_less") == pytest.approx(-0.05)
        assert value(finding, "not_more") == pytest.approx(0)
        assert value(finding, "untouched") == pytest.approx(-0.05)
