"""The verbs that test: check, doctor."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from grokbench.cli.values import NAME, PATH
from grokbench.cli.verbs import OK, SOME_FAILED, allow_option, cli, include_files, print_json, show_items
from grokbench.errors import UsageError, closest
from grokbench.laws import Law
from grokbench.registry import REGISTRIES, include


@cli.command()
@click.argument("target", metavar="FILE|NAME")
@click.option(
    "--include", type=NAME, multiple=True, metavar="FILE.py", help="Run this file first: your own tasks and learners."
)
@allow_option
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def check(target: str, include, allowed, as_json: bool) -> int:
    """The laws of a learner, task, measure, table or explanation.

    It may be built in or your own.
    """
    include_files(include, allowed)
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
    type=PATH,
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


def check_target(target: str) -> list[tuple[str, Law]]:
    """(subject, law) of every law on a built-in name, or on all that a user's file registers."""
    if target.endswith(".py") or Path(target).is_file():
        classes = include(target)
        if not classes:
            raise UsageError(f"{target}: registers nothing (expected @grokbench.register_learner(NAME) or the like)")
    else:
        classes = [registry[target] for registry in REGISTRIES if target in registry]
        if not classes:
            kinds = ", ".join(registry.kind for registry in REGISTRIES[:-1])
            names = [name for registry in REGISTRIES for name in registry.names()]
            raise UsageError(f"no {kinds} or {REGISTRIES[-1].kind} {target!r}{closest(target, names)}")
    return [(cls.name, law) for cls in classes for law in _laws_of(cls)]


def _laws_of(cls: type) -> list[Law]:
    """The laws of the shelf on which a class stands, each of which has them in a module of its own."""
    registry = next(registry for registry in REGISTRIES if cls in registry.classes())
    return importlib.import_module(f"{registry.package}.laws").check(cls)
