"""Where code could come from: nothing that is read is unpickled or evaluated, and `--include` says what it does."""

import ast
from pathlib import Path

import pytest

import grokbench
from grokbench.cli import cli

PACKAGE = Path(grokbench.__file__).parent
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml", "runpy", "code", "codeop"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "read_pickle", "unsafe_load", "exec_module", "loads_pickle"}
EXCEPTIONS = {
    ("laws.py", "pickle"),  # dumps only: the state of a random generator as bytes, to see whether it changed
    ("registry.py", "exec_module"),  # --include
}


def suspects(path: Path) -> set[str]:
    """Names of what could run data as code, as far as a module mentions them."""
    forbidden = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            forbidden |= {alias.name.split(".")[0] for alias in node.names} & FORBIDDEN_MODULES
        elif isinstance(node, ast.ImportFrom):
            forbidden |= {(node.module or "").split(".")[0]} & FORBIDDEN_MODULES
        elif isinstance(node, ast.Call):
            called = node.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            is_method_of_re = isinstance(called, ast.Attribute) and getattr(called.value, "id", "") == "re"
            forbidden |= {name} & FORBIDDEN_CALLS if not is_method_of_re else set()
            if any(keyword.arg in ("allow_pickle", "shell") for keyword in node.keywords):
                forbidden.add("allow_pickle or shell")
    return forbidden


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_that_is_read_is_executed(path):
    name = str(path.relative_to(PACKAGE))
    assert {(name, word) for word in suspects(path)} <= EXCEPTIONS


def test_the_exceptions_are_what_they_are_said_to_be():
    assert "pickle.load" not in (PACKAGE / "laws.py").read_text(encoding="utf-8")
    assert suspects(PACKAGE / "registry.py") == {"exec_module"}


def test_the_search_finds_what_it_is_for(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text("import pickle\nfrom yaml import load\neval('1')\nnp.load(f, allow_pickle=True)\nre.compile('a')\n")
    assert suspects(path) == {"pickle", "yaml", "eval", "allow_pickle or shell"}


def test_every_verb_says_that_an_included_file_is_run():
    helps = {
        verb: parameter.help
        for verb, command in cli.commands.items()
        for parameter in command.params
        if parameter.name == "include"
    }
    assert {"compare", "run", "list", "show", "check"} <= set(helps)
    for verb, text in helps.items():
        assert "run" in text.lower().split(), (verb, text)
