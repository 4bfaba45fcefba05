"""The group of verbs, and what all verbs share: exit statuses, messages, JSON."""

from __future__ import annotations

import json
import math

import click

import grokbench
from grokbench.cli.screen import say
from grokbench.errors import UsageError, closest, one_line

OK, SOME_FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
ORDER = ("compare", "run", "report", "diff", "detect", "site", "list", "show", "check", "doctor")


class ReaderGone(Exception):
    """Nobody reads our output any more. Click would end the process for it, with the status of a failed run."""


class Verbs(click.Group):
    """A group that names the closest verb for a misspelt one."""

    def invoke(self, ctx):
        """Click's, with a name of our own for a pipe that is broken."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGone from error

    def resolve_command(self, ctx, args):
        """Click's, with our one-line error."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise UsageError(f"no verb {args[0]!r}{closest(args[0], self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx) -> list[str]:
        """Verbs in the order in which one needs them, not of the alphabet."""
        return sorted(self.commands, key=ORDER.index)


@click.group(
    cls=Verbs,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(grokbench.__version__, message="grokbench %(version)s")
@click.pass_context
def cli(context: click.Context) -> int:
    """Which learners grok? One harness, one clock rule and one definition for every family.

    Start with: python -m grokbench compare
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
    return USAGE


def complain(message: str, status: int) -> int:
    """One line on stderr; returns the status, to be returned."""
    say(f"grokbench: {message}")
    return status


allow_option = click.option(
    "--allow",
    "allowed",
    multiple=True,
    metavar="PACKAGE",
    help="Let the learner `estimator` take classes of this installed package, too.  [default: only scikit-learn's]",
)


def include_files(paths: tuple[str, ...], allowed: tuple[str, ...] = ()) -> None:
    """Follow ``--allow``, then run the files of ``--include``."""
    from grokbench.allowed import allow
    from grokbench.registry import include

    try:
        allow(*allowed)
    except UsageError as error:
        raise UsageError(f"--{error}") from error
    for path in paths:
        try:
            include(path)
        except UsageError as error:
            raise UsageError(f"--include {error}") from error


def show_items(items: list[tuple[str, str, str]]) -> None:
    """One line per (item, status, detail)."""
    for item, status, detail in items:
        click.echo(one_line(f"{status:<14} {item}" + (f" - {detail}" if detail else ""), 2000))


def print_json(value: object) -> None:
    """`value` as JSON; what is undefined or infinite is null."""
    click.echo(json.dumps(_plain(value), indent=1))


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
