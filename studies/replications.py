"""Writes the tables of `docs/replications.md`: the claims with their tolerances, and what came out.

`python studies/replications.py [FOLDER]` reads the claims in benchmarks/replications and, where they are there, the
tables replications.csv of the suites below a folder (default: results/reference). A test holds the page equal to both.
"""

from __future__ import annotations

import csv
import math
import re
import sys
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

from grokbench.suites.registered import registration, suite_of
from grokbench.suites.replications import Claims, replications
from grokbench.tables.replications import quantity_text, setting_text, tolerance_text
from grokbench.tables.text import interval_text, markdown
from grokbench.verdicts.quantities import QUANTITIES
from grokbench.verdicts.readings import EVENTS, FORMS
from grokbench.verdicts.replication import Claim, claims_of, registered_seeds

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "replications.md"
REFERENCE = ROOT / "results" / "reference"
HEADINGS = {
    name: name
    for name in ("claim", "what is claimed", "quantity", "published", "tolerance", "ours [95 %]", "n", "verdict")
}


Rows = Mapping[str, Mapping[str, str]]  # claim -> its row in the table of its suite


def rows_of(folder: Path) -> dict[str, Rows]:
    """The rows of the tables below a folder, by suite; without those that have none."""
    suites = dict.fromkeys(suite_of(name).stem for name in replications())
    tables = {suite: folder / suite / "replications.csv" for suite in suites}
    return {suite: _read(path) for suite, path in tables.items() if path.is_file()}


def _read(path: Path) -> Rows:
    with open(path, encoding="utf-8", newline="") as file:
        return {row["claim"]: row for row in csv.DictReader(file)}


def verdicts(rows: Mapping[str, Rows]) -> str:
    """How many claims of each suite came out which way; that none was run yet where there are no rows."""
    if not rows:
        return "Not run yet: the claims and their tolerances stand first.\n"
    largest_first = sorted(rows.items(), key=lambda of_suite: -len(of_suite[1]))
    return "".join(f"- `{suite}`: {_counted(judged.values())}.\n" for suite, judged in largest_first)


def _counted(rows: Collection[Mapping[str, str]]) -> str:
    counts = Counter(row["verdict"] for row in rows)
    words = ("reproduced", "not reproduced", "undecided")
    return f"{len(rows)} rows, {', '.join(f'{counts[word]} {word}' for word in words)}"


def claims_tables(rows: Mapping[str, Rows]) -> str:
    """One section per file of claims: every claim, its tolerance, ours and the verdict."""
    return "\n".join(_section(file, rows.get(suite_of(name).stem, {})) for name, file in replications().items())


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


def _section(file: Claims, rows: Rows) -> str:
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
