"""The rules of judging: the truth table, the order of gates, and what no input may bring about."""

import itertools
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from grokbench.verdicts.verdict import (
    NETWORKS,
    Estimate,
    Family,
    Gate,
    Judgement,
    Margins,
    Prediction,
    Required,
    explain,
    judge,
    overall,
    secondaries,
)

S, C, U, NA = "supported", "contradicted", "undecided", "not applicable"
LARGE = (0.3, 0.5)  # margins of an effect that must be large: support below contradiction
NOT_AFTER = (-0.1, -0.1)


def estimate(low, value, high):
    """The same interval at every level."""
    return Estimate(value, lambda alpha: (low, high))


def shrinking(value, width):
    """An interval that a smaller level widens: half-width = width * log10(1/alpha)."""
    return Estimate(value, lambda alpha: (value + width * math.log10(alpha), value - width * math.log10(alpha)))


def prediction(*parts, name="L1", task="t", **other):
    return Prediction(name, task, parts, **other)


def settled(verdict, name="L1", task="t", intervention=True):
    """A prediction with a verdict that no level changes."""
    if verdict == NA:
        return prediction(name=name, task=task, intervention=intervention, gates=(Gate("g", False, "why", NA),))
    value = {S: 1.0, C: -1.0, U: 0.0}[verdict]
    width = 2.0 if verdict == U else 0.1
    part = Margins(estimate(value - width, value, value + width), 0.5, -0.5)
    return prediction(part, name=name, task=task, intervention=intervention)


@pytest.mark.parametrize(
    ("margins", "low", "value", "high", "verdict"),
    [
        (LARGE, 0.61, 1.0, 1.0, S),
        (LARGE, 0.30, 0.6, 0.9, U),  # touches the margin
        (LARGE, 0.31, 0.49, 0.6, U),  # above .3, but the estimate is not large
        (LARGE, 0.31, 0.50, 0.6, S),
        (LARGE, -0.2, 0.1, 0.49, C),
        (LARGE, -0.2, 0.1, 0.50, U),
        (LARGE, 0.32, 0.40, 0.48, U),  # between the two margins: neither
        (LARGE, 0.1, 0.31, 0.49, U),
        (LARGE, 0.1, 0.30, 0.49, C),
        (NOT_AFTER, -0.09, 0.0, 0.1, S),
        (NOT_AFTER, -0.3, -0.2, -0.11, C),
        (NOT_AFTER, -0.3, -0.1, 0.1, U),
        (NOT_AFTER, -math.inf, -math.inf, -math.inf, C),
        (NOT_AFTER, -math.inf, 0.0, math.inf, U),
        ((0.5, 0.2), 0.51, 0.6, 0.7, S),
        ((0.5, 0.2), 0.21, 0.3, 0.4, U),  # the zone between two margins that do not overlap
        ((0.5, 0.2), 0.0, 0.1, 0.19, C),
        (LARGE, 0.6, math.nan, 0.7, U),
        (LARGE, math.nan, 0.6, math.nan, U),
    ],
)
def test_the_rule_of_two_margins(margins, low, value, high, verdict):
    assert judge(prediction(Margins(estimate(low, value, high), *margins))).verdict == verdict


def test_support_is_read_at_the_two_sided_level_and_contradiction_at_the_given_one():
    seen = []

    def interval(alpha):
        seen.append(alpha)
        return 0.0, 0.4

    judge(prediction(Margins(Estimate(0.2, interval), *LARGE)), level=0.05 / 3)
    assert seen == [0.025, 0.05 / 3]
    low = Margins(shrinking(0.3, 0.1), *LARGE)  # high: .46 at .025, .478 at .0167, .53 at .005
    assert [judge(prediction(low), level).verdict for level in (0.025, 0.05 / 3, 0.005)] == [C, C, U]


@pytest.mark.parametrize(("one", "other"), list(itertools.product((S, C, U), repeat=2)))
def test_parts_are_joined_by_the_worst(one, other):
    parts = [settled(v).parts[0] for v in (one, other)]
    expected = C if C in (one, other) else U if U in (one, other) else S
    assert judge(prediction(*parts)).verdict == expected


def test_one_sided_parts():
    refuter = Margins(estimate(0.2, 0.3, 0.4), None, 0.5)  # P(late) without pressure is large, turned round
    harmless = Margins(estimate(0.2, 0.3, 0.6), None, 0.5)
    needed = Margins(estimate(0.0, 0.1, 0.2), 0.05, None)
    supporting = settled(S).parts[0]
    assert judge(prediction(supporting, refuter)).verdict == C
    assert judge(prediction(supporting, harmless)).verdict == S
    assert judge(prediction(supporting, needed)).verdict == U
    assert judge(prediction(supporting, Required(True))).verdict == S
    assert judge(prediction(supporting, Required(False))) == Judgement(U, "interval")
    assert judge(prediction(settled(C).parts[0], Required(False))).verdict == C
    undefined = estimate(0.6, math.nan, 0.7)
    assert judge(prediction(Margins(undefined, 0.3, None))).verdict == U
    assert judge(prediction(supporting, Margins(undefined, None, 0.5))).verdict == U  # what it would say is not known
    with pytest.raises(ValueError, match="margin"):
        Margins(estimate(0, 0, 0), None, None)


def test_the_first_failing_gate_decides():
    gates = (Gate("assay", True, ""), Gate("health", False, "collapse"), Gate("grokking", False, "none here", NA))
    for verdict in (S, C, U):
        assert judge(prediction(*settled(verdict).parts, gates=gates)) == Judgement(U, "collapse")
    assert judge(prediction(gates=gates[2:])) == Judgement(NA, "none here")
    with pytest.raises(ValueError, match="caps"):
        Gate("bad", False, "", S)


def test_the_verdict_must_be_the_same_at_every_threshold():
    yes, no, unclear = (settled(v).parts for v in (S, C, U))
    assert judge(prediction(*yes, variants={"h .90": yes, "h .99": yes})) == Judgement(S)
    assert judge(prediction(*yes, variants={"h .90": yes, "h .99": unclear})) == Judgement(
        U, "threshold-sensitive: h .99"
    )
    assert judge(prediction(*no, variants={"lam 1e-3": yes})).verdict == U
    assert judge(prediction(*unclear, variants={"h .90": yes})) == Judgement(U, "interval")
    # contradicted by another part at another threshold is the same verdict
    assert judge(prediction(*no, *yes, variants={"h .90": [*yes, *no]})).verdict == C


numbers = st.floats(-2, 2)


@st.composite
def margins(draw, directions=2):
    low, value, high = sorted(draw(st.tuples(numbers, numbers, numbers)))
    return Margins(estimate(low, value, high), draw(numbers), draw(numbers))


@given(margins())
def test_no_estimate_satisfies_both_directions(part):
    e, s, c = part.estimate, part.support, part.contradict
    low, high = e.interval(0.025)
    supports, contradicts = low > s and e.value >= c, high < c and e.value <= s
    assert not (supports and contradicts)
    assert part.verdict(0.025) == (S if supports else C if contradicts else U)


@given(margins(), st.floats(0, 2))
def test_more_of_the_estimand_never_hurts_the_claim(part, shift):
    low, high = part.estimate.interval(0.025)
    moved = Margins(estimate(low + shift, part.estimate.value + shift, high + shift), part.support, part.contradict)
    order = [C, U, S]
    assert order.index(moved.verdict(0.025)) >= order.index(part.verdict(0.025))


@given(margins())
def test_turning_the_claim_round_exchanges_the_verdicts(part):
    turned = Margins(part.estimate.reversed(), -part.contradict, -part.support)
    assert turned.verdict(0.025) == {S: C, C: S, U: U}[part.verdict(0.025)]


@given(st.floats(-1, 1), st.floats(0.01, 0.5), st.floats(0.001, 0.025), st.floats(0.1, 1))
def test_a_stricter_level_contradicts_less(value, width, level, factor):
    part = Margins(shrinking(value, width), *LARGE)
    assume(part.verdict(level * factor) == C)
    assert part.verdict(level) == C


@pytest.mark.parametrize("verdicts", list(itertools.product((S, C, U, NA), repeat=3)))
def test_an_explanation_in_a_family(verdicts):
    found = explain([settled(v, name=f"L{i}") for i, v in enumerate(verdicts)])
    counted = [v for v in verdicts if v != NA]
    if len(counted) < 2:
        expected = NA
    elif C in counted:
        expected = C
    else:
        expected = U if U in counted else S
    assert found.verdict == expected
    assert found.level == pytest.approx(0.05 / max(1, len(counted)))
    assert [j.verdict for j in found.judgements] == list(verdicts)


def test_an_explanation_needs_an_intervention_and_two_different_predictions():
    watched = [settled(S, name=name, intervention=False) for name in ("L2", "L3")]
    assert explain(watched).verdict == NA
    assert explain([*watched, settled(NA, name="L1")]).verdict == NA  # the intervention does not apply
    assert explain([*watched, settled(S, name="L1")]).verdict == S
    assert explain([settled(S, task="a"), settled(S, task="b")]).verdict == NA  # one prediction, two tasks
    assert explain([]).verdict == NA


def test_every_task_must_support_and_each_may_contradict():
    rows = [settled(S, name=n, task=t) for n in ("L1", "L2") for t in ("a", "b")]
    assert explain(rows).verdict == S
    assert explain(rows).level == 0.05 / 4
    assert explain([*rows[:3], settled(U, name="L2", task="b")]).verdict == U
    assert explain([*rows[:3], settled(C, name="L2", task="b")]).reason == "L2 b"
    assert explain([*rows[:3], settled(NA, name="L2", task="b")]).verdict == S


def families(*verdicts, neural=(True, False, False, False)):
    return [
        Family(f"f{i}", [settled(v, name="L1"), settled(v, name="L2")], kind)
        for i, (v, kind) in enumerate(zip(verdicts, neural, strict=False))
    ]


@pytest.mark.parametrize(
    ("verdicts", "expected", "counts"),
    [
        ((S, S, S), S, (3, 0, 3)),
        ((S, S, NA), U, (2, 0, 2)),
        ((S, S, S, U), S, (3, 0, 4)),
        ((S, S, S, C), C, (3, 1, 4)),
        ((U, U, U), U, (0, 0, 3)),
        ((NA, S, S, S), U, (3, 0, 3)),  # no neural family among them
        ((NA, NA), NA, (0, 0, 0)),
    ],
)
def test_the_universal_claim(verdicts, expected, counts):
    found = overall(families(*verdicts))
    assert found.verdict == expected
    assert (found.supported, found.contradicted, found.applicable) == counts


def test_the_universal_claim_of_networks_and_counterexamples():
    two = families(S, S, neural=(True, True))
    assert overall(two).verdict == U
    assert overall(two, NETWORKS).verdict == S
    assert overall(families(S, neural=(True,)), NETWORKS).verdict == U
    refuted = overall(families(S, S, S), counterexamples=["kernel flow on slope"])
    assert (refuted.verdict, refuted.reason) == (C, "kernel flow on slope")


def test_contradiction_in_one_family_is_judged_again_at_the_level_of_all():
    # high = value + .1 log10(1/alpha): .46 at .05/2 for one family, .54 at .05/12 for six
    part = Margins(shrinking(0.3, 0.1), *LARGE)
    weak = Family("weak", [prediction(part, intervention=True), settled(S, name="L2")], neural=False)
    assert explain(weak.primaries).verdict == C
    assert overall([weak]).verdict == C
    among = overall([weak, *families(S, S, S, neural=(True, False, True)), *families(U, U)])
    assert (among.verdict, among.contradicted, among.applicable) == (U, 1, 6)
    assert "weak" in among.reason


def test_secondaries_need_their_p_after_holm():
    rows = [Judgement(S), Judgement(S), Judgement(C), Judgement(S), Judgement(NA, "why")]
    found = secondaries(rows, [0.001, 0.02, 0.9, None, 0.5])  # the gated row is no test: m = 3
    assert [j.verdict for j, _ in found] == [S, S, C, U, NA]
    assert [p for _, p in found[:3]] == pytest.approx([0.003, 0.04, 0.9])
    assert [j.verdict for j, _ in secondaries([Judgement(S)] * 3, [0.001, 0.03, 0.04])] == [S, U, U]
