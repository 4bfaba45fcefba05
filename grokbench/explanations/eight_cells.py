"""Eight cells: one network on one task, with a large start or none, pressure or none, features free or frozen.

Predictions E1 to E3, each a pure function of `Cells`, on roles that differ in one factor alone: ``free_on`` and
``frozen_on`` start from a large initial function under pressure, ``free_off`` and ``frozen_off`` without it, and those
that begin with ``small_`` start from the usual one. Every estimate is turned so that larger favours the claim.
"""

from __future__ import annotations

from grokbench.explanations.base import Explanation
from grokbench.registry import register_explanation
from grokbench.verdicts.cells import Cells
from grokbench.verdicts.estimates import censored_share, difference, known, resolved_share, share
from grokbench.verdicts.finding import Finding


@register_explanation("eight-cells")
class EightCells(Explanation):
    """A large start and pressure that removes it make a network late; features need not move."""


def frozen_is_late(cells: Cells) -> Finding:
    """E1: with its features frozen the network is late.

    Part "share": share of late runs of the frozen twin, with a large start and under pressure, by Clopper and Pearson.
    """
    late = cells.late("frozen_on", imputed=cells.imputed(0.0, 1.0))
    resolved, censored = resolved_share(cells, "frozen_on"), censored_share(cells, "frozen_on")
    return Finding({"share": share(late)}, known(late), resolved=resolved, censored=censored)


def start_is_necessary(cells: Cells) -> Finding:
    """E2: from the usual start it is not late.

    Parts "free" and "frozen": P(late | large start) - P(late | usual start) under pressure, paired by seed, Newcombe.
    """
    return _of_both(cells, "small_{}_on")


def removal_is_necessary(cells: Cells) -> Finding:
    """E3: without a pressure that removes the large start it is not late.

    Parts "free" and "frozen": P(late | pressure on) - P(late | off) from the large start, paired by seed, Newcombe.
    """
    return _of_both(cells, "{}_off")


def _of_both(cells: Cells, without: str) -> Finding:
    """The differences to a cell without one of the factors, for free and for frozen features."""
    parts, pairs = {}, []
    for features in ("free", "frozen"):
        full = cells.late(f"{features}_on", imputed=cells.imputed(0.0, 1.0))
        lacking = cells.late(without.format(features), imputed=cells.imputed(1.0, 0.0))
        parts[features] = difference(full, lacking)
        pairs.append(known(full - lacking))
    return Finding(parts, min(pairs), resolved=resolved_share(cells, "free_on"))
