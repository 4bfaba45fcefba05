"""The figures of docs/early_stopping.md are those of the committed curves."""

import blocks
import early_stopping
import pytest


@pytest.mark.slow
def test_the_page_has_the_tables_of_the_reference():
    folders = [blocks.ROOT / "results" / "reference" / suite for suite in early_stopping.SUITES]
    page = early_stopping.PAGE.read_text(encoding="utf-8")
    for name, text in early_stopping.blocks_of(early_stopping.audits_of(folders)).items():
        assert blocks.block(page, name) == text.strip(), f"{name}: python studies/early_stopping.py writes it"


def ended(rule: str, reads: str, soon: float, needed: int = 1) -> dict:
    return {
        "rule": rule,
        "reads": reads,
        "stopped_before_generalizing": soon,
        "needed_checks": needed,
        "needed_t_mems": needed / 10,
    }


RULES = ("patience 10", "patience 100", "10 t_mem", "30 t_mem")


def audits() -> early_stopping.Audits:
    """Networks of two suites and a machine: all networks but one are ended, of one machine it is not known."""
    networks = [[ended(rule, reads, 1.0, 4) for rule in RULES for reads in early_stopping.READS] for _ in range(3)]
    spared = [end | {"stopped_before_generalizing": 0.0} for end in networks[0]]
    unknown = [end | {"stopped_before_generalizing": float("nan")} for end in networks[0]]
    return {("modular", "mlp"): networks, ("parity", "mlp"): [spared], ("parity", "rfm"): [unknown, spared]}


def test_networks_are_those_of_all_suites():
    assert early_stopping.networks(audits()).splitlines()[2] == "| patience 10 | 3/4 | 3/4 |"


def test_a_column_per_suite_and_learner():
    head, _, row, *_ = early_stopping.study(audits()).splitlines()
    assert head == "| rule (what it reads) | modular, mlp | parity, mlp | parity, rfm |"
    assert row == "| patience 10 (accuracy) | 3/3 | 0/1 | 0/1 |"


def test_the_needed_patience_is_told_by_median_and_largest():
    row = early_stopping.needs(audits()).splitlines()[3]
    assert row == "| on accuracy, in t_mem | 0.4, 0.4 | 0.4, 0.4 | 0.4, 0.4 |"


def test_the_needed_patience_is_summed_up_by_quantiles():
    needed = [[{"reads": "loss", "needed_checks": n, "needed_t_mems": n / 10}] for n in range(1, 11)]
    assert early_stopping.needed(needed, "loss") == (
        "median 6 checks, 0.6 t_mem; 9 of 10: 10 checks, 1.0 t_mem; largest: 10 and 1.0"
    )
