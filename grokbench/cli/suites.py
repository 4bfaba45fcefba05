"""The verbs that work on a suite and its results: compare, run, report."""

from __future__ import annotations

from pathlib import Path

import click

from grokbench.cli.request import Request
from grokbench.cli.values import MOST_JOBS, NAME, PATH, Number
from grokbench.cli.verbs import INTERRUPTED, OK, SOME_FAILED, allow_option, cli, complain, include_files, print_json
from grokbench.errors import UsageError, one_line

MOST_NAMED = 3  # figures, on the screen
SUITE_OPTIONS = (
    click.argument("suite", type=NAME, default="smoke"),
    click.option("--results", type=PATH, help="Results folder.  [default: results/SUITE]"),
    click.option(
        "--jobs",
        type=click.IntRange(min=0, max=MOST_JOBS),
        help="Runs at a time; 0: in this process, without limits or "
        "isolation, for a debugger.  [default: the cores this process may use]",
    ),
    click.option("--seeds", type=click.IntRange(min=1), help="Number of seeds, in place of the suite's."),
    click.option(
        "--only", type=NAME, multiple=True, metavar="PATTERN", help="Only runs whose task, learner or key matches."
    ),
    click.option(
        "--set",
        "overrides",
        type=NAME,
        multiple=True,
        metavar="KEY=VALUE",
        help="Override a value: learners.mlp.weight_decay=0.3, points_per_decade=40.",
    ),
    click.option("--dry-run", is_flag=True, help="Print the plan: done, to do, estimated time."),
    click.option("--retry", is_flag=True, help="Also run again what failed, crashed or timed out."),
    click.option(
        "--memory-limit",
        type=Number(min=1),
        metavar="MB",
        help="Memory that a run may take, above what is loaded before it starts (Linux).",
    ),
    click.option(
        "--dask",
        type=NAME,
        metavar="ADDRESS",
        help="Run on a dask.distributed cluster: the address of its scheduler, or local:N for N worker processes "
        "on this machine, which nobody else can reach.",
    ),
    click.option(
        "--include",
        type=NAME,
        multiple=True,
        metavar="FILE.py",
        help="Run this file, which registers your own tasks and learners.",
    ),
    allow_option,
    click.option(
        "--device",
        type=click.Choice(["cpu", "cuda"]),
        default="cpu",
        show_default=True,
        help="Where neural learners compute.",
    ),
    click.option("--quiet", is_flag=True, help="No progress and no tables on the screen."),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
)


def suite_options(command):
    """The options that `compare` and `run` share."""
    for decorate in reversed(SUITE_OPTIONS):
        command = decorate(command)
    return command


fail_on_mix_option = click.option(
    "--fail-on-mix",
    is_flag=True,
    help="Status 1 where a cell, or a compared pair, has runs made with other versions or on another machine.",
)


@cli.command()
@suite_options
@fail_on_mix_option
def compare(fail_on_mix: bool, **request) -> int:
    """Run what is missing, analyse, write and print the tables.

    SUITE is a name (see: list suites) or the path of a TOML file.
    """
    return _carry_out(Request(**request), analyse=True, fail_on_mix=fail_on_mix)


@cli.command()
@suite_options
def run(**request) -> int:
    """Only the running half of compare."""
    return _carry_out(Request(**request), analyse=False)


def _carry_out(request: Request, analyse: bool, fail_on_mix: bool = False) -> int:
    from grokbench.curves.run import FINISHED
    from grokbench.runs.cluster import ClusterLost

    plan, results = request.plan, request.store.results
    if request.dry_run:
        return _show_plan(request)
    try:
        complete = request.execute()
    except ClusterLost as error:
        return complain(str(error), SOME_FAILED)
    if complete is None:
        return complain("stopped at once; what is stored stays, the same command goes on from here", INTERRUPTED)
    statuses = request.statuses
    failed = [key for key, status in statuses.items() if status not in (*FINISHED, None)]
    mixed = False
    if analyse:
        mixed = _analyse(results, request.quiet, request.as_json)
    elif request.as_json:
        print_json({"results": str(results), "runs": len(plan.specs), "failed": failed})
    status = _exit_status(complete, statuses, failed, results)
    return SOME_FAILED if mixed and fail_on_mix and status == OK else status


def _exit_status(complete: bool, statuses: dict, failed: list[str], results: Path) -> int:
    """The status of a command that has run what it could, and the line that says why it is not 0."""
    if not complete:
        return complain("interrupted; the same command goes on from here", INTERRUPTED)
    missing = sum(status is None for status in statuses.values())
    if missing:
        return complain(
            f"{missing} of {len(statuses)} runs are gone from {results}; the same command runs them again",
            SOME_FAILED,
        )
    if failed:
        return complain(
            f"{len(failed)} of {len(statuses)} runs failed, crashed or timed out: "
            f"show {failed[0][:8]} tells why, --retry runs them again",
            SOME_FAILED,
        )
    return OK


def _analyse(results: Path, quiet: bool, as_json: bool) -> bool:
    """Write all tables of a results folder, and show what one looks at first; True if it mixes environments."""
    from grokbench.report.write import tables_of, write_report
    from grokbench.tables.environments import mixes

    grid = write_report(results)
    tables = {table.name: table for table in tables_of(grid)}
    if as_json:
        shown = {name: list(table.rows(grid)) for name, table in tables.items() if name != "curves"}
        print_json({"results": str(results), **shown})
    elif not quiet:
        _show_summary(grid, tables, results)
    mix = mixes(grid)
    if mix:
        complain(f"warning: {mix}; the column `environments` says where", OK)
    return bool(mix)


def _show_summary(grid, tables: dict, results: Path) -> None:
    """What one looks at first: verdicts, then delays, or the prevalence where a grid of settings was run."""
    from grokbench.tables.comparisons import CLAIMS

    if grid.explained:
        if tables["needs"].known(grid):
            _show(grid, tables["needs"], "Who needs what to be late", results)
            click.echo("")
        if tables["cross_table"].known(grid):
            _show(grid, tables["cross_table"], "Cross table: share of late runs", results)
            click.echo("")
        _show(grid, tables["explanations"], "Explanations", results)
        click.echo("")
    if grid.replicated:
        _show(grid, tables["replications"], "Published claims, replicated or not", results)
        click.echo("")
    if grid.is_sweep:
        _show(grid, tables["prevalence"], grid.title, results)
    else:
        _show_delays(grid, tables["delays"], results)
    claims = [entry for entry in tables["comparisons"].known(grid) if entry.comparison.verdict in CLAIMS]
    if claims:
        click.echo("")
        _show(grid, tables["comparisons"], "Comparisons", results, claims)
    if stopped := tables["early_stopping"].headline(grid):
        click.echo(f"\n{one_line(stopped)}")
    summary = f"{len(grid.runs)} runs; tables in {results}/ ({', '.join(tables)})"
    click.echo(f"\n{one_line(summary, 2000)}\n{one_line(_pictures(grid, results), 2000)}")


def _pictures(grid, results: Path) -> str:
    """Where the figures are, the first three by name, and the page; or what to install."""
    from grokbench.report.draw import FOLDER, figures_of, why_tables_alone

    if reason := why_tables_alone():
        old = "; its index.html is that of an earlier report" if (results / "index.html").is_file() else ""
        return f"no figures: {reason}: report {results}{old}"
    names = [f"{figure.name}.svg" for figure in figures_of(grid)]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    drawn = f"figures in {results / FOLDER}/: {', '.join(names[:MOST_NAMED])}{more}" if names else "no figures"
    return f"{drawn}; page: {results / 'index.html'}"


def _show(grid, table, title: str, results: Path, entries: list | None = None) -> None:
    """A table of a report; what has no room on the screen stands in its file."""
    from grokbench.cli.display import show_table

    whole = f"all of it: {results / table.name}.csv"
    show_table(title, *table.reading(grid, entries), ranks=table.ranks(grid), whole=whole)


def _show_delays(grid, table, results: Path) -> None:
    """The table of delays, where there is room with the curve of each row."""
    from grokbench.cli.display import show_table
    from grokbench.cli.small_curves import HEADING, small_curve

    headings, rows = table.reading(grid)
    rows = [{**row, "curve": small_curve(entry.cell)} for row, entry in zip(rows, table.known(grid), strict=True)]
    ranks = {**table.ranks(grid), "curve": max(table.ranks(grid).values()) + 1}
    whole = f"all of it: {results / table.name}.csv"
    show_table(grid.title, {**headings, "curve": HEADING}, rows, ranks=ranks, whole=whole)


def _show_plan(request: Request) -> int:
    from grokbench.cli.display import duration, show_table
    from grokbench.runs.estimate import estimate_seconds, plan_rows

    plan, to_do, jobs = request.plan, request.to_do, request.parallel
    rows = plan_rows(plan, request.store, to_do)
    seconds = estimate_seconds(rows, jobs)
    impossible = [{"task": t.id, "learner": lr.id, "reason": reason} for t, lr, reason in plan.not_applicable]
    if request.as_json:
        print_json({"plan": rows, "not_applicable": impossible, "estimated_seconds": seconds})
        return OK
    columns = {
        "task": "task",
        "learner": "learner",
        "runs": "runs",
        "done": "done",
        "to_do": "to do",
        "cpu_seconds": "cpu s/run",
    }
    show_table(plan.suite.title, columns, rows, ranks={"runs": 1, "cpu_seconds": 2})
    for line in dict.fromkeys(f"{pair['learner']} on {pair['task']}: {pair['reason']}" for pair in impossible):
        click.echo(one_line(f"not applicable: {line}"))  # once for all settings
    known = f"about {duration(seconds)}" if seconds is not None else "not known before the first run of a learner"
    click.echo(
        f"\n{len(plan.specs)} runs, {len(plan.specs) - len(to_do)} done, {len(to_do)} to do; "
        f"estimated time with {max(jobs, 1)} jobs: {known}"
    )
    return OK


@cli.command()
@click.argument("results", type=PATH)
@click.option("--include", type=NAME, multiple=True, metavar="FILE.py", help="Run this file first: your own tables.")
@click.option("--quiet", is_flag=True, help="No tables on the screen.")
@click.option("--json", "as_json", is_flag=True, help="Print the tables as JSON.")
@fail_on_mix_option
def report(results: Path, include, quiet: bool, as_json: bool, fail_on_mix: bool) -> int:
    """Rebuild every derived file of a results folder from its runs."""
    include_files(include)
    if not results.is_dir():
        raise UsageError(f"{results}: no such results folder")
    if not (results / "runs").is_dir():
        raise UsageError(f"{results}: no stored runs there (expected {results}/runs)")
    mixed = _analyse(results, quiet, as_json)
    return SOME_FAILED if mixed and fail_on_mix else OK
