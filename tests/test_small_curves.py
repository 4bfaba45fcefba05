"""The curve of a row on the screen, on runs whose shape is known."""

import pytest

from grokbench.cli.small_curves import BLOCKS, MEMORIZED, small_curve
from grokbench.tables.grid import Grid
from grokbench.tables.laws import example_runs


@pytest.fixture(scope="module")
def cells():
    return {(cell.learner_label, cell.shuffled): cell for cell in Grid(example_runs()).cells}


def test_a_step_is_low_blocks_then_high_ones_and_memorization_is_marked(cells):
    text = small_curve(cells["mlp", False], 40)
    assert len(text) == 40
    assert text.count(MEMORIZED) == 1
    low, high = text[: text.index(BLOCKS[-1])], text[text.index(BLOCKS[-1]) :]
    assert set(low) <= {BLOCKS[0], MEMORIZED, *BLOCKS[1:-1]}
    assert set(high) == {BLOCKS[-1]}
    assert text.index(MEMORIZED) < len(low)
    # accuracy steps at time 12 of 1 … 40: log 12 / log 40 of the way
    assert len(low) == pytest.approx(40 * 0.67, abs=2)


def test_what_never_generalizes_stays_low(cells):
    assert set(small_curve(cells["rfm", True])) == {BLOCKS[0], MEMORIZED}


def test_a_cell_without_readable_runs_has_no_curve(cells):
    from dataclasses import replace

    assert small_curve(replace(cells["mlp", False], runs=cells["mlp", False].runs[-1:])) == ""
