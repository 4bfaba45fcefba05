"""The verbs that test: check, doctor."""

from __future__ import annotations

from pathlib import Path

import click

from grokbench.cli.verbs import OK, SOME_FAILED, cli, include_files, print_json, show_items


@cli.command()
@click.argument("target", metavar="FILE|NAME")
@click.option("--include", multiple=True, metavar="FILE.py", help="Run this file first: your own tasks and learners.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def check(target: str, include, as_json: bool) -> int:
    """The laws of the protocol on a learner or a task.

    It may be built in or your own.
    """
    from grokbench.cli.catalogue import check_target

    include_files(include)
    laws = check_target(target)
    if as_json:
        print_json(
            [{"subject": subject, "law": law.name, "status": law.status, "detail": law.detail} for subject, law in laws]
        )
    else:
        show_items([(f"{subject}: {law.name}", law.status, law.detail) for subject, law in laws])
    return SOME_FAILED if any(law.status == "failed" for _, law in laws) else OK


@cli.command()
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Folder whose write access is tried.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def doctor(results: Path, as_json: bool) -> int:
    """Versions, threads, BLAS, write access, and a self-test.

    The self-test takes a few seconds.
    """
    from grokbench.cli.doctor import examine

    items = examine(results)
    if as_json:
        print_json([{"item": item, "status": status, "detail": detail} for item, status, detail in items])
    else:
        show_items(items)
    return SOME_FAILED if any(status == "failed" for _, status, _ in items) else OK
