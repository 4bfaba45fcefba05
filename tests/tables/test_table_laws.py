"""Every registered table keeps the laws of tables, and each law can be broken."""

import math

import pytest

from grokbench.registry import tables
from grokbench.tables.base import Column, Table, in_reading_order
from grokbench.tables.grid import Grid
from grokbench.tables.laws import check, example_runs


@pytest.mark.parametrize("name", tables.names())
def test_every_table_keeps_every_law(name):
    assert [law for law in check(tables[name]) if law.status == "failed"] == []


class Honest(Table):
    """a cell"""

    name = "honest"
    columns = (
        Column("learner", "its label", "learner", value=lambda cell: cell.learner_label),
        Column("runs", "how many there are", "runs", value=lambda cell: len(cell.runs)),
    )

    def entries(self, grid):
        return grid.cells


class TwiceTheName(Honest):
    columns = (*Honest.columns, Column("runs", "again"))


class WithoutMeaning(Honest):
    columns = (Column("runs", " ", value=lambda cell: 1),)


class NotPlain(Honest):
    columns = (Column("runs", "a list", value=lambda cell: list(cell.runs)),)


class NotReadable(Honest):
    columns = (Column("runs", "text is a list", "runs", value=lambda cell: 1, text=lambda cell: []),)


class FirstComesFirst(Honest):
    columns = (Column("key", "of the run that was read first", value=lambda entry: entry),)

    def entries(self, grid):
        return [grid.given_first]


class AlwaysOne(Honest):
    def entries(self, grid):
        return grid.cells[:1] or [{"learner": "none", "runs": 0}]

    columns = (Column("runs", "of the first cell", value=lambda cell: 1),)


def broken(table) -> list[str]:
    return [law.name for law in check(table) if law.status == "failed"]


def test_an_honest_table_passes():
    assert broken(Honest) == []


@pytest.mark.parametrize(
    ("table", "law"),
    [
        (TwiceTheName, "columns"),
        (WithoutMeaning, "columns"),
        (NotPlain, "values"),
        (NotReadable, "texts"),
        (AlwaysOne, "nothing"),
    ],
)
def test_each_law_can_be_broken(table, law):
    assert law in broken(table)


def test_the_order_of_runs_must_not_matter(monkeypatch):
    init = Grid.__init__

    def remembering(self, runs, *arguments, **named):
        runs = list(runs)
        init(self, runs, *arguments, **named)
        self.given_first = runs[0].key if runs else ""

    monkeypatch.setattr(Grid, "__init__", remembering)
    assert "order" in broken(FirstComesFirst)


def test_columns_are_read_in_the_order_of_the_file_but_for_those_that_are_moved():
    columns = (
        Column("a", "first", "a", after="c"),
        Column("b", "second", "b"),
        Column("c", "third", "c"),
        Column("d", "not read"),
        Column("e", "after one that is not read", "e", after="d"),
    )
    assert [column.name for column in in_reading_order(columns)] == ["b", "c", "a", "e"]


def test_an_optional_column_is_read_where_a_row_has_it():
    class Optional(Honest):
        columns = (
            Column("learner", "its label", "learner", value=lambda cell: cell.learner_label),
            Column("never", "undefined", "never", value=lambda cell: math.nan, optional=True),
            Column("mlp", "of mlp", "mlp", value=lambda c: 1.0 if c.learner.name == "mlp" else None, optional=True),
        )

    headings, rows = Optional().reading(Grid(example_runs()))
    assert list(headings) == ["learner", "mlp"]
    assert {row["mlp"] for row in rows} == {1.0, None}
