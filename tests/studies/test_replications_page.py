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
    file = replications()["replications/networks"]
    claim = claims_of(file)[0]
    row = {"claim": claim.id, "ours": "0.5", "low": "0.4", "high": "", "n": "10", "verdict": "undecided"}
    (tmp_path / "replications").mkdir()
    with open(tmp_path / "replications" / "replications.csv", "w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, row)
        writer.writeheader()
        writer.writerow(row)
    rows = study.rows_of(tmp_path)
    line = next(line for line in study.claims_tables(rows).splitlines() if line.startswith(f"| {claim.id} |"))
    assert line.endswith("| 0.5 [0.4, ∞] | 10 | undecided |")
    assert study.verdicts(rows) == "- `replications`: 1 rows, 0 reproduced, 0 not reproduced, 1 undecided.\n"


def test_without_results_no_claim_has_a_verdict(tmp_path):
    assert study.rows_of(tmp_path) == {}
    assert "Not run yet" in study.verdicts({})


def test_what_nobody_has_published_has_no_published_setting():
    """Nor has a check that the paper did not make; a setting that is published but for a part names that part."""
    claims = {claim.id: claim for file in replications().values() for claim in claims_of(file)}
    endings = {
        "36a": "A setting of this project.",
        "38f": "A setting of this project.",
        "30b": "A check of ours in the published setting.",
        "37a": "Scaled: 3 of 25 bits and 200 examples in place of 40 and 500.",
        "1a": "The published setting.",
        "6c": "The published setting, with initial weights about as small as the default of PyTorch.",
    }
    text = study.claims_tables({})
    for name, ending in endings.items():
        line = next(line for line in text.splitlines() if line.startswith(f"- **{name}**"))
        assert line.endswith(f". {ending}")
        assert claims[name].why in line


def test_every_event_but_those_that_say_it_all_has_a_meaning():
    text = study.vocabulary()
    assert "`late`: 1 where it generalizes late; open where" in text
    assert "`wait`: t_gen - t_mem" in text
