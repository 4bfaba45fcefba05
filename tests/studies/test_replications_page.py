"""docs/replications.md says what the claims and the committed results say, and nothing else."""

import csv

import replications as study

from grokbench.suites.replications import replications
from grokbench.verdicts.replication import claims_of


def test_the_page_is_the_one_that_the_study_writes():
    page = study.PAGE.read_text(encoding="utf-8")
    assert study.page_of(page, study.REFERENCE) == page, "python studies/replications.py writes it"


def test_every_claim_has_its_row_and_its_note(tmp_path):
    text = study.claims_tables({})
    for file in replications().values():
        for claim in claims_of(file):
            assert f"| {claim.id} |" in text
            assert f"- **{claim.id}** {claim.source}." in text


def test_results_fill_the_rows(tmp_path):
    claim = claims_of(next(iter(replications().values())))[0]
    row = {"claim": claim.id, "ours": "0.5", "low": "0.4", "high": "", "n": "10", "verdict": "undecided"}
    with open(tmp_path / "replications.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    rows = study.rows_of(tmp_path)
    line = next(line for line in study.claims_tables(rows).splitlines() if line.startswith(f"| {claim.id} |"))
    assert line.endswith("| 0.5 [0.4, ∞] | 10 | undecided |")
    assert study.verdicts(rows) == "1 rows: 0 reproduced, 0 not reproduced, 1 undecided.\n"


def test_without_results_no_claim_has_a_verdict(tmp_path):
    assert study.rows_of(tmp_path) == {}
    assert "Not run yet" in study.verdicts({})
