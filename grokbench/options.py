"""Options of a task or learner: the keyword arguments of its constructor, and nothing else.

The constructor's signature is the only place where an option, its type and its default are
written down; its description stands in the ``Parameters`` section of the class's docstring.
A parameter whose name is a Python keyword carries a trailing underscore that the option drops
(``lambda_`` is the option ``lambda``).

A bound that one option alone decides is its annotation: ``learning_rate: Positive = 0.01``. The named
ranges stand below; ``Annotated[int, Ge(3)]`` and the other bounds of `annotated_types` mean what they say.
`Option.check` refuses what lies outside, `words` says the range, in the error as in ``grokbench show``.
What several options decide together is for the class's ``__post_init__``.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Interval

from grokbench.errors import OptionError, UsageError, closest, shown

Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Unbounded = Annotated[float, Interval()]  # any finite number, on purpose
Share = Annotated[float, Interval(ge=0, le=1)]
PositiveShare = Annotated[float, Interval(gt=0, le=1)]
ShareBelowOne = Annotated[float, Interval(ge=0, lt=1)]
ProperShare = Annotated[float, Interval(gt=0, lt=1)]
Whole = Annotated[int, Ge(0)]
Count = Annotated[int, Ge(1)]
AtLeastTwo = Annotated[int, Ge(2)]
Zero = Annotated[int, Interval(ge=0, le=0)]  # beside a range that leaves it out: ``Zero | AtLeastTwo``

NOUNS = {float: "number", int: "whole number", str: "text", dict: "table", list: "list", tuple: "list"}
BOUNDS = {"ge": "of at least", "gt": "above", "le": "of at most", "lt": "below"}
FINITE = "a finite number"
KEY_DIGITS = 20  # hexadecimal digits of what identifies a run
DEEPEST = 16  # lists within lists: no option is nested that deep, and no parser of ours recurses further


@dataclass(frozen=True)
class Option:
    """One keyword argument of a constructor."""

    name: str
    parameter: str
    default: object
    annotation: object
    description: str

    @property
    def required(self) -> bool:
        """True where the constructor has no default."""
        return self.default is inspect.Parameter.empty

    @property
    def is_list(self) -> bool:
        """True for a list-valued option: in a suite its value is nested, ``[[128, 128]]``."""
        return not {list, tuple}.isdisjoint(_kinds(self.annotation))

    @property
    def is_bounded(self) -> bool:
        """True where the annotation has a range, if only that of a list's items."""
        return any(True for _ in ranges(self.annotation))

    @property
    def type_name(self) -> str:
        """The annotation as people read it: ``a positive number``, ``"gelu" | "relu"``."""
        return words(self.annotation)

    def check(self, value: object) -> object:
        """`value` as the annotated type; OptionError, with the closest valid value, if it lies outside."""
        expected = misfit(value)
        if expected:
            raise OptionError(self.name, value, expected)
        if self.annotation is inspect.Parameter.empty:
            return value
        try:
            return _adapter(self.annotation).validate_python(self._plain(value), strict=True)
        except ValueError as error:
            raise OptionError(self.name, value, f"{self.type_name}{self._hint(value)}") from error

    def _plain(self, value: object) -> object:
        """`value` with 1.0 for 1 and a tuple for a list put right: in a key they are the same."""
        kinds = set(_kinds(self.annotation))
        if isinstance(value, float) and value.is_integer() and int in kinds and float not in kinds:
            return int(value)
        if isinstance(value, tuple) and list in kinds:
            return list(value)
        return tuple(value) if isinstance(value, list) and tuple in kinds and list not in kinds else value

    def _hint(self, value: object) -> str:
        if typing.get_origin(self.annotation) is typing.Literal:
            return closest(value, typing.get_args(self.annotation))
        if self.is_list and not isinstance(value, list | tuple):
            return f"; a list is an axis here, so nest it: {self.name} = [[{shown(value)}]]"
        return ""


class Optioned:
    """Base of tasks and learners: a constructor refuses a value outside its option's range, as `build` does.

    Attributes
    ----------
    added_options : names of options that came after the first runs of a version. At their defaults they are left out
        of ``instance.options``, and so of keys and hashes: the runs from before mean the same, and stay valid.
    """

    added_options: ClassVar[tuple[str, ...]] = ()

    def __new__(cls, *args, **kwargs):
        """OptionError for the first argument outside the range of its annotation."""
        if cls.__init__ is object.__init__ and (args or kwargs):
            raise TypeError(f"{cls.__name__}() takes no arguments")
        try:
            arguments = inspect.signature(cls.__init__).bind_partial(None, *args, **kwargs).arguments
        except TypeError:
            arguments = {}  # the constructor itself says what is wrong
        for option in options(cls).values():
            if option.is_bounded and arguments.get(option.parameter, option.default) is not option.default:
                option.check(arguments[option.parameter])
        return super().__new__(cls)


def ranges(annotation: object) -> Iterator[object]:
    """The annotations with a range of an annotation: itself, those of alternatives, or those of a list's items."""
    if typing.get_origin(annotation) is Annotated:
        yield annotation
    elif typing.get_origin(annotation) is not typing.Literal:
        for part in typing.get_args(annotation):
            yield from ranges(part)


def words(annotation: object) -> str:
    """An annotation as errors and ``grokbench show`` say it: ``a whole number of at least 1``."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _range_in_words(parts[0], parts[1:])
    if origin is typing.Literal:
        return " | ".join(json.dumps(value) for value in parts)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(words(part) for part in parts)
    if origin is list or (origin is tuple and parts[1:] == (...,)):
        return f"a list, each {words(parts[0])}"
    kind = origin or annotation
    if kind in NOUNS:
        return f"a {NOUNS[kind]}"
    special = {bool: "true or false", type(None): "nothing", object: "any", inspect.Parameter.empty: "any"}
    return special.get(kind) or getattr(kind, "__name__", str(kind))


def _range_in_words(base: object, metadata: tuple) -> str:
    """A number with bounds: ``a share between 0 and 1, without 1``."""
    bounds = {name: getattr(item, name, None) for item in metadata for name in BOUNDS}
    bounds = {name: bound for name, bound in bounds.items() if bound is not None}
    if base not in (int, float) or not bounds:
        return words(base)
    noun = NOUNS[base]
    if bounds == {"gt": 0}:
        return f"a positive {noun}"
    if len(bounds) == 1:
        ((name, bound),) = bounds.items()
        return f"a {noun} {BOUNDS[name]} {bound}"
    least, most = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
    if least == most:
        return str(least)
    noun = "share" if base is float and (least, most) == (0, 1) else noun
    excluded = " and ".join(str(bounds[name]) for name in ("gt", "lt") if name in bounds)
    return f"a {noun} between {least} and {most}" + (f", without {excluded}" if excluded else "")


def _kinds(annotation: object) -> Iterator[object]:
    """The types that an annotation allows, without their ranges and items."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        for part in parts:
            yield from _kinds(part)
    elif origin is Annotated:
        yield from _kinds(parts[0])
    else:
        yield origin or annotation


def misfit(value: object, depth: int = 0) -> str:
    """What would have been accepted in place of a value that no option can have; empty for plain data.

    Plain are texts, truth values, finite numbers of 64 bits, and lists and tables of them.
    """
    if isinstance(value, int) and abs(value) >= 2**63:
        return "a whole number of at most 64 bits"
    if isinstance(value, float) and not math.isfinite(value):
        return FINITE
    if isinstance(value, dict | list | tuple):
        if depth >= DEEPEST:
            return f"lists nested at most {DEEPEST} deep"
        inner = value.values() if isinstance(value, dict) else value
        return next((expected for item in inner if (expected := misfit(item, depth + 1))), "")
    plain = value is None or isinstance(value, str | int | float)
    return "" if plain else f"a number, text, true, false or a list, not a {type(value).__name__}"


@cache
def _adapter(annotation: object):
    from pydantic import TypeAdapter  # 0.1 s, needed only once values have to be checked

    return TypeAdapter(annotation)


def _documented(cls: type) -> dict[str, str]:
    """Descriptions of the numpydoc section ``Parameters`` of a class and its bases."""
    descriptions: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        doc = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        section = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}$|\Z)", doc, re.M | re.S)
        if section:
            for names, text in re.findall(r"^(\w[\w, ]*?) :\s*(.*(?:\n[ \t]+.*)*)", section[1], re.M):
                for name in names.split(","):
                    descriptions[name.strip()] = " ".join(text.split())
    return descriptions


def _type_hints(cls: type) -> dict[str, object]:
    """Annotations of the constructor; one that dataclass has made repeats those of the fields of all bases."""
    owner = next(base for base in cls.__mro__ if "__init__" in vars(base))
    generated = getattr(vars(owner).get("__dataclass_params__"), "init", False)
    try:  # of a class, each in the module of the base that has it
        return typing.get_type_hints(cls if generated else cls.__init__, include_extras=True)
    except NameError:  # a name for type checkers alone: such a constructor takes anything
        return {}


_READ: dict[type, dict[str, Option]] = {}


def options(cls: type) -> dict[str, Option]:
    """The options of a class, in the order of its signature; read once."""
    if cls not in _READ:
        _READ[cls] = _read(cls)
    return _READ[cls]


def forget_options(cls: type) -> None:
    """Have the options of a class read again: its annotations may name what was not there when they were read."""
    _READ.pop(cls, None)


def _read(cls: type) -> dict[str, Option]:
    hints = _type_hints(cls)
    descriptions = _documented(cls)
    known = {}
    for parameter in list(inspect.signature(cls.__init__).parameters.values())[1:]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        name = parameter.name.rstrip("_")
        annotation = hints.get(parameter.name, inspect.Parameter.empty)
        known[name] = Option(name, parameter.name, parameter.default, annotation, descriptions.get(name, ""))
    return known


def require_defaults(cls: type) -> None:
    """UsageError for a class that cannot be made without being told anything: its laws need default options."""
    required = [name for name, option in options(cls).items() if option.required]
    if required:
        raise UsageError(f"{cls.name}: every option needs a default to be checked; {required[0]!r} has none")


def build(cls: type, stated: dict[str, object]):
    """An instance of `cls` from options; unknown names and wrong values raise UsageError in one line.

    The instance remembers its options, defaults resolved, as ``instance.options``: all but `added_options` at theirs.
    """
    known = options(cls)
    for name in stated:
        if name not in known:
            raise UsageError(f"{cls.name} has no option {name!r}{closest(name, known)}")
    missing = [name for name, option in known.items() if option.required and name not in stated]
    if missing:
        raise UsageError(f"{cls.name} needs the option {missing[0]!r} ({known[missing[0]].type_name})")
    values = {name: option.check(stated[name]) if name in stated else option.default for name, option in known.items()}
    instance = cls(**{known[name].parameter: value for name, value in values.items()})
    instance.options = _remembered(cls, values)
    return instance


def options_of(instance) -> dict[str, object]:
    """The options of an instance that `build` remembers, also where it was made by its constructor directly."""
    if "options" not in vars(instance):
        known = options(type(instance))
        values = {name: getattr(instance, o.parameter, o.default) for name, o in known.items()}
        instance.options = _remembered(type(instance), values)
    return instance.options


def _remembered(cls: type, values: dict[str, object]) -> dict[str, object]:
    """Options as keys and hashes have them, from all values by name."""
    remembered, changed = canonical(values), non_default(cls, canonical(values))
    added = getattr(cls, "added_options", ())
    return {name: value for name, value in remembered.items() if name in changed or name not in added}


def non_default(cls: type, resolved: dict[str, object]) -> dict[str, object]:
    """The options that differ from the constructor's defaults: what a table has to print."""
    known = options(cls)
    return {k: v for k, v in resolved.items() if k not in known or canonical(known[k].default) != v}


def canonical(value):
    """`value` as plain data that is equal where it means the same: 1.0 is 1, a tuple is a list."""
    if isinstance(value, dict):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def options_json(options: Mapping[str, object]) -> str:
    """Options as a table has them: JSON with sorted names; empty for none."""
    return json.dumps(options, sort_keys=True, separators=(", ", ": "), ensure_ascii=False) if options else ""


def canonical_json(value: object) -> str:
    """The one JSON text of plain data: sorted names, no blanks. ValueError for NaN and infinity."""
    return json.dumps(canonical(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: object, length: int = KEY_DIGITS) -> str:
    """Hexadecimal SHA-256 of the canonical JSON of plain data."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:length]
