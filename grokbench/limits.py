"""The largest that is read or made: every bound on the size of what comes from others stands here.

What is larger is refused before it is read, or before memory is asked for. Each bound is well above anything real.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from grokbench.errors import OptionError

LARGEST_SUITE = 2**20  # bytes of a suite file; the largest shipped one has 3000
LARGEST_RECORD = 2**24  # bytes of run.json, whose traceback has at most 50,000 characters
LARGEST_CURVE = 2**27  # bytes of curve.csv; a thousand checkpoints of forty columns have half a megabyte
LARGEST_NOTE = 2**28  # bytes of suite.json, which names every run of a registered suite: a million have 50 MB
LARGEST_TABLE = 2**28  # bytes of a runs.csv that is read: one of 8,200 runs has 3 MB
LARGEST_ARCHIVE = 2**30  # bytes of all runs of an archive that a site unpacks; those of 1,800 runs have 42 MB
LARGEST_LOG = 2**31  # bytes of a training log
LARGEST_UNPACKED = 2**28  # bytes of a compressed log once it is unpacked
LARGEST_HEADER = 2**20  # bytes of the first line of a log
MOST_COLUMNS = 10_000  # of a log
MOST_NUMBERS = 100_000_000  # that a task holds in memory at a time: almost a gigabyte


def bounded_text(path: Path, most: int) -> str:
    """The text of a regular file; OSError for any other, and for one that is larger, before anything of it is read.

    most : bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
    with open(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, f"{path.name} is not a regular file")
        content = b"" if status.st_size > most else file.read(most + 1)
    if status.st_size > most or len(content) > most:
        raise OSError(errno.EFBIG, f"{path.name} is larger than any that was stored (at most {most:,} bytes)")
    return content.decode("utf-8")


def check_size(option: str, value: int, numbers: Callable[[int], int]) -> None:
    """OptionError for a task that would hold more than `MOST_NUMBERS` numbers at a time.

    option, value : what has to be smaller.
    numbers : of a value of the option, the size of the largest array that the task makes.
    """
    if numbers(value) <= MOST_NUMBERS:
        return
    fits, too_many = 0, value
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        fits, too_many = (middle, too_many) if numbers(middle) <= MOST_NUMBERS else (fits, middle)
    raise OptionError(option, value, f"at most {fits}: a task holds at most {MOST_NUMBERS:,} numbers at a time")
