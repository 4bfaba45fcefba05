"""A file that may be compressed, opened without being unpacked further than a bound: a kilobyte can hold a terabyte."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from grokbench.errors import UsageError
from grokbench.limits import LARGEST_LOG

OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".lzma": lzma.open}
MAGIC = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
DAMAGED = (lzma.LZMAError, zlib.error)  # what reading a damaged file raises, besides OSError and EOFError


@contextlib.contextmanager
def opened(path: Path, most: int) -> Iterator[BinaryIO]:
    """A log's bytes, in a file that can be read again from its beginning.

    most : bytes, of a compressed log once it is unpacked.

    Raises UsageError for a log that is larger; OSError, EOFError and those of `DAMAGED` for one that cannot be read.
    """
    size = path.stat().st_size
    if size > LARGEST_LOG:
        raise UsageError(f"{path}: larger than any log ({size:,} bytes; at most {LARGEST_LOG:,})")
    opener = _opener(path)
    if opener is None:
        with open(path, "rb") as file:
            yield file
        return
    with opener(path, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise UsageError(f"{path}: unpacked it is larger than {most:,} bytes; unpack it first, and take what is needed")
    yield io.BytesIO(content)


def whole(path: Path, most: int) -> bytes:
    """All bytes of a log that is read as a whole; UsageError for one of more than ``most`` bytes."""
    with opened(path, most) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise UsageError(f"{path}: larger than what is read as a whole (at most {most:,} bytes); write it as CSV")
    return content


def head_of(path: Path, length: int = 512) -> bytes:
    """The first bytes of a log, unpacked; those of the file where it cannot be unpacked."""
    opener = _opener(path) or open
    try:
        with opener(path, "rb") as file:
            return file.read(length)
    except (EOFError, OSError, *DAMAGED):
        return b""


def _opener(path: Path):
    """How a compressed file is opened, by its name or by its first bytes; None for one that is not compressed."""
    if path.suffix.lower() in OPENERS:
        return OPENERS[path.suffix.lower()]
    with open(path, "rb") as file:
        head = file.read(6)
    return next((opener for magic, opener in MAGIC.items() if head.startswith(magic)), None)
