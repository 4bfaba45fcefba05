"""What the command line shows while it works and when it is done. Nothing here decides anything."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping, Sequence

import click

from grokbench.cli.layout import file_width, fitted
from grokbench.cli.screen import Screen
from grokbench.curves.detect import LEVEL
from grokbench.curves.run import Run
from grokbench.errors import one_line
from grokbench.runs.execute import Watch
from grokbench.suites.plan import RunSpec
from grokbench.suites.variants import Variant

MOST_ROWS, LONGEST_CELL = 500, 200  # of a table on the screen
STOPPING = "stopping: what runs is finished and kept, nothing new starts; Ctrl-C again stops at once"


def describe(spec: RunSpec) -> str:
    """A run in a few words: ``modular × mlp(weight_decay=1) seed 0``."""
    return f"{_named(spec.task)} × {_named(spec.learner)} seed {spec.seed}"


def _named(variant: Variant) -> str:
    options = ", ".join(f"{name}={value}" for name, value in variant.given.items())
    text = f"{variant.id}({options})" if options else variant.id
    return text if len(text) <= 70 else text[:69] + "…"


def finding(run: Run) -> str:
    """What a run showed that is over: its outcome and times, or its error."""
    if run.record.get("error"):
        return f"{run.status}: {run.record['error']}"
    if len(run.curve) < 2:
        return run.status
    if run.unreadable:  # it is stored all the same; the tables leave its judgement empty
        return f"{run.status}, cannot be judged: {run.unreadable}"
    detection = run.detections[LEVEL]
    times = {"t_mem": detection.t_mem, "t_gen": detection.t_gen}
    known = [f"{name} {time:.4g}" for name, time in times.items() if not math.isnan(time)]
    return ", ".join([*([] if run.status == "done" else [run.status]), detection.outcome, *known])


class Lines(Watch):
    """One line per finished run, for logs and pipes."""

    def __init__(self, total: int):
        self.total, self.done = total, 0
        self.screen = Screen(sys.stderr)

    def finished(self, spec: RunSpec, run: Run) -> None:
        """Print the run and what it showed."""
        self.done += 1
        seconds = run.record["wall_seconds"]
        self.screen.line(f"[{self.done}/{self.total}] {describe(spec)}: {finding(run)} ({seconds:.1f} s)")

    def interrupted(self) -> None:
        """Say what happens now."""
        self.screen.line(STOPPING)


class Bar(Watch):
    """A live bar on a terminal: runs done, running, failed, time left; failures stay on the screen."""

    def __init__(self, total: int, jobs: int):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self.total, self.jobs = total, max(jobs, 1)
        self.running: dict[str, float] = {}
        self.failed, self.spent, self.done = 0, 0.0, 0
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}"),
        )
        self.progress = Progress(*columns, console=Console(file=Screen(sys.stderr)))
        self.bar = self.progress.add_task("runs", total=total, state="starting")

    def __enter__(self):
        self.progress.start()
        return self

    def __exit__(self, *error) -> None:
        self.tick()
        self.progress.stop()

    def started(self, spec: RunSpec) -> None:
        """One more is running."""
        self.running[spec.key] = time.monotonic()
        self.jobs = max(self.jobs, len(self.running))  # a cluster's size is seen, not known

    def finished(self, spec: RunSpec, run: Run) -> None:
        """Advance the bar; say what failed."""
        self.running.pop(spec.key, None)
        self.done += 1
        self.spent += run.record["wall_seconds"]
        if run.record.get("error"):
            self.failed += 1
            self._print(f"{describe(spec)}: {finding(run)}", style="red")
        self.progress.update(self.bar, advance=1)

    def interrupted(self) -> None:
        """Say what happens now."""
        self._print(STOPPING)

    def _print(self, text: str, style: str | None = None) -> None:
        self.progress.console.print(one_line(text), markup=False, emoji=False, highlight=False, style=style)

    def tick(self) -> None:
        """Refresh the counts and the time left."""
        state = f"{len(self.running)} running, {self.failed} failed, {self._left()}"
        self.progress.update(self.bar, state=state)

    def _left(self) -> str:
        if not self.done:
            return "time left: -"
        mean = self.spent / self.done
        now = time.monotonic()
        partly = sum(min(now - start, mean) for start in self.running.values())
        return f"time left: {duration(max(0.0, (self.total - self.done) * mean - partly) / self.jobs)}"


def duration(seconds: float) -> str:
    """Seconds as people say them: 41 s, 3 min 20 s, 2 h 05 min."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def show_table(
    title: str,
    columns: dict[str, str],
    rows: list[dict],
    file=None,
    ranks: Mapping[str, int] | None = None,
    whole: str = "--json has all",
) -> None:
    """A table on the screen; `columns` maps the keys of a row to headings.

    ranks : key -> how soon the column is left out where the screen is narrow, the highest first; 0 where not given.
    whole : where all of it can be read, for the line that says what was left out.
    """
    from rich.console import Console
    from rich.text import Text

    from grokbench.tables.text import readable

    headings = {key: one_line(heading, LONGEST_CELL) for key, heading in columns.items()}
    shown = [{key: one_line(readable(row.get(key)), LONGEST_CELL) for key in columns} for row in rows[:MOST_ROWS]]
    console = Console(file=file)
    if not console.is_terminal:
        console = Console(file=file, width=file_width())
    texts = {key: [heading, *(row[key] for row in shown)] for key, heading in headings.items()}
    layout = fitted(texts, ranks or {}, console.width)
    table = _empty_table(title)
    for key, width in layout.widths.items():
        side = "right" if _numeric([row.get(key) for row in rows]) else "left"
        table.add_column(Text(headings[key]), justify=side, overflow="fold", width=width)
    for row in shown:
        table.add_row(*(Text(row[key]) for key in layout.widths))
    with console.capture() as capture:
        console.print(table)
    click.echo(capture.get(), file=file or sys.stdout, nl=False)  # not click's own stream, which has other manners
    if len(rows) > MOST_ROWS:
        click.echo(f"… {len(rows) - MOST_ROWS} more rows: {one_line(whole)}", file=file)
    if layout.left_out:
        names = ", ".join(headings[key] for key in layout.left_out)
        click.echo(one_line(f"left out for want of width: {names}; {whole}"), file=file)


def _empty_table(title: str):
    from rich.table import Table
    from rich.text import Text

    name = Text(one_line(title, LONGEST_CELL)) if title else None  # a plain str would be read as rich's markup
    return Table(title=name, title_justify="left", show_edge=False, header_style="bold")


def _numeric(values: Sequence[object]) -> bool:
    return any(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
