"""The runs of a result set that keeps them in one archive, as those that are published do."""

from __future__ import annotations

import contextlib
import tarfile
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from grokbench.errors import UsageError
from grokbench.limits import LARGEST_ARCHIVE
from grokbench.runs.files import is_file, is_folder
from grokbench.runs.store import Store

ARCHIVE = "runs.tar.xz"


@contextlib.contextmanager
def with_runs(folder: Path) -> Iterator[Path]:
    """A result set whose runs can be read: itself, or a copy with the runs of its archive, gone afterwards.

    One that has neither is handed out as it is. Raises UsageError for an archive that is too large, leads out of its
    folder or is none.
    """
    if (is_folder(folder / "runs") and Store(folder).keys()) or not is_file(folder / ARCHIVE):
        yield folder
        return
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / folder.resolve().name
        copy.mkdir()
        for name in ("suite.json", "grokbench.json"):
            if is_file(folder / name):
                (copy / name).write_bytes((folder / name).read_bytes())
        _unpack(folder / ARCHIVE, copy)
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            yield copy
    for warning in heard:  # of a copy that is gone, a path would mislead
        text, moved, _ = str(warning.message).partition("; moved to ")
        warnings.warn(f"{folder / ARCHIVE}: {text}{'; it is left out' if moved else ''}", stacklevel=2)


def _unpack(path: Path, place: Path) -> None:
    try:
        with tarfile.open(path) as archive:
            archive.extractall(place, members=_bounded(archive), filter="data")
    except Exception as error:  # of the system, of tar, and of each way to compress its own
        raise UsageError(f"{path}: cannot be unpacked: {error}") from error


def _bounded(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The files of an archive, as long as they are not larger together than any archive of runs."""
    size = 0
    for member in archive:
        size += member.size
        if size > LARGEST_ARCHIVE:
            raise tarfile.TarError(f"more than {LARGEST_ARCHIVE:,} bytes")
        if member.isfile() or member.isdir():
            yield member
