"""The numbers of docs/findings.md are those of the verdicts and of the tables beside them."""

import csv
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLAIMS = re.split(r"\n(?=\*\*\d\. )", (ROOT / "docs" / "findings.md").read_text(encoding="utf-8"))


@cache
def rows(suite: str) -> list[dict[str, str]]:
    with open(ROOT / "results" / "reference" / suite / "explanations.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def short(value: float, digits: int) -> str:
    """A number without sign and without the 0 before its point, as the page has it."""
    return re.sub(r"^0(?=\.)|\.0+$", "", f"{abs(value):.{digits}f}")


@pytest.mark.parametrize(
    ("claim", "suite", "prediction", "family", "task", "digits"),
    [
        (2, "eight-cells", "E1", "mlp", "xor600", 2),
        (3, "lazy-to-rich", "L1", "mlp", "xor40", 2),
        (3, "lazy-to-rich", "L1", "trees", "bits", 2),
        (3, "lazy-to-rich", "L1", "committee", "index", 2),
        (6, "complexity", "C4", "mlp", "add", 2),
        (6, "complexity", "C4", "rfm", "add60", 2),
        (6, "complexity", "C4", "trees", "bits", 2),
        (7, "complexity", "C6", "mlp", "add60-noise05", 3),
    ],
)
def test_estimates_and_intervals_are_those_of_the_verdicts(claim, suite, prediction, family, task, digits):
    row = next(r for r in rows(suite) if (r["prediction"], r["family"], r["task"]) == (prediction, family, task))
    text = " ".join(CLAIMS[claim].split())
    low, high = sorted((abs(float(row["low"])), abs(float(row["high"]))))
    interval = f"[{short(low, digits)}, {short(high, digits)}]"
    assert interval in text
    assert claim == 2 or short(float(row["estimate"]), digits) in text  # told there as 20 of 20


@pytest.mark.parametrize(
    ("claim", "table", "numbers"),
    [
        (4, "| R | committee | index | 0.625 [0.569, 0.672] |", ".63 decades [.57, .67]"),
        (8, "| 0.054 [0.025, 0.070] |", ".05 [.03, .07]"),
        (8, "| -0.044 [-0.055, -0.036] |", ".044 [.036, .055]"),
    ],
)
def test_what_is_no_verdict_is_in_the_tables(claim, table, numbers):
    assert table in (ROOT / "docs" / "findings" / "tables.md").read_text(encoding="utf-8")
    assert numbers in " ".join(CLAIMS[claim].split())


def test_every_claim_says_what_would_change_our_minds_and_where_its_details_are():
    assert len(CLAIMS) == 9
    for claim in CLAIMS[1:]:
        text = " ".join(claim.split())
        assert "*What would change our minds: " in text
        assert "](findings/claims.md#" in text


def test_the_page_is_a_page():
    assert sum(len(claim.split()) for claim in CLAIMS) < 1000
    assert sum(claim.count("![") for claim in CLAIMS) <= 4
