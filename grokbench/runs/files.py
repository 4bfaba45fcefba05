"""Files and folders of a results folder, opened so that no link leads out of it.

What lies in a results folder may come from anyone. Its files are opened without following a link at the last step;
folders within it are opened one below the other, so that none on the way can be one either.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from grokbench.errors import UsageError

NO_LINK = getattr(os, "O_NOFOLLOW", 0)
NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # for the writer of a pipe


def is_folder(path: Path) -> bool:
    """True for a folder, False for a link to one as for everything else."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def is_file(path: Path) -> bool:
    """True for a file, False for a link to one, which could lead out of a results folder."""
    return path.is_file() and not path.is_symlink()


def make_folder(path: Path) -> Path:
    """A folder within a results folder, made where it is missing; UsageError for a link, and for what is none."""
    try:
        with contextlib.suppress(FileExistsError):
            path.mkdir()
    except OSError as error:
        raise UsageError(f"{path}: cannot be made: {error.strerror or error}") from error
    if not is_folder(path):
        raise UsageError(f"{path}: expected a folder there, and no link")
    return path


@contextlib.contextmanager
def opened_folder(name: str | Path, within: int | None = None) -> Iterator[int]:
    """A folder as a file descriptor; OSError for a link and for what is none.

    within : the descriptor of the folder that `name` is in; None for a path.
    """
    file = os.open(name, os.O_RDONLY | os.O_DIRECTORY | NO_LINK, dir_fd=within)
    try:
        yield file
    finally:
        os.close(file)


def open_regular(name: str | Path, within: int | None = None) -> TextIO:
    """A file, opened to be read as text; OSError for a folder, for a pipe or a device, on which reading could last for
    ever, and for a link, which could lead out of the results folder.

    within : the descriptor of the folder that `name` is in; None for a path.
    """
    try:
        file = os.open(name, os.O_RDONLY | NO_LINK | NO_WAIT, dir_fd=within)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO):
            raise OSError(errno.EINVAL, f"{Path(name).name} is not a regular file") from error
        raise
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, f"{Path(name).name} is not a regular file")
    return open(file, encoding="utf-8")
