"""Writes the tables of `docs/replications.md`: the claims with their tolerances, and what came out.

`python studies/replications.py [FOLDER]` reads the claims in benchmarks/replications and, where it is there, the table
replications.csv of a results folder (default: results/reference/replications). A test holds the page equal to both.
"""

from __future__ import annotations

import csv
import math
import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from grokbench.suites.registered import registration
from grokbench.suites.replications import replications
from grokbench.tables.replications import quantity_text, setting_text, tolerance_text
from grokbench.tables.text import interval_text, markdown
from grokbench.verdicts.quantities import QUANTITIES
from grokbench.verdicts.readings import EVENTS, FORMS
from grokbench.verdicts.replication import Claim, claims_of, registered_seeds

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "replications.md"
REFERENCE = ROOT / "results" / "reference" / "replications"
HEADINGS = {
    name: name
    for name in ("claim", "what is claimed", "quantity", "published", "tolerance", "ours [95 %]", "n", "verdict")
}


def rows_of(folder: Path) -> dict[str, Mapping[str, str]]:
    """The rows of a folder's table by claim; none where there is no table."""
    path = folder / "replications.csv"
    if not path.is_file():
        return {}
    with open(path, encoding="utf-8", newline="") as file:
        return {row["claim"]: row for row in csv.DictReader(file)}


def verdicts(rows: Mapping[str, Mapping[str, str]]) -> str:
    """How many claims came out which way, in one line; that none was run yet where there are no rows."""
    if not rows:
        return "Not run yet: the claims and their tolerances stand first.\n"
    counts = Counter(row["verdict"] for row in rows.values())
    words = ("reproduced", "not reproduced", "undecided")
    return f"{len(rows)} rows: {', '.join(f'{counts[word]} {word}' for word in words)}.\n"


def claims_tables(rows: Mapping[str, Mapping[str, str]]) -> str:
    """One section per file of claims: every claim, its tolerance, ours and the verdict."""
    return "\n".join(_section(file, rows) for file in replications().values())


def vocabulary() -> str:
    """The readings and the quantities, one line each."""
    meanings = {"late": "1 where it generalizes late; open where it never fits, collapses or ends too soon to say"}
    meanings |= {"generalizes": "1 where t_gen came"}
    meanings |= {
        "fits": "1 where t_mem came",
        "t_mem": "as everywhere",
        "t_gen": "as everywhere",
        "delay": "t_gen / t_mem; a lower bound where t_gen did not come, or t_mem is within the first tick",
        "wait": "t_gen - t_mem, where both came",
    }
    meanings |= {"half_rise": "when held-out accuracy crosses one half, whatever the ranking says"}
    lines = ["Readings of a run:\n", *(_line(name, meanings.get(name, "")) for name in EVENTS)]
    lines += [f"- {form}" for _, form, _ in FORMS]
    lines += ["\nQuantities of a seed:\n", *(_line(name, one.meaning) for name, one in QUANTITIES.items())]
    return "\n".join(lines) + "\n"


def _line(name: str, meaning: str) -> str:
    """A line of a list; some names say it all."""
    return f"- `{name}`: {meaning}" if meaning else f"- {name}"


def _section(file, rows: Mapping[str, Mapping[str, str]]) -> str:
    claims, present = claims_of(file), registration(file.name)
    entries = [_entry(claim, len(registered_seeds(claim, present)), rows.get(claim.id, {})) for claim in claims]
    notes = [_note(claim) for claim in claims]
    return f"### {file.path.stem}\n\n{markdown(HEADINGS, entries)}\n" + "\n".join(notes) + "\n"


def _entry(claim: Claim, seeds: int, row: Mapping[str, str]) -> dict[str, str]:
    texts = [claim.id, claim.sentence, quantity_text(claim), claim.published, tolerance_text(claim)]
    ours = [row.get("n") or f"{seeds} to run", row.get("verdict", "")]
    return dict(zip(HEADINGS, [*texts, _ours(row), *ours], strict=True))


def _ours(row: Mapping[str, str]) -> str:
    if not row or not row["ours"]:
        return ""
    low, high = (float(row[end]) if row[end] else sign * math.inf for end, sign in (("low", -1), ("high", 1)))
    return interval_text(float(row["ours"]), low, high)


def _note(claim: Claim) -> str:
    """Where it comes from, and in what the setting differs."""
    return f"- **{claim.id}** {claim.source}. Tolerance: {claim.why}. {setting_text(claim)}."


def with_block(page: str, name: str, text: str) -> str:
    """The page with what stands between the markers of a name replaced."""
    pattern = rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)"
    return re.sub(pattern, lambda match: f"{match[1]}{text}{match[2]}", page, flags=re.S)


def page_of(page: str, folder: Path) -> str:
    """The page with its three blocks as claims and results have them."""
    rows = rows_of(folder)
    blocks = {"verdicts": verdicts(rows), "claims": claims_tables(rows), "vocabulary": vocabulary()}
    for name, text in blocks.items():
        page = with_block(page, name, text)
    return page


def main(arguments: list[str]) -> None:
    """Write the page."""
    folder = Path(arguments[0]) if arguments else REFERENCE
    PAGE.write_text(page_of(PAGE.read_text(encoding="utf-8"), folder), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
