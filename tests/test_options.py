"""Options are the constructor's keyword arguments, and nothing else."""

import hashlib
import math
import pickle
from dataclasses import dataclass
from typing import Annotated, Literal, get_args, get_origin

import pytest
from annotated_types import Gt, Interval, Le, Lt
from click.testing import CliRunner

import grokbench
from grokbench.cli import cli
from grokbench.errors import OptionError, UsageError, closest
from grokbench.options import (
    AtLeastTwo,
    Count,
    NonNegative,
    Positive,
    PositiveShare,
    ProperShare,
    Share,
    ShareBelowOne,
    Unbounded,
    Whole,
    Zero,
    build,
    canonical,
    digest,
    non_default,
    options,
    options_of,
    ranges,
    words,
)
from grokbench.registry import learners, tasks


@dataclass(kw_only=True)
class Kite:
    """Flies.

    Parameters
    ----------
    length, width : in metres,
        measured when dry.
    color : what it is painted with.

    Notes
    -----
    tail : not an option.
    """

    length: float
    width: float = 1.0
    knots: int = 3
    color: Literal["red", "blue"] = "red"
    layers: list[int] = None
    lambda_: float = 0.5
    free: "object" = None
    name = "kite"

    def __post_init__(self):
        self.layers = [1, 2] if self.layers is None else self.layers
        if self.width > 10:
            raise OptionError("width", self.width, "at most 10")


def test_options_are_those_of_the_signature_in_its_order():
    known = options(Kite)
    assert list(known) == ["length", "width", "knots", "color", "layers", "lambda", "free"]
    assert [option.required for option in known.values()] == [True] + [False] * 6
    assert known["lambda"].parameter == "lambda_"
    assert known["lambda"].default == 0.5


def test_descriptions_come_from_the_parameters_section_alone():
    known = options(Kite)
    assert known["length"].description == known["width"].description == "in metres, measured when dry."
    assert known["color"].description == "what it is painted with."
    assert known["knots"].description == ""


def test_type_names_are_those_that_people_read():
    known = options(Kite)
    assert known["color"].type_name == '"red" | "blue"'
    assert known["knots"].type_name == "a whole number"
    assert known["layers"].type_name == "a list, each a whole number"
    assert known["layers"].is_list
    assert not known["width"].is_list


def test_build_resolves_defaults_and_remembers_them():
    kite = build(Kite, {"length": 2, "lambda": 1, "knots": 4.0})
    assert (kite.length, kite.lambda_, kite.knots) == (2.0, 1.0, 4)
    assert kite.options == {
        "length": 2,
        "width": 1,
        "knots": 4,
        "color": "red",
        "layers": None,
        "lambda": 1,
        "free": None,
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"length": 1, "widht": 2}, "kite has no option 'widht'; did you mean \"width\"?"),
        ({"length": 1, "lambda_": 2}, "kite has no option 'lambda_'; did you mean \"lambda\"?"),
        ({}, "kite needs the option 'length' (a number)"),
        ({"length": "a"}, "length = 'a': expected a number"),
        ({"length": True}, "length = True: expected a number"),
        ({"length": float("nan")}, "length = nan: expected a finite number"),
        ({"length": float("inf")}, "length = inf: expected a finite number"),
        ({"length": 1, "knots": 1.5}, "knots = 1.5: expected a whole number"),
        ({"length": 1, "knots": True}, "knots = True: expected a whole number"),
        ({"length": 1, "color": "blu"}, 'color = \'blu\': expected "red" | "blue"; did you mean "blue"?'),
        (
            {"length": 1, "layers": 3},
            "layers = 3: expected a list, each a whole number; a list is an axis here, so nest it: layers = [[3]]",
        ),
        ({"length": 1, "layers": ["a"]}, "layers = ['a']: expected a list, each a whole number"),
        ({"length": 1, "width": 11}, "width = 11.0: expected at most 10"),
    ],
)
def test_a_wrong_option_is_one_line_that_names_it(given, message):
    with pytest.raises(UsageError) as error:
        build(Kite, given)
    assert str(error.value) == message


def test_an_option_error_is_a_value_error_too():
    with pytest.raises(ValueError, match="expected at most 10"):
        Kite(length=1, width=11)


def test_a_class_without_a_constructor_has_no_options():
    class Plain(grokbench.Learner):
        """No options."""

    assert options(Plain) == {}
    assert build(Plain, {}).options == {}
    with pytest.raises(TypeError, match="takes no arguments"):
        Plain(3)


RANGES = {  # annotation: what it is called, values inside, values outside
    Positive: ("a positive number", [1e-300, 3, 1e300], [0, -1e-300, "1", True, math.inf, math.nan]),
    NonNegative: ("a number of at least 0", [0, -0.0, 2.5], [-1e-300]),
    Unbounded: ("a number", [-1e300, 0, 3.5], [math.inf, "x", True]),
    Share: ("a share between 0 and 1", [0, 0.5, 1], [-0.1, 1.1]),
    PositiveShare: ("a share between 0 and 1, without 0", [1e-9, 1], [0, 1.1]),
    ShareBelowOne: ("a share between 0 and 1, without 1", [0, 0.999], [-0.1, 1]),
    ProperShare: ("a share between 0 and 1, without 0 and 1", [0.5], [0, 1]),
    Whole: ("a whole number of at least 0", [0, 7, 7.0], [-1, 0.5, False]),
    Count: ("a whole number of at least 1", [1, 1.0], [0, 1.5, True]),
    AtLeastTwo: ("a whole number of at least 2", [2], [1, 2.5]),
    Zero | AtLeastTwo: ("0 or a whole number of at least 2", [0, 0.0, 2, 5.0], [1, -1, False, 0.5]),
    Annotated[int, Interval(ge=2, le=9)]: ("a whole number between 2 and 9", [2, 9], [1, 10]),
    Annotated[int, Gt(0)]: ("a positive whole number", [1], [0]),
    Annotated[float, Gt(2.5)]: ("a number above 2.5", [2.6], [2.5]),
    Annotated[float, Le(4)]: ("a number of at most 4", [4, -9], [4.1]),
    Annotated[float, Lt(4)]: ("a number below 4", [3.9], [4]),
    Annotated[float, Interval(gt=-1, lt=2)]: ("a number between -1 and 2, without -1 and 2", [0], [-1, 2]),
    list[Count]: ("a list, each a whole number of at least 1", [[], [1, 2], (3,)], [[0], [1, -1], 1, "1"]),
    bool: ("true or false", [True], [1, "true"]),
    str: ("a text", ["", "a"], [1]),
    dict[str, object]: ("a table", [{}, {"a": [1]}], [[], {1: 2}]),
    str | None: ("a text or nothing", [None, "a"], [1]),
}


@pytest.mark.parametrize("annotation", RANGES, ids=words)
def test_a_range_is_said_in_words_and_kept(annotation):
    class Ranged(grokbench.Learner):
        def __init__(self, level: annotation = None):
            self.level = level

    Ranged.__init__.__annotations__["level"] = annotation
    noun, inside, outside = RANGES[annotation]
    assert options(Ranged)["level"].type_name == noun
    for value in inside:
        assert build(Ranged, {"level": value}).level == (list(value) if isinstance(value, tuple) else value)
        Ranged(level=value)
        Ranged(value)
    for value in outside:
        with pytest.raises(OptionError, match=r"^level = .*: expected "):
            build(Ranged, {"level": value})
        if options(Ranged)["level"].is_bounded:
            with pytest.raises(OptionError, match=r"^level = .*: expected "):
                Ranged(level=value)
            with pytest.raises(OptionError, match=r"^level = .*: expected "):
                Ranged(value)


def test_a_plain_class_keeps_its_manners():
    class Plain(grokbench.Learner):
        def __init__(self, rate: Positive, *others, depth: Count = 1, **more):
            self.rate, self.others, self.depth, self.more = rate, others, depth, more

    plain = Plain(0.5, "x", depth=2, colour="red")
    assert (plain.rate, plain.others, plain.depth, plain.more) == (0.5, ("x",), 2, {"colour": "red"})
    with pytest.raises(TypeError, match="rate"):
        Plain()
    with pytest.raises(OptionError, match="rate = 0: expected a positive number"):
        Plain(0)


def test_a_user_s_ranges_are_names_of_the_package():
    class Mine(grokbench.Learner):
        def __init__(self, rate: "grokbench.Positive" = 0.1, rounds: "grokbench.Count" = 3):
            self.rate, self.rounds = rate, rounds

    assert Mine(rate=2).rounds == 3
    with pytest.raises(grokbench.OptionError, match="rounds = 0: expected a whole number of at least 1"):
        Mine(rounds=0)


def test_an_annotation_for_type_checkers_alone_is_no_range():
    class Odd(grokbench.Learner):
        def __init__(self, path: "Nowhere" = None):  # noqa: F821
            self.path = path

    assert options(Odd)["path"].type_name == "any"
    assert Odd(path=3).path == 3


def test_a_copy_is_made_without_a_look_at_the_options():
    task = grokbench.task("modular", modulus=7)
    assert pickle.loads(pickle.dumps(task)).modulus == 7


def _numbers(annotation):
    """int and float wherever they stand in an annotation, with or without a range."""
    if get_origin(annotation) is Annotated:
        yield from _numbers(get_args(annotation)[0])
    elif get_origin(annotation) is not Literal:
        yield from (annotation,) if annotation in (int, float) else ()
        for part in get_args(annotation):
            yield from _numbers(part)


def _just_outside(annotation):
    """Values next to the bounds of an annotation, outside all of its alternatives."""
    pieces = list(ranges(annotation))
    for piece in pieces:
        base, *bounds = get_args(piece)
        for bound in bounds:
            for name, away in (("ge", -1), ("gt", 0), ("le", 1), ("lt", 0)):
                limit = getattr(bound, name, None)
                if limit is not None:
                    value = limit + away if base is int else math.nextafter(limit, away * math.inf) if away else limit
                    if not any(_inside(value, other) for other in pieces):
                        yield [base(value)] if get_origin(annotation) is list else base(value)


def _inside(value, piece):
    """Whether a number lies in a range, by its bounds alone."""
    tests = {"ge": value.__ge__, "gt": value.__gt__, "le": value.__le__, "lt": value.__lt__}
    limits = [(tests[name], getattr(bound, name, None)) for bound in get_args(piece)[1:] for name in tests]
    return all(test(limit) for test, limit in limits if limit is not None)


NUMERIC = [
    pytest.param(registry, name, option, id=f"{name}.{option.name}")
    for registry in (tasks, learners)
    for name in registry.names()
    for option in options(registry[name]).values()
    if {int, float} & {*_numbers(option.annotation)}
]


@pytest.mark.parametrize(("registry", "name", "option"), NUMERIC)
def test_every_number_of_every_task_and_learner_has_a_range(registry, name, option):
    """`Unbounded` where there is none on purpose; the default lies inside, and what lies just outside is refused."""
    bare = [part for part in _numbers(option.annotation) if part in (int, float)]
    assert len(bare) == len(list(ranges(option.annotation))), f"{name}.{option.name} needs a range, or Unbounded"
    cls = registry[name]
    assert option.check(option.default) is not None
    for value in _just_outside(option.annotation):
        for make in (lambda v: build(cls, {option.name: v}), lambda v: cls(**{option.parameter: v})):
            with pytest.raises(OptionError) as error:
                make(value)
            assert str(error.value) == f"{option.name} = {value!r}: expected {option.type_name}"


@pytest.mark.parametrize("name", [*tasks.names(), *learners.names()])
def test_show_prints_every_range(name):
    registry = tasks if name in tasks else learners
    text = CliRunner().invoke(cli, ["show", name]).output
    for option in options(registry[name]).values():
        assert f"  {option.name} : {option.type_name}, default" in text


def test_options_of_an_instance_made_by_hand_are_those_of_one_that_was_built():
    assert options_of(grokbench.registry.tasks["modular"](modulus=7)) == grokbench.task("modular", modulus=7).options


def test_an_option_that_came_later_is_left_out_at_its_default():
    """So that stored runs from before it have the key that they had."""

    @dataclass
    class Grown:
        length: float
        width: float = 1.0

    built = {"before": build(Grown, {"length": 2.0}).options}
    Grown.added_options = ("width",)
    built |= {f"width {width}": build(Grown, {"length": 2.0, "width": width}).options for width in (1.0, 3.0)}
    assert built == {
        "before": {"length": 2, "width": 1},
        "width 1.0": {"length": 2},
        "width 3.0": {"length": 2, "width": 3},
    }
    assert options_of(Grown(2.0)) == {"length": 2}


@pytest.mark.parametrize("registry", [tasks, learners])
def test_options_that_came_later_are_options_with_a_default(registry):
    for name in registry.names():
        known = options(registry[name])
        assert not [added for added in registry[name].added_options if added not in known or known[added].required]


def test_non_default_options_are_those_that_differ_by_value():
    resolved = build(Kite, {"length": 2, "width": 1, "knots": 5}).options
    assert non_default(Kite, resolved) == {"length": 2, "knots": 5}


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"a": 1, "b": [2.0, {"c": 3}]}, {"b": (2, {"c": 3.0}), "a": 1.0}),
        ([0.0, -0.0], [0, 0]),
        ({"x": 1e15}, {"x": 10**15}),
    ],
)
def test_plain_data_that_means_the_same_has_one_digest(a, b):
    assert canonical(a) == canonical(b)
    assert digest(a) == digest(b)


@pytest.mark.parametrize(
    ("a", "b"),
    [(1, 2), (1, "1"), (True, "true"), ([1, 2], [2, 1]), ({"a": None}, {}), (0.1, 0.1000001), (2**53, 2**53 + 1)],
)
def test_plain_data_that_differs_has_another_digest(a, b):
    assert digest(a) != digest(b)


def test_a_digest_never_changes():
    """Keys of stored runs are digests: other bytes here would orphan every stored run."""
    text = rb'{"a":null,"b":[1,"\u00fc"]}'
    assert digest({"b": [1.0, "ü"], "a": None}) == hashlib.sha256(text).hexdigest()[:20]


def test_a_digest_of_nan_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        digest(float("nan"))


@pytest.mark.parametrize(
    ("word", "names", "hint"),
    [
        ("widht", ["width", "length"], '; did you mean "width"?'),
        ("qqq", ["width", "length"], "; valid: width, length"),
        ("qqq", [], ""),
        (3, [3, 4], '; did you mean "3"?'),
    ],
)
def test_the_closest_name_is_offered_or_all_of_them(word, names, hint):
    assert closest(word, names) == hint
