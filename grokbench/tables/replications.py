"""The table of replications: published claims beside ours, each with the tolerance that was fixed before the runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from grokbench.curves.run import Run
from grokbench.registry import register_table
from grokbench.tables.base import Column, Table
from grokbench.tables.grid import Grid, finite
from grokbench.tables.text import interval_text
from grokbench.verdicts.replication import Claim, Replicated

UNPUBLISHED = "nobody"  # how the source of a claim begins that was never published
NOT_ASKED = "not asked in the paper"  # what was published of a check that a paper did not make


def tolerance_text(claim: Claim) -> str:
    """The tolerance as people read it: "≥ 0.5", "0.9 to 1.1"."""
    low, high = (f"{end:.4g}" for end in claim.tolerance)
    if math.isinf(claim.tolerance[1]):
        return f"≥ {low}"
    return f"≤ {high}" if math.isinf(claim.tolerance[0]) else f"{low} to {high}"


def quantity_text(claim: Claim) -> str:
    """The quantity with its readings: "ratio of t_gen"."""
    readings = " and ".join(dict.fromkeys(claim.of))
    return readings if claim.quantity == "value" else f"{claim.quantity} of {readings}"


def setting_text(claim: Claim) -> str:
    """What the setting is beside the published one; that there is none where nobody has published the claim."""
    if setting_of(claim) == "own":
        return "A setting of this project"
    if claim.setting == "scaled":
        return f"Scaled: {claim.differs}"
    if claim.published == NOT_ASKED:
        return "A check of ours in the published setting"
    return f"The published setting, with {claim.differs}" if claim.differs else "The published setting"


def setting_of(claim: Claim) -> str:
    """ "published", "scaled", or "own" of a claim that nobody has published."""
    return "own" if claim.source.startswith(UNPUBLISHED) else claim.setting


def _text(one: Replicated) -> str:
    return interval_text(one.ours.estimate, one.ours.low, one.ours.high)


@register_table("replications")
class Replications(Table):
    """a published claim: what was published, its tolerance, ours with its interval over seeds, and the verdict"""

    columns = (
        Column("claim", "its number in docs/replications.md", "claim", value=lambda one: one.claim.id),
        Column("source", "who claims it", value=lambda one: one.claim.source),
        Column(
            "quantity",
            "what is read, and what is made of it over cells; docs/replications.md defines both",
            "quantity",
            value=lambda one: quantity_text(one.claim),
            rank=3,
        ),
        Column("published", "what was published", "published", value=lambda one: one.claim.published, rank=1),
        Column(
            "tolerance",
            "the numbers that count as that, fixed before the runs",
            "tolerance",
            value=lambda one: tolerance_text(one.claim),
        ),
        Column("ours", "our number", "ours [95 %]", value=lambda one: one.ours.estimate, text=_text),
        Column("low", "lower end of its 95 % interval over seeds", value=lambda one: finite(one.ours.low)),
        Column("high", "upper end of that interval", value=lambda one: finite(one.ours.high)),
        Column("n", "seeds that have a number", "n", value=lambda one: one.ours.n, rank=2),
        Column("verdict", "`reproduced`, `not reproduced`, `undecided`", "verdict"),
        Column("sentence", "the claim", "what is claimed", value=lambda one: one.claim.sentence, after="claim", rank=4),
        Column(
            "setting",
            "`published`, `scaled` where it is smaller, or `own` where nobody has published the claim",
            value=lambda one: setting_of(one.claim),
        ),
        Column("differs", "in what it differs from the published one", value=lambda one: one.claim.differs),
        Column("seeds", "registered seeds"),
        Column("reason", "why it is undecided by more than its interval", "reason", optional=True, rank=5),
        Column("cells", "the cells `task/learner` behind it", value=lambda one: " ".join(one.claim.named)),
        Column("runs", "the keys of the runs behind it; `show KEY` prints one", value=lambda one: " ".join(one.runs)),
        Column("registered", "hash of the claims and their suite"),
    )
    note = """
ours: a share of seeds with Clopper and Pearson's interval, or a mean over seeds with Student's, of logarithms for times
and ratios. reproduced: the whole interval inside the tolerance; not reproduced: nothing in common with it. An end that
is infinite belongs to runs that ended before the event.
"""

    def applies(self, grid: Grid) -> bool:
        """Where claims are registered for the suite."""
        return bool(grid.replicated)

    def entries(self, grid: Grid) -> Sequence[Replicated]:
        """The claims in the order of their numbers."""
        return grid.replicated

    def runs_of(self, grid: Grid, entry: Replicated) -> Sequence[Run]:
        """Those behind the claim."""
        behind = set(entry.runs)
        return [run for run in grid.runs if run.key in behind]
