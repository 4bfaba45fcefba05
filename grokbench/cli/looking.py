"""The verbs that only look: detect, list, show."""

from __future__ import annotations

from pathlib import Path

import click

from grokbench.cli.values import NAME, PATH, Number
from grokbench.cli.verbs import OK, allow_option, cli, include_files, print_json
from grokbench.errors import UsageError, closest, one_line, printable


@cli.command()
@click.argument("file", metavar="CURVES.csv", type=PATH)
@click.option(
    "--chance",
    type=Number(),
    help="Accuracy of the best constant answer.  [default: 1/classes, or the runs.csv beside the file]",
)
@click.option("--classes", type=click.IntRange(min=2), help="Number of classes; needed for the rank versions.")
@click.option(
    "--ceiling",
    type=Number(),
    help="Highest attainable chance-corrected test accuracy.  [default: the highest "
    "that each series sustains; 1 for the harness's own runs]",
)
@click.option("--baseline-loss", type=Number(), help="Test loss of the best constant; gives skill without scores.")
@click.option(
    "--level",
    type=Number(0, 1, min_open=True),
    default=0.95,
    show_default=True,
    help="Chance-corrected accuracy that counts as learned.",
)
@click.option("--series", type=NAME, help="Column that tells the series apart.  [default: key, where there is one]")
@click.option("--time", "time_column", type=NAME, default="time", show_default=True, help="Column of the clock.")
@click.option(
    "--train",
    "train_column",
    type=NAME,
    default="train_accuracy",
    show_default=True,
    help="Column of training accuracy.",
)
@click.option(
    "--test", "test_column", type=NAME, default="test_accuracy", show_default=True, help="Column of held-out accuracy."
)
@click.option(
    "--test-loss", "loss_column", type=NAME, default="test_loss", show_default=True, help="Column of held-out loss."
)
@click.option("--skill", "skill_column", type=NAME, default="skill", show_default=True, help="Column of skill.")
@click.option("--rank-auc", "auc_column", type=NAME, default="rank_auc", show_default=True, help="Column of rank_auc.")
@click.option("--json", "as_json", is_flag=True, help="Print the detections as JSON.")
def detect(file: Path, as_json: bool, **given) -> int:
    """Events and outcome of each series in anyone's training log.

    The log is a CSV table with one row per checkpoint.
    """
    from grokbench.cli.display import show_table
    from grokbench.curves.log import Reading, detect_file

    rows = detect_file(file, Reading(**given))
    if as_json:
        print_json(rows)
        return OK
    columns = {
        name: name for name in ("series", "outcome", "t_mem", "t_gen", "delay", "delay_censoring", "width", "head")
    }
    columns |= {"ceiling": "ceiling", "late": "late", "resolved": "resolved"}
    ranks = {"delay_censoring": 1, "resolved": 2, "ceiling": 3, "head": 4, "width": 5}
    show_table("", columns, rows, ranks=ranks)
    for note in sorted({note for row in rows for note in row["notes"]}):
        click.echo(one_line(f"note: {note}"))
    return OK


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
    """One task, learner, measure, table or suite; or one stored run.

    A run is named by (the start of) its key, and shown with its curve, and its traceback if it failed.
    """
    from grokbench.cli.catalogue import lookup

    include_files(include, allowed)
    data, text = lookup(name, results)
    if as_json:
        print_json(data)
    else:
        click.echo(printable(text))
    return OK
