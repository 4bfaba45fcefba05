"""The verb that publishes results: site."""

from __future__ import annotations

from pathlib import Path

import click

from grokbench.cli.screen import say
from grokbench.cli.values import NAME, PATH
from grokbench.cli.verbs import OK, cli, include_files
from grokbench.errors import one_line

DOCS = Path("docs")


@cli.command()
@click.argument("results", type=PATH, nargs=-1, required=True)
@click.option("--out", type=PATH, required=True, metavar="DIR", help="The folder of the site.")
@click.option(
    "--docs",
    type=PATH,
    metavar="DIR",
    help="A folder of Markdown files that become pages, too.  [default: docs, where it has definitions.md]",
)
@click.option("--include", type=NAME, multiple=True, metavar="FILE.py", help="Run this file first: your own tables.")
@click.option("--quiet", is_flag=True, help="Nothing on the screen.")
def site(results: tuple[Path, ...], out: Path, docs: Path | None, include, quiet: bool) -> int:
    """Write the pages of result sets as a folder for any static host.

    RESULTS are results folders, or folders of them, such as results/reference. DIR is made, or was made by this verb.
    """
    from grokbench.report.site import write_site

    include_files(include)
    docs = docs or (DOCS if (DOCS / "definitions.md").is_file() else None)
    written = write_site(results, out, docs, tell=None if quiet else lambda line: say(one_line(line)))
    if not quiet:
        click.echo(one_line(f"{len(written)} files in {out}; open {out / 'index.html'}"))
    return OK
