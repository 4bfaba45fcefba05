"""Who needs what: is a family late without features to learn, without pressure, without a large initial function?

For each factor two cells that differ in it alone, paired by seed: with it, and without it.

    features   free against frozen features, in the family's natural state of pressure
    pressure   explicit pressure on against off
    start      a large initial function against a small one (roles that begin with ``small_``)

A factor is *needed* if the difference of the shares of late runs is large: Newcombe's 95 % interval above .3 and the
estimate at .5 or more. It is *not needed* if the cell without it is late: the one-sided 95 % bound of its share above
one half. Of an always-frozen learner the later of its cells speaks, at the level divided by their number. The two
exclude each other; anything else is *undecided*. What could not have come out otherwise is *by construction*. No
universal claim is made here: whatever the verdicts on explanations, this is who needs what.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from grokbench.statistics.proportions import paired_difference
from grokbench.verdicts.cells import Cells
from grokbench.verdicts.cross_table import NONE, Share, constructed_features, size_of
from grokbench.verdicts.finding import ALPHA
from grokbench.verdicts.verdict import Verdict

FACTORS = ("features", "pressure", "start")
NEEDED, NOT_NEEDED, UNDECIDED, BY_CONSTRUCTION = ANSWERS = ("needed", "not needed", "undecided", "by construction")
NOBODY = Share(0, 0, math.nan, math.nan)


@dataclass(frozen=True)
class Need:
    """Whether one family on one task needs one factor to be late.

    Parameters
    ----------
    cells : the family and the task.
    factor : one of `FACTORS`.
    roles : of the cells with it and without it; the first is "" where a family cannot have it.
    given, without : shares of late runs in these.
    difference : the first less the second over the same seeds, ends of its 95 % interval, McNemar's p.
    answer : one of `ANSWERS`.
    """

    cells: Cells
    factor: str
    roles: tuple[str, str]
    given: Share
    without: Share
    difference: tuple[float, float, float, float]
    answer: str


def needs(explanation: Verdict) -> Iterator[Need]:
    """Per family and task, each factor of which the rules name both cells (or, always frozen, the one without)."""
    for cells in dict.fromkeys(leaf.cells for leaf in explanation.predictions):
        for factor in FACTORS:
            pair = _roles(cells, factor)
            if cells.has(pair[1]) and (cells.has(pair[0]) or not pair[0]):
                yield _need(explanation, cells, factor, pair)


def _roles(cells: Cells, factor: str) -> tuple[str, str]:
    """The roles with a factor and without it; always-frozen learners are their frozen cells."""
    frozen = cells.design.always_frozen
    if factor == "features":
        return ("", max(_frozen(cells), key=lambda role: _rate(cells, role))) if frozen else ("free", "frozen")
    kind = "frozen" if frozen else "free"
    return (f"{kind}_on", f"{kind}_off") if factor == "pressure" else (f"{kind}_on", f"small_{kind}_on")


def _frozen(cells: Cells) -> list[str]:
    """The frozen roles that were run; the natural one where none was."""
    return [role for role in ("frozen_on", "frozen_off") if cells.has(role)] or ["frozen"]


def _rate(cells: Cells, role: str) -> float:
    """Share of late runs among the decided ones; 0 without any."""
    share = _share(cells, role)
    return share.late / share.n if share.n else 0.0


def _share(cells: Cells, role: str) -> Share:
    return Share.of(cells.late(role)) if role and cells.has(role) else NOBODY


def _need(explanation: Verdict, cells: Cells, factor: str, roles: tuple[str, str]) -> Need:
    difference = NONE
    if roles[0]:
        pairs = paired_difference(*(cells.late(role) for role in roles))
        difference = (pairs.difference, pairs.low, pairs.high, pairs.p)
    given, without = (_share(cells, role) for role in roles)
    looked_at = 1 if roles[0] else len(_frozen(cells))  # an always-frozen learner is read by the later of its cells
    answer = UNDECIDED
    if without.exceeds_half(ALPHA / looked_at):
        answer = NOT_NEEDED
    elif factor == "features" and constructed_features(explanation.rules.predictions, cells):
        answer = BY_CONSTRUCTION
    elif given.large and size_of(difference) == "large":
        answer = NEEDED
    return Need(cells, factor, roles, given, without, difference, answer)
