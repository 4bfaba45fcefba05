"""One letter and one colour per outcome: late ones dark, early ones yellow, those without generalization grey.

The colours are none of those of families; in grey the letters tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from grokbench.curves.outcome import OUTCOMES

if TYPE_CHECKING:
    import altair

LETTERS = {
    "groks": "G",
    "gradual": "R",
    "metric_artifact": "A",
    "immediate": "I",
    "partial": "P",
    "memorizes_only": "M",
    "unconfirmed": "U",
    "collapses": "C",
    "never_fits": "N",
    "unjudged": "J",
}
FILLS = {
    "groks": "#3F007D",
    "gradual": "#807DBA",
    "metric_artifact": "#C5B9DE",
    "immediate": "#F7DC6F",
    "partial": "#DADADA",
    "memorizes_only": "#B4B4B4",
    "unconfirmed": "#F2F2F2",
    "collapses": "#8C6D5A",
    "never_fits": "#F2F2F2",
    "unjudged": "#F2F2F2",
}
DARK = ("groks", "gradual", "collapses")  # fills on which letters are white


def most_frequent(outcomes: Iterable[str]) -> str:
    """The outcome that most have; of several the first of `OUTCOMES`. Empty for none."""
    outcomes = list(outcomes)
    return max(OUTCOMES, key=outcomes.count) if outcomes else ""


def legend_name(outcome: str) -> str:
    """The outcome as the legend has it: its letter and its name."""
    return f"{LETTERS[outcome]} {outcome.replace('_', ' ')}"


def letters_in_words(outcomes: Iterable[str]) -> str:
    """The letters of a caption: "G groks, M memorizes only"."""
    present = set(outcomes)
    return ", ".join(legend_name(outcome) for outcome in OUTCOMES if outcome in present)


def fill_of(outcomes: Iterable[str]) -> altair.Color:
    """The encoding of a field `outcome`, of names as in the legend, as colour."""
    import altair as alt

    present = set(outcomes)
    domain = [outcome for outcome in OUTCOMES if outcome in present]
    scale = alt.Scale(domain=list(map(legend_name, domain)), range=[FILLS[outcome] for outcome in domain])
    legend = alt.Legend(symbolType="square", symbolSize=150, symbolStrokeWidth=0, columns=5)
    return alt.Color("outcome:N", scale=scale, title=None, legend=legend)
