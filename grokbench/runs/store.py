"""The store: one folder per run, written whole or not at all, read without trusting it.

``runs/<key>/run.json`` holds the configuration, status and facts of a run, ``runs/<key>/curve.csv``
its checkpoints. A folder appears by one rename; nothing in it is ever unpickled or evaluated. A folder
that does not check out is moved to ``quarantine/`` with a message, never used and never deleted. What is not ours,
by the marker of the results folder and by its own name and files, is left where it is. No link is followed.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import hashlib
import io
import json
import math
import os
import re
import uuid
import warnings
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

from grokbench.curves.curve import Curve
from grokbench.curves.run import STATUSES, Run
from grokbench.curves.trace import COLUMNS
from grokbench.errors import UsageError
from grokbench.limits import LARGEST_CURVE, LARGEST_RECORD
from grokbench.options import digest
from grokbench.runs.files import is_folder, open_regular, opened_folder
from grokbench.runs.folder import CONTENT, KEY, MARKER, is_marked, is_somebody_elses, remove_run, require_ours
from grokbench.runs.record import FORMAT, check_curve, check_format, check_record

LEFTOVER = re.compile(r"\.[0-9a-f]{20}-(old-)?[0-9a-f]{8}\Z")
SYSTEM = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EACCES, errno.ESTALE)


class Store:
    """The runs of a results folder.

    Parameters
    ----------
    results : the results folder. It is made on the first write.

    Every method raises UsageError for a folder that is somebody else's (`grokbench.runs.folder`).
    """

    def __init__(self, results: str | Path):
        self.results = Path(results)
        self.runs = self.results / "runs"
        self._ours = False

    def _require_ours(self) -> None:
        """UsageError for a folder of somebody else's; once it has been found ours, for runs/ that is a link."""
        if not self._ours or (os.path.lexists(self.runs) and not is_folder(self.runs)):
            require_ours(self.results)
            self._ours = self.results.is_dir()

    def prepare(self) -> None:
        """Make the folder, and try to write there. Raises UsageError where runs cannot be stored."""
        try:
            self._make()
            probe = self.runs / f".probe-{uuid.uuid4().hex}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise UsageError(f"{self.results}: cannot store results there: {error.strerror or error}") from error

    def _make(self) -> None:
        claim(self.results)
        self.runs.mkdir(exist_ok=True)
        self._require_ours()

    def keys(self) -> list[str]:
        """Keys of all stored runs, sorted. What else lies there is not ours."""
        self._require_ours()
        try:
            return sorted(name for name in os.listdir(self.runs) if KEY.fullmatch(name))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def status(self, key: str) -> str | None:
        """Status of a stored run, or None. A run that does not check out is put aside."""
        self._require_ours()
        run = self.read(key) if os.path.lexists(self.runs / key) else None
        return run.status if run else None

    def stamp(self, key: str) -> tuple[int, int] | None:
        """What changes whenever the run is stored again: inode and time in ns; None where it is not stored."""
        if not (is_folder(self.runs) and is_folder(self.runs / key)):
            return None
        try:
            status = os.lstat(self.runs / key / "run.json")
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns

    def read(self, key: str) -> Run | None:
        """A stored run; None where there is none that checks out. What does not is put in quarantine with a warning.

        Raises UsageError where the system cannot read at all, which says nothing about the run, and for a run that a
        newer grokbench has stored.
        """
        self._require_ours()
        try:
            text, curve = self._texts(key)
            content = json.loads(text)
            check_format(content, self.runs / key, intact=_is_sealed(content))
            record = _checked(content, key, curve)
            return Run(record, Curve.of(_parse_curve(curve), record))
        except OSError as error:
            if error.errno in SYSTEM:
                raise UsageError(f"{self.runs / key}: cannot be read: {error.strerror}") from error
            self._quarantine(key, error)
        except (
            *(ValueError, LookupError, TypeError, AttributeError),
            *(ArithmeticError, RecursionError, csv.Error),
        ) as error:
            self._quarantine(key, error)
        return None

    def _texts(self, key: str) -> tuple[str, str]:
        """The texts of run.json and curve.csv, read again if another process replaced the run between the two."""
        if os.path.islink(self.runs / key):
            raise OSError(errno.EINVAL, "a link, which could lead out of the results folder")
        while True:
            stamp = self.stamp(key)
            try:
                with opened_folder(self.runs) as runs, opened_folder(key, runs) as run:
                    record, curve = (("run.json", LARGEST_RECORD), ("curve.csv", LARGEST_CURVE))
                    texts = regular_text(*record, run), regular_text(*curve, run)
            except FileNotFoundError:
                if self.stamp(key) == stamp:
                    raise
            else:
                if self.stamp(key) == stamp:
                    return texts

    def read_all(self) -> Iterator[Run]:
        """All stored runs that check out, by key."""
        for key in self.keys():
            run = self.read(key)
            if run:
                yield run

    def write(self, run: Run) -> None:
        """Store a run that is over; an earlier one of its key is replaced. Raises UsageError where it cannot be."""
        curve = curve_text(run.curve)
        record = sealed({**run.record, "format": FORMAT, "curve_sha256": hashlib.sha256(curve.encode()).hexdigest()})
        folder = self.runs / run.key
        staging = self.runs / f".{run.key}-{uuid.uuid4().hex[:8]}"
        try:
            self._make()
            staging.mkdir()
            _write_durably(staging / "curve.csv", curve)
            _write_durably(staging / "run.json", json.dumps(record, indent=1, sort_keys=True) + "\n")
            _put_in_place(staging, folder)
        except OSError as error:
            raise UsageError(f"{folder}: cannot be written: {error.strerror or error}") from error
        finally:
            remove_run(staging)

    def leftovers(self) -> list[str]:
        """Folders .KEY-old-X or .KEY-X of processes that are storing now, or were killed while they stored."""
        try:
            return sorted(n for n in os.listdir(self.runs) if LEFTOVER.match(n) and is_folder(self.runs / n))
        except OSError:
            return []

    def clear_up(self, key: str, name: str) -> None:
        """Remove a leftover folder of a run; an earlier run that had made room for one that never came is put back."""
        if name.startswith(f".{key}-old-") and not os.path.lexists(self.runs / key):
            os.rename(self.runs / name, self.runs / key)
        else:
            remove_run(self.runs / name)

    def _refuse_newer(self, key: str) -> None:
        """UsageError where a run was stored by a newer grokbench, whatever else of it this one cannot read."""
        if not os.path.islink(self.runs / key):
            with contextlib.suppress(OSError, ValueError, RecursionError):
                content = json.loads(regular_text(self.runs / key / "run.json", LARGEST_RECORD))
                check_format(content, self.runs / key, intact=_is_sealed(content))

    def _quarantine(self, key: str, error: Exception) -> None:
        self._refuse_newer(key)
        if is_folder(self.runs / key) and is_somebody_elses(self.runs / key):
            reason = "is none of grokbench's files, and is left where it is"
            warnings.warn(f"run {key} does not check out ({_reason(error)}): it {reason}", stacklevel=3)
            return
        name = f"{key}-{uuid.uuid4().hex[:8]}"
        # the second for runs/ on a file system of its own: a rename does not lead out of it
        for target in (self.results / "quarantine" / name, self.runs / f".quarantine.{name}"):
            try:
                target.parent.mkdir(exist_ok=True)
                if not is_folder(target.parent):
                    continue  # a link would lead out of the results folder
                os.rename(self.runs / key, target)
            except FileNotFoundError:
                return  # another process was faster
            except OSError:
                continue
            warnings.warn(f"run {key} does not check out ({_reason(error)}); moved to {target}", stacklevel=3)
            return
        warnings.warn(
            f"run {key} does not check out ({_reason(error)}); it is not used, and could not be moved", stacklevel=3
        )


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"


def regular_text(path: str | Path, most: int, within: int | None = None) -> str:
    """The text of a file of at most `most` bytes; see `open_regular` for `within`.

    OSError for a larger one, for a folder, a pipe, a device and a link.
    """
    with open_regular(path, within) as file:
        if os.fstat(file.fileno()).st_size <= most:
            return file.read()
    raise OSError(errno.EFBIG, f"{Path(path).name} is larger than any that was stored (at most {most:,} bytes)")


def sealed(record: dict) -> dict:
    """A record with the hash of all its other fields: one that was edited does not check out."""
    content = {name: value for name, value in record.items() if name != "record_sha256"}
    text = json.dumps(content, sort_keys=True)
    return {**content, "record_sha256": hashlib.sha256(text.encode()).hexdigest()}


def _is_sealed(content: object) -> bool:
    """Whether a record, of whatever format, has the hash of its other fields: all formats are sealed alike."""
    return isinstance(content, dict) and sealed(content) == content


def _checked(record: dict, key: str, curve: str) -> dict:
    if record["key"] != key or digest(record["config"]) != key:
        raise ValueError("run.json belongs to another configuration")
    if record["status"] not in STATUSES:
        raise ValueError(f"unknown status {record['status']!r}")
    if record["curve_sha256"] != hashlib.sha256(curve.encode()).hexdigest():
        raise ValueError("curve.csv is not the one that was stored")
    if record["record_sha256"] != sealed(record)["record_sha256"]:
        raise ValueError("run.json is not the one that was stored")
    check_record(record)
    return record


def curve_text(curve: Curve) -> str:
    """A curve as CSV text: the columns of every curve, then its measures, ten digits a number, none for NaN."""
    names = [*COLUMNS, *(name for name in curve.columns if name not in COLUMNS)]
    columns = [map(_number_text, curve.column(name).tolist()) for name in names]
    return "\n".join([",".join(names), *map(",".join, zip(*columns, strict=True))]) + "\n"


def _number_text(value: float) -> str:
    return "" if math.isnan(value) else format(value, ".10g")


def _parse_curve(text: str) -> dict[str, array]:
    """Name -> (checkpoints,) numbers. ValueError for a text that `curve_text` cannot have made."""
    header, *lines = csv.reader(io.StringIO(text))
    columns = zip(*lines, strict=True) if lines else [()] * len(header)
    # arrays hold a number in 8 bytes, lists of floats in 32: a report has the curves of a whole suite in memory
    numbers = ((float(value) if value else math.nan for value in column) for column in columns)
    parsed = {name: array("d", values) for name, values in zip(header, numbers, strict=True)}
    check_curve(header, parsed)
    return parsed


def _put_in_place(staging: Path, folder: Path) -> None:
    """By renames alone; an earlier run, or one that another process has just stored, makes room."""
    while staging.exists():
        if is_somebody_elses(folder):
            raise OSError(errno.EEXIST, "what lies there is no run of grokbench; move it away")
        old = folder.with_name(f".{folder.name}-old-{uuid.uuid4().hex[:8]}")
        with contextlib.suppress(FileNotFoundError):
            os.rename(folder, old)
        try:
            os.rename(staging, folder)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
        finally:
            remove_run(old)


def claim(results: Path, option: str = "--results") -> None:
    """Make a results folder, or make sure that it is ours, and see to it that it says so.

    option : the one that names another folder.

    Raises UsageError for a folder that is somebody else's, OSError where it cannot be written.
    """
    if not results.is_dir():
        results.mkdir(parents=True, exist_ok=True)
    require_ours(results, option)
    if not is_marked(results):
        write_atomically(results / MARKER, json.dumps(CONTENT, indent=1) + "\n")


def _write_durably(path: Path, content: str | bytes | Iterable[str]) -> None:
    plain = {"encoding": "utf-8", "newline": ""}
    is_bytes = isinstance(content, bytes)
    with open(
        path, "xb" if is_bytes else "x", **({} if is_bytes else plain)
    ) as file:  # nothing that is there, nor what it leads to
        file.writelines([content] if isinstance(content, str | bytes) else content)
        file.flush()
        os.fsync(file.fileno())


def write_atomically(path: Path, content: str | bytes | Iterable[str]) -> None:
    """Replace a derived file by one rename, so that it is the old one or the new one, never half.

    A link in its place is replaced, and what it leads to stays as it is.

    content : the whole of it, or the pieces of a text, which are written as they come.
    """
    staging = path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}")
    try:
        _write_durably(staging, content)
        os.replace(staging, path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            staging.unlink()
