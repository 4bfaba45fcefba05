"""``--dask local:N``: nobody else on this machine can send it work, because there is nowhere to send it to."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from conftest import SABOTEURS
from support_processes import wait_until
from support_runs import ONE_TASK, Trigger, plan_of

from grokbench.errors import UsageError
from grokbench.registry import include
from grokbench.runs.cluster import execute_on_cluster
from grokbench.runs.execute import Interruption
from grokbench.runs.local_cluster import local_cluster
from grokbench.runs.process import Limits
from grokbench.runs.store import Store

pytestmark = pytest.mark.slow

SLEEPER = (
    ONE_TASK
    + """
[[learners]]
name = "sleeper"
seconds = 600.0
budget = 5
"""
)
CLIENT = """
import sys
from distributed import Client
try:
    print(Client(sys.argv[1], timeout=3).submit(int, "1").result(timeout=3))
except Exception as error:
    print(type(error).__name__)
"""


def open_doors() -> list[str]:
    """Sockets of this process and its children that somebody else could come in by."""
    doors = []
    me = psutil.Process()
    for process in [me, *me.children(recursive=True)]:
        for socket in process.net_connections(kind="all"):
            if socket.status == psutil.CONN_LISTEN:
                doors.append(f"{process.name()} {socket.laddr}")
            elif socket.family.name == "AF_UNIX" and socket.laddr and str(socket.laddr)[0] == "/":
                mode = os.stat(Path(str(socket.laddr)).parent).st_mode
                doors += [f"{process.name()} {socket.laddr}"] if stat.S_IMODE(mode) & 0o077 else []
    return doors


def test_it_opens_no_socket_and_a_client_finds_no_way_in():
    """Neither when it is started nor when it works; what a client sends by another process's names does not arrive."""
    bound = []
    sys.addaudithook(lambda event, arguments: bound.append(arguments) if event == "socket.bind" else None)
    before = open_doors()
    with local_cluster("local:2") as cluster:
        from distributed import Client

        addresses = [cluster.scheduler_address, *(worker.address for worker in cluster.workers.values())]
        with Client(cluster, set_as_default=False) as client:
            assert client.submit(sum, [1, 2]).result(timeout=30) == 3
            assert [door for door in open_doors() if door not in before] == []
            assert {address.partition("://")[0] for address in addresses} == {"inproc"}
            for address in addresses[:2]:
                command = [sys.executable, "-c", CLIENT, address]
                done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
                assert done.stdout.strip() in ("ValueError", "OSError"), done.stdout  # no such address here
    assert bound == []


def test_it_opens_none_while_runs_are_made(tmp_path):
    include(SABOTEURS)
    plan, alive = plan_of(SLEEPER.replace("600.0", "0.1"), tmp_path), []
    before = open_doors()
    look = Trigger(lambda: alive.append(open_doors()), after=1, at="started")
    with Interruption() as interruption:
        store = Store(tmp_path / "r")
        work = (list(plan.specs), store, look, interruption, "local:1", Limits(60.0), (str(SABOTEURS),))
        assert execute_on_cluster(*work)
    assert alive == [before]
    assert [run.status for run in store.read_all()] == ["done"] * len(plan.specs)


def test_what_it_started_ends_with_it():
    before = set(psutil.Process().children(recursive=True))
    with local_cluster("local:3"):
        pass
    wait_until(lambda: not set(psutil.Process().children(recursive=True)) - before, 30)


def test_the_command_killed_leaves_no_process(tmp_path):
    include(SABOTEURS)
    path = plan_of(SLEEPER, tmp_path).suite.path
    command = ["run", path, "--results", tmp_path / "r", "--dask", "local:1", "--include", SABOTEURS, "--quiet"]
    process = subprocess.Popen([sys.executable, "-m", "grokbench", *map(str, command)])
    started = psutil.Process(process.pid)
    wait_until(lambda: len(started.children(recursive=True)) >= 4, 60)  # foreman, tracker, fork server, run
    children = started.children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(lambda: not any(c.is_running() and c.status() != psutil.STATUS_ZOMBIE for c in children), 30)


@pytest.mark.parametrize("address", ["local:", "local:0", "local:-1", "local:two", "local:1.5", "local:2 "])
def test_another_number_is_refused(address):
    with pytest.raises(UsageError, match="such as local:2"), local_cluster(address):
        pass
