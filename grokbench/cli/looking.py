"""The verbs that only look: list, show."""

from __future__ import annotations

from pathlib import Path

import click

from grokbench.cli.values import NAME, PATH
from grokbench.cli.verbs import OK, allow_option, cli, include_files, print_json
from grokbench.errors import UsageError, closest, one_line, printable


@cli.command(name="list")
@click.argument("kind", required=False)
@click.option(
    "--include", type=NAME, multiple=True, metavar="FILE.py", help="Run this file: your own tasks and learners."
)
@allow_option
@click.option("--json", "as_json", is_flag=True, help="A JSON array of objects with name and description.")
def list_(kind: str | None, include, allowed, as_json: bool) -> int:
    """Tasks, learners, measures, explanations, tables, suites by name.

    Each has one line, with a description.
    """
    from grokbench.cli.catalogue import KINDS, entries

    include_files(include, allowed)
    if kind is not None and kind not in KINDS:
        raise UsageError(f"list {kind}: no such kind{closest(kind, KINDS)}")
    listed = {name: entries(name) for name in ([kind] if kind else KINDS)}
    if as_json:
        print_json([entry for rows in listed.values() for entry in rows])
        return OK
    for name, rows in listed.items():
        if kind is None:
            click.echo(f"{name}:" if rows else f"{name}: none yet")
        width = max(15, *(len(entry["name"]) for entry in rows)) if rows else 0
        for entry in rows:
            extra = f" [{entry['family']}; clock: {entry['clock']}]" if "clock" in entry else ""
            click.echo("  " + one_line(f"{entry['name']:<{width}} {entry['description']}{extra}"))
    return OK


@cli.command()
@click.argument("name", metavar="NAME|KEY")
@click.option("--results", type=PATH, help="Folder to look for a run in.  [default: all of results/]")
@click.option(
    "--include", type=NAME, multiple=True, metavar="FILE.py", help="Run this file: your own tasks and learners."
)
@allow_option
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def show(name: str, results: Path | None, include, allowed, as_json: bool) -> int:
    """One task, learner, measure, table, claim, suite; or one run.

    A run is named by (the start of) its key, and shown with its curve, and its traceback if it failed.
    """
    from grokbench.cli.catalogue import lookup

    include_files(include, allowed)
    fields, text = lookup(name, results)
    if as_json:
        print_json(fields)
    else:
        click.echo(printable(text))
    return OK
