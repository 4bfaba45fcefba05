"""The rules of judging: the truth table, the order of gates, and what no input may bring about."""

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from grokbench.verdicts.cells import Cells, Design
from grokbench.verdicts.finding import Estimate, Finding, Gate, Margin
from grokbench.verdicts.rules import Prediction
from grokbench.verdicts.verdict import Verdict, explain, judge, overall, refuted, secondaries

S, C, U, NA = "supported", "contradicted", "undecided", "not applicable"
LARGE = Margin(0.3, 0.5)  # margins of an effect that must be large: support below contradiction
NOT_AFTER = Margin(-0.1, -0.1)


def estimate(low, value, high):
    """The same interval at every level."""
    return Estimate(value, lambda alpha: (low, high))


def shrinking(value, width):
    """An interval that a smaller level widens: half-width = width * log10(1/alpha)."""
    return Estimate(value, lambda alpha: (value + width * math.log10(alpha), value - width * math.log10(alpha)))


def leaf(*parts, name="L1", task="t", neural=True, level=0.025, **fields) -> Verdict:
    """The verdict on a prediction of some (margin, estimate); ``fields``: of the finding, and of it."""
    of_finding = {key: fields.pop(key) for key in ("gates", "variants", "p_found") if key in fields}
    of_finding = {"p" if key == "p_found" else key: value for key, value in of_finding.items()}
    texts = dict.fromkeys(("claim", "statistic", "source", "change_of_mind"), "")
    margins = {str(place): margin for place, (margin, _) in enumerate(parts)}
    fields = {"role": "primary", "uses": (), "least": 0, "margins": margins, **texts, **fields}
    cells = Cells(Design("family", task, neural, {}), {}, ())
    return judge(Prediction(name, **fields), cells, finding(*parts, **of_finding), level)


def finding(*parts, **fields) -> Finding:
    """A finding with the estimates of the parts."""
    return Finding({str(place): estimate for place, (_, estimate) in enumerate(parts)}, 10, **fields)


def settled_part(verdict):
    """A margin and an estimate with a verdict that no level changes."""
    value = {S: 1.0, C: -1.0, U: 0.0}[verdict]
    width = 2.0 if verdict == U else 0.1
    return Margin(0.5, -0.5), estimate(value - width, value, value + width)


def settled(verdict, name="L1", task="t", intervention=True, **fields):
    """A prediction with a verdict that no level changes."""
    if verdict == NA:
        return leaf(name=name, task=task, intervention=intervention, gates=(Gate("g", False, "why", NA),), **fields)
    return leaf(settled_part(verdict), name=name, task=task, intervention=intervention, **fields)


def outcome(verdict: Verdict) -> tuple[str, str]:
    return verdict.word, verdict.reason


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
        (Margin(0.5, 0.2), 0.51, 0.6, 0.7, S),
        (Margin(0.5, 0.2), 0.21, 0.3, 0.4, U),  # the zone between two margins that do not overlap
        (Margin(0.5, 0.2), 0.0, 0.1, 0.19, C),
        (LARGE, 0.6, math.nan, 0.7, U),
        (LARGE, math.nan, 0.6, math.nan, U),
    ],
)
def test_the_rule_of_two_margins(margins, low, value, high, verdict):
    assert leaf((margins, estimate(low, value, high))).word == verdict


def test_support_is_read_at_the_two_sided_level_and_contradiction_at_the_given_one():
    words = []

    def interval(alpha):
        words.append(alpha)
        return 0.0, 0.4

    leaf((LARGE, Estimate(0.2, interval)), level=0.05 / 3)
    assert words == [0.025, 0.05 / 3]
    low = LARGE, shrinking(0.3, 0.1)  # high: .46 at .025, .478 at .0167, .53 at .005
    assert [leaf(low, level=level).word for level in (0.025, 0.05 / 3, 0.005)] == [C, C, U]


@pytest.mark.parametrize(("one", "other"), list(itertools.product((S, C, U), repeat=2)))
def test_parts_are_joined_by_the_worst(one, other):
    parts = [settled_part(v) for v in (one, other)]
    expected = C if C in (one, other) else U if U in (one, other) else S
    assert leaf(*parts).word == expected


def test_one_sided_parts():
    refuter = Margin(None, 0.5), estimate(0.2, 0.3, 0.4)  # P(late) without pressure is large, turned round
    harmless = Margin(None, 0.5), estimate(0.2, 0.3, 0.6)
    needed = Margin(0.05), estimate(0.0, 0.1, 0.2)
    supporting, contradicting = settled_part(S), settled_part(C)
    assert leaf(supporting, refuter).word == C
    assert leaf(supporting, harmless).word == S
    assert leaf(supporting, needed).word == U
    assert leaf(supporting, p=0.025, p_found=0.025).word == S
    for too_large in (0.026, None, math.nan):
        assert outcome(leaf(supporting, p=0.025, p_found=too_large)) == (U, "interval")
    assert leaf(contradicting, p=0.025, p_found=0.5).word == C
    undefined = estimate(0.6, math.nan, 0.7)
    assert leaf((Margin(0.3), undefined)).word == U
    assert leaf(supporting, (Margin(None, 0.5), undefined)).word == U  # what it would say is not known
    with pytest.raises(ValueError, match="margin"):
        Margin(None, None)


def test_the_first_failing_gate_decides():
    gates = (Gate("assay", True, ""), Gate("health", False, "collapse"), Gate("grokking", False, "none here", NA))
    for verdict in (S, C, U):
        assert outcome(leaf(settled_part(verdict), gates=gates)) == (U, "collapse")
    assert outcome(leaf(gates=gates[2:])) == (NA, "none here")
    with pytest.raises(ValueError, match="caps"):
        Gate("bad", False, "", S)


def test_the_verdict_must_be_the_same_at_every_threshold():
    yes, no, unclear = (settled_part(v) for v in (S, C, U))
    assert outcome(leaf(yes, variants={"h .90": finding(yes), "h .99": finding(yes)})) == (S, "")
    sensitive = leaf(yes, variants={"h .90": finding(yes), "h .99": finding(unclear)})
    assert outcome(sensitive) == (U, "threshold-sensitive: undecided at h .99")
    assert leaf(no, variants={"lam 1e-3": finding(yes)}).word == U
    assert outcome(leaf(unclear, variants={"h .90": finding(yes)})) == (U, "interval")
    # contradicted by another part at another threshold is the same verdict
    assert leaf(no, yes, variants={"h .90": finding(yes, no)}).word == C


numbers = st.floats(-2, 2)


@st.composite
def margins(draw, directions=2):
    low, value, high = sorted(draw(st.tuples(numbers, numbers, numbers)))
    return Margin(draw(numbers), draw(numbers)), estimate(low, value, high)


@given(margins())
def test_no_estimate_satisfies_both_directions(part):
    margin, e = part
    s, c = margin.support, margin.contradict
    low, high = e.interval(0.025)
    supports, contradicts = low > s and e.value >= c, high < c and e.value <= s
    assert not (supports and contradicts)
    assert margin.verdict(e, 0.025) == (S if supports else C if contradicts else U)


@given(margins(), st.floats(0, 2))
def test_more_of_the_estimand_never_hurts_the_claim(part, shift):
    margin, e = part
    low, high = e.interval(0.025)
    moved = estimate(low + shift, e.value + shift, high + shift)
    order = [C, U, S]
    assert order.index(margin.verdict(moved, 0.025)) >= order.index(margin.verdict(e, 0.025))


@given(margins())
def test_turning_the_claim_round_exchanges_the_verdicts(part):
    margin, e = part
    turned = Margin(-margin.contradict, -margin.support)
    assert turned.verdict(e.reversed(), 0.025) == {S: C, C: S, U: U}[margin.verdict(e, 0.025)]


@given(st.floats(-1, 1), st.floats(0.01, 0.5), st.floats(0.001, 0.025), st.floats(0.1, 1))
def test_a_stricter_level_contradicts_less(value, width, level, factor):
    wide = shrinking(value, width)
    assume(LARGE.verdict(wide, level * factor) == C)
    assert LARGE.verdict(wide, level) == C


@pytest.mark.parametrize("verdicts", list(itertools.product((S, C, U, NA), repeat=3)))
def test_an_explanation_in_a_family(verdicts):
    family = explain("f", [settled(v, name=f"L{i}") for i, v in enumerate(verdicts)])
    counted = [v for v in verdicts if v != NA]
    if len(counted) < 2:
        expected = NA
    elif C in counted:
        expected = C
    else:
        expected = U if U in counted else S
    assert family.word == expected
    assert family.level == pytest.approx(0.05 / max(1, len(counted)))
    assert [part.word for part in family.parts] == list(verdicts)
    left = max(1, len(counted) - counted.count(C))  # Holm: what contradicts leaves one row less for the others
    assert all(part.level == pytest.approx(0.05 / left) for part in family.parts if part.word not in (C, NA))


def test_contradictions_are_read_under_holm():
    # high = value + .1 log10(1/alpha): the second row contradicts at .05/1, and not at .05/2
    clear = leaf((LARGE, shrinking(0.0, 0.1)))
    close = leaf((Margin(0.3, 0.45), shrinking(0.3, 0.1)), name="L2")
    assert [one.word for one in refuted([close])] == [C]
    assert [one.word for one in refuted([settled(S), close])] == [S, U]
    assert [one.word for one in refuted([clear, close])] == [C, C]


def test_a_control_that_satisfies_the_rule_supports_nothing():
    one = leaf(settled_part(S), settled_part(S))
    for verdict, expected in ((S, (U, "its own control satisfies the rule")), (U, (S, "")), (C, (S, ""))):
        finding = replace(one.finding, control={"0": settled_part(verdict)[1]})  # the other part has no control
        assert outcome(judge(one.prediction, one.cells, finding)) == expected


def test_an_explanation_needs_an_intervention_and_two_different_predictions():
    watched = [settled(S, name=name, intervention=False) for name in ("L2", "L3")]
    assert explain("f", watched).word == NA
    assert explain("f", [*watched, settled(NA, name="L1")]).word == NA  # the intervention does not apply
    assert explain("f", [*watched, settled(S, name="L1")]).word == S
    assert explain("f", [settled(S, task="a"), settled(S, task="b")]).word == NA  # one prediction, two tasks
    assert explain("f", []).word == NA


def test_every_task_must_support_and_each_may_contradict():
    rows = [settled(S, name=n, task=t) for n in ("L1", "L2") for t in ("a", "b")]
    assert explain("f", rows).word == S
    assert explain("f", rows).level == 0.05 / 4
    assert explain("f", [*rows[:3], settled(U, name="L2", task="b")]).word == U
    assert explain("f", [*rows[:3], settled(C, name="L2", task="b")]).reason == "L2 b"
    assert explain("f", [*rows[:3], settled(NA, name="L2", task="b")]).word == S


def families(*verdicts, neural=(True, False, False, False)):
    return [
        explain(f"f{i}", [settled(v, name=name, neural=kind) for name in ("L1", "L2")])
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
    claim = overall("X", families(*verdicts))
    assert claim.word == expected
    assert (claim.count(S), claim.count(C), sum(part.applies for part in claim.parts)) == counts


def test_the_universal_claim_of_networks_and_counterexamples():
    two = families(S, S, neural=(True, True))
    assert overall("X", two).word == U
    assert overall("X", two, "networks").word == S
    assert overall("X", families(S, neural=(True,)), "networks").word == U
    refuted = overall("X", families(S, S, S), counterexamples=["kernel flow on slope"])
    assert outcome(refuted) == (C, "kernel flow on slope")


def test_contradiction_in_one_family_is_judged_again_at_the_level_of_all():
    # high = value + .1 log10(1/alpha): .46 at .05/2 for one family, .54 at .05/12 for six
    part = LARGE, shrinking(0.3, 0.1)
    weak = explain("weak", [leaf(part, intervention=True, neural=False), settled(S, name="L2", neural=False)])
    assert weak.word == C
    assert overall("X", [weak]).word == C
    among = overall("X", [weak, *families(S, S, S, neural=(True, False, True)), *families(U, U)])
    assert (among.word, among.count(C), sum(part.applies for part in among.parts)) == (U, 1, 6)
    assert "weak" in among.reason


def test_secondaries_need_their_p_after_holm():
    rows = [settled(v, p_found=p) for v, p in ((S, 0.001), (S, 0.02), (C, 0.9), (S, math.nan), (NA, 0.5))]
    corrected = secondaries(rows)  # the gated row is no test: m = 3
    assert [row.word for row in corrected] == [S, S, C, U, NA]
    assert [row.p_holm for row in corrected[:3]] == pytest.approx([0.003, 0.04, 0.9])
    three = [settled(S, p_found=p) for p in (0.001, 0.03, 0.04)]
    assert [row.word for row in secondaries(three)] == [S, U, U]


def test_secondaries_of_a_family_are_under_holm_and_change_nothing():
    others = [
        settled(C, name="L4", role="secondary", p_found=0.9),
        settled(S, name="L6", role="secondary", p_found=0.9),
    ]
    family = explain("f", [settled(S), *others, settled(S, name="L2")])
    assert (family.word, family.level) == (S, 0.05 / 2)
    assert [part.word for part in family.parts] == [S, C, U, S]
    assert [math.isnan(part.p_holm) for part in family.parts] == [True, False, False, True]
