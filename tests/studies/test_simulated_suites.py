"""The error rates of the rules, on suites whose truth is known (the full table: simulated.py)."""

from dataclasses import replace

import numpy as np
import pytest
from simulated import TRUTHS, Design, Truth, findings, impute, rates, simulate, slope_at

FAST = Design(permutations=99, bootstraps=400)
SUITES = 100
AT_A_SUPPORT_MARGIN = [name for name in TRUTHS if "support margin" in name or "(boundary)" in name]
FALSE = ["frozen groks as well", "flat dose", "features .3 decade late", "R(t_mem) = .8", "all false"]


@pytest.mark.parametrize("name", AT_A_SUPPORT_MARGIN)
def test_false_support_at_a_margin_is_rare(name):
    """Without failed runs, which only cost support, correlation .7, both shapes: at most 5 %."""
    assert rates(name, TRUTHS[name], replace(FAST, failed=0.0), SUITES)[0] <= 0.05


@pytest.mark.parametrize("name", FALSE)
def test_what_is_false_is_never_supported_and_mostly_contradicted(name):
    supported, contradicted, _ = rates(name, TRUTHS[name], replace(FAST, failed=0.0), SUITES // 2)
    assert supported == 0
    assert contradicted >= 0.6


def test_what_is_true_is_mostly_supported_and_not_contradicted():
    supported, contradicted, _ = rates("all true", Truth(), replace(FAST, failed=0.0), SUITES)
    assert supported >= 0.7
    assert contradicted == 0


def test_failed_runs_that_hurt_both_verdicts_make_no_false_contradiction():
    """A tenth of the runs failed, at the contradict margin: imputed against the claim alone they would refute it."""
    name = "at the contradict margin of the difference"
    both, alone = (rates(name, TRUTHS[name], replace(FAST, both_ways=b), SUITES)[1] for b in (True, False))
    assert both <= 0.05 < alone


@pytest.mark.parametrize("heavy", [False, True])
def test_the_generators_have_the_truth_that_they_claim(heavy):
    design = Design(n=20_000, heavy=heavy, rho=0.5)
    suite = simulate(Truth(free=0.9, frozen=0.6, lead=-0.1, ready=0.25), design, np.random.default_rng(0))
    assert (suite.free.mean(), suite.frozen.mean()) == pytest.approx((0.9, 0.6), abs=4 * 0.5 / np.sqrt(20_000))
    assert np.corrcoef(suite.free, suite.frozen)[0, 1] > 0.15
    # sd of a median is about 1.25 * .05/sqrt(20000) = .0005
    assert (np.median(suite.lead), np.median(suite.ready)) == pytest.approx((-0.1, 0.25), abs=0.002)
    censored = 1 - suite.event.mean(axis=0)
    assert censored[-1] - censored[0] > 0.3


def test_the_slope_at_a_margin_gives_that_concordance():
    design = Design(n=120, failed=0.0, bootstraps=1)
    slope = slope_at(0.2, replace(design, n=0))
    predictions = findings(
        simulate(Truth(slope=slope), design, np.random.default_rng(1)), design, np.random.default_rng(2)
    )
    assert predictions[1].estimates["tau"].value == pytest.approx(
        0.2, abs=0.11
    )  # 120 seeds of sd about .4, three errors


def test_imputation_moves_every_estimate_in_its_direction():
    rng, design = np.random.default_rng(3), Design(n=20)
    suite = simulate(Truth(frozen=0.5), design, rng)
    lost = {"free": rng.random(20) < 0.2, "frozen": rng.random(20) < 0.2, "doses": rng.random((20, 5)) < 0.2}
    worse, better = (
        [next(iter(f.estimates.values())).value for f in findings(impute(suite, lost, a), design, rng)]
        for a in (True, False)
    )
    assert all(w < b for w, b in zip(worse, better, strict=True))
