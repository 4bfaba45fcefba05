"""What a claim makes of its readings: one number per seed, because cells share splits, and an interval over seeds.

One rule for all numbers: Student's interval over the seeds, of logarithms where the number is a time or a ratio. It is
there for 3 seeds, too, where no interval without a model is: the sign test needs six, and a bootstrap of three values
is their range. Shares of seeds have Clopper and Pearson's exact interval.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from grokbench.statistics.location import Location
from grokbench.statistics.proportions import clopper_pearson
from grokbench.verdicts.readings import UNKNOWN, Between, Reading

LEVEL = 0.95
Numbers = Sequence[float]


@dataclass(frozen=True)
class Quantity:
    """One number of one seed.

    Parameters
    ----------
    of : function of the readings of a seed, in the order of the claim's terms, and of their doses
    meaning : in a sentence
    terms : how many readings it takes; None for two or more
    scale : "share" (0 or 1), "log" or "linear"; "" for that of the reading
    dosed : whether each term has a dose
    """

    of: Callable[[Sequence[Between], Numbers], Between]
    meaning: str
    terms: int | None
    scale: str = ""
    dosed: bool = False

    def scale_of(self, reading: Reading) -> str:
        """The scale on which seeds are averaged."""
        return self.scale or {"flag": "share", "time": "log", "number": "linear"}[reading.kind]


def _ratio(terms: Sequence[Between], doses: Numbers) -> Between:
    (first, second), undefined = terms, UNKNOWN
    if not (first.low > 0 and second.low > 0) or (math.isinf(first.high) and math.isinf(second.high)):
        return undefined
    return Between(first.low / second.high, first.high / second.low)


def _difference(terms: Sequence[Between], doses: Numbers) -> Between:
    first, second = terms
    return Between(first.low - second.high, first.high - second.low)


def _in_order(terms: Sequence[Between], doses: Numbers) -> Between:
    if any(math.isnan(term.low) for term in terms):
        return UNKNOWN
    rises = all(before.high < after.low for before, after in itertools.pairwise(terms))
    return Between(float(rises), float(rises))


def _known(terms: Sequence[Between]) -> np.ndarray | None:
    """The readings as numbers; None where one of them is only a bound."""
    if any(not (term.low == term.high and math.isfinite(term.low)) for term in terms):
        return None
    return np.array([term.low for term in terms])


def _along(number: Callable[[np.ndarray, np.ndarray], float], logs: Sequence[bool]) -> Callable:
    """A number of readings along doses, each on logarithms to base 10 if ``logs`` (of the doses, of the readings)."""

    def of(terms: Sequence[Between], doses: Numbers) -> Between:
        values = _known(terms)
        if values is None or (logs[1] and (values <= 0).any()):
            return UNKNOWN
        x, y = (np.log10(v) if log else np.asarray(v, float) for v, log in zip((doses, values), logs, strict=True))
        value = float(number(x, y))
        return Between(value, value)

    return of


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    return np.polyfit(x, y, 1)[0]


def _straightness(x: np.ndarray, y: np.ndarray) -> float:
    return np.corrcoef(x, y)[0, 1] ** 2 if np.ptp(y) > 0 else math.nan


def _ranks(x: np.ndarray, y: np.ndarray) -> float:
    from scipy.stats import spearmanr

    return spearmanr(x, y).statistic if np.ptp(y) > 0 else math.nan


def _separation(x: np.ndarray, y: np.ndarray) -> float:
    """Share of the pairs (dose 1, dose 0) in which the first reading is the larger, a tie as half: the AUROC."""
    gaps = np.subtract.outer(y[x == 1], y[x == 0])
    return float((np.sign(gaps) + 1).mean() / 2) if gaps.size else math.nan


def _companions(terms: Sequence[Between], doses: Numbers) -> Between:
    """Spearman's correlation of the first half of the readings with the second."""
    values = _known(terms)
    if values is None or len(values) % 2:
        return UNKNOWN
    value = float(_ranks(*np.split(values, 2)))
    return Between(value, value)


QUANTITIES: dict[str, Quantity] = {
    "value": Quantity(lambda terms, doses: terms[0], "the reading: a share of seeds where it is 0 or 1", 1),
    "ratio": Quantity(_ratio, "the first reading over the second", 2, "log"),
    "difference": Quantity(_difference, "the first reading less the second", 2, "linear"),
    "in order": Quantity(_in_order, "share of seeds whose readings rise from term to term", None, "share"),
    "exponent": Quantity(_along(_slope, (True, True)), "a of reading ~ dose^a", None, "linear", True),
    "rate": Quantity(_along(_slope, (False, True)), "decades of the reading per unit of dose", None, "linear", True),
    "straightness": Quantity(
        _along(_straightness, (False, True)), "R2 of log reading on dose, within a seed", None, "linear", True
    ),
    "rank correlation": Quantity(
        _along(_ranks, (False, False)), "Spearman's of reading and dose, within a seed", None, "linear", True
    ),
    "separation": Quantity(
        _along(_separation, (False, False)), "AUROC of the reading: dose 1 against dose 0", None, "linear", True
    ),
    "companions": Quantity(_companions, "Spearman's of the first half of the readings and the second", None, "linear"),
}


def over_seeds(values: Sequence[Between], scale: str) -> Location:
    """A number and its 95 % interval over seeds: a share, a geometric mean or a mean.

    values : (seeds,), those that are known. The low end is that of the lower bounds, the high end that of the upper
    ones. The estimate takes the middle of two bounds, or the one that is finite; a share counts what is sure. One seed
    has the whole line; none is undefined.
    """
    low, high = (np.array([getattr(value, side) for value in values], dtype=float) for side in ("low", "high"))
    if not len(values):
        return Location(math.nan, math.nan, math.nan, 0)
    if scale == "share":
        return _share(int(low.sum()), int(high.sum()), len(low))
    if scale == "log":
        with np.errstate(divide="ignore"):  # a ratio to what did not come is bounded by 0 from below
            low, high = np.log10(low), np.log10(high)
    ends = (float(np.mean(_middles(low, high))), _student(low)[0], _student(high)[1])
    return Location(*(_power(end) if scale == "log" else end for end in ends), len(low))


def _share(sure: int, possible: int, n: int) -> Location:
    """The share of seeds that surely are, from the exact low end of theirs to the high end of those that may be."""
    return Location(sure / n, clopper_pearson(sure, n, LEVEL)[0], clopper_pearson(possible, n, LEVEL)[1], n)


def _middles(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Half-way between two bounds, or the one that is finite."""
    finite = np.stack([np.where(np.isfinite(low), low, high), np.where(np.isfinite(high), high, low)])
    return finite.mean(axis=0)


def _student(values: np.ndarray) -> tuple[float, float]:
    """Student's interval of the mean; infinite where a value is, and the whole line for one value."""
    from scipy.stats import t

    if len(values) < 2 or not np.isfinite(values).all():
        return -math.inf, math.inf
    half = t.isf((1 - LEVEL) / 2, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def _power(exponent: float) -> float:
    return math.inf if exponent > 300 else 10.0**exponent
