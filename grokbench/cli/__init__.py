"""The command line: the only room that prints and exits.

Exit status: 0 all done; 1 some run failed, crashed or timed out, or a check failed; 2 usage or
configuration, in one line; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import warnings

import click

from grokbench.cli import checking, detecting, differing, looking, publishing, suites  # noqa: F401  (each registers its verbs)
from grokbench.cli.screen import open_missing_streams, say
from grokbench.cli.verbs import INTERRUPTED, OK, USAGE, ReaderGone, cli, complain
from grokbench.errors import UsageError


def main(arguments: list[str] | None = None) -> None:
    """Run a command line and exit with its status; a user's mistake is one line on stderr."""
    open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that cannot show a character gets its number
            stream.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        sys.exit(_status(arguments))


def _status(arguments: list[str] | None) -> int:
    try:
        status = cli.main(arguments, prog_name="grokbench", standalone_mode=False)
    except UsageError as error:
        status = complain(str(error), USAGE)
    except click.ClickException as error:
        status = complain(error.format_message(), USAGE)
    except (click.Abort, KeyboardInterrupt):
        status = complain("interrupted", INTERRUPTED)
    except ReaderGone:  # as `| head` does
        _abandon_output()
        status = OK
    except OSError as error:  # a name too long, a folder that may not be entered, a disk that is full
        status = complain(f"{error.filename or 'system error'}: {error.strerror or error}", USAGE)
    return status or OK


def _abandon_output() -> None:
    """Send what is still to be written nowhere, so that no complaint follows at the end of the interpreter."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _show_warning(message, *where, **how) -> None:
    """A warning as one line: what is wrong with a stored run matters, our line of code does not."""
    say(f"grokbench: warning: {message}")
