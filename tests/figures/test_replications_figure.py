"""The figure of published claims: a mark per part, in the order of their numbers, with the words of the table."""

import pytest

from grokbench.figures.replications import LOOKS, Replications, rows
from grokbench.figures.style import specification
from grokbench.registry import tables
from grokbench.statistics.location import Location
from grokbench.tables.grid import Grid
from grokbench.tables.laws import example_runs
from grokbench.verdicts.replication import NOT_REPRODUCED, REPRODUCED, Claim, Replicated

pytest.importorskip("altair")


def replicated(number: str, verdict: str, estimate: float = 0.9, keys=("0123",)) -> Replicated:
    claim = Claim(
        **{"id": number, "sentence": f"It is <late> {number}.", "source": "Nobody", "quantity": "value"},
        **{"of": ("late",), "cells": ("add/net",), "published": "always", "tolerance": (0.5, 1.0), "why": "most"},
        setting="published",
    )
    ours = Location(estimate, estimate - 0.1, estimate + 0.05, 10)
    return Replicated(claim, ours, verdict, "", tuple(keys), 10, "hash")


@pytest.fixture(scope="module")
def grid() -> Grid:
    claims = [replicated("10a", "undecided"), replicated("9a", REPRODUCED), replicated("9b", NOT_REPRODUCED, 0.2)]
    return Grid([], title="Claims", replicated=claims)


def test_the_runs_behind_a_claim_are_those_it_names():
    runs = example_runs()
    claim = replicated("1", REPRODUCED, keys=[run.key for run in runs[3:5]])
    grid = Grid(runs, replicated=[claim])
    assert {run.key for run in tables["replications"]().runs_of(grid, claim)} == set(claim.runs)


def test_parts_of_a_claim_stand_beside_each_other_and_numbers_in_order(grid):
    assert [(row["claim"], row["part"], row["letter"]) for row in rows(grid)] == [
        ("9", 0, "a"),
        ("9", 1, "b"),
        ("10", 0, "a"),
    ]


def test_words_are_those_of_the_table(grid):
    row = rows(grid)[1]
    assert (row["verdict"], row["tolerance"]) == (NOT_REPRODUCED, "0.5 to 1")
    assert row["ours"].startswith("0.2 [0.1, 0.25]")


def test_the_title_counts_verdicts_and_the_chart_has_every_mark(grid):
    figure = Replications()
    assert figure.title(grid) == "1 reproduced, 1 not reproduced, 1 undecided, of 3 parts of 2 claims"
    spec = specification(figure.chart(grid), figure.title(grid))
    sets = list(spec["datasets"].values())
    assert sorted(len(values) for values in sets) == [2, 3]
    assert {row["verdict"] for row in max(sets, key=len)} == set(LOOKS)


def test_it_does_not_apply_before_any_run():
    assert not Replications().applies(Grid([], replicated=[replicated("1a", "undecided", keys=())]))
