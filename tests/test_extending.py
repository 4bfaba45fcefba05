"""The examples of docs/extending.md do what the page says of them."""

import pytest
from support_documents import SUITE, marked


def test_the_learner_is_short_and_keeps_every_law(tmp_path):
    from grokbench.cli.checking import check_target

    code = marked("my_learner.py").text
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    path = tmp_path / "my_learner.py"
    path.write_text(code, encoding="utf-8")
    laws = check_target(str(path))
    assert len(laws) >= 8
    assert not [law for _, law in laws if law.status == "failed"]


@pytest.mark.slow
def test_the_module_is_a_row_beside_ours_and_so_is_its_twin(tmp_path, grokbench):
    """With the page's table of a suite, shortened: both learners end in the table of delays."""
    path, suite = tmp_path / "my_module.py", tmp_path / "own.toml"
    path.write_text(marked("my_module.py").text, encoding="utf-8")
    table = marked("of my_module.py").text.replace("2000", "5")
    twin = table.replace('"normed"', '"normed_linearized"')
    ours = '[[learners]]\nname = "mlp"\nbudget = 5\n'
    suite.write_text(f"{SUITE}{table}{twin}{ours}", encoding="utf-8")
    arguments = ("compare", suite, "--include", path, "--results", tmp_path / "results", "--jobs", 0, "--quiet")
    assert grokbench(*arguments)[0] == 0
    rows = (tmp_path / "results" / "delays.csv").read_text(encoding="utf-8")
    assert all(name in rows for name in ("normed,", "normed_linearized,", "mlp,"))


def test_task_and_measure_are_a_suite(tmp_path, grokbench):
    suite = tmp_path / "own.toml"
    suite.write_text(
        'title = "own"\nseeds = 1\nmeasures = ["margin"]\n[[tasks]]\nname = "larger"\nsize = 6\n'
        '[[learners]]\nname = "xgboost"\nbudget = 5\n',
        encoding="utf-8",
    )
    included = []
    for name in ("my_task.py", "my_measure.py"):
        (tmp_path / name).write_text(marked(name).text, encoding="utf-8")
        included += ["--include", tmp_path / name]
    arguments = ("compare", suite, *included, "--results", tmp_path / "results", "--jobs", 0, "--quiet")
    assert grokbench(*arguments)[0] == 0
    header, *rows = (tmp_path / "results" / "curves.csv").read_text(encoding="utf-8").splitlines()
    assert header.endswith(",margin")
    assert not [row for row in rows if row.endswith(",")]


def test_the_table_is_written(tmp_path, grokbench):
    path = tmp_path / "my_table.py"
    path.write_text(marked("my_table.py").text, encoding="utf-8")
    (tmp_path / "results" / "runs").mkdir(parents=True)
    assert grokbench("report", tmp_path / "results", "--include", path, "--quiet")[0] == 0
    assert (tmp_path / "results" / "longest.csv").read_text(encoding="utf-8") == "task,learner,last\n"


@pytest.mark.slow
@pytest.mark.usefixtures("with_figures")
def test_the_figure_is_drawn_by_report(tmp_path, write_suite, grokbench):
    pytest.importorskip("altair")
    path, results = tmp_path / "my_figure.py", tmp_path / "results"
    path.write_text(marked("my_figure.py").text, encoding="utf-8")
    suite = write_suite(SUITE + '[[learners]]\nname = "xgboost"\nbudget = 5\n')
    assert grokbench("compare", suite, "--results", results, "--jobs", 0, "--quiet")[0] == 0
    assert grokbench("report", results, "--include", path, "--quiet")[0] == 0
    assert "xgboost" in (results / "figures" / "ends.svg").read_text(encoding="utf-8")
