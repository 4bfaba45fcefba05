"""What tests of several rooms share: registries as they were, suites from text, the command line in this process."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from grokbench import cli
from grokbench.registry import REGISTRIES

settings.register_profile("full", max_examples=5000, print_blob=True)
SABOTEURS = Path(__file__).parent / "runs" / "support_saboteurs.py"


def pytest_addoption(parser):
    """``python -m pytest tests/faults --full``, and the same for tests/fuzz."""
    parser.addoption("--full", action="store_true", help="Faults and damaged input as often as the documentation says.")


def pytest_configure(config):
    """How many examples a property gets is settled before the tests are read."""
    if config.getoption("--full"):
        settings.load_profile("full")


@pytest.fixture(autouse=True)
def numpy_warns():
    """lifelines switches numpy's warnings off for the whole process: no test may depend on what ran before it."""
    with np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"):
        yield


@pytest.fixture(autouse=True)
def registries_as_they_were():
    """What a test registers, by including a file or directly, is gone afterwards."""
    kept = {registry: {name: registry[name] for name in registry.names()} for registry in REGISTRIES}
    yield
    for registry, classes in kept.items():
        registry._classes.clear()
        registry._classes.update(classes)
    for module in [name for name in sys.modules if name.startswith("grokbench_included_")]:
        del sys.modules[module]


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
