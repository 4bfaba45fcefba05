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
ARCHIVES = (".zip", ".tar", ".tgz", ".zst", ".7z", ".rar", ".parquet", ".feather", ".pkl", ".pickle", ".npz")
DAMAGED = (lzma.LZMAError, zlib.error)  # what reading a damaged file raises, besides OSError and EOFError


@contextlib.contextmanager
def opened(path: Path, most: int) -> Iterator[BinaryIO]:
    """A log's bytes, in a file that can be read again from its beginning.

    most : bytes, of a compressed log once it is unpacked.

    Raises UsageError for a log that is larger, or whose form is none that is read; OSError, EOFError and those of
    `DAMAGED` for one that cannot be read.
    """
    size = path.stat().st_size
    if size > LARGEST_LOG:
        raise UsageError(f"{path}: larger than any log ({size:,} bytes; at most {LARGEST_LOG:,})")
    if path.suffix.lower() in ARCHIVES:
        raise UsageError(f"{path}: expected a CSV table, plain or as .gz, .bz2 or .xz; unpack it first")
    opener = OPENERS.get(path.suffix.lower())
    if opener is None:
        with open(path, "rb") as file:
            yield file
        return
    with opener(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise UsageError(f"{path}: unpacked it is larger than {most:,} bytes; unpack it first, and take what is needed")
    yield io.BytesIO(data)
