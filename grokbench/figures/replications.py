"""Published claims at a glance: one row per claim, a letter per part, its verdict as colour and mark."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from grokbench.figures.base import Figure
from grokbench.figures.style import INK, SMALL, data
from grokbench.registry import register_figure
from grokbench.registry import tables as registry
from grokbench.tables.grid import Grid
from grokbench.tables.replications import quantity_text, tolerance_text
from grokbench.tables.text import interval_text
from grokbench.verdicts.replication import NOT_REPRODUCED, REPRODUCED, Replicated

if TYPE_CHECKING:
    import altair

UNDECIDED = "undecided"
LOOKS = {REPRODUCED: "#0072B2", NOT_REPRODUCED: "#D55E00", UNDECIDED: "#CFCFCF"}  # letters are white, on the last dark
MARKS = {REPRODUCED: "circle", NOT_REPRODUCED: "square", UNDECIDED: "diamond"}
NUMBER = re.compile(r"\d+")
WIDE, LONGEST = 620, 100  # px, and characters of a sentence beside its row


@register_figure("replications")
class Replications(Figure):
    """published claims, one row each: which parts are reproduced, which are not, which stay undecided"""

    numbers = "replications"
    rank = 0

    def applies(self, grid: Grid) -> bool:
        """Where claims are registered for the suite, and any of their runs are there."""
        return any(one.runs for one in grid.replicated)

    def title(self, grid: Grid) -> str:
        """How many parts of claims have which verdict."""
        verdicts, claims = [row["verdict"] for row in rows(grid)], {row["claim"] for row in rows(grid)}
        counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in LOOKS)
        return f"{counts}, of {len(verdicts)} parts of {len(claims)} claims"

    def caption(self, grid: Grid) -> str:
        """What marks and letters are."""
        return (
            "A mark is a part of a claim, its letter as in the table. Reproduced: all of our 95 % interval lies in the "
            "tolerance that was fixed before the runs; not reproduced: it lies outside; undecided: neither."
        )

    def chart(self, grid: Grid) -> altair.TopLevelMixin:
        """Marks on the left, the first sentence of each claim on the right."""
        import altair as alt

        marked, verdicts = rows(grid), list(LOOKS)
        texts = [row for row in marked if row["part"] == 0]
        order = [row["claim"] for row in texts]
        y = alt.Y("claim:O", sort=order, title=None, axis=alt.Axis(domain=False, ticks=False))
        x = alt.X(
            "part:Q", title=None, axis=None, scale=alt.Scale(domain=[-0.5, max(row["part"] for row in marked) + 0.5])
        )
        color = alt.Color("verdict:N", title=None, scale=alt.Scale(domain=verdicts, range=list(LOOKS.values())))
        shape = alt.Shape("verdict:N", title=None, scale=alt.Scale(domain=verdicts, range=list(MARKS.values())))
        hover = [
            f"{name}:N" for name in ("id", "sentence", "published", "tolerance", "ours", "verdict", "reason", "source")
        ]
        marks = alt.Chart(data(marked)).encode(x=x, y=y, tooltip=hover)
        points = marks.mark_point(size=240, filled=True, opacity=1).encode(color=color, shape=shape)
        dark = alt.condition(f"datum.verdict == '{UNDECIDED}'", alt.value(INK), alt.value("white"))
        letters = marks.mark_text(fontSize=SMALL, fontWeight=600).encode(text="letter:N", color=dark)
        sentences = (
            alt.Chart(data(texts))
            .mark_text(align="left", fontSize=SMALL, color=INK, limit=WIDE)
            .encode(x=alt.value(0), y=alt.Y("claim:O", sort=order, axis=None), text="short:N", tooltip=hover)
        )
        height = alt.Step(20)
        left = alt.layer(points, letters).properties(width=170, height=height)
        return alt.hconcat(left, sentences.properties(width=WIDE, height=height), spacing=10)


def rows(grid: Grid) -> list[dict[str, object]]:
    """A row per part of a claim, in the order of their numbers: where it stands, and what hovering tells."""
    claims = sorted(registry["replications"]().known(grid), key=lambda one: (number_of(one), one.claim.id))
    places: dict[int, int] = {}
    made = []
    for one in claims:
        part = places[number_of(one)] = places.get(number_of(one), -1) + 1
        made.append({"claim": str(number_of(one)), "part": part, **_words(one)})
    return made


def number_of(one: Replicated) -> int:
    """The number of its claim, without the letter."""
    return int(NUMBER.match(one.claim.id)[0])


def letter_of(one: Replicated) -> str:
    """The letter of the part; "" where a claim has one."""
    return NUMBER.sub("", one.claim.id)


def _words(one: Replicated) -> dict[str, str]:
    sentence = one.claim.sentence
    return {
        "id": one.claim.id,
        "letter": letter_of(one),
        "sentence": sentence,
        "short": sentence if len(sentence) <= LONGEST else f"{sentence[:LONGEST]}…",
        "published": f"{quantity_text(one.claim)}: {one.claim.published}",
        "tolerance": tolerance_text(one.claim),
        "ours": interval_text(one.ours.estimate, one.ours.low, one.ours.high) or "no number",
        "verdict": one.verdict,
        "reason": one.reason,
        "source": one.claim.source,
    }
