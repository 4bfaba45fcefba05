"""The curves behind claims: which cells are lines, of which verdict, in which panel, and where their letters stand."""

import pytest
from support_figure_runs import NEVER, seeds

from grokbench.figures.claims import ClaimCurves, Line, lines_of, names_of, panels
from grokbench.figures.replications import LOOKS, UNDECIDED
from grokbench.figures.style import specification
from grokbench.statistics.location import Location
from grokbench.tables.grid import Grid
from grokbench.verdicts.replication import NOT_REPRODUCED, REPRODUCED, Claim, Replicated

pytest.importorskip("altair")
LATE = seeds("mlp", t_gens=(200.0, 220.0, 240.0))
NEVER_LATE = seeds("linearized", t_gens=(NEVER, NEVER, NEVER), family="lazy")
ELSEWHERE = seeds("mlp", t_gens=(200.0, 220.0), task="parity")


def part(name: str, verdict: str, runs, of: str = "late", cells=("add/net",)) -> Replicated:
    claim = Claim(
        **{"id": name, "sentence": "It is late.", "source": "Nobody", "quantity": "value", "of": (of,)},
        **{"cells": cells, "published": "always", "tolerance": (0.5, 1.0), "why": "most", "setting": "published"},
    )
    return Replicated(claim, Location(1, 1, 1, 3), verdict, "", tuple(run.key for run in runs), 3, "hash")


def grid_of(*parts: Replicated) -> Grid:
    return Grid([*LATE, *NEVER_LATE, *ELSEWHERE], title="Claims", replicated=list(parts))


def test_a_cell_behind_several_parts_is_one_line_with_the_verdict_that_one_looks_for():
    parts = [part("3a", REPRODUCED, LATE), part("3b", NOT_REPRODUCED, LATE), part("3c", UNDECIDED, NEVER_LATE)]
    lines = lines_of(grid_of(*parts), parts)
    assert [(line.letters, line.verdict) for line in lines] == [("ab", NOT_REPRODUCED), ("c", UNDECIDED)]
    assert [line.cell.learner.name for line in lines] == ["mlp", "linearized"]


def test_claims_without_a_part_that_did_not_reproduce_and_other_readings_have_no_panel():
    shown = part("2", NOT_REPRODUCED, LATE)
    others = [
        part("1a", REPRODUCED, LATE),
        part("4", NOT_REPRODUCED, LATE, of="norm at end"),
        part("5", NOT_REPRODUCED, LATE, cells=(("add/a", "add/b"),)),
    ]
    assert [(number, task) for number, task, _ in panels(grid_of(shown, *others))] == [(2, "modular")]
    assert not ClaimCurves().applies(grid_of(*others))


def test_each_task_has_its_panel_and_only_where_a_part_of_it_did_not_reproduce():
    parts = part("10a", NOT_REPRODUCED, LATE), part("10b", REPRODUCED, ELSEWHERE)
    assert [task for _, task, _ in panels(grid_of(*parts))] == ["modular"]
    parts = *parts, part("10c", NOT_REPRODUCED, ELSEWHERE)
    assert [(number, task) for number, task, _ in panels(grid_of(*parts))] == [(10, "modular"), (10, "parity")]
    assert ClaimCurves().title(grid_of(*parts)) == "Claims of which a part did not reproduce, and their curves: 1"


def test_a_line_is_the_median_of_held_out_accuracy_and_its_letters_stand_at_its_half_rise():
    grid = grid_of()
    late, never = (next(cell for cell in grid.cells if cell.learner.name == name) for name in ("mlp", "linearized"))
    lines = [Line("a", NOT_REPRODUCED, late), Line("b", REPRODUCED, never)]
    rows = lines[0].rows
    assert {row["kappa"] for row in rows if row["time"] < 150} == {0.0}
    assert {row["kappa"] for row in rows if row["time"] > 300} == {1.0}
    names = {row["parts"]: row for row in names_of(lines)}
    assert names["a"]["kappa"] == 0.5
    assert 180 < names["a"]["time"] < 260
    assert names["b"]["kappa"] == 0.0


def test_letters_of_curves_that_are_close_stand_in_one():
    grid = grid_of()
    cell = next(cell for cell in grid.cells if cell.learner.name == "linearized")
    (name,) = names_of([Line("a", REPRODUCED, cell), Line("bc", UNDECIDED, cell)])
    assert name["parts"] == "a bc"


def test_colours_are_those_of_the_verdicts_in_every_panel():
    parts = part("1a", NOT_REPRODUCED, LATE), part("1b", UNDECIDED, NEVER_LATE), part("2", NOT_REPRODUCED, LATE)
    figure, grid = ClaimCurves(), grid_of(*parts)
    text = str(specification(figure.chart(grid), figure.title(grid)))
    assert text.count(str(list(LOOKS))) == 4, "colour and dash have the same domain in both panels, and share a scale"
