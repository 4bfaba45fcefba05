"""The rules of an explanation: TOML beside its class, fixed before any run that they judge.

They say which suite, seeds and cells are registered, which predictions are made, and by which margins these stand or
fall; the module of the class holds one statistic per prediction. `parse` makes every condition that rules must meet.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from grokbench.errors import UsageError, closest
from grokbench.registry import explanations, measures
from grokbench.suites.registered import registered_cells, suite_name, suite_of
from grokbench.verdicts.cells import Cells, Design, Run
from grokbench.verdicts.finding import Finding, Margin

FIRST_SEED = 1000  # recipes are found on seeds below 100; no verdict may rest on them
MOST_PRIMARIES = 3


@dataclass(frozen=True)
class Prediction:
    """One prediction as it was registered.

    Parameters
    ----------
    name, claim : L1, and what it says in one sentence
    role : primaries decide, secondaries are listed under Holm, controls and descriptions are judged for themselves
    statistic : the function of the explanation's module; its docstring begins with the prediction's name
    uses : roles whose cells it needs; all their registered runs must be there
    least : smallest number of clusters for a verdict
    margins : by the names of the statistic's estimates
    p : level of the statistic's one-sided test that support needs besides; None for none
    intervention : something was done to the learner, rather than watched
    gates : of `gates`, those asked besides completeness, failed runs and numerical health
    source, change_of_mind : who claims it, and what would change our mind
    """

    name: str
    claim: str
    role: Literal["primary", "secondary", "control", "descriptive"]
    statistic: str
    uses: tuple[str, ...]
    least: int
    margins: Mapping[str, Margin]
    source: str
    change_of_mind: str
    p: float | None = None
    intervention: bool = False
    gates: tuple[Literal["assay", "shuffled", "frozen_fits", "not_too_easy"], ...] = ("assay", "shuffled")

    @property
    def looked_at(self) -> list[str]:
        """The roles that the prediction and its gates look at."""
        roles = {"assay": "free", "shuffled": "shuffled"}
        return [*self.uses, *(role for gate, role in roles.items() if gate in self.gates)]


@dataclass(frozen=True)
class Rules:
    """An explanation as it was registered.

    Parameters
    ----------
    explanation, claim : its name, and the universal claim
    suite : the suite whose runs it judges: a shipped one, one of ./benchmarks, or a path
    first_seed, seeds : of the confirmatory runs of a design that does not say how many
    predictions, designs : what is predicted, and of which families on which tasks
    scope : "universal" (three families, networks and others) or "networks" (two: weight decay, numerics)
    necessity : the prediction whose universal form an always-frozen learner refutes; "" for none
    """

    explanation: str
    claim: str
    suite: str
    first_seed: int
    seeds: int
    predictions: tuple[Prediction, ...]
    designs: tuple[Design, ...]
    scope: Literal["universal", "networks"] = "universal"
    necessity: str = ""

    def registered_seeds(self, design: Design) -> tuple[int, ...]:
        """The confirmatory seeds of a design."""
        return tuple(range(self.first_seed, self.first_seed + (design.seeds or self.seeds)))

    def statistic(self, prediction: Prediction) -> Callable[[Cells], Finding]:
        """The function behind a prediction."""
        return explanations[self.explanation].statistic(prediction.statistic)

    def cells(self, design: Design, runs: Mapping[str, Mapping[int, Run]]) -> Cells:
        """The runs of a design; the seeds are the registered ones, or, where none of them was run, those there."""
        own = {cell: runs[cell] for cells in design.roles.values() for cell in cells if cell in runs}
        stored_seeds = {seed for stored in own.values() for seed in stored}
        registered = self.registered_seeds(design)
        confirmatory = bool(stored_seeds & set(registered)) or not stored_seeds
        return Cells(design, own, registered if confirmatory else tuple(sorted(stored_seeds)))


def names() -> list[str]:
    """The names of all explanations, sorted."""
    return explanations.names()


def read(name: str) -> Rules:
    """The rules of an explanation; UsageError for an unknown name, or for what cannot be rules."""
    return parse(explanations[name])


def claim(name: str) -> str:
    """The universal claim of an explanation, without checking the rest of its rules."""
    return str(explanations[name].toml().get("claim", ""))


def of_suite(suite: str) -> list[Rules]:
    """The rules of all explanations that judge the runs of a suite."""
    named = [cls for _, cls in sorted((name, explanations[name]) for name in names())]
    return [parse(cls) for cls in named if suite_name(str(cls.toml().get("suite", ""))) == suite]


def parse(cls: type) -> Rules:
    """The rules of an explanation's class. UsageError with the first thing that is wrong."""
    from pydantic import ValidationError

    try:
        rules = _adapter().validate_python(cls.toml(), extra="forbid")
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{cls.where()}: {place}: {first['msg']}") from error
    wrong = next((complaint for check in CHECKS for complaint in check(rules, cls)), None)
    if wrong is not None:
        raise UsageError(f"{cls.where()}: {wrong}")
    return rules


@cache
def _adapter():
    from pydantic import TypeAdapter

    return TypeAdapter(Rules)


def _names(rules: Rules, cls: type) -> Iterator[str]:
    """The class says what it claims; names lead somewhere, and stand once."""
    if not cls.__doc__:
        yield "needs a docstring of its class that says what it claims"
    if rules.explanation != cls.name:
        yield f"explanation = {rules.explanation!r}: expected {cls.name!r}, the name under which it is registered"
    predictions = [prediction.name for prediction in rules.predictions]
    mentioned = [name for design in rules.designs for name in (*design.by_construction, *design.predictions)]
    for name in [*mentioned, *filter(None, [rules.necessity])]:
        if name not in predictions:
            yield f"no prediction {name!r}{closest(name, predictions)}"
    if len(predictions) != len(set(predictions)):
        yield "a prediction stands twice"
    places = [(design.family, design.task) for design in rules.designs]
    if len(places) != len(set(places)):
        yield "a family stands twice on one task"


def _predictions(rules: Rules, cls: type) -> Iterator[str]:
    """Primaries are few, and each prediction has a statistic, margins, a source, and what would change our mind."""
    primaries = [prediction for prediction in rules.predictions if prediction.role == "primary"]
    if len(primaries) > MOST_PRIMARIES:
        yield f"{len(primaries)} primaries: expected at most {MOST_PRIMARIES}"
    if primaries and not any(prediction.intervention for prediction in primaries):
        yield "no primary is an intervention: expected one at least"
    for prediction in rules.predictions:
        statistic = cls.statistic(prediction.statistic)
        if statistic is None:
            yield f"{prediction.name}: no function {prediction.statistic!r} in its module"
        elif not (inspect.getdoc(statistic) or "").startswith(prediction.name):
            yield f"{prediction.name}: expected the docstring of {prediction.statistic} to begin with its name"
        for name in ("margins", "source", "change_of_mind"):
            if not getattr(prediction, name):
                yield f"{prediction.name}: needs {name}"


def _designs(rules: Rules, cls: type) -> Iterator[str]:
    """Each design has what its gates and its statistics look at."""
    columns = {column for measure in measures.classes() for column in measure.column_names()}
    for design in rules.designs:
        where = f"{design.family} on {design.task}"
        if f"free_{design.natural}" in design.cells and "shuffled" not in design.cells:
            yield f"{where}: expected a cell with shuffled labels, role 'shuffled', beside the free one"
        for role in (*design.closed_form, *design.numbers):
            if role not in design.cells:
                yield f"{where}: no cells for the role {role!r}{closest(role, design.cells)}"
        for role, numbers in design.numbers.items():
            if len(numbers) != len(design.roles.get(role, ())):
                yield f"{where}: {role}: expected one number per cell"
        for column in design.complexities:
            if column not in columns:
                yield f"{where}: no measure has a column {column!r}{closest(column, columns)}"


def _suite(rules: Rules, cls: type) -> Iterator[str]:
    """The suite has every cell that is named, on the registered seeds, which no exploration has seen, to their end."""
    if rules.first_seed < FIRST_SEED:
        yield f"first_seed = {rules.first_seed}: expected {FIRST_SEED} or more; the seeds below are for exploration"
    path = suite_of(cls.name)
    if path is None:
        yield f"suite = {rules.suite!r}: no such suite is shipped, nor in ./benchmarks, nor a file of that path"
        return
    settings, keys = registered_cells(path)
    for name, expected in {"first_seed": rules.first_seed, "seeds": rules.seeds, "settle": False}.items():
        if settings[name] != expected:
            yield f"{path}: {name} = {settings[name]}: expected {expected}, as registered"
    for design in rules.designs:
        for cell in (cell for cells in design.roles.values() for cell in cells):
            if cell not in keys:
                yield f"{design.family} on {design.task}: {path} has no cell {cell!r}{closest(cell, keys)}"
            elif missing := set(rules.registered_seeds(design)) - set(keys[cell]):
                yield f"{design.family} on {design.task}: {cell} has no seed {min(missing)} in {path}"


CHECKS = (_names, _predictions, _designs, _suite)
