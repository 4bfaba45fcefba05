"""Every registered figure keeps the laws of figures, and each law can be broken."""

from dataclasses import replace

import pytest
from support_figure_runs import seeds

from grokbench.figures.base import Figure
from grokbench.figures.laws import check
from grokbench.figures.style import COLORS, DASHES, SHAPES, data, families_in_order, specification
from grokbench.registry import figures, learners
from grokbench.report.draw import drawn, write_figures
from grokbench.tables.grid import Grid

pytest.importorskip("altair")


@pytest.mark.parametrize("name", figures.names())
def test_every_figure_keeps_every_law(name):
    assert [law for law in check(figures[name]) if law.status == "failed"] == []


class Honest(Figure):
    """a bar per learner"""

    def chart(self, grid):
        import altair as alt

        rows = data({"learner": cell.learner_label, "runs": len(cell.runs)} for cell in grid.cells)
        return alt.Chart(rows).mark_bar().encode(x="runs:Q", y="learner:N")


class WithoutWords(Honest):
    __doc__ = ""


class Always(Honest):
    def applies(self, grid):
        return True


class NotPlain(Honest):
    def chart(self, grid):
        import altair as alt

        return alt.Chart(alt.InlineData(values=[{"late": float("nan")}])).mark_bar().encode(x="late:Q")


class OfTheirOrder(Honest):
    """a bar per run"""

    seen = 0

    def chart(self, grid):
        type(self).seen += 1
        return super().chart(grid).properties(width=100 + self.seen)


@pytest.mark.parametrize(
    ("figure", "law"), [(WithoutWords, "words"), (Always, "nothing"), (NotPlain, "chart"), (OfTheirOrder, "order")]
)
def test_each_law_can_be_broken(figure, law):
    assert [l.status for l in check(Honest)] == ["passed"] * 4
    assert law in {broken.name for broken in check(figure) if broken.status == "failed"}


def test_every_family_has_a_look_of_its_own():
    """Colour alone does not tell families apart in grey, nor to everyone."""
    families = {cls.family for cls in learners.classes()} - {"own"}
    assert families == set(COLORS) == set(DASHES) == set(SHAPES)
    assert (
        len(set(COLORS.values())) == len(set(SHAPES.values())) == len(set(map(tuple, DASHES.values()))) == len(COLORS)
    )


def test_families_stand_in_one_order_and_those_of_others_last():
    assert families_in_order(["zoo", "trees", "neural", "trees", "art"]) == ["neural", "trees", "art", "zoo"]


def test_data_have_no_nan_and_few_digits():
    import altair as alt

    rows = [{"x": float("nan"), "y": float("inf"), "z": 1 / 3, "n": 12345678, "b": True, "t": "a"}]
    spec = specification(alt.Chart(data(rows)).mark_point().encode(x="x:Q"), "title")
    (values,) = spec["datasets"].values()
    assert values == [{"x": None, "y": None, "z": 0.33333, "n": 12345678, "b": True, "t": "a"}]


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x0b", "\x1b", "\ufffe", "\ud800"])
def test_what_an_svg_file_cannot_have_is_escaped(character):
    """The drawing library ends the whole process on most of these."""
    import altair as alt
    import vl_convert

    chart = alt.Chart(data([{"x": f"a{character}b"}])).mark_point().encode(x="x:N")
    spec = specification(chart, f"t{character}")
    escaped = character.encode("unicode_escape", "surrogatepass").decode()
    assert f"a{escaped}b" in vl_convert.vegalite_to_svg(spec)


@pytest.mark.parametrize("clock", ["a\nb", "a\\", 'a"b', "a'b", "</text><script>", "${x}", "a\u2028b", "a\rb", ""])
def test_any_name_of_a_clock_is_drawn(clock):
    """Names of axes become parts of expressions."""
    import vl_convert

    runs = [replace(one, record={**one.record, "clock": clock}) for one in seeds(t_gens=(200, 300))]
    curves = figures["curves"]()
    svg = vl_convert.vegalite_to_svg(specification(curves.chart(Grid(runs)), "title"))
    assert "<script" not in svg


def test_files_of_figures_that_no_longer_apply_are_removed_and_others_stay(tmp_path):
    pytest.importorskip("vl_convert")
    folder = tmp_path / "figures"
    folder.mkdir()
    for name in ("phase.svg", "phase.png", "outcomes.svg", "mine.svg"):
        (folder / name).write_text("old")
    made = drawn(Grid(seeds(t_gens=(200, 300)), title="Two runs"))
    written = write_figures(tmp_path, made)
    assert "phase" not in {figure.name for figure in made}
    assert {path.stem for path in written} == {figure.name for figure in made}
    assert {path.name for path in folder.glob("*.svg")} == {path.name for path in written} | {"mine.svg"}
    assert not (folder / "phase.png").exists()
    assert (folder / "outcomes.svg").read_text(encoding="utf-8").startswith("<svg")


def test_long_titles_have_several_lines():
    import altair as alt

    chart = alt.Chart(data([{"x": "a"}])).mark_point().encode(x="x:N")
    assert specification(chart, "short")["title"]["text"] == ["short"]
    assert [len(line) <= 120 for line in specification(chart, "word " * 40)["title"]["text"]] == [True, True]
    assert specification(chart, "")["title"]["text"] == ""
