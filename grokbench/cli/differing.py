"""The verb that compares two result sets: diff."""

from __future__ import annotations

from pathlib import Path

import click

from grokbench.cli.values import NAME, PATH
from grokbench.cli.verbs import OK, SOME_FAILED, cli, complain, include_files, print_json
from grokbench.errors import one_line

LONGEST_NOTE = 2000  # characters of a line below the tables


@cli.command(name="diff")
@click.argument("results_a", type=PATH)
@click.argument("results_b", type=PATH)
@click.option("--out", type=PATH, metavar="DIR", help="Write diff.csv, diff_runs.csv and diff.md into this folder.")
@click.option("--include", type=NAME, multiple=True, metavar="FILE.py", help="Run this file first: your own learners.")
@click.option("--quiet", is_flag=True, help="No tables on the screen.")
@click.option("--json", "as_json", is_flag=True, help="Print the tables as JSON.")
@click.option(
    "--fail-on-change",
    is_flag=True,
    help="Status 1 unless every cell that both have is unchanged, outcomes included.",
)
def diff(results_a: Path, results_b: Path, out: Path | None, include, quiet: bool, as_json: bool, fail_on_change: bool):
    """What changed between two result sets: more than noise?

    Runs are paired by task, learner, options and seed, and B is read against A. A folder may have only its runs.csv.
    """
    from grokbench.report import diff as report

    include_files(include)
    difference = report.diff(results_a, results_b)
    files = report.write_diff(out, difference) if out else []
    if as_json:
        print_json(_both_tables(difference))
    elif not quiet:
        _show(difference, files)
    if fail_on_change and difference.is_change:
        return complain(f"{results_b} is not as {results_a} was", SOME_FAILED)
    return OK


def _both_tables(difference) -> dict[str, object]:
    """Both tables in full, and what is said below them."""
    from grokbench.report.diff import TABLES
    from grokbench.tables.changes import summary

    return {
        **{"a": str(difference.a.folder), "b": str(difference.b.folder), "changed": difference.is_change},
        **{"summary": summary(difference.changes), "environments": difference.environments},
        **{table.name: list(table.rows(difference.grid)) for table in TABLES},
    }


def _show(difference, files: list[Path]) -> None:
    """The cells, the runs with another outcome, and what is said below them."""
    from grokbench.cli.display import show_table
    from grokbench.report.diff import TABLES

    cells, runs = TABLES
    whole = f"all of it: {files[0]}" if files else "--out DIR writes all of it"
    show_table(difference.grid.title, *cells.reading(difference.grid), ranks=cells.ranks(difference.grid), whole=whole)
    headings, rows = runs.reading(difference.grid)
    if rows:
        show_table("\nRuns with another outcome", headings, rows, whole=whole)
    click.echo("")
    for line in difference.lines():
        click.echo(one_line(line, LONGEST_NOTE))
    if files:
        click.echo(one_line(f"written: {', '.join(map(str, files))}", LONGEST_NOTE))
