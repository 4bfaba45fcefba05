"""The forms that logs come in, one per file, each found by being there."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path

from grokbench.logs.formats.base import Format


@cache
def formats() -> tuple[Format, ...]:
    """All formats, those first that are surest of what they recognize."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if module.name != "base"]
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(sorted((module.FORMAT for module in modules), key=lambda form: form.rank))


def format_of(path: Path, head: bytes) -> Format:
    """The first format that recognizes a file by its name or its first bytes; delimited text recognizes all."""
    return next(form for form in formats() if form.recognizes(path, head))
