"""From published claims and runs to verdicts: reproduced, not reproduced, or undecided.

A claim stands in a file beside the suites (`suites.replications`) with the tolerance that was fixed before the runs.
It is reproduced where the whole 95 % interval of ours lies inside the tolerance, not reproduced where the interval and
the tolerance have nothing in common, and undecided otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

from grokbench.curves.run import Run
from grokbench.errors import UsageError, closest
from grokbench.statistics.location import Location
from grokbench.suites.registered import Registration, registered_cells, registration, suite_name, suite_of
from grokbench.suites.replications import Claims, replications
from grokbench.verdicts.cells import runs_by_cell
from grokbench.verdicts.finding import UNDECIDED
from grokbench.verdicts.quantities import QUANTITIES, Quantity, over_seeds
from grokbench.verdicts.readings import UNKNOWN, Between, Reading, reading

REPRODUCED, NOT_REPRODUCED = "reproduced", "not reproduced"
LEAST_KNOWN = 0.8  # share of the registered seeds that must have a number for a verdict
UNDEFINED = Location(math.nan, math.nan, math.nan, 0)


@dataclass(frozen=True)
class Claim:
    """A published claim as it was registered.

    Parameters
    ----------
    id : number and letter, "9b"; a claim of several numbers has a row for each
    sentence : what is claimed
    source : who claims it, with the arXiv number
    quantity : one of `QUANTITIES`
    of : the readings of its terms; one for all of them, or one for each
    cells : the cells "task/learner" of its terms; one for all, or one for each. A list of cells is a grid of settings
    published : what was published, as text
    tolerance : the numbers that count as that; infinite ends are open
    why : how the tolerance follows from what was published
    setting : "published", or "scaled" where it is smaller or otherwise different
    differs : in what it is
    doses : one number per term, for quantities along a ladder
    of_grid : what is taken of a grid of settings within a seed
    """

    id: str
    sentence: str
    source: str
    quantity: str
    of: tuple[str, ...]
    cells: tuple[str | tuple[str, ...], ...]
    published: str
    tolerance: tuple[float, float]
    why: str
    setting: Literal["published", "scaled"]
    differs: str = ""
    doses: tuple[float, ...] = ()
    of_grid: Literal["smallest", "median", "largest"] = "smallest"

    @property
    def number(self) -> Quantity:
        """The quantity."""
        return QUANTITIES[self.quantity]

    @cached_property
    def readings(self) -> list[Reading]:
        """The reading of each term."""
        return [reading(words) for words in _for_all(self.of, self.terms)]

    @property
    def terms(self) -> int:
        """How many readings the quantity is made of."""
        return max(len(self.of), len(self.cells))

    @property
    def grids(self) -> list[tuple[str, ...]]:
        """The cells of each term."""
        cells = [(cell,) if isinstance(cell, str) else tuple(cell) for cell in self.cells]
        return _for_all(cells, self.terms)

    @property
    def named(self) -> list[str]:
        """The cells of all terms, each once."""
        return list(dict.fromkeys(cell for grid in self.grids for cell in grid))

    @property
    def scale(self) -> str:
        """The scale on which seeds are averaged."""
        return self.number.scale_of(self.readings[0])


@dataclass(frozen=True)
class Replicated:
    """The verdict on a claim.

    Parameters
    ----------
    claim : the claim
    ours : our number with its 95 % interval over seeds
    verdict : `REPRODUCED`, `NOT_REPRODUCED` or "undecided"
    reason : why it is undecided, or in what the runs are not the registered ones
    runs : the keys of the runs behind it
    seeds : how many are registered
    registered : hash of the file of claims and its suite
    """

    claim: Claim
    ours: Location
    verdict: str
    reason: str
    runs: tuple[str, ...]
    seeds: int
    registered: str


def claims_of(file: Claims) -> tuple[Claim, ...]:
    """The claims of a file. UsageError with the first thing that is wrong."""
    return _parsed(file, file.source())


def of_suite(suite: str) -> list[Claims]:
    """The files of claims that are registered for a suite."""
    return [file for file in replications().values() if suite_name(str(file.toml().get("suite", ""))) == suite]


def judge_claims(suite: str, cells: Mapping[str, Mapping], runs: Sequence[Run]) -> list[Replicated]:
    """The claims that are registered for a suite, judged on the runs of a results folder.

    Parameters
    ----------
    suite : its name
    cells : cell "task/learner" -> seed -> key, as they were planned; empty for those of the suite as registered
    runs : those that are stored
    """
    judged = []
    for file in of_suite(suite):
        stored = runs_by_cell(cells or registered_cells(suite_of(file.name))[1], runs)
        judged += [judge_claim(claim, stored, registration(file.name)) for claim in claims_of(file)]
    return sorted(judged, key=lambda one: _number_and_letter(one.claim.id))


def judge_claim(claim: Claim, runs: Mapping[str, Mapping[int, Run]], present: Registration) -> Replicated:
    """The verdict on one claim; ``runs`` : cell -> seed -> run.

    The seeds are the registered ones, or, where none of them was run, those there: then it stays undecided.
    """
    seeds, used = registered_seeds(claim, present), {cell: runs.get(cell, {}) for cell in claim.named}
    confirmatory = any(seed in stored for stored in used.values() for seed in seeds)
    if confirmatory:
        used = {cell: {seed: stored[seed] for seed in seeds if seed in stored} for cell, stored in used.items()}
    there = sorted(set.intersection(*(set(stored) for stored in used.values())))
    values = [value for seed in there if _defined(value := of_seed(claim, used, seed))]
    ours = over_seeds(values, claim.scale) if values else UNDEFINED
    reason = _not_registered(claim, used, seeds, present) or _too_few(len(values), len(seeds))
    verdict = UNDECIDED if reason else held_against(ours, claim.tolerance)
    keys = tuple(run.key for stored in used.values() for run in stored.values())
    return Replicated(claim, ours, verdict, reason, keys, len(seeds), present.hash)


def of_seed(claim: Claim, runs: Mapping[str, Mapping[int, Run]], seed: int) -> Between:
    """The number of one seed; undefined where one of its runs broke off."""
    terms = []
    for read, grid in zip(claim.readings, claim.grids, strict=True):
        members = [runs[cell][seed] for cell in grid]
        if not all(run.complete for run in members):
            return UNKNOWN
        terms.append(_of_grid([read.of(run) for run in members], claim.of_grid))
    return claim.number.of(terms, claim.doses)


def held_against(ours: Location, tolerance: tuple[float, float]) -> str:
    """The verdict on a number by its interval and the tolerance alone."""
    low, high = tolerance
    if math.isnan(ours.estimate):
        return UNDECIDED
    if low <= ours.low and ours.high <= high:
        return REPRODUCED
    return NOT_REPRODUCED if ours.high < low or ours.low > high else UNDECIDED


def registered_seeds(claim: Claim, present: Registration) -> list[int]:
    """The seeds that are registered for all cells of a claim."""
    keys = present.keys or {}
    return sorted(set.intersection(*(set(keys.get(cell, ())) for cell in claim.named)))


def _defined(value: Between) -> bool:
    return not (math.isnan(value.low) or math.isnan(value.high))


def _of_grid(members: Sequence[Between], which: str) -> Between:
    """The smallest, largest or (lower) middle reading of a grid, bound by bound; undefined where one of them is."""
    if not all(map(_defined, members)):
        return UNKNOWN
    place = {"smallest": 0, "median": (len(members) - 1) // 2, "largest": len(members) - 1}[which]
    return Between(*(sorted(bounds)[place] for bounds in zip(*members, strict=True)))


def _not_registered(claim: Claim, runs: Mapping, seeds: Sequence[int], present: Registration) -> str:
    """Why the runs are not those that were registered, all of them and after the claim; "" where they are."""
    missing = sum(seed not in runs[cell] for cell in claim.named for seed in seeds)
    if missing or not seeds:
        return f"{missing} of {len(seeds) * len(claim.named)} registered runs missing"
    early = sum(not present.holds(runs[cell][seed], cell) for cell in claim.named for seed in seeds)
    return f"{early} of {len(seeds) * len(claim.named)} runs predate the claim or differ from it" if early else ""


def _too_few(known: int, seeds: int) -> str:
    return "" if known >= LEAST_KNOWN * seeds else f"a number of {known} of {seeds} seeds only"


def _for_all(entries: Sequence, count: int) -> list:
    return list(entries) * count if len(entries) == 1 else list(entries)


def _number_and_letter(name: str) -> tuple[int, str]:
    digits = "".join(letter for letter in name if letter.isdigit())
    return (int(digits) if digits else 10**6, name)


@cache
def _parsed(file: Claims, source: bytes) -> tuple[Claim, ...]:
    from pydantic import TypeAdapter, ValidationError

    try:
        claims = TypeAdapter(tuple[Claim, ...]).validate_python(file.toml().get("claims", ()), extra="forbid")
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{file.path}: claims.{place}: {first['msg']}") from error
    for wrong in (f"{claim.id}: {text}" for claim in claims for text in _complaints(claim)):
        raise UsageError(f"{file.path}: {wrong}")
    return claims


def _complaints(claim: Claim) -> Iterator[str]:
    """What is wrong with a claim, whatever the suite."""
    if claim.quantity not in QUANTITIES:
        yield f"no quantity {claim.quantity!r}{closest(claim.quantity, QUANTITIES)}"
    for words in claim.of:
        reading(words)
    if not all(len(entries) in (1, claim.terms) for entries in (claim.of, claim.cells)):
        yield "expected one reading for all cells or one for each, and the same of the cells"
    if claim.terms < 2 if claim.number.terms is None else claim.terms != claim.number.terms:
        yield f"{claim.quantity} is made of {claim.number.terms or 'two or more'} readings, not {claim.terms}"
    if claim.number.dosed != bool(claim.doses) or (claim.doses and len(claim.doses) != claim.terms):
        yield "expected one dose per cell along a ladder, and none elsewhere"
    if not claim.tolerance[0] < claim.tolerance[1]:
        yield f"tolerance = {list(claim.tolerance)}: expected a range of numbers"
    if claim.setting == "scaled" and not claim.differs:
        yield "a scaled setting says in what it differs"


def decidable(claim: Claim, seeds: int) -> bool:
    """Whether some outcome of that many seeds reproduces the claim, and another does not."""
    if claim.scale != "share":
        low, high = claim.tolerance
        least = 0.0 if claim.scale == "log" else -math.inf
        return seeds >= 2 and (low > least or high < math.inf)
    outcomes = [over_seeds([Between(i < k, i < k) for i in range(seeds)], "share") for k in range(seeds + 1)]
    return {REPRODUCED, NOT_REPRODUCED} <= {held_against(ours, claim.tolerance) for ours in outcomes}
