"""The registries of tasks, learners, measures and explanations: a name, on the command line or in a suite, to a class.

A built-in is found because its file lies in the room; a user's own through ``--include FILE.py``;
an installed package's through the entry-point group of the room, such as ``grokbench.learners``.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, entry_points
from pathlib import Path

from grokbench.declarations import check_class, check_made, check_name
from grokbench.errors import UsageError, closest
from grokbench.options import build, digest, forget_options
from grokbench.sources import AsRead, of_class, of_distribution


class Registry:
    """Names and the classes behind them.

    Parameters
    ----------
    kind : "task", "learner", "measure" or "explanation", as error messages say it.
    package : the room whose modules hold the built-in classes.
    """

    def __init__(self, kind: str, package: str):
        self.kind = kind
        self.package = package
        self._classes: dict[str, type] = {}
        self._packages: dict[str, Distribution | None] = {}  # of what entry points offer
        self._files: dict[str, str] = {}  # name -> module of the included file that registered it
        self._loaded = False

    def register(self, name: str):
        """Class decorator that puts a class under `name`; a name taken by another class is refused."""
        if inspect.isclass(name) or inspect.isfunction(name):
            raise UsageError(f'register_{self.kind} needs a name: @grokbench.register_{self.kind}("NAME")')
        check_name(self.kind, name)

        def decorate(cls: type) -> type:
            self._check_base(cls)
            if not cls.__module__.startswith(f"{self.package}."):
                self._load()  # so that a built-in name is taken, whoever comes first
            other = self._classes.get(name)
            same = other is None or (other.__qualname__, _file(other)) == (cls.__qualname__, _file(cls))
            if not same:
                raise UsageError(f"{self.kind} {name!r} is registered already, by {other.__module__}.{other.__name__}")
            check_class(self.kind, cls, name)
            cls.name = name
            if not _is_built_in(cls):
                with contextlib.suppress(NameError):  # what stands further down in its file; `include` looks again
                    self.examine(cls)
            self._classes[name] = cls
            self._files[name] = _including[-1] if _including else ""
            return cls

        return decorate

    def examine(self, cls: type) -> None:
        """UsageError for a class of this kind of which nothing can be made that the harness can use."""
        try:
            check_made(self.kind, cls, cls.name)
        finally:
            forget_options(cls)

    def _check_base(self, cls: type) -> None:
        base = getattr(importlib.import_module(f"{self.package}.base"), self.kind.capitalize())
        if not (inspect.isclass(cls) and issubclass(cls, base)):
            name = getattr(cls, "__name__", repr(cls))
            raise UsageError(f"{self.kind} {name}: expected a subclass of grokbench.{base.__name__}")

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        package = importlib.import_module(self.package)
        for module in pkgutil.walk_packages(package.__path__, f"{self.package}."):
            importlib.import_module(module.name)
        for point in entry_points(group=self.package):
            try:
                self.register(point.name)(point.load())
                self._packages[point.name] = point.dist
            except Exception as error:  # somebody else's package
                cause = f"{type(error).__name__}: {error}"
                raise UsageError(f"entry point {point.name} = {point.value} in {point.group}: {cause}") from error

    def names(self) -> list[str]:
        """All registered names, sorted."""
        self._load()
        return sorted(self._classes)

    def classes(self) -> list[type]:
        """All registered classes, in the order of their registration."""
        self._load()
        return list(self._classes.values())

    def __contains__(self, name: str) -> bool:
        self._load()
        return name in self._classes

    def __getitem__(self, name: str) -> type:
        """The class behind a name; UsageError with the closest name where there is none."""
        self._load()
        if name not in self._classes:
            raise UsageError(f"no {self.kind} {name!r}{closest(name, self.names())}")
        return self._classes[name]

    def source(self, name: str) -> str:
        """Where the code of a class comes from (`grokbench.sources`); empty for what is built in."""
        cls = self[name]
        if name in self._packages:
            return of_distribution(self._packages[name], cls.__module__)
        return of_class(cls, self._files.get(name) or cls.__module__)

    def forget(self, module: str) -> None:
        """Take out what an included file has registered: it is about to be run again."""
        for name in [name for name, file in self._files.items() if file == module]:
            self._files.pop(name)
            self._classes.pop(name, None)

    def create(self, name: str, **values):
        """An instance from its name and options; UsageError for an unknown name, option or value."""
        return build(self[name], values)


def _is_built_in(cls: type) -> bool:
    return cls.__module__.startswith("grokbench.")


def _file(cls: type) -> str:
    return getattr(sys.modules.get(cls.__module__), "__file__", None) or cls.__module__


def include(path: str | Path) -> list[type]:
    """Run a user's file, so that what is in it registers itself; returns the classes that it has registered.

    This executes the file. Only this runs a file; the learner `estimator` imports an installed class by its name.
    """
    path = Path(path).resolve()
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    module_name = f"grokbench_included_{path.stem}_{digest(str(path), 8)}"
    if importlib.util.spec_from_file_location(module_name, path) is None:
        raise UsageError(f"{path}: not a Python file (expected FILE.py)")
    loader = AsRead(module_name, path)
    loaded = sys.modules.get(module_name)
    if loaded is None or loaded.__loader__.text != loader.text:  # not yet, or edited since
        _run(module_name, path, loader)
    return [cls for registry in REGISTRIES for cls in registry.classes() if cls.__module__ == module_name]


_including: list[str] = []  # modules of the files that are being run


def _run(module_name: str, path: Path, loader: AsRead) -> None:
    """Run a user's file as a module, in place of an earlier text of it."""
    for registry in REGISTRIES:
        registry.names()  # an error in a built-in is not the user's file's
        registry.forget(module_name)
    module = importlib.util.module_from_spec(importlib.util.spec_from_file_location(module_name, path, loader=loader))
    sys.modules[module_name] = module
    before = [dict(registry._classes) for registry in REGISTRIES]
    _including.append(module_name)
    try:
        loader.exec_module(module)
        _examine_all(module_name)
    except (Exception, SystemExit) as error:
        del sys.modules[module_name]
        for registry, classes in zip(REGISTRIES, before, strict=True):
            registry._classes = classes
        kind = "" if isinstance(error, UsageError) else f"{type(error).__name__}: "
        raise UsageError(f"{path}: {kind}{error}") from error
    finally:
        _including.pop()


def sources(task: str, learner: str, measures_taken: Iterable[str] = ()) -> dict[str, str]:
    """Where the code of a run comes from, by kind and name, of all that is not built in."""
    names = [(tasks, task, "task"), (learners, learner, "learner")]
    names += [(measures, name, f"measure {name}") for name in measures_taken]
    by_kind = {kind: registry.source(name) for registry, name, kind in names}
    return {kind: source for kind, source in by_kind.items() if source}


def _examine_all(module_name: str) -> None:
    """Look again at what a file has registered, now that all of it is there."""
    for registry in REGISTRIES:
        for cls in registry.classes():
            if cls.__module__ == module_name:
                registry.examine(cls)


tasks = Registry("task", "grokbench.tasks")
learners = Registry("learner", "grokbench.learners")
measures = Registry("measure", "grokbench.measures")
explanations = Registry("explanation", "grokbench.explanations")
tables = Registry("table", "grokbench.tables")
figures = Registry("figure", "grokbench.figures")
REGISTRIES = (tasks, learners, measures, explanations, tables, figures)
register_task = tasks.register
register_learner = learners.register
register_measure = measures.register
register_explanation = explanations.register
register_table = tables.register
register_figure = figures.register
