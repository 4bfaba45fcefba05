"""The rules of an explanation: one TOML file beside one Python file, fixed before any run that they judge.

``NAME.toml`` says which suite, seeds and cells are registered, which predictions are made and by which margins they
stand or fall; the module of the same name (dashes as underscores) holds one statistic function per prediction. A new
explanation is these two files.
"""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from grokbench.errors import UsageError, closest
from grokbench.verdicts.cells import Cells, Finding, Run

FOLDER = Path(__file__).parents[1] / "explanations"


@dataclass(frozen=True)
class Rule:
    """Margins of one estimate, turned so that larger favours the claim; see `verdict.Margins`."""

    support: float | None = None
    contradict: float | None = None

    def __str__(self) -> str:
        """As the column ``rule`` has it: the last word is the verdict of the interval's end before it."""
        words = [] if self.support is None else [f"low > {self.support:g} supported"]
        words += [] if self.contradict is None else [f"high < {self.contradict:g} contradicted"]
        return ", ".join([*words, "else undecided"])

    @property
    def margins(self) -> str:
        """The two numbers: "supported above .3, contradicted below .5"."""
        words = [] if self.support is None else [f"supported above {self.support:g}"]
        words += [] if self.contradict is None else [f"contradicted below {self.contradict:g}"]
        return ", ".join(words)


@dataclass(frozen=True)
class PredictionRules:
    """One prediction as it was registered.

    Parameters
    ----------
    name, claim : L1, and what it says in one sentence
    role : primaries decide, secondaries are listed under Holm, controls and descriptions are judged for themselves
    statistic : the function of the explanation's module
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
    margins: Mapping[str, Rule]
    source: str
    change_of_mind: str
    p: float | None = None
    intervention: bool = False
    gates: tuple[Literal["assay", "shuffled", "frozen_fits", "not_too_easy"], ...] = ("assay", "shuffled")


@dataclass(frozen=True)
class Design:
    """One family on one task: which cells of the suite play which role.

    Parameters
    ----------
    family, task : names; the task is the id of the registered one
    neural : the family counts as a network in the overall verdict
    cells : role -> cell "task/learner" (ids of the suite), or an ordered list of cells
    natural : the state of the explicit pressure in which the family is used
    complexity : column of its complexity measure; "" for none that qualifies
    closed_form : roles evaluated to t = infinity
    by_construction : prediction -> why it could not have come out otherwise here
    numbers : role -> one number per cell, where a statistic needs more than their order
    predictions : those made of this family on this task; empty for all
    seeds : of its runs, where not as many as the rules say
    """

    family: str
    task: str
    neural: bool
    cells: Mapping[str, str | tuple[str, ...]]
    natural: Literal["on", "off"] = "on"
    complexity: str = ""
    closed_form: tuple[str, ...] = ()
    by_construction: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    predictions: tuple[str, ...] = ()
    seeds: int | None = None

    def makes(self, prediction: str) -> bool:
        """Whether a prediction is registered here."""
        return not self.predictions or prediction in self.predictions

    @property
    def roles(self) -> dict[str, tuple[str, ...]]:
        """Role -> its cells, in order."""
        return {role: (cells,) if isinstance(cells, str) else tuple(cells) for role, cells in self.cells.items()}

    @property
    def always_frozen(self) -> bool:
        """A learner without features to learn: it stands in the cross table, and can refute their necessity."""
        kinds = {role.partition("_")[0] for role in self.cells}
        return "frozen" in kinds and "free" not in kinds


@dataclass(frozen=True)
class Rules:
    """An explanation as it was registered.

    Parameters
    ----------
    explanation, claim : its name, and the universal claim
    suite : the suite whose runs it judges
    first_seed, seeds : of the confirmatory runs of a design that does not say how many
    predictions, designs : what is predicted, and of which families on which tasks
    scope : "universal" (three families, networks and others) or "networks"
    necessity : the prediction whose universal form an always-frozen learner refutes; "" for none
    """

    explanation: str
    claim: str
    suite: str
    first_seed: int
    seeds: int
    predictions: tuple[PredictionRules, ...]
    designs: tuple[Design, ...]
    scope: Literal["universal", "networks"] = "universal"
    necessity: str = ""

    def registered_seeds(self, design: Design) -> tuple[int, ...]:
        """The confirmatory seeds of a design."""
        return tuple(range(self.first_seed, self.first_seed + (design.seeds or self.seeds)))

    def statistic(self, prediction: PredictionRules) -> Callable[[Cells], Finding]:
        """The function behind a prediction."""
        return getattr(module_of(self.explanation), prediction.statistic)

    def cells(self, design: Design, runs: Mapping[str, Mapping[int, Run]]) -> Cells:
        """The runs of a design; the seeds are the registered ones, or, where none of them was run, those there."""
        here = {cell: runs[cell] for cells in design.roles.values() for cell in cells if cell in runs}
        seen = {seed for found in here.values() for seed in found}
        registered = self.registered_seeds(design)
        confirmatory = bool(seen & set(registered)) or not seen
        return Cells(
            family=design.family,
            task=design.task,
            roles=design.roles,
            runs=here,
            seeds=registered if confirmatory else tuple(sorted(seen)),
            natural=design.natural,
            complexity=design.complexity,
            closed_form=frozenset(design.closed_form),
            numbers=design.numbers,
        )


def names() -> list[str]:
    """The explanations that have rules, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read(name: str) -> Rules:
    """The rules of an explanation; UsageError for an unknown name or a file that cannot be rules."""
    if name not in names():
        raise UsageError(f"no explanation {name!r}{closest(name, names())}")
    return parse(FOLDER / f"{name}.toml")


def claim(name: str) -> str:
    """The universal claim of an explanation, without reading the rest of its rules."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))["claim"]


def of_suite(suite: str) -> list[Rules]:
    """The rules of all explanations that judge the runs of a suite."""
    return [rules for rules in map(read, names()) if rules.suite == suite]


def parse(path: Path) -> Rules:
    """The rules in a file. UsageError with the first thing that is wrong."""
    from pydantic import ValidationError

    try:
        rules = _adapter().validate_python(tomllib.loads(path.read_text(encoding="utf-8")), extra="forbid")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{path}: {where}: {first['msg']}") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    _check(path, rules)
    return rules


@cache
def _adapter():
    from pydantic import TypeAdapter

    return TypeAdapter(Rules)


def _check(path: Path, rules: Rules) -> None:
    """UsageError for names that lead nowhere."""
    if path.stem != rules.explanation:
        raise UsageError(f"{path}: explanation = {rules.explanation!r}: expected the name of the file")
    predictions = [prediction.name for prediction in rules.predictions]
    named = [name for design in rules.designs for name in (*design.by_construction, *design.predictions)]
    for name in [*named, *filter(None, [rules.necessity])]:
        if name not in predictions:
            raise UsageError(f"{path}: no prediction {name!r}{closest(name, predictions)}")
    functions = vars(module_of(rules.explanation))
    for prediction in rules.predictions:
        if not callable(functions.get(prediction.statistic)):
            raise UsageError(f"{path}: {prediction.name}: no function {prediction.statistic!r} in its module")
        if not prediction.margins:
            raise UsageError(f"{path}: {prediction.name}: needs margins")
    for design in rules.designs:
        for role, given in design.numbers.items():
            if len(given) != len(design.roles.get(role, ())):
                raise UsageError(f"{path}: {design.family} on {design.task}: {role}: expected one number per cell")
    places = [(design.family, design.task) for design in rules.designs]
    if len(places) != len(set(places)):
        raise UsageError(f"{path}: a family stands twice on one task")


def module_of(explanation: str):
    """The module with the statistic functions of an explanation."""
    return importlib.import_module(f"grokbench.explanations.{explanation.replace('-', '_')}")
