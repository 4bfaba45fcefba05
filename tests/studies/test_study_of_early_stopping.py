"""The figures of docs/early_stopping.md are those of the committed curves."""

import re
from pathlib import Path

import early_stopping
import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_page_has_the_figures_that_the_study_prints(capsys):
    early_stopping.main([str(ROOT / "results" / "reference" / suite) for suite in ("modular", "parity")])
    printed = {}
    for suite, learner, table in re.findall(r"(\w+): (\w+), \d+ late runs\n\n(.*?)\n\n", capsys.readouterr().out, re.S):
        printed |= {(f"{suite}, {learner}", row[0]): row[1].partition(" ")[0] for row in map(cells, table.splitlines())}
    page = (ROOT / "docs" / "early_stopping.md").read_text(encoding="utf-8")
    head, _, *rows = re.search(r"<!-- study -->\n\n(.*?)\n\n<!-- end -->", page, re.S)[1].splitlines()
    assert len(rows) > 20
    for rule, *shares in map(cells, rows):
        assert shares == [printed[column, rule] for column in cells(head)[1:]], rule


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_needed_patience_is_summed_up_by_quantiles():
    audits = [[{"reads": "loss", "needed_checks": n, "needed_t_mems": n / 10}] for n in range(1, 11)]
    assert early_stopping.needed(audits, "loss") == (
        "median 6 checks, 0.6 t_mem; 9 of 10: 10 checks, 1.0 t_mem; largest: 10 and 1.0"
    )
