"""An explanation is a theory of why generalization is late: predictions, and rules that were fixed before any run."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from grokbench.errors import UsageError


class Explanation:
    """Base class of explanations: one subclass is one theory.

    The docstring of a subclass says what the theory claims, and by whom. Its module holds one statistic per
    prediction: a function from `Cells` to a `Finding`, whose docstring begins with the prediction's name.

    Attributes
    ----------
    rules : the text of its rules in TOML, or the path of a file beside the module; default: NAME.toml there.
        They are hashed, byte by byte, before any run that they judge. The suite that they name is a shipped one, one
        of ./benchmarks, or a path ending in .toml, from the working directory or from the module's folder.
    """

    name = "own"
    rules: str | Path | None = None

    @classmethod
    def folder(cls) -> Path:
        """The folder of its module, from which relative paths are taken."""
        return Path(getattr(sys.modules[cls.__module__], "__file__", None) or ".").resolve().parent

    @classmethod
    def where(cls) -> str:
        """What error messages call its rules: the file, or the class that has their text."""
        return f"rules of {cls.name}" if cls._is_text() else str(cls._path())

    @classmethod
    def source(cls) -> bytes:
        """The rules as they are hashed. Raises OSError where their file cannot be read."""
        return cls.rules.encode("utf-8") if cls._is_text() else cls._path().read_bytes()

    @classmethod
    def toml(cls) -> dict:
        """The rules as data, not to be changed. UsageError where they cannot be read, or are not TOML."""
        try:
            return _parsed(cls.source())
        except (OSError, ValueError) as error:
            raise UsageError(f"{cls.where()}: cannot be read: {error}") from error

    @classmethod
    def _is_text(cls) -> bool:
        return isinstance(cls.rules, str) and "\n" in cls.rules

    @classmethod
    def _path(cls) -> Path:
        return cls.folder() / (f"{cls.name}.toml" if cls.rules is None else cls.rules)

    @classmethod
    def statistic(cls, name: str) -> Callable | None:
        """The function of its module that has a name; None where there is none."""
        function = vars(sys.modules[cls.__module__]).get(name)
        return function if callable(function) else None

    @classmethod
    def check(cls) -> None:
        """UsageError with the first thing that is wrong with its rules."""
        from grokbench.verdicts.rules import parse

        parse(cls)


@cache
def _parsed(text: bytes) -> dict:
    return tomllib.loads(text.decode("utf-8"))
