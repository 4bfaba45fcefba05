"""What a class declares about itself, checked when it is registered: a mistake is one line, and not a night of runs.

What is declared ends in records, file names, columns and headings. Each of them could be refused only after the runs
were made, and the runs would be lost with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from numbers import Real
from pathlib import Path

from grokbench.errors import UsageError, one_line, shown
from grokbench.options import build, canonical, options

NAME, LONGEST_NAME = re.compile(r"\w[\w.+-]*"), 80
LOSSES = ("cross-entropy", "mse", "hinge", "stablemax")
ENCODINGS = ("auto", "one-hot", "sign", "integer")
Check = tuple[Callable[[object], bool], str]  # whether a value fits, and what would


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable() and len(value) <= LONGEST_NAME


def _is_version(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_time(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value) and value > 0


def _is_digits(value: object) -> bool:
    return _is_version(value) and 1 <= value <= 17


TEXT = (_is_text, f"a text of 1 to {LONGEST_NAME} printable characters")
VERSION = (_is_version, "a whole number of at least 0")
BOOL = (_is_bool, "True or False")
ATTRIBUTES: dict[str, dict[str, Check]] = {
    "learner": {
        "family": TEXT,
        "clock": TEXT,
        "loss": (lambda value: value in LOSSES, f"one of {', '.join(LOSSES)}"),
        "integer_clock": BOOL,
        "first_time": (_is_time, "a positive finite number"),
        "deterministic": BOOL,
        "encoding": (lambda value: value in ENCODINGS, f"one of {', '.join(ENCODINGS)}"),
        "version": VERSION,
    },
    "task": {"version": VERSION, "exact": BOOL, "overlap": BOOL},
    "measure": {"version": VERSION},
    "table": {
        "version": VERSION,
        "digits": (_is_digits, "a whole number from 1 to 17"),
        "note": (lambda value: isinstance(value, str), "a text"),
        "own_page": BOOL,
    },
    "figure": {"version": VERSION, "rank": VERSION, "numbers": TEXT},
    "explanation": {"rules": (lambda value: value is None or isinstance(value, str | Path), "a text, a path or None")},
}
METHODS = {
    "learner": ("begin", "advance", "scores", "kernel", "description", "cannot_read"),
    "task": ("sample", "split"),
    "measure": ("look", "row"),
    "table": ("entries", "rows", "reading", "page"),
    "figure": ("applies", "title", "caption", "chart"),
    "explanation": (),
}


def check_name(kind: str, name: object) -> None:
    """UsageError for a name that a suite, a file or a column cannot have."""
    if not (isinstance(name, str) and NAME.fullmatch(name) and len(name) <= LONGEST_NAME):
        expected = f"letters, digits, '_', '-', '+' and '.', at most {LONGEST_NAME}, the first a letter or a digit"
        raise UsageError(f"register_{kind}({shown(name)}): expected {expected}")


def check_class(kind: str, cls: type, name: str) -> None:
    """UsageError for what a class of a kind declares and cannot mean.

    What only an instance knows (a property, an option) is left to `check_instance`.
    """
    for attribute, check in ATTRIBUTES[kind].items():
        value = getattr(cls, attribute, None)
        if not _is_computed(value):
            _require(f"{kind} {name}", attribute, value, check)
    for method in METHODS[kind]:
        if not callable(getattr(cls, method, None)):
            raise UsageError(f"{kind} {name}: {method} = {shown(getattr(cls, method, None))}: expected a method")
    if kind in ("measure", "table"):
        reserved = cls.columns_of_every_curve if kind == "measure" else ()
        _check_columns(f"{kind} {name}", list(_column_names(kind, cls, name)), reserved)


def _is_computed(value: object) -> bool:
    return hasattr(value, "__get__")  # a property, or the slot of a dataclass


def _require(subject: str, attribute: str, value: object, check: Check) -> None:
    fits, expected = check
    try:
        fine = fits(value)
    except Exception:  # a value that cannot even be compared: an array, say
        fine = False
    if not fine:
        raise UsageError(f"{subject}: {attribute} = {shown(value)}: expected {expected}")


def _column_names(kind: str, cls: type, name: str) -> Iterator[object]:
    """The columns of a measure or a table; of a table those that are the same for all runs, each looked at."""
    subject, columns = f"{kind} {name}", cls.columns
    if _is_computed(columns):
        return
    if not isinstance(columns, tuple | list):
        raise UsageError(f"{subject}: columns = {shown(columns)}: expected a tuple, such as ({name!r},)")
    if kind == "measure":
        yield from columns or (name,)
        return
    for column in columns:
        if not isinstance(column, cls.column_class):
            raise UsageError(f"{subject}: columns has {shown(column)}: expected grokbench.Column(NAME, MEANING)")
        for field, of in (("meaning", column), ("heading", column), ("after", column)):
            if not isinstance(getattr(of, field), str):
                raise UsageError(f"{subject}: column {shown(column.name)}: {field}: expected a text")
        for field in ("value", "text"):
            if not (getattr(column, field) is None or callable(getattr(column, field))):
                raise UsageError(f"{subject}: column {shown(column.name)}: {field}: expected a function or None")
        _require(f"{subject}: column {shown(column.name)}", "rank", column.rank, VERSION)
        yield column.name


def _check_columns(subject: str, names: list[object], reserved: Sequence[str]) -> None:
    for name in names:
        if not (isinstance(name, str) and len(name) <= LONGEST_NAME and re.fullmatch(r"\w+", name)):
            expected = f"letters, digits and '_', at most {LONGEST_NAME}"
            raise UsageError(f"{subject}: column {shown(name)}: expected {expected}")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UsageError(f"{subject}: column {twice[0]!r} is there twice")
    refused = [name for name in names if name in reserved]
    if refused:
        raise UsageError(f"{subject}: column {refused[0]!r} is one of every curve; choose another")


def check_made(kind: str, cls: type, name: str) -> None:
    """UsageError for a class of which no instance can be made, or none that the harness can use.

    Its constructor is called with its defaults, unless an option has none.
    """
    if kind not in ("task", "learner"):
        return _check_plainly_made(kind, cls, name)
    subject = f"{kind} {name}"
    known = _options(subject, cls)
    for option in known.values():
        if not option.required:
            _check_default(subject, option)
    if any(option.required for option in known.values()):
        return None
    try:
        instance = build(cls, {})
        if kind == "learner":
            instance.device = "cpu"
    except UsageError as error:
        raise UsageError(f"{subject}: {error}") from error
    except AttributeError as error:  # a frozen dataclass, or one with slots
        if not isinstance(error, NameError) and _is_closed(cls, error):
            raise UsageError(
                f"{subject}: it cannot be changed ({one_line(str(error), 200)}): expected a class without frozen=True "
                "and __slots__; grokbench sets .options and .device"
            ) from error
        raise UsageError(_raises(subject, error)) from error
    except NameError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(_raises(subject, error)) from error
    return check_instance(kind, instance, name)


def _is_closed(cls: type, error: AttributeError) -> bool:
    parameters = getattr(cls, "__dataclass_params__", None)
    return getattr(parameters, "frozen", False) or "options" in str(error) or "device" in str(error)


def _raises(subject: str, error: BaseException) -> str:
    return f"{subject}: its constructor raises {type(error).__name__}: {one_line(str(error), 300)}"


def _check_plainly_made(kind: str, cls: type, name: str) -> None:
    if kind == "explanation":
        return
    try:
        cls()
    except NameError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(_raises(f"{kind} {name}", error)) from error


def _options(subject: str, cls: type) -> dict:
    try:
        return options(cls)
    except (TypeError, ValueError, SyntaxError, AttributeError) as error:
        if isinstance(error, UsageError):
            raise
        reason = f"{type(error).__name__}: {one_line(str(error), 300)}"
        raise UsageError(f"{subject}: the annotations of its constructor cannot be read: {reason}") from error


def _check_default(subject: str, option) -> None:
    """A default has to survive being stored and given again, as every run does with it."""
    try:
        stored = canonical(option.default)
        option.check(stored)
    except UsageError as error:
        raise UsageError(f"{subject}: the default of {error}") from error
    except Exception as error:  # an annotation of which no check can be made
        kind = getattr(option.annotation, "__name__", option.annotation)
        raise UsageError(
            f"{subject}: option {option.name}: {one_line(str(kind), 100)} cannot be checked "
            f"({type(error).__name__}); expected numbers, texts, truth values, and lists of them"
        ) from error


def check_instance(kind: str, instance: object, name: str) -> None:
    """UsageError for what an instance declares and cannot mean."""
    for attribute, check in ATTRIBUTES[kind].items():
        try:
            value = getattr(instance, attribute)
        except Exception:  # first_time of a flow, say, is known after `begin`
            if _is_computed(getattr(type(instance), attribute, None)):
                continue
            raise
        _require(f"{kind} {name}", attribute, value, check)
