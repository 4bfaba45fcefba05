"""Where the code of a class comes from, as a text that changes when the code does: part of a run's key.

Of a user's file it is the SHA-256 of what was executed, together with the local modules that it imports; of an
installed package its name and version. What is built in has none: its versions say when its results change.
Data files that the code reads are not part of it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.machinery
import importlib.util
import site
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from importlib.metadata import Distribution
from pathlib import Path

from grokbench.options import digest

MOST_FILES = 1000  # of local modules; a folder with more is no helper of a learner


class AsRead(importlib.machinery.SourceFileLoader):
    """A loader that runs the text that was read, and no compiled file of an earlier one."""

    def __init__(self, name: str, path: Path):
        super().__init__(name, str(path))
        self.text = path.read_bytes()

    def get_code(self, fullname):
        """Of the text."""
        return self.source_to_code(self.text, self.path)

    @property
    def hash(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text).hexdigest()


def of_module(name: str) -> str:
    """The source of a module that is imported: "" for one of grokbench, and for one without a file."""
    module = sys.modules.get(name)
    loader = getattr(module, "__loader__", None)
    path = getattr(module, "__file__", None)
    if name.split(".")[0] == "grokbench" or path is None or not path.endswith(".py"):
        return ""
    if isinstance(loader, AsRead):
        return _with_imports(loader.text, name)
    return _with_imports(Path(path).read_bytes(), name) if Path(path).is_file() else ""


def of_class(cls: type, module: str) -> str:
    """The source of a class that a module has registered, and of its bases where they come from other local files."""
    bases = {base.__module__ for base in cls.__mro__} - {module}
    others = {of_module(name) for name in bases if _is_local_module(name)}
    own = of_module(module)
    return digest([own, sorted(others)], 64) if own and others - {""} else own


def of_distribution(distribution: Distribution | None, module: str) -> str:
    """Name and version of an installed package, and the source of the class's module if that is a checkout."""
    named = "" if distribution is None else f"{distribution.name}=={distribution.version}"
    checkout = of_module(module) if _is_local_module(module) else ""
    return " ".join(filter(None, (named, checkout)))


def _with_imports(text: bytes, name: str) -> str:
    own = hashlib.sha256(text).hexdigest()
    parts: dict[str, str] = {}
    _gather(text, name.split(".")[0], parts)
    return own if not parts else digest([own, parts], 64)


def _gather(text: bytes, own: str, parts: dict[str, str]) -> None:
    """Add the hashes of the local files that a text imports, and that these import."""
    for top in sorted(_imported(text) - {own}):
        for path, name in _local_files(top):
            if name not in parts and len(parts) < MOST_FILES:
                content = path.read_bytes()
                parts[name] = hashlib.sha256(content).hexdigest()
                _gather(content, top, parts)


def _imported(text: bytes) -> set[str]:
    """First names of the modules that a text imports, wherever the import stands; none for what is no Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return set()
    names = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return {name.split(".")[0] for name in names} - {"", "grokbench", *sys.stdlib_module_names}


def _local_files(top: str) -> Iterator[tuple[Path, str]]:
    """The Python files of a module or package that is not installed, each with its name within it."""
    module = sys.modules.get(top)
    try:
        spec = getattr(module, "__spec__", None) or importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return
    folders = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    if spec and not folders and spec.origin and spec.origin.endswith(".py"):
        path = Path(spec.origin)
        if path.is_file() and _is_local(path):
            yield path, f"{top}.py"
    for folder in folders:
        if _is_local(folder):
            for path in sorted(folder.rglob("*.py"))[:MOST_FILES]:
                yield path, f"{top}/{path.relative_to(folder).as_posix()}"


def _is_local_module(name: str) -> bool:
    path = getattr(sys.modules.get(name), "__file__", None)
    return path is not None and _is_local(Path(path))


def _is_local(path: Path) -> bool:
    resolved = path.resolve()
    distributed = {"site-packages", "dist-packages"} & set(resolved.parts)  # the latter is Debian's
    return not distributed and not any(resolved.is_relative_to(folder) for folder in _installed())


@cache
def _installed() -> tuple[Path, ...]:
    """The folders of installed packages and of Python itself."""
    names = ("purelib", "platlib", "stdlib", "platstdlib")
    folders = [sysconfig.get_path(name) for name in names] + [site.getusersitepackages()]
    return tuple(Path(folder).resolve() for folder in folders)
