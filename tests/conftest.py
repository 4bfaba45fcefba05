"""What tests of several rooms share: registries as they were, suites from text, the command line in this process."""

import contextlib
import os
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

from grokbench import cli
from grokbench.allowed import allow_only, allowed
from grokbench.registry import REGISTRIES
from grokbench.report import draw

TESTS = Path(__file__).parent
SABOTEURS = TESTS / "runs" / "support_saboteurs.py"
NOT_QUICK = ("slow", "faults", "fuzz")
SLOW_FIXTURES = {"sabotage", "cluster", "sleepers", "with_figures"}  # processes by the dozen, or pictures
SLOW_FILES = (  # whole; tests/test_repository.py holds that they are there
    "fuzz/test_finds.py",
    "measures/test_in_runs.py",
    "studies/test_mechanisms.py",
    "studies/test_qualification.py",
    "studies/test_simulated_suites.py",
    "verdicts/test_invariance.py",
)
settings.register_profile("full", max_examples=5000, print_blob=True)
# an assertion that fails in a support module shows its values, as one in a test does
pytest.register_assert_rewrite(*(path.stem for path in TESTS.rglob("support_*.py") if path != SABOTEURS))


def pytest_addoption(parser):
    """``python -m pytest tests/faults --full``, and the same for tests/fuzz."""
    parser.addoption("--full", action="store_true", help="Faults and damaged input as often as the documentation says.")


@pytest.hookimpl(tryfirst=True)  # before xdist chooses
def pytest_cmdline_main(config):
    """With ``-n``, tests of a file stay in one process until another has nothing left: what they share is made once."""
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "worksteal"


def pytest_configure(config):
    """Settled before the tests are read: how many examples a property gets, and that most reports have no figures."""
    os.environ[draw.SWITCH] = "0"  # they take seconds each; see `with_figures`
    if config.getoption("--full"):
        settings.load_profile("full")


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items):
    """Quick is every test that no marker takes out, so that a new one belongs to it."""
    for item in items:
        if SLOW_FIXTURES & set(item.fixturenames) or str(item.path.relative_to(TESTS).as_posix()) in SLOW_FILES:
            item.add_marker("slow")
        if not any(item.get_closest_marker(name) for name in NOT_QUICK):
            item.add_marker("quick")


def pytest_terminal_summary(terminalreporter, config):
    """After ``-m quick``: the ten that took longest, if a second or more, since they may have to be marked slow."""
    if config.option.markexpr != "quick":
        return
    seconds = Counter()
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        seconds[getattr(report, "nodeid", "")] += getattr(report, "duration", 0)
    for nodeid, total in seconds.most_common(10):
        if total >= 1 and nodeid:
            terminalreporter.write_line(f"not so quick: {total:.1f} s {nodeid}")


@pytest.fixture(scope="module")
def with_figures():
    """Reports of this file's tests have figures and a page, as they have for a user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(draw.SWITCH)
        yield


@pytest.fixture(autouse=True)
def numpy_warns():
    """lifelines switches numpy's warnings off for the whole process: no test may depend on what ran before it."""
    with np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"):
        yield


@cache
def hold_to_one_thread(loaded: frozenset) -> None:
    """What is loaded by now does its numerical work on one thread; once for every set of `loaded` libraries."""
    threadpool_limits(limits=1)
    if "torch" in loaded:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(autouse=True)
def one_thread_in_a_test():
    """Small matrices on all cores cost up to 30 times their time on one, and more where tests run side by side.

    No environment variable is set: processes that a test starts get their one thread from the package, or do not.
    """
    hold_to_one_thread(frozenset({"scipy.linalg", "sklearn", "torch", "xgboost"} & sys.modules.keys()))


@contextlib.contextmanager
def registries_kept():
    """What is registered or allowed meanwhile, by including a file or directly, is gone afterwards."""
    kept = {registry: {name: registry[name] for name in registry.names()} for registry in REGISTRIES}
    packages = allowed()
    yield
    allow_only(packages)
    for registry, classes in kept.items():
        registry._classes.clear()
        registry._classes.update(classes)
    for module in [name for name in sys.modules if name.startswith("grokbench_included_")]:
        del sys.modules[module]


@pytest.fixture(autouse=True, scope="module")
def registries_as_they_were():
    """What the fixtures of a file register is gone where the next file begins."""
    with registries_kept():
        yield


@pytest.fixture(autouse=True)
def registries_as_they_were_before(registries_as_they_were):
    """What a test registers is gone after it."""
    with registries_kept():
        yield


@pytest.fixture
def write_suite(tmp_path):
    """A suite file from its text."""

    def write(text: str, name: str = "suite") -> Path:
        path = tmp_path / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def grokbench(capsys):
    """The command line in this process: (exit status, stdout, stderr)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit_:
            cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return exit_.value.code, out, err

    return call
