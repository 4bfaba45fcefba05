"""Whole suites with a known truth, judged by the shipped rules: how often is a verdict false?

The explanation has three primaries in the form of lazy-to-rich: features frozen (paired shares of late runs), a ladder
of five doses (censored delays), and the state of the features at memorization with their lead over the test rise.
Suites come in two shapes, whose medians and shares are equal and whose distributions are not.
`python studies/simulated.py 1000` prints the table for that many suites per row.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
from scipy import stats

from grokbench.statistics.location import median_interval
from grokbench.statistics.proportions import newcombe_interval
from grokbench.statistics.resampling import rng_for
from grokbench.statistics.survival import surely_later
from grokbench.statistics.trends import concordance, gehan_jonckheere
from grokbench.verdicts.cells import Cells
from grokbench.verdicts.cells import Design as OfFamily
from grokbench.verdicts.finding import Estimate, Finding, Margin
from grokbench.verdicts.rules import Prediction
from grokbench.verdicts.verdict import explain, judge

_newcombe = cache(newcombe_interval)  # few tables, many suites
DOSES = 5
EARLIEST = -99.0  # decades: before everything, for runs that are imputed
SPREAD, LEAD_SPREAD = 0.3, 0.05


@dataclass(frozen=True)
class Truth:
    """P(late) with features free and frozen, decades per dose (or the tau they give), median lead and R(t_mem)."""

    free: float = 0.95
    frozen: float = 0.02
    slope: float = 0.12
    tau: float | None = None
    lead: float = 0.0
    ready: float = 0.05


@dataclass(frozen=True)
class Design:
    """How a suite is made and read: seeds, correlation within a seed, share of failed runs, its shape and rules.

    ``both_ways``: failed runs hurt whichever verdict is asked for; otherwise they only hurt the claim.
    """

    n: int = 10
    rho: float = 0.7
    failed: float = 0.1
    heavy: bool = False
    unequal: bool = True
    location: object = median_interval
    both_ways: bool = True
    permutations: int = 199
    bootstraps: int = 1000


@dataclass(frozen=True)
class Suite:
    """Endpoints (n,) of the two cells, delays (n, doses) with events, leads (n,) and R(t_mem) (n,)."""

    free: np.ndarray
    frozen: np.ndarray
    delay: np.ndarray
    event: np.ndarray
    lead: np.ndarray
    ready: np.ndarray


def simulate(truth: Truth, design: Design, rng: np.random.Generator) -> Suite:
    """One suite without failures."""
    if truth.tau is not None:
        truth = replace(truth, tau=None, slope=slope_at(truth.tau, replace(design, n=0, failed=0.0)))
    late = _endpoints(rng, design) < [truth.free, truth.frozen]
    delay = 1.2 + truth.slope * np.arange(DOSES) + SPREAD * _shared_noise(rng, design)
    limit = 2.2 - (0.15 * np.arange(DOSES) if design.unequal else 0) + 0.1 * rng.normal(size=delay.shape)
    stray = _skewed if design.heavy else np.random.Generator.normal
    lead = truth.lead + LEAD_SPREAD * stray(rng, size=design.n)
    ready = np.clip(truth.ready - LEAD_SPREAD * stray(rng, size=design.n), -1, 1)
    return Suite(*late.T, np.minimum(delay, limit), delay <= limit, lead, ready)


def _endpoints(rng, design: Design) -> np.ndarray:
    """(n, 2) uniforms, correlated within a seed: a Gaussian copula, or a share rho of seeds that simply agrees."""
    if design.heavy:
        own = rng.random((design.n, 1)) > design.rho
        return np.where(own, rng.random((design.n, 2)), rng.random((design.n, 1)))
    shared, own = rng.normal(size=(design.n, 1)), rng.normal(size=(design.n, 2))
    return stats.norm.cdf(np.sqrt(design.rho) * shared + np.sqrt(1 - design.rho) * own)


def _shared_noise(rng, design: Design) -> np.ndarray:
    """(n, doses) of about unit scale: log-normal times, or times whose logarithm is Student's t with 3 degrees."""
    draw = partial(rng.standard_t, 3) if design.heavy else rng.normal
    shared, own = draw(size=(design.n, 1)), draw(size=(design.n, DOSES))
    return np.sqrt(design.rho) * shared + np.sqrt(1 - design.rho) * own


def _skewed(rng, size) -> np.ndarray:
    """Exponential with median 0: the mean of two tends to lie above it, which a signed rank takes for a shift."""
    return rng.exponential(size=size) - np.log(2)


def impute(suite: Suite, lost: dict[str, np.ndarray], against: bool) -> Suite:
    """The suite with the values that failed runs take if they all speak against the claim (or all for it)."""
    worst, best = (0, 1) if against else (1, 0)
    low_doses = np.arange(DOSES) < DOSES // 2
    late = np.where(low_doses == against, np.inf, EARLIEST)
    late[DOSES // 2] = EARLIEST
    observed = ~np.isinf(late) & (np.arange(DOSES) != DOSES // 2)  # the middle dose: censored at once, undecided
    return replace(
        suite,
        free=np.where(lost["free"], worst, suite.free),
        frozen=np.where(lost["frozen"], best, suite.frozen),
        delay=np.where(lost["doses"], late, suite.delay),
        event=np.where(lost["doses"], observed, suite.event),
        lead=np.where(lost["free"], -np.inf if against else np.inf, suite.lead),
        ready=np.where(lost["free"], 1.0 if against else 0.0, suite.ready),
    )


def predicted(name: str, margins: dict[str, Margin], **fields) -> Prediction:
    """A primary with the margins of lazy-to-rich."""
    texts = dict.fromkeys(("claim", "statistic", "source", "change_of_mind"), "simulated")
    return Prediction(name, role="primary", uses=(), least=0, margins=margins, **texts, **fields)


PREDICTIONS = (
    predicted("L1", {"difference": Margin(0.3, 0.5)}, intervention=True),
    predicted("L2", {"tau": Margin(0.2, 0.4)}, intervention=True, p=0.025),
    predicted("L3", {"not_ready": Margin(-0.25, -0.5), "ready": Margin(-0.1, -0.1)}),
)
CELLS = Cells(OfFamily("family", "task", True, {}), {}, ())


def findings(suite: Suite, design: Design, rng: np.random.Generator) -> list[Finding]:
    """What the statistics of the three predictions say of a suite."""
    n = suite.lead.size
    e, f, g, h = (
        np.count_nonzero((suite.free == i) & (suite.frozen == j)) for i, j in ((1, 1), (1, 0), (0, 1), (0, 0))
    )
    difference = Estimate((f - g) / n, lambda alpha: _newcombe(e, f, g, h, 1 - 2 * alpha))
    ladder = (suite.delay.ravel(), suite.event.ravel(), np.tile(np.arange(DOSES), n), np.repeat(np.arange(n), DOSES))
    key = int(rng.integers(2**62))

    def tau(alpha: float):
        return concordance(*ladder, rng=np.random.default_rng(key), level=1 - 2 * alpha, draws=design.bootstraps)

    def middle(values: np.ndarray) -> Estimate:
        return Estimate.of(lambda alpha: design.location(values, 1 - 2 * alpha))

    trend = gehan_jonckheere(*ladder, rng=rng, draws=design.permutations)
    return [
        Finding({"difference": difference}, n),
        Finding({"tau": Estimate.of(tau)}, n, p=trend.p_later),
        Finding({"not_ready": middle(suite.ready).reversed(), "ready": middle(suite.lead)}, n),
    ]


def verdict(truth: Truth, design: Design, rng: np.random.Generator) -> str:
    """What the shipped rules say of one simulated suite."""
    suite = simulate(truth, design, rng)
    lost = {name: rng.random(design.n) < design.failed for name in ("free", "frozen")}
    lost["doses"] = rng.random((design.n, DOSES)) < design.failed
    judged = findings(impute(suite, lost, against=True), design, rng)
    if design.both_ways and any(mask.any() for mask in lost.values()):
        others = findings(impute(suite, lost, against=False), design, rng)
        pairs = zip(judged, others, strict=True)
        judged = [replace(finding, variants={"failed runs": other}) for finding, other in pairs]
    primaries = [judge(prediction, CELLS, own) for prediction, own in zip(PREDICTIONS, judged, strict=True)]
    return explain("family", primaries).word


def rates(name: str, truth: Truth, design: Design, suites: int) -> tuple[float, float, float]:
    """Shares of supported, contradicted and undecided over suites of which every other one is of the heavy shape."""
    rng = rng_for("simulated", name, str(design.n), str(design.rho), str(design.failed))
    shapes = [replace(design, heavy=bool(i % 2)) for i in range(suites)]
    count = Counter(verdict(truth, shape, rng) for shape in shapes)
    return tuple(count[v] / suites for v in ("supported", "contradicted", "undecided"))


@cache
def slope_at(tau: float, design: Design, seeds: int = 20_000) -> float:
    """The slope at which the concordance of a very large suite is tau, by bisection over the same seeds."""
    low, high = 0.0, 0.2
    for _ in range(12):
        slope = (low + high) / 2
        suite = simulate(Truth(slope=slope), replace(design, n=seeds), np.random.default_rng(0))
        later = surely_later(
            suite.delay[:, :, None], suite.event[:, :, None], suite.delay[:, None], suite.event[:, None]
        ).sum(axis=0)
        pairs = np.tril_indices(DOSES, -1)  # row: the larger dose
        won, lost = later[pairs].sum(), later.T[pairs].sum()
        low, high = (slope, high) if won - lost < tau * (won + lost) else (low, slope)
    return slope


TRUTHS = {
    "all true": Truth(),
    "frozen groks as well": Truth(frozen=0.90),
    "at the support margin of the difference": Truth(frozen=0.65),
    "at the contradict margin of the difference": Truth(frozen=0.45),
    "flat dose": Truth(slope=0.0),
    "dose at its support margin (tau = .2)": Truth(tau=0.2),
    "features .1 decade late (boundary)": Truth(lead=-0.1),
    "features .3 decade late": Truth(lead=-0.3),
    "R(t_mem) = .25 (boundary)": Truth(ready=0.25),
    "R(t_mem) = .8": Truth(ready=0.8),
    "all false": Truth(frozen=0.95, slope=0.0, lead=-0.3, ready=0.8),
}


def table(suites: int, design: Design) -> dict[str, tuple[float, float, float]]:
    """Every truth's rates."""
    return {name: rates(name, truth, design, suites) for name, truth in TRUTHS.items()}


if __name__ == "__main__":
    for seeds in (10, 20):
        for row, shares in table(int(sys.argv[1]), Design(n=seeds)).items():
            print(f"| {row} | {seeds} | " + " / ".join(f"{share:.3f}" for share in shares) + " |", flush=True)
