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


def cells(roles: dict, **given) -> Cells:
    """Cells of one family: roles name cells, and each cell is a function of the seed."""
    runs = {f"add/{name}": {seed: make(seed) for seed in SEEDS} for name, make in given.items()}
    named = {
        role: [f"add/{name}" for name in names] if isinstance(names, list) else f"add/{names}"
        for role, names in roles.items()
    }
    return Cells(Design("net", "add", True, named), runs, list(SEEDS))


def collapsing(seed, at=300.0, **given):
    """A run in which softmax has collapsed on all examples from a time on; infinity for never."""
    run = made(seed, **given)
    return changed(run, zero_loss=(run.curve.time >= at).astype(float))


def word(name: str, asked: Cells, finding) -> str:
    prediction = next(one for one in rules.read("numerical-stability").predictions if one.name == name)
    return judge(prediction, asked, finding, ALPHA / 3).word


STALL = {"free_on": "free", "single": "off"}


class TestStalls:
    def test_a_run_that_collapses_and_never_generalizes_stalls(self):
        asked = cells(STALL, free=collapsing, off=lambda s: collapsing(s, t_gen=NEVER))
        found = numerical_stability.stalls(asked)
        assert value(found, "share") == 1
        assert found.control["share"].value == 0  # it collapses as well, and generalizes
        assert word("N1", asked, found) == SUPPORTED

    @pytest.mark.parametrize("given", [{"at": math.inf, "t_gen": NEVER}, {"at": 2000.0}, {"at": 100.0}])
    def test_neither_failure_alone_nor_collapse_alone_is_a_stall(self, given):
        asked = cells(STALL, free=collapsing, off=lambda s: collapsing(s, **given))
        found = numerical_stability.stalls(asked)
        assert value(found, "share") == 0
        assert word("N1", asked, found) == CONTRADICTED

    def test_lost_runs_speak_against_the_claim_or_for_it(self):
        status = {seed: "failed" if seed < SEEDS.start + 3 else "done" for seed in SEEDS}
        asked = cells(STALL, free=collapsing, off=lambda s: collapsing(s, t_gen=NEVER, status=status[s]))
        assert value(numerical_stability.stalls(asked), "share") == pytest.approx(0.7)
        assert value(numerical_stability.stalls(replace(asked, lost_runs="for")), "share") == 1

    def test_without_the_column_it_is_not_asked(self):
        asked = cells(STALL, free=made, off=lambda s: made(s, t_gen=NEVER))
        assert word("N1", asked, numerical_stability.stalls(asked)) == NOT_APPLICABLE

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
            asked = self.of(300.0, double)
            found = numerical_stability.later_when_more_precise(asked)
            assert value(found, "tau") == 1
            assert found.p < 0.01
            assert word("N2", asked, found) == SUPPORTED
        assert found.censored == 0.5

    def test_the_other_way_round(self):
        asked = self.of(900.0, 300.0)
        found = numerical_stability.later_when_more_precise(asked)
        assert value(found, "tau") == -1
        estimate = found.estimates["tau"]
        assert estimate.interval(ALPHA / 3)[1] < 0.4

    def test_where_neither_collapses_nothing_is_decided(self):
        asked = self.of(math.inf, math.inf)
        assert math.isnan(value(numerical_stability.later_when_more_precise(asked), "tau"))

    def test_without_the_column_it_is_not_asked(self):
        asked = cells({"precisions": ["single", "double"]}, single=made, double=made)
        assert word("N2", asked, numerical_stability.later_when_more_precise(asked)) == NOT_APPLICABLE


class TestCures:
    @pytest.mark.parametrize("t_gen", [800.0, 25.0])
    def test_generalization_counts_early_or_late(self, t_gen):
        asked = cells(
            {"cured": "cured", "plain": "plain"},
            cured=lambda s: made(s, t_gen=t_gen),
            plain=lambda s: made(s, t_gen=NEVER),
        )
        found = numerical_stability.cure_helps(asked)
        assert (value(found, "difference"), found.n) == (1, 10)
        assert word("N3", asked, found) == SUPPORTED

    @pytest.mark.parametrize("t_gen", [800.0, NEVER])
    def test_a_cure_that_changes_nothing(self, t_gen):
        roles = {"cured": "cured", "plain": "plain"}
        asked = cells(roles, cured=lambda s: made(s, t_gen=t_gen), plain=lambda s: made(s, t_gen=t_gen))
        found = numerical_stability.cure_helps(asked)
        assert value(found, "difference") == 0
        assert found.estimates["difference"].interval(ALPHA / 3)[1] < 0.4

    def test_lost_runs_speak_against_the_claim_or_for_it(self):
        def cured(seed):
            return made(seed, status="failed" if seed == SEEDS.start else "done")

        asked = cells({"cured": "cured", "plain": "plain"}, cured=cured, plain=lambda s: made(s, t_gen=NEVER))
        assert value(numerical_stability.cure_helps(asked), "difference") == pytest.approx(0.9)
        favoured = replace(asked, lost_runs="for")
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
        asked = self.of()
        found = numerical_stability.squares_are_immune(asked)
        assert {name: estimate.value for name, estimate in found.estimates.items()} == {
            "untouched": 0,
            "not_less": 0,
            "not_more": 0,
        }
        assert word("N4", asked, found) == SUPPORTED

    def test_digits_that_change_something(self):
        asked = self.of(t_gen=NEVER)
        found = numerical_stability.squares_are_immune(asked)
        assert (value(found, "not_less"), value(found, "not_more")) == (-1, 1)
        assert word("N4", asked, found) == CONTRADICTED

    def test_a_collapse_of_one_precision_is_one(self):
        asked = self.of(at=5000.0)
        found = numerical_stability.squares_are_immune(asked)
        assert value(found, "untouched") == -1
        assert word("N4", asked, found) == CONTRADICTED

    def test_lost_runs_speak_against_both_sides_of_the_equivalence(self):
        asked = self.of()
        asked.runs["add/double"][1000] = made(1000, status="failed")
        found = numerical_stability.squares_are_immune(asked)
        assert value(found, "not_less") == pytest.approx(-0.05)
        assert value(found, "not_more") == pytest.approx(0)
        assert value(found, "untouched") == pytest.approx(-0.05)
