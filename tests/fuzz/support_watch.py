"""Run a command line in this process and hold it to the contract: status, readable lines, no hang, no code, no escape.

An audit hook of the interpreter watches what the command does: it may write inside its results folder only, and
may not start processes, open sockets, unpickle, or execute code that was not there before.
"""

import io
import os
import signal
import sys
import tempfile
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import cache
from pathlib import Path

import support_folders

from grokbench import cli

STATUSES = (0, 1, 2, 130)
HANG_SECONDS = 60  # on a busy machine; a healthy input takes milliseconds
LONGEST_LINE = 1000
FORBIDDEN = ("pickle.", "subprocess.", "socket.connect", "os.system", "os.exec", "os.fork", "os.posix_spawn")
WRITING = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod")
WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Hang(BaseException):
    """The command did not end in time; no `except Exception` swallows it."""


class _Guard:
    """What an audit hook, which can never be removed, does while it is on."""

    def __init__(self):
        self.folder: Path | None = None
        self.broken: list[str] = []
        self.installed = False

    def hook(self, event: str, arguments: tuple) -> None:
        if self.folder is None:
            return
        folder, self.folder = self.folder, None  # what the checks below do is not watched
        try:
            wrong = _wrong(event, arguments, folder)
        finally:
            self.folder = folder
        if wrong:
            self.broken.append(wrong)


def _wrong(event: str, arguments: tuple, folder: Path) -> str:
    if event.startswith(FORBIDDEN):
        return f"{event}{arguments!r}"[:300]
    if event == "exec" and arguments[0].co_filename in ("<string>", "<stdin>"):
        return f"code was executed: {arguments[0]!r}"
    if event == "exec" and Path(arguments[0].co_filename).is_relative_to(folder):
        return f"a file of the input was executed: {arguments[0].co_filename}"
    touched = []
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITE_FLAGS:
        touched = [arguments[0]]
    elif event in WRITING:
        touched = arguments[: 2 if event in ("os.rename", "os.link") else 1]
    for path in touched:
        if isinstance(path, str | bytes | os.PathLike) and not _inside(Path(os.fsdecode(path)), folder):
            return f"{event} outside of the results folder: {path}"
    return ""


def _inside(path: Path, folder: Path) -> bool:
    """Whether the directory entry `path` lies in `folder`, links on the way resolved."""
    if path == Path(os.devnull):
        return True
    return (Path(os.path.realpath(path.parent)) / path.name).is_relative_to(os.path.realpath(folder))


_guard = _Guard()


@cache
def warm() -> None:
    """What is done once is done before anything is watched: imports, annotations read, the revision asked of git."""
    from grokbench.options import _adapter, options
    from grokbench.registry import learners, tasks

    for cls in (*learners.classes(), *tasks.classes()):
        for option in options(cls).values():
            _adapter(option.annotation)
    unwatched("compare", "smoke", "--dry-run", "--results", os.devnull)
    with tempfile.TemporaryDirectory() as folder:
        support_folders.fill(Path(folder))
        unwatched("report", folder)
        unwatched("detect", Path(folder) / "curves.csv")
        unwatched("compare", "smoke", "--seeds", 1, "--only", "kernel_flow", "--jobs", 0, "--results", folder)


@contextmanager
def guarded(folder: Path):
    """Within: writes stay in `folder`, nothing is executed, and it ends in time. AssertionError otherwise."""
    if not _guard.installed:
        sys.addaudithook(_guard.hook)
        _guard.installed = True
    _guard.broken = []

    def ring(number, frame):
        raise Hang(f"no end after {HANG_SECONDS} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, HANG_SECONDS)
    _guard.folder = folder
    try:
        yield
    finally:
        _guard.folder = None
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not _guard.broken, _guard.broken[:5]


def unwatched(*arguments: object) -> None:
    """A first time, on which modules are imported and annotations read."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), suppress(SystemExit):
        cli.main([str(argument) for argument in arguments])


def answer(folder: Path, *arguments: object) -> tuple[int, str, str]:
    """(status, stdout, stderr) of a command line that keeps the contract and writes to `folder` only."""
    warm()
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2))  # strict, as a pipe's is
    status = None
    with warnings.catch_warnings(), redirect_stdout(out), redirect_stderr(err):
        warnings.simplefilter("error")  # numpy's or pandas's warnings are no readable answer
        warnings.filterwarnings("always", message="run ")
        warnings.filterwarnings("always", message=".*suite.json")
        with guarded(folder):
            try:
                cli.main([str(argument) for argument in arguments])
            except SystemExit as end:
                status = end.code
        out.flush()
        err.flush()
    texts = tuple(stream.buffer.getvalue().decode("utf-8") for stream in (out, err))
    check_answer(status, *texts)
    return (status, *texts)


def check_answer(status: object, out: str, err: str) -> None:
    """The contract: a known status; complaints that are one printable line each; no traceback of ours."""
    assert status in STATUSES, status
    lines = err.split("\n")
    assert lines.pop() == ""
    for line in lines:
        assert line.isprintable(), line
        assert len(line) <= LONGEST_LINE, line
        assert line.startswith("grokbench: ") or line.startswith("["), line  # "[" begins the line of a finished run
    complaints = [line for line in lines if not line.startswith(("grokbench: warning: ", "["))]
    assert len(complaints) == (status != 0), err
    assert all(character.isprintable() or character == "\n" for character in out), out
    if status == 2:
        assert out == ""
