"""What keeps a run's process from being started."""

from multiprocessing import forkserver

import pytest

from grokbench.errors import UsageError
from grokbench.runs.process import _context


def test_a_temporary_folder_too_long_for_a_socket_is_named(monkeypatch):
    def refuse():
        raise OSError("AF_UNIX path too long")  # as socket.bind does, of a path beyond 107 bytes

    monkeypatch.setattr(forkserver, "ensure_running", refuse)
    with pytest.raises(UsageError, match="TMPDIR"):
        _context()
