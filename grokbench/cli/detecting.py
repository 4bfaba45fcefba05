"""The verb detect: what strangers' logs say, on the screen, as CSV, Markdown or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from grokbench.cli.values import NAME, PATH, Number
from grokbench.cli.verbs import OK, cli, print_json
from grokbench.errors import one_line

READABLE = {
    "series": "series",
    "outcome": "outcome",
    "mem": "t_mem (between)",
    "gen": "t_gen (between)",
    "delay": "delay (between)",
    "width": "width",
    "head": "head",
    "late": "late",
    "ceiling": "ceiling",
}  # key of a row -> its heading on the screen and in Markdown
RULES = {
    "series": "series",
    "outcome": "outcome",
    "reads": "reads",
    "rule": "rule",
    "stop": "stops at",
    "stopped_before_generalizing": "too soon",
    "kept": "keeps",
    "test_accuracy_at_stop": "accuracy kept",
    "final_test_accuracy": "accuracy at the end",
    "regret": "regret",
    "needed_checks": "least patience, checks",
    "needed_t_mems": "in t_mem",
}
RANKS = {"ceiling": 1, "head": 2, "width": 3}
UNITS = ("share", "percent", "error", "percent-error", "loss")
MOST_NOTES = 40  # on the screen
DIGITS = 10  # significant, of a number in CSV
FORMS = ("table", "csv", "markdown", "json")


@cli.command()
@click.argument("files", metavar="FILE...", type=PATH, nargs=-1, required=True)
@click.option(
    "--chance",
    type=Number(),
    help="Accuracy of the best constant answer.  [default: 1/classes, or by the beginning of held-out accuracy]",
)
@click.option("--classes", type=click.IntRange(min=2), help="Number of classes; needed for the rank versions.")
@click.option("--ceiling", type=Number(), help="Highest attainable chance-corrected held-out accuracy.  [default: 1]")
@click.option(
    "--baseline-loss", type=Number(), help="Loss of the best constant; gives skill without scores, and reads losses."
)
@click.option(
    "--level",
    type=Number(0, 1, min_open=True),
    default=0.95,
    show_default=True,
    help="Chance-corrected accuracy that counts as learned.",
)
@click.option(
    "--series",
    type=NAME,
    multiple=True,
    help="Column that tells runs apart; again for another.  [default: by its name]",
)
@click.option("--time", "time_column", type=NAME, help="Column of the clock.  [default: by its name]")
@click.option("--train", "train_column", type=NAME, help="Column of training accuracy.  [default: by its name]")
@click.option("--test", "test_column", type=NAME, help="Column of held-out accuracy.  [default: by its name]")
@click.option("--test-loss", "loss_column", type=NAME, help="Column of held-out loss.  [default: by its name]")
@click.option("--skill", "skill_column", type=NAME, help="Column of skill.  [default: skill]")
@click.option("--rank-auc", "auc_column", type=NAME, help="Column of rank_auc.  [default: rank_auc]")
@click.option(
    "--unit",
    type=click.Choice(UNITS),
    help="What both columns hold.  [default: by their names and values]",
)
@click.option("--train-unit", type=click.Choice(UNITS), help="The same of the training column alone.")
@click.option("--test-unit", type=click.Choice(UNITS), help="The same of the held-out column alone.")
@click.option("--percent", is_flag=True, help="The same as --unit percent.")
@click.option(
    "--order",
    type=click.Choice(("last", "segments", "runs")),
    help="Where the time goes back: the later row counts, the count goes on, or each piece is a run.",
)
@click.option("--offset", type=Number(), help="Added to every time.  [default: 1 where epochs are counted from 0]")
@click.option("--format", "form", type=click.Choice(FORMS), default="table", show_default=True, help="How to print.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--early-stopping", is_flag=True, help="In place of events: what each stopping rule would have done to each run."
)
def detect(files: Sequence[Path], form: str, as_json: bool, early_stopping: bool, unit, percent: bool, **chosen) -> int:
    """Events and outcome of each run in anyone's training logs.

    A log is a file or a folder: CSV, JSON, JSON lines, .npz, exports of the usual loggers. Columns are recognized by
    their names, and what was taken is said.
    """
    from grokbench.logs.judging import detect_files
    from grokbench.logs.reading import Reading

    unit = unit or ("percent" if percent else None)
    units = {name: chosen.pop(name) or unit for name in ("train_unit", "test_unit")}
    rows = detect_files(files, Reading(**chosen, **units))
    form = "json" if as_json else form
    if early_stopping:
        _print_rules(rows, form)
    else:
        _print([{name: value for name, value in row.items() if name != "rules"} for row in rows], form)
    return OK


def _print_rules(rows: list[dict], form: str) -> None:
    """A row for each run and stopping rule."""
    from grokbench.tables.text import csv_lines, markdown

    ends = [{"series": row["series"], "outcome": row["outcome"], **rule} for row in rows for rule in row["rules"]]
    if form == "json":
        print_json(ends)
    elif form == "csv":
        for line in csv_lines(ends[0] if ends else RULES, ends, DIGITS):
            click.echo(line, nl=False)
    elif form == "markdown":
        click.echo(markdown(RULES, ends), nl=False)
    else:
        _print_rules_table(rows, ends)


def _print_rules_table(rows: list[dict], ends: list[dict]) -> None:
    """What was read, the rules, what patience would have done in words, and the runs without held-out accuracy."""
    from grokbench.cli.display import show_table

    for line in _readings(rows)[:MOST_NOTES]:
        click.echo(one_line(line))
    if ends:
        show_table("", RULES, ends)
    for line in _about(rows, "early_stopping")[:MOST_NOTES]:
        click.echo(one_line(line))
    if bare := [str(row["series"]) for row in rows if not row["rules"]]:
        click.echo(one_line(f"{_few(bare)}: no column says that it is held-out accuracy, by which rules are judged"))


def _print(rows: list[dict], form: str) -> None:
    """The rows in a form; all columns in CSV and JSON, those that people read in the others."""
    if form == "json":
        print_json(rows)
    elif form == "csv":
        _print_csv(rows)
    elif form == "markdown":
        _print_markdown(rows)
    else:
        _print_table(rows)


def _print_csv(rows: list[dict]) -> None:
    from grokbench.tables.text import csv_lines

    texts = ("notes", "early_stopping")
    plain = [row | {name: "; ".join(row[name]) for name in texts} for row in rows]
    for line in csv_lines(rows[0], plain, DIGITS):
        click.echo(line, nl=False)


def _print_markdown(rows: list[dict]) -> None:
    from grokbench.tables.text import escape, markdown

    click.echo(markdown(READABLE, [_readable(row) for row in rows]), nl=False)
    lines = [*_readings(rows), *_about(rows, "early_stopping"), *_about(rows, "notes")]
    click.echo("\n" + "\n".join(f"- {escape(line)}" for line in lines))


def _print_table(rows: list[dict]) -> None:
    from grokbench.cli.display import show_table

    for line in _readings(rows)[:MOST_NOTES]:
        click.echo(one_line(line))
    show_table("", READABLE, [_readable(row) for row in rows], ranks=RANKS)
    for line in _about(rows, "early_stopping")[:MOST_NOTES]:
        click.echo(one_line(line))
    notes = _about(rows, "notes")
    for note in notes[:MOST_NOTES]:
        click.echo(one_line(f"note: {note}"))
    if len(notes) > MOST_NOTES:
        click.echo(f"… {len(notes) - MOST_NOTES} more notes: --json has all")


def _readable(row: dict) -> dict:
    """A row with its events between the rows of the log that they lie between."""
    delay = f"{row['delay']:.2f}" if row["delay"] == row["delay"] else ""
    if row["delay_censoring"] == "right":
        delay = f"never (> {delay})" if row["t_gen_censoring"] == "right" else f"≥ {delay}"
    return {
        **row,
        "mem": _between(_event(row, "t_mem"), row["t_mem_low"], row["t_mem_high"]),
        "gen": _between(_event(row, "t_gen"), row["t_gen_low"], row["t_gen_high"]),
        "delay": _between(delay, row["delay_low"], row["delay_high"]),
    }


def _event(row: dict, name: str) -> str:
    from grokbench.tables.text import readable

    return ("≤ " if row[f"{name}_censoring"] == "left" else "") + readable(row[name]) if row[name] == row[name] else ""


def _between(text: str, low: float, high: float) -> str:
    """A number and its bounds, where there are both and they differ."""
    from grokbench.tables.text import readable

    return f"{text} ({readable(low)}–{readable(high)})" if text and low < high else text


def _readings(rows: list[dict]) -> list[str]:
    """What was taken from each file, once for all runs that were read alike."""
    readings: dict[tuple, list[dict]] = {}
    for row in rows:
        readings.setdefault(tuple(row[f"{name}_column"] for name in ("time", "train", "test")), []).append(row)
    return [_reading(columns, alike) for columns, alike in readings.items()]


def _reading(columns: tuple[str, ...], rows: list[dict]) -> str:
    time, train, test = columns
    files = list(dict.fromkeys(row["file"] for row in rows))
    where = files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
    points = [sorted({row[f"{name}_points"] for row in rows}) for name in ("train", "test")]
    counts = [f"{low[0]}" if len(low) == 1 else f"{low[0]} to {low[-1]}" for low in points]
    runs = f", {len(rows)} runs" if len(rows) > 1 else ""
    return (
        f"read: {where}: clock {time!r}, training {train!r} ({counts[0]} points), held-out {test!r} ({counts[1]}){runs}"
    )


def _about(rows: list[dict], column: str) -> list[str]:
    """Each text of a column once, with the runs that it is about where it is not about all."""
    about: dict[str, list[str]] = {}
    for row in rows:
        for text in dict.fromkeys(row[column]):
            about.setdefault(text, []).append(str(row["series"]))
    return [text if len(names) == len(rows) else f"{_few(names)}: {text}" for text, names in about.items()]


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
