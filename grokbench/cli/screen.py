"""Where the command line writes while it works: streams that may be closed, full or broken, and never end a suite.

What is written here is worth less than the runs that it tells of. A line that nobody takes is left out.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from typing import TextIO

from grokbench.errors import one_line

PATIENCE_SECONDS = 1.0  # for a reader that is behind; then lines are left out until it goes on


def open_missing_streams() -> None:
    """Give a process that was started without standard streams (``2>&-``) some that lead nowhere.

    Otherwise the next file that is opened takes the place of one, and what is printed is written into it.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False))  # noqa: SIM115


class Screen(io.TextIOBase):
    """A text stream over another one, on which writing neither raises nor waits for long.

    Parameters
    ----------
    stream : what is written to, such as `sys.stderr`.

    Attributes
    ----------
    lost : number of pieces of text that nobody took.
    """

    def __init__(self, stream: TextIO):
        self.stream, self.lost, self._patience = stream, 0, PATIENCE_SECONDS

    @property
    def encoding(self) -> str:
        """That of the stream."""
        return getattr(self.stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        with contextlib.suppress(OSError, ValueError):
            return self.stream.isatty()
        return False

    def fileno(self) -> int:
        """The number of the stream's file. Raises OSError where it has none."""
        return self.stream.fileno()

    def write(self, text: str) -> int:
        """Write a text, or leave it out."""
        try:
            if not self._ready():
                raise BlockingIOError
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):  # broken, full, closed
            self.lost += 1
        return len(text)

    def flush(self) -> None:
        """Nothing is left to do."""

    def line(self, text: str) -> None:
        """Write a text as one line of printable characters."""
        self.write(one_line(text) + "\n")

    def _ready(self) -> bool:
        """Whether the stream takes a line now; a file always does, and the reader of a pipe may have stopped."""
        try:
            number = self.stream.fileno()
        except (OSError, ValueError, AttributeError):
            return not getattr(self.stream, "closed", False)
        ready = bool(select.select([], [number], [], self._patience)[1])
        self._patience = PATIENCE_SECONDS if ready else 0.0
        return ready


def say(text: str) -> None:
    """One line on stderr, whatever has become of it."""
    Screen(sys.stderr).line(text)
